"""SYN cookies (RFC 4987 §3.6): what a listener must remember of a SYN travels in the numbers of its SYN,ACK.

Our initial sequence number holds a clock of a minute and the peer's MSS, rounded down, under a keyed hash; the lowest
bits of our timestamp hold window scale, SACK and ECN, as on Linux. The ACK of such a SYN,ACK brings all of it back, and
makes the connection. Without timestamps the connection has neither window scale nor SACK. As FreeBSD has it
(`cookie_holds_options`) the number itself holds window scale and SACK, rounded down to a few values, but not ECN.
"""

from typing import Final

from netarium.base.seq import MASK
from netarium.base.units import MS, SECOND
from netarium.transport.tcp import accecn, codepoints, negotiate
from netarium.transport.tcp.halfopen import HalfOpen
from netarium.transport.tcp.isn import IsnGenerator
from netarium.wire.tcp import TcpSegment

# `TcpConfig.syn_cookies`, with the numbers of Linux's tcp_syncookies.
OFF: Final = 0
WHEN_FULL: Final = 1
ALWAYS: Final = 2

_PERIOD_NS: Final = 60 * SECOND
_MAX_AGE: Final = 2  # periods
VALID_NS: Final = _MAX_AGE * _PERIOD_NS
_SIZES: Final = (536, 1_300, 1_440, 1_460)  # the usual ones; two bits
_BSD_SIZES: Final = (216, 536, 1_200, 1_360, 1_400, 1_440, 1_452, 1_460)  # three bits
_BSD_SHIFTS: Final = (0, 1, 2, 4, 6, 7, 8, 14)  # three bits; 0: no window scaling
_BSD_SACK: Final = 1 << 6
_BSD_STEP: Final = 0x1FFFF  # between two values, so that the ACK beside the right one is no cookie
_LOW_BITS: Final = 24
_LOW: Final = (1 << _LOW_BITS) - 1
_STAMP_BITS: Final = 6
_NO_SCALE, _SACK, _ECN = 0x0F, 0x10, 0x20


def answer(half: HalfOpen, isn: IsnGenerator, now: int) -> None:
    """Send the SYN,ACK with a cookie; the record may be forgotten then.

    Args:
        half: has accepted the options of the SYN.
        isn: holds the secret.
        now: monotonic ns.
    """
    if half.config.cookie_holds_options:
        half.ecn_ok, half.accurate = False, None
        index = _below(_BSD_SIZES, half.peer_mss) | half.sack_ok * _BSD_SACK
        index |= _below(_BSD_SHIFTS, half.snd_wind_shift) << 3
        half.iss = _cookie(half.key, half.irs, index * _BSD_STEP, _period(now), isn)
        half.send_syn_ack(negotiate.timestamp(half, now), now)
        return
    if not half.ts_ok:
        half.wscale_ok = half.sack_ok = half.ecn_ok = False
        half.accurate = None
        half.rcv_wind_shift = 0
    half.iss = _cookie(half.key, half.irs, _below(_SIZES, half.peer_mss), _period(now), isn)
    half.send_syn_ack(_stamp(half, now), now)


def _below(table: tuple[int, ...], value: int) -> int:
    """The place of the largest entry that is not above the value."""
    return max((i for i, each in enumerate(table) if each <= value), default=0)


def restore(half: HalfOpen, seg: TcpSegment, isn: IsnGenerator, now: int) -> bool:
    """Read the cookie that an ACK brings back.

    Args:
        half: a fresh record, made from the ACK; on success it is what the SYN's was.
        seg: the ACK.
        isn: holds the secret.
        now: monotonic ns.

    Returns:
        False: it is no cookie of ours, or too old.
    """
    half.iss, half.irs = (seg.ack - 1) & MASK, (seg.seq - 1) & MASK
    period = _period(now)
    number = (half.iss - isn.cookie_hash(half.key, 0) - half.irs) & MASK
    age = (period - (number >> _LOW_BITS)) & 0xFF
    if age >= min(_MAX_AGE, period):
        return False
    index = (number - isn.cookie_hash(half.key, period - age)) & _LOW
    if half.config.cookie_holds_options:
        if index % _BSD_STEP or index >= 2 * _BSD_SACK * _BSD_STEP:
            return False
        half.answered_at = now
        _read_options(half, seg, index // _BSD_STEP, now)
        return True
    if index >= len(_SIZES):
        return False
    half.peer_mss = _SIZES[index]
    half.answered_at = now
    return _restore_options(half, seg, now)


def _read_options(half: HalfOpen, seg: TcpSegment, index: int, now: int) -> None:
    """What FreeBSD's cookie says; timestamps are agreed on if the ACK has them."""
    config = half.config
    half.peer_mss = _BSD_SIZES[index & 7]
    half.sack_ok = config.sack and bool(index & _BSD_SACK)
    half.snd_wind_shift = _BSD_SHIFTS[index >> 3 & 7]
    half.wscale_ok = config.window_scaling and half.snd_wind_shift > 0
    if not half.wscale_ok:
        half.snd_wind_shift = half.rcv_wind_shift = 0
    half.ts_ok = config.timestamps and seg.ts_val is not None
    half.ts_recent, half.ts_recent_at = seg.ts_val or 0, now
    half.ecn_ok, half.accurate = False, None


def _period(now: int) -> int:
    """The clock of the cookies; its 0 is for what they have in common."""
    return now // _PERIOD_NS + 1


def _cookie(key: bytes, irs: int, index: int, period: int, isn: IsnGenerator) -> int:
    low = (isn.cookie_hash(key, period) + index) & _LOW
    return (isn.cookie_hash(key, 0) + irs + ((period & 0xFF) << _LOW_BITS) + low) & MASK


def _stamp(half: HalfOpen, now: int) -> int:
    """Our timestamp with the options in its lowest bits: never later than the true one."""
    clock = now // MS
    options = half.snd_wind_shift if half.wscale_ok else _NO_SCALE
    options |= half.sack_ok * _SACK | half.ecn_ok * _ECN
    stamp = clock >> _STAMP_BITS << _STAMP_BITS | options
    if stamp > clock:
        stamp -= 1 << _STAMP_BITS
    return (stamp + half.ts_offset) & MASK


def _restore_options(half: HalfOpen, seg: TcpSegment, now: int) -> bool:
    """What the lowest bits of the echoed timestamp say; False: what we do not do (any more)."""
    config = half.config
    half.ts_ok = half.sack_ok = half.wscale_ok = half.ecn_ok = False
    half.accurate = None
    scale, half.rcv_wind_shift = half.rcv_wind_shift, 0
    if seg.ts_val is None or not seg.ts_ecr:
        return True
    if not config.timestamps:
        return False
    half.ts_ok = True
    half.ts_recent, half.ts_recent_at = seg.ts_val, now
    options = seg.ts_ecr - half.ts_offset
    half.sack_ok = bool(options & _SACK)
    half.ecn_ok = bool(options & _ECN) and config.ecn != 0
    if half.ecn_ok and config.ecn >= accecn.ON and accecn.ace(seg.flags) > accecn.CLASSIC:
        half.accurate = accecn.begin(codepoints.NOT_ECT)  # it counts, and so it was agreed on
    shift = options & _NO_SCALE
    half.wscale_ok = shift != _NO_SCALE
    if half.wscale_ok:
        half.snd_wind_shift, half.rcv_wind_shift = min(shift, 14), scale
    return config.sack >= half.sack_ok and config.window_scaling >= half.wscale_ok
