"""The receiving half: putting payload in order (RFC 9293 §3.10.7.4). Its ACKs are in `acks`, its window in `window`."""

from collections import deque
from typing import Final

from netarium.base.checksum import Buffer
from netarium.transport.tcp import acks, window
from netarium.transport.tcp.tcb import Tcb

_COPY_BELOW: Final = (
    4_096  # octets: a smaller payload is copied, so that it does not keep a larger frame alive
)
_GATHER_BELOW: Final = 256  # octets: such crumbs are gathered into one buffer
_GATHER_TO: Final = 4_096
_PIECE_COST: Final = 128  # octets that a piece of the out-of-order queue costs beside its own


def take_payload(tcb: Tcb, seq: int, payload: Buffer, now: int, *, pushed: bool) -> None:
    """Seventh: put a segment's text, already trimmed to the window, in order; `acks.check` decides about its ACK.

    Args:
        tcb: the connection.
        seq: of the first octet; not below `rcv_nxt`.
        payload: not empty.
        now: monotonic ns.
        pushed: it came with PSH.
    """
    if seq == tcb.rcv_nxt and not tcb.reassembly.octets:
        acks.received(tcb, len(payload), now, pushed=pushed)
        _deliver(tcb, payload)
        return
    queue = tcb.reassembly
    if seq != tcb.rcv_nxt:
        _keep(tcb, seq, payload, pushed=pushed)
        return
    acks.received(tcb, len(payload), now, pushed=pushed)
    if tcb.dsack is None and (known := queue.known(seq, seq + len(payload))) is not None:
        acks.report_duplicate(tcb, *known)
    queue.insert(seq, payload)
    for piece in queue.take(seq):
        _deliver(tcb, piece)
    if not queue:
        tcb.ack_now = tcb.output = True  # RFC 5681 §4.2: the gap is filled


def take_with_syn(tcb: Tcb, payload: Buffer) -> None:
    """The text of a SYN that opens fast: its SYN,ACK acknowledges it (RFC 7413 §4.2.2)."""
    if len(payload):
        _deliver(tcb, payload)
        tcb.syn_data_acked = True


def _keep(tcb: Tcb, seq: int, payload: Buffer, *, pushed: bool) -> None:
    """A segment behind a hole, if there is room for it; what of it was here already is reported (RFC 2883)."""
    tcb.ack_scheduled = True
    acks.measure(tcb, len(payload), pushed=pushed)
    queue = tcb.reassembly
    cost = queue.octets + _PIECE_COST * len(queue)  # however small the pieces are
    if cost >= 2 * tcb.rcv_buf:
        return
    tcb.rcv_ooopack += max(1, -(-len(payload) // tcb.rcv_mss))
    if queue and (known := queue.known(seq, seq + len(payload))) is not None:
        acks.report_duplicate(tcb, *known)
    queue.insert(seq, payload)
    if tcb.sack_ok and tcb.config.window_form == "adaptive" and tcb.rcv_ssthresh < tcb.window_clamp:
        window.grow(tcb, len(payload), waiting=True)


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
