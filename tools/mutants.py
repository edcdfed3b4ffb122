"""Mutants of TCP: functions with one small fault each, as mutmut makes them; and putting one in its place.

`mutation` runs them. A mutant is known by its function as it is and as it becomes: as long as these are the same it is the
same mutant, whatever else changes and wherever the function moves.
"""

import ast
import bisect
import hashlib
import importlib
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
WORK: Final = ROOT / "mutants"  # all that is kept between runs
PACKAGE: Final = ROOT / "src" / "netarium"
SOURCES: Final = ("transport/tcp/**/*.py", "base/seq.py", "base/rangeset.py")

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Mutant(NamedTuple):
    """A function with one fault."""

    key: str
    file: str  # below src/netarium
    function: str  # as "Class.name"
    source: str  # the function with the fault
    before: str  # what changes, as it is
    after: str  # and as it becomes
    lines: tuple[int, int]  # of the statement that it is in


def sources() -> list[Path]:
    """The files that are mutated."""
    return [path for pattern in SOURCES for path in sorted(PACKAGE.glob(pattern))]


# --- making ---------------------------------------------------------------------------------------------------------


def mutants_of(path: Path) -> list[Mutant]:
    """All mutants of a file; kept as long as the file is what it was."""
    octets = path.read_bytes()
    kept = WORK / "made" / (_key(path.name, octets.decode()) + ".json")
    if kept.exists():
        rows = json.loads(kept.read_text(encoding="utf-8"))
        return [Mutant(*row[:-1], (row[-1][0], row[-1][1])) for row in rows]
    found = list(_make(path, octets.decode()))
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(found), encoding="utf-8")
    return found


def _make(path: Path, text: str) -> Iterator[Mutant]:
    from mutmut.mutation.file_mutation import mutate_file_contents

    made = mutate_file_contents(str(path), text)
    generated = made.code.split("\n")
    file = path.relative_to(PACKAGE).as_posix()
    places = functions(text)

    def lines_of(generated_name: str, name: str) -> list[str]:
        span = made.line_span_by_function_name[generated_name]
        lines = generated[span.start - 1 : span.end]
        while not lines[0].lstrip().startswith(("def ", "async def ")):
            lines.pop(0)
        while not lines[-1].strip():
            lines.pop()
        lines[0] = lines[0].replace(generated_name, name, 1)
        return lines

    for mutant_name in made.mutant_names:
        mangled = mutant_name.rpartition("__mutmut_")[0]
        parts = mangled.split("ǁ")
        function = f"{parts[1]}.{parts[2]}" if len(parts) == 3 else mangled.removeprefix("x_")
        name = function.rpartition(".")[2]
        original, fault = lines_of(mangled + "__mutmut_orig", name), lines_of(mutant_name, name)
        changes = [
            op
            for op in SequenceMatcher(None, original, fault, autojunk=False).get_opcodes()
            if op[0] != "equal"
        ]
        if not changes or original[changes[0][1]].lstrip().startswith("assert "):
            continue  # what an assert says holds always: that it says less cannot be seen
        node = places[function]
        first, last = (node.lineno + at for at in (changes[0][1], max(changes[-1][2] - 1, changes[0][1])))
        yield Mutant(
            key=_key("\n".join(original), "\n".join(fault)),
            file=file,
            function=function,
            source="\n".join(fault),
            before=_text([line for op in changes for line in original[op[1] : op[2]]]),
            after=_text([line for op in changes for line in fault[op[3] : op[4]]]),
            lines=statement_around(node, first, min(last, node.end_lineno or last)),
        )


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _text(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines if line.strip())


def functions(text: str) -> dict[str, Function]:
    """Functions and methods of a module, as "name" and "Class.name"."""
    found: dict[str, Function] = {}
    for node in ast.parse(text).body:
        if isinstance(node, Function):
            found[node.name] = node
        elif isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}.{inner.name}": inner for inner in node.body if isinstance(inner, Function)
            }
    return found


def statement_around(function: Function, first: int, last: int) -> tuple[int, int]:
    """The lines of the smallest statement that holds these; of one that holds others, its head if that is enough.

    A function's own head is all of it: what is wrong there is met by whoever comes by.
    """
    found, smallest = (function.lineno, function.end_lineno or last), 1 << 30
    for node in ast.walk(function):
        if isinstance(node, ast.match_case):
            start, end = node.pattern.lineno, node.body[-1].end_lineno or last
        elif isinstance(node, ast.stmt | ast.ExceptHandler) and node is not function:
            start, end = node.lineno, node.end_lineno or last
        else:
            continue
        if start <= first and last <= end and end - start <= smallest:
            smallest = end - start
            body = getattr(node, "body", None)
            head = max(start, body[0].lineno - 1) if body else end
            found = start, head if last <= head else end
    return found


# --- those that the type checker refuses ---------------------------------------------------------------------------


