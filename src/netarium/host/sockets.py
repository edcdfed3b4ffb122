"""The socket table: every endpoint of a machine with the process and descriptor that hold it.

The rows are the endpoints themselves; this adds who they belong to, and shows them as plain data (for netstat, ss,
lsof and traces). What no process holds is a row as well: half-open connections, those that wait for accept(), those
that still send after close(), TIME-WAIT.
"""

from dataclasses import asdict, dataclass
from typing import Any

from netarium.base.addr import format_ip
from netarium.base.trace import SocketEvent, Trace
from netarium.host.process import Process
from netarium.transport.endpoint import Endpoint
from netarium.transport.ping import PingLayer
from netarium.transport.tcp.halfopen import HalfOpen
from netarium.transport.tcp.layer import TcpLayer
from netarium.transport.tcp.timewait import TimeWait
from netarium.transport.udp import UdpLayer

Entry = Endpoint | HalfOpen | TimeWait


@dataclass(slots=True)
class SocketRow:
    """One row, as text and numbers.

    Attributes:
        local: address and port; port 0 while none is decided. Likewise `remote`.
        state: as net-tools writes it; "" where there are no states.
        recv_q: octets that wait for the application. Likewise `send_q`: not yet sent or acknowledged.
        pid: 0 if no process holds it; then `process` is "" and `fd` -1.
    """

    id: int
    kind: str
    version: int
    local: tuple[str, int]
    remote: tuple[str, int]
    state: str
    recv_q: int = 0
    send_q: int = 0
    pid: int = 0
    process: str = ""
    fd: int = -1


class SocketTable:
    """All endpoints of one machine.

    Args:
        tcp: knows its connections.
        udp: knows its endpoints.
        ping: likewise.
        where: the machine's name.
        trace: or None.
    """

    __slots__ = ("_owned", "_ping", "_tcp", "_trace", "_udp", "_where")

    def __init__(
        self, tcp: TcpLayer, udp: UdpLayer, ping: PingLayer, where: str, trace: Trace | None
    ) -> None:
        self._tcp = tcp
        self._udp = udp
        self._ping = ping
        self._where = where
        self._trace = trace
        self._owned: dict[int, tuple[Endpoint, Process, int]] = {}

    def attach(self, endpoint: Endpoint, process: Process) -> int:
        """Give an endpoint to a process; returns its descriptor there."""
        descriptor = process.open(endpoint)
        self._owned[endpoint.id] = (endpoint, process, descriptor)
        return descriptor

    def detach(self, endpoint: Endpoint) -> None:
        """The process has closed its descriptor; the endpoint may live on for a while."""
        owned = self._owned.pop(endpoint.id, None)
        if owned is not None:
            owned[1].close(owned[2])

    def owner(self, endpoint: Entry) -> tuple[Process, int] | None:
        """The process that holds an endpoint, and its descriptor."""
        owned = self._owned.get(endpoint.id)
        return None if owned is None else owned[1:]

    def endpoints(self) -> list[Entry]:
        """All rows, oldest first: what a process holds, and what lives on without."""
        found: dict[int, Entry] = {one.id: one for one in self._tcp.half_open()}
        found.update((one.id, one) for one in self._tcp.time_wait())
        found.update((one.id, one) for one in self._tcp.connections())
        found.update(self._udp.endpoints)
        found.update(self._ping.endpoints)
        found.update((key, owned[0]) for key, owned in self._owned.items() if key not in found)
        return [found[key] for key in sorted(found)]

    def row(self, entry: Entry) -> SocketRow:
        """One row as plain data."""
        local, remote = entry.local, entry.remote
        row = SocketRow(
            id=entry.id,
            kind="tcp",
            version=entry.version,
            local=(format_ip(local[0]), local[1]),
            remote=(format_ip(remote[0]), remote[1]),
            state="SYN_RECV" if isinstance(entry, HalfOpen) else entry.state_name,
        )
        if not isinstance(entry, (HalfOpen, TimeWait)):
            row.kind, row.recv_q, row.send_q = entry.kind, entry.receive_queue, entry.send_queue
        owner = self.owner(entry)
        if owner is not None:
            row.pid, row.process, row.fd = owner[0].pid, owner[0].name, owner[1]
        return row

    def rows(self) -> list[SocketRow]:
        """The whole table as plain data, oldest first."""
        return [self.row(entry) for entry in self.endpoints()]

    def tell(self, endpoint: Endpoint, change: str, now: int) -> int:
        """Trace what happened to a row; returns the event's number, 0 if nobody listens."""
        if self._trace is None:
            return 0
        row: dict[str, Any] = asdict(self.row(endpoint))
        return self._trace.emit(
            SocketEvent(at=now, where=self._where, socket=endpoint.id, change=change, row=row)
        )
