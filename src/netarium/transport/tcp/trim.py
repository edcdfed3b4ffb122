"""What is left of a segment when all is cut off that does not fit: the first checks as the BSDs make them.

RFC 793's own text says so (§3.9: "the segment may be tailored to the window"), and FreeBSD does: a RST and a SYN are
judged by the last ACK that was sent (RFC 5961 §3.2, §4.2); of any other segment what is old or beyond the window goes,
and the rest is processed, its ACK always. `arrive` asks here if the configuration says so (`trims_segments`); what
Linux does instead is there.
"""

from typing import Final

from netarium.base.errors import DropReason
from netarium.base.seq import MASK
from netarium.base.units import SECOND
from netarium.transport.tcp import acks
from netarium.transport.tcp.state import CLOSING, FIN_WAIT_1, FIN_WAIT_2, LAST_ACK, SYN_RECEIVED
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN, URG, TcpSegment

OUR_OWN: Final = -1  # of `reset_ack`: not in answer to a number of the peer's, but where our stream ends
_PAWS_AGE_NS: Final = 24 * 24 * 3600 * SECOND  # RFC 7323 §5.5
_CLOSED_BY_US: Final = frozenset({FIN_WAIT_1, FIN_WAIT_2, CLOSING, LAST_ACK})


def admit(tcb: Tcb, seg: TcpSegment, now: int) -> DropReason | None:
    """Drop a segment, or tailor it to the window; flags in the `tcb` say what is to be answered.

    Returns:
        None: what remains of it is to be processed. If it is a RST, it is to be believed.
    """
    if seg.flags & RST:
        return _judge_reset(tcb, seg, now)
    if tcb.state is SYN_RECEIVED and seg.flags & ACK and not tcb.snd_una < seg.ack <= tcb.snd_nxt:
        _refuse(tcb, seg)
        return DropReason.TCP_BAD_ACK
    stamped = seg.ts_val is not None
    if tcb.ts_ok and not stamped and not tcb.config.tolerate_missing_timestamp:
        return DropReason.TCP_PAWS  # RFC 7323 §3.2, whatever else it is
    if seg.flags & SYN and tcb.state is not SYN_RECEIVED:
        return _judge_syn(tcb, seg, now)
    if tcb.ts_ok and stamped and _is_from_the_past(tcb, seg, now):
        if len(seg.payload):
            tcb.ack_now = tcb.output = True
        return DropReason.TCP_PAWS
    if tcb.state is SYN_RECEIVED and seg.seq < tcb.irs:
        _refuse(tcb, seg)
        return DropReason.TCP_OUT_OF_WINDOW
    if seg.seq < tcb.rcv_nxt:
        _cut_head(tcb, seg)
    if len(seg.payload) and tcb.orphan and tcb.state in _CLOSED_BY_US:
        _refuse(tcb, seg)  # RFC 1122 §4.2.2.13: text that nobody will read
        tcb.abort_due = True
        return DropReason.TCP_BAD_SEGMENT
    if not _cut_tail(tcb, seg):
        tcb.ack_now = tcb.output = True
        return DropReason.TCP_OUT_OF_WINDOW
    if stamped and tcb.ts_ok:
        _take_timestamp(tcb, seg, now)
    return None


def challenge(tcb: Tcb, now: int) -> None:
    """A challenge ACK; of one connection no more than so many in a second, or two confused ends make a war of it."""
    limit = tcb.config.challenge_acks
    if limit:
        tally = tcb.count()
        due, until = tally.challenges or (0, 0)
        if now >= until:
            due, until = 0, now + tcb.config.challenge_acks_ns
        tally.challenges = due + 1, until
        if due >= limit:
            return
    tcb.ack_now = tcb.output = True


def _judge_reset(tcb: Tcb, seg: TcpSegment, now: int) -> DropReason | None:
    """RFC 5961 §3.2, counted from the last ACK that the peer can know of; at the edge of the window is outside."""
    left = tcb.last_ack_sent
    room = _room(tcb)
    if seg.seq == left:
        return None
    if not left < seg.seq < left + room:
        return DropReason.TCP_OUT_OF_WINDOW
    if tcb.config.resets_in_window:
        return None
    challenge(tcb, now)
    return DropReason.TCP_BAD_RESET


