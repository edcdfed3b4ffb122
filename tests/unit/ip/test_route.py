"""The routing table, and how paths are chosen from it."""

import pytest

from netarium.base.addr import Prefix, parse_ip, parse_prefix
from netarium.base.errors import StackError
from netarium.base.trace import RouteChosen, Trace
from netarium.ip.iface import Interface
from netarium.ip.route import Route, RouteKind, RoutingTable
from netarium.link.loopback import Loopback


@pytest.fixture
def changes():
    return []


@pytest.fixture
def table(changes):
    return RoutingTable(lambda: changes.append(1))


@pytest.fixture
def one():
    return Interface(1, Loopback("one"), 10)


@pytest.fixture
def two():
    return Interface(2, Loopback("two"), 10)


def gateway(table, dst, interface=None, usable=None):
    route = table.lookup(parse_ip(dst), interface, usable)
    return None if route is None else route.gateway


@pytest.mark.rfc("1122I", "26")
def test_the_longest_prefix_wins(table, one):
    for text, via in (
        ("default", 1),
        ("10.0.0.0/8", 2),
        ("10.1.0.0/16", 3),
        ("10.1.2.3/32", 4),
        ("2001:db8::/32", 5),
    ):
        prefix = parse_prefix(text)
        table.add(Route(prefix, one, bytes([via]) * len(prefix.network)))
    for dst, via in (("192.0.2.1", 1), ("10.2.0.1", 2), ("10.1.2.4", 3), ("10.1.2.3", 4), ("2001:db8::9", 5)):
        assert gateway(table, dst)[0] == via
    assert gateway(table, "2001:db9::1") is None


def test_the_lowest_metric_then_the_first(table, one):
    for metric, via in ((5, "10.0.0.1"), (3, "10.0.0.2"), (3, "10.0.0.3")):
        table.add(Route(parse_prefix("default"), one, parse_ip(via), metric))
    assert gateway(table, "192.0.2.1") == parse_ip("10.0.0.2")
    assert table.remove(parse_prefix("default"), gateway=parse_ip("10.0.0.2")) == 1
    assert gateway(table, "192.0.2.1") == parse_ip("10.0.0.3")
    assert table.remove(parse_prefix("default")) == 2
    assert table.lookup(parse_ip("192.0.2.1")) is None
    assert table.remove(parse_prefix("default")) == 0


def test_by_interface(table, one, two):
    table.add(Route(parse_prefix("10.0.0.0/8"), one, bytes(4)))
    table.add(Route(parse_prefix("default"), two, b"\x01" * 4))
    assert gateway(table, "10.0.0.1", two) == b"\x01" * 4
    assert gateway(table, "192.0.2.1", one) is None


@pytest.mark.rfc("1122I", "27")
def test_dead_ways_come_last(table, one):
    for metric in (1, 2):
        table.add(Route(parse_prefix("default"), one, bytes([metric] * 4), metric))
    assert gateway(table, "192.0.2.1", usable=lambda route: route.metric == 2) == b"\x02" * 4
    assert gateway(table, "192.0.2.1", usable=lambda route: False) == b"\x01" * 4


def test_an_equal_route_is_replaced(table, one, changes):
    for kind in (RouteKind.STATIC, RouteKind.CONNECTED):
        table.add(Route(parse_prefix("10.0.0.0/8"), one, kind=kind))
    assert [route.kind for route in table] == [RouteKind.CONNECTED]
    assert len(changes) == 2


def test_redirects_are_bounded_and_forgotten(table, one):
    small = RoutingTable(lambda: None, max_redirects=3)
    for number in range(5):
        small.add_redirect(bytes([10, 0, 0, number]), b"\x0a\0\0\xfe", one)
    assert [route.destination.network[3] for route in small] == [2, 3, 4]
    small.add_redirect(bytes([10, 0, 0, 3]), b"\x0a\0\0\xfd", one)
    assert len(small) == 3
    small.remove(Prefix(bytes([10, 0, 0, 2]), 32))
    small.forget_redirect(bytes([10, 0, 0, 2]))
    assert len(small) == 2


# --- addresses and paths --------------------------------------------------------------------------------------------


def test_an_address_brings_its_route_and_takes_it_away(host):
    def networks():
        return [str(route.destination) for route in host.ip.routes if route.interface is host.eth]

    assert networks() == ["10.0.0.0/24"]
    host.ip.add_address(host.eth, parse_ip("10.0.0.2"), 24, 0)
    host.ip.add_address(host.eth, parse_ip("172.16.0.1"), 16, 0)
    assert sorted(networks()) == ["10.0.0.0/24", "172.16.0.0/16"]
    host.ip.remove_address(host.eth, parse_ip("10.0.0.1"), 0)
    assert sorted(networks()) == ["10.0.0.0/24", "172.16.0.0/16"]
    host.ip.remove_address(host.eth, parse_ip("10.0.0.2"), 0)
    assert networks() == ["172.16.0.0/16"]
    assert not host.ip.is_local(parse_ip("10.0.0.1"))
    with pytest.raises(StackError):
        host.ip.remove_address(host.eth, parse_ip("10.0.0.1"), 0)


