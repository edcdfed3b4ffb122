"""What one acknowledgment tells: which segments are news, how long they took, what arrived twice or late."""

from dataclasses import replace
from typing import Any

import pytest

from netarium.base.config import TcpConfig
from netarium.base.trace import RttSampled
from netarium.base.units import MS, SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import acknews, negotiate
from netarium.transport.tcp.acknews import AckNews
from netarium.transport.tcp.rate import RateSampler
from netarium.transport.tcp.records import Sent
from netarium.transport.tcp.tcb import LOSS, RECOVERY, Tcb
from netarium.transport.tcp.undo import Undo
from netarium.wire.tcp import ACK, TcpSegment

MSS = 100
UNA = 1
NOW = 90 * SECOND


def sender(count: int = 10, **settings: Any) -> Tcb:
    """So many segments of 100 octets are in flight, the n-th sent n ms after the first, that one 100 ms ago."""
    tcb = Tcb(4, replace(TcpConfig(), **settings), SocketOptions(), 1, "here", None)
    tcb.start_sending(0)
    tcb.start_receiving(0)
    tcb.smss = tcb.scoreboard.smss = MSS
    tcb.sendbuf.append(bytes(5_000))
    tcb.snd_una = tcb.snd_nxt = UNA
    for i in range(count):
        tcb.scoreboard.add(tcb.snd_nxt, tcb.snd_nxt + MSS, NOW - 100 * MS + i * MS)
        tcb.snd_nxt += MSS
    tcb.max_snd_wnd = 10_000
    tcb.recover = UNA - 1
    tcb.sack_ok = True
    return tcb


def records(tcb: Tcb) -> list[Sent]:
    return list(tcb.scoreboard._records[tcb.scoreboard._first :])


def at(n: float) -> int:
    """Where the n-th segment begins."""
    return UNA + round(n * MSS)


def ack(n: float = 0, *blocks: tuple[float, float], **more: Any) -> TcpSegment:
    """An ACK of n segments, with blocks in segments."""
    sack = tuple((at(a), at(b)) for a, b in blocks)
    return TcpSegment(1, 2, 1, at(n), ACK, 500, sack=sack, **more)


def sacked(tcb: Tcb, *blocks: tuple[float, float], n: float = 0) -> AckNews:
    news = AckNews(tcb.snd_una)
    news.prior_high = tcb.scoreboard.highest_sacked
    acknews.take_sack(tcb, ack(n, *blocks), news, NOW)
    return news


def advanced(tcb: Tcb, n: float, **more: Any) -> AckNews:
    news = AckNews(tcb.snd_una)
    news.prior_high = tcb.scoreboard.highest_sacked
    acknews.take_cumulative(tcb, ack(n, **more), news, NOW)
    return news


def resend(tcb: Tcb, index: int, when: int = NOW - 10 * MS) -> None:
    """The record at that place is lost, and sent again."""
    record = records(tcb)[index]
    tcb.scoreboard.mark_lost(record)
    tcb.scoreboard.resend(record, MSS, when)
    tcb.total_retrans += 1


def test_an_ack_tells_nothing_before_it_is_looked_at() -> None:
    news = AckNews(7)
    told = {name: getattr(news, name) for name in AckNews.__slots__}
    assert told.pop("una") == 7
    assert told.pop("low") is None
    assert not any(told.values())
    assert {
        type(value) for name, value in told.items() if name in {"acked", "delivered", "rtt", "latest_rtt"}
    } == {int}


# --- SACK -------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("6675", "01")
def test_what_is_sacked_is_news_once() -> None:
    tcb = sender()
    news = sacked(tcb, (6, 7), (2, 4))
    assert (news.sacked, news.delivered, news.advanced, news.acked) == (True, 3, False, 0)
    assert news.octets == 3 * MSS
    assert (news.sacked_first_at, news.sacked_last_at) == (NOW - 98 * MS, NOW - 94 * MS)
    assert not news.original, "no recovery was going on when it was in flight"
    assert (tcb.scoreboard.segs_sacked, tcb.scoreboard.highest_sacked) == (3, at(7))
    assert [record.end - record.seq for record in records(tcb)][2:3] == [2 * MSS], "neighbours are one"
    again = sacked(tcb, (6, 7), (2, 4))
    assert (again.sacked, again.delivered, again.sacked_first_at) == (False, 0, 0)


