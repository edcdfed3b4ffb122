"""The system calls of a script, made on sockets of ours, and the descriptors that lead to them."""

import os
import socket as kernel
from collections.abc import Callable
from typing import Any, Final, Protocol

from netarium.base.addr import format_ip, parse_ip
from netarium.socket.poll import Epoll, Poll
from netarium.socket.socket import Socket
from netarium.testing.packetdrill.constants import ERRNOS, LINGER, TIMEVAL
from netarium.testing.packetdrill.errors import Mismatch, NotUnderstood
from netarium.testing.packetdrill.messages import iov_length, iov_of, payload, receive_message, send_message
from netarium.testing.packetdrill.script import ANY, Anything, Call, Value
from netarium.testing.packetdrill.settings import Settings

_SIOCINQ, _SIOCOUTQ = 0x541B, 0x5411
_NONBLOCK: Final = os.O_NONBLOCK
_UNKNOWN: Final = -1  # a descriptor that the script never saw
_LONGEST_OPTION: Final = 1_024


class Audience(Protocol):
    """Who wants to know which connection a script works with."""

    def on_listen(self, port: int) -> None:
        """Connections will come to this port."""

    def on_connect(self, socket: Socket, address: bytes, port: int) -> None:
        """A connection to this port begins."""


class DescriptorError(OSError):
    """No such descriptor, or of a wrong kind."""


