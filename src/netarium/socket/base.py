"""What every call of a Socket stands on: its descriptor, waiting, timeouts, names, options, the end.

Behaviour, messages and the counting of `makefile()` references are those of CPython's `socket.socket`.
"""

import errno
import io
import socket as kernel
import warnings
from operator import index
from typing import IO, Any, Final, Literal, Self

from netarium.base.errors import StackError
from netarium.base.trace import Trace
from netarium.socket import descriptors
from netarium.socket.address import AF_INET, AF_INET6, AddressTuple, pack_address, unpack_address
from netarium.socket.buffers import octets
from netarium.socket.context import HostBase, current
from netarium.socket.descriptors import AnyEndpoint, Description
from netarium.socket.dualstack import settle
from netarium.socket.errors import from_stack, os_error, timed_out, would_block
from netarium.socket.options import get_option, set_option
from netarium.socket.tracing import traced
from netarium.transport.endpoint import SETTLED
from netarium.transport.tcp.connection import Connection

SOCK_STREAM: Final = int(kernel.SOCK_STREAM)
SOCK_DGRAM: Final = int(kernel.SOCK_DGRAM)
_TYPE_FLAGS: Final = int(getattr(kernel, "SOCK_NONBLOCK", 0)) | int(getattr(kernel, "SOCK_CLOEXEC", 0))
_MSG_DONTWAIT: Final = int(kernel.MSG_DONTWAIT)
_NO_PEER: Final = frozenset({"CLOSED", "CLOSE", "LISTEN", "SYN_SENT"})
_SECOND: Final = 1_000_000_000


