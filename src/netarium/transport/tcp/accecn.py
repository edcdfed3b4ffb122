"""Accurate ECN (RFC 9768): agreed on by the SYNs, told by a counter in every segment, where RFC 3168 had one bit.

The three flags AE, CWR and ECE of both SYNs say which ECN it will be; those of the SYN,ACK and of the ACK that follows
tell with which mark the SYN before arrived, so that whoever bleaches or changes marks is found out (§3.1, §3.2.2). From
then on they are ACE, the lowest bits of how many packets came with CE. What cannot be true ends our own marks, and never
what we tell the peer. In detail as Linux has it from 7.0 on.
"""

from typing import Final

from netarium.base.config import TcpConfig
from netarium.transport.tcp.accurate import (
    ACE_NOT_SENT,
    ACE_UNUSABLE,
    COUNTERS_SEEN,
    EMPTY_SEEN,
    ZEROED_SEEN,
    Accurate,
)
from netarium.transport.tcp.codepoints import CE, ECT_0, ECT_1, NOT_ECT
from netarium.transport.tcp.tcb import MARKS_SEEN, Tcb
from netarium.wire.tcp import ACE, ACK, TcpSegment
from netarium.wire.tcp_options import parse_accurate_ecn

# `TcpConfig.ecn` beyond RFC 3168's, with the numbers of Linux's tcp_ecn.
ON: Final = 3  # ask for it, and agree to it
ACCEPT_ASK_CLASSIC: Final = 4  # agree to it; ask for RFC 3168's
ACCEPT: Final = 5  # agree to it, ask for nothing

# Values of the three flags.
NONE: Final = 0b000
CLASSIC: Final = 0b001  # of a SYN,ACK that answers as RFC 3168 says
CLASSIC_SETUP: Final = 0b011  # of a SYN that asks as RFC 3168 says
RESERVED: Final = 0b101  # of a SYN,ACK, for later: whoever sends it understands us
BROKEN: Final = 0b111  # of a SYN,ACK that gives back the flags of the SYN
_SHIFT: Final = 6  # where they lie in the flags
COUNT_BEGINS_AT: Final = 5  # §3.2.1: so that no counter looks like a field that was zeroed

# How Not-ECT, ECT(1), ECT(0) and CE are told (§3.1.1, Table 2), and what each of the eight values tells.
_REFLECTED: Final = (0b010, 0b011, 0b100, 0b110)
_MARK_TOLD: Final = (ECT_0, ECT_1, NOT_ECT, ECT_1, ECT_0, ECT_1, CE, ECT_1)
_SAYS_NOTHING: Final = frozenset({0b001, 0b101, 0b111})  # of the ACK of a SYN,ACK (§3.2.2.1, Table 3)

_RETRIES: Final = 1  # SYNs, and SYN,ACKs, that still ask when they go again (§3.1.4)


def ace(flags: int) -> int:
    """The three flags as one number."""
    return (flags & ACE) >> _SHIFT


def is_asked(syn: TcpSegment) -> bool:
    """A SYN asks for Accurate ECN, or for something later that would understand it as an answer (§3.1.2)."""
    return ace(syn.flags) not in {NONE, CLASSIC_SETUP}


def is_agreed(syn_ack: TcpSegment) -> bool:
    """A SYN,ACK answers that it understands: not with RFC 3168's flag, nor with what no stack would say (Table 2)."""
    return ace(syn_ack.flags) not in {NONE, CLASSIC, BROKEN}


def accepts(config: TcpConfig, syn: TcpSegment) -> bool:
    """A listener agrees to it."""
    return config.ecn >= ON and is_asked(syn)


def begin(mark: int) -> Accurate:
    """The record of a listener that agrees to a SYN with that mark."""
    record = Accurate(mark)
    record.last_mark = mark
    record.demand = 1
    return record


def reflection(mark: int) -> int:
    """The flags that tell with which mark a SYN, or SYN,ACK, arrived."""
    return _REFLECTED[mark] << _SHIFT


def syn_flags(tcb: Tcb) -> int:
    """All three flags; a SYN that goes for the third time asks for nothing: perhaps the asking is what is dropped."""
    return 0 if tcb.config.ecn_fallback and tcb.rexmit_count > _RETRIES else ACE


def syn_ack_flags(record: Accurate, repeated: int) -> int:
    """The flags of a SYN,ACK that goes for the `repeated`-th time again: as those of a SYN."""
    if repeated > _RETRIES:
        record.failed |= ACE_NOT_SENT
        return 0
    return reflection(record.syn_mark)


def agree(tcb: Tcb, seg: TcpSegment) -> None:
    """The peer's SYN,ACK says that it understands (§3.1.1, Table 2); or its SYN asks, too, in a simultaneous open."""
    tcb.accurate = record = Accurate(seg.ecn)
    tcb.ecn_ok = True
    tcb.gso_limit = 0  # devices take CWR off all segments but the first: here it is part of a counter
    if tcb.rexmit_count > _RETRIES and tcb.config.ecn_fallback:
        record.failed |= ACE_NOT_SENT  # we have asked without, too: no marks (§3.1.5)
    is_syn = not seg.flags & ACK
    if is_syn:
        record.last_mark = seg.ecn
    see_option(record, seg)
    if record.seen:
        record.demand = 2
    told = ace(seg.flags)
    # As Linux: only where a mark of congestion would be counted, it is asked whether marks are to be believed.
    if not is_syn and seg.ecn == CE and (told == RESERVED or _is_credible(tcb, told)):
        record.marked(1)