class Calls:
    """Makes calls.

    Args:
        settings: of the script.
        open_socket: makes a socket on the machine.
        audience: is told about listen() and connect().
    """

    def __init__(
        self, settings: Settings, open_socket: Callable[[int, int, int], Socket], audience: Audience
    ) -> None:
        self._settings = settings
        self._open = open_socket
        self._audience = audience
        self._open_files: dict[int, Socket | Epoll] = {}

    def make(self, call: Call) -> None:
        """Make a call and compare what it returns.

        Raises:
            Mismatch: it is not what the script says.
        """
        handler = _HANDLERS[call.name]
        try:
            got = handler(self, call)
        except OSError as fault:
            if call.result is not ANY and (call.result != -1 or ERRNOS.get(call.error) != fault.errno):
                raise Mismatch(_outcome(call), f"-1 {_errno_name(fault.errno)}") from None
            return
        except (ValueError, TypeError, OverflowError) as fault:
            raise Mismatch(_outcome(call), f"{type(fault).__name__}: {fault}") from None
        if call.error or (got != call.result and call.result is not ANY):
            raise Mismatch(_outcome(call), str(got))

    def sockets(self) -> list[Socket]:
        """All open sockets, in the order of their making."""
        return [each for each in self._open_files.values() if isinstance(each, Socket)]

    def close_all(self) -> None:
        """The script is over."""
        for each in self._open_files.values():
            if isinstance(each, Socket):
                each.setblocking(False)  # a lingering close() would wait
            each.close()
        self._open_files.clear()

    # --- descriptors ----------------------------------------------------------------------------------------

    def _socket(self, call: Call, at: int = 0) -> Socket:
        found = self._open_files.get(_int(call, at))
        if not isinstance(found, Socket):
            raise DescriptorError(*_error("EBADF" if found is None else "ENOTSOCK"))
        return found

    def _epoll(self, call: Call) -> Epoll:
        found = self._open_files.get(_int(call, 0))
        if not isinstance(found, Epoll):
            raise DescriptorError(*_error("EBADF" if found is None else "EINVAL"))
        return found

    def _number(self, thing: Socket) -> int:
        return next((fd for fd, each in self._open_files.items() if each is thing), -1)

    def _enter(self, call: Call, thing: Socket | Epoll) -> int:
        """The script says which number the new descriptor has."""
        if not isinstance(call.result, int) or call.result < 0:
            thing.close()
            return min(set(range(3, 1_000)) - self._open_files.keys())
        if call.result in self._open_files:
            thing.close()
            raise Mismatch(f"{call.result}, a new descriptor", "one that is still open")
        self._open_files[call.result] = thing
        return call.result

    # --- making and ending connections ----------------------------------------------------------------------

    def socket(self, call: Call) -> int:
        """The call socket."""
        family = kernel.AF_INET if call.arguments[0] is ANY else _int(call, 0)
        return self._enter(call, self._open(family, _int(call, 1), _int(call, 2)))

    def bind(self, call: Call) -> int:
        """The call bind: `...` is the address and port of the settings."""
        ours = format_ip(self._settings.local), self._settings.bind_port
        self._socket(call).bind(_address(call, 1, ours))
        return 0

    def listen(self, call: Call) -> int:
        """The call listen."""
        socket = self._socket(call)
        socket.listen(_int(call, 1))
        self._audience.on_listen(socket.getsockname()[1])
        return 0

    def accept(self, call: Call) -> int:
        """The call accept or accept4."""
        flags = _int(call, 3) if call.name == "accept4" else 0
        _nameless(call, 1)
        socket, _ = self._socket(call).accept()
        socket.setblocking(not flags & kernel.SOCK_NONBLOCK)
        return self._enter(call, socket)

    def connect(self, call: Call) -> int:
        """The call connect: `...` is the peer of the settings."""
        socket = self._socket(call)
        theirs = format_ip(self._settings.remote), self._settings.connect_port
        address = _address(call, 1, theirs)
        self._audience.on_connect(socket, parse_ip(address[0]), address[1])
        socket.connect(address)
        return 0

    def close(self, call: Call) -> int:
        """The call close."""
        thing = self._open_files.pop(_int(call, 0), None)
        if thing is None:
            raise DescriptorError(*_error("EBADF"))
        thing.close()
        return 0

    def shutdown(self, call: Call) -> int:
        """The call shutdown."""
        self._socket(call).shutdown(_int(call, 1))
        return 0

    # --- data -----------------------------------------------------------------------------------------------

    def write(self, call: Call) -> int:
        """The call write or send."""
        flags = _int(call, 3) if call.name == "send" else 0
        return self._socket(call).send(payload(call.arguments[1], _int(call, 2)), flags)

    def read(self, call: Call) -> int:
        """The call read or recv."""
        flags = _int(call, 3) if call.name == "recv" else 0
        return len(self._socket(call).recv(_int(call, 2), flags))

    def writev(self, call: Call) -> int:
        """The call writev."""
        return self._socket(call).sendmsg(iov_of(call.arguments[1]))

    def readv(self, call: Call) -> int:
        """The call readv."""
        return len(self._socket(call).recv(iov_length(call.arguments[1])))

    def sendto(self, call: Call) -> int:
        """The call sendto."""
        data, flags = payload(call.arguments[1], _int(call, 2)), _int(call, 3)
        if call.arguments[4] in (0, ANY) and call.arguments[4] is not ANY:
            return self._socket(call).send(data, flags)
        theirs = format_ip(self._settings.remote), self._settings.connect_port
        socket, address = self._socket(call), _address(call, 4, theirs)
        self._audience.on_connect(socket, parse_ip(address[0]), address[1])
        return socket.sendto(data, flags, address)

    def recvfrom(self, call: Call) -> int:
        """The call recvfrom: the address must be `...`."""
        _nameless(call, 4)
        return len(self._socket(call).recvfrom(_int(call, 2), _int(call, 3))[0])

    def sendmsg(self, call: Call) -> int:
        """The call sendmsg."""
        return send_message(self._socket(call), call.arguments[1], _int(call, 2))

    def recvmsg(self, call: Call) -> int:
        """The call recvmsg."""
        return receive_message(self._socket(call), call.arguments[1], _int(call, 2))

    # --- options --------------------------------------------------------------------------------------------

    def setsockopt(self, call: Call) -> int:
        """The call setsockopt."""
        value, length = _option(call), _int(call, 4)
        if not 0 <= length <= _LONGEST_OPTION:
            raise NotUnderstood(f"an option of {length} octets")
        raw = value.to_bytes(4, "little", signed=True) if isinstance(value, int) else value
        self._socket(call).setsockopt(_int(call, 1), _int(call, 2), raw[:length].ljust(length, b"\0"))
        return 0

    def getsockopt(self, call: Call) -> int:
        """The call getsockopt: the value that the script writes is what must come."""
        wanted = call.arguments[3]
        socket, level, name = self._socket(call), _int(call, 1), _int(call, 2)
        if wanted is ANY:
            socket.getsockopt(level, name)
        elif isinstance(wanted, list):
            got = socket.getsockopt(level, name)
            if wanted and wanted[0] is not ANY and wanted[0] != got:
                raise Mismatch(f"the value {wanted[0]}", str(got))
        else:
            expected = _option(call)
            octets = expected if isinstance(expected, bytes) else expected.to_bytes(4, "little", signed=True)
            raw = socket.getsockopt(level, name, max(len(octets), 16))
            assert isinstance(raw, bytes)
            if raw.rstrip(b"\0") != octets.rstrip(b"\0"):
                raise Mismatch(f"the octets {octets.hex()}", raw.hex())
        return 0

    def fcntl(self, call: Call) -> int:
        """The call fcntl with F_GETFL and F_SETFL."""
        socket, command = self._socket(call), _int(call, 1)
        if command == 3:  # F_GETFL
            return os.O_RDWR | (0 if socket.getblocking() else _NONBLOCK)
        if command == 4:  # F_SETFL
            socket.setblocking(not _int(call, 2) & _NONBLOCK)
            return 0
        raise NotUnderstood(f"fcntl() with command {command}")

    def ioctl(self, call: Call) -> int:
        """The call ioctl with SIOCINQ and SIOCOUTQ."""
        endpoint: Any = self._socket(call)._live()
        request = _int(call, 1)
        if request not in {_SIOCINQ, _SIOCOUTQ} or not hasattr(endpoint, "receive_queue"):
            raise NotUnderstood(f"ioctl() with request {request:#x} on this socket")
        got = endpoint.receive_queue if request == _SIOCINQ else endpoint.send_queue
        wanted = call.arguments[2]
        value = wanted[0] if isinstance(wanted, list) and wanted else wanted
        if value is not ANY and value != got:
            raise Mismatch(f"the value {value}", str(got))
        return 0

    # --- readiness ------------------------------------------------------------------------------------------

    def poll(self, call: Call) -> int:
        """The call poll: revents of each struct is what must come."""
        structs = [each for each in _list(call, 0) if isinstance(each, dict)]
        if len(structs) != _int(call, 1) or any(
            each.keys() - {"fd", "events", "revents"} for each in structs
        ):
            raise NotUnderstood(f"{call.arguments[0]!r} as {call.arguments[1]} structs pollfd")
        watched = [self._open_files.get(_field(each, "fd")) for each in structs]
        sockets = [each for each in watched if isinstance(each, Socket)]
        if len(sockets) != len(structs):
            raise NotUnderstood("poll() of what is no socket")
        poll = Poll()
        for each, socket in zip(structs, sockets, strict=True):
            poll.register(socket, _field(each, "events"))
        ready = dict(poll.poll(_int(call, 2)))
        for each, socket in zip(structs, sockets, strict=True):
            got, wanted = ready.get(socket.fileno(), 0), each.get("revents", ANY)
            if wanted is not ANY and wanted != got:
                raise Mismatch(f"fd {each['fd']} revents {wanted:#x}", f"{got:#x}")
        return len(ready)

    def epoll_create(self, call: Call) -> int:
        """The call epoll_create or epoll_create1."""
        return self._enter(call, Epoll())

    def epoll_ctl(self, call: Call) -> int:
        """The call epoll_ctl."""
        epoll, operation, socket = self._epoll(call), _int(call, 1), self._socket(call, 2)
        if operation == 2:  # EPOLL_CTL_DEL
            epoll.unregister(socket)
            return 0
        event = call.arguments[3]
        events = _field(event, "events") if isinstance(event, dict) else 0
        (epoll.register if operation == 1 else epoll.modify)(socket, events)
        return 0

    def epoll_wait(self, call: Call) -> int:
        """The call epoll_wait: the events that the script writes are what must come."""
        timeout = _int(call, 3)
        got = self._epoll(call).poll(None if timeout < 0 else timeout / 1_000, max(_int(call, 2), 1))
        wanted = call.arguments[1]
        structs = wanted if isinstance(wanted, list) else [wanted]
        if any(isinstance(each, dict) and each.keys() - {"events", "fd"} for each in structs):
            raise NotUnderstood(f"{wanted!r} as struct epoll_event")
        numbers = {each.fileno(): self._number(each) for each in self.sockets()}
        found = {numbers.get(number, _UNKNOWN): events for number, events in got}
        for each in structs:
            if isinstance(each, dict) and found:
                fd = each.get("fd", next(iter(found)))
                if found.get(fd if isinstance(fd, int) else -1) != each.get("events"):
                    raise Mismatch(f"events {each}", f"{found}")
        return len(got)


