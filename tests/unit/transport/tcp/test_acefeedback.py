"""How many packets met congestion, as ACE and the option tell: what may have come round, and what is not believed."""

import pytest

from netarium.base.config import TcpConfig
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import acefeedback
from netarium.transport.tcp.accurate import ACE_UNUSABLE, COUNTERS_SEEN, OPTION_UNUSABLE, Accurate
from netarium.transport.tcp.acknews import AckNews
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, TcpSegment
from netarium.wire.tcp_options import AccurateEcnOption, pack_accurate_ecn

SIZE = 1_000


def block(*, delivered_ce: int = 0, sack: bool = True) -> tuple[Tcb, Accurate]:
    """A connection with segments of 1,000 octets that has sent and had acknowledged much."""
    tcb = Tcb(4, TcpConfig(), SocketOptions(), 1, "us", None)
    tcb.smss, tcb.sack_ok = SIZE, sack
    tcb.octets_acked = 100 * SIZE
    tcb.accurate = record = Accurate(0)
    record.delivered_ce = delivered_ce
    return tcb, record


def segment(ce: int, counters: tuple[int, ...] | None = None, *, ect1_first: bool = True) -> TcpSegment:
    """An ACK whose peer has counted `ce` packets; the counters as octets, without where they begin."""
    options = b""
    if counters is not None:
        begins = (1, 0, 1)[: len(counters)]
        values = tuple((a + b) & 0xFF_FFFF for a, b in zip(counters, begins, strict=True))
        options = pack_accurate_ecn(AccurateEcnOption(values, ect1_first))
    return TcpSegment(1, 2, 0, 0, ACK | ((ce + 5) & 7) << 6, 9, options=options)


def news(packets: int, octets: int | None = None) -> AckNews:
    told = AckNews(0)
    told.acked = packets
    told.octets = packets * SIZE if octets is None else octets
    return told


def heard(tcb: Tcb, ce: int, packets: int, counters: tuple[int, ...] | None = None) -> int:
    return acefeedback.take(tcb, segment(ce, counters), news(packets), packets)


@pytest.mark.parametrize(
    ("before", "told", "packets", "delta"),
    [(0, 0, 1, 0), (0, 1, 1, 1), (6, 9, 3, 3), (7, 8, 1, 1), (0, 7, 7, 7), (0, 8, 7, 0)],
)
def test_a_counter_of_three_bits(before: int, told: int, packets: int, delta: int) -> None:
    tcb, record = block(delivered_ce=before)
    assert heard(tcb, told, packets) == delta
    assert record.delivered_ce == before + delta


@pytest.mark.parametrize(
    ("told", "packets", "delta"), [(0, 8, 8), (1, 8, 1), (0, 10, 8), (2, 10, 10), (3, 10, 3), (7, 30, 23)]
)
def test_without_octets_the_worst_is_assumed(told: int, packets: int, delta: int) -> None:
    tcb, _ = block()
    assert heard(tcb, told, packets) == delta


@pytest.mark.parametrize(
    ("told", "packets", "ce_octets", "delta"),
    [
        (1, 10, 0, 1),  # none, says the option: the flags are more than it has
        (1, 10, 1_000, 1),  # one
        (1, 10, 1_001, 9),  # more than one segment has
        (1, 15, 4_500, 9),
        (0, 15, 3_999, 8),  # more than none
        (1, 16, 1_000, 1),  # a sixteenth
        (1, 16, 9_000, 9),
        (1, 32, 17_000, 17),
        (1, 32, 32_000, 25),  # all
        (1, 32, 25_000, 25),
    ],
)
def test_octets_tell_whether_it_came_round(told: int, packets: int, ce_octets: int, delta: int) -> None:
    tcb, record = block()
    record.seen, record.expected = COUNTERS_SEEN, 2
    counters = (0, ce_octets, packets * SIZE - ce_octets)
    assert heard(tcb, told, packets, counters) == delta
    assert record.delivered[3] == ce_octets
    assert record.delivered[2] == packets * SIZE - ce_octets


def test_what_no_option_tells_of_arrived_as_what_came_before() -> None:
    tcb, record = block()
    heard(tcb, 0, 1, (0, 0, 1_000))
    assert record.expected == 2
    heard(tcb, 0, 3)
    assert record.delivered == [0, 0, 4_000, 0]
    heard(tcb, 1, 1, (0, 1_000, 4_000))
    assert record.expected == 3
    heard(tcb, 2, 1)
    assert record.delivered == [0, 0, 4_000, 2_000]
    heard(tcb, 3, 2, (5, 3_000, 4_500))  # all have changed: nobody knows
    assert record.expected == 0
    heard(tcb, 3, 2)
    assert record.delivered == [0, 5, 4_500, 3_000]


def test_the_other_order() -> None:
    tcb, record = block()
    acefeedback.take(tcb, segment(0, (1_000, 2, 3), ect1_first=False), news(1), 1)
    assert record.delivered == [0, 3, 1_000, 2]


def test_counters_of_24_bits_come_round_and_old_ones_go_back() -> None:
    tcb, record = block()
    record.seen = COUNTERS_SEEN
    record.delivered[2] = (1 << 24) - 100
    heard(tcb, 0, 1, (0, 0, (1 << 24) + 900))
    assert record.delivered[2] == (1 << 24) + 900
    heard(tcb, 0, 1, (0, 0, (1 << 24) + 400))  # overtaken
    assert record.delivered[2] == (1 << 24) + 400
    assert record.expected == 0


def test_an_ack_that_may_have_been_overtaken_tells_nothing() -> None:
    tcb, record = block()
    assert acefeedback.take(tcb, segment(3, (0, 9, 9)), news(0), 0) == 0
    assert record.delivered == [0, 0, 0, 0]
    record.is_newer = True
    assert acefeedback.take(tcb, segment(3, (0, 9, 9)), news(0), 0) == 3
    assert record.delivered == [0, 0, 9, 9]


def test_the_ack_of_a_syn_is_no_counter() -> None:
    tcb, record = block()
    record.answers_syn = True
    assert heard(tcb, 3, 1) == 0
    assert heard(tcb, 3, 1) == 3


def test_a_first_counter_of_zero_is_bleached() -> None:
    tcb, record = block()
    tcb.octets_acked = SIZE
    assert heard(tcb, 3, 1) == 0
    assert record.failed == ACE_UNUSABLE
    assert heard(tcb, 5, 1) == 0
    tcb, record = block()
    tcb.octets_acked = SIZE + 1
    assert heard(tcb, 3, 3) == 3  # it has come round
    assert not record.failed


def test_many_marks_are_told_of_at_once() -> None:
    tcb, record = block()
    record.untold = 5
    heard(tcb, 0, 1)
    assert not record.ack_due
    record.untold = 6
    heard(tcb, 0, 1)
    assert record.ack_due


def test_a_first_option_may_come_too_late() -> None:
    tcb, record = block()
    tcb.octets_sent = (1 << 23) - 2
    heard(tcb, 0, 1)
    assert not record.failed
    tcb.octets_sent += 1
    heard(tcb, 0, 1)
    assert record.failed == OPTION_UNUSABLE
    heard(tcb, 0, 1, (0, 0, 500))
    assert record.delivered == [0, 0, 0, 0]
