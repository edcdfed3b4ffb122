"""The calls that move data: write, read and their kin."""

import socket as kernel
from typing import Final

from netarium.base.errors import StackError
from netarium.socket.errors import from_stack
from netarium.socket.socket import Socket
from netarium.testing.packetdrill import bsdcalls
from netarium.testing.packetdrill.addresses import address_of, compare_address, is_null, theirs
from netarium.testing.packetdrill.calls import Calls, Handler, error, integer, packed
from netarium.testing.packetdrill.errors import NotUnderstood
from netarium.testing.packetdrill.files import File, PipeEnd
from netarium.testing.packetdrill.messages import (
    iov_length,
    iov_of,
    payload,
    reads_nowhere,
    receive_message,
    send_message,
)
from netarium.testing.packetdrill.script import Call
from netarium.transport.tcp.connection import Connection

MSG_FASTOPEN: Final = 0x20000000
_LARGEST_IO: Final = 2**26  # octets of one call: more would be a mistake of the script


def write(calls: Calls, call: Call) -> int:
    """The call write or send."""
    thing = calls.any(call) if call.name == "write" else calls.socket(call)
    length = _length(call, 2)
    if isinstance(thing, PipeEnd):
        return thing.write(length)
    if not isinstance(thing, Socket):
        raise error("EINVAL")
    flags = integer(call, 3) if call.name == "send" else 0
    if is_null(call.arguments[1]):
        return _send_from_nowhere(thing, length, flags)
    return _send(calls, thing, payload(call.arguments[1], length), flags)


def _send(calls: Calls, one: Socket, octets: bytes, flags: int) -> int:
    if flags & bsdcalls.MSG_EOF and calls.profile == "freebsd":
        return bsdcalls.send(one, octets, flags)
    return one.send(octets, flags)


def _send_from_nowhere(one: Socket, length: int, flags: int) -> int:
    """A bad pointer is met when octets are copied: after everything that is wrong with the connection."""
    one.send(b"", flags)
    if length:
        raise error("EFAULT")
    return 0


def connect_from_nowhere(one: Socket, _length: int, flags: int, address: tuple[str, int]) -> int:
    """MSG_FASTOPEN with a bad pointer: the SYN goes without the octets that cannot be read."""
    endpoint, driver = one._live(), one._driver
    if not isinstance(endpoint, Connection) or (one.getblocking() and not flags & kernel.MSG_DONTWAIT):
        raise NotUnderstood("sendto() with MSG_FASTOPEN from a bad pointer but on a non-blocking stream")
    try:
        endpoint.connect_with(None, packed(address[0]), address[1], driver.now(), waiting=False)
    except StackError as fault:
        raise from_stack(fault) from None
    one._description.connecting = True
    driver.kick(one._machine)
    raise error("EINPROGRESS")


def read(calls: Calls, call: Call) -> int:
    """The call read or recv: a string is what must come."""
    thing = calls.any(call) if call.name == "read" else calls.socket(call)
    length = _length(call, 2)
    if isinstance(thing, PipeEnd | File):
        return thing.read(length)
    if not isinstance(thing, Socket):
        raise error("EINVAL")
    flags = integer(call, 3) if call.name == "recv" else 0
    if is_null(call.arguments[1]) and length and not flags & kernel.MSG_TRUNC:
        if thing.recv(1, flags | kernel.MSG_PEEK):
            raise error("EFAULT")
        return 0
    return len(thing.recv(length, flags))


def writev(calls: Calls, call: Call) -> int:
    """The call writev."""
    if reads_nowhere({"msg_iov": call.arguments[1]}):
        return _send_from_nowhere(calls.socket(call), 1, 0)
    return calls.socket(call).sendmsg(iov_of(call.arguments[1]))


def readv(calls: Calls, call: Call) -> int:
    """The call readv."""
    return len(calls.socket(call).recv(iov_length(call.arguments[1])))


def sendto(calls: Calls, call: Call) -> int:
    """The call sendto."""
    one, length, flags = calls.socket(call), _length(call, 2), integer(call, 3)
    if is_null(call.arguments[4]):
        if is_null(call.arguments[1]):
            return _send_from_nowhere(one, length, flags)
        return _send(calls, one, payload(call.arguments[1], length), flags)
    address = address_of(call, 4, theirs(calls.settings))
    if one.type == kernel.SOCK_STREAM and calls.profile == "freebsd":
        calls.audience.on_connect(one, packed(address[0]), address[1])
        sent = bsdcalls.connect_by_sendto(one, payload(call.arguments[1], length), address)
        if sent is not None:
            return sent
    if one.type != kernel.SOCK_STREAM or flags & MSG_FASTOPEN:
        calls.audience.on_connect(one, packed(address[0]), address[1])
    if is_null(call.arguments[1]) and length:
        if flags & MSG_FASTOPEN:
            return connect_from_nowhere(one, length, flags, address)
        raise error("EFAULT")
    return one.sendto(payload(call.arguments[1], length), flags, address)


def recvfrom(calls: Calls, call: Call) -> int:
    """The call recvfrom."""
    data, address = calls.socket(call).recvfrom(_length(call, 2), integer(call, 3))
    if address is not None:
        compare_address(call, 4, address)
    return len(data)


def sendmsg(calls: Calls, call: Call) -> int:
    """The call sendmsg."""
    one, flags = calls.socket(call), integer(call, 2)
    if is_null(call.arguments[1]):
        raise error("EFAULT")
    if reads_nowhere(call.arguments[1]):
        return _send_from_nowhere(one, 1, flags)
    return send_message(calls, one, call.arguments[1], flags)


def recvmsg(calls: Calls, call: Call) -> int:
    """The call recvmsg."""
    one, flags = calls.socket(call), integer(call, 2)
    if is_null(call.arguments[1]):
        raise error("EFAULT")
    return receive_message(calls, one, call.arguments[1], flags)


def _length(call: Call, at: int) -> int:
    length = integer(call, at)
    if length > _LARGEST_IO:
        raise NotUnderstood(f"{call.name}() with {length} octets")
    if length < 0:
        raise error("EINVAL" if call.name not in {"read", "write"} else "EFAULT")
    return length


HANDLERS: Final[dict[str, Handler]] = {
    "write": write, "send": write, "read": read, "recv": read, "writev": writev, "readv": readv,
    "sendto": sendto, "recvfrom": recvfrom, "sendmsg": sendmsg, "recvmsg": recvmsg,
}  # fmt: skip
