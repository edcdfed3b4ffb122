"""Putting fragments together (RFC 791 §3.2, RFC 815, RFC 1122 §3.3.2; RFC 8200 §4.5, RFC 5722), for both families.

What is here is kept small against strangers: octets, datagrams and pieces are bounded, the oldest datagram gives way
to a new one, finding a place costs O(log n). A fragment that overlaps another spoils the whole datagram: nobody
sends such things but to be read differently by two readers (RFC 1858, RFC 3128). An exact duplicate is ignored.

Duties: frag-01.
"""

from collections import deque
from typing import Final, NamedTuple

from netarium.base.config import IpConfig
from netarium.base.counters import Counters
from netarium.base.errors import Accepted, DropReason, Fate
from netarium.base.rangeset import RangeSet
from netarium.ip.packet import IpPacket
from netarium.link.device import Agenda, Timed

_OVERHEAD: Final = 64  # octets charged for each piece, whatever it holds
_MAX_DATAGRAM: Final = 65_535
_NOT_ECT, _CE = 1 << 0, 1 << 3  # as bits of `_Datagram.codepoints`


class Result(NamedTuple):
    """What became of a fragment: its fate, and the whole packet if it was the last one missing."""

    fate: Fate
    packet: IpPacket | None = None


class _Datagram:
    """One datagram in the making."""

    __slots__ = ("charged", "codepoints", "end", "expires_at", "first", "pieces", "ranges", "spoiled")

    def __init__(self, expires_at: int) -> None:
        self.expires_at: Final = expires_at
        self.pieces: dict[int, bytes] = {}
        self.ranges = RangeSet()
        self.end: int | None = None  # octets of the whole payload, known from the last fragment
        self.first: IpPacket | None = None  # fragment zero, for its header
        self.charged = 0
        self.codepoints = 0  # which of the four ECN codepoints its fragments have had, a bit for each
        self.spoiled = False  # further pieces are recognised and thrown away


