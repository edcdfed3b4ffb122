"""Groups and broadcast: RFC 1112, RFC 2236."""

import pytest

from netarium.base.addr import multicast_mac, parse_ip
from netarium.base.errors import Accepted, DropReason, StackError
from netarium.wire.igmp import GroupRecord, IgmpMessage, IgmpV3Query, IgmpV3Report
from netarium.wire.ipv4 import Ipv4Header

SECOND = 1_000_000_000
GROUP = parse_ip("239.1.2.3")
ROUTER = bytes.fromhex("02cccccccccc")


def igmps(bench):
    return [(now, h, payload[0], payload[4:8]) for now, h, payload in bench.ips() if h.protocol == 2]


def query(host, packet, group="0.0.0.0", tenths=100):
    message = IgmpMessage(0x11, parse_ip(group), tenths).pack()
    dst = "224.0.0.1" if group == "0.0.0.0" else group
    pkt = packet("10.0.0.254", dst, message, protocol=2, ttl=1)
    return host.feed(pkt, dst=multicast_mac(parse_ip(dst)), src=ROUTER)


def test_join_and_leave_at_the_adapter(host):
    assert host.nic.joined == [multicast_mac(parse_ip("224.0.0.1"))]
    other = parse_ip("238.129.2.3")  # the same MAC address
    host.ip.join_group(host.eth, GROUP, 0)
    host.ip.join_group(host.eth, GROUP, 0)
    host.ip.join_group(host.eth, other, 0)
    assert host.nic.joined[1:] == [multicast_mac(GROUP)]
    host.ip.leave_group(host.eth, GROUP, 0)
    host.ip.leave_group(host.eth, GROUP, 0)
    assert host.nic.joined[1:] == [multicast_mac(GROUP)]
    host.ip.leave_group(host.eth, other, 0)
    assert len(host.nic.joined) == 1
    with pytest.raises(StackError):
        host.ip.leave_group(host.eth, GROUP, 0)
    with pytest.raises(StackError):
        host.ip.join_group(host.eth, parse_ip("10.0.0.9"), 0)


def test_delivery_to_members_only(host, packet):
    pkt = packet("10.0.0.9", "239.1.2.3")
    mac = multicast_mac(GROUP)
    assert host.feed(pkt, dst=mac) is DropReason.ETH_NOT_OURS
    host.ip.join_group(host.eth, GROUP, 0)
    assert host.feed(pkt, dst=mac) is Accepted.LOCAL
    assert host.udp.packets[0].to_group
    # another group behind the same MAC address
    assert host.feed(packet("10.0.0.9", "238.129.2.3"), dst=mac) is DropReason.IP_NOT_OURS


def test_sending_to_a_group_asks_nobody(bench, pair):
    a, b = pair
    b.ip.join_group(b.eth, GROUP, 0)
    bench.settle()
    bench.log.clear()
    a.send("239.1.2.3", b"all", ttl=1)
    bench.settle()
    assert b.udp.payloads() == [b"all"]
    assert not a.udp.packets
    assert not bench.arps()
    assert bench.log[0][2][:6] == multicast_mac(GROUP)


def test_our_own_copy(bench, pair):
    a, _ = pair
    a.ip.join_group(a.eth, GROUP, 0)
    a.send("239.1.2.3", b"one")
    a.send("239.1.2.3", b"two", loop=False)
    bench.settle()
    assert a.udp.payloads() == [b"one"]
    a.send("239.1.2.3", b"here only", ttl=0)
    bench.log.clear()
    bench.settle()
    assert a.udp.payloads()[1:] == [b"here only"]
    assert not bench.log
    with pytest.raises(StackError):
        a.send("10.0.0.2", ttl=0)


@pytest.mark.rfc("894", "02")
@pytest.mark.parametrize("dst", ["255.255.255.255", "10.0.0.255"])
def test_broadcast(bench, pair, dst):
    a, b = pair
    a.send(dst, b"everybody")
    bench.settle()
    assert b.udp.payloads() == [b"everybody"]
    assert a.udp.payloads() == [b"everybody"]
    assert bench.log[0][2][:6] == b"\xff" * 6
    assert b.udp.packets[0].src == parse_ip("10.0.0.1")
    assert not bench.arps()


def test_broadcast_before_there_is_an_address(bench):
    node = bench.node("n")
    interface = node.plug("lan")
    path = node.ip.find_path(parse_ip("255.255.255.255"), 0, interface=interface)
    assert path.src == bytes(4)
    node.ip.send(path, 17, b"discover", b"", 0)
    (octets,) = node.sent()
    assert octets[26:30] == bytes(4)


