"""One seed, one trace, to the byte, whatever kind of program runs; and another seed, another trace."""

import asyncio
import json
import random
import socket
import threading
from collections.abc import Callable

import pytest

from netarium.base.trace import Event
from netarium.sim import World


def blocking(world: World) -> None:
    """Threads that race for a queue's worth of connections, over a bad cable."""
    server, client = world.hosts("server", "client")
    world.cable(
        client, server, delay="3ms", rate="5mbit", loss="3%", jitter="1ms", duplicate="1%", reorder="1%"
    )

    def serve() -> None:
        with socket.create_server(("", 7)) as listener:
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,)).start()

    def answer(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(4096):
                connection.sendall(data)

    def ask(size: int) -> None:
        with socket.create_connection(("server", 7)) as connection:
            connection.sendall(random.randbytes(size))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass

    def main() -> None:
        threads = [threading.Thread(target=ask, args=(size,)) for size in (100, 20_000, 5_000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    server.run(serve)
    world.run(main, on=client)


def evented(world: World) -> None:
    """Tasks on many hosts of a switch."""
    server, *clients = world.hosts("server", *(f"client{number}" for number in range(5)))
    world.switch("lan", server, *clients, rate="100mbit")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read(100)) * random.randint(1, 500))
        writer.close()
        await writer.wait_closed()

    async def serve() -> None:
        async with await asyncio.start_server(handle, port=7) as server:
            await server.serve_forever()

    async def ask(number: int) -> int:
        async with clients[number]:
            reader, writer = await asyncio.open_connection("server", 7)
            writer.write(b"%d" % number)
            size = len(await reader.read())
            writer.close()
            await asyncio.sleep(random.random())
            return size

    async def main() -> None:
        server.run(serve)
        await asyncio.gather(*(ask(number) for number in range(5)))

    world.run(main)


def trace_of(scenario: Callable[[World], None], seed: int) -> list[str]:
    lines: list[str] = []

    def write(event: Event) -> None:
        lines.append(json.dumps(event.as_dict(), default=str))

    scenario(World(seed=seed, trace=write))
    return lines


@pytest.mark.parametrize("scenario", [blocking, evented])
def test_one_seed_one_trace(scenario: Callable[[World], None]) -> None:
    first = trace_of(scenario, 7)
    assert len(first) > 200
    assert trace_of(scenario, 7) == first
    assert trace_of(scenario, 8) != first


def test_watching_changes_nothing() -> None:
    """A world with nobody listening lives the same life."""
    ends = []
    for trace in (None, lambda event: None):
        world = World(seed=7, trace=trace)
        blocking(world)
        ends.append((world.now, dict(world.machines["server"].machine.counters)))
    assert ends[0] == ends[1]


def test_streams_of_randomness_are_independent_of_other_parts() -> None:
    lonely, crowded = World(seed=1), World(seed=1)
    crowded.hosts("x", "y", "z")
    assert lonely.random("host a").random() == crowded.random("host a").random()
    assert World(seed=2).random("host a").random() != lonely.random("host a").random()
