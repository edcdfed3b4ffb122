"""A simulated process: a program that runs on a host, and the handle that its starter holds."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any

from netarium.aio.loop import EventLoop
from netarium.aio.runtime import running
from netarium.base.units import duration
from netarium.host.process import Process as ProcessRow
from netarium.patching import dispatched
from netarium.sim.errors import ProcessKilled
from netarium.sim.runtime import StrandGroup, StrandRuntime, start_real_thread
from netarium.socket.context import current
from netarium.socket.host import Host


def is_coroutine_function(program: Callable[..., Any]) -> bool:
    """True if calling the program gives a coroutine: `async def`, also behind `partial` and `__call__`."""
    while isinstance(program, partial):
        program = program.func
    return inspect.iscoroutinefunction(program) or inspect.iscoroutinefunction(
        getattr(program, "__call__", None)  # noqa: B004 - not whether there is one, but of which kind it is
    )


class Process:
    """What `host.run(...)` returns.

    `join()` and `await` wait for its end in virtual time and give its result, or raise what it raised.

    Attributes:
        host: where it runs.
        name: as `netstat -p` shows it.
        pid: its number on that host.
        done: it has ended.
        killed: it was ended by `kill()`, or with its world.
        exception: what it raised, or None.
        retrieved: somebody was told about the exception.
    """

    def __init__(self, host: Host, row: ProcessRow, group: StrandGroup) -> None:
        self.host = host
        self.name = row.name
        self.pid = row.pid
        self.done = False
        self.killed = False
        self.exception: BaseException | None = None
        self.retrieved = False
        self._value: Any = None
        self._row = row
        self._group = group
        self._task: asyncio.Task[Any] | None = None
        self._on_end: list[Callable[[], object]] = []

    # --- what the starter may ask -----------------------------------------------------------------------------

    @property
    def result(self) -> Any:
        """What the program returned; raises what it raised.

        Raises:
            RuntimeError: it has not ended yet, or was killed.
        """
        if not self.done:
            raise RuntimeError(f"{self} has not ended yet: use join(), or await it")
        if self.exception is not None:
            self.retrieved = True
            raise self.exception
        if self.killed:
            raise RuntimeError(f"{self} was killed")
        return self._value

    def join(self, timeout: str | float | None = None) -> Any:
        """Wait for the end; the result.

        Args:
            timeout: virtual time, as "3s" or seconds; None: for ever.

        Raises:
            TimeoutError: it has not ended in time.
        """
        runtime = running()
        if not self.done and runtime is None:
            with self._group.clockwork.entered():
                return self.join(timeout)
        if not self.done and isinstance(runtime, StrandRuntime):
            baton, strand = runtime.baton, runtime.strand
            deadline = None if timeout is None else baton.now + duration(timeout)
            self._on_end.append(lambda: baton.wake(strand))
            while not self.done and baton.park(strand, deadline, lambda: f"the end of {self}"):
                pass
        if not self.done:
            raise TimeoutError(f"{self} has not ended")
        return self.result

    def __await__(self) -> Generator[Any, None, Any]:
        """Wait for the end; the result."""
        if not self.done:
            loop = asyncio.get_running_loop()
            ended: asyncio.Future[None] = loop.create_future()
            self._on_end.append(partial(loop.call_soon_threadsafe, _resolve, ended))
            yield from ended
        return self.result

    def kill(self) -> None:
        """End it where it blocks, as SIGKILL does; its sockets are closed."""
        if self.done:
            return
        self.killed = True
        if self._task is not None:
            loop = self._task.get_loop()
            assert isinstance(loop, EventLoop)
            loop.kill(self._row)
            self._end()  # at once: what its tasks do in the end, they do with dead sockets
            return
        runtime = running()
        itself = isinstance(runtime, StrandRuntime) and runtime.group is self._group
        self.close_all()
        self._group.kill()
        if not self._group.strands or all(strand.finished for strand in self._group.strands):
            self._end()  # it had not begun
        if itself:
            raise ProcessKilled(f"{self} killed itself")

    def close_all(self) -> None:
        """Close what it has open, before it is ended: whoever is killed has no time for that, nor for a farewell."""
        if not self.done:
            self.host.end_process(self._row)

    def __repr__(self) -> str:
        return f"{self.name} (pid {self.pid} on {self.host.name})"

    # --- running ----------------------------------------------------------------------------------------------

    def start_thread(self, program: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Run in a thread of its own; a coroutine in a loop of its own."""
        self._group.start(
            f"{self}",
            lambda: self._live(program, args, kwargs),
            start_real_thread(f"{self.host.name}:{self.name}"),
        )

    def start_task(self, program: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Run as a task of the running event loop."""
        token = self.host.enter(self._row)
        try:
            self._task = asyncio.get_running_loop().create_task(
                self._live_as_task(program, args, kwargs), name=f"{self}"
            )
        finally:
            current.reset(token)

    def _live(self, program: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.host.enter(self._row)
        try:
            value = dispatched(program)(*args, **kwargs)
            self._value = asyncio.run(value) if inspect.iscoroutine(value) else value
        except ProcessKilled:
            self.killed = True
        except SystemExit as leaving:
            self._exited(leaving)
        except BaseException as fault:  # noqa: BLE001 - kept for whoever asks
            self.exception = None if self.killed else fault
        finally:
            self._end()

    async def _live_as_task(
        self, program: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        try:
            self._value = await program(*args, **kwargs)
        except asyncio.CancelledError:
            self.killed = True
            raise
        except SystemExit as leaving:
            self._exited(leaving)
        except Exception as fault:  # noqa: BLE001 - kept for whoever asks
            self.exception = fault
        finally:
            self._end()

    def _exited(self, leaving: SystemExit) -> None:
        """`sys.exit()`: a status other than 0 is a failure."""
        if leaving.code not in {None, 0}:
            self.exception = leaving

    def _end(self) -> None:
        if self.done:
            return
        self.done = True
        if self._task is None or self.killed:
            self.host.end_process(self._row)
        for tell in self._on_end:
            tell()
        self._on_end.clear()


def _resolve(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
