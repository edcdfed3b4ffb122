"""Which way packets go: metrics, dead gateways, redirects, machines that do not forward (RFC 1122 §3.3.1)."""

import socket
import time

import pytest

from netarium.base.addr import Prefix, format_ip, parse_ip
from netarium.base.config import IpConfig, MachineConfig
from netarium.ip.route import Route, RouteKind
from netarium.sim import Host, World

from .conftest import MakeWorld
from .programs import PORT

DEFAULT = Prefix(bytes(4), 0)


def add_route(host: Host, destination: Prefix, gateway: str, metric: int = 0, device: str = "eth0") -> None:
    interface = host.machine.ip.interface_named(device)
    assert interface is not None
    host.machine.ip.routes.add(Route(destination, interface, parse_ip(gateway), metric))


def echo() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("", PORT))
        while True:
            data, peer = sock.recvfrom(100)
            sock.sendto(data, peer)


def echo_stream() -> None:
    with socket.create_server(("", PORT)) as listener:
        while True:
            with listener.accept()[0] as sock:
                while data := sock.recv(100):
                    sock.sendall(data)


def ask(target: str, timeout: float = 1) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.sendto(b"?", (target, PORT))
        try:
            return sock.recv(10) == b"?"
        except TimeoutError:
            return False


def two_ways(world: World) -> World:
    """client on a LAN with routers one and other, which both reach the server's LAN."""
    client = world.host("client", address="10.1.0.1/24")
    server = world.host("server", address="10.2.0.1/24")
    one = world.host("one", address=["10.1.0.251/24", "10.2.0.251/24"], config=FORWARDING)
    other = world.host("other", address=["10.1.0.252/24", "10.2.0.252/24"], config=FORWARDING)
    world.switch("left", client, one, other)
    world.switch("right", server, one, other)
    world.settle()
    for host in (client, server):
        host.machine.ip.routes.remove_where(lambda route: route.kind is RouteKind.STATIC)
    return world


FORWARDING = MachineConfig(ip=IpConfig(forwarding=True))


def forwarded(world: World, name: str) -> int:
    return int(world.machines[name].machine.counters["ip_forw_datagrams"])


@pytest.mark.rfc("1122I", "26")
def test_the_lower_metric_wins(make_world: MakeWorld) -> None:
    world = two_ways(make_world())
    client, server = world.machines["client"], world.machines["server"]
    add_route(client, DEFAULT, "10.1.0.252", metric=20)
    add_route(client, DEFAULT, "10.1.0.251", metric=10)
    add_route(server, DEFAULT, "10.2.0.251")

    def main() -> None:
        server.run(echo)
        assert ask("10.2.0.1")
        assert (forwarded(world, "one"), forwarded(world, "other")) == (2, 0)
        # A longer prefix beats any metric.
        add_route(client, Prefix(parse_ip("10.2.0.0"), 24), "10.1.0.252", metric=99)
        assert ask("10.2.0.1")
        assert (forwarded(world, "one"), forwarded(world, "other")) == (3, 1)

    world.run(main, on=client)


@pytest.mark.rfc("1122I", "27")
@pytest.mark.rfc("9293", "MUST-20")
def test_a_gateway_dies_in_the_middle_of_a_connection(make_world: MakeWorld) -> None:
    """TCP gets no answer, the gateway is asked and is silent, the other default route takes over."""
    world = two_ways(make_world())
    client, server = world.machines["client"], world.machines["server"]
    for host, network in ((client, "10.1.0"), (server, "10.2.0")):
        add_route(host, DEFAULT, f"{network}.251", metric=10)
        add_route(host, DEFAULT, f"{network}.252", metric=20)

    def main() -> float:
        server.run(echo_stream)
        with socket.create_connection(("10.2.0.1", PORT)) as sock:
            longest = 0.0
            for number in range(200):
                if number == 50:
                    world.cables["one-left"].unplug()
                    world.cables["one-right"].unplug()
                begun = time.monotonic()
                sock.sendall(b"still there?")
                assert sock.recv(100) == b"still there?"
                longest = max(longest, time.monotonic() - begun)
                time.sleep(0.1)
            return longest

    assert world.run(main, on=client) < 60
    assert forwarded(world, "other") > 100


@pytest.mark.rfc("1122I", "30")
def test_a_host_does_not_forward(make_world: MakeWorld) -> None:
    world = make_world()
    left, middle, right = world.hosts("left", "middle", "right")
    world.cable(left, middle)
    world.cable(middle, right)
    world.settle()
    add_route(left, DEFAULT, middle.addresses[0])
    right.run(echo)
    assert world.run(ask, right.address, on=left) is False
    assert middle.machine.counters["ip_in_addr_errors"] == 1


@pytest.mark.rfc("1122I", "21")
@pytest.mark.rfc("1122I", "20")
@pytest.mark.parametrize("accept", [False, True])
def test_redirect(make_world: MakeWorld, accept: bool) -> None:
    """The first router knows that the other is nearer. It says so, and forwards; who believes it goes there at once."""
    world = two_ways(make_world(config=MachineConfig(ip=IpConfig(accept_redirects=accept))))
    client, server, one = (world.machines[name] for name in ("client", "server", "one"))
    add_route(client, DEFAULT, "10.1.0.251")
    add_route(server, DEFAULT, "10.2.0.252")
    one.machine.ip.routes.remove_where(lambda route: str(route.destination) == "10.2.0.0/24")
    add_route(one, DEFAULT, "10.1.0.252")

    def main() -> None:
        server.run(echo)
        for _ in range(5):
            assert ask("10.2.0.1")

    world.run(main, on=client)
    assert forwarded(world, "one") == (1 if accept else 5)
    redirected = [route for route in client.machine.ip.routes if route.kind is RouteKind.REDIRECT]
    if accept:
        assert [format_ip(route.gateway or b"") for route in redirected] == ["10.1.0.252"]
    else:
        assert not redirected
        assert client.machine.counters["icmp_in_redirect_refused"] > 0


def test_no_way_back_is_nobodys_fault(make_world: MakeWorld) -> None:
    """The server cannot answer: the client waits in vain, and the server's stack lives on."""
    world = two_ways(make_world())
    client, server = world.machines["client"], world.machines["server"]
    add_route(client, DEFAULT, "10.1.0.251")

    def serve() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind(("", PORT))
            _, peer = sock.recvfrom(100)
            with pytest.raises(OSError, match="unreachable"):
                sock.sendto(b"!", peer)

    def main() -> None:
        process = server.run(serve)
        server.run(echo_stream)
        assert not ask("10.2.0.1")
        with pytest.raises(TimeoutError):
            socket.create_connection(("10.2.0.1", PORT), timeout=5)
        process.join()

    world.run(main, on=client)
