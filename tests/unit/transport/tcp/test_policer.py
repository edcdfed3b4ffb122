"""How a policer is told from chance: two long intervals, a fifth lost, the same rate."""

import pytest

from netarium.base.units import MS, SECOND
from netarium.transport.tcp.congestion.policer import Policer
from netarium.transport.tcp.rate import RateSample

RTT = 50 * MS


class Flow:
    """Round trips of ten ACKs each; in each round the last one tells of losses."""

    def __init__(self) -> None:
        self.policer = Policer()
        self.now, self.total = SECOND, 1

    def rounds(self, count: int, *, rate: int = 1_000_000, lost: float = 0.25, probing: bool = True,
               app_limited: bool = False) -> list[bool]:  # fmt: skip
        """What `update` answered, for each round whether it was ever True."""
        answers = []
        sample = RateSample()
        sample.app_limited = app_limited
        for _ in range(count):
            answer = False
            for i in range(10):
                self.now += RTT // 10
                sample.now = self.now
                sample.acked = rate * RTT // SECOND // 10
                self.total += sample.acked
                sample.total = self.total
                sample.lost = round(10 * sample.acked * lost) if i == 9 else 0
                answer |= self.policer.update(sample, round_start=i == 0, probing=probing)
            answers.append(answer)
        return answers


def test_two_intervals_of_heavy_loss_at_the_same_rate() -> None:
    flow = Flow()
    flow.rounds(1 + 4)  # the first loss begins, and four rounds are an interval
    assert not flow.policer.rate
    flow.rounds(4)
    assert flow.policer.rate == pytest.approx(1_000_000, rel=0.01)


@pytest.mark.parametrize(("lost", "found"), [(0.18, False), (0.21, True)])
def test_a_fifth_must_be_lost(lost: float, found: bool) -> None:
    flow = Flow()
    flow.rounds(13, lost=lost)
    assert (flow.policer.rate > 0) is found


@pytest.mark.parametrize(
    ("second", "found"), [(1_120_000, True), (880_000, True), (1_200_000, False), (800_000, False)]
)
def test_the_rates_must_be_alike(second: int, found: bool) -> None:
    """They differ by an eighth at the most; then their mean counts."""
    flow = Flow()
    flow.rounds(5)
    flow.rounds(4, rate=second)
    assert (flow.policer.rate > 0) is found
    if found:
        assert flow.policer.rate == pytest.approx((1_000_000 + second) / 2, rel=0.01)


def test_slow_rates_may_differ_by_half_a_kilobyte() -> None:
    flow = Flow()
    flow.rounds(5, rate=2_000)
    flow.rounds(4, rate=2_450)
    assert flow.policer.rate


def test_without_loss_it_is_never_looked_for() -> None:
    flow = Flow()
    flow.rounds(100, lost=0)
    assert not flow.policer.rate


def test_an_application_that_has_nothing_spoils_the_interval() -> None:
    flow = Flow()
    flow.rounds(8)
    flow.rounds(1, app_limited=True)
    flow.rounds(5)
    assert not flow.policer.rate
    flow.rounds(4)
    assert flow.policer.rate


def test_an_interval_that_never_ends_is_given_up() -> None:
    """Sixteen rounds without a loss: it was no policer that took the first."""
    flow = Flow()
    flow.rounds(1)
    flow.rounds(17, lost=0)
    flow.rounds(8)
    assert not flow.policer.rate
    flow.rounds(1)
    assert flow.policer.rate


def test_after_48_round_trips_of_probing_it_is_looked_for_anew() -> None:
    flow = Flow()
    flow.rounds(9)
    assert flow.policer.rate
    flow.rounds(60, probing=False)
    assert flow.policer.rate
    assert flow.rounds(48, lost=0) == [False] * 47 + [True]
    assert not flow.policer.rate
