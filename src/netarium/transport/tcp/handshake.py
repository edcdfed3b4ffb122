"""Opening: SYN-SENT (RFC 9293 §3.10.7.3), and the step into ESTABLISHED from either side.

What a listener does with a SYN is in `listener`; simultaneous open (§3.5, Figure 8) is here.
"""

from netarium.base.errors import Accepted, CloseReason, DropReason, Fate
from netarium.transport.tcp import acks, ecn, negotiate, probing, timers, window
from netarium.transport.tcp.state import CLOSED, ESTABLISHED, FIN_WAIT_1, SYN_RECEIVED, SYN_SENT
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, RST, SYN, TcpSegment


def open_active(tcb: Tcb, iss: int, now: int) -> None:
    """OPEN: the SYN is due. The first window that we offer is in it, unscaled (RFC 7323 §2.2)."""
    tcb.start_sending(iss)
    tcb.passive = False
    tcb.rcv_wind_shift = negotiate.our_window_shift(tcb.config, tcb.options)
    tcb.syn_pending = tcb.output = True
    tcb.unacked_since = now
    if patience := tcb.options.user_timeout_ns or tcb.config.connect_timeout_ns:
        tcb.user_timeout_at = now + patience
    tcb.enter(SYN_SENT, "connect()", now)


def syn_sent_arrives(tcb: Tcb, seg: TcpSegment, now: int) -> Fate:
    """SYN-SENT: first the ACK, second RST, fourth SYN."""
    acceptable_ack = False
    if seg.flags & ACK:
        if not tcb.iss < seg.ack <= tcb.snd_nxt:
            if not seg.flags & RST:
                tcb.reset_ack = seg.ack
            return DropReason.TCP_BAD_ACK
        acceptable_ack = True
    if seg.flags & RST:
        if not acceptable_ack:
            return DropReason.TCP_BAD_RESET
        _refuse(tcb, now)
        return Accepted.LOCAL
    if not seg.flags & SYN:
        return DropReason.TCP_BAD_SEGMENT
    tcb.start_receiving(seg.seq, window.first(tcb.config, tcb.options, negotiate.announced_mss(tcb)))
    negotiate.accept_options(tcb, seg, now)
    ecn.agree(tcb, seg)
    if acceptable_ack:
        establish(tcb, seg, now)
        tcb.ack_now = tcb.output = True
        return Accepted.LOCAL
    # Simultaneous open: both have sent a SYN.
    tcb.enter(SYN_RECEIVED, "SYN received", now)
    tcb.snd_wnd = tcb.max_snd_wnd = seg.window
    tcb.syn_pending = tcb.output = True
    return Accepted.LOCAL


def _refuse(tcb: Tcb, now: int) -> None:
    tcb.stop_timers()
    tcb.syn_pending = tcb.output = False
    tcb.error = CloseReason.REFUSED.value
    tcb.enter(CLOSED, "RST received", now)


def establish(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """Our SYN is acknowledged and we have the peer's: the connection exists."""
    config = tcb.config
    record = tcb.scoreboard.oldest
    if not record.resent and record.xmit_at < now:
        tcb.rtt.sample(now - record.xmit_at, now)
    if tcb.sack_ok and not tcb.passive:
        tcb.rack.on_delivered(record.xmit_at, record.end, 0, now, resent=record.resent > 0)
    tcb.scoreboard.acknowledge(tcb.iss + 1)
    tcb.snd_una = tcb.iss + 1
    tcb.snd_wnd = seg.window if seg.flags & SYN else seg.window << tcb.snd_wind_shift  # never scaled in a SYN
    tcb.max_snd_wnd = max(tcb.max_snd_wnd, tcb.snd_wnd)
    tcb.snd_wl1, tcb.snd_wl2 = seg.seq, seg.ack
    tcb.recover = tcb.iss  # RFC 6582 §3.2 step 1
    probing.begin(tcb, now)
    negotiate.start_congestion_control(tcb)
    tcb.last_sent_at = now  # silence counts from here
    timers.on_first_data(tcb)
    tcb.rexmit_at = tcb.rexmit_count = tcb.unacked_since = 0
    tcb.user_timeout_at = 0
    tcb.advmss = negotiate.announced_mss(tcb) - (negotiate.TIMESTAMP_OPTION_LENGTH if tcb.ts_ok else 0)
    window.begin(tcb, now)
    acks.begin(tcb, now)
    tcb.soft_error = 0
    tcb.output = True
    if tcb.options.keepalive or config.keepalive_always:
        timers.restart_keepalive(tcb, now)
    tcb.enter(ESTABLISHED, "SYN acknowledged", now)
    if tcb.fin_queued:  # closed meanwhile: this was queued for now (RFC 9293 §3.10.4)
        tcb.enter(FIN_WAIT_1, "close()", now)
