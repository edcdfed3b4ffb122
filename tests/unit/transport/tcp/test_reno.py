"""Reno's window, in octets."""

import pytest

from netarium.transport.tcp.congestion.reno import Reno

MSS = 1_000


def ack(reno: Reno, acked: int) -> None:
    reno.on_ack(acked=acked, flight_size=0, rtt_ns=0, burst=2 * MSS, cwnd_limited=True, now=0)


@pytest.mark.rfc("5681", "05")
def test_slow_start_grows_by_what_was_acknowledged() -> None:
    reno = Reno(MSS, 10 * MSS)
    ack(reno, MSS)
    assert reno.cwnd == 11 * MSS
    ack(reno, 2 * MSS)
    assert reno.cwnd == 13 * MSS


@pytest.mark.attack("TCP-54", "TCP-53")
def test_ack_division_gains_nothing() -> None:
    one, many = Reno(MSS, 10 * MSS), Reno(MSS, 10 * MSS)
    ack(one, MSS)
    for _ in range(MSS):
        ack(many, 1)
    assert one.cwnd == many.cwnd
    ack(one, 50 * MSS)  # an ACK for more than any honest one covers
    assert one.cwnd == 13 * MSS


@pytest.mark.rfc("5681", "06")
def test_congestion_avoidance_grows_one_segment_a_round_trip() -> None:
    reno = Reno(MSS, 10 * MSS)
    reno.on_loss(flight_size=20 * MSS, now=0)
    assert reno.cwnd == reno.ssthresh == 10 * MSS
    for _ in range(9):
        ack(reno, MSS)
    assert reno.cwnd == 10 * MSS
    ack(reno, MSS)
    assert reno.cwnd == 11 * MSS


@pytest.mark.rfc("5681", "07")
def test_a_timeout_means_one_segment_and_halves_once() -> None:
    reno = Reno(MSS, 10 * MSS)
    reno.on_rto(flight_size=8 * MSS, first=True, now=0)
    assert (reno.cwnd, reno.ssthresh) == (MSS, 4 * MSS)
    reno.on_rto(flight_size=MSS, first=False, now=0)
    assert (reno.cwnd, reno.ssthresh) == (MSS, 4 * MSS)
    reno.on_rto(flight_size=MSS, first=True, now=0)
    assert reno.ssthresh == 2 * MSS


@pytest.mark.rfc("5681", "14")
def test_idle_shrinks_to_the_initial_window() -> None:
    reno = Reno(MSS, 40 * MSS)
    reno.on_idle(initial_window=10 * MSS, now=0)
    assert reno.cwnd == 10 * MSS


def test_a_window_that_is_not_used_does_not_grow() -> None:
    reno = Reno(MSS, 10 * MSS)
    reno.on_ack(acked=MSS, flight_size=0, rtt_ns=0, burst=2 * MSS, cwnd_limited=False, now=0)
    assert reno.cwnd == 10 * MSS


def test_a_loss_that_was_none_is_taken_back_once() -> None:
    reno = Reno(MSS, 40 * MSS)
    reno.on_loss(flight_size=40 * MSS, now=0)
    before = reno.cwnd, reno.ssthresh
    reno.on_rto(flight_size=20 * MSS, first=True, now=0)
    reno.on_rto(flight_size=MSS, first=False, now=0)
    reno.on_spurious_loss()
    assert (reno.cwnd, reno.ssthresh) == before
    reno.cwnd = 3 * MSS
    reno.on_spurious_loss()
    assert reno.cwnd == 3 * MSS