def _error(name: str) -> tuple[int, str]:
    return ERRNOS[name], os.strerror(ERRNOS[name])


def _errno_name(number: int | None) -> str:
    return next((name for name, each in ERRNOS.items() if each == number), f"errno {number}")


def _outcome(call: Call) -> str:
    return f"{call.result} {call.error}".rstrip()


def _int(call: Call, at: int) -> int:
    value = call.arguments[at]
    if not isinstance(value, int):
        raise NotUnderstood(f"a number as argument {at + 1} of {call.name}() is expected, not {value!r}")
    return value


def _nameless(call: Call, at: int) -> None:
    """Addresses that calls return are not compared: the script must not say which it wants."""
    if not isinstance(call.arguments[at], Anything) and call.arguments[at] != 0:
        raise NotUnderstood(f"argument {at + 1} of {call.name}() must be ...")


def _list(call: Call, at: int) -> list[Value]:
    value = call.arguments[at]
    if not isinstance(value, list):
        raise NotUnderstood(f"an array as argument {at + 1} of {call.name}() is expected, not {value!r}")
    return value


def _field(struct: dict[str, Value], name: str) -> int:
    value = struct.get(name)
    if not isinstance(value, int):
        raise NotUnderstood(f"a number is expected as {name}, not {value!r}")
    return value


