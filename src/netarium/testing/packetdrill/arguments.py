"""Arguments of system calls: numbers, names, strings, `...`, arrays, structs."""

from netarium.testing.packetdrill.constants import CONSTANTS, FUNCTIONS
from netarium.testing.packetdrill.cursor import Cursor
from netarium.testing.packetdrill.script import ANY, Value


def parse_value(cursor: Cursor) -> Value:
    """One argument; names of constants become their numbers, `|` joins them.

    Raises:
        ScriptError: it is not understood.
    """
    token = cursor.peek()
    if cursor.accept("..."):
        return ANY
    if token.kind == "string":
        cursor.take()
        return token.text.encode().decode("unicode_escape")
    if cursor.accept("["):
        return _array(cursor)
    if cursor.accept("{"):
        return _struct(cursor)
    value = _term(cursor)
    while cursor.accept("|"):
        other = _term(cursor)
        if not isinstance(value, int) or not isinstance(other, int):
            cursor.fail("| joins numbers")
        value |= other
    return value


def _term(cursor: Cursor) -> int | str:
    token = cursor.peek()
    if cursor.accept("-"):
        return -cursor.integer()
    if token.kind == "number":
        value = cursor.integer()
        if cursor.accept("<"):  # 1<<20
            cursor.expect("<")
            value <<= cursor.integer()
        return value
    name = cursor.word()
    if name in FUNCTIONS:
        return _function(cursor, name)
    if name not in CONSTANTS:
        cursor.back()
        cursor.fail(f"{name} is no constant that is known here")
    return CONSTANTS[name]


def _function(cursor: Cursor, name: str) -> int | str:
    cursor.expect("(")
    if name == "inet_pton":
        parse_value(cursor)
        cursor.expect(",")
    value = parse_value(cursor)
    cursor.expect(")")
    if not isinstance(value, int | str):
        cursor.fail(f"{name}() takes a number or a string")
    return value


def _array(cursor: Cursor) -> list[Value]:
    values: list[Value] = []
    while not cursor.accept("]"):
        if values:
            cursor.expect(",")
        values.append(parse_value(cursor))
    return values


def _struct(cursor: Cursor) -> dict[str, Value]:
    """`{name=value, name(count)=value}`, or values only, which get the names "0", "1", ..."""
    fields: dict[str, Value] = {}
    while not cursor.accept("}"):
        if fields:
            cursor.expect(",")
        name = str(len(fields))
        if _is_named(cursor):
            name = cursor.word()
            if cursor.accept("("):
                parse_value(cursor)
                cursor.expect(")")
            cursor.expect("=")
        if name in fields:
            cursor.fail(f"{name} is said twice")
        fields[name] = parse_value(cursor)
    return fields


def _is_named(cursor: Cursor) -> bool:
    if cursor.peek().kind != "word" or cursor.peek().text in FUNCTIONS:
        return False
    return cursor.peek(1).text in {"=", "("}
