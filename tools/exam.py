"""The long exam of integrity: every cell of the matrix in tests/integrity and the long runs; writes docs/integrity.md.

Usage: python tools/exam.py [--jobs N] [--dry] [--without NAME]... [SEED...]: with seeds only those cells run, and
nothing is written. A long run that is left out (`--without`: the beginning of its name) keeps the row that it has in the
document, with the commit that was examined then.
"""

import argparse
import datetime as dt
import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.integrity import matrix  # noqa: E402 - the path comes first

_LEFT_OUT = "not run"
DOCUMENT = ROOT / "docs" / "integrity.md"


# What takes long by itself: its name, and the test.
LONG = {
    "17 GiB in one stream, without loss: the sequence space four times": "test_long_stream.py::test_a_stream_through_wraps[18253611008-0]",
    "5 GiB in one stream, 0.1 % of all packets lost": "test_long_stream.py::test_a_stream_through_wraps[5368709120-0.1%]",
    "5,000 connections at once, 1 % loss": "test_many.py::test_many_small_connections_at_once[5000-1%]",
    "100,000 times connect, echo, close": "test_endurance.py::test_connect_echo_close_again_and_again[100000]",
    "1,000,000 times connect, echo, close": "test_endurance.py::test_connect_echo_close_again_and_again[1000000]",
    "1,000 idle connections with keep-alive for 30 days": "test_endurance.py::test_idle_connections_for_a_month[1000-30]",
    "10,000 idle connections with keep-alive for 30 days": "test_endurance.py::test_idle_connections_for_a_month[10000-30]",
}  # fmt: skip


class Long(NamedTuple):
    """What became of a long run; `commit` is what was examined."""

    name: str
    verdict: str
    commit: str
    minutes: str


class Result(NamedTuple):
    """What one cell came to."""

    seed: int
    factors: dict[str, Any]
    fault: str
    failed: int
    octets: int
    frames: int
    retransmissions: int
    seconds: float


def examine(cell: matrix.Cell) -> Result:
    """Run one cell in a process of the pool."""
    try:
        outcome = matrix.run(cell)
    except Exception as fault:  # noqa: BLE001 - told with the seed, and the others go on
        text = f"{type(fault).__name__}: {fault}".splitlines()[0]
        return Result(cell.seed, cell.factors, text, 0, 0, 0, 0, 0.0)
    octets = sum(len(side.received) for side in outcome.clients + outcome.servers)
    return Result(
        cell.seed, cell.factors, "", outcome.failed, octets, outcome.frames, outcome.retransmissions, outcome.seconds
    )  # fmt: skip


