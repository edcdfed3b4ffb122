"""When to acknowledge: at once, a little later, or with the data that answers.

RFC 9293 §3.8.6.3 (SHLD-18, SHLD-19, MUST-40), RFC 5681 §4.2, RFC 5961 §7, RFC 2883. In detail as Linux: the first
segments of a conversation are acknowledged one by one, because the peer's slow start needs it; a conversation that goes
both ways delays, so that ACKs ride on data; the delay follows the rhythm of what arrives; many segments behind a hole
share an ACK.
"""

from typing import Final

from netarium.base.units import MS
from netarium.transport.tcp import aceoption, plain, window
from netarium.transport.tcp.tcb import Tcb

_TICK_NS: Final = (
    MS  # the shortest delay: what the application does at once, as its close(), takes the ACK along
)
_SLACK_NS: Final = (
    100_000  # how late the ACK that several share may be beside (Linux's tcp_comp_sack_slack_ns)
)
_DUPLICATES: Final = 3  # ACKs for segments behind a hole before they are thinned out (RFC 5681's threshold)


def begin(tcb: Tcb, now: int) -> None:
    """The connection is established; nothing was received yet."""
    tcb.pingpong = not tcb.options.quickack
    tcb.last_data_at = now


def received(tcb: Tcb, size: int, now: int, *, pushed: bool) -> None:
    """A segment of text came, in order: see what size segments have, and in which rhythm they come."""
    if tcb.config.ack_form != "adaptive":
        plain.received(tcb, size)
        return
    tcb.ack_scheduled = True
    if size == tcb.rcv_mss and not pushed:
        tcb.last_seg_size = 0
    else:
        measure(tcb, size, pushed=pushed)
    if tcb.rcv_nxt >= tcb.rcv_rtt_seq:
        window.measure_rtt(tcb, now)
    least = tcb.config.delayed_ack_ns
    ato = tcb.ato_ns
    if not ato:
        hurry(tcb)
        tcb.ato_ns = least
    else:
        gap = now - tcb.last_data_at
        if 2 * gap <= least:
            tcb.ato_ns = (ato + least) >> 1
        elif gap < ato:
            tcb.ato_ns = min((ato >> 1) + gap, tcb.rtt.rto)
        elif gap > tcb.rtt.rto:
            hurry(tcb)  # it was silent for long: its slow start begins anew
    tcb.last_data_at = now
    if tcb.rcv_ssthresh < tcb.window_clamp:
        window.grow(tcb, size)


def measure(tcb: Tcb, size: int, *, pushed: bool) -> None:
    """What a full segment is, as far as those that came tell; whether this one ends something that waits for its ACK."""
    if tcb.config.ack_form != "adaptive":
        return
    one = tcb.rcv_gso or size
    if one >= tcb.rcv_mss:
        if one != tcb.rcv_mss:
            window.measure(tcb, size)
        if pushed:
            tcb.ack_pushed = max(tcb.ack_pushed, 1)
        tcb.last_seg_size = 0
        return
    last, tcb.last_seg_size = tcb.last_seg_size, 0
    if size >= 536 or (size >= 88 and not pushed):
        tcb.last_seg_size = size
        if size == last:  # the second of that size: it is what the path takes now
            tcb.rcv_mss = size
            return
    tcb.ack_pushed = min(tcb.ack_pushed + 1, 2)


