"""When an ACK is due, number by number: the rhythm of what arrives, the delay, what reading and TCP_QUICKACK do."""

from dataclasses import replace
from typing import Any

import pytest

from netarium.base.config import TcpConfig
from netarium.base.profiles import profile
from netarium.base.units import MS, SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import acks
from netarium.transport.tcp.tcb import Tcb

NOW = 9 * SECOND
LEAST = 40 * MS
MSS = 1_000


def receiver(config: TcpConfig | None = None, **settings: Any) -> Tcb:
    """It has had segments of 1,000 octets, the last at `NOW`; 20 are offered, and what came is acknowledged."""
    tcb = Tcb(4, replace(config or TcpConfig(), **settings), SocketOptions(), 1, "here", None)
    tcb.start_receiving(0, 20 * MSS)
    tcb.rcv_mss = MSS
    tcb.advmss = 1_460
    tcb.rcv_memory, tcb.rcv_buf = 100 * MSS, 50 * MSS
    tcb.window_clamp, tcb.rcv_ssthresh = 40 * MSS, 20 * MSS
    tcb.ato_ns = LEAST
    tcb.last_data_at = NOW
    tcb.rtt.rto = 300 * MS
    return tcb


def due(tcb: Tcb) -> bool:
    """An ACK is to go now, and the connection knows that it has something to send."""
    assert tcb.ack_now <= tcb.output
    now, tcb.ack_now, tcb.output = tcb.ack_now, False, False
    return now


# --- the rhythm -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap", "ato", "after"),
    [
        (0, 100 * MS, 70 * MS),  # together: half of the way to the least delay
        (15 * MS, 100 * MS, 70 * MS),
        (20 * MS, 100 * MS, 70 * MS),
        (20 * MS, 800 * MS, 420 * MS),
        (20 * MS + 1, 100 * MS, 70 * MS + 1),  # half of the delay, and the gap
        (100 * MS - 1, 100 * MS, 150 * MS - 1),
        (100 * MS, 100 * MS, 100 * MS),  # as long as that: no rhythm
        (199 * MS, 800 * MS, 300 * MS),  # the retransmission timeout is the limit
        (300 * MS, 100 * MS, 100 * MS),
        (300 * MS + 1, 100 * MS, 100 * MS),
    ],
)
def test_the_delay_follows_the_gaps(gap: int, ato: int, after: int) -> None:
    tcb = receiver()
    tcb.ato_ns = ato
    acks.received(tcb, MSS, NOW + gap, pushed=False)
    assert tcb.ato_ns == after
    assert tcb.last_data_at == NOW + gap
    assert tcb.quickacks == (10 | 1 if gap > 300 * MS else 1)  # after long silence; one, as the window grew


def test_the_first_segment_of_all_sets_the_least_delay() -> None:
    tcb = receiver()
    tcb.ato_ns = 0
    acks.received(tcb, MSS, NOW + SECOND, pushed=False)
    assert (tcb.ato_ns, tcb.quickacks) == (LEAST, 10 | 1)


def test_the_window_grows_with_full_segments_up_to_the_clamp() -> None:
    tcb = receiver()
    acks.received(tcb, MSS, NOW, pushed=False)
    assert tcb.rcv_ssthresh == 20 * MSS + 2 * 1_460
    tcb.rcv_ssthresh = tcb.window_clamp
    tcb.quickacks = 0
    acks.received(tcb, MSS, NOW, pushed=False)
    assert (tcb.rcv_ssthresh, tcb.quickacks) == (tcb.window_clamp, 0)


def test_a_round_trip_is_when_what_was_offered_is_filled() -> None:
    tcb = receiver()
    tcb.rcv_rtt_seq, tcb.rcv_rtt_at = 100, NOW - 7 * MS
    tcb.rcv_nxt = 99
    acks.received(tcb, MSS, NOW, pushed=False)
    assert tcb.rcv_rtt == 0
    tcb.rcv_nxt = 100
    acks.received(tcb, MSS, NOW, pushed=False)
    assert tcb.rcv_rtt == 7 * MS


