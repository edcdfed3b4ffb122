"""Virtual time: simulated segments and megabytes for each second of wall time, in one process."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import netarium

PORT = 5000


@contextmanager
def one_core() -> Iterator[None]:
    """Only one simulated thread runs at any time: on one core the next finds its caches warm."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _sink() -> int:
    total = 0
    with socket.create_server(("", PORT)) as listener:
        channel, _ = listener.accept()
        with channel:
            while octets := channel.recv(1 << 20):
                total += len(octets)
    return total


def _source(size: int) -> None:
    chunk = bytes(1 << 18)
    with socket.create_connection(("bob", PORT)) as channel:
        for begin in range(0, size, len(chunk)):
            channel.sendall(chunk[: size - begin])


def _echo() -> None:
    with socket.create_server(("", PORT)) as listener:
        channel, _ = listener.accept()
        with channel:
            while octets := channel.recv(4096):
                channel.sendall(octets)


def _ask(count: int) -> None:
    with socket.create_connection(("bob", PORT)) as channel:
        for _ in range(count):
            channel.sendall(bytes(100))
            channel.recv(4096)


def bulk(size: int, *, tso: bool) -> tuple[float, float]:
    """Segments and megabytes per wall second of one transfer between two hosts."""
    world = netarium.World(seed=1)
    alice, bob = (world.host(name, offload=tso) for name in ("alice", "bob"))
    world.cable(alice, bob, rate="1gbit", delay="1ms")

    def main() -> int:
        server = bob.run(_sink)
        alice.run(_source, size)
        return server.join()

    begin = time.perf_counter()
    assert world.run(main) == size
    elapsed = time.perf_counter() - begin
    segments = sum(host.machine.counters["tcp_in_segs"] for host in (alice, bob))
    return segments / elapsed, size / elapsed / 1e6


def exchanges(count: int) -> float:
    """Pairs of a request and an answer of 100 octets per wall second, over a link of 5 ms."""
    world = netarium.World(seed=1)
    alice, bob = world.hosts("alice", "bob")
    world.cable(alice, bob, delay="5ms")

    def main() -> None:
        server = bob.run(_echo)
        alice.run(_ask, count)
        server.join()

    begin = time.perf_counter()
    world.run(main)
    return count / (time.perf_counter() - begin)


def creation() -> float:
    """Milliseconds until a world of two hosts is ready."""
    begin = time.perf_counter()
    for _ in range(20):
        world = netarium.World(seed=1)
        world.cable(*world.hosts("alice", "bob"))
    return (time.perf_counter() - begin) / 20 * 1e3
