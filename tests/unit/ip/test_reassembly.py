"""Fragments: cut, mixed up, lost, forged (RFC 791 §3.2, RFC 815, RFC 1122 §3.3.2)."""

import itertools
import random

import pytest

from netarium.base.addr import parse_ip
from netarium.base.config import IpConfig
from netarium.base.errors import Accepted, DropReason
from netarium.ip.fragment import copied_options, cut
from netarium.wire.ipv4 import MORE_FRAGMENTS, Ipv4Header

SECOND = 1_000_000_000
WHOLE = bytes(random.Random(1).randbytes(48))


@pytest.fixture
def give(host, packet):
    """Feed one fragment of `WHOLE`, or of other octets."""

    def give(start, stop, *, more=True, ident=7, data=WHOLE, src="10.0.0.9", protocol=17, dst="10.0.0.1"):
        flags = (MORE_FRAGMENTS if more else 0) | start >> 3
        return host.feed(
            packet(src, dst, data[start:stop], ident=ident, flags_offset=flags, protocol=protocol)
        )

    return give


@pytest.mark.rfc("1122I", "06", "09")
@pytest.mark.rfc("791", "02")
def test_a_large_datagram_crosses_a_small_mtu(bench):
    a = bench.node("a", "lan", "10.0.0.1/24", mtu=576)
    b = bench.node("b", "lan", "10.0.0.2/24", mtu=576)
    payload = random.Random(2).randbytes(30_000)
    a.send("10.0.0.2", payload)
    bench.settle()
    assert b.udp.payloads() == [payload]
    pieces = [header for _, header, _ in bench.ips()]
    assert all(header.total_length <= 576 for header in pieces)
    assert all(header.total_length % 8 == 20 % 8 for header in pieces[:-1])
    assert len({header.identification for header in pieces}) == 1
    assert [header.more_fragments for header in pieces] == [True] * (len(pieces) - 1) + [False]
    assert len(b.ip._reassembler) == 0
    assert b.ip._reassembler.charged == 0


@pytest.mark.rfc("815", "01")
def test_any_order(host, give):
    spans = [(0, 16, True), (16, 24, True), (24, 32, True), (32, 48, False)]
    for ident, order in enumerate(itertools.permutations(spans)):
        for start, stop, more in order:
            assert give(start, stop, more=more, ident=ident) is Accepted.LOCAL
    assert host.udp.payloads() == [WHOLE] * 24


@pytest.mark.attack("FR-01", "FR-07")
def test_all_layouts_of_three_fragments(host, give):
    """Every way to lay three pieces over six positions: the original comes out, or nothing."""
    spans = [(a * 8, b * 8) for a in range(6) for b in range(a + 1, 7) if b - a < 6]
    other = bytes(255 - octet for octet in WHOLE)
    ident = 0
    for trio in itertools.product(spans, repeat=3):
        ident = (ident + 1) & 0xFFFF
        so_far = []
        for (start, stop), data in zip(trio, (WHOLE, other, WHOLE), strict=True):
            before = len(host.udp.packets)
            give(start, stop, more=stop != 48, ident=ident, data=data)
            so_far.append((start, stop))
            if len(host.udp.packets) > before:
                assert all(x[1] == y[0] for x, y in itertools.pairwise(sorted(so_far))), trio
                assert len(host.udp.payloads()[-1]) == 48
                break
    assert host.counters["ip_reasm_overlaps"] > 1000


@pytest.mark.rfc("frag", "01")
@pytest.mark.attack("FR-01")
@pytest.mark.parametrize(
    "pieces",
    [
        [(0, 32, True), (24, 28, False)],  # teardrop: the second inside the first
        [(0, 32, True), (16, 48, False)],
        [(24, 48, False), (16, 32, True), (0, 16, True)],
        [(0, 32, True), (8, 16, True), (32, 48, False)],
    ],
)
def test_overlaps_spoil_the_datagram(host, give, pieces):
    for start, stop, more in pieces:
        give(start, stop, more=more)
    assert not host.udp.packets
    assert host.counters["ip_reasm_overlaps"] >= 1
    assert host.ip._reassembler.charged == 0


@pytest.mark.rfc("frag", "01")
@pytest.mark.attack("FR-01")
def test_what_comes_behind_an_overlap_is_no_new_datagram(host, give):
    give(0, 16)
    give(8, 24)
    assert give(0, 16) is DropReason.IP_FRAGMENT_OVERLAP
    assert give(16, 48, more=False) is DropReason.IP_FRAGMENT_OVERLAP
    assert not host.udp.packets


