"""The stack on a TAP with the kernel as its peer, and the kernel with itself on a veth pair."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.namespaces import measure, run, server, veth_pair

SECONDS = 1.0
_OURS = "10.7.1.2"
_PINNED = 1  # the core for figures of one core


def repeated(figure: Callable[[], float], times: int) -> float:
    """The median of several measurements."""
    return median(figure() for _ in range(times))


@contextmanager
def served(*options: str, core: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """`netarium bench serve` on a TAP at 10.7.1.2; the kernel's end is 10.7.1.1."""
    command = [sys.executable, "-m", "netarium.cli.main", "bench", "serve", "--device", "tap:bench9"]
    command += ["--address", f"{_OURS}/24", "--peer", "10.7.1.1/24", *options]
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    with server(command) as process:
        yield process


def kernel(times: int) -> dict[str, float]:
    """What the kernel does with itself, the yardstick of the same minute."""
    with veth_pair() as there:
        serve = [*there, sys.executable, "-m", "benchmarks.peer", "serve", "10.7.0.2"]
        with server(serve):
            figures = {
                "receive": repeated(lambda: measure("send", "10.7.0.2", SECONDS), times),
                "send": repeated(lambda: measure("receive", "10.7.0.2", SECONDS), times),
                "connections": repeated(lambda: measure("connections", "10.7.0.2", SECONDS), times),
            }
        with server([*serve, "--core", str(_PINNED)]):
            figures["round trips"] = repeated(
                lambda: measure("round-trips", "10.7.0.2", SECONDS, core=_PINNED), times
            )
    return figures


def kernel_plain(times: int) -> dict[str, float]:
    """The kernel with itself, every frame by itself and every checksum computed."""
    off = ["tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off"]
    with veth_pair() as there:
        run("ethtool", "-K", "bench0", *off)
        run(*there, "ethtool", "-K", "bench1", *off)
        with server([*there, sys.executable, "-m", "benchmarks.peer", "serve", "10.7.0.2"]):
            return {
                "receive": repeated(lambda: measure("send", "10.7.0.2", SECONDS), times),
                "send": repeated(lambda: measure("receive", "10.7.0.2", SECONDS), times),
            }


def ours(times: int) -> dict[str, float]:
    """The stack with offload, not pinned; latency figures pinned to one core with the client."""
    with served():
        figures = {
            "receive": repeated(lambda: measure("send", _OURS, SECONDS), times),
            "send": repeated(lambda: measure("receive", _OURS, SECONDS), times),
            "connections": repeated(lambda: measure("connections", _OURS, SECONDS), times),
        }
    with served(core=_PINNED):
        figures["round trips"] = repeated(lambda: measure("round-trips", _OURS, SECONDS, core=_PINNED), times)
    return figures


def ours_plain(times: int) -> dict[str, float]:
    """The stack without offload at MTU 1,500: each frame and each checksum by itself, in Python."""
    with served("--no-offload"):
        return {
            "receive": repeated(lambda: measure("send", _OURS, SECONDS), times),
            "send": repeated(lambda: measure("receive", _OURS, SECONDS), times),
        }


def _resident(process: int) -> int:
    """Octets of memory that a process holds."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def memory(connections: int) -> float:
    """Octets of memory for each idle connection."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with served() as process:
        measure("connections", _OURS, 0.3)  # everything is loaded
        before = _resident(process.pid)
        command = [sys.executable, "-m", "benchmarks.peer", "idle", _OURS, str(connections)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as clients:
            assert clients.stdout is not None
            assert int(clients.stdout.readline()) == connections
            return (_resident(process.pid) - before) / connections


def import_time(times: int) -> float:
    """Milliseconds that `import netarium` adds to the start of Python."""

    def start(program: str) -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True)
        return (time.perf_counter() - begin) * 1e3

    return repeated(lambda: start("import netarium"), times) - repeated(lambda: start("pass"), times)
