"""What one direction of a TCP connection did over time: events of a trace, or frames of a capture, as plain series.

A `Sending` is seen where the data leaves: what was sent and when, what the acknowledgments that came back said, and
(from a trace; a capture cannot know) the congestion window. Drawing them is the work of `inspect.plot`. Sequence numbers
count from the first one seen, which is 0 and belongs to the SYN. Speaks of RFC 9293's and RFC 2018's numbers.
"""

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from netarium.base.errors import UsageError, WireError
from netarium.base.seq import unwrap
from netarium.base.trace import Congestion, Event, Segment
from netarium.inspect import tracefile
from netarium.inspect.packet import read
from netarium.wire import pcapng
from netarium.wire.numbers import ETHERTYPE_IPV4
from netarium.wire.tcp import ACK, FIN, RST, SYN, flag_names

_WSCALE: Final = re.compile(r"\bwscale (\d+)")
_SACK: Final = re.compile(r"\bsack (\d+)-(\d+)")
_ETHERNET: Final = bytes(12) + ETHERTYPE_IPV4.to_bytes(2, "big")  # what a packet without one is read behind
_PCAPNG: Final = b"\x0a\x0d\x0d\x0a"  # the type of a section header, the same in either byte order
_MAX_SHIFT: Final = 14  # RFC 7323 §2.3
_FLAGS: Final = {flag_names(bit): bit for bit in (SYN, FIN, RST, ACK)}


class Stretch(NamedTuple):
    """Sequence numbers `[begin, end)` that were sent, or SACKed, at an instant (ns)."""

    at: int
    begin: int
    end: int
    again: bool = False


class Window(NamedTuple):
    """The sender's congestion state at an instant (ns); octets."""

    at: int
    cwnd: int
    ssthresh: int
    why: str


@dataclass(slots=True, kw_only=True)
class Sending:
    """One direction of a connection.

    Attributes:
        where: the machine of the trace, or the capture's interface.
        source: address and port of the sender, as text.
        destination: of the receiver.
        data: what was sent, in order; SYN and FIN take one sequence number each.
        acks: instant and cumulative acknowledgment, each time that one came back.
        edges: instant and right edge of the receiver's window; empty if the connection's SYNs were not seen, because then
            nobody knows by how much to shift.
        sacks: blocks that came back.
        flight: instant and octets sent and not cumulatively acknowledged.
        windows: from a trace.
    """

    where: str
    source: str
    destination: str
    data: list[Stretch] = field(default_factory=list)
    acks: list[tuple[int, int]] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)
    sacks: list[Stretch] = field(default_factory=list)
    flight: list[tuple[int, int]] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)

    @property
    def octets(self) -> int:
        """How many sequence numbers were sent, each counted once."""
        return max((stretch.end for stretch in self.data), default=0)

    @property
    def resent(self) -> int:
        """How many segments were sent again."""
        return sum(stretch.again for stretch in self.data)

    def between(self, begin: int, end: int) -> "Sending":
        """The same, but only what happened from instant `begin` to instant `end`, ns."""
        return replace(
            self,
            data=[stretch for stretch in self.data if begin <= stretch.at <= end],
            acks=[point for point in self.acks if begin <= point[0] <= end],
            edges=[point for point in self.edges if begin <= point[0] <= end],
            sacks=[stretch for stretch in self.sacks if begin <= stretch.at <= end],
            flight=[point for point in self.flight if begin <= point[0] <= end],
            windows=[window for window in self.windows if begin <= window.at <= end],
        )

    def counted_anew(self) -> "Sending":
        """The same, with sequence numbers that count from the lowest that was sent or acknowledged in it."""
        least = min([stretch.begin for stretch in self.data] + [ack for _, ack in self.acks], default=0)

        def moved(stretch: Stretch) -> Stretch:
            return stretch._replace(begin=stretch.begin - least, end=stretch.end - least)

        return replace(
            self,
            data=[moved(stretch) for stretch in self.data],
            acks=[(at, ack - least) for at, ack in self.acks],
            edges=[(at, edge - least) for at, edge in self.edges],
            sacks=[moved(stretch) for stretch in self.sacks],
        )

    def __str__(self) -> str:
        again = f", {self.resent} segments again" if self.resent else ""
        return f"{self.source} > {self.destination}, {self.octets:,} octets{again}"


