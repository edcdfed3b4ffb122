"""Virtual time for blocking programs: every simulated thread is a real one, and exactly one of them runs.

Who runs holds the *baton*. Who must wait runs the scheduler himself: while no thread is ready to go on, it takes the
next item from the agenda, sets the clock to it and lets it act; a thread that becomes ready gets the baton, and if it
is the waiting one itself no thread is switched at all. Threads go on in the order in which they became ready, so
one seed gives one run.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from netarium.base.timerq import TimerQueue
from netarium.base.units import US, format_duration
from netarium.link.device import Timed
from netarium.sim.errors import Deadlock, OutOfTime, ProcessKilled
from netarium.sim.strand import Strand

_PATIENCE: Final = 1_000  # looks at an unchanged world before a microsecond passes
_MAX_REFUSALS: Final = 100  # blocking calls after which a killed thread that will not end is abandoned


class Baton:
    """The clock, the agenda, and who is next.

    Attributes:
        now: virtual monotonic ns.
        agenda: timed objects by their next deadline.
        holder: the only thread that runs; None outside of any run.
        switches: how often it went from one thread to another.
        limit: virtual time at which the main program has to be at its end, or None.
    """

    __slots__ = (
        "_closing",
        "_main",
        "_ready",
        "_spins",
        "agenda",
        "holder",
        "limit",
        "now",
        "strands",
        "switches",
    )

    def __init__(self) -> None:
        self.now = 0
        self.limit: int | None = None
        self.agenda: TimerQueue[Timed] = TimerQueue()
        self.holder: Strand | None = None
        self.strands: dict[Strand, None] = {}  # alive, in order of their creation
        self._ready: deque[Strand] = deque()
        self.switches = 0
        self._spins = 0
        self._main: Strand | None = None
        self._closing: Strand | None = None  # the main thread, while it ends all others

    # --- who takes part ---------------------------------------------------------------------------------------

    def enter(self, main: Strand) -> None:
        """The calling thread becomes the main one and holds the baton."""
        assert self.holder is None, "the world runs already"
        self._main = self.holder = main
        main.launched = True
        self.strands[main] = None

    def leave(self) -> None:
        """The main thread leaves; the others stay where they are."""
        assert self.holder is self._main is not None
        del self.strands[self._main]
        self._main.finished = True
        self._main = self.holder = None

    def add(self, strand: Strand) -> None:
        """A new thread, ready to begin."""
        self.strands[strand] = None
        self._ready.append(strand)

    def finish(self, strand: Strand) -> None:
        """The holder's last act: wake who waits for its end, give the baton away."""
        strand.finished = True
        self.strands.pop(strand, None)
        for joiner in strand.joiners:
            self.wake(joiner)
        if self._closing is not None:
            self._give(self._closing)
            return
        self._until_ready()
        self._give(self._ready.popleft())

    # --- waiting ----------------------------------------------------------------------------------------------

    def park(self, strand: Strand, deadline: int | None, why: Callable[[], str]) -> bool:
        """Block the holder until `wake`, or until a deadline (virtual ns).

        Returns:
            True if woken, False if the deadline came first.

        Raises:
            ProcessKilled: the thread's process is killed.
            Deadlock: nothing will ever happen (main thread only).
            OutOfTime: the time of the run is over (main thread only).
        """
        if strand.ending:
            self._refuse(strand)
        assert strand is self.holder, f"{strand} blocks without the baton"
        strand.parked = True
        strand.timed_out = False
        strand.why = why
        if deadline is not None:
            self.agenda.schedule(strand, deadline)
        self._until_turn(strand)
        if deadline is not None and not strand.timed_out:
            self.agenda.schedule(strand, None)
        strand.why = None
        if strand.fault is not None:
            fault, strand.fault = strand.fault, None
            raise fault
        if strand.ending:
            self._refuse(strand)
        return not strand.timed_out

    def wake(self, strand: Strand) -> None:
        """Let a parked thread go on when its turn comes."""
        if strand.parked:
            strand.parked = False
            self._ready.append(strand)

    def give_way(self, strand: Strand) -> None:
        """Let all that is due now happen, and others who are ready run; no time passes.

        Who asks again and again while nothing happens waits for the clock: then a little time does pass.
        """
        if strand.ending:
            return
        acted = self._act_due()
        if self._ready:
            self._spins = 0
            self._ready.append(strand)
            self._until_turn(strand)
            if strand.ending:
                self._refuse(strand)
        elif acted:
            self._spins = 0
        else:
            self._spins += 1
            if self._spins > _PATIENCE:
                self.now += US
                self._act_due()

    # --- ending -----------------------------------------------------------------------------------------------

    def kill(self, strands: list[Strand]) -> None:
        """End threads where they block. One that runs ends at its next blocking call."""
        for strand in strands:
            strand.ending = True
            if strand.launched:
                self.wake(strand)
            else:  # it has not begun, and never will
                self._ready.remove(strand)
                self.strands.pop(strand, None)
                strand.finished = True
                for joiner in strand.joiners:
                    self.wake(joiner)

    def close(self) -> None:
        """End all threads but the main one, one after the other. No virtual time passes."""
        main = self._main
        assert main is not None
        assert main is self.holder
        self._closing = main
        try:
            while others := [s for s in self.strands if s is not main]:
                strand = others[0]
                self.kill([strand])
                if not strand.finished:
                    with suppress(ValueError):
                        self._ready.remove(strand)
                    strand.parked = False
                    self._hand_over(main, strand)
                    self.strands.pop(strand, None)
        finally:
            self._closing = None
            self._ready.clear()

    def fail(self, fault: BaseException) -> None:
        """Raise something in the main thread, where it waits."""
        main = self._main
        if main is not None and main.fault is None:
            main.fault = fault
            self.wake(main)

    def alone(self) -> bool:
        """True if nobody else is ready to run."""
        return not self._ready

    def drain(self, strand: Strand) -> None:
        """Let everything happen that will ever happen without the holder."""
        ready = self._ready
        while ready or self.agenda.next_deadline() is not None:
            if ready:
                ready.append(strand)
                self._until_turn(strand)
            else:
                self._pass_time()
            if strand.fault is not None:
                fault, strand.fault = strand.fault, None
                raise fault

    def who_waits(self) -> str:
        """A line for each thread: what it waits for."""
        return "\n".join(f"  {strand.name}: {strand.waits_for()}" for strand in self.strands)

    # --- inside -----------------------------------------------------------------------------------------------

    def _until_turn(self, strand: Strand) -> None:
        """Act as the scheduler until the baton is the strand's."""
        ready = self._ready
        if not ready:
            self._until_ready()
        following = ready.popleft()
        if following is not strand:
            self._hand_over(strand, following)

    def _until_ready(self) -> None:
        """Act as the scheduler until there is a thread that can go on."""
        while not self._ready:
            if not self._pass_time():
                waiting = self.who_waits()
                self.fail(Deadlock(f"nothing will ever happen again, and the program waits\n{waiting}"))
                assert self._ready, "a world without its main thread"

    def _pass_time(self) -> bool:
        """Let time pass from item to item on the agenda, and let each act, until a thread is ready or one failed.

        Returns:
            False: there are no items any more.
        """
        agenda, ready = self.agenda, self._ready
        try:
            while not ready:
                following = agenda.pop()
                if following is None:
                    return False
                at, item = following
                if self.limit is not None and at > self.limit:
                    agenda.schedule(item, at)
                    self.now, self.limit = self.limit, None
                    self.fail(OutOfTime(f"not finished at {format_duration(self.now)}\n{self.who_waits()}"))
                    break
                if at > self.now:
                    self.now = at
                    self._spins = 0
                item.on_deadline(self.now)
        except BaseException as fault:  # noqa: BLE001 - who happens to be the scheduler is not to blame
            self.fail(fault)
        return True

    def _act_due(self) -> bool:
        """Let the items act that are due now; True if there was one."""
        agenda = self.agenda
        budget = len(agenda) + 64  # items that reschedule themselves at once must not keep us for ever
        acted = False
        while budget and (item := agenda.pop_due(self.now)) is not None:
            try:
                item.on_deadline(self.now)
            except BaseException as fault:  # noqa: BLE001 - as in `_pass_time`
                self.fail(fault)
            acted = True
            budget -= 1
        return acted

    def _give(self, strand: Strand) -> None:
        self.holder = strand
        self.switches += 1
        if not strand.launched:
            strand.launched = True
            strand.launch()
        elif strand.turn.locked():  # else Ctrl-C came between the last release and its acquire
            strand.turn.release()

    def _hand_over(self, strand: Strand, following: Strand) -> None:
        """Give the baton away, and wait until it comes back."""
        given = False
        while True:
            try:
                if not given:
                    given = True
                    self._give(following)
                while self.holder is not strand:
                    strand.turn.acquire()
            except BaseException as fault:  # noqa: BLE001 - Ctrl-C: raised when we are back at the wheel
                strand.fault = fault
                if strand.parked:
                    strand.parked = False
                    self._ready.appendleft(strand)
            else:
                return

    def _refuse(self, strand: Strand) -> None:
        """A killed thread must not block any more."""
        strand.refusals += 1
        if strand.refusals > _MAX_REFUSALS:
            self.finish(strand)
            strand.turn.acquire()  # it swallows every exception: its thread stays here for good
        raise ProcessKilled(f"{strand.name} was killed")
