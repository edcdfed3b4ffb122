"""Paths with a narrow place (RFC 1191): TCP finds out and loses nothing, UDP does as its socket says."""

import errno
import socket
import time

import pytest

from netarium.base.config import MachineConfig, TcpConfig
from netarium.link.rules import Cut
from netarium.link.selector import Selector
from netarium.sim import World

from .conftest import MakeWorld
from .programs import PORT, exchange

IP_MTU_DISCOVER, IP_MTU, DONT, WANT, DO, PROBE = 10, 14, 0, 1, 2, 3
HEADERS = 28  # of IPv4 and UDP


def narrow(world: World, mtu: int) -> World:
    """left - a =narrow= b - right."""
    left, right = world.hosts("left", "right")
    a, b = world.router("a"), world.router("b")
    world.cable(left, a, delay="1ms")
    world.cable(a, b, delay="1ms", mtu=mtu)
    world.cable(b, right, delay="1ms")
    return world


@pytest.mark.rfc("9293", "SHLD-6")
@pytest.mark.rfc("1191", "01")
@pytest.mark.rfc("1191", "04")
@pytest.mark.rfc("791", "04")
@pytest.mark.parametrize("mtu", [576, 1_280])
def test_tcp_finds_the_narrow_place(make_world: MakeWorld, mtu: int) -> None:
    world = narrow(make_world(), mtu)
    exchange(world, 300_000, "right", "left")
    assert world.now < 2e9, "no retransmission timeout after another"
    # Each end learned it once for its whole burst, and nothing was ever cut.
    for name in ("left", "right"):
        assert 1 <= world.machines[name].machine.counters["ip_pmtu_lowered"] <= 2
    for name in ("a", "b"):
        assert world.machines[name].machine.counters["ip_frag_creates"] == 0


def test_super_segments_before_a_narrow_place(make_world: MakeWorld) -> None:
    """What a router quotes of a super-segment is the first of the frames that it stands for."""
    world = make_world()
    left, right = world.host("left", offload=True), world.host("right", offload=True)
    a, b = world.router("a"), world.router("b")
    world.cable(left, a, delay="1ms")
    world.cable(a, b, delay="1ms", mtu=1_000)
    world.cable(b, right, delay="1ms")
    exchange(world, 300_000, "right", "left")
    assert world.now < 2e9


def test_mss_of_narrow_ends(make_world: MakeWorld) -> None:
    """The narrow place is an end: its MSS says so, and no ICMP is needed."""
    world = make_world()
    left, right = world.hosts("left", "right")
    router = world.router("router")
    world.cable(left, router, mtu=576)
    world.cable(router, right)
    exchange(world, 100_000, "right", "left")
    assert router.machine.counters["ip_forward_too_big"] == 0


def send_large(discover: int, size: int, again: bool = True) -> list[int]:
    """What two large datagrams, one after the other, do: an errno each, or 0."""
    results = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, discover)
        sock.connect(("right", 9))
        for _ in range(1 + again):
            try:
                sock.send(bytes(size))
                results.append(0)
            except OSError as fault:
                results.append(fault.errno or 0)
            time.sleep(0.1)
        results.append(sock.getsockopt(socket.IPPROTO_IP, IP_MTU))
    return results


def receive(world: World) -> list[int]:
    """A receiver on `right`; the list of sizes grows."""
    sizes: list[int] = []

    def listen() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("", 9))
            while True:
                sizes.append(len(sock.recv(70_000)))

    world.machines["right"].run(listen)
    return sizes


@pytest.mark.rfc("1191", "01")
def test_udp_as_the_socket_says(make_world: MakeWorld) -> None:
    world = narrow(make_world(), 576)

    def main() -> None:
        # DONT: routers cut it.
        assert send_large(DONT, 1_400) == [0, 0, 1_500]
        assert sizes == [1_400, 1_400]
        # WANT (the default): the first is lost, the error is pending, then we cut ourselves.
        assert send_large(WANT, 1_400) == [0, errno.EMSGSIZE, 576]
        assert send_large(WANT, 1_400) == [0, 0, 576]
        assert sizes == [1_400] * 4
        # DO: never cut, by nobody.
        assert send_large(DO, 576 - HEADERS) == [0, 0, 576]
        assert send_large(DO, 576 - HEADERS + 1) == [errno.EMSGSIZE] * 2 + [576]
        # PROBE: DF whatever is known; only our own link counts.
        assert send_large(PROBE, 1_500 - HEADERS)[0] == 0
        assert sizes == [1_400] * 4 + [576 - HEADERS] * 2

    sizes = receive(world)
    world.run(main, on="left")


@pytest.mark.rfc("1191", "03")
def test_what_was_learned_is_forgotten_after_ten_minutes(make_world: MakeWorld) -> None:
    def main() -> None:
        send_large(DO, 1_400)
        assert send_large(DO, 1_400)[-1] == 576
        time.sleep(605)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("right", 9))
            assert sock.getsockopt(socket.IPPROTO_IP, IP_MTU) == 1_500

    world = narrow(make_world(), 576)
    receive(world)
    world.run(main, on="left")


def black_hole(world: World, mtu: int) -> World:
    """A narrow place that tells nobody: its ICMP is filtered."""
    narrow(world, mtu)
    world.cables["left-a"].add_rule(Cut(Selector(protocol="icmp")), direction=1)
    return world


@pytest.mark.rfc("9293", "SHLD-11", "MUST-20")
def test_a_black_hole_ends_in_a_clean_timeout(make_world: MakeWorld) -> None:
    """Without probing (Linux's tcp_mtu_probing=0) the connection ends with ETIMEDOUT, not in silence."""
    config = MachineConfig(tcp=TcpConfig(mtu_probing=0))
    world = black_hole(make_world(config=config), 576)

    def serve() -> None:
        with socket.create_server(("", PORT)) as listener, listener.accept()[0] as sock:
            while sock.recv(100_000):
                pass

    def main() -> float:
        with socket.create_connection(("right", PORT)) as sock:
            begun = time.monotonic()
            sock.sendall(bytes(10_000))
            with pytest.raises(TimeoutError) as caught:
                sock.recv(1)
            assert caught.value.errno == errno.ETIMEDOUT
            return time.monotonic() - begun

    world.machines["right"].run(serve)
    assert 100 < world.run(main, on="left") < 1_500


@pytest.mark.rfc("4821-01")
@pytest.mark.rfc("8899", "4.3")
@pytest.mark.parametrize(("mtu", "within"), [(1_280, 8), (576, 15), (296, 60)])
def test_a_black_hole_is_left(make_world: MakeWorld, mtu: int, within: int) -> None:
    """The same, as the stack comes: after a few timeouts smaller segments are tried, then the search goes upward."""
    world = black_hole(make_world(config=MachineConfig(tcp=TcpConfig(mtu_probe_floor=48))), mtu)
    world.cables["b-right"].add_rule(Cut(Selector(protocol="icmp")), direction=0)
    exchange(world, 300_000, "right", "left")
    assert world.now < within * 1e9
    connections = [each for name in ("left", "right") for each in world.machines[name].driver.connections]
    smss = [each.tcb.smss for each in connections if each.remote[1]]
    assert len(smss) == 2
    # Nothing larger passes; and who sent enough afterwards has found it within the threshold of the search.
    assert all(size <= mtu - 40 - 12 for size in smss), smss
    assert max(smss) >= mtu - 40 - 12 - 8, smss
