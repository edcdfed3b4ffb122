"""Dissection: every bit has one name, the numbers are the parsers', and nothing raises."""

import random

import pytest
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_RR, IPOption_Timestamp
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.layers.l2 import ARP, LLC, SNAP, Dot1Q, Dot3, Ether
from scapy.packet import Packet, Raw

from netarium.wire import igmp
from netarium.wire.dissect import Layer, dissect
from netarium.wire.icmpv4_payloads import RouterAdvertisement
from netarium.wire.tcp_options import pack_options

ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
PACKET = IP(src="192.0.2.1", dst="192.0.2.2")
PACKET6 = IPv6(src="2001:db8::1", dst="2001:db8::2")
REPORT = igmp.IgmpV3Report((igmp.GroupRecord(4, b"\xe0\1\2\3", (b"\xc0\0\2\1",)),)).pack()
ADVERTISEMENT = RouterAdvertisement(1800, ((b"\xc0\0\2\1", -5),)).message().pack()
NAMES = {
    "qd": DNSQR(qname="www.example.com"),
    "an": DNSRR(rrname="www.example.com", type="CNAME", rdata="a.b"),
}
HTTP = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\nbody"

FRAMES: dict[str, Packet] = {
    "arp": ETHER / ARP(op=2),
    "syn": ETHER / PACKET / TCP(flags="S", options=[("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 0)), ("NOP", None), ("WScale", 7)]),
    "sack": ETHER / PACKET / TCP(flags="A", options=[("NOP", None), ("NOP", None), ("SAck", (1, 2, 3, 4))]),
    "http": ETHER / PACKET / TCP(dport=80, flags="PA") / HTTP,
    "smtp": ETHER / PACKET / TCP(sport=25, flags="PA") / b"250-hello\r\n250 SIZE\r\n",
    "dns": ETHER / PACKET / UDP(sport=53) / DNS(id=9, qr=1, **NAMES),
    "dns over tcp": ETHER / PACKET / TCP(dport=53) / Raw(b"\0\x1d" + bytes(DNS(qd=DNSQR(qname="example.com")))),
    "padded": ETHER / PACKET / UDP(sport=1, dport=2) / Raw(b"x"),
    "fragment": ETHER / IP(src="192.0.2.1", dst="192.0.2.2", frag=185, proto=17) / Raw(bytes(40)),
    "options": ETHER / IP(options=[IPOption_RR(routers=["0.0.0.0"]), IPOption_Timestamp(flg=1)]) / UDP(),
    "echo": ETHER / PACKET / ICMP(type=8, id=1, seq=2) / b"ping",
    "error": ETHER / PACKET / ICMP(type=3, code=3) / IP(src="192.0.2.2", dst="192.0.2.1") / UDP(),
    "timestamp": ETHER / PACKET / ICMP(type=13),
    "mask": ETHER / PACKET / ICMP(type=17),
    "router": ETHER / IP(proto=1) / Raw(ADVERTISEMENT),
    "igmp": ETHER / IP(proto=2) / Raw(REPORT),
    "tagged": ETHER / Dot1Q(vlan=42) / PACKET / UDP(),
    "snap": Dot3(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(code=0x0800) / PACKET / UDP(),
    "llc": Dot3(src="02:00:00:00:00:01", dst="01:80:c2:00:00:00") / LLC(dsap=0x42, ssap=0x42, ctrl=3) / Raw(bytes(35)),
    "ipv6": ETHER / PACKET6 / TCP(flags="S"),
    "ipv6 echo": ETHER / PACKET6 / IPv6ExtHdrDestOpt() / ICMPv6EchoRequest(id=1, seq=2, data=b"ping"),
    "ipv6 fragment": ETHER / PACKET6 / IPv6ExtHdrFragment(offset=0, m=1) / UDP(sport=1, dport=2) / Raw(bytes(10)),
    "unknown type": Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", type=0x9999) / Raw(bytes(50)),
}  # fmt: skip


def check_tiling(octets: bytes, layers: list[Layer]) -> None:
    """Layers follow each other from the first octet to the last, and fields in each from bit to bit."""
    place = 0
    for layer in layers:
        assert layer.name
        assert layer.start == place
        bit = layer.start * 8
        for field in layer.fields:
            assert field.start_bit == bit
            assert field.bits > 0
            assert field.name
            if isinstance(field.value, int):
                whole = int.from_bytes(octets, "big") >> (len(octets) * 8 - bit - field.bits)
                assert field.value == whole & ((1 << field.bits) - 1)
            elif isinstance(field.value, bytes):
                assert field.value == octets[bit // 8 : (bit + field.bits) // 8]
            bit += field.bits
        assert bit == layer.stop * 8
        place = layer.stop
    assert place == len(octets)


def texts(layers: list[Layer]) -> dict[str, str]:
    """Texts by layer and field; of fields with one name, the first."""
    found: dict[str, str] = {}
    for layer in layers:
        for field in layer.fields:
            found.setdefault(f"{layer.name}/{field.name}", field.text)
    return found


def dissected(name: str) -> list[Layer]:
    return dissect(bytes(FRAMES[name]))


@pytest.mark.parametrize("name", FRAMES)
def test_every_bit_has_one_name(name: str) -> None:
    octets = bytes(FRAMES[name]) + bytes(4)
    layers = dissect(memoryview(octets))
    check_tiling(octets, layers)
    assert not [layer.name for layer in layers if "malformed" in layer.name]
    assert not [field.text for layer in layers for field in layer.fields if "wrong" in field.text]


@pytest.mark.parametrize("name", FRAMES)
def test_every_truncation(name: str) -> None:
    octets = bytes(FRAMES[name])
    for length in range(len(octets)):
        check_tiling(octets[:length], dissect(octets[:length]))


@pytest.mark.parametrize("name", FRAMES)
def test_flipped_bits(name: str) -> None:
    octets = bytes(FRAMES[name])
    chosen = random.Random(7)
    for _ in range(200):
        flipped = bytearray(octets)
        for _ in range(chosen.randrange(1, 4)):
            flipped[chosen.randrange(len(octets))] ^= 1 << chosen.randrange(8)
        check_tiling(bytes(flipped), dissect(flipped))


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("arp", ["Ethernet", "ARP"]),
        ("http", ["Ethernet", "IPv4", "TCP", "HTTP"]),
        ("smtp", ["Ethernet", "IPv4", "TCP", "SMTP"]),
        ("dns", ["Ethernet", "IPv4", "UDP", "DNS"]),
        ("dns over tcp", ["Ethernet", "IPv4", "TCP", "DNS over TCP", "DNS"]),
        ("fragment", ["Ethernet", "IPv4", "Payload"]),
        ("error", ["Ethernet", "IPv4", "ICMP", "IPv4 (quoted)", "UDP"]),
        ("tagged", ["Ethernet", "802.1Q tag", "IPv4", "UDP"]),
        ("snap", ["Ethernet", "LLC/SNAP", "IPv4", "UDP"]),
        ("llc", ["Ethernet", "LLC", "Payload"]),
        ("ipv6 echo", ["Ethernet", "IPv6", "IPv6 extension header", "ICMPv6", "Payload"]),
        ("unknown type", ["Ethernet", "Payload"]),
    ],
)
def test_layers(name: str, layers: list[str]) -> None:
    assert [layer.name for layer in dissected(name)] == layers


def test_words_for_people() -> None:
    syn = texts(dissected("syn"))
    assert syn["Ethernet/type"] == "0x0800 (IPv4)"
    assert syn["IPv4/source address"] == "192.0.2.1"
    assert syn["IPv4/protocol"] == "6 (TCP)"
    assert syn["TCP/SYN"] == "synchronize sequence numbers: yes"
    assert syn["TCP/MSS"] == "1460 octets"
    assert syn["TCP/shift count"] == "windows are in units of 2**7 octets"
    assert syn["TCP/checksum"].endswith("correct")
    assert texts(dissected("arp"))["ARP/operation"] == "2 (reply)"
    assert texts(dissected("http"))["HTTP/start line"] == "GET / HTTP/1.1"
    assert texts(dissected("http"))["HTTP/content"] == "62 6f 64 79"
    assert texts(dissected("smtp"))["SMTP/line"] == "250-hello"
    answer = texts(dissected("dns"))
    assert (answer["DNS/question name"], answer["DNS/name"]) == ("www.example.com", "a.b")
    assert texts(dissected("error"))["ICMP/code"] == "3 (port unreachable)"
    assert texts(dissected("router"))["ICMP/preference level"] == "-5"
    assert texts(dissected("igmp"))["IGMP/record type"] == "4 (change to exclude)"


def test_what_an_outer_layer_carries_behind_is_its_trailer() -> None:
    frame = bytes(FRAMES["padded"])
    assert texts(dissect(frame + bytes(17)))["Ethernet trailer/padding"]
    assert texts(dissect(frame + b"\xde\xad"))["Ethernet trailer/trailer"] == "de ad"
    surplus = bytes(PACKET / UDP(len=9) / b"xyz")
    assert texts(dissect(surplus, link="ip"))["IPv4 trailer/trailer"] == "79 7a"


def test_wrong_checksum_is_told_with_the_right_one() -> None:
    octets = bytearray(bytes(FRAMES["syn"]))
    right = int.from_bytes(octets[24:26], "big")
    octets[24:26] = b"\xab\xcd"
    assert texts(dissect(octets))["IPv4/checksum"] == f"0xabcd, wrong: should be {right:#06x}"


def test_packet_without_a_link_header() -> None:
    assert [layer.name for layer in dissect(bytes(FRAMES["syn"])[14:], link="ip")] == ["IPv4", "TCP"]
    assert [layer.name for layer in dissect(bytes(FRAMES["ipv6"])[14:], link="ip")] == ["IPv6", "TCP"]
    assert dissect(b"", link="ip") == dissect(b"") == []


def test_malformed_is_called_so() -> None:
    layers = dissect(bytes(FRAMES["syn"])[:41])
    assert layers[-1].name == "TCP (malformed)"
    assert (layers[-1].fields[-1].name, layers[-1].fields[-1].text) == (
        "malformed", "the frame ends inside sequence number",
    )  # fmt: skip
    loop = bytes(ETHER / PACKET / UDP(dport=53) / Raw(b"\0\0\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"))
    assert dissect(loop)[-1].name == "DNS (malformed)"


def test_nesting_costs_no_recursion() -> None:
    octets = b""
    for _ in range(500):
        octets = (
            bytes.fromhex("4500")
            + (len(octets) + 20 & 0xFFFF).to_bytes(2, "big")
            + bytes(5)
            + b"\x04"
            + bytes(10)
            + octets
        )
    check_tiling(octets, layers := dissect(octets, link="ip"))
    assert len(layers) == 500


@pytest.mark.attack("TCP-02")
@pytest.mark.parametrize("nonsense", ["ff00", "0801", "02ff", "0500", "00ff", "0101"])
def test_options_that_lie(nonsense: str) -> None:
    options = pack_options(ts=(1, 2))[:-2] + bytes.fromhex(nonsense)
    octets = bytes(PACKET / TCP(dataofs=8) / Raw(options))
    check_tiling(octets, dissect(octets, link="ip"))


def test_a_field_that_does_not_fill_its_octets_stands_there_as_bits() -> None:
    octets = bytes.fromhex("020000000003020000000001080045b8003c00004000400624010a0001010a000103")
    shown = {field.name: field.raw(octets) for layer in dissect(octets) for field in layer.fields}
    assert (shown["version"], shown["IHL"], shown["DSCP"], shown["ECN"]) == ("0100", "0101", "101110", "00")
    assert (shown["DF"], shown["fragment offset"], shown["total length"]) == ("1", "0" * 13, "003c")
