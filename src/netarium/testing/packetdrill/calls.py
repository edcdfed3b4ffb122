"""The system calls of a script, made on sockets of ours, and the descriptors that lead to them."""

import errno
import os
import socket as kernel
from collections.abc import Callable
from typing import Protocol

from netarium.base.addr import parse_ip
from netarium.socket.dissolve import dissolve
from netarium.socket.poll import Epoll
from netarium.socket.socket import Socket
from netarium.testing.packetdrill.addresses import (
    address_of,
    compare_address,
    is_null,
    ours,
    theirs,
    unspecified,
)
from netarium.testing.packetdrill.constants import ERRNOS
from netarium.testing.packetdrill.errors import Mismatch, NotUnderstood
from netarium.testing.packetdrill.files import File
from netarium.testing.packetdrill.script import ANY, Call, Value
from netarium.testing.packetdrill.settings import Settings
from netarium.transport.tcp.connection import Connection

Open = Socket | Epoll | File


class Audience(Protocol):
    """Who wants to know which connection a script works with."""

    def on_listen(self, port: int) -> None:
        """Connections will come to this port."""

    def on_connect(self, socket: Socket, address: bytes, port: int) -> None:
        """A connection to this port begins."""

    def on_disconnect(self, socket: Socket) -> None:
        """Its connection is over, and its port may be another next time."""

    def script_time(self) -> int:
        """Ns since the script began."""


class DescriptorError(OSError):
    """No such descriptor, or of a wrong kind; or a bad pointer."""


class Calls:
    """Makes calls.

    Args:
        settings: of the script.
        profile: whose numbers fcntl() returns.
        open_socket: makes a socket on the machine.
        audience: is told about listen() and connect().
    """

    def __init__(
        self,
        settings: Settings,
        profile: str,
        open_socket: Callable[[int, int, int], Socket],
        audience: Audience,
        handlers: "dict[str, Handler]",
    ) -> None:
        self.settings = settings
        self.profile = profile
        self.audience = audience
        self._open_socket = open_socket
        self._handlers = handlers
        self.open_files: dict[int, Open] = {}
        self.kept_options: dict[
            tuple[Socket, int, int], int
        ] = {}  # what setsockopt() said where it changes nothing
        self.epoll_data: dict[tuple[Epoll, int], Value] = {}  # what epoll_ctl() said of a descriptor

    def make(self, call: Call) -> None:
        """Make a call and compare what it returns.

        Raises:
            Mismatch: it is not what the script says.
        """
        try:
            got = self._handlers[call.name](self, call)
        except OSError as fault:
            if call.result is not ANY and (call.result != -1 or ERRNOS.get(call.error) != fault.errno):
                raise Mismatch(outcome(call), f"-1 {errno_name(fault.errno)}") from None
            return
        except (ValueError, TypeError, OverflowError) as fault:
            raise Mismatch(outcome(call), f"{type(fault).__name__}: {fault}") from None
        if call.error or (got != call.result and call.result is not ANY):
            raise Mismatch(outcome(call), str(got))

    def sockets(self) -> list[Socket]:
        """All open sockets, in the order of their making."""
        return [each for each in self.open_files.values() if isinstance(each, Socket)]

    def close_all(self) -> None:
        """The script is over."""
        for each in self.open_files.values():
            if isinstance(each, Socket):
                each.setblocking(False)  # a lingering close() would wait
            each.close()
        self.open_files.clear()

    # --- descriptors ----------------------------------------------------------------------------------------

    def any(self, call: Call, at: int = 0) -> Open:
        """Whatever a descriptor leads to.

        Raises:
            DescriptorError: EBADF.
        """
        found = self.open_files.get(integer(call, at))
        if found is None:
            raise error("EBADF")
        return found

    def socket(self, call: Call, at: int = 0) -> Socket:
        """The socket of a descriptor.

        Raises:
            DescriptorError: EBADF, ENOTSOCK.
        """
        found = self.any(call, at)
        if not isinstance(found, Socket):
            raise error("ENOTSOCK")
        return found

    def number_of(self, thing: object) -> int:
        """The descriptor that leads to it, or -1."""
        return next((fd for fd, each in self.open_files.items() if each is thing), -1)

    def open_socket(self, family: int, kind: int, proto: int) -> Socket:
        """A new socket."""
        return self._open_socket(family, kind, proto)

    def enter(self, call: Call, thing: Open) -> int:
        """The script says which number the new descriptor has."""
        if not isinstance(call.result, int) or call.result < 0:
            thing.close()
            return self.free_number()
        return self.enter_as(call.result, thing)

    def enter_as(self, number: int, thing: Open) -> int:
        """A new descriptor gets this number."""
        if number in self.open_files:
            thing.close()
            raise Mismatch(f"{number}, a new descriptor", "one that is still open")
        self.open_files[number] = thing
        return number

    def free_number(self) -> int:
        """The least number that is free."""
        return min(set(range(3, 1_000)) - self.open_files.keys())


Handler = Callable[[Calls, Call], int]

# --- making and ending connections ------------------------------------------------------------------------------


def socket(calls: Calls, call: Call) -> int:
    """The call socket: `...` is the family of the mode."""
    family = int(kernel.AF_INET6 if calls.settings.mapped else kernel.AF_INET)
    if call.arguments[0] is not ANY:
        family = integer(call, 0)
    if integer(call, 2) == kernel.IPPROTO_SCTP:
        raise NotUnderstood("SCTP")
    return calls.enter(call, calls.open_socket(family, integer(call, 1), integer(call, 2)))


