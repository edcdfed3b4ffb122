"""Pages on the screen: 80 columns, colour where there is some, both languages if both are wanted."""

import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from netarium.base.errors import UsageError
from netarium.cli.tour.page import Block, Say, Show, Story, Words
from netarium.inspect.glossary import glossary, word
from netarium.inspect.width import cells, wrap

WIDTH = 80
_PARAGRAPH = WIDTH - 2

Writer = Callable[[str, str], None]  # text of a line, style


def writer(file: TextIO | None = None) -> Writer:
    """What prints a line in a style: rich decides whether there is colour (a terminal, NO_COLOR, ...).

    Raises:
        UsageError: rich is not installed.
    """
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        raise UsageError("the tour needs the package rich: pip install 'netarium[all]'") from None
    console = Console(file=file or sys.stdout, highlight=False, soft_wrap=True)

    def write(text: str, style: str) -> None:
        console.print(Text(text, style=style), soft_wrap=True)

    return write


def story(page: Story, languages: Sequence[str], write: Writer) -> None:
    """Print one chapter."""
    heads = [_head(page, language) for language in languages]
    together = " · ".join(heads)
    write("", "")
    for head in [together] if cells(together) <= WIDTH else heads:
        write(head, "bold cyan")
    write("─" * WIDTH, "cyan")
    for block in page.blocks:
        _block(block, languages, write)


def _head(page: Story, language: str) -> str:
    title = page.title.text(language)
    return f"{word('story', language).capitalize()} {page.number}. {title}" if page.number else title


def _block(block: Block, languages: Sequence[str], write: Writer) -> None:
    if isinstance(block, Say):
        write("", "")
        for index, language in enumerate(languages):
            for line in wrap(block.text(language), _PARAGRAPH):
                write(line, "" if index == 0 else "dim")
    elif isinstance(block, Show):
        _figure(block, languages, write)
    else:
        _words(block, languages, write)


def _figure(block: Show, languages: Sequence[str], write: Writer) -> None:
    write("", "")
    if block.caption is not None:
        caption = " · ".join(block.caption.text(language) for language in languages)
        for line in wrap("▸ " + caption, _PARAGRAPH):
            write(line, "bold")
    for line in block.text(languages[0]):
        bright = any(mark in line for mark in block.bright)
        write(line, "bold yellow" if bright else "green")


def _words(block: Words, languages: Sequence[str], write: Writer) -> None:
    write("", "")
    for key in block.keys:
        term = glossary()[key]
        for language in languages:
            other = term.en if language == "ko" else term.ko
            name = term.name(language)
            both = name if len(languages) > 1 or other == name else f"{name} ({other})"
            lines = wrap(f"{both}: {term.about(language)}", _PARAGRAPH - 4)
            for index, line in enumerate(lines):
                write(
                    ("  • " if index == 0 else "    ") + line,
                    "magenta" if language == languages[0] else "dim",
                )
