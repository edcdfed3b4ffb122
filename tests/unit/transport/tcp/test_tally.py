"""Counters of TCP_INFO: what is counted once, and how time is shared out."""

from netarium.transport.tcp.tally import BUSY, IDLE, RWND_LIMITED, SNDBUF_LIMITED, Tally


def test_segments() -> None:
    tally = Tally()
    tally.sent(1_000, 1, again=False)
    tally.sent(5_000, 5, again=False)
    tally.sent(0, 1, again=False)
    tally.sent(1_000, 1, again=True)
    assert (tally.data_segs_out, tally.first_segs_out, tally.octets_resent) == (7, 7, 1_000)


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
