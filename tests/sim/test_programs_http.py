"""The standard library's own web server and browsers, unmodified, in virtual time."""

import functools
import hashlib
import http.client
import http.server
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import netarium

PAGE = bytes(range(256)) * 800  # 200 KB: many windows, some losses


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing on stderr."""

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "page.bin").write_bytes(PAGE)
    (tmp_path / "index.html").write_text("<h1>It works</h1>", encoding="ascii")
    return tmp_path


def serve(site: Path, kind: type[http.server.HTTPServer] = http.server.HTTPServer) -> None:
    with kind(("", 80), functools.partial(Quiet, directory=str(site))) as server:
        server.serve_forever()


def lan(seed: int, loss: float) -> tuple[netarium.World, Any, Any]:
    world = netarium.World(seed=seed)
    web, browser = world.hosts("web", "browser")
    world.cable(web, browser, rate="10mbit", delay="10ms", loss=loss)
    return world, web, browser


@pytest.mark.parametrize("loss", [0, 0.05])
def test_http_server_and_urllib(site: Path, loss: float) -> None:
    world, web, browser = lan(1, loss)

    def fetch() -> str:
        with urllib.request.urlopen("http://web/page.bin", timeout=60) as response:
            assert response.status == 200
            assert int(response.headers["Content-Length"]) == len(PAGE)
            return hashlib.sha256(response.read()).hexdigest()

    def main() -> str:
        web.run(serve, site)
        result: str = browser.run(fetch).join()
        return result

    assert world.run(main) == hashlib.sha256(PAGE).hexdigest()
    assert world.now > 160_000_000  # 200 KB at 10 Mbit/s


def test_urllib_reports_what_is_missing(site: Path) -> None:
    world, web, browser = lan(2, 0)

    def fetch() -> list[str]:
        faults = []
        for url in ("http://web/nothing", "http://web:81/", "http://nowhere/"):
            with pytest.raises(urllib.error.URLError) as fault:
                urllib.request.urlopen(url, timeout=10)
            faults.append(str(fault.value))
        return faults

    def main() -> Any:
        web.run(serve, site)
        return browser.run(fetch).join()

    assert world.run(main) == [
        "HTTP Error 404: File not found",
        "<urlopen error [Errno 111] Connection refused>",
        "<urlopen error [Errno -2] Name or service not known>",
    ]


@pytest.mark.parametrize("loss", [0, 0.05])
def test_threading_server_and_ten_clients_with_persistent_connections(site: Path, loss: float) -> None:
    world, web, browser = lan(3, loss)

    def fetch() -> int:
        connection = http.client.HTTPConnection("web", timeout=120)
        total = 0
        for _ in range(3):
            connection.request("GET", "/index.html")
            response = connection.getresponse()
            total += len(response.read())
        connection.close()
        return total

    def main() -> list[int]:
        web.run(serve, site, http.server.ThreadingHTTPServer)
        clients = [browser.run(fetch) for _ in range(10)]
        return [client.join() for client in clients]

    assert world.run(main) == [3 * len("<h1>It works</h1>")] * 10


def test_a_server_that_is_not_there_is_waited_for_in_virtual_time_only(site: Path) -> None:
    world = netarium.World(seed=4)
    web, browser = world.hosts("web", "browser")
    world.cable(web, browser, loss=1.0)

    def fetch() -> None:
        with pytest.raises(urllib.error.URLError, match=r"timed out|No route to host"):
            urllib.request.urlopen("http://web/", timeout=30)

    def main() -> None:
        web.run(serve, site)
        browser.run(fetch).join()

    world.run(main)
    assert world.now < 31_000_000_000
