"""`select` and `selectors`, and the event loop that asyncio makes: those that know our descriptors."""

import asyncio.events
import select
import selectors
from typing import Any, Final

from netarium.aio.loop import EventLoop
from netarium.aio.runtime import running
from netarium.aio.selector import Selector
from netarium.patching.table import Table
from netarium.socket import poll
from netarium.socket.context import current


def _on_a_machine() -> bool:
    return running() is not None or current.get() is not None


class _EitherSelector(type):
    """`isinstance(x, selectors.PollSelector)` holds for the real ones and for ours."""

    real: type

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.real | Selector)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.real | Selector)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return Selector() if _on_a_machine() else cls.real(*args, **kwargs)


def _dispatched_selector(real: type) -> type:
    return _EitherSelector(real.__name__, (), {"real": real, "__doc__": real.__doc__})


def _dispatched_poll(kernel: Any, ours: Any) -> Any:
    def dispatch(*args: Any, **kwargs: Any) -> Any:
        return (ours if _on_a_machine() else kernel)(*args, **kwargs)

    dispatch.__name__ = dispatch.__qualname__ = kernel.__name__
    return dispatch


def _new_event_loop(self: Any) -> Any:  # noqa: ARG001 - a method of the policy
    """Always ours: it serves the kernel's sockets as well, and a machine may be entered after it was made."""
    return EventLoop()


_POLICIES: Final = ("BaseDefaultEventLoopPolicy", "_BaseDefaultEventLoopPolicy")  # before and from 3.14 on
_SELECTORS: Final = ("DefaultSelector", "EpollSelector", "PollSelector", "SelectSelector")


def add_to(table: Table) -> None:
    """Dispatch waiting for many."""
    table.add(select, "select", _dispatched_poll(select.select, poll.select))
    table.add(select, "poll", _dispatched_poll(select.poll, poll.Poll))
    if hasattr(select, "epoll"):
        table.add(select, "epoll", _dispatched_poll(select.epoll, poll.Epoll))
    for name in _SELECTORS:
        real = getattr(selectors, name, None)
        if real is not None:
            table.add(selectors, name, _dispatched_selector(real))
    for name in _POLICIES:
        if hasattr(asyncio.events, name):
            table.add(getattr(asyncio.events, name), "new_event_loop", _new_event_loop, everywhere=False)
