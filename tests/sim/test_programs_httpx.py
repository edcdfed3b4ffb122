"""httpx, blocking and async, unmodified, against the standard library's server."""

import asyncio
import http.server
from typing import Any

import httpx
import pytest

import netarium

PAGE = b"0123456789" * 10_000


class Handler(http.server.BaseHTTPRequestHandler):
    """One page, and an echo."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(PAGE)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"]))[::-1])

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def serve() -> None:
    with http.server.ThreadingHTTPServer(("", 80), Handler) as server:
        server.serve_forever()


def lan(seed: int, loss: float) -> tuple[netarium.World, Any, Any]:
    world = netarium.World(seed=seed)
    server, client = world.hosts("server", "client")
    world.cable(server, client, rate="10mbit", delay="10ms", loss=loss)
    return world, server, client


@pytest.mark.parametrize("loss", [0, 0.05])
def test_blocking(loss: float) -> None:
    world, server, client = lan(1, loss)

    def fetch() -> tuple[bytes, bytes]:
        with httpx.Client(timeout=60, trust_env=False) as session:
            got = session.get("http://server/").raise_for_status().content
            return got, session.post("http://server/", content=b"abc" * 1_000).content

    def main() -> Any:
        server.run(serve)
        return client.run(fetch).join()

    assert world.run(main) == (PAGE, b"cba" * 1_000)


@pytest.mark.parametrize("loss", [0, 0.05])
def test_async(loss: float) -> None:
    world, server, client = lan(2, loss)

    async def fetch() -> list[bytes]:
        async with httpx.AsyncClient(timeout=60, trust_env=False) as session:
            replies = await asyncio.gather(*[session.get("http://server/") for _ in range(5)])
            return [reply.content for reply in replies]

    async def main() -> Any:
        server.run(serve)
        return await client.run(fetch)

    assert world.run(main) == [PAGE] * 5


def test_errors_are_httpx_own() -> None:
    world, _, client = lan(3, 0)

    def fetch() -> None:
        with httpx.Client(timeout=5, trust_env=False) as session:
            with pytest.raises(httpx.ConnectError, match="Connection refused"):
                session.get("http://server:81/")
            with pytest.raises(httpx.ConnectError, match="Name or service not known"):
                session.get("http://nowhere/")

    world.run(lambda: client.run(fetch).join())
