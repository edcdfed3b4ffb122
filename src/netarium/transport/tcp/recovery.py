"""What an acknowledgment means for the sender: open, disorder, window reduced, fast recovery, after a timeout.

The conclusions from `acknews`, in Linux's states (RFC 5681 §3.2, RFC 6582, RFC 6675 §5, RFC 8985 §6.2 step 5, RFC 9937);
what to do after a timeout is in `timeout`. What is lost is the scoreboard's business and RACK's, how much of it may go
again that of PRR and the congestion control; `sender` sends it.

Duties: 5681-15, 3042-01.
"""

from netarium.base.units import MS
from netarium.transport.tcp import (
    acefeedback,
    acknews,
    cwnd,
    newreno,
    probing,
    reduction,
    spurious,
    timeout,
    tlp,
    xmittimer,
)
from netarium.transport.tcp.acknews import AckNews
from netarium.transport.tcp.tcb import CWR, DISORDER, LOSS, OPEN, RECOVERY, Tcb
from netarium.wire.tcp import TcpSegment


def on_ack(tcb: Tcb, seg: TcpSegment, *, may_be_duplicate: bool, now: int, marked: bool = False) -> None:
    """An acceptable ACK: SEG.ACK <= SND.NXT, and not far below SND.UNA.

    Args:
        tcb: the connection.
        seg: with unwrapped numbers.
        may_be_duplicate: no payload, no SYN, no FIN, and it is no window update (RFC 5681 §2).
        now: monotonic ns.
        marked: the peer echoes that the network marked a segment of ours (ECE); with Accurate ECN, it may tell so.
    """
    board = tcb.scoreboard
    if (
        seg.ack > tcb.snd_una
        and tcb.recovery == OPEN
        and not (seg.sack or marked)
        and board.is_plain
        and tcb.tlp_end_seq is None
    ):
        _all_in_order(tcb, seg, now)
        return
    news = AckNews(tcb.snd_una)
    news.marked = marked
    news.prior_high = board.highest_sacked
    lost_before = board.losses
    was_empty = not board
    tcb.hold_resending = False
    _read(tcb, seg, news, now)
    if tcb.rack.is_wide:
        tcb.rack.adapt(tcb.snd_una, tcb.snd_nxt)
    again = may_be_duplicate and seg.ack == news.una
    if tcb.tlp_end_seq is not None:
        _answer_to_probe(tcb, seg, news, pure_duplicate=again and not news.sacked, now=now)
    duplicate = again and not news.dsacked and not was_empty
    if duplicate or news.sacked or news.dsacked or tcb.recovery != OPEN or news.marked:
        _conclude(tcb, seg, news, duplicate=duplicate, now=now)
        if tcb.recovery != LOSS and tcb.tally is not None and tcb.tally.timeouts is not None:
            tcb.tally.timeouts.recovered(now)
    if news.restart_timer:
        xmittimer.on_acknowledged(tcb, now)
    if news.advanced or (
        news.delivered and (tcb.recovery != DISORDER or tcb.config.limited_transmit)  # RFC 3042
    ):
        tcb.output = True
    if seg.ack >= news.una:  # an old ACK tells what has arrived, not what may go
        _adjust_window(tcb, news, board.losses - lost_before, now)


def _read(tcb: Tcb, seg: TcpSegment, news: AckNews, now: int) -> None:
    """All that the ACK tells; with Accurate ECN what arrived by it bounds how far the counter of marks can have come."""
    board = tcb.scoreboard
    out, left = board.segs_out, board.segs_out - board.segs_sacked
    if seg.sack and tcb.sack_ok:
        acknews.take_sack(tcb, seg, news, now)
    if seg.ack > tcb.snd_una:
        acknews.take_cumulative(tcb, seg, news, now)
        _made_progress(tcb, now)
    if tcb.accurate is not None:
        more = acefeedback.take(tcb, seg, news, max(left - board.segs_out + board.segs_sacked, 0))
        news.marked = more > 0 and out > 0
    if news.acked or news.sacked:
        acknews.measure(tcb, seg, news, now)


