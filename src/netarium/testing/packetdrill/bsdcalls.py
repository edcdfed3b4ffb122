"""What scripts for FreeBSD call and Linux does not know: options of sockets, MSG_EOF, a sendto() that connects."""

import errno
import socket as kernel
from typing import Final

from netarium.base.config import TcpConfig
from netarium.base.errors import StackError
from netarium.base.units import SECOND
from netarium.socket.errors import from_stack, os_error
from netarium.socket.socket import Socket
from netarium.testing.packetdrill.constants import CONSTANTS
from netarium.testing.packetdrill.errors import NotUnderstood
from netarium.testing.packetdrill.script import ANY, Value
from netarium.transport.options import SocketOptions
from netarium.transport.tcp.connection import Connection
from netarium.transport.tcp.negotiate import set_segment_size

_TCP, _SOCKET = int(kernel.IPPROTO_TCP), int(kernel.SOL_SOCKET)
_CLIENT, _SERVER = 1, 2  # bits of `TcpConfig.fast_open`
_SNDLOWAT: Final = 2_048
_HEADERS: Final = 40
MSG_EOF: Final = CONSTANTS["MSG_EOF"]
_MORE: Final = CONSTANTS["MSG_MORE"]

# Set and forgotten: logs, hardware, routing tables, other processes; nothing on the wire depends on them here.
_FORGOTTEN: Final = frozenset({(_TCP, CONSTANTS[name]) for name in (
    "TCP_LOG", "TCP_LOGBUF", "TCP_LOGID", "TCP_LOGDUMP", "TCP_LOGDUMPID", "TCP_PCAP_OUT", "TCP_PCAP_IN",
    "TCP_REUSPORT_LB_NUMA", "TCP_STATS", "TCP_LOG_LIMIT", "TCP_LOG_TAG",
)}) | frozenset({(_SOCKET, CONSTANTS[name]) for name in (
    "SO_SNDLOWAT", "SO_USELOOPBACK", "SO_NO_OFFLOAD", "SO_NO_DDP", "SO_REUSEPORT_LB", "SO_TS_CLOCK",
)})  # fmt: skip
# Off is what they are; on would be visible.
_OFF: Final = {(_TCP, CONSTANTS[name]): name for name in (
    "TCP_MD5SIG", "TCP_REMOTE_UDP_ENCAPS_PORT", "TCP_FIN_IS_RST", "TCP_IWND_NB",
)} | {(_SOCKET, CONSTANTS["SO_SETFIB"]): "SO_SETFIB"}  # fmt: skip


def set_option(one: Socket, level: int, name: int, value: Value) -> bool:
    """Set an option that only FreeBSD has; False: it is not one of those.

    Raises:
        OSError: as FreeBSD would.
        NotUnderstood: it is one that would change what is on the wire, and is not here.
    """
    if (level, name) in _FORGOTTEN:
        return True
    number = value[0] if isinstance(value, list) and value else value
    if (level, name) in _OFF:
        if number != 0:
            raise NotUnderstood(f"the option {_OFF[level, name]}")
        return True
    endpoint = one._live()
    if level != _TCP or not isinstance(endpoint, Connection):
        return False
    options, now = endpoint.own_options(), one._driver.now()
    if name == CONSTANTS["TCP_FASTOPEN"] and isinstance(value, dict | list | int):
        _set_fast_open(endpoint, options, value)
    elif name == CONSTANTS["TCP_NOOPT"]:
        options.no_tcp_options = bool(number)
    elif name == CONSTANTS["TCP_KEEPINIT"] and isinstance(number, int):
        options.connect_timeout_ns = number * SECOND
    elif name == CONSTANTS["TCP_MAXUNACKTIME"] and isinstance(number, int):
        options.user_timeout_ns = number * SECOND
    elif name == CONSTANTS["TCP_MAXSEG"] and isinstance(number, int):
        _set_maxseg(endpoint, number)
    elif name == CONSTANTS["TCP_NOPUSH"] and number == 0:
        one.setsockopt(level, name, 0)
    else:
        return False
    endpoint.options_changed(now)
    return True


