"""The calls around files and pipes: pipe, open, splice, sendfile, lseek."""

import socket as kernel
from typing import Final

from netarium.socket.socket import Socket
from netarium.testing.packetdrill.calls import Calls, Handler, error, integer, listed
from netarium.testing.packetdrill.errors import NotUnderstood
from netarium.testing.packetdrill.files import File, Pipe, PipeEnd, size_of
from netarium.testing.packetdrill.script import ANY, Call, Value

_MORE, _NONBLOCK = 4, 2  # SPLICE_F_*
_CHUNK: Final = 65_536  # sendfile() works by pages in a pipe: so many octets at a time


def pipe(calls: Calls, call: Call) -> int:
    """The call pipe or pipe2: `pipe([5, 6]) = 0`."""
    numbers = listed(call, 0)
    if len(numbers) != 2 or not all(isinstance(number, int) for number in numbers):
        raise NotUnderstood("pipe() takes two descriptors, as [5, 6]")
    shared = Pipe()
    flags = integer(call, 1) if len(call.arguments) > 1 else 0
    for number, writes in zip(numbers, (False, True), strict=True):
        end = PipeEnd(shared, writes=writes)
        end.blocking = not flags & int(kernel.SOCK_NONBLOCK)
        assert isinstance(number, int)
        calls.enter_as(number, end)
    return 0


def open_file(calls: Calls, call: Call) -> int:
    """The call open or creat: a file of zeros."""
    path = call.arguments[0]
    if not isinstance(path, str):
        raise NotUnderstood("open() takes a path")
    return calls.enter(call, File(size_of(path)))


def lseek(calls: Calls, call: Call) -> int:
    """The call lseek with SEEK_SET."""
    thing = calls.any(call)
    if isinstance(thing, Socket | PipeEnd) or not isinstance(thing, File):
        raise error("ESPIPE")
    if integer(call, 2) != 0:
        raise NotUnderstood("lseek() but with SEEK_SET")
    thing.offset = integer(call, 1)
    return thing.offset


def splice(calls: Calls, call: Call) -> int:
    """The call splice: from a socket or a file into a pipe, or from a pipe into a socket."""
    source, target = calls.any(call, 0), calls.any(call, 2)
    length, flags = integer(call, 4), integer(call, 5)
    for at in (1, 3):
        if call.arguments[at] not in (0, ANY) and isinstance(calls.any(call, at - 1), PipeEnd | Socket):
            raise error("ESPIPE")
    if isinstance(source, Socket) and isinstance(target, PipeEnd):
        if not target.pipe.readers:
            raise error("EPIPE")
        wanted = min(length, target.pipe.room)
        if not wanted and length:
            raise error("EAGAIN")
        got = len(source.recv(wanted, int(kernel.MSG_DONTWAIT) if flags & _NONBLOCK else 0))
        target.pipe.octets += got
        return got
    if isinstance(source, PipeEnd) and isinstance(target, Socket):
        if source.pipe.octets:
            return _send_spliced(source.pipe, target, length, flags)
        if not source.pipe.writers:
            return 0
        if flags & _NONBLOCK:
            raise error("EAGAIN")
        return source.read(length)  # which says that it would wait
    if isinstance(source, File) and isinstance(target, PipeEnd) and not isinstance(source, PipeEnd):
        return target.write(min(source.read(length), max(target.pipe.room, 1)))
    raise error("EINVAL")


def _send_spliced(pipe_: Pipe, target: Socket, length: int, flags: int) -> int:
    wanted = min(length, pipe_.octets)
    how = (int(kernel.MSG_DONTWAIT) if flags & _NONBLOCK else 0) | (0x8000 if flags & _MORE else 0)
    sent = target.send(bytes(wanted), how)
    pipe_.octets -= sent
    return sent


def sendfile(calls: Calls, call: Call) -> int:
    """The call sendfile: to a socket from a file, from an offset (`[0]`) or from where the file stands (NULL)."""
    target, source, length = calls.any(call, 0), calls.any(call, 1), integer(call, 3)
    if not isinstance(target, Socket) or not isinstance(source, File) or isinstance(source, PipeEnd):
        raise error("EINVAL")
    offset = _offset(call.arguments[2])
    start = source.offset if offset is None else offset
    left = max(0, min(length, source.size - start))
    sent = 0
    while sent < left:
        size = min(_CHUNK, left - sent)
        try:
            taken = target.send(bytes(size), 0x8000 if sent + size < left else 0)  # MSG_MORE
        except OSError:
            if not sent:
                raise
            break
        sent += taken
        if taken < size:
            break
    if offset is None:
        source.offset += sent
    return sent


def _offset(value: Value) -> int | None:
    if value == 0 or value is ANY:
        return None
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], int):
        return value[0]
    raise NotUnderstood(f"NULL or an offset as [0] is expected, not {value!r}")


HANDLERS: Final[dict[str, Handler]] = {
    "pipe": pipe,
    "pipe2": pipe,
    "open": open_file,
    "creat": open_file,
    "lseek": lseek,
    "splice": splice,
    "sendfile": sendfile,
}
