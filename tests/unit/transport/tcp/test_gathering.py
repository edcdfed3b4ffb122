"""How much is gathered into one chunk, how much a write may add, and how large the send buffer grows."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS, US
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import gathering
from netarium.transport.tcp.boundaries import Boundaries
from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH
from netarium.transport.tcp.tcb import CWR, DISORDER, LOSS, OPEN, RECOVERY, Tcb


def sender(
    *, smss: int = 1_000, cwnd: int = 10_000, window: int = 60_000, gathers: bool = True, form: str = "window",
    **options: object,
) -> Tcb:  # fmt: skip
    config = replace(TcpConfig(), gathering=gathers, send_buffer_form=form)
    tcb = Tcb(4, config, SocketOptions(**options), 1, "us", None)
    tcb.start_sending(100)
    tcb.snd_una = tcb.snd_nxt = 101
    tcb.smss = tcb.advmss = smss
    tcb.snd_wnd = tcb.max_snd_wnd = window
    tcb.congestion.cwnd = cwnd
    tcb.snd_expanded = cwnd
    tcb.snd_memory = 100_000
    return tcb


@pytest.mark.parametrize(
    ("window", "smss", "goal"),
    [
        (0, 1_000, 65_000),  # nothing known: 65,215 in whole segments
        (536, 100, 500),
        (537, 100, 200),
        (20_000, 1_000, 10_000),
        (21_999, 1_000, 10_000),
        (22_000, 1_000, 11_000),
        (1_000_000, 1_000, 65_000),
        (600, 1_000, 1_000),  # one segment at the least
    ],
)
def test_half_of_the_peers_largest_window_is_gathered(window: int, smss: int, goal: int) -> None:
    assert gathering.goal(sender(window=window, smss=smss)) == goal


def test_what_waits_costs_more_than_its_octets() -> None:
    tcb = sender(window=20_000)
    assert gathering.used(tcb) == 0
    for octets, chunks in ((1, 1), (10_000, 1), (10_001, 2), (20_000, 2)):
        tcb.sendbuf.append(bytes(octets - len(tcb.sendbuf)))
        assert gathering.used(tcb) == octets + 768 * chunks
    plain = sender(gathers=False)
    plain.sendbuf.append(bytes(5))
    assert gathering.used(plain) == 5


@pytest.mark.parametrize(("waiting", "writable"), [(0, True), (599, True), (600, True), (601, False)])
def test_a_third_of_the_buffer_makes_it_writable(waiting: int, writable: bool) -> None:
    tcb = sender(gathers=False)
    tcb.options.sndbuf, tcb.options.sndbuf_locked = 900, True
    tcb.sendbuf.append(bytes(waiting))
    assert gathering.is_writable(tcb) is writable
    assert tcb.room_awaited is (not writable)  # who was told no is told when there is room


@pytest.mark.parametrize(
    ("memory", "waiting", "writable"),
    [(10_000, 7_952, True), (10_000, 7_953, False), (2_000, 0, True), (2_000, 1, False), (2_048, 1, False)],
)
def test_with_the_bsds_it_is_the_low_water_mark(memory: int, waiting: int, writable: bool) -> None:
    tcb = sender(gathers=False, form="fixed", sndbuf=memory, sndbuf_locked=True)
    tcb.snd_una = tcb.iss
    tcb.sendbuf.append(bytes(waiting))
    assert gathering.is_writable(tcb) is writable


def test_one_octet_may_be_the_limit_and_less_than_none_is_none() -> None:
    for lowat, writable in ((1, False), (0, True), (-1, True)):
        tcb = sender(notsent_lowat=lowat)
        tcb.sendbuf.append(b"x")
        assert gathering.is_writable(tcb) is writable


@pytest.mark.parametrize(("unsent", "writable"), [(0, True), (149, True), (150, False)])
def test_what_is_not_sent_may_be_limited(unsent: int, writable: bool) -> None:
    tcb = sender(notsent_lowat=300)
    tcb.sendbuf.append(bytes(1_000))
    tcb.snd_nxt += 1_000 - unsent
    assert gathering.is_writable(tcb) is writable


def test_the_buffer_grows_with_the_window() -> None:
    """Two windows of segments, each with 256 octets of bookkeeping and in a power of two of memory."""
    tcb = sender(cwnd=20_000)
    gathering.expand(tcb)
    assert tcb.snd_memory == 100_000  # nothing has changed since it was last looked at
    tcb.snd_expanded = 0
    gathering.expand(tcb)
    assert tcb.snd_memory == 100_000  # it never shrinks
    tcb.snd_memory = tcb.snd_expanded = 0
    gathering.expand(tcb)
    assert tcb.snd_memory == 2 * (2_048 + 256) * 20
    assert tcb.snd_expanded == 20_000
    tcb.congestion.cwnd = 20_999
    gathering.expand(tcb)
    assert tcb.snd_memory == 2 * (2_048 + 256) * 20  # whole segments count
    tcb.congestion.cwnd = 3_000  # never less than the initial window's, and it does not shrink
    gathering.expand(tcb)
    assert tcb.snd_memory == 2 * (2_048 + 256) * 20
    tcb.snd_memory = tcb.snd_expanded = 0
    gathering.expand(tcb)
    assert tcb.snd_memory == 2 * (2_048 + 256) * 10
    tcb.advmss, tcb.congestion.cwnd = 1_408, 20_000  # 2,048 with its 640 octets: fits exactly
    gathering.expand(tcb)
    assert tcb.snd_memory == 2 * (2_048 + 256) * 20
    tcb.advmss, tcb.snd_expanded = 1_409, 0
    gathering.expand(tcb)
    assert tcb.snd_memory == 2 * (4_096 + 256) * 20
    tcb.congestion.cwnd = 1_000_000_000
    gathering.expand(tcb)
    assert tcb.snd_memory == tcb.config.send_buffer
    tcb.options.sndbuf, tcb.options.sndbuf_locked = 4_608, True
    gathering.expand(tcb)
    assert tcb.snd_memory == 4_608


def grown(tcb: Tcb) -> int:
    tcb.snd_expanded = 0  # the congestion window has changed
    gathering.expand(tcb)
    return tcb.snd_memory


@pytest.mark.parametrize(
    ("peer", "path", "memory"),
    [(1_000, 1_400, 17_000), (1_400, 1_000, 17_000), (1_024, 1_024, 16_384), (1_023, 1_023, 17_391)],
)
def test_the_bsds_begin_with_whole_segments(peer: int, path: int, memory: int) -> None:
    for form in ("steps", "fixed"):
        tcb = sender(form=form)
        tcb.peer_mss, tcb.path_mss, tcb.snd_memory = peer, path, 0
        tcb.snd_una = tcb.iss
        assert grown(tcb) == 16_384  # before the handshake is over a segment has no size
        tcb.snd_una = tcb.iss + 1
        assert grown(tcb) == memory
        assert grown(tcb) == memory
    locked = sender(form="steps", sndbuf=5_001, sndbuf_locked=True)
    locked.peer_mss = locked.path_mss = 1_000
    assert grown(locked) == 6_000
    locked.snd_una = locked.iss
    assert grown(locked) == 5_001


@pytest.mark.parametrize(
    ("waiting", "window", "cwnd", "unsent", "memory"),
    [
        (70_000, 64_000, 64_000, 64_000, 88_192),
        (70_000, 90_000, 64_000, 64_000, 88_192),
        (70_000, 64_000, 90_000, 64_000, 88_192),
        (69_999, 64_000, 64_000, 10_000, 80_000),  # it is not nearly full
        (70_000, 63_999, 64_000, 10_000, 80_000),  # the peer's window is the smaller one
        (70_000, 64_000, 64_000, 64_001, 80_000),  # it is not the buffer that holds up
        (70_000, 90_000, 64_000, 64_001, 80_000),
        (70_000, 64_000, 90_000, 64_001, 80_000),
        (2_097_151, 64_000, 64_000, 10_000, 88_192),
        (2_097_152, 64_000, 64_000, 10_000, 80_000),  # more than it could ever hold
    ],
)
def test_the_bsds_add_steps(waiting: int, window: int, cwnd: int, unsent: int, memory: int) -> None:
    def nearly_full(form: str, size: int, **options: object) -> Tcb:
        tcb = sender(form=form, window=window, cwnd=cwnd, **options)
        tcb.snd_memory = size
        tcb.sendbuf.append(bytes(waiting))
        tcb.snd_nxt = tcb.sendbuf.end - unsent
        return tcb

    assert grown(nearly_full("steps", 80_000)) == memory
    assert grown(nearly_full("fixed", 80_000)) == 80_000
    assert grown(nearly_full("steps", 0, sndbuf=80_400, sndbuf_locked=True)) == 80_400


def test_a_step_is_reckoned_in_whole_quarters_and_eighths() -> None:
    for size, window, waiting, memory in (
        (80_007, 64_008, 70_000, 88_199),
        (80_007, 64_008, 69_999, 80_007),
        (80_002, 64_003, 70_000, 80_002),
        (80_000, 64_003, 70_000, 88_192),
    ):
        tcb = sender(form="steps", window=window, cwnd=200_000)
        tcb.snd_memory = size
        tcb.sendbuf.append(bytes(waiting))
        tcb.snd_nxt = tcb.sendbuf.end
        assert grown(tcb) == memory


def test_the_last_step_ends_at_the_limit() -> None:
    tcb = sender(form="steps", window=2_000_000, cwnd=2_000_000)
    tcb.snd_memory = 2_090_000
    tcb.sendbuf.append(bytes(2_000_000))
    assert grown(tcb) == tcb.config.send_buffer == 2_097_152


@pytest.mark.parametrize(
    ("size", "smss", "memory", "waiting", "takes"),
    [
        (1, 1_000, 1_000, 0, True),
        (1_000, 1_000, 1_000, 0, True),
        (0, 1_000, 1_000, 0, False),
        (1_001, 1_000, 5_000, 0, False),
        (10, 1_000, 999, 0, False),
        (10, 1_000, 5_000, 1, False),
    ],
)
def test_a_segment_fits_into_an_empty_buffer(
    size: int, smss: int, memory: int, waiting: int, takes: bool
) -> None:
    tcb = sender(smss=smss)
    tcb.snd_memory = memory
    tcb.sendbuf.append(bytes(waiting))
    assert gathering.surely_takes(tcb, size) is takes


def waiting_for_an_ack(
    *, window: int = 60_000, cwnd: int = 100_000, srtt: int = 10 * MS, xmit_at: int = 0, sent_at: int = 9 * MS
) -> Tcb:
    tcb = sender(window=window, cwnd=cwnd)
    tcb.rtt.srtt = srtt
    tcb.scoreboard.add(101, 1_101, xmit_at)
    tcb.scoreboard.add(1_101, 2_101, sent_at)
    tcb.last_sent_at = sent_at
    return tcb


def test_a_few_segments_wait_for_the_next_ack() -> None:
    def defers(room: int, now: int = 10 * MS, waiting: int = 50_000, **how: int) -> bool:
        return gathering.defers(waiting_for_an_ack(**how), waiting, room, 1_000, now)

    assert defers(18_999)
    assert not defers(19_000)  # as much as the pace sends in a millisecond
    assert defers(9_999, window=30_000)
    assert not defers(10_000, window=30_000)  # a third of the window
    assert not defers(10_001, window=30_000)
    assert defers(5_000, window=1_000_000)
    assert defers(4_999, cwnd=30_000)
    # Not unless something has left within a millisecond, and the ACK is as near, or half a round trip.
    assert not defers(5_000, now=10 * MS + 1)
    assert defers(5_000, now=9 * MS)
    assert not defers(5_000, now=9 * MS - 1)
    assert defers(100, now=8 * MS, srtt=1 * MS, xmit_at=7 * MS + 500 * US, sent_at=8 * MS)
    assert not defers(100, now=8 * MS, srtt=1 * MS, xmit_at=7 * MS + 501 * US, sent_at=8 * MS)
    assert not defers(5_000, srtt=0)  # nobody knows when it will come


def test_who_has_said_all_or_lost_something_does_not_wait() -> None:
    def defers(tcb: Tcb, room: int = 5_000, waiting: int = 5_000) -> bool:
        return gathering.defers(tcb, waiting, room, 1_000, 10 * MS)

    tcb = waiting_for_an_ack()
    assert defers(tcb)
    tcb.fin_queued = True
    assert defers(tcb)
    assert not defers(tcb, room=5_001)
    tcb.fin_queued = False
    assert defers(tcb, room=5_001)
    for state, answer in ((OPEN, True), (DISORDER, True), (CWR, True), (RECOVERY, False), (LOSS, False)):
        tcb.recovery = state
        assert defers(tcb) is answer
    nothing_out = sender(cwnd=100_000)
    nothing_out.rtt.srtt = 10 * MS
    nothing_out.last_sent_at = 10 * MS
    assert not defers(nothing_out)


@pytest.mark.parametrize(
    ("srtt", "min_rtt", "cwnd", "ssthresh", "recovery", "segments"),
    [
        (0, 0, 10_000, INFINITE_SSTHRESH, OPEN, 5),  # half of the window
        (0, 0, 1_000, INFINITE_SSTHRESH, OPEN, 1),
        (0, 0, 400_000, INFINITE_SSTHRESH, OPEN, 65),  # 65,215 octets
        (100 * MS, 100 * MS, 10_000, INFINITE_SSTHRESH, OPEN, 2),  # a ms at 200 kB/s is less than two
        (10 * MS, 0, 100_000, INFINITE_SSTHRESH, OPEN, 19),  # 20 MB/s for 1/1,024 s
        (10 * MS, 0, 100_000, 200_002, OPEN, 19),
        (10 * MS, 0, 100_000, 200_001, OPEN, 11),  # above half of ssthresh: 12 MB/s
        (10 * MS, 0, 100_000, INFINITE_SSTHRESH, LOSS, 11),
        (10 * MS, 511 * US, 100_000, INFINITE_SSTHRESH, OPEN, 50),  # 64 KiB more on a short path
        (10 * MS, 512 * US, 100_000, INFINITE_SSTHRESH, OPEN, 50),
        (10 * MS, 1_024 * US, 100_000, INFINITE_SSTHRESH, OPEN, 35),  # 16 KiB more
        (10 * MS, 1_536 * US, 100_000, INFINITE_SSTHRESH, OPEN, 27),
        (1 * MS, 10 * MS, 400_000, INFINITE_SSTHRESH, OPEN, 65),
    ],
)
def test_how_much_goes_in_one_go(
    srtt: int, min_rtt: int, cwnd: int, ssthresh: int, recovery: int, segments: int
) -> None:
    tcb = sender(cwnd=cwnd)
    tcb.rtt.srtt, tcb.rtt.min_rtt = srtt, min_rtt
    tcb.congestion.ssthresh, tcb.recovery = ssthresh, recovery
    assert gathering.chunk(tcb) == segments
    assert gathering.chunk(sender(gathers=False)) == 1


def test_urgent_data_goes_in_segments_of_its_own() -> None:
    tcb = sender(cwnd=100_000)
    tcb.snd_up = tcb.snd_una
    assert gathering.worthwhile(tcb) == 65
    tcb.snd_up += 1
    assert gathering.worthwhile(tcb) == 1
    assert gathering.worthwhile(sender(smss=40_000)) == 1  # two do not fit into a chunk


def test_what_is_out_beyond_the_window_counts_for_the_pace() -> None:
    tcb = sender(cwnd=100_000)
    tcb.rtt.srtt = 10 * MS
    tcb.snd_nxt += 200_000
    assert gathering.chunk(tcb) == 39


@pytest.mark.parametrize(
    ("memory", "waiting", "lowat", "cwnd", "octets"),
    [
        (100_000, 0, 0, 10_000, 20_000 + 8 * 10_000),
        (100_000, 0, 3_000, 10_000, 20_000),  # sendable 10,000 and a chunk: beyond the low-water mark already
        (100_000, 25_000, 0, 10_000, 7 * 10_000),
        (100_000, 5_000, 0, 10_000, 5_000 + 5_000 + 8 * 10_000),
        (30_000, 25_000, 0, 10_000, 10_000),
        (27_304, 25_000, 0, 10_000, 0),  # all of the memory is taken
        (27_305, 25_000, 0, 10_000, 10_000),
        (100_000, 25_000, 25_000, 10_000, 0),
        (14_537, 13_000, 0, 20_000, 7_000),
        (16_536, 15_000, 0, 20_000, 0),
        (16_537, 15_000, 0, 20_000, 5_000),  # what the windows allow leaves while the write goes on
        (100_000, 15_000, 15_000, 20_000, 0),
        (100_000, 15_000, 30_000, 20_000, 5_000 + 2 * 10_000),
        (100_000, 25_000, 25_001, 10_000, 10_000),
        (1_000, 0, 0, 10_000, 20_000),  # the last chunk may go beyond
        (0, 0, 0, 10_000, 0),
    ],
)
def test_how_much_a_write_may_add(memory: int, waiting: int, lowat: int, cwnd: int, octets: int) -> None:
    tcb = sender(window=20_000, cwnd=cwnd, notsent_lowat=lowat)
    tcb.snd_memory = memory
    tcb.sendbuf.append(bytes(waiting))
    assert gathering.room(tcb) == octets
    plain = sender(gathers=False)
    plain.sendbuf.append(bytes(waiting))
    assert gathering.room(plain) == 100_000 - waiting


def test_a_write_is_gathered_with_the_tail_of_the_one_before() -> None:
    """What was written before is chunks that are full, and one that is not: only that has room in it."""
    tcb = sender(window=20_000)
    tcb.snd_memory = 26_000  # with three chunks' bookkeeping it is full: only the last chunk may go on
    tcb.sendbuf.append(bytes(25_000))
    tcb.boundaries = Boundaries(101)
    tcb.boundaries.written(101, 25_101, 101, goal=10_000, half=10_000, more=False, record=False)
    assert gathering.room(tcb) == 5_000
    tcb.snd_memory = 100_000
    assert gathering.room(tcb) == 5_000 + 7 * 10_000
