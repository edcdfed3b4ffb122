"""`threading`: in a world, locks wait in virtual time and threads take turns; elsewhere all is as it was.

`threading` builds conditions, events, semaphores, barriers, timers, queues and executors on two things, a lock and the
start of a thread. Only these two are replaced, and what asks the interpreter whether a thread has ended.
"""

import _thread
import logging
import queue
import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from math import ceil
from typing import Any, Final

from netarium.aio.runtime import running, set_running
from netarium.patching.table import Table
from netarium.socket.context import current

_real_lock: Final = _thread.allocate_lock
_real_start: Final = _thread.start_new_thread
_real_joinable: Final[Any] = getattr(_thread, "start_joinable_thread", None)  # from 3.13 on
_real_rlock: Final = threading.RLock
_real_join: Final = threading.Thread.join
_real_is_alive: Final = threading.Thread.is_alive
_real_simple_queue: Final = queue.SimpleQueue


class _Instances(type):
    """`isinstance(x, Lock)` holds for the real ones, as before."""

    real: type

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.real)


class _Lock(metaclass=_Instances):
    """`threading.Lock`."""

    real = type(_real_lock())

    def __new__(cls) -> Any:
        runtime = running()
        return _real_lock() if runtime is None else runtime.allocate_lock()


class _RLock(metaclass=_Instances):
    """`threading.RLock`: the pure Python one is built on `Lock`."""

    real = type(_real_rlock())

    def __new__(cls) -> Any:
        return _real_rlock() if running() is None else threading._PyRLock()  # type: ignore[attr-defined]


class _SimpleQueue(metaclass=_Instances):
    """`queue.SimpleQueue`: the pure Python one is built on a semaphore."""

    real = _real_simple_queue

    def __new__(cls) -> Any:
        return _real_simple_queue() if running() is None else queue._PySimpleQueue()  # type: ignore[attr-defined]

    def __class_getitem__(cls, item: object) -> Any:
        return _real_simple_queue[item]


def _on_same_machine(function: Callable[..., Any]) -> Callable[..., Any]:
    """In real time too a thread works on the machine of the one that started it."""
    if current.get() is None:
        return function
    context = copy_context()
    return lambda *args, **kwargs: context.run(function, *args, **kwargs)


def _quiet_when_killed(thread: Any) -> None:
    """A thread that is killed with its process has nothing to report, whatever hook is installed to hear it.

    The default `threading.excepthook` ignores a SystemExit too; those of test runners do not.
    """
    report = thread._invoke_excepthook

    def invoke(which: threading.Thread) -> None:
        runtime = running()
        if runtime is None or not runtime.ending or not isinstance(sys.exception(), SystemExit):
            report(which)

    thread._invoke_excepthook = invoke


def _start(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> int:
    kwargs = kwargs or {}
    runtime = running()
    if runtime is None:
        return _real_start(_on_same_machine(function), args, kwargs)
    thread = getattr(function, "__self__", None)
    if isinstance(thread, threading.Thread):
        _quiet_when_killed(thread)
    runtime.start_thread(thread, lambda: function(*args, **kwargs), lambda live: _real_start(live, ()))
    return 0


def _start_joinable(function: Callable[[], Any], handle: Any = None, daemon: bool = True) -> Any:
    """What `Thread.start` calls from Python 3.13 on."""
    runtime = running()
    if runtime is None:
        return _real_joinable(_on_same_machine(function), handle=handle, daemon=daemon)
    thread = getattr(function, "__self__", None)
    if isinstance(thread, threading.Thread):
        _quiet_when_killed(thread)
    runtime.start_thread(thread, function, lambda live: _real_joinable(live, handle=handle, daemon=daemon))
    return handle


def _join(self: threading.Thread, timeout: float | None = None) -> None:
    runtime = running()
    if runtime is None or not self._started.is_set() or self is threading.current_thread():  # type: ignore[attr-defined]
        _real_join(self, timeout)
        return
    ended = runtime.join_thread(self, None if timeout is None else max(0, ceil(timeout * 1_000_000_000)))
    if ended is None:
        _really_join(self, timeout)
    elif ended:
        _really_join(self, None)


def _really_join(thread: threading.Thread, timeout: float | None) -> None:
    """A thread that gave its turn away for good needs a few microseconds more, of real time."""
    before = set_running(None)
    try:
        _real_join(thread, timeout)
    finally:
        set_running(before)


def _is_alive(self: threading.Thread) -> bool:
    runtime = running()
    if runtime is not None and self._started.is_set() and runtime.join_thread(self, 0):  # type: ignore[attr-defined]
        _really_join(self, None)
    return _real_is_alive(self)


class _QuietEnd(logging.Filter):
    """Keeps `concurrent.futures` from logging that its idle threads were killed with their process."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - whatever it is
        runtime = running()
        return runtime is None or not runtime.ending


def add_to(table: Table) -> None:
    """Dispatch locks and threads."""
    table.add(threading, "Lock", _Lock)
    table.add(threading, "RLock", _RLock)
    table.add(threading, "_allocate_lock", _Lock, everywhere=False)
    table.add(_thread, "start_new_thread", _start, everywhere=False)
    if _real_joinable is None:
        table.add(threading, "_start_new_thread", _start, everywhere=False)
    else:
        table.add(threading, "_start_joinable_thread", _start_joinable, everywhere=False)
    table.add(threading.Thread, "join", _join, everywhere=False)
    table.add(threading.Thread, "is_alive", _is_alive, everywhere=False)
    table.add(queue, "SimpleQueue", _SimpleQueue)
    for name in ("concurrent.futures", "asyncio"):
        logger = logging.getLogger(name)
        if not any(isinstance(f, _QuietEnd) for f in logger.filters):
            logger.addFilter(_QuietEnd())
