"""What calls from above say in states that they do not fit: the errnos of Linux and of FreeBSD.

RFC 9293 §3.10 only says "error: connection does not exist" and the like; which number that is, and whether a call waits
instead, is the system's.
"""

import errno
from typing import Final

from netarium.ip.packet import IcmpError
from netarium.transport.tcp.state import CLOSED, LISTEN, SYN_RECEIVED, SYN_SENT, State
from netarium.wire import icmpv4

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


# FreeBSD's inetctlerrmap, by type and code; None: any code. True: it ends connect() at once.
_FREEBSD_ICMP: Final[dict[tuple[str, int | None], tuple[int, bool]]] = {
    ("unreachable", None): (errno.EHOSTUNREACH, False),
    ("unreachable", icmpv4.PROTOCOL_UNREACHABLE): (errno.ECONNREFUSED, True),
    ("unreachable", icmpv4.PORT_UNREACHABLE): (errno.ECONNREFUSED, True),
    ("unreachable", icmpv4.NET_PROHIBITED): (errno.ECONNREFUSED, True),
    ("unreachable", icmpv4.HOST_PROHIBITED): (errno.ECONNREFUSED, True),
    ("unreachable", icmpv4.COMMUNICATION_PROHIBITED): (errno.ECONNREFUSED, True),
    ("time-exceeded", None): (errno.EHOSTUNREACH, True),
    ("parameter", None): (errno.ENOPROTOOPT, False),
}


def of_icmp(system: str, error: IcmpError) -> tuple[int, bool]:
    """The errno that an ICMP error becomes for who connects, and whether it is hard (RFC 1122 §4.2.3.9)."""
    if system == "freebsd":
        general = _FREEBSD_ICMP.get((error.kind, None), (error.errno, error.hard))
        return _FREEBSD_ICMP.get((error.kind, error.code), general)
    return error.errno, error.hard


def error_of(system: str, call: str, state: State, *, used: bool) -> int:
    """The errno of a call; 0: it is welcome.

    Args:
        system: "linux" or "freebsd".
        call: "connect", "send", "recv", "shutdown", or "accept": of the connection that it would give.
        state: the connection's.
        used: it is a connection or an attempt at one, or was.
    """
    return _TABLES[system].get((call, situation(state, used=used)), 0)
