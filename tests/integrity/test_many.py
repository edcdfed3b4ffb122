"""Many connections at once on one lossy cable: each is established once, brings its own octets, and leaves nothing."""

import asyncio
import hashlib
import time
from random import Random

import pytest

from netarium.base.config import MachineConfig, TcpConfig
from netarium.base.units import SECOND
from netarium.sim import World

from .matrix import Counted, at_rest

PORT = 17_001


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with the SHA-256 of all that came."""
    writer.write(hashlib.sha256(await reader.read()).digest())
    writer.close()
    await writer.wait_closed()


async def _serve(backlog: int) -> None:
    async with await asyncio.start_server(_echo, "", PORT, backlog=backlog) as server:
        await server.serve_forever()


async def _ask(server: str, octets: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(server, PORT)
    writer.write(octets)
    writer.write_eof()
    digest = await reader.read()
    writer.close()
    await writer.wait_closed()
    return digest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "loss"), [(1, 0), (300, "2%"), pytest.param(5_000, "1%", marks=pytest.mark.exam)]
)
def test_many_small_connections_at_once(count: int, loss: object) -> None:
    config = MachineConfig(
        tcp=TcpConfig(somaxconn=count, max_half_open=count, msl_ns=SECOND, orphan_retries=15)
    )
    world = World(count, config=config)
    server, client = world.hosts("server", "client")
    world.cable(client, server, rate="1gbit", delay="2ms", loss=loss)  # type: ignore[arg-type]
    counted = {name: Counted(host) for name, host in world.machines.items()}
    random = Random(count)
    messages = [random.randbytes(random.randrange(3_000)) for _ in range(count)]

    async def ask_all() -> list[bytes]:
        return await asyncio.gather(*(_ask(server.address, message) for message in messages))

    def main() -> list[bytes]:
        time.sleep(0.01)
        return asyncio.run(ask_all())

    server.run(_serve, count)
    answers = world.run(main, on=client)
    assert answers == [hashlib.sha256(message).digest() for message in messages]
    world.run_until_idle()
    assert (
        client.machine.counters["tcp_active_opens"] == server.machine.counters["tcp_passive_opens"] == count
    )
    for name, host in world.machines.items():
        at_rest(host, counted[name].frames)


def test_what_sixteen_bits_miss() -> None:
    """With the check of the frame off, the sum is the last guard, and it is no strong one: this measures it.

    Two swapped 16-bit words, or two flips of the same bit of two words in opposite directions, leave it as it was. No
    promise is made here but the arithmetic's: what is changed so is delivered, what is changed else is not.
    """
    from netarium.base.checksum import checksum

    random = Random(7)
    missed = {"one bit": 0, "two bits": 0, "a burst of 16 bits": 0, "swapped words": 0}
    rounds = 4_000
    for _ in range(rounds):
        octets = bytearray(random.randbytes(200))
        right = checksum(bytes(octets))
        for kind in missed:
            copy = bytearray(octets)
            if kind == "swapped words":
                one, other = (2 * n for n in random.sample(range(100), 2))
                copy[one : one + 2], copy[other : other + 2] = copy[other : other + 2], copy[one : one + 2]
            elif kind == "a burst of 16 bits":
                at = random.randrange(198)
                copy[at : at + 2] = random.randbytes(2)
            else:
                for place in random.sample(range(1_600), 1 if kind == "one bit" else 2):
                    copy[place >> 3] ^= 1 << (place & 7)
            missed[kind] += copy != octets and checksum(bytes(copy)) == right
    assert missed["one bit"] == missed["a burst of 16 bits"] == 0
    assert missed["swapped words"] >= rounds - 5
    assert (
        0.02 < missed["two bits"] / rounds < 0.045
    )  # 1/16 of the pairs lie in one column, half of those differ
