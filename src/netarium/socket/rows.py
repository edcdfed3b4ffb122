"""Kinds of socket options: rows of one table that turn octets into a field of `SocketOptions` and back."""

import errno
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from netarium.base.units import SECOND, US
from netarium.socket.descriptors import Description
from netarium.socket.errors import os_error
from netarium.transport.tcp.connection import Connection

INT: Final = struct.Struct("i")
_TIMEVAL: Final = struct.Struct("ll")
_MAX_UNSIGNED: Final = 0xFFFF_FFFF
_MAX_INT: Final = 2**31 - 1
_BSD_CLUSTER, _BSD_BUFFER = (
    2_048,
    256,
)  # octets that a cluster holds and what the buffer that leads to it costs

Getter = Callable[[Description], int | bytes]
Setter = Callable[[Description, bytes], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One option: how it is read and how it is set; None: it cannot be."""

    get: Getter | None
    set: Setter | None


def as_int(value: bytes) -> int:
    """The int that begins an option.

    Raises:
        OSError: EINVAL, it is shorter.
    """
    if len(value) < INT.size:
        raise os_error(errno.EINVAL)
    return int(INT.unpack_from(value)[0])


def flag(field: str) -> Row:
    """A truth: anything but 0 is one."""

    def set_flag(description: Description, value: bytes) -> None:
        setattr(description.endpoint.options, field, bool(as_int(value)))

    return Row(lambda description: int(getattr(description.endpoint.options, field)), set_flag)


def integer(
    field: str,
    low: int = -_MAX_INT - 1,
    high: int = _MAX_INT,
    unit: int = 1,
    default: Callable[[Description], int] | None = None,
) -> Row:
    """A number, `unit` of the stack's to one of Linux's; 0 in the stack means `default`."""

    def get(description: Description) -> int:
        value: int = getattr(description.endpoint.options, field)
        return (value or default(description) if default is not None else value) // unit

    def set_integer(description: Description, value: bytes) -> None:
        number = as_int(value)
        if not low <= number <= high:
            raise os_error(errno.EINVAL)
        setattr(description.endpoint.options, field, number * unit)

    return Row(get, set_integer)


def octet(field: str, low: int, high: int, default: Callable[[Description], int] | None = None) -> Row:
    """An option of IP that may be set by one octet as well as by an int; -1 means the default."""
    inner = integer(field, low, high, default=default)

    def set_octet(description: Description, value: bytes) -> None:
        number = value[0] if 0 < len(value) < INT.size else as_int(value)
        reset = number == -1 and default is not None
        assert inner.set is not None
        if reset:
            setattr(description.endpoint.options, field, 0)
        else:
            inner.set(description, INT.pack(number))

    return Row(inner.get, set_octet)


def buffer(which: str, least: int, *, forced: bool = False) -> Row:
    """A size of a buffer, `which` of the two, that is never below `least`; `forced`: whatever the limit says."""

    def get(description: Description) -> int:
        endpoint = description.endpoint
        value: int = getattr(endpoint.options, which)
        config = description.host.machine.config.tcp
        if isinstance(endpoint, Connection):
            return value or (endpoint.tcb.rcv_memory if which == "rcvbuf" else endpoint.tcb.snd_memory)
        return value or (config.receive_buffer if which == "rcvbuf" else config.send_buffer)

    def set_buffer(description: Description, value: bytes) -> None:
        options, config = description.endpoint.options, description.host.machine.config.tcp
        size = as_int(value)
        if config.doubled_buffers:
            # Linux doubles what is asked for: its accounting has overhead, and programs know it.
            most = 0 if forced else config.rmem_max if which == "rcvbuf" else config.wmem_max
            if most:
                size = min(size & _MAX_UNSIGNED, most)  # a negative number is a large one
            size = max(least, 2 * min(max(size, 0), _MAX_INT // 2))
        elif size < 1:
            raise os_error(errno.EINVAL)
        elif size > config.receive_buffer_max * _BSD_CLUSTER // (_BSD_CLUSTER + _BSD_BUFFER):
            raise os_error(errno.ENOBUFS)
        setattr(options, which, size)
        setattr(options, which + "_locked", True)

    return Row(get, set_buffer)


def timeval(field: str) -> Row:
    """A duration as seconds and microseconds."""

    def get(description: Description) -> bytes:
        ns: int = getattr(description.endpoint.options, field)
        return _TIMEVAL.pack(ns // SECOND, ns % SECOND // US)

    def set_timeval(description: Description, value: bytes) -> None:
        if len(value) < _TIMEVAL.size:
            raise os_error(errno.EINVAL)
        seconds, micros = _TIMEVAL.unpack_from(value)
        if not 0 <= micros < 1_000_000:
            raise os_error(errno.EDOM)
        setattr(description.endpoint.options, field, max(0, seconds * SECOND + micros * US))

    return Row(get, set_timeval)


def fixed(value: Callable[[Description], int | bytes]) -> Row:
    """What can be read only."""
    return Row(value, None)
