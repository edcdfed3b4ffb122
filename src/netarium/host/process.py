"""Processes of a machine: a PID, a name, and descriptors that lead to rows of the socket table.

Not a scheduler: who runs a process is the business of the floors above. `netstat -p`, `lsof` and traces ask here.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Final

from netarium.base.trace import ProcessEvent, Trace
from netarium.transport.endpoint import Endpoint

FIRST_DESCRIPTOR: Final = 3  # 0, 1 and 2 are standard input, output and error
_FIRST_PID: Final = 1_000


class Process:
    """One process.

    Attributes:
        pid: its number.
        name: as `netstat -p` and `lsof` show it.
        descriptors: what each descriptor leads to.
    """

    __slots__ = ("_free", "_next", "descriptors", "name", "pid")

    def __init__(self, pid: int, name: str) -> None:
        self.pid = pid
        self.name = name
        self.descriptors: dict[int, Endpoint] = {}
        self._free: list[int] = []
        self._next = FIRST_DESCRIPTOR

    def open(self, endpoint: Endpoint) -> int:
        """Give the endpoint the lowest free descriptor, as POSIX demands."""
        if self._free:
            descriptor = heappop(self._free)
        else:
            descriptor = self._next
            self._next += 1
        self.descriptors[descriptor] = endpoint
        return descriptor

    def close(self, descriptor: int) -> None:
        """Free a descriptor."""
        del self.descriptors[descriptor]
        heappush(self._free, descriptor)

    def __repr__(self) -> str:
        return f"Process({self.pid}, {self.name!r})"


class ProcessTable:
    """The processes of one machine."""

    __slots__ = ("_by_pid", "_last_pid", "_trace", "_where")

    def __init__(self, where: str, trace: Trace | None) -> None:
        self._where = where
        self._trace = trace
        self._by_pid: dict[int, Process] = {}
        self._last_pid = _FIRST_PID

    def __iter__(self) -> Iterator[Process]:
        return iter(list(self._by_pid.values()))

    def __len__(self) -> int:
        return len(self._by_pid)

    def start(self, name: str, now: int) -> Process:
        """A new process with the next PID."""
        self._last_pid += 1
        process = self._by_pid[self._last_pid] = Process(self._last_pid, name)
        self._tell(process, "started", now)
        return process

    def end(self, process: Process, now: int) -> None:
        """Forget a process; its sockets are closed by whoever ran it."""
        if self._by_pid.pop(process.pid, None) is not None:
            self._tell(process, "ended", now)

    def _tell(self, process: Process, change: str, now: int) -> None:
        if self._trace is not None:
            self._trace.emit(
                ProcessEvent(at=now, where=self._where, pid=process.pid, name=process.name, change=change)
            )
