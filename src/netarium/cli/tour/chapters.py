"""All chapters of one run, in their order."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from netarium.cli.tour import epilogue, story1, story2, story3, story4, story5, story6
from netarium.cli.tour.page import Story
from netarium.cli.tour.run import Run

NUMBERS: Final = (1, 2, 3, 4, 5, 6)


class Chapter(NamedTuple):
    """A story, the figures that it was told from, and the socket tables of all machines when it is over."""

    story: Story
    figures: Mapping[str, Any]
    sockets: Mapping[str, Any]


def all_of(run: Run) -> dict[str, Chapter]:
    """The six stories and the epilogue, by name."""
    one, two, three = story1.gather(run), story2.gather(run), story3.gather(run)
    four, five, six = story4.gather(run), story5.gather(run), story6.gather(run)
    end = epilogue.gather(run)
    over = {
        "1": run.opened.id,
        "2": two.ack.event,
        "3": max(row.event for row in three.segments),
        "4": four.waiting_event,
        "5": run.web[0].event,
        "6": run.opened.id - 1,
    }
    sockets = {name: run.sockets_at(event) for name, event in over.items()}
    return {
        "1": Chapter(story1.tell(one, run), story1.figures(one), sockets["1"]),
        "2": Chapter(story2.tell(two, run), story2.figures(two), sockets["2"]),
        "3": Chapter(story3.tell(three, run), story3.figures(three), sockets["3"]),
        "4": Chapter(story4.tell(four, run), story4.figures(four), sockets["4"]),
        "5": Chapter(story5.tell(five, run), story5.figures(five), sockets["5"]),
        "6": Chapter(story6.tell(six, run), story6.figures(six), sockets["6"]),
        "end": Chapter(epilogue.tell(end), epilogue.figures(end), run.sockets_at(run.outcome.last_event)),
    }