@pytest.mark.parametrize(
    "text",
    [
        "224.0.0.1/4",
        "0.0.0.0/24",
        "0.1.1.1/8",
        "255.255.255.255/32",
        "240.0.0.1/8",
        "10.9.9.255/24",
        "10.0.0.1/24",
    ],
)
def test_addresses_that_cannot_be_given(host, text):
    address, _, length = text.partition("/")
    with pytest.raises(StackError):
        host.ip.add_address(host.eth, parse_ip(address), int(length), 0)
    with pytest.raises(StackError):
        host.ip.add_address(host.eth, parse_ip("10.77.0.1"), 33, 0)


@pytest.mark.rfc("1122I", "28")
def test_the_source_lies_on_the_next_hops_network(host):
    host.ip.add_address(host.eth, parse_ip("172.16.0.1"), 16, 0)
    host.ip.routes.add(Route(parse_prefix("default"), host.eth, parse_ip("172.16.0.254")))
    for dst, src in (("10.0.0.9", "10.0.0.1"), ("172.16.9.9", "172.16.0.1"), ("192.0.2.1", "172.16.0.1")):
        assert host.ip.find_path(parse_ip(dst), 0).src == parse_ip(src), dst
    chosen = host.ip.find_path(parse_ip("192.0.2.1"), 0, src=parse_ip("10.0.0.1"))
    assert chosen.src == parse_ip("10.0.0.1")
    host.ip.routes.add(Route(parse_prefix("198.51.100.0/24"), host.eth, source=parse_ip("10.0.0.1")))
    assert host.ip.find_path(parse_ip("198.51.100.7"), 0).src == parse_ip("10.0.0.1")


def test_link_local_addresses_are_for_link_local_peers(host):
    host.ip.remove_address(host.eth, parse_ip("10.0.0.1"), 0)
    host.ip.add_address(host.eth, parse_ip("169.254.3.4"), 16, 0)
    host.ip.add_address(host.eth, parse_ip("10.0.0.1"), 24, 0)
    host.ip.routes.add(Route(parse_prefix("default"), host.eth))
    assert host.ip.find_path(parse_ip("192.0.2.1"), 0).src == parse_ip("10.0.0.1")
    assert host.ip.find_path(parse_ip("169.254.9.9"), 0).src == parse_ip("169.254.3.4")


def test_an_interface_that_is_named(bench, host):
    other = host.plug("other", "10.7.0.1/24")
    path = host.ip.find_path(parse_ip("192.0.2.1"), 0, interface=other)
    assert (path.interface, path.src, path.next_hop) == (other, parse_ip("10.7.0.1"), parse_ip("192.0.2.1"))
    path = host.ip.find_path(parse_ip("255.255.255.255"), 0, interface=other)
    assert (path.interface, path.broadcast) == (other, True)
    path = host.ip.find_path(parse_ip("255.255.255.255"), 0, src=parse_ip("10.7.0.1"))
    assert path.interface is other
    assert host.ip.find_path(parse_ip("255.255.255.255"), 0).interface is host.eth
    host.ip.routes.add(Route(parse_prefix("default"), other))
    assert host.ip.find_path(parse_ip("255.255.255.255"), 0).interface is other
    assert host.ip.interface_named("eth1") is other
    assert host.ip.interface_named("eth7") is None


def test_a_way_whose_cable_is_out_comes_last(bench, host):
    other = host.plug("other", "10.7.0.1/24")
    host.ip.routes.add(Route(parse_prefix("default"), host.eth, parse_ip("10.0.0.254"), 1))
    host.ip.routes.add(Route(parse_prefix("default"), other, parse_ip("10.7.0.254"), 2))
    host.nic.up = False
    assert host.ip.find_path(parse_ip("192.0.2.1"), 0).interface is other


def test_point_to_point_networks_have_no_broadcast(bench):
    node = bench.node("n", "lan", "10.0.0.0/31")
    assert not node.eth.broadcasts
    assert not node.ip.find_path(parse_ip("10.0.0.1"), 0).broadcast


def test_no_address_at_all(bench):
    node = bench.node("n")
    interface = node.plug("lan")
    with pytest.raises(StackError) as caught:
        node.ip.find_path(parse_ip("192.0.2.1"), 0, interface=interface)
    assert caught.value.errno == 99


def test_the_choice_is_told(bench):
    events = []
    node = bench.node("n", "lan", "10.0.0.1/24", trace=Trace(events.append))
    node.ip.routes.add(Route(parse_prefix("default"), node.eth, parse_ip("10.0.0.254")))
    node.ip.find_path(parse_ip("192.0.2.1"), 5)
    node.ip.find_path(parse_ip("127.0.0.1"), 6)
    told = [(e.prefix, e.gateway, e.device, e.source) for e in events if isinstance(e, RouteChosen)]
    assert told == [("0.0.0.0/0", "10.0.0.254", "eth0", "10.0.0.1"), ("local", None, "lo", "127.0.0.1")]
