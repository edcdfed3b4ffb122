"""The out-of-order queue: segments that came before their turn (RFC 9293 §3.10.7.4, SHLD-31), and what to SACK.

Where segments overlap, the octets that came first stay: a retransmission with other content changes nothing that was
received (and perhaps SACKed) before.
"""

from collections.abc import Iterator
from typing import Final

from netarium.base.checksum import Buffer
from netarium.base.rangeset import RangeSet

_REMEMBERED: Final = 8  # most recent arrivals, for the order of SACK blocks


class Reassembly:
    """Disjoint pieces above RCV.NXT, bounded by the caller's window and by `max_pieces`."""

    __slots__ = ("_pieces", "_recent", "octets", "ranges")

    def __init__(self) -> None:
        self.ranges = RangeSet()
        self.octets = 0
        self._pieces: dict[int, bytes] = {}
        self._recent: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def __len__(self) -> int:
        return len(self._pieces)

    @property
    def end(self) -> int:
        """One past the highest octet kept; 0 if there is none."""
        return self.ranges.highest if self._pieces else 0

    def insert(self, seq: int, payload: Buffer) -> int:
        """Keep what is new of `payload`; return how many octets were.

        Pieces are copied: a view on a small part of a large frame would keep the whole frame alive.
        """
        stop = seq + len(payload)
        new = 0
        for a, b in list(self.ranges.gaps(seq, stop)):
            self._pieces[a] = bytes(payload[a - seq : b - seq])
            new += b - a
        self.ranges.add(seq, stop)
        self.octets += new
        self._remember(seq)
        return new

    def take(self, rcv_nxt: int) -> Iterator[bytes]:
        """Remove and yield the pieces that now follow `rcv_nxt` without a gap."""
        pieces = self._pieces
        at = rcv_nxt
        while (piece := pieces.pop(at, None)) is not None:
            at += len(piece)
            self.octets -= len(piece)
            yield piece
        self.ranges.discard_below(at)

    def sack_blocks(self, most: int) -> tuple[tuple[int, int], ...]:
        """Up to `most` ranges, the one that changed last first (RFC 2018 §4)."""
        blocks: list[tuple[int, int]] = []
        for seq in self._recent:
            block = self.ranges.range_at(seq)
            if block is not None and block not in blocks:
                blocks.append(block)
                if len(blocks) == most:
                    break
        return tuple(blocks)

    def clear(self) -> None:
        """Forget everything: the connection ended."""
        self._pieces.clear()
        self._recent.clear()
        self.ranges.clear()
        self.octets = 0

    def _remember(self, seq: int) -> None:
        recent = self._recent
        block = self.ranges.range_at(seq)
        # One entry per block is enough: older arrivals in the same block say nothing more.
        self._recent = [seq, *(s for s in recent if block is None or not block[0] <= s < block[1])][
            :_REMEMBERED
        ]
