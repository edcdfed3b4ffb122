"""Traceroute through three routers, by UDP and by ICMP: each hop answers for itself, errors reach the socket."""

import errno
import itertools
import socket
import struct

import pytest

from netarium.base.config import MachineConfig
from netarium.base.profiles import profile
from netarium.sim import World

from .conftest import MakeWorld

IP_RECVERR, MSG_ERRQUEUE, IP_TTL = 11, 0x2000, int(socket.IP_TTL)
PORT = 33_434


def chain(world: World) -> World:
    """source - a - b - c - target."""
    source, target = world.hosts("source", "target")
    names = [source, *(world.router(name) for name in "abc"), target]
    for one, other in itertools.pairwise(names):
        world.cable(one, other, delay="2ms")
    return world


def reporter(sock: socket.socket) -> tuple[str, int, int, int]:
    """The next entry of the error queue: who reported it, errno, ICMP type and code."""
    _, items, flags, _ = sock.recvmsg(2_000, 512, MSG_ERRQUEUE)
    assert flags & MSG_ERRQUEUE
    ((level, kind, value),) = items
    assert (level, kind) == (socket.IPPROTO_IP, IP_RECVERR)
    number, origin, type_, code = struct.unpack_from("IBBB", value)
    assert origin == 2  # SO_EE_ORIGIN_ICMP
    return socket.inet_ntoa(value[20:24]), number, type_, code


def trace_by_udp(target: str) -> list[str]:
    """The classic: a port that nobody listens on, and a TTL that grows."""
    hops: list[str] = []
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(2)
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            sock.setsockopt(socket.IPPROTO_IP, IP_TTL, len(hops) + 1)
            sock.sendto(b"who is there?", (target, PORT + len(hops)))
            with pytest.raises(OSError) as caught:
                sock.recv(100)
            hop, number, type_, code = reporter(sock)
            assert caught.value.errno == number
            hops.append(hop)
            if (type_, code) == (3, 3):
                assert number == errno.ECONNREFUSED
                return hops
            assert (type_, code, number) == (11, 0, errno.EHOSTUNREACH)


def trace_by_icmp(target: str) -> list[str]:
    hops: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sock:
        sock.settimeout(2)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        while True:
            sock.setsockopt(socket.IPPROTO_IP, IP_TTL, len(hops) + 1)
            sock.sendto(b"\x08\0\0\0\0\0\0\x01hop", (target, 0))
            try:
                _, sender = sock.recvfrom(100)
            except OSError:
                hop, number, type_, code = reporter(sock)
                assert (type_, code, number) == (11, 0, errno.EHOSTUNREACH)
                hops.append(hop)
            else:
                return [*hops, sender[0]]


@pytest.mark.rfc("1122I", "22")
@pytest.mark.rfc("1122U", "06")
@pytest.mark.parametrize("trace", [trace_by_udp, trace_by_icmp])
def test_every_hop_answers(make_world: MakeWorld, trace: object) -> None:
    world = chain(make_world())
    target = world.machines["target"].address
    hops = world.run(trace, target, on="source")  # type: ignore[arg-type]
    # A router answers from the address by which it was reached.
    assert hops == [*(world.machines[name].addresses[0] for name in "abc"), target]


@pytest.mark.rfc("9293", "MUST-49", "MUST-56")
def test_a_connection_that_reaches_only_the_second_router(make_world: MakeWorld) -> None:
    """TTL exceeded is soft: TCP goes on trying until its own time is over, and then says what it was told."""

    def main() -> int:
        with socket.socket() as sock:
            sock.setsockopt(socket.IPPROTO_IP, IP_TTL, 2)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 3)
            return sock.connect_ex((world.machines["target"].address, 80))

    world = chain(make_world(config=MachineConfig(tcp=profile("rfc"))))
    assert world.run(main, on="source") == errno.EHOSTUNREACH
    assert world.now > 7e9  # 1, 2, 4 s, and the last wait
    assert world.machines["b"].machine.counters["ip_in_ttl_expired"] == 4
