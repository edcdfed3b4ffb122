"""The retransmission timer expired: what is lost, what becomes of the windows, and was it right?"""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.trace import Congestion
from netarium.base.units import MS, SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import resend, spurious, timeout
from netarium.transport.tcp.acknews import AckNews
from netarium.transport.tcp.congestion.reno import Reno
from netarium.transport.tcp.state import State
from netarium.transport.tcp.tcb import CWR, DISORDER, LOSS, OPEN, RECOVERY, Tcb
from netarium.transport.tcp.undo import Undo
from netarium.wire.tcp import ACK, TcpSegment

MSS = 1_000
NOW = 100 * SECOND


class Control(Reno):
    """Reno, and what it was told."""

    def __init__(self, window: int, config: TcpConfig) -> None:
        super().__init__(MSS, window * MSS, config)
        self.firsts: list[bool] = []
        self.undone = 0

    def on_rto(self, *, flight_size: int, first: bool, now: int) -> None:
        super().on_rto(flight_size=flight_size, first=first, now=now)
        self.firsts.append(first)

    def on_spurious_loss(self) -> None:
        super().on_spurious_loss()
        self.undone += 1


def sender(
    out: int = 5, *, recovery: int = OPEN, sack: bool = True, ts: bool = False, **config: object
) -> Tcb:
    """So many segments are out, one each 10 ms; the last of them now."""
    tcb = Tcb(4, replace(TcpConfig(), **config), SocketOptions(), 1, "us", None)
    tcb.smss = MSS
    tcb.state = State.ESTABLISHED
    tcb.start_sending(100)
    tcb.snd_una = tcb.snd_nxt = 101
    tcb.snd_wnd = tcb.max_snd_wnd = 60_000
    tcb.sack_ok, tcb.ts_ok = sack, ts
    tcb.recovery = recovery
    tcb.recover = 101 + out * MSS
    tcb.congestion = Control(10, tcb.config)
    for i in range(out):
        tcb.sendbuf.append(bytes(MSS))
        tcb.scoreboard.add(tcb.snd_nxt, tcb.snd_nxt + MSS, NOW - (out - 1 - i) * 10 * MS)
        tcb.snd_nxt += MSS
    return tcb


def firsts(tcb: Tcb) -> list[bool]:
    control = tcb.congestion
    assert isinstance(control, Control)
    return control.firsts


def undone(tcb: Tcb) -> int:
    control = tcb.congestion
    assert isinstance(control, Control)
    return control.undone


def lost(tcb: Tcb) -> list[bool]:
    return [record.lost for record in tcb.scoreboard._records[tcb.scoreboard._first :]]


@pytest.mark.rfc("5681", "07")
@pytest.mark.parametrize(
    ("recovery", "recovered", "expired", "first"),
    [
        (OPEN, False, 0, True),
        (DISORDER, False, 0, True),
        (CWR, False, 0, False),
        (RECOVERY, False, 0, False),
        (LOSS, False, 1, False),
        (LOSS, False, 0, True),
        (RECOVERY, True, 0, True),
        (LOSS, True, 1, True),
    ],
)
def test_a_window_is_reduced_once(recovery: int, recovered: bool, expired: int, first: bool) -> None:
    """Not again for what was in flight when the last reduction began."""
    tcb = sender(recovery=recovery)
    if recovered:
        tcb.recover = tcb.snd_una
    tcb.rexmit_count = expired
    tcb.undo = before = Undo(101, 3, restores=False)
    timeout.on_retransmission_timeout(tcb, NOW)
    assert firsts(tcb) == [first]
    assert (tcb.undo is not before) is first
    assert tcb.undo is not None
    assert tcb.undo.timeouts == 1
    assert tcb.undo.restores is first
    timeout.on_retransmission_timeout(tcb, NOW)
    assert tcb.undo.timeouts == 2
    assert (tcb.recovery, tcb.recover) == (LOSS, tcb.snd_nxt)