def bind(calls: Calls, call: Call) -> int:
    """The call bind: `...` is the address and port of the settings."""
    one = calls.socket(call)
    _check_address(call, 1)
    address = address_of(call, 1, ours(calls.settings))
    _check_family(one, address)
    one.bind(address)
    return 0


def listen(calls: Calls, call: Call) -> int:
    """The call listen."""
    one = calls.socket(call)
    backlog = integer(call, 1)  # kernels look at it without its sign, Python's listen() does not
    one.listen(backlog if backlog >= 0 else one._machine.config.tcp.somaxconn)
    calls.audience.on_listen(one.getsockname()[1])
    return 0


def accept(calls: Calls, call: Call) -> int:
    """The call accept or accept4."""
    flags = integer(call, 3) if call.name == "accept4" else 0
    listener = calls.socket(call)
    one, address = listener.accept()
    inherits = calls.profile == "freebsd" and call.name == "accept"  # accept(2) there: O_NONBLOCK comes along
    one.setblocking(listener.getblocking() if inherits else not flags & kernel.SOCK_NONBLOCK)
    number = calls.enter(call, one)
    compare_address(call, 1, address)
    return number


def connect(calls: Calls, call: Call) -> int:
    """The call connect: `...` is the peer of the settings, AF_UNSPEC dissolves a connection."""
    one = calls.socket(call)
    if unspecified(call.arguments[1], call.arguments[2]):
        calls.audience.on_disconnect(one)
        return _disconnect(one)
    _check_address(call, 1)
    address = address_of(call, 1, theirs(calls.settings))
    _check_family(one, address)
    if _may_connect(one):
        calls.audience.on_connect(one, packed(address[0]), address[1])
    one.connect(address)
    return 0


def _may_connect(one: Socket) -> bool:
    """A connection may begin; else the call only tells that there is, or was, one, which stays the one under test."""
    endpoint = one._live()
    if not isinstance(endpoint, Connection):
        return True
    over = (
        bool(endpoint.key) and endpoint.tcb.config.socket_errors == "freebsd"
    )  # there a socket connects once
    return endpoint.state_name == "CLOSED" and not over


def _disconnect(one: Socket) -> int:
    dissolve(one)
    return 0


def _check_address(call: Call, at: int) -> None:
    """A null pointer, or a length that no address has."""
    length = call.arguments[at + 1]
    if isinstance(length, int) and not 0 <= length <= 128:
        raise error("EINVAL")
    if is_null(call.arguments[at]):
        raise error("EFAULT" if length is ANY or length else "EINVAL")
    if isinstance(length, int) and length < 16:
        raise error("EINVAL")


def _check_family(one: Socket, address: tuple[str, int]) -> None:
    if (":" in address[0]) != (one.family == kernel.AF_INET6):
        raise error("EAFNOSUPPORT")


def close(calls: Calls, call: Call) -> int:
    """The call close."""
    thing = calls.open_files.pop(integer(call, 0), None)
    if thing is None:
        raise error("EBADF")
    thing.close()
    return 0


def shutdown(calls: Calls, call: Call) -> int:
    """The call shutdown."""
    calls.socket(call).shutdown(integer(call, 1))
    return 0


def getsockname(calls: Calls, call: Call) -> int:
    """The call getsockname."""
    compare_address(call, 1, calls.socket(call).getsockname())
    return 0


def getpeername(calls: Calls, call: Call) -> int:
    """The call getpeername."""
    compare_address(call, 1, calls.socket(call).getpeername())
    return 0


# --- help -------------------------------------------------------------------------------------------------------


def error(name: str) -> DescriptorError:
    """An OSError by the name of its errno."""
    return DescriptorError(ERRNOS[name], os.strerror(ERRNOS[name]))


def errno_name(number: int | None) -> str:
    """EAGAIN, and not EWOULDBLOCK."""
    return errno.errorcode.get(number or 0, f"errno {number}")


def outcome(call: Call) -> str:
    """What the script says."""
    return f"{call.result} {call.error}".rstrip()


def integer(call: Call, at: int) -> int:
    """A number as an argument; an array of one is a pointer to it.

    Raises:
        NotUnderstood: it is none.
    """
    value = call.arguments[at]
    if not isinstance(value, int):
        raise NotUnderstood(f"a number as argument {at + 1} of {call.name}() is expected, not {value!r}")
    return value


def listed(call: Call, at: int) -> list[Value]:
    """An array as an argument.

    Raises:
        NotUnderstood: it is none.
    """
    value = call.arguments[at]
    if not isinstance(value, list):
        raise NotUnderstood(f"an array as argument {at + 1} of {call.name}() is expected, not {value!r}")
    return value


def field(struct: dict[str, Value], name: str) -> int:
    """A number in a struct.

    Raises:
        NotUnderstood: it is none.
    """
    value = struct.get(name)
    if not isinstance(value, int):
        raise NotUnderstood(f"a number is expected as {name}, not {value!r}")
    return value


def packed(host: str) -> bytes:
    """The address on the wire: of a mapped one, the IPv4 address in it."""
    address = parse_ip(host)
    return address[12:] if len(address) == 16 and address.startswith(bytes(10) + b"\xff\xff") else address
