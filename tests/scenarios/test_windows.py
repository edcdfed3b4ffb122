"""Readers that stop reading (RFC 9293 §3.8.6): the window closes, is probed, opens again, and nothing is lost."""

import hashlib
import socket
import time

import pytest

from .conftest import MakeWorld
from .programs import PORT, payload


@pytest.mark.rfc("9293", "MUST-36", "MUST-37", "SHLD-29", "SHLD-30")
@pytest.mark.parametrize("pause", [60, 3_600])
def test_a_reader_that_stops(make_world: MakeWorld, pause: int) -> None:
    world = make_world(viewpoint="client")
    server, client = world.hosts("server", "client")
    world.cable(client, server, delay="5ms", rate="100mbit")
    data = payload(1_000_000)

    def serve() -> None:
        with socket.create_server(("", PORT)) as listener, listener.accept()[0] as sock:
            time.sleep(pause)
            digest = hashlib.sha256()
            while part := sock.recv(65_536):
                digest.update(part)
            sock.sendall(digest.digest())

    def main() -> bytes:
        with socket.create_connection(("server", PORT)) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            return sock.recv(100)

    server.run(serve)
    assert world.run(main, on=client) == hashlib.sha256(data).digest()
    # It does not wait for the next probe: the reader tells that there is room again.
    assert pause < world.now / 1e9 < pause + 2


@pytest.mark.rfc("9293", "MUST-36")
def test_the_window_update_is_lost(make_world: MakeWorld) -> None:
    """Then the next probe finds out."""
    world = make_world()
    server, client = world.hosts("server", "client")
    world.cable(client, server, delay="5ms")
    data = payload(1_000_000)

    def serve() -> None:
        with socket.create_server(("", PORT)) as listener, listener.accept()[0] as sock:
            time.sleep(10)
            with world.partition("server", "client"):
                digest = hashlib.sha256(sock.recv(300_000))
                time.sleep(0.01)
            while part := sock.recv(65_536):
                digest.update(part)
            sock.sendall(digest.digest())

    def main() -> bytes:
        with socket.create_connection(("server", PORT)) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            return sock.recv(100)

    server.run(serve)
    assert world.run(main, on=client) == hashlib.sha256(data).digest()
    assert 10 < world.now / 1e9 < 30


@pytest.mark.rfc("9293", "MUST-38", "MUST-39")
def test_a_reader_of_single_octets(make_world: MakeWorld) -> None:
    """No silly windows: the segments stay large though the reader takes crumbs."""
    world = make_world()
    server, client = world.hosts("server", "client")
    world.cable(client, server, delay="1ms")
    data = payload(60_000)

    def serve() -> bytes:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
            listener.bind(("", PORT))
            listener.listen()
            with listener.accept()[0] as sock:
                received = bytearray()
                while part := sock.recv(100):
                    received += part
                    time.sleep(0.001)
                return bytes(received)

    def main() -> float:
        with socket.create_connection(("server", PORT)) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            assert process.join() == data
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        segments = int.from_bytes(info[136:140], "little")  # tcpi_segs_out
        return len(data) / segments

    process = server.run(serve)
    assert world.run(main, on=client) > 800
