"""What a story consists of: paragraphs in two languages and figures. How it looks is the business of `render`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Say:
    """A paragraph, a title or a caption."""

    ko: str
    en: str

    def text(self, language: str) -> str:
        """The words in "ko" or "en"."""
        return self.ko if language == "ko" else self.en


@dataclass(frozen=True, slots=True)
class Show:
    """A figure: lines of fixed-width text, at most 80 columns.

    Attributes:
        lines: as they are, or made for a language.
        caption: what stands above them.
        bright: lines (by what occurs in them) that the eye should fall on.
    """

    lines: Sequence[str] | Callable[[str], Sequence[str]]
    caption: Say | None = None
    bright: Sequence[str] = ()

    def text(self, language: str) -> list[str]:
        """The lines for "ko" or "en"."""
        return list(self.lines(language) if callable(self.lines) else self.lines)


@dataclass(frozen=True, slots=True)
class Words:
    """Terms of the glossary that this page uses, by their keys."""

    keys: tuple[str, ...]


Block = Say | Show | Words


@dataclass(slots=True)
class Story:
    """One chapter."""

    number: int
    title: Say
    blocks: list[Block] = field(default_factory=list)

    def say(self, ko: str, en: str) -> None:
        """Add a paragraph."""
        self.blocks.append(Say(ko, en))

    def show(
        self,
        lines: Sequence[str] | Callable[[str], Sequence[str]],
        ko: str = "",
        en: str = "",
        bright: Sequence[str] = (),
    ) -> None:
        """Add a figure with its caption."""
        self.blocks.append(Show(lines, Say(ko, en) if ko else None, tuple(bright)))

    def words(self, *keys: str) -> None:
        """Add terms to be explained."""
        self.blocks.append(Words(keys))