@pytest.mark.parametrize(
    ("window", "mss", "most", "quick"),
    [
        (20_000, 1_000, 16, 10),
        (19_999, 1_000, 16, 9),
        (99_000, 1_000, 16, 16),
        (1_999, 1_000, 16, 2),  # not even half of two segments: two
        (99_000, 1_000, 0, 0),
        (9, 1, 16, 4),
    ],
)
def test_how_many_are_acknowledged_one_by_one(window: int, mss: int, most: int, quick: int) -> None:
    tcb = receiver(quick_acks=most)
    tcb.rcv_adv = tcb.rcv_nxt + window
    tcb.rcv_mss = mss
    acks.hurry(tcb)
    assert tcb.quickacks == quick
    tcb.quickacks = 99
    acks.hurry(tcb)
    assert tcb.quickacks == 99, "they are never fewer than before"


# --- what a full segment is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "pushed", "mss"),
    [
        (536, True, 536),  # the second of that size is believed, if it is a usual one,
        (535, True, MSS),
        (88, False, 88),  # or does not end anything
        (87, False, MSS),
        (88, True, MSS),
        (999, False, 999),
        (1_000, True, MSS),
        (1_001, False, 1_001),  # a larger one at once
        (1_461, False, 1_460),  # but never more than we let it send
    ],
)
def test_what_a_full_segment_is(size: int, pushed: bool, mss: int) -> None:
    tcb = receiver()
    acks.measure(tcb, size, pushed=pushed)
    assert size > MSS or tcb.rcv_mss == MSS
    acks.measure(tcb, size, pushed=pushed)
    assert tcb.rcv_mss == mss


def test_two_of_a_size_with_another_between_them_tell_nothing() -> None:
    for between in (MSS, 600, 50):
        tcb = receiver()
        tcb.rcv_mss = MSS
        acks.measure(tcb, 700, pushed=False)
        if between == MSS:
            acks.received(tcb, between, NOW, pushed=False)
            assert tcb.last_seg_size == 0
        acks.measure(tcb, between, pushed=False)
        acks.measure(tcb, 700, pushed=False)
        assert tcb.rcv_mss == MSS
    tiny = receiver()
    acks.measure(tiny, 1, pushed=False)
    assert tiny.last_seg_size == 0


def test_full_ones_forget_the_size_of_the_last_small_one() -> None:
    tcb = receiver()
    tcb.last_seg_size = 700
    acks.measure(tcb, MSS, pushed=True)
    assert (tcb.last_seg_size, tcb.ack_pushed) == (0, 1)
    acks.measure(tcb, MSS, pushed=True)
    assert tcb.ack_pushed == 1, "only small ones are counted twice"


def test_small_ones_end_something_the_second_even_more() -> None:
    tcb = receiver()
    seen = []
    for size in (50, 51, 52):
        acks.measure(tcb, size, pushed=False)
        seen.append(tcb.ack_pushed)
    assert seen == [1, 2, 2]
    acks.measure(tcb, MSS, pushed=True)
    assert tcb.ack_pushed == 2


def test_of_segments_that_a_device_merged_each_is_one() -> None:
    tcb = receiver()
    tcb.rcv_gso = 1_200
    acks.measure(tcb, 6_000, pushed=False)
    assert tcb.rcv_mss == 1_200


def test_other_forms_measure_nothing() -> None:
    tcb = receiver(profile("rfc"))
    acks.measure(tcb, 1_200, pushed=True)
    assert (tcb.rcv_mss, tcb.ack_pushed, tcb.last_seg_size) == (MSS, 0, 0)


# --- now or later -----------------------------------------------------------------------------------------------------


@pytest.mark.rfc("9293", "SHLD-19")
def test_more_than_a_full_segment_is_acknowledged_if_the_window_moves() -> None:
    def after(octets: int, queued: int, lowat: int = 1) -> bool:
        tcb = receiver()
        tcb.options.rcvlowat = lowat
        tcb.rcv_nxt += octets
        tcb.rcv_queued = queued
        tcb.rcv_ssthresh = 20 * MSS
        acks.check(tcb, NOW)
        return due(tcb)

    assert not after(MSS, 0)
    assert after(MSS + 1, 0)
    assert after(MSS + 1, 30 * MSS), "20,000 octets are free: as many as are offered"
    assert not after(MSS + 1, 30 * MSS + 1), "reading will acknowledge it"
    assert after(MSS + 1, 30 * MSS + 1, 30 * MSS + 2), "for so little the program is not woken"
    assert not after(MSS + 1, 30 * MSS + 1, 30 * MSS + 1)