class Reassembler:
    """Datagrams in the making, of one machine.

    Args:
        config: bounds and the timeout.
        agenda: where the timeout goes.
        counters: the machine's.
        wake: put on the agenda when there is something in `expired`.

    Attributes:
        expired: fragment zero of datagrams whose time ran out: their senders are told (RFC 1122 §3.3.2).
    """

    def __init__(self, config: IpConfig, agenda: Agenda, counters: Counters, wake: Timed) -> None:
        self._config = config
        self._agenda = agenda
        self._counters = counters
        self._wake = wake
        self._datagrams: dict[bytes, _Datagram] = {}  # the timeout is one for all: oldest first
        self._charged = 0
        self.expired: deque[IpPacket] = deque()

    def __len__(self) -> int:
        return len(self._datagrams)

    @property
    def charged(self) -> int:
        """Octets held, with the overhead."""
        return self._charged

    def add(
        self, key: bytes, packet: IpPacket, offset: int, payload: bytes, now: int, *, more: bool
    ) -> Result:
        """Take a fragment.

        Args:
            key: interface, source, destination, protocol and identification: what belongs together.
            packet: the fragment as a packet; that of fragment zero gives the whole its header.
            offset: where it begins in the datagram's payload, octets.
            payload: its octets, a copy: a view would keep the whole frame in memory.
            now: monotonic ns.
            more: it is not the last one.
        """
        size = len(payload)
        stop = offset + size
        if not size or (more and size & 7):
            return Result(DropReason.IP_FRAGMENT_BAD)
        if stop + len(packet.header) > _MAX_DATAGRAM:
            self._spoil(self._datagrams.get(key))
            return Result(DropReason.IP_FRAGMENT_OVERSIZE)
        datagram = self._datagrams.get(key)
        if datagram is None:
            datagram = self._begin(key, now)
        elif datagram.spoiled:
            return Result(DropReason.IP_FRAGMENT_OVERLAP)
        fault = self._place(datagram, packet, offset, payload, more=more)
        if fault is not None:
            return Result(fault)
        if datagram.end is None or datagram.first is None or not datagram.ranges.covers(0, datagram.end):
            self._make_room()
            return Result(Accepted.LOCAL)
        self._drop(key)
        if datagram.codepoints & _NOT_ECT and datagram.codepoints != _NOT_ECT:
            return Result(DropReason.IP_FRAGMENT_ECN)
        return Result(Accepted.LOCAL, _whole(datagram.first, datagram))

    def on_deadline(self, now: int) -> None:
        """Give up what took too long."""
        for key, datagram in list(self._datagrams.items()):
            if datagram.expires_at > now:
                break
            self._drop(key)
            self._counters["ip_reasm_timeout"] += 1
            if datagram.first is not None and not datagram.spoiled:
                self.expired.append(datagram.first)
                self._agenda.schedule(self._wake, now)
        self._reschedule()

    def _begin(self, key: bytes, now: int) -> _Datagram:
        while len(self._datagrams) >= self._config.reassembly_max_datagrams:
            self._evict()
        datagram = _Datagram(now + self._config.reassembly_timeout_ns)
        self._datagrams[key] = datagram
        if len(self._datagrams) == 1:
            self._reschedule()
        return datagram

    def _place(
        self, datagram: _Datagram, packet: IpPacket, offset: int, payload: bytes, *, more: bool
    ) -> DropReason | None:
        """Put a piece where it belongs, or say why not."""
        stop = offset + len(payload)
        known = datagram.pieces.get(offset)
        if known is not None and known == payload and more == (datagram.end != stop):
            self._counters["ip_reasm_duplicates"] += 1
            return None
        if datagram.ranges.overlaps(offset, stop):
            self._spoil(datagram)
            return DropReason.IP_FRAGMENT_OVERLAP
        beyond = datagram.end is not None and (stop > datagram.end or not more)
        if beyond or (not more and datagram.ranges and datagram.ranges.highest > stop):
            self._spoil(datagram)  # two ends
            return DropReason.IP_FRAGMENT_BAD
        if len(datagram.pieces) >= self._config.reassembly_max_fragments:
            self._spoil(datagram)
            return DropReason.IP_FRAGMENT_LIMIT
        datagram.pieces[offset] = payload
        datagram.ranges.add(offset, stop)
        datagram.codepoints |= 1 << (packet.tos & 3)
        datagram.charged += len(payload) + _OVERHEAD
        self._charged += len(payload) + _OVERHEAD
        if not more:
            datagram.end = stop
        if offset == 0:
            datagram.first = packet
        return None

    def _spoil(self, datagram: _Datagram | None) -> None:
        """Throw away what there is, but remember the key: what still comes must not look like a new datagram."""
        if datagram is not None:
            self._charged -= datagram.charged
            datagram.charged = 0
            datagram.spoiled = True
            datagram.pieces.clear()
            datagram.ranges.clear()

    def _make_room(self) -> None:
        """Keep the octets within their bound: the oldest datagrams give way."""
        while self._charged > self._config.reassembly_max_bytes:
            self._evict()

    def _evict(self) -> None:
        self._drop(next(iter(self._datagrams)))
        self._counters["ip_reasm_evicted"] += 1

    def _drop(self, key: bytes) -> None:
        datagram = self._datagrams.pop(key)
        self._charged -= datagram.charged
        if not self._datagrams:
            self._reschedule()

    def _reschedule(self) -> None:
        oldest = next(iter(self._datagrams.values()), None)
        self._agenda.schedule(self, None if oldest is None else oldest.expires_at)


def _whole(first: IpPacket, datagram: _Datagram) -> IpPacket:
    """The packet that was cut: the header of fragment zero, all of the payload.

    A mark on any of the fragments is a mark on the packet; that marked ones and ones that could not be marked are of
    one packet is not possible, and such a packet is dropped (RFC 3168 §5.3).
    """
    pieces = datagram.pieces
    tos = first.tos | 3 if datagram.codepoints & _CE else first.tos
    return IpPacket(
        first.src, first.dst, first.protocol, first.ttl, tos, first.header,
        b"".join([pieces[offset] for offset in sorted(pieces)]), b"", first.device, first.options,
        to_group=first.to_group, cause=first.cause,
    )  # fmt: skip
