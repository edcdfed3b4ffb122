"""The timers of a connection: retransmission, persist, delayed ACK, keep-alive, FIN-WAIT-2, user timeout.

RFC 6298 §5, RFC 9293 §3.8.3 (R1, R2), §3.8.4, §3.8.6.1, §3.8.6.3. Each is an instant in the control block, 0 when it
is off; a connection has one place in its machine's queue, at the earliest of them.
"""

from typing import Final

from netarium.base.errors import CloseReason
from netarium.base.trace import TimerFired
from netarium.base.units import MS
from netarium.transport.tcp import acks, pullback, tlp, usertimeout, xmittimer
from netarium.transport.tcp.recovery import on_reordering_timeout
from netarium.transport.tcp.state import FIN_WAIT_2, MAY_SEND, SYN_RECEIVED, SYN_SENT
from netarium.transport.tcp.tcb import Tcb
from netarium.transport.tcp.timeout import on_retransmission_timeout
from netarium.wire.tcp import ACK, TcpSegment

_DEVICE_INTERVAL: Final = 500 * MS


def next_deadline(tcb: Tcb) -> int | None:
    """The earliest timer that runs."""
    earliest, at = tcb.rexmit_at, tcb.delack_at
    if at and (not earliest or at < earliest):
        earliest = at
    if (
        tcb.persist_at
        or tcb.keepalive_at
        or tcb.pacing_at
        or tcb.compressed_at
        or tcb.user_timeout_at
        or tcb.fin_wait_2_at
    ):  # asked after every segment; nearly always only the first two run
        for at in (
            tcb.persist_at,
            tcb.keepalive_at,
            tcb.pacing_at,
            tcb.compressed_at,
            tcb.user_timeout_at,
            tcb.fin_wait_2_at,
        ):
            if at and (not earliest or at < earliest):
                earliest = at
    return earliest or None


def on_deadline(tcb: Tcb, now: int) -> int | None:
    """Run what is due; an errno, or 0, means that the connection is to be given up."""
    if tcb.delack_at and tcb.delack_at <= now:
        acks.on_delay_over(tcb)
        _trace(tcb, "delayed ACK", now)
    if tcb.compressed_at and tcb.compressed_at <= now:
        tcb.compressed_at = 0
        tcb.ack_now = tcb.output = True
        _trace(tcb, "compressed ACKs", now)
    if tcb.pacing_at and tcb.pacing_at <= now:
        tcb.pacing_at = 0
        tcb.output = True
    if tcb.user_timeout_at and tcb.user_timeout_at <= now and _is_out_of_patience(tcb, now):
        _trace(tcb, "user timeout", now)
        return _dead(tcb)
    if tcb.rexmit_at and tcb.rexmit_at <= now and (error := _retransmit(tcb, now)):
        return error
    if tcb.persist_at and tcb.persist_at <= now and (error := _persist(tcb, now)):
        return error
    if tcb.keepalive_at and tcb.keepalive_at <= now and (error := _keepalive(tcb, now)):
        return error
    if tcb.fin_wait_2_at and tcb.fin_wait_2_at <= now:
        tcb.fin_wait_2_at = 0
        if tcb.state is FIN_WAIT_2 and tcb.orphan:
            _trace(tcb, "FIN-WAIT-2", now)
            return CloseReason.NORMAL.value
    return None


def _retransmit(tcb: Tcb, now: int) -> int | None:
    """The retransmission timer: R2 reached, or once more; if it is that, and not one of its companions."""
    if tcb.rexmit_for == xmittimer.PROBE:
        _trace(tcb, "loss probe", now)
        tlp.on_probe_timeout(tcb, now)
        return None
    if tcb.rexmit_for == xmittimer.REORDERING:
        _trace(tcb, "reordering", now)
        on_reordering_timeout(tcb, now)
        return None
    _trace(tcb, "retransmission", now)
    if tcb.state in {SYN_SENT, SYN_RECEIVED}:
        return _repeat_syn(tcb, now)
    if not tcb.scoreboard:
        tcb.rexmit_at = 0
        return None
    if pullback.is_due(tcb):
        pullback.on_closed(tcb, now)
        return None
    retries = tcb.config.orphan_retries if tcb.orphan else tcb.config.data_retries
    if not tcb.user_timeout_ns and _is_spent(tcb, retries, now) and not _is_held_off(tcb, now):
        return _dead(tcb)
    on_retransmission_timeout(tcb, now)
    return None


