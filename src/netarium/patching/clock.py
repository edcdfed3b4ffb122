"""`time`: virtual for the threads of a world, real for all others."""

import time
from collections.abc import Callable
from math import ceil
from typing import Any, Final

from netarium.aio.runtime import running
from netarium.patching.table import Table

_time: Final = time.time
_time_ns: Final = time.time_ns
_monotonic: Final = time.monotonic
_monotonic_ns: Final = time.monotonic_ns
_perf_counter: Final = time.perf_counter
_perf_counter_ns: Final = time.perf_counter_ns
_sleep: Final = time.sleep
_BROKEN_DOWN: Final[tuple[tuple[str, Callable[[float], Any]], ...]] = (
    ("gmtime", time.gmtime),
    ("localtime", time.localtime),
    ("ctime", time.ctime),
)
_strftime: Final = time.strftime
_localtime: Final = time.localtime


def _wall() -> float:
    runtime = running()
    return _time() if runtime is None else runtime.time_ns() / 1e9


def _wall_ns() -> int:
    runtime = running()
    return _time_ns() if runtime is None else runtime.time_ns()


def _steady() -> float:
    runtime = running()
    return _monotonic() if runtime is None else runtime.monotonic_ns() / 1e9


def _steady_ns() -> int:
    runtime = running()
    return _monotonic_ns() if runtime is None else runtime.monotonic_ns()


def _counter() -> float:
    runtime = running()
    return _perf_counter() if runtime is None else runtime.monotonic_ns() / 1e9


def _counter_ns() -> int:
    runtime = running()
    return _perf_counter_ns() if runtime is None else runtime.monotonic_ns()


def _pause(seconds: float, /) -> None:
    runtime = running()
    if runtime is None:
        _sleep(seconds)
        return
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    runtime.sleep(ceil(seconds * 1_000_000_000))


def _broken_down(real: Callable[[float], Any]) -> Callable[..., Any]:
    def dispatch(seconds: float | None = None, /) -> Any:
        return real(_wall() if seconds is None else seconds)

    return dispatch


def _format(pattern: str, moment: Any = None, /) -> str:
    return _strftime(pattern, _localtime(_wall()) if moment is None else moment)


def add_to(table: Table) -> None:
    """Dispatch the clock."""
    table.add(time, "time", _wall)
    table.add(time, "time_ns", _wall_ns)
    table.add(time, "monotonic", _steady)
    table.add(time, "monotonic_ns", _steady_ns)
    table.add(time, "perf_counter", _counter)
    table.add(time, "perf_counter_ns", _counter_ns)
    table.add(time, "sleep", _pause)
    for name, real in _BROKEN_DOWN:
        table.add(time, name, _broken_down(real))
    table.add(time, "strftime", _format)
