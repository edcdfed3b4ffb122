"""Any octets give an object or a `WireError`, and an object packs to something that parses to it again."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netarium.base.errors import WireError
from netarium.wire import dns, igmp, ipv4, ipv4_options, pcapng, tcp_options
from netarium.wire.arp import ArpMessage
from netarium.wire.dissect import dissect
from netarium.wire.ethernet import EthernetHeader
from netarium.wire.icmpv4 import IcmpMessage, QuotedDatagram
from netarium.wire.ipv4 import Ipv4Header
from netarium.wire.ipv6 import Ipv6Header
from netarium.wire.tcp import TcpSegment
from netarium.wire.udp import UdpHeader

PARSERS: dict[str, Callable[[bytes], object]] = {
    "ethernet": EthernetHeader.parse,
    "arp": ArpMessage.parse,
    "ipv4": Ipv4Header.parse,
    "ipv4 options": ipv4_options.parse_options,
    "ipv6": Ipv6Header.parse,
    "icmpv4": IcmpMessage.parse,
    "quote": QuotedDatagram.parse,
    "igmp": igmp.parse,
    "udp": UdpHeader.parse,
    "tcp": TcpSegment.parse,
    "tcp options": tcp_options.parse_options,
    "dns": dns.Message.parse,
    "pcapng": lambda octets: list(pcapng.read(octets)),
}
# Good beginnings, without which random octets get no further than the first check.
BEGINNINGS: dict[str, list[bytes]] = {
    "ethernet": [bytes(12) + b"\x81\x00", bytes(12) + b"\x00\x40\xaa\xaa\x03\0\0\0"],
    "arp": [b"\0\1\x08\0\6\4\0\1"],
    "ipv4": [b"\x45", b"\x4f\0\0\x80"],
    "ipv4 options": [b"\x07", b"\x44\x0c", b"\x83\x07\x04"],
    "ipv6": [b"\x60"],
    "igmp": [b"\x11", b"\x22"],
    "quote": [b"\x45\0\0\x40"],
    "tcp": [bytes(12) + b"\x80", bytes(12) + b"\xf0"],
    "tcp options": [b"\x05", b"\x01\x01\x08\x0a"],
    "dns": [b"\0\0\x81\x80\0\1\0\1\0\0\0\0\x03www\0\0\1\0\1\xc0\x0c"],
    "pcapng": [pcapng.section_header(), pcapng.section_header() + pcapng.interface_description("a")],
}
ARGUMENTS = [(name, beginning) for name in PARSERS for beginning in [b"", *BEGINNINGS.get(name, [])]]


@pytest.mark.parametrize(("name", "beginning"), ARGUMENTS)
@given(octets=st.binary(max_size=120))
def test_an_object_or_a_wire_error(name: str, beginning: bytes, octets: bytes) -> None:
    try:
        PARSERS[name](beginning + octets)
    except WireError:
        return


def sums_right(octets: bytes) -> bytes:
    """An IPv4 header whose checksum is right, whatever else it says."""
    length = min(max((octets[0] & 15) * 4, 20), len(octets))
    blank = octets[:10] + b"\0\0" + octets[12:length]
    return octets[:10] + (-int.from_bytes(blank, "big") % 0xFFFF).to_bytes(2, "big") + octets[12:]


@given(first=st.integers(0x44, 0x4F), rest=st.binary(min_size=19, max_size=80))
def test_ipv4_with_its_sum_right(first: int, rest: bytes) -> None:
    octets = sums_right(bytes([first]) + rest)
    try:
        header = Ipv4Header.parse(octets)
    except WireError as fault:
        assert not isinstance(fault, ipv4.Ipv4ChecksumError)  # noqa: PT017
        return
    again = bytearray(header.pack())
    again[6] |= octets[6] & 0x80  # the reserved flag, which nobody keeps
    assert again[:10] + again[12:] == octets[:10] + octets[12 : header.header_length]
    assert Ipv4Header.parse(header.pack()) == header


@given(octets=st.binary(min_size=20, max_size=80))
def test_tcp_cut_anywhere_is_the_same_segment(octets: bytes) -> None:
    octets = octets[:12] + bytes([0x50 | octets[12] & 0xBF]) + octets[13:]
    try:
        segment = TcpSegment.parse(octets)
    except WireError:
        return
    length = segment.header_length
    split = TcpSegment.parse(memoryview(octets)[:length], octets[length:])
    assert bytes(split.payload) == bytes(segment.payload)
    split.payload = segment.payload
    assert split == segment
    repacked = bytearray(segment.pack())
    repacked[12] |= octets[12] & 15
    assert bytes(repacked) == octets[:length]


@given(octets=st.binary(max_size=150), beginning=st.sampled_from([b"", *BEGINNINGS["dns"]]))
def test_what_dns_reads_it_can_write(octets: bytes, beginning: bytes) -> None:
    try:
        message = dns.Message.parse(beginning + octets)
    except WireError:
        return
    assert dns.Message.parse(message.pack()) == message


@given(
    octets=st.binary(max_size=200),
    link=st.sampled_from(["ethernet", "ip"]),
    kind=st.sampled_from([b"", b"\x08\0", b"\x86\xdd", b"\x08\x06", b"\x81\0"]),
)
def test_dissection_names_every_bit(octets: bytes, link: str, kind: bytes) -> None:
    if link == "ethernet" and kind:
        octets = bytes(12) + kind + octets
    place = 0
    for layer in dissect(octets, link=link):
        fields: list[Any] = layer.fields
        assert layer.start * 8 == place
        for field in fields:
            assert field.start_bit == place
            place += field.bits
        assert layer.stop * 8 == place
    assert place == len(octets) * 8
