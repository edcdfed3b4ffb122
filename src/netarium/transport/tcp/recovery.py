"""What an acknowledgment tells the sender, and how losses are repaired.

RFC 5681 §3.2 and RFC 6582 (NewReno) without SACK, RFC 6675 with it, RFC 6298 §5 for the timer, RFC 3042 through the
pipe: each duplicate ACK says that a segment has left the network, so another may enter.
"""

from netarium.base.seq import MASK, unwrap
from netarium.base.trace import Congestion, RttSampled
from netarium.base.units import MS
from netarium.transport.tcp import cwnd, negotiate, probing
from netarium.transport.tcp.scoreboard import Sent
from netarium.transport.tcp.tcb import CWR, DISORDER, LOSS, OPEN, RECOVERY, Tcb
from netarium.wire.tcp import TcpSegment


def on_ack(tcb: Tcb, seg: TcpSegment, *, may_be_duplicate: bool, now: int) -> None:
    """An acceptable ACK: SND.UNA <= SEG.ACK <= SND.NXT.

    Args:
        tcb: the connection.
        seg: with unwrapped numbers.
        may_be_duplicate: no payload, no SYN, no FIN, and the window is as before (RFC 5681 §2).
        now: monotonic ns.
    """
    flight_before = tcb.flight_size
    newly_sacked = 0
    if seg.sack and tcb.sack_ok:
        newly_sacked = _take_sack(tcb, seg)
        tcb.output = tcb.output or newly_sacked > 0  # what has left the network makes room
    acked = seg.ack - tcb.snd_una
    rtt = 0
    if acked > 0:
        rtt = _take_cumulative(tcb, seg, acked, now)
    elif may_be_duplicate and tcb.scoreboard and (newly_sacked or not tcb.sack_ok):
        _take_duplicate(tcb)
    if tcb.snd_una != tcb.snd_nxt or tcb.recovery != OPEN:
        _look_for_losses(tcb, acked, newly_sacked, flight_before, now)
    cwnd.on_ack(tcb, acked, rtt, now)
    if acked > 0 and tcb.recovery not in {CWR, RECOVERY}:
        _trace_congestion(tcb, "ack", now)


def _take_sack(tcb: Tcb, seg: TcpSegment) -> int:
    """Put valid SACK blocks on the scoreboard; return newly SACKed octets."""
    new = 0
    floor = max(seg.ack, tcb.snd_una)
    for left_wire, right_wire in seg.sack:
        left, right = unwrap(left_wire, tcb.snd_una), unwrap(right_wire, tcb.snd_una)
        # Below SND.UNA it is a duplicate report (RFC 2883); above SND.NXT or inverted it is a lie.
        if left < right <= tcb.snd_nxt and right > floor:
            new += tcb.scoreboard.sack(max(left, floor), right)[0]
    return new


def _take_cumulative(tcb: Tcb, seg: TcpSegment, acked: int, now: int) -> int:
    """SND.UNA advances: release, measure, restart the timer (RFC 6298 §5); return the round trip, or 0."""
    board = tcb.scoreboard
    done = board.acknowledge(seg.ack)
    if board.reno_sacked:
        # A partial ACK fills one hole; what else it covers are octets of which duplicates told (RFC 6582 §3.2 step 3).
        told = board.reno_sacked - max(0, acked - tcb.smss)
        board.reno_sacked = max(0, told) if tcb.recovery == RECOVERY else 0
    rtt = _measure(tcb, seg, done, now)
    tcb.snd_una = seg.ack
    tcb.octets_acked += acked
    tcb.sendbuf.release(min(max(seg.ack, tcb.sendbuf.start), tcb.sendbuf.end))
    if tcb.plpmtud is not None:
        probing.on_acknowledged(tcb)
    tcb.dupacks = 0
    tcb.rexmit_count = tcb.persist_count = 0
    tcb.soft_error = 0
    if rtt:  # without a sample the backoff stays (Karn: RFC 6298 §5, last paragraph)
        tcb.rtt.sample(rtt, now)
        _trace_rtt(tcb, rtt, now)
    patience = tcb.options.user_timeout_ns
    if board:
        tcb.rexmit_at = now + tcb.rtt.rto  # (5.3)
        tcb.unacked_since = now
        tcb.user_timeout_at = now + patience if patience else 0
    else:
        tcb.rexmit_at = tcb.unacked_since = tcb.user_timeout_at = 0  # (5.2)
    tcb.output = tcb.wakeup = True
    return rtt


