"""Write docs/rfc-coverage.md: each duty of docs/requirements.tsv and docs/attacks.tsv, how it stands, where, shown by what.

- Tests name their duty by `@pytest.mark.rfc("9293", "MUST-10")` or `@pytest.mark.attack("ARP-01")`; scripts by a comment line
  of their own, `// rfc 9293 MUST-10` or `// attack TCP-12`. Both are read from the source: nothing is imported or run.
- Places in the code come from its comments and docstrings: see tools/rfc_places.py.
- docs/rfc-notes.tsv says of a duty that is not simply met what it is, and why: "not applicable", "deviation", "other issue".
- Chosen departures are the comments `# DEVIATION ...` in src/.

Usage: python tools/rfc_coverage.py [--check] [--holes]
  --check   write nothing; a stale document is an error
  --holes   write nothing; tell of each duty that has neither a test nor a note, and of each one met that no place names
"""

import ast
import csv
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rfc_places import citations, places

sys.path.pop(0)

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "rfc-coverage.md"
REQUIREMENTS = ROOT / "docs" / "requirements.tsv"
ATTACKS = ROOT / "docs" / "attacks.tsv"
NOTES = ROOT / "docs" / "rfc-notes.tsv"
STATUSES = ("met", "deviation", "not applicable", "other issue", "missing")
_LEVELS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY")
_SCRIPT_MARK = re.compile(r"\s*//\s*(rfc|attack)((?:[\s,]+[\w.-]+)+)\s*$")
_DEVIATION = re.compile(r"#\s*DEVIATION[:\s]+(.*)")


class Mark(NamedTuple):
    """One mark on one test."""

    kind: str  # "rfc" or "attack"
    arguments: tuple[str, ...]
    test: str  # "tests/unit/x/test_y.py::test_z"


def _marks_of(decorators: list[ast.expr]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for decorator in decorators:
        if not (isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute)):
            continue
        function = decorator.func
        if function.attr in {"rfc", "attack"} and ast.unparse(function.value) in {"pytest.mark", "mark"}:
            words = tuple(
                a.value for a in decorator.args if isinstance(a, ast.Constant) and isinstance(a.value, str)
            )
            yield function.attr, words


def _module_marks(tree: ast.Module) -> list[tuple[str, tuple[str, ...]]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(t) == "pytestmark" for t in node.targets):
            value = node.value
            return list(_marks_of(value.elts if isinstance(value, ast.List | ast.Tuple) else [value]))
    return []


def marks_in(source: str, path: str) -> list[Mark]:
    """All marks of the tests in one file; a class's or a module's marks go to each of its tests."""
    tree = ast.parse(source)
    found: list[Mark] = []

    def visit(body: list[ast.stmt], prefix: str, inherited: list[tuple[str, tuple[str, ...]]]) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                own = list(_marks_of(node.decorator_list))
                visit(node.body, f"{prefix}{node.name}::", inherited + own)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
                own = list(_marks_of(node.decorator_list))
                found.extend(
                    Mark(kind, words, f"{path}::{prefix}{node.name}") for kind, words in inherited + own
                )

    visit(tree.body, "", _module_marks(tree))
    return found


def script_marks_in(source: str, path: str) -> list[Mark]:
    """The marks of a packetdrill script: comment lines with nothing but `rfc` or `attack` and the names."""
    lines = (_SCRIPT_MARK.match(line) for line in source.splitlines())
    return [Mark(m[1], tuple(re.split(r"[\s,]+", m[2].strip(" ,\t"))), path) for m in lines if m is not None]


def all_marks(root: Path) -> list[Mark]:
    """The marks of every test file and script below tests/, in the order of the file names."""
    result: list[Mark] = []
    for file in sorted((root / "tests").rglob("test_*.py")):
        result += marks_in(file.read_text(encoding="utf-8"), file.relative_to(root).as_posix())
    for file in sorted((root / "tests").rglob("*.pkt")):
        result += script_marks_in(file.read_text(encoding="utf-8"), file.relative_to(root).as_posix())
    return result