@pytest.mark.rfc("5682", "01")
@pytest.mark.parametrize(
    ("recovery", "expired", "configured", "frto"),
    [
        (OPEN, 0, True, True),
        (OPEN, 0, False, False),
        (CWR, 0, True, True),
        (RECOVERY, 0, True, False),
        (LOSS, 0, True, False),
        (LOSS, 1, True, True),
        (RECOVERY, 1, True, True),
    ],
)
def test_new_data_is_tried_unless_a_fast_recovery_went_on(
    recovery: int, expired: int, configured: bool, frto: bool
) -> None:
    tcb = sender(recovery=recovery, frto=configured)
    tcb.rexmit_count = expired
    timeout.on_retransmission_timeout(tcb, NOW)
    assert tcb.frto is frto


@pytest.mark.parametrize(("recovery", "degree"), [(OPEN, 3), (DISORDER, 3), (CWR, 9)])
def test_reordering_was_less_than_believed_if_the_timer_had_to_find_the_loss(
    recovery: int, degree: int
) -> None:
    tcb = sender(recovery=recovery)
    tcb.reordering.degree = 9
    tcb.scoreboard.sack(1_101, 4_101)
    timeout.on_retransmission_timeout(tcb, NOW)
    assert tcb.reordering.degree == degree


@pytest.mark.parametrize(
    ("window", "orphan", "by_time", "counts"),
    [
        (1, 0, True, True),
        (0, 0, True, False),
        (0, 1, True, True),
        (0, 0, False, True),
        (0, 1, False, True),
        (1, 0, False, True),
    ],
)
def test_what_probes_a_window_that_was_taken_back_does_not_count(
    window: int, orphan: int, by_time: bool, counts: bool
) -> None:
    tcb = sender(retries_by_time=by_time)
    tcb.snd_wnd, tcb.orphan = window, orphan
    for _ in range(2):
        timeout.on_retransmission_timeout(tcb, NOW)
    assert tcb.rexmit_count == (2 if counts else 0)
    assert (tcb.rtt.backoff_count, tcb.count().timeouts.total) == (2, 2)


@pytest.mark.parametrize(
    ("option", "system", "out", "state", "expired", "thin"),
    [
        (True, False, 3, State.ESTABLISHED, 5, True),
        (False, True, 3, State.ESTABLISHED, 5, True),
        (False, False, 3, State.ESTABLISHED, 0, False),
        (True, False, 4, State.ESTABLISHED, 0, False),
        (True, False, 3, State.CLOSE_WAIT, 0, False),
        (True, False, 3, State.ESTABLISHED, 6, False),
    ],
)
def test_a_thin_stream_does_not_wait_twice_as_long(
    option: bool, system: bool, out: int, state: State, expired: int, thin: bool
) -> None:
    """Six times, if it is asked for, in ESTABLISHED."""
    tcb = sender(out, thin_linear_timeouts=system)
    tcb.options.thin_linear_timeouts = option
    tcb.state, tcb.rexmit_count = state, expired
    rto = tcb.rtt.rto
    timeout.on_retransmission_timeout(tcb, NOW)
    assert tcb.rtt.rto == (rto if thin else 2 * rto)
    assert tcb.rexmit_at == NOW + tcb.rtt.rto


@pytest.mark.rfc("8985", "05")
def test_what_was_sent_within_a_round_trip_is_not_lost_yet() -> None:
    tcb = sender(5)
    tcb.rack.rtt = 15 * MS
    timeout.on_retransmission_timeout(tcb, NOW)
    assert lost(tcb) == [True, True, True, False, False]
    assert tcb.congestion.cwnd == 3 * MSS, "what is still under way, and one"
    assert tcb.force_retransmit
    assert tcb.output


@pytest.mark.rfc("2018", "04")
@pytest.mark.parametrize("sack", [True, False])
def test_if_the_first_was_sacked_nothing_is_believed(sack: bool) -> None:
    tcb = sender(5)
    tcb.rack.rtt = 15 * MS
    tcb.scoreboard.sack(101, 2_101)
    timeout.on_retransmission_timeout(tcb, NOW)
    assert lost(tcb) == [True] * 5
    plain = sender(5, sack=False)
    plain.scoreboard.segs_sacked = 2
    timeout.on_retransmission_timeout(plain, NOW)
    assert plain.scoreboard.segs_sacked == 0


