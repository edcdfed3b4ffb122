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
from netarium.transport.tcp.connection import Connection
from netarium.transport.tcp.layer import TcpLayer
from netarium.transport.tcp.listener import HalfOpen
from netarium.transport.tcp.timewait import TimeWait
from netarium.transport.udp import UdpLayer

Timer = tuple[str, int, int, int]
_NO_TIMER: Timer = ("off", 0, 0, 0)


@dataclass(slots=True)
class SocketRow:
    """One row, as text and numbers.

    Attributes:
        id: unique within the machine; a half-open connection has its listener's.
        local: address and port; port 0 while none is decided. Likewise `remote`.
        state: as net-tools writes it; "" where there are no states.
        recv_q: octets that wait for the application. Likewise `send_q`: not yet sent or acknowledged.
        timer: as `netstat -o`: "off", "on", "keepalive", "timewait" or "probe"; ns left; retransmissions; probes.
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
    timer: Timer = _NO_TIMER
    pid: int = 0
    process: str = ""
    fd: int = -1


class SocketTable:
    """All endpoints of one machine.

    Args:
        tcp: knows its connections. Likewise `udp`, `ping`.
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

    def owner(self, endpoint: Endpoint) -> tuple[Process, int] | None:
        """The process that holds an endpoint, and its descriptor."""
        owned = self._owned.get(endpoint.id)
        return None if owned is None else owned[1:]

    def endpoints(self) -> list[Endpoint]:
        """All endpoints, oldest first: those that a process holds and those that live on without."""
        found: dict[int, Endpoint] = {key: owned[0] for key, owned in self._owned.items()}
        for endpoint in self._tcp.connections():
            found[endpoint.id] = endpoint
        found.update(self._udp.endpoints)
        found.update(self._ping.endpoints)
        return [found[key] for key in sorted(found)]

    def row(self, endpoint: Endpoint, now: int) -> SocketRow:
        """One endpoint as plain data."""
        row = SocketRow(
            endpoint.id,
            endpoint.kind,
            endpoint.version,
            _text(endpoint.local),
            _text(endpoint.remote),
            endpoint.state_name,
            endpoint.receive_queue,
            endpoint.send_queue,
            _timer(endpoint, now) if isinstance(endpoint, Connection) else _NO_TIMER,
        )
        owned = self._owned.get(endpoint.id)
        if owned is not None:
            row.pid, row.process, row.fd = owned[1].pid, owned[1].name, owned[2]
        return row

    def rows(self, now: int) -> list[SocketRow]:
        """The whole table as plain data, oldest first; then what is no endpoint yet, or any more."""
        rows = [self.row(endpoint, now) for endpoint in self.endpoints()]
        for half in self._tcp.half_open():
            due = self._tcp.timers.deadline(half)
            timer = ("on", max(0, due - now), half.retransmitted, 0) if due is not None else _NO_TIMER
            rows.append(_record(half, "SYN_RECV", timer))
        for record in self._tcp.time_wait():
            rows.append(
                _record(record, record.state_name, ("timewait", max(0, record.expires_at - now), 0, 0))
            )
        return rows

    def tell(self, endpoint: Endpoint, change: str, now: int) -> int:
        """Trace what happened to a row; returns the event's number, 0 if nobody listens."""
        if self._trace is None:
            return 0
        row: dict[str, Any] = asdict(self.row(endpoint, now))
        return self._trace.emit(
            SocketEvent(at=now, where=self._where, socket=endpoint.id, change=change, row=row)
        )


def _text(address: tuple[bytes, int]) -> tuple[str, int]:
    return format_ip(address[0]), address[1]


def _record(record: HalfOpen | TimeWait, state: str, timer: Timer) -> SocketRow:
    local, remote = _text(record.local), _text(record.remote)
    return SocketRow(record.id, "tcp", record.version, local, remote, state, timer=timer)


def _timer(connection: Connection, now: int) -> Timer:
    """The timer that netstat would show: the one that matters most."""
    tcb = connection.tcb
    if tcb.rexmit_at:
        return "on", max(0, tcb.rexmit_at - now), tcb.rexmit_count, 0
    if tcb.persist_at:
        return "probe", max(0, tcb.persist_at - now), 0, tcb.persist_count
    if tcb.fin_wait_2_at:
        return "timewait", max(0, tcb.fin_wait_2_at - now), 0, 0
    if tcb.keepalive_at:
        return "keepalive", max(0, tcb.keepalive_at - now), 0, tcb.keepalive_count
    return _NO_TIMER