def test_what_comes_below_what_was_sacked_was_late() -> None:
    tcb = sender()
    assert sacked(tcb, (6, 7)).low is None
    news = sacked(tcb, (4, 5), (6, 7))
    assert news.low == at(4)
    assert tcb.reordering.seen
    both = sender()
    assert sacked(both, (6, 7), (4, 5)).low is None, "who were told of at once may have come in order"
    assert not both.reordering.seen
    first = sender()
    sacked(first, (8, 9))
    assert sacked(first, (5, 6), (2, 3)).low == at(2)
    again = sender()
    sacked(again, (8, 9))
    resend(again, 4)
    assert sacked(again, (4, 5)).low is None, "which of the two that was nobody knows"


def test_after_a_timeout_nobody_is_late() -> None:
    for state, undo, seen in ((LOSS, None, False), (LOSS, object(), True), (RECOVERY, None, True)):
        tcb = sender()
        sacked(tcb, (6, 7))
        tcb.recovery = state
        tcb.undo = undo  # type: ignore[assignment]
        sacked(tcb, (4, 5), (6, 7))
        assert tcb.reordering.seen == seen


@pytest.mark.rfc("5682", "01")
@pytest.mark.parametrize(("recover", "original"), [(at(3) - 1, False), (at(3), True), (at(9), True)])
def test_an_original_of_before_the_recovery_is_evidence(recover: int, original: bool) -> None:
    tcb = sender()
    tcb.recover = recover
    assert sacked(tcb, (2, 3)).original == original
    tcb = sender()
    tcb.recover = recover
    assert advanced(tcb, 1).original == (recover >= at(1))
    tcb = sender()
    tcb.recover = recover
    resend(tcb, 2)
    assert not sacked(tcb, (2, 3)).original


def test_the_delivery_rate_is_told_of_what_was_sacked() -> None:
    tcb = sender()
    seen: list[Any] = []

    class Rate(RateSampler):
        def on_sacked(self, record: Sent) -> None:
            seen.append(record.seq)

    tcb.rate = Rate()
    sacked(tcb, (2, 3), (5, 6))
    assert seen == [at(2), at(5)]


# --- DSACK ------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("2883", "01")
@pytest.mark.parametrize(
    ("size", "resent", "believed", "delivered"),
    [
        (1, 0, False, 0),
        (1, 1, True, 1),
        (2, 1, False, 0),
        (2, 2, True, 2),
        (0.5, 1, True, 1),
        (1.5, 2, True, 2),
    ],
)
def test_what_came_twice_is_believed_if_it_was_sent_twice(
    size: float, resent: int, believed: bool, delivered: int
) -> None:
    tcb = sender()
    tcb.total_retrans = resent
    news = sacked(tcb, (-3, -3 + size))
    assert (news.dsacked, news.delivered) == (believed, delivered)
    assert tcb.dsack_dups == max(1, round(size + 0.01))
    sacked(tcb, (-9, -8))
    assert tcb.dsack_dups == max(1, round(size + 0.01)) + 1


@pytest.mark.rfc("8985", "06")
@pytest.mark.parametrize(
    ("seen", "adapts", "probe", "widens"),
    [
        (True, True, None, True),
        (False, True, None, False),
        (True, False, None, False),
        (True, True, -2, False),
    ],
)
def test_it_widens_racks_window_where_reordering_was_seen(
    seen: bool, adapts: bool, probe: int | None, widens: bool
) -> None:
    tcb = sender(rack_adapts=adapts)
    tcb.total_retrans = 1
    tcb.reordering.seen = seen
    tcb.tlp_end_seq = None if probe is None else at(probe)
    news = sacked(tcb, (-3, -2))
    assert tcb.rack.dsack_seen == widens
    assert news.probe_dsacked == (probe is not None)


@pytest.mark.parametrize(
    ("block", "end", "probe"), [((-3, -2), -2, True), ((-4, -2), -2, False), ((-3, -2), -3, False)]
)
def test_which_dsack_is_that_of_the_loss_probe(block: tuple[int, int], end: int, probe: bool) -> None:
    tcb = sender()
    tcb.total_retrans = 5
    tcb.tlp_end_seq = at(end)
    assert sacked(tcb, block).probe_dsacked == probe


