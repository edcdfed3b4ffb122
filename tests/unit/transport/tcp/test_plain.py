"""Receiving by the book: the free buffer as the window, an ACK for every second segment."""

import pytest

from netarium.base.config import TcpConfig
from netarium.base.profiles import profile
from netarium.base.units import MS
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import plain
from netarium.transport.tcp.tcb import Tcb


def receiver(name: str, *, octets: int = 65_536, mss: int = 1_000, shift: int = 0) -> Tcb:
    """A connection that has just been established."""
    tcb = Tcb(4, profile(name), SocketOptions(rcvbuf=octets, rcvbuf_locked=True), 1, "here", None)
    tcb.smss = tcb.peer_mss = mss
    tcb.path_mss = 1_460
    tcb.rcv_wind_shift = shift
    tcb.start_receiving(99, min(octets, 0xFFFF))
    plain.begin(tcb)
    return tcb


@pytest.mark.parametrize(("name", "octets"), [("freebsd", 66_000), ("rfc", 65_536)])
def test_the_buffer(name: str, octets: int) -> None:
    assert receiver(name).rcv_buf == octets  # rounded up to whole segments by FreeBSD


def test_the_window_moves_by_segments_or_half_of_the_buffer() -> None:
    tcb = receiver("rfc", octets=20_000)
    tcb.rcv_queued, tcb.rcv_nxt = 5_000, 100 + 5_000
    assert plain.select(tcb) == 15_000
    tcb.rcv_queued = 4_001  # 999 octets were read
    assert plain.select(tcb) == 15_000
    tcb.rcv_queued = 4_000
    assert plain.select(tcb) == 16_000
    small = receiver("rfc", octets=1_200)
    small.rcv_queued, small.rcv_nxt = 1_200, 1_300
    small.rcv_queued = 601
    assert plain.select(small) == 0
    small.rcv_queued = 600
    assert plain.select(small) == 600


def test_a_scaled_window_is_what_its_field_can_say() -> None:
    tcb = receiver("rfc", octets=200_001, shift=3)
    assert plain.select(tcb) == 200_000
    assert receiver("freebsd", octets=200_001, mss=1_000, shift=3).rcv_buf == 201_000


def test_a_tiny_window_is_none() -> None:
    tcb = receiver("freebsd", octets=8_000)
    for queued, window in ((7_000, 1_000), (7_001, 0), (7_999, 0), (8_000, 0), (6_500, 1_500)):
        tcb.rcv_queued, tcb.rcv_adv = queued, tcb.rcv_nxt
        assert plain.select(tcb) == window


@pytest.mark.rfc("9293", "SHLD-18", "SHLD-19", "MUST-40")
@pytest.mark.parametrize(("name", "sizes", "at_once"), [
    ("freebsd", [10], False), ("freebsd", [10, 10], True), ("freebsd", [1_001], True), ("freebsd", [1_000], False),
    ("rfc", [10, 10], False), ("rfc", [1_000], False), ("rfc", [1_000, 1_000], True), ("rfc", [600, 600, 600, 200], True),
])  # fmt: skip
def test_every_second_segment(name: str, sizes: list[int], at_once: bool) -> None:
    tcb = receiver(name)
    for size in sizes:
        assert not tcb.ack_now
        plain.received(tcb, size)
        tcb.rcv_nxt += size
        plain.check(tcb, 1)
    assert tcb.ack_now == at_once
    delay = {"freebsd": 40, "rfc": 200}[name]
    assert at_once or tcb.delack_at == 1 + delay * MS


def test_what_brought_no_text_is_no_second_segment() -> None:
    tcb = receiver("freebsd")
    plain.received(tcb, 10)
    plain.check(tcb, 1)
    plain.check(tcb, 2)
    assert not tcb.ack_now
    assert tcb.delack_at == 1 + 40 * MS


def test_what_is_out_of_order_is_told_at_once() -> None:
    tcb = receiver("rfc")
    tcb.reassembly.insert(200, b"later")
    plain.check(tcb, 1)
    assert tcb.ack_now


