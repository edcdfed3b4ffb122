"""One stream that runs through the sequence space again and again: every octet is right, nothing grows."""

import hashlib
import socket

import pytest

from netarium.sim import World
from netarium.transport.tcp.isn import IsnGenerator

from .matrix import Counted, at_rest

PORT = 17_002
GIB = 1 << 30


class NearTheEdge(IsnGenerator):
    """Initial numbers `before` octets below 2**32."""

    __slots__ = ("_before",)

    def __init__(self, before: int) -> None:
        super().__init__(b"")
        self._before = before

    def isn(self, key: bytes, now: int) -> int:
        return -self._before & 0xFFFF_FFFF


class Pattern:
    """A stream without end that nobody needs to keep: the octets at an offset follow from the offset."""

    BLOCK = 1 << 20

    def __init__(self) -> None:
        seed = b"".join(hashlib.sha256(n.to_bytes(4, "big")).digest() for n in range(self.BLOCK // 32 + 1))
        self._twice = seed[: self.BLOCK] * 2

    def at(self, offset: int, size: int) -> bytes:
        """`size` octets from `offset` on; the period, 2**20 - 7 octets, divides no power of two."""
        start = offset % (self.BLOCK - 7)
        piece = self._twice[: self.BLOCK - 7][start : start + size]
        while len(piece) < size:
            piece += self._twice[: min(self.BLOCK - 7, size - len(piece))]
        return piece


@pytest.mark.slow
@pytest.mark.attack("TCP-59")
@pytest.mark.parametrize(
    ("total", "loss"),
    [
        (200_000_000, 0),
        (20_000_000, "0.1%"),
        pytest.param(17 * GIB, 0, marks=pytest.mark.exam),
        pytest.param(5 * GIB, "0.1%", marks=pytest.mark.exam),
    ],
)
def test_a_stream_through_wraps(total: int, loss: object) -> None:
    """A short one begins just before the edge, long ones meet it several times."""
    world = World(5)
    server, client = (world.host(name, offload=True) for name in ("server", "client"))
    world.cable(client, server, rate="100gbit", delay="50us", loss=loss)  # type: ignore[arg-type]
    for host in world.machines.values():
        host.machine.tcp.isn = NearTheEdge(total // 3)
    counted = {name: Counted(host) for name, host in world.machines.items()}
    pattern = Pattern()
    chunk = 4 * Pattern.BLOCK

    def serve() -> None:
        with socket.create_server(("", PORT)) as listener, listener.accept()[0] as sock:
            sent = 0
            while sent < total:
                size = min(chunk, total - sent)
                sock.sendall(pattern.at(sent, size))
                sent += size

    def main() -> int:
        received = 0
        buffer = bytearray(chunk)
        with socket.create_connection((server.address, PORT)) as sock:
            while size := sock.recv_into(buffer):
                if memoryview(buffer)[:size] != pattern.at(received, size):
                    raise AssertionError(f"a wrong octet behind {received}")
                received += size
        return received

    server.run(serve)
    assert world.run(main, on=client, timeout="30d") == total
    world.run_until_idle()
    for name, host in world.machines.items():
        at_rest(host, counted[name].frames)
