"""Measure everything, print the table, and with `--write` keep it in docs/benchmarks.md.

Needs root (or a user namespace) for the TAP; leaves nothing behind.
"""

import argparse
import itertools
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import netarium
from benchmarks import loss, namespaces, simulated, stack
from netarium.transport.tcp.congestion import ALGORITHMS

Row = tuple[str, str, str, str, str]


def calibration() -> float:
    """Milliseconds of a fixed loop: a run between two that differ says little."""
    begin = time.perf_counter()
    total = 0
    for number in range(2_000_000):
        total += number
    return (time.perf_counter() - begin) * 1e3


def row(what: str, figure: float, unit: str, mark: float, kernel: float | None = None) -> Row:
    """A line of the table; `mark` is the goal, at least (or, negative, at the most; 0: none)."""
    met = figure >= mark if mark > 0 else figure <= -mark
    goal = f"{'≥' if mark > 0 else '≤'} {abs(mark):,.0f} {'✓' if met else '✗'}" if mark else ""
    beside = "" if kernel is None else f"{kernel:,.0f}"
    ratio = "" if kernel is None else f"{figure / kernel:.2f}"
    digits = 1 if abs(figure) < 20 else 0
    return f"{what}, {unit}", f"{figure:,.{digits}f}", goal, beside, ratio


def real(times: int) -> list[Row]:
    """The stack on a TAP, with the kernel as its peer."""
    kernel, ours = stack.kernel(times), stack.ours(times)
    plain_kernel, plain = stack.kernel_plain(times), stack.ours_plain(times)
    return [
        row("kernel → stack, offload", ours["receive"], "Mbit/s", 3_000, kernel["receive"]),
        row("stack → kernel, offload", ours["send"], "Mbit/s", 3_000, kernel["send"]),
        row("kernel → stack, MTU 1500, no offload", plain["receive"], "Mbit/s", 300, plain_kernel["receive"]),
        row("stack → kernel, MTU 1500, no offload", plain["send"], "Mbit/s", 300, plain_kernel["send"]),
        row("round trips, pinned", ours["round trips"], "1/s", 8_000, kernel["round trips"]),
        row("connections, one after the other", ours["connections"], "1/s", 1_000, kernel["connections"]),
        row("memory of an idle connection", stack.memory(5_000), "octets", -4_096),
    ]


def virtual(times: int) -> list[Row]:
    """Simulated hosts, against wall time."""
    with simulated.one_core():
        segments = median(simulated.bulk(10_000_000, tso=False)[0] for _ in range(times))
        megabytes = median(simulated.bulk(50_000_000, tso=True)[1] for _ in range(times))
        exchanges = median(simulated.exchanges(2_000) for _ in range(times))
        creation = median(simulated.creation() for _ in range(times))
    return [
        row("virtual time: single segments", segments, "1/s of wall time", 30_000),
        row("virtual time: super-segments", megabytes, "MB/s of wall time", 300),
        row("virtual time: request and answer, 5 ms link", exchanges, "1/s", 8_000),
        row("a world of two hosts", creation, "ms", -5),
        row("import netarium", stack.import_time(2 * times + 1), "ms", -150),
    ]


def lossy(times: int) -> list[Row]:
    """Our sender beside the kernel's, with the same algorithm, through a path that loses segments."""
    times = max(times, 5)
    rows = []
    for algorithm in (word for word in ("reno", "cubic", "bbr") if word in ALGORITHMS):
        name = NAMES[algorithm]
        whole, kernel = loss.under_loss(algorithm, 0, times)
        rows.append(row(f"{name}, no loss", whole, "Mbit/s", 0, kernel))
        for percent in (1, 5):
            ours, kernel = loss.under_loss(algorithm, percent / 100, times)
            mark = whole / 2 if algorithm == "bbr" else kernel
            rows.append(row(f"{name}, {percent} % loss", ours, "Mbit/s", mark, kernel))
    for control, rate in itertools.product(("reno", "cubic"), (100, 20)):
        ours, kernel = loss.shared(control, rate, 3)
        what = f"{NAMES[control]}, beside the kernel's on one line of {rate} Mbit/s, Mbit/s"
        fair = 0.5 <= ours / kernel <= 2
        rows.append(
            (
                what,
                f"{ours:.1f}",
                f"1:2 … 2:1 {'✓' if fair else '✗'}",
                f"{kernel:.1f}",
                f"{ours / kernel:.2f}",
            )
        )
    return rows


PARTS: dict[str, Callable[[int], list[Row]]] = {"real": real, "virtual": virtual, "loss": lossy}
NAMES = {"reno": "Reno", "cubic": "CUBIC", "bbr": "BBR"}


def table(rows: list[Row]) -> str:
    """Markdown, with columns that line up in a terminal too."""
    heading = ("what", "figure", "first mark", "kernel to kernel", "ratio")
    widths = [max(len(line[i]) for line in (heading, *rows)) for i in range(len(heading))]

    def line(cells: Row) -> str:
        first, *others = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join((first, *others))} |"

    rule = (
        "|"
        + "|".join("-" * (width + 2) if i == 0 else "-" * (width + 1) + ":" for i, width in enumerate(widths))
        + "|"
    )
    return "\n".join([line(heading), rule, *(line(cells) for cells in rows)])


def machine() -> str:
    """What it ran on."""
    model = next(
        (
            text.partition(":")[2].strip()
            for text in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if text.startswith("model name")
        ),
        platform.machine(),
    )
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of {model}, Linux {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()}, netarium {netarium.__version__}, "
        "checksums in pure Python; "
        "congestion control of the kernel's side: cubic, where no other is named"
    )


def document(text: str) -> str:
    """docs/benchmarks.md with a new table between its marks."""
    path = Path(__file__).parent.parent / "docs" / "benchmarks.md"
    before, begin, rest = path.read_text(encoding="utf-8").partition("<!-- table -->\n")
    _, end, after = rest.partition("<!-- end -->\n")
    path.write_text(before + begin + text + end + after, encoding="utf-8")
    return str(path)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--times", type=int, default=3, help="measurements of each figure; the median counts (3)"
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (all)")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/benchmarks.md")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    if arguments.write and arguments.parts:
        parser.error("--write keeps a whole run")
    namespaces.enter()
    namespaces.run("ip", "link", "set", "lo", "up")
    before = calibration()
    rows = [line for part in arguments.parts or PARTS for line in PARTS[part](arguments.times)]
    after = calibration()
    text = (
        f"{machine()}. A fixed loop took {before:.0f} ms before and {after:.0f} ms after.\n\n{table(rows)}\n"
    )
    if abs(after - before) > 0.25 * before:
        text += "\nThe machine changed its speed meanwhile (it had other work): run it again.\n"
    print(text)
    if arguments.write:
        print(f"written to {document(text)}")


if __name__ == "__main__":
    main()
