"""Reno's window, in octets."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH
from netarium.transport.tcp.congestion.reno import Reno
from netarium.transport.tcp.rate import RateSample

MSS = 1_000
CONFIG = TcpConfig()


def ack(reno: Reno, acked: int) -> None:
    reno.on_ack(acked=acked, flight_size=0, rtt_ns=0, cwnd_limited=True, now=0)


@pytest.mark.rfc("5681", "05")
def test_slow_start_grows_by_what_was_acknowledged() -> None:
    reno = Reno(MSS, 10 * MSS, CONFIG)
    ack(reno, MSS)
    assert reno.cwnd == 11 * MSS
    ack(reno, 2 * MSS)
    assert reno.cwnd == 13 * MSS


@pytest.mark.attack("TCP-54", "TCP-53")
def test_ack_division_gains_nothing() -> None:
    one, many = Reno(MSS, 10 * MSS, CONFIG), Reno(MSS, 10 * MSS, CONFIG)
    ack(one, MSS)
    for _ in range(MSS):
        ack(many, 1)
    assert one.cwnd == many.cwnd
    ack(one, 5 * MSS)  # all that it acknowledges: none of it can be acknowledged again
    assert one.cwnd == 16 * MSS


@pytest.mark.rfc("5681", "06")
def test_congestion_avoidance_grows_one_segment_a_round_trip() -> None:
    reno = Reno(MSS, 20 * MSS, CONFIG)
    reno.on_loss(flight_size=20 * MSS, now=0)
    assert reno.cwnd == reno.ssthresh == 10 * MSS
    for _ in range(9):
        ack(reno, MSS)
    assert reno.cwnd == 10 * MSS
    ack(reno, MSS)
    assert reno.cwnd == 11 * MSS


@pytest.mark.rfc("5681", "07")
def test_a_timeout_means_one_segment_and_halves_once() -> None:
    reno = Reno(MSS, 10 * MSS, CONFIG)
    reno.on_rto(flight_size=8 * MSS, first=True, now=0)
    assert (reno.cwnd, reno.ssthresh) == (MSS, 5 * MSS)
    reno.on_rto(flight_size=MSS, first=False, now=0)
    assert (reno.cwnd, reno.ssthresh) == (MSS, 5 * MSS)
    reno.on_rto(flight_size=MSS, first=True, now=0)
    assert reno.ssthresh == 2 * MSS


@pytest.mark.rfc("5681", "07", "10")
def test_half_of_what_is_in_flight_if_configured_so() -> None:
    """RFC 5681 equation 4 to the letter."""
    config = replace(CONFIG, ssthresh_from_flight_size=True)
    reno = Reno(MSS, 10 * MSS, config)
    reno.on_loss(flight_size=8 * MSS, now=0)
    assert (reno.cwnd, reno.ssthresh) == (4 * MSS, 4 * MSS)
    reno = Reno(MSS, 10 * MSS, config)
    reno.on_rto(flight_size=8 * MSS, first=True, now=0)
    assert (reno.cwnd, reno.ssthresh) == (MSS, 4 * MSS)


@pytest.mark.rfc("5681", "06")
def test_what_slow_start_leaves_counts_for_congestion_avoidance() -> None:
    reno = Reno(MSS, 10 * MSS, CONFIG)
    reno.ssthresh = 12 * MSS
    ack(reno, 13 * MSS)  # 2 for slow start, 11 of 12 towards the next
    assert reno.cwnd == 12 * MSS
    ack(reno, MSS)
    assert reno.cwnd == 13 * MSS


@pytest.mark.rfc("5681", "14")
def test_idle_shrinks_to_the_initial_window() -> None:
    reno = Reno(MSS, 40 * MSS, CONFIG)
    reno.on_idle(idle_ns=1_001, rto_ns=1_000, initial_window=10 * MSS)
    assert (reno.cwnd, reno.ssthresh) == (20 * MSS, INFINITE_SSTHRESH)
    reno.ssthresh = 10 * MSS
    reno.on_idle(idle_ns=9_000, rto_ns=1_000, initial_window=10 * MSS)
    assert (reno.cwnd, reno.ssthresh) == (10 * MSS, 15 * MSS)
    reno.on_idle(idle_ns=9_000, rto_ns=1_000, initial_window=20 * MSS)
    assert reno.cwnd == 10 * MSS


@pytest.mark.parametrize(("rtos", "left"), [(1.5, 50), (2.5, 25), (3.5, 12), (4.5, 10), (1e6, 10)])
def test_each_rto_of_silence_halves(rtos: float, left: int) -> None:
    """RFC 2861 §3."""
    reno = Reno(MSS, 100 * MSS, CONFIG)
    reno.on_idle(idle_ns=int(rtos * 1_000), rto_ns=1_000, initial_window=10 * MSS)
    assert reno.cwnd == left * MSS


def octets_for_a_segment(reno: Reno) -> int:
    """How many more must be acknowledged until the window grows."""
    before, octets = reno.cwnd, 0
    while reno.cwnd == before:
        ack(reno, 1)
        octets += 1
    return octets


@pytest.mark.rfc("5681", "06")
def test_counting_towards_a_segment_begins_at_nothing() -> None:
    """In the beginning, behind a loss and behind a timeout, whatever was collected before."""
    reno = Reno(100, 1_000, CONFIG)
    reno.ssthresh = 1_000
    assert octets_for_a_segment(reno) == 1_000
    ack(reno, 700)
    reno.on_loss(flight_size=1_100, now=0)
    assert (reno.cwnd, octets_for_a_segment(reno)) == (500, 500)
    ack(reno, 300)
    reno.on_rto(flight_size=600, first=True, now=0)
    ack(reno, 200)
    assert (reno.cwnd, reno.ssthresh) == (300, 300)
    assert octets_for_a_segment(reno) == 300
    ack(reno, 200)
    reno.on_rto(flight_size=600, first=False, now=0)
    ack(reno, 200)
    assert (reno.cwnd, reno.ssthresh) == (300, 300)
    assert octets_for_a_segment(reno) == 300


def test_one_octet_behind_slow_start_counts_too() -> None:
    reno = Reno(100, 1_000, CONFIG)
    reno.ssthresh = 1_100
    ack(reno, 101)
    assert (reno.cwnd, octets_for_a_segment(reno)) == (1_100, 1_099)


@pytest.mark.parametrize("acked", [0, 25])
def test_what_was_collected_while_a_segment_was_dearer_is_one_at_the_most(acked: int) -> None:
    reno = Reno(100, 2_000, CONFIG)
    reno.ssthresh = 2_000
    ack(reno, 1_900)
    reno.set_mss(25)  # twenty of them
    assert reno.cwnd == 500
    ack(reno, acked)
    assert reno.cwnd == 525
    assert octets_for_a_segment(reno) == 525 - acked


def test_counted_in_octets_slow_start_goes_on_at_ssthresh_and_beyond_by_one_ack() -> None:
    """As the BSDs do it; and then counting begins at nothing."""
    reno = Reno(100, 1_000, replace(CONFIG, cwnd_form="octets"))
    reno.ssthresh = 1_050
    ack(reno, 50)
    assert reno.cwnd == 1_050
    ack(reno, 200)
    assert (reno.cwnd, octets_for_a_segment(reno)) == (1_250, 1_250)
    ack(reno, 1_000)
    reno.ssthresh = 1_400
    ack(reno, 100)
    assert (reno.cwnd, octets_for_a_segment(reno)) == (1_450, 1_450)


def test_it_asks_for_no_samples() -> None:
    reno = Reno(100, 1_000, CONFIG)
    assert not reno.samples_rate
    assert not reno.on_sample(RateSample())


def test_a_window_that_is_not_used_does_not_grow() -> None:
    reno = Reno(MSS, 10 * MSS, CONFIG)
    reno.on_ack(acked=MSS, flight_size=0, rtt_ns=0, cwnd_limited=False, now=0)
    assert reno.cwnd == 10 * MSS


def test_a_loss_that_was_none_is_taken_back_once() -> None:
    reno = Reno(MSS, 40 * MSS, CONFIG)
    reno.on_loss(flight_size=40 * MSS, now=0)
    before = 20 * MSS, 20 * MSS
    assert before == (reno.cwnd, reno.ssthresh)
    reno.on_rto(flight_size=20 * MSS, first=True, now=0)
    reno.on_rto(flight_size=MSS, first=False, now=0)
    reno.on_spurious_loss()
    assert (reno.cwnd, reno.ssthresh) == before
    reno.cwnd = 3 * MSS
    reno.on_spurious_loss()
    assert reno.cwnd == 3 * MSS