def refused(suspects: list[Mutant]) -> set[str]:
    """Keys of those that mypy --strict does not let pass: it is part of `make check`, as the tests are.

    All the mutants of a file stand behind their function in a copy of the file, and mypy reads the copies. A complaint
    that it has about a copy of the function as it is does not count.
    """
    told = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        told.update(path.read_bytes())
    kept = WORK / "refused.json"
    known = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    answers: dict[str, bool] = known["answers"] if known.get("of") == told.hexdigest() else {}
    by_file: defaultdict[str, list[Mutant]] = defaultdict(list)
    for mutant in suspects:
        if mutant.key not in answers:
            by_file[mutant.file].append(mutant)
    if by_file:
        shadows, places = [], {}
        for file, found in by_file.items():
            name = (PACKAGE / file).relative_to(ROOT).as_posix()
            text, places[name] = _with_mutants((PACKAGE / file).read_text(encoding="utf-8"), found)
            shadow = WORK / "types" / file.replace("/", "-")
            shadow.parent.mkdir(parents=True, exist_ok=True)
            shadow.write_text(text, encoding="utf-8")
            shadows += ["--shadow-file", name, shadow.relative_to(ROOT).as_posix()]
        mypy = [sys.executable, "-m", "mypy", "--output", "json", "--cache-dir", str(WORK / "mypy"), *shadows]
        done = subprocess.run(mypy, capture_output=True, text=True, cwd=ROOT, check=False)
        blamed = _blamed(complaints(done.returncode, done.stdout, done.stderr), places)
        answers |= {mutant.key: mutant.key in blamed for found in by_file.values() for mutant in found}
        kept.write_text(json.dumps({"of": told.hexdigest(), "answers": answers}), encoding="utf-8")
    return {key for key, answer in answers.items() if answer}


def complaints(status: int, output: str, errors: str) -> list[dict[str, Any]]:
    """What mypy says, a JSON object a line; other lines (blank ones, notes on its cache) are not about code.

    Raises:
        RuntimeError: it could not read all: what it did not complain of says nothing.
    """
    found = []
    for line in output.split("\n"):
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict):
            found.append(told)
    if status not in {0, 1}:
        raise RuntimeError(f"mypy ended with {status}: {errors or output[-500:]}")
    return found


class _Place(NamedTuple):
    first: int
    last: int
    function: str
    key: str  # empty: the function as it is


def _with_mutants(text: str, found: list[Mutant]) -> tuple[str, list[_Place]]:
    """The file with the mutants of each function behind it, and where they stand."""
    lines, out = text.split("\n"), []
    places: list[_Place] = []
    by_function: defaultdict[str, list[Mutant]] = defaultdict(list)
    for mutant in found:
        by_function[mutant.function].append(mutant)
    nodes = functions(text)
    ends = {nodes[function].end_lineno: function for function in by_function}
    for number, line in enumerate(lines, 1):
        out.append(line)
        if number not in ends:
            continue
        function = ends[number]
        name = function.rpartition(".")[2]
        itself = lines[nodes[function].lineno - 1 : number]
        copies = [("", itself), *((m.key, m.source.split("\n")) for m in by_function[function])]
        for index, (key, source) in enumerate(copies):
            places.append(_Place(len(out) + 1, len(out) + len(source), function, key))
            out += [source[0].replace(f"def {name}", f"def {name}__{index}", 1), *source[1:]]
    return "\n".join(out), places


def _blamed(complaints: list[dict[str, Any]], places: dict[str, list[_Place]]) -> set[str]:
    """Keys of the mutants that mypy complains of, and not of the function as it is in the same words."""
    said: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    for complaint in complaints:
        here = places.get(complaint["file"], [])
        at = bisect.bisect([place.first for place in here], complaint["line"]) - 1
        if complaint["severity"] == "error" and at >= 0 and complaint["line"] <= here[at].last:
            said[complaint["file"], here[at].function, here[at].key].add(complaint["message"])
    return {
        key
        for (file, function, key), words in said.items()
        if key and words - said.get((file, function, ""), set())
    }


# --- putting in place -----------------------------------------------------------------------------------------------


def put_in_place(mutant: Mutant) -> None:
    """Let the function have the fault, and with it all who hold the function.

    Raises:
        ValueError: its free variables are others.
    """
    path = mutant.file.removesuffix(".py").removesuffix("/__init__")  # a package has its own name
    module = importlib.import_module("netarium." + path.replace("/", "."))
    class_name, _, name = mutant.function.rpartition(".")
    target = vars(getattr(module, class_name) if class_name else module)[name]
    target = getattr(target, "__func__", target)
    assert isinstance(target, FunctionType), mutant.function
    tree = ast.parse(f"class {class_name}:\n{mutant.source}" if class_name else mutant.source)
    code = compile(tree, target.__code__.co_filename, "exec", dont_inherit=True)
    if class_name:
        code = _inner(code, class_name)
    target.__code__ = _inner(code, name)
    arguments = next(node for node in ast.walk(tree) if isinstance(node, Function)).args

    def value(node: ast.expr) -> object:
        return eval(compile(ast.Expression(node), "<default>", "eval"), vars(module))

    if arguments.defaults:
        target.__defaults__ = tuple(value(node) for node in arguments.defaults)
    if target.__kwdefaults__:
        pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        target.__kwdefaults__ = {argument.arg: value(node) for argument, node in pairs if node is not None}


def _inner(code: CodeType, name: str) -> CodeType:
    return next(const for const in code.co_consts if isinstance(const, CodeType) and const.co_name == name)
