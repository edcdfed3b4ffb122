"""Opening: SYN-SENT (RFC 9293 §3.10.7.3), and the step into ESTABLISHED from either side.

What a listener does with a SYN is in `listener`; simultaneous open (§3.5, Figure 8) is here.
"""

from netarium.base.errors import Accepted, CloseReason, DropReason, Fate
from netarium.base.seq import MASK
from netarium.base.units import MS
from netarium.transport.tcp import (
    accecn,
    acks,
    ecn,
    negotiate,
    probing,
    receiver,
    timers,
    usertimeout,
    window,
)
from netarium.transport.tcp.state import CLOSED, ESTABLISHED, FIN_WAIT_1, SYN_RECEIVED, SYN_SENT
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, RST, SYN, TcpSegment

_SOON_NS = 2 * MS


def open_active(tcb: Tcb, iss: int, now: int, *, deferred: bool = False) -> None:
    """OPEN: the SYN is due, unless it waits for data. Our first window is in it, unscaled (RFC 7323 §2.2)."""
    tcb.start_sending(iss)
    tcb.passive = False
    tcb.deferred = deferred
    tcb.rcv_wind_shift = negotiate.our_window_shift(tcb.config, tcb.options)
    tcb.enter(SYN_SENT, "connect()", now)
    if not deferred:
        send_syn(tcb, now)


def send_syn(tcb: Tcb, now: int) -> None:
    """The SYN is due, with the octets that `tcb.syn_data` counts."""
    tcb.deferred = False
    tcb.syn_ts = negotiate.timestamp(tcb, now)
    tcb.syn_pending = tcb.output = True
    tcb.unacked_since = now
    options = tcb.options
    if patience := options.user_timeout_ns or options.connect_timeout_ns or tcb.config.connect_timeout_ns:
        tcb.user_timeout_at = now + patience


def syn_sent_arrives(tcb: Tcb, seg: TcpSegment, now: int) -> Fate:
    """SYN-SENT: first the ACK, second RST, fourth SYN."""
    acceptable_ack = False
    if seg.flags & ACK:
        if (fault := _doubt(tcb, seg, now)) is not None:
            if not seg.flags & RST:
                tcb.reset_ack = seg.ack
            return fault
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
        if not _syn_data_answered(tcb, seg):
            _acknowledge(tcb, now)
        return Accepted.LOCAL
    # Simultaneous open: both have sent a SYN.
    tcb.enter(SYN_RECEIVED, "SYN received", now)
    tcb.snd_wnd = tcb.max_snd_wnd = seg.window
    tcb.syn_pending = tcb.output = True
    return Accepted.LOCAL


def _doubt(tcb: Tcb, seg: TcpSegment, now: int) -> DropReason | None:
    """An ACK of what was never sent, or an echo of a timestamp that was never sent: it answers another SYN."""
    if not tcb.iss < seg.ack <= tcb.snd_nxt:
        if not tcb.rexmit_count and tcb.rexmit_at and tcb.config.wary_of_syn_acks:
            # The reset clears what the peer confuses us with: ask again at once, not in a second (as Linux).
            tcb.rexmit_at = min(tcb.rexmit_at, now + _SOON_NS)
        return DropReason.TCP_BAD_ACK
    if seg.ts_ecr and tcb.config.timestamps and tcb.config.wary_of_syn_acks:
        age = (negotiate.timestamp(tcb, now) - tcb.syn_ts) & MASK
        if (seg.ts_ecr - tcb.syn_ts) & MASK > age:
            return DropReason.TCP_BAD_ECHO
    return None


def _acknowledge(tcb: Tcb, now: int) -> None:
    """The third segment of the handshake; a little later, if data will be there to go with it."""
    if tcb.options.defer_accept or tcb.write_pending or tcb.pingpong or not tcb.options.quickack:
        acks.hurry(tcb)
        tcb.ack_scheduled = True
        tcb.delack_at = now + tcb.max_ack_delay
    else:
        tcb.ack_now = tcb.output = True
        if tcb.accurate is not None:
            tcb.accurate.reflects = True


def _syn_data_answered(tcb: Tcb, seg: TcpSegment) -> bool:
    """What became of the data in our SYN (RFC 7413 §4.2.1); True: some of it goes again, and that is our answer."""
    if not tcb.syn_data:
        return False
    board, acked = tcb.scoreboard, seg.ack - tcb.snd_una
    if acked > 0:
        board.acknowledge(seg.ack)
        tcb.snd_una = seg.ack
        tcb.octets_acked += acked
        tcb.sendbuf.release(seg.ack)
    if not board:
        tcb.syn_data_acked = True
        tcb.rexmit_at = tcb.unacked_since = 0
        return False
    # No sign of congestion: nothing but the record of what is lost changes.
    board.mark_oversize_lost(0)
    probing.resend_in_pieces(tcb)
    tcb.force_retransmit = True
    tcb.rexmit_at = 0
    return True


