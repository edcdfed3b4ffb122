"""Cutting a datagram that is larger than the MTU (RFC 791 §3.2 "An Example Fragmentation Procedure")."""

from collections.abc import Iterator
from typing import NamedTuple

from netarium.base.checksum import Buffer
from netarium.wire.ipv4_options import COPIED, END_OF_LIST, NO_OPERATION


class Fragment(NamedTuple):
    """A piece of a payload: where it begins (octets, a multiple of 8), and whether more follow."""

    offset: int
    payload: Buffer
    more: bool


def cut(payload: Buffer, room: int, offset: int = 0, *, more: bool = False) -> Iterator[Fragment]:
    """Cut a payload into pieces of at most `room` octets, all but the last a multiple of 8.

    Args:
        payload: behind the IP header.
        room: octets that fit behind the header of a fragment; at least 8.
        offset: of `payload` in the original datagram: a router may cut a fragment again.
        more: `payload` itself was not the last piece.
    """
    size = room & ~7
    view = memoryview(payload)
    end = len(view)
    start = 0
    while end - start > room:
        yield Fragment(offset + start, view[start : start + size], more=True)
        start += size
    yield Fragment(offset + start, view[start:], more)


def copied_options(options: bytes) -> bytes:
    """What of the options goes into every fragment but the first (RFC 791 §3.1, the copied flag).

    Args:
        options: well-formed, as the layer above made them or the input part has checked them.
    """
    kept = b""
    offset = 0
    while offset < len(options):
        kind = options[offset]
        if kind == END_OF_LIST:
            break
        length = 1 if kind == NO_OPERATION else options[offset + 1]
        if kind & COPIED:
            kept += options[offset : offset + length]
        offset += length
    return kept + bytes(-len(kept) % 4)
