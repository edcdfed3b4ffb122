"""How much is gathered into one chunk, how much a write may add, and how large the send buffer grows."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS, US
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import gathering
from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH
from netarium.transport.tcp.tcb import LOSS, OPEN, Tcb


def sender(
    *, smss: int = 1_000, cwnd: int = 10_000, window: int = 60_000, gathers: bool = True, **options: object
) -> Tcb:
    tcb = Tcb(4, replace(TcpConfig(), gathering=gathers), SocketOptions(**options), 1, "us", None)
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