@pytest.mark.parametrize(
    ("end", "retrans", "pending"), [(5_101, True, 2), (5_101, False, 1), (None, True, 1), (None, False, 1)]
)
def test_a_probe_on_its_way_may_draw_a_dsack_too(end: int | None, retrans: bool, pending: int) -> None:
    tcb = sender(5)
    tcb.scoreboard.mark_lost(tcb.scoreboard.oldest)
    tcb.scoreboard.resend(tcb.scoreboard.oldest, MSS, NOW)
    tcb.tlp_end_seq, tcb.tlp_is_retrans = end, retrans
    timeout.begin_undo(tcb, restores=True)
    assert tcb.undo is not None
    assert tcb.undo.pending == pending


# --- the ACKs that follow -------------------------------------------------------------------------------------------


def expired(
    *, sack: bool = True, waiting: int = 0, window: int = 60_000, ts: bool = False, **config: object
) -> Tcb:
    """The timer expired; the first segment was sent again."""
    tcb = sender(5, sack=sack, ts=ts, **config)
    tcb.sendbuf.append(bytes(waiting))
    tcb.snd_wnd = window
    timeout.on_retransmission_timeout(tcb, NOW)
    assert resend.next_lost(tcb, NOW) is not None
    tcb.sws_override = False
    return tcb


def ack(tcb: Tcb, segments: int, *, sacked: bool = False, original: bool = False, duplicate: bool = False,
        now: int = NOW + SECOND, ecr: int | None = None) -> AckNews:  # fmt: skip
    """An ACK for so many segments more; the news of it, two segments before it is asked."""
    news = AckNews(tcb.snd_una)
    news.delivered = 2
    tcb.snd_una += segments * MSS
    tcb.scoreboard.acknowledge(tcb.snd_una)
    news.advanced, news.sacked, news.original = segments > 0, sacked, original
    seg = TcpSegment(1, 2, 1, tcb.snd_una, ACK, 60_000, ts_val=None if ecr is None else 1, ts_ecr=ecr or 0)
    timeout.on_ack(tcb, seg, news, now, duplicate=duplicate)
    return news


@pytest.mark.rfc("5682", "01")
@pytest.mark.parametrize(
    ("waiting", "fin", "window", "tried"),
    [
        (500, "none", 60_000, True),
        (500, "none", 4_001, True),
        (500, "none", 4_000, False),
        (0, "none", 60_000, False),
        (0, "queued", 60_000, True),
        (0, "sent", 60_000, False),
    ],
)
@pytest.mark.parametrize("overridden", [False, True])
def test_at_the_first_ack_new_data_is_tried(
    waiting: int, fin: str, window: int, tried: bool, overridden: bool
) -> None:
    """However little, if there is some and the window takes it; or a FIN. Else it is as ever."""
    tcb = expired(waiting=waiting, window=window)
    tcb.fin_queued = fin != "none"
    tcb.fin_seq = tcb.snd_nxt - 1 if fin == "sent" else None
    tcb.sws_override = overridden
    ack(tcb, 1)
    assert (tcb.frto, tcb.hold_resending, tcb.sws_override) == (tried, tried, tried or overridden)
    assert (tcb.recovery, tcb.recover) == (LOSS, tcb.snd_nxt)


def test_an_ack_of_nothing_or_of_all_tries_nothing() -> None:
    tcb = expired(waiting=500)
    ack(tcb, 0, duplicate=True)
    assert (tcb.frto, tcb.hold_resending) == (True, False)
    ack(tcb, 5)
    assert (tcb.hold_resending, tcb.recovery) == (False, OPEN)


@pytest.mark.rfc("5682", "02")
@pytest.mark.parametrize(
    ("sacked", "duplicate", "real"), [(True, False, True), (False, True, True), (False, False, False)]
)
def test_a_sack_or_a_duplicate_behind_the_new_data_says_that_the_loss_was_real(
    sacked: bool, duplicate: bool, real: bool
) -> None:
    tcb = expired(waiting=500)
    ack(tcb, 1)
    tcb.snd_nxt += 500
    ack(tcb, 0, sacked=sacked, duplicate=duplicate)
    assert tcb.frto is not real
    assert tcb.recovery == LOSS
    assert undone(tcb) == 0