class SocketBase:
    """An open socket as one object; `Socket` adds the calls that move data and make connections."""

    __slots__ = (
        "__weakref__", "_closed", "_description", "_driver", "_endpoint", "_inheritable", "_io_refs", "_machine",
        "_number", "_timeout_ns", "_trace",
    )  # fmt: skip

    _description: Description
    _trace: Trace | None

    def __init__(
        self,
        family: int = -1,
        type: int = -1,  # noqa: A002 - Python's name
        proto: int = -1,
        fileno: int | None = None,
        *,
        host: HostBase | None = None,
    ) -> None:
        self._number = -1
        self._closed = True
        self._endpoint: AnyEndpoint | None = None
        self._io_refs = 0
        self._inheritable = False
        if fileno is None:
            kind = SOCK_STREAM if type == -1 else int(type)
            description = _open(
                host,
                AF_INET if family == -1 else int(family),
                kind & ~_TYPE_FLAGS,
                0 if proto == -1 else int(proto),
            )
            self._number = descriptors.register(description)
        else:
            found = descriptors.adopt(fileno)
            if found is None:
                raise os_error(errno.EBADF)
            self._number, description, kind = fileno, found, 0
        self._closed = False
        self._description = description
        self._endpoint = description.endpoint
        self._driver = description.host.driver
        self._machine = description.host.machine
        self._trace = self._machine.trace
        timeout = 0.0 if kind & int(getattr(kernel, "SOCK_NONBLOCK", 0)) else kernel.getdefaulttimeout()
        self._timeout_ns = None if timeout is None else round(timeout * _SECOND)

    # --- what it is -----------------------------------------------------------------------------------------------

    @property
    def family(self) -> kernel.AddressFamily:
        """AF_INET or AF_INET6."""
        return kernel.AddressFamily(self._description.family)

    @property
    def type(self) -> kernel.SocketKind:
        """SOCK_STREAM or SOCK_DGRAM."""
        return kernel.SocketKind(self._description.type)

    @property
    def proto(self) -> int:
        """As it was given to socket()."""
        return self._description.proto

    @property
    def timeout(self) -> float | None:
        """As gettimeout()."""
        return self.gettimeout()

    def fileno(self) -> int:
        """A number that no descriptor of the kernel can equal; -1 once closed."""
        return self._number

    def get_inheritable(self) -> bool:
        """What set_inheritable() said; nothing here is ever inherited by another program."""
        self._live()
        return self._inheritable

    def set_inheritable(self, inheritable: bool) -> None:
        """Remember it for get_inheritable()."""
        self._live()
        self._inheritable = inheritable

    def __repr__(self) -> str:
        text = f"<{type(self).__module__}.{type(self).__qualname__}{' [closed]' if self._closed else ''}"
        if not hasattr(self, "_description"):
            return text + ">"
        text += f" fd={self._number}, family={self.family!s}, type={self.type!s}, proto={self.proto}"
        if self._number >= 0:
            try:
                text += f", laddr={self.getsockname()}"
                text += f", raddr={self.getpeername()}"
            except OSError:
                pass
        return text + ">"

    def __getstate__(self) -> Any:
        raise TypeError(f"cannot pickle {self.__class__.__name__!r} object")

    # --- timeouts and waiting ---------------------------------------------------------------------------------------

    def settimeout(self, value: float | None) -> None:
        """How long calls block: None for ever, 0 not at all, seconds."""
        if value is None:
            self._timeout_ns = None
            return
        if not isinstance(value, float):
            value = index(value)
        if value < 0:
            raise ValueError("Timeout value out of range")
        self._timeout_ns = -int(-value * _SECOND // 1)

    def gettimeout(self) -> float | None:
        """Seconds, 0.0 for non-blocking, None for blocking."""
        return None if self._timeout_ns is None else self._timeout_ns / _SECOND

    def setblocking(self, flag: bool) -> None:
        """settimeout(None) or settimeout(0.0)."""
        self._timeout_ns = None if flag else 0

    def getblocking(self) -> bool:
        """False if the socket is non-blocking."""
        return self._timeout_ns != 0

    def _live(self) -> AnyEndpoint:
        """The endpoint.

        Raises:
            OSError: EBADF: closed.
        """
        endpoint = self._endpoint
        if endpoint is None:
            raise os_error(errno.EBADF)
        return endpoint

    def _await(self, mask: int, until: int | None, flags: int = 0, kernel_ns: int = 0) -> int | None:
        """Wait until the endpoint is ready for what a call wants; lock held.

        Args:
            mask: POLLIN and the like: exactly what is waited for.
            until: what the previous wait of the same call returned; first None.
            flags: MSG_DONTWAIT.
            kernel_ns: SO_RCVTIMEO or SO_SNDTIMEO, 0: none.

        Returns:
            When the call's time is over, None: never.

        Raises:
            OSError: BlockingIOError, TimeoutError; EBADF: closed meanwhile.
        """
        timeout, driver = self._timeout_ns, self._driver
        if timeout == 0 or (timeout is None and flags & _MSG_DONTWAIT):
            raise would_block()
        if until is None and (timeout is not None or kernel_ns):
            until = driver.now() + (kernel_ns if timeout is None else timeout)
        left = None if until is None else until - driver.now()
        endpoint, trace = self._live(), self._trace
        cause = 0 if trace is None else trace.cause
        ready = (left is None or left > 0) and driver.wait(((endpoint, mask),), left)
        if trace is not None:
            trace.cause = cause  # others have run meanwhile
        if not ready:
            raise would_block() if timeout is None else timed_out()
        self._live()
        return until

    # --- names ------------------------------------------------------------------------------------------------------

    def getsockname(self) -> AddressTuple:
        """Our address."""
        return unpack_address(self._description.family, *self._live().local)

    def getpeername(self) -> AddressTuple:
        """The peer's address.

        Raises:
            OSError: ENOTCONN.
        """
        endpoint = self._live()
        if isinstance(endpoint, Connection):
            connected = endpoint.state_name not in _NO_PEER and endpoint.remote[1] != 0
            if endpoint.state_name == "SYN_RECV" and endpoint.tcb.config.socket_errors == "freebsd":
                connected = False
        else:
            connected = endpoint.connected
        if not connected:
            raise os_error(errno.ENOTCONN)
        return unpack_address(self._description.family, *endpoint.remote)

    def _address(self, address: Any, call: str) -> tuple[bytes, int]:
        family = self._description.family
        packed, port = pack_address(self._description.host, family, address, call)
        return (packed, port) if family == AF_INET else (settle(self._live(), packed), port)

    # --- options ----------------------------------------------------------------------------------------------------

    @traced
    def getsockopt(self, level: int, optname: int, buflen: int = 0, /) -> int | bytes:
        """The value of an option: an int, or (buflen > 0) its octets."""
        self._live()
        if not 0 <= buflen <= 1_024:
            raise OSError("getsockopt buflen out of range")
        with self._driver.lock:
            try:
                return get_option(self._description, level, optname, buflen)
            except StackError as fault:
                raise from_stack(fault) from None

    @traced
    def setsockopt(self, level: int, optname: int, value: Any, optlen: int | None = None, /) -> None:
        """Set an option from an int or from octets; None means a null pointer, which no option here takes."""
        self._live()
        if value is None:
            raise os_error(errno.EFAULT if (optlen or 0) >= 4 else errno.EINVAL)
        if isinstance(value, int):
            raw = int(value).to_bytes(4, "little", signed=True)
        else:
            raw = bytes(octets(value))
        with self._driver.lock:
            try:
                set_option(self._description, level, optname, raw, self._driver.now())
            except StackError as fault:
                raise from_stack(fault) from None
            self._driver.kick(self._machine)

    # --- the end ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the socket, once the last file made by makefile() is closed."""
        self._closed = True
        if self._io_refs <= 0:
            self._real_close()

    @traced
    def detach(self) -> int:
        """Give the descriptor away; the object is closed, the socket is not."""
        self._closed = True
        number = self._number
        if number >= 0:
            descriptors.detach(number)
            self._number, self._endpoint = -1, None
        return number

    def dup(self) -> Self:
        """Another object, with another descriptor, for the same socket."""
        self._live()
        number = descriptors.register(self._description)
        twin = type(self)(fileno=number)
        twin._timeout_ns = self._timeout_ns
        return twin

    def makefile(
        self,
        mode: str = "r",
        buffering: int | None = None,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """A file object on the socket, as open() would make it; `mode` of "r", "w" and "b"."""
        if not set(mode) <= {"r", "w", "b"}:
            raise ValueError(f"invalid mode {mode!r} (only r, w, b allowed)")
        writing = "w" in mode
        reading = "r" in mode or not writing
        raw_mode: Literal["r", "w", "rw"] = "rw" if reading and writing else "r" if reading else "w"
        raw = kernel.SocketIO(self, raw_mode)  # type: ignore[arg-type]
        self._io_refs += 1
        size = io.DEFAULT_BUFFER_SIZE if buffering is None or buffering < 0 else buffering
        if size == 0:
            if "b" not in mode:
                raise ValueError("unbuffered streams must be binary")
            return raw  # type: ignore[return-value]
        buffer: Any
        if reading and writing:
            buffer = io.BufferedRWPair(raw, raw, size)
        elif reading:
            buffer = io.BufferedReader(raw, size)
        else:
            buffer = io.BufferedWriter(raw, size)
        if "b" in mode:
            return buffer  # type: ignore[no-any-return]
        text = io.TextIOWrapper(buffer, encoding, errors, newline)
        text.mode = mode  # type: ignore[misc]
        return text

    def _decref_socketios(self) -> None:
        """A file made by makefile() was closed."""
        if self._io_refs > 0:
            self._io_refs -= 1
        if self._closed:
            self.close()

    @traced
    def _real_close(self) -> None:
        number, endpoint = self._number, self._endpoint
        if number < 0 or endpoint is None:
            return
        self._number, self._endpoint = -1, None
        descriptors.forget(number)
        self._description.release()
        linger = endpoint.options.linger
        if linger and isinstance(endpoint, Connection) and not self._description.references:
            self._linger(endpoint, linger * _SECOND)

    def _linger(self, endpoint: Connection, limit_ns: int) -> None:
        """SO_LINGER: close() returns when all has been acknowledged, the FIN too, or the time is over.

        As on Linux that holds for sockets with O_NONBLOCK as well.
        """
        driver = self._driver
        with driver.lock:
            endpoint.linger()
            driver.wait(((endpoint, SETTLED),), limit_ns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._closed:
            self.close()

    def __del__(self) -> None:
        if self._number >= 0:
            try:
                if self._description.held:
                    warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            finally:  # also where warnings are errors
                self._closed = True
                self._real_close()


def _open(host: HostBase | None, family: int, kind: int, proto: int) -> Description:
    """socket(): the row appears."""
    where = current.get()
    if host is None:
        if where is None:
            raise RuntimeError("no current host: use host.socket(...), or be inside `with host:`")
        host = where.host
    process = where.process if where is not None and where.host is host else host.process
    if family not in {AF_INET, AF_INET6}:
        raise os_error(errno.EAFNOSUPPORT)
    machine, driver = host.machine, host.driver
    version = 4 if family == AF_INET else 6
    layers = {(SOCK_STREAM, 0): 6, (SOCK_DGRAM, 0): 17}
    with driver.lock:
        now = driver.now()
        endpoint: AnyEndpoint
        match kind, layers.get((kind, proto), proto):
            case (1, 6):
                endpoint = machine.tcp.open(version, now)
            case (2, 17):
                endpoint = machine.udp.open(version, now)
            case (2, 1) if version == 4:
                endpoint = machine.ping.open(version, now)
            case _:
                raise os_error(
                    errno.EPROTONOSUPPORT if kind in {SOCK_STREAM, SOCK_DGRAM} else errno.ESOCKTNOSUPPORT
                )
        descriptor = machine.sockets.attach(endpoint, process)
        machine.sockets.tell(endpoint, "created", now)
    return Description(host, process, endpoint, family, kind, proto, descriptor)
