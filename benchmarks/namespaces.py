"""Private networks for a measurement. They hang on processes, so nothing is left behind when those end."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_INSIDE = "NETARIUM_BENCH_NAMESPACE"


def enter() -> None:
    """Run this program again in a network namespace of its own, unless that is where we are."""
    if os.environ.get(_INSIDE) == str(os.getpid()):
        return
    os.environ[_INSIDE] = str(os.getpid())  # exec keeps the process number
    flags = ["-n"] if os.geteuid() == 0 else ["-Urn"]
    os.execvp("unshare", ["unshare", *flags, sys.executable, "-m", "benchmarks", *sys.argv[1:]])


def run(*command: str) -> str:
    """The output of a command that must succeed."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def veth_pair() -> Iterator[list[str]]:
    """A cable of the kernel's between here (10.7.0.1) and another namespace (10.7.0.2).

    Yields:
        What to put before a command that is to run there.
    """
    with subprocess.Popen(["unshare", "-n", "cat"], stdin=subprocess.PIPE) as holder:
        there = ["nsenter", "-t", str(holder.pid), "-n"]
        try:
            while Path(f"/proc/{holder.pid}/ns/net").samefile("/proc/self/ns/net"):
                pass  # `unshare` has not got there yet
            run("ip", "link", "add", "bench0", "type", "veth", "peer", "name", "bench1")
            run("ip", "link", "set", "bench1", "netns", str(holder.pid))
            run("ip", "address", "add", "10.7.0.1/24", "dev", "bench0")
            run("ip", "link", "set", "bench0", "up")
            run(*there, "ip", "address", "add", "10.7.0.2/24", "dev", "bench1")
            run(*there, "ip", "link", "set", "bench1", "up")
            # Thousands of connections a second: a client that runs out of ports in TIME-WAIT measures its own search.
            for where in ([], there):
                run(*where, "sh", "-c", "echo 1024 65535 > /proc/sys/net/ipv4/ip_local_port_range")
            yield there
        finally:
            holder.terminate()
            subprocess.run(["ip", "link", "delete", "bench0"], check=False, capture_output=True)


@contextmanager
def server(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that serves while the body runs."""
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.terminate()


def measure(role: str, host: str, amount: float, *, core: int | None = None) -> float:
    """One figure of `benchmarks.peer`."""
    command = [sys.executable, "-m", "benchmarks.peer", role, host, str(amount)]
    if core is not None:
        command += ["--core", str(core)]
    return float(run(*command))
