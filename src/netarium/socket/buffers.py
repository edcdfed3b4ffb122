"""Buffers that programs hand to a Socket: any object with octets in it, read or written without a copy."""

from collections.abc import Iterable
from typing import Any

from netarium.base.checksum import Buffer


def octets(data: Any) -> Buffer:
    """The octets of a bytes-like object; `bytes` pass as they are.

    Raises:
        TypeError: it has none.
    """
    if type(data) is bytes:
        return data
    try:
        view = memoryview(data)
    except TypeError:
        raise TypeError(f"a bytes-like object is required, not {type(data).__name__!r}") from None
    return view if view.format == "B" and view.ndim == 1 and view.contiguous else view.cast("B")


def release(*views: Buffer) -> None:
    """Let a caller's buffer go before an exception is raised, whose traceback would hold it.

    Who catches `BlockingIOError` may clear or extend his bytearray then, as asyncio does, and as the kernel lets him.
    """
    for view in views:
        if isinstance(view, memoryview):
            view.release()


def gathered(buffers: Iterable[Any]) -> Buffer:
    """Several buffers as one (sendmsg); a single one is not copied."""
    pieces = [octets(one) for one in buffers]
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def writable(buffer: Any, size: int, call: str) -> memoryview:
    """The octets of a writable buffer, the first `size` of them (0: all).

    Raises:
        TypeError, ValueError, BufferError: not writable, too small, negative.
    """
    view = memoryview(buffer)
    if view.readonly:
        raise TypeError(f"read-write bytes-like object expected, not {type(buffer).__name__!r}")
    if view.format != "B" or view.ndim != 1:
        view = view.cast("B")
    if size < 0:
        raise ValueError(f"negative buffersize in {call}")
    if size > len(view):
        raise ValueError("buffer too small for requested bytes")
    return view[:size] if size else view


def scattered(data: Buffer, buffers: Iterable[Any]) -> int:
    """Distribute octets over writable buffers (recvmsg_into); returns how many there was room for."""
    at = 0
    for buffer in buffers:
        view = writable(buffer, 0, "recvmsg_into")
        piece = data[at : at + len(view)]
        view[: len(piece)] = piece
        at += len(piece)
        if at == len(data):
            break
    return at
