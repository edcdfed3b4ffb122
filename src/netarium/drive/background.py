"""The thread that runs the machine while nobody waits, so that it answers pings while the program thinks.

It keeps out of the way of threads that wait again and again, which lead themselves (see `driver`): it takes over only
when nobody has led for `GRACE_NS`. While one of them is in a long sleep it sleeps too, and is called when that ends.
"""

from contextlib import AbstractContextManager
from threading import Thread
from typing import Final, Protocol

from netarium.drive.sleepers import Sleeper, Standby

GRACE_NS: Final = 3_000_000
_LOOKS: Final = 5  # this many without a change, and it stops looking


class Led(Protocol):
    """What the thread needs of the driver."""

    leader: Sleeper | None
    terms: int
    closed: bool

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Held around everything but sleep."""

    def sleep_as(self, sleeper: Sleeper, timeout_ns: int | None, *, leading: bool) -> None:
        """Release the lock, sleep, take the lock again."""

    def lead(self, sleeper: Sleeper, timeout_ns: int | None) -> None:
        """Be the leader until something happens."""


class Background:
    """The background thread: when it works and when it rests."""

    __slots__ = ("_driver", "_looks", "_parked", "_resting", "_seen", "sleeper", "thread")

    def __init__(self, driver: Led, sleeper: Standby, name: str) -> None:
        self.sleeper = sleeper
        self.thread = Thread(target=self._run, name=f"netarium {name}", daemon=True)
        self._driver = driver
        self._seen = -1  # terms at the last look
        self._looks = 0  # without a change
        self._resting = False  # sleeps without a time limit
        self._parked = False

    def on_leader_gone(self) -> None:
        """The leader has left; lock held."""
        if self._resting and not self._parked:
            self._resting = False
            self.sleeper.wake()

    def park(self, *, parked: bool) -> None:
        """Stay away altogether, or come back; lock held."""
        self._parked = parked
        self.sleeper.wake()

    def _run(self) -> None:
        driver = self._driver
        with driver.lock:
            while not driver.closed:
                if driver.leader is None and driver.terms == self._seen and not self._parked:
                    driver.lead(self.sleeper, None)
                    self._seen = driver.terms
                else:
                    self._stand_by()

    def _stand_by(self) -> None:
        """Look again after a while, or when called."""
        driver = self._driver
        blocked = driver.leader is not None and driver.terms == self._seen
        self._looks = self._looks + 1 if blocked else 0
        self._seen = driver.terms
        self._resting = self._parked or self._looks >= _LOOKS
        driver.sleep_as(self.sleeper, None if self._resting else GRACE_NS, leading=False)
        self._resting = False
