"""What a run tells: lines of the Test Anything Protocol, JUnit's XML, and for a failure the exchange so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from netarium.base.units import SECOND
from netarium.testing.packetdrill.runner import Failure, Result

_WIDTH: Final = 72  # of the diagram, between the two ends
_ENDS: Final = ("script", "stack")


@dataclass(slots=True)
class Outcome:
    """One script of a run.

    Attributes:
        refused: why it could not be run; "": it was.
        took: real seconds.
        result: None: it was refused.
    """

    path: Path
    refused: str = ""
    took: float = 0.0
    result: Result | None = None

    @property
    def passed(self) -> bool:
        """It ran, and everything was as expected."""
        return self.result is not None and self.result.failure is None


def tap_lines(number: int, outcome: Outcome, *, verbose: bool = False) -> list[str]:
    """The lines of one script: `ok 1 - path`, and what there is to say about it, as comments."""
    verdict = "ok" if outcome.passed else "not ok"
    lines = [f"{verdict} {number} - {outcome.path}"]
    if outcome.refused:
        lines.append(f"# refused: {outcome.refused}")
    elif outcome.result is not None and (verbose or not outcome.passed):
        lines += [f"# {line}" for line in explain(outcome.result)]
    return lines


def explain(result: Result) -> list[str]:
    """Line of the script, expected, got, and the exchange so far."""
    lines = [] if result.failure is None else _reasons(result, result.failure)
    return lines + diagram(result)


def _reasons(result: Result, failure: Failure) -> list[str]:
    where = f"{result.name}, at its end"
    if failure.line:
        where = f"{result.name}:{failure.line}"
        if failure.line <= len(result.source):
            where += f": {result.source[failure.line - 1].strip()}"
    got = [f"{'got:' if at == 0 else '':9} {line}" for at, line in enumerate(failure.got.splitlines())]
    return [where, f"expected: {failure.expected}", *got]


def diagram(result: Result) -> list[str]:
    """The exchange between the script on the left and the stack on the right."""
    lines = [f"{'time':>12}  {_ENDS[0]}{_ENDS[1]:>{_WIDTH - len(_ENDS[0])}}"]
    for at, direction, words in result.exchange:
        match direction:
            case "<":
                arrow = f"{words} ".ljust(_WIDTH - 1, "-") + ">"
            case ">":
                arrow = "<" + f" {words}".rjust(_WIDTH - 1, "-")
            case _:
                arrow = words.rjust(_WIDTH)
        lines.append(f"{at / SECOND:12.6f}  {arrow}")
    return lines


def junit(outcomes: Sequence[Outcome]) -> str:
    """A JUnit report: refused scripts are errors, failed ones failures."""
    refused = sum(bool(each.refused) for each in outcomes)
    failed = sum(not each.passed for each in outcomes) - refused
    took = sum(each.took for each in outcomes)
    head = (
        f'<testsuite name="packetdrill" tests="{len(outcomes)}" failures="{failed}" errors="{refused}" '
        f'skipped="0" time="{took:.3f}">'
    )
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        head,
    ]
    for each in outcomes:
        place = f"<testcase classname={quoteattr(str(each.path.parent))} name={quoteattr(each.path.stem)}"
        place += f' time="{each.took:.3f}"'
        if each.passed:
            lines.append(f"  {place}/>")
            continue
        kind = "error" if each.refused else "failure"
        text = each.refused if each.result is None else "\n".join(explain(each.result))
        failure = None if each.result is None else each.result.failure
        first = text if failure is None else f"line {failure.line}: expected {failure.expected}"
        lines.append(f"  {place}><{kind} message={quoteattr(first)}>{escape(text)}</{kind}></testcase>")
    return "\n".join([*lines, "</testsuite>", ""])
