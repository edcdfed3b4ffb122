"""Destinations that cannot be reached, and how sockets learn of it (RFC 1122 §3.2.2.1, §4.1.3.3, §4.2.3.9)."""

import errno
import socket
import time

import pytest

from netarium.base.addr import Prefix, format_ip, parse_ip
from netarium.base.config import MachineConfig
from netarium.base.profiles import profile
from netarium.ip.route import Route
from netarium.sim import World

from .conftest import MakeWorld


def two_networks(world: World) -> World:
    left, right = world.hosts("left", "right")
    router = world.router("router")
    world.cable(left, router, delay="1ms")
    world.cable(router, right, delay="1ms")
    return world


IP_RECVERR = 11


def error_of_udp(
    target: str, port: int, *, connected: bool = True, recverr: bool = True
) -> tuple[int, float]:
    """What a socket is told about one datagram, and when."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, recverr)
        begun = time.monotonic()
        if connected:
            sock.connect((target, port))
            sock.send(b"anybody?")
        else:
            sock.sendto(b"anybody?", (target, port))
        try:
            sock.recv(100)
        except TimeoutError:
            return 0, time.monotonic() - begun
        except OSError as fault:
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0, "an error is told once"
            return fault.errno or 0, time.monotonic() - begun
        raise AssertionError("nobody should have answered")


def error_of_tcp(target: str, port: int) -> tuple[int, float]:
    begun = time.monotonic()
    with socket.socket() as sock:
        return sock.connect_ex((target, port)), time.monotonic() - begun


@pytest.mark.rfc("1122U", "01")
@pytest.mark.rfc("1122U", "02")
@pytest.mark.rfc("1122I", "18")
def test_no_port(make_world: MakeWorld) -> None:
    world = two_networks(make_world())
    right = world.machines["right"].address
    for connected, recverr in ((True, False), (True, True), (False, True)):
        number, after = world.run(error_of_udp, right, 9, connected=connected, recverr=recverr, on="left")
        assert number == errno.ECONNREFUSED
        assert after < 0.02
    # Who is not connected and does not ask for errors is not told.
    assert world.run(error_of_udp, right, 9, connected=False, recverr=False, on="left")[0] == 0
    number, after = world.run(error_of_tcp, right, 9, on="left")
    assert number == errno.ECONNREFUSED
    assert after < 0.02


def test_no_port_on_oneself(make_world: MakeWorld) -> None:
    world = two_networks(make_world())
    for target in ("127.0.0.1", world.machines["left"].address):
        assert world.run(error_of_udp, target, 9, on="left") == (errno.ECONNREFUSED, 0.0)
        assert world.run(error_of_tcp, target, 9, on="left") == (errno.ECONNREFUSED, 0.0)


@pytest.mark.parametrize("ask", [error_of_udp, error_of_tcp])
def test_no_such_neighbour(make_world: MakeWorld, ask: object) -> None:
    """Three questions a second apart, then whoever waits is told (RFC 4861 §7.2.2, RFC 1122 §2.3.2.2)."""
    world = two_networks(make_world())
    dead = "10.0.1.77"
    number, after = world.run(ask, dead, 80, on="left")  # type: ignore[arg-type]
    assert number == errno.EHOSTUNREACH
    assert 2.9 < after <= 4.0


@pytest.mark.rfc("9293", "MUST-56")
@pytest.mark.parametrize("name", ["udp", "tcp as Linux", "tcp as the RFC"])
def test_no_such_neighbour_behind_the_router(make_world: MakeWorld, name: str) -> None:
    """The router says so; UDP's connected socket is told though it is no proof, a SYN goes on trying (MUST-56).

    Linux's connect() ends at once; so do ours, unless the profile is that of the RFCs.
    """
    ask = error_of_udp if name == "udp" else error_of_tcp
    config = MachineConfig(tcp=profile("rfc" if "RFC" in name else "linux"))
    world = two_networks(make_world(config=config))
    number, after = world.run(ask, "10.0.2.77", 80, on="left")
    assert world.machines["router"].machine.counters["icmp_out_dest_unreachs"] > 0
    if ask is error_of_tcp:
        assert number == errno.EHOSTUNREACH
        assert after > 100 if "RFC" in name else after < 4.1  # RFC 9293 MUST-23
    else:
        assert number == errno.EHOSTUNREACH
        assert 2.9 < after <= 4.1
        # It is no proof (RFC 1122 §3.2.2.1): only who asks for such errors is told.
        assert world.run(error_of_udp, "10.0.2.78", 80, recverr=False, on="left")[0] == 0


def test_no_route(make_world: MakeWorld) -> None:
    """Our own table has nothing: at once. The router's has nothing: it says so."""
    world = two_networks(make_world())
    left = world.machines["left"]
    lonely = world.host("lonely", address="192.0.2.1/24")
    world.cable(lonely, world.host("neighbour"))

    def send_at_once() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(OSError) as caught:
            sock.sendto(b"?", ("203.0.113.9", 9))
        assert caught.value.errno == errno.ENETUNREACH
        assert error_of_tcp("203.0.113.9", 9) == (errno.ENETUNREACH, 0.0)

    def told_by_the_router() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(2)
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            sock.sendto(b"?", ("203.0.113.9", 9))
            with pytest.raises(OSError) as caught:
                sock.recv(10)
            assert caught.value.errno == errno.ENETUNREACH

    world.run(send_at_once, on=lonely)
    world.run(told_by_the_router, on=left)
    assert world.machines["router"].machine.counters["ip_in_no_routes"] == 1


