"""The layer as a whole: frames in, packets out, two machines that speak to each other."""

import pytest

from netarium.base.addr import parse_ip
from netarium.base.checksum import pseudo_sum
from netarium.base.errors import Accepted, DropReason, StackError
from netarium.link.device import Medium, Offload
from netarium.link.frame import Frame
from netarium.wire.ipv4 import Ipv4Header

SECOND = 1_000_000_000


@pytest.mark.rfc("894", "01", "02")
@pytest.mark.rfc("826", "03")
def test_first_packet_resolves_and_arrives(bench, pair):
    a, b = pair
    a.send("10.0.0.2", b"hello")
    assert not b.udp.packets
    bench.settle()
    assert b.udp.payloads() == [b"hello"]
    packet = b.udp.packets[0]
    assert (packet.src, packet.dst) == (parse_ip("10.0.0.1"), parse_ip("10.0.0.2"))
    assert packet.ttl == 64
    request, reply = bench.arps()
    assert request[2] == b"\xff" * 6
    assert reply[2] == a.nic.mac


def test_second_packet_goes_at_once(bench, pair):
    a, b = pair
    a.send("10.0.0.2")
    bench.settle()
    bench.log.clear()
    a.send("10.0.0.2")
    bench.settle()
    assert len(b.udp.packets) == 2
    assert not bench.arps()


def test_every_cut_of_a_frame_is_understood(host, packet, frame):
    octets = frame(host.mac, b"\x02" + bytes(5), packet("10.0.0.9", "10.0.0.1", b"payload"))
    for cut in (None, 14, 34):
        assert host.hear(octets, cut) is Accepted.LOCAL
    assert host.udp.payloads() == [b"payload"] * 3


@pytest.mark.attack("IP4-02")
@pytest.mark.rfc("894", "01")
def test_padding_is_not_data(host, packet, frame):
    octets = frame(host.mac, b"\x02" + bytes(5), packet("10.0.0.9", "10.0.0.1", b"abc"))
    for extra in (1, 23, 1400):
        for cut in (None, 14, 34):
            host.hear(octets + b"\xee" * extra, cut)
    assert host.udp.payloads() == [b"abc"] * 9


def test_long_frames_are_not_copied_on_their_way(host, packet, frame):
    octets = frame(host.mac, b"\x02" + bytes(5), packet("10.0.0.9", "10.0.0.1", bytes(9000)))
    host.hear(octets)
    assert isinstance(host.udp.packets[0].head, memoryview)
    assert host.udp.packets[0].head.obj is octets


@pytest.mark.attack("L2-01")
def test_short_frames(host):
    for length in range(14):
        assert host.hear(bytes(length)) is DropReason.ETH_SHORT
    assert not host.sent()


@pytest.mark.attack("L2-02")
def test_unknown_types(host, frame, stranger):
    for ethertype in (0, 5, 0x5FF, 0x88F7, 0x88A2, 0x9000, 0x86DD, 0x8035):
        fate = host.hear(frame(host.mac, stranger, bytes(46), ethertype))
        assert fate is DropReason.ETH_UNKNOWN_TYPE, hex(ethertype)
    assert not host.sent()


def test_a_priority_tag_is_no_vlan(host, packet, frame, stranger):
    pkt = packet("10.0.0.9", "10.0.0.1")
    assert host.hear(frame(host.mac, stranger, b"\x60\x00\x08\x00" + pkt, 0x8100)) is Accepted.LOCAL
    assert (
        host.hear(frame(host.mac, stranger, b"\x60\x05\x08\x00" + pkt, 0x8100)) is DropReason.ETH_UNKNOWN_TYPE
    )


@pytest.mark.rfc("1122L", "06")
def test_snap_is_received(host, packet, stranger):
    pkt = packet("10.0.0.9", "10.0.0.1")
    head = host.mac + stranger + (8 + len(pkt)).to_bytes(2, "big") + b"\xaa\xaa\x03\0\0\0\x08\x00"
    assert host.hear(head + pkt) is Accepted.LOCAL


@pytest.mark.attack("L2-03")
def test_frames_for_others(host, packet):
    pkt = packet("10.0.0.9", "10.0.0.1", protocol=6)
    assert host.feed(pkt, dst=b"\x02\0\0\0\0\x77") is DropReason.ETH_NOT_OURS
    assert host.feed(pkt, dst=b"\x01\x00\x5e\x05\x05\x05") is DropReason.ETH_NOT_OURS
    assert not host.tcp.packets


@pytest.mark.attack("L2-03")
@pytest.mark.rfc("1122I", "29")
@pytest.mark.rfc("1122L", "07")
def test_unicast_packet_in_a_broadcast_frame(host, packet):
    assert host.feed(packet("10.0.0.9", "10.0.0.1"), dst=b"\xff" * 6) is DropReason.IP_L2_BROADCAST
    assert (
        host.feed(packet("10.0.0.9", "10.0.0.1", protocol=99), dst=b"\xff" * 6) is DropReason.IP_L2_BROADCAST
    )
    assert not host.sent()


@pytest.mark.attack("L2-05")
def test_group_and_own_sources(host, packet):
    for src in (b"\xff" * 6, b"\x01\x00\x5e\0\0\x01", host.mac):
        assert host.feed(packet("10.0.0.9", "10.0.0.1"), src=src) is DropReason.ETH_BAD_SOURCE


