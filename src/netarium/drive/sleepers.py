"""Who may sleep while real time passes: a blocked call, an event loop, the background thread.

One of them, the leader, sleeps on the devices; the others are woken by it (see `driver`). What each sleeps on differs:
a blocked call is cheap because there are many, an event loop sleeps in its own selector, among the kernel's files.
"""

import os
import select
import threading
from collections.abc import Sequence
from typing import Final

from netarium.transport.endpoint import Endpoint

_COARSE_NS: Final = 5_000_000  # epoll counts ms: shorter sleeps are timed by select, which counts µs
_SELECTABLE: Final = 1_024  # FD_SETSIZE
_select: Final = select.select  # the kernel's, also under patched()


class Sleeper:
    """Somebody who sleeps now and then. All but the sleep itself happens with the driver's lock held.

    Attributes:
        asleep: about to sleep, asleep, or not yet aware of being woken.
    """

    __slots__ = ("asleep",)

    def __init__(self) -> None:
        self.asleep = False

    def wake(self) -> None:
        """End the sleep, if there is one; any thread."""
        if self.asleep:
            self.asleep = False
            self._rouse()

    def prepare(self, *, leading: bool) -> None:
        """The next sleep is on the devices too (leading), or not."""

    def sleep(self, timeout_ns: int | None) -> None:
        """Sleep until woken, the time is over, or (leading) something happens at the devices. Lock not held."""
        raise NotImplementedError

    def _rouse(self) -> None:
        raise NotImplementedError


class BlockedCall(Sleeper):
    """A thread in a blocking call that waits for some endpoints, as poll(2) does.

    Args:
        interests: endpoints with the events wanted.
        devices: the devices' epoll, in which the leader sleeps.
        alarm: an eventfd in that epoll, which wakes the leader. There is one leader, so one serves all.
    """

    __slots__ = ("_alarm", "_devices", "_leading", "_lock", "masks", "suspects")

    def __init__(self, interests: Sequence[tuple[Endpoint, int]], devices: select.epoll, alarm: int) -> None:
        super().__init__()
        self._devices = devices
        self._alarm = alarm
        self._leading = False
        self._lock: threading.Lock | None = None
        self.masks: dict[Endpoint, int] = {}
        for endpoint, mask in interests:
            self.masks[endpoint] = self.masks.get(endpoint, 0) | mask
        self.suspects = dict.fromkeys(self.masks)  # may be ready

    def notify(self, endpoint: Endpoint) -> None:
        """The endpoint's readiness may have changed."""
        self.suspects[endpoint] = None
        self.wake()

    def is_ready(self) -> bool:
        """True if one of the endpoints is ready; the others are not looked at again before something happens."""
        masks, suspects = self.masks, self.suspects
        while suspects:
            endpoint = next(iter(suspects))
            if endpoint.poll() & masks[endpoint]:
                return True
            del suspects[endpoint]
        return False

    def prepare(self, *, leading: bool) -> None:
        """A follower sleeps on a lock of its own."""
        self._leading = leading
        if not leading and self._lock is None:
            self._lock = threading.Lock()
            self._lock.acquire()

    def sleep(self, timeout_ns: int | None) -> None:
        """Sleep as prepared."""
        seconds = -1.0 if timeout_ns is None else max(timeout_ns, 0) / 1e9
        if self._leading:
            if 0 < seconds * 1e9 < _COARSE_NS and self._devices.fileno() < _SELECTABLE:
                _select((self._devices,), (), (), seconds)  # a paced burst that waits is due within a ms
                seconds = 0
            for fd, _ in self._devices.poll(seconds, 8):
                if fd == self._alarm:
                    os.eventfd_read(fd)
        elif self._lock is not None:
            self._lock.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))

    def _rouse(self) -> None:
        if self._leading:
            os.eventfd_write(self._alarm, 1)
        elif self._lock is not None and self._lock.locked():
            self._lock.release()


class LoopSeat(Sleeper):
    """An event loop, which sleeps in its own selector on the descriptors it was told.

    Attributes:
        bell: an eventfd among these descriptors.
        users: how often the loop attached itself.
    """

    __slots__ = ("_rung", "bell", "users")

    def __init__(self) -> None:
        super().__init__()
        self.bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.users = 0
        self._rung = False

    def _rouse(self) -> None:
        if not self._rung:
            self._rung = True
            os.eventfd_write(self.bell, 1)

    def rise(self) -> None:
        """The loop is awake."""
        self.asleep = False
        if self._rung:
            self._rung = False
            os.eventfd_read(self.bell)

    def close(self) -> None:
        """Give the bell back."""
        os.close(self.bell)


class Standby(Sleeper):
    """The background thread."""

    __slots__ = ("_alone", "_bell", "_leading", "_on_devices")

    def __init__(self, devices: select.epoll) -> None:
        super().__init__()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._leading = False
        self._alone = select.poll()
        self._on_devices = select.poll()
        self._on_devices.register(devices.fileno(), select.POLLIN)
        for poll in (self._alone, self._on_devices):
            poll.register(self._bell, select.POLLIN)

    def prepare(self, *, leading: bool) -> None:
        """Where the next sleep is."""
        self._leading = leading

    def sleep(self, timeout_ns: int | None) -> None:
        """Sleep as prepared."""
        poll = self._on_devices if self._leading else self._alone
        # Rounded up: nobody wakes too early, to find that there is nothing to do yet.
        for fd, _ in poll.poll(None if timeout_ns is None else -(-max(timeout_ns, 0) // 1_000_000)):
            if fd == self._bell:
                os.eventfd_read(fd)

    def _rouse(self) -> None:
        os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """Give the bell back."""
        os.close(self._bell)