class _Glimpse(NamedTuple):
    """A segment, from wherever it was seen; numbers as on the wire."""

    at: int
    where: str
    source: str
    destination: str
    flags: int
    seq: int
    ack: int
    window: int
    length: int
    wscale: int | None
    sack: tuple[tuple[int, int], ...]


class _Half:
    """A `Sending` in the making: with what is needed to read the numbers of the next segment."""

    __slots__ = ("base", "ended", "high", "result", "una", "wscale")

    def __init__(self, glimpse: _Glimpse, base: int) -> None:
        self.result = Sending(where=glimpse.where, source=glimpse.source, destination=glimpse.destination)
        self.base = base
        self.high = self.una = 0
        self.wscale: int | None = None  # of this sender's own SYN; None: not seen
        self.ended = False

    def number(self, wire: int) -> int:
        return unwrap(wire - self.base, self.high)

    def sends(self, glimpse: _Glimpse) -> None:
        """A segment in this direction."""
        if glimpse.flags & SYN:
            self.wscale = -1 if glimpse.wscale is None else min(glimpse.wscale, _MAX_SHIFT)
        self.ended = self.ended or bool(glimpse.flags & (FIN | RST))
        length = glimpse.length + bool(glimpse.flags & SYN) + bool(glimpse.flags & FIN)
        if not length:
            return
        begin = self.number(glimpse.seq)
        end = begin + length
        self.result.data.append(Stretch(glimpse.at, begin, end, begin < self.high))
        self.high = max(self.high, end)
        self.result.flight.append((glimpse.at, self.high - self.una))

    def hears(self, glimpse: _Glimpse, shift: int | None) -> None:
        """A segment in the other direction: what it acknowledges, and how much it allows."""
        ack = self.number(glimpse.ack)
        if self.una <= ack <= self.high:
            self.una = ack
            self.result.acks.append((glimpse.at, ack))
            self.result.flight.append((glimpse.at, self.high - ack))
            if shift is not None:
                shift = 0 if glimpse.flags & SYN else shift  # RFC 7323 §2.2: never in a SYN
                self.result.edges.append((glimpse.at, ack + (glimpse.window << shift)))
        for left, right in glimpse.sack:
            self.result.sacks.append(Stretch(glimpse.at, self.number(left), self.number(right)))


