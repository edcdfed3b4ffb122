"""How a script ends badly: it is refused before it runs, or what it expects does not come."""

from netarium.base.errors import UsageError


class ScriptError(UsageError):
    """A script that cannot be run: its syntax, or a word that nobody here understands. Names file and line."""

    def __init__(self, name: str, line: int, text: str) -> None:
        super().__init__(f"{name}:{line}: {text}")
        self.line = line


class Mismatch(Exception):  # noqa: N818 - what a script reports is not an error of the program
    """The stack did something else than the script expects.

    Args:
        expected: what the script says, for people.
        got: what happened instead.
    """

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


class NotUnderstood(Exception):  # noqa: N818 - the script may be right: it is we who cannot
    """Met while a script runs: an argument or a name that nobody here understands. It becomes a ScriptError."""
