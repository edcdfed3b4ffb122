"""RFC 6298's arithmetic."""

import pytest

from netarium.base.units import MS, SECOND
from netarium.transport.tcp.rtt import RttEstimator


def estimator() -> RttEstimator:
    return RttEstimator(initial_rto=SECOND, min_rto=0, max_rto=60 * SECOND)


@pytest.mark.rfc("6298", "01")
def test_one_second_before_any_sample() -> None:
    rtt = estimator()
    assert (rtt.rto, rtt.srtt, rtt.rttvar, rtt.min_rtt) == (SECOND, 0, 0, 0)


@pytest.mark.rfc("6298", "02")
def test_first_and_second_sample() -> None:
    rtt = estimator()
    rtt.sample(100 * MS, now=0)
    assert (rtt.srtt, rtt.rttvar, rtt.rto) == (100 * MS, 50 * MS, 300 * MS)
    rtt.sample(200 * MS, now=1)
    assert rtt.rttvar == 50 * MS + (100 * MS - 50 * MS) // 4  # from the old SRTT
    assert rtt.srtt == 100 * MS + 100 * MS // 8


@pytest.mark.rfc("6298", "03", "04", "06")
def test_floor_ceiling_and_doubling() -> None:
    rtt = RttEstimator(initial_rto=SECOND, min_rto=200 * MS, max_rto=2 * SECOND)
    for _ in range(200):
        rtt.sample(MS, now=0)
    assert rtt.rto == 201 * MS
    seen = []
    for _ in range(6):
        rtt.back_off()
        seen.append(rtt.rto)
    assert seen == [402 * MS, 804 * MS, 1_608 * MS, 2 * SECOND, 2 * SECOND, 2 * SECOND]
    rtt.sample(MS, now=0)
    assert rtt.rto == 201 * MS


@pytest.mark.rfc("6298", "07")
def test_a_syn_that_timed_out_makes_three_seconds() -> None:
    rtt = estimator()
    rtt.back_off()
    rtt.restart(3 * SECOND)
    assert rtt.rto == 3 * SECOND


@pytest.mark.rfc("6298", "03")
def test_the_minimum_may_be_one_of_the_whole_timeout() -> None:
    """RFC 6298 (2.4) to the letter, where Linux bounds the variance's term."""
    rtt = RttEstimator(initial_rto=SECOND, min_rto=SECOND, max_rto=60 * SECOND, min_of_variance=False)
    rtt.sample(100 * MS, now=0)
    assert rtt.rto == SECOND
    for _ in range(4):
        rtt.sample(900 * MS, now=0)
    assert rtt.rto == rtt.srtt + 4 * rtt.rttvar > SECOND


def test_slop_comes_on_top_and_is_not_doubled() -> None:
    """FreeBSD's 200 ms: not on the initial timeout, on every other."""
    rtt = RttEstimator(
        initial_rto=SECOND, min_rto=30 * MS, max_rto=64 * SECOND, slop=200 * MS, min_of_variance=False
    )
    assert rtt.rto == SECOND
    rtt.back_off()
    assert rtt.rto == 2_200 * MS
    rtt.restart(SECOND)
    assert rtt.rto == SECOND
    rtt.sample(2 * MS, now=0)
    assert rtt.rto == 230 * MS
    rtt.back_off()
    assert rtt.rto == 260 * MS
    for _ in range(20):
        rtt.back_off()
    assert rtt.rto == 64 * SECOND


def test_what_window_probes_are_spaced_by_on_freebsd() -> None:
    rtt = estimator()
    assert rtt.spread == 2 * SECOND
    rtt.sample(100 * MS, now=0)
    assert rtt.spread == 4 * 100 * MS + 8 * 50 * MS


def linux() -> RttEstimator:
    return RttEstimator(initial_rto=SECOND, min_rto=200 * MS, max_rto=60 * SECOND)


def test_the_variance_falls_by_a_quarter_a_round_trip_however_many_samples_it_has() -> None:
    rtt = linux()
    rtt.sample(1_000 * MS, 0, snd_nxt=1_000)
    assert rtt.rto == 3_000 * MS
    for _ in range(50):
        rtt.sample(1_000 * MS, 0, snd_una=500, snd_nxt=9_000)
    assert rtt.rto == 3_000 * MS  # the round is not over
    rtt.sample(1_000 * MS, 0, snd_una=1_001, snd_nxt=9_000)
    # The round's largest deviation was 4 * 375 ms, that after its first sample.
    assert rtt.rto == 1_000 * MS + 2_000 * MS - (2_000 - 1_500) * MS // 4


