"""Linux's HyStart: trains of ACKs, round trips above the least, and what is too little to conclude anything."""

import pytest

from netarium.base.units import MS, SECOND, US
from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH
from netarium.transport.tcp.congestion.hystart_linux import LinuxHyStart

MSS = 1_000
WINDOW = 20 * MSS
START = 1_000 * SECOND


def ack(watch: LinuxHyStart, rtt: int, now: int, acked: int = MSS, *, cwnd: int = WINDOW) -> None:
    watch.on_ack(acked=acked, flight_size=WINDOW, rtt_ns=rtt, cwnd=cwnd, ssthresh=INFINITE_SSTHRESH, now=now)


def spaced(watch: LinuxHyStart, rtts: list[int], now: int, *, cwnd: int = WINDOW) -> int:
    """ACKs that are too far apart to be a train."""
    for rtt in rtts:
        now += 3 * MS
        ack(watch, rtt, now, cwnd=cwnd)
    return now


@pytest.mark.parametrize(
    ("least", "above"), [(10 * MS, 4 * MS), (80 * MS, 10 * MS), (128 * MS, 16 * MS), (900 * MS, 16 * MS)]
)
def test_round_trips_above_the_least_end_it(least: int, above: int) -> None:
    for extra, done in ((0, False), (1, True)):
        watch = LinuxHyStart(MSS, paced=False)
        now = spaced(watch, [least] * 22, START)  # the first round, and the second begins
        spaced(watch, [least] + [least + above + extra] * 30, now)
        assert watch.done is done


def test_eight_samples_of_a_round_tell_nothing() -> None:
    watch = LinuxHyStart(MSS, paced=False)
    now = spaced(watch, [50 * MS] * 21, START)
    ack(watch, 90 * MS, now + 3 * MS)  # begins a round
    now = spaced(watch, [90 * MS] * 7, now + 3 * MS)
    assert not watch.done
    spaced(watch, [90 * MS], now)
    assert watch.done


@pytest.mark.parametrize(("paced", "longest"), [(False, 5 * MS + 500 * US), (True, 11 * MS)])
def test_a_train_of_half_the_least_round_trip_ends_it(paced: bool, longest: int) -> None:
    """10 ms, and the millisecond for which ACKs may wait for their like."""
    watch = LinuxHyStart(MSS, paced=paced)
    ack(watch, 10 * MS, START)
    now = START
    while now + MS // 2 - START <= longest:
        now += MS // 2
        ack(watch, 10 * MS, now, 0)
        assert not watch.done
    ack(watch, 10 * MS, now + MS // 2, 0)
    assert watch.done


def test_a_gap_ends_the_train() -> None:
    watch = LinuxHyStart(MSS, paced=False)
    ack(watch, 10 * MS, START)
    ack(watch, 10 * MS, START + 2 * MS + 1, 0)
    for step in range(20):
        ack(watch, 10 * MS, START + (5 + step) * MS, 0)
    assert not watch.done, "the round is not a train any more"


def test_small_windows_and_acks_without_round_trips_are_left_alone() -> None:
    watch = LinuxHyStart(MSS, paced=False)
    now = spaced(watch, [50 * MS] * 21, START, cwnd=15 * MSS)
    now = spaced(watch, [200 * MS] * 40, now, cwnd=15 * MSS)
    ack(watch, 0, now + MS)
    assert not watch.done
    spaced(watch, [200 * MS] * 30, now, cwnd=16 * MSS)
    assert watch.done
