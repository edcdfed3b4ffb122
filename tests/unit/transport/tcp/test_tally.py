"""Counters of TCP_INFO: what is counted once, and how time is shared out."""

from netarium.transport.tcp.tally import BUSY, IDLE, RWND_LIMITED, SNDBUF_LIMITED, Tally, Timeouts


def test_segments() -> None:
    tally = Tally()
    tally.sent(1_000, 1, again=False)
    tally.sent(5_000, 5, again=False)
    tally.sent(0, 1, again=False)
    tally.sent(1_000, 1, again=True)
    tally.sent(700, 1, again=True)
    assert (tally.data_segs_out, tally.first_segs_out, tally.octets_resent) == (8, 7, 1_700)


def test_times_add_up() -> None:
    tally = Tally()
    for at, mode in (
        (10, BUSY),
        (15, RWND_LIMITED),
        (22, BUSY),
        (23, SNDBUF_LIMITED),
        (33, IDLE),
        (50, BUSY),
    ):
        tally.enter(mode, at)
    assert [tally.spent(mode, 54) for mode in (BUSY, RWND_LIMITED, SNDBUF_LIMITED)] == [10, 7, 10]
    assert tally.busy(54) == 27


def test_each_kind_of_waiting_adds_up() -> None:
    """More than one stay in each, and none of them is counted for another, nor what was idle."""
    tally = Tally()
    assert (tally.mode, tally.busy(1_000)) == (IDLE, 0)
    for at, mode in (
        (1_000, BUSY),
        (1_010, SNDBUF_LIMITED),
        (1_030, IDLE),
        (2_000, SNDBUF_LIMITED),
        (2_005, RWND_LIMITED),
        (2_045, BUSY),
        (2_048, RWND_LIMITED),
        (2_050, IDLE),
    ):
        tally.enter(mode, at)
    for now in (2_050, 9_000):
        assert [tally.spent(mode, now) for mode in (BUSY, RWND_LIMITED, SNDBUF_LIMITED)] == [13, 42, 25]
        assert tally.busy(now) == 80


def test_nothing_is_counted_before_it_happens() -> None:
    tally = Tally()
    assert (tally.data_segs_in, tally.data_segs_out, tally.first_segs_out, tally.octets_resent) == (
        0,
        0,
        0,
        0,
    )
    assert (tally.delivered_ce, tally.size_before, tally.urgent_read) == (0, 0, 0)
    assert tally.timeouts is tally.challenges is None
    assert not tally.short_of_room


def test_timeouts_are_one_recovery_until_it_is_over() -> None:
    tally = Tally()
    for at in (100, 300, 700):
        tally.timed_out(at)
    timeouts = tally.timeouts
    assert timeouts is not None
    assert (timeouts.total, timeouts.rehashes, timeouts.recoveries) == (3, 3, 1)
    assert [timeouts.recovering(now) for now in (700, 800)] == [600, 700]
    timeouts.recovered(850)
    assert timeouts.recovering(2_000) == 750
    tally.timed_out(2_000)
    assert (timeouts.total, timeouts.recoveries) == (4, 2)
    assert timeouts.recovering(2_005) == 755
    timeouts.recovered(2_010)
    timeouts.recovered(2_500)  # there was none
    assert timeouts.recovering(9_000) == 760


def test_timeouts_of_the_half_open_connection_were_one_recovery() -> None:
    """No other path was chosen then."""
    timeouts = Timeouts(1, 3_000)
    assert (timeouts.total, timeouts.rehashes, timeouts.recoveries) == (1, 0, 1)
    assert timeouts.recovering(10_000) == 3_000
    timeouts.another(20_000)
    assert (timeouts.total, timeouts.rehashes, timeouts.recoveries) == (2, 1, 2)
    assert timeouts.recovering(20_010) == 3_010
    none = Timeouts()
    assert (none.total, none.recoveries, none.recovering(5)) == (0, 0, 0)
