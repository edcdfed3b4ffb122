"""The long exam of integrity: every cell of the matrix in tests/integrity, on all cores; writes docs/integrity.md.

Usage: python tools/exam.py [--jobs N] [--dry] [SEED...]: with seeds only those cells run, and nothing is written.
"""

import argparse
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.integrity import matrix  # noqa: E402 - the path comes first

DOCUMENT = ROOT / "docs" / "integrity.md"


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


def document(results: Sequence[Result]) -> str:
    """The whole text of docs/integrity.md."""
    passed = [result for result in results if not result.fault]
    connections = sum(result.factors["connections"] for result in passed)
    lines = [
        "# Integrity",
        "",
        "Written by `make exam` from a run of the matrix in `tests/integrity/matrix.py`: do not edit.",
        "",
        "A cell is one network in virtual time, one way of being bad, and programs that send and check every octet. It",
        "passes when SHA-256 agrees on both sides of every connection, each was established once, no machine met a",
        "mistake of its own, all tables (flows, ports, timers, half-open, TIME-WAIT, sockets) are empty in the end, and",
        "each frame ended in exactly one counter. At 30 % loss, in long bursts and in outages of ten minutes a",
        "connection may fail: by a clean errno, and what was read is then the beginning of what was written.",
        "",
        "The cells are covering arrays: every pair of values of every two factors occurs. `make test` runs the first",
        "array (T0), `make exam` six of them, the others with transfers of up to 16 MiB (T1).",
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
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Run the cells; 1 if one did not pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--dry", action="store_true", help="write nothing")
    parser.add_argument("seeds", nargs="*", type=int, help="only these cells")
    options = parser.parse_args(arguments)
    cells = [cell for cell in matrix.t0() + matrix.t1() if not options.seeds or cell.seed in options.seeds]
    results: list[Result] = []
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        for result in pool.imap_unordered(examine, cells):
            results.append(result)
            if result.fault:
                words = ", ".join(f"{name} {value}" for name, value in result.factors.items())
                print(f"seed {result.seed}: {result.fault}\n  {words}")
            print(f"\r{len(results)} of {len(cells)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    results.sort()
    if not options.seeds and not options.dry:
        DOCUMENT.write_text(document(results), encoding="utf-8")
    return int(any(result.fault for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