class Undone(Undo):
    """It keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def on_dsack(self, end: int, segs: int) -> None:
        self.told.append((end, segs))


@pytest.mark.rfc("3708-01")
def test_who_may_undo_hears_of_each() -> None:
    tcb = sender()
    undo = tcb.undo = Undone()
    tcb.total_retrans = 9
    sacked(tcb, (-3, -1))
    assert undo.told == [(at(-1), 2)]
    undo.told.clear()
    sacked(tcb, (-1, 0))
    assert undo.told == [(at(0), 1)]
    undo.told.clear()
    resend(tcb, 0)
    resend(tcb, 1)
    sacked(tcb, (0, 1), n=1)
    assert undo.told == [(at(1), 1)], "what this very ACK acknowledges"
    undo.told.clear()
    tcb.undo = None
    sacked(tcb, (-3, -2))
    sacked(tcb, (0, 1), n=1)
    assert undo.told == []


# --- SND.UNA ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sack", [True, False])
def test_what_is_acknowledged(sack: bool) -> None:
    tcb = sender()
    tcb.sack_ok = sack
    news = advanced(tcb, 3)
    assert (news.advanced, news.acked, news.delivered, news.restart_timer, news.resent) == (
        True,
        3,
        3,
        True,
        False,
    )
    assert (news.first_at, news.last_at) == (NOW - 100 * MS, NOW - 98 * MS)
    assert (tcb.snd_una, tcb.octets_acked, tcb.sendbuf.start) == (at(3), 3 * MSS, at(3))
    some = advanced(tcb, 3.5)
    assert (some.acked, some.restart_timer, some.first_at) == (0, False, 0), "half of a segment is none"


def test_what_was_sacked_before_is_no_news() -> None:
    tcb = sender()
    sacked(tcb, (1, 3))
    news = advanced(tcb, 4)
    assert (news.acked, news.delivered, news.octets) == (4, 2, 2 * MSS)
    assert (news.first_at, news.last_at) == (NOW - 100 * MS, NOW - 97 * MS)


def test_what_was_resent_gives_no_time() -> None:
    tcb = sender()
    resend(tcb, 0)
    news = advanced(tcb, 1)
    assert (news.resent, news.first_at, news.delivered) == (True, 0, 1)
    tcb = sender()
    resend(tcb, 0)
    news = advanced(tcb, 2)
    assert (news.resent, news.first_at, news.last_at) == (True, NOW - 99 * MS, NOW - 99 * MS)


@pytest.mark.rfc("6582", "01")
@pytest.mark.parametrize(("sack", "original"), [(True, True), (False, False)])
def test_without_sack_nobody_knows_which_of_them_arrived(sack: bool, original: bool) -> None:
    tcb = sender()
    tcb.sack_ok = sack
    tcb.recover = at(10)
    resend(tcb, 0)
    assert advanced(tcb, 2).original == original
    tcb = sender()
    tcb.sack_ok = sack
    tcb.recover = at(10)
    assert advanced(tcb, 2).original


@pytest.mark.parametrize(("blocks", "n", "late"), [([(2, 3)], 1, True), ([(2, 3)], 3, True), ([], 1, False)])
def test_a_hole_filled_by_the_original_was_late(blocks: list[tuple[int, int]], n: int, late: bool) -> None:
    tcb = sender()
    if blocks:
        sacked(tcb, *blocks)
    advanced(tcb, n)
    assert tcb.reordering.seen == late
    tcb = sender()
    if blocks:
        sacked(tcb, *blocks)
    resend(tcb, 0)
    advanced(tcb, 1)
    assert not tcb.reordering.seen


def test_what_lies_behind_all_that_was_sacked_was_not_late() -> None:
    tcb = sender()
    sacked(tcb, (1, 3))
    resend(tcb, 0)
    advanced(tcb, 4)
    assert not tcb.reordering.seen


@pytest.mark.rfc("8985", "06")
@pytest.mark.parametrize(
    ("ts", "echo", "counts"),
    [(True, 11, False), (True, 10, True), (False, None, True), (True, None, True)],
)
def test_for_rack_the_echo_tells_which_transmission_arrived(ts: bool, echo: int | None, counts: bool) -> None:
    """It was sent again 10 ms ago; what echoes an older timestamp answers the original."""
    tcb = sender()
    tcb.ts_ok = ts
    tcb.rtt.min_rtt = 1
    resend(tcb, 0)
    stamp = {} if echo is None else {"ts_val": 5, "ts_ecr": negotiate.timestamp(tcb, NOW) - echo}
    advanced(tcb, 1, **stamp)
    assert (tcb.rack.order == 11) == counts


def test_the_fin_lies_behind_the_buffer() -> None:
    tcb = sender(0)
    tcb.sendbuf.clear()
    tcb.sendbuf = type(tcb.sendbuf)(UNA)
    tcb.sendbuf.append(bytes(MSS))
    tcb.boundaries = object()  # type: ignore[assignment]
    tcb.scoreboard.add(UNA, UNA + MSS, NOW)
    tcb.scoreboard.add(UNA + MSS, UNA + MSS + 1, NOW)
    acknews.release(tcb, UNA + MSS // 2)
    assert (len(tcb.sendbuf), tcb.boundaries is None) == (MSS // 2, False)
    done = acknews.release(tcb, UNA + MSS + 1)
    assert (len(tcb.sendbuf), tcb.boundaries, len(done)) == (0, None, 2)
    assert tcb.octets_acked == MSS + 1
    exact = sender(1)
    exact.sendbuf = type(exact.sendbuf)(UNA)
    exact.sendbuf.append(bytes(MSS))
    exact.boundaries = object()  # type: ignore[assignment]
    acknews.release(exact, UNA + MSS)
    assert exact.boundaries is None, "nothing waits: no boundary does"


# --- round trips ------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("6298", "03")
@pytest.mark.parametrize(
    ("fields", "rtt", "latest"),
    [
        ({"first_at": 100, "last_at": 98}, 100, 98),
        ({"first_at": 100, "last_at": 98, "resent": True}, 0, 0),
        ({"sacked_first_at": 90, "sacked_last_at": 80}, 90, 80),
        ({"sacked_first_at": 90, "sacked_last_at": 80, "first_at": 100, "last_at": 98}, 100, 80),
        (
            {"sacked_first_at": 90, "sacked_last_at": 80, "first_at": 100, "last_at": 98, "resent": True},
            90,
            80,
        ),
        ({}, 0, 0),
    ],
)
def test_from_what_a_round_trip_is_measured(fields: dict[str, Any], rtt: int, latest: int) -> None:
    """The numbers are ms before now."""
    tcb = sender()
    news = AckNews(UNA)
    for name, value in fields.items():
        setattr(news, name, value if isinstance(value, bool) else NOW - value * MS)
    acknews.measure(tcb, ack(), news, NOW)
    assert (news.rtt, news.latest_rtt) == (rtt * MS, latest * MS)
    assert tcb.rtt.srtt == rtt * MS
    assert tcb.rtt.min_rtt == latest * MS


def test_no_round_trip_is_shorter_than_nothing() -> None:
    for fields in ({"first_at": NOW, "last_at": NOW}, {"sacked_first_at": NOW, "sacked_last_at": NOW}):
        news = AckNews(UNA)
        for name, value in fields.items():
            setattr(news, name, value)
        acknews.measure(sender(), ack(), news, NOW)
        assert (news.rtt, news.latest_rtt) == (1, 1)


@pytest.mark.rfc("7323", "07")
@pytest.mark.parametrize(
    ("ago", "fields", "rtt"),
    [
        (30, {}, 30),
        (0, {}, 1),
        (-5, {}, 0),  # of the future
        (30, {"ts_ok": False}, 0),
        (30, {"acked": 0}, 0),  # only what advances the left edge counts
        (30, {"ts_val": None}, 0),
        (None, {}, 0),
        (0x7FFF_FFFF, {}, 0x7FFF_FFFF),
        (0x8000_0000, {}, 0),
    ],
)
def test_of_what_was_resent_the_timestamp_tells(ago: int | None, fields: dict[str, Any], rtt: int) -> None:
    tcb = sender()
    tcb.ts_ok = fields.get("ts_ok", True)
    news = AckNews(UNA)
    news.acked, news.resent, news.first_at = fields.get("acked", 1), True, 1
    echo = 0 if ago is None else (negotiate.timestamp(tcb, NOW) - ago) & 0xFFFF_FFFF
    acknews.measure(tcb, ack(ts_val=fields.get("ts_val", 5), ts_ecr=echo), news, NOW)
    assert (news.rtt, news.latest_rtt) == (rtt * MS, rtt * MS)


@pytest.mark.parametrize(
    ("first_at", "out", "restarts"), [(101, 10, True), (100, 10, False), (99, 10, False), (101, 0, False)]
)
def test_when_a_sack_starts_the_timer_anew(first_at: int, out: int, restarts: bool) -> None:
    """What is the oldest now was sent after what was SACKed: 100 ms ago."""
    tcb = sender(out)
    news = AckNews(UNA)
    news.sacked_first_at = news.sacked_last_at = NOW - first_at * MS
    acknews.measure(tcb, ack(), news, NOW)
    assert news.restart_timer == restarts


def test_a_sample_is_traced() -> None:
    tcb = sender()
    seen: list[RttSampled] = []

    class Kept:
        def emit(self, event: RttSampled) -> None:
            seen.append(event)

    tcb.trace = Kept()  # type: ignore[assignment]
    acknews.take_sample(tcb, 40 * MS, 30 * MS, NOW)
    (event,) = seen
    assert (event.at, event.where, event.socket, event.sample) == (NOW, "here", 1, 40 * MS)
    assert (event.srtt, event.rttvar, event.rto) == (tcb.rtt.srtt, tcb.rtt.rttvar, tcb.rtt.rto)
    assert (tcb.rtt.srtt, tcb.rtt.min_rtt) == (40 * MS, 30 * MS)
