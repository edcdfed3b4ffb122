"""The words that a person sees, in Korean and English: one file, `glossary.json`, for terminal and web page alike.

Each term: Korean, English, and what it is in one short phrase of each.
"""

import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Term(NamedTuple):
    """One term."""

    ko: str
    en: str
    about_ko: str
    about_en: str

    def name(self, language: str) -> str:
        """The term in "ko" or "en"."""
        return self.ko if language == "ko" else self.en

    def about(self, language: str) -> str:
        """What it is."""
        return self.about_ko if language == "ko" else self.about_en


@cache
def glossary() -> dict[str, Term]:
    """All terms by their key."""
    text = files(__package__).joinpath("glossary.json").read_text(encoding="utf-8")
    return {key: Term(*words) for key, words in json.loads(text).items()}


def word(key: str, language: str) -> str:
    """A term in "ko" or "en"; the key itself if there is no such term (a note that nobody translated)."""
    term = glossary().get(key)
    return key if term is None else term.name(language)
