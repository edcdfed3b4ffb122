"""F7, dispatching Python's own modules: `socket`, `time`, `threading`, `select`, `asyncio`, entropy.

While `patched()` lasts, each call goes to the machine or the world of the thread and task that makes it, and to the
real thing where there is none. Nothing is changed for good.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from netarium.patching import clock, entropy, polling, sockets, threads
from netarium.patching.entropy import seeded
from netarium.patching.table import Table

__all__ = ["dispatched", "patched", "seeded"]

_lock = threading.Lock()
_depth = 0


@cache
def _table() -> Table:
    table = Table()
    for module in (clock, threads, entropy, sockets, polling):
        module.add_to(table)
    return table


def dispatched(function: Any) -> Any:
    """What `patched()` puts in place of a function, for those who bound it before: `host.run(time.sleep, 5)`."""
    return _table().dispatcher_of(function)


@contextmanager
def patched() -> Iterator[None]:
    """Dispatch Python's own modules to the current machine, for the duration of the block.

    May be nested, and used by several threads at a time; the last one out restores everything.
    """
    global _depth  # noqa: PLW0603 - what is patched is global itself
    with _lock:
        if _depth == 0:
            _table().apply()
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _table().undo()