def test_quick_ones_but_for_conversations() -> None:
    tcb = receiver()
    tcb.quickacks = 1
    acks.check(tcb, NOW)
    assert due(tcb)
    tcb.pingpong = True
    acks.check(tcb, NOW)
    assert not due(tcb)
    assert tcb.delack_at == NOW + LEAST
    never = receiver(delayed_ack_ns=0)
    acks.check(never, NOW)
    assert due(never)


@pytest.mark.rfc("9293", "MUST-40")
@pytest.mark.parametrize(
    ("ato", "srtt", "most", "delay"),
    [
        (0, 0, 0, 1),  # what the program does at once takes the ACK along
        (40, 0, 0, 40),
        (150, 0, 0, 150),
        (900, 0, 0, 200),
        (150, 100, 0, 100),  # within a round trip
        (150, 10, 0, 40),
        (30, 10, 0, 30),
        (150, 0, 60, 60),
        (900, 700, 0, 200),
    ],
)
def test_the_delay(ato: int, srtt: int, most: int, delay: int) -> None:
    tcb = receiver()
    tcb.ato_ns, tcb.rtt.srtt, tcb.options.delack_max_ns = ato * MS, srtt * MS, most * MS
    acks.check(tcb, NOW)
    assert tcb.delack_at == NOW + delay * MS
    assert tcb.ack_scheduled
    assert not due(tcb)


@pytest.mark.parametrize(
    ("left", "now", "delack"),
    [
        (25 * MS, True, 25 * MS),  # a quarter of the delay: it is nearly over
        (25 * MS + 1, False, 25 * MS + 1),
        (0, True, 0),
        (99 * MS, False, 99 * MS),
        (130 * MS, False, 100 * MS),
    ],
)
def test_an_earlier_deadline_stays(left: int, now: bool, delack: int) -> None:
    tcb = receiver()
    tcb.ato_ns = 100 * MS
    tcb.delack_at = NOW + left
    acks.check(tcb, NOW)
    assert tcb.delack_at == NOW + delack
    assert due(tcb) == now


def test_a_delay_in_vain_is_longer_the_next_time() -> None:
    tcb = receiver()
    tcb.delack_at, tcb.ack_scheduled = NOW, True
    acks.on_delay_over(tcb)
    assert (tcb.ato_ns, tcb.delack_at, due(tcb)) == (2 * LEAST, 0, True)
    tcb.ato_ns = 200 * MS
    acks.on_delay_over(tcb)
    assert tcb.ato_ns == 300 * MS
    tcb.pingpong = True
    acks.on_delay_over(tcb)
    assert (tcb.ato_ns, tcb.pingpong, due(tcb)) == (LEAST, False, True)
    tcb.ack_scheduled = False
    acks.on_delay_over(tcb)
    assert not due(tcb), "it went with something else"


# --- behind a hole ----------------------------------------------------------------------------------------------------


def behind_a_hole(**settings: Any) -> Tcb:
    """With SACK, and a round trip of 10 ms."""
    tcb = receiver(**settings)
    tcb.sack_ok = True
    tcb.reassembly.insert(5_000, bytes(MSS))
    tcb.rcv_rtt = 10 * MS
    return tcb


@pytest.mark.rfc("5681", "08")
def test_three_at_once_for_each_hole() -> None:
    tcb = behind_a_hole()

    def four() -> list[bool]:
        found = []
        for _ in range(4):
            acks.check(tcb, NOW)
            found.append(due(tcb))
        return found

    assert four() == [True, True, True, False]
    assert four() == [False] * 4
    assert (tcb.compressed, tcb.compressed_at) == (5, NOW + 500_000 + 100_000)
    acks.sent(tcb, 0, NOW)
    assert (tcb.compressed, tcb.compressed_at) == (0, 0)
    assert four() == [False] * 4, "the same hole"
    tcb.rcv_nxt += 10
    assert four() == [True, True, True, False]