def test_membership_is_reported_twice(bench, host):
    host.ip.join_group(host.eth, GROUP, 0)
    bench.run(60 * SECOND)
    first, second = igmps(bench)
    assert (first[2], first[3], first[1].dst, first[1].ttl) == (0x16, GROUP, GROUP, 1)
    assert first[1].options == b"\x94\x04\x00\x00"
    assert first[0] == 0
    assert 0 < second[0] <= 10 * SECOND


def test_queries_are_answered_after_a_random_time(bench, host, packet):
    host.ip.join_group(host.eth, GROUP, 0)
    bench.run(60 * SECOND)
    bench.log.clear()
    assert query(host, packet, tenths=50) is Accepted.LOCAL
    bench.run(120 * SECOND)
    ((at, _, kind, group),) = igmps(bench)
    assert (kind, group) == (0x16, GROUP)
    assert 60 * SECOND < at <= 65 * SECOND
    bench.log.clear()
    query(host, packet, "239.9.9.9")  # of a group that is not ours
    bench.run(180 * SECOND)
    assert not igmps(bench)
    query(host, packet, "239.1.2.3", tenths=0)  # version 1
    bench.run(200 * SECOND)
    assert len(igmps(bench)) == 1


def test_queries_and_reports_of_version_3(bench, host, packet):
    host.ip.join_group(host.eth, GROUP, 0)
    bench.run(60 * SECOND)
    bench.log.clear()
    all_systems = multicast_mac(parse_ip("224.0.0.1"))
    asked = packet("10.0.0.254", "224.0.0.1", IgmpV3Query(max_resp_code=20).pack(), protocol=2)
    assert host.feed(asked, dst=all_systems, src=ROUTER) is Accepted.LOCAL
    said = packet("10.0.0.7", "224.0.0.1", IgmpV3Report((GroupRecord(2, GROUP),)).pack(), protocol=2)
    assert host.feed(said, dst=all_systems) is Accepted.LOCAL
    bench.run(62 * SECOND)
    assert [(kind, group) for _, _, kind, group in igmps(bench)] == [(0x16, GROUP)]


def test_no_reports_without_neighbours(bench):
    node = bench.node("n")
    node.ip.join_group(node.ip.loopback, GROUP, 0)
    node.ip.leave_group(node.ip.loopback, GROUP, 0)
    assert not node.ip.loopback.out
    assert node.ip.next_deadline() is None


def test_somebody_else_was_quicker(bench, host, packet):
    host.ip.join_group(host.eth, GROUP, 0)
    bench.run(60 * SECOND)
    bench.log.clear()
    query(host, packet)
    report = packet("10.0.0.7", "239.1.2.3", IgmpMessage(0x16, GROUP).pack(), protocol=2)
    host.feed(report, dst=multicast_mac(GROUP))
    bench.run(120 * SECOND)
    assert not igmps(bench)
    host.ip.leave_group(host.eth, GROUP, bench.now)
    bench.settle()
    assert not igmps(bench)  # the other one is still a member


def test_the_last_reporter_says_good_bye(bench, host):
    host.ip.join_group(host.eth, GROUP, 0)
    bench.run(60 * SECOND)
    bench.log.clear()
    host.ip.leave_group(host.eth, GROUP, bench.now)
    bench.settle()
    ((_, header, kind, group),) = igmps(bench)
    assert (header.dst, kind, group) == (parse_ip("224.0.0.2"), 0x17, GROUP)
    assert host.ip.next_deadline() is None


def test_malformed_igmp(host, packet):
    for octets in (b"", bytes(7), b"\x16\x00\x00\x00" + GROUP, b"\x99" + bytes(7)):
        pkt = packet("10.0.0.9", "224.0.0.1", octets, protocol=2)
        fate = host.feed(pkt, dst=multicast_mac(parse_ip("224.0.0.1")))
        assert fate is DropReason.IGMP_MALFORMED


def test_scapy_reads_our_report(host):
    igmp = pytest.importorskip("scapy.contrib.igmp")
    host.ip.join_group(host.eth, GROUP, 0)
    (octets,) = host.sent()
    header = Ipv4Header.parse(octets[14:])
    seen = igmp.IGMP(octets[14 + header.header_length :])
    assert (seen.type, seen.gaddr) == (0x16, "239.1.2.3")
