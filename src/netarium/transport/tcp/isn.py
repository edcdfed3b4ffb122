"""Initial sequence numbers (RFC 6528): ISN = M + F(connection, secret), M a clock of 4 microseconds.

Duties: MUST-8, MUST-9, SHLD-1 of RFC 9293; RFC 6528 §3.
"""

from hashlib import blake2s
from typing import Final

from netarium.base.seq import MASK

_TICK_NS: Final = 4_000


class IsnGenerator:
    """One machine's generator; the secret is drawn once, when the machine boots."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def isn(self, key: bytes, now: int) -> int:
        """The initial sequence number, 32 bits, of the connection `key` (addresses and ports, packed)."""
        return (now // _TICK_NS + self._hash(b"isn" + key)) & MASK

    def timestamp_offset(self, key: bytes) -> int:
        """What a connection adds to its timestamp clock, so that it tells nothing else (RFC 7323 §7.1)."""
        return self._hash(b"ts" + key)

    def cookie_hash(self, key: bytes, period: int) -> int:
        """32 bits that only this machine can know, for its SYN cookies (RFC 4987 §3.6)."""
        return self._hash(b"cookie" + period.to_bytes(8, "big") + key)

    def _hash(self, octets: bytes) -> int:
        return int.from_bytes(blake2s(octets, key=self._secret, digest_size=4).digest(), "big")
