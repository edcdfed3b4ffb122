"""TCP over cables that do everything wrong: all octets arrive, once and in order, both ways, at a bearable price."""

import itertools
import socket
import time

import pytest

from netarium.base.trace import Event, FrameSent
from netarium.link.rules import BurstLoss, Corrupt, Jitter
from netarium.sim import World

from .conftest import MakeWorld
from .programs import PORT, exchange

FAULTS: dict[str, dict[str, object]] = {
    "loss": {"loss": "5%"},
    "heavy loss": {"loss": "20%"},
    "bursts": {"burst_loss": ("1%", "30%")},
    "jitter": {"jitter": "5ms"},
    "disorder": {"reorder": "10%"},
    "duplicates": {"duplicate": "10%"},
    "corruption": {"corrupt": "3%"},
    "a short queue": {"queue": 5, "rate": "5mbit"},
    "a long queue": {"queue": 1_000, "rate": "5mbit"},
    "all together": {
        "loss": "2%", "jitter": "2ms", "reorder": "3%", "duplicate": "2%", "corrupt": "1%", "rate": "10mbit",
    },
}  # fmt: skip


def joined(world: World, **cable: object) -> World:
    server, client = world.hosts("server", "client")
    world.cable(client, server, **{"delay": "5ms", "rate": "20mbit", **cable})  # type: ignore[arg-type]
    return world


@pytest.mark.parametrize("fault", FAULTS)
def test_bulk_both_ways(make_world: MakeWorld, fault: str) -> None:
    world = joined(make_world(viewpoint="client"), **FAULTS[fault])
    exchange(world, 200_000)
    # 200,000 octets take 0.09 s on this line, 0.36 s on the slow one; the worst cable costs a few seconds of backoff.
    assert world.now < (60e9 if fault == "heavy loss" else 8e9)


def test_without_faults_nothing_is_sent_twice(make_world: MakeWorld) -> None:
    world = joined(make_world(viewpoint="client"))
    exchange(world, 500_000)
    for name, peer in (("client", f"server:{PORT}"), ("server", "client:{}")):
        connection = world.connection(
            name, peer.format(world.machines["client"].driver.connections[-1].local[1])
        )
        assert connection.info(world.now).tcpi_total_retrans == 0
    assert world.now < 0.5e9


def test_overtaking_on_many_paths(make_world: MakeWorld) -> None:
    """Each frame has its own delay: disorder is the rule, not the exception."""
    world = joined(make_world())
    world.cables["client-server"].add_rule(Jitter(3_000_000, overtaking=True))
    exchange(world, 200_000)


def test_damage_that_no_frame_check_sees(make_world: MakeWorld) -> None:
    """The checksums of IP and TCP are the last guard, and each damage is counted by one of them."""
    world = joined(make_world())
    world.cables["client-server"].add_rule(Corrupt("5%", undetected=True, behind=14))
    exchange(world, 200_000)
    for name in ("client", "server"):
        counters = world.machines[name].machine.counters
        assert counters["tcp_in_csum_errors"] > 0


def test_bursts_on_the_way_back_only(make_world: MakeWorld) -> None:
    world = joined(make_world())
    world.cables["client-server"].add_rule(BurstLoss("2%", "30%"), direction=1)
    exchange(world, 200_000)


@pytest.mark.parametrize("seconds", [3, 30])
def test_partition(make_world: MakeWorld, seconds: int) -> None:
    """A connection survives it, and goes on within a backoff of its end (RFC 6298 (5.5))."""
    world = joined(make_world())

    def serve() -> None:
        with socket.create_server(("", PORT)) as listener, listener.accept()[0] as sock:
            while data := sock.recv(65_536):
                sock.sendall(data)

    def main() -> float:
        with socket.create_connection(("server", PORT)) as sock, sock.makefile("rwb", buffering=0) as file:
            with world.partition("client", "server", at=0.5, lasting=seconds):
                times = [time.monotonic()]
                while times[-1] < 3 * seconds:
                    file.write(b"x" * 1_000)
                    assert len(sock.recv(1_000, socket.MSG_WAITALL)) == 1_000
                    times.append(time.monotonic())
                    time.sleep(0.1)
            return max(later - earlier for earlier, later in itertools.pairwise(times))

    world.machines["server"].run(serve)
    assert seconds < world.run(main, on="client") < 2.2 * seconds + 1


def test_one_seed_one_history() -> None:
    """The worst cable of all: two runs are equal to the octet and the nanosecond, another seed is not."""

    def history(seed: int) -> int:
        digest = 0

        def listen(event: Event) -> None:
            nonlocal digest
            if isinstance(event, FrameSent):
                digest = hash((digest, event.at, event.where, event.octets))

        world = joined(World(seed, trace=listen), **FAULTS["all together"])
        exchange(world, 100_000)
        return digest

    assert history(1) == history(1) != history(2)
