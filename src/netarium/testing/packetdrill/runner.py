"""Runs a script: events in order, in virtual time, against one machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from netarium.base.profiles import PROFILES
from netarium.base.units import SECOND
from netarium.socket.socket import Socket
from netarium.testing.packetdrill import code, segments
from netarium.testing.packetdrill.calls import ARITY, Calls
from netarium.testing.packetdrill.errors import Mismatch, NotUnderstood, ScriptError
from netarium.testing.packetdrill.flow import Flow
from netarium.testing.packetdrill.parser import load
from netarium.testing.packetdrill.script import (
    Call,
    Code,
    Command,
    Event,
    IcmpPacket,
    Packet,
    Script,
    TcpPacket,
    UdpPacket,
)
from netarium.testing.packetdrill.segments import Sent
from netarium.testing.packetdrill.settings import Settings, obey, settings_of
from netarium.testing.packetdrill.stage import BlockingCall, Stage
from netarium.transport.tcp.connection import Connection
from netarium.transport.tcp.timewait import TimeWait

_PATIENCE: Final = 3_600 * SECOND  # that `*` waits for a packet
_FIRST_PORT: Final = 40_001  # of peers that a script does not name
_PROTOCOLS: Final = {TcpPacket: 6, UdpPacket: 17}


@dataclass(slots=True)
class Failure:
    """Where a script failed: its line (0: at its end), what it expects, and what came."""

    line: int
    expected: str
    got: str


@dataclass(slots=True)
class Result:
    """How a script ended.

    Attributes:
        failure: None: it passed.
        exchange: what happened: ns since the begin, "<", ">" or "", words.
    """

    name: str
    failure: Failure | None = None
    exchange: list[tuple[int, str, str]] = field(default_factory=list)


def run_file(path: Path, *, strict: bool = False, defines: Mapping[str, str] | None = None) -> Result:
    """Read a script and run it.

    Raises:
        ScriptError: it is refused.
        OSError: it cannot be read.
    """
    return run(load(path, defines), strict=strict)


def run(script: Script, *, strict: bool = False) -> Result:
    """Run a script.

    Args:
        script: as the parser understood it.
        strict: a packet that the script does not expect is a failure.

    Raises:
        ScriptError: it is refused: something in it is not understood.
    """
    return Runner(script, strict=strict).run()


class Runner:
    """One run of one script."""

    def __init__(self, script: Script, *, strict: bool) -> None:
        self._script = script
        self._strict = strict
        self._settings: Settings = settings_of(script)
        self._config = PROFILES["linux"]
        for line, command in script.setup:
            self._config = obey(script, line, command.text, self._config)
        self._code = self._check()
        self._stage = Stage(self._settings, self._config)
        self._calls = Calls(self._settings, self._open, self)
        self._flow: Flow | None = None
        self._flows: list[Flow] = []
        self._port = _FIRST_PORT
        self._before = 0  # the time of the event before, which relative times count from
        self._pending: tuple[Event, int, int] | None = None  # a blocking call, when it may return
        self._trouble: Mismatch | NotUnderstood | None = None  # what a blocking call met
        self._kept: dict[str, Any] = {}
        self._unexpected: list[Sent] = []
        self._result = Result(script.name)

    def run(self) -> Result:
        """All events."""
        event = None
        try:
            for event in self._script.events:
                self._play(event)
            event = None
            self._await_call()
            self._expect_no_more()
        except NotUnderstood as fault:
            where = event if self._pending is None else self._pending[0]
            raise ScriptError(self._script.name, where.line if where else 0, str(fault)) from None
        except Mismatch as fault:
            line = event.line if event is not None else 0
            if self._trouble is fault and self._pending is not None:
                line = self._pending[0].line
            self._result.failure = Failure(line, fault.expected, fault.got)
        finally:
            blocking = self._stage.blocking
            if blocking is not None and not blocking.finished:
                blocking.abandon()
            self._calls.close_all()
        return self._result

    def _check(self) -> dict[int, Any]:
        """Refuse what cannot be run before anything runs; returns the code, by index of its event."""
        blocks = {}
        config, name = self._config, self._script.name
        for at, event in enumerate(self._script.events):
            match event.action:
                case Call(name=call, arguments=arguments):
                    if call not in ARITY:
                        raise ScriptError(name, event.line, f"the system call {call}() is not understood")
                    if len(arguments) != ARITY[call] and not (call == "fcntl" and len(arguments) == 2):
                        text = f"{call}() takes {ARITY[call]} arguments, not {len(arguments)}"
                        raise ScriptError(name, event.line, text)
                case Code(text=text):
                    blocks[at] = code.check(name, event.line, text)
                case Command(text=text):
                    config = obey(self._script, event.line, text, config)
        return {id(self._script.events[at]): tree for at, tree in blocks.items()}

    # --- time -----------------------------------------------------------------------------------------------

    def _play(self, event: Event) -> None:
        action, when = event.action, event.when
        if isinstance(action, TcpPacket | UdpPacket) and not action.inbound:
            self._expect(event, action)
            return
        if when.start is not None:
            at = self._scripted(event, when.start)
            self._advance(at)  # if the packet before came late, but in time, this is late too
            self._before = at if when.end is None else self._stage.time
        else:
            self._before = self._stage.time
        match action:
            case Call():
                self._call(event, action)
            case Code():
                code.run(self._code[id(event)], self._tcp_info(), self._kept)
            case Command(text=text):
                self._config = obey(self._script, event.line, text, self._config)
                self._stage.configure(self._config)
            case _:
                self._inject(action)

    def _scripted(self, event: Event, time: int) -> int:
        return self._before + time if event.when.relative else time

    def _tolerance(self, at: int) -> int:
        """The larger one of what is given (or 4 ms) and 12.5 % of the time since the event before."""
        return max(self._settings.tolerance, (at - self._before) // 8)

    def _advance(self, until: int) -> None:
        self._stage.advance(until)
        if self._trouble is not None:
            raise self._trouble

    # --- packets --------------------------------------------------------------------------------------------

    def _expect(self, event: Event, packet: TcpPacket | UdpPacket) -> None:
        """Wait for a packet, or for the segments that together are it, and compare."""
        when = event.when
        low = high = None
        if when.start is not None:
            low = self._scripted(event, when.start)
            high = low if when.end is None else self._scripted(event, when.end)
        patience = self._before + _PATIENCE if high is None else high + self._tolerance(high)
        flow = self._flow_of(packet)
        met, wanted = 0, self._length(packet)
        first: Sent | None = None
        while first is None or met < wanted:
            sent = self._next_sent(packet, flow, patience)
            first = first or sent
            self._record(sent, flow)
            if isinstance(packet, UdpPacket):
                segments.compare_udp(packet, sent, flow)
                met = wanted
            else:
                met = segments.compare_tcp(packet, sent, flow, self._settings, met)
        if low is not None and high is not None:
            early, late = low - self._tolerance(low), high + self._tolerance(high)
            if not early <= first.at <= late:
                raise Mismatch(f"the packet at {_seconds(low)}", f"it at {_seconds(first.at)}")
        self._before = first.at if low is None or low != high else low

    @staticmethod
    def _length(packet: TcpPacket | UdpPacket) -> int:
        return packet.length if isinstance(packet, UdpPacket) else (packet.end - packet.seq) % 2**32

    def _next_sent(self, packet: Packet, flow: Flow, until: int) -> Sent:
        """The next packet of the flow that left, or will leave."""
        protocol = _PROTOCOLS[type(packet)]
        while True:
            while self._stage.sent:
                sent = Sent.parse(*self._stage.sent.popleft())
                if sent.ip.protocol == protocol and sent.belongs(flow):
                    return sent
                self._unexpected.append(sent)
            self._stage.advance(until, enough=lambda: bool(self._stage.sent))
            if self._trouble is not None:
                raise self._trouble
            if not self._stage.sent:
                text = segments.text_of(packet) if isinstance(packet, TcpPacket) else "a datagram"
                raise Mismatch(text, f"nothing until {_seconds(self._stage.time)}")

    def _expect_no_more(self) -> None:
        """`--strict`: every packet was expected."""
        self._unexpected += [Sent.parse(*each) for each in self._stage.sent]
        if self._strict and self._unexpected:
            sent = self._unexpected[0]
            self._record(sent, self._flow_of(None))
            raise Mismatch("no more packets", self._result.exchange[-1][2])

    def _inject(self, packet: Packet) -> None:
        flow = self._flow_of(packet)
        match packet:
            case TcpPacket():
                self._renew(packet, flow)
                octets = segments.build_tcp(packet, flow, self._settings)
                text = segments.text_of(packet)
            case UdpPacket():
                octets, text = segments.build_udp(packet, flow, self._settings), f"udp ({packet.length})"
            case IcmpPacket():
                octets = segments.build_icmp(packet, flow, self._settings)
                text = f"icmp type {packet.type} code {packet.code} mtu {packet.rest}"
        self._result.exchange.append((self._stage.time, "<", text))
        self._stage.deliver(octets)
        if self._trouble is not None:
            raise self._trouble

    def _renew(self, packet: TcpPacket, flow: Flow) -> None:
        """A SYN for a pair of ports that is free or in TIME-WAIT begins anew: our next SYN has a new number."""
        if packet.flags & 0x12 == 0x02:
            row = self._stage.machine.tcp.flows.get(flow.key(self._settings.local))
            if row is None or isinstance(row, TimeWait):
                flow.shift = None

    def _record(self, sent: Sent, flow: Flow) -> None:
        if sent.ip.protocol == 6:
            seg = sent.segment()
            if flow.shift is None and seg.flags & 2:
                flow.shift = seg.seq
            text = segments.text_of_segment(seg, flow, sent.ip)
        else:
            text = f"ip protocol {sent.ip.protocol} ({len(sent.body)})"
        self._result.exchange.append((sent.at, ">", text))

    # --- connections ----------------------------------------------------------------------------------------

    def _flow_of(self, packet: Packet | None) -> Flow:
        """The connection that a packet belongs to: the one with its ports, else the one under test."""
        ports = None if packet is None or isinstance(packet, IcmpPacket) else packet.ports
        if ports is not None and packet is not None:
            remote, local = ports if packet.inbound else ports[::-1]
            for flow in self._flows:
                if flow.remote == remote and flow.local in {0, local} and not flow.listening:
                    flow.local = local
                    return flow
            return self._begin(Flow(local, remote, self._settings.remote))
        flow = self._flow or Flow(self._settings.bind_port, 0, self._settings.remote, listening=True)
        if flow.listening and isinstance(packet, TcpPacket | UdpPacket) and packet.inbound:
            self._port += 1
            return self._begin(Flow(flow.local, self._port - 1, self._settings.remote))
        return flow

    def _begin(self, flow: Flow) -> Flow:
        self._flow = flow
        self._flows.append(flow)
        return flow

    def on_listen(self, port: int) -> None:
        """The next SYN that arrives makes a connection to this port."""
        self._begin(Flow(port, 0, self._settings.remote, listening=True))

    def on_connect(self, socket: Socket, address: bytes, port: int) -> None:
        """Our next SYN goes to this port."""
        local = socket.getsockname()[1]
        known = [
            flow for flow in self._flows if (flow.local, flow.remote, flow.address) == (local, port, address)
        ]
        if local and known:
            self._flow = known[-1]
        else:
            self._begin(Flow(local, port, address))

    def _tcp_info(self) -> dict[str, int]:
        """TCP_INFO of the connection under test."""
        flow = self._flow
        row: object = (
            None if flow is None else self._stage.machine.tcp.flows.get(flow.key(self._settings.local))
        )
        if not isinstance(row, Connection):
            row = next(
                (e for s in reversed(self._calls.sockets()) if isinstance(e := s._live(), Connection)), None
            )
        if not isinstance(row, Connection):
            return {}
        info = row.info(self._stage.now())
        return {name: getattr(info, name) for name in info.__slots__}

    # --- system calls ---------------------------------------------------------------------------------------

    def _open(self, family: int, kind: int, proto: int) -> Socket:
        return self._stage.host.socket(family, kind, proto)

    def _call(self, event: Event, call: Call) -> None:
        self._await_call()
        returns = event.when.returns
        self._result.exchange.append((self._stage.time, "", f"{call.name}({call.arguments[0]!r}, ...)"))
        if returns is None:
            began = self._stage.time
            self._calls.make(call)
            if self._stage.time - began > self._settings.tolerance:
                took = _seconds(self._stage.time - began)
                raise Mismatch(f"{call.name}() to return at once", f"it after {took}")
            return
        begin = event.when.start or 0
        at = self._before + returns - begin
        self._pending = event, at, max(self._settings.tolerance, (returns - begin) // 8)
        blocking = BlockingCall(lambda: self._make(call))
        self._stage.blocking = blocking
        blocking.go_on()
        blocking.at = self._stage.time

    def _make(self, call: Call) -> None:
        """In the thread of a blocking call."""
        try:
            self._calls.make(call)
        except (Mismatch, NotUnderstood) as fault:
            self._trouble = fault

    def _await_call(self) -> None:
        """The call that blocks, if any, returns when the script says."""
        if self._pending is None:
            return
        event, at, tolerance = self._pending
        blocking = self._stage.blocking
        assert blocking is not None
        self._stage.advance(at + tolerance, enough=lambda: blocking.finished)
        assert isinstance(event.action, Call)
        name, wanted = event.action.name, f"to return at {_seconds(at)}"
        if not blocking.finished:
            self._trouble = Mismatch(f"{name}() {wanted}", "it still waiting")
        elif self._trouble is None and abs(blocking.at - at) > tolerance:
            self._trouble = Mismatch(f"{name}() {wanted}", f"it at {_seconds(blocking.at)}")
        if self._trouble is not None:
            raise self._trouble
        self._pending = self._stage.blocking = None


def _seconds(ns: int) -> str:
    return f"{ns / SECOND:.6f} s"
