"""Speed under loss: our sender and the kernel's with the same algorithm, in turns, through the same lossy path.

Sender, router and receiver are three network namespaces. Segments travel singly (no segmentation offload on any cable),
the router drops at random in both directions. Ours shares the kernel sender's cable by a packet socket.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Final

from benchmarks.namespaces import measure, path, run, server

SECONDS: Final = 2.0
SHARED_SECONDS: Final = 20.0  # some congestion events of CUBIC, which on this line are 5 s apart
KERNEL: Final = "10.8.1.2"
OURS: Final = "10.8.1.3"
SHAPED: Final = ("burst", "32kb", "latency", "40ms")


@contextmanager
def senders(at_sender: list[str], algorithm: str) -> Iterator[None]:
    """Both senders serve, with the same algorithm."""
    theirs = [*at_sender, sys.executable, "-m", "benchmarks.peer", "serve", KERNEL, "--congestion", algorithm]
    ours = [
        *at_sender,
        sys.executable,
        "-m",
        "netarium.cli.main",
        "bench",
        "serve",
        "--congestion",
        algorithm,
    ]
    ours += ["--device", "packet:path0", "--address", f"{OURS}/24", "--gateway", "10.8.1.1"]
    with server(theirs), server(ours):
        for host in (KERNEL, OURS):
            measure("receive", host, 0.1)  # both are there, and know the way
        yield


@contextmanager
def lossy(in_middle: list[str], loss: float) -> Iterator[None]:
    """The router drops every so-manieth packet, at random."""
    if not loss:
        yield
        return
    rule = f"numgen random mod 10000 < {round(loss * 10_000)} drop"
    chain = f"table ip loss {{ chain through {{ type filter hook forward priority 0; {rule}; }}; }}"
    run(*in_middle, "nft", chain)
    try:
        yield
    finally:
        run(*in_middle, "nft", "delete", "table", "ip", "loss")


def in_turns(times: int) -> tuple[float, float]:
    """Medians, Mbit/s: ours, the kernel's."""
    figures: dict[str, list[float]] = {OURS: [], KERNEL: []}
    for _ in range(times):
        for host, values in figures.items():
            values.append(measure("receive", host, SECONDS))
    return median(figures[OURS]), median(figures[KERNEL])


def under_loss(algorithm: str, loss: float, times: int) -> tuple[float, float]:
    """Ours and the kernel's with one algorithm at one probability of loss."""
    with path() as (at_sender, in_middle), senders(at_sender, algorithm), lossy(in_middle, loss):
        return in_turns(times)


def shared(algorithm: str, rate: int, times: int) -> tuple[float, float]:
    """Ours and the kernel's at the same time over a line of that many Mbit/s with a queue of 40 ms (tc-tbf)."""
    with path() as (at_sender, in_middle), senders(at_sender, algorithm):
        run(*in_middle, "tc", "qdisc", "add", "dev", "path2", "root", "tbf", "rate", f"{rate}mbit", *SHAPED)
        figures = [_together() for _ in range(times)]
    return median(ours for ours, _ in figures), median(theirs for _, theirs in figures)


def _together() -> tuple[float, float]:
    def begin(host: str) -> "Callable[[], float]":
        command = [sys.executable, "-m", "benchmarks.peer", "receive", host, str(SHARED_SECONDS)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

        def finish() -> float:
            figure = float(process.communicate()[0])
            assert not process.returncode
            return figure

        return finish

    ours, theirs = begin(OURS), begin(KERNEL)
    return ours(), theirs()
