"""The retransmission timer expired; and was it right to?

RFC 6298 (5.4)-(5.6), RFC 5681 §3.1, RFC 8985 §6.3 (not all is lost), RFC 5682 (F-RTO: after the first retransmission
send new data; if its ACKs, or SACKs of what was never resent, show that the originals arrived, it was not).

Duties: MUST-19 of RFC 9293 (with `congestion/`); 8961-01.
"""

from typing import Final

from netarium.transport.tcp import blackhole, newreno, probing, reduction, spurious, xmittimer
from netarium.transport.tcp.acknews import AckNews
from netarium.transport.tcp.state import ESTABLISHED
from netarium.transport.tcp.tcb import DISORDER, LOSS, RECOVERY, Tcb
from netarium.transport.tcp.undo import Undo
from netarium.wire.tcp import TcpSegment

_THIN: Final = 4  # segments in flight: so few that no duplicate ACKs come
_LINEAR_TIMEOUTS: Final = 6


def on_retransmission_timeout(tcb: Tcb, now: int) -> None:
    """Begin again with one segment; there is something outstanding."""
    if not tcb.config.blackhole_by_stages:
        probing.on_timeout(tcb, now)
    elif tcb.config.mtu_probing:
        blackhole.on_timeout(tcb)
    board, control, state = tcb.scoreboard, tcb.congestion, tcb.recovery
    _mark_lost(tcb, now)
    if not reduction.was_resent(tcb):
        tcb.first_resent_at = 0
    # One reduction for a window: not again for what was in flight when the last one began (RFC 5681 §3.1).
    first = state <= DISORDER or tcb.snd_una >= tcb.recover or (state == LOSS and not tcb.rexmit_count)
    if first:
        begin_undo(tcb, restores=True)
    if tcb.undo is not None:
        tcb.undo.timeouts += 1
    control.on_rto(flight_size=reduction.window_in_use(tcb), first=first, now=now)
    tcb.cwr_due = tcb.ecn_ok
    control.cwnd = (board.in_flight + 1) * tcb.smss
    if state <= DISORDER:
        tcb.reordering.on_timeout(board.segs_sacked)
    # RFC 5682 §3.1 step 1: not if a fast recovery was going on.
    tcb.frto = tcb.config.frto and (state < RECOVERY or tcb.rexmit_count > 0)
    tcb.recovery = LOSS
    tcb.recover = tcb.snd_nxt
    tcb.tlp_end_seq = None
    tcb.hold_resending = False
    if tcb.snd_wnd or tcb.orphan or not tcb.config.retries_by_time:
        tcb.rexmit_count += (
            1  # else it is a probe of a window that was taken back (`timers` knows when to give up)
        )
    tcb.count().timed_out(now)
    if _is_thin(tcb):
        tcb.rtt.forget_backoff()
    else:
        tcb.rtt.back_off()
    xmittimer.start_timeout(tcb, now + tcb.rtt.rto)
    tcb.force_retransmit = tcb.output = True
    reduction.trace(tcb, "timeout", now)


def _is_thin(tcb: Tcb) -> bool:
    """A few timeouts shall not double: a stream that has little in flight waits long for each loss (Linux's thin streams).

    Only if the application, or the system, asks for it: RFC 6298 (5.5) doubles it.
    """
    return (
        (tcb.options.thin_linear_timeouts or tcb.config.thin_linear_timeouts)
        and tcb.rexmit_count <= _LINEAR_TIMEOUTS
        and tcb.scoreboard.segs_out < _THIN
        and tcb.state is ESTABLISHED
    )


def begin_undo(tcb: Tcb, *, restores: bool) -> None:
    """A recovery begins: gather evidence whether it is needless. A probe on the way may draw a DSACK, too."""
    probed = tcb.tlp_end_seq is not None and tcb.tlp_is_retrans
    tcb.undo = Undo(tcb.snd_una, tcb.scoreboard.segs_resent + probed, restores=restores)


def _mark_lost(tcb: Tcb, now: int) -> None:
    """What is lost: the first segment, and what RACK does not say was sent only lately (RFC 8985 §6.3).

    If the first one was SACKed and yet is not acknowledged, the receiver reneged: then nothing that it SACKed is
    believed (RFC 2018 §8, RFC 6675 §5.1).
    """
    board = tcb.scoreboard
    if board.oldest.sacked:
        board.forget_sacks()
        board.mark_timed_out(now)
        return
    if not tcb.sack_ok:
        board.segs_sacked = 0
    board.mark_timed_out(now - tcb.rack.rtt)


def on_ack(tcb: Tcb, seg: TcpSegment, news: AckNews, now: int, *, duplicate: bool) -> None:
    """An ACK after a timeout: go on resending in slow start, unless the timeout proves needless.

    Spec: RFC 5682 §2.1 and §3.1, as Linux combines them.
    """
    recovered = tcb.snd_una >= tcb.recover
    if news.advanced and spurious.undo_timeout(tcb, seg, now, by_frto=False):
        return
    if tcb.frto:
        if news.original and spurious.undo_timeout(tcb, seg, now, by_frto=True):
            return  # step 3 b: never resent, and it has arrived
        if tcb.snd_nxt > tcb.recover:
            if news.sacked or duplicate:
                tcb.frto = False  # step 3 a: the loss was real
        elif news.advanced and not recovered:
            tcb.recover = tcb.snd_nxt
            tcb.frto = _try_new_data(tcb)
            if tcb.frto:
                return  # step 2 b
    if recovered:
        spurious.undo_at_end(tcb, seg, now)
    elif not tcb.sack_ok:
        if tcb.snd_nxt > tcb.recover and duplicate:
            news.delivered += newreno.on_duplicate(tcb)  # the new data of step 2 b was delivered
        elif news.advanced:
            tcb.scoreboard.segs_sacked = 0


def _try_new_data(tcb: Tcb) -> bool:
    """Instead of retransmissions let new data go, however little it is, if there is some and the window takes it; or a FIN."""
    is_some = tcb.sendbuf.end > tcb.snd_nxt or (tcb.fin_queued and tcb.fin_seq is None)
    tcb.hold_resending = is_some and tcb.snd_una + tcb.snd_wnd > tcb.snd_nxt
    tcb.sws_override = tcb.sws_override or tcb.hold_resending
    return tcb.hold_resending