def test_a_sudden_short_round_trip_is_no_reason_to_wait_longer() -> None:
    shorter, longer = linux(), linux()
    for rtt, sample in ((shorter, 100 * MS), (longer, 1_900 * MS)):
        for una in range(1, 40):
            rtt.sample(1_000 * MS, 0, snd_una=una * 1_000, snd_nxt=una * 1_000 + 500)
        assert rtt.rttvar < MS
        rtt.sample(sample, 0, snd_una=40_000, snd_nxt=40_500)
    assert longer.rttvar > 7 * shorter.rttvar > 0


def test_the_least_round_trip_is_that_of_the_last_segment_and_is_kept_for_five_minutes() -> None:
    """The last of those that one ACK is for did not wait for a delayed ACK."""
    rtt = linux()
    rtt.sample(100 * MS, SECOND, 60 * MS)
    assert rtt.min_rtt == 60 * MS
    rtt.sample(80 * MS, 2 * SECOND)
    assert rtt.min_rtt == 60 * MS
    rtt.sample(60 * MS, 100 * SECOND)  # met again: its five minutes begin anew
    rtt.sample(80 * MS, 400 * SECOND)
    assert rtt.min_rtt == 60 * MS
    rtt.sample(80 * MS, 400 * SECOND + 1)
    assert rtt.min_rtt == 80 * MS
    rtt.sample(50 * MS, 401 * SECOND)
    assert rtt.min_rtt == 50 * MS
    rtt.sample(70 * MS, 701 * SECOND)
    assert rtt.min_rtt == 50 * MS  # five minutes exactly


@pytest.mark.rfc("6298", "02")
@pytest.mark.parametrize(
    ("sample", "rttvar"),
    [
        (10 * MS, 50 * MS + ((40 * MS >> 2) >> 3)),  # much shorter: it counts an eighth
        (50 * MS - 4, 50 * MS),  # the least that would count otherwise
        (60 * MS, 50 * MS + (-10 * MS >> 2)),  # shorter by less than the variance: that falls as ever
        (190 * MS, 50 * MS + (40 * MS >> 2)),
    ],
)
def test_how_much_a_sample_counts(sample: int, rttvar: int) -> None:
    rtt = linux()
    rtt.sample(100 * MS, 0)
    rtt.sample(sample, 0)
    assert rtt.rttvar == rttvar
    plain = RttEstimator(SECOND, 0, 60 * SECOND, min_of_variance=False)
    plain.sample(100 * MS, 0)
    plain.sample(sample, 0)
    assert plain.rttvar == 50 * MS + ((abs(100 * MS - sample) - 50 * MS) >> 2)


def test_a_round_trip_is_over_when_more_is_acknowledged_than_was_sent_when_it_began() -> None:
    rtt = linux()
    rtt.sample(SECOND, 0, snd_una=1_000, snd_nxt=5_000)
    for una in (4_000, 5_000):
        rtt.sample(SECOND, 0, snd_una=una, snd_nxt=9_000)
        assert rtt.rto == 3 * SECOND
    rtt.sample(SECOND, 0, snd_una=5_001, snd_nxt=9_000)
    assert rtt.rto < 3 * SECOND


def test_one_doubling_is_taken_back() -> None:
    rtt = linux()
    for _ in range(3):
        rtt.back_off()
    rtt.revert()
    assert (rtt.backoff_count, rtt.rto) == (2, 4 * SECOND)


def test_the_timeout_never_is_more_than_the_most() -> None:
    rtt = RttEstimator(initial_rto=SECOND, min_rto=200 * MS, max_rto=3 * SECOND)
    assert rtt.backoff_count == 0
    for _ in range(2):
        rtt.back_off()
    assert rtt.backoff_count == 2
    assert rtt.rto == 3 * SECOND
    for _ in range(3):
        rtt.back_off()
    assert rtt.backoff_count == 5  # TCP_INFO counts on, as Linux; a sample takes it back
    assert rtt.rto == 3 * SECOND
    rtt.revert()
    rtt.forget_backoff()
    assert (rtt.backoff_count, rtt.rto) == (0, 1 * SECOND)
    rtt.limit(200 * MS, 500 * MS)
    assert rtt.rto == 500 * MS
    rtt.limit(200 * MS, 3 * SECOND)
    rtt.sample(2 * SECOND, 0)
    assert rtt.rto == 3 * SECOND
    assert rtt.backoff_count == 0
    exact = RttEstimator(initial_rto=SECOND, min_rto=200 * MS, max_rto=2 * SECOND)
    for _ in range(3):
        exact.back_off()
    assert exact.backoff_count == 3
    least = RttEstimator(initial_rto=SECOND, min_rto=0, max_rto=60 * SECOND)
    for _ in range(200):
        least.sample(10 * MS, 0)
    assert (
        11 * MS <= least.rto < 11 * MS + 10
    )  # RFC 6298 (2.3): never less than the clock's granularity above SRTT