def hurry(tcb: Tcb) -> None:
    """Acknowledge the next segments one by one: half as many as fit into the window, or sixteen."""
    most = tcb.config.quick_acks
    quick = min((tcb.rcv_adv - tcb.rcv_nxt) // (2 * max(tcb.rcv_mss, 1)) or 2, most)
    tcb.quickacks = max(tcb.quickacks, quick)


def enter_quick_mode(tcb: Tcb) -> None:
    """Something is amiss, an ACK was lost perhaps: acknowledge at once from here on, both ways or not."""
    if tcb.config.ack_form != "adaptive":
        tcb.ack_now = tcb.output = True
        return
    hurry(tcb)
    tcb.pingpong = False
    tcb.ato_ns = tcb.config.delayed_ack_ns
    tcb.ack_scheduled = True


def check(tcb: Tcb, now: int) -> None:
    """All that a segment brought is processed: acknowledge it now, or when?"""
    if tcb.config.ack_form != "adaptive":
        plain.check(tcb, now)
    elif (
        (
            tcb.rcv_nxt - tcb.last_ack_sent > tcb.rcv_mss
            # With a right edge that moves; else reading will acknowledge it.
            and (
                tcb.rcv_queued < tcb.options.rcvlowat or window.select(tcb) >= tcb.rcv_adv - tcb.last_ack_sent
            )
        )
        or (tcb.quickacks and not tcb.pingpong)
        or not tcb.config.delayed_ack_ns
    ):
        tcb.ack_now = tcb.output = True
    elif tcb.reassembly.octets:
        _thin_out(tcb, now)
    else:
        _delay(tcb, now)


def _thin_out(tcb: Tcb, now: int) -> None:
    """Behind a hole: three ACKs at once, as loss recovery needs them; then some share one (SACK tells all of it)."""
    config = tcb.config
    if not tcb.sack_ok or tcb.compressed >= config.compressed_sack_segments:
        tcb.ack_now = tcb.output = True
        return
    if tcb.compressed_nxt != tcb.rcv_nxt:
        tcb.compressed_nxt = tcb.rcv_nxt
        tcb.dup_acks_sent = 0
    if tcb.dup_acks_sent < _DUPLICATES:
        tcb.dup_acks_sent += 1
        tcb.ack_now = tcb.output = True
        return
    tcb.compressed += 1
    if tcb.compressed_at:
        return
    rtt = min(tcb.rcv_rtt, tcb.rtt.srtt) if tcb.rtt.srtt else tcb.rcv_rtt
    tcb.compressed_at = now + min(config.compressed_sack_delay_ns, rtt // 20) + _SLACK_NS


def _delay(tcb: Tcb, now: int) -> None:
    """Within the delay that the rhythm suggests; an earlier deadline stays."""
    ato = min(tcb.ato_ns, tcb.max_ack_delay)
    if tcb.rtt.srtt:
        ato = min(ato, max(tcb.rtt.srtt, tcb.config.delayed_ack_ns))
    if not tcb.delack_at:
        tcb.delack_at = now + max(ato, _TICK_NS)
    elif tcb.delack_at <= now + (ato >> 2):
        tcb.ack_now = tcb.output = True
    else:
        tcb.delack_at = min(tcb.delack_at, now + ato)
    tcb.ack_scheduled = True


def on_delay_over(tcb: Tcb) -> None:
    """The delay was in vain: wait longer next time, or take the conversation for one way again."""
    tcb.delack_at = 0
    if not tcb.ack_scheduled:
        return
    if tcb.config.ack_form != "adaptive":
        pass
    elif tcb.pingpong:
        tcb.pingpong = False
        tcb.ato_ns = tcb.config.delayed_ack_ns
    else:
        tcb.ato_ns = min(tcb.ato_ns << 1, tcb.rtt.rto)
    tcb.ack_now = tcb.output = True


def sent(tcb: Tcb, octets: int, now: int) -> None:
    """A segment with our acknowledgment, and `octets` of text, leaves: nothing is owed any more.

    Text soon after text came is a conversation: ACKs can ride on the answers.
    """
    if tcb.quickacks and tcb.ack_scheduled:
        tcb.quickacks -= 1
        if not tcb.quickacks:
            tcb.ato_ns = tcb.config.delayed_ack_ns
    tcb.ack_now = tcb.ack_scheduled = False
    tcb.ack_pushed = tcb.delack_at = 0
    if tcb.compressed:
        tcb.compressed = 0
        tcb.compressed_at = 0
    tcb.last_ack_sent = tcb.rcv_nxt
    if octets and now - tcb.last_data_at < tcb.ato_ns:
        tcb.pingpong = True


def after_read(tcb: Tcb, copied: int) -> None:
    """The application took octets: acknowledge what was held back, or tell of a window that grew much.

    Args:
        tcb: the connection.
        copied: how many octets; the queue is shorter by them already.
    """
    if tcb.config.ack_form != "adaptive":
        plain.after_read(tcb)
        return
    if tcb.ack_scheduled and (
        tcb.rcv_nxt - tcb.last_ack_sent > tcb.rcv_mss
        or (
            not tcb.rcv_queued
            and (tcb.ack_pushed > 1 or (tcb.ack_pushed and not tcb.pingpong))
            and not tcb.reassembly
        )
    ):
        tcb.ack_now = tcb.output = True
        return
    if copied > 0 and tcb.rcv_fin is None and not tcb.rcv_shutdown:
        offered = tcb.rcv_adv - tcb.rcv_nxt
        if 2 * offered <= tcb.window_clamp:
            possible = window.select(tcb)
            if possible and possible >= 2 * offered:
                tcb.ack_now = tcb.output = True


def quickack_changed(tcb: Tcb, value: int) -> None:
    """TCP_QUICKACK: 0 delays as a conversation does; 1 acknowledges at once; an even number only what is owed now."""
    if not value:
        tcb.pingpong = True
        return
    tcb.pingpong = False
    if tcb.ack_scheduled:
        tcb.ack_pushed = max(tcb.ack_pushed, 1)
        after_read(tcb, 1)
        if not value & 1:
            tcb.pingpong = True


def answer_unacceptable(tcb: Tcb, seq: int, end: int, now: int, *, syn: bool = False) -> None:
    """A segment that cannot be taken: say what we have, but let no two confused ends answer each other for ever.

    One with text is a retransmission whose ACK was lost: it is always answered, and reported (RFC 2883); the others,
    old ACKs and probes, not more often than `invalid_ratelimit_ns` allows.
    """
    if (end == seq or syn) and is_limited(tcb, now):
        return
    if seq < end and seq < tcb.rcv_nxt:
        enter_quick_mode(tcb)
        aceoption.came_again(tcb, seq)
        report_duplicate(tcb, seq, min(end, tcb.rcv_nxt))
    tcb.ack_now = tcb.output = True


def challenge(tcb: Tcb, now: int) -> None:
    """Send a challenge ACK, within the connection's own limit (RFC 5961 §7)."""
    if not is_limited(tcb, now):
        tcb.ack_now = tcb.output = True


def is_limited(tcb: Tcb, now: int) -> bool:
    """Answers to what changes nothing, text aside, are not given more often than `invalid_ratelimit_ns` allows."""
    if tcb.dup_ack_at and now - tcb.dup_ack_at < tcb.config.invalid_ratelimit_ns:
        return True
    tcb.dup_ack_at = now
    return False


def report_duplicate(tcb: Tcb, seq: int, end: int) -> None:
    """The next ACK tells that `[seq, end)` came twice (RFC 2883 §4); a report that touches the last one extends it."""
    if not tcb.sack_ok or not tcb.config.dsack:
        return
    if tcb.dsack is not None and seq <= tcb.dsack[1] and tcb.dsack[0] <= end:
        tcb.dsack = min(seq, tcb.dsack[0]), max(end, tcb.dsack[1])
    else:
        tcb.dsack = seq, end