def _is_credible(tcb: Tcb, told: int) -> bool:
    """Our SYN, or SYN,ACK, left without a mark: with another it cannot have arrived, unless something made it up (§3.2.2.3)."""
    if not tcb.config.ecn_fallback or _MARK_TOLD[told] == NOT_ECT:
        return True
    assert tcb.accurate is not None
    tcb.accurate.failed |= ACE_UNUSABLE
    return False


def third_ack(tcb: Tcb, seg: TcpSegment) -> None:
    """The ACK of our SYN,ACK tells with which mark that arrived; not so one with text, nor one that answers a SYN."""
    record = tcb.accurate
    assert record is not None
    record.answers_syn = True
    see_option(record, seg)
    told = ace(seg.flags)
    if told == NONE:  # something bleaches the field (§3.2.2.1)
        record.failed |= ACE_UNUSABLE
    elif (
        told not in _SAYS_NOTHING
        and tcb.passive
        and not (seg.segment_length or seg.sack)
        and _is_credible(tcb, told)
        and _MARK_TOLD[told] == CE
    ):
        record.delivered_ce = 1


def syn_arrives_again(record: Accurate, seg: TcpSegment, mark: int) -> None:
    """A SYN was repeated: its mark is the one to be told; if it asks no more, we set no marks (§3.1.5)."""
    record.syn_mark = mark
    if ace(seg.flags) == NONE:
        record.failed |= ACE_UNUSABLE


def syn_is_challenged(tcb: Tcb, seg: TcpSegment) -> None:
    """If our ACK of a SYN,ACK was lost, it seems, the next one tells again with which mark that came; else of the first."""
    record = tcb.accurate
    assert record is not None
    if seg.flags & ACK and seg.seq == tcb.irs and not tcb.passive:
        record.syn_mark = seg.ecn
    record.reflects = True
    if see_option(record, seg):
        record.demand = max(record.demand, 1)


def see_option(record: Accurate, seg: TcpSegment) -> bool:
    """Look at the peer's option until one had counters; a first counter of 0 was zeroed on the way (§3.2.3.2.4)."""
    if record.seen >= COUNTERS_SEEN or not seg.options:
        return False
    option = parse_accurate_ecn(seg.options)
    if option is None:
        return False
    if not option.counters:
        record.saw(EMPTY_SEEN)
    else:
        record.saw(COUNTERS_SEEN if option.counters[0] else ZEROED_SEEN)
    return True


# --- what comes ---------------------------------------------------------------------------------------------------

_FIELD_OF: Final = (
    0,
    1,
    3,
    2,
)  # which counter of the option, from 1, is that of Not-ECT (none), ECT(1), ECT(0), CE
_BLOCK: Final = 22  # §3.2.3.3: counters of 24 bits must not move by half their range unseen


def arrives(tcb: Tcb, seg: TcpSegment, now: int) -> None:
    """Any acceptable segment: count its mark, and its text."""
    size = len(seg.payload)
    segments = -(-size // tcb.rcv_gso) if tcb.rcv_gso and size else 1
    count(tcb, seg.ecn, size, segments, now)


def count(tcb: Tcb, mark: int, octets: int, segments: int, now: int) -> None:
    """Packets came with a mark (§3.2.2.5, §3.2.3.3): a change of marks is told at once, and twice."""
    record = tcb.accurate
    assert record is not None
    record.clock = now
    if mark:
        tcb.ecn_heard |= MARKS_SEEN
        if mark == CE:
            record.marked(segments)
        if octets:
            before = record.received[mark]
            record.received[mark] = before + octets
            record.fields_due = max(record.fields_due, _FIELD_OF[mark])
            if before >> _BLOCK != (before + octets) >> _BLOCK:
                record.demand = max(record.demand, 1)
    if mark == record.last_mark and mark != CE:
        return
    record.ack_due = record.ack_due or mark != record.last_mark
    record.last_mark = mark
    record.demand = 2


# --- what leaves --------------------------------------------------------------------------------------------------


def flags_for(tcb: Tcb, *, is_bare: bool) -> int:
    """The flags of a segment that leaves now, a SYN excepted."""
    record = tcb.accurate
    assert record is not None
    record.ack_due = False
    if record.reflects:
        record.reflects = False
        if is_bare:
            return reflection(record.syn_mark)
    record.untold = 0
    return (record.received_ce + COUNT_BEGINS_AT & 7) << _SHIFT


def codepoint(tcb: Tcb) -> int:
    """ECT(0) on every packet but SYNs, be it an ACK or a retransmission; none if marks or their counts are changed on the way."""
    record = tcb.accurate
    assert record is not None
    return 0 if record.failed & (ACE_NOT_SENT | ACE_UNUSABLE) else ECT_0
