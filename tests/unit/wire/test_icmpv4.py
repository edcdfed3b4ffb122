"""ICMP messages and what errors quote; scapy is the judge of the bytes."""

import pytest
from scapy.layers.inet import ICMP, IP, UDP

from netarium.base.addr import parse_ip
from netarium.base.errors import WireError
from netarium.wire import icmpv4, ipv4
from netarium.wire.icmpv4 import IcmpChecksumError, IcmpMessage, QuotedDatagram

SRC, DST = parse_ip("192.0.2.1"), parse_ip("192.0.2.2")
QUOTE = ipv4.pack_header(SRC, DST, 17, 1028, identification=9) + b"\x04\xd2\x00\x35\x03\xf0\xab\xcd"


def test_echo_as_scapy_makes_it() -> None:
    octets = bytes(ICMP(type=8, id=0x1234, seq=7) / b"abcdefg")
    message = IcmpMessage.parse(octets)
    assert (message.type, message.code, message.identifier, message.sequence) == (8, 0, 0x1234, 7)
    assert bytes(message.payload) == b"abcdefg"
    assert message.pack() == octets


@pytest.mark.rfc("792", "01")
@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(201))], ids=len)
def test_wherever_the_message_is_cut(payload: bytes) -> None:
    octets = IcmpMessage(icmpv4.ECHO, 0, 1 << 16 | 2, payload).pack()
    for cut in range(8, len(octets) + 1):
        assert bytes(IcmpMessage.parse(octets[:cut], memoryview(octets)[cut:]).payload) == payload


def test_body_is_not_copied() -> None:
    body = memoryview(bytes(1000))
    assert IcmpMessage.parse(icmpv4.pack_header(8, 0, 0, body), body).payload is body


@pytest.mark.attack("ICMP-03")
@pytest.mark.parametrize("length", range(8))
def test_truncated(length: int) -> None:
    with pytest.raises(WireError):
        IcmpMessage.parse(IcmpMessage(8, 0).pack()[:length])


def test_every_flipped_bit_is_seen() -> None:
    octets = IcmpMessage(3, 1, 0, QUOTE).pack()
    for bit in range(len(octets) * 8):
        flipped = bytearray(octets)
        flipped[bit >> 3] ^= 0x80 >> (bit & 7)
        with pytest.raises(IcmpChecksumError):
            IcmpMessage.parse(flipped)


def test_errors_as_scapy_makes_them() -> None:
    needed = IcmpMessage.parse(bytes(ICMP(type=3, code=4, nexthopmtu=1400) / QUOTE))
    assert (needed.type, needed.code, needed.mtu) == (3, icmpv4.FRAGMENTATION_NEEDED, 1400)
    redirect = IcmpMessage.parse(bytes(ICMP(type=5, code=1, gw="192.0.2.254") / QUOTE))
    assert redirect.gateway == parse_ip("192.0.2.254")
    problem = IcmpMessage.parse(bytes(ICMP(type=12, ptr=20) / QUOTE))
    assert problem.pointer == 20
    assert ICMP(IcmpMessage(12, 0, 20 << 24, QUOTE).pack()).ptr == 20


@pytest.mark.rfc("1122I", "16")
def test_quote_names_the_socket() -> None:
    judged = bytes(
        ICMP(type=3, code=3) / IP(src="192.0.2.1", dst="192.0.2.2", id=5) / UDP(sport=1234, dport=53)
    )
    quoted = QuotedDatagram.parse(IcmpMessage.parse(judged).quoted)
    assert (quoted.src, quoted.dst, quoted.protocol, quoted.identification) == (SRC, DST, 17, 5)
    assert bytes(quoted.transport)[:4] == b"\x04\xd2\x00\x35"


@pytest.mark.attack("ICMP-02")
@pytest.mark.parametrize("length", range(41))
def test_quotes_of_every_length(length: int) -> None:
    quote = (QUOTE + bytes(20))[:length]
    if length < 28:
        with pytest.raises(WireError):
            QuotedDatagram.parse(quote)
    else:
        assert len(QuotedDatagram.parse(quote).transport) == length - 20


@pytest.mark.attack("ICMP-02")
@pytest.mark.parametrize("first", [0x65, 0x05, 0x40, 0x44, 0x4F], ids=hex)
def test_quote_of_another_version_or_length(first: int) -> None:
    with pytest.raises(WireError):
        QuotedDatagram.parse(bytes([first]) + QUOTE[1:])


def test_quoted_checksum_and_length_are_not_held_against_it() -> None:
    """Routers changed the TTL, and cut the datagram."""
    changed = bytearray(QUOTE)
    changed[8] = 1
    assert QuotedDatagram.parse(changed).total_length == 1028


def test_quoted_fragment_says_so() -> None:
    quote = ipv4.pack_header(SRC, DST, 17, 1028, flags_offset=185) + bytes(8)
    assert QuotedDatagram.parse(quote).fragment_offset == 1480


@pytest.mark.rfc("4884", "01")
def test_extensions_are_not_the_quote() -> None:
    quote, extension = QUOTE + bytes(100), b"\x20\x00\xff\xff\x00\x08\x01\x01\x00\x01\x01\x01"
    message = IcmpMessage(11, 0, 32 << 16, quote + extension)
    assert bytes(message.quoted) == quote
    for words in (0, 31, 36, 255):  # not told, below 128 octets, beyond the message
        message = IcmpMessage(11, 0, words << 16, quote + extension)
        assert bytes(message.quoted) == quote + extension
    assert bytes(IcmpMessage(5, 0, 32 << 16, quote + extension).quoted) == quote + extension  # a gateway