def _address(call: Call, at: int, default: tuple[str, int]) -> tuple[str, int]:
    """`...`, or `{sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr("192.0.2.1")}`."""
    value = call.arguments[at]
    if isinstance(value, Anything):
        return default
    if not isinstance(value, dict) or not value.keys() <= {"sa_family", "sin_family", "sin_port", "sin_addr"}:
        raise NotUnderstood(f"a struct sockaddr_in or ... is expected, not {value!r}")
    host, port = value.get("sin_addr", 0), value.get("sin_port", 0)
    if not isinstance(port, int):
        raise NotUnderstood(f"a number is expected as sin_port, not {port!r}")
    return host if isinstance(host, str) else format_ip(int(str(host)).to_bytes(4, "big")), port


def _option(call: Call) -> int | bytes:
    """The value of an option: `[1]`, `{onoff=1, linger=0}`, `{tv_sec=1, tv_usec=0}`, "reno"."""
    value = call.arguments[3]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict):
        if value.keys() == {"onoff", "linger"}:
            return LINGER.pack(_field(value, "onoff"), _field(value, "linger"))
        if value.keys() == {"tv_sec", "tv_usec"}:
            return TIMEVAL.pack(_field(value, "tv_sec"), _field(value, "tv_usec"))
    raise NotUnderstood(f"{value!r} is no value of an option that is understood")


_HANDLERS: Final[dict[str, Callable[[Calls, Call], int]]] = {
    "socket": Calls.socket, "bind": Calls.bind, "listen": Calls.listen, "accept": Calls.accept, "accept4": Calls.accept,
    "connect": Calls.connect, "close": Calls.close, "shutdown": Calls.shutdown, "write": Calls.write,
    "send": Calls.write, "read": Calls.read, "recv": Calls.read, "writev": Calls.writev, "readv": Calls.readv,
    "sendto": Calls.sendto, "recvfrom": Calls.recvfrom, "sendmsg": Calls.sendmsg, "recvmsg": Calls.recvmsg,
    "setsockopt": Calls.setsockopt, "getsockopt": Calls.getsockopt, "fcntl": Calls.fcntl, "ioctl": Calls.ioctl,
    "poll": Calls.poll, "epoll_create": Calls.epoll_create, "epoll_create1": Calls.epoll_create,
    "epoll_ctl": Calls.epoll_ctl, "epoll_wait": Calls.epoll_wait,
}  # fmt: skip

# How many arguments each takes.
ARITY: Final = {
    "socket": 3, "bind": 3, "listen": 2, "accept": 3, "accept4": 4, "connect": 3, "close": 1, "shutdown": 2, "write": 3,
    "send": 4, "read": 3, "recv": 4, "writev": 3, "readv": 3, "sendto": 6, "recvfrom": 6, "sendmsg": 3, "recvmsg": 3,
    "setsockopt": 5, "getsockopt": 5, "fcntl": 3, "ioctl": 3, "poll": 3, "epoll_create": 1, "epoll_create1": 1,
    "epoll_ctl": 4, "epoll_wait": 4,
}  # fmt: skip
assert ARITY.keys() == _HANDLERS.keys()
