"""Is there a policer on the path? Then its rate is BBR's, and not the most that was ever delivered.

A policer lets bursts through as long as it has tokens, and drops what comes then. The bandwidth filter remembers the
bursts, and a fifth and more of what is sent at that rate is lost. Two long intervals in a row with that much loss and
nearly the same rate are its mark; 48 round trips later it is looked for anew.

Spec: draft-cardwell-iccrg-bbr-congestion-control-00 leaves it out; as Linux's tcp_bbr ("long-term bandwidth").
"""

from typing import Final

from netarium.base.units import MS, SECOND
from netarium.transport.tcp.rate import RateSample

_LEAST_ROUNDS: Final = 4  # of an interval
_MOST_ROUNDS: Final = 4 * _LEAST_ROUNDS
_LOSS: Final = (50, 256)  # of what was delivered: a policer's, not chance
_ALIKE: Final = 8  # two rates are the same if they differ by an eighth of the first,
_ALIKE_OCTETS: Final = 500  # or by that much, octets/s
_BELIEVED_ROUNDS: Final = 48


class Policer:
    """What is known of one.

    Attributes:
        rate: octets/s that it lets through; 0: none is believed in.
    """

    __slots__ = ("_before", "_delivered", "_lost", "_lost_in_all", "_rounds", "_sampling", "_since", "rate")

    def __init__(self) -> None:
        self._lost_in_all = 0
        self._since = self._delivered = self._lost = (
            0  # when the interval began, and what there had been by then
        )
        self.forget()

    def forget(self) -> None:
        """There is none, as far as one knows."""
        self.rate = 0
        self._before = 0  # the rate of the interval before
        self._sampling = False
        self._rounds = 0

    def update(self, sample: RateSample, *, round_start: bool, probing: bool) -> bool:
        """Learn from an ACK.

        Args:
            sample: what it told.
            round_start: a round trip began.
            probing: BBR is in PROBE_BW.

        Returns:
            True: the rate was believed for long enough; the phases of PROBE_BW begin anew.
        """
        self._lost_in_all += sample.lost
        if self.rate:
            self._rounds += probing and round_start
            if self._rounds < _BELIEVED_ROUNDS:
                return False
            self.forget()
            return True
        if not self._sampling:
            if not sample.lost:
                return False
            self._begin(sample)  # the tokens are gone: from here on it is the rate that counts
            self._sampling = True
        self._rounds += round_start
        if sample.app_limited or self._rounds > _MOST_ROUNDS:
            self.forget()
        elif sample.lost and self._rounds >= _LEAST_ROUNDS:  # it ends with a loss, as it began
            self._end(sample)
        return False

    def _begin(self, sample: RateSample) -> None:
        self._since, self._delivered, self._lost = sample.now, sample.total, self._lost_in_all
        self._rounds = 0

    def _end(self, sample: RateSample) -> None:
        """An interval is long enough: was it a policer's, and the second one?"""
        delivered, lost = sample.total - self._delivered, self._lost_in_all - self._lost
        passed = sample.now - self._since
        if delivered <= 0 or lost * _LOSS[1] < _LOSS[0] * delivered or passed < MS:
            return
        rate, before = delivered * SECOND // passed, self._before
        if before and (abs(rate - before) * _ALIKE <= before or abs(rate - before) <= _ALIKE_OCTETS):
            self.rate = (rate + before) >> 1
            self._rounds = 0
            return
        self._before = rate
        self._begin(sample)
