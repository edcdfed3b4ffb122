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
def namespace() -> Iterator[tuple[int, list[str]]]:
    """Another network namespace, for as long as the body runs.

    Yields:
        The process that holds it, and what to put before a command that is to run there.
    """
    with subprocess.Popen(["unshare", "-n", "cat"], stdin=subprocess.PIPE) as holder:
        try:
            while Path(f"/proc/{holder.pid}/ns/net").samefile("/proc/self/ns/net"):
                pass  # `unshare` has not got there yet
            yield holder.pid, ["nsenter", "-t", str(holder.pid), "-n"]
        finally:
            holder.terminate()


def many_ports(*there: str) -> None:
    """Thousands of connections a second: a client that runs out of ports in TIME-WAIT measures its own search."""
    run(*there, "sh", "-c", "echo 1024 65535 > /proc/sys/net/ipv4/ip_local_port_range")


@contextmanager
def veth_pair() -> Iterator[list[str]]:
    """A cable of the kernel's between here (10.7.0.1) and another namespace (10.7.0.2).

    Yields:
        What to put before a command that is to run there.
    """
    with namespace() as (holder, there):
        try:
            run("ip", "link", "add", "bench0", "type", "veth", "peer", "name", "bench1")
            run("ip", "link", "set", "bench1", "netns", str(holder))
            run("ip", "address", "add", "10.7.0.1/24", "dev", "bench0")
            run("ip", "link", "set", "bench0", "up")
            run(*there, "ip", "address", "add", "10.7.0.2/24", "dev", "bench1")
            run(*there, "ip", "link", "set", "bench1", "up")
            many_ports()
            many_ports(*there)
            yield there
        finally:
            subprocess.run(["ip", "link", "delete", "bench0"], check=False, capture_output=True)


@contextmanager
def path() -> Iterator[tuple[list[str], list[str]]]:
    """A sender (10.8.1.2) - a router in the middle - here (10.8.2.2), by cables without segmentation offload.

    Yields:
        What to put before a command that is to run at the sender (on interface `path0`), and in the middle, whose
        interface towards here is `path2`.
    """
    with namespace() as (sender, at_sender), namespace() as (middle, in_middle):
        try:
            for number, pids in ((0, (sender, middle)), (2, (middle, os.getpid()))):
                names = (f"path{number}", f"path{number + 1}")
                run("ip", "link", "add", names[0], "type", "veth", "peer", "name", names[1])
                for name, pid in zip(names, pids, strict=True):
                    run("ethtool", "-K", name, "tso", "off", "gso", "off", "gro", "off")
                    if pid != os.getpid():
                        run("ip", "link", "set", name, "netns", str(pid))
            for where, name, address in (
                (at_sender, "path0", "10.8.1.2/24"),
                (in_middle, "path1", "10.8.1.1/24"),
                (in_middle, "path2", "10.8.2.1/24"),
                ([], "path3", "10.8.2.2/24"),
            ):
                run(*where, "ip", "address", "add", address, "dev", name)
                run(*where, "ip", "link", "set", name, "up")
            run(*in_middle, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
            # What one connection found out must not help or hurt the next.
            run(*at_sender, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save")
            run(*at_sender, "ip", "route", "add", "default", "via", "10.8.1.1")
            run("ip", "route", "add", "10.8.1.0/24", "via", "10.8.2.1")
            yield at_sender, in_middle
        finally:
            subprocess.run(["ip", "link", "delete", "path3"], check=False, capture_output=True)


@contextmanager
def server(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that serves while the body runs."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
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
