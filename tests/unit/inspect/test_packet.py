"""One line for any frame; what cannot be read is shown, not raised."""

from hypothesis import given
from hypothesis import strategies as st

from netarium.base.addr import parse_ip
from netarium.inspect.packet import dns_words, read, tcp_words
from netarium.wire import ethernet, icmpv4, ipv4
from netarium.wire.arp import ArpMessage
from netarium.wire.tcp import ACK, SYN, TcpSegment

MACS = bytes(12)
A, B = parse_ip("10.0.1.1"), parse_ip("10.0.1.2")


@given(st.binary(max_size=120))
def test_any_octets(octets: bytes) -> None:
    assert read(octets).summary


@given(st.sampled_from([1, 2, 6, 17, 132]), st.binary(max_size=80))
def test_any_packet(protocol: int, body: bytes) -> None:
    header = ipv4.Ipv4Header(A, B, protocol, total_length=20 + len(body)).pack()
    packet = read(MACS + b"\x08\x00" + header + body)
    assert packet.summary
    assert packet.kind in {"tcp", "udp", "icmp", "ip", "other"}


@given(st.binary(max_size=80))
def test_any_dns_message(octets: bytes) -> None:
    assert isinstance(dns_words(octets), str)


def test_arp_in_its_four_uses() -> None:
    mac = b"\x02" + bytes(5)

    def words(oper: int, spa: bytes, tpa: bytes) -> str:
        return read(
            ethernet.pack(b"\xff" * 6, mac, 0x0806) + ArpMessage(oper, mac, spa, bytes(6), tpa).pack()
        ).summary

    assert words(1, A, B) == "ARP who has 10.0.1.2? tell 10.0.1.1"
    assert words(2, A, B) == "ARP 10.0.1.1 is at 02:00:00:00:00:00"
    assert words(1, A, A) == "ARP announcement: 10.0.1.1 is at 02:00:00:00:00:00"
    assert words(1, bytes(4), A) == "ARP probe: does anybody use 10.0.1.1?"


def test_icmp_and_fragments() -> None:
    echo = icmpv4.pack_header(icmpv4.ECHO, 0, 7, b"ping") + b"ping"
    whole = ipv4.Ipv4Header(A, B, 1, total_length=20 + len(echo)).pack() + echo
    assert read(ethernet.pack(bytes(6), bytes(6), 0x0800) + whole).summary == "ICMP echo request code=0"
    piece = ipv4.Ipv4Header(A, B, 1, identification=9, more_fragments=True, total_length=28).pack() + bytes(8)
    assert read(MACS + b"\x08\x00" + piece).summary == "fragment id=9 offset=0 len=8"


def test_numbers_count_from_their_bases_and_wrap() -> None:
    header = TcpSegment(1, 2, 3, 0xFFFF_FFFF, SYN | ACK, 100, 0, 0, 20, b"xy")
    assert tcp_words(header) == "SYN,ACK seq=3 ack=4294967295 len=2"
    assert tcp_words(header, 0xFFFF_FFFF, 0xFFFF_FFFE) == "SYN,ACK seq=4 ack=1 len=2"
