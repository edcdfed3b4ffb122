"""Machines of different systems on one cable: every octet arrives, whoever speaks to whom, over good and bad cables."""

import socket
import time
from itertools import product

import pytest

from netarium.base.errors import UsageError
from netarium.base.profiles import PROFILES
from netarium.link import rules
from netarium.sim import World
from netarium.transport.tcp.connection import Connection

PORT = 5_001
SIZE = 200_000
TEXT = bytes(range(251)) * (SIZE // 251 + 1)


@pytest.mark.parametrize("loss", [0, 0.03])
@pytest.mark.parametrize(("ours", "theirs"), list(product(PROFILES, repeat=2)))
def test_everybody_understands_everybody(ours: str, theirs: str, loss: float) -> None:
    world = World(seed=5)
    client, server = world.host("client", profile=ours), world.host("server", profile=theirs)
    cable = world.cable(client, server, rate="100 Mbit/s", delay="5ms")
    if loss:
        cable.add_rule(rules.Loss(loss))

    def serve() -> bytes:
        with socket.create_server(("", PORT)) as listener, listener.accept()[0] as sock:
            got = b"".join(iter(lambda: sock.recv(65_536), b""))
            sock.sendall(got[::-1])
        return got

    def ask() -> bytes:
        with socket.create_connection(("server", PORT)) as sock:
            sock.sendall(TEXT[:SIZE])
            sock.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: sock.recv(65_536), b""))

    process = server.run(serve)
    assert world.run(ask, on=client) == TEXT[:SIZE][::-1]
    assert process.join() == TEXT[:SIZE]


def test_a_host_has_the_settings_of_its_profile() -> None:
    world = World(seed=5)
    bsd, other = world.host("bsd", profile="freebsd"), world.host("other")
    assert bsd.machine.config.tcp == PROFILES["freebsd"]
    assert other.machine.config.tcp != PROFILES["freebsd"]
    with pytest.raises(UsageError, match="there is no profile 'vms'"):
        world.host("third", profile="vms")


def test_what_a_reset_says_to_who_has_read_the_end() -> None:
    """The peer ends its half, then resets: a broken pipe; on FreeBSD a read tells even then that it was a reset."""
    told = {}
    for name in ("linux", "freebsd"):
        world = World(seed=5)
        host, peer = world.host("host", profile=name), world.host("peer")
        world.cable(host, peer)

        def serve(peer: object = peer) -> None:
            with socket.create_server(("", PORT)) as listener:
                sock = listener.accept()[0]
                sock.shutdown(socket.SHUT_WR)
                sock.recv(1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                sock.close()

        def ask() -> tuple[str, str]:
            with socket.create_connection(("peer", PORT)) as sock:
                assert sock.recv(1) == b""
                sock.sendall(b"x")
                try:
                    while True:
                        time.sleep(0.01)
                        sock.sendall(b"y")
                except OSError as fault:
                    wrote = type(fault).__name__
                try:
                    return wrote, str(sock.recv(1))
                except OSError as fault:
                    return wrote, type(fault).__name__

        peer.run(serve)
        told[name] = world.run(ask, on=host)
        assert not [row for row in host.machine.tcp.connections() if isinstance(row, Connection) and row.key]
    assert told == {
        "linux": ("BrokenPipeError", "b''"),
        "freebsd": ("BrokenPipeError", "ConnectionResetError"),
    }
