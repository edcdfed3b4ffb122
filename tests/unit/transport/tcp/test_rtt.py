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
