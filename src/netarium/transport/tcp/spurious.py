"""Taking a reduction back that was needless: nothing had been lost, it was only late.

RFC 3522 and RFC 4015 (Eifel, by timestamps), RFC 3708 (DSACK), RFC 5682 §3 (F-RTO) say how to know; the evidence is
in `undo`. The congestion control then has its window and ssthresh of before.
"""

from netarium.transport.tcp import negotiate, reduction
from netarium.transport.tcp.tcb import OPEN, Tcb
from netarium.transport.tcp.undo import is_before
from netarium.wire.tcp import TcpSegment


def was_needless(tcb: Tcb, seg: TcpSegment) -> bool:
    """The recovery that goes on was needless, as far as this ACK tells."""
    if tcb.config.undo_form != "evidence":
        return False
    return tcb.undo is not None and (tcb.undo.all_dsacked or was_only_late(tcb, seg))


def was_only_late(tcb: Tcb, seg: TcpSegment) -> bool:
    """SND.UNA advanced by an original: its echo is older than the first retransmission, or there was none yet."""
    if tcb.first_resent_at:
        resent_ts = negotiate.timestamp(tcb, tcb.first_resent_at)
        return tcb.ts_ok and seg.ts_val is not None and is_before(seg.ts_ecr, resent_ts)
    return tcb.sack_ok or tcb.snd_una < tcb.recover


def undo_window(tcb: Tcb, now: int, *, unmark: bool = False) -> None:
    """Back to the window of before; if `unmark`, nothing is lost any more, either."""
    if unmark:
        tcb.scoreboard.unmark_lost()
    if tcb.undo is not None and tcb.undo.restores:
        tcb.congestion.on_spurious_loss()
        tcb.cwr_due = False
    tcb.undo = None
    tcb.rack.advanced = True  # look for losses anew
    tcb.output = True
    reduction.trace(tcb, "needless", now)


def undo_by_dsack(tcb: Tcb, now: int) -> bool:
    """Every retransmission has arrived twice."""
    if tcb.undo is None or not tcb.undo.all_dsacked or tcb.config.undo_form != "evidence":
        return False
    tcb.rack.on_needless_recovery()
    undo_window(tcb, now)
    return True


def undo_at_partial_ack(tcb: Tcb, seg: TcpSegment, una: int, now: int) -> bool:
    """The hole at `una` was filled by an original. True: retransmissions are out, so only new data is sent for now."""
    if tcb.undo is None or not was_only_late(tcb, seg) or tcb.config.undo_form != "evidence":
        return False
    board = tcb.scoreboard
    tcb.reordering.on_late(una, max(board.highest_sacked, tcb.snd_una), tcb.smss)
    if board.segs_resent:
        tcb.hold_resending = True
        return True
    if not reduction.was_resent(tcb):
        tcb.first_resent_at = 0
    undo_window(tcb, now, unmark=True)
    reduction.settle(tcb)
    return False


def undo_at_end(tcb: Tcb, seg: TcpSegment, now: int) -> bool:
    """All that was outstanding is acknowledged: open again. True: not yet, the state is kept."""
    if was_needless(tcb, seg):
        undo_window(tcb, now)
    else:
        tcb.rack.on_recovered()
    if _must_stay(tcb):
        return True
    tcb.recovery = OPEN
    return False


def undo_timeout(tcb: Tcb, seg: TcpSegment, now: int, *, by_frto: bool) -> bool:
    """The timeout was needless: nothing is lost; True if so."""
    needless = was_needless(tcb, seg)
    if tcb.config.undo_form == "quick":
        needless = _came_too_soon(tcb, seg, now)
    if not by_frto and not needless:
        return False
    undo_window(tcb, now, unmark=True)
    tcb.rexmit_count = 0
    if not _must_stay(tcb) and (by_frto or tcb.sack_ok):
        tcb.recovery = OPEN
    return True


def _came_too_soon(tcb: Tcb, seg: TcpSegment, now: int) -> bool:
    """After one timeout: the echo is older than it; or, without timestamps, the ACK came within half a round trip.

    So BSD has had it since 4.4 (Allman and Paxson 1999, "bad retransmit"), and nothing else is taken back there.
    """
    undo, resent_at = tcb.undo, tcb.first_resent_at
    if undo is None or undo.timeouts != 1 or not resent_at:
        return False
    if tcb.ts_ok:
        return was_only_late(tcb, seg)
    return now - resent_at < tcb.rtt.srtt >> 1


def _must_stay(tcb: Tcb) -> bool:
    """Without SACK duplicates of our retransmissions may still come, and must not look like a loss (RFC 6582 §4.1).

    So the state is kept until something above `recover` is acknowledged.
    """
    if tcb.sack_ok or tcb.snd_una != tcb.recover:
        return False
    if not reduction.was_resent(tcb):
        tcb.first_resent_at = 0
    return True
