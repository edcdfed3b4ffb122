"""TLS as Python does it, over our sockets: asyncio streams, start_tls, aiohttp with https."""

import asyncio
import ssl
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web

import netarium

DATA = bytes(range(256)) * 1_000


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def contexts(authority: trustme.CA) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    ours, theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("server").configure_cert(ours)
    authority.configure_trust(theirs)
    return ours, theirs


def lan(seed: int, loss: float) -> tuple[netarium.World, Any, Any]:
    world = netarium.World(seed=seed)
    server, client = world.hosts("server", "client")
    world.cable(server, client, rate="10mbit", delay="10ms", loss=loss)
    return world, server, client


async def goodbyes() -> None:
    """Virtual time for the server to close its half, too: a loop that ends before leaves transports unclosed."""
    await asyncio.sleep(1)


async def mirror(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write((await reader.readexactly(len(DATA)))[::-1])
    await writer.drain()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("loss", [0, 0.05])
def test_streams(authority: trustme.CA, loss: float) -> None:
    world, server, client = lan(1, loss)
    server_context, client_context = contexts(authority)

    async def main() -> tuple[bytes, str]:
        async with server:
            listener = await asyncio.start_server(mirror, "0.0.0.0", 443, ssl=server_context)
        async with client:
            reader, writer = await asyncio.open_connection("server", 443, ssl=client_context)
            writer.write(DATA)
            received = await reader.readexactly(len(DATA))
            version = writer.get_extra_info("ssl_object").version()
            writer.close()
            await writer.wait_closed()
        await goodbyes()
        listener.close()
        return received, version

    assert world.run(main) == (DATA[::-1], "TLSv1.3")


def test_start_tls_on_a_plain_connection(authority: trustme.CA) -> None:
    world, server, client = lan(2, 0)
    server_context, client_context = contexts(authority)

    async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"go\n")
        await writer.drain()
        await writer.start_tls(server_context)
        await mirror(reader, writer)

    async def main() -> bytes:
        async with server:
            listener = await asyncio.start_server(upgrade, "0.0.0.0", 25)
        async with client:
            reader, writer = await asyncio.open_connection("server", 25)
            writer.write(b"STARTTLS\n")
            assert await reader.readline() == b"go\n"
            await writer.start_tls(client_context, server_hostname="server")
            writer.write(DATA)
            received = await reader.readexactly(len(DATA))
            writer.close()
        await goodbyes()
        listener.close()
        return received

    assert world.run(main) == DATA[::-1]


def test_a_certificate_for_another_name_is_refused(authority: trustme.CA) -> None:
    world, server, client = lan(3, 0)
    server_context, client_context = contexts(authority)

    async def main() -> None:
        async with server:
            listener = await asyncio.start_server(mirror, "0.0.0.0", 443, ssl=server_context)
        async with client:
            with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
                await asyncio.open_connection(
                    "server", 443, ssl=client_context, server_hostname="bank.example"
                )
        await goodbyes()
        listener.close()

    world.run(main)


@pytest.mark.parametrize("loss", [0, 0.05])
def test_aiohttp_with_https(authority: trustme.CA, loss: float) -> None:
    world, server, client = lan(4, loss)
    server_context, client_context = contexts(authority)

    async def page(_: web.Request) -> web.Response:
        return web.Response(body=DATA)

    async def main() -> bytes:
        app = web.Application()
        app.router.add_get("/", page)
        runner = web.AppRunner(app)
        async with server:
            await runner.setup()
            await web.TCPSite(runner, "0.0.0.0", 443, ssl_context=server_context).start()
        async with (
            client,
            aiohttp.ClientSession() as session,
            session.get("https://server/", ssl=client_context) as response,
        ):
            body = await response.read()
        await goodbyes()
        await runner.cleanup()
        return body

    assert world.run(main) == DATA