def duties(mark: Mark, known: set[str]) -> list[str]:
    """The ids that a mark names: ("9293", "MUST-10", "MUST-11") names two; ("eth-01",) names one."""
    if mark.kind == "attack" or len(mark.arguments) == 1:
        return list(mark.arguments)
    document, *clauses = mark.arguments
    result = []
    for clause in clauses:
        forms = (f"{document}-{clause}", f"{document}{clause}", clause)
        result.append(next((form for form in forms if form in known), f"{document} {clause}"))
    return result


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a table with a header line, tab separated."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def deviations(root: Path) -> list[tuple[str, str]]:
    """Each `# DEVIATION clause: why` in src/: the file and the text."""
    result: list[tuple[str, str]] = []
    for file in sorted((root / "src").rglob("*.py")):
        name = file.relative_to(root).as_posix()
        lines = file.read_text(encoding="utf-8").splitlines()
        result += [(name, m[1].strip()) for line in lines if (m := _DEVIATION.search(line)) is not None]
    return result


class NoteError(ValueError):
    """docs/rfc-notes.tsv says something that makes no sense."""


def notes_of(path: Path, known: set[str]) -> dict[str, tuple[str, str]]:
    """Status and reason of the duties that are not simply met."""
    notes: dict[str, tuple[str, str]] = {}
    for row in rows_of(path) if path.exists() else []:
        duty, status, reason = row["id"], row["status"], (row["reason"] or "").strip()
        if duty not in known:
            raise NoteError(f"{path.name}: {duty} is in neither list")
        if status not in STATUSES[1:4]:
            raise NoteError(f"{path.name}: {duty} is {status!r}; write one of {', '.join(STATUSES[1:4])}")
        if not reason:
            raise NoteError(f"{path.name}: {duty} has no reason")
        if duty in notes:
            raise NoteError(f"{path.name}: {duty} is there twice")
        notes[duty] = (status, reason)
    return notes


class Duty(NamedTuple):
    """A row of one of the lists, and all that is known of it."""

    id: str
    level: str  # "" for an attack
    what: str
    required: str  # of an attack
    status: str
    reason: str
    places: list[str]
    tests: list[str]


class Coverage(NamedTuple):
    """All of it."""

    duties: list[Duty]
    attacks: list[Duty]
    others: dict[str, list[str]]  # clauses beyond the lists: tests


def gather(root: Path) -> Coverage:
    """Read lists, marks, notes and code.

    Raises:
        NoteError: a note makes no sense.
    """
    requirements = rows_of(root / "docs" / "requirements.tsv")
    attacks = rows_of(root / "docs" / "attacks.tsv")
    ids = [row["id"] for row in (*requirements, *attacks)]
    known = set(ids)
    tests: dict[str, list[str]] = defaultdict(list)
    for mark in all_marks(root):
        for duty in duties(mark, known):
            if mark.test not in tests[duty]:
                tests[duty].append(mark.test)
    notes = notes_of(root / "docs" / "rfc-notes.tsv", known)
    sources = [(row["id"], row.get("source") or "") for row in (*requirements, *attacks)]
    where = places(sources, citations(root, ids))

    def duty_of(row: dict[str, str]) -> Duty:
        duty = row["id"]
        status, reason = notes.get(duty, ("met" if duty in tests else "missing", ""))
        return Duty(
            duty, row.get("level", ""), row.get("requirement") or row["attack"], row.get("required_outcome", ""),
            status, reason, where[duty], tests.get(duty, []),
        )  # fmt: skip

    return Coverage(
        [duty_of(row) for row in requirements],
        [duty_of(row) for row in attacks],
        {duty: tests[duty] for duty in sorted(tests) if duty not in known},
    )


