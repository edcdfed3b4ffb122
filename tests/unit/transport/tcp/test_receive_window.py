"""The receive window by itself: what is offered first, in what steps, and how it grows."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.profiles import profile
from netarium.base.units import MS
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import window
from netarium.transport.tcp.tcb import Tcb

IRS = 500
LOCKED = {"rcvbuf_locked": True}


def receiver(*, buffer: int = 64_000, **options: object) -> Tcb:
    """Segments of 1,000 octets; 10,000 octets are offered from 501 on, all of what may be; half of the memory counts."""
    tcb = Tcb(4, TcpConfig(), SocketOptions(**options), 1, "us", None)
    tcb.rcv_nxt = tcb.last_ack_sent = IRS + 1
    tcb.rcv_mss, tcb.advmss = 1_000, 1_460
    tcb.rcv_buf, tcb.rcv_memory, tcb.rcv_ratio = buffer, 2 * buffer, 128
    tcb.rcv_adv = tcb.rcv_nxt + 10_000
    tcb.rcv_ssthresh, tcb.window_clamp = 10_000, 32_000
    tcb.rcv_wind_shift = 0
    return tcb


@pytest.mark.parametrize(
    ("memory", "clamp", "mss", "offered"),
    [
        (131_072, 0, 1_460, 64_240),  # half, in whole segments
        (131_072, 0, 1_000, 65_000),
        (200_000, 0, 1_000, 0xFFFF),
        (200_000, 90_000, 1_000, 0xFFFF),
        (2_000, 0, 1_000, 1_000),  # not more than a segment: as it is
        (2_002, 0, 1_000, 1_000),
        (4_000, 0, 1_460, 1_460),
        (2_800, 0, 1_460, 1_400),
        (131_072, 5_500, 1_000, 5_000),
        (131_072, 900, 1_000, 900),
    ],
)
def test_the_first_window(memory: int, clamp: int, mss: int, offered: int) -> None:
    options = SocketOptions(rcvbuf=memory, rcvbuf_locked=True, window_clamp=clamp)
    assert window.first(TcpConfig(), options, mss) == offered
    assert window.memory(TcpConfig(), options) == memory
    unlocked = replace(TcpConfig(), receive_buffer=memory)
    assert window.first(unlocked, SocketOptions(window_clamp=clamp), mss) == offered
    plain = replace(TcpConfig(), window_form="plain")
    assert window.first(plain, options, mss) == min(clamp or 0xFFFF, memory, 0xFFFF)


@pytest.mark.parametrize(
    ("queued", "offered", "ssthresh", "selected"),
    [
        (0, 10_000, 10_000, 10_000),
        (0, 9_001, 10_000, 9_001),  # not worth a new edge: less than a segment more
        (0, 9_000, 10_000, 10_000),
        (0, 9_000, 10_999, 10_000),  # whole segments
        (0, 10_500, 10_000, 10_000),
        (48_000, 10_000, 60_000, 16_000),  # half of the clamp is free
        (55_000, 9_000, 60_000, 9_000),
        (55_000, 7_999, 60_000, 9_000),
        (60_001, 2_500, 60_000, 0),  # less than a sixteenth of the buffer
        (60_000, 3_500, 60_000, 3_500),
    ],
)
def test_the_window_moves_in_steps(queued: int, offered: int, ssthresh: int, selected: int) -> None:
    tcb = receiver()
    tcb.rcv_queued, tcb.rcv_ssthresh = queued, ssthresh
    tcb.rcv_adv = tcb.last_ack_sent + offered
    tcb.quickacks = 9
    assert window.select(tcb) == selected
    assert tcb.quickacks == (0 if queued > 48_000 else 9)  # crowded: no hurry


def test_what_waits_out_of_order_takes_room_too() -> None:
    tcb = receiver()
    tcb.rcv_ssthresh = 60_000
    tcb.rcv_queued = 50_000
    tcb.reassembly.insert(tcb.rcv_nxt + 1_000, bytes(4_000))
    tcb.rcv_adv = tcb.last_ack_sent
    assert window.select(tcb) == 10_000


def test_steps_of_a_scaled_window() -> None:
    tcb = receiver()
    tcb.rcv_wind_shift = 7
    tcb.rcv_ssthresh = 10_001
    assert window.select(tcb) == 10_112 == 79 * 128
    tcb.rcv_ssthresh, tcb.rcv_queued = 60_000, 54_900
    assert window.select(tcb) == 9_088 == 71 * 128  # crowded: rounded down
    tcb.rcv_queued = 0
    assert window.offer(tcb) == 60_032
    tcb.rcv_ssthresh, tcb.rcv_adv = 10_000, tcb.rcv_nxt + 10_000
    assert window.offer(tcb) == 10_112
    tcb.rcv_queued = 62_000  # no room at all: the edge stays
    assert window.offer(tcb) == 10_112
    tcb.rcv_buf = tcb.window_clamp = tcb.rcv_ssthresh = 1 << 30
    tcb.rcv_queued = 0
    assert window.offer(tcb) == 0xFFFF << 7


@pytest.mark.rfc("9293", "SHLD-14")
def test_the_edge_is_never_pulled_back() -> None:
    tcb = receiver()
    for queued in (0, 30_000, 60_000, 63_999, 64_000):
        tcb.rcv_queued = queued
        assert window.offer(tcb) == 10_000
    tcb.rcv_nxt += 4_000
    assert window.offer(tcb) == 6_000


def test_who_only_sends_offers_what_was_offered_rounded_up() -> None:
    tcb = receiver()
    tcb.rcv_wind_shift = 3
    tcb.rcv_ssthresh, tcb.rcv_adv = 10_001, tcb.rcv_nxt + 10_001
    assert window.offer(tcb) == 10_008
    tcb.rcv_queued = 60_000
    assert window.offer(tcb) == 10_008, "nor is it less when nothing is free"


def test_a_tiny_buffer_is_one_segment() -> None:
    tcb = receiver(buffer=600)
    tcb.window_clamp = 700
    tcb.rcv_ssthresh = 700
    tcb.rcv_adv = tcb.last_ack_sent + 299
    assert window.select(tcb) == 600  # more than half of it is free beyond what is offered
    tcb.rcv_adv = tcb.last_ack_sent + 300
    assert window.select(tcb) == 300
    tcb.rcv_buf = 0
    assert window.select(tcb) == 0


@pytest.mark.parametrize(
    ("size", "queued", "ssthresh", "after"),
    [
        (1_000, 0, 10_000, 10_000 + 2 * 1_460),
        (1_500, 0, 10_000, 10_000 + 2 * 1_500),
        (128, 0, 10_000, 10_000 + 2 * 1_460),
        (127, 0, 10_000, 10_000),
        (1_000, 0, 31_000, 32_000),  # the clamp
        (1_000, 0, 32_000, 32_000),
        (1_000, 52_000, 10_000, 11_000),  # what is free, this segment taken off
        (1_000, 53_000, 10_000, 10_000),
        (1_000, 60_000, 10_000, 10_000),
    ],
)
def test_how_it_grows(size: int, queued: int, ssthresh: int, after: int) -> None:
    tcb = receiver()
    tcb.rcv_queued, tcb.rcv_ssthresh = queued, ssthresh
    tcb.quickacks = 4
    window.grow(tcb, size)
    assert tcb.rcv_ssthresh == after
    assert tcb.quickacks == (5 if after > ssthresh else 4)


@pytest.mark.parametrize(
    ("octets", "clamp", "ssthresh", "space"),
    [
        (20_000, 20_000, 10_000, 20_000),
        (5_000, 5_000, 5_000, 5_000),
        (100, 1_152, 1_152, 1_152),
        (1_152, 1_152, 1_152, 1_152),
        (50_000, 50_000, 12_000, 30_000),  # what is offered already
        (32_000, 32_000, 12_000, 30_000),
    ],
)
def test_a_clamp(octets: int, clamp: int, ssthresh: int, space: int) -> None:
    tcb = receiver()
    tcb.drs_space = 30_000
    tcb.rcv_adv = tcb.last_ack_sent + (12_000 if octets >= 32_000 else 10_000)
    window.clamp(tcb, octets)
    assert (tcb.window_clamp, tcb.rcv_ssthresh, tcb.drs_space) == (clamp, ssthresh, space)


def test_a_round_trip_without_timestamps() -> None:
    """The time in which what was offered is filled; the least of them."""
    tcb = receiver()
    window.measure_rtt(tcb, 1_000 * MS)
    assert tcb.rcv_rtt == 0
    tcb.rcv_nxt += 9_999
    window.measure_rtt(tcb, 1_010 * MS)
    assert tcb.rcv_rtt == 0
    tcb.rcv_nxt += 1
    tcb.rcv_adv = tcb.rcv_nxt + 5_000
    window.measure_rtt(tcb, 1_050 * MS)
    assert tcb.rcv_rtt == 50 * MS
    for later, least in ((60, 50), (40, 40), (45, 40)):
        tcb.rcv_nxt = tcb.rcv_adv
        tcb.rcv_adv += 5_000
        window.measure_rtt(tcb, tcb.rcv_rtt_at + later * MS)
        assert tcb.rcv_rtt == least * MS
    tcb.rcv_nxt = tcb.rcv_adv
    window.measure_rtt(tcb, tcb.rcv_rtt_at)
    assert tcb.rcv_rtt == 1_000  # a microsecond at the least


def test_a_round_trip_with_timestamps() -> None:
    tcb = receiver()
    for ticks, known in ((40, 40 * MS), (80, 45 * MS), (20, 20 * MS), (0, MS), (0x7FFF_FFFF, None)):
        before = tcb.rcv_rtt
        window.sample_rtt(tcb, ticks + 7, ticks)
        assert tcb.rcv_rtt == (before + (0x7FFF_FFFF * MS - before) // 8 if known is None else known)
        assert tcb.rcv_rtt_ecr == ticks + 7
    before = tcb.rcv_rtt
    window.sample_rtt(tcb, 3, 0x8000_0000)  # an echo from the future
    assert (tcb.rcv_rtt, tcb.rcv_rtt_ecr) == (before, 3)


def tuned(**options: object) -> Tcb:
    tcb = receiver(**options)
    tcb.rcv_rtt, tcb.drs_at, tcb.drs_space = 10 * MS, 100 * MS, 20_000
    return tcb


def test_the_memory_follows_the_application() -> None:
    """Twice what it takes in a round trip, as octets; the memory is twice that, since half of it counts.

    And as much more as it takes more than before, twice over: 31 of 20 here.
    """
    tcb = tuned()
    window.tune(tcb, 50_000, 110 * MS - 1)
    assert (tcb.drs_copied, tcb.rcv_memory) == (50_000, 128_000)
    window.tune(tcb, 1_000, 110 * MS)
    assert (tcb.drs_copied, tcb.drs_at, tcb.drs_space) == (0, 110 * MS, 51_000)
    assert (tcb.rcv_memory, tcb.rcv_buf, tcb.window_clamp) == (836_400, 418_200, 418_200)
    window.tune(tcb, 51_000, 120 * MS)  # no more than the last time
    assert (tcb.drs_copied, tcb.drs_at, tcb.drs_space, tcb.rcv_memory) == (0, 120 * MS, 51_000, 836_400)
    window.tune(tcb, 1 << 30, 130 * MS)
    assert tcb.rcv_memory == tcb.config.receive_buffer_max


def test_when_the_memory_stays() -> None:
    tcb = tuned(rcvbuf_locked=True)
    window.tune(tcb, 50_000, 110 * MS)
    assert (tcb.drs_space, tcb.rcv_memory, tcb.drs_copied) == (50_000, 128_000, 0)
    tcb = tuned()
    window.tune(tcb, 20_000, 110 * MS)  # not more than there was
    assert (tcb.drs_space, tcb.rcv_memory) == (20_000, 128_000)
    tight = tuned(buffer=30_000)
    window.tune(tight, 20_000, 110 * MS)  # as much as before: however little memory there is for it
    assert tight.rcv_memory == 60_000
    window.tune(tcb, 21_000, 120 * MS)  # more, and there is memory for it
    assert (tcb.drs_space, tcb.rcv_memory) == (21_000, 128_000)
    tcb = tuned()
    tcb.rcv_rtt = 0
    window.tune(tcb, 50_000, 500 * MS)
    assert (tcb.drs_copied, tcb.rcv_memory) == (50_000, 128_000)


def test_what_waits_out_of_order_is_added_to_what_is_wanted() -> None:
    tcb = tuned()
    tcb.reassembly.insert(tcb.rcv_nxt + 5_000, bytes(1_000))
    window.tune(tcb, 50_000, 110 * MS)
    assert tcb.rcv_memory == 2 * (100_000 + 300_000 + 6_000)


def test_from_nothing_it_grows_by_what_is_taken() -> None:
    tcb = tuned(buffer=500)
    tcb.drs_space = 0
    window.tune(tcb, 100, 110 * MS)
    assert tcb.rcv_memory == 2 * (200 + 2 * 200 * 99)


@pytest.mark.parametrize(
    ("advmss", "smss", "offered", "mss"),
    [
        (1_460, 1_460, 60_000, 536),
        (400, 1_460, 60_000, 400),
        (1_460, 300, 60_000, 300),
        (1_460, 1_460, 1_001, 500),
        (1_460, 1_460, 100, 88),
    ],
)
def test_what_a_full_segment_is_until_some_came(advmss: int, smss: int, offered: int, mss: int) -> None:
    tcb = receiver()
    tcb.advmss, tcb.smss = advmss, smss
    tcb.rcv_adv = tcb.rcv_nxt + offered
    window.begin(tcb, 5)
    assert tcb.rcv_mss == mss


def test_memory_that_is_just_enough_stays_and_so_does_the_clamp() -> None:
    tcb = tuned(buffer=75_000)
    window.tune(tcb, 25_000, 110 * MS)
    assert (tcb.rcv_memory, tcb.window_clamp) == (150_000, 32_000)


@pytest.mark.parametrize(
    ("buffer", "clamp", "offered", "clamped", "space"),
    [
        (64_000, 0, 60_000, 62_540, 14_600),  # room for one segment beyond what is offered
        (64_000, 5_000, 60_000, 5_000, 5_000),
        (2_000, 0, 2_000, 2_000, 2_000),  # a small buffer is not made larger
        (4_000, 0, 4_000, 2_920, 2_920),
        (64_000, 0, 9_000, 62_540, 9_000),
    ],
)
def test_how_a_window_begins(buffer: int, clamp: int, offered: int, clamped: int, space: int) -> None:
    tcb = receiver(buffer=buffer, window_clamp=clamp)
    tcb.rcv_adv = tcb.rcv_nxt + offered
    tcb.rcv_memory = 2 * buffer
    window.begin(tcb, 5)
    assert (tcb.window_clamp, tcb.drs_space, tcb.drs_at, tcb.drs_copied) == (clamped, space, 5, 0)
    assert tcb.rcv_adv == tcb.rcv_nxt + offered
    assert tcb.rcv_ssthresh == min(offered, clamped)


@pytest.mark.parametrize(("shift", "more"), [(0, 0), (3, 134_465)])
def test_what_the_field_of_the_syn_could_not_say_is_offered_now(shift: int, more: int) -> None:
    tcb = receiver(buffer=400_000)
    tcb.rcv_memory = 400_000
    tcb.advmss = 1_000
    tcb.rcv_wind_shift = shift
    tcb.rcv_adv = tcb.rcv_nxt + 0xFFFF
    window.begin(tcb, 5)
    assert tcb.rcv_adv == tcb.rcv_nxt + 0xFFFF + more


def test_what_waits_out_of_order_leaves_less_room_to_grow_into() -> None:
    tcb = receiver(buffer=20_000)
    tcb.rcv_ssthresh = 15_000
    tcb.reassembly.insert(tcb.rcv_nxt + 10, bytes(3_000))
    window.grow(tcb, 1_000)
    assert tcb.rcv_ssthresh == 16_000
    window.grow(tcb, 1_000, waiting=True)
    assert tcb.rcv_ssthresh == 18_000


@pytest.mark.parametrize(
    ("octets", "memory", "buffer", "clamp"),
    [
        (64_000, 128_000, 64_000, 32_000),  # there is just enough
        (64_001, 128_002, 64_001, 64_001),
        (70_000, 140_000, 70_000, 70_000),
    ],
)
def test_what_nobody_has_read_yet_has_room(octets: int, memory: int, buffer: int, clamp: int) -> None:
    tcb = receiver()
    window.reserve(tcb, octets)
    assert (tcb.rcv_memory, tcb.rcv_buf, tcb.window_clamp) == (memory, buffer, clamp)
    early = receiver()
    early.window_clamp = 0  # the handshake is not over
    window.reserve(early, octets)
    assert (early.rcv_memory, early.window_clamp) == (memory, 0)
    wide = receiver()
    wide.window_clamp = 90_000
    window.reserve(wide, octets)
    assert wide.window_clamp == 90_000


@pytest.mark.parametrize(("name", "shift", "window_", "offered"), [
    ("freebsd", 0, 30_000, 30_000), ("freebsd", 3, 30_001, 30_008), ("rfc", 3, 30_001, 30_000), ("rfc", 0, 30_001, 30_001),
])  # fmt: skip
def test_what_is_offered_by_the_book(name: str, shift: int, window_: int, offered: int) -> None:
    tcb = receiver()
    tcb.config = profile(name)
    tcb.rcv_wind_shift = shift
    tcb.rcv_buf = tcb.window_clamp = window_
    assert window.offer(tcb) == offered
    tcb.rcv_adv = tcb.rcv_nxt + 50_001
    assert window.offer(tcb) == (50_008 if shift else 50_001), "the edge is not pulled back"


def test_a_clamp_of_one_octet() -> None:
    tcb = receiver()
    tcb.window_clamp = tcb.rcv_ssthresh = 1
    tcb.rcv_adv = tcb.rcv_nxt
    assert window.select(tcb) == 1
    window.reserve(tcb, 200_000)
    assert tcb.window_clamp == 200_000


def test_what_the_application_has_not_taken_does_not_count() -> None:
    tcb = tuned()
    tcb.rcv_queued = 31_000
    window.tune(tcb, 50_000, 110 * MS)
    assert (tcb.drs_space, tcb.rcv_memory) == (20_000, 128_000)


def test_a_slow_application_makes_no_round_trip_longer() -> None:
    tcb = receiver()
    window.sample_rtt(tcb, 1, 40)
    tcb.rcv_queued = 1
    window.sample_rtt(tcb, 2, 80)
    assert tcb.rcv_rtt == 40 * MS
    window.sample_rtt(tcb, 3, 20)
    assert tcb.rcv_rtt == 20 * MS


@pytest.mark.parametrize(
    ("shrinks", "shift", "edge"), [(False, 2, 40_000), (True, 2, 26_000), (True, 0, 40_000)]
)
def test_the_edge_is_taken_back_only_if_it_shall_be(shrinks: bool, shift: int, edge: int) -> None:
    """tcp_shrink_window, which counts only where the window is scaled."""
    tcb = receiver()
    tcb.config = replace(tcb.config, shrink_window=shrinks)
    tcb.rcv_wind_shift, tcb.rcv_mss = shift, 1_000
    tcb.rcv_buf = tcb.window_clamp = tcb.rcv_ssthresh = 40_000
    tcb.rcv_adv = tcb.rcv_nxt + 40_000
    tcb.rcv_queued = 14_000
    assert window.offer(tcb) == edge


@pytest.mark.parametrize(
    ("size", "ts", "cost"),
    [
        (152, False, 832),  # 576, and 256 of bookkeeping
        (153, False, 1_280),  # 1,024
        (140, True, 832),
        (141, True, 1_280),
        (600, False, 1_280),
        (601, False, 2_304),
        (1_460, False, 2_304),
        (1_624, False, 2_304),
        (1_625, False, 4_352),
    ],
)
def test_what_a_packet_costs(size: int, ts: bool, cost: int) -> None:
    tcb = receiver()
    tcb.ts_ok = ts
    tcb.advmss = 9_000
    window.measure(tcb, size)
    assert tcb.rcv_mss == size
    assert tcb.rcv_ratio == (size << 8) // cost
    assert tcb.rcv_buf == tcb.rcv_memory * tcb.rcv_ratio >> 8
    assert tcb.window_clamp == tcb.rcv_buf


def test_a_segment_is_no_larger_than_what_was_announced() -> None:
    tcb = receiver()
    window.measure(tcb, 3_000)
    assert tcb.rcv_mss == 1_460
    window.measure(tcb, 1)
    assert (tcb.rcv_mss, tcb.rcv_ratio) == (1, 1)
