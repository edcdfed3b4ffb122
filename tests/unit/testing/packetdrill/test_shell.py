"""The little of the shell that scripts use: what it is read as, and what is refused."""

import pytest

from netarium.testing.packetdrill.shell import arithmetic, commands


def words(text: str) -> list[tuple[str, ...]]:
    return [command.words for command in commands(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b; c", [("a", "b"), ("c",)]),
        ("a && b || c\nd", [("a",), ("b",), ("c",), ("d",)]),
        ("a 'b c' \"d e\"", [("a", "b c", "d e")]),
        ("a \\\n  b", [("a", "b")]),
        ("a # b; c\nd", [("a",), ("d",)]),
        ("a#b", [("a#b",)]),
        ("a 20 > /dev/null 2>&1; b 2>/dev/null", [("a", "20"), ("b",)]),
        ("a | grep x | wc -l; b", [("a",), ("b",)]),
        ("a=$((4 * 1024)) b", [("a=4096", "b")]),
        ("", []),
    ],
)
def test_commands(text: str, expected: list[tuple[str, ...]]) -> None:
    assert words(text) == expected


def test_where_output_goes() -> None:
    (command,) = commands("echo 7 > /proc/sys/net/x")
    assert (command.words, command.into) == (("echo", "7"), "/proc/sys/net/x")


@pytest.mark.parametrize(
    ("text", "value"), [("2+3*4", 14), ("(2+3)*4", 20), ("-7/2", -4), ("1<<20", 2**20), ("6|1", 7)]
)
def test_arithmetic(text: str, value: int) -> None:
    assert arithmetic(text) == value


@pytest.mark.parametrize("text", ["1+", "x+1", "2**9", "1/0", "1<<65", "(1<<40)*(1<<40)", "1.5"])
def test_arithmetic_that_is_not_understood(text: str) -> None:
    with pytest.raises(ValueError, match=r"not understood|too large"):
        arithmetic(text)


@pytest.mark.parametrize("text", ["(a)", "a 'b", "a <<x"])
def test_more_than_is_understood(text: str) -> None:
    with pytest.raises(ValueError, match=r"not understood|No closing"):
        commands(text)
