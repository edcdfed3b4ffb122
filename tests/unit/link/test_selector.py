"""Selectors against frames that scapy built."""

from collections.abc import Callable

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet

from netarium.base.errors import UsageError
from netarium.link.frame import Frame
from netarium.link.layers import locate
from netarium.link.selector import Selector

L2 = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
L3 = IP(src="192.0.2.1", dst="192.0.2.2")
L6 = IPv6(src="2001:db8::1", dst="2001:db8::2")
SYN = L2 / L3 / TCP(sport=4000, dport=80, flags="S", options=[("MSS", 1460)])
DATA = L2 / L3 / TCP(sport=4000, dport=80, flags="PA") / b"GET / HTTP/1.1"
DATA6 = L2 / L6 / TCP(sport=4000, dport=80, flags="A") / b"hello"
TAGGED = L2 / Dot1Q(vlan=5) / L3 / TCP(sport=4000, dport=80, flags="A")
QUERY = L2 / L3 / UDP(sport=5353, dport=53) / b"query"
PING = L2 / L3 / ICMP()
WHO_HAS = L2 / ARP(pdst="192.0.2.2")


def frames(packet: Packet) -> list[Frame]:
    """The packet padded, in several cuts."""
    octets = bytes(packet).ljust(60, b"\x00")
    return [Frame(octets)] + [Frame(octets[:cut], octets[cut:]) for cut in (14, 34, 54) if cut < len(octets)]


@pytest.mark.parametrize(
    ("selector", "packet", "expected"),
    [
        (Selector(), SYN, True),
        (Selector(protocol="tcp"), SYN, True),
        (Selector(protocol="tcp"), DATA6, True),
        (Selector(protocol="tcp"), TAGGED, True),
        (Selector(protocol="tcp"), QUERY, False),
        (Selector(protocol="udp", port=53), QUERY, True),
        (Selector(port=53), PING, False),
        (Selector(protocol="icmp"), PING, True),
        (Selector(protocol="icmp6"), L2 / L6 / ICMPv6EchoRequest(), True),
        (Selector(protocol="arp"), WHO_HAS, True),
        (Selector(protocol="arp"), SYN, False),
        (Selector(protocol="ip"), SYN, True),
        (Selector(protocol="ip6"), SYN, False),
        (Selector(protocol="ip6"), DATA6, True),
        (Selector(src=b"\xc0\x00\x02\x01"), SYN, True),
        (Selector(dst=b"\xc0\x00\x02\x01"), SYN, False),
        (Selector(src=b"\xc0\x00\x02\x01"), WHO_HAS, False),
        (Selector(dst=bytes.fromhex("20010db8000000000000000000000002")), DATA6, True),
        (Selector(src_port=4000, dst_port=80), SYN, True),
        (Selector(src_port=80), SYN, False),
        (Selector(dst_port=4000), SYN, False),
        (Selector(port=4000), SYN, True),
        (Selector(flags="SYN"), SYN, True),
        (Selector(flags="SYN,ACK"), SYN, False),
        (Selector(flags="syn", without="ack"), SYN, True),
        (Selector(without="PSH"), DATA, False),
        (Selector(flags="SYN"), QUERY, False),
        (Selector(payload=True), DATA, True),
        (Selector(payload=True), SYN, False),  # padding is no payload
        (Selector(payload=False), SYN, True),
        (Selector(payload=True), DATA6, True),
        (Selector(payload=True), TAGGED, False),
        (Selector(payload=True), QUERY, True),
        (Selector(payload=True), PING, False),
        (Selector(containing=b"HTTP"), DATA, True),
        (Selector(containing=b"HTTP"), SYN, False),
    ],
)
def test_picks(selector: Selector, packet: Packet, expected: bool) -> None:
    for frame in frames(packet):
        assert selector(frame) is expected


def test_containing_looks_at_the_whole_frame() -> None:
    assert Selector(containing=b"needle")(Frame(bytes(60), bytes(5_000) + b"needle"))


def test_headers_behind_extensions_are_found() -> None:
    packet = L2 / L6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrFragment(offset=0, m=1) / TCP(dport=80)
    layers = locate(bytes(packet))
    assert (layers.protocol, layers.transport) == (6, 14 + 40 + 8 + 8)
    later = locate(bytes(L2 / L6 / IPv6ExtHdrFragment(offset=3, nh=6) / b"12345678"))
    assert (later.protocol, later.transport) == (6, -1)


def test_later_fragments_have_no_ports() -> None:
    one, two = fragment(L3 / UDP(sport=1, dport=2) / bytes(2_000), fragsize=1_480)
    assert Selector(dst_port=2)(Frame(bytes(L2 / one)))
    assert not Selector(dst_port=0)(Frame(bytes(L2 / two)))
    assert Selector(protocol="udp")(Frame(bytes(L2 / two)))


@pytest.mark.parametrize("packet", [SYN, DATA6, TAGGED, QUERY, WHO_HAS])
def test_no_truncation_hurts(packet: Packet) -> None:
    octets = bytes(packet)
    everything = Selector(protocol="tcp", flags="SYN", payload=True, src=b"\x01\x02\x03\x04", port=1)
    for length in range(len(octets)):
        locate(octets[:length])
        everything(Frame(octets[:length]))
        Selector(payload=True)(Frame(octets[:length]))


@pytest.mark.parametrize(
    "mistake",
    [lambda: Selector(protocol="http"), lambda: Selector(flags="SYM"), lambda: Selector(without="X")],
)
def test_mistakes_are_told(mistake: Callable[[], object]) -> None:
    with pytest.raises(UsageError, match="use "):
        mistake()


def test_describes_itself() -> None:
    assert str(Selector()) == "all"
    assert str(Selector(protocol="udp", src=b"\xc0\x00\x02\x01", port=53)) == "udp src 192.0.2.1 port 53"
    assert str(Selector(flags="syn", payload=False)) == "SYN without payload"
