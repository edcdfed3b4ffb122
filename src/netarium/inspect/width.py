"""Columns that text takes in a terminal: Korean letters take two, combining marks none (Unicode UAX #11).

Enough for aligning tables and diagrams in Korean and English; no terminal is asked.
"""

import unicodedata
from typing import Final

_WIDE: Final = frozenset({"W", "F"})


def cells(text: str) -> int:
    """How many columns the text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in _WIDE else 1 for c in text
    )


def left(text: str, columns: int) -> str:
    """The text, followed by spaces up to `columns`; unchanged if it is longer."""
    return text + " " * (columns - cells(text))


def right(text: str, columns: int) -> str:
    """The text, preceded by spaces up to `columns`; unchanged if it is longer."""
    return " " * (columns - cells(text)) + text


def centre(text: str, columns: int, fill: str = " ") -> str:
    """The text in the middle of `columns`; unchanged if it is longer."""
    free = max(0, columns - cells(text))
    return fill * (free // 2) + text + fill * (free - free // 2)


def clip(text: str, columns: int) -> str:
    """The text, cut to `columns`; a cut is shown by an ellipsis."""
    if cells(text) <= columns:
        return text
    result = ""
    for character in text:
        if cells(result) + cells(character) > columns - 1:
            break
        result += character
    return result + "…"


def wrap(text: str, columns: int) -> list[str]:
    """The text in lines of at most `columns`, broken at spaces; a longer word stands alone and is not cut."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        candidate = f"{line} {word}" if line else word
        if line and cells(candidate) > columns:
            lines.append(line)
            line = word
        else:
            line = candidate
    return [*lines, line] if line else lines
