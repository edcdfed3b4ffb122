"""Questions on their way: whoever asks what is being asked already waits for the same answer.

A thousand parallel questions for one name would give a forger a thousand chances (RFC 5452 §5, the birthday attack)
and the server a thousand times the work.
"""

import asyncio
import contextlib

from netarium.resolver.answer import Answer
from netarium.transport.endpoint import POLL_ALL, POLLIN
from netarium.transport.options import SocketOptions


class Bell:
    """Something to wait for with `Driver.wait` that is no socket: readable from the moment it rang.

    It looks like a row of the socket table because that is what drivers wait for, but it stands in no table.
    """

    kind = "bell"
    version = 4
    local = remote = (bytes(4), 0)
    error = 0
    state_name = ""
    receive_queue = send_queue = 0

    __slots__ = ("id", "notified", "options", "rung")

    def __init__(self, id_: int) -> None:
        self.id = id_
        self.notified = False
        self.options = SocketOptions()
        self.rung = False

    def poll(self, wanted: int = POLL_ALL) -> int:  # noqa: ARG002 - `Endpoint`
        """POLLIN once it rang."""
        return POLLIN if self.rung else 0

    def options_changed(self, now: int) -> None:
        """Nothing to set."""

    def bind(self, address: bytes, port: int) -> None:
        """Nothing to bind."""

    def connect(self, address: bytes, port: int, now: int) -> None:
        """Nobody to connect to."""

    def shutdown(self, how: int, now: int) -> None:
        """Nothing to shut."""

    def close(self, now: int) -> None:
        """Nothing to close."""


class Flight:
    """One question under way. It lands with an answer, or with None if its asker gave up: then somebody else asks."""

    __slots__ = ("answer", "bell", "landed", "tasks")

    def __init__(self, bell: Bell) -> None:
        self.bell = bell
        self.landed = False
        self.answer: Answer | None = None
        self.tasks: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def land(self, answer: Answer | None) -> None:
        """Tell whoever waits; the bell itself must still be handed to the machine's notifier."""
        self.landed = True
        self.answer = answer
        self.bell.rung = True
        for loop, waiting in self.tasks:
            with contextlib.suppress(RuntimeError):  # that loop is closed: nobody waits there any more
                loop.call_soon_threadsafe(_wake, waiting)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