def test_unknown_device(bench, host):
    other = bench.node("other", "lan", "10.0.0.5/24")
    assert host.ip.receive(other.nic, Frame(bytes(60)), 0) is DropReason.NO_INTERFACE


def test_to_ourselves_by_loopback(bench, host):
    for dst in ("127.0.0.1", "127.1.2.3", "10.0.0.1", "0.0.0.0"):
        path = host.send(dst)
        assert path.interface is host.ip.loopback
        bench.settle()
    assert len(host.udp.packets) == 4
    assert [p.src for p in host.udp.packets] == [p.dst for p in host.udp.packets]
    assert not bench.log


def test_no_route(bench):
    node = bench.node("alone")
    with pytest.raises(StackError) as caught:
        node.ip.find_path(parse_ip("10.0.0.1"), 0)
    assert caught.value.errno == 101
    with pytest.raises(StackError) as caught:
        node.ip.find_path(parse_ip("2001:db8::1"), 0)
    assert caught.value.errno == 101


@pytest.mark.rfc("1122I", "03", "28")
def test_source_must_be_ours(host):
    with pytest.raises(StackError) as caught:
        host.ip.find_path(parse_ip("10.0.0.9"), 0, src=parse_ip("10.0.0.8"))
    assert caught.value.errno == 99
    path = host.ip.find_path(parse_ip("10.0.0.9"), 0, src=bytes(4))
    assert path.src == parse_ip("10.0.0.1")


def test_wrap_packs_what_a_parser_reads(bench, pair):
    a, b = pair
    a.send("10.0.0.2")
    bench.settle()
    path = a.ip.find_path(parse_ip("10.0.0.2"), bench.now)
    for ttl, tos, size in ((None, 0, 0), (1, 3, 1), (255, 0xB8, 1460), (7, 2, 60_000)):
        frame = a.ip.wrap(path, 6, b"h" * 20, bytes(size), bench.now, ttl=ttl, tos=tos)
        header = Ipv4Header.parse(frame.head[14:])
        assert (header.ttl, header.tos, header.total_length) == (ttl or 64, tos, 40 + size)
        assert header.dont_fragment
        assert frame.head[:14] == b.nic.mac + a.nic.mac + b"\x08\x00"
        assert len(frame.head) == 14 + 20 + 20
        assert len(frame.body) == size


def test_wrap_finishes_checksums_only_where_the_device_cannot(bench):
    plain = bench.node("plain", "lan", "10.0.0.1/24")
    offloading = bench.node("offloading", "lan", "10.0.0.2/24", offload=Offload(tx_checksum=True, tso=True))
    bench.settle()
    for node, peer in ((plain, "10.0.0.2"), (offloading, "10.0.0.1")):
        path = node.send(peer)
        bench.settle()
        body = b"odd length!"
        partial = pseudo_sum(path.src, path.dst, 6, 20 + len(body))
        head = bytes(16) + partial.to_bytes(2, "big") + bytes(2)
        frame = node.ip.wrap(path, 6, head, body, bench.now, csum_offset=16)
        if node is plain:
            from netarium.wire.tcp import verify

            assert frame.csum_start == 0
            assert verify(path.src, path.dst, frame.head[34:], frame.body)
        else:
            assert (frame.csum_start, frame.csum_offset) == (34, 16)
            assert frame.head[34:] == head
        # the receiver trusts what was not finished, and only that
        bench._carry("lan", bench.links["lan"], node.nic, frame)
    assert plain.tcp.packets[0].checked
    assert not offloading.tcp.packets[0].checked


def test_wrap_waits_for_the_neighbour(bench, pair):
    a, b = pair
    path = a.ip.find_path(parse_ip("10.0.0.2"), bench.now)
    assert a.ip.wrap(path, 6, bytes(20), b"x", bench.now, csum_offset=16) is None
    bench.settle()
    assert len(b.tcp.packets) == 1
    assert a.ip.wrap(path, 6, bytes(20), b"x", bench.now) is not None


def test_a_link_without_addresses_needs_no_neighbours(bench):
    a = bench.node("a", "tun", "10.9.0.1/30", medium=Medium.IP)
    b = bench.node("b", "tun", "10.9.0.2/30", medium=Medium.IP)
    path = a.send("10.9.0.2", b"across")
    assert path.neighbor.settled
    bench.settle()
    assert b.udp.payloads() == [b"across"]
    assert len(a.ip.neighbors) == 0


def test_bare_links_take_ip_only(bench):
    a = bench.node("a", "tun", "10.9.0.1/30", medium=Medium.IP)
    assert a.hear(b"") is DropReason.IP_MALFORMED
    assert a.hear(b"\x60" + bytes(39)) is DropReason.ETH_UNKNOWN_TYPE
    assert a.hear(b"\x45") is DropReason.IP_MALFORMED


def test_generation_outdates_paths(host):
    path = host.ip.find_path(parse_ip("10.0.0.9"), 0)
    assert path.generation == host.ip.generation
    host.ip.add_address(host.eth, parse_ip("10.0.1.1"), 24, 0)
    assert path.generation != host.ip.generation


def test_queue_is_bounded(bench):
    from netarium.base.config import IpConfig

    node = bench.node("n", "tun", "10.9.0.1/30", medium=Medium.IP, ip=IpConfig(transmit_queue_frames=5))
    for _ in range(5):
        node.send("10.9.0.2")
    with pytest.raises(StackError) as caught:
        node.send("10.9.0.2")
    assert caught.value.errno == 105
    assert node.counters["ip_out_discards"] == 1
