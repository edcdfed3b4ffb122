"""Many scripts: finding them, running them one after the other or side by side."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from time import perf_counter

from netarium.base.errors import UsageError
from netarium.testing.packetdrill.errors import ScriptError
from netarium.testing.packetdrill.report import Outcome
from netarium.testing.packetdrill.runner import run_file

SUFFIX = ".pkt"


def find(paths: Sequence[Path]) -> list[Path]:
    """Files as given, and all scripts below directories, in order.

    Raises:
        UsageError: nothing is there.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(path.rglob(f"*{SUFFIX}"))
        elif path.exists():
            found.append(path)
        else:
            raise UsageError(f"{path}: no such file")
    if not found:
        raise UsageError(f"no {SUFFIX} file there")
    return found


def run_one(path: Path, *, strict: bool = False, defines: Mapping[str, str] | None = None) -> Outcome:
    """Run a script; a refusal is an outcome too."""
    began = perf_counter()
    outcome = Outcome(path)
    try:
        outcome.result = run_file(path, strict=strict, defines=defines)
    except ScriptError as fault:
        outcome.refused = str(fault)
    outcome.took = perf_counter() - began
    return outcome


def run_all(
    paths: Sequence[Path], *, strict: bool = False, defines: Mapping[str, str] | None = None, jobs: int = 1
) -> Iterator[Outcome]:
    """Run scripts, `jobs` at a time, each in a machine of its own; outcomes come in the order of the paths."""
    work = partial(run_one, strict=strict, defines=defines)
    if jobs <= 1:
        yield from map(work, paths)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(work, paths, chunksize=8)
