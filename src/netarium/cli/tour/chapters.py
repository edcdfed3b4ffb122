"""All chapters of one run, in their order."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from netarium.cli.tour import epilogue, story1, story2, story3, story4, story5, story6
from netarium.cli.tour.page import Story
from netarium.cli.tour.run import Run

NUMBERS: Final = (1, 2, 3, 4, 5, 6)


class Chapter(NamedTuple):
    """A story, and the figures that it was told from."""

    story: Story
    figures: Mapping[str, Any]


def all_of(run: Run) -> dict[str, Chapter]:
    """The six stories and the epilogue, by name."""
    one, two, three = story1.gather(run), story2.gather(run), story3.gather(run)
    four, five, six = story4.gather(run), story5.gather(run), story6.gather(run)
    end = epilogue.gather(run)
    return {
        "1": Chapter(story1.tell(one, run), story1.figures(one)),
        "2": Chapter(story2.tell(two, run), story2.figures(two)),
        "3": Chapter(story3.tell(three, run), story3.figures(three)),
        "4": Chapter(story4.tell(four, run), story4.figures(four)),
        "5": Chapter(story5.tell(five, run), story5.figures(five)),
        "6": Chapter(story6.tell(six, run), story6.figures(six)),
        "end": Chapter(epilogue.tell(end), epilogue.figures(end)),
    }