def _is_spent(tcb: Tcb, retries: int, now: int) -> bool:
    """R2 is reached (RFC 9293 §3.8.3): so many retransmissions, or, on Linux, the time that they take at the least RTO.

    On a long path that is fewer of them.
    """
    config = tcb.config
    if not config.retries_by_time:
        return tcb.rexmit_count >= retries
    if not tcb.snd_wnd and not tcb.orphan and tcb.first_resent_at:  # `_is_held_off` while something is heard
        return now - tcb.first_resent_at > 2 * config.max_rto_ns
    if not tcb.rexmit_count:
        return tcb.rexmit_count >= retries
    # What the peer acknowledged meanwhile was progress: a loss recovery may be long, and take all of R2.
    since = max(tcb.first_resent_at, tcb.unacked_since)
    return now - since >= usertimeout.retry_time(config, tcb.options, retries)


def _is_out_of_patience(tcb: Tcb, now: int) -> bool:
    """TCP_USER_TIMEOUT is over; on Linux it is counted from the first retransmission, if something is in flight."""
    if tcb.options.uto:
        usertimeout.adopt(tcb, now)  # it stays above the RTO (RFC 5482 §3.1), which may have grown meanwhile
        if tcb.user_timeout_at > now:
            return False
    if not tcb.config.retries_by_time or not tcb.scoreboard:
        return True
    opening = tcb.state in {SYN_SENT, SYN_RECEIVED}
    if not tcb.rexmit_count or not (opening or tcb.first_resent_at):
        tcb.user_timeout_at = max(tcb.rexmit_at, now) + 1  # behind the first expiry there is no patience left
        return False
    if opening:
        return True
    due = tcb.first_resent_at + tcb.user_timeout_ns
    tcb.user_timeout_at = max(due, now + 1)
    return due <= now


def _repeat_syn(tcb: Tcb, now: int) -> int | None:
    """Our SYN, or SYN,ACK, was not answered: once more, or no more.

    Linux repeats a SYN a few times at the initial timeout, before it begins to double; a connection that opened fast
    (RFC 7413) gets one more SYN,ACK than a half-open one.
    """
    config = tcb.config
    linear = config.syn_linear_timeouts if tcb.state is SYN_SENT else 0
    asked_for = tcb.options.syncnt
    if tcb.passive:
        spent = tcb.rexmit_count >= (asked_for or config.syn_ack_retries + 1)
    else:
        retries, elapsed = asked_for or config.syn_retries, now - tcb.unacked_since
        spent = tcb.rexmit_count >= retries + linear or (linear > 0 and elapsed >= _doubling(tcb, retries))
        spent = spent and (asked_for > 0 or elapsed >= config.r2_syn_ns)
    if spent:
        return _dead(tcb)
    tcb.rexmit_count += 1
    tcb.count().timed_out(now)
    tcb.syn_losses = tcb.rexmit_count
    if tcb.rexmit_count > linear:
        tcb.rtt.back_off()
    tcb.syn_pending = tcb.output = True
    tcb.rexmit_at = now + tcb.rtt.rto
    return None


def _doubling(tcb: Tcb, retries: int) -> int:
    """How long so many repetitions last if the timeout doubles each time, ns."""
    config = tcb.config
    return sum(min(config.initial_rto_ns << min(i, 32), tcb.max_rto) for i in range(retries + 1))


def _is_held_off(tcb: Tcb, now: int) -> bool:
    """The peer has taken its window back and yet answers: what we resend is a probe (SHLD-17, MUST-37)."""
    return not tcb.snd_wnd and not tcb.orphan and now - tcb.last_received_at <= 2 * tcb.max_rto


