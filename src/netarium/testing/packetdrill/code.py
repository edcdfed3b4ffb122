"""Code between `%{` and `}%`: assertions and assignments over the fields of TCP_INFO. Names are kept between blocks.

A `print x` of Python 2, which old scripts have, is read as a call.

It is Python, but only its expressions, assignments, `if`, `for`, `assert` and functions of the block's own: no `while`,
no attributes and no imports but of `math`, no calls but of those functions and a few harmless ones.
"""

import ast
import math
import re
import textwrap
from types import FunctionType
from typing import Any, Final

from netarium.testing.packetdrill.constants import CODE_NAMES
from netarium.testing.packetdrill.errors import Mismatch, NotUnderstood, ScriptError

_PRINT: Final = re.compile(r"(^|;)([ \t]*)print[ \t]+([^(\s;][^;\n]*)", re.MULTILINE)
_FUNCTIONS: Final = {
    "abs": abs,
    "min": min,
    "max": max,
    "round": round,
    "int": int,
    "len": len,
    "range": lambda *bounds: _bounded(range(*bounds)),
    "list": list,
    "tuple": tuple,
    "dict": dict,
    "set": set,
    "enumerate": enumerate,
    "zip": zip,
    "reversed": reversed,
    "sum": sum,
    "any": any,
    "all": all,
    "sorted": sorted,
    "bool": bool,
    "float": float,
    "str": str,
    "hex": hex,
    "print": lambda *_: None,
}
_ALLOWED: Final = (
    ast.Module, ast.Assert, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.If, ast.For, ast.Break, ast.Continue,
    ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Global, ast.Pass, ast.Import, ast.alias, ast.comprehension,
    ast.expr, ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.keyword,
)  # fmt: skip
_FORBIDDEN: Final = (
    ast.Lambda, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Starred, ast.Pow,
)  # fmt: skip
_MODULES: Final = {"math": math}
_METHODS: Final = frozenset({"append", "extend", "get", "items", "keys", "values"})
_LONGEST_LOOP: Final = 1_000_000


def check(name: str, line: int, text: str, known: set[str] | None = None) -> ast.Module:
    """Read a block.

    Args:
        name: of the script.
        line: of the block.
        text: the block.
        known: functions that blocks before it have defined; its own are added.

    Raises:
        ScriptError: it is not understood, or more than is allowed.
    """
    try:
        tree = ast.parse(_PRINT.sub(r"\1\2print(\3)", textwrap.dedent(text).strip()))
    except SyntaxError as fault:
        raise ScriptError(name, line, f"code: {fault.msg}") from None
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)} | (known or set())
    for node in ast.walk(tree):
        if (why := _doubt(node, own)) is not None:
            raise ScriptError(name, line, f"code: {why}")
    if known is not None:
        known |= own
    return tree


def _doubt(node: ast.AST, own: set[str]) -> str | None:
    """Why a part of a block is not understood; None: it is."""
    match node:
        case ast.Attribute(attr=attribute) if attribute in _METHODS:
            return None
        case ast.Attribute(value=ast.Name(id=module), attr=attribute):
            found = hasattr(_MODULES.get(module), attribute) and not attribute.startswith("_")
            return None if found else f"{module}.{attribute} is not understood"
        case ast.Import(names=names):
            unknown = [each.name for each in names if each.name not in _MODULES or each.asname]
            return f"the import of {', '.join(unknown)} is not understood" if unknown else None
        case ast.Call(func=ast.Name(id=called)):
            fine = called in _FUNCTIONS or called in own
            return None if fine else f"only {', '.join(_FUNCTIONS)} may be called"
        case ast.Call(func=ast.Attribute()):
            return None
        case ast.Call():
            return f"only {', '.join(_FUNCTIONS)} may be called"
        case ast.Name(id=name) if name.startswith("__"):
            return f"{name} is not understood"
        case ast.FunctionDef(decorator_list=[_, *_]) | ast.Attribute():
            return f"{type(node).__name__} is not understood"
    if not isinstance(node, _ALLOWED) or isinstance(node, _FORBIDDEN):
        return f"{type(node).__name__} is not understood"
    return None


def _bounded(numbers: range) -> range:
    if len(numbers) > _LONGEST_LOOP:
        raise ValueError(f"a loop of {len(numbers)} rounds")
    return numbers


def run(tree: ast.Module, fields: dict[str, int], kept: dict[str, Any]) -> None:
    """Run a block.

    Args:
        tree: as `check` read it.
        fields: TCP_INFO by name.
        kept: names that blocks before have assigned.

    Raises:
        Mismatch: an assertion does not hold, or the code fails.
    """
    known: dict[str, Any] = {**CODE_NAMES, **fields}
    names = {**_FUNCTIONS, **known, **kept, "__builtins__": {"AssertionError": AssertionError}}
    for function in kept.values():
        if isinstance(function, FunctionType):  # it sees what is so now
            function.__globals__.update(names)
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            names.update({each.name: _MODULES[each.name] for each in statement.names})
            continue
        block = compile(ast.Module([statement], []), "<code>", "exec")
        try:
            exec(block, names)  # noqa: S102 - checked word by word above
        except NameError as fault:
            raise NotUnderstood(f"code: {fault}") from None
        except Exception as fault:  # noqa: BLE001 - whatever a script's code raises is its result
            used = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
            values = ", ".join(
                f"{name} = {names[name]}" for name in sorted(used & (known.keys() | kept.keys()))
            )
            got = values if isinstance(fault, AssertionError) else f"{type(fault).__name__}: {fault}"
            raise Mismatch(ast.unparse(statement), got or "something else") from None
    own = names.keys() - known.keys() - _FUNCTIONS.keys() - {"__builtins__"}
    kept.update({name: names[name] for name in own})
