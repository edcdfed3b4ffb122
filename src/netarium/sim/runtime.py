"""A thread's view of virtual time: `netarium.aio.runtime.Runtime`, for one strand of one world."""

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from random import Random
from typing import Final

from netarium.aio.runtime import set_running
from netarium.aio.waiter import Poller
from netarium.base.units import SECOND
from netarium.sim.baton import Baton
from netarium.sim.locks import BatonLock
from netarium.sim.strand import Strand

_STRAND: Final = "_netarium_strand"  # attribute of a threading.Thread: (baton, strand)


@dataclass(frozen=True, slots=True)
class Clockwork:
    """What all parts of one world share.

    Attributes:
        baton: its clock and scheduler.
        epoch_ns: wall clock at virtual time 0, ns.
        random: entropy of the programs that run in it.
        entered: makes the calling thread the world's main one, unless it belongs to the world already.
    """

    baton: Baton
    epoch_ns: int
    random: Random
    entered: Callable[[], AbstractContextManager[None]]


class StrandGroup:
    """The threads of one simulated process.

    Attributes:
        clockwork: of their world.
        name: for people.
        strands: all threads that the group ever had; ended ones are dropped now and then.
    """

    __slots__ = ("baton", "clockwork", "name", "strands")

    def __init__(self, clockwork: Clockwork, name: str) -> None:
        self.clockwork = clockwork
        self.baton = clockwork.baton
        self.name = name
        self.strands: list[Strand] = []

    def adopt(self, name: str) -> "StrandRuntime":
        """A runtime for the calling thread, which becomes the main one of the world."""
        strand = Strand(name, self.baton.wake)
        return StrandRuntime(self, strand)

    def start(
        self, name: str, target: Callable[[], None], launch: Callable[[Callable[[], None]], object]
    ) -> Strand:
        """Add a thread, which begins when its turn comes.

        Args:
            name: for people.
            target: what it does.
            launch: starts a real thread with the function that it is handed.
        """
        strand = Strand(name, self.baton.wake, lambda: launch(live))
        runtime = StrandRuntime(self, strand)

        def live() -> None:
            _be_patient()
            set_running(runtime)
            try:
                target()
            finally:
                set_running(None)
                self.baton.finish(strand)

        self.strands = [other for other in self.strands if not other.finished]
        self.strands.append(strand)
        self.baton.add(strand)
        return strand

    def kill(self) -> None:
        """End all threads where they block."""
        self.baton.kill([strand for strand in self.strands if not strand.finished])


class StrandRuntime:
    """Virtual time, for one thread. It is the thread's `Waiter`, too."""

    __slots__ = ("_waiting", "baton", "group", "strand")

    def __init__(self, group: StrandGroup, strand: Strand) -> None:
        self.group = group
        self.baton = group.baton
        self.strand = strand
        self._waiting: Poller | None = None

    @property
    def random(self) -> Random:
        """Entropy of the world's programs."""
        return self.group.clockwork.random

    @property
    def ending(self) -> bool:
        """The process is being killed."""
        return self.strand.ending

    @property
    def waiter(self) -> "StrandRuntime":
        """Itself."""
        return self

    # --- the clock ------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Virtual monotonic ns."""
        return self.baton.now

    def monotonic_ns(self) -> int:
        """Virtual monotonic ns."""
        return self.baton.now

    def time_ns(self) -> int:
        """Virtual ns since the epoch."""
        return self.group.clockwork.epoch_ns + self.baton.now

    def sleep(self, duration_ns: int) -> None:
        """Let virtual time pass."""
        if duration_ns <= 0:
            self.baton.give_way(self.strand)
        else:
            until = self.baton.now + duration_ns
            self.baton.park(self.strand, until, lambda: f"the end of sleep({duration_ns / SECOND:g})")

    # --- threads --------------------------------------------------------------------------------------------

    def allocate_lock(self) -> BatonLock:
        """A lock on which threads of this world wait in virtual time."""
        return BatonLock(self.baton)

    def start_thread(
        self, thread: object, target: Callable[[], None], launch: Callable[[Callable[[], None]], object]
    ) -> None:
        """Add a thread to the process of this one; it works on the same machine."""
        context = copy_context()
        name = f"{self.group.name} {getattr(thread, 'name', 'thread')}"
        strand = self.group.start(name, lambda: context.run(target), launch)
        if thread is not None:
            setattr(thread, _STRAND, (self.baton, strand))

    def join_thread(self, thread: object, timeout_ns: int | None) -> bool | None:
        """Wait for the end of a thread of this world; None if it is none of this world's."""
        mine: tuple[Baton, Strand] | None = getattr(thread, _STRAND, None)
        if mine is None or mine[0] is not self.baton:
            return None
        return self.join(mine[1], timeout_ns)

    def join(self, strand: Strand, timeout_ns: int | None) -> bool:
        """Wait for the end of a strand (ns, None: for ever); True if it has ended."""
        deadline = None if timeout_ns is None else self.baton.now + timeout_ns
        while not strand.finished:
            if deadline is not None and deadline <= self.baton.now:
                return False
            strand.joiners.append(self.strand)
            self.baton.park(self.strand, deadline, lambda: f"the end of {strand.name}")
            if self.strand in strand.joiners:
                strand.joiners.remove(self.strand)
        return True

    # --- selectors ------------------------------------------------------------------------------------------

    def wait_ready(self, poller: Poller, timeout_ns: int | None) -> None:
        """Let virtual time pass until the poller has something, or the timeout (0: look) is over."""
        baton = self.baton
        if timeout_ns is not None and timeout_ns <= 0:
            baton.give_way(self.strand)
            return
        deadline = None if timeout_ns is None else baton.now + timeout_ns
        kernel = poller.has_kernel()
        self._waiting = poller
        try:
            while not poller.pending():
                step = deadline
                if kernel:
                    # The kernel's files live in real time: look at them before each step of virtual time, and
                    # wait for them only when nothing else can happen.
                    at = baton.agenda.next_deadline()
                    if poller.poll_kernel(None if at is None and deadline is None and baton.alone() else 0):
                        return
                    step = at if deadline is None or (at is not None and at < deadline) else deadline
                if not baton.park(self.strand, step, lambda: "sockets in select()") and step == deadline:
                    return
        finally:
            self._waiting = None

    def wake(self, poller: Poller) -> None:
        """End the wait of a poller."""
        if self._waiting is poller:
            self.baton.wake(self.strand)


def _be_patient() -> None:
    """Let no thread that is woken push its waker off the processor: that is about to sleep, and holds the interpreter.

    So a question and its answer take two switches between threads and not six. Where the system does not know or allow
    that, they take six.
    """
    if hasattr(os, "sched_setscheduler"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def start_real_thread(name: str) -> Callable[[Callable[[], None]], None]:
    """A launcher for `StrandGroup.start`: a real daemon thread that `threading` knows by its name."""

    def launch(live: Callable[[], None]) -> None:
        # In real time for a moment: `Thread.start` waits for the new thread's first breath.
        before = set_running(None)
        try:
            threading.Thread(target=live, name=name, daemon=True).start()
        finally:
            set_running(before)

    return launch
