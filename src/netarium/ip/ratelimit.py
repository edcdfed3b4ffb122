"""Token buckets: how much a machine says because strangers make it (RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f))."""

from typing import Final

from netarium.base.units import SECOND


class TokenBucket:
    """Credit grows with time up to a burst; whoever says something pays.

    Args:
        rate: tokens a second.
        burst: tokens at the most, and at first.
    """

    __slots__ = ("_at", "_credit", "_full", "_rate")

    def __init__(self, rate: int, burst: int) -> None:
        # Credit is counted in token-nanoseconds, so that there is no rounding: a token is SECOND of them.
        self._rate: Final = rate
        self._full: Final = burst * SECOND
        self._credit = self._full
        self._at: int | None = None

    def take(self, now: int, cost: int = SECOND) -> bool:
        """Pay; False, and nothing is taken, if there is not enough.

        Args:
            now: monotonic ns.
            cost: token-nanoseconds: `SECOND` is one token.
        """
        if self._at is not None and now > self._at:
            self._credit = min(self._full, self._credit + (now - self._at) * self._rate)
        self._at = now
        if self._credit < cost:
            return False
        self._credit -= cost
        return True
