"""What a thread in virtual time offers to the code that runs in it: a clock, locks, threads, entropy, a waiter.

The simulation (`netarium.sim`) puts one `Runtime` into a slot of each thread that belongs to a world; the event
loop, the selector and the dispatchers of `netarium.patching` look there. An empty slot means real time.
"""

import threading
from collections.abc import Callable
from random import Random
from typing import Protocol

from netarium.aio.waiter import Waiter


class Lock(Protocol):
    """What `threading.Lock()` returns, as far as the `threading` module itself relies on it."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock; seconds, -1 for ever."""

    def release(self) -> None:
        """Give it back."""

    def locked(self) -> bool:
        """True if somebody has it."""

    def __enter__(self) -> bool: ...

    def __exit__(self, *exc: object) -> None: ...


class Runtime(Protocol):
    """Virtual time, seen from one of its threads.

    Attributes:
        random: where `os.urandom` and unseeded generators draw from.
        waiter: what a selector of this thread waits with.
        ending: the process is being killed.
    """

    @property
    def random(self) -> Random:
        """Where entropy comes from."""

    @property
    def ending(self) -> bool:
        """The process is being killed: its threads unwind."""

    @property
    def waiter(self) -> Waiter:
        """What selectors wait with."""

    def monotonic_ns(self) -> int:
        """Virtual monotonic ns."""

    def time_ns(self) -> int:
        """Virtual ns since the epoch."""

    def sleep(self, duration_ns: int) -> None:
        """Let virtual time pass, and others run."""

    def allocate_lock(self) -> Lock:
        """A lock on which threads of this world wait in virtual time."""

    def start_thread(
        self, thread: object, target: Callable[[], None], launch: Callable[[Callable[[], None]], object]
    ) -> None:
        """Add a thread to the world.

        Args:
            thread: a `threading.Thread`, or None for a bare one.
            target: what it does.
            launch: starts a real thread that calls the function that `launch` is handed.
        """

    def join_thread(self, thread: object, timeout_ns: int | None) -> bool | None:
        """Wait until a thread of this world has ended; True if it has, None if it is none of this world's."""


class _Slot(threading.local):
    runtime: Runtime | None = None


_slot = _Slot()


def running() -> Runtime | None:
    """The runtime of this thread; None in real time."""
    return _slot.runtime


def set_running(runtime: Runtime | None) -> Runtime | None:
    """Put a runtime into this thread's slot; returns what was there."""
    before, _slot.runtime = _slot.runtime, runtime
    return before
