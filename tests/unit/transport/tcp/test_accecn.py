"""Accurate ECN: what the flags of SYNs mean, what of the handshake is believed, what is counted and what is told."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import accecn
from netarium.transport.tcp.accurate import (
    ACE_NOT_SENT,
    ACE_UNUSABLE,
    COUNTERS_SEEN,
    EMPTY_SEEN,
    NOT_SEEN,
    OPTION_UNUSABLE,
    ZEROED_SEEN,
    Accurate,
)
from netarium.transport.tcp.codepoints import CE, ECT_0, ECT_1, NOT_ECT
from netarium.transport.tcp.tcb import MARKS_SEEN, Tcb
from netarium.wire.tcp import ACE, ACK, SYN, TcpSegment
from netarium.wire.tcp_options import AccurateEcnOption, pack_accurate_ecn

COUNTERS = pack_accurate_ecn(AccurateEcnOption((1, 0, 1)))
EMPTY = pack_accurate_ecn(AccurateEcnOption(()))
ZEROED = pack_accurate_ecn(AccurateEcnOption((0, 0, 0)))


def block(**config: object) -> Tcb:
    return Tcb(4, replace(TcpConfig(), ecn=3, **config), SocketOptions(), 1, "us", None)  # type: ignore[arg-type]


def counting(mark: int = NOT_ECT) -> tuple[Tcb, Accurate]:
    tcb = block()
    tcb.accurate = record = Accurate(mark)
    tcb.ecn_ok = tcb.passive = True
    return tcb, record


def segment(
    number: int, flags: int = ACK, options: bytes = b"", mark: int = 0, data: bytes = b""
) -> TcpSegment:
    return TcpSegment(1, 2, 0, 0, flags | number << 6, 9, payload=data, options=options, ecn=mark)


def test_the_three_flags_are_a_number() -> None:
    assert [accecn.ace(segment(number).flags) for number in range(8)] == list(range(8))


@pytest.mark.parametrize("number", range(8))
def test_what_asks_and_what_agrees(number: int) -> None:
    assert accecn.is_asked(segment(number, SYN)) is (number not in {0, 3})
    assert accecn.is_agreed(segment(number, SYN | ACK)) is (number in {2, 3, 4, 5, 6})
    for setting in range(6):
        accepted = accecn.accepts(replace(TcpConfig(), ecn=setting), segment(number, SYN))
        assert accepted is (setting >= 3 and number not in {0, 3})


def test_each_mark_is_told_by_a_number_of_its_own() -> None:
    told = [accecn.reflection(mark) for mark in (NOT_ECT, ECT_1, ECT_0, CE)]
    assert [flags >> 6 for flags in told] == [0b010, 0b011, 0b100, 0b110]


@pytest.mark.parametrize(
    ("repeated", "fallback", "asks"), [(0, True, True), (1, True, True), (2, True, False), (9, False, True)]
)
def test_the_third_syn_asks_for_nothing(repeated: int, *, fallback: bool, asks: bool) -> None:
    tcb = block(ecn_fallback=fallback)
    tcb.rexmit_count = repeated
    assert accecn.syn_flags(tcb) == (ACE if asks else 0)
    accecn.agree(tcb, segment(2, SYN | ACK))
    assert tcb.accurate is not None
    assert tcb.accurate.failed == (0 if asks else ACE_NOT_SENT)
    assert accecn.codepoint(tcb) == (ECT_0 if asks else NOT_ECT)


def test_the_third_syn_ack_tells_nothing() -> None:
    record = accecn.begin(ECT_0)
    assert accecn.syn_ack_flags(record, 0) == accecn.syn_ack_flags(record, 1) == 0b100 << 6
    assert not record.failed
    assert accecn.syn_ack_flags(record, 2) == 0
    assert record.failed == ACE_NOT_SENT


@pytest.mark.parametrize(
    ("options", "seen", "demand", "failed"),
    [
        (b"", NOT_SEEN, 0, 0),
        (COUNTERS, COUNTERS_SEEN, 2, 0),
        (EMPTY, EMPTY_SEEN, 2, 0),
        (ZEROED, ZEROED_SEEN, 2, OPTION_UNUSABLE),
    ],
)
def test_the_option_of_a_syn_ack(options: bytes, seen: int, demand: int, failed: int) -> None:
    tcb = block()
    tcb.gso_limit = 65_536
    accecn.agree(tcb, segment(2, SYN | ACK, options))
    record = tcb.accurate
    assert record is not None
    assert (record.seen, record.demand, record.failed) == (seen, demand, failed)
    assert tcb.ecn_ok
    assert not tcb.gso_limit


@pytest.mark.parametrize(
    ("number", "mark", "flags", "received", "failed"),
    [
        (2, NOT_ECT, ACK, 0, 0),
        (2, CE, ACK, 1, 0),
        (5, CE, ACK, 1, 0),  # reserved: it cannot be wrong
        (4, CE, ACK, 0, ACE_UNUSABLE),  # our SYN had no mark
        (6, CE, ACK, 0, ACE_UNUSABLE),
        (4, ECT_0, ACK, 0, 0),  # as Linux: nobody asks
        (7, CE, 0, 0, 0),  # a SYN that crosses ours
    ],
)
def test_a_marked_syn_ack_counts_if_marks_are_to_be_believed(
    number: int, mark: int, flags: int, received: int, failed: int
) -> None:
    tcb = block()
    accecn.agree(tcb, segment(number, SYN | flags, mark=mark))
    record = tcb.accurate
    assert record is not None
    assert (record.syn_mark, record.received_ce, record.untold, record.failed) == (
        mark,
        received,
        received,
        failed,
    )
    assert record.last_mark == (0 if flags else mark)


@pytest.mark.parametrize(
    ("number", "fallback", "delivered", "failed"),
    [
        (0, True, 0, ACE_UNUSABLE), (0, False, 0, ACE_UNUSABLE), (1, True, 0, 0), (2, True, 0, 0), (3, True, 0, ACE_UNUSABLE),
        (4, True, 0, ACE_UNUSABLE), (5, True, 0, 0), (6, True, 0, ACE_UNUSABLE), (7, True, 0, 0),
        (3, False, 0, 0), (4, False, 0, 0), (6, False, 1, 0),
    ],
)  # fmt: skip
def test_the_ack_of_our_syn_ack(number: int, delivered: int, failed: int, *, fallback: bool) -> None:
    tcb, record = counting()
    tcb.config = replace(tcb.config, ecn_fallback=fallback)
    accecn.third_ack(tcb, segment(number, options=COUNTERS))
    assert (record.delivered_ce, record.failed) == (delivered, failed)
    assert record.answers_syn
    assert record.seen == COUNTERS_SEEN


@pytest.mark.parametrize("data", [b"", b"text"])
@pytest.mark.parametrize("passive", [True, False])
def test_text_tells_no_mark_nor_does_who_crosses_our_syn(data: bytes, *, passive: bool) -> None:
    tcb, record = counting()
    tcb.passive = passive
    accecn.third_ack(tcb, segment(4, data=data))
    assert record.failed == (ACE_UNUSABLE if passive and not data else 0)


def test_a_syn_that_comes_again() -> None:
    record = accecn.begin(NOT_ECT)
    assert (record.last_mark, record.demand) == (NOT_ECT, 1)
    accecn.syn_arrives_again(record, segment(7, SYN), ECT_1)
    assert (record.syn_mark, record.failed) == (ECT_1, 0)
    accecn.syn_arrives_again(record, segment(0, SYN), NOT_ECT)
    assert (record.syn_mark, record.failed) == (NOT_ECT, ACE_UNUSABLE)


@pytest.mark.parametrize(
    ("flags", "seq", "passive", "told"),
    [(ACK, 0, False, CE), (0, 0, False, 1), (ACK, 9, False, 1), (ACK, 0, True, 1)],
)
def test_a_syn_that_is_challenged(flags: int, seq: int, told: int, *, passive: bool) -> None:
    tcb, record = counting(ECT_1)
    tcb.passive, tcb.irs = passive, 0
    seg = segment(2, SYN | flags, COUNTERS, mark=CE)
    seg.seq = seq
    accecn.syn_is_challenged(tcb, seg)
    assert record.demand == 1
    assert accecn.flags_for(tcb, is_bare=True) == accecn.reflection(told)
    assert accecn.flags_for(tcb, is_bare=True) == 5 << 6
    accecn.syn_is_challenged(tcb, seg)
    assert accecn.flags_for(tcb, is_bare=False) == 5 << 6  # text counts
    assert not record.reflects


def test_once_counters_were_seen_nobody_looks_for_them() -> None:
    _, record = counting()
    assert not accecn.see_option(record, segment(5))
    assert accecn.see_option(record, segment(5, options=EMPTY))
    assert accecn.see_option(record, segment(5, options=COUNTERS))
    assert not accecn.see_option(record, segment(5, options=ZEROED))
    assert (record.seen, record.failed) == (COUNTERS_SEEN, 0)
    assert not accecn.see_option(Accurate(0), segment(5, options=bytes(4)))


@pytest.mark.parametrize(("mark", "place", "field"), [(ECT_1, 1, 1), (ECT_0, 2, 3), (CE, 3, 2)])
def test_text_is_counted_by_its_mark(mark: int, place: int, field: int) -> None:
    tcb, record = counting()
    accecn.count(tcb, mark, 700, 3, 55)
    assert record.received == [700 if index == place else 0 for index in range(4)]
    assert record.received_ce == record.untold == (3 if mark == CE else 0)
    assert (record.fields_due, record.demand, record.ack_due, record.clock) == (field, 2, True, 55)
    assert tcb.ecn_heard == MARKS_SEEN
    record.demand, record.ack_due = 0, False
    accecn.count(tcb, mark, 0, 1, 56)
    assert record.received[place] == 700
    assert (record.demand, record.ack_due) == (2 * (mark == CE), False)


def test_what_has_no_mark_is_not_counted() -> None:
    tcb, record = counting()
    accecn.count(tcb, NOT_ECT, 700, 1, 55)
    assert record.received == [0, 0, 0, 0]
    assert (record.fields_due, record.demand, record.ack_due, tcb.ecn_heard) == (0, 0, False, 0)
    record.last_mark = ECT_0
    accecn.count(tcb, NOT_ECT, 700, 1, 55)
    assert (record.demand, record.ack_due, record.last_mark) == (2, True, NOT_ECT)


@pytest.mark.parametrize(
    ("before", "octets", "demand"),
    [((1 << 22) - 2, 1, 0), ((1 << 22) - 1, 1, 1), (5 << 22, 1, 0), ((6 << 22) - 1, 9, 1)],
)
def test_an_option_goes_at_the_least_every_four_megabytes(before: int, octets: int, demand: int) -> None:
    tcb, record = counting()
    record.last_mark = ECT_0
    record.received[ECT_0] = before
    accecn.count(tcb, ECT_0, octets, 1, 1)
    assert record.demand == demand


def test_merged_segments_are_as_many_packets() -> None:
    tcb, record = counting()
    tcb.rcv_gso = 1_000
    accecn.arrives(tcb, segment(5, mark=CE, data=bytes(2_001)), 1)
    assert (record.received_ce, record.received[CE]) == (3, 2_001)
    accecn.arrives(tcb, segment(5, mark=CE), 1)
    assert record.received_ce == 4
    tcb.rcv_gso = 0
    accecn.arrives(tcb, segment(5, mark=CE, data=bytes(2_001)), 1)
    assert record.received_ce == 5


def test_what_no_ack_has_told_of_is_counted_to_fifteen() -> None:
    tcb, record = counting()
    accecn.count(tcb, CE, 0, 14, 1)
    assert record.untold == 14
    accecn.count(tcb, CE, 0, 14, 1)
    assert record.untold == 15
    assert accecn.flags_for(tcb, is_bare=True) == (28 + 5 & 7) << 6
    assert (record.untold, record.ack_due) == (0, False)


@pytest.mark.parametrize(
    ("failed", "mark"),
    [(0, ECT_0), (1, NOT_ECT), (2, NOT_ECT), (4, ECT_0), (8, ECT_0), (12, ECT_0), (15, NOT_ECT)],
)
def test_marks_are_set_unless_they_or_their_counts_are_changed(failed: int, mark: int) -> None:
    tcb, record = counting()
    record.failed = failed
    assert accecn.codepoint(tcb) == mark
