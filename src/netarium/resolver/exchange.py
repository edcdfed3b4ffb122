"""The I/O of one attempt, for a program that may block and for an event loop: send, wait, hand in what came.

Every UDP attempt has a socket of its own and so a fresh unpredictable port (RFC 5452 §9.2, RFC 6056), connected, so
that the stack drops what does not come from the server, and a refused port is known at once.
"""

import asyncio
import socket as stdlib
from collections.abc import Iterator
from contextlib import nullcontext

from netarium.base.addr import format_ip
from netarium.base.units import SECOND
from netarium.resolver.query import Attempt
from netarium.socket.host import Host
from netarium.socket.socket import Socket
from netarium.wire import dns

_MAX_MESSAGE = 65_535


class Stream:
    """Messages in a byte stream, each behind its length (RFC 1035 §4.2.2); never holds more than one of them."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, octets: bytes) -> Iterator[bytes]:
        """Add what arrived; yield the messages that are now whole."""
        self._buffer += octets
        while len(self._buffer) >= 2:
            end = 2 + int.from_bytes(self._buffer[:2], "big")
            if len(self._buffer) < end:
                return
            message = bytes(self._buffer[2:end])
            del self._buffer[:end]
            yield message


def _open(host: Host, attempt: Attempt) -> Socket:
    family = stdlib.AF_INET if len(attempt.server) == 4 else stdlib.AF_INET6
    return host.socket(family, stdlib.SOCK_STREAM if attempt.stream else stdlib.SOCK_DGRAM)


def _framed(attempt: Attempt) -> bytes:
    return len(attempt.octets).to_bytes(2, "big") + attempt.octets


def _send_datagram(host: Host, sock: Socket, attempt: Attempt, cause: int) -> None:
    """Ask over UDP; never blocks, so that all that happens here happens because of the event `cause`."""
    trace = host.machine.trace
    with nullcontext() if trace is None else trace.because(cause):
        sock.connect((format_ip(attempt.server), attempt.port))
        sock.send(attempt.octets)


def _judge(attempt: Attempt, stream: Stream | None, octets: bytes) -> dns.Message | None:
    """The accepted message among what arrived.

    Raises:
        EOFError: the server closed its stream.
    """
    if stream is not None and not octets:
        raise EOFError
    for candidate in (octets,) if stream is None else stream.feed(octets):
        message = attempt.accept(candidate, (attempt.server, attempt.port))
        if message is not None:
            return message
    return None


def exchange(host: Host, attempt: Attempt, cause: int) -> dns.Message | None:
    """Carry out an attempt; None if nothing acceptable came in time or the server cannot be reached.

    Args:
        host: who asks.
        attempt: what is asked.
        cause: the event that told the trace of it, 0 without a trace.
    """
    deadline = host.driver.now() + attempt.timeout_ns
    stream = Stream() if attempt.stream else None
    with _open(host, attempt) as sock:
        try:
            sock.settimeout(attempt.timeout_ns / SECOND)
            if stream is None:
                _send_datagram(host, sock, attempt, cause)
            else:
                sock.connect((format_ip(attempt.server), attempt.port))
                sock.sendall(_framed(attempt))
            while (left := deadline - host.driver.now()) > 0:
                sock.settimeout(left / SECOND)
                message = _judge(attempt, stream, sock.recv(_MAX_MESSAGE))
                if message is not None:
                    return message
        except (OSError, EOFError):
            return None
    return None


async def exchange_async(host: Host, attempt: Attempt, cause: int) -> dns.Message | None:
    """The same for an event loop."""
    loop = asyncio.get_running_loop()
    stream = Stream() if attempt.stream else None
    with _open(host, attempt) as ours:
        sock: stdlib.socket = ours  # type: ignore[assignment]  # it is all that the loop needs of one
        sock.setblocking(False)
        try:
            async with asyncio.timeout(attempt.timeout_ns / SECOND):
                if stream is None:
                    _send_datagram(host, ours, attempt, cause)
                else:
                    await loop.sock_connect(sock, (format_ip(attempt.server), attempt.port))
                    await loop.sock_sendall(sock, _framed(attempt))
                while True:
                    message = _judge(attempt, stream, await loop.sock_recv(sock, _MAX_MESSAGE))
                    if message is not None:
                        return message
        except (OSError, EOFError):
            return None
