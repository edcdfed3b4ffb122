"""A place in the tokens of a script, and the few questions that a parser asks."""

from typing import NoReturn

from netarium.testing.packetdrill.errors import ScriptError
from netarium.testing.packetdrill.lexer import Token


class Cursor:
    """Walks over tokens.

    Attributes:
        at: index of the next token.
    """

    __slots__ = ("_tokens", "at", "name")

    def __init__(self, name: str, tokens: list[Token]) -> None:
        self.name = name
        self._tokens = tokens
        self.at = 0

    def peek(self, ahead: int = 0) -> Token:
        """The next token, or a later one; at the end, the end."""
        return self._tokens[min(self.at + ahead, len(self._tokens) - 1)]

    def take(self) -> Token:
        """The next token, which is then behind us."""
        token = self.peek()
        self.at += token.kind != "end"
        return token

    def back(self) -> None:
        """Undo a take(), so that a complaint names the right token."""
        self.at -= 1

    def accept(self, text: str) -> bool:
        """Take the next token if it is this sign or word."""
        token = self.peek()
        if token.text != text or token.kind not in {"sign", "word"}:
            return False
        self.at += 1
        return True

    def expect(self, text: str) -> None:
        """The next token is this sign or word.

        Raises:
            ScriptError: it is not.
        """
        if not self.accept(text):
            self.fail(f"here {text} is expected")

    def word(self) -> str:
        """The next token, a word."""
        if self.peek().kind != "word":
            self.fail("here a word is expected")
        return self.take().text

    def integer(self) -> int:
        """The next token, a whole number, decimal or hexadecimal."""
        token = self.peek()
        if token.kind != "number" or "." in token.text:
            self.fail("here a number is expected")
        self.at += 1
        return int(token.text, 0) if token.text.startswith("0x") else int(token.text)

    def count(self) -> int:
        """`(1000)`."""
        self.expect("(")
        length = self.integer()
        self.expect(")")
        return length

    def range(self) -> tuple[int, int]:
        """`1:1001(1000)`."""
        start = self.integer()
        self.expect(":")
        end = self.integer()
        length = self.count()
        if (end - start) % 2**32 != length:
            self.fail(f"{start}:{end} are not {length} octets")
        return start, end

    def fail(self, text: str) -> NoReturn:
        """Refuse the script at the next token."""
        token = self.peek()
        seen = "the end" if token.kind == "end" else repr(token.text)
        raise ScriptError(self.name, token.line, f"{text} (at {seen})")
