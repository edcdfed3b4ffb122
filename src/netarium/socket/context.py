"""Which machine am I? A context variable names the host and the process that the running code belongs to."""

from contextvars import ContextVar
from typing import Any, Final, NamedTuple, Protocol

from netarium.host.machine import Machine
from netarium.host.process import Process
from netarium.socket.driver import Driver


class Resolver(Protocol):
    """Names to addresses, with Python's signatures and results."""

    def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,  # noqa: A002 - Python's name
        proto: int = 0,
        flags: int = 0,
    ) -> list[tuple[Any, Any, int, str, Any]]:
        """As socket.getaddrinfo."""


class HostBase:
    """What a Socket must know of its host.

    Attributes:
        machine: the stack.
        driver: who runs it.
        name: what `gethostname()` says.
        resolver: for names in addresses; None: only numbers are understood.
        process: who owns what is opened outside of any process.
    """

    machine: Machine
    driver: Driver
    name: str
    resolver: Resolver | None
    process: Process


class Current(NamedTuple):
    """Where code runs."""

    host: HostBase
    process: Process


current: Final[ContextVar[Current | None]] = ContextVar("netarium_current", default=None)
