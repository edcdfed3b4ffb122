"""A private network for each test, with the Linux kernel as the peer.

The test's own thread moves into a new network namespace that has no name, so nothing can be left behind: it goes with
the last descriptor in it. Programs (ping, curl, ...) that the test starts are in there too.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

import netarium.drive.host as drive
from netarium.base.config import MachineConfig
from netarium.drive.packet_socket import PacketSocket
from netarium.drive.tap import Tap

_CLONE_NEWNET: Final = 0x4000_0000
_libc: Final = ctypes.CDLL(None, use_errno=True)

KERNEL: Final = "10.0.0.1"
OURS: Final = "10.0.0.2"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.interop)


def not_here(reason: str) -> None:
    """Skip, with the reason; in CI nothing may be missing."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must be able to run this: {reason}")
    pytest.skip(reason)


def need(*programs: str) -> None:
    """Skip if a program of the kernel's side is not installed."""
    for program in programs:
        if shutil.which(program) is None:
            not_here(f"{program} is not installed")


def sh(*command: str, timeout: float = 60, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program of the kernel's side to its end."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if check:
        assert result.returncode == 0, f"{' '.join(command)}: {result.stdout}{result.stderr}"
    return result


@pytest.fixture
def network() -> Iterator[None]:
    """A network namespace of its own for this thread and what it starts."""
    if os.geteuid() != 0:
        not_here("needs root, or all of pytest inside `unshare -Urn`")
    if not Path("/dev/net/tun").exists():
        not_here("/dev/net/tun is missing")
    need("ip")
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if _libc.unshare(_CLONE_NEWNET):
            not_here(f"no network namespace: {os.strerror(ctypes.get_errno())}")
        try:
            sh("ip", "link", "set", "lo", "up")
            yield
        finally:
            assert _libc.setns(home, _CLONE_NEWNET) == 0
    finally:
        os.close(home)


Start = Callable[..., drive.Host]


@pytest.fixture
def start(network: None) -> Iterator[Start]:
    """Starts our host 10.0.0.2 on a TAP whose other end is the kernel's 10.0.0.1; checks it afterwards."""
    hosts: list[drive.Host] = []

    def begin(
        *, offload: bool = True, mtu: int | None = None, config: MachineConfig | None = None
    ) -> drive.Host:
        device = Tap("netarium0", offload=offload, mtu=mtu, peer=f"{KERNEL}/24")
        host = drive.Host(device, address=f"{OURS}/24", gateway=KERNEL, name="ours", config=config)
        hosts.append(host)
        return host

    yield begin
    for host in hosts:
        host.close()
        assert not host.machine.internal_errors, "\n".join(host.machine.internal_errors)
    assert (
        not Path("/sys/class/net/netarium0").exists()
        or sh("ip", "link", "show", "netarium0", check=False).returncode
    )


@pytest.fixture(params=[True, False], ids=["offload", "plain"])
def host(start: Start, request: pytest.FixtureRequest) -> drive.Host:
    """Our host, once with all offloads, once without any."""
    return start(offload=request.param)


@pytest.fixture
def packet_host(network: None) -> Iterator[drive.Host]:
    """Our host as a second station on one end of a veth pair; the kernel has its address on the other end."""
    sh("ip", "link", "add", "kernel0", "type", "veth", "peer", "name", "ours0")
    sh("ip", "address", "add", f"{KERNEL}/24", "dev", "kernel0")
    sh("ip", "link", "set", "kernel0", "up")
    sh("ip", "link", "set", "ours0", "up")
    host = drive.Host(PacketSocket("ours0"), address=f"{OURS}/24", name="ours")
    yield host
    host.close()
    assert not host.machine.internal_errors, "\n".join(host.machine.internal_errors)


class Kernel:
    """The peer: its programs, and the cable to it."""

    def sh(self, *command: str, timeout: float = 60, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program of the kernel's side to its end."""
        return sh(*command, timeout=timeout, check=check)

    def need(self, *programs: str) -> None:
        """Skip, or in CI fail, if a program is not installed."""
        need(*programs)

    def popen(self, *command: str) -> "subprocess.Popen[str]":
        """Start a program and leave it to the test."""
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def lose(self, percent: int, interface: str = "netarium0") -> None:
        """The kernel's end of the cable loses this much, each way."""
        need("nft")
        chance = "" if percent == 100 else f"numgen random mod 100 < {percent}"
        sh("nft", "add", "table", "netdev", "loss")
        for hook in ("ingress", "egress"):
            chain = f"{{ type filter hook {hook} device {interface} priority 0; }}"
            sh("nft", f"add chain netdev loss {hook} {chain}")
            sh("nft", f"add rule netdev loss {hook} {chance} counter drop")

    def lost(self) -> tuple[int, int]:
        """How many packets the rules of `lose` have taken: from us, to us."""
        words = sh("nft", "list", "table", "netdev", "loss").stdout.split()
        ours, theirs = (int(words[i + 1]) for i, word in enumerate(words) if word == "packets")
        return ours, theirs


@pytest.fixture
def kernel(network: None) -> Kernel:
    """The kernel's side of the cable."""
    return Kernel()


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Path]]:
    """Files of random octets, one for each size, each in a directory of its own; in memory if there is a place."""
    memory = Path("/dev/shm")
    place = Path(
        tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else tmp_path_factory.mktemp("files"))
    )

    def make(size: int) -> Path:
        path = place / str(size) / "source.bin"
        if not path.exists():
            path.parent.mkdir()
            with path.open("wb") as file:
                for begin in range(0, size, 1 << 24):
                    file.write(os.urandom(min(1 << 24, size - begin)))
        return path

    yield make
    shutil.rmtree(place)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture
def digest() -> Callable[[Path], str]:
    """SHA-256 of a file."""
    return sha256
