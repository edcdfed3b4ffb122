"""The fixed IPv6 header; scapy is the judge of the bytes."""

import pytest
from scapy.layers.inet6 import IPv6

from netarium.base.addr import parse_ip
from netarium.base.errors import WireError
from netarium.wire.ipv6 import Ipv6Header

HEADER = Ipv6Header(parse_ip("2001:db8::1"), parse_ip("2001:db8::2"), 6, 61, 0xB9, 0xABCDE, 1440)


def test_header_as_scapy_makes_it() -> None:
    octets = bytes(IPv6(src="2001:db8::1", dst="2001:db8::2", nh=6, hlim=61, tc=0xB9, fl=0xABCDE, plen=1440))
    assert HEADER.pack() == octets
    assert Ipv6Header.parse(octets + b"payload") == HEADER


@pytest.mark.parametrize("length", range(40))
def test_truncated(length: int) -> None:
    with pytest.raises(WireError):
        Ipv6Header.parse(HEADER.pack()[:length])


@pytest.mark.parametrize("version", [version for version in range(16) if version != 6])
def test_other_versions(version: int) -> None:
    with pytest.raises(WireError):
        Ipv6Header.parse(bytes([version << 4]) + HEADER.pack()[1:])
