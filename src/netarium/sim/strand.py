"""One thread of a simulated process, as the scheduler sees it."""

from _thread import allocate_lock
from collections.abc import Callable


class Strand:
    """A thread that runs only while it holds the baton. Its own timer on the agenda ends a wait.

    Attributes:
        name: for people.
        turn: the real lock on which the thread waits for the baton.
        launched: the real thread exists.
        parked: it waits to be woken.
        timed_out: its last wait was ended by the deadline.
        finished: it has given the baton away for the last time.
        ending: its process is killed; it must not block any more.
        refusals: how often it tried, since.
        fault: what to raise where it waits.
        joiners: threads that wait for its end.
        why: tells for people what it waits for.
    """

    __slots__ = (
        "_launch", "_wake", "ending", "fault", "finished", "joiners", "launched", "name", "parked", "refusals",
        "timed_out", "turn", "why",
    )  # fmt: skip

    def __init__(
        self, name: str, wake: Callable[["Strand"], None], launch: Callable[[], object] | None = None
    ) -> None:
        self.name = name
        self.turn = allocate_lock()
        self.turn.acquire()
        self.launched = False
        self.parked = False
        self.timed_out = False
        self.finished = False
        self.ending = False
        self.refusals = 0
        self.fault: BaseException | None = None
        self.joiners: list[Strand] = []
        self.why: Callable[[], str] | None = None
        self._wake = wake
        self._launch = launch

    def launch(self) -> None:
        """Start the real thread, which begins with the baton."""
        assert self._launch is not None, "the main thread is there already"
        self._launch()

    def on_deadline(self, now: int) -> None:  # noqa: ARG002 - Timed
        """The wait is over."""
        if self.parked:
            self.timed_out = True
            self._wake(self)

    def waits_for(self) -> str:
        """What it waits for, in words."""
        if self.why is not None:
            return "waits for " + self.why()
        return "has not begun" if not self.launched else "runs"

    def __repr__(self) -> str:
        return f"<Strand {self.name}: {self.waits_for()}>"