def _measure(tcb: Tcb, seg: TcpSegment, done: list[Sent], now: int) -> int:
    """A round trip, if this ACK gives an honest one, else 0.

    The last acknowledged segment that was not SACKed before, if no acknowledged one was resent (Karn, MUST-18); else
    by the timestamp (RFC 7323 §4.1), if that is not older than the retransmission (RFC 8985 §6.2 step 2): an ACK that
    was lost is replaced by one that still echoes the original, and what lies between is our timeout, no round trip.
    """
    latest = resent_at = 0
    for record in done:
        if record.resent:
            resent_at = max(resent_at, record.xmit_at)
        elif not record.sacked:
            latest = record.xmit_at
    if latest and not resent_at:
        return max(1, now - latest)
    if tcb.ts_ok and seg.ts_val is not None and seg.ts_ecr:
        ticks = (negotiate.timestamp(tcb, now) - seg.ts_ecr) & MASK
        if ticks < 0x8000_0000 and (ticks - 1) * MS <= now - resent_at:
            return max(ticks, 1) * MS
    return 0


def _take_duplicate(tcb: Tcb) -> None:
    """A segment left the network out of order (RFC 5681 §3.2, RFC 3042)."""
    tcb.dupacks += 1
    tcb.output = True
    if not tcb.sack_ok and tcb.recovery != LOSS:  # after a timeout needless retransmissions provoke them
        board = tcb.scoreboard
        room = board.flight_size - board.reno_sacked - tcb.smss  # the lost segment itself has not left
        board.reno_sacked += max(0, min(tcb.smss, room))


def _look_for_losses(tcb: Tcb, acked: int, newly_sacked: int, flight_before: int, now: int) -> None:
    """Enter, go on with, or leave loss recovery."""
    board = tcb.scoreboard
    lost = board.mark_lost_by_sack(tcb.config.dupthresh, tcb.smss) if newly_sacked or acked > 0 else 0
    if (
        tcb.recovery != OPEN
        and tcb.snd_una >= tcb.recover
        and (
            tcb.recovery != CWR or tcb.snd_una > tcb.recover  # the CWR bit must reach the receiver first
        )
    ):
        _leave(tcb, now)
        lost = board.lost_octets  # of what was sent since then: another event
    if tcb.recovery <= CWR:
        if lost or (tcb.dupacks >= tcb.config.dupthresh and board and _may_be_new_loss(tcb)):
            _enter(tcb, flight_before, now)
    elif acked > 0 and board:
        # A partial ACK: what now begins at SND.UNA is lost too (RFC 6582 §3.2 step 3; RFC 6675 NextSeg (4)).
        oldest = board.oldest
        if not oldest.sacked and oldest.resent <= 0 and not oldest.lost and (tcb.recovery == RECOVERY):
            _first_segment_lost(tcb)
            tcb.force_retransmit = tcb.force_retransmit or not tcb.sack_ok  # NewReno: at once
            tcb.output = True
    if lost:
        tcb.output = True


def _may_be_new_loss(tcb: Tcb) -> bool:
    """Duplicates may come from our own needless retransmissions: not before something above `recover` is acknowledged.

    With SACK a duplicate brings news of its own, so that `recover` itself is enough (RFC 6675 §5.1).

    Spec: RFC 6582 §3.2 step 2, §4.1.
    """
    return tcb.snd_una >= tcb.recover if tcb.sack_ok else tcb.snd_una > tcb.recover


