"""Tokens to a script: options on top, then events, each with its time. Whatever is not understood is refused."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

from netarium.testing.packetdrill.arguments import parse_value
from netarium.testing.packetdrill.constants import ERRNOS
from netarium.testing.packetdrill.cursor import Cursor
from netarium.testing.packetdrill.lexer import tokens
from netarium.testing.packetdrill.packets import parse_packet
from netarium.testing.packetdrill.script import (
    ANY,
    Action,
    Anything,
    Call,
    Code,
    Command,
    Event,
    Script,
    Value,
    When,
)

_NS = 1_000_000_000
# What the runners of public suites define for IPv4: the cookies that Linux makes for the two addresses of scripts out
# of the key that they set, and out of the key of zeros.
DEFINES: Final = {"TFO_COOKIE": "3021b9d889017eeb", "TFO_COOKIE_ZERO": "b7c12350a90dc8f5"}


# And for the level and the type of the error queue, which are those of the socket's family.
_MAPPED: Final = {"CMSG_LEVEL_IP": "SOL_IPV6", "CMSG_TYPE_RECVERR": "IPV6_RECVERR"}
_PLAIN: Final = {"CMSG_LEVEL_IP": "SOL_IP", "CMSG_TYPE_RECVERR": "IP_RECVERR"}


def defines_of(version: str) -> dict[str, str]:
    """What the runners of public suites define for an `--ip_version`."""
    return {**DEFINES, **(_PLAIN if version == "ipv4" else _MAPPED)}


def load(path: Path, defines: Mapping[str, str] | None = None) -> Script:
    """Read and parse a file.

    Raises:
        ScriptError: it is not understood.
        OSError: it cannot be read.
    """
    return parse(str(path), path.read_text(encoding="utf-8-sig", errors="replace"), defines)


def parse(name: str, text: str, defines: Mapping[str, str] | None = None) -> Script:
    """Parse a script.

    Args:
        name: of the script, for complaints and reports.
        text: the script.
        defines: words and what stands for them.

    Raises:
        ScriptError: it is not understood.
    """
    given = {**DEFINES, **(defines or {})}
    cursor = Cursor(name, tokens(name, text, given))
    script = Script(name, text)
    options: set[str] = set()
    while cursor.peek().kind == "option":
        token = cursor.take()
        key, _, value = token.text[2:].partition("=")
        value = value.strip('"')
        options.add(key)
        if key == "define":
            word, _, meaning = value.partition("=")
            if word not in (defines or {}):
                given[word] = meaning.strip('"')
        else:
            script.settings[key] = value, token.line
            if key == "ip_version":
                given = {**defines_of(value), **given}
    if options & {"define", "ip_version"}:
        at = cursor.at
        cursor = Cursor(name, tokens(name, text, given))
        cursor.at = at
    while cursor.peek().kind == "command":
        token = cursor.take()
        script.setup.append((token.line, Command(token.text)))
    while cursor.peek().kind not in {"end", "command"}:
        script.events.append(_event(cursor))
    while cursor.peek().kind == "command":
        token = cursor.take()
        script.cleanup.append((token.line, Command(token.text)))
    if cursor.peek().kind != "end":
        cursor.fail("an event needs a time; commands without one clean up at the end")
    if not script.events:
        cursor.fail("the script has no events")
    return script


def _event(cursor: Cursor) -> Event:
    line = cursor.peek().line
    when = _when(cursor)
    action = _action(cursor)
    if when.returns is not None and not isinstance(action, Call):
        cursor.fail("only a system call can take time")
    if when.end is not None and not (isinstance(action, Call | Code | Command) or not action.inbound):
        cursor.fail("what the script does itself needs one time, not a range")
    return Event(line, when, action)


def _when(cursor: Cursor) -> When:
    """`+0.1`, `0.1`, `*`, `0.1~0.2`, `+0.1~+0.2`, `+0...0.2`."""
    if cursor.accept("*"):
        return When(relative=True, start=None)
    relative = cursor.accept("+")
    start = _seconds(cursor)
    if cursor.accept("~"):
        if cursor.accept("+") != relative:
            cursor.fail("both ends of a range are relative, or none")
        end = _seconds(cursor)
        if end < start:
            cursor.fail("a range of time that ends before it begins")
        return When(relative=relative, start=start, end=end)
    if cursor.accept("..."):
        return When(relative=relative, start=start, returns=_seconds(cursor))
    return When(relative=relative, start=start)


def _seconds(cursor: Cursor) -> int:
    token = cursor.take()
    if token.kind != "number" or token.text.startswith("0x"):
        cursor.back()
        cursor.fail("here a time in seconds is expected")
    return int(Decimal(token.text) * _NS)


def _action(cursor: Cursor) -> Action:
    token = cursor.peek()
    if token.kind == "code":
        cursor.take()
        return Code(token.text)
    if token.kind == "command":
        cursor.take()
        return Command(token.text)
    if token.text in {"<", ">"}:
        return parse_packet(cursor)
    if token.kind == "word":
        return _call(cursor)
    return cursor.fail("here a packet, a system call, code or a command is expected")


def _call(cursor: Cursor) -> Call:
    """`name(arguments) = result ERRNO (text)`."""
    name = cursor.word()
    cursor.expect("(")
    arguments: list[Value] = []
    while not cursor.accept(")"):
        if arguments:
            cursor.expect(",")
        arguments.append(parse_value(cursor))
    cursor.expect("=")
    value = parse_value(cursor)
    if not isinstance(value, int | Anything):
        cursor.fail("the result of a call is a number, or ...")
    error = ""
    if value == -1 and cursor.peek().kind == "word":
        error = cursor.word()
        if error not in ERRNOS:
            cursor.back()
            cursor.fail(f"{error} is no errno")
    if cursor.accept("("):
        _remark(cursor)
    return Call(name, tuple(arguments), ANY if value is ANY else value, error)


def _remark(cursor: Cursor) -> None:
    """`(Connection refused)`, `(flags O_RDWR)`: strace's words, for people."""
    depth = 1
    while depth:
        token = cursor.take()
        if token.kind == "end":
            cursor.fail("( has no end")
        depth += (token.text == "(") - (token.text == ")")
