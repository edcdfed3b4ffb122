"""A hundred megabytes in super-segments, as fast as a test may be."""

import hashlib
import socket

from netarium.sim import World

from .programs import PORT

SIZE = 100_000_000
CHUNK = bytes(range(256)) * 4_000


def test_a_hundred_megabytes() -> None:
    """SHA-256 is equal, nothing is sent twice, and the line is full: 0.8 s at 1 Gbit/s, and some for the headers."""
    world = World(seed=1)
    server, client = world.host("server", offload=True), world.host("client", offload=True)
    world.cable(client, server, delay="100us")

    def serve() -> str:
        digest = hashlib.sha256()
        with socket.create_server(("", PORT)) as listener, listener.accept()[0] as sock:
            buffer = bytearray(1 << 20)
            while count := sock.recv_into(buffer):
                digest.update(memoryview(buffer)[:count])
        return digest.hexdigest()

    def main() -> str:
        digest, left = hashlib.sha256(), SIZE
        with socket.create_connection(("server", PORT)) as sock:
            while left:
                part = CHUNK[:left]
                sock.sendall(part)
                digest.update(part)
                left -= len(part)
        assert process.join() == digest.hexdigest()
        return digest.hexdigest()

    process = server.run(serve)
    world.run(main, on=client)
    assert world.connection(client, f"server:{PORT}").info(world.now).tcpi_total_retrans == 0
    assert 0.8e9 < world.now < 1.0e9
