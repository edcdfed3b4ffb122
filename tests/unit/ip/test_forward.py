"""Routers: RFC 1812 §5, with a host on either side."""

import random

import pytest

from netarium.base.addr import parse_ip, parse_prefix
from netarium.base.config import IpConfig
from netarium.base.errors import Accepted, DropReason
from netarium.ip.route import Route
from netarium.link.device import Offload
from netarium.link.frame import Frame
from netarium.wire.icmpv4 import IcmpMessage
from netarium.wire.ipv4 import DONT_FRAGMENT, MORE_FRAGMENTS, Ipv4Header
from netarium.wire.tcp import pack_header, verify

SECOND = 1_000_000_000
FULL = Offload(tx_checksum=True, rx_checksum=True, tso=True, max_gso_size=64_000)


class Net:
    """left 10.1.0.2 -- 10.1.0.1 router 10.2.0.1 -- 10.2.0.2 right"""

    def __init__(self, bench, *, right_mtu=1500, router_offload=None, **settings):
        self.bench = bench
        self.router = bench.node("router", ip=IpConfig(forwarding=True, **settings))
        self.west = self.router.plug("west", "10.1.0.1/24", offload=router_offload or Offload())
        self.east = self.router.plug("east", "10.2.0.1/24", mtu=right_mtu)
        self.left = bench.node("left", "west", "10.1.0.2/24", offload=FULL)
        self.right = bench.node("right", "east", "10.2.0.2/24", mtu=right_mtu)
        for node, gateway in ((self.left, "10.1.0.1"), (self.right, "10.2.0.1")):
            node.ip.routes.add(Route(parse_prefix("default"), node.eth, parse_ip(gateway)))
        bench.settle()
        bench.log.clear()

    def errors(self):
        return [IcmpMessage.parse(payload) for _, header, payload in self.bench.ips() if header.protocol == 1]


@pytest.fixture
def net(bench):
    return Net(bench)


def test_there_and_back(bench, net):
    net.left.send("10.2.0.2", b"there")
    bench.settle()
    net.right.send("10.1.0.2", b"back")
    bench.settle()
    assert net.right.udp.payloads() == [b"there"]
    assert net.left.udp.payloads() == [b"back"]
    assert net.right.udp.packets[0].ttl == 63
    assert net.router.counters[Accepted.FORWARDED] == 2
    assert net.router.counters["ip_forw_datagrams"] == 2
    for _, header, _ in bench.ips():
        assert header.src in {parse_ip("10.1.0.2"), parse_ip("10.2.0.2")}  # parse verifies the checksum


def test_ttl_ends(bench, net):
    net.left.send("10.2.0.2", b"12345678", ttl=1)
    bench.settle()
    assert not net.right.udp.packets
    (error,) = net.left.udp.errors
    assert (error.kind, error.reporter) == ("time-exceeded", parse_ip("10.1.0.1"))
    assert bytes(error.quote) == b"12345678"
    assert net.router.counters[DropReason.IP_TTL_EXPIRED] == 1


@pytest.mark.rfc("1122I", "30")
def test_hosts_do_not_forward(bench):
    net = Net(bench)
    net.router.ip._input._forwards = False
    net.left.send("10.2.0.2")
    bench.settle()
    assert not net.right.udp.packets
    assert net.router.counters[DropReason.IP_NOT_OURS] == 1
    assert IpConfig().forwarding is False


def test_no_route(bench, net):
    net.left.send("192.0.2.1", b"12345678")
    bench.settle()
    (error,) = net.left.udp.errors
    assert (error.type, error.code) == (3, 0)
    assert net.router.counters[DropReason.IP_NO_ROUTE] == 1


def test_nobody_there(bench, net):
    net.left.send("10.2.0.77", b"12345678")
    bench.run(5 * SECOND)
    (error,) = net.left.udp.errors
    assert (error.type, error.code, error.reporter) == (3, 1, parse_ip("10.1.0.1"))
    net.left.send("10.2.0.77", b"12345678")  # refused at once while the neighbour is known to be silent
    bench.settle()
    assert len(net.left.udp.errors) == 2


def test_fragments_on_the_way(bench):
    net = Net(bench, right_mtu=576)
    payload = random.Random(5).randbytes(4_000)
    net.left.send("10.2.0.2", payload)
    bench.settle()
    assert net.right.udp.payloads() == [payload]
    east = [
        Ipv4Header.parse(o[14:]) for _, link, o in bench.log if link == "east" and o[12:14] == b"\x08\x00"
    ]
    assert len(east) >= 8
    assert all(header.total_length <= 576 for header in east)