def _persist(tcb: Tcb, now: int) -> int | None:
    """Probe a window that is too small to send into; the interval doubles (SHLD-30).

    A peer that answers keeps the connection alive for ever (MUST-37); one that nobody waits for is not (RFC 6429).
    """
    if not tcb.sendbuf.end > tcb.snd_nxt and not tcb.fin_queued and not pullback.is_due(tcb):
        tcb.persist_at = 0
        return None
    _trace(tcb, "persist", now)
    if tcb.output and not tcb.scoreboard and tcb.snd_una + tcb.snd_wnd > tcb.snd_nxt:
        _blame_device(tcb, now)
        return None
    if _is_window_hopeless(tcb, now):
        return _dead(tcb)
    if tcb.user_timeout_ns and not tcb.user_timeout_at:  # tcp(7): what is held up counts
        tcb.user_timeout_at = now + tcb.user_timeout_ns
    if tcb.persist_count < tcb.config.data_retries or not tcb.config.retries_by_time:
        tcb.persist_count += 1
    tcb.persist_at = now + tcb.persist_interval
    if tcb.snd_una + tcb.snd_wnd > tcb.snd_nxt:
        tcb.sws_override = True  # a small window that stays small is used (RFC 9293 §3.8.6.2.1 (4))
        tcb.persist_count = 0
    else:
        tcb.probe(now)
        tcb.probe_due = 2 if tcb.snd_up > tcb.snd_una and tcb.config.urgent_octet else 1
    tcb.output = True
    return None


def on_write(tcb: Tcb, now: int) -> None:
    """Somebody whose patience has a limit writes: a device that takes nothing shall not outlast it, either."""
    if tcb.output and not tcb.rexmit_at and not tcb.persist_at and tcb.state in MAY_SEND:
        tcb.persist_at = now + tcb.rtt.rto


def _blame_device(tcb: Tcb, now: int) -> None:
    """What was to leave waits for the device, whose queue is full: as Linux, look again soon, without any backoff."""
    tcb.probe(now)
    tcb.persist_at = now + _DEVICE_INTERVAL
    if tcb.user_timeout_ns and not tcb.user_timeout_at:
        tcb.user_timeout_at = now + tcb.user_timeout_ns


def _is_window_hopeless(tcb: Tcb, now: int) -> bool:
    """So many probes had no answer; of a socket that nobody reads any more, on Linux, or the interval is at its limit."""
    config, silent_for = tcb.config, now - tcb.last_received_at
    if not config.retries_by_time:
        most = config.orphan_retries if tcb.orphan else config.data_retries
        return tcb.persist_count >= most and (tcb.orphan > 0 or silent_for > tcb.max_rto * 2)
    if not tcb.orphan:
        return tcb.unanswered_probes >= config.data_retries
    spent = (
        tcb.persist_interval >= min(config.persist_max_ns, tcb.max_rto)
        and tcb.persist_count >= config.orphan_retries
    )
    return spent or tcb.unanswered_probes >= config.orphan_retries


