"""Is a segment one of this connection's stream, and of now? The first check of SEGMENT ARRIVES (RFC 9293 §3.10.7.4).

Its place in the window (Table 6), and its timestamp: PAWS (RFC 7323 §5), and which timestamp is to be echoed.
"""

from typing import Final

from netarium.base.errors import DropReason, Fate
from netarium.base.seq import MASK
from netarium.base.units import MS, SECOND
from netarium.transport.tcp import acks
from netarium.transport.tcp.state import CLOSE_WAIT, CLOSING, LAST_ACK, SYN_RECEIVED
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, FIN, RST, SYN, TcpSegment

PAWS_SLACK: Final = 1  # a tick: the clocks of a peer's processors may differ by that much
_PAWS_AGE_NS: Final = 24 * 24 * 3600 * SECOND  # RFC 7323 §5.5: after 24 days TS.Recent means nothing
_FIN_RECEIVED: Final = frozenset({CLOSE_WAIT, CLOSING, LAST_ACK})


def check_sequence(tcb: Tcb, seg: TcpSegment, now: int) -> Fate | None:
    """First: PAWS, then whether any of the segment lies in the window (Table 6).

    DEVIATION RFC 9293 §3.4, Table 6, as Linux: the window's left edge is the last ACK that we sent and not RCV.NXT, and
    a segment at its right edge passes. Nothing of their text is taken, but what their ACK says about our data counts:
    else two ends that have both filled the other's window wait for a retransmission. A bare FIN needs no room.
    """
    if tcb.ts_ok and (fate := _check_timestamp(tcb, seg, now)) is not None:
        return fate
    if _is_own_syn_ack_crossing(tcb, seg):
        acks.report_duplicate(tcb, tcb.irs, tcb.irs + 1)  # its SYN came twice
        tcb.ack_now = tcb.output = True
        return None
    end, edge = seg.seq + seg.segment_length, tcb.rcv_adv
    acceptable = end >= tcb.last_ack_sent and seg.seq <= edge
    if tcb.config.strict_window:
        acceptable = _is_in_window(tcb, seg)
    elif acceptable and end - bool(seg.flags & FIN) > edge and _is_unread(tcb):
        acceptable = False  # more than was offered: a sender that knows no windows
    if acceptable:
        return None
    if seg.flags & RST:
        if seg.seq == tcb.rcv_nxt - 1 and tcb.state in _FIN_RECEIVED:
            return None  # some stacks do not count their FIN: check_rst() knows them
        return DropReason.TCP_OUT_OF_WINDOW
    if seg.flags & SYN:
        acks.challenge(tcb, now)
    else:
        acks.answer_unacceptable(tcb, seg.seq, end, now)
    return DropReason.TCP_OUT_OF_WINDOW


def _is_unread(tcb: Tcb) -> bool:
    """Something waits for the application; the end of the stream does, too."""
    if tcb.orphan:  # what came before close() is gone
        return tcb.state is CLOSING
    return tcb.rcv_queued > 0 or tcb.state in _FIN_RECEIVED


def _is_in_window(tcb: Tcb, seg: TcpSegment) -> bool:
    """RFC 9293 §3.4, Table 6, to the letter; a closed window lets an ACK pass beside text that it does not take (MUST-66)."""
    length, left, right = seg.segment_length, tcb.rcv_nxt, tcb.rcv_adv
    if seg.seq == left:
        return True
    if not length:
        return left <= seg.seq < right
    return seg.seq < right and seg.seq + length > left < right


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
        # DEVIATION RFC 7323 §3.2 (SHOULD), as Linux: it is taken, for there are middleboxes that strip options.
        tolerated = seg.flags & SYN or tcb.config.tolerate_missing_timestamp
        return None if tolerated else DropReason.TCP_PAWS
    behind = (tcb.ts_recent - seg.ts_val) & MASK
    if (
        PAWS_SLACK < behind < 0x8000_0000
        and tcb.ts_recent  # as Linux: some begin with 0, whatever their clock shows then
        and now - tcb.ts_recent_at < _PAWS_AGE_NS
        and not _is_disordered_ack(tcb, seg, behind)
    ):
        if seg.flags & SYN:
            acks.challenge(tcb, now)
        elif seg.segment_length or seg.seq >= tcb.rcv_nxt or not tcb.config.old_acks_are_common:
            acks.answer_unacceptable(tcb, seg.seq, seg.seq + seg.segment_length, now)
        return DropReason.TCP_PAWS
    return None


def _is_disordered_ack(tcb: Tcb, seg: TcpSegment, behind: int) -> bool:
    """A bare ACK that was overtaken, by less than an RTO: it harms nothing (as Linux; RFC 7323 §5.3 speaks of data)."""
    return (
        not seg.segment_length
        and bool(seg.flags & ACK)
        and seg.seq == tcb.rcv_nxt
        and seg.ack == tcb.snd_una
        and not _may_change_window(tcb, seg)
        and behind * MS <= tcb.rtt.rto * 6 // 5
    )


def _may_change_window(tcb: Tcb, seg: TcpSegment) -> bool:
    """Newer than what told the last window; or as new, and it opens or closes it."""
    offered = seg.window << tcb.snd_wind_shift
    return seg.seq > tcb.snd_wl1 or (seg.seq == tcb.snd_wl1 and (offered > tcb.snd_wnd or not offered))


def take_timestamp(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """RFC 7323 §4.3 (2): the segment that begins at or before the last ACK sent says what to echo."""
    if seg.ts_val is None or seg.seq > tcb.last_ack_sent:
        return
    if (seg.ts_val - tcb.ts_recent) & MASK < 0x8000_0000 or not tcb.ts_recent:
        tcb.ts_recent = seg.ts_val
        tcb.ts_recent_at = now


def is_reset_nearly_exact(tcb: Tcb, seq: int) -> bool:
    """As Linux: before the peer's FIN, if its stack does not count that; or behind all that was received out of order."""
    if seq == tcb.rcv_nxt - 1 and tcb.state in _FIN_RECEIVED:
        return True
    return tcb.sack_ok and bool(tcb.reassembly) and seq == tcb.reassembly.end