def endure(name: str) -> Long:
    """One long run, in a process of pytest's."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "--exam", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [*command, "-o", "timeout=0", f"tests/integrity/{LONG[name]}"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        print(f"{name}:\n{done.stdout[-3_000:]}{done.stderr[-1_000:]}")
    verdict = "passed" if not done.returncode else "FAILED"
    return Long(name, verdict, commit(), f"{(time.monotonic() - begun) / 60:.1f}")


def remembered(name: str) -> Long:
    """What the document tells of a long run that is not made this time."""
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 6 and cells[1] == name:
            return Long(name, cells[2], cells[3].strip("`"), cells[4])
    return Long(name, _LEFT_OUT, "", "")


def commit() -> str:
    """What was examined."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def document(results: Sequence[Result], long: Sequence[Long], commit: str) -> str:
    """The whole text of docs/integrity.md."""
    passed = [result for result in results if not result.fault]
    connections = sum(result.factors["connections"] for result in passed)
    lines = [
        "# Integrity",
        "",
        "Written by `make exam` from a run of `tests/integrity`: do not edit. What was examined: commit",
        f"`{commit}`, on {dt.datetime.now(dt.UTC):%Y-%m-%d}, with Python {sys.version.split()[0]}.",
        "",
        "A cell is one network in virtual time, one way of being bad, and programs that send and check every octet. It",
        "passes when SHA-256 agrees on both sides of every connection, each was established once, no machine met a",
        "mistake of its own, all tables (flows, ports, timers, half-open, TIME-WAIT, sockets) are empty in the end, and",
        "each frame ended in exactly one counter. At 30 % loss, in long bursts and in outages of ten minutes a",
        "connection may fail: by a clean errno, and what was read is then the beginning of what was written.",
        "",
        "The cells are covering arrays: every pair of values of every two factors occurs. `make test` runs the first",
        "array (T0, seed 1), `make exam` six of them (seeds 1 to 6), five with transfers of up to 16 MiB (T1).",
        "",
        "| | |",
        "| --- | ---: |",
        f"| cells | {len(results):,} |",
        f"| passed | {len(passed):,} |",
        f"| connections | {connections:,} |",
        f"| of these ended by an errno, where that is allowed | {sum(result.failed for result in passed):,} |",
        f"| octets delivered and compared | {sum(result.octets for result in passed):,} |",
        f"| frames received | {sum(result.frames for result in passed):,} |",
        f"| segments sent again | {sum(result.retransmissions for result in passed):,} |",
        f"| virtual time, days | {sum(result.seconds for result in passed) / 86_400:,.1f} |",
        "",
        "| factor | values, each with the number of its cells |",
        "| --- | --- |",
    ]
    for name, values in matrix.EXAM_FACTORS.items():
        count = Counter(result.factors[name] for result in results)
        lines.append(f"| {name} | " + " · ".join(f"{value} ({count[value]})" for value in values) + " |")
    lines += ["", *(f"Not passed: seed {each.seed}: {each.fault}" for each in results if each.fault)]
    lines += [
        "",
        "## Long runs",
        "",
        "In each every octet is compared and all tables are empty in the end.",
        "",
    ]
    lines += ["| | | commit | minutes |", "| --- | --- | --- | ---: |"]
    lines += [f"| {each.name} | {each.verdict} | `{each.commit}` | {each.minutes} |" for each in long]
    lines += ["", "## What this does not show", ""]
    lines += ["- IPv6: it is not in the stack yet."]
    lines += [
        "- With the frame check off the 16-bit sum is all there is: `test_what_sixteen_bits_miss` measures it."
    ]
    if any(each.verdict == _LEFT_OUT for each in long):
        lines += [f'- Long runs that say "{_LEFT_OUT}": the machine had no time for them in this exam.']
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def main(arguments: Sequence[str]) -> int:
    """Run the cells; 1 if one did not pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--dry", action="store_true", help="write nothing")
    parser.add_argument(
        "--without", action="append", default=[], metavar="NAME", help="a long run not to make"
    )
    parser.add_argument("seeds", nargs="*", type=int, help="only these cells")
    options = parser.parse_args(arguments)
    cells = [cell for cell in matrix.t0() + matrix.t1() if not options.seeds or cell.seed in options.seeds]
    results: list[Result] = []
    left_out = [name for name in LONG if any(map(name.startswith, options.without))]
    wanted = [] if options.seeds else [name for name in LONG if name not in left_out]
    examined = commit()
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        enduring = pool.map_async(endure, wanted, chunksize=1)
        for result in pool.imap_unordered(examine, cells):
            results.append(result)
            if result.fault:
                words = ", ".join(f"{name} {value}" for name, value in result.factors.items())
                print(f"seed {result.seed}: {result.fault}\n  {words}")
            print(f"\r{len(results)} of {len(cells)}", end="", file=sys.stderr, flush=True)
        made = {each.name: each for each in enduring.get()}
    print(file=sys.stderr)
    long = [made.get(name) or remembered(name) for name in LONG]
    results.sort(key=lambda result: result.seed)
    if not options.seeds and not options.dry:
        DOCUMENT.write_text(document(results, long, examined), encoding="utf-8")
    return int(
        any(result.fault for result in results) or any(each.verdict == "FAILED" for each in made.values())
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
