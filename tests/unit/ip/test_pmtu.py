"""Path MTU discovery: RFC 1191, and what RFC 5927 §7 says of its abuse."""

import pytest

from netarium.base.addr import parse_ip
from netarium.base.config import IpConfig
from netarium.base.errors import Accepted, DropReason, StackError
from netarium.ip.pmtu import PLATEAUS, plateau_below
from netarium.wire.icmpv4 import IcmpMessage
from netarium.wire.ipv4 import Ipv4Header

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
FAR = "192.0.2.5"


@pytest.fixture
def remote(host):
    from netarium.base.addr import parse_prefix
    from netarium.ip.route import Route

    host.ip.routes.add(Route(parse_prefix("default"), host.eth, parse_ip("10.0.0.254")))
    return host


def too_big(host, packet, mtu, *, dst=FAR, size=1480, protocol=6):
    quoted = packet("10.0.0.1", dst, bytes(size), protocol=protocol)[:48]
    message = IcmpMessage(3, 4, mtu, quoted).pack()
    return host.feed(packet("10.0.0.254", "10.0.0.1", message, protocol=1))


def mtu_to(host, dst=FAR):
    return host.ip.find_path(parse_ip(dst), host.bench.now).mtu


@pytest.mark.rfc("1191", "01", "02", "04")
def test_a_smaller_mtu_is_learned_and_paths_outdated(bench, remote, packet):
    path = remote.ip.find_path(parse_ip(FAR), 0)
    assert path.mtu == 1500
    assert too_big(remote, packet, 1400) is Accepted.LOCAL
    assert path.generation != remote.ip.generation
    assert mtu_to(remote) == 1400
    assert mtu_to(remote, "192.0.2.6") == 1500
    assert remote.tcp.errors[0].mtu == 1400
    with pytest.raises(StackError) as caught:
        remote.send(FAR, bytes(1381), dont_fragment=True)
    assert caught.value.errno == 90


@pytest.mark.attack("ICMP-08")
@pytest.mark.rfc("1191", "02")
@pytest.mark.parametrize(
    ("mtu", "expected", "df"),
    [
        (0, 1492, True), (1, 552, False), (67, 552, False), (68, 552, False), (100, 552, False), (551, 552, False),
        (552, 552, True), (1279, 1279, True), (1280, 1280, True), (1500, 1500, True), (65_535, 1500, True),
    ],
)  # fmt: skip
def test_what_routers_may_say(remote, packet, mtu, expected, df):
    too_big(remote, packet, mtu)
    path = remote.ip.find_path(parse_ip(FAR), 0)
    assert (path.mtu, path.dont_fragment) == (expected, df)


@pytest.mark.attack("ICMP-08")
@pytest.mark.rfc("1191", "02")
def test_never_raised_by_a_message(remote, packet):
    for mtu, expected in (
        (1000, 1000),
        (1400, 1000),
        (900, 900),
        (0, 900),
        (60, 552),
        (1400, 552),
        (560, 552),
    ):
        too_big(remote, packet, mtu)
        assert mtu_to(remote) == expected


def test_below_the_floor_routers_may_cut(bench, remote, packet, stranger):
    remote.ip.neighbors.set_permanent(remote.eth, parse_ip("10.0.0.254"), stranger, 0)
    too_big(remote, packet, 296)
    path = remote.ip.find_path(parse_ip(FAR), 0)
    frames = [remote.ip.wrap(path, 6, bytes(20), bytes(512), 0) for _ in range(50)]
    headers = [Ipv4Header.parse(frame.head[14:]) for frame in frames]
    assert not any(header.dont_fragment for header in headers)
    assert len({header.identification for header in headers}) == 50


@pytest.mark.rfc("1191", "03")
def test_the_estimate_expires_after_ten_minutes(bench, remote, packet):
    too_big(remote, packet, 1400)
    bench.run(10 * MINUTE - 1)
    path = remote.ip.find_path(parse_ip(FAR), bench.now)
    assert path.mtu == 1400
    bench.run(10 * MINUTE)
    assert path.generation != remote.ip.generation
    assert mtu_to(remote) == 1500
    assert len(remote.ip.path_mtus) == 0


@pytest.mark.attack("ICMP-09")
def test_only_what_a_transport_recognises(remote, packet):
    remote.tcp.matches = False
    for number in range(200):
        fate = too_big(remote, packet, 600, dst=f"192.0.2.{number}")
        assert fate is DropReason.ICMP_NO_MATCH
    assert too_big(remote, packet, 600, protocol=99) is DropReason.ICMP_NO_MATCH
    assert len(remote.ip.path_mtus) == 0


@pytest.mark.attack("ICMP-09")
def test_the_cache_is_bounded(bench, remote, packet):
    for number in range(1_000):
        too_big(remote, packet, 600, dst=bytes([192, 0, number >> 8, number & 255]))
    assert len(remote.ip.path_mtus) == IpConfig().pmtu_cache_size
    bench.run(20 * MINUTE)
    assert len(remote.ip.path_mtus) == 0


@pytest.mark.rfc("1191", "01")
def test_plateaus():
    assert plateau_below(1500) == 1492
    assert plateau_below(1492) == 1006
    assert plateau_below(65_536) == 65_535
    assert plateau_below(68) == plateau_below(20) == 68
    assert list(PLATEAUS) == sorted(PLATEAUS, reverse=True)
