"""What an ACK tells of the marks on what we sent (RFC 9768 §3.2.2.5, Appendix A): how many packets met congestion.

ACE has three bits: if one ACK tells of many packets it may have come round unseen. The option's counters of octets, if
there are any, say whether it has; else the worst that is possible is assumed. In detail as Linux has it.
"""

from typing import Final

from netarium.transport.tcp import accecn
from netarium.transport.tcp.accurate import ACE_UNUSABLE, NOT_SEEN, OPTION_UNUSABLE, ZEROED_SEEN
from netarium.transport.tcp.acknews import AckNews
from netarium.transport.tcp.codepoints import CE, ECT_0, ECT_1
from netarium.transport.tcp.tcb import CWR, OPEN, Tcb
from netarium.wire.tcp import TcpSegment
from netarium.wire.tcp_options import parse_accurate_ecn

_CYCLE: Final = 8
_MOST_UNTOLD: Final = 6  # packets with CE that may come before they are told of at once (§3.2.2.5.1)
_TOO_LATE: Final = (
    1 << 23
) - 1  # octets after which a first option no longer tells how often it has come round
_COUNTER: Final = 1 << 24
_SAFETY_SHIFT: Final = 1  # counters of octets are believed if they contradict by half or more


def take(tcb: Tcb, seg: TcpSegment, news: AckNews, packets: int) -> int:
    """Read ACE, and the option, of an acceptable ACK, unless it may have been overtaken: it has no news, and no newer timestamp.

    Args:
        tcb: the connection.
        seg: the segment.
        news: of what it tells otherwise.
        packets: segments of which it is the first to tell that they arrived.

    Returns:
        How many more packets than before are known to have arrived with CE.
    """
    record = tcb.accurate
    assert record is not None
    if record.answers_syn:
        record.answers_syn = False
        return 0
    if not (news.acked or news.sacked or record.is_newer):
        return 0
    told_by_option = _take_option(tcb, seg, news.octets)
    if record.untold >= _MOST_UNTOLD:
        record.ack_due = True
    counter = accecn.ace(seg.flags)
    if news.acked and tcb.octets_acked <= tcb.smss and not counter:
        record.failed |= ACE_UNUSABLE  # §3.2.2.4: the first of them cannot be zero
        return 0
    if record.failed & ACE_UNUSABLE:
        return 0
    delta = (counter - accecn.COUNT_BEGINS_AT - record.delivered_ce) % _CYCLE
    if packets >= _CYCLE:
        delta = _unwrapped(tcb, delta, packets, news.octets, told_by_option)
    record.delivered_ce += delta
    return delta


def _unwrapped(tcb: Tcb, delta: int, packets: int, octets: int, ce_octets: int | None) -> int:
    """How many it must have been, if the counter may have come round (Appendix A.2)."""
    safe = packets - (packets - delta) % _CYCLE
    if ce_octets is None:
        return safe
    if not ce_octets:
        return delta
    if packets >= 2 * _CYCLE and (tcb.sack_ok or tcb.recovery in {OPEN, CWR}):
        if octets <= ce_octets:
            return safe
        estimate = -(-ce_octets * packets // octets)
        return min(safe, delta + (estimate & ~(_CYCLE - 1)))
    if ce_octets > delta * tcb.smss:
        return safe
    if ce_octets < safe * tcb.smss >> _SAFETY_SHIFT:
        return delta
    return safe


def _take_option(tcb: Tcb, seg: TcpSegment, octets: int) -> int | None:
    """Put the option's counters on ours, or guess what they would be.

    Returns:
        Octets that arrived with CE according to it; None: it is not known.
    """
    record = tcb.accurate
    assert record is not None
    if record.failed & OPTION_UNUSABLE:
        return None
    option = parse_accurate_ecn(seg.options) if seg.options else None
    expected = record.expected
    if option is None:
        if record.seen == NOT_SEEN:
            if tcb.octets_sent >= _TOO_LATE:
                record.saw(ZEROED_SEEN)
            return None
        if not expected:
            return None
        record.delivered[expected] += octets
        return octets if expected == CE else 0
    accecn.see_option(record, seg)
    ce_before = record.delivered[CE]
    certain = expected > 0
    ambiguous = changed = False
    marks = (ECT_1, CE, ECT_0) if option.ect1_first else (ECT_0, CE, ECT_1)
    for mark, value in zip(marks, option.counters, strict=False):
        delta = (value - (mark != CE) - record.delivered[mark]) % _COUNTER
        if delta >= _COUNTER >> 1:
            delta -= _COUNTER  # an older one, or nonsense
            ambiguous = True
        record.delivered[mark] = (record.delivered[mark] + delta) & 0xFFFF_FFFF
        if delta and mark != expected:
            if changed:
                ambiguous = True
            else:
                record.expected, changed = mark, True
    if ambiguous:
        record.expected = 0
        return None
    return (record.delivered[CE] - ce_before) & 0xFFFF_FFFF if certain else None
