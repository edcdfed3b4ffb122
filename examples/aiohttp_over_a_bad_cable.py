"""An unmodified aiohttp server and client, over a cable that loses every tenth frame."""

import aiohttp
from aiohttp import web

import netarium

world = netarium.World(seed=7)
server, client = world.hosts("server", "client")
world.cable(server, client, rate="10mbit", delay="20ms", loss="10%")


async def page(_request: web.Request) -> web.Response:
    return web.Response(text="hello " * 20_000)


async def main() -> None:
    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    async with server:  # what is in here runs on the machine `server`
        await runner.setup()
        await web.TCPSite(runner, "0.0.0.0", 8080).start()
    async with client, aiohttp.ClientSession() as session, session.get("http://server:8080/") as response:
        print(f"{len(await response.text())} characters after {world.now / 1e9:.2f} s of virtual time")
    await runner.cleanup()


world.run(main)
