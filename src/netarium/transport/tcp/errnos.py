"""What calls from above say in states that they do not fit: the errnos of Linux and of FreeBSD.

RFC 9293 §3.10 only says "error: connection does not exist" and the like; which number that is, and whether a call waits
instead, is the system's.
"""

import errno
from typing import Final

from netarium.transport.tcp.state import CLOSED, LISTEN, SYN_RECEIVED, SYN_SENT, State

FRESH: Final = "fresh"  # nothing was ever done with the socket but bind()
LISTENING: Final = "listening"
OPENING: Final = "opening"  # the handshake goes on
OVER: Final = "over"  # it was a connection, or an attempt at one
CONNECTED: Final = "connected"

_LINUX: Final[dict[tuple[str, str], int]] = {
    ("connect", LISTENING): errno.EISCONN,
    ("connect", OPENING): errno.EALREADY,
    ("connect", CONNECTED): errno.EISCONN,
    ("send", FRESH): errno.EPIPE,
    ("send", LISTENING): errno.EPIPE,
    ("send", OVER): errno.EPIPE,
    ("recv", FRESH): errno.ENOTCONN,
    ("recv", LISTENING): errno.ENOTCONN,
    ("shutdown", FRESH): errno.ENOTCONN,
    ("shutdown", OVER): errno.ENOTCONN,
}

_FREEBSD: Final[dict[tuple[str, str], int]] = {
    **_LINUX,
    ("connect", LISTENING): errno.EOPNOTSUPP,
    ("connect", OVER): errno.ECONNREFUSED,
    ("send", FRESH): errno.ENOTCONN,
    ("send", LISTENING): errno.ENOTCONN,
    ("send", OPENING): errno.ENOTCONN,
    ("accept", OVER): errno.ECONNABORTED,
    ("shutdown", LISTENING): errno.ENOTCONN,
}

_TABLES: Final = {"linux": _LINUX, "freebsd": _FREEBSD}


def situation(state: State, *, used: bool) -> str:
    """How a call sees a socket.

    Args:
        state: the connection's.
        used: it is a connection or an attempt at one, or was.
    """
    if state is CLOSED:
        return OVER if used else FRESH
    if state is LISTEN:
        return LISTENING
    return OPENING if state in {SYN_SENT, SYN_RECEIVED} else CONNECTED


def error_of(system: str, call: str, state: State, *, used: bool) -> int:
    """The errno of a call; 0: it is welcome.

    Args:
        system: "linux" or "freebsd".
        call: "connect", "send", "recv", "shutdown", or "accept": of the connection that it would give.
        state: the connection's.
        used: it is a connection or an attempt at one, or was.
    """
    return _TABLES[system].get((call, situation(state, used=used)), 0)
