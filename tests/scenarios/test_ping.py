"""Ping: echo requests of all sizes, both ways, to oneself and across routers (RFC 792, RFC 1122 §3.2.2.6)."""

import socket
import time

import pytest

from netarium.link.rules import Drop
from netarium.link.selector import Selector, nth
from netarium.sim import World

from .conftest import MakeWorld

SIZES = (0, 1, 56, 1_472, 1_473, 8_000, 60_000)


def ping(target: str, size: int, timeout: float = 2) -> float:
    """One echo; the round trip in s. An octet pattern proves that nothing was mixed up."""
    pattern = bytes((size + place) % 251 for place in range(size))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sock:
        sock.settimeout(timeout)
        begun = time.monotonic()
        sock.sendto(b"\x08\0\0\0\0\0\0\x07" + pattern, (target, 0))
        reply, sender = sock.recvfrom(65_536)
        assert sender == (target, 0)
        assert reply[:2] == b"\0\0"
        assert reply[6:8] == b"\0\x07"
        assert reply[8:] == pattern
        return time.monotonic() - begun


def two_networks(world: World, delay: str = "1ms") -> World:
    """left - router - right."""
    left, right = world.hosts("left", "right")
    router = world.router("router")
    world.cable(left, router, delay=delay)
    world.cable(router, right, delay=delay)
    return world


@pytest.mark.rfc("1122I", "06")
@pytest.mark.rfc("1122I", "22")
@pytest.mark.parametrize("size", SIZES)
def test_both_ways_on_one_cable(make_world: MakeWorld, size: int) -> None:
    world = make_world()
    one, other = world.hosts("one", "other")
    world.cable(one, other, delay="1ms", rate="100mbit")
    for source, target in ((one, other), (other, one)):
        trip = world.run(ping, target.address, size, on=source)
        # Twice the delay and the time that the bits take; the first one asks for the neighbour as well.
        assert 0.002 < trip < 0.0045 + 2 * (size + 100) * 8.5 / 100e6
        assert world.machines["one"].machine.counters["ip_reasm_timeout"] == 0


@pytest.mark.parametrize("size", SIZES)
def test_through_a_router(make_world: MakeWorld, size: int) -> None:
    world = two_networks(make_world())
    left, right = world.machines["left"], world.machines["right"]
    assert 0.004 < world.run(ping, right.address, size, on=left) < 0.012
    assert 0.004 < world.run(ping, left.address, size, on=right) < 0.008
    # The router takes part, too, under each of its addresses.
    for address in world.machines["router"].addresses:
        world.run(ping, address, size, on=left)


@pytest.mark.parametrize("size", SIZES)
def test_oneself(make_world: MakeWorld, size: int) -> None:
    world = two_networks(make_world())
    left = world.machines["left"]
    for address in (left.address, "127.0.0.1", "127.255.0.9"):
        assert world.run(ping, address, size, on=left) == 0.0


def test_two_pings_at_once_get_their_own_answers(make_world: MakeWorld) -> None:
    world = two_networks(make_world())
    left, right = world.machines["left"], world.machines["right"]

    def both() -> list[float]:
        processes = [left.run(ping, right.address, size) for size in (100, 3_000)]
        return [process.join() for process in processes]

    assert len(world.run(both)) == 2


def test_losing_one_fragment_loses_the_datagram_and_no_memory(make_world: MakeWorld) -> None:
    world = make_world()
    one, other = world.hosts("one", "other")
    cable = world.cable(one, other)
    cable.add_rule(Drop(Selector(protocol="ip"), nth(3)))

    def main() -> None:
        with pytest.raises(TimeoutError):
            ping(other.address, 8_000)
        ping(other.address, 8_000)
        time.sleep(120)

    world.run(main, on=one)
    counters = other.machine.counters
    assert counters["ip_reasm_timeout"] == 1
    assert counters["ip_reasm_oks"] == 1
    # RFC 1122 §3.3.2: the first fragment was there, so its sender is told.
    assert counters["icmp_out_time_excds"] == 1
