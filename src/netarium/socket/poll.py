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
    POLL_ALL,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLNVAL,
    POLLOUT,
    POLLPRI,
    POLLRDHUP,
    POLLRDNORM,
    Endpoint,
)
from netarium.transport.tcp.connection import Connection

_ALWAYS: Final = POLLERR | POLLHUP
_READABLE: Final = POLLIN | POLLRDHUP | POLLHUP | POLLERR  # what select(2) calls readable
_WRITABLE: Final = POLLOUT | POLLERR
_ONESHOT: Final = int(kernel.EPOLLONESHOT)
_EDGE: Final = int(kernel.EPOLLET)
_EXCLUSIVE: Final = int(kernel.EPOLLEXCLUSIVE)
_WAKEUP: Final = 1 << 29  # EPOLLWAKEUP
_WITH_EXCLUSIVE: Final = POLLIN | POLLOUT | _ALWAYS | _EDGE | _EXCLUSIVE | _WAKEUP
_HOW: Final = _EDGE | _ONESHOT | _EXCLUSIVE | _WAKEUP
_INPUT: Final = POLLIN | POLLPRI | POLLRDNORM | POLLRDHUP


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
    """As select.epoll(): level-triggered, EPOLLONESHOT and EPOLLET understood."""

    def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
        self._items: dict[int, _Item] = {}
        self.closed = False
        del sizehint, flags

    def register(self, fd: Any, eventmask: int = POLLIN | POLLPRI | POLLOUT) -> None:
        """Watch a descriptor."""
        number = _number(fd)
        if eventmask & _EXCLUSIVE and eventmask & ~_WITH_EXCLUSIVE:
            raise os_error(errno.EINVAL)
        if number in self._items:
            raise os_error(errno.EEXIST)
        self._items[number] = _Item(_description(fd), eventmask)

    def modify(self, fd: Any, eventmask: int) -> None:
        """Change the events; arms a one-shot again, and an edge."""
        number = _number(fd)
        if eventmask & _EXCLUSIVE:
            raise os_error(errno.EINVAL)
        if number not in self._items:
            raise os_error(errno.ENOENT)
        if self._items[number].exclusive:
            raise os_error(errno.EINVAL)  # it is so for good (epoll_ctl(2))
        self._items[number] = _Item(_description(fd), eventmask)

    def unregister(self, fd: Any) -> None:
        """Stop watching."""
        if self._items.pop(_number(fd), None) is None:
            raise os_error(errno.ENOENT)

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        """Wait (seconds; None or negative: for ever) and tell who is ready for what."""
        if self.closed:
            raise ValueError("I/O operation on closed epoll object")
        items = self._items
        for number in [number for number in items if descriptors.find(number) is None]:
            del items[number]  # epoll(7): closing a descriptor takes it out of the set
        driver = _driver([item.description for item in items.values()])
        if driver is None:
            return []
        left = _ns(timeout)
        until = None if left is None else driver.now() + left
        with driver.lock:
            events = self._ready(maxevents)
            while not events and left != 0:
                if not driver.wait([(_Edge(item), POLLIN) for item in items.values()], left):
                    left = 0
                events = self._ready(maxevents)
                if left:
                    assert until is not None
                    left = max(0, until - driver.now())
        return events

    def _ready(self, most: int) -> list[tuple[int, int]]:
        events: list[tuple[int, int]] = []
        for number, item in self._items.items():
            found = item.ready()
            if found:
                events.append((number, found))
                item.told()
                if len(events) == most:
                    break
        return events

    def close(self) -> None:
        """Forget everything."""
        self.closed = True
        self._items.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Item:
    """One descriptor in an epoll set.

    An edge is something that happened: octets arrived, even if others wait already; the state changed; room came back
    to a buffer that had too little, for poll() or for send(). Without one, an edge-triggered descriptor tells nothing.
    """

    __slots__ = ("_could_write", "_mask", "_pending", "_stamp", "_watched", "description")

    def __init__(self, description: Description, mask: int) -> None:
        self.description = description
        self._mask = mask
        self._watched = (mask | _ALWAYS) & ~_HOW if mask & ~_HOW else 0
        self._pending = True
        self._could_write = True
        self._stamp = _stamp(description)

    @property
    def exclusive(self) -> bool:
        """It was added with EPOLLEXCLUSIVE, which matters to several epoll sets of several processes only."""
        return bool(self._mask & _EXCLUSIVE)

    def ready(self) -> int:
        """What is to be told now."""
        found = self.description.endpoint.poll()
        if self._mask & _EDGE:
            self._look(found)
            if not self._pending:
                return 0
        return found & self._watched

    def told(self) -> None:
        """It was told: an edge is over, a one-shot is spent."""
        self._pending = False
        if self._mask & _ONESHOT:
            self._watched = 0

    def _look(self, found: int) -> None:
        description = self.description
        stamp = _stamp(description)
        failed = stamp[2] not in {0, self._stamp[2]}  # an error that somebody takes is no news
        if failed or stamp[0] != self._stamp[0] or (stamp[1] != self._stamp[1] and self._mask & _INPUT):
            self._pending = True
        self._stamp = stamp
        if not found & POLLOUT:
            self._could_write = False
        elif not self._could_write or description.wants_room:
            self._could_write, description.wants_room = True, False
            self._pending = self._pending or bool(self._mask & POLLOUT)


class _Edge:
    """An item in the place of its endpoint, for a driver that waits: ready when there is something to tell."""

    __slots__ = ("_item",)

    def __init__(self, item: _Item) -> None:
        self._item = item

    def poll(self, wanted: int = POLL_ALL) -> int:  # noqa: ARG002 - `Endpoint`
        return POLLIN if self._item.ready() else 0

    def __eq__(self, other: object) -> bool:
        return other is self._item.description.endpoint

    def __hash__(self) -> int:
        return hash(self._item.description.endpoint)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._item.description.endpoint, name)


def _stamp(description: Description) -> tuple[object, int, int]:
    """What changes with an edge: the state, what has arrived, and an error."""
    endpoint = description.endpoint
    if isinstance(endpoint, Connection):
        tcb = endpoint.tcb
        waiting = 0 if endpoint.listener is None else len(endpoint.listener.ready)
        told = 0 if tcb.notices is None else tcb.notices.told
        return (tcb.state, description.shut, told), tcb.rcv_nxt + waiting, tcb.error
    return (
        (endpoint.read_shut, len(endpoint.errors), description.shut),
        endpoint.receive_queue,
        endpoint.error,
    )


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
