"""IPv4 on its way in: what is refused, and under which name."""

import pytest

from netarium.base.addr import parse_ip
from netarium.base.errors import Accepted, DropReason
from netarium.wire.ipv4 import Ipv4Header

BROADCAST = b"\xff" * 6


@pytest.mark.attack("IP4-01")
@pytest.mark.rfc("791", "01")
@pytest.mark.rfc("1122I", "01")
def test_headers_that_lie(host, packet):
    good = packet("10.0.0.9", "10.0.0.1", bytes(20))
    for length in range(20):
        assert host.feed(good[:length]) is DropReason.IP_MALFORMED
    for version in set(range(16)) - {4}:
        assert host.feed(bytes([version << 4 | 5]) + good[1:]) is DropReason.IP_MALFORMED
    for ihl in range(5):
        assert host.feed(bytes([0x40 | ihl]) + good[1:]) is DropReason.IP_MALFORMED
    assert host.feed(b"\x4f" + good[1:]) is DropReason.IP_MALFORMED  # 60 octets of header, 40 there
    assert not host.sent()
    assert not host.udp.packets


@pytest.mark.attack("IP4-02")
@pytest.mark.rfc("791", "01")
def test_total_lengths_that_lie(host):
    for total, expected in (
        (0, DropReason.IP_MALFORMED),
        (19, DropReason.IP_MALFORMED),
        (20, Accepted.LOCAL),
        (40, Accepted.LOCAL),
        (41, DropReason.IP_TRUNCATED),
        (65_535, DropReason.IP_TRUNCATED),
    ):
        header = Ipv4Header(parse_ip("10.0.0.9"), parse_ip("10.0.0.1"), 17, total_length=total).pack()
        assert host.feed(header + bytes(20)) is expected, total
    assert [len(payload) for payload in host.udp.payloads()] == [0, 20]


@pytest.mark.attack("IP4-03")
@pytest.mark.rfc("1122I", "02")
def test_every_flipped_bit_of_the_header(host, packet):
    good = packet("10.0.0.9", "10.0.0.1", bytes(8))
    for bit in range(160):
        broken = bytearray(good)
        broken[bit >> 3] ^= 0x80 >> (bit & 7)
        fate = host.feed(bytes(broken))
        assert fate in {DropReason.IP_CHECKSUM, DropReason.IP_MALFORMED}, bit
    assert not host.udp.packets
    assert not host.sent()


@pytest.mark.rfc("1122U", "05")
@pytest.mark.attack("IP4-04", "IP4-05")
@pytest.mark.rfc("1122I", "04", "05")
@pytest.mark.parametrize(
    "src",
    ["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.9.9.9", "224.0.0.1", "255.255.255.255", "240.0.0.1", "10.0.0.255",
     "10.0.0.0", "10.0.0.1"],
)  # fmt: skip
def test_sources_that_cannot_be(host, packet, src):
    for protocol in (1, 6, 17, 99):
        payload = b"\x08\x00\xf7\xff" + bytes(4) if protocol == 1 else bytes(20)
        assert host.feed(packet(src, "10.0.0.1", payload, protocol=protocol)) is DropReason.IP_MARTIAN
    assert not host.sent()
    assert not host.udp.packets
    assert not host.tcp.packets


def test_who_does_not_know_his_address_may_ask_everybody(host, packet):
    fate = host.feed(packet("0.0.0.0", "255.255.255.255"), dst=BROADCAST)
    assert fate is Accepted.LOCAL
    assert host.udp.packets[0].to_group
    fate = host.feed(packet("0.0.0.0", "255.255.255.255", protocol=6), dst=BROADCAST)
    assert fate is DropReason.IP_MARTIAN


@pytest.mark.rfc("1122I", "04", "30")
def test_packets_for_others(host, packet):
    for dst in ("10.0.0.2", "192.0.2.1", "224.1.1.1"):
        assert host.feed(packet("10.0.0.9", dst)) is DropReason.IP_NOT_OURS
    assert host.feed(packet("10.0.0.9", "127.0.0.1")) is DropReason.IP_MARTIAN
    assert not host.sent()


@pytest.mark.rfc("1122I", "29")
def test_all_forms_of_broadcast(host, packet):
    for dst in ("255.255.255.255", "10.0.0.255", "10.0.0.0", "0.0.0.0"):
        assert host.feed(packet("10.0.0.9", dst), dst=BROADCAST) is Accepted.LOCAL, dst
    assert all(p.to_group for p in host.udp.packets)
    assert len(host.udp.packets) == 4


@pytest.mark.rfc("1122I", "11")
def test_a_ttl_that_is_used_up_does_not_matter_at_the_end(host, packet):
    for ttl in (0, 1, 2):
        assert host.feed(packet("10.0.0.9", "10.0.0.1", ttl=ttl)) is Accepted.LOCAL
    assert [p.ttl for p in host.udp.packets] == [0, 1, 2]


