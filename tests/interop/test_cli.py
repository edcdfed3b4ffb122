"""The commands for the real world, as a user types them: tap, the views from another terminal, fetch, bench."""

import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NAME = "nt0"
OURS, KERNEL = "10.7.0.2", "10.7.0.1"
ADDRESSES = ["--address", f"{OURS}/24", "--peer", f"{KERNEL}/24"]

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory of our own, for control sockets."""
    path = tmp_path / "run"
    path.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    return path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "netarium.cli.main", *arguments]


def netarium(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def begin(network: None, runtime: Path) -> Iterator[Start]:
    """Starts a command that runs on; waits for its first line."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        running.append(process)
        assert process.stdout is not None
        process.first = process.stdout.readline()  # type: ignore[attr-defined]
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def end(process: "subprocess.Popen[str]", number: int) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


def fetched(url: str) -> bytes:
    return subprocess.run(["curl", "-s", "--max-time", "30", url], capture_output=True, check=True).stdout


def test_tap_serves_shows_its_tables_and_leaves_nothing(begin: Start, runtime: Path, tmp_path: Path) -> None:
    content = os.urandom(300_000)
    (tmp_path / "page").write_bytes(content)
    pcap = tmp_path / "tap.pcapng"
    process = begin("tap", "--name", NAME, *ADDRESSES, "--serve", str(tmp_path), "--pcap", str(pcap))
    assert fetched(f"http://{OURS}/page") == content
    control = runtime / "netarium" / f"{NAME}.sock"
    assert control.stat().st_mode & 0o777 == 0o600
    with socket.create_connection((OURS, 80)) as idle:
        port = idle.getsockname()[1]
        for _ in range(100):
            table = netarium("netstat", "-ano").stdout
            if "ESTABLISHED" in table:
                break
            time.sleep(0.02)
        assert re.search(rf"^tcp +0 +0 {OURS}:80 +{KERNEL}:{port} +ESTABLISHED \d+/", table, re.MULTILINE)
        assert f"{KERNEL}:{port}" in netarium("ss", "-tanoi").stdout
        kernel_view = subprocess.run(["ss", "-tin"], capture_output=True, text=True, check=True).stdout
        assert f"{OURS}:80" in kernel_view
    assert re.search(
        rf"^\? \({KERNEL}\) at [0-9a-f:]+ \[ether\] on {NAME}$", netarium("arp", "-a").stdout, re.MULTILINE
    )
    assert "*:80 (LISTEN)" in netarium("lsof", "-i").stdout
    assert "segments received" in netarium("netstat", "-s").stdout
    code, out, err = end(process, signal.SIGINT)
    assert (code, err) == (130, "")
    assert out.count(f"connection from {KERNEL}:") == 2
    assert not control.exists()
    assert not Path(f"/sys/class/net/{NAME}").exists()
    if shutil.which("tshark") is not None:
        expert = subprocess.run(
            ["tshark", "-r", str(pcap), "-q", "-z", "expert"], capture_output=True, text=True, check=True
        ).stdout
        assert "Malformed" not in expert
        assert "HTTP/1.0 200 OK" in expert


def test_sigterm_is_as_clean_as_ctrl_c(begin: Start, runtime: Path) -> None:
    process = begin("tap", "--name", NAME, "--address", f"{OURS}/24")
    assert process.stdout is not None
    assert "the kernel's end needs an address" in process.stdout.readline()
    assert end(process, signal.SIGTERM)[0] == 128 + signal.SIGTERM
    assert list((runtime / "netarium").iterdir()) == []


def test_fetch_is_a_browser(network: None, runtime: Path, tmp_path: Path) -> None:
    content = os.urandom(2_000_000)
    (tmp_path / "page").write_bytes(content)
    # The kernel's web server listens on all addresses; the TAP's comes with fetch itself.
    server = subprocess.Popen(
        [sys.executable, "-m", "http.server", "-d", str(tmp_path), "8000"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", 8000)) == 0:
                    break
            time.sleep(0.02)
        target = tmp_path / "got"
        done = netarium("fetch", f"http://{KERNEL}:8000/page", "--tap", NAME, *ADDRESSES, "-o", str(target))
        assert (done.returncode, done.stderr) == (0, "")
        assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(content).digest()
        done = netarium("fetch", f"http://{KERNEL}:8000/nothing", "--tap", NAME, *ADDRESSES)
        assert (done.returncode, done.stderr) == (
            1,
            f"netarium: http://{KERNEL}:8000/nothing: 404 File not found\n",
        )
        done = netarium("fetch", f"http://{KERNEL}:8001/", "--tap", NAME, *ADDRESSES)
        assert done.returncode == 1
        assert done.stderr == f"netarium: http://{KERNEL}:8001/: Connection refused\n"
        done = netarium("fetch", f"http://{KERNEL}:8000/a b", "--tap", NAME, *ADDRESSES)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "can't contain control characters" in done.stderr
        done = netarium("fetch", "http://nosuch.example/", "--tap", NAME, *ADDRESSES)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "Name or service not known: name a DNS server with --nameserver" in done.stderr
    finally:
        server.kill()
        server.wait()


def test_bench_echoes_takes_and_gives(begin: Start) -> None:
    begin("bench", "serve", "--device", f"tap:{NAME}", *ADDRESSES)
    with socket.create_connection((OURS, 5001), timeout=10) as echo:
        echo.sendall(b"hello")
        assert echo.recv(100) == b"hello"
    with socket.create_connection((OURS, 5002), timeout=10) as sink:
        sink.sendall(bytes(1_000_000))
    with socket.create_connection((OURS, 5003), timeout=10) as source, source.makefile("rb") as octets:
        assert len(octets.read(1_000_000)) == 1_000_000


def test_a_second_machine_of_the_same_name(begin: Start) -> None:
    begin("tap", "--name", NAME, *ADDRESSES)
    done = netarium("tap", "--name", NAME, *ADDRESSES)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "in use by another program" in done.stderr


def test_without_permission_one_line_says_what_to_do(runtime: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("shows what an ordinary user sees; needs root to become one")
    # Root without CAP_NET_ADMIN is as powerless over networks as anybody.
    code = ["setpriv", "--bounding-set", "-net_admin", *command("tap", "--name", NAME, *ADDRESSES)]
    done = subprocess.run(code, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "CAP_NET_ADMIN" in done.stderr
    assert done.stderr.count("\n") == 1
