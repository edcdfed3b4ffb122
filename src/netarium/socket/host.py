"""A host: one machine, who runs it, and the calls that programs make on it."""

from contextvars import ContextVar, Token
from types import TracebackType
from typing import Self

from netarium.host.machine import Machine
from netarium.host.process import Process
from netarium.socket.context import Current, HostBase, Resolver, current
from netarium.socket.driver import Driver
from netarium.socket.socket import Socket

__all__ = ["Current", "Host", "Resolver", "current"]

# The `with` blocks around each task, or thread: two tasks that overlap in one host's block do not meet.
_blocks: ContextVar[tuple[Token[Current | None], ...]] = ContextVar("blocks", default=())


class Host(HostBase):
    """One machine with its driver. `with host:` runs what is inside on that machine.

    Args:
        machine: the stack.
        driver: who runs it.
        process_name: of the process that owns what is opened outside of any other.
    """

    def __init__(self, machine: Machine, driver: Driver, *, process_name: str = "python") -> None:
        self.machine = machine
        self.driver = driver
        self.name = machine.name
        self.resolver: Resolver | None = None
        with driver.lock:
            self.process = machine.processes.start(process_name, driver.now())

    def socket(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> Socket:  # noqa: A002
        """As `socket.socket(...)`, on this machine."""
        return Socket(family, type, proto, fileno, host=self)

    def enter(self, process: Process | None = None) -> Token[Current | None]:
        """Make this the current host, and `process` (None: the host's own) the current process.

        Returns:
            The token for `current.reset()`.
        """
        return current.set(Current(self, self.process if process is None else process))

    def end_process(self, process: Process) -> None:
        """Close everything that a process has open, and forget it: what exit() does."""
        machine, driver = self.machine, self.driver
        with driver.lock:
            now = driver.now()
            for endpoint in list(process.descriptors.values()):
                machine.close(endpoint, now)
            machine.processes.end(process, now)
            driver.kick(machine)

    def __enter__(self) -> Self:
        _blocks.set((*_blocks.get(), self.enter()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        *outer, innermost = _blocks.get()
        _blocks.set(tuple(outer))
        current.reset(innermost)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"
