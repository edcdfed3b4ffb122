"""The UDP header and its checksum; scapy is the judge of the bytes."""

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6

from netarium.base.addr import parse_ip
from netarium.base.errors import WireError
from netarium.wire.udp import UdpHeader, verify

SRC, DST = parse_ip("192.0.2.1"), parse_ip("192.0.2.2")
SRC6, DST6 = parse_ip("2001:db8::1"), parse_ip("2001:db8::2")


def datagram(payload: bytes) -> bytes:
    return bytes(IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1234, dport=53) / payload)[20:]


def test_header_as_scapy_makes_it() -> None:
    octets = datagram(b"hello")
    header = UdpHeader.parse(octets)
    assert (header.src_port, header.dst_port, header.length) == (1234, 53, 13)
    assert header.pack() == octets[:8]


@pytest.mark.rfc("768", "01")
@pytest.mark.parametrize("length", range(8))
def test_short_or_lying_header(length: int) -> None:
    with pytest.raises(WireError):
        UdpHeader.parse(datagram(b"")[:length])
    with pytest.raises(WireError):
        UdpHeader.parse(UdpHeader(1, 2, length).pack())


@pytest.mark.rfc("1122U", "03")
@pytest.mark.parametrize("payload", [b"", b"x", b"hello", bytes(range(200))], ids=len)
def test_checksum_wherever_the_datagram_is_cut(payload: bytes) -> None:
    octets = datagram(payload)
    for cut in range(8, len(octets) + 1):
        assert verify(SRC, DST, octets[:cut], memoryview(octets)[cut:])
    octets6 = bytes(IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=1234, dport=53) / payload)[40:]
    assert verify(SRC6, DST6, octets6)


def test_flipped_bits_are_seen() -> None:
    octets = datagram(b"hello")
    for bit in range(len(octets) * 8):
        flipped = bytearray(octets)
        flipped[bit >> 3] ^= 0x80 >> (bit & 7)
        assert not verify(SRC, DST, flipped)
    assert not verify(SRC, SRC, octets)


@pytest.mark.rfc("768", "02")
def test_zero_means_no_checksum_with_ipv4_only() -> None:
    octets = UdpHeader(1, 2, 9).pack() + b"x"
    assert verify(SRC, DST, octets)
    assert not verify(SRC6, DST6, octets)
