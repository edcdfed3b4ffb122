"""What a run of the mutants came to: a line for each file.

A mutant is killed when a test fails (or hangs) with it. Of those that the tests let live, some the type checker refuses,
and some nothing can kill, because the fault changes nothing: they are listed with the reason in
tools/mutants-equivalent.txt and not counted.
"""

from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, NamedTuple

EQUIVALENT: Final = Path(__file__).resolve().parent / "mutants-equivalent.txt"
DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "mutation.md"
BEGIN, END = "<!-- scores -->\n", "<!-- end -->\n"


class Change(NamedTuple):
    """What a mutant changes: file, the line as it is, and as it becomes."""

    file: str
    before: str
    after: str

    def is_by(self, rule: "Change") -> bool:
        """The rule's fragment in this line, at one place, has become the rule's other fragment; nothing else has changed."""
        parts = self.before.split(rule.before)
        changed = (
            rule.before.join(parts[:at]) + rule.after + rule.before.join(parts[at:])
            for at in range(1, len(parts))
        )
        return fnmatch(self.file, rule.file) and self.after in changed


class Ledger(NamedTuple):
    """The mutants that nothing can kill: one by one, and rules for those that are equivalent by nature."""

    changes: set[Change]
    rules: list[Change]

    def __contains__(self, change: object) -> bool:
        return change in self.changes or (
            isinstance(change, Change) and any(change.is_by(rule) for rule in self.rules)
        )


class Outcome(NamedTuple):
    """What became of a mutant."""

    key: str
    file: str
    function: str
    before: str
    after: str
    what: str  # killed, hung; survived, cut (its time was over), unreached, broken (cannot be put in place)
    by: str  # the test that killed it
    cpu: float  # seconds

    @property
    def is_killed(self) -> bool:
        """A test noticed."""
        return self.what in {"killed", "hung"}


class Score(NamedTuple):
    """The mutants of one file."""

    mutants: int  # all that there are
    killed: int
    refused: int
    survived: int
    equivalent: int

    @property
    def run(self) -> int:
        """Those of which is known what becomes of them."""
        return self.killed + self.refused + self.survived + self.equivalent

    @property
    def by_tests(self) -> float:
        """Per cent that the tests kill, of those that can be killed."""
        counted = self.run - self.equivalent
        return 100 * self.killed / counted if counted else 100.0

    @property
    def percent(self) -> float:
        """Per cent that the tests kill or the type checker refuses."""
        counted = self.run - self.equivalent
        return 100 * (self.killed + self.refused) / counted if counted else 100.0


def equivalents(text: str) -> Ledger:
    """The list of mutants that nothing can kill: file, line, line with the fault, reason, a tab between each.

    Where the file is a glob it is a rule: of the lines stand only the fragments that differ.

    Raises:
        ValueError: a line without a reason.
    """
    found = Ledger(set(), [])
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [part.strip() for part in line.split("\t") if part.strip()]
        if len(fields) != 4:
            raise ValueError(f"line {number}: file, line, line with the fault, reason; tabs between them")
        if "*" in fields[0]:
            found.rules.append(Change(*fields[:3]))
        else:
            found.changes.add(Change(*fields[:3]))
    return found


def score_of(mutants: int, outcomes: Iterable[Outcome], refused: set[str], equivalent: Ledger) -> Score:
    """Count what became of the mutants of a file."""
    killed = caught = survived = harmless = 0
    for outcome in outcomes:
        if outcome.is_killed:
            killed += 1
        elif Change(outcome.file, outcome.before, outcome.after) in equivalent:
            harmless += 1
        elif outcome.key in refused:
            caught += 1
        else:
            survived += 1
    return Score(mutants, killed, caught, survived, harmless)


def table(scores: dict[str, Score]) -> str:
    """Markdown. Where only a sample was run, each file weighs in the last line as much as it has mutants."""
    lines = [
        "| file | mutants | run | killed | refused | survived | equivalent | by the tests | in all |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {name} | {s.mutants} | {s.run} | {s.killed} | {s.refused} | {s.survived} | {s.equivalent} "
        + (f"| {s.by_tests:.0f} % | {s.percent:.0f} % |" if s.run > s.equivalent else "| – | – |")
        for name, s in scores.items()
    ]
    known = [score for score in scores.values() if score.run > score.equivalent]
    weight = sum(score.mutants for score in known) or 1
    total = [sum(column) for column in zip(*((*s[:1], s.run, *s[1:]) for s in known), strict=True)] or [0] * 6
    by_tests, percent = (
        sum(score.mutants * value for score, value in zip(known, values, strict=True)) / weight
        for values in ([score.by_tests for score in known], [score.percent for score in known])
    )
    lines.append(f"| **all** | {' | '.join(map(str, total))} | {by_tests:.1f} % | {percent:.1f} % |")
    return "\n".join(lines)


def write(text: str) -> None:
    """Put the table into the document."""
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}{text}\n{END}{after}", encoding="utf-8")
