"""Arguments of system calls: numbers, names, strings, `...`, arrays, structs in the spellings of strace."""

from netarium.testing.packetdrill.constants import CONSTANTS, ERRNOS
from netarium.testing.packetdrill.cursor import Cursor
from netarium.testing.packetdrill.script import ANY, Value

_ORDERS = frozenset(
    {"htons", "ntohs", "htonl", "ntohl"}
)  # scripts say how numbers lie in memory; here they are numbers
FUNCTIONS = _ORDERS | {"inet_addr", "inet_pton"}


def parse_value(cursor: Cursor) -> Value:
    """One argument; names of constants become their numbers, `|` joins them.

    Raises:
        ScriptError: it is not understood.
    """
    if cursor.accept("..."):
        return ANY
    if cursor.peek().kind == "string":
        return _string(cursor)
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


def _string(cursor: Cursor) -> str:
    """One string, or several that stand beside each other."""
    text = ""
    while cursor.peek().kind == "string":
        text += cursor.take().text.encode().decode("unicode_escape")
    return text


def _term(cursor: Cursor) -> int | str:
    token = cursor.peek()
    if cursor.accept("-"):
        return -cursor.integer()
    if cursor.accept("~"):
        return ~cursor.integer()
    if cursor.accept("("):
        value = parse_value(cursor)
        cursor.expect(")")
        if not isinstance(value, int):
            cursor.fail("in parentheses a number is expected")
        return value
    if token.kind == "number":
        return _shifted(cursor)
    name = cursor.word()
    if name in FUNCTIONS:
        return _function(cursor, name)
    number = CONSTANTS.get(name, ERRNOS.get(name))
    if number is None:
        cursor.back()
        cursor.fail(f"{name} is no constant that is known here")
    return number


def _shifted(cursor: Cursor) -> int:
    """A number, or `1<<20`."""
    value = cursor.integer()
    if cursor.accept("<"):
        cursor.expect("<")
        value <<= min(cursor.integer(), 64)
    return value


def _function(cursor: Cursor, name: str) -> int | str:
    """`htons(80)`, `inet_addr("192.0.2.1")`, `inet_pton(AF_INET6, "::1")`."""
    cursor.expect("(")
    if name == "inet_pton":
        parse_value(cursor)
        cursor.expect(",")
    value = parse_value(cursor)
    if cursor.accept(","):  # inet_pton(AF_INET6, "::1", &sin6_addr)
        cursor.expect("&")
        cursor.word()
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
            if cursor.accept("}"):
                break
        name = str(len(fields))
        if cursor.peek().text == "inet_pton" and "sin6_port" in fields:
            name = "sin6_addr"  # strace writes the call that fills the field
        elif _is_named(cursor):
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
