"""The TCP options of a packet in a script: `<mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>`."""

from typing import Final

from netarium.testing.packetdrill.cursor import Cursor
from netarium.testing.packetdrill.script import Option

_BARE: Final = frozenset({"nop", "eol", "sackOK"})
_BARE_SPELLINGS: Final = {"NOP": "nop", "EOL": "eol", "sackok": "sackOK", "SACKOK": "sackOK"}
_HEX: Final = frozenset("0123456789abcdefABCDEF")


def parse_options(cursor: Cursor) -> tuple[Option, ...] | None:
    """What stands between `<` and `>`; None: `...`.

    Raises:
        ScriptError: it is not understood.
    """
    if cursor.accept("..."):
        cursor.expect(">")
        return None
    found: list[Option] = []
    while not cursor.accept(">"):
        if found:
            cursor.expect(",")
        found.append(_option(cursor))
    return tuple(found)


def _option(cursor: Cursor) -> Option:
    word = cursor.word()
    word = _BARE_SPELLINGS.get(word, word)
    if word in _BARE:
        return (word,)
    match word:
        case "mss" | "wscale":
            return word, _number(cursor)
        case "TS" | "ts":
            cursor.expect("val")
            value = _number(cursor)
            cursor.expect("ecr")
            return "TS", value, _number(cursor)
        case "sack":
            return _sack(cursor)
        case "FO" | "FOEXP" | "md5":
            return word, _octets(cursor)
        case "uto":
            return word, _user_timeout(cursor)
        case "ECN":
            return _accurate_ecn(cursor)
        case "kind":
            return f"kind {cursor.integer()}", _octets(cursor)
        case "exp":
            return _experiment(cursor)
    cursor.back()
    return cursor.fail(f"{word} is no TCP option that is understood here")


def _sack(cursor: Cursor) -> Option:
    if cursor.accept("..."):
        return "sack", None
    edges: list[int | str | None] = []
    while cursor.peek().kind == "number":
        edges.append(cursor.integer())
        cursor.expect(":")
        edges.append(cursor.integer())
    return "sack", *edges


def _accurate_ecn(cursor: Cursor) -> Option:
    """`ECN e1b 1 ceb 0 e0b 1` is kind 174, `ECN e0b 1 ceb 0 e1b 1` kind 172; fewer counters, or none, are right, too."""
    first = cursor.peek().text
    words = ("e0b", "ceb", "e1b") if first == "e0b" else ("e1b", "ceb", "e0b")
    counters: list[int | str | None] = [words[0]]
    for word in words:
        if not cursor.accept(word):
            break
        counters.append(_number(cursor))
    return "ECN", *counters


def _experiment(cursor: Cursor) -> Option:
    """`exp-FO cookie` is FOEXP; `exp-f989 0102`: any experiment by its number (RFC 6994)."""
    cursor.expect("-")
    if cursor.peek().text in {"FO", "fo"}:
        cursor.take()
        return "FOEXP", _octets(cursor)
    number = _octets(cursor)
    if number is None or len(number) not in {4, 8}:
        cursor.fail("here FO or the number of an experiment is expected")
    return "kind 254", number + (_octets(cursor) or "")


def _user_timeout(cursor: Cursor) -> int | None:
    """`uto 30` or `uto 30s`: seconds; `uto 5m`: minutes; as the field of RFC 5482 has it."""
    value = _number(cursor)
    if value is None:
        return None
    unit = cursor.take().text if cursor.peek().glued and cursor.peek().text in {"s", "m"} else "s"
    return value & 0x7FFF | (unit == "m") << 15


def _number(cursor: Cursor) -> int | None:
    return None if cursor.accept("...") else cursor.integer()


def _octets(cursor: Cursor) -> str | None:
    """Hexadecimal digits, which look like numbers and words; none at all: a request for a cookie."""
    if cursor.accept("..."):
        return None
    text = ""
    while cursor.peek().kind in {"number", "word"} and (not text or cursor.peek().glued):
        text += cursor.take().text
    text = text.removeprefix("0x")
    if len(text) % 2 or not set(text) <= _HEX:
        cursor.fail(f"{text} are no octets in hexadecimal digits")
    return text.lower()
