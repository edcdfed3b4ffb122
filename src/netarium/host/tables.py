"""All tables of one machine as plain data: what netstat, ss, lsof and arp print, and what goes over a control socket.

Everything is text and numbers, so a snapshot survives JSON and can be shown by a process that has no machine.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from netarium.host.sockets import SocketRow


@dataclass(slots=True, kw_only=True)
class TimerRow:
    """What `netstat -o` shows: `name` is "off", "on" (retransmission), "keepalive", "timewait" or "probe"."""

    name: str = "off"
    left_ns: int = 0
    retransmits: int = 0
    probes: int = 0


@dataclass(slots=True)
class DetailedRow(SocketRow):
    """A row of the socket table with its timer, and the fields of struct tcp_info by name (without `tcpi_`)."""

    timer: TimerRow = field(default_factory=TimerRow)
    info: dict[str, int | str] = field(default_factory=dict)

    @property
    def connected(self) -> bool:
        """True if a peer is chosen."""
        return self.remote[1] != 0


@dataclass(slots=True, kw_only=True)
class RouteRow:
    """One row of the routing table; `gateway` is empty for a network that is directly attached."""

    destination: str
    length: int
    gateway: str = ""
    device: str
    metric: int = 0


@dataclass(slots=True, kw_only=True)
class NeighborRow:
    """One row of the ARP cache; `mac` is empty while it is not known."""

    address: str
    mac: str
    device: str
    state: str
    name: str = ""


@dataclass(slots=True, kw_only=True)
class InterfaceRow:
    """One interface with its addresses, as "192.0.2.1/24"."""

    name: str
    mac: str
    mtu: int
    up: bool
    addresses: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Tables:
    """A snapshot of all tables of one machine at `now` (ns)."""

    machine: str
    now: int
    sockets: list[DetailedRow] = field(default_factory=list)
    routes: list[RouteRow] = field(default_factory=list)
    neighbors: list[NeighborRow] = field(default_factory=list)
    interfaces: list[InterfaceRow] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Tables":
        """The snapshot that `as_dict` wrote.

        Raises:
            KeyError, TypeError: it is not one.
        """
        return cls(
            machine=data["machine"],
            now=data["now"],
            sockets=[_detailed_row(row) for row in data["sockets"]],
            routes=[RouteRow(**row) for row in data["routes"]],
            neighbors=[NeighborRow(**row) for row in data["neighbors"]],
            interfaces=[InterfaceRow(**row) for row in data["interfaces"]],
            counters=dict(data["counters"]),
        )


def _detailed_row(row: dict[str, Any]) -> DetailedRow:
    local, remote = row["local"], row["remote"]
    timer = TimerRow(**row["timer"])
    return DetailedRow(
        **{**row, "local": (local[0], local[1]), "remote": (remote[0], remote[1]), "timer": timer}
    )
