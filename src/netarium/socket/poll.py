"""select(), poll and epoll for our descriptors, with the interface of Python's `select` module.

Only our own descriptors: mixing with the kernel's is the business of the event loop's selector (F7).
"""

import errno
import select as kernel
from collections.abc import Iterable
from typing import Any, Final, Self

from netarium.socket import descriptors
from netarium.socket.context import current
from netarium.socket.descriptors import Description
from netarium.socket.driver import Driver
from netarium.socket.errors import os_error
from netarium.transport.endpoint import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLNVAL,
    POLLOUT,
    POLLPRI,
    POLLRDHUP,
    Endpoint,
)

_ALWAYS: Final = POLLERR | POLLHUP
_READABLE: Final = POLLIN | POLLRDHUP | POLLHUP | POLLERR  # what select(2) calls readable
_WRITABLE: Final = POLLOUT | POLLERR
_ONESHOT: Final = int(kernel.EPOLLONESHOT)
_EDGE: Final = int(kernel.EPOLLET)


def ready(endpoint: Endpoint, mask: int) -> int:
    """Which of the events in `mask` are there now; errors and hang-ups whether asked for or not."""
    return endpoint.poll() & (mask | _ALWAYS)


def select(
    rlist: Iterable[Any], wlist: Iterable[Any], xlist: Iterable[Any], timeout: float | None = None
) -> tuple[list[Any], list[Any], list[Any]]:
    """As select.select(), for sockets of ours."""
    wanted = [
        (thing, _description(thing).endpoint, mask, at)
        for at, (things, mask) in enumerate(((rlist, _READABLE), (wlist, _WRITABLE), (xlist, POLLPRI)))
        for thing in things
    ]
    if timeout is not None and timeout < 0:
        raise ValueError("timeout must be non-negative")
    driver = _driver([_description(thing[0]) for thing in wanted])
    result: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    if driver is None:
        return result
    with driver.lock:
        if timeout != 0 and not any(endpoint.poll() & mask for _, endpoint, mask, _ in wanted):
            driver.wait([(endpoint, mask) for _, endpoint, mask, _ in wanted], _ns(timeout))
        for thing, endpoint, mask, at in wanted:
            if endpoint.poll() & mask:
                result[at].append(thing)
    return result


class Poll:
    """As the object that select.poll() makes; timeouts in milliseconds."""

    def __init__(self) -> None:
        self._masks: dict[int, int] = {}

    def register(self, fd: Any, eventmask: int = POLLIN | POLLPRI | POLLOUT) -> None:
        """Watch a descriptor; again to change the events."""
        self._masks[_number(fd)] = eventmask

    def modify(self, fd: Any, eventmask: int) -> None:
        """Change the events of a descriptor that is watched."""
        number = _number(fd)
        if number not in self._masks:
            raise os_error(errno.ENOENT)
        self._masks[number] = eventmask

    def unregister(self, fd: Any) -> None:
        """Stop watching."""
        del self._masks[_number(fd)]

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        """Wait (ms; None or negative: for ever) and tell who is ready for what."""
        ns = None if timeout is None or timeout < 0 else round(timeout * 1e6)
        return _wait(self._masks, ns)


class Epoll:
    """As select.epoll(): level-triggered, EPOLLONESHOT understood; EPOLLET reports a state once until it changes."""

    def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
        self._masks: dict[int, int] = {}
        self._seen: dict[int, int] = {}
        self.closed = False
        del sizehint, flags

    def register(self, fd: Any, eventmask: int = POLLIN | POLLPRI | POLLOUT) -> None:
        """Watch a descriptor."""
        number = _number(fd)
        if number in self._masks:
            raise os_error(errno.EEXIST)
        self._masks[number] = eventmask

    def modify(self, fd: Any, eventmask: int) -> None:
        """Change the events; arms a one-shot again."""
        number = _number(fd)
        if number not in self._masks:
            raise os_error(errno.ENOENT)
        self._masks[number] = eventmask
        self._seen.pop(number, None)

    def unregister(self, fd: Any) -> None:
        """Stop watching."""
        number = _number(fd)
        if self._masks.pop(number, None) is None:
            raise os_error(errno.ENOENT)
        self._seen.pop(number, None)

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        """Wait (seconds; None or negative: for ever) and tell who is ready for what."""
        if self.closed:
            raise ValueError("I/O operation on closed epoll object")
        for number in [number for number in self._masks if descriptors.find(number) is None]:
            self.unregister(number)  # epoll(7): closing a descriptor takes it out of the set
        armed = {
            number: mask & ~self._seen.get(number, 0) if mask & _EDGE else mask
            for number, mask in self._masks.items()
            if mask & ~(_ONESHOT | _EDGE)
        }
        events = _wait(armed, _ns(timeout))
        events = events[:maxevents] if maxevents > 0 else events
        for number, _ in events:
            if self._masks[number] & _ONESHOT:
                self._masks[number] &= _ONESHOT | _EDGE
        self._seen = {number: what for number, what in events if self._masks[number] & _EDGE}
        return events

    def close(self) -> None:
        """Forget everything."""
        self.closed = True
        self._masks.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _wait(masks: dict[int, int], timeout_ns: int | None) -> list[tuple[int, int]]:
    events = []
    live: list[tuple[int, Description, int]] = []
    for number, mask in masks.items():
        description = descriptors.find(number)
        if description is None:
            events.append((number, POLLNVAL))
        else:
            live.append((number, description, mask))
    driver = _driver([description for _, description, _ in live])
    if driver is None:
        return events
    with driver.lock:
        interests = [(description.endpoint, mask | _ALWAYS) for _, description, mask in live]
        if not events and timeout_ns != 0 and not any(endpoint.poll() & mask for endpoint, mask in interests):
            driver.wait(interests, timeout_ns)
        for number, description, mask in live:
            found = ready(description.endpoint, mask)
            if found:
                events.append((number, found))
    return events


def _number(thing: Any) -> int:
    number = thing if isinstance(thing, int) else thing.fileno()
    if number < 0:
        raise ValueError(f"file descriptor cannot be a negative integer ({number})")
    return int(number)


def _description(thing: Any) -> Description:
    description = descriptors.find(_number(thing))
    if description is None:
        raise os_error(errno.EBADF)
    return description


def _driver(descriptions: list[Description]) -> Driver | None:
    """The driver of all of them; one wait cannot be in two worlds. Of none: the current host's, to sleep there."""
    if not descriptions:
        where = current.get()
        return None if where is None else where.host.driver
    driver = descriptions[0].host.driver
    if any(description.host.driver is not driver for description in descriptions):
        raise os_error(errno.EINVAL)
    return driver


def _ns(timeout: float | None) -> int | None:
    return None if timeout is None or timeout < 0 else round(timeout * 1e9)
