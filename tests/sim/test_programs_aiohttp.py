"""aiohttp, server and client, unmodified, in virtual time and over bad cables."""

import asyncio
import hashlib
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import netarium

PAGE = bytes(range(256)) * 400


def lan(seed: int, loss: float) -> tuple[netarium.World, Any, Any]:
    world = netarium.World(seed=seed)
    server, client = world.hosts("server", "client")
    world.cable(server, client, rate="10mbit", delay="10ms", loss=loss)
    return world, server, client


async def start(host: Any) -> web.AppRunner:
    async def page(_: web.Request) -> web.Response:
        return web.Response(body=PAGE)

    async def mirror(request: web.Request) -> web.Response:
        return web.Response(text=hashlib.sha256(await request.read()).hexdigest())

    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(3_600)
        return web.Response(text="at last")

    async def talk(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data[::-1])
        return socket

    app = web.Application()
    app.add_routes(
        [web.get("/", page), web.post("/mirror", mirror), web.get("/slow", slow), web.get("/talk", talk)]
    )
    runner = web.AppRunner(app)
    async with host:
        await runner.setup()
        await web.TCPSite(runner, "0.0.0.0", 8080).start()
    return runner


@pytest.mark.parametrize("loss", [0, 0.05])
def test_get_and_post(loss: float) -> None:
    world, server, client = lan(1, loss)

    async def main() -> tuple[bytes, str]:
        runner = await start(server)
        async with client, aiohttp.ClientSession() as session:
            async with session.get("http://server:8080/") as response:
                body = await response.read()
            async with session.post("http://server:8080/mirror", data=PAGE) as response:
                digest = await response.text()
        await runner.cleanup()
        return body, digest

    assert world.run(main) == (PAGE, hashlib.sha256(PAGE).hexdigest())


def test_an_hour_of_waiting_takes_no_time_and_a_timeout_comes_on_time() -> None:
    world, server, client = lan(2, 0)

    async def main() -> str:
        runner = await start(server)
        loop = asyncio.get_running_loop()
        async with client:
            before = loop.time()
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
                with pytest.raises(TimeoutError):
                    await session.get("http://server:8080/slow")
            assert 5 <= loop.time() - before < 6
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
                session.get("http://server:8080/slow") as response,
            ):
                text = await response.text()
        await runner.cleanup()
        return text

    assert world.run(main) == "at last"
    assert world.now > 3_600 * 10**9


@pytest.mark.parametrize("loss", [0, 0.1])
def test_a_web_socket(loss: float) -> None:
    world, server, client = lan(3, loss)

    async def main() -> list[str]:
        runner = await start(server)
        async with (
            client,
            aiohttp.ClientSession() as session,
            session.ws_connect("http://server:8080/talk") as ws,
        ):
            heard = []
            for word in ("stop", "desserts", "live"):
                await ws.send_str(word)
                heard.append(await ws.receive_str())
        await runner.cleanup()
        return heard

    assert world.run(main) == ["pots", "stressed", "evil"]


def test_fifty_requests_at_once() -> None:
    world, server, client = lan(4, 0.02)

    async def main() -> set[int]:
        runner = await start(server)

        async def one(session: aiohttp.ClientSession) -> int:
            async with session.get("http://server:8080/") as response:
                return len(await response.read())

        async with client, aiohttp.ClientSession() as session:
            sizes = await asyncio.gather(*[one(session) for _ in range(50)])
        await runner.cleanup()
        return set(sizes)

    assert world.run(main) == {len(PAGE)}
