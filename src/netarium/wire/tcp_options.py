"""TCP options: MSS (RFC 9293 §3.2), window scale and timestamps (RFC 7323), SACK (RFC 2018), Fast Open (RFC 7413), ...

The order and padding of what is packed are Linux's, so that a middlebox sees nothing new.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

from netarium.base.checksum import Buffer

END_OF_LIST: Final = 0
NO_OPERATION: Final = 1
MSS: Final = 2
WINDOW_SCALE: Final = 3
SACK_PERMITTED: Final = 4
SACK: Final = 5
TIMESTAMPS: Final = 8
USER_TIMEOUT: Final = 28
FAST_OPEN: Final = 34
ACCURATE_ECN_0: Final = 172  # RFC 9768: ECT(0) first
ACCURATE_ECN_1: Final = 174  # ECT(1) first
EXPERIMENT: Final = 254  # RFC 6994: told apart by a number behind the length
FAST_OPEN_MAGIC: Final = b"\xf9\x89"

MAX_LENGTH: Final = 40  # a data offset of 15 words leaves this much behind the header
TIMESTAMPS_WORD: Final = 0x0101080A  # NOP, NOP, timestamps, length 10 (RFC 7323 appendix A)

_MSS: Final = Struct("!BBH")
_TIMESTAMPS: Final = Struct("!III")  # the word above, TSval, TSecr
_PAIR: Final = Struct("!II")
_SYN: Final = Struct("!BBHBBBBIIBBBB")  # all that a SYN offers, in one go

_NOP2_SACK_PERMITTED: Final = b"\x01\x01\x04\x02"
_SACK_PERMITTED: Final = b"\x04\x02"


@dataclass(slots=True)
class TcpOptions:
    """The options of one segment.

    Attributes:
        mss: the largest segment its sender takes, or None.
        wscale: shift count as sent (a receiver uses 14 at the most: RFC 7323 §2.3), or None.
        sack_permitted: SACK may be sent on this connection.
        sack: left and right edges of the blocks, in the order received.
        ts_val: TSval, or None if there is no timestamps option.
        ts_ecr: TSecr; 0 without the option.
    """

    mss: int | None = None
    wscale: int | None = None
    sack_permitted: bool = False
    sack: tuple[tuple[int, int], ...] = ()
    ts_val: int | None = None
    ts_ecr: int = 0


def parse_options(data: Buffer) -> TcpOptions:
    """Read an option list; unknown ones and known ones of a wrong length are skipped. Never raises.

    Args:
        data: what lies between the fixed header and the payload, 0 ... 40 octets.

    Returns:
        What was understood before the end, or before a length that makes no sense.

    Spec: RFC 9293 MUST-4, MUST-5, MUST-6, MUST-7.
    """
    options = TcpOptions()
    offset, end = 0, len(data)
    while offset < end:
        kind = data[offset]
        if kind == NO_OPERATION:
            offset += 1
            continue
        if kind == END_OF_LIST or offset + 1 == end:
            break
        length = data[offset + 1]
        if length < 2 or offset + length > end:
            break  # RFC 9293 MUST-7: nothing behind an illegal length can be trusted to be an option
        _take(options, kind, data[offset + 2 : offset + length])
        offset += length
    return options


def _take(options: TcpOptions, kind: int, value: Buffer) -> None:
    """Note one option, unless its length is not the one that its kind has."""
    length = len(value)
    if kind == TIMESTAMPS and length == 8:
        options.ts_val, options.ts_ecr = _PAIR.unpack(value)
    elif kind == SACK and not length & 7:
        options.sack = tuple(_PAIR.iter_unpack(value))
    elif kind == MSS and length == 2:
        options.mss = value[0] << 8 | value[1]
    elif kind == WINDOW_SCALE and length == 1:
        options.wscale = value[0]
    elif kind == SACK_PERMITTED and length == 0:
        options.sack_permitted = True


def pack_options(
    *,
    mss: int | None = None,
    wscale: int | None = None,
    sack_permitted: bool = False,
    ts: tuple[int, int] | None = None,
    sack: Sequence[tuple[int, int]] = (),
) -> bytes:
    """An option list, padded with NOPs to whole words.

    Args:
        mss: octets, 0 ... 65,535.
        wscale: shift count, 0 ... 14.
        sack_permitted: for a SYN.
        ts: TSval and TSecr, 32 bits each.
        sack: blocks of wire sequence numbers; at most 4, or 3 beside timestamps.

    Returns:
        0 ... 40 octets.
    """
    if mss is None and wscale is None and not sack_permitted:
        stamps = b"" if ts is None else _TIMESTAMPS.pack(TIMESTAMPS_WORD, ts[0], ts[1])
        return stamps + _pack_sack(sack) if sack else stamps
    if ts is not None and mss is not None and wscale is not None and sack_permitted and not sack:
        return _SYN.pack(
            MSS,
            4,
            mss,
            SACK_PERMITTED,
            2,
            TIMESTAMPS,
            10,
            ts[0],
            ts[1],
            NO_OPERATION,
            WINDOW_SCALE,
            3,
            wscale,
        )
    packed = b"" if mss is None else _MSS.pack(MSS, 4, mss)
    if ts is not None:
        stamps = _TIMESTAMPS.pack(TIMESTAMPS_WORD, ts[0], ts[1])
        packed += _SACK_PERMITTED + stamps[2:] if sack_permitted else stamps
    elif sack_permitted:
        packed += _NOP2_SACK_PERMITTED
    if wscale is not None:
        packed += bytes((NO_OPERATION, WINDOW_SCALE, 3, wscale))
    packed += _pack_sack(sack) if sack else b""
    assert len(packed) <= MAX_LENGTH, f"{len(packed)} octets of TCP options"
    return packed


def pack_options_by_kind(
    *,
    mss: int | None,
    wscale: int | None,
    sack_permitted: bool,
    ts: tuple[int, int] | None,
    last: bytes = b"",
) -> bytes:
    """The options of a SYN as BSD writes them: MSS, window scale, SACK permitted, timestamps, each aligned, then END.

    Args:
        mss: octets, 0 ... 65,535.
        wscale: shift count, 0 ... 14.
        sack_permitted: SACK may be sent.
        ts: TSval and TSecr, 32 bits each.
        last: an option that follows, unaligned, if it fits.

    Returns:
        0 ... 40 octets, padded with END to whole words.
    """
    packed = b"" if mss is None else _MSS.pack(MSS, 4, mss)
    if wscale is not None:
        packed += bytes((NO_OPERATION, WINDOW_SCALE, 3, wscale))
    if sack_permitted:
        packed += _SACK_PERMITTED
    if ts is not None:
        stamps = _TIMESTAMPS.pack(TIMESTAMPS_WORD, ts[0], ts[1])
        packed += stamps[2:] if sack_permitted else stamps
    if len(packed) + len(last) <= MAX_LENGTH:
        packed += last
    return packed + bytes(-len(packed) % 4)


def _pack_sack(blocks: Sequence[tuple[int, int]]) -> bytes:
    assert len(blocks) <= 4, f"{len(blocks)} SACK blocks"
    packed = bytes((NO_OPERATION, NO_OPERATION, SACK, 2 + 8 * len(blocks)))
    return packed + b"".join([_PAIR.pack(left, right) for left, right in blocks])


class FastOpenOption(NamedTuple):
    """Fast Open: a cookie, or b"" to ask for one; `experimental`: in the option that was used before RFC 7413."""

    cookie: bytes
    experimental: bool = False


def parse_fast_open(options: bytes) -> FastOpenOption | None:
    """The Fast Open option among the octets of a SYN's options; None: there is none, or one of a wrong length.

    Spec: RFC 7413 §4.1.1: 4 to 16 octets, an even number.
    """
    for kind, value in _each(options):
        if kind == FAST_OPEN:
            found = FastOpenOption(value)
        elif kind == EXPERIMENT and value.startswith(FAST_OPEN_MAGIC):
            found = FastOpenOption(value[2:], experimental=True)
        else:
            continue
        length = len(found.cookie)
        return found if not length or (4 <= length <= 16 and not length & 1) else None
    return None


def pack_fast_open(option: FastOpenOption, *, padded: bool = True) -> bytes:
    """The option, padded with NOPs to whole words."""
    cookie = option.cookie
    if option.experimental:
        packed = bytes((EXPERIMENT, 4 + len(cookie))) + FAST_OPEN_MAGIC + cookie
    else:
        packed = bytes((FAST_OPEN, 2 + len(cookie))) + cookie
    return packed + bytes((NO_OPERATION,)) * (-len(packed) % 4) if padded else packed


_IN_MINUTES: Final = 0x8000  # the granularity bit
_MOST_UNITS: Final = 0x7FFF


def parse_user_timeout(options: bytes) -> int | None:
    """The suggestion of a user timeout option among the octets of a segment's options, in seconds; None: there is none.

    Spec: RFC 5482 §3.3; zero is reserved and means nothing (§3.4).
    """
    for kind, value in _each(options):
        if kind == USER_TIMEOUT and len(value) == 2:
            field = value[0] << 8 | value[1]
            units = field & _MOST_UNITS
            return (units * 60 if field & _IN_MINUTES else units) or None
    return None


def pack_user_timeout(seconds: int) -> bytes:
    """The option; what is too long for seconds is told in minutes, rounded up (RFC 5482 §3.3).

    Args:
        seconds: at the least 1; 22 days are the most that can be told.
    """
    assert seconds > 0, f"a user timeout of {seconds} s"
    field = seconds if seconds <= _MOST_UNITS else min(-(-seconds // 60), _MOST_UNITS) | _IN_MINUTES
    return bytes((USER_TIMEOUT, 4, field >> 8, field & 0xFF))


_COUNTER: Final = 3  # octets of a counter of Accurate ECN


class AccurateEcnOption(NamedTuple):
    """The counters of octets by their marks, as on the wire: 24 bits each, as many of them as were sent.

    Attributes:
        counters: that of ECT(0), or of ECT(1), comes first; that of CE second; the other one third.
        ect1_first: which (kind 174, or 172).
    """

    counters: tuple[int, ...]
    ect1_first: bool = True


def parse_accurate_ecn(options: bytes) -> AccurateEcnOption | None:
    """The first Accurate ECN option among the octets of a segment's options; None: there is none.

    Spec: RFC 9768 §3.2.3: a length of 2, 5, 8 or 11; what there is beside whole counters is not looked at.
    """
    for kind, value in _each(options):
        if kind in {ACCURATE_ECN_0, ACCURATE_ECN_1}:
            end = min(len(value) // _COUNTER, 3) * _COUNTER
            fields = [int.from_bytes(value[at : at + _COUNTER], "big") for at in range(0, end, _COUNTER)]
            return AccurateEcnOption(tuple(fields), kind == ACCURATE_ECN_1)
    return None


def pack_accurate_ecn(option: AccurateEcnOption) -> bytes:
    """The option, without padding: 2 octets, and 3 for each counter."""
    kind = ACCURATE_ECN_1 if option.ect1_first else ACCURATE_ECN_0
    packed = bytes((kind, 2 + _COUNTER * len(option.counters)))
    return packed + b"".join([(value & 0xFF_FFFF).to_bytes(_COUNTER, "big") for value in option.counters])


def _each(options: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and value of each option, up to the end or to a length that makes no sense."""
    offset, end = 0, len(options)
    while offset < end and options[offset] != END_OF_LIST:
        if options[offset] == NO_OPERATION:
            offset += 1
            continue
        length = options[offset + 1] if offset + 1 < end else 0
        if length < 2 or offset + length > end:
            return
        yield options[offset], options[offset + 2 : offset + length]
        offset += length