def _all_in_order(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """Nothing was ever lost, resent or SACKed of what is outstanding: what follows below in full comes to this.

    Nearly every ACK is such a one; it must not pay for the others.
    """
    board = tcb.scoreboard
    out = board.segs_out
    done = acknews.release(tcb, seg.ack)
    _made_progress(tcb, now)
    if tcb.snd_nxt < tcb.sendbuf.end or tcb.fin_queued:
        tcb.output = True
    if not done:
        return
    first, last = done[0], done[-1]
    latest_rtt = now - last.xmit_at or 1
    if tcb.sack_ok:
        rack = tcb.rack
        rack.on_delivered(last, 0, now)
        if rack.is_wide:
            rack.adapt(tcb.snd_una, tcb.snd_nxt)
    acknews.take_sample(tcb, now - first.xmit_at or 1, latest_rtt, now)
    xmittimer.on_acknowledged(tcb, now)
    cwnd.on_ack(tcb, out - board.segs_out, latest_rtt, now)
    if tcb.trace is not None:
        reduction.trace(tcb, "ack", now)


def on_reordering_timeout(tcb: Tcb, now: int) -> None:
    """What was overtaken has not come: it is lost (RFC 8985 §6.2 step 5)."""
    board = tcb.scoreboard
    in_flight, losses = board.in_flight, board.losses
    _mark_overdue(tcb, now)
    if board.in_flight != in_flight:
        if tcb.recovery != RECOVERY:
            _enter(tcb, None, now)
            reduction.proceed(tcb, 1, newly_lost=board.losses - losses, advanced=False)
        tcb.output = True
    xmittimer.restart_timeout(tcb, now)


def _made_progress(tcb: Tcb, now: int) -> None:
    """SND.UNA advanced: whatever was counting failures begins anew."""
    if tcb.plpmtud is not None:
        probing.on_acknowledged(tcb)
    tcb.rexmit_count = tcb.persist_count = tcb.soft_error = tcb.user_timeout_at = 0
    if tcb.room_awaited:
        tcb.wakeup = True
    if tcb.snd_una == tcb.snd_nxt:
        tcb.unacked_since = 0
    else:
        tcb.unacked_since = now
        if tcb.user_timeout_ns:
            since = tcb.first_resent_at if tcb.config.retries_by_time else 0
            tcb.user_timeout_at = (since or now) + tcb.user_timeout_ns


def _answer_to_probe(tcb: Tcb, seg: TcpSegment, news: AckNews, now: int, *, pure_duplicate: bool) -> None:
    """A loss probe is out: if only it can have filled a hole, that was a loss like any other (RFC 8985 §7.4.2)."""
    if tlp.repaired_a_loss(tcb, seg.ack, dsacked=news.probe_dsacked, pure_duplicate=pure_duplicate):
        reduction.begin(tcb, now)
        tcb.recovery = CWR
        reduction.finish(tcb)
        reduction.settle(tcb)
        reduction.trace(tcb, "loss probe", now)


def _conclude(tcb: Tcb, seg: TcpSegment, news: AckNews, now: int, *, duplicate: bool) -> None:
    """An ACK that is not as usual, or comes when things are not."""
    board = tcb.scoreboard
    if not board:
        board.segs_sacked = 0
    if news.marked and tcb.undo is not None:
        tcb.undo.restores = False  # what was a mark is not undone
    if news.advanced and board and board.oldest.sacked:
        _reneged(tcb, news, now)
        return
    if tcb.recovery == OPEN:
        tcb.first_resent_at = 0
    elif tcb.snd_una >= tcb.recover and not _try_to_leave(tcb, seg, now):
        return
    if tcb.recovery == RECOVERY:
        _in_recovery(tcb, seg, news, now, duplicate=duplicate)
        return
    if tcb.recovery == LOSS:
        timeout.on_ack(tcb, seg, news, now, duplicate=duplicate)
        _find_losses(tcb, news, now)
        if tcb.recovery != OPEN and not news.lost_again:
            return
    _in_order_or_nearly(tcb, news, now, duplicate=duplicate)


def _reneged(tcb: Tcb, news: AckNews, now: int) -> None:
    """What follows SND.UNA was SACKed, and yet is not acknowledged: soon the timer will start over (RFC 2018 §8)."""
    xmittimer.start_timeout(tcb, now + max(tcb.rtt.srtt >> 1, 10 * MS))
    news.restart_timer = False


def _try_to_leave(tcb: Tcb, seg: TcpSegment, now: int) -> bool:
    """SND.UNA reached `recover`; False: nothing else is to be done about this ACK."""
    if (
        tcb.recovery == CWR and tcb.snd_una > tcb.recover
    ):  # the mark's answer, CWR, must reach the receiver first
        reduction.finish(tcb)
        tcb.recovery = OPEN
    elif tcb.recovery == RECOVERY:
        if not tcb.sack_ok:
            tcb.scoreboard.segs_sacked = 0
        if spurious.undo_at_end(tcb, seg, now):
            return False
        reduction.finish(tcb)
        reduction.trace(tcb, "recovered", now)
    return True


def _in_recovery(tcb: Tcb, seg: TcpSegment, news: AckNews, now: int, *, duplicate: bool) -> None:
    """A duplicate or a partial ACK in fast recovery."""
    if news.advanced:
        if spurious.undo_at_partial_ack(tcb, seg, news.una, now):
            return
    elif duplicate and not tcb.sack_ok:
        news.delivered += newreno.on_duplicate(tcb)
    if spurious.undo_by_dsack(tcb, now):
        _try_to_open(tcb)
    _find_losses(tcb, news, now)
    if tcb.recovery != RECOVERY and tcb.scoreboard.segs_lost:
        _enter(tcb, news, now)  # it was reordering, and now it is a loss


def _in_order_or_nearly(tcb: Tcb, news: AckNews, now: int, *, duplicate: bool) -> None:
    """Nothing was lost so far, or that is over: is it now?"""
    board = tcb.scoreboard
    if not tcb.sack_ok:
        if news.advanced:
            board.segs_sacked = 0
        if duplicate:
            news.delivered += newreno.on_duplicate(tcb)
    if tcb.recovery <= DISORDER:
        spurious.undo_by_dsack(tcb, now)
    _find_losses(tcb, news, now)
    if not board.segs_lost:
        if news.marked:
            _reduce_for_mark(tcb, now)
        _try_to_open(tcb)
    elif tcb.plpmtud is None or tcb.recovery >= CWR or not probing.on_loss(tcb):
        _enter(tcb, news, now)


def _reduce_for_mark(tcb: Tcb, now: int) -> None:
    """A mark is as a loss, but nothing is resent: the window shrinks, once in a round trip (RFC 3168 §6.1.2)."""
    if tcb.recovery < CWR:
        tcb.undo = None
        reduction.begin(tcb, now)
        tcb.recovery = CWR
        reduction.trace(tcb, "congestion mark", now)


def _try_to_open(tcb: Tcb) -> None:
    if not reduction.was_resent(tcb):
        tcb.first_resent_at = 0
    if tcb.recovery != CWR:
        reduction.settle(tcb)


def _enter(tcb: Tcb, news: AckNews | None, now: int) -> None:
    """Fast recovery begins (RFC 6675 §5, RFC 8985 §6.2): one reduction, if none is going on."""
    if not reduction.was_resent(tcb):
        tcb.first_resent_at = 0
    reduces = tcb.recovery not in reduction.REDUCING
    timeout.begin_undo(tcb, restores=reduces and (news is None or not news.marked))
    if reduces:
        reduction.begin(tcb, now)
    tcb.recovery = RECOVERY
    tcb.output = True
    reduction.trace(tcb, "fast retransmit", now)


def _find_losses(tcb: Tcb, news: AckNews, now: int) -> None:
    """Mark what must be lost after this ACK."""
    board = tcb.scoreboard
    if not board:
        return
    if not tcb.sack_ok:
        newreno.mark_lost(tcb, advanced=news.advanced)
    elif not tcb.config.rack:
        board.mark_lost_by_sack(tcb.reordering.degree)
        if news.advanced and tcb.recovery == RECOVERY and not board.oldest.sacked and not board.oldest.resent:
            newreno.mark_first_lost(
                tcb
            )  # a partial ACK: RFC 6675 §4, NextSeg (4), without waiting for the rest
    elif tcb.rack.advanced:
        tcb.rack.advanced = False
        resent = board.segs_resent
        if wait := _mark_overdue(tcb, now):
            xmittimer.await_reordered(tcb, wait, now)
            news.restart_timer = False
        news.lost_again = news.lost_again or board.segs_resent < resent


def _mark_overdue(tcb: Tcb, now: int) -> int:
    """RACK's losses (RFC 8985 §6.2 step 5); return how long others still have, in ns."""
    rack, board = tcb.rack, tcb.scoreboard
    overdue_at = now - rack.rtt - _reo_wnd(tcb)
    waiting = board.mark_overdue(rack.order, rack.end_seq, overdue_at)
    return waiting - overdue_at if waiting else 0


def _reo_wnd(tcb: Tcb) -> int:
    """RFC 8985 §6.2 step 4: none while reordering was never seen and there is other evidence of loss."""
    if not tcb.reordering.seen and (
        tcb.recovery >= RECOVERY
        or (tcb.scoreboard.segs_sacked >= tcb.reordering.degree and not tcb.config.rack_ignores_dupthresh)
    ):
        return 0
    return tcb.rack.reo_wnd(tcb.rtt.min_rtt, tcb.rtt.srtt)


def _adjust_window(tcb: Tcb, news: AckNews, newly_lost: int, now: int) -> None:
    """The congestion control grows the window, or PRR brings it down."""
    control = tcb.congestion
    if tcb.recovery in reduction.REDUCING and not control.own_recovery:
        reduction.proceed(tcb, news.delivered, newly_lost=newly_lost, advanced=news.advanced)
        cwnd.on_reduction(tcb, news.delivered, now)
    elif news.acked or (news.delivered and tcb.reordering.is_high) or control.own_recovery:
        cwnd.on_ack(tcb, news.delivered, news.latest_rtt, now, lost=newly_lost)
        reduction.trace(tcb, "ack", now)
