"""Runs a script: events in order, in virtual time, against one machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from netarium.base.config import MachineConfig
from netarium.base.profiles import profile
from netarium.base.units import SECOND
from netarium.socket.socket import Socket
from netarium.testing.packetdrill import bsdsysctls, code, segments
from netarium.testing.packetdrill.callnames import ARITY, HANDLERS
from netarium.testing.packetdrill.calls import Calls
from netarium.testing.packetdrill.commands import Orders, obey
from netarium.testing.packetdrill.errors import Mismatch, NotUnderstood, ScriptError
from netarium.testing.packetdrill.facts import facts_of
from netarium.testing.packetdrill.flow import Flow
from netarium.testing.packetdrill.flows import Flows
from netarium.testing.packetdrill.parser import defines_of, load
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
from netarium.testing.packetdrill.settings import Settings, settings_of
from netarium.testing.packetdrill.stage import BlockingCall, Stage
from netarium.transport.tcp.connection import Connection
from netarium.transport.tcp.timewait import TimeWait
from netarium.wire.tcp import ACK, SYN

_PATIENCE: Final = 3_600 * SECOND  # that `*` waits for a packet
_PROTOCOLS: Final = {TcpPacket: 6, UdpPacket: 17, IcmpPacket: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How scripts are run.

    Attributes:
        profile: whose defaults the stack has.
        strict: a packet that the script does not expect is a failure.
        defines: words and what stands for them.
        settings: what stands over the script's own `--name=value` lines, by name.
    """

    profile: str = "linux"
    strict: bool = False
    defines: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


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
        source: the lines of the script.
    """

    name: str
    failure: Failure | None = None
    exchange: list[tuple[int, str, str]] = field(default_factory=list)
    source: tuple[str, ...] = ()


def run_file(path: Path, options: Options = Options()) -> Result:
    """Read a script and run it.

    Raises:
        ScriptError: it is refused.
        OSError: it cannot be read.
    """
    version = options.settings.get("ip_version")
    defines = {**defines_of(version), **options.defines} if version else options.defines
    return run(load(path, defines), options)


def run(script: Script, options: Options = Options()) -> Result:
    """Run a script.

    Args:
        script: as the parser understood it.
        options: how.

    Raises:
        ScriptError: it is refused: something in it is not understood.
    """
    runner = Runner(script, options)
    return runner.result if runner.dry else runner.run()


class Runner:
    """One run of one script.

    Attributes:
        dry: everything is checked already, and nothing is to be run.
    """

    def __init__(self, script: Script, options: Options) -> None:
        self._script = script
        self._strict = options.strict
        self._profile = options.profile
        self._settings: Settings = settings_of(script, options.settings)
        self._config = MachineConfig(tcp=profile(options.profile))
        if options.profile == "freebsd":
            self._config = bsdsysctls.least_mss(self._config, str(self._config.tcp.min_mss))
        for text in self._settings.init_scripts:
            self._obey(1, text)
        for line, command in script.setup:
            self._obey(line, command.text)
        self._code = self._check()
        self.dry = self._settings.dry_run
        self.result = Result(script.name, source=tuple(script.text.splitlines()))
        self._flows = Flows(self._settings, lambda: self._stage.time)
        if self.dry:
            return
        self._stage = Stage(self._settings, self._config)
        self._calls = Calls(self._settings, self._profile, self._open, self._flows, HANDLERS)
        self._before = 0  # the time of the event before, which relative times count from
        self._pending: tuple[Event, int, int] | None = None  # a blocking call, when it may return
        self._trouble: Mismatch | NotUnderstood | None = None  # what a blocking call met
        self._kept: dict[str, Any] = {}
        self._unexpected: list[Sent] = []

    def run(self) -> Result:
        """All events."""
        event = None
        try:
            for event in self._script.events:
                self._play_if_fatal(event)
            event = None
            self._await_call()
            self._expect_no_more()
        except NotUnderstood as fault:
            where = event if self._pending is None or self._trouble is not fault else self._pending[0]
            raise ScriptError(self._script.name, where.line if where else 0, str(fault)) from None
        except Mismatch as fault:
            line = event.line if event is not None else 0
            if self._trouble is fault and self._pending is not None:
                line = self._pending[0].line
            self.result.failure = Failure(line, fault.expected, fault.got)
        finally:
            blocking = self._stage.blocking
            if blocking is not None and not blocking.finished:
                blocking.abandon()
            self._calls.close_all()
        return self.result

    def _check(self) -> dict[int, Any]:
        """Refuse what cannot be run before anything runs; returns the code, by index of its event."""
        blocks: dict[int, Any] = {}
        functions: set[str] = set()
        orders, name = Orders(self._config), self._script.name
        for at, event in enumerate(self._script.events):
            match event.action:
                case Call(name=call, arguments=arguments):
                    if call not in ARITY:
                        raise ScriptError(name, event.line, f"the system call {call}() is not understood")
                    if len(arguments) not in ARITY[call]:
                        count = " or ".join(map(str, ARITY[call]))
                        text = f"{call}() takes {count} arguments, not {len(arguments)}"
                        raise ScriptError(name, event.line, text)
                case Code(text=text):
                    blocks[at] = code.check(name, event.line, text, functions)
                case Command(text=text):
                    orders = obey(self._script, event.line, text, orders.config)
        # The machine is thrown away at the end: what cleans up only has to be understood.
        for line, command in self._script.cleanup:
            obey(self._script, line, command.text, orders.config)
        return {id(self._script.events[at]): tree for at, tree in blocks.items()}

    def _obey(self, line: int, text: str) -> Orders:
        orders = obey(self._script, line, text, self._config)
        self._config = orders.config
        if orders.mtu is not None:
            self._settings = replace(self._settings, mtu=orders.mtu)
        return orders

    # --- time -----------------------------------------------------------------------------------------------

    def _play_if_fatal(self, event: Event) -> None:
        """Play an event; what `--non_fatal` says does not end the script."""
        kind = {Call: "syscall", Code: "", Command: ""}.get(type(event.action), "packet")
        try:
            self._play(event)
        except Mismatch as fault:
            if kind not in self._settings.non_fatal or fault is self._trouble:
                raise
            self._note(f"line {event.line}: expected {fault.expected}, got {fault.got} (not fatal)")

    def _play(self, event: Event) -> None:
        action, when = event.action, event.when
        if isinstance(action, TcpPacket | UdpPacket | IcmpPacket) and not action.inbound:
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
                code.run(self._code[id(event)], self._facts(), self._kept)
            case Command(text=text):
                orders = self._obey(event.line, text)
                # FreeBSD's sysctls are looked at when they are needed, most of Linux's when a socket is made.
                self._stage.configure(orders.config, orders.mtu, live=self._profile == "freebsd")
                if orders.stops is not None:
                    self._stage.stop(orders.stops)
                if orders.forgets:
                    self._stage.forget()
                if orders.sleep:
                    self._advance(self._stage.time + orders.sleep)
            case _:
                self._inject(action)

    def _note(self, text: str) -> None:
        self.result.exchange.append((self._stage.time, "", text))

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

    def _expect(self, event: Event, packet: Packet) -> None:
        """Wait for a packet, or for the segments that together are it, and compare."""
        when = event.when
        low = high = None
        if when.start is not None:
            low = self._scripted(event, when.start)
            high = low if when.end is None else self._scripted(event, when.end)
        patience = self._before + _PATIENCE if high is None else high + self._tolerance(high)
        flow = self._flows.of(packet)
        met, wanted = 0, self._length(packet)
        first: Sent | None = None
        while first is None or met < wanted:
            sent = self._next_sent(packet, flow, patience)
            first = first or sent
            self._record(sent, flow)
            match packet:
                case UdpPacket():
                    segments.compare_udp(packet, sent, flow)
                    met = wanted
                case IcmpPacket():
                    segments.compare_icmp(packet, sent)
                case _:
                    met = segments.compare_tcp(packet, sent, flow, self._settings, met)
        if low is not None and high is not None:
            early, late = low - self._tolerance(low), high + self._tolerance(high)
            if not early <= first.at <= late:
                self._before = low
                raise Mismatch(f"the packet at {_seconds(low)}", f"it at {_seconds(first.at)}")
        self._before = first.at if low is None or low != high else low

    @staticmethod
    def _length(packet: Packet) -> int:
        match packet:
            case UdpPacket():
                return packet.length
            case TcpPacket():
                return (packet.end - packet.seq) % 2**32
        return 0

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
                raise Mismatch(_text_of(packet), f"nothing until {_seconds(self._stage.time)}")

    def _expect_no_more(self) -> None:
        """`--strict`: every packet was expected."""
        self._unexpected += [Sent.parse(*each) for each in self._stage.sent]
        if self._strict and self._unexpected:
            sent = self._unexpected[0]
            self._record(sent, self._flows.of(None))
            raise Mismatch("no more packets", self.result.exchange[-1][2])

    def _inject(self, packet: Packet) -> None:
        flow = self._flows.of(packet)
        gso_size = 0
        match packet:
            case TcpPacket():
                if 0 < self._settings.gso_size < self._length(packet):
                    gso_size = self._settings.gso_size
                self._renew(packet, flow)
                if packet.flags & SYN:
                    flow.offered = packet.seq
                    flow.peer = packet.seq if flow.peer is None else flow.peer
                octets = segments.build_tcp(packet, flow, self._settings)
            case UdpPacket():
                octets = segments.build_udp(packet, flow, self._settings)
            case IcmpPacket():
                octets = segments.build_icmp(packet, flow, self._settings)
        self.result.exchange.append((self._stage.time, "<", _text_of(packet)))
        self._stage.deliver(octets, gso_size)
        if self._trouble is not None:
            raise self._trouble

    def _renew(self, packet: TcpPacket, flow: Flow) -> None:
        """A SYN for a pair of ports that is free or in TIME-WAIT begins anew: our next SYN has a new number."""
        if packet.flags & (SYN | ACK) == SYN:
            row = self._stage.machine.tcp.flows.get(flow.key(self._settings.local))
            if row is None:
                flow.shift = flow.peer = None
            flow.renewed = isinstance(row, TimeWait)  # or the SYN is an old one, and nothing begins

    def _record(self, sent: Sent, flow: Flow) -> None:
        match sent.ip.protocol:
            case 6:
                seg = sent.segment()
                if flow.is_to_learn and seg.flags & SYN:
                    flow.learn(seg.seq, 0, answers=bool(seg.flags & ACK))
                text = segments.text_of_segment(seg, flow, sent.ip)
            case 17:
                text = f"udp ({len(sent.body) - 8})"
            case 1:
                text = segments.text_of_sent_icmp(sent)
            case other:
                text = f"ip protocol {other} ({len(sent.body)})"
        self.result.exchange.append((sent.at, ">", text))

    # --- the connection under test --------------------------------------------------------------------------

    def _facts(self) -> dict[str, int]:
        """What code may ask: TCP_INFO and the like of the connection under test."""
        flow = self._flows.current
        row: object = None
        if flow is not None:
            row = self._stage.machine.tcp.flows.get(flow.key(self._settings.local))
        if not isinstance(row, Connection):
            row = next(
                (e for s in reversed(self._calls.sockets()) if isinstance(e := s._live(), Connection)), None
            )
        if not isinstance(row, Connection):
            return {}
        return facts_of(row, self._profile, self._stage.now())

    # --- system calls ---------------------------------------------------------------------------------------

    def _open(self, family: int, kind: int, proto: int) -> Socket:
        return self._stage.host.socket(family, kind, proto)

    def _call(self, event: Event, call: Call) -> None:
        self._await_call()
        returns = event.when.returns
        self._note(f"{call.name}({call.arguments[0]!r}, ...)")
        if returns is None:
            began = self._stage.time
            with self._stage.program():
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
            with self._stage.program():
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


def _text_of(packet: Packet) -> str:
    match packet:
        case TcpPacket():
            return segments.text_of(packet)
        case UdpPacket():
            return f"udp ({packet.length})"
    return segments.text_of_icmp(packet)
