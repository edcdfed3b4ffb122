"""The rules of the house that a reader would otherwise have to check by eye (docs/design.md)."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "netarium"
BELOW_F6 = ("base", "wire", "link", "signal", "ip", "transport", "host")
# Modules that touch the clock, the outside world or other threads: F0-F5 are handed all of that.
OUTSIDE = {
    "asyncio", "concurrent", "fcntl", "io", "multiprocessing", "os", "pathlib", "secrets", "select", "selectors", "signal",
    "socket", "subprocess", "sys", "tempfile", "threading", "time",
}  # fmt: skip
MODULES = sorted(SOURCE.rglob("*.py"))


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def lower(paths: list[Path]) -> list[Path]:
    return [path for path in paths if path.relative_to(SOURCE).parts[0] in BELOW_F6]


def imported(tree: ast.Module) -> set[str]:
    """Top-level names of everything imported, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("path", lower(MODULES), ids=name_of)
def test_below_f6_nothing_touches_clock_or_world(path: Path) -> None:
    assert imported(tree_of(path)) & OUTSIDE == set()


@pytest.mark.parametrize("path", lower(MODULES), ids=name_of)
def test_below_f6_randomness_is_injected(path: Path) -> None:
    tree = tree_of(path)
    taken = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "random"
        for alias in node.names
    }
    if any(isinstance(n, ast.Import) and any(a.name == "random" for a in n.names) for n in ast.walk(tree)):
        taken |= {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "random"
            and node.attr[0].isupper()
        }
        assert not [
            ast.unparse(node)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "random.Random"
        ], "a generator is handed in, not made"
    assert taken <= {"Random"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    text = ast.get_docstring(tree_of(path))
    assert text, "a module begins with its docstring"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_all_is_sorted(path: Path) -> None:
    for node in tree_of(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names = ast.literal_eval(node.value)
            assert list(names) == sorted(names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_is_left_for_later(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    words = ("TO" + "DO", "FIX" + "ME", "X" + "XX")
    assert [word for word in words if word in text] == []


# The package's own front door imports nothing until a name is asked for; type checkers must know the names.
@pytest.mark.parametrize("path", [path for path in MODULES if path.parent != SOURCE], ids=name_of)
def test_no_import_hides_under_type_checking(path: Path) -> None:
    """A circle for types only is still a circle."""
    assert "TYPE_CHECKING" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_sets_are_not_iterated(path: Path) -> None:
    """The order of a set of bytes differs from run to run; traces must not."""
    loops = [node.iter for node in ast.walk(tree_of(path)) if isinstance(node, ast.For | ast.comprehension)]
    for target in loops:
        assert not isinstance(target, ast.Set | ast.SetComp), ast.unparse(target)
        assert not (isinstance(target, ast.Call) and ast.unparse(target.func) in {"set", "frozenset"})


def test_import_is_light() -> None:
    """`import netarium` loads no event loop, no HTTP, nothing of the extras."""
    code = "import sys, netarium; print(*sorted(m for m in sys.modules if '.' not in m))"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"asyncio", "http", "rich", "numpy", "dns", "aiosmtpd"} & set(out) == set()


def test_the_core_needs_no_package() -> None:
    """Everything imported at the top of a module of the core is the standard library or netarium itself."""
    allowed = set(sys.stdlib_module_names) | {"netarium"}
    for path in MODULES:
        if path.relative_to(SOURCE).parts[0] in {"cli", "testing"}:
            continue
        for node in tree_of(path).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = imported(ast.Module([node], []))
                assert names <= allowed, f"{name_of(path)}: {names - allowed}"
