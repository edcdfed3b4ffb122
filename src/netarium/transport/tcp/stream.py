"""What a segment brings of the peer's stream: the sixth, seventh and eighth check of RFC 9293 §3.10.7.4.

The urgent pointer, the text, the FIN. The checks before are in `arrive`.
"""

from netarium.base.checksum import Buffer
from netarium.transport.tcp import aceoption, acks, ecn, receiver
from netarium.transport.tcp.state import (
    CLOSE_WAIT,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    MAY_RECEIVE,
    SYN_RECEIVED,
    TIME_WAIT,
)
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import FIN, PSH, TcpSegment


def check_urgent(tcb: Tcb, seg: TcpSegment) -> None:
    """Sixth: the urgent pointer only moves a mark in the stream (RFC 6093); nothing is lengthened or shortened.

    SEG.SEQ + SEG.UP is the first octet that is not urgent (RFC 9293 MUST-62); sockets call the one before it
    out-of-band.
    """
    if tcb.state not in MAY_RECEIVE or not (seg.urgent or tcb.config.urgent_octet):
        return
    urgent = seg.seq + (seg.urgent or 1)
    if urgent > tcb.rcv_up and urgent <= tcb.rcv_adv + 0xFFFF:
        tcb.rcv_up = urgent
        tcb.wakeup = True


def _is_for_nobody(tcb: Tcb) -> bool:
    """The process has closed the socket, or both of its halves."""
    return tcb.orphan > 0 or (tcb.rcv_shutdown and tcb.fin_queued and tcb.config.reset_after_shutdown)


def process_text(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """Seventh: the segment's text, trimmed to what is new and to the window."""
    payload, seq = seg.payload, seg.seq
    end = seq + len(payload)
    if tcb.config.ack_form == "adaptive":
        tcb.dsack = None  # as Linux: a report that no ACK has taken along is forgotten
    if end <= tcb.rcv_nxt:
        # A retransmission: our ACK was lost, or late.
        acks.enter_quick_mode(tcb)
        aceoption.came_again(tcb, seq)
        acks.report_duplicate(tcb, seq, end)
        return
    if tcb.state not in MAY_RECEIVE:  # CLOSE-WAIT and later: the peer said that there is no more
        if seq < tcb.rcv_nxt and tcb.config.reset_after_shutdown:  # it contradicts itself
            tcb.reset_ack = seg.ack
            tcb.abort_due = True
        return
    if _is_for_nobody(tcb):
        # Nobody will read it: that ends the connection (SHLD-3, RFC 2525 §2.17).
        tcb.reset_ack = seg.ack
        tcb.abort_due = True
        return
    edge = tcb.rcv_adv
    if edge <= tcb.rcv_nxt or seq >= edge:
        # A closed window takes no text and no FIN behind it; ACK, RST, URG and the window it brings count (MUST-66).
        seg.flags &= ~FIN
        acks.enter_quick_mode(tcb)
        if seq < tcb.rcv_nxt:
            acks.report_duplicate(tcb, seq, tcb.rcv_nxt)
        return
    if tcb.ecn_ok:
        ecn.data_arrives(tcb, seg)
    if seq < tcb.rcv_nxt:
        acks.report_duplicate(tcb, seq, tcb.rcv_nxt)
        payload = payload[tcb.rcv_nxt - seq :]
        seq = tcb.rcv_nxt
    payload = _cut(tcb, seg, seq, payload)
    if len(payload):
        receiver.take_payload(tcb, seq, payload, now, pushed=bool(seg.flags & PSH))
        if tcb.rcv_adv < tcb.rcv_nxt:  # as Linux: what begins inside of the window is taken whole
            tcb.rcv_adv = tcb.rcv_nxt


def _cut(tcb: Tcb, seg: TcpSegment, seq: int, payload: Buffer) -> Buffer:
    """What of the text from `seq` on is neither beyond the window nor beyond the end of the stream."""
    beyond = seq + len(payload) - tcb.rcv_adv
    if beyond > 0 and tcb.config.trim_to_window:
        payload = payload[: len(payload) - beyond]
        seg.flags &= ~FIN  # a FIN past the edge was not received
    if tcb.rcv_fin is not None and seq + len(payload) > tcb.rcv_fin:
        payload = payload[: max(0, tcb.rcv_fin - seq)]  # the stream ends at the FIN that came before
        tcb.ack_now = tcb.output = True
    return payload


def check_fin(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """Eighth: the FIN, once everything before it is here."""
    _note_fin(tcb, seg)
    if tcb.abort_due or tcb.rcv_fin is None or tcb.rcv_nxt != tcb.rcv_fin or tcb.state not in MAY_RECEIVE:
        return
    tcb.rcv_nxt += 1
    tcb.rcv_adv = max(tcb.rcv_adv, tcb.rcv_nxt)
    tcb.ack_scheduled = tcb.wakeup = True
    tcb.reassembly.clear()
    if tcb.state in {ESTABLISHED, SYN_RECEIVED}:
        tcb.enter(CLOSE_WAIT, "FIN received", now)
        tcb.pingpong = True  # what we send next is soon to come: the ACK of the FIN can go along
        if tcb.config.ack_form != "adaptive" or tcb.rcv_queued >= tcb.rcv_buf:  # no room: say so at once
            tcb.ack_now = tcb.output = True
        return
    tcb.ack_now = tcb.output = True
    if not seg.flags & FIN and len(seg.payload) and tcb.sack_ok and tcb.dsack is None:
        # It came before what it follows. DEVIATION RFC 2018 §3: as Linux, its ACK still tells of it as of something else.
        tcb.dsack = seg.seq + len(seg.payload), tcb.rcv_nxt
    if tcb.state is FIN_WAIT_1:  # had our FIN been acknowledged, this would be FIN-WAIT-2
        tcb.enter(CLOSING, "FIN received", now)
    elif tcb.state is FIN_WAIT_2:
        tcb.fin_wait_2_at = 0
        tcb.enter(TIME_WAIT, "FIN received", now)


def _note_fin(tcb: Tcb, seg: TcpSegment) -> None:
    """Remember where the FIN is; say so at once if something before it is missing, or came at last, or it came again."""
    if seg.flags & FIN and tcb.rcv_fin is None:
        fin = seg.seq + len(seg.payload)
        # One that lies before octets that were received contradicts them.
        if tcb.state in MAY_RECEIVE and fin >= max(tcb.rcv_nxt, tcb.reassembly.end):
            tcb.rcv_fin = fin
        tcb.ack_scheduled = True
        if fin > tcb.rcv_nxt and _is_for_nobody(tcb):  # text before it is missing, which nobody will read
            tcb.reset_ack = seg.ack
            tcb.abort_due = True
        elif fin != tcb.rcv_nxt:
            tcb.ack_now = tcb.output = True  # out of order, or an old one
            if fin < tcb.rcv_nxt and not len(seg.payload):
                acks.report_duplicate(tcb, fin, fin + 1)
    elif not seg.flags & FIN or (tcb.rcv_fin is not None and tcb.rcv_fin > tcb.rcv_nxt):
        tcb.ack_now = tcb.output = True  # RFC 5681 §4.2
    elif seg.seq < tcb.rcv_nxt and not len(seg.payload):  # it came again
        acks.enter_quick_mode(tcb)
        acks.report_duplicate(tcb, seg.seq, seg.seq + 1)
