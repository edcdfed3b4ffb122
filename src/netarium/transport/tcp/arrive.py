"""SEGMENT ARRIVES (RFC 9293 §3.10.7.4): the checks for a connection that is past SYN-SENT, in their order.

One function a check; each returns None to go on with the next, or the segment's fate. RFC 5961 hardens the second,
fourth and fifth, RFC 7323 §5 stands before the first.
"""

import errno
from typing import Final

from netarium.base.errors import Accepted, CloseReason, DropReason, Fate
from netarium.base.seq import MASK
from netarium.base.units import SECOND
from netarium.transport.tcp import ecn, handshake, receiver, recovery, timers
from netarium.transport.tcp.scoreboard import Scoreboard
from netarium.transport.tcp.state import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    MAY_RECEIVE,
    SYN_RECEIVED,
    SYN_SENT,
    TIME_WAIT,
)
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN, URG, TcpSegment

_PAWS_AGE_NS: Final = 24 * 24 * 3600 * SECOND  # RFC 7323 §5.5: after 24 days TS.Recent means nothing
_CONTROL: Final = SYN | FIN | RST | URG


def segment_arrives(tcb: Tcb, seg: TcpSegment, now: int) -> Fate:
    """Process one segment with unwrapped numbers; flags in the `tcb` say what is to be done after it."""
    if tcb.state is SYN_SENT:
        return handshake.syn_sent_arrives(tcb, seg, now)
    if seg.flags & ~PSH == ACK and seg.seq == tcb.rcv_nxt and _is_next_in_stream(tcb, seg, now):
        return Accepted.LOCAL
    if (fate := check_sequence(tcb, seg, now)) is not None:
        return fate
    if seg.flags & _CONTROL or tcb.state is SYN_RECEIVED:
        if (fate := check_rst(tcb, seg, now)) is not None:
            return fate
        if (fate := check_syn(tcb, seg, now)) is not None:
            return fate
    if (fate := check_ack(tcb, seg, now)) is not None:
        return fate
    if seg.flags & URG:
        check_urgent(tcb, seg)
    if len(seg.payload):
        process_text(tcb, seg, now)
        if tcb.abort_due:
            return Accepted.LOCAL
    check_fin(tcb, seg, now)
    return Accepted.LOCAL


def _is_next_in_stream(tcb: Tcb, seg: TcpSegment, now: int) -> bool:
    """Header prediction: nearly all segments are the next of a stream that runs as it should.

    Of one that is ESTABLISHED, has the next number, fits, changes neither window nor state and finds no hole, all the
    checks of §3.10.7.4 say "go on"; what remains is its ACK and its text. False: they must be asked one by one.
    """
    size = len(seg.payload)
    if (
        tcb.state is not ESTABLISHED
        or seg.window << tcb.snd_wind_shift != tcb.snd_wnd
        or not tcb.snd_una <= seg.ack <= tcb.snd_nxt
        or seg.sack
        or size > tcb.rcv_adv - tcb.rcv_nxt
        or (not size and seg.ack == tcb.snd_una)
        or tcb.rcv_fin is not None
        or tcb.orphan
    ):
        return False
    if tcb.ts_ok:
        if seg.ts_val is None or (seg.ts_val - tcb.ts_recent) & MASK >= 0x8000_0000:
            return False
        _take_timestamp(tcb, seg, now)
    tcb.snd_wl1, tcb.snd_wl2 = seg.seq, seg.ack
    if seg.ack != tcb.snd_una:
        recovery.on_ack(tcb, seg, may_be_duplicate=False, now=now)
    if size:
        if tcb.rcv_mss < size:
            tcb.rcv_mss = max(tcb.rcv_mss, min(size, tcb.path_mss))
        if tcb.ecn_ok:
            ecn.data_arrives(tcb, seg)
        receiver.take_payload(tcb, seg.seq, seg.payload, now)
    return True


def check_sequence(tcb: Tcb, seg: TcpSegment, now: int) -> Fate | None:
    """First: PAWS, then whether any of the segment lies in the window (Table 6)."""
    if tcb.ts_ok and (fate := _check_timestamp(tcb, seg, now)) is not None:
        return fate
    length = seg.segment_length
    rcv_nxt, window = tcb.rcv_nxt, tcb.rcv_adv - tcb.rcv_nxt
    if seg.seq == rcv_nxt:
        acceptable = not length or window > 0
    elif not length:
        acceptable = rcv_nxt <= seg.seq < rcv_nxt + window
        if seg.seq == rcv_nxt + window and not seg.flags & RST:
            # The peer filled the window, and some of that was lost: what this ACK tells about our data counts.
            # DEVIATION RFC 9293 §3.4, Table 6, as Linux: else both directions wait for a retransmission.
            acceptable = True
    else:
        acceptable = window > 0 and seg.seq < rcv_nxt + window and seg.seq + length > rcv_nxt
    if not acceptable and seg.seq == rcv_nxt:
        # A closed window takes no text and no FIN; ACK, RST, URG and the window it brings count (MUST-66).
        seg.payload = b""
        seg.flags &= ~FIN
        tcb.ack_now = tcb.output = True
        acceptable = not seg.flags & SYN
    if acceptable:
        _take_timestamp(tcb, seg, now)
        return None
    if _is_own_syn_ack_crossing(tcb, seg):
        return None
    if seg.flags & RST:
        return DropReason.TCP_OUT_OF_WINDOW
    receiver.acknowledge_soon(tcb, len(seg.payload), now)
    return DropReason.TCP_OUT_OF_WINDOW


