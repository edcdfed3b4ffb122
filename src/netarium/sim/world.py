"""A world: a network in virtual time, from one seed, and the programs that run in it.

    world = World(seed=7)
    server, client = world.hosts("server", "client")
    world.cable(client, server, rate="10mbit", delay="20ms", loss="1%")
    server.run(serve)
    page = world.run(fetch, "http://server/", on=client)

Only cables, sleeps and timers take virtual time: programs run infinitely fast. Two runs with one seed do the same to
the nanosecond.
"""

import asyncio
import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from types import TracebackType
from typing import Any, Final, Self

from netarium.aio.runtime import running, set_running
from netarium.base import units
from netarium.base.config import MachineConfig
from netarium.base.errors import UsageError
from netarium.base.trace import Event, Trace
from netarium.patching import dispatched, patched, seeded
from netarium.sim.baton import Baton
from netarium.sim.builder import Builder, Quantity
from netarium.sim.host import Host
from netarium.sim.process import Process
from netarium.sim.runtime import Clockwork, StrandGroup, StrandRuntime
from netarium.socket.context import current

EPOCH: Final = 1_767_225_600  # 2026-01-01 00:00:00 UTC: what `time.time()` says at virtual time 0
LIMIT: Final = "1d"  # virtual time after which `run` gives up, unless told otherwise


class World(Builder):
    """A simulated network with its own time.

    Args:
        seed: of everything that is random in it.
        trace: who is told of everything: a `Trace`, or a function that takes events; None: nobody.
        epoch: what `time.time()` says at virtual time 0, s.
        config: of all stacks that have none of their own.

    `with World() as world:` makes what is inside its main program; `run` does so for one call.
    """

    def __init__(
        self,
        seed: int | str = 0,
        *,
        trace: Trace | Callable[[Event], None] | None = None,
        epoch: float = EPOCH,
        config: MachineConfig | None = None,
    ) -> None:
        self._baton = Baton()
        self._runs = 0
        clockwork = Clockwork(
            baton=self._baton,
            epoch_ns=round(epoch * units.SECOND),
            random=Random(f"{seed}/programs"),
            entered=self._entered,
        )
        listener = trace if trace is None or isinstance(trace, Trace) else Trace(trace)
        super().__init__(clockwork, seed, config or MachineConfig(), listener)

    # --- time -------------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """Virtual ns since the world began."""
        return self._baton.now

    def run(
        self,
        main: Callable[..., Any],
        /,
        *args: Any,
        timeout: Quantity | None = LIMIT,
        on: Host | str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run a program, blocking or `async def`, as the main one; then end all others. Returns its result.

        Args:
            main: what to run.
            *args: for it.
            timeout: how much virtual time it may take; None: any.
            on: the host on which it runs; None: on none, it enters hosts itself.
            **kwargs: for it.

        Raises:
            Deadlock: it waits, and nothing will ever happen any more.
            OutOfTime: it was not finished in time.
            BaseException: what it raised itself, or what a process raised that nobody joined.
        """
        runtime = running()
        if isinstance(runtime, StrandRuntime) and runtime.baton is self._baton:
            return self._call(main, args, kwargs, on)
        with self._entered():
            self._baton.limit = None if timeout is None else self.now + units.duration(timeout)
            try:
                with self._all_ended():
                    return self._call(main, args, kwargs, on)
            finally:
                self._baton.limit = None

    def run_for(self, duration: Quantity) -> None:
        """Let virtual time pass."""
        with self._entered():
            self._runtime().sleep(units.duration(duration))

    def run_until_idle(self, timeout: Quantity = LIMIT) -> None:
        """Let everything happen that will happen by itself: until no frame, timer or program has anything to do.

        Raises:
            OutOfTime: it did not come to rest in time, as with a program that polls.
        """
        with self._entered():
            self._baton.limit = self.now + units.duration(timeout)
            try:
                self._baton.drain(self._runtime().strand)
            finally:
                self._baton.limit = None

    @property
    def processes(self) -> list[Process]:
        """All processes that were ever started, by host."""
        return [process for host in self.machines.values() for process in host.processes]

    # --- being the main program -------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._block = self._main_block()
        self._block.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._block.__exit__(kind, error, trace)

    @contextmanager
    def _main_block(self) -> Iterator[None]:
        with self._entered(), self._all_ended():
            yield

    @contextmanager
    def _entered(self) -> Iterator[None]:
        """The calling thread is the world's main one, unless it belongs to the world already."""
        runtime = running()
        if isinstance(runtime, StrandRuntime) and runtime.baton is self._baton:
            yield
            return
        if runtime is not None:
            raise UsageError("one world cannot run inside another")
        if self._baton.holder is not None:
            raise UsageError("the world is running already, in another thread")
        self.settle()
        self._runs += 1
        main = StrandGroup(self._clockwork, "main program").adopt("main program")
        with patched(), seeded(self.random(f"run {self._runs}").getrandbits(64)):
            set_running(main)
            self._baton.enter(main.strand)
            try:
                yield
            finally:
                self._baton.leave()
                set_running(None)

    @contextmanager
    def _all_ended(self) -> Iterator[None]:
        """When the block is left, end all processes; tell of those that failed."""
        try:
            yield
        except BaseException as fault:
            for process in self._failed():
                text = "".join(traceback.format_exception(process.exception)).rstrip()
                fault.add_note(f"before that, {process} had failed:\n{text}")
            raise
        finally:
            for process in self.processes:
                process.close_all()
            self._baton.close()
        failed = self._failed()
        for process in failed:
            process.retrieved = True
            assert process.exception is not None
            process.exception.add_note(f"in {process}")
        faults = [process.exception for process in failed if process.exception is not None]
        if len(faults) == 1:
            raise faults[0]
        if faults:
            raise BaseExceptionGroup("several processes failed", faults)

    def _failed(self) -> list[Process]:
        return [each for each in self.processes if each.exception is not None and not each.retrieved]

    def _runtime(self) -> StrandRuntime:
        runtime = running()
        assert isinstance(runtime, StrandRuntime)
        return runtime

    def _call(
        self, main: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], on: Host | str | None
    ) -> Any:
        token = None if on is None else self._host(on).enter()
        try:
            value = dispatched(main)(*args, **kwargs)
            return asyncio.run(value) if inspect.iscoroutine(value) else value
        finally:
            if token is not None:
                current.reset(token)

    def __repr__(self) -> str:
        return f"<World seed={self._seed!r} at {units.format_duration(self.now)}: {', '.join(self.machines)}>"