@pytest.mark.rfc("1122I", "10", "13")
@pytest.mark.rfc("1122L", "08")
def test_tos_and_options_go_up(host, packet):
    options = bytes([7, 7, 4, 0, 0, 0, 0, 0])  # record route
    host.feed(packet("10.0.0.9", "10.0.0.1", tos=0xB8, options=options))
    (got,) = host.udp.packets
    assert (got.tos, got.options) == (0xB8, options)
    assert bytes(got.header[20:]) == options


@pytest.mark.attack("IP4-06")
@pytest.mark.rfc("1122I", "13")
def test_all_kinds_of_options(host, packet):
    known = {7, 68, 130, 131, 133, 136, 137, 148}
    for kind in range(2, 256):
        fate = host.feed(packet("10.0.0.9", "10.0.0.1", options=bytes([kind, 6, 1, 2, 3, 4, 0, 0])))
        if kind not in known:
            assert fate is Accepted.LOCAL, kind  # unknown ones are ignored


@pytest.mark.attack("IP4-06")
@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        (b"\x07\x00\x00\x00", 21),
        (b"\x07\x01\x00\x00", 21),
        (b"\x07\xff\x00\x00", 21),
        (b"\x01\x01\x01\x07", 24),
        (b"\x07\x07\x00\0\0\0\0\0", 22),
        (b"\x07\x07\x03\0\0\0\0\0", 22),
        (b"\x07\x07\xff\0\0\0\0\0", 22),
        (b"\x83\x03\x04\x89\x03\x04\x00\x00", 23),
    ],
)
def test_broken_options_are_told(host, packet, options, pointer):
    assert host.feed(packet("10.0.0.9", "10.0.0.1", options=options)) is DropReason.IP_BAD_OPTIONS
    host.hear(BROADCAST + b"\x02" + bytes(5) + b"\x08\x06" + bytes(28))
    (question,) = host.sent()  # who is 10.0.0.9? The complaint waits for the answer
    assert question[12:14] == b"\x08\x06"
    (waiting,) = host.ip.neighbors.rows()[0].waiting[0]
    icmp = bytes(waiting.head)[20:]
    assert (icmp[0], icmp[1], icmp[4]) == (12, 0, pointer)


@pytest.mark.attack("IP4-07")
@pytest.mark.rfc("1122I", "14")
@pytest.mark.parametrize(
    "options",
    [
        b"\x83\x07\x04\x0a\x00\x00\x05\x00",
        b"\x89\x07\x04\x0a\x00\x00\x05\x00",
        b"\x83\x07\x08\x0a\x00\x00\x05\x00",
    ],
)
def test_source_routes_are_refused(host, packet, options):
    for protocol in (1, 6, 17):
        fate = host.feed(packet("10.0.0.9", "10.0.0.1", bytes(20), protocol=protocol, options=options))
        assert fate is DropReason.IP_SOURCE_ROUTED
    assert not host.sent()


@pytest.mark.attack("IP4-08")
def test_tunnels_are_an_unknown_protocol(host, packet):
    inner = b"x"
    for _ in range(500):
        inner = packet("10.0.0.9", "10.0.0.1", inner, protocol=4)
    for protocol in (4, 41):
        fate = host.feed(packet("10.0.0.9", "10.0.0.1", inner, protocol=protocol))
        assert fate is DropReason.IP_UNKNOWN_PROTOCOL


@pytest.mark.rfc("1122I", "24")
@pytest.mark.attack("IP4-09")
def test_nothing_answers_a_broadcast(host, packet):
    echo = b"\x08\x00\xf7\xff" + bytes(4)
    for dst, mac in (
        ("255.255.255.255", BROADCAST),
        ("10.0.0.255", BROADCAST),
        ("224.0.0.1", bytes.fromhex("01005e000001")),
    ):
        assert host.feed(packet("10.0.0.9", dst, echo, protocol=1), dst=mac) is DropReason.ICMP_ECHO_BROADCAST
        assert host.feed(packet("10.0.0.9", dst, protocol=99), dst=mac) is DropReason.IP_UNKNOWN_PROTOCOL
        assert (
            host.feed(packet("10.0.0.9", dst, options=b"\x07\x00\0\0"), dst=mac) is DropReason.IP_BAD_OPTIONS
        )
    assert not host.sent()
    assert len(host.ip.neighbors) == 0


def test_loopback_takes_only_our_own(bench, host, packet):
    from netarium.link.frame import Frame

    for src, dst, fate in (
        ("127.0.0.1", "127.0.0.1", Accepted.LOCAL),
        ("10.0.0.1", "10.0.0.1", Accepted.LOCAL),
        ("192.0.2.1", "127.0.0.1", Accepted.LOCAL),
        ("127.0.0.1", "192.0.2.1", DropReason.IP_NOT_OURS),
        ("10.0.0.1", "239.1.1.1", DropReason.IP_NOT_OURS),
    ):
        assert host.receive(host.loopback, Frame(packet(src, dst))) is fate, (src, dst)