def _is_own_syn_ack_crossing(tcb: Tcb, seg: TcpSegment) -> bool:
    """In a simultaneous open the peer's SYN,ACK repeats the SYN that we have: only its ACK is new (Figure 8)."""
    if (
        tcb.state is SYN_RECEIVED
        and not tcb.passive
        and seg.flags & (SYN | ACK) == SYN | ACK
        and seg.seq == tcb.irs
    ):
        seg.flags &= ~SYN
        seg.seq += 1
        seg.window >>= tcb.snd_wind_shift  # it came unscaled, as in every SYN (RFC 7323 §2.2)
        return True
    return False


def _check_timestamp(tcb: Tcb, seg: TcpSegment, now: int) -> Fate | None:
    """RFC 7323 §5.3 R1: a timestamp from the past is an old duplicate; §3.2: one without a timestamp is dropped."""
    if seg.flags & RST:
        return None
    if seg.ts_val is None:
        return DropReason.TCP_PAWS if not seg.flags & SYN else None
    behind = (tcb.ts_recent - seg.ts_val) & MASK
    if 0 < behind < 0x8000_0000 and now - tcb.ts_recent_at < _PAWS_AGE_NS:
        receiver.acknowledge_soon(tcb, len(seg.payload), now)
        return DropReason.TCP_PAWS
    return None


