"""Broadcast and multicast: who hears what (RFC 1122 §3.3.6, RFC 1112, RFC 2236)."""

import errno
import socket
import struct
import time

import pytest

from netarium.base.addr import parse_ip
from netarium.sim import Host, World

from .conftest import MakeWorld
from .programs import PORT

GROUP = "239.1.2.3"


def office(world: World) -> list[Host]:
    """Three hosts on two switches, and a router to the rest of the world."""
    hosts = list(world.hosts("a", "b", "c"))
    world.switch("ground floor", hosts[0], hosts[1])
    world.switch("first floor", "ground floor", hosts[2])
    world.router("gateway", "ground floor", world.host("outside"))
    return hosts


def listen(heard: list[tuple[str, bytes]], group: str = "", bound: str = "") -> None:
    """Note (host, what) until the world ends."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind((bound, PORT))
        if group:
            member = socket.inet_aton(group) + bytes(4)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        while True:
            heard.append((socket.gethostname(), sock.recv(2_000)))


def shout(to: str, what: bytes) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        with pytest.raises(PermissionError):
            sock.sendto(what, (to, PORT))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.sendto(what, (to, PORT))


@pytest.mark.rfc("1122I", "29")
@pytest.mark.rfc("894", "02")
@pytest.mark.parametrize("to", ["255.255.255.255", "10.0.1.255"])
@pytest.mark.parametrize("size", [5, 1_472, 2_000])
def test_broadcast(make_world: MakeWorld, to: str, size: int) -> None:
    """Everybody on the LAN, ourselves included, and nobody beyond the router."""
    world = make_world()
    office(world)
    heard: list[tuple[str, bytes]] = []

    def main() -> None:
        for host in world.machines.values():
            host.run(listen, heard)
        time.sleep(0.1)
        shout(to, b"x" * size)
        time.sleep(1)

    world.run(main, on="a")
    assert sorted(heard) == [(name, b"x" * size) for name in ("a", "b", "c", "gateway")]


@pytest.mark.rfc("1122I", "17")
def test_nobody_complains_about_a_broadcast(make_world: MakeWorld) -> None:
    """No port unreachable, no reset, no echo reply: one frame must not raise a storm."""
    world = make_world()
    hosts = office(world)

    def main() -> None:
        shout("10.0.1.255", b"nobody listens")
        with socket.socket() as sock:
            assert sock.connect_ex(("10.0.1.255", PORT)) in {errno.ENETUNREACH, errno.EACCES}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.settimeout(1)
            sock.sendto(b"\x08\0\0\0\0\0\0\x01", ("10.0.1.255", 0))
            with pytest.raises(TimeoutError):
                sock.recv(100)

    world.run(main, on="a")
    assert [host.machine.counters["icmp_out_msgs"] for host in hosts] == [0, 0, 0]


@pytest.mark.rfc("1112", "01")
def test_multicast_reaches_members(make_world: MakeWorld) -> None:
    """The switches flood it; the adapters of who has not joined let it pass by."""
    world = make_world()
    office(world)
    heard: list[tuple[str, bytes]] = []

    def main() -> None:
        for name in ("b", "c", "outside"):
            world.machines[name].run(listen, heard, GROUP)
        time.sleep(1)
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 8)
            sock.sendto(b"to members", (GROUP, PORT))
        time.sleep(1)

    world.run(main, on="a")
    assert sorted(heard) == [("b", b"to members"), ("c", b"to members")]


def test_leaving_and_our_own_voice(make_world: MakeWorld) -> None:
    """IP_MULTICAST_LOOP says whether we hear ourselves; who leaves hears nothing, and says so by IGMP."""
    world = make_world()
    a, b, _ = office(world)

    def main() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind(("", PORT))
            sock.settimeout(0.5)
            member = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(a.address))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            with pytest.raises(OSError) as twice:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            assert twice.value.errno == errno.EADDRINUSE
            sock.sendto(b"do I hear myself?", (GROUP, PORT))
            assert sock.recv(100) == b"do I hear myself?"
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            sock.sendto(b"and now?", (GROUP, PORT))
            with pytest.raises(TimeoutError):
                sock.recv(100)
            with b, socket.socket(type=socket.SOCK_DGRAM) as other:
                other.sendto(b"one", (GROUP, PORT))
            assert sock.recvfrom(100)[0] == b"one"
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, member)
            with b, socket.socket(type=socket.SOCK_DGRAM) as other:
                other.sendto(b"two", (GROUP, PORT))
            with pytest.raises(TimeoutError):
                sock.recv(100)

    world.run(main, on=a)
    interface = a.machine.ip.interface_named("eth0")
    assert interface is not None
    assert parse_ip(GROUP) not in interface.groups


def test_two_programs_one_group(make_world: MakeWorld) -> None:
    """Each of two sockets with SO_REUSEADDR gets a copy; one of another group gets none (IP_MULTICAST_ALL = 0)."""
    world = make_world()
    a, b, _ = office(world)

    def main() -> None:
        sockets = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(3)]
        for number, sock in enumerate(sockets):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.IPPROTO_IP, 49, 0)  # IP_MULTICAST_ALL
            sock.bind(("", PORT))
            group = GROUP if number < 2 else "239.9.9.9"
            member = socket.inet_aton(group) + bytes(4)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            sock.settimeout(0.5)
        with b, socket.socket(type=socket.SOCK_DGRAM) as sender:
            sender.sendto(b"copy", (GROUP, PORT))
        assert [sock.recv(10) for sock in sockets[:2]] == [b"copy"] * 2
        with pytest.raises(TimeoutError):
            sockets[2].recv(10)
        for sock in sockets:
            sock.close()

    world.run(main, on=a)