@pytest.mark.parametrize(
    ("rcv_rtt", "srtt", "wait"),
    [
        (10, 0, 500_000),
        (10, 4, 200_000),
        (4, 10, 200_000),
        (0, 10, 0),
        (90, 0, MS),
    ],
)
def test_how_long_they_are_collected(rcv_rtt: int, srtt: int, wait: int) -> None:
    """A twentieth of the round trip, 1 ms at the most; and so much later as it may be."""
    tcb = behind_a_hole()
    tcb.rcv_rtt, tcb.rtt.srtt = rcv_rtt * MS, srtt * MS
    for later in range(6):
        acks.check(tcb, NOW + later)
    assert tcb.compressed_at == NOW + 3 + wait + 100_000


def test_so_many_share_one_and_without_sack_none() -> None:
    tcb = behind_a_hole(compressed_sack_segments=2)
    found = []
    for _ in range(6):
        acks.check(tcb, NOW)
        found.append(due(tcb))
    assert found == [True, True, True, False, False, True]
    tcb.sack_ok = False
    tcb.compressed = 0
    acks.check(tcb, NOW)
    assert due(tcb)


# --- an ACK leaves ----------------------------------------------------------------------------------------------------


def test_nothing_is_owed_once_it_left() -> None:
    tcb = receiver()
    tcb.ack_now = tcb.ack_scheduled = True
    tcb.ack_pushed, tcb.delack_at, tcb.ato_ns, tcb.quickacks = 2, NOW, 7, 2
    tcb.rcv_nxt = 500
    acks.sent(tcb, 0, NOW)
    assert (tcb.ack_now, tcb.ack_scheduled, tcb.ack_pushed, tcb.delack_at) == (False, False, 0, 0)
    assert (tcb.last_ack_sent, tcb.quickacks, tcb.ato_ns, tcb.pingpong) == (500, 1, 7, False)
    acks.sent(tcb, 0, NOW)
    assert tcb.quickacks == 1, "it acknowledged nothing new"
    tcb.ack_scheduled = True
    acks.sent(tcb, 0, NOW)
    assert (tcb.quickacks, tcb.ato_ns) == (0, LEAST), "from here on they are delayed"


@pytest.mark.parametrize(("octets", "gap", "talks"), [(1, LEAST - 1, True), (1, LEAST, False), (0, 1, False)])
def test_text_soon_after_text_is_a_conversation(octets: int, gap: int, talks: bool) -> None:
    tcb = receiver()
    acks.sent(tcb, octets, NOW + gap)
    assert tcb.pingpong == talks


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owed", "queued", "pushed", "pingpong", "hole", "told"),
    [
        (MSS + 1, 5, 0, True, True, True),  # more than a segment
        (MSS, 5, 0, False, False, False),
        (MSS, 0, 0, False, False, False),
        (MSS, 0, 1, False, False, True),  # all is read, and the peer wants to know
        (MSS, 5, 1, False, False, False),
        (MSS, 0, 1, True, False, False),  # it will go with the answer
        (MSS, 0, 2, True, False, True),
        (MSS, 0, 2, False, True, False),
    ],
)
def test_what_reading_acknowledges(
    owed: int, queued: int, pushed: int, pingpong: bool, hole: bool, told: bool
) -> None:
    tcb = receiver()
    tcb.ack_scheduled = True
    tcb.rcv_nxt += owed
    tcb.rcv_queued, tcb.ack_pushed, tcb.pingpong = queued, pushed, pingpong
    if hole:
        tcb.reassembly.insert(tcb.rcv_nxt + 10, b"x")
    acks.after_read(tcb, 1)
    assert due(tcb) == told
    tcb.ack_scheduled = False
    acks.after_read(tcb, 1)
    assert not due(tcb), "nothing is owed"


