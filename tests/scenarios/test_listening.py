"""Many connections: queues of listeners, ports that run out, two hundred at once."""

import asyncio
import errno
import socket
import time

import pytest

from netarium.base.config import MachineConfig, TcpConfig
from netarium.sim import World

from .conftest import MakeWorld
from .programs import PORT


def joined(world: World, delay: str = "1ms") -> World:
    server, client = world.hosts("server", "client")
    world.cable(client, server, delay=delay)
    return world


@pytest.mark.parametrize("blocking", [True, False])
def test_two_hundred_connections_at_once(make_world: MakeWorld, blocking: bool) -> None:
    """They all meet one listener in one moment; each gets its own answer."""
    world = joined(make_world())

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()) * 100)
        writer.close()
        await writer.wait_closed()

    async def serve() -> None:
        async with await asyncio.start_server(handle, port=PORT, backlog=256) as server:
            await server.serve_forever()

    def ask(number: int) -> bytes:
        with socket.create_connection(("server", PORT)) as sock:
            sock.sendall(b"%d\n" % number)
            return b"".join(iter(lambda: sock.recv(1_000), b""))

    async def ask_async(number: int) -> bytes:
        reader, writer = await asyncio.open_connection("server", PORT)
        writer.write(b"%d\n" % number)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    def main_blocking() -> list[bytes]:
        client = world.machines["client"]
        return [process.join() for process in [client.run(ask, number) for number in range(200)]]

    async def main_async() -> list[bytes]:
        return list(await asyncio.gather(*map(ask_async, range(200))))

    world.machines["server"].run(serve)
    answers = world.run(main_blocking if blocking else main_async, on="client")
    assert answers == [b"%d\n" % number * 100 for number in range(200)]
    assert world.now < 1e9, "nobody had to wait for a timer"


def test_backlog(make_world: MakeWorld) -> None:
    """A full queue lets nobody in and tells nobody (as Linux): who waits is let in when there is room."""
    world = joined(make_world())

    def serve() -> None:
        with socket.create_server(("", PORT), backlog=2) as listener:
            time.sleep(10)
            while True:
                with listener.accept()[0] as sock:
                    sock.sendall(b"at last")

    def ask() -> float:
        with socket.create_connection(("server", PORT)) as sock:
            assert sock.recv(100) == b"at last"
            return time.monotonic()

    def main() -> list[float]:
        time.sleep(0.1)
        client = world.machines["client"]
        return [process.join() for process in [client.run(ask) for _ in range(6)]]

    world.machines["server"].run(serve)
    times = world.run(main, on="client")
    assert sum(10 < at < 10.1 for at in times) >= 3
    assert all(10 < at < 30 for at in times)
    assert world.machines["server"].machine.counters["tcp_listen_overflows"] > 0


@pytest.mark.attack("HOST-06")
def test_ephemeral_ports_run_out(make_world: MakeWorld) -> None:
    """Eight ports: the ninth connection to the same place finds none; one to another place does (RFC 6056)."""
    world = make_world()
    (server,) = world.hosts("server")
    client = world.host("client", config=MachineConfig(tcp=TcpConfig(port_range=(50_000, 50_007))))
    world.cable(client, server)

    def serve(port: int) -> None:
        with socket.create_server(("", port)) as listener:
            while True:
                with listener.accept()[0] as sock:
                    sock.recv(1)

    def main() -> None:
        server.run(serve, PORT)
        server.run(serve, PORT + 1)
        time.sleep(0.1)
        open_ones = [socket.create_connection(("server", PORT)) for _ in range(8)]
        assert {sock.getsockname()[1] for sock in open_ones} == set(range(50_000, 50_008))
        with socket.socket() as sock:
            assert sock.connect_ex(("server", PORT)) == errno.EADDRNOTAVAIL
        open_ones.append(socket.create_connection(("server", PORT + 1)))
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind(("", 0))  # another protocol has ports of its own
        for sock in open_ones:
            sock.close()
        time.sleep(61)  # all eight are in TIME-WAIT here
        socket.create_connection(("server", PORT)).close()

    world.run(main, on=client)


@pytest.mark.rfc("9293", "MUST-41", "MUST-42", "MUST-43")
def test_listeners_on_addresses_of_their_own(make_world: MakeWorld) -> None:
    """The more specific one wins, and connections live on beside the listener."""
    world = make_world()
    server, left, right = world.hosts("server", "left", "right")
    world.cable(left, server)
    world.cable(right, server)

    def serve(address: str, word: bytes) -> None:
        with socket.create_server((address, PORT)) as listener:
            while True:
                with listener.accept()[0] as sock:
                    sock.sendall(word)

    def ask(address: str) -> bytes:
        with socket.create_connection((address, PORT)) as sock:
            return sock.recv(100)

    def main() -> None:
        one, other = server.addresses
        server.run(serve, one, b"left door")
        server.run(serve, other, b"right door")
        time.sleep(0.1)
        with left:
            assert ask(one) == b"left door"
        with right:
            assert ask(other) == b"right door"
        with left, socket.socket() as sock:
            assert sock.connect_ex(("127.0.0.1", PORT)) == errno.ECONNREFUSED

    world.run(main)
