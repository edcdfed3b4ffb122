"""Tell what a run of mutmut found: a line for each file, and, if asked for, every mutant that lived.

A mutant is a copy of the code with one small fault; it is killed when a test fails (or hangs) with it. One that no test can
kill, because the fault changes nothing, is listed with its reason in tools/mutants-equivalent.txt and not counted.

Usage, after `mutmut run` in the same directory: python tools/mutation.py [--survivors] [PATTERN...]
PATTERN is a glob on the file's path, as "*/tcp/rtt.py".
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
EQUIVALENT: Final = ROOT / "tools" / "mutants-equivalent.txt"
_SURVIVED: Final = {0, 5, 33}  # mutmut's exit codes: tests passed; no test reaches it
_NOT_RUN: Final = {None, 2, 34}


class Change(NamedTuple):
    """What a mutant changes: file, the line as it is, and as it becomes."""

    file: str
    before: str
    after: str


class Score(NamedTuple):
    """The mutants of one file."""

    killed: int
    survived: int
    equivalent: int
    not_run: int

    @property
    def percent(self) -> float:
        """Killed, of those that were run and can be killed."""
        counted = self.killed + self.survived
        return 100 * self.killed / counted if counted else 100.0


def equivalents(text: str) -> set[Change]:
    """The list of mutants that nothing can kill: file, line, line with the fault, reason, a tab between each.

    Raises:
        ValueError: a line without a reason.
    """
    found = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("\t") if field.strip()]
        if len(fields) != 4:
            raise ValueError(f"line {number}: file, line, line with the fault, reason; tabs between them")
        found.add(Change(*fields[:3]))
    return found


def change_of(file: str, diff: str) -> Change:
    """What a unified diff of one mutant changes."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    before, after = ([line[1:].strip() for line in lines if line.startswith(sign)] for sign in "-+")
    return Change(file, " ".join(before), " ".join(after))


def score_of(codes: Iterable[int | None], equivalent: int) -> Score:
    """Count exit codes; `equivalent` of the survivors are no fault of the tests."""
    counts = Counter(
        "not run" if code in _NOT_RUN else "survived" if code in _SURVIVED else "killed" for code in codes
    )
    return Score(counts["killed"], counts["survived"] - equivalent, equivalent, counts["not run"])


def table(scores: dict[str, Score]) -> str:
    """Markdown."""
    lines = ["| file | mutants | killed | survived | equivalent | score |", "|---|---:|---:|---:|---:|---:|"]
    total = (
        Score(*(sum(column) for column in zip(*scores.values(), strict=True)))
        if scores
        else Score(0, 0, 0, 0)
    )
    for name, score in [*scores.items(), ("**all**", total)]:
        counted = score.killed + score.survived + score.equivalent
        more = f" (and {score.not_run} not run)" if score.not_run else ""
        lines.append(
            f"| {name} | {counted}{more} | {score.killed} | {score.survived} | {score.equivalent} | {score.percent:.0f} % |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--survivors", action="store_true", help="show every mutant that lived")
    arguments = parser.parse_args()
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    known = equivalents(EQUIVALENT.read_text(encoding="utf-8"))
    scores: dict[str, Score] = {}
    for meta in sorted(Path("mutants").rglob("*.py.meta")):
        path = meta.relative_to("mutants").with_suffix("")
        if not any(fnmatch(path.as_posix(), pattern) for pattern in arguments.patterns):
            continue
        codes: dict[str, int | None] = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        name = path.as_posix().removeprefix("src/netarium/")
        lived = [key for key, code in codes.items() if code in _SURVIVED]
        changes = [change_of(name, get_diff_for_mutant(key, path=path)) for key in lived]
        scores[name] = score_of(codes.values(), sum(change in known for change in changes))
        if arguments.survivors:
            for change in (change for change in changes if change not in known):
                print(f"{name}\n  - {change.before}\n  + {change.after}")
    print(table(scores))


if __name__ == "__main__":
    main()
