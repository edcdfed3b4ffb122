"""The lock of virtual time. `threading` builds everything else on it: conditions, events, semaphores, queues."""

from collections import deque
from math import ceil

from netarium.aio.runtime import running
from netarium.sim.baton import Baton
from netarium.sim.strand import Strand


class BatonLock:
    """A `threading.Lock` for the threads of one world. It goes to who waits longest."""

    __slots__ = ("__weakref__", "_baton", "_locked", "_waiters")

    def __init__(self, baton: Baton) -> None:
        self._baton = baton
        self._locked = False
        self._waiters: deque[Strand] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock; `timeout` is in seconds, -1 for ever."""
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if timeout < 0 and timeout != -1:
            raise ValueError("timeout value must be a non-negative number")
        if not self._locked:
            self._locked = True
            return True
        if not blocking or timeout == 0:
            return False
        return self._wait(timeout)

    def release(self) -> None:
        """Give the lock back, or to the next one."""
        if not self._locked:
            raise RuntimeError("release unlocked lock")
        if self._waiters:
            self._baton.wake(self._waiters.popleft())  # and it stays locked, for him
        else:
            self._locked = False

    def locked(self) -> bool:
        """True if somebody has it."""
        return self._locked

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *exc: object) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        self._locked = False
        self._waiters.clear()

    def _wait(self, timeout: float) -> bool:
        baton, strand = self._baton, self._baton.holder
        if strand is None or running() is None:
            raise RuntimeError("a lock of a simulated world is waited for outside of that world")
        self._waiters.append(strand)
        deadline = None if timeout == -1 else baton.now + ceil(timeout * 1_000_000_000)
        try:
            baton.park(strand, deadline, lambda: "a lock")
        except BaseException:
            if strand not in self._waiters:
                self.release()  # it was handed over in the moment of the end
            raise
        finally:
            granted = strand not in self._waiters
            if not granted:
                self._waiters.remove(strand)
        return granted

    def __repr__(self) -> str:
        return f"<{'locked' if self._locked else 'unlocked'} BatonLock at {id(self):#x}>"
