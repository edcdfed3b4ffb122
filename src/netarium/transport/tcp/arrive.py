"""SEGMENT ARRIVES (RFC 9293 §3.10.7.4): the checks for a connection that is past SYN-SENT, in their order.

One function a check; each returns None to go on with the next, or the segment's fate. RFC 5961 hardens the second,
fourth and fifth; the first, with what RFC 7323 §5 puts before it, is in `acceptance`, the last ones in `stream`.

Duties: SHLD-2 of RFC 9293; 5382-01.
"""

from typing import Final

from netarium.base.errors import Accepted, CloseReason, DropReason, Fate
from netarium.base.seq import MASK
from netarium.transport.tcp import (
    accecn,
    acceptance,
    ackburst,
    acks,
    ecn,
    finwait2,
    handshake,
    info,
    negotiate,
    pullback,
    receiver,
    recovery,
    sender,
    stream,
    timers,
    trim,
    window,
)
from netarium.transport.tcp.finwait2 import Verdict
from netarium.transport.tcp.scoreboard import Scoreboard
from netarium.transport.tcp.state import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    SYN_RECEIVED,
    SYN_SENT,
    TIME_WAIT,
)
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN, URG, TcpSegment

_CONTROL: Final = SYN | RST
_NOT_PSH: Final = ~PSH


def segment_arrives(tcb: Tcb, seg: TcpSegment, now: int) -> Fate:
    """Process one segment with unwrapped numbers; flags in the `tcb` say what is to be done after it."""
    if tcb.state is SYN_SENT:
        return _syn_sent(tcb, seg, now)
    if tcb.state is SYN_RECEIVED and tcb.fast_opened and _is_syn_again(tcb, seg, now):
        return Accepted.LOCAL
    fate = _checks(tcb, seg, now)
    if tcb.ack_scheduled and not tcb.ack_now:
        if tcb.accurate is not None and tcb.accurate.ack_due:
            tcb.ack_now = tcb.output = True
        else:
            acks.check(tcb, now)
    return Accepted.LOCAL if fate is None else fate


def _checks(tcb: Tcb, seg: TcpSegment, now: int) -> Fate | None:
    """The checks one by one, as long as they say "go on"."""
    if tcb.orphan and tcb.state is FIN_WAIT_2 and tcb.config.fin_wait_2_record:
        return _in_record(tcb, seg, now)
    if not seg.flags & (ACK | RST | SYN) and tcb.config.ack_required_first:
        return DropReason.TCP_BAD_SEGMENT
    if (fate := _first_checks(tcb, seg, now)) is not None:
        return fate
    if tcb.accurate is not None:
        accecn.arrives(tcb, seg, now)
    if (fate := check_ack(tcb, seg, now)) is not None:
        return fate
    if seg.flags & URG:
        stream.check_urgent(tcb, seg)
    if len(seg.payload):
        stream.process_text(tcb, seg, now)
        if tcb.abort_due:
            return None
    if seg.flags & FIN or tcb.rcv_fin == tcb.rcv_nxt:
        stream.check_fin(tcb, seg, now)
    return None


def _first_checks(tcb: Tcb, seg: TcpSegment, now: int) -> Fate | None:
    """Its numbers, RST and SYN: in the order of RFC 9293, or as the BSDs do it."""
    if tcb.config.trims_segments:
        dropped = trim.admit(tcb, seg, now)
        return _end_by_reset(tcb, now) if dropped is None and seg.flags & RST else dropped
    fate = acceptance.check_sequence(tcb, seg, now)
    if fate is None and seg.flags & _CONTROL:
        fate = check_rst(tcb, seg, now)
        if fate is None:
            fate = check_syn(tcb, seg, now)
    return fate


def _in_record(tcb: Tcb, seg: TcpSegment, now: int) -> Fate | None:
    """All the checks, for a connection that is only a record in FIN-WAIT-2."""
    if (
        tcb.ts_ok
        and seg.ts_val is not None
        and acceptance.PAWS_SLACK < (tcb.ts_recent - seg.ts_val) & MASK < 0x8000_0000
    ):
        acks.challenge(tcb, now)
        return DropReason.TCP_PAWS
    match finwait2.judge(tcb, seg):
        case Verdict.ACKNOWLEDGE:
            acks.challenge(tcb, now)
            return DropReason.TCP_OUT_OF_WINDOW
        case Verdict.DROP:
            return DropReason.TCP_BAD_SEGMENT
        case Verdict.TAKE:
            acceptance.take_timestamp(tcb, seg, now)
            stream.check_fin(tcb, seg, now)
        case verdict:
            if verdict is Verdict.REFUSE and seg.flags & ACK:
                tcb.reset_ack = seg.ack
            elif verdict is Verdict.REFUSE:
                tcb.reset_to = seg.seq + seg.segment_length
            end(tcb, CloseReason.NORMAL.value, verdict.value, now)
    return None


