"""The congestion window in the life of a connection: whether it is used, when it grows, what silence does to it.

RFC 5681 §4.1, RFC 2861 and RFC 9438 §5.8 as Linux has them. The control itself only gets numbers; here they are found.
"""

from typing import Final

from netarium.transport.tcp import pacing
from netarium.transport.tcp.congestion import ALGORITHMS
from netarium.transport.tcp.rate import RateSampler
from netarium.transport.tcp.state import ESTABLISHED
from netarium.transport.tcp.tcb import LOSS, OPEN, RECOVERY, Tcb

_FOR_EVER: Final = 1 << 20  # timeouts of silence


def start_control(tcb: Tcb, initial_window: int) -> None:
    """A control for a connection that begins; nothing is known about its path."""
    name = tcb.options.congestion or tcb.config.congestion_control
    tcb.congestion = ALGORITHMS[name](tcb.smss, initial_window, tcb.config)
    _adopt(tcb)
    tcb.cwnd_usage_seq = tcb.snd_una
    tcb.cwnd_limited = tcb.cwnd_check_due = False
    tcb.max_packets_out = tcb.snd_cwnd_used = tcb.snd_cwnd_stamp = 0


def follow_option(tcb: Tcb) -> None:
    """TCP_CONGESTION was set: another control goes on with the window that it finds."""
    before = tcb.congestion
    name = tcb.options.congestion
    if name and name != before.name:
        tcb.congestion = ALGORITHMS[name](tcb.smss, before.cwnd, tcb.config)
        tcb.congestion.ssthresh = before.ssthresh
        _adopt(tcb)
    else:
        pacing.choose(tcb)


def _adopt(tcb: Tcb) -> None:
    """Give a new control what it asks for, and nothing else: neither samples nor pacing are free."""
    control = tcb.congestion
    tcb.rate = RateSampler() if control.samples_rate else None
    control.begin(srtt_ns=tcb.rtt.srtt, min_rtt_ns=tcb.rtt.min_rtt)
    pacing.choose(tcb)


def on_ack(tcb: Tcb, delivered: int, rtt_ns: int, now: int, *, lost: int = 0) -> None:
    """An ACK was processed, losses and the end of recovery included: let the window grow.

    Args:
        tcb: the connection; nothing reduces its window now.
        delivered: segments of which this ACK was the first to tell, in any order: nothing counts twice.
        rtt_ns: the round trip just measured, or 0.
        now: monotonic ns.
        lost: segments that it let find lost; not those that a timer found.
    """
    if tcb.rate is not None and _sample(tcb, tcb.rate, delivered, lost, rtt_ns, now):
        return
    if tcb.recovery != OPEN:
        tcb.snd_cwnd_stamp = now
    if tcb.cwnd_check_due:  # the device took its time: the last burst is not over
        check_usage(tcb, now)
    control = tcb.congestion
    limited = tcb.cwnd_limited or tcb.recovery == LOSS or _doubles(tcb)
    acked = delivered * tcb.smss
    if tcb.config.abc_limit:
        limited, acked = _by_octets(tcb, limited, acked)
    control.on_ack(
        acked=acked, flight_size=tcb.snd_nxt - tcb.snd_una, rtt_ns=rtt_ns, cwnd_limited=limited, now=now
    )
    tcb.snd_cwnd_stamp = now


def _by_octets(tcb: Tcb, limited: bool, acked: int) -> tuple[bool, int]:
    """RFC 3465 §2.2: what an ACK may count for in slow start; and with it, what the BSDs do."""
    control, most = tcb.congestion, tcb.config.abc_limit
    bsd = tcb.config.cwnd_form == "octets"
    if bsd:
        limited = control.cwnd <= tcb.snd_wnd
        most = 1 if tcb.recovery == LOSS else most
    if control.cwnd < control.ssthresh + bsd:
        acked = min(acked, max(most * tcb.smss, tcb.gso_size))
    return limited, acked


