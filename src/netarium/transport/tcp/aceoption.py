"""The Accurate ECN option (RFC 9768 §3.2.3): when it is due, how much of it fits, and its place among the others.

It has up to three counters of octets: ECT(1), CE, ECT(0). The last ones may be left out if they have not changed. SACK
blocks come before it, but a third block gives way to counters that must be told. In detail as Linux has it.
"""

from collections.abc import Sequence
from typing import Final

from netarium.transport.tcp.accurate import OPTION_NOT_SENT, Accurate
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp_options import (
    MAX_LENGTH,
    NO_OPERATION,
    SACK_PERMITTED,
    WINDOW_SCALE,
    AccurateEcnOption,
    pack_accurate_ecn,
    pack_options,
)

# `TcpConfig.ecn_option`, with the numbers of Linux's tcp_ecn_option.
NEVER: Final = 0
ON_CHANGE: Final = 1  # when something changed, and `ecn_option_beacon` times in a round trip
ALWAYS: Final = 2  # wherever there is room, unless that seems to be why segments are lost
STUBBORNLY: Final = 3  # ... even then

_FIELDS: Final = 3
_BLOCKS_KEPT: Final = 2  # SACK blocks that give way to no counter
_SACK_HEADER: Final = 2
_SACK_BLOCK: Final = 8
_ORDER: Final = (
    (1, 1),
    (3, 0),
    (2, 1),
)  # codepoints, and at which number their counters begin: ECT(1), CE, ECT(0)
_NOP: Final = bytes((NO_OPERATION,))
_TIMESTAMPS: Final = 12


def is_due(tcb: Tcb, record: Accurate) -> bool:
    """The next segment carries the option, if it fits; never before the peer has shown that it takes one."""
    config = tcb.config
    choice = config.ecn_option
    if not choice or not record.seen:
        return False
    if record.failed & OPTION_NOT_SENT and choice < STUBBORNLY:
        return False
    if choice >= ALWAYS or record.demand:
        return True
    beacon = config.ecn_option_beacon
    return beacon > 0 and (record.clock - record.told_at) * beacon >= tcb.rtt.srtt


def plan(tcb: Tcb, blocks: int, room: int, *, due: bool) -> tuple[int | None, int]:
    """How a segment's options share the room.

    Args:
        tcb: the connection.
        blocks: SACK blocks that are to be told.
        room: octets.
        due: the option is.

    Returns:
        How many counters the option has, or None if there is no option; and how many SACK blocks there are.
    """
    record = tcb.accurate
    assert record is not None
    blocks = min(blocks, max(room - _SACK_HEADER, 0) // _SACK_BLOCK)
    if not due:
        return None, blocks
    for kept in range(blocks, min(blocks, _BLOCKS_KEPT) - 1, -1):
        for fields in range(_FIELDS, record.fields_due - 1, -1):
            if length(fields, kept) <= room:
                return fields, kept
        if not record.fields_due:
            break
    return None, blocks


def length(fields: int | None, blocks: int) -> int:
    """Octets of the option and of SACK, aligned together."""
    octets = _SACK_HEADER + _SACK_BLOCK * blocks if blocks else 0
    octets += 0 if fields is None else 2 + 3 * fields
    return -(-octets // 4) * 4


def overhead(tcb: Tcb, blocks: int) -> int:
    """Octets that both take of a full segment that leaves now; of all that leave at once, as Linux cuts them."""
    record = tcb.accurate
    assert record is not None
    due = is_due(tcb, record) or record.told_at == record.clock
    return length(*plan(tcb, blocks, MAX_LENGTH - _TIMESTAMPS * tcb.ts_ok, due=due))


def pack(tcb: Tcb, fields: int, sack: Sequence[tuple[int, int]], dsack: int | None, now: int) -> bytes:
    """The option, SACK blocks of wire sequence numbers behind it, padded; the first may be a DSACK, from there on."""
    record = tcb.accurate
    assert record is not None
    option = _counters(fields, record.received)
    if tcb.chunk_rest is None:  # the segments of a chunk are one as to their options, as a super-segment's
        record.fields_due = 0
        record.told_at = now
        record.told_with_dsack = dsack
        record.demand = max(record.demand - 1, 0)
    behind = pack_options(sack=sack)[2:] if sack else b""
    return option + _NOP * (-(len(option) + len(behind)) % 4) + behind


def came_again(tcb: Tcb, seq: int) -> None:
    """The peer repeats what we have told twice that it is here: it seems that our ACKs are lost, and why (§3.2.3.2.2)."""
    record = tcb.accurate
    if record is not None and record.told_with_dsack == seq:
        record.failed |= OPTION_NOT_SENT


def _counters(fields: int, received: Sequence[int]) -> bytes:
    counters = tuple(received[mark] + start for mark, start in _ORDER[:fields])
    return pack_accurate_ecn(AccurateEcnOption(counters))


def pack_syn_ack(
    mss: int, wscale: int | None, ts: tuple[int, int] | None, more: int, *, sack_permitted: bool
) -> bytes:
    """The options of a SYN,ACK with as many counters as fit, all as they begin; `more` octets are to follow."""
    before = pack_options(mss=mss, ts=ts, sack_permitted=sack_permitted and ts is not None)
    behind = bytes((SACK_PERMITTED, 2)) if sack_permitted and ts is None else b""
    if wscale is not None:
        behind += (_NOP if behind else b"") + bytes((WINDOW_SCALE, 3, wscale))
    for fields in range(_FIELDS, -1, -1):
        option = _counters(fields, (0, 0, 0, 0))
        packed = before + option + _NOP * (-(len(option) + len(behind)) % 4) + behind
        if len(packed) + more <= MAX_LENGTH:
            return packed
    return pack_options(mss=mss, wscale=wscale, ts=ts, sack_permitted=sack_permitted)
