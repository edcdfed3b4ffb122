"""The glass: typed events, each with the event that caused it.

Who has something to tell holds a `Trace | None` and asks `if trace is not None` first: with no listener, that test
is all the glass costs. Captures, sequence diagrams, the tour and the explorer are projections of this one log.

`Trace.cause` is the event because of which everything happens that happens now. Whoever starts a chain (a call
from an application, a frame from a device, a timer) sets it; whoever defers work keeps it with the work.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, ClassVar


@dataclass(slots=True, kw_only=True)
class Event:
    """What all events have: number, virtual or monotonic time in ns, where it happened, and because of what."""

    id: int = 0
    at: int
    where: str
    cause: int = 0

    KIND: ClassVar[str] = "event"

    def as_dict(self) -> dict[str, Any]:
        """All fields, bytes as hex, for trace files."""
        row: dict[str, Any] = {"kind": self.KIND}
        for f in fields(self):
            value = getattr(self, f.name)
            row[f.name] = value.hex() if isinstance(value, bytes) else value
        return row


# --- the application and the Socket library (F6) ------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class ProcessEvent(Event):
    """A process began or ended; `change` is "started" or "ended"."""

    KIND: ClassVar[str] = "process"
    pid: int
    name: str
    change: str


@dataclass(slots=True, kw_only=True)
class Call(Event):
    """An application called the Socket library (`result` None) or the call came back."""

    KIND: ClassVar[str] = "call"
    pid: int
    process: str
    fd: int
    call: str
    args: str
    result: str | None = None


# --- the socket table (F5) and the transports (F4) ----------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class SocketEvent(Event):
    """A row of the socket table: "created", "bound", "connected", "listening", "accepted", "closed", "deleted"."""

    KIND: ClassVar[str] = "socket"
    socket: int
    change: str
    row: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class StateChanged(Event):
    """A TCP connection went from one state of RFC 9293 §3.3.2 to another."""

    KIND: ClassVar[str] = "state"
    socket: int
    old: str
    new: str
    why: str


@dataclass(slots=True, kw_only=True)
class Segment(Event):
    """A TCP segment at the door of TCP; `direction` is "sent" or "received".

    Numbers are those on the wire (32 bits), `window` is unscaled as in the header.
    """

    KIND: ClassVar[str] = "segment"
    socket: int
    direction: str
    local: str
    remote: str
    flags: str
    seq: int
    ack: int
    window: int
    length: int
    options: str
    note: str = ""  # "retransmission: fast", "retransmission: timeout", "zero-window probe", "keepalive", ...


@dataclass(slots=True, kw_only=True)
class Datagram(Event):
    """A UDP datagram at the door of UDP."""

    KIND: ClassVar[str] = "datagram"
    socket: int
    direction: str
    local: str
    remote: str
    length: int


@dataclass(slots=True, kw_only=True)
class Decision(Event):
    """What a part of the stack decided, and from which numbers: `subject` "nagle", "window", "cwnd", "delack", ...

    `verdict` is a short code such as "held" or "sent"; `numbers` are what it was decided from.
    """

    KIND: ClassVar[str] = "decision"
    socket: int
    subject: str
    verdict: str
    numbers: dict[str, int]


@dataclass(slots=True, kw_only=True)
class Congestion(Event):
    """The congestion state changed; bytes."""

    KIND: ClassVar[str] = "congestion"
    socket: int
    cwnd: int
    ssthresh: int
    flight: int
    why: str


@dataclass(slots=True, kw_only=True)
class RttSampled(Event):
    """A round trip was measured; ns."""

    KIND: ClassVar[str] = "rtt"
    socket: int
    sample: int
    srtt: int
    rttvar: int
    rto: int


@dataclass(slots=True, kw_only=True)
class TimerFired(Event):
    """A named timer of a connection, a neighbour, a reassembly came due."""

    KIND: ClassVar[str] = "timer"
    subject: str
    timer: str


# --- the Internet layer (F3) ---------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class RouteChosen(Event):
    """Which row of the routing table won."""

    KIND: ClassVar[str] = "route"
    destination: str
    prefix: str
    gateway: str | None
    device: str
    source: str


@dataclass(slots=True, kw_only=True)
class NeighborChanged(Event):
    """A row of the ARP cache changed its state (RFC 4861 §7.3.2) or its MAC address."""

    KIND: ClassVar[str] = "neighbor"
    device: str
    address: str
    mac: str
    old: str
    new: str


@dataclass(slots=True, kw_only=True)
class IcmpSeen(Event):
    """An ICMP message was sent or received."""

    KIND: ClassVar[str] = "icmp"
    direction: str
    type: int
    code: int
    peer: str
    note: str = ""


# --- driver, adapter, cable (F2) -----------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class FrameSent(Event):
    """The stack handed a frame to a device. `octets` is the whole frame, without FCS, checksums complete."""

    KIND: ClassVar[str] = "frame-sent"
    device: str
    octets: bytes


@dataclass(slots=True, kw_only=True)
class FrameReceived(Event):
    """A device handed a frame to the stack."""

    KIND: ClassVar[str] = "frame-received"
    device: str
    octets: bytes


@dataclass(slots=True, kw_only=True)
class FrameDropped(Event):
    """A frame that was received went no further; `reason` is a `DropReason`."""

    KIND: ClassVar[str] = "frame-dropped"
    device: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Signal(Event):
    """A frame on a cable: first bit at `at`, last bit at `ends_at`, first bit at the far end at `arrives_at`.

    `lost` names the rule that took it, or is empty.
    """

    KIND: ClassVar[str] = "signal"
    cable: str
    sender: str
    receiver: str
    octets: bytes
    ends_at: int
    arrives_at: int
    lost: str = ""


@dataclass(slots=True, kw_only=True)
class RuleHit(Event):
    """A fault rule did something to a frame."""

    KIND: ClassVar[str] = "rule"
    rule: str
    action: str
    hits: int


# --- the resolver (F6) ---------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Resolved(Event):
    """A step of the resolver: `step` is "cache", "hosts", "query", "answer", "retry", "failed"."""

    KIND: ClassVar[str] = "resolver"
    name: str
    step: str
    detail: str


class Trace:
    """The log's mouth: numbers events and hands them to the listeners.

    A listener is called in the midst of what it hears of: it looks on, and makes no call on the machine itself.
    """

    __slots__ = ("_count", "_listeners", "cause")

    def __init__(self, *listeners: Callable[[Event], None]) -> None:
        self._listeners = list(listeners)
        self._count = 0
        self.cause = 0

    def emit(self, event: Event) -> int:
        """Number the event, hand it to every listener, return its number.

        An event that names no cause was caused by the current one.
        """
        self._count += 1
        event.id = self._count
        if not event.cause:
            event.cause = self.cause
        for listener in self._listeners:
            listener(event)
        return self._count

    @contextmanager
    def because(self, cause: int) -> Iterator[None]:
        """Everything inside happens because of event `cause`."""
        before, self.cause = self.cause, cause
        try:
            yield
        finally:
            self.cause = before

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Hand future events to one more listener."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[Event], None]) -> None:
        """Stop handing events to a listener."""
        self._listeners.remove(listener)
