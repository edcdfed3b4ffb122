"""RFC 6298's arithmetic."""

import pytest

from netarium.base.units import MS, SECOND
from netarium.transport.tcp.rtt import RttEstimator


def estimator() -> RttEstimator:
    return RttEstimator(initial_rto=SECOND, min_rto=0, max_rto=60 * SECOND)


@pytest.mark.rfc("6298", "01")
def test_one_second_before_any_sample() -> None:
    assert estimator().rto == SECOND


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