def _refuse(tcb: Tcb, now: int) -> None:
    tcb.stop_timers()
    tcb.syn_pending = tcb.output = False
    tcb.error = CloseReason.REFUSED.value
    tcb.enter(CLOSED, "RST received", now)


def establish(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """Our SYN is acknowledged and we have the peer's: the connection exists."""
    config = tcb.config
    _measure(tcb, seg, now)
    if not tcb.fast_opened:
        record = tcb.scoreboard.oldest
        if tcb.sack_ok and not tcb.passive:
            tcb.rack.on_delivered(record, 0, now)
        tcb.scoreboard.acknowledge(tcb.iss + 1)
        tcb.snd_una = tcb.iss + 1
        tcb.octets_acked += not tcb.passive  # as Linux counts
    tcb.snd_wnd = seg.window if seg.flags & SYN else seg.window << tcb.snd_wind_shift  # never scaled in a SYN
    tcb.max_snd_wnd = max(tcb.max_snd_wnd, tcb.snd_wnd)
    tcb.snd_wl1, tcb.snd_wl2 = seg.seq, seg.ack
    if not tcb.fast_opened:
        begin_transfer(tcb, now)
    timers.on_first_data(tcb)
    if tcb.tally is not None and tcb.tally.timeouts is not None:
        tcb.tally.timeouts.recovered(now)
    tcb.rexmit_count = 0
    tcb.rexmit_at = now + tcb.rtt.rto if tcb.scoreboard else 0
    tcb.unacked_since = now if tcb.scoreboard else 0
    tcb.user_timeout_at = 0
    tcb.soft_error = 0
    tcb.output = True
    if tcb.options.keepalive or config.keepalive_always:
        timers.restart_keepalive(tcb, now)
    tcb.enter(ESTABLISHED, "SYN acknowledged", now)
    if tcb.options.uto:
        usertimeout.begin(tcb, now)
    if tcb.fin_queued:  # closed meanwhile: this was queued for now (RFC 9293 §3.10.4)
        tcb.enter(FIN_WAIT_1, "close()", now)


def begin_transfer(tcb: Tcb, now: int) -> None:
    """Both SYNs have been seen: the numbers that they agreed on go to those who need them."""
    tcb.recover = tcb.iss  # RFC 6582 §3.2 step 1
    if tcb.passive:  # as Linux: what answers begins at full size, who asks at the base
        negotiate.start_congestion_control(tcb)
        probing.begin(tcb, now)
    else:
        probing.begin(tcb, now)
        negotiate.start_congestion_control(tcb)
    tcb.last_sent_at = now  # silence counts from here
    tcb.advmss = negotiate.announced_mss(tcb) - (negotiate.TIMESTAMP_OPTION_LENGTH if tcb.ts_ok else 0)
    window.begin(tcb, now)
    acks.begin(tcb, now)


def open_fast(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """A SYN with a valid cookie: the connection is there before its handshake is over (RFC 7413 §4.2.2).

    The SYN,ACK is on no scoreboard, so that data may follow it at once.
    """
    tcb.fast_opened = True
    tcb.snd_una = tcb.snd_nxt = tcb.iss + 1
    tcb.scoreboard.acknowledge(tcb.snd_una)
    tcb.snd_wnd = tcb.max_snd_wnd = seg.window
    tcb.snd_wl1, tcb.snd_wl2 = seg.seq, tcb.snd_una
    tcb.syn_sent_at = now
    begin_transfer(tcb, now)
    if tcb.accurate is not None:
        accecn.count(tcb, tcb.accurate.syn_mark, len(seg.payload), 1, now)
    receiver.take_with_syn(tcb, seg.payload)
    tcb.syn_pending = tcb.output = True


def _measure(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """The first round trip: of the SYN, or by the timestamp if that was repeated (Karn); and whether it was in vain."""
    stamped = tcb.ts_ok and seg.ts_val is not None and seg.ts_ecr
    if stamped and seg.ts_ecr == tcb.syn_ts:
        tcb.syn_losses = 0  # our first SYN arrived: the others were needless
    resent = tcb.rexmit_count or (not tcb.fast_opened and tcb.scoreboard.oldest.resent)
    if not resent:
        if tcb.syn_sent_at < now and (not tcb.passive or stamped or tcb.config.syn_ack_is_timed):
            tcb.rtt.sample(now - tcb.syn_sent_at, now, snd_nxt=tcb.snd_nxt)
    elif stamped:
        ticks = (negotiate.timestamp(tcb, now) - seg.ts_ecr) & MASK
        if ticks < 0x8000_0000:
            tcb.rtt.sample(max(ticks, 1) * MS, now, snd_nxt=tcb.snd_nxt)
