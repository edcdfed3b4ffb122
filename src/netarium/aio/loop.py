"""The standard library's own event loop, over a selector that knows our descriptors.

Transports, streams, `start_tls`, `sock_*` and servers are asyncio's, unchanged. What is ours: the clock, the
wake-up of a loop in virtual time, and the resolver of the machine that the current task runs on.
"""

import asyncio
import contextvars
import signal
import socket as _socket
from collections.abc import Callable, MutableMapping
from concurrent.futures import Executor
from typing import Any, Final, Protocol, cast
from weakref import WeakKeyDictionary

from netarium.aio.runtime import running
from netarium.aio.selector import Selector
from netarium.host.process import Process
from netarium.socket import descriptors
from netarium.socket.context import current

_kernel_socketpair: Final = _socket.socketpair


class AsyncResolver(Protocol):
    """What asyncio asks of a machine's resolver; `netarium.resolver.Resolver` is one."""

    async def getaddrinfo_async(
        self,
        host: Any,
        port: Any,
        family: int = 0,
        type: int = 0,  # noqa: A002 - Python's name
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        """As `loop.getaddrinfo`."""

    async def getnameinfo_async(self, sockaddr: Any, flags: int = 0) -> Any:
        """As `loop.getnameinfo`."""


def _resolver() -> AsyncResolver | None:
    here = current.get()
    return None if here is None else cast("AsyncResolver | None", here.host.resolver)


class EventLoop(asyncio.SelectorEventLoop):
    """asyncio's selector loop: in virtual time when it is made inside a world, in real time elsewhere."""

    # The self-pipe of asyncio's own loop, which real time keeps and virtual time does without.
    _ssock: _socket.socket | None
    _csock: _socket.socket | None
    _internal_fds: int
    _transports: MutableMapping[int, Any]  # asyncio's own, by descriptor

    def __init__(self) -> None:
        self._poller = Selector()
        self._runtime = running()
        self._owners: WeakKeyDictionary[asyncio.Task[Any], Process] = WeakKeyDictionary()
        super().__init__(self._poller)

    def time(self) -> float:
        """Seconds of the loop's clock: virtual time inside a world."""
        return super().time() if self._runtime is None else self._runtime.monotonic_ns() / 1e9

    # --- waking up ------------------------------------------------------------------------------------------

    def _make_self_pipe(self) -> None:
        if self._runtime is not None:
            self._ssock = self._csock = None
            return
        self._ssock, self._csock = _kernel_socketpair()
        self._ssock.setblocking(False)
        self._csock.setblocking(False)
        self._internal_fds += 1
        self._add_reader(self._ssock.fileno(), self._read_from_self)  # type: ignore[attr-defined]

    def _close_self_pipe(self) -> None:
        if self._runtime is None:
            super()._close_self_pipe()  # type: ignore[misc]

    def _write_to_self(self) -> None:
        if self._runtime is None:
            super()._write_to_self()  # type: ignore[misc]
        else:
            self._poller.wake()

    # --- what belongs to a machine ----------------------------------------------------------------------------

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - asyncio's name
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        """Ask the resolver of the current machine; outside of machines, the system's."""
        resolver = _resolver()
        if resolver is None:
            return await super().getaddrinfo(host, port, family=family, type=type, proto=proto, flags=flags)
        return await resolver.getaddrinfo_async(host, port, family, type, proto, flags)

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> Any:
        """Ask the resolver of the current machine; outside of machines, the system's."""
        resolver = _resolver()
        if resolver is None:
            return await super().getnameinfo(sockaddr, flags)
        return await resolver.getnameinfo_async(sockaddr, flags)

    def create_task(self, coro: Any, *, context: contextvars.Context | None = None, **kwargs: Any) -> Any:
        """As asyncio's; in virtual time the loop remembers whose task it is."""
        task = super().create_task(coro, context=context, **kwargs)
        if self._runtime is not None:
            here = current.get() if context is None else context.get(current)
            if here is not None:
                self._owners[task] = here.process
        return task

    def kill(self, process: Process) -> None:
        """Cancel all tasks and abort all transports that a simulated process has in this loop."""
        for task, owner in list(self._owners.items()):
            if owner is process:
                task.cancel()
        for number, transport in list(self._transports.items()):
            description = descriptors.find(number)
            if description is not None and description.process is process:
                transport.abort()

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> Any:
        """As asyncio's; the thread works on the machine that the caller works on."""
        if current.get() is not None:
            context = contextvars.copy_context()
            return super().run_in_executor(executor, context.run, func, *args)
        return super().run_in_executor(executor, func, *args)

    def add_signal_handler(  # type: ignore[override]
        self, sig: int, callback: Callable[..., object], *args: Any
    ) -> None:
        """As asyncio's; nobody sends signals to a simulated process, so there it is only checked."""
        if self._runtime is None:
            super().add_signal_handler(sig, callback, *args)
        elif sig not in signal.valid_signals():
            raise ValueError(f"invalid signal number {sig}")

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """As asyncio's, but a cancellation is no error: Python 3.11's servers report it for each open connection."""
        if self._runtime is None or not isinstance(context.get("exception"), asyncio.CancelledError):
            super().call_exception_handler(context)

    def close(self) -> None:
        """Close the loop. In virtual time that is the end of its programs, so what they left open ends quietly."""
        if self._runtime is not None and not self.is_closed():
            for task in asyncio.all_tasks(self):
                task._log_destroy_pending = False  # type: ignore[attr-defined]
            for transport in list(self._transports.values()):
                sock, transport._sock, transport._closing = transport._sock, None, True
                if sock is not None:
                    sock.close()
        super().close()
