"""Receiving by the book: an ACK for every second segment or after a fixed delay, a window that is the free buffer.

RFC 9293 §3.8.6.2.2, §3.8.6.3, RFC 5681 §4.2; so do FreeBSD and the `rfc` profile. What Linux does instead (quick start,
adaptive delay, thinned ACKs, memory charged beside octets, a window with a slow start of its own) is in `acks` and
`window`, which ask here first if the configuration says so.
"""

from netarium.transport.tcp.tcb import Tcb


def begin(tcb: Tcb) -> None:
    """The handshake is over: all of the buffer is the octets' own, perhaps rounded up to whole segments."""
    config = tcb.config
    if config.receive_buffer_in_segments:
        segment = min(tcb.peer_mss, tcb.path_mss)
        tcb.rcv_memory = -(-tcb.rcv_memory // segment) * segment
    tcb.rcv_ratio = 256
    tcb.rcv_buf = tcb.rcv_memory
    tcb.window_clamp = tcb.options.window_clamp or 0xFFFF << tcb.rcv_wind_shift
    tcb.rcv_ssthresh = tcb.window_clamp
    tcb.rcv_mss = tcb.smss


def received(tcb: Tcb, size: int) -> None:
    """A segment of text came, in order."""
    if size > tcb.rcv_mss:
        tcb.rcv_mss = min(size, tcb.path_mss)
    tcb.last_seg_size = size
    tcb.ack_scheduled = True


def check(tcb: Tcb, now: int) -> None:
    """All that a segment brought is processed: acknowledge it now, or in a while? (SHLD-18, SHLD-19, MUST-40)."""
    config = tcb.config
    if tcb.rcv_shutdown and config.shutdown_discards:
        discard(tcb)
    size, tcb.last_seg_size = tcb.last_seg_size, 0
    if not config.delayed_ack_ns or tcb.reassembly:  # RFC 5681 §4.2: out of order is told at once
        due = True
    elif not size:
        return  # it brought no text: what is owed already stays so
    elif config.ack_form == "second":
        due = bool(tcb.delack_at) or size > min(tcb.peer_mss, tcb.path_mss)
    else:
        due = tcb.rcv_nxt - tcb.last_ack_sent >= 2 * tcb.rcv_mss
    if due:
        tcb.ack_now = tcb.output = True
    elif not tcb.delack_at:
        tcb.delack_at = now + config.delayed_ack_ns


def discard(tcb: Tcb) -> None:
    """Nobody will read what is in order."""
    tcb.rcv_queue = None
    tcb.rcv_queued = 0


def after_read(tcb: Tcb) -> None:
    """The application took octets: tell the peer as soon as its window grows by much (MUST-39), if it sends more at all."""
    if tcb.rcv_fin is not None and tcb.rcv_nxt > tcb.rcv_fin:
        return
    window = select(tcb)
    gain = window - (tcb.rcv_adv - tcb.rcv_nxt)
    buffer = tcb.rcv_buf
    worth = 4 * gain >= buffer or 8 * window <= buffer
    if 2 * gain >= buffer or (gain >= 2 * tcb.rcv_mss and worth):
        tcb.ack_now = tcb.output = True


def select(tcb: Tcb) -> int:
    """The window that the buffer allows.

    By worthwhile steps, and in octets that the shifted field can say (RFC 9293 §3.8.6.2.2); or, as on FreeBSD, freely,
    but then a tiny window is none.
    """
    free = min(tcb.rcv_buf - tcb.rcv_queued, tcb.window_clamp)
    offered = tcb.rcv_adv - tcb.rcv_nxt
    if tcb.config.window_by_segments:
        if free - offered < min(tcb.rcv_mss, tcb.rcv_buf >> 1):
            return offered
        return max(free >> tcb.rcv_wind_shift << tcb.rcv_wind_shift, 0)
    return 0 if free < tcb.rcv_mss and free < tcb.rcv_buf >> 2 else free