@pytest.mark.rfc("5682", "01")
def test_what_was_never_resent_has_arrived_and_so_nothing_was_lost() -> None:
    tcb = expired()
    window = 10 * MSS
    ack(tcb, 2, original=True)
    assert (undone(tcb), tcb.recovery, tcb.rexmit_count, tcb.undo) == (1, OPEN, 0, None)
    assert lost(tcb) == [False] * 3
    assert tcb.congestion.cwnd == window
    assert not tcb.hold_resending
    off = expired(frto=False)
    ack(off, 2, original=True)
    assert (undone(off), off.recovery) == (0, LOSS)


@pytest.mark.rfc("6582", "03")
@pytest.mark.parametrize(
    ("more", "advanced", "duplicate", "delivered", "sacked"),
    [
        (500, 0, True, 3, 1),
        (0, 0, True, 2, 0),
        (500, 1, False, 2, 0),
        (0, 1, False, 2, 0),
        (500, 0, False, 2, 2),
    ],
)
def test_without_sack_duplicates_tell_of_the_new_data(
    more: int, advanced: int, duplicate: bool, delivered: int, sacked: int
) -> None:
    tcb = expired(sack=False, frto=False, waiting=500)
    tcb.scoreboard.unmark_lost()
    if more:
        tcb.scoreboard.add(tcb.snd_nxt, tcb.snd_nxt + more, NOW)
    tcb.snd_nxt += more
    tcb.scoreboard.segs_sacked = 0 if duplicate else 2
    news = ack(tcb, advanced, duplicate=duplicate)
    assert (news.delivered, tcb.scoreboard.segs_sacked) == (delivered, sacked)


# --- it was needless ------------------------------------------------------------------------------------------------


