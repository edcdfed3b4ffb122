"""What must not grow: a great many short connections one after another, and connections that are silent for a month."""

import gc
import socket
import sys
import time

import pytest

from netarium.sim import Host, World

from .matrix import Counted, at_rest

PORT = 17_003
DAY = 86_400
# Between two connections, so that those in TIME-WAIT, a minute each, have room: 12,000 of 28,232 ports, 16,384 records.
PAUSE = 0.005
# Blocks of memory that a pair of idle connections gains: its counters of segments (two at each end) pass 256 on the
# eleventh day, and only integers up to that are shared. What one probe in ten leaves behind would be 36 in a month.
COUNTERS = 6


def _network(seed: int) -> tuple[World, Host, Host]:
    world = World(seed)
    server, client = world.hosts("server", "client")
    world.cable(client, server, rate="1gbit", delay="20us")
    return world, server, client


def _echo_one_by_one() -> None:
    with socket.create_server(("", PORT), backlog=16) as listener:
        while True:
            with listener.accept()[0] as sock:
                while part := sock.recv(4_096):
                    sock.sendall(part)


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize(
    "count", [1_500, *(pytest.param(n, marks=pytest.mark.exam) for n in (100_000, 1_000_000))]
)
def test_connect_echo_close_again_and_again(count: int) -> None:
    """Memory at the end is what it was once TIME-WAIT was as full as it gets; each connection was echoed and is gone."""
    world, server, client = _network(6)
    counted = {name: Counted(host) for name, host in world.machines.items()}
    blocks: list[int] = []
    settled = min(count // 3, 20_000)

    def main() -> int:
        echoed = 0
        for n in range(count):
            word = n.to_bytes(4, "big")
            with socket.create_connection((server.address, PORT)) as sock:
                sock.sendall(word)
                sock.shutdown(socket.SHUT_WR)
                echoed += sock.recv(10) == word and sock.recv(10) == b""
            time.sleep(PAUSE)
            if n >= settled and not (n - settled) % max(count // 20, 1):
                gc.collect()
                blocks.append(sys.getallocatedblocks())
        return echoed

    server.run(_echo_one_by_one)
    assert world.run(main, on=client, timeout="30d") == count
    world.run_until_idle()
    for name, host in world.machines.items():
        at_rest(host, counted[name].frames)
    if count > 20_000:
        assert max(blocks) - min(blocks) < 0.03 * min(blocks), blocks


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.rfc("9293", "MUST-28")
@pytest.mark.parametrize(
    ("count", "days"), [(40, 3), *(pytest.param(n, 30, marks=pytest.mark.exam) for n in (1_000, 10_000))]
)
def test_idle_connections_for_a_month(count: int, days: int) -> None:
    """Each asks every two hours whether the other end is there, is told so, and works in the end."""
    world, server, client = _network(7)
    counted = {name: Counted(host) for name, host in world.machines.items()}
    blocks: list[int] = []

    def keep(sock: socket.socket) -> socket.socket:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return sock

    def serve() -> None:
        with socket.create_server(("", PORT), backlog=128) as listener:
            accepted = [keep(listener.accept()[0]) for _ in range(count)]
            for sock in accepted:  # in the order in which the client asks, too
                sock.sendall(sock.recv(1))
                sock.close()

    def main() -> int:
        socks = [keep(socket.create_connection((server.address, PORT))) for _ in range(count)]
        for _ in range(days):
            time.sleep(DAY)
            gc.collect()
            blocks.append(sys.getallocatedblocks())
        answers = 0
        for sock in socks:
            sock.sendall(b"?")
            answers += sock.recv(2) == b"?"
            sock.close()
        return answers

    server.run(serve)
    assert world.run(main, on=client, timeout=f"{days + 1}d") == count
    world.run_until_idle()
    probes = counted["server"].frames + counted["client"].frames
    assert probes >= 2 * count * (days * 12 - 1)
    assert max(blocks) - min(blocks) < COUNTERS * count + 500, blocks
    for name, host in world.machines.items():
        at_rest(host, counted[name].frames)
