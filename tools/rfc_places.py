"""Where in src/ the duties of docs/requirements.tsv are kept: read from comments and docstrings, by a fixed rule.

1. A duty's name in a comment or docstring is an explicit mark: `MUST-10`, `SHLD-16, -17`, `MAY-3` (of RFC 9293), or any
   other id of the list as it stands there, such as `8985-TLP-2`. Where there is one, only explicit marks count.
2. Else each citation of the clause that the list names as the duty's source counts, or of a part of it: a duty of
   `RFC 6298 s5` is kept where `RFC 6298 §5`, `RFC 6298 (5.1)` or `RFC 6298 §5.1` is cited. Those that name the clause itself
   come before those that name a part.

A place is the innermost function or class that the comment stands in, or the file: no line numbers, which change daily.
"""

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

_NAMED: Final = re.compile(r"\b(MUST|SHLD|MAY|REC)-(\d+)((?:\s*(?:,|and|or)\s*-\d+)*)")
_DOCUMENT: Final = re.compile(r"(RFC|IEEE)\s?(\d[\d.]*\d|\d)")
_SECTION: Final = re.compile(r"§\s?(\d[\d.]*)(?:\s*[-–]\s*§?(\d[\d.]*))?")
_STEP: Final = re.compile(r",?\s*\((\d\.\d+)\)(?:\s*[-–]\s*\((\d\.\d+)\))?")  # "RFC 6298 (2.2)-(2.4)"


class Clause(NamedTuple):
    """A section of a document; "" is the document as a whole."""

    document: str
    section: str


class Citation(NamedTuple):
    """A comment or docstring that names clauses or duties."""

    place: str
    clauses: tuple[Clause, ...]
    duties: tuple[str, ...]


def clauses_of(text: str) -> list[Clause]:
    """All clauses that a text cites, in its order: a section belongs to the document named before it."""
    found: list[Clause] = []
    documents = list(_DOCUMENT.finditer(text))
    ends = [following.start() for following in documents[1:]] + [len(text)]
    for match, end in zip(documents, ends, strict=False):
        step = _STEP.match(text, match.end())
        sections = [step] if step is not None else []
        sections += _SECTION.finditer(text, match.end(), end)
        names = [
            name for each in sections for name in _up_to(each[1].rstrip("."), (each[2] or "").rstrip("."))
        ]
        found += [Clause(match[2], name) for name in names or [""]]
    return found


def sources_of(column: str) -> list[Clause]:
    """The clauses of the list's column `source`, such as "RFC 9438 s4.1-4.2, 4.6; App. B"."""
    text = re.sub(r"(?:\bs|cl\. )(?=\d)", "§", column)
    return clauses_of(re.sub(r"(?<=\d)(?:,\s?|/)(?=\d)", ", §", text))


def _up_to(first: str, last: str) -> list[str]:
    """The sections of a range: "2.2" to "2.4", or "7.1" to "2", which means 7.2."""
    if last in {"", first}:
        return [first]
    parent, _, begin = first.rpartition(".")
    _, _, end = last.rpartition(".")
    if not begin.isdigit() or not end.isdigit() or int(end) < int(begin):
        return [first, last]
    return [f"{parent}.{number}".lstrip(".") for number in range(int(begin), int(end) + 1)]


def duties_in(text: str, ids: Iterable[str]) -> list[str]:
    """The explicit marks in a text."""
    found = []
    for match in _NAMED.finditer(text):
        numbers = [match[2], *re.findall(r"-(\d+)", match[3])]
        found += [f"9293-{match[1]}-{number}" for number in numbers]
    words = set(re.findall(r"[\w-]+\b", text))
    return found + [duty for duty in ids if duty in words and duty not in found]


def _texts(source: str) -> Iterator[tuple[int, str]]:
    """Comments (those of neighbouring lines as one) and docstrings, with the first line of each."""
    begin = last = 0
    lines: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row = token.start[0]
            alone = token.line.lstrip().startswith("#")
            if lines and (row != last + 1 or not alone):
                yield begin, " ".join(lines)
                lines = []
            begin = begin if lines else row
            lines.append(token.string.lstrip("#: "))
            last = row
    if lines:
        yield begin, " ".join(lines)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                yield first.lineno, " ".join(first.value.value.split())


def _owners(source: str) -> list[tuple[int, int, str]]:
    """First line, last line and qualified name of each function and class, outer ones first."""
    found: list[tuple[int, int, str]] = []

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found.append((node.lineno, node.end_lineno or node.lineno, prefix + node.name))
                visit(node.body, f"{prefix}{node.name}.")

    visit(ast.parse(source).body, "")
    return found


def citations_in(source: str, name: str, ids: Iterable[str]) -> list[Citation]:
    """The citations of one file."""
    owners = _owners(source)
    known = list(ids)
    result = []
    for line, text in sorted(_texts(source)):
        clauses, duties = clauses_of(text), duties_in(text, known)
        if clauses or duties:
            inside = [owner for first, last, owner in owners if first <= line <= last]
            place = f"{name}:{inside[-1]}" if inside else name
            result.append(Citation(place, tuple(clauses), tuple(duties)))
    return result


def citations(root: Path, ids: Iterable[str]) -> list[Citation]:
    """The citations of all of src/netarium, in the order of the file names."""
    top = root / "src" / "netarium"
    known = list(ids)
    result: list[Citation] = []
    for file in sorted(top.rglob("*.py")):
        if file.is_relative_to(top / "cli"):
            continue  # the tour explains clauses; the stack keeps them
        result += citations_in(file.read_text(encoding="utf-8"), file.relative_to(top).as_posix(), known)
    return result


def places(duties: Iterable[tuple[str, str]], cited: Iterable[Citation]) -> dict[str, list[str]]:
    """Where each duty is kept.

    Args:
        duties: id and source of each, as the list has them.
        cited: what the code cites.
    """
    explicit: dict[str, list[str]] = defaultdict(list)
    clauses: dict[str, list[tuple[str, str]]] = defaultdict(
        list
    )  # document: sections and where they are cited
    for citation in cited:
        for duty in citation.duties:
            explicit[duty].append(citation.place)
        for clause in citation.clauses:
            clauses[clause.document].append((clause.section, citation.place))
    result: dict[str, list[str]] = {}
    for duty, source in duties:
        found = explicit.get(duty, [])
        if not found:
            sources = sources_of(source)
            whole = [place for c in sources for section, place in clauses[c.document] if section == c.section]
            parts = [
                place
                for c in sources
                for section, place in clauses[c.document]
                if not c.section or section.startswith(f"{c.section}.")
            ]
            found = whole + parts
        # A function says more than a whole file.
        result[duty] = sorted(dict.fromkeys(found), key=lambda place: ":" not in place)
    return result
