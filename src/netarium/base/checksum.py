"""The Internet checksum (RFC 1071), its pseudo-headers (RFC 9293 §3.1, RFC 8200 §8.1), its update (RFC 1624).

A number taken modulo 65535 *is* the one's-complement sum of its 16-bit digits, so one big-integer division sums
a whole buffer. Sums are "folded": 0 ... 0xFFFF, where 0 and 0xFFFF are both zero.
"""

from collections.abc import Callable
from typing import Final

Buffer = bytes | bytearray | memoryview

_LONG: Final = 512  # bytes; from here on an array library, if there is one, is faster


def _sum_python(octets: Buffer) -> int:
    total = int.from_bytes(octets, "big")
    if len(octets) & 1:
        total <<= 8  # RFC 1071 §1: pad with a zero octet
    return total % 0xFFFF or (0xFFFF if total else 0)


def sum16(octets: Buffer, initial: int = 0) -> int:
    """One's-complement sum of 16-bit words, folded; 0 only if everything is zero.

    Args:
        octets: any length; an odd one is padded with a zero octet.
        initial: a folded sum to go on from (it must end on an even offset).
    """
    total = _sum(octets) + initial
    return total - 0xFFFF if total > 0xFFFF else total


def checksum(octets: Buffer, initial: int = 0) -> int:
    """The value of a checksum field: the complement of the sum."""
    return ~sum16(octets, initial) & 0xFFFF


def is_valid(octets: Buffer, initial: int = 0) -> bool:
    """True if octets that contain their checksum field sum to (minus) zero."""
    return sum16(octets, initial) == 0xFFFF


def pseudo_sum(src: bytes, dst: bytes, protocol: int, length: int) -> int:
    """Folded sum of the pseudo-header of either family (RFC 9293 §3.1; RFC 8200 §8.1)."""
    total = (int.from_bytes(src, "big") + int.from_bytes(dst, "big") + protocol + length) % 0xFFFF
    return total or 0xFFFF


def updated(field: int, old: int, new: int) -> int:
    """A checksum field after one 16-bit word changed from `old` to `new` (RFC 1624 eqn. 3)."""
    total = (~field & 0xFFFF) + (~old & 0xFFFF) + new
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def _with_numpy() -> Callable[[Buffer], int] | None:
    """A faster sum for long buffers, if numpy is there (extra `fast`); tested equal to the Python one."""
    try:
        import numpy as np
    except ImportError:
        return None

    def _sum_numpy(octets: Buffer) -> int:
        length = len(octets)
        if length < _LONG:
            return _sum_python(octets)
        words = length >> 3
        # Big-endian or not does not matter to a one's-complement sum but for a final byte swap (RFC 1071 §2B).
        total = int(np.frombuffer(octets, dtype="<u4", count=words * 2).sum(dtype=np.uint64)) % 0xFFFF
        total = ((total & 0xFF) << 8) | (total >> 8)
        total += _sum_python(octets[words * 8 :]) if length & 7 else 0
        return total % 0xFFFF or 0xFFFF if total else _sum_python(octets)

    return _sum_numpy


_sum: Callable[[Buffer], int] = _sum_python


def accelerate() -> bool:
    """Use numpy for long buffers from now on, if it is installed. Same results, so no state that matters.

    Returns:
        Whether there is something to accelerate with.
    """
    global _sum  # noqa: PLW0603 - a choice between two equal functions
    faster = _with_numpy()
    if faster is not None:
        _sum = faster
    return faster is not None
