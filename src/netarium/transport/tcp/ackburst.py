"""ACKs that come together and only tell of more SACKs are understood together, when the machine turns to sending.

With holes in its window a receiver answers each segment, and a device delivers such ACKs in batches. Each brings a step
of the same news: one look at the scoreboard, one verdict about losses and one step of the window serve for all of them,
as if the others had been lost on the way (RFC 2018 §4: SACKs repeat each other). What else an ACK may tell is not held
back: progress of SND.UNA, DSACKs, marks, what a timeout or a loss probe waits for.
"""

from typing import Final

from netarium.base.seq import MASK
from netarium.transport.tcp import recovery
from netarium.transport.tcp.tcb import DISORDER, RECOVERY, Tcb
from netarium.wire.tcp import ACK, TcpSegment

Block = tuple[int, int]

_MOST_BLOCKS: Final = 12
_HOLES: Final = frozenset({DISORDER, RECOVERY})


def keeps(tcb: Tcb, seg: TcpSegment, now: int) -> bool:
    """True: the ACK waits; False: it is to be looked at now, and what waited before it has been."""
    held = tcb.held
    may = (
        seg.sack
        and seg.ack == tcb.snd_una
        and tcb.recovery in _HOLES
        and tcb.tlp_end_seq is None
        and tcb.sack_ok
        and tcb.accurate is None
        and tcb.config.limited_transmit  # else they let nothing go, and need no turn
    )
    if may and seg.flags == ACK and not len(seg.payload) and (held is None or held[0].ack == seg.ack):
        blocks = _together(seg.ack & MASK, seg.sack, () if held is None else held[0].sack)
        if blocks:
            seg.sack = blocks
            tcb.held = seg, now
            tcb.output = True  # so that the turn comes to this connection
            return True
    conclude(tcb)
    return False


def conclude(tcb: Tcb) -> None:
    """What waited is looked at, as of when the last of it came."""
    if tcb.held is not None:
        seg, at = tcb.held
        tcb.held = None
        recovery.on_ack(tcb, seg, may_be_duplicate=True, now=at)


def _together(ack: int, new: tuple[Block, ...], old: tuple[Block, ...]) -> tuple[Block, ...]:
    """The blocks of both without what others cover; none: there may be a DSACK among them, or no news, or too many."""
    first = new[0]
    if (first[0] - ack) & MASK >= 0x8000_0000 or _lies_in(first, new[1:], ack) or _lies_in(first, old, ack):
        return ()
    rest = [block for block in old if block not in new and not _lies_in(block, new, ack)]
    if len(new) + len(rest) > _MOST_BLOCKS:
        return ()
    return (*new, *rest) if rest else new


def _lies_in(inner: Block, blocks: tuple[Block, ...], ack: int) -> bool:
    """One of the blocks covers that one; numbers of 32 bits, at or above `ack`."""
    left, right = (inner[0] - ack) & MASK, (inner[1] - ack) & MASK
    for block in blocks:  # noqa: SIM110 - a generator costs more than what it looks at
        if (block[0] - ack) & MASK <= left and right <= (block[1] - ack) & MASK:
            return True
    return False