@pytest.mark.attack("FR-07")
def test_duplicates_are_ignored(host, give):
    for _ in range(5):
        assert give(0, 16) is Accepted.LOCAL
        assert give(32, 48, more=False) is Accepted.LOCAL
    give(16, 32)
    assert host.udp.payloads() == [WHOLE]
    assert host.counters["ip_reasm_duplicates"] == 8


@pytest.mark.attack("FR-07")
def test_the_same_place_with_other_octets_is_no_duplicate(host, give):
    give(0, 16)
    assert give(0, 16, data=bytes(48)) is DropReason.IP_FRAGMENT_OVERLAP
    give(16, 48, more=False)
    assert not host.udp.packets


@pytest.mark.rfc("frag", "01")
@pytest.mark.attack("FR-03")
def test_ping_of_death(host, packet):
    for size in (64, 1480):
        fate = host.feed(packet("10.0.0.9", "10.0.0.1", bytes(size), flags_offset=8189))
        assert fate is DropReason.IP_FRAGMENT_OVERSIZE
    assert len(host.ip._reassembler) == 0
    # 65,535 octets, header included, are as much as there can be
    room = 65_515
    ident = 9
    data = random.Random(3).randbytes(room)
    for offset, piece, more in cut(data, 1480):
        flags = (MORE_FRAGMENTS if more else 0) | offset >> 3
        host.feed(packet("10.0.0.9", "10.0.0.1", bytes(piece), ident=ident, flags_offset=flags))
    assert host.udp.payloads() == [data]


@pytest.mark.attack("FR-04")
def test_tiny_fragments(host, give):
    data = bytes(1500)
    fates = [give(at, at + 8, data=data, more=at + 8 < 1500) for at in range(0, 1500, 8)]
    assert fates[:64] == [Accepted.LOCAL] * 64
    assert fates[64] is DropReason.IP_FRAGMENT_LIMIT
    assert Accepted.LOCAL not in fates[64:]
    assert host.ip._reassembler.charged == 0


@pytest.mark.attack("FR-04")
def test_a_first_fragment_without_the_whole_transport_header(host, give):
    give(0, 8, protocol=6)
    give(8, 48, protocol=6, more=False)
    assert host.tcp.payloads() == [WHOLE]


@pytest.mark.attack("FR-05", "FR-06")
def test_floods_are_bounded(host, packet, give):
    limit = host.ip.config.ip
    for number in range(3_000):
        src = parse_ip("10.0.0.0")[:3] + bytes([number % 200 + 2])
        ident = number & 0xFFFF
        host.feed(packet(src, "10.0.0.1", bytes(32), ident=ident, flags_offset=MORE_FRAGMENTS))
        host.feed(packet(src, "10.0.0.1", bytes(1400), ident=ident, flags_offset=8000))
        reassembler = host.ip._reassembler
        assert len(reassembler) <= limit.reassembly_max_datagrams
        assert reassembler.charged <= limit.reassembly_max_bytes
    # in the middle of all that, an honest datagram is put together
    give(0, 24, ident=0xBEEF)
    give(24, 48, ident=0xBEEF, more=False)
    assert host.udp.payloads() == [WHOLE]


@pytest.mark.attack("FR-05")
def test_octets_are_bounded(bench, packet, frame, stranger):
    node = bench.node("n", "lan", "10.0.0.1/24", ip=IpConfig(reassembly_max_bytes=10_000))
    for ident in range(40):
        pkt = packet("10.0.0.9", "10.0.0.1", bytes(1400), ident=ident, flags_offset=MORE_FRAGMENTS)
        node.hear(frame(node.nic.mac, stranger, pkt))
        assert node.ip._reassembler.charged <= 10_000
    assert 0 < len(node.ip._reassembler) <= 7
    assert node.counters["ip_reasm_evicted"] >= 33


@pytest.mark.rfc("frag", "01")
@pytest.mark.attack("FR-08")
def test_bad_lengths(host, give, packet):
    assert give(0, 13) is DropReason.IP_FRAGMENT_BAD
    assert give(8, 8) is DropReason.IP_FRAGMENT_BAD
    assert len(host.ip._reassembler) == 0
    # two ends
    give(16, 32, more=False)
    assert give(40, 48, more=False) is DropReason.IP_FRAGMENT_BAD
    give(0, 16)
    assert not host.udp.packets
    # something behind the end, and an end before something
    give(16, 32, more=False, ident=8)
    assert give(32, 40, ident=8) is DropReason.IP_FRAGMENT_BAD
    give(32, 40, ident=9)
    assert give(16, 32, more=False, ident=9) is DropReason.IP_FRAGMENT_BAD


