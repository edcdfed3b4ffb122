"""What a fault rule is, and how a cable asks its rules about a frame; the rules themselves are in `rules`.

Rules are asked in the order of their installation. Each adds to one `Verdict`: delays add up, alterations build on
each other, and the first rule that takes the frame ends it. A rule draws only from its own stream of random numbers,
so installing another one changes nothing about what it does.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from random import Random
from typing import ClassVar

from netarium.base.units import probability
from netarium.link.frame import Frame
from netarium.link.selector import ALWAYS, Schedule


class Verdict:
    """What becomes of one frame.

    Attributes:
        frame: as it arrives: the original, or an altered one.
        delay: ns on top of the cable's; later frames wait behind it.
        held: ns on top of that, in which later frames may overtake.
        copies: for each duplicate how many ns after the frame it arrives.
        taken_by: the rule that made the frame vanish.
        hits: what the rules did, in order.
    """

    __slots__ = ("copies", "delay", "frame", "held", "hits", "taken_by")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.delay = 0
        self.held = 0
        self.copies: list[int] = []
        self.taken_by: Rule | None = None
        self.hits: list[tuple[Rule, str]] = []


class Rule(ABC):
    """What all rules share: which frames, when, how often, and the count.

    Attributes:
        where: a predicate on frames; `Selector` is one that prints itself. None: all frames.
        schedule: when, and how often.
        random: its stream; a cable gives it one when it is installed without.
        seen: frames that the selector let through in time.
        hits: frames that it did something to.
        single: must see single segments; a super-segment is split before such a rule.
    """

    single: ClassVar[bool] = True

    def __init__(
        self,
        where: Callable[[Frame], bool] | None = None,
        schedule: Schedule = ALWAYS,
        random: Random | None = None,
    ) -> None:
        self.where = where
        self.schedule = schedule
        self.random = random
        self.seen = 0
        self.hits = 0

    def judge(self, verdict: Verdict, now: int) -> None:
        """Have a say about the frame of `verdict`, whose first bit goes on the line at `now`."""
        schedule = self.schedule
        if (schedule.limit is not None and self.hits >= schedule.limit) or not schedule.in_time(now):
            return
        if self.where is not None and not self.where(verdict.frame):
            return
        self.seen += 1
        if schedule.takes(self.seen):
            action = self.act(verdict)
            if action:
                self.hits += 1
                verdict.hits.append((self, action))

    @abstractmethod
    def act(self, verdict: Verdict) -> str:
        """Do it, maybe. Returns what was done, in a word; "" for nothing."""

    @abstractmethod
    def what(self) -> str:
        """The rule's action, for people."""

    def draw(self) -> float:
        """A random number in [0, 1)."""
        assert self.random is not None, "a rule is installed before it judges"
        return self.random.random()

    def __str__(self) -> str:
        text = self.what()
        if self.where is not None:
            text += f" of {_describe(self.where)}"
        schedule = str(self.schedule)
        return f"{text}, {schedule}" if schedule else text

    def __repr__(self) -> str:
        return f"<{self}: {self.hits} of {self.seen}>"


def _describe(where: Callable[[Frame], bool]) -> str:
    """A selector as text; a plain function by its name."""
    return str(getattr(where, "__name__", where))


def judge(rules: Iterable[Rule], frame: Frame, now: int) -> Verdict:
    """Ask all rules, in order, until one takes the frame."""
    verdict = Verdict(frame)
    for rule in rules:
        rule.judge(verdict, now)
        if verdict.taken_by is not None:
            break
    return verdict


class Chance(Rule):
    """A rule that strikes with a probability."""

    verb: ClassVar[str]

    def __init__(
        self,
        chance: str | float = 1.0,
        where: Callable[[Frame], bool] | None = None,
        schedule: Schedule = ALWAYS,
        random: Random | None = None,
    ) -> None:
        super().__init__(where, schedule, random)
        self.chance = probability(chance)

    def act(self, verdict: Verdict) -> str:
        """Strike, or not."""
        if self.chance < 1.0 and self.draw() >= self.chance:
            return ""
        return self.strike(verdict)

    @abstractmethod
    def strike(self, verdict: Verdict) -> str:
        """Do it, surely."""

    def what(self) -> str:
        """For people."""
        return f"{self.verb} {100 * self.chance:.4g}%"