def on_answer_to_probe(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """Something acknowledges while only the window keeps us back: it opened, or the next probe has its whole interval.

    RFC 9293 MUST-37: the peer that answers keeps the connection open. Text with the window as it was is no answer.
    """
    if tcb.scoreboard or not seg.flags & ACK or not tcb.config.retries_by_time:
        return
    waiting = tcb.sendbuf.end - tcb.snd_nxt
    if tcb.snd_una + tcb.snd_wnd >= tcb.snd_nxt + min(waiting, tcb.smss) + (not waiting):
        tcb.persist_count = tcb.persist_at = tcb.user_timeout_at = (
            0  # it counts anew for what the window lets go
        )
    elif (
        not seg.payload and not tcb.orphan
    ):  # who answers all the time shall not hold what nobody waits for (RFC 6429)
        tcb.persist_at = now + tcb.persist_interval


def restart_keepalive(tcb: Tcb, now: int) -> None:
    """Something was heard, or the option was switched on: the idle time begins anew."""
    tcb.keepalive_count = 0
    tcb.keepalive_idle = usertimeout.keepalive_idle(tcb)
    tcb.keepalive_at = now + tcb.keepalive_idle


def heard(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """Any acceptable sign of life, while keep-alive is on (MUST-26) or a window is probed."""
    if tcb.persist_at:
        on_answer_to_probe(tcb, seg, now)
    if not tcb.keepalive_at:
        return
    tcb.keepalive_count = 0
    if (
        tcb.keepalive_at - now <= tcb.config.keepalive_interval_ns
    ):  # else, when it comes, it looks at last_received_at
        restart_keepalive(tcb, now)


def keepalive_changed(tcb: Tcb, now: int) -> None:
    """A socket option was set, perhaps one of these: another idle time counts from what was heard last."""
    if not (tcb.options.keepalive or tcb.config.keepalive_always):
        tcb.keepalive_at = 0
    elif not tcb.keepalive_at:
        restart_keepalive(tcb, now)
    elif (idle := usertimeout.keepalive_idle(tcb)) != tcb.keepalive_idle:
        tcb.keepalive_idle = idle
        tcb.keepalive_at = max(now, tcb.last_received_at + idle)


def _keepalive(tcb: Tcb, now: int) -> int | None:
    """Ask a silent peer whether it is still there (RFC 9293 §3.8.4)."""
    options, config = tcb.options, tcb.config
    if not (options.keepalive or config.keepalive_always) or (tcb.orphan and tcb.fin_wait_2_at):
        tcb.keepalive_at = 0
        return None
    idle = usertimeout.keepalive_idle(tcb)
    quiet = now - tcb.last_received_at
    unsent = tcb.sendbuf.end > tcb.snd_nxt or (tcb.fin_queued and tcb.fin_seq is None)
    if tcb.scoreboard or unsent or quiet < idle:
        # MUST-26: only when nothing waits for its ACK, or for the window, and nothing was heard for the whole idle time.
        tcb.keepalive_at = now + (idle - quiet if quiet < idle else idle)
        return None
    if _is_unheard(tcb, now):
        _trace(tcb, "keep-alive", now)
        return _dead(tcb)
    tcb.keepalive_count += 1
    tcb.probe(now)
    tcb.keepalive_at = now + (options.keepintvl_ns or config.keepalive_interval_ns)
    tcb.probe_due = 1
    tcb.output = True
    _trace(tcb, "keep-alive", now)
    return None


def _is_unheard(tcb: Tcb, now: int) -> bool:
    """Enough keep-alives stayed without an answer; with TCP_USER_TIMEOUT it is the silence that counts (tcp(7))."""
    if tcb.user_timeout_ns:
        return tcb.keepalive_count > 0 and now - tcb.last_received_at >= tcb.user_timeout_ns
    return tcb.keepalive_count >= (tcb.options.keepcnt or tcb.config.keepalive_probes)


def await_fin(tcb: Tcb, now: int) -> None:
    """FIN-WAIT-2 of a socket that nobody reads any more: the peer's FIN shall not be waited for without end."""
    config, options = tcb.config, tcb.options
    patience = options.linger2_ns or config.fin_wait_2_timeout_ns
    if config.fin_wait_2_by_keepalive:
        interval = options.keepintvl_ns or config.keepalive_interval_ns
        patience = ((options.keepcnt or config.keepalive_probes) + 1) * interval
    tcb.fin_wait_2_at = now + patience


def on_first_data(tcb: Tcb) -> None:
    """RFC 6298 (5.7): a SYN that timed out tells that the RTO was too short for this path."""
    if tcb.rexmit_count:
        tcb.rtt.restart(tcb.config.syn_timeout_rto_ns or tcb.config.initial_rto_ns)


def _dead(tcb: Tcb) -> int:
    """The peer does not answer: the last soft error says it better, if there was one (RFC 1122 §4.2.3.9)."""
    return tcb.soft_error or CloseReason.TIMED_OUT.value


def _trace(tcb: Tcb, timer: str, now: int) -> None:
    if tcb.trace is not None:
        tcb.trace.cause = tcb.trace.emit(
            TimerFired(at=now, where=tcb.where, subject=f"socket {tcb.socket_id}", timer=timer)
        )
