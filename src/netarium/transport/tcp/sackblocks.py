"""Which blocks of a SACK option to believe, and which one is a DSACK (RFC 2018 §3-§5, RFC 2883 §4)."""

from collections.abc import Sequence
from typing import NamedTuple

from netarium.base.seq import unwrap

Block = tuple[int, int]


class Blocks(NamedTuple):
    """A SACK option, understood: `dsack` arrived twice; `sacked`, in sequence order, arrived out of order."""

    dsack: Block | None
    sacked: list[Block]


def read(wire: Sequence[Block], ack: int, snd_una: int, snd_nxt: int, max_window: int) -> Blocks:
    """Understand a SACK option.

    Args:
        wire: the blocks as they came, numbers of 32 bits, at most four.
        ack: the segment's acknowledgment.
        snd_una: ours, before that is processed.
        snd_nxt: ours.
        max_window: the largest window the peer ever offered: no honest DSACK is longer, or older.
    """
    blocks = [(unwrap(left, snd_una), unwrap(right, snd_una)) for left, right in wire]
    dsack = blocks[0] if _is_duplicate(blocks, ack) else None
    if dsack is not None:
        left, right = dsack
        if not 0 < right - left <= max_window or right > snd_nxt or right <= snd_una - max_window:
            dsack = None
        blocks = blocks[1:]
    una = max(ack, snd_una)
    # Inverted, above SND.NXT, or beginning where the hole must be: a lie. Below: old news.
    sacked = [(left, right) for left, right in blocks if una < left < right <= snd_nxt]
    return Blocks(dsack, sorted(sacked))


def _is_duplicate(blocks: Sequence[Block], ack: int) -> bool:
    """The first block tells of a duplicate if it lies below the acknowledgment or inside the second (RFC 2883 §4)."""
    left, right = blocks[0]
    return left < ack or (len(blocks) > 1 and blocks[1][0] <= left and right <= blocks[1][1])
