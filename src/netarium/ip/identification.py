"""The Identification of packets that may be cut (RFC 6864, RFC 7739).

It must not repeat soon for one pair of addresses, or fragments of two packets mix; and it must not be a counter
that a stranger can read, or our traffic can be counted and fragments spliced in. So it is a counter for each
destination, sent through a keyed permutation of 16 bits: no repetition within 65,536 packets, no order to see.
Packets that bear DF and are whole ("atomic") may have any value and bear 0.
"""

from random import Random
from typing import Final

_ROUNDS: Final = 4  # of a Feistel network over two octets
_MAX_DESTINATIONS: Final = 1_024


class IdentificationSource:
    """Identifications of one machine."""

    __slots__ = ("_counts", "_random", "_tables")

    def __init__(self, random: Random) -> None:
        self._random = random
        self._tables = [random.randbytes(256) for _ in range(_ROUNDS)]
        self._counts: dict[bytes, int] = {}

    def next(self, addresses: bytes) -> int:
        """The next value for packets with these addresses (source + destination)."""
        counts = self._counts
        count = counts.get(addresses)
        if count is None:
            if len(counts) >= _MAX_DESTINATIONS:
                del counts[next(iter(counts))]
            count = self._random.getrandbits(16)
        counts[addresses] = (count + 1) & 0xFFFF
        left, right = count >> 8, count & 0xFF
        for table in self._tables:
            left, right = right, left ^ table[right]
        return left << 8 | right