@pytest.mark.attack("FR-09")
@pytest.mark.rfc("791", "03")
def test_what_does_not_belong_together(bench, host, give, packet, frame, stranger):
    host.plug("other")
    nic = host.ip.interfaces[2].device
    give(0, 24)
    give(24, 48, more=False, ident=8)
    give(24, 48, more=False, src="10.0.0.8")
    give(24, 48, more=False, protocol=6)
    from netarium.link.frame import Frame

    last = packet("10.0.0.9", "10.0.0.1", WHOLE[24:], ident=7, flags_offset=3)
    host.receive(nic, Frame(frame(nic.mac, stranger, last)))
    assert not host.udp.packets
    assert not host.tcp.packets
    give(24, 48, more=False)
    assert host.udp.payloads() == [WHOLE]


@pytest.mark.attack("FR-10")
@pytest.mark.rfc("1122I", "07")
def test_time_runs_out(bench, host, give):
    give(0, 24)
    bench.run(59 * SECOND)
    assert len(host.ip._reassembler) == 1
    bench.run(61 * SECOND)
    assert len(host.ip._reassembler) == 0
    assert host.counters["ip_reasm_timeout"] == 1
    (asked,) = host.ip.neighbors.rows()
    (waiting,) = asked.waiting[0]
    octets = waiting.octets()
    header = Ipv4Header.parse(octets)
    assert (header.dst, header.protocol) == (parse_ip("10.0.0.9"), 1)
    assert octets[20:22] == b"\x0b\x01"
    assert octets[28 + 20 :] == WHOLE[:8]


@pytest.mark.attack("FR-10")
@pytest.mark.rfc("1122I", "07")
def test_no_complaint_without_fragment_zero(bench, host, give):
    give(24, 48, more=False)
    bench.run(200 * SECOND)
    assert len(host.ip._reassembler) == 0
    assert not bench.log
    assert len(host.ip.neighbors) == 0
    assert host.ip.next_deadline() is None


def test_memory_does_not_hold_the_frames(host, packet, frame, stranger):
    octets = frame(
        host.mac, stranger, packet("10.0.0.9", "10.0.0.1", bytes(1400), flags_offset=MORE_FRAGMENTS)
    )
    host.hear(octets)
    (datagram,) = host.ip._reassembler._datagrams.values()
    assert all(type(piece) is bytes for piece in datagram.pieces.values())
    assert type(datagram.first.header) is bytes


def test_cut():
    assert [(f.offset, len(f.payload), f.more) for f in cut(bytes(100), 40)] == [
        (0, 40, True),
        (40, 40, True),
        (80, 20, False),
    ]
    assert [(f.offset, len(f.payload), f.more) for f in cut(bytes(47), 47)] == [(0, 47, False)]
    assert [(f.offset, len(f.payload), f.more) for f in cut(bytes(48), 47)] == [(0, 40, True), (40, 8, False)]
    # a piece that is cut again keeps its place, and its last piece is not the end
    assert [(f.offset, len(f.payload), f.more) for f in cut(bytes(32), 16, 64, more=True)] == [
        (64, 16, True),
        (80, 16, True),
    ]


@pytest.mark.rfc("791", "02")
def test_options_by_their_copied_flag(host):
    record, alert = b"\x07\x07\x04\0\0\0\0", b"\x94\x04\x00\x00"
    assert copied_options(record + b"\x01" + alert) == alert
    assert copied_options(record + b"\x00") == b""
    assert copied_options(b"\x82\x03\x07\x01\x00\x94") == b"\x82\x03\x07\x00"
    host.send("10.0.0.9", bytes(4000), options=record + b"\x01" + alert)
    waiting = host.ip.neighbors.rows()[0].waiting[0]
    assert [Ipv4Header.parse(f.head).options for f in waiting] == [record + b"\x01" + alert, alert, alert]


@pytest.mark.rfc("3168", "05")
@pytest.mark.parametrize(
    ("codepoints", "whole"),
    [
        ((0, 0), 0),
        ((1, 1), 1),
        ((2, 2), 2),
        ((2, 3), 3),
        ((3, 2), 3),
        ((1, 3), 3),
        ((0, 3), None),
        ((2, 0), None),
    ],
)
def test_ecn_of_fragments(host, packet, codepoints, whole):
    """A mark on one is a mark on all; marked and not markable do not go together."""
    first, second = codepoints
    host.feed(packet("10.0.0.9", "10.0.0.1", WHOLE[:16], flags_offset=MORE_FRAGMENTS, tos=0x20 | first))
    fate = host.feed(packet("10.0.0.9", "10.0.0.1", WHOLE[16:], flags_offset=2, tos=0x20 | second))
    if whole is None:
        assert fate is DropReason.IP_FRAGMENT_ECN
        assert not host.udp.packets
    else:
        assert [each.tos for each in host.udp.packets] == [0x20 | whole]
    assert len(host.ip._reassembler) == 0
