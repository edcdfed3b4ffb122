"""Descriptors: numbers that no descriptor of the kernel can equal, in one registry.

A number leads to a `Description`, POSIX's "open file description": several numbers may share one (`dup()`). The
registry holds numbers of live Socket objects weakly, so that a forgotten socket is closed as Python's is, and holds
detached ones strongly, for nobody else does.
"""

from itertools import count
from typing import Final
from weakref import WeakValueDictionary

from netarium.host.process import Process
from netarium.socket.context import HostBase
from netarium.socket.driver import Driver
from netarium.transport.endpoint import Endpoint
from netarium.transport.ping import PingEndpoint
from netarium.transport.tcp.connection import Connection
from netarium.transport.udp import UdpEndpoint

AnyEndpoint = Connection | UdpEndpoint | PingEndpoint

FIRST: Final = 2**30  # the kernel's limit (fs.nr_open) lies below


class Description:
    """An open socket, whatever numbers lead to it.

    Attributes:
        host: whose machine it lives on.
        process: who opened it.
        endpoint: its row of the socket table.
        family: AF_INET or AF_INET6; `type`, `proto` as in socket().
        descriptor: its small number in the process, as lsof and traces show it.
        connecting: a non-blocking connect() was begun and its result was not yet asked for.
        references: numbers that lead here.
        shut: how often shutdown() was called, which wakes whoever polls, whatever it changed.
        wants_room: a send() found too little room: when some comes back, that is news (SOCK_NOSPACE).
    """

    __slots__ = (
        "__weakref__", "connecting", "descriptor", "endpoint", "family", "host", "process", "proto", "references",
        "shut", "type", "wants_room",
    )  # fmt: skip

    def __init__(
        self,
        host: HostBase,
        process: Process,
        endpoint: AnyEndpoint,
        family: int,
        type_: int,
        proto: int,
        descriptor: int,
    ) -> None:
        self.host = host
        self.process = process
        self.endpoint = endpoint
        self.family = family
        self.type = type_
        self.proto = proto
        self.descriptor = descriptor
        self.connecting = False
        self.wants_room = False
        self.shut = 0
        self.references = 0

    @property
    def held(self) -> bool:
        """The process still has it open; False once the process has ended, which closes everything."""
        return self.host.machine.sockets.owner(self.endpoint) is not None

    def release(self) -> None:
        """One number leads here no more; the last one closes the endpoint, unless its process did so by ending."""
        self.references -= 1
        if self.references or not self.held:
            return
        machine, driver = self.host.machine, self.host.driver
        with driver.lock:
            machine.close(self.endpoint, driver.now())
            driver.kick(machine)


_numbers: Final = count(FIRST)
_live: Final[WeakValueDictionary[int, Description]] = WeakValueDictionary()
_detached: Final[dict[int, Description]] = {}


def register(description: Description) -> int:
    """A new number that leads to a description."""
    number = next(_numbers)
    description.references += 1
    _live[number] = description
    return number


def find(number: int) -> Description | None:
    """What a number leads to; None if it is not one of ours, or closed."""
    return _live.get(number)


def adopt(number: int) -> Description | None:
    """Take over a detached number (`socket(fileno=...)`), or one that somebody else still holds."""
    return _detached.pop(number, None) or _live.get(number)


def detach(number: int) -> None:
    """Keep a number alive without a Socket object."""
    _detached[number] = _live[number]


def forget(number: int) -> None:
    """The number leads nowhere any more; whoever held it releases the description."""
    _live.pop(number, None)
    _detached.pop(number, None)


def close(number: int) -> None:
    """Close a number that no Socket object holds, as os.close() would.

    Raises:
        KeyError: it leads nowhere.
    """
    description = _live[number]
    forget(number)
    description.release()


def watched(number: int) -> tuple[Endpoint, Driver]:
    """The endpoint behind a number and who runs its machine, for selectors.

    Raises:
        ValueError: it leads nowhere.
    """
    description = _live.get(number)
    if description is None:
        raise ValueError(f"Invalid file descriptor: {number}")
    return description.endpoint, description.host.driver