def watch_rate(tcb: Tcb, now: int) -> None:
    """Somebody wants to know how fast the network delivers: from now on that is measured (it is not free)."""
    if tcb.rate is None and tcb.state is ESTABLISHED:
        tcb.rate = RateSampler()
        tcb.rate.begin(now)


def _sample(tcb: Tcb, sampler: RateSampler, delivered: int, lost: int, rtt_ns: int, now: int) -> bool:
    """A sample of the delivery rate; True: it is one for a control that works by them, and nothing else is to be done."""
    board, smss = tcb.scoreboard, tcb.smss
    sample = sampler.take(delivered * smss, tcb.rtt.min_rtt, now)
    if not tcb.congestion.samples_rate:
        return False
    sample.lost = lost * smss
    sample.in_flight = board.pipe
    sample.prior_in_flight = sample.in_flight + sample.acked + sample.lost
    sample.rtt_ns = rtt_ns
    sample.recovering, sample.after_timeout = tcb.recovery == RECOVERY, tcb.recovery == LOSS
    if tcb.congestion.on_sample(sample):
        sampler.nothing_to_send(board.pipe)
    return True


def on_reduction(tcb: Tcb, delivered: int, now: int) -> None:
    """An ACK while the window comes down: it only counts for the delivery rate."""
    if tcb.rate is not None:
        tcb.rate.take(delivered * tcb.smss, tcb.rtt.min_rtt, now)


def _doubles(tcb: Tcb) -> bool:
    """In slow start the window may become twice what was used, even if that was not all of it."""
    control = tcb.congestion
    return control.cwnd < control.ssthresh and control.cwnd < 2 * tcb.max_packets_out


def check_usage(tcb: Tcb, now: int, *, held: bool = False) -> None:
    """A burst has left, or the window holds data back (`held`): note how much of the window is used.

    Spec: RFC 2861 §3, RFC 5681 §3.1: a window that is not used has proved nothing.
    """
    tcb.cwnd_check_due = False
    smss, board = tcb.smss, tcb.scoreboard
    limited = held or tcb.congestion.cwnd - board.in_flight * smss < smss
    if tcb.rate is not None:
        if tcb.sendbuf.end - tcb.snd_nxt < smss and not limited and board.segs_lost <= board.segs_resent:
            tcb.rate.nothing_to_send(board.pipe)
        if tcb.congestion.samples_rate:
            return
    out = board.segs_out * smss
    if limited or tcb.snd_una >= tcb.cwnd_usage_seq or (not tcb.cwnd_limited and out > tcb.max_packets_out):
        # The strongest sign of the current round trip counts: once limited, or the most that was out.
        tcb.cwnd_limited = limited
        tcb.max_packets_out = out
        tcb.cwnd_usage_seq = tcb.snd_nxt
    if tcb.cwnd_limited or _doubles(tcb) or tcb.config.cwnd_form == "octets":
        tcb.snd_cwnd_used = 0
        tcb.snd_cwnd_stamp = now
        return
    tcb.snd_cwnd_used = max(tcb.snd_cwnd_used, out)
    if now - tcb.snd_cwnd_stamp >= tcb.rtt.rto and tcb.config.slow_start_after_idle:
        if tcb.recovery == OPEN and tcb.sendbuf.end == tcb.snd_nxt:
            tcb.congestion.on_unused(used=max(tcb.snd_cwnd_used, tcb.initial_window))
        tcb.snd_cwnd_used = 0
        tcb.snd_cwnd_stamp = now


def check_idle(tcb: Tcb, now: int) -> None:
    """Nothing is in flight and something is to be sent: after an RTO of silence the window shrinks."""
    idle = now - tcb.last_sent_at
    rto = tcb.rtt.rto
    if idle > rto and tcb.last_sent_at and tcb.config.slow_start_after_idle and tcb.recovery == OPEN:
        if tcb.config.cwnd_form == "octets":
            idle = _FOR_EVER * rto  # RFC 5681 §4.1 at once, not by and by as RFC 2861
        tcb.congestion.on_idle(idle_ns=idle, rto_ns=rto, initial_window=tcb.initial_window)
        tcb.snd_cwnd_stamp = now
        tcb.snd_cwnd_used = 0