def holes(coverage: Coverage) -> list[str]:
    """What is still to be done, one line each."""
    told = [
        f"{duty.id}: neither a test nor a note ({duty.level or 'attack'}: {duty.what})"
        for duty in (*coverage.duties, *coverage.attacks)
        if duty.status == "missing"
    ]
    return told + [
        f"{duty.id}: no place in src/ cites its clause or names it ({duty.what})"
        for duty in coverage.duties
        if duty.status == "met" and not duty.places
    ]


# --- the document -------------------------------------------------------------------------------------------


def _cell(text: str) -> str:
    return text.replace("|", "\\|").strip()


def _several(names: list[str], prefix: str = "") -> str:
    shown = [f"`{name.removeprefix(prefix)}`" for name in names[:3]]
    more = len(names) - len(shown)
    return "<br>".join(shown) + (f"<br>and {more} more" if more > 0 else "")


def _status(duty: Duty) -> str:
    return f"{duty.status}: {_cell(duty.reason)}" if duty.reason else duty.status


def document(root: Path) -> str:
    """The whole text of docs/rfc-coverage.md."""
    coverage = gather(root)
    lines = [
        "# RFC coverage",
        "",
        "Written by `tools/rfc_coverage.py` from the lists (`requirements.tsv`, `attacks.tsv`), the marks on tests and scripts,",
        "the clauses that the code cites, and `rfc-notes.tsv`: do not edit. `make docs` writes it anew.",
        "",
        *_summary(coverage),
        "",
        "## Chosen departures",
        "",
        *_departures(root),
        "",
        "## Duties",
        "",
        "Paths of code are below `src/netarium/`, of tests below `tests/`.",
        "",
        "| duty | level | what | status | code | tests |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {duty.id} | {duty.level} | {_cell(duty.what)} | {_status(duty)} "
            f"| {_several(duty.places)} | {_several(duty.tests, 'tests/')} |"
            for duty in coverage.duties
        ),
        "",
        "## Attacks",
        "",
        "| attack | what | required | status | tests |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {duty.id} | {_cell(duty.what)} | {_cell(duty.required)} | {_status(duty)} "
            f"| {_several(duty.tests, 'tests/')} |"
            for duty in coverage.attacks
        ),
        "",
        *_others(coverage.others),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _summary(coverage: Coverage) -> list[str]:
    groups = [(level, [d for d in coverage.duties if d.level == level]) for level in _LEVELS]
    groups.append(("attacks", coverage.attacks))
    return [
        f"| level | duties | {' | '.join(STATUSES)} |",
        "| --- |" + " ---: |" * (len(STATUSES) + 1),
        *(
            f"| {name} | {len(group)} | "
            + " | ".join(str(sum(duty.status == status for duty in group)) for status in STATUSES)
            + " |"
            for name, group in groups
        ),
    ]


def _departures(root: Path) -> list[str]:
    found = deviations(root)
    return [f"- `{file}`: {_cell(text)}" for file, text in found] or ["None."]


def _others(others: dict[str, list[str]]) -> list[str]:
    if not others:
        return []
    return [
        "## Clauses beyond the lists",
        "",
        "| clause | tests |",
        "| --- | --- |",
        *(f"| {_cell(duty)} | {_several(tests, 'tests/')} |" for duty, tests in others.items()),
    ]


def main(arguments: list[str]) -> int:
    """Write the document, or say that it is stale or has holes."""
    if set(arguments) - {"--check", "--holes"}:
        print("usage: rfc_coverage.py [--check] [--holes]", file=sys.stderr)
        return 2
    try:
        text = document(ROOT)
        found = holes(gather(ROOT)) if "--holes" in arguments else []
    except NoteError as fault:
        print(fault, file=sys.stderr)
        return 1
    stale = "--check" in arguments and (not DOCUMENT.exists() or DOCUMENT.read_text(encoding="utf-8") != text)
    if stale:
        print("docs/rfc-coverage.md is stale: run `make docs`", file=sys.stderr)
    for line in found:
        print(line, file=sys.stderr)
    if found:
        print(f"{len(found)} holes", file=sys.stderr)
    if not arguments:
        DOCUMENT.write_text(text, encoding="utf-8")
    return 1 if stale or found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
