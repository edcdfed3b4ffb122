"""curl and wget fetch from http.server on our stack; our urllib fetches from the kernel's."""

import contextlib
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netarium.drive.host import Host
from netarium.drive.serve import serving_directory
from netarium.patching import patched

SIZES = [1, 1_000_000, pytest.param(1 << 30, marks=pytest.mark.slow)]
Files = Callable[[int], Path]
Digest = Callable[[Path], str]


def fetch(kernel: Any, program: str, source: Path, target: Path) -> None:
    url = f"http://10.0.0.2/{source.name}"
    if program == "curl":
        kernel.sh("curl", "-sS", "--fail", "-o", str(target), url, timeout=300)
    else:
        kernel.sh("wget", "-q", "-O", str(target), url, timeout=300)


@pytest.mark.parametrize("program", ["curl", "wget"])
@pytest.mark.parametrize("size", SIZES)
def test_fetch(kernel: Any, host: Host, files: Files, digest: Digest, program: str, size: int) -> None:
    kernel.need(program)
    source = files(size)
    target = source.with_suffix(".fetched")
    seen: list[str] = []
    with serving_directory(host, source.parent, on_connection=lambda address, _: seen.append(address)):
        fetch(kernel, program, source, target)
    assert digest(target) == digest(source)
    assert seen == ["10.0.0.1"]


@pytest.mark.parametrize("mtu", [576, 9_000])
@pytest.mark.parametrize("offload", [True, False], ids=["offload", "plain"])
def test_other_mtu(kernel: Any, start: Any, files: Files, digest: Digest, offload: bool, mtu: int) -> None:
    kernel.need("curl")
    host = start(offload=offload, mtu=mtu)
    assert host.devices[0].mtu == mtu
    source = files(3_000_000)
    target = source.with_suffix(".fetched")
    with serving_directory(host, source.parent):
        fetch(kernel, "curl", source, target)
    assert digest(target) == digest(source)


def test_five_percent_loss_each_way(kernel: Any, host: Host, files: Files, digest: Digest) -> None:
    kernel.need("curl")
    source = files(2_000_000)
    target = source.with_suffix(".fetched")
    kernel.sh("ping", "-c", "1", "10.0.0.2")
    kernel.lose(5)
    with serving_directory(host, source.parent):
        fetch(kernel, "curl", source, target)
    assert digest(target) == digest(source)
    assert sum(kernel.lost()) > 0, "nothing was lost: the test shows nothing"


@contextlib.contextmanager
def kernel_web_server(directory: Path) -> Iterator[str]:
    command = [
        sys.executable,
        "-m",
        "http.server",
        "8080",
        "--bind",
        "10.0.0.1",
        "--directory",
        str(directory),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            yield "http://10.0.0.1:8080"
        finally:
            server.terminate()


def fetch_by_ours(host: Host, url: str, target: Path) -> None:
    """urllib, unmodified, on our host."""
    token = host.enter()
    from netarium.socket.context import current

    try:
        with patched(), urllib.request.urlopen(url, timeout=60) as response, target.open("wb") as file:
            while octets := response.read(1 << 20):
                file.write(octets)
    finally:
        current.reset(token)


def until_listening(address: str, port: int) -> None:
    """Wait for a server of the kernel's side."""
    import socket

    limit = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((address, port)).close()
        except OSError:
            if time.monotonic() > limit:
                raise
        else:
            return


@pytest.mark.parametrize("size", SIZES)
def test_we_fetch_from_the_kernel(host: Host, files: Files, digest: Digest, size: int) -> None:
    source = files(size)
    target = source.with_suffix(".fetched")
    with kernel_web_server(source.parent) as url:
        until_listening("10.0.0.1", 8080)
        fetch_by_ours(host, f"{url}/{source.name}", target)
    assert digest(target) == digest(source)


def test_we_fetch_under_loss(kernel: Any, host: Host, files: Files, digest: Digest) -> None:
    source = files(8_000_000)  # enough super-segments that some are lost (one run in 10**5 loses none)
    target = source.with_suffix(".fetched")
    with kernel_web_server(source.parent) as url:
        until_listening("10.0.0.1", 8080)
        kernel.lose(5)
        fetch_by_ours(host, f"{url}/{source.name}", target)
    assert digest(target) == digest(source)
    assert sum(kernel.lost()) > 0
