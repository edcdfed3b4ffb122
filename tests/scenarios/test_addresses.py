"""Addresses that move, and addresses that two machines want (RFC 826, RFC 5227)."""

import socket
import time

import pytest

from netarium.base.addr import format_ip, parse_ip
from netarium.base.config import MachineConfig, NeighborConfig
from netarium.ip.iface import AddressState
from netarium.sim import Host

from .conftest import MakeWorld
from .programs import PORT

CAREFUL = MachineConfig(neighbor=NeighborConfig(detect_duplicates=True))


def state(host: Host) -> AddressState:
    interface = host.machine.ip.interface_named("eth0")
    assert interface is not None
    return interface.addresses[0].state


@pytest.mark.rfc("5227", "02")
@pytest.mark.rfc("5227", "05")
def test_an_address_is_probed_before_use(make_world: MakeWorld) -> None:
    """Nothing may be sent from it for some six seconds; then it works as any other."""
    world = make_world(config=CAREFUL)
    a, b = world.hosts("a", "b")
    world.cable(a, b)

    def main() -> None:
        assert state(a) is AddressState.TENTATIVE
        with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(OSError, match="unreachable"):
            sock.sendto(b"too early", (b.address, PORT))
        time.sleep(10)
        assert state(a) is state(b) is AddressState.PREFERRED
        with b, socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind(("", PORT))
            sock.settimeout(1)
            with a, socket.socket(type=socket.SOCK_DGRAM) as sender:
                sender.sendto(b"now", (b.address, PORT))
            assert sock.recv(10) == b"now"

    world.run(main, on=a)


@pytest.mark.rfc("5227", "03")
def test_two_machines_with_one_address(make_world: MakeWorld) -> None:
    """Who came first keeps it; the second never uses it."""
    world = make_world(config=CAREFUL)
    first = world.host("first", address="192.0.2.5/24")
    other = world.host("other", address="192.0.2.6/24")
    lan = world.switch("lan", first, other)

    def main() -> None:
        time.sleep(10)
        assert state(first) is AddressState.PREFERRED
        second = world.host("second", address="192.0.2.5/24")
        world.cable(second, lan)
        world.settle()
        time.sleep(10)
        assert state(second) is AddressState.DUPLICATE
        assert state(first) is AddressState.PREFERRED
        with second, socket.socket() as sock, pytest.raises(OSError, match="unreachable"):
            sock.connect(("192.0.2.6", PORT))

    world.run(main)
    assert first.machine.counters["arp_out_replies"] >= 1


@pytest.mark.rfc("826", "01")
def test_an_address_moves_to_another_machine(make_world: MakeWorld) -> None:
    """A spare server takes over: its gratuitous ARP turns the clients to it at once, without a lost datagram."""
    world = make_world()
    client, old, new = world.hosts("client", "old", "new")
    world.switch("lan", client, old, new)
    service = parse_ip("10.0.1.100")

    def serve(word: bytes) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind(("", PORT))
            while True:
                _, peer = sock.recvfrom(100)
                sock.sendto(word, peer)

    def ask() -> bytes:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(1)
            sock.sendto(b"?", (format_ip(service), PORT))
            return sock.recv(100)

    def main() -> None:
        old.run(serve, b"old")
        new.run(serve, b"new")
        interfaces = [host.machine.ip.interface_named("eth0") for host in (old, new)]
        assert interfaces[0] is not None
        assert interfaces[1] is not None
        old.machine.ip.add_address(interfaces[0], service, 24, world.now)
        assert ask() == b"old"
        time.sleep(1)
        old.machine.ip.remove_address(interfaces[0], service, world.now)
        new.machine.ip.add_address(interfaces[1], service, 24, world.now)
        new.driver.kick(new.machine)
        time.sleep(0.01)
        assert ask() == b"new"

    world.run(main, on=client)
    assert client.machine.counters["arp_out_requests"] <= 4
