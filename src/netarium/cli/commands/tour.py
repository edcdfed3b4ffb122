"""`netarium tour`: one message from write() to the signal on the cable and back, in six stories."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from netarium._version import __version__
from netarium.base import units
from netarium.base.errors import UsageError
from netarium.cli.language import CHOICES, languages
from netarium.cli.tour import chapters, render
from netarium.cli.tour.run import Run, Settings
from netarium.inspect import tracefile
from netarium.inspect.capture import capture
from netarium.inspect.glossary import word

EPILOG: Final = """\
stories:
  1 create the socket   2 connect             3 send and receive
  4 disconnect, delete  5 IP and Ethernet     6 UDP

Everything is told from what happens in this run: every number, every byte. It needs no root and no network.

examples:
  netarium tour --lang both                Korean and English
  netarium tour --story 5                  headers byte by byte, and the signal
  netarium tour --pcap tour.pcapng         the same frames for Wireshark
  netarium tour --seed 7 --trace 7.trace   run it twice: the files are equal to the byte
  netarium tour --loss 10% --story 3       a worse cable"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    add = parser.add_argument
    add("--lang", choices=CHOICES, help="language (default: as the locale says)")
    add("--story", type=int, metavar="N", choices=chapters.NUMBERS, help="only story N, 1 to 6")
    add("--pause", action="store_true", help="wait for Enter after each story")
    add("--seed", type=int, default=1, metavar="N", help="of everything random (default: 1)")
    add(
        "--loss",
        default="0",
        metavar="P",
        help="probability of loss on the web server's cable, as 5%% or 0.05",
    )
    add("--pcap", type=Path, metavar="FILE", help="write all frames as pcapng")
    add("--trace", type=Path, metavar="FILE", help="write all events, one a line")
    add("--json", action="store_true", help="print all figures of the run and nothing else")


def run(options: argparse.Namespace) -> int:
    """Run the scenario, write the files, tell the stories."""
    from netarium.cli.tour import scenario

    settings = Settings(seed=options.seed, loss=units.probability(options.loss))
    if not options.json:
        render.writer()  # complains now, and not after the run, if it cannot
    played = scenario.run(settings)
    if options.pcap is not None:
        with options.pcap.open("wb") as binary:
            binary.writelines(capture(played.events, epoch_ns=scenario.EPOCH_NS))
    if options.trace is not None:
        with options.trace.open("w", encoding="utf-8") as text:
            text.writelines(tracefile.dump(played.events))
    if options.json:
        print(json.dumps(figures(played), ensure_ascii=False, indent=2))
    else:
        _tell(played, options.story, languages(options.lang), pause=options.pause)
    return 0


def figures(played: Run) -> dict[str, Any]:
    """Everything that the stories know, for machines."""
    return {
        "netarium": __version__,
        "seed": played.settings.seed,
        "loss": played.settings.loss,
        "addresses": played.addresses,
        "virtual_ns": played.ended_at,
        "stories": {
            name: {**chapter.figures, "sockets": chapter.sockets}
            for name, chapter in chapters.all_of(played).items()
        },
    }


def _tell(played: Run, number: int | None, spoken: Sequence[str], *, pause: bool) -> None:
    write = render.writer()
    told = [
        chapter
        for chapter in chapters.all_of(played).values()
        if number is None or chapter.story.number == number
    ]
    for index, chapter in enumerate(told):
        render.story(chapter.story, spoken, write)
        if pause and index < len(told) - 1:
            _wait(" · ".join(word("next", language) for language in spoken))
    write("", "")


def _wait(prompt: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("--pause needs a terminal to wait for Enter")
    print(f"\n[{prompt}]", end=" ", flush=True)
    sys.stdin.readline()