def _syn_sent(tcb: Tcb, seg: TcpSegment, now: int) -> Fate:
    """What a SYN,ACK carries beside itself; on Linux only who opened fast looks at it (RFC 7413 §4.2.2)."""
    fate = handshake.syn_sent_arrives(tcb, seg, now)
    if (
        tcb.state is ESTABLISHED
        and seg.segment_length > 1
        and (tcb.fast_open_option or tcb.syn_data or tcb.config.syn_ack_text)
    ):
        seg.seq, seg.flags = tcb.rcv_nxt, seg.flags & ~SYN
        if len(seg.payload):
            stream.process_text(tcb, seg, now)
        stream.check_fin(tcb, seg, now)
    return fate


def _is_syn_again(tcb: Tcb, seg: TcpSegment, now: int) -> bool:
    """The SYN of a connection that opened fast is repeated: our SYN,ACK was lost, it seems."""
    if seg.seq != tcb.irs or seg.flags & (SYN | ACK | RST) != SYN:
        return False
    if not acks.is_limited(tcb, now):
        tcb.fast_open_option = None
        tcb.syn_pending = tcb.output = True
    return True


def is_next_in_stream(tcb: Tcb, seg: TcpSegment, now: int) -> bool:
    """Header prediction: nearly all segments are the next of a stream that runs as it should.

    Of one that is ESTABLISHED, has the next number, fits, changes neither window nor state and finds no hole, all the
    checks of §3.10.7.4 say "go on"; what remains is its ACK and its text, and is done. False: ask `segment_arrives`.
    """
    size, seq, ack, una = len(seg.payload), seg.seq, seg.ack, tcb.snd_una
    if (
        seg.flags & _NOT_PSH != ACK
        or seq != tcb.rcv_nxt
        or tcb.state is not ESTABLISHED
        or seg.window << tcb.snd_wind_shift != tcb.snd_wnd
        or not una <= ack <= tcb.snd_nxt
        or seg.sack
        or size > tcb.rcv_adv - seq
        or (not size and ack == una)
        or tcb.rcv_fin is not None
        or tcb.orphan
        or tcb.held is not None
    ):
        return False
    if tcb.ts_ok:
        ts_val = seg.ts_val
        if ts_val is None or (ts_val - tcb.ts_recent) & MASK >= 0x8000_0000:
            return False  # as Linux's: what is older goes the long way
        if seq <= tcb.last_ack_sent:  # RFC 7323 §4.3 (2)
            tcb.ts_recent, tcb.ts_recent_at = ts_val, now
        if size and seg.ts_ecr != tcb.rcv_rtt_ecr:
            _sample_rtt(tcb, seg, size, now)
    tcb.snd_wl1, tcb.snd_wl2 = seq, ack
    if ack != una:
        recovery.on_ack(tcb, seg, may_be_duplicate=False, now=now)
    if size:
        if tcb.ecn_ok:
            ecn.data_arrives(tcb, seg)
        receiver.take_payload(tcb, seq, seg.payload, now, pushed=bool(seg.flags & PSH))
        if not tcb.ack_now:
            acks.check(tcb, now)
    return True


def _sample_rtt(tcb: Tcb, seg: TcpSegment, size: int, now: int) -> None:
    """Text echoes what we sent: how long a round trip is, as a receiver sees it (for the window's growth)."""
    if size >= tcb.rcv_mss and seg.ts_ecr:
        window.sample_rtt(tcb, seg.ts_ecr, (negotiate.timestamp(tcb, now) - seg.ts_ecr) & MASK)


def check_rst(tcb: Tcb, seg: TcpSegment, now: int) -> Fate | None:
    """Second: only a reset that hits RCV.NXT exactly is believed (RFC 5961 §3.2)."""
    if not seg.flags & RST:
        return None
    if seg.seq != tcb.rcv_nxt and not acceptance.is_reset_nearly_exact(tcb, seg.seq):
        acks.challenge(tcb, now)
        return DropReason.TCP_BAD_RESET
    return _end_by_reset(tcb, now)


