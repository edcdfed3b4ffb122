"""IPv4 on its way out: sizes, checksums, queues."""

import pytest

from netarium.base.addr import parse_ip
from netarium.base.checksum import checksum, pseudo_sum
from netarium.base.config import IpConfig, NeighborConfig
from netarium.base.errors import StackError
from netarium.ip.ipv4_output import finish_checksum
from netarium.ip.neighbor import NeighborState
from netarium.link.device import Offload
from netarium.wire import udp
from netarium.wire.ipv4 import Ipv4Header

SECOND = 1_000_000_000
PEER = parse_ip("10.0.0.9")


@pytest.fixture
def known(host, stranger):
    host.ip.neighbors.set_permanent(host.eth, PEER, stranger, 0)
    return host


def datagram(path, payload):
    """A UDP header whose checksum field holds the pseudo-header's sum."""
    length = 8 + len(payload)
    partial = pseudo_sum(path.src, path.dst, 17, length)
    return b"\x00\x01\x00\x02" + length.to_bytes(2, "big") + partial.to_bytes(2, "big")


@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize("size", [0, 1, 2, 999, 5_000])
def test_checksums_are_finished_before_cutting(known, size, joined):
    path = known.ip.find_path(PEER, 0)
    payload = bytes(range(256)) * 20
    payload = payload[:size]
    head, body = datagram(path, payload), payload
    if joined:
        head, body = head + body, b""
    known.ip.send(path, 17, head, body, 0, csum_offset=6)
    octets = b"".join(frame[34:] for frame in known.sent())
    assert udp.verify(path.src, path.dst, octets, b"")
    assert octets[8:] == payload


def test_an_odd_head_with_a_body():
    head, body = finish_checksum(6, b"\0\0abc", b"defg", 0)
    whole = bytes(head) + bytes(body)
    assert int.from_bytes(whole[:2], "big") == checksum(b"\0\0abcdefg")


def test_udp_never_sends_the_zero_that_means_none():
    head, _ = finish_checksum(17, b"\xff\xff", b"", 0)
    assert head == b"\xff\xff"
    head, _ = finish_checksum(6, b"\xff\xff", b"", 0)
    assert head == b"\x00\x00"


def test_offload_is_used_when_the_datagram_fits(bench, stranger):
    node = bench.node("n", "lan", "10.0.0.1/24", offload=Offload(tx_checksum=True))
    node.ip.neighbors.set_permanent(node.eth, PEER, stranger, 0)
    node.sent()
    path = node.ip.find_path(PEER, 0)
    node.ip.send(path, 17, datagram(path, b"x"), b"x", 0, csum_offset=6, options=bytes(4))
    (frame,) = node.eth.out
    assert (frame.csum_start, frame.csum_offset) == (14 + 24, 6)
    node.sent()
    node.ip.send(path, 17, datagram(path, bytes(3000)), bytes(3000), 0, csum_offset=6)
    assert [frame.csum_start for frame in node.eth.out] == [0, 0, 0]


@pytest.mark.rfc("1122I", "08", "09")
def test_what_is_too_long(known):
    path = known.ip.find_path(PEER, 0)
    known.ip.send(path, 17, bytes(65_515), b"", 0)
    for size, how in ((65_516, {}), (1_481, {"dont_fragment": True})):
        with pytest.raises(StackError) as caught:
            known.ip.send(path, 17, bytes(size), b"", 0, **how)
        assert caught.value.errno == 90
    known.sent()
    known.ip.send(path, 17, bytes(1_480), b"", 0, dont_fragment=True)
    (octets,) = known.sent()
    assert Ipv4Header.parse(octets[14:]).dont_fragment


@pytest.mark.rfc("1122I", "10", "12", "13")
def test_what_a_transport_may_set(known):
    path = known.ip.find_path(PEER, 0)
    options = b"\x07\x07\x04\0\0\0\0\0"
    known.ip.send(path, 17, b"x", b"", 0, ttl=3, tos=0x2E, options=options)
    (octets,) = known.sent()
    header = Ipv4Header.parse(octets[14:])
    assert (header.ttl, header.tos, header.options) == (3, 0x2E, options)


@pytest.mark.rfc("1122I", "12")
def test_the_default_ttl_is_a_setting(bench, stranger):
    node = bench.node("n", "lan", "10.0.0.1/24", ip=IpConfig(default_ttl=17))
    node.ip.neighbors.set_permanent(node.eth, PEER, stranger, 0)
    node.sent()
    node.send("10.0.0.9")
    assert Ipv4Header.parse(node.sent()[0][14:]).ttl == 17
    with pytest.raises(StackError):
        node.send("10.0.0.9", ttl=0)  # RFC 1122 §3.2.1.7


def test_wrap_to_a_stale_neighbour_starts_the_clock(bench, stranger):
    from netarium.wire.arp import REPLY, ArpMessage

    node = bench.node("n", "lan", "10.0.0.1/24", neighbor=NeighborConfig(reachable_time_ns=SECOND))
    path = node.ip.find_path(PEER, 0)
    assert node.ip.wrap(path, 6, bytes(20), b"", 0) is None
    answer = ArpMessage(REPLY, stranger, PEER, node.nic.mac, parse_ip("10.0.0.1"))
    node.hear(node.nic.mac + stranger + b"\x08\x06" + answer.pack())
    bench.run(3 * SECOND)
    assert path.neighbor.state is NeighborState.STALE
    frame = node.ip.wrap(path, 6, bytes(20), b"body", bench.now, csum_offset=16)
    assert path.neighbor.state is NeighborState.DELAY
    assert frame.head[:6] == stranger
    assert len(frame.head) == 54


def test_a_full_queue_while_packets_wait_is_counted(bench, stranger):
    from netarium.wire.arp import REPLY, ArpMessage

    node = bench.node("n", "lan", "10.0.0.1/24", ip=IpConfig(transmit_queue_frames=2))
    node.sent()
    node.send("10.0.0.9", bytes(10_000))
    answer = ArpMessage(REPLY, stranger, PEER, node.nic.mac, parse_ip("10.0.0.1"))
    node.hear(node.nic.mac + stranger + b"\x08\x06" + answer.pack())
    assert len(node.eth.out) == 2
    assert node.counters["ip_out_discards"] > 0


@pytest.mark.parametrize("size", [0, 1, 1460, 60_000])
def test_scapy_computes_the_same_header(known, size):
    scapy = pytest.importorskip("scapy.layers.inet")
    path = known.ip.find_path(PEER, 0)
    frame = known.ip.wrap(path, 6, bytes(20), bytes(size), 0, tos=1, ttl=9)
    seen = scapy.IP(frame.head[14:34])
    theirs = scapy.IP(src="10.0.0.1", dst="10.0.0.9", proto=6, ttl=9, tos=1, id=0, flags="DF", len=40 + size)
    assert bytes(seen) == bytes(theirs)