def _maxseg(endpoint: Connection) -> int:
    """t_maxseg: the largest segment, options included; before both ends have spoken, what the system takes for granted."""
    tcb = endpoint.tcb
    if endpoint.state_name in {"CLOSED", "LISTEN", "SYN_SENT"}:
        return tcb.config.default_mss
    return min(tcb.peer_mss, tcb.path_mss)


def _set_maxseg(endpoint: Connection, value: int) -> None:
    """TCP_MAXSEG only makes smaller, and only what is sent: the option of a SYN tells what the link takes."""
    if not 0 < value <= _maxseg(endpoint) or value + _HEADERS < endpoint.tcb.config.min_mss:
        raise os_error(errno.EINVAL)
    if endpoint.state_name not in {"CLOSED", "LISTEN", "SYN_SENT"}:
        endpoint.tcb.peer_mss = value
        set_segment_size(endpoint.tcb)


def get_option(one: Socket, level: int, name: int) -> int | None:
    """The value of an option that only FreeBSD has, or that has another default there; None: it is not one of those."""
    if (level, name) == (_SOCKET, CONSTANTS["SO_SNDLOWAT"]):
        return _SNDLOWAT
    if (level, name) in _FORGOTTEN or (level, name) in _OFF:
        return 0
    endpoint = one._live()
    if not isinstance(endpoint, Connection):
        return None
    options, listener = endpoint.options, endpoint.listener
    values = {
        (_TCP, "TCP_MAXSEG"): _maxseg(endpoint),
        (_TCP, "TCP_NOOPT"): int(options.no_tcp_options),
        (_TCP, "TCP_FASTOPEN"): int(options.fast_open > 0),
        (_TCP, "TCP_KEEPINIT"): (options.connect_timeout_ns or endpoint.tcb.config.connect_timeout_ns)
        // SECOND,
        (_TCP, "TCP_MAXUNACKTIME"): options.user_timeout_ns // SECOND,
        (_SOCKET, "SO_LISTENQLIMIT"): 0 if listener is None else listener.backlog,
        (_SOCKET, "SO_LISTENQLEN"): 0 if listener is None else len(listener.ready),
        (_SOCKET, "SO_LISTENINCQLEN"): 0,
    }
    return next(
        (value for (lev, word), value in values.items() if (lev, CONSTANTS[word]) == (level, name)), None
    )


def _set_fast_open(endpoint: Connection, options: SocketOptions, value: Value) -> None:
    """`struct tcp_fastopen` or its first member: a listener takes Fast Opens, a client asks for a cookie."""
    if isinstance(value, dict):
        if not value.keys() <= {"enable", "psk"} or value.get("psk", ANY) is not ANY:
            raise NotUnderstood(f"{value!r} as struct tcp_fastopen: keys that were shared before")
        enable = value.get("enable", 1)
    else:
        enable = value[0] if isinstance(value, list) else value
    config: TcpConfig = endpoint.tcb.config
    if not config.fast_open & (_CLIENT | _SERVER):
        raise os_error(errno.EPERM)
    if endpoint.state_name not in {"CLOSED", "LISTEN"}:
        raise os_error(errno.EINVAL)
    if enable and endpoint.state_name == "LISTEN" and not config.fast_open & _SERVER:
        raise os_error(errno.EPERM)
    options.fast_open = config.somaxconn if enable else 0
    options.fast_open_connect = bool(enable) and endpoint.state_name == "CLOSED"


def send(one: Socket, octets: bytes, flags: int) -> int:
    """Send with MSG_EOF: the FIN goes along with the last octets."""
    endpoint = one._live()
    if not isinstance(endpoint, Connection):
        return one.send(octets, flags)
    sent = one.send(octets, flags & ~MSG_EOF | _MORE)
    if sent == len(octets):
        one.shutdown(kernel.SHUT_WR)
    return sent


def connect_by_sendto(one: Socket, octets: bytes, address: tuple[str, int]) -> int | None:
    """sendto() to an address on a fresh socket connects, and what is sent follows the handshake; None: it is not fresh."""
    endpoint = one._live()
    if not isinstance(endpoint, Connection) or endpoint.state_name != "CLOSED" or endpoint.key:
        return None
    packed, port = one._address(address, "sendto")
    try:
        return endpoint.connect_and_send(octets, packed, port, one._driver.now())
    except StackError as fault:
        raise from_stack(fault) from None
    finally:
        one._driver.kick(one._machine)