@pytest.mark.rfc("791", "04")
@pytest.mark.rfc("1191", "01")
def test_too_big_with_df(bench):
    net = Net(bench, right_mtu=1000)
    net.left.send("10.2.0.2", bytes(1200), dont_fragment=True)
    bench.settle()
    assert not net.right.udp.packets
    (error,) = net.left.udp.errors
    assert (error.kind, error.mtu) == ("too-big", 1000)
    assert net.router.counters[DropReason.IP_FORWARD_TOO_BIG] == 1
    path = net.left.ip.find_path(parse_ip("10.2.0.2"), bench.now)
    assert path.mtu == 1000


@pytest.mark.parametrize(
    ("src", "dst"),
    [
        ("10.1.0.2", "169.254.1.1"), ("169.254.1.1", "10.2.0.2"), ("10.1.0.2", "240.0.0.1"), ("10.1.0.2", "0.0.0.9"),
        ("10.1.0.2", "10.2.0.255"),
    ],
)  # fmt: skip
def test_what_does_not_travel(bench, net, packet, frame, src, dst):
    fate = net.router.hear(frame(net.west.mac, net.left.nic.mac, packet(src, dst)))
    assert fate is DropReason.IP_FORWARD_FILTERED
    assert not net.router.sent(net.east)


@pytest.mark.parametrize(
    ("src", "dst", "fate"),
    [
        ("127.0.0.1", "10.2.0.2", DropReason.IP_MARTIAN),
        ("10.1.0.2", "127.0.0.1", DropReason.IP_MARTIAN),
        ("10.1.0.2", "224.9.9.9", DropReason.IP_NOT_OURS),
    ],
)
def test_martians_do_not_travel(bench, net, packet, frame, src, dst, fate):
    assert net.router.hear(frame(net.west.mac, net.left.nic.mac, packet(src, dst))) is fate
    assert not net.router.sent(net.east)


@pytest.mark.rfc("1122I", "29")
def test_link_broadcasts_are_not_forwarded(bench, net, packet, frame):
    fate = net.router.hear(frame(b"\xff" * 6, net.left.nic.mac, packet("10.1.0.2", "10.2.0.2")))
    assert fate is DropReason.IP_FORWARD_FILTERED


@pytest.mark.attack("IP4-07")
def test_source_routes_do_not_travel(bench, net, packet, frame):
    pkt = packet("10.1.0.2", "10.2.0.2", options=b"\x83\x07\x04\x0a\x02\x00\x02\x00")
    assert net.router.hear(frame(net.west.mac, net.left.nic.mac, pkt)) is DropReason.IP_SOURCE_ROUTED


def super_segment(net, size=5_000, gso_size=1_000):
    net.left.send("10.2.0.2")
    net.bench.settle()
    net.right.udp.packets.clear()
    net.bench.log.clear()
    path = net.left.ip.find_path(parse_ip("10.2.0.2"), net.bench.now)
    from netarium.base.checksum import pseudo_sum

    body = random.Random(6).randbytes(size)
    partial = pseudo_sum(path.src, path.dst, 6, 20 + size)
    head = pack_header(1, 2, 1000, 0, 16, 1024, checksum=partial)
    frame = net.left.ip.wrap(path, 6, head, body, net.bench.now, gso_size=gso_size, csum_offset=16)
    net.bench._carry("west", net.bench.links["west"], net.left.nic, frame)
    net.bench.settle()
    return body


def test_a_super_segment_is_split_only_where_it_must(bench):
    net = Net(bench)
    body = super_segment(net)
    assert len(net.right.tcp.packets) == 5  # the east side has no segmentation offload
    for packet in net.right.tcp.packets:
        assert verify(packet.src, packet.dst, packet.head, packet.body)
        assert packet.ttl == 63
    assert b"".join(payload[20:] for payload in net.right.tcp.payloads()) == body


def test_a_super_segment_stays_whole_where_it_can(bench):
    net = Net(bench)
    net.east.device.offload = FULL
    body = super_segment(net)
    (packet,) = net.right.tcp.packets
    assert packet.gso_size == 1_000
    assert packet.checked
    assert net.right.tcp.payloads()[0][20:] == body


def test_a_super_segment_of_too_large_segments(bench):
    net = Net(bench, right_mtu=900)
    super_segment(net)
    assert not net.right.tcp.packets
    assert net.left.tcp.errors[0].mtu == 900


def test_an_unfinished_checksum_is_finished_for_a_device_that_cannot(bench):
    net = Net(bench)
    super_segment(net, size=500, gso_size=0)
    (packet,) = net.right.tcp.packets
    assert not packet.checked
    assert verify(packet.src, packet.dst, packet.head, packet.body)


