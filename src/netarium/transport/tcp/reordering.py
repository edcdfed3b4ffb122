"""How far the network reorders: the number of segments that may overtake one before it counts as lost.

RFC 4653's aim by Linux's means: the degree starts at DupThresh and grows to what was seen, up to a limit.
"""


class Reordering:
    """One connection's measure.

    Attributes:
        degree: in segments: what TCP_INFO calls tcpi_reordering, RFC 6675 DupThresh.
        seen: how often reordering was seen.
    """

    __slots__ = ("_initial", "_limit", "degree", "seen")

    def __init__(self, dupthresh: int, limit: int) -> None:
        self._initial = dupthresh
        self._limit = max(dupthresh, limit)
        self.degree = dupthresh
        self.seen = 0

    @property
    def is_high(self) -> bool:
        """More than was assumed at first."""
        return self.degree > self._initial

    def on_late(self, low: int, high: int, smss: int) -> None:
        """The segment at `low`, sent once, arrived after everything up to `high` had."""
        if low < high:
            self.seen += 1
            if high - low > self.degree * smss:
                self.degree = min(-((low - high) // smss), self._limit)

    def on_too_many_duplicates(self, segs: int) -> None:
        """Without SACK: more duplicates than segments can have arrived: of these `segs` some were only late."""
        self.seen += 1
        self.degree = min(segs, self._limit)

    def on_timeout(self, segs_sacked: int) -> None:
        """So many had arrived and yet the timer had to find the loss: the degree was too high."""
        if segs_sacked >= self._initial:
            self.degree = min(self.degree, self._initial)
