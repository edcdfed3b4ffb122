"""Which languages to speak: what the user asked for, else what the locale says."""

import os
from collections.abc import Mapping
from typing import Final

LANGUAGES: Final = ("ko", "en")
CHOICES: Final = ("ko", "en", "both")


def languages(choice: str | None, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The choice "ko", "en" or "both" as a tuple; without a choice Korean in a Korean locale, else English."""
    if choice == "both":
        return LANGUAGES
    if choice is not None:
        return (choice,)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name):
            return ("ko",) if value.lower().startswith("ko") else ("en",)
    return ("en",)