def _end_by_reset(tcb: Tcb, now: int) -> Fate:
    """A RST that is believed: what it means in each state."""
    if tcb.state is SYN_RECEIVED and not tcb.passive:
        error = tcb.config.syn_received_reset_errno
    elif tcb.state in {CLOSING, LAST_ACK, TIME_WAIT} and (
        tcb.orphan or not tcb.config.reset_means_error_when_closing
    ):
        error = CloseReason.NORMAL.value
    elif (
        tcb.state is CLOSE_WAIT
    ):  # the peer had said that it would send no more: who writes meets a broken pipe
        error = tcb.config.close_wait_reset_errno
    else:
        error = CloseReason.RESET.value
    end(tcb, error, "RST received", now)
    return Accepted.LOCAL


def check_syn(tcb: Tcb, seg: TcpSegment, now: int) -> Fate | None:
    """Fourth: a SYN inside the window is answered with a challenge ACK (RFC 5961 §4.2).

    Of a connection that opened fast and waits for its handshake Linux only refuses that SYN, and stays.
    """
    if not seg.flags & SYN:
        return None
    if tcb.fast_opened and tcb.state is SYN_RECEIVED and tcb.config.half_open_syn == "reset":
        end_of_segment = seg.seq + seg.segment_length
        if end_of_segment > tcb.rcv_nxt:
            if seg.flags & ACK:
                tcb.reset_ack = seg.ack
            else:
                tcb.reset_to = end_of_segment
            return DropReason.TCP_BAD_SYN
    if tcb.accurate is not None:
        accecn.syn_is_challenged(tcb, seg)
    acks.challenge(tcb, now)
    return DropReason.TCP_BAD_SYN


def check_ack(tcb: Tcb, seg: TcpSegment, now: int) -> Fate | None:
    """Fifth: the acknowledgment, the window, and what they mean in each state."""
    if not seg.flags & ACK:
        return DropReason.TCP_BAD_SEGMENT
    ack = seg.ack
    if tcb.state is SYN_RECEIVED:
        if not tcb.iss < ack <= tcb.snd_nxt:
            tcb.reset_ack = ack
            return DropReason.TCP_BAD_ACK
        handshake.establish(tcb, seg, now)
        if tcb.accurate is not None:
            accecn.third_ack(tcb, seg)
    if ack == tcb.snd_nxt + 1 and tcb.octet_probed:
        sender.count_probe(tcb, now)
    # RFC 5961 §5.2, and nothing below what was ever sent (the same idea: it cannot be an old ACK).
    if ack > tcb.snd_nxt or (
        ack < tcb.snd_una - min(tcb.max_snd_wnd, tcb.octets_acked) and not tcb.config.acks_from_anywhere
    ):
        acks.challenge(tcb, now)
        return DropReason.TCP_BAD_ACK
    if (not seg.sack and tcb.held is None) or not ackburst.keeps(tcb, seg, now):
        _take_acceptable(tcb, seg, now)
    else:
        if tcb.ts_ok and not tcb.config.trims_segments:
            acceptance.take_timestamp(tcb, seg, now)
        _update_window(tcb, seg)
    if tcb.fin_seq is not None and tcb.snd_una > tcb.fin_seq:
        _fin_acknowledged(tcb, now)
        if tcb.state is CLOSED:
            return Accepted.LOCAL
    return None