@pytest.mark.rfc("9293", "MUST-20", "SHLD-10")
def test_a_neighbour_that_dies(make_world: MakeWorld) -> None:
    """A connection whose peer vanishes from the link: the neighbour is asked, and nobody waits longer than R2."""
    world = make_world()
    one, other = world.hosts("one", "other")
    world.switch("lan", one, other)

    def serve() -> None:
        with socket.create_server(("", 80)) as listener, listener.accept()[0] as sock:
            sock.recv(1)
            time.sleep(3_600)

    def main() -> int:
        with socket.create_connection(("other", 80)) as sock:
            sock.send(b"x")
            time.sleep(1)
            world.cables["other-lan"].unplug()
            begun = time.monotonic()
            sock.sendall(b"are you there?")
            with pytest.raises(OSError) as caught:
                sock.recv(1)
            assert 1 < time.monotonic() - begun < 1_100
            return caught.value.errno or 0

    other.run(serve)
    assert world.run(main, on=one) in {errno.EHOSTUNREACH, errno.ETIMEDOUT}


def test_a_router_that_loops(make_world: MakeWorld) -> None:
    """Two routers that each think the other knows: the TTL ends it, and the sender hears of it."""
    world = make_world()
    source = world.host("source")
    one, other = world.router("one"), world.router("other")
    world.cable(source, one)
    world.cable(one, other)
    world.settle()
    nowhere = Prefix(parse_ip("203.0.113.0"), 24)
    for router, peer in ((one, other), (other, one)):
        interface = router.machine.ip.interface_named("eth1" if router is one else "eth0")
        assert interface is not None
        gateway = parse_ip(peer.addresses[0] if router is one else peer.addresses[1])
        router.machine.ip.routes.add(Route(nowhere, interface, gateway))

    def main() -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(2)
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            sock.sendto(b"?", ("203.0.113.9", 9))
            with pytest.raises(OSError) as caught:
                sock.recv(10)
            assert caught.value.errno == errno.EHOSTUNREACH
            _, items, _, _ = sock.recvmsg(2_000, 512, 0x2000)
            return format_ip(items[0][2][20:24])

    world.run(main, on=source)
    expired = [router.machine.counters["ip_in_ttl_expired"] for router in (one, other)]
    assert sorted(expired) == [0, 1]
