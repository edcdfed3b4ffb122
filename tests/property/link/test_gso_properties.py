"""A super-segment and its pieces say the same."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from netarium.base.checksum import is_valid, pseudo_sum
from netarium.link import gso
from netarium.link.frame import Frame


@given(
    payload=st.binary(min_size=1, max_size=6_000),
    size=st.integers(1, 2_000),
    flags=st.integers(0, 255).map(lambda flags: flags & ~0x26),  # no SYN, RST, URG in a super-segment
    options=st.integers(0, 10).map(lambda words: b"\x01\x01\x01\x01" * words),
    seq=st.integers(0, 2**32 - 1),
    version=st.sampled_from([4, 6]),
)
def test_pieces_reassemble(
    payload: bytes, size: int, flags: int, options: bytes, seq: int, version: int
) -> None:
    tcp = struct.pack("!HHIIHHHH", 1, 2, seq, 3, (20 + len(options)) // 4 << 12 | flags, 4, 0, 0) + options
    if version == 4:
        addresses = bytes(range(8))
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp) + len(payload), 7, 0x4000, 64, 6, 0) + addresses
        head = bytes(12) + b"\x08\x00" + ip + tcp
    else:
        addresses = bytes(range(32))
        ip = struct.pack("!IHBB", 6 << 28, len(tcp) + len(payload), 6, 64) + addresses
        head = bytes(12) + b"\x86\xdd" + ip + tcp
    at = 14 + len(ip)
    src, dst = addresses[: len(addresses) // 2], addresses[len(addresses) // 2 :]
    pieces = gso.split(Frame(head, payload, size, at, 16))
    joined = bytearray(len(payload))
    seen = 0
    for piece in pieces:
        octets = piece.octets()
        start = (int.from_bytes(octets[at + 4 : at + 8], "big") - seq) % 2**32
        data = octets[at + len(tcp) :]
        joined[start : start + len(data)] = data
        assert start == seen
        seen += len(data)
        assert is_valid(octets[at:], pseudo_sum(src, dst, 6, len(octets) - at))
        if version == 4:
            assert is_valid(octets[14:34])
            assert int.from_bytes(octets[16:18], "big") == len(octets) - 14
        else:
            assert int.from_bytes(octets[18:20], "big") == len(octets) - 54
    assert joined == payload
    assert len(pieces) == -(-len(payload) // size)
