"""The little of the shell that scripts use between backticks: simple commands, quotes, `$((...))`, `> file`, `|`."""

import ast
import operator
import re
import shlex
from dataclasses import dataclass
from typing import Any, Final

_ARITHMETIC: Final = re.compile(r"\$\(\(([^()]*(?:\([^()]*\)[^()]*)*)\)\)")
_COMMENT: Final = re.compile(r"(?:(?<=\s)|^)#[^\n]*", re.MULTILINE)
_SILENCED: Final = re.compile(r"(?:(?<=\s)|^)(?:[12&]?>>?\s*/dev/null|[12]?>&[12])", re.MULTILINE)
_OPERATORS: Final = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Div: operator.floordiv, ast.LShift: operator.lshift, ast.RShift: operator.rshift, ast.BitOr: operator.or_,
}  # fmt: skip
_SEPARATORS: Final = frozenset({"\n", ";", "&&", "||", "&"})
_PIPE: Final = frozenset({"|"})
_INPUT: Final = frozenset({"<"})
_REDIRECTIONS: Final = frozenset({">", ">>", "<"})
_LARGEST: Final = 2**64


@dataclass(frozen=True, slots=True)
class Simple:
    """One simple command.

    Attributes:
        words: the command and its arguments.
        into: the file that its output goes to, or "".
    """

    words: tuple[str, ...]
    into: str = ""


def commands(text: str) -> list[Simple]:
    """The simple commands of a text, in order. What is behind a `|` is left out: nobody would see what it says.

    Raises:
        ValueError: it is more than is understood.
    """
    text = _SILENCED.sub("", _COMMENT.sub("", text))
    text = _ARITHMETIC.sub(lambda found: str(arithmetic(found[1])), text.replace("\\\n", " "))
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    found: list[Simple] = []
    words: list[str] = []
    into, skipping = "", False
    tokens = iter([*_split(lexer), ";"])
    for token in tokens:
        if token in _SEPARATORS or token in _PIPE:
            if words and not skipping:
                found.append(Simple(tuple(words), into))
            words, into, skipping = [], "", token in _PIPE
        elif token in _REDIRECTIONS:
            target = next(tokens, "")
            into = into if token in _INPUT else target
        elif set(token) <= set("();<>|&"):
            raise ValueError(f"{token} is not understood")
        else:
            words.append(token)
    return found


def _split(lexer: shlex.shlex) -> list[str]:
    """Tokens; operators that stand side by side come as one."""
    tokens: list[str] = []
    for token in lexer:
        if set(token) <= set(";\n") and token:
            tokens.append(";")
        elif "\n" in token and set(token) <= set("();<>|&\n"):
            tokens += [part for part in re.split(r"(\n)", token) if part]
        else:
            tokens.append(token)
    return tokens


def arithmetic(text: str) -> int:
    """The number that `$((4*1024))` stands for.

    Raises:
        ValueError: it is not understood.
    """
    try:
        return _evaluate(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, KeyError, ZeroDivisionError):
        raise ValueError(f"$(({text})) is not understood") from None


def _evaluate(node: Any) -> int:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand)
        case ast.BinOp(left=left, op=op, right=right):
            low, high = _evaluate(left), _evaluate(right)
            if isinstance(op, ast.LShift) and high > 64:
                raise ValueError("that is too large")
            result: int = _OPERATORS[type(op)](low, high)
            if abs(result) > _LARGEST:
                raise ValueError("that is too large")
            return result
    raise KeyError