def test_a_fragment_is_cut_again(bench, packet, frame):
    net = Net(bench, right_mtu=576)
    data = bytes(range(256)) * 8
    first = packet("10.1.0.2", "10.2.0.2", data[:1200], ident=5, flags_offset=MORE_FRAGMENTS)
    last = packet("10.1.0.2", "10.2.0.2", data[1200:], ident=5, flags_offset=150)
    for pkt in (last, first):
        net.router.receive(net.west.device, Frame(frame(net.west.mac, net.left.nic.mac, pkt)))
    bench.settle()
    assert net.right.udp.payloads() == [data]


def test_a_fragment_with_df_is_too_big(bench, packet, frame):
    net = Net(bench, right_mtu=576)
    pkt = packet("10.1.0.2", "10.2.0.2", bytes(1200), flags_offset=DONT_FRAGMENT)
    assert net.router.hear(frame(net.west.mac, net.left.nic.mac, pkt)) is DropReason.IP_FORWARD_TOO_BIG


# --- redirects ------------------------------------------------------------------------------------------------------


class Corner:
    """A host, its gateway and a nearer gateway, all on one link."""

    def __init__(self, bench, **settings):
        self.host = bench.node("host", "lan", "10.0.0.1/24", ip=IpConfig(**settings))
        self.far = bench.node("far", "lan", "10.0.0.253/24", ip=IpConfig(forwarding=True))
        self.near = bench.node("near", "lan", "10.0.0.254/24", ip=IpConfig(forwarding=True))
        self.host.ip.routes.add(Route(parse_prefix("default"), self.host.eth, parse_ip("10.0.0.253")))
        self.far.ip.routes.add(Route(parse_prefix("default"), self.far.eth, parse_ip("10.0.0.254")))
        bench.settle()


@pytest.mark.rfc("1122I", "21")
@pytest.mark.parametrize("accept", [True, False])
def test_redirects(bench, accept):
    corner = Corner(bench, accept_redirects=accept)
    path = corner.host.send("192.0.2.1", bytes(8))
    bench.settle()
    redirects = [IcmpMessage.parse(p) for _, h, p in bench.ips() if h.protocol == 1 and p[0] == 5]
    assert [(m.code, m.gateway) for m in redirects] == [(1, parse_ip("10.0.0.254"))]
    assert corner.far.counters[Accepted.FORWARDED] == 1  # the packet went on all the same
    later = corner.host.ip.find_path(parse_ip("192.0.2.1"), bench.now)
    other = corner.host.ip.find_path(parse_ip("192.0.2.2"), bench.now)
    assert other.next_hop == parse_ip("10.0.0.253")
    if accept:
        assert path.generation != corner.host.ip.generation
        assert later.next_hop == parse_ip("10.0.0.254")
    else:
        assert later.next_hop == parse_ip("10.0.0.253")
        assert corner.host.counters[DropReason.ICMP_REDIRECT_REFUSED] == 1


@pytest.mark.attack("ICMP-10")
@pytest.mark.rfc("1122I", "20", "21")
@pytest.mark.parametrize(
    ("sender", "gateway", "code"),
    [
        ("10.0.0.66", "10.0.0.254", 1),  # not the present gateway
        ("10.0.0.253", "192.0.2.77", 1),  # not on the link
        ("10.0.0.253", "10.0.0.1", 1),  # ourselves
        ("10.0.0.253", "10.0.0.255", 1),
        ("10.0.0.253", "10.0.0.253", 1),
        ("10.0.0.253", "224.0.0.1", 1),
        ("10.0.0.253", "10.0.0.254", 4),
    ],
)
def test_redirects_that_are_refused(bench, packet, frame, stranger, sender, gateway, code):
    host = Corner(bench, accept_redirects=True).host
    before = list(host.ip.routes)
    quoted = packet("10.0.0.1", "192.0.2.1", bytes(8))
    message = IcmpMessage(5, code, int.from_bytes(parse_ip(gateway), "big"), quoted).pack()
    fate = host.hear(frame(host.nic.mac, stranger, packet(sender, "10.0.0.1", message, protocol=1)))
    assert fate is DropReason.ICMP_REDIRECT_REFUSED
    assert list(host.ip.routes) == before


def test_redirects_are_bounded(bench, packet, frame, stranger):
    host = Corner(bench, accept_redirects=True).host
    before = len(host.ip.routes)
    for number in range(500):
        dst = bytes([192, 0, number >> 8, number & 255])
        message = IcmpMessage(
            5, 1, int.from_bytes(parse_ip("10.0.0.254"), "big"), packet("10.0.0.1", dst, bytes(8))
        )
        pkt = packet("10.0.0.253", "10.0.0.1", message.pack(), protocol=1)
        assert host.hear(frame(host.nic.mac, stranger, pkt)) is Accepted.LOCAL
    assert len(host.ip.routes) == before + 64