def _take_timestamp(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """RFC 7323 §4.3 (2): the segment that begins at or before the last ACK sent says what to echo."""
    if seg.ts_val is None or not tcb.ts_ok or seg.seq > tcb.last_ack_sent:
        return
    if (seg.ts_val - tcb.ts_recent) & MASK < 0x8000_0000:
        tcb.ts_recent = seg.ts_val
        tcb.ts_recent_at = now


def check_rst(tcb: Tcb, seg: TcpSegment, now: int) -> Fate | None:
    """Second: only a reset that hits RCV.NXT exactly is believed (RFC 5961 §3.2)."""
    if not seg.flags & RST:
        return None
    if seg.seq != tcb.rcv_nxt:
        receiver.challenge(tcb, now)
        return DropReason.TCP_BAD_RESET
    if tcb.state is SYN_RECEIVED and not tcb.passive:
        reason = CloseReason.REFUSED
    elif tcb.state in {CLOSING, LAST_ACK, TIME_WAIT}:
        reason = CloseReason.NORMAL
    else:
        reason = CloseReason.RESET
    # Linux's word for it where the peer had said that it would send no more: who writes there meets a broken pipe.
    end(tcb, errno.EPIPE if tcb.state is CLOSE_WAIT else reason.value, "RST received", now)
    return Accepted.LOCAL


def check_syn(tcb: Tcb, seg: TcpSegment, now: int) -> Fate | None:
    """Fourth: a SYN inside the window is answered with a challenge ACK (RFC 5961 §4.2)."""
    if not seg.flags & SYN:
        return None
    receiver.challenge(tcb, now)
    return DropReason.TCP_BAD_SYN


def check_ack(tcb: Tcb, seg: TcpSegment, now: int) -> Fate | None:
    """Fifth: the acknowledgment, the window, and what they mean in each state."""
    if not seg.flags & ACK:
        return DropReason.TCP_BAD_SEGMENT
    ack = seg.ack
    if tcb.state is SYN_RECEIVED:
        if not tcb.snd_una < ack <= tcb.snd_nxt:
            tcb.reset_ack = ack
            return DropReason.TCP_BAD_ACK
        handshake.establish(tcb, seg, now)
    if ack > tcb.snd_nxt or ack < tcb.snd_una - tcb.max_snd_wnd:  # RFC 5961 §5.2
        receiver.challenge(tcb, now)
        return DropReason.TCP_BAD_ACK
    if ack >= tcb.snd_una:
        window_changed = _update_window(tcb, seg)
        duplicate = not window_changed and not len(seg.payload) and not seg.flags & FIN
        if ecn.is_echo(tcb, seg):
            recovery.on_congestion_mark(tcb, now)
        recovery.on_ack(tcb, seg, may_be_duplicate=duplicate, now=now)
    if tcb.fin_seq is not None and tcb.snd_una > tcb.fin_seq:
        _fin_acknowledged(tcb, now)
        if tcb.state is CLOSED:
            return Accepted.LOCAL
    return None


def _update_window(tcb: Tcb, seg: TcpSegment) -> bool:
    """Take the window of a segment that is not older than the one that gave the last (SND.WL1, SND.WL2)."""
    if not (tcb.snd_wl1 < seg.seq or (tcb.snd_wl1 == seg.seq and tcb.snd_wl2 <= seg.ack)):
        return False
    window = seg.window << tcb.snd_wind_shift
    changed = window != tcb.snd_wnd
    tcb.snd_wl1, tcb.snd_wl2 = seg.seq, seg.ack
    if changed:
        if window > tcb.snd_wnd:
            tcb.persist_count = 0
            if tcb.persist_at:
                tcb.persist_at = 0
                if not tcb.scoreboard:
                    tcb.user_timeout_at = 0  # it begins anew with what the window lets go
        tcb.snd_wnd = window
        tcb.max_snd_wnd = max(tcb.max_snd_wnd, window)
        tcb.output = True
    return changed


def _fin_acknowledged(tcb: Tcb, now: int) -> None:
    """Our FIN arrived."""
    if tcb.state is FIN_WAIT_1:
        tcb.enter(FIN_WAIT_2, "ACK of our FIN", now)
        if tcb.orphan:
            tcb.fin_wait_2_at = now + (tcb.options.linger2_ns or tcb.config.fin_wait_2_timeout_ns)
    elif tcb.state is CLOSING:
        tcb.enter(TIME_WAIT, "ACK of our FIN", now)
    elif tcb.state is LAST_ACK:
        end(tcb, 0, "ACK of our FIN", now)


def check_urgent(tcb: Tcb, seg: TcpSegment) -> None:
    """Sixth: the urgent pointer only moves a mark in the stream (RFC 6093); nothing is lengthened or shortened.

    SEG.SEQ + SEG.UP is the first octet that is not urgent (RFC 9293 MUST-62); sockets call the one before it
    out-of-band.
    """
    if tcb.state not in MAY_RECEIVE or not seg.urgent:
        return
    urgent = seg.seq + seg.urgent
    if urgent > tcb.rcv_up and urgent <= tcb.rcv_adv + 0xFFFF:
        tcb.rcv_up = urgent
        tcb.wakeup = True


def process_text(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """Seventh: the segment's text, trimmed to what is new and to the window."""
    if tcb.state not in MAY_RECEIVE:
        return  # CLOSE-WAIT and later: the peer said that there is no more
    if tcb.ecn_ok:
        ecn.data_arrives(tcb, seg)
    payload, seq = seg.payload, seg.seq
    if seq < tcb.rcv_nxt:
        payload = payload[tcb.rcv_nxt - seq :]
        seq = tcb.rcv_nxt
        if not len(payload):
            tcb.ack_now = tcb.output = True
            return
        tcb.ack_now = tcb.output = True
    beyond = seq + len(payload) - tcb.rcv_adv
    if beyond > 0:
        payload = payload[: len(payload) - beyond]
        seg.flags &= ~FIN  # a FIN past the edge was not received
    if tcb.rcv_fin is not None and seq + len(payload) > tcb.rcv_fin:
        payload = payload[: max(0, tcb.rcv_fin - seq)]  # the stream ends at the FIN that came before
        tcb.ack_now = tcb.output = True
    if not len(payload):
        return
    if tcb.orphan:
        # The application is gone: data that nobody will read ends the connection (SHLD-3, RFC 2525 §2.17).
        tcb.abort_due = True
        return
    tcb.rcv_mss = max(tcb.rcv_mss, min(len(payload), tcb.path_mss))
    receiver.take_payload(tcb, seq, payload, now)


def check_fin(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """Eighth: the FIN, once everything before it is here."""
    if seg.flags & FIN and tcb.rcv_fin is None:
        fin = seg.seq + len(seg.payload)
        # One that lies before octets that were received contradicts them.
        if tcb.state in MAY_RECEIVE and fin >= max(tcb.rcv_nxt, tcb.reassembly.end):
            tcb.rcv_fin = fin
        tcb.ack_now = tcb.output = True
    if tcb.rcv_fin is None or tcb.rcv_nxt != tcb.rcv_fin:
        return
    if tcb.state not in MAY_RECEIVE:
        return
    tcb.rcv_nxt += 1
    tcb.rcv_adv = max(tcb.rcv_adv, tcb.rcv_nxt)
    tcb.ack_now = tcb.output = tcb.wakeup = True
    if tcb.state in {ESTABLISHED, SYN_RECEIVED}:
        tcb.enter(CLOSE_WAIT, "FIN received", now)
    elif tcb.state is FIN_WAIT_1:  # had our FIN been acknowledged, this would be FIN-WAIT-2
        tcb.enter(CLOSING, "FIN received", now)
    elif tcb.state is FIN_WAIT_2:
        tcb.fin_wait_2_at = 0
        tcb.enter(TIME_WAIT, "FIN received", now)


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
    tcb.delack_octets = 0
    tcb.reassembly.clear()
    tcb.sendbuf.clear()  # the application may keep the socket for long: not what will never be sent
    tcb.scoreboard = Scoreboard()
    if error:
        tcb.error = error
    tcb.enter(CLOSED, why, now)


def heard(tcb: Tcb, now: int) -> None:
    """Any acceptable sign of life, while keep-alive is on (MUST-26)."""
    tcb.keepalive_count = 0
    if (
        tcb.keepalive_at - now <= tcb.config.keepalive_interval_ns
    ):  # else, when it comes, it looks at last_received_at
        timers.restart_keepalive(tcb, now)