def echo(tcb: Tcb, ms: int) -> int:
    """A timestamp so much later than the first retransmission."""
    return (tcb.first_resent_at // MS + tcb.ts_offset + ms) & 0xFFFF_FFFF


@pytest.mark.rfc("4015", "01")
@pytest.mark.parametrize(("ms", "needless"), [(-1, True), (0, False), (1, False)])
def test_an_echo_from_before_the_retransmission_says_that_it_was_needless(ms: int, needless: bool) -> None:
    tcb = expired(ts=True, frto=False)
    ack(tcb, 1, ecr=echo(tcb, ms))
    assert (undone(tcb), tcb.recovery) == ((1, OPEN) if needless else (0, LOSS))
    assert any(lost(tcb)) is not needless


def test_without_an_echo_there_is_no_such_evidence() -> None:
    for ts, told in ((True, False), (False, True)):
        tcb = expired(ts=ts, frto=False)
        ack(tcb, 1, ecr=echo(tcb, -1) if told else None)
        assert undone(tcb) == 0


@pytest.mark.rfc("3708", "01")
def test_if_all_that_was_resent_arrived_twice_it_was_needless() -> None:
    tcb = expired(frto=False)
    assert tcb.undo is not None
    tcb.undo.on_dsack(1_101, 1)
    ack(tcb, 1)
    assert (undone(tcb), tcb.recovery) == (1, OPEN)
    other = expired(frto=False, undo_form="none")
    assert other.undo is not None
    other.undo.on_dsack(1_101, 1)
    ack(other, 1)
    assert (undone(other), other.recovery) == (0, LOSS)


@pytest.mark.parametrize(
    ("after", "timeouts", "ms", "needless"),
    [
        (49, 1, None, True),
        (50, 1, None, False),
        (49, 2, None, False),
        (900, 1, -1, True),
        (10, 1, 0, False),
        (900, 2, -1, False),
    ],
)
def test_the_bsds_look_at_half_a_round_trip_or_at_the_echo(
    after: int, timeouts: int, ms: int | None, needless: bool
) -> None:
    """And only after one timeout."""
    tcb = expired(ts=ms is not None, frto=False, undo_form="quick")
    tcb.rtt.srtt = 100 * MS
    assert tcb.undo is not None
    tcb.undo.timeouts = timeouts
    ack(tcb, 1, now=NOW + after * MS, ecr=None if ms is None else echo(tcb, ms))
    assert (undone(tcb), tcb.recovery) == ((1, OPEN) if needless else (0, LOSS))


def test_before_anything_was_resent_nothing_came_too_soon() -> None:
    tcb = sender(undo_form="quick")
    timeout.on_retransmission_timeout(tcb, NOW)
    tcb.frto, tcb.rtt.srtt, tcb.first_resent_at = False, 100 * SECOND, 0
    ack(tcb, 1)
    assert undone(tcb) == 0
    tcb.undo, tcb.first_resent_at = None, NOW
    ack(tcb, 1)
    assert undone(tcb) == 0


def in_recovery(out: int = 5, *, sack: bool = True, resent: bool = True, ts: bool = True) -> Tcb:
    tcb = sender(out, sack=sack, ts=ts, recovery=RECOVERY)
    timeout.begin_undo(tcb, restores=True)
    tcb.congestion.on_loss(flight_size=5 * MSS, now=NOW)
    tcb.scoreboard.mark_lost(tcb.scoreboard.oldest)
    if resent:
        assert resend.next_lost(tcb, NOW) is not None
    tcb.output = tcb.rack.advanced = False
    return tcb


def segment(tcb: Tcb, ms: int) -> TcpSegment:
    return TcpSegment(1, 2, 1, tcb.snd_una, ACK, 60_000, ts_val=1, ts_ecr=echo(tcb, ms))


@pytest.mark.rfc("4015", "01")
def test_a_partial_ack_of_an_original_lets_new_data_go_while_retransmissions_are_out() -> None:
    tcb = in_recovery()
    assert not spurious.undo_at_partial_ack(tcb, segment(tcb, 0), 101, NOW)
    tcb.snd_una = 1_101
    assert spurious.undo_at_partial_ack(tcb, segment(tcb, -1), 101, NOW)
    assert (tcb.hold_resending, tcb.recovery, undone(tcb)) == (True, RECOVERY, 0)
    assert tcb.reordering.seen == 1


@pytest.mark.parametrize("resent_before", [False, True])
def test_a_partial_ack_of_an_original_ends_it_if_none_are_out(resent_before: bool) -> None:
    tcb = in_recovery()
    tcb.snd_una = 1_101
    tcb.scoreboard.acknowledge(tcb.snd_una)
    tcb.scoreboard.mark_lost(tcb.scoreboard.newest)
    if resent_before:
        tcb.scoreboard.oldest.resent = 1
    seg = segment(tcb, -1)
    assert not spurious.undo_at_partial_ack(tcb, seg, 101, NOW)
    assert (undone(tcb), tcb.undo, tcb.hold_resending) == (1, None, False)
    assert lost(tcb) == [False] * 4
    assert tcb.recovery == (DISORDER if resent_before else OPEN)
    assert (tcb.first_resent_at > 0) is resent_before
    assert tcb.output
    assert tcb.rack.advanced


def test_a_partial_ack_is_no_evidence_where_none_is_looked_for() -> None:
    tcb = in_recovery()
    seg = segment(tcb, -1)
    tcb.undo = None
    assert not spurious.undo_at_partial_ack(tcb, seg, 101, NOW)
    assert not spurious.was_needless(tcb, seg)
    timeout.begin_undo(tcb, restores=True)
    tcb.config = replace(tcb.config, undo_form="quick")
    assert not spurious.undo_at_partial_ack(tcb, seg, 101, NOW)
    assert not spurious.was_needless(tcb, seg)
    assert not tcb.hold_resending


@pytest.mark.parametrize("restores", [True, False])
@pytest.mark.parametrize("unmark", [True, False])
def test_the_window_of_before_is_not_right_again_after_a_mark(restores: bool, unmark: bool) -> None:
    tcb = in_recovery()
    assert tcb.undo is not None
    tcb.undo.restores = restores
    tcb.cwr_due = True
    spurious.undo_window(tcb, NOW, **({"unmark": True} if unmark else {}))
    assert (undone(tcb), tcb.cwr_due) == ((1, False) if restores else (0, True))
    assert lost(tcb)[0] is not unmark
    assert (tcb.undo, tcb.output, tcb.rack.advanced) == (None, True, True)
    spurious.undo_window(tcb, NOW)
    assert undone(tcb) == restores, "once"


@pytest.mark.parametrize(
    ("sack", "below", "late"),
    [(True, True, True), (True, False, True), (False, True, True), (False, False, False)],
)
def test_what_arrived_before_anything_was_resent_was_only_late(sack: bool, below: bool, late: bool) -> None:
    """Without SACK only below what was in flight: an ACK of all may be one of duplicates."""
    tcb = in_recovery(sack=sack, resent=False)
    tcb.snd_una = tcb.recover - below
    assert spurious.was_only_late(tcb, segment(tcb, 0)) is late


@pytest.mark.rfc("6582", "04")
@pytest.mark.parametrize(
    ("sack", "una", "stays"),
    [(False, 5_101, True), (False, 5_102, False), (False, 5_100, False), (True, 5_101, False)],
)
def test_without_sack_the_state_is_kept_until_more_is_acknowledged(sack: bool, una: int, stays: bool) -> None:
    """Duplicates of our retransmissions may still come."""
    tcb = in_recovery(sack=sack)
    tcb.snd_una = una
    tcb.scoreboard.acknowledge(una)
    seg = segment(tcb, 1)
    assert spurious.undo_at_end(tcb, seg, NOW) is stays
    assert tcb.recovery == (RECOVERY if stays else OPEN)
    assert tcb.first_resent_at == (0 if stays else NOW)
    assert undone(tcb) == 0


@pytest.mark.parametrize(
    ("sack", "by_frto", "una", "recovery"),
    [
        (True, False, 2_101, OPEN),
        (True, True, 2_101, OPEN),
        (False, True, 2_101, OPEN),
        (False, False, 2_101, LOSS),
        (False, True, 5_101, LOSS),
    ],
)
def test_after_a_needless_timeout_it_is_open_at_once_unless_duplicates_may_come(
    sack: bool, by_frto: bool, una: int, recovery: int
) -> None:
    tcb = expired(sack=sack, ts=True)
    tcb.snd_una = una
    tcb.scoreboard.acknowledge(una)
    assert spurious.undo_timeout(tcb, segment(tcb, -1), NOW, by_frto=by_frto)
    assert (tcb.recovery, tcb.rexmit_count, undone(tcb)) == (recovery, 0, 1)


def test_all_dsacked_in_recovery_makes_racks_window_last() -> None:
    tcb = in_recovery()
    assert not spurious.undo_by_dsack(tcb, NOW)
    assert tcb.undo is not None
    tcb.undo.on_dsack(1_101, 1)
    tcb.config = replace(tcb.config, undo_form="quick")
    assert not spurious.undo_by_dsack(tcb, NOW)
    tcb.config = replace(tcb.config, undo_form="evidence")
    before = tcb.rack._persist
    assert spurious.undo_by_dsack(tcb, NOW)
    assert (undone(tcb), tcb.rack._persist) == (1, before + 1)
    assert lost(tcb)[0], "what is marked stays so"
    assert not spurious.undo_by_dsack(tcb, NOW)


def test_the_trace_tells_what_became_of_the_window() -> None:
    class Notes(list):
        def emit(self, event: Congestion) -> int:
            self.append((event.why, event.cwnd, event.ssthresh, event.flight))
            return 0

    tcb = sender(5)
    tcb.trace = notes = Notes()
    timeout.on_retransmission_timeout(tcb, NOW)
    spurious.undo_window(tcb, NOW, unmark=True)
    assert notes == [("timeout", 1_000, 5_000, 5_000), ("needless", 10_000, 0x7FFF_FFFF, 5_000)]