class Collector:
    """A listener that keeps no events, only the series: `trace.listen(collector)`.

    Args:
        where: only what this machine sends; None: all.
    """

    def __init__(self, where: str | None = None) -> None:
        self._where = where
        self._halves: list[_Half] = []
        self._current: dict[tuple[str, str, str], _Half] = {}
        self._by_socket: dict[tuple[str, int], tuple[str, str, str]] = {}

    def __call__(self, event: Event) -> None:
        """Take an event, if it says something about a connection."""
        if isinstance(event, Segment):
            if self._where in {None, event.where}:
                self._segment(event)
        elif isinstance(event, Congestion) and self._where in {None, event.where}:
            window = Window(event.at, event.cwnd, event.ssthresh, event.why)
            key = self._by_socket.get((event.where, event.socket))
            if key is not None and key in self._current:
                self._current[key].result.windows.append(window)

    def see(self, glimpse: _Glimpse, *, sent: bool | None = None) -> None:
        """Take a segment; `sent` says which end looks: True the sender, False the receiver, None both."""
        there = (glimpse.where, glimpse.source, glimpse.destination)
        back = (glimpse.where, glimpse.destination, glimpse.source)
        if glimpse.flags & SYN and not glimpse.flags & ACK:
            for key in (there, back):
                if key in self._current and self._current[key].ended:
                    del self._current[key]  # another connection of the same two ends
        own, other = self._current.get(there), self._current.get(back)
        if own is None:
            own = self._current[there] = _Half(glimpse, glimpse.seq)
            if sent is not False:
                self._halves.append(own)
        own.sends(glimpse)
        if not glimpse.flags & ACK:
            return
        if other is None:
            other = self._current[back] = _Half(
                glimpse._replace(source=glimpse.destination, destination=glimpse.source), glimpse.ack - 1
            )
            if sent is not True:
                self._halves.append(other)
        elif sent is not True:
            other.hears(glimpse, _shift(own, other))

    def _segment(self, event: Segment) -> None:
        sent = event.direction == "sent"
        source, destination = (event.local, event.remote) if sent else (event.remote, event.local)
        wscale = _WSCALE.search(event.options)
        self.see(
            _Glimpse(
                event.at,
                event.where,
                source,
                destination,
                sum(_FLAGS.get(name, 0) for name in event.flags.split(",")),
                event.seq,
                event.ack,
                event.window,
                event.length,
                int(wscale[1]) if wscale else None,
                tuple((int(left), int(right)) for left, right in _SACK.findall(event.options)),
            ),
            sent=sent,
        )
        if event.socket:
            self._by_socket[event.where, event.socket] = (event.where, event.local, event.remote)

    def sendings(self) -> list[Sending]:
        """What was seen up to now, in the order of the first segments; directions that carried no data are left out."""
        return [half.result for half in self._halves if any(s.end - s.begin > 1 for s in half.result.data)]


def _shift(own: _Half, other: _Half) -> int | None:
    """By how much the window in `own`'s segments is shifted; None: unknown."""
    if own.wscale is None or other.wscale is None:
        return None
    return own.wscale if own.wscale >= 0 and other.wscale >= 0 else 0  # RFC 7323 §2.2: both must have said it


def from_events(events: Iterable[Event]) -> list[Sending]:
    """The connections of a trace, each direction that carried data by itself, as seen where the data left."""
    collector = Collector()
    for event in events:
        collector(event)
    return collector.sendings()


def from_capture(octets: bytes) -> list[Sending]:
    """The connections of a pcapng file, each direction that carried data by itself.

    Raises:
        WireError: not a pcapng file, or damaged.
    """
    collector = Collector()
    for glimpse in _glimpses(octets):
        collector.see(glimpse)
    return collector.sendings()


def _glimpses(octets: bytes) -> Iterator[_Glimpse]:
    """The TCP segments of a capture; a capture of several interfaces, each direction where it was seen first."""
    home: dict[tuple[str, str], str] = {}
    for captured in pcapng.read(octets):
        raw = captured.interface.link_type == pcapng.LINKTYPE_RAW
        packet = read(_ETHERNET + captured.octets if raw else captured.octets)
        segment = packet.segment
        if segment is None or captured.at_ns is None:
            continue
        missing = captured.original_length - len(captured.octets)
        source, destination = f"{packet.src}:{packet.ports[0]}", f"{packet.dst}:{packet.ports[1]}"
        if home.setdefault((source, destination), captured.interface.name) != captured.interface.name:
            continue  # on its way through a router it is no retransmission
        yield _Glimpse(
            captured.at_ns,
            "",
            source,
            destination,
            segment.flags,
            segment.seq,
            segment.ack,
            segment.window,
            packet.length + missing,
            segment.wscale,
            tuple(segment.sack),
        )


def load(octets: bytes, name: str = "trace") -> list[Sending]:
    """The connections of a file: a pcapng capture, or a trace.

    Args:
        octets: the whole file.
        name: how messages call it.

    Raises:
        UsageError: it is neither, or damaged; says where.
    """
    if octets.startswith(_PCAPNG):
        try:
            return from_capture(octets)
        except WireError as fault:
            raise UsageError(f"{name}: {fault}") from None
    try:
        return from_events(tracefile.load(io.StringIO(octets.decode("utf-8")), name))
    except UnicodeDecodeError:
        raise UsageError(f"{name}: neither a pcapng capture nor a netarium trace") from None
