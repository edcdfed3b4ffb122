"""Sequence numbers that never wrap inside.

On the wire a TCP sequence number has 32 bits (RFC 9293 §3.4). Inside, it is an unbounded int whose low 32 bits
are the wire value: `<`, `min`, `sorted` and dict keys just work. The door is here, both ways.
"""

from typing import Final

MASK: Final = 0xFFFF_FFFF


def unwrap(wire: int, near: int) -> int:
    """The number whose low 32 bits are `wire`, nearest to `near` (within 2**31 of it)."""
    return near + ((wire - near + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
