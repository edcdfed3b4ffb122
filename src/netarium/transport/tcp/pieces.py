"""How many octets fit into a segment that leaves now, and how a chunk of several leaves.

A device that segments by itself gets a chunk as it is. For others it is cut here, segment by segment, as Linux does
behind its TCP; the scoreboard has one record for it either way.
"""

from typing import Final

from netarium.transport.tcp import aceoption
from netarium.transport.tcp.outgoing import MTU_PROBE, Outgoing
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import FIN, PSH

SACK_HEADER: Final = 4  # two NOPs, kind and length
SACK_BLOCK: Final = 8
_NOT_AT_ITS_END: Final = ~(PSH | FIN)
_MOST_BLOCKS: Final = 4  # 3 beside a timestamp (RFC 2018 §3)


def most_blocks(tcb: Tcb) -> int:
    """SACK blocks that one segment may have; 0: there is nothing to tell."""
    fin = tcb.rcv_fin
    if (
        not tcb.reassembly.octets and tcb.dsack is None and (fin is None or fin <= tcb.rcv_nxt)
    ) or not tcb.sack_ok:
        return 0
    return _MOST_BLOCKS - tcb.ts_ok


def sacked(tcb: Tcb, most: int) -> tuple[tuple[int, int], ...]:
    """What is to be told: what came twice first (RFC 2883 §4), then what waits; a FIN that waits is an octet more."""
    if most <= 0:
        return ()
    told = () if tcb.dsack is None else (tcb.dsack,)
    most -= len(told)
    blocks = tcb.reassembly.sack_blocks(most) if most else ()
    fin = tcb.rcv_fin
    if fin is None or fin <= tcb.rcv_nxt or not most or not tcb.config.sack_counts_fin:
        return told + blocks
    if any(right == fin for _, right in blocks):
        return told + tuple((left, right + (right == fin)) for left, right in blocks)
    return told + ((fin, fin + 1), *blocks)[:most]


def mss_now(tcb: Tcb) -> int:
    """Octets of a full segment that leaves now: SACK blocks take their share (RFC 9293 MUST-16)."""
    most = most_blocks(tcb)
    if tcb.accurate is not None:
        return max(tcb.smss - aceoption.overhead(tcb, len(sacked(tcb, most))), 8)
    return tcb.smss if not most else max(tcb.smss - SACK_HEADER - SACK_BLOCK * len(sacked(tcb, most)), 8)


def cut(tcb: Tcb, out: Outgoing) -> Outgoing:
    """The first segment of a chunk, if the device takes single ones: the rest follows with `next_piece`."""
    if tcb.gso_size or out.note == MTU_PROBE:
        return out
    if len(out.payload) <= mss_now(tcb):
        return out
    return next_piece(tcb, Outgoing(out.seq, out.flags, memoryview(out.payload), out.note), 0)


def next_piece(tcb: Tcb, chunk: Outgoing, at: int) -> Outgoing:
    """The segment of a chunk that begins `at` octets behind its begin; the flags of its end are the last one's."""
    seq, flags, payload, note = chunk
    end = at + mss_now(tcb)
    if end >= len(payload):
        tcb.chunk_rest = None
        return Outgoing(seq + at, flags, payload[at:], note)
    tcb.chunk_rest, tcb.chunk_gone = chunk, end
    return Outgoing(seq + at, flags & _NOT_AT_ITS_END, payload[at:end], note)
