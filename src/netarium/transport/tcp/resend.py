"""Sending again: which lost segment next, how much of it, and what that does to the accounts (RFC 6675 §5, RFC 9937)."""

from typing import Final

from netarium.transport.tcp import gathering, pacing, pieces, reduction, xmittimer
from netarium.transport.tcp.records import Sent
from netarium.transport.tcp.tcb import CWR, DISORDER, LOSS, OPEN, RECOVERY, Tcb

MTU: Final = "retransmission: path MTU"
WHY: Final = {
    OPEN: MTU,
    DISORDER: MTU,
    CWR: MTU,
    RECOVERY: "retransmission: fast",
    LOSS: "retransmission: timeout",
}


def next_lost(tcb: Tcb, now: int) -> Sent | None:
    """The segment, or super-segment, to be sent again now; it counts as sent. None: nothing may go."""
    board = tcb.scoreboard
    lost = board.next_lost()
    if lost is None:
        return None
    smss = tcb.smss
    edge = tcb.snd_una + tcb.snd_wnd
    window = edge - lost.seq
    if window <= 0:
        if lost.seq != tcb.snd_una or tcb.config.closed_window_pulls_back:
            return None  # RFC 9293 SHLD-16, -17: only what lies within a window that shrank
        window = smss
    segs = tcb.congestion.cwnd // smss - board.in_flight
    if tcb.force_retransmit:
        segs = max(segs, 1)
    if segs <= 0:
        return None
    mss = pieces.mss_now(tcb)
    full = smss if tcb.accurate is None else mss
    if lost.end - lost.seq < full and tcb.config.retrans_collapse:
        limit = _end_of_record(tcb, lost.seq, edge)
        board.gather(lost, full, limit, divides=tcb.config.resends_stream)
    size = min(lost.end - lost.seq, segs * mss, tcb.gso_size or gathering.worthwhile(tcb) * mss)
    if size > window:
        size = window // mss * mss or window
    tcb.force_retransmit = False
    if tcb.plpmtud is not None:
        tcb.plpmtud.probe = 0  # the answer to a probe in flight would be ambiguous
    board.resend(lost, size, now)
    board.recount(lost, -(-size // mss))  # of the size that segments have now
    tcb.first_resent_at = tcb.first_resent_at or now
    if tcb.undo is not None:
        tcb.undo.on_resent(lost.segs)
    tcb.total_retrans += lost.segs
    tcb.last_sent_at = now
    _timed(tcb, lost, now)
    if tcb.recovery in reduction.REDUCING:
        tcb.prr.prr_out += lost.segs
    if not tcb.rexmit_at or (lost.seq == tcb.snd_una and tcb.rexmit_for != xmittimer.REORDERING):
        xmittimer.start_timeout(tcb, now + tcb.rtt.rto)
    return lost


def _end_of_record(tcb: Tcb, seq: int, edge: int) -> int:
    """How far segments may be put together to be sent again: no record is joined with another (MSG_EOR)."""
    end = None if tcb.boundaries is None else tcb.boundaries.record_end(seq)
    return edge if end is None else min(edge, end)


def _timed(tcb: Tcb, record: Sent, now: int) -> None:
    """What is sent again counts for delivery rate and pacing, too."""
    if tcb.rate is not None:
        tcb.rate.on_sent(record, now, idle=False)
    if tcb.paced:
        pacing.sent(tcb, record.end - record.seq, now, again=True)


def loss_probe(tcb: Tcb, now: int) -> Sent | None:
    """The last segment once more, as a loss probe (RFC 8985 §7.3); None: the window has been taken back."""
    board = tcb.scoreboard
    last = board.newest
    mss = pieces.mss_now(tcb)
    before = (last.segs - 1) * mss
    if 0 < before < last.end - last.seq:
        last = board.divide(last, last.seq + before)
    if (
        last.end - last.seq > mss + 1
    ):  # SACK blocks take room that they did not take before; one octet may be a FIN
        board.divide(last, last.seq + mss)
    if last.seq >= tcb.snd_una + tcb.snd_wnd and last.seq != tcb.snd_una:
        return None
    board.probe(last, now)
    _timed(tcb, last, now)
    tcb.last_sent_at = now
    tcb.total_retrans += last.segs
    return last
