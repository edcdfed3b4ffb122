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


class Exact:
    """Intervals of five round trips, each a second in all if nothing else is said."""

    def __init__(self) -> None:
        self.policer = Policer()
        self.sample = RateSample()
        self.sample.now, self.sample.total = SECOND, 100_000
        self.update(lost=1, round_start=False)  # the tokens are gone

    def update(self, *, lost: int = 0, round_start: bool = True) -> None:
        self.sample.lost = lost
        assert not self.policer.update(self.sample, round_start=round_start, probing=True)

    def interval(self, delivered: int, lost: int, passed: int = SECOND, rounds: int = 4) -> int:
        """The policer's rate behind it."""
        for _ in range(rounds - 1):
            self.update()
        self.sample.now += passed
        self.sample.total += delivered
        self.update(lost=lost)
        return self.policer.rate


@pytest.mark.parametrize(
    ("first", "second", "rate"),
    [
        (80_000, 90_000, 85_000),
        (80_000, 90_001, 0),
        (80_000, 70_000, 75_000),
        (80_000, 69_999, 0),
        (2_000, 2_500, 2_250),
        (2_000, 2_501, 0),
        (400, 400, 400),
    ],
)
def test_an_eighth_or_half_a_kilobyte_and_no_more(first: int, second: int, rate: int) -> None:
    flow = Exact()
    assert flow.interval(first, first) == 0
    assert flow.interval(second, second) == rate


@pytest.mark.parametrize(("lost", "found"), [(4_999, False), (5_000, True)])
def test_50_of_256_are_enough(lost: int, found: bool) -> None:
    flow = Exact()
    for _ in range(2):
        flow.interval(25_600, lost)
    assert (flow.policer.rate > 0) is found


@pytest.mark.parametrize(("passed", "found"), [(MS - 1, False), (MS, True)])
def test_an_interval_is_a_millisecond_at_least(passed: int, found: bool) -> None:
    """A shorter one goes on."""
    flow = Exact()
    assert flow.interval(10_000, 10_000, passed) == 0
    flow.interval(10_000, 10_000, 2 * passed if found else passed)
    assert flow.policer.rate == 0
    flow.interval(10_000, 10_000, 2 * passed)
    assert (flow.policer.rate > 0) is found


def test_a_time_without_delivery_is_no_interval() -> None:
    """It goes on; a single octet makes it one."""
    flow = Exact()
    assert flow.interval(0, 1, MS) == 0
    assert flow.interval(1, 1, MS) == 0  # an octet in two milliseconds
    assert flow.interval(1, 1, 2 * MS) == 500


@pytest.mark.parametrize(("rounds", "found"), [(16, True), (17, False)])
def test_sixteen_round_trips_are_the_longest_interval(rounds: int, found: bool) -> None:
    flow = Exact()
    flow.interval(80_000, 40_000)
    flow.interval(80_000, 40_000, rounds=rounds)
    assert (flow.policer.rate > 0) is found


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
