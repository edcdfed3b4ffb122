"""Programs that several scenarios run."""

import hashlib
import random
import socket
import threading

from netarium.sim import World

PORT = 17_000  # means nothing to anybody, tshark included


def payload(size: int, seed: int = 5) -> bytes:
    """Octets that no shift or mixture of themselves equals."""
    return random.Random(seed).randbytes(size)


def send_and_receive(sock: socket.socket, data: bytes) -> str:
    """Send all and read to the end, both at once; SHA-256 of what came."""

    def write() -> None:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)

    writer = threading.Thread(target=write)
    writer.start()
    digest = hashlib.sha256()
    while part := sock.recv(65_536):
        digest.update(part)
    writer.join()
    return digest.hexdigest()


def exchange(world: World, size: int, server: str = "server", client: str = "client") -> None:
    """Bulk both ways at once on one connection; each side gets exactly what the other sent."""
    ours, theirs = payload(size, 1), payload(size, 2)

    def serve() -> None:
        with socket.create_server(("", PORT)) as listener, listener.accept()[0] as sock:
            assert send_and_receive(sock, theirs) == hashlib.sha256(ours).hexdigest()

    def main() -> None:
        with socket.create_connection((server, PORT)) as sock:
            assert send_and_receive(sock, ours) == hashlib.sha256(theirs).hexdigest()
        process.join()

    process = world.machines[server].run(serve)
    world.run(main, on=client)
