"""The flows of one machine: connections, half-open ones, those in TIME-WAIT; and the timer of each.

What flows ask of the layer around them, as far as it concerns their lives; `layer` puts on it what comes from below.
"""

from random import Random

from netarium.base.addr import is_loopback
from netarium.base.config import TcpConfig
from netarium.base.counters import Counters
from netarium.base.timerq import TimerQueue
from netarium.base.trace import StateChanged, Trace
from netarium.base.units import SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.ports import PortTable
from netarium.transport.tcp.connection import Connection
from netarium.transport.tcp.flow import Flow, Flows
from netarium.transport.tcp.halfopen import HalfOpen
from netarium.transport.tcp.outlet import Outlet
from netarium.transport.tcp.state import CLOSED, TIME_WAIT
from netarium.transport.tcp.timewait import ON_LOOPBACK, TimeWait, Waiting


class FlowTable(Flows):
    """All flows by their 4-tuples; what `Flows` asks beyond that, the layer answers.

    Attributes:
        flows: everything that has a 4-tuple, by the octets of that 4-tuple as they arrive.
        timers: one deadline for each flow.
    """

    def __init__(
        self, config: TcpConfig, random: Random, counters: Counters, trace: Trace | None, name: str
    ) -> None:
        self.config = config
        self.counters = counters
        self.trace = trace
        self.name = name
        self.ports = PortTable(config.port_range, random)
        self.flows: dict[bytes, Flow] = {}
        self.timers: TimerQueue[Flow | Waiting] = TimerQueue()
        self._waiting = Waiting()
        self._time_wait_options: dict[tuple[bool, bool, bool, str, int], SocketOptions] = {}

    def next_deadline(self) -> int | None:
        """The earliest timer of any flow."""
        return self.timers.next_deadline()

    def on_deadline(self, now: int) -> None:
        """Run every timer that is due."""
        while (flow := self.timers.pop_due(now)) is not None:
            flow.on_deadline(now)

    def schedule(self, flow: Flow, at: int | None) -> None:
        """Set the flow's deadline."""
        self.timers.schedule(flow, at)

    def attach(self, connection: Outlet) -> None:
        """Segments with the connection's key are its own."""
        self.flows[connection.key] = connection

    def is_taken(self, key: bytes) -> bool:
        """Some flow has this key."""
        return key in self.flows

    def forget(self, flow: Flow) -> None:
        """The flow is over: no segments, no timers, no port."""
        if flow.key and self.flows.get(flow.key) is flow:
            del self.flows[flow.key]
        self.timers.schedule(flow, None)
        if isinstance(flow, Connection) and (flow.tcb.orphan or not flow.bound):
            self.ports.release(flow)

    def become_time_wait(self, connection: Outlet, now: int) -> None:
        """Replace a connection by its record; the oldest record goes if there are too many."""
        if connection.tcb.state is not TIME_WAIT:
            return
        record = TimeWait(self, connection, connection.tcb, self._binding_options(connection.options), now)
        self.ports.replace(connection, record)
        self.forget(connection)
        connection.tcb.stop_timers()
        connection.tcb.state = CLOSED  # as a socket it is finished; what waits is the record
        first = self._waiting.first
        if first is not None and len(self._waiting) >= self.config.max_time_wait:
            self.counters["tcp_time_wait_overflows"] += 1
            self.forget_time_wait(first, now)
        self.flows[record.key] = record
        self.wait_again(record, record.expires_at)

    def wait_again(self, flow: Flow, until: int) -> None:
        """A wait begins, or begins again."""
        assert isinstance(flow, TimeWait)
        flow.expires_at = until
        self._waiting.add(flow)
        self._schedule_waiting()

    def _schedule_waiting(self) -> None:
        first = self._waiting.first
        self.timers.schedule(self._waiting, None if first is None else first.expires_at)

    def may_take_over(self, key: bytes, now: int, *, chosen: bool) -> bool:
        """A connection of ours may begin where one waits in TIME-WAIT, its timestamps tell them apart (RFC 6191 §2).

        Args:
            key: the four numbers.
            now: monotonic ns.
            chosen: the application asked for just this port; one that we choose must be allowed by the setting, and
                the clock of timestamps must surely have moved on.
        """
        record = self.flows.get(key)
        if not isinstance(record, TimeWait) or record.successor is None:
            return False
        reuse = self.config.time_wait_reuse
        allowed = reuse == 1 or (reuse == ON_LOOPBACK and is_loopback(record.remote[0]))
        age = now - (record.expires_at - 2 * self.config.msl_ns)
        return chosen or (allowed and age > SECOND)

    def take_over(self, key: bytes, now: int) -> tuple[int, int] | None:
        """Forget the record under a key; returns the least first number of its successor, and TS.Recent."""
        record = self.flows.get(key)
        if not isinstance(record, TimeWait):
            return None
        self.forget_time_wait(record, now)
        return record.successor

    def _binding_options(self, options: SocketOptions) -> SocketOptions:
        """What bind() must know of a socket in TIME-WAIT, and its class of service; so few combinations that the records share them."""
        facts = options.reuseaddr, options.reuseport, options.v6only, options.bindtodevice, options.tos
        known = self._time_wait_options.get(facts)
        if known is None:
            known = self._time_wait_options[facts] = SocketOptions(
                reuseaddr=facts[0], reuseport=facts[1], v6only=facts[2], bindtodevice=facts[3], tos=facts[4]
            )
        return known

    def forget_time_wait(self, flow: Flow, now: int) -> None:
        """A record of TIME-WAIT is over."""
        assert isinstance(flow, TimeWait)
        if flow not in self._waiting.records:
            return
        del self._waiting.records[flow]
        self._schedule_waiting()
        self.forget(flow)
        self.ports.release(flow)
        if self.trace is not None:
            self.trace.emit(
                StateChanged(
                    at=now,
                    where=self.name,
                    socket=flow.id,
                    old="TIME_WAIT",
                    new="CLOSED",
                    why="2 MSL over",
                )
            )

    def half_open(self) -> list[HalfOpen]:
        """Connections in SYN-RECEIVED that came from LISTEN."""
        return [flow for flow in self.flows.values() if isinstance(flow, HalfOpen)]

    def time_wait(self) -> list[TimeWait]:
        """Records in TIME-WAIT, oldest first."""
        return list(self._waiting.records)
