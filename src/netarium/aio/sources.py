"""Waiting in real time: the kernel's descriptors, the devices of our machines and their timers, in one call.

The thread that waits is the one that pumps: no other thread stands between a frame and the program that wants it.
"""

import select as _select
import selectors
from typing import Any, ClassVar

from netarium.aio.waiter import Source

Ready = list[tuple[selectors.SelectorKey, int]]


class KernelSelector(selectors.DefaultSelector):
    """The real thing, whatever has been put in its place since."""

    if hasattr(_select, "epoll"):
        _selector_cls: ClassVar[Any] = _select.epoll


class Sources:
    """The kernel's selector and the drivers in real time that a selector uses at the moment."""

    def __init__(self) -> None:
        self.kernel = KernelSelector()
        self._users: dict[Source, int] = {}  # how many of the selector's descriptors are the driver's
        self._devices: dict[Source, list[int]] = {}

    def attach(self, source: Source) -> None:
        """One more descriptor of a driver's is watched."""
        users = self._users[source] = self._users.get(source, 0) + 1
        if users == 1:
            self._devices[source] = list(source.attach())
            for fd in self._devices[source]:
                self.kernel.register(fd, selectors.EVENT_READ, source)

    def detach(self, source: Source) -> None:
        """One less."""
        users = self._users.get(source, 0) - 1
        if users > 0:
            self._users[source] = users
        elif users == 0:  # a driver in virtual time was never attached, and is at -1
            del self._users[source]
            for fd in self._devices.pop(source):
                self.kernel.unregister(fd)
            source.detach()

    def prepare(self, timeout: float | None) -> float | None:
        """Pump before a wait; the timeout, shortened to the next deadline of the drivers."""
        for source in self._users:
            due_ns = source.prepare()
            if due_ns is not None and (timeout is None or due_ns < timeout * 1e9):
                timeout = max(0.0, due_ns / 1e9)
        return timeout

    def service(self) -> None:
        """Pump after a wait."""
        for source in self._users:
            source.service()

    def close(self) -> None:
        """Let go of the drivers and of the kernel's selector."""
        for source in list(self._users):
            self._users[source] = 1
            self.detach(source)
        self.kernel.close()
