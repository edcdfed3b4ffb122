"""Text to tokens. A character that means nothing becomes a token too: only the parser knows where it is allowed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from netarium.testing.packetdrill.errors import ScriptError

_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<comment>//[^\n]*|\#[^\n]*|/\*.*?\*/)
  | (?P<code>%\{.*?\}%)
  | (?P<command>`[^`]*`)
  | (?P<string>"(?:[^"\\\n]|\\.)*")
  | (?P<option>--[a-z][a-z0-9_]*(?:=(?:"[^"\n]*"|[^\s"]+)+)?)
  | (?P<number>0x[0-9a-fA-F]+|\d+\.\d+|\.\d+|\d+\.(?!\.)(?=\s)|\d+)
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<sign>\.\.\.|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a script.

    Attributes:
        kind: code, command, string, option, number, word, sign, or end.
        text: as written, without the quotes of a string, the braces of code, the backticks of a command.
        line: counted from 1.
        glued: nothing stands between it and the token before.
    """

    kind: str
    text: str
    line: int
    glued: bool


def tokens(name: str, text: str, defines: Mapping[str, str] | None = None) -> list[Token]:
    """All tokens of a script, the last of kind "end".

    Args:
        name: of the script, for complaints.
        text: the script.
        defines: words and what stands for them (`-D NAME=value`).

    Raises:
        ScriptError: a comment, a string, code or a command without its end.
    """
    found: list[Token] = []
    line, glued = 1, False
    for match in _TOKEN.finditer(text):
        kind, word = match.lastgroup or "", match[0]
        if kind not in {"space", "comment"}:
            if word in {'"', "`"} or (text.startswith(("/*", "%{"), match.start()) and kind == "sign"):
                raise ScriptError(name, line, f"{text[match.start() : match.start() + 2].strip()} has no end")
            if defines is not None and kind == "word" and word in defines:
                meaning = tokens(name, defines[word])[:-1]
                found += [
                    Token(t.kind, t.text, line, t.glued if at else glued) for at, t in enumerate(meaning)
                ]
            else:
                found.append(Token(kind, _bare(kind, word), line, glued))
        glued = kind not in {"space", "comment"}
        line += word.count("\n")
    found.append(Token("end", "", line, False))
    return found


def _bare(kind: str, word: str) -> str:
    if kind == "code":
        return word[2:-2]
    return word[1:-1] if kind in {"string", "command"} else word