@pytest.mark.rfc("9293", "MUST-39")
@pytest.mark.parametrize(
    ("offered", "clamp", "copied", "told"),
    [
        (10_000, 40_000, 1, True),  # twice as much is possible now
        (10_001, 40_000, 1, False),
        (10_000, 20_000, 1, True),
        (10_000, 19_999, 1, False),  # half of all that there ever will be
        (10_000, 40_000, 0, False),
    ],
)
def test_a_window_that_grew_much_is_told(offered: int, clamp: int, copied: int, told: bool) -> None:
    def read(**state: Any) -> bool:
        tcb = receiver()
        tcb.rcv_adv = tcb.rcv_nxt + offered
        tcb.window_clamp, tcb.rcv_ssthresh = clamp, 20 * MSS
        for name, value in state.items():
            setattr(tcb, name, value)
        acks.after_read(tcb, copied)
        return due(tcb)

    assert read() == told
    assert not read(rcv_fin=5)
    assert not read(rcv_shutdown=True)
    assert not read(rcv_queued=60 * MSS)


# --- TCP_QUICKACK -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "stays"), [(1, True), (2, False), (3, True), (4, False)])
def test_an_even_number_acknowledges_what_is_owed_and_no_more(value: int, stays: bool) -> None:
    tcb = receiver()
    tcb.pingpong = tcb.ack_scheduled = True
    acks.quickack_changed(tcb, value)
    assert due(tcb)
    assert tcb.pingpong != stays
    assert tcb.ack_pushed == 1


def test_with_nothing_owed_it_only_says_how_it_goes_on() -> None:
    tcb = receiver()
    tcb.pingpong = True
    acks.quickack_changed(tcb, 2)
    assert (tcb.pingpong, tcb.ack_pushed, due(tcb)) == (False, 0, False)
    acks.quickack_changed(tcb, 0)
    assert tcb.pingpong


# --- what is amiss ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "at_once"), [("linux", False), ("rfc", True), ("freebsd", True)])
def test_when_something_is_amiss(name: str, at_once: bool) -> None:
    tcb = receiver(profile(name))
    tcb.pingpong, tcb.ato_ns = True, 99 * MS
    acks.enter_quick_mode(tcb)
    assert due(tcb) == at_once
    assert at_once or (tcb.quickacks, tcb.pingpong, tcb.ato_ns, tcb.ack_scheduled) == (10, False, LEAST, True)


@pytest.mark.rfc("2883", "01")
@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ((10, 20), (20, 30), (10, 30)),
        ((10, 20), (5, 10), (5, 20)),
        ((10, 20), (12, 15), (10, 20)),
        ((12, 15), (10, 20), (10, 20)),
        ((10, 20), (21, 30), (21, 30)),  # the later one is news
        ((10, 20), (5, 9), (5, 9)),
    ],
)
def test_reports_that_touch_are_one(
    first: tuple[int, int], second: tuple[int, int], told: tuple[int, int]
) -> None:
    tcb = receiver()
    tcb.sack_ok = True
    acks.report_duplicate(tcb, *first)
    acks.report_duplicate(tcb, *second)
    assert tcb.dsack == told


@pytest.mark.rfc("5961", "04")
def test_answers_that_change_nothing_are_rare() -> None:
    tcb = receiver(invalid_ratelimit_ns=500 * MS)
    found = []
    for at in (0, 1, 500 * MS - 1, 500 * MS, 500 * MS + 1):
        acks.challenge(tcb, NOW + at)
        found.append(due(tcb))
    assert found == [True, False, False, True, False]
    tcb.rcv_nxt = 50
    acks.answer_unacceptable(tcb, 40, 40, NOW + 501 * MS)
    assert not due(tcb)
    acks.answer_unacceptable(tcb, 40, 45, NOW + 501 * MS)
    assert due(tcb), "text is always answered"
    acks.answer_unacceptable(tcb, 40, 45, NOW + 501 * MS, syn=True)
    assert not due(tcb), "a SYN is not"
    tcb.pingpong = True
    acks.answer_unacceptable(tcb, 50, 55, NOW + 501 * MS)
    assert tcb.pingpong, "what is new says nothing of lost ACKs"
    acks.answer_unacceptable(tcb, 49, 55, NOW + 501 * MS)
    assert not tcb.pingpong
