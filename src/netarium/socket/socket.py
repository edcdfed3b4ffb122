"""Class Socket: the calls of Python's `socket.socket`, on this stack.

Errnos, exception types and messages are those of Linux and CPython. Three files below it hold one idea each: `base`
(descriptor, waiting, options, closing), `transfer` (sending, receiving), and this one: making and ending connections.
"""

import errno
import socket as kernel
from typing import Any, Final, Self

from netarium.base.errors import StackError
from netarium.socket import descriptors
from netarium.socket.address import AddressTuple, unpack_address
from netarium.socket.descriptors import Description
from netarium.socket.errors import from_stack, os_error, timed_out
from netarium.socket.tracing import traced
from netarium.socket.transfer import Transfer
from netarium.transport.endpoint import POLLERR, POLLHUP, POLLIN, POLLOUT, SHUT_RD, SHUT_RDWR
from netarium.transport.tcp.connection import Connection

_DEFAULT_BACKLOG: Final = min(int(kernel.SOMAXCONN), 128)
_HANDSHAKE: Final = frozenset({"SYN_SENT", "SYN_RECV"})


class Socket(Transfer):
    """One socket; constructed as Python's, or by `host.socket(...)`.

    Args of the constructor:
        family: AF_INET or AF_INET6.
        type: SOCK_STREAM or SOCK_DGRAM.
        proto: 0, or the protocol; IPPROTO_ICMP with SOCK_DGRAM is a ping socket.
        fileno: a descriptor of ours to take over.
        host: on which machine; None: the current one.
    """

    __slots__ = ()

    @traced
    def bind(self, address: Any, /) -> None:
        """Choose the local address."""
        endpoint = self._live()
        packed, port = self._address(address, "bind")
        with self._driver.lock:
            now = self._driver.now()
            try:
                endpoint.bind(packed, port)
            except StackError as fault:
                raise from_stack(fault) from None
            self._machine.sockets.tell(endpoint, "bound", now)

    @traced
    def listen(self, backlog: int = _DEFAULT_BACKLOG, /) -> None:
        """Wait for connections; `backlog` of them may wait for accept()."""
        endpoint = self._live()
        if not isinstance(endpoint, Connection):
            raise os_error(errno.EOPNOTSUPP)
        with self._driver.lock:
            now = self._driver.now()
            try:
                endpoint.listen(max(0, int(backlog)), now)
            except StackError as fault:
                raise from_stack(fault) from None
            self._machine.sockets.tell(endpoint, "listening", now)
            self._driver.kick(self._machine)

    @traced
    def accept(self) -> tuple["Socket", AddressTuple]:
        """The next connection, and whose it is."""
        endpoint = self._live()
        if not isinstance(endpoint, Connection):
            raise os_error(errno.EOPNOTSUPP)
        until = None
        with self._driver.lock:
            while True:
                now = self._driver.now()
                try:
                    connection = endpoint.accept(now)
                except StackError as fault:
                    raise from_stack(fault) from None
                if connection is not None:
                    break
                until = self._await(POLLIN | POLLHUP, until, 0, endpoint.options.rcvtimeo_ns)
            ours = self._description
            descriptor = self._machine.sockets.attach(connection, ours.process)
            description = Description(
                ours.host, ours.process, connection, ours.family, ours.type, ours.proto, descriptor
            )
            self._machine.sockets.tell(connection, "accepted", now)
        return Socket._from(description), unpack_address(ours.family, *connection.remote)

    @traced
    def connect(self, address: Any, /) -> None:
        """Connect to an address."""
        error, over = self._connect(address, "connect")
        if over:
            raise timed_out()
        if error is not None:
            raise error

    @traced
    def connect_ex(self, address: Any, /) -> int:
        """As connect(), but the errno is returned and not raised."""
        error, over = self._connect(address, "connect_ex")
        if over:
            return errno.EAGAIN
        return 0 if error is None else error.errno or 0

    @traced
    def shutdown(self, how: int, /) -> None:
        """End one direction of the connection, or both."""
        endpoint = self._live()
        if not SHUT_RD <= how <= SHUT_RDWR:
            raise os_error(errno.EINVAL)
        with self._driver.lock:
            self._description.shut += 1
            try:
                endpoint.shutdown(how, self._driver.now())
            except StackError as fault:
                raise from_stack(fault) from None
            self._description.connecting = False  # whoever shuts down knows that he was connected
            self._driver.kick(self._machine)

    # --- inside -----------------------------------------------------------------------------------------------------

    @classmethod
    def _from(cls, description: Description) -> Self:
        """A Socket for a description that has no number yet."""
        return cls(fileno=descriptors.register(description))

    def _connect(self, address: Any, call: str) -> tuple[OSError | None, bool]:
        """Connect; returns the error, if any, and whether the timeout was over."""
        endpoint = self._live()
        packed, port = self._address(address, call)
        driver, description = self._driver, self._description
        with driver.lock:
            try:
                if not isinstance(endpoint, Connection):
                    endpoint.connect(packed, port, driver.now())
                    self._machine.sockets.tell(endpoint, "connected", driver.now())
                    return None, False
                waits = (
                    endpoint.tcb.config.socket_errors == "linux"
                )  # FreeBSD's connect() begins, and only that
                if description.connecting and endpoint.state_name in _HANDSHAKE and not waits:
                    return os_error(errno.EALREADY), False
                if (
                    description.connecting and endpoint.key and waits
                ):  # without one, shutdown() ended the attempt
                    if self._timeout_ns == 0 and endpoint.state_name in _HANDSHAKE:
                        return os_error(errno.EALREADY), False
                else:
                    endpoint.connect(packed, port, driver.now())
                    if endpoint.is_deferred:
                        return None, False  # TCP_FASTOPEN_CONNECT: the first octets will go with the SYN
                    description.connecting = True
                    driver.kick(self._machine)
                    if self._timeout_ns == 0:
                        return os_error(errno.EINPROGRESS), False
            except StackError as fault:
                return from_stack(fault), False
            return self._finish_connect(endpoint)

    def _finish_connect(self, endpoint: Connection) -> tuple[OSError | None, bool]:
        """Wait for the end of the handshake; lock held."""
        until, limit = None, endpoint.options.sndtimeo_ns
        while endpoint.state_name in _HANDSHAKE and not endpoint.error:
            try:
                until = self._await(POLLOUT | POLLERR | POLLHUP, until, 0, limit)
            except TimeoutError:
                return None, True
            except BlockingIOError:
                return os_error(errno.EINPROGRESS), False  # SO_SNDTIMEO is over; connect(2) goes on
        self._description.connecting = False
        pending, endpoint.error = endpoint.error, 0
        if not pending and endpoint.state_name == "CLOSED":
            pending = errno.ECONNABORTED  # it failed, and SO_ERROR has been asked already
        if pending:
            endpoint.attempt_failed()
            return os_error(pending), False
        self._machine.sockets.tell(endpoint, "connected", self._driver.now())
        return None, False
