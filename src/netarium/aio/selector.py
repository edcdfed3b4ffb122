"""A `selectors.BaseSelector` that knows our descriptors and passes the kernel's to the kernel.

Readiness is level-triggered, as `epoll`'s, and costs as little: a machine reports an endpoint whose readiness may have
changed, the selector keeps it on its list of candidates for as long as it *is* ready, and looks at nobody else.
How it waits is not its business: `netarium.aio.waiter`.
"""

import selectors
from collections.abc import Iterator, Mapping
from math import ceil
from time import monotonic
from typing import Any, Final, cast

from netarium.aio.runtime import running
from netarium.aio.sources import Ready, Sources
from netarium.aio.waiter import Source, Waiter, Watched
from netarium.socket import descriptors
from netarium.transport.endpoint import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLPRI,
    POLLRDHUP,
    Endpoint,
)

EVENT_READ: Final = selectors.EVENT_READ
EVENT_WRITE: Final = selectors.EVENT_WRITE

_READABLE: Final = POLLIN | POLLPRI | POLLRDHUP | POLLHUP | POLLERR
_WRITABLE: Final = POLLOUT | POLLHUP | POLLERR


class _Watch:
    """One registered descriptor of ours."""

    __slots__ = ("driver", "endpoint", "key", "mask")

    def __init__(self, key: selectors.SelectorKey, endpoint: Endpoint, driver: Watched) -> None:
        self.key = key
        self.endpoint = endpoint
        self.driver = driver
        self.mask = 0
        self.update(key)

    def update(self, key: selectors.SelectorKey) -> None:
        self.key = key
        self.mask = (_READABLE if key.events & EVENT_READ else 0) | (
            _WRITABLE if key.events & EVENT_WRITE else 0
        )

    def events(self, ready: int) -> int:
        return ((EVENT_READ if ready & _READABLE else 0) | (EVENT_WRITE if ready & _WRITABLE else 0)) & (
            self.key.events
        )


class _Map(Mapping[Any, selectors.SelectorKey]):
    """What `get_map` returns."""

    def __init__(self, selector: "Selector") -> None:
        self._selector = selector

    def __len__(self) -> int:
        return len(self._selector._keys)

    def __iter__(self) -> Iterator[int]:
        return iter(self._selector._keys)

    def __getitem__(self, fileobj: Any) -> selectors.SelectorKey:
        try:
            return self._selector._keys[self._selector._descriptor(fileobj)]
        except KeyError:
            raise KeyError(f"{fileobj!r} is not registered") from None


