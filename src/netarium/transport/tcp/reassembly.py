"""The out-of-order queue: segments that came before their turn (RFC 9293 §3.10.7.4, SHLD-31), and what to SACK.

Where segments overlap, the octets that came first stay: a retransmission with other content changes nothing that was
received (and perhaps SACKed) before.
"""

from collections.abc import Iterator
from typing import Final

from netarium.base.checksum import Buffer
from netarium.base.rangeset import RangeSet

_REMEMBERED: Final = 4  # most recent arrivals, for the order of SACK blocks: as many as one ACK can tell


class Reassembly:
    """Disjoint pieces above RCV.NXT, bounded by the caller.

    On nearly every connection nearly always nothing waits: then it owns no containers.

    Attributes:
        octets: how many wait.
    """

    __slots__ = ("_pieces", "_ranges", "_recent", "octets")

    def __init__(self) -> None:
        self.octets = 0
        self._ranges: RangeSet | None = None
        self._pieces: dict[int, bytes] | None = None  # by the number of the first octet
        self._recent: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return self._pieces is not None

    def __len__(self) -> int:
        return 0 if self._pieces is None else len(self._pieces)

    @property
    def end(self) -> int:
        """One past the highest octet kept; 0 if there is none."""
        return 0 if self._ranges is None else self._ranges.highest

    def known(self, start: int, stop: int) -> tuple[int, int] | None:
        """The first part of `[start, stop)` that is here already; None: all of it is new."""
        if self._ranges is None:
            return None
        at = start
        for a, b in self._ranges.gaps(start, stop):
            if a > at:
                return at, a
            at = b
        return (at, stop) if at < stop else None

    def insert(self, seq: int, payload: Buffer) -> int:
        """Keep what is new of `payload`; return how many octets were.

        Pieces are copied: a view on a small part of a large frame would keep the whole frame alive.
        """
        ranges, pieces = self._ranges, self._pieces
        if ranges is None or pieces is None:
            ranges = self._ranges = RangeSet()
            pieces = self._pieces = {}
        stop = seq + len(payload)
        for a, b in ranges.gaps(seq, stop):
            pieces[a] = bytes(payload[a - seq : b - seq])
        new = ranges.add(seq, stop)
        self.octets += new
        self._remember(seq, ranges)
        return new

    def take(self, rcv_nxt: int) -> Iterator[bytes]:
        """Remove and yield the pieces that now follow `rcv_nxt` without a gap."""
        ranges, pieces = self._ranges, self._pieces
        if ranges is None or pieces is None:
            return
        at = rcv_nxt
        while (piece := pieces.pop(at, None)) is not None:
            at += len(piece)
            self.octets -= len(piece)
            yield piece
        ranges.discard_below(at)
        if not pieces:
            self.clear()

    def sack_blocks(self, most: int) -> tuple[tuple[int, int], ...]:
        """Up to `most` ranges, the one that changed last first (RFC 2018 §4)."""
        blocks: list[tuple[int, int]] = []
        if self._ranges is None:
            return ()
        for seq in self._recent:
            block = self._ranges.range_at(seq)
            if block is not None and block not in blocks:
                blocks.append(block)
                if len(blocks) == most:
                    break
        return tuple(blocks)

    def clear(self) -> None:
        """Forget everything: all was taken, or the connection ended."""
        self._ranges = self._pieces = None
        self._recent = ()
        self.octets = 0

    def _remember(self, seq: int, ranges: RangeSet) -> None:
        """One entry for each block is enough: older arrivals in the same block say nothing more."""
        block = ranges.range_at(seq)
        others = (s for s in self._recent if block is None or not block[0] <= s < block[1])
        self._recent = (seq, *others)[:_REMEMBERED]
