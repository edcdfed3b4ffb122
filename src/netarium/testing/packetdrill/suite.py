"""Many scripts: finding them, running them one after the other or side by side."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

from netarium.base.errors import UsageError
from netarium.base.profiles import PROFILES
from netarium.testing.packetdrill.errors import ScriptError
from netarium.testing.packetdrill.report import Outcome
from netarium.testing.packetdrill.runner import Options, run_file

SUFFIX: Final = ".pkt"
_CHUNK: Final = 8  # scripts that a worker is given at a time


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


def profile_of(path: Path) -> str:
    """The profile that a script is meant for: a directory above it is named so, else linux."""
    return next((part for part in reversed(path.absolute().parts[:-1]) if part in PROFILES), "linux")


def run_one(path: Path, options: Options, *, by_directory: bool = False) -> Outcome:
    """Run a script; a refusal is an outcome too.

    Args:
        path: of the script.
        options: how it is run.
        by_directory: the profile is that of the directory, not that of the options.
    """
    began = perf_counter()
    outcome = Outcome(path)
    if by_directory:
        options = replace(options, profile=profile_of(path))
    try:
        outcome.result = run_file(path, options)
    except ScriptError as fault:
        outcome.refused = str(fault)
    outcome.took = perf_counter() - began
    return outcome


def run_all(
    paths: Sequence[Path], options: Options, *, by_directory: bool = False, jobs: int = 1
) -> Iterator[Outcome]:
    """Run scripts, `jobs` at a time, each in a machine of its own; outcomes come in the order of the paths."""
    work = partial(run_one, options=options, by_directory=by_directory)
    jobs = min(jobs, len(paths) // _CHUNK + 1)  # a worker costs more than a few scripts
    if jobs <= 1:
        yield from map(work, paths)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(work, paths, chunksize=_CHUNK)
