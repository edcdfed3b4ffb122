"""Code between `%{` and `}%`: assertions and assignments over the fields of TCP_INFO. Names are kept between blocks.

A `print x` of Python 2, which old scripts have, is read as a call.

It is Python, but only its expressions, assignments, `if` and `assert`: no imports, no attributes, no calls but of a few
harmless functions.
"""

import ast
import re
import textwrap
from typing import Any, Final

from netarium.testing.packetdrill.constants import CODE_NAMES
from netarium.testing.packetdrill.errors import Mismatch, NotUnderstood, ScriptError

_PRINT: Final = re.compile(r"^(\s*)print\s+([^(\s].*)$", re.MULTILINE)
_FUNCTIONS: Final = {
    "abs": abs,
    "min": min,
    "max": max,
    "round": round,
    "int": int,
    "len": len,
    "range": range,
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
    ast.Module, ast.Assert, ast.Assign, ast.AugAssign, ast.Expr, ast.If, ast.Pass, ast.expr, ast.expr_context,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.keyword,
)  # fmt: skip
_FORBIDDEN: Final = (
    ast.Attribute, ast.Lambda, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.ListComp, ast.SetComp,
    ast.DictComp, ast.GeneratorExp, ast.Starred, ast.Pow,
)  # fmt: skip


def check(name: str, line: int, text: str) -> ast.Module:
    """Read a block.

    Raises:
        ScriptError: it is not understood, or more than is allowed.
    """
    try:
        tree = ast.parse(_PRINT.sub(r"\1print(\2)", textwrap.dedent(text).strip()))
    except SyntaxError as fault:
        raise ScriptError(name, line, f"code: {fault.msg}") from None
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED) or isinstance(node, _FORBIDDEN):
            raise ScriptError(name, line, f"code: {type(node).__name__} is not understood")
        if isinstance(node, ast.Call) and not (
            isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS
        ):
            raise ScriptError(name, line, f"code: only {', '.join(_FUNCTIONS)} may be called")
    return tree


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
    for statement in tree.body:
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