def _first_segment_lost(tcb: Tcb) -> None:
    """The segment at SND.UNA is lost: that one, if the record is of a super-segment."""
    board = tcb.scoreboard
    oldest = board.oldest
    if oldest.end - oldest.seq > tcb.smss:
        board.divide(oldest, oldest.seq + tcb.smss)
    board.mark_lost(oldest)


def _enter(tcb: Tcb, flight: int, now: int) -> None:
    """Fast retransmit: one congestion event, however much of this window is lost (RFC 6675 §5)."""
    if tcb.plpmtud is not None and tcb.recovery < CWR and probing.on_loss(tcb):
        return
    reduced_already = tcb.recovery == CWR
    tcb.recovery = RECOVERY
    tcb.recover = tcb.snd_nxt
    if not reduced_already:
        # RFC 5681 §3.2 step 2: what limited transmit sent beyond the window does not count.
        tcb.congestion.on_loss(flight_size=min(flight, tcb.congestion.cwnd), now=now)
        tcb.cwr_due = tcb.ecn_ok
    if not tcb.scoreboard.oldest.lost and not tcb.scoreboard.oldest.sacked:
        _first_segment_lost(tcb)
    tcb.force_retransmit = True
    tcb.output = True
    _trace_congestion(tcb, "fast retransmit", now)


def on_congestion_mark(tcb: Tcb, now: int) -> None:
    """The peer echoes that the network marked a segment of ours (ECE): as a loss, but nothing is resent.

    Call it for each ACK with ECE, before `on_ack`: the window shrinks once in a round trip.

    Spec: RFC 3168 §6.1.2.
    """
    if tcb.recovery > DISORDER:
        return
    tcb.recovery = CWR
    tcb.recover = tcb.snd_nxt
    tcb.congestion.on_loss(flight_size=min(tcb.flight_size, tcb.congestion.cwnd), now=now)
    tcb.cwr_due = tcb.ecn_ok
    _trace_congestion(tcb, "congestion mark", now)


def _leave(tcb: Tcb, now: int) -> None:
    """All that was in flight when the loss was found is acknowledged."""
    if tcb.recovery == RECOVERY:
        tcb.congestion.cwnd = min(tcb.congestion.cwnd, max(tcb.congestion.ssthresh, tcb.smss))
    tcb.recovery = OPEN
    tcb.dupacks = 0
    tcb.force_retransmit = False
    _trace_congestion(tcb, "recovered", now)


def on_retransmission_timeout(tcb: Tcb, now: int) -> None:
    """RFC 6298 (5.4)-(5.6) and RFC 5681 §3.1: everything unSACKed is lost, begin with one segment."""
    probing.on_timeout(tcb, now)
    first = tcb.rexmit_count == 0
    flight = tcb.flight_size
    tcb.rexmit_count += 1
    tcb.rtt.back_off()
    tcb.scoreboard.mark_all_lost()
    tcb.congestion.on_rto(flight_size=flight, first=first, now=now)
    tcb.cwr_due = tcb.ecn_ok
    tcb.recovery = LOSS
    tcb.recover = tcb.snd_nxt
    tcb.dupacks = 0
    tcb.force_retransmit = True
    tcb.rexmit_at = now + tcb.rtt.rto
    tcb.output = True
    _trace_congestion(tcb, "timeout", now)


def _trace_congestion(tcb: Tcb, why: str, now: int) -> None:
    if tcb.trace is not None:
        control = tcb.congestion
        tcb.trace.emit(
            Congestion(
                at=now, where=tcb.where, socket=tcb.socket_id, cwnd=control.cwnd, ssthresh=control.ssthresh,
                flight=tcb.flight_size, why=why,
            )
        )  # fmt: skip


def _trace_rtt(tcb: Tcb, sample: int, now: int) -> None:
    if tcb.trace is not None:
        rtt = tcb.rtt
        tcb.trace.emit(
            RttSampled(
                at=now, where=tcb.where, socket=tcb.socket_id, sample=sample, srtt=rtt.srtt, rttvar=rtt.rttvar,
                rto=rtt.rto,
            )
        )  # fmt: skip
