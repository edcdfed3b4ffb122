"""Was it a loss at all? What one recovery keeps to take itself back (RFC 3522, RFC 4015, RFC 3708).

Two witnesses tell that a reduction of the window was needless: timestamps (Eifel: the ACK echoes a time before the
first retransmission, so the original arrived) and DSACKs (everything that was resent arrived twice).
"""

from netarium.base.seq import MASK


class Undo:
    """The evidence of one recovery.

    Attributes:
        marker: SND.UNA when it began.
        pending: retransmitted segments of which no DSACK has told; None: nothing was retransmitted.
        timeouts: how often the retransmission timer has expired in it.
        restores: the window of before is right again if this was needless; not after an ECN mark.
    """

    __slots__ = ("marker", "pending", "restores", "timeouts")

    def __init__(self, snd_una: int, on_the_way: int, *, restores: bool) -> None:
        self.marker = snd_una
        self.pending: int | None = on_the_way or None  # those that were resent before may draw DSACKs, too
        self.restores = restores
        self.timeouts = 0

    def on_resent(self, segs: int) -> None:
        """So many segments are sent again."""
        self.pending = (self.pending or 0) + segs

    def on_dsack(self, end: int, segs: int) -> None:
        """Segments up to `end` arrived twice."""
        if self.pending and end > self.marker:
            self.pending = max(0, self.pending - segs)

    @property
    def all_dsacked(self) -> bool:
        """Everything that was resent was needless."""
        return self.pending == 0


def is_before(ts_ecr: int, ts_val: int) -> bool:
    """Of two timestamps (RFC 7323 §5.2); an echo of 0 is none."""
    return bool(ts_ecr) and (ts_ecr - ts_val) & MASK >= 0x8000_0000