def _take_acceptable(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """An acceptable ACK: the echo of its timestamp, the window, and what arrived."""
    stamp = tcb.ts_recent
    if seg.ack >= tcb.snd_una:
        if tcb.ts_ok and not tcb.config.trims_segments:
            acceptance.take_timestamp(tcb, seg, now)
        if tcb.accurate is not None:
            tcb.accurate.is_newer = tcb.ts_recent != stamp
        window_changed = _update_window(tcb, seg)
        duplicate = not window_changed and not len(seg.payload) and not seg.flags & FIN
        _take_ack(tcb, seg, duplicate, now)
    elif seg.sack:  # an old ACK, overtaken by newer ones; what it SACKs may be news
        recovery.on_ack(tcb, seg, may_be_duplicate=False, now=now, marked=tcb.accurate is not None)


def _take_ack(tcb: Tcb, seg: TcpSegment, duplicate: bool, now: int) -> None:
    """An ACK that is not old: what it tells of our data, and of congestion; and then, whether the window is closed."""
    if tcb.accurate is not None:
        recovery.on_ack(tcb, seg, may_be_duplicate=duplicate, now=now, marked=True)
    elif ecn.is_echo(tcb, seg):
        _marked_ack(tcb, seg, duplicate, now)
    else:
        recovery.on_ack(tcb, seg, may_be_duplicate=duplicate, now=now)
    if not tcb.snd_wnd and not tcb.persist_at and tcb.sendbuf.end > tcb.snd_nxt and pullback.is_due(tcb):
        pullback.on_closed(tcb, now)


def _marked_ack(tcb: Tcb, seg: TcpSegment, duplicate: bool, now: int) -> None:
    """An ACK with ECE: what it acknowledges met congestion."""
    before = info.delivered(tcb)
    recovery.on_ack(tcb, seg, may_be_duplicate=duplicate, now=now, marked=True)
    tcb.count().delivered_ce += info.delivered(tcb) - before


def _update_window(tcb: Tcb, seg: TcpSegment) -> bool:
    """Take the window of a segment that is not older than the one that gave the last (SND.WL1, SND.WL2).

    Returns:
        It is a window update, and so no duplicate ACK (RFC 5681 §2).
    """
    window = seg.window << tcb.snd_wind_shift
    older = tcb.snd_wl1 > seg.seq or (tcb.snd_wl1 == seg.seq and tcb.snd_wl2 > seg.ack)
    if tcb.config.plain_window_updates:
        if older:
            return False
        is_update = window != tcb.snd_wnd
        if tcb.config.window_updates_grow:
            is_update = is_update and not tcb.sack_ok  # there a duplicate may have any window
            if tcb.snd_wl1 == seg.seq and tcb.snd_wl2 == seg.ack and window <= tcb.snd_wnd:
                return is_update
    else:
        # DEVIATION RFC 9293 §3.10.7.4, as Linux: segments that are equally old may have overtaken each other.
        is_update = (
            seg.ack > tcb.snd_una
            or seg.seq > tcb.snd_wl1
            or (seg.seq == tcb.snd_wl1 and (window > tcb.snd_wnd or not window))
        )
        if not is_update:
            return False
    changed = window != tcb.snd_wnd
    tcb.snd_wl1, tcb.snd_wl2 = seg.seq, seg.ack
    if changed:
        if window > tcb.snd_wnd and not tcb.config.retries_by_time:
            tcb.persist_count = 0
            if tcb.persist_at:
                tcb.persist_at = 0
                if not tcb.scoreboard:
                    tcb.user_timeout_at = 0  # it begins anew with what the window lets go
        tcb.snd_wnd = window
        if window > tcb.max_snd_wnd:
            tcb.max_snd_wnd = window
            if 2 * tcb.smss > window or tcb.smss < negotiate.allowed_size(tcb):
                negotiate.set_segment_size(tcb)  # as it depends on the largest window
        tcb.output = True
    return is_update


def _fin_acknowledged(tcb: Tcb, now: int) -> None:
    """Our FIN arrived."""
    if tcb.state is FIN_WAIT_1:
        tcb.enter(FIN_WAIT_2, "ACK of our FIN", now)
        if tcb.orphan and tcb.options.linger2_ns < 0:  # TCP_LINGER2: there is no waiting for the peer's FIN
            tcb.reset_ack = tcb.snd_una
            end(tcb, 0, "TCP_LINGER2", now)
        elif tcb.orphan:
            timers.await_fin(tcb, now)
    elif tcb.state is CLOSING:
        tcb.enter(TIME_WAIT, "ACK of our FIN", now)
    elif tcb.state is LAST_ACK:
        end(tcb, 0, "ACK of our FIN", now)


def end(tcb: Tcb, error: int, why: str, now: int) -> None:
    """The connection is over: nothing is sent or timed any more; what was received in order stays readable.

    Args:
        tcb: the connection.
        error: errno for the application (SO_ERROR); 0: an orderly end.
        why: for the trace.
        now: monotonic ns.
    """
    tcb.stop_timers()
    tcb.ack_now = tcb.output = tcb.syn_pending = False
    tcb.ack_scheduled = False
    tcb.reassembly.clear()
    tcb.sendbuf.clear()  # the application may keep the socket for long: not what will never be sent
    tcb.scoreboard = Scoreboard(tcb.smss)
    tcb.chunk_rest = None
    if error:
        tcb.error = error
    tcb.enter(CLOSED, why, now)
