"""The receiving half: putting payload in order, the window, when to acknowledge (RFC 9293 §3.8.6, §3.10.7.4)."""

from collections import deque
from typing import Final

from netarium.base.checksum import Buffer
from netarium.base.units import MS
from netarium.transport.tcp.tcb import Tcb

_COPY_BELOW: Final = (
    4_096  # octets: a smaller payload is copied, so that it does not keep a larger frame alive
)
_GATHER_BELOW: Final = 256  # octets: such crumbs are gathered into one buffer
_GATHER_TO: Final = 4_096
_PIECE_COST: Final = 128  # octets that a piece of the out-of-order queue costs beside its own
_DUP_ACK_INTERVAL_NS: Final = 250 * MS


def take_payload(tcb: Tcb, seq: int, payload: Buffer, now: int) -> None:
    """Seventh: put a segment's text, already trimmed to the window, in order; decide about its ACK.

    Args:
        tcb: the connection.
        seq: of the first octet; not below `rcv_nxt`.
        payload: not empty.
        now: monotonic ns.
    """
    size = len(payload)
    if seq == tcb.rcv_nxt and not tcb.reassembly:
        _deliver(tcb, payload)
        tcb.delack_octets += size
        _schedule_ack(tcb, now)
        return
    # RFC 5681 §4.2: at once, both for a segment out of order and for one that fills a gap.
    tcb.ack_now = tcb.output = True
    queue = tcb.reassembly
    cost = queue.octets + _PIECE_COST * len(queue)  # however small the pieces are
    if seq == tcb.rcv_nxt or cost < 2 * tcb.rcv_buf:
        queue.insert(seq, payload)
    if seq == tcb.rcv_nxt:
        for piece in tcb.reassembly.take(tcb.rcv_nxt):
            _deliver(tcb, piece)


def _deliver(tcb: Tcb, payload: Buffer) -> None:
    """Octets in order: to the receive queue."""
    size = len(payload)
    tcb.rcv_nxt += size
    tcb.octets_received += size
    tcb.wakeup = True
    tcb.rcv_queued += size
    queue = tcb.rcv_queue
    if queue is None:
        tcb.rcv_queue = deque((payload if size >= _COPY_BELOW else bytes(payload),))
        return
    if size >= _COPY_BELOW:
        queue.append(payload)
        return
    if size < _GATHER_BELOW:
        last = queue[-1]
        if isinstance(last, bytearray) and len(last) < _GATHER_TO:
            last += payload
            return
        if len(last) < _GATHER_BELOW:
            queue[-1] = bytearray(last) + payload
            return
    queue.append(bytes(payload))


def _schedule_ack(tcb: Tcb, now: int) -> None:
    """Acknowledge every second full segment at once, others within the delay (SHLD-18, SHLD-19, MUST-40)."""
    if tcb.delack_octets >= 2 * tcb.rcv_mss or tcb.quickacks > 0 or tcb.config.delayed_ack_ns == 0:
        tcb.ack_now = tcb.output = True
    elif not tcb.delack_at:
        tcb.delack_at = now + tcb.config.delayed_ack_ns


def acknowledge_soon(tcb: Tcb, payload_size: int, now: int) -> None:
    """Answer an unacceptable segment with an ACK, but do not let two confused ends answer each other for ever.

    One that carries data is a retransmission whose ACK was lost, and is always answered; the others (old ACKs,
    keep-alives, window probes) a few times a second.
    """
    if payload_size or now - tcb.dup_ack_at >= _DUP_ACK_INTERVAL_NS or not tcb.dup_ack_at:
        tcb.dup_ack_at = now
        tcb.ack_now = tcb.output = True


def challenge(tcb: Tcb, now: int) -> None:
    """Send a challenge ACK, within the connection's own limit (RFC 5961 §7)."""
    if now - tcb.challenge_at >= 1_000 * MS:
        tcb.challenge_at = now
        tcb.challenges = 0
    if tcb.challenges < tcb.config.max_challenge_acks_per_second:
        tcb.challenges += 1
        tcb.ack_now = tcb.output = True


def window_to_offer(tcb: Tcb) -> int:
    """The window for a segment that leaves now, in octets.

    It never pulls the right edge back (SHLD-14) and moves it only by worthwhile steps (MUST-39).
    """
    free = tcb.rcv_buf - tcb.rcv_queued
    if tcb.options.window_clamp:
        free = min(free, tcb.options.window_clamp)
    offered = tcb.rcv_adv - tcb.rcv_nxt
    step = free - offered
    if step < tcb.rcv_mss and step < tcb.rcv_buf >> 1:
        return offered
    limit = 0xFFFF << tcb.rcv_wind_shift
    # Round down to what the shifted field can say; but an edge once promised stays.
    return max(min(free, limit) >> tcb.rcv_wind_shift << tcb.rcv_wind_shift, offered)


def after_read(tcb: Tcb) -> None:
    """The application took octets: tell the peer if its window is small and would now grow much.

    A peer that still has half of the window to fill will hear of it with the next ACK anyway.
    """
    offered = tcb.rcv_adv - tcb.rcv_nxt
    if 2 * offered <= tcb.rcv_buf and window_to_offer(tcb) >= max(2 * offered, offered + 1):
        tcb.ack_now = tcb.output = True


def tune_buffer(tcb: Tcb, copied: int, now: int) -> None:
    """Dynamic right-sizing: let the buffer hold twice what the application takes in a round trip.

    A window that the application empties within one round trip is what limits the peer; up to the configured
    maximum it grows, unless the application fixed it by SO_RCVBUF.
    """
    tcb.drs_copied += copied
    interval = tcb.rtt.srtt or 2 * MS
    if now - tcb.drs_at < interval:
        return
    if tcb.drs_at and not tcb.options.rcvbuf_locked and 2 * tcb.drs_copied > tcb.rcv_buf:
        tcb.rcv_buf = min(2 * tcb.drs_copied, tcb.config.receive_buffer_max)
    tcb.drs_at = now
    tcb.drs_copied = 0
