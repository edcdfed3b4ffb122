"""Write docs/rfc-coverage.md: each duty of docs/requirements.tsv and docs/attacks.tsv beside the tests that show it.

A test names its duty by `@pytest.mark.rfc("9293", "MUST-10")` or `@pytest.mark.attack("ARP-01")`; the marks are read
from the source (AST), so nothing is imported or run. Chosen departures are the comments `# DEVIATION ...` in src/.

Usage: python tools/rfc_coverage.py [--check]: with --check nothing is written, and a stale document is an error.
"""

import ast
import csv
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "rfc-coverage.md"
REQUIREMENTS = ROOT / "docs" / "requirements.tsv"
ATTACKS = ROOT / "docs" / "attacks.tsv"
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


def all_marks(root: Path) -> list[Mark]:
    """The marks of every test file below tests/, in the order of the file names."""
    result: list[Mark] = []
    for file in sorted((root / "tests").rglob("test_*.py")):
        result += marks_in(file.read_text(encoding="utf-8"), file.relative_to(root).as_posix())
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


def _cell(text: str) -> str:
    return text.replace("|", "\\|").strip()


def _tests_cell(tests: list[str]) -> str:
    shown = [f"`{test.removeprefix('tests/')}`" for test in tests[:3]]
    more = len(tests) - len(shown)
    return "<br>".join(shown) + (f"<br>and {more} more" if more > 0 else "")


def document(root: Path) -> str:
    """The whole text of docs/rfc-coverage.md."""
    requirements = rows_of(root / "docs" / "requirements.tsv")
    attacks = rows_of(root / "docs" / "attacks.tsv")
    known = {row["id"] for row in requirements} | {row["id"] for row in attacks}
    shown: dict[str, list[str]] = defaultdict(list)
    for mark in all_marks(root):
        for duty in duties(mark, known):
            if mark.test not in shown[duty]:
                shown[duty].append(mark.test)
    lines = [
        "# RFC coverage",
        "",
        "Written by `tools/rfc_coverage.py` from the marks on the tests: do not edit. `make docs` writes it anew.",
        "",
        *_summary(requirements, attacks, shown),
        "",
        "## Chosen departures",
        "",
        *_departures(root),
        "",
        *_duty_tables(requirements, shown),
        *_attack_table(attacks, shown),
        *_others(shown, known),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _summary(
    requirements: list[dict[str, str]], attacks: list[dict[str, str]], shown: dict[str, list[str]]
) -> list[str]:
    lines = ["| level | duties | shown by a test |", "| --- | ---: | ---: |"]
    for level in ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"):
        ids = [row["id"] for row in requirements if row["level"] == level]
        lines.append(f"| {level} | {len(ids)} | {sum(i in shown for i in ids)} |")
    ids = [row["id"] for row in attacks]
    return [*lines, f"| attacks | {len(ids)} | {sum(i in shown for i in ids)} |"]


def _duty_tables(requirements: list[dict[str, str]], shown: dict[str, list[str]]) -> list[str]:
    return [
        "## Duties that a test shows",
        "",
        "| duty | level | what | tests |",
        "| --- | --- | --- | --- |",
        *(
            f"| {row['id']} | {row['level']} | {_cell(row['requirement'])} | {_tests_cell(shown[row['id']])} |"
            for row in requirements
            if row["id"] in shown
        ),
        "",
        "## Duties that no test shows yet",
        "",
        "| duty | level | what | where |",
        "| --- | --- | --- | --- |",
        *(
            f"| {row['id']} | {row['level']} | {_cell(row['requirement'])} | {_cell(row['source'])} |"
            for row in requirements
            if row["id"] not in shown
        ),
        "",
    ]


def _attack_table(attacks: list[dict[str, str]], shown: dict[str, list[str]]) -> list[str]:
    return [
        "## Attacks",
        "",
        "| attack | what | required | tests |",
        "| --- | --- | --- | --- |",
        *(
            f"| {row['id']} | {_cell(row['attack'])} | {_cell(row['required_outcome'])} "
            f"| {_tests_cell(shown[row['id']]) if row['id'] in shown else 'not yet'} |"
            for row in attacks
        ),
        "",
    ]


def _departures(root: Path) -> list[str]:
    found = deviations(root)
    return [f"- `{file}`: {_cell(text)}" for file, text in found] or ["None."]


def _others(shown: dict[str, list[str]], known: set[str]) -> list[str]:
    others = sorted(duty for duty in shown if duty not in known)
    if not others:
        return []
    return [
        "## Clauses beyond the lists",
        "",
        "| clause | tests |",
        "| --- | --- |",
        *(f"| {_cell(duty)} | {_tests_cell(shown[duty])} |" for duty in others),
    ]


def main(arguments: list[str]) -> int:
    """Write the document, or say that it is stale."""
    text = document(ROOT)
    if arguments == ["--check"]:
        if DOCUMENT.exists() and DOCUMENT.read_text(encoding="utf-8") == text:
            return 0
        print("docs/rfc-coverage.md is stale: run `make docs`", file=sys.stderr)
        return 1
    if arguments:
        print("usage: rfc_coverage.py [--check]", file=sys.stderr)
        return 2
    DOCUMENT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