def _judge_syn(tcb: Tcb, seg: TcpSegment, now: int) -> DropReason:
    """RFC 5961 §4.2; or RFC 793's rule, if the configuration says so: one in the window is an error."""
    if tcb.config.syns_in_window and 0 <= seg.seq - tcb.last_ack_sent < _room(tcb):
        tcb.reset_ack, tcb.abort_due = OUR_OWN, True
    else:
        challenge(tcb, now)
    return DropReason.TCP_BAD_SYN


def _room(tcb: Tcb) -> int:
    """The window: what is free in the buffer, and never less than was offered."""
    return max(tcb.rcv_buf - tcb.rcv_queued, tcb.rcv_adv - tcb.rcv_nxt, 0)


def _is_from_the_past(tcb: Tcb, seg: TcpSegment, now: int) -> bool:
    """RFC 7323 §5.3 R1, to the letter."""
    behind = (tcb.ts_recent - (seg.ts_val or 0)) & MASK
    return bool(tcb.ts_recent) and 0 < behind < 0x8000_0000 and now - tcb.ts_recent_at < _PAWS_AGE_NS


def _cut_head(tcb: Tcb, seg: TcpSegment) -> None:
    """Octets, SYN and FIN that came before go; that they came again is told at once (RFC 2883)."""
    old = tcb.rcv_nxt - seg.seq
    if seg.flags & SYN:
        seg.flags &= ~SYN
        seg.seq += 1
        seg.window >>= tcb.snd_wind_shift  # unscaled, as in every SYN (RFC 7323 §2.2)
        old -= 1
        tcb.syn_pending = tcb.output = not seg.flags & ACK
    size = len(seg.payload)
    if old > size or (old == size and not seg.flags & FIN):
        seg.flags &= ~FIN  # any FIN in it is an old one
        old = size
        tcb.ack_now = tcb.output = True
    if old:
        acks.report_duplicate(tcb, seg.seq, seg.seq + old)
        if tcb.sack_ok:
            tcb.ack_now = tcb.output = True
        seg.payload = seg.payload[old:]
        seg.seq += old
        if seg.urgent > old:
            seg.urgent -= old
        else:
            seg.flags &= ~URG


def _cut_tail(tcb: Tcb, seg: TcpSegment) -> bool:
    """Octets beyond the window go, and PSH and FIN behind them; False: nothing is left, and it was no window probe."""
    size = len(seg.payload)
    room = _room(tcb)
    beyond = seg.seq + size - (tcb.rcv_nxt + room)
    if beyond > 0:
        if beyond >= size:
            if seg.seq != tcb.rcv_nxt:
                return False
            tcb.ack_now = tcb.output = True  # the window is closed, then: its ACK counts (MUST-66)
            beyond = size
        seg.payload = seg.payload[: size - beyond]
        seg.flags &= ~(PSH | FIN)
    if len(seg.payload):
        tcb.rcv_adv = max(
            tcb.rcv_adv, seg.seq + len(seg.payload)
        )  # there is room, although it was not offered
    return True


def _take_timestamp(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """TS.Recent, if the last ACK that was sent lies in what remains (RFC 1323 §3.4, with its end included).

    A FIN need not be counted: what remains with one ends at RCV.NXT or beyond.
    """
    if seg.seq <= tcb.last_ack_sent <= seg.seq + len(seg.payload):
        tcb.ts_recent = seg.ts_val or 0
        tcb.ts_recent_at = now


def _refuse(tcb: Tcb, seg: TcpSegment) -> None:
    """A RST as for a segment that belongs to no connection (RFC 9293 §3.10.7.1)."""
    if seg.flags & ACK:
        tcb.reset_ack = seg.ack
    else:
        tcb.reset_to = seg.seq + seg.segment_length