class Selector(selectors.BaseSelector):
    """Waits for our sockets and the kernel's files alike, in virtual or in real time."""

    def __init__(self) -> None:
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._watches: dict[int, _Watch] = {}  # ours only, by descriptor
        self._by_endpoint: dict[Endpoint, _Watch] = {}
        self._candidates: dict[int, _Watch] = {}  # may be ready; an ordered set
        self._real: Sources | None = (
            None  # the kernel's descriptors and real-time drivers, once there are any
        )
        self._woken = False
        self._waiter: Waiter | None = None  # who made the last wait in virtual time
        self._map: _Map | None = _Map(self)

    # --- registration ---------------------------------------------------------------------------------------

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Begin to watch a file object, ours or the kernel's."""
        if not events or events & ~(EVENT_READ | EVENT_WRITE):
            raise ValueError(f"Invalid events: {events!r}")
        fd = self._descriptor(fileobj)
        if fd in self._keys:
            raise KeyError(f"{fileobj!r} (FD {fd}) is already registered")
        key = selectors.SelectorKey(fileobj, fd, events, data)
        if fd >= descriptors.FIRST:
            self._watch(key)
        else:
            self._sources().kernel.register(fd, events)
        self._keys[fd] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Stop watching; the file object may be closed by now."""
        try:
            key = self._keys.pop(self._descriptor(fileobj))
        except KeyError:
            raise KeyError(f"{fileobj!r} is not registered") from None
        watch = self._watches.pop(key.fd, None)
        if watch is not None:
            self._unwatch(watch)
        else:
            self._sources().kernel.unregister(key.fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch for other events, or carry other data."""
        if not events or events & ~(EVENT_READ | EVENT_WRITE):
            raise ValueError(f"Invalid events: {events!r}")
        fd = self._descriptor(fileobj)
        try:
            old = self._keys[fd]
        except KeyError:
            raise KeyError(f"{fileobj!r} is not registered") from None
        key = self._keys[fd] = selectors.SelectorKey(old.fileobj, fd, events, data)
        watch = self._watches.get(fd)
        if watch is not None:
            watch.update(key)
            self._candidates[fd] = watch
        elif events != old.events:
            self._sources().kernel.modify(fd, events)
        return key

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """File objects to keys."""
        if self._map is None:
            raise RuntimeError("Selector is closed")
        return self._map

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        """The key of a registered file object."""
        return self.get_map()[fileobj]

    def close(self) -> None:
        """Forget everything; the file objects stay open."""
        for watch in list(self._watches.values()):
            self._unwatch(watch)
        self._watches.clear()
        self._keys.clear()
        self._candidates.clear()
        self._map = None
        if self._real is not None:
            self._real.close()
            self._real = None

    # --- waiting --------------------------------------------------------------------------------------------

    def select(self, timeout: float | None = None) -> Ready:
        """Wait (seconds; None: for ever; 0 or less: look) and return who is ready."""
        runtime = running()
        if runtime is None:
            return self._select_real(timeout)
        waiter = self._waiter = runtime.waiter
        ready = self._ready() if self._candidates else []
        if ready or self._woken:
            waiter.wait_ready(self, 0)
        else:
            # Rounded up: a loop that wakes a nanosecond early would go round once more for nothing.
            timeout_ns = None if timeout is None else max(0, ceil(timeout * 1_000_000_000))
            waiter.wait_ready(self, timeout_ns)
            if self._candidates:
                ready = self._ready()
        self._woken = False
        if self.has_kernel():
            ready += self._kernel_ready(0)
        return ready

    def _select_real(self, timeout: float | None) -> Ready:
        """The kernel waits, for its own descriptors and for the devices of our drivers."""
        sources = self._sources()
        until = None if timeout is None else monotonic() + timeout
        while True:
            timeout = sources.prepare(None if until is None else max(0.0, until - monotonic()))
            ready = self._ready() if self._candidates else []
            at_once = bool(ready) or self._woken
            ready += self._kernel_ready(0 if at_once else timeout)
            sources.service()
            if not at_once and self._candidates:
                ready += self._ready()
            if ready or self._woken or (until is not None and monotonic() >= until):
                self._woken = False
                return ready

    def wake(self) -> None:
        """End the current or else the next `select` at once; from any thread in virtual time."""
        self._woken = True
        if self._waiter is not None:
            self._waiter.wake(self)

    # --- as a waiter sees it (netarium.aio.waiter.Poller) -----------------------------------------------------

    def pending(self) -> bool:
        """True if a descriptor of ours became ready since `select` looked, or the selector was woken."""
        return self._woken or bool(self._candidates)

    def has_kernel(self) -> bool:
        """True if kernel descriptors are registered."""
        return len(self._keys) > len(self._watches)

    def poll_kernel(self, timeout: float | None) -> bool:
        """Wait for the kernel's descriptors alone; True if one is ready."""
        return bool(self._kernel_ready(timeout))

    # --- inside ---------------------------------------------------------------------------------------------

    def _descriptor(self, fileobj: Any) -> int:
        if isinstance(fileobj, int):
            fd = fileobj
        else:
            try:
                fd = int(fileobj.fileno())
            except (AttributeError, TypeError, ValueError):
                raise ValueError(f"Invalid file object: {fileobj!r}") from None
        if fd < 0:  # closed by now: perhaps we remember it
            for key in self._keys.values():
                if key.fileobj is fileobj:
                    return key.fd
            raise ValueError(f"Invalid file descriptor: {fd}")
        return fd

    def _sources(self) -> Sources:
        if self._real is None:
            self._real = Sources()
        return self._real

    def _kernel_ready(self, timeout: float | None) -> Ready:
        keys = self._keys
        return [
            (keys[key.fd], events) for key, events in self._sources().kernel.select(timeout) if key.fd in keys
        ]

    def _watch(self, key: selectors.SelectorKey) -> None:
        endpoint, driver = descriptors.watched(key.fd)
        watch = _Watch(key, endpoint, driver)
        self._watches[key.fd] = self._by_endpoint[endpoint] = self._candidates[key.fd] = watch
        driver.watch(endpoint, self._changed)
        if running() is None:
            self._sources().attach(cast("Source", driver))

    def _unwatch(self, watch: _Watch) -> None:
        self._candidates.pop(watch.key.fd, None)
        if self._by_endpoint.get(watch.endpoint) is watch:
            del self._by_endpoint[watch.endpoint]
        watch.driver.unwatch(watch.endpoint, self._changed)
        if self._real is not None:
            self._real.detach(cast("Source", watch.driver))

    def _changed(self, endpoint: Endpoint) -> None:
        watch = self._by_endpoint.get(endpoint)
        if watch is not None and endpoint.poll() & watch.mask:
            self._candidates[watch.key.fd] = watch
            if self._waiter is not None:
                self._waiter.wake(self)

    def _ready(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Who of the candidates is ready; the others leave the list."""
        ready = []
        for fd, watch in list(self._candidates.items()):
            events = watch.events(watch.endpoint.poll() & watch.mask)
            if events:
                ready.append((watch.key, events))
            else:
                self._candidates.pop(fd, None)
        return ready
