"""A policer: what exceeds a rate is dropped, not queued, as providers and rate-limited ports do it (a token bucket)."""

from collections.abc import Callable
from random import Random

from netarium.base import units
from netarium.base.errors import UsageError
from netarium.base.units import SECOND, format_rate
from netarium.link.frame import Frame
from netarium.link.rule import Rule, Verdict
from netarium.link.selector import ALWAYS, Schedule


class Police(Rule):
    """Frames pass while there are tokens for their octets; the bucket fills at a rate and is full at the begin.

    Attributes:
        rate: bit/s, the octets of the line around a frame not counted.
        burst: octets that the bucket holds.
    """

    def __init__(
        self,
        rate: str | float,
        burst: int,
        where: Callable[[Frame], bool] | None = None,
        schedule: Schedule = ALWAYS,
        random: Random | None = None,
    ) -> None:
        super().__init__(where, schedule, random)
        if burst <= 0:
            raise UsageError(f"a bucket of {burst} octets: nothing would ever pass")
        self.rate = units.rate(rate)
        self.burst = burst
        self._tokens = (
            burst * 8 * SECOND
        )  # bits times ns a second: no rounding, however often it is looked at
        self._filled_at = 0
        self._now = 0

    def judge(self, verdict: Verdict, now: int) -> None:
        """As every rule; the time fills the bucket."""
        self._now = now
        super().judge(verdict, now)

    def act(self, verdict: Verdict) -> str:
        """Pass and pay, or vanish."""
        self._tokens = min(self._tokens + (self._now - self._filled_at) * self.rate, self.burst * 8 * SECOND)
        self._filled_at = self._now
        price = len(verdict.frame) * 8 * SECOND
        if price > self._tokens:
            verdict.taken_by = self
            return "policed"
        self._tokens -= price
        return ""

    def what(self) -> str:
        """For people."""
        return f"police to {format_rate(self.rate)}, bursts of {self.burst:,} octets"
