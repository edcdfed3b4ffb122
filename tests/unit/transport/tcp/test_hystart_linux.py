"""Linux's HyStart: trains of ACKs, round trips above the least, and what is too little to conclude anything."""

import pytest

from netarium.base.units import MS, SECOND, US
from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH
from netarium.transport.tcp.congestion.hystart_linux import LinuxHyStart

MSS = 1_000
WINDOW = 20 * MSS
START = 1_000 * SECOND


def ack(
    watch: LinuxHyStart,
    rtt: int,
    now: int,
    acked: int = MSS,
    *,
    cwnd: int = WINDOW,
    ssthresh: int = INFINITE_SSTHRESH,
) -> None:
    watch.on_ack(acked=acked, flight_size=WINDOW, rtt_ns=rtt, cwnd=cwnd, ssthresh=ssthresh, now=now)


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


def ends_after(watch: LinuxHyStart, rtt: int, **window: int) -> int:
    """The first ACK begins a round; how long a train behind it may get, to the microsecond."""
    ack(watch, rtt, START, **window)
    now = START
    while not watch.done:
        now += US
        ack(watch, rtt, now, 0, **window)
    return now - US - START


@pytest.mark.parametrize(
    ("ssthresh", "waits"), [(INFINITE_SSTHRESH, 130), (2_000_002, 130), (2_000_001, 217)]
)
def test_the_faster_the_path_the_less_an_ack_waits_for_its_like(ssthresh: int, waits: int) -> None:
    """What four chunks of 65,215 octets take at the pace: twice the window a round trip, near ssthresh 1.2 of it."""
    watch = LinuxHyStart(MSS, paced=True)
    assert ends_after(watch, MS, cwnd=1_000_000, ssthresh=ssthresh) == MS + waits * US
    watch = LinuxHyStart(MSS, paced=False)
    assert ends_after(watch, MS, cwnd=1_000_000, ssthresh=ssthresh) == (MS + waits * US) // 2 // US * US


def test_the_pace_is_that_of_the_smoothed_round_trip_and_the_least_one_is_the_bound() -> None:
    """One of 1 ms, then one of 9 ms: 2 ms on average, and so twice as long to wait."""
    watch = LinuxHyStart(MSS, paced=True)
    ack(watch, MS, START, cwnd=1_000_000)
    ack(watch, 9 * MS, START, 0, cwnd=1_000_000)
    for now, done in ((START + MS + 260 * US, False), (START + MS + 261 * US, True)):
        ack(watch, 2 * MS, now, 0, cwnd=1_000_000)
        assert watch.done is done


def test_two_milliseconds_are_no_gap_and_each_ack_counts_from_the_one_before() -> None:
    watch = LinuxHyStart(MSS, paced=False)
    for step in range(3):
        ack(watch, 10 * MS, START + 2 * step * MS, 0)
        assert not watch.done
    ack(watch, 10 * MS, START + 6 * MS, 0)
    assert watch.done


def test_the_first_acks_begin_a_round_and_it_lasts_until_more_is_acknowledged_than_was_in_flight() -> None:
    """A train is one within a round."""
    watch = LinuxHyStart(MSS, paced=False)
    ack(watch, 10 * MS, START, 0)
    ack(watch, 10 * MS, START + MS, WINDOW)  # that of the first round
    ack(watch, 10 * MS, START + 2 * MS, 1)  # begins the second
    for step in range(3, 8):
        ack(watch, 10 * MS, START + step * MS, 0)
    assert not watch.done, "5 ms of the second round"
    ack(watch, 10 * MS, START + 8 * MS, 0)
    assert watch.done


def test_outside_of_slow_start_only_the_round_trips_are_noted() -> None:
    watch = LinuxHyStart(MSS, paced=False)
    now = START
    for rtt in [50 * MS] * 10 + [20 * MS] + [90 * MS] * 30:
        now += 3 * MS
        ack(watch, rtt, now, cwnd=WINDOW, ssthresh=WINDOW)
    assert not watch.done
    spaced(watch, [25 * MS] * 9, now)
    assert watch.done, "5 ms above the least, which was met before"


def test_the_round_trips_of_one_round_are_not_those_of_the_next() -> None:
    watch = LinuxHyStart(MSS, paced=False)
    now = spaced(watch, [50 * MS] * 15 + [90 * MS] * 6, START)  # less than that was met in this round
    assert not watch.done
    now = spaced(watch, [90 * MS] * 8, now)
    assert not watch.done
    spaced(watch, [90 * MS], now)
    assert watch.done