@pytest.mark.rfc("9293", "MUST-39")
@pytest.mark.parametrize(("octets", "freed", "told"), [
    (40_000, 10_000, True), (40_000, 9_999, False), (8_000, 2_000, True), (8_000, 1_999, False), (1_000, 500, True),
    (1_000, 499, False), (80_000, 1_999, False), (80_000, 2_000, True), (80_000, 10_000, True), (80_000, 10_001, False),
    (80_000, 19_999, False), (80_000, 20_000, True),
])  # fmt: skip
def test_a_window_that_grew_by_much_is_told(octets: int, freed: int, told: bool) -> None:
    tcb = receiver("freebsd", octets=octets)
    tcb.rcv_nxt += octets
    tcb.rcv_adv = tcb.rcv_nxt
    tcb.rcv_queued = octets - freed
    tcb.rcv_mss = 1_000
    plain.after_read(tcb)
    assert tcb.ack_now == (told and plain.select(tcb) > 0)
    assert told == tcb.ack_now


@pytest.mark.parametrize(("fin", "told"), [(None, True), (40_100, True), (40_099, False)])
def test_who_has_sent_all_hears_of_no_window(fin: int | None, told: bool) -> None:
    tcb = receiver("freebsd", octets=40_000)
    tcb.rcv_nxt = tcb.rcv_adv = 40_100
    tcb.rcv_fin = fin
    plain.after_read(tcb)
    assert tcb.ack_now is told


def test_what_is_offered_already_is_no_gain() -> None:
    tcb = receiver("freebsd", octets=40_000)
    tcb.rcv_adv = tcb.rcv_nxt + 9_000
    tcb.rcv_queued = 25_000
    plain.after_read(tcb)
    assert not tcb.ack_now
    tcb.rcv_queued = 21_000
    plain.after_read(tcb)
    assert tcb.ack_now


def test_the_window_is_no_more_than_its_field_can_say() -> None:
    """And all of the buffer is the octets' own."""
    tcb = receiver("rfc", octets=100_000)
    assert plain.select(tcb) == tcb.window_clamp == 0xFFFF
    assert (tcb.rcv_buf, tcb.rcv_ratio) == (100_000, 256)
    tcb = receiver("rfc", octets=2_000, shift=10)
    tcb.rcv_queued, tcb.rcv_nxt = 1_000, tcb.rcv_adv
    assert plain.select(tcb) == 0, "a thousand is no multiple of 1,024"


@pytest.mark.parametrize(("free", "window"), [(499, 0), (500, 500), (501, 501)])
def test_a_quarter_of_a_small_buffer_is_no_tiny_window(free: int, window: int) -> None:
    tcb = receiver("freebsd", octets=2_000)
    tcb.rcv_queued = 2_000 - free
    assert plain.select(tcb) == window


@pytest.mark.parametrize(
    ("name", "shut", "left"), [("freebsd", False, 10), ("freebsd", True, 0), ("rfc", True, 10)]
)
def test_what_nobody_will_read_is_thrown_away_by_who_does_that(name: str, shut: bool, left: int) -> None:
    tcb = receiver(name)
    plain.received(tcb, 10)
    tcb.rcv_queued, tcb.rcv_shutdown = 10, shut
    plain.check(tcb, 1)
    assert tcb.rcv_queued == left


def test_the_peers_segments_are_as_large_as_the_largest() -> None:
    """On a path that has become narrower they are not measured by it until one is larger."""
    tcb = receiver("rfc")
    tcb.path_mss = 600
    plain.received(tcb, 1_000)
    assert (tcb.rcv_mss, tcb.ack_scheduled) == (1_000, True)
    plain.received(tcb, 1_001)
    assert tcb.rcv_mss == 600


def test_without_a_delay_each_segment_is_acknowledged() -> None:
    tcb = Tcb(4, TcpConfig(ack_form="full", delayed_ack_ns=0), SocketOptions(), 1, "here", None)
    plain.received(tcb, 1)
    plain.check(tcb, 1)
    assert tcb.ack_now
