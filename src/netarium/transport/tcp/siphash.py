"""SipHash-2-4 (Aumasson and Bernstein, 2012): a short keyed hash of short inputs, for Fast Open's cookies."""

from typing import Final

_M64: Final = (1 << 64) - 1
_CONSTANTS: Final = tuple(
    int.from_bytes(word, "big") for word in (b"somepseu", b"dorandom", b"lygenera", b"tedbytes")
)


def siphash24(octets: bytes, key: bytes) -> int:
    """The 64-bit hash of some octets under a key of 16 octets."""
    low, high = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:16], "little")
    state = tuple(constant ^ half for constant, half in zip(_CONSTANTS, (low, high, low, high), strict=True))
    whole = len(octets) & ~7
    words = [int.from_bytes(octets[at : at + 8], "little") for at in range(0, whole, 8)]
    words.append(int.from_bytes(octets[whole:], "little") | (len(octets) & 0xFF) << 56)
    for word in words:
        v0, v1, v2, v3 = state
        v0, v1, v2, v3 = _rounds(2, v0, v1, v2, v3 ^ word)
        state = v0 ^ word, v1, v2, v3
    v0, v1, v2, v3 = state
    v0, v1, v2, v3 = _rounds(4, v0, v1, v2 ^ 0xFF, v3)
    return v0 ^ v1 ^ v2 ^ v3


def _rounds(count: int, v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    for _ in range(count):
        v0 = v0 + v1 & _M64
        v1 = _rotated(v1, 13) ^ v0
        v0 = _rotated(v0, 32)
        v2 = v2 + v3 & _M64
        v3 = _rotated(v3, 16) ^ v2
        v0 = v0 + v3 & _M64
        v3 = _rotated(v3, 21) ^ v0
        v2 = v2 + v1 & _M64
        v1 = _rotated(v1, 17) ^ v2
        v2 = _rotated(v2, 32)
    return v0, v1, v2, v3


def _rotated(word: int, by: int) -> int:
    """Rotated to the left, 64 bits."""
    return (word << by | word >> 64 - by) & _M64
