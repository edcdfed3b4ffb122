"""getsockopt() and setsockopt(): how Linux encodes each option, and where the stack keeps it (`tcprows`: those of TCP).

One table. Its rows turn octets into a field of `SocketOptions` and back; the stack is told of every change.
"""

import errno
import socket as kernel
import struct
import sys
from typing import Final

from netarium.base.errors import WireError
from netarium.socket.descriptors import Description
from netarium.socket.errors import os_error
from netarium.socket.errqueue import set_timestamping
from netarium.socket.membership import join, leave, multicast_interface
from netarium.socket.rows import INT, Row, as_int, buffer, fixed, flag, integer, octet, timeval
from netarium.socket.tcprows import TCP_ROWS, TCP_SAVED_SYN, saved_syn
from netarium.transport.tcp.connection import Connection
from netarium.wire.ipv4_options import SOURCE_ROUTES, parse_options

_TWO_INTS: Final = struct.Struct("ii")  # struct linger
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_MIN_RCVBUF: Final = 2_304  # Linux's SOCK_MIN_RCVBUF
_MIN_SNDBUF: Final = 4_608
_MAX_INT: Final = 2**31 - 1
_MAX_IP_OPTIONS: Final = 40  # octets
_NAME_LENGTH: Final = 16  # IFNAMSIZ


def get_option(description: Description, level: int, name: int, length: int) -> int | bytes:
    """The value, as an int if `length` is 0, else up to `length` octets of it. Lock held.

    Raises:
        OSError: ENOPROTOOPT, EOPNOTSUPP.
    """
    if level not in _levels(description):
        raise os_error(errno.EOPNOTSUPP)  # where setsockopt() says ENOPROTOOPT
    row = _row(description, level, name)
    if row.get is None:
        raise os_error(errno.ENOPROTOOPT)
    if (level, name) == (_TCP, TCP_SAVED_SYN):
        value: int | bytes = saved_syn(description, length or INT.size)
    else:
        value = row.get(description)
    if length:
        return (INT.pack(value) if isinstance(value, int) else value)[:length]
    return value if isinstance(value, int) else int(INT.unpack(value[:4].ljust(4, b"\0"))[0])


def set_option(description: Description, level: int, name: int, value: bytes, now: int) -> None:
    """Set an option from its octets, and let the stack act on it. Lock held.

    Raises:
        OSError: ENOPROTOOPT, EINVAL, ...
    """
    if level == _TCP and len(value) < INT.size and name not in _TEXTS and level in _levels(description):
        raise os_error(errno.EINVAL)
    row = _row(description, level, name)
    if row.set is None:
        raise os_error(errno.ENOPROTOOPT)
    if isinstance(description.endpoint, Connection):
        description.endpoint.own_options()
    row.set(description, value)
    description.endpoint.options_changed(now)


def _row(description: Description, level: int, name: int) -> Row:
    row = _TABLE.get((level, name))
    if row is None or level not in _levels(description):
        raise os_error(errno.ENOPROTOOPT)
    return row


def _levels(description: Description) -> tuple[int, ...]:
    """The protocols that look at the options of this socket."""
    levels = (_SOL, _IP) if description.family == int(kernel.AF_INET) else (_SOL, _IP, _IP6)
    return (*levels, _TCP) if isinstance(description.endpoint, Connection) else levels


# --- single ones ------------------------------------------------------------------------------------------------


def _take_error(description: Description) -> int:
    endpoint = description.endpoint
    pending, endpoint.error = endpoint.error, 0
    if (
        not pending and isinstance(endpoint, Connection) and endpoint.tcb.config.socket_errors == "linux"
    ):  # RFC 9293 MUST-47: what ICMP hinted at
        pending, endpoint.tcb.soft_error = endpoint.tcb.soft_error, 0
    return pending


def _set_rcvlowat(description: Description, value: bytes) -> None:
    """Octets; not more than half of what the buffer may come to be, which grows at once if it has to."""
    octets, endpoint = as_int(value), description.endpoint
    octets = _MAX_INT if octets < 0 else octets
    if isinstance(endpoint, Connection):
        octets = endpoint.reserve(octets)
    endpoint.options.rcvlowat = octets or 1


def _get_linger(description: Description) -> bytes:
    options = description.endpoint.options
    return _TWO_INTS.pack(options.linger is not None, options.linger_told)


def _set_linger(description: Description, value: bytes) -> None:
    if len(value) < _TWO_INTS.size:
        raise os_error(errno.EINVAL)
    on, seconds = _TWO_INTS.unpack_from(value)
    options = description.endpoint.options
    options.linger = max(0, seconds) if on else None
    if on:
        options.linger_told = max(0, seconds)


def _set_device(description: Description, value: bytes) -> None:
    name = value.split(b"\0", 1)[0][: _NAME_LENGTH - 1].decode("ascii", "replace")
    if name and all(interface.name != name for interface in description.host.machine.ip.interfaces):
        raise os_error(errno.ENODEV)
    description.endpoint.options.bindtodevice = name


def _get_max_pacing_rate(description: Description) -> bytes:
    rate = description.endpoint.options.max_pacing_rate or _NO_RATE
    return min(rate, _NO_RATE).to_bytes(4, sys.byteorder)


def _set_max_pacing_rate(description: Description, value: bytes) -> None:
    """Octets/s, of 32 or 64 bits; all ones: no limit."""
    if len(value) < 4:
        raise os_error(errno.EINVAL)
    rate = int.from_bytes(value[: 8 if len(value) >= 8 else 4], sys.byteorder)
    unlimited = rate in {_NO_RATE, (1 << 64) - 1}
    description.endpoint.options.max_pacing_rate = 0 if unlimited else max(rate, 1)


def _set_multicast_if(description: Description, value: bytes) -> None:
    if len(value) < 4:
        raise os_error(errno.EINVAL)
    options = description.endpoint.options
    address, index = (value[4:8], int(INT.unpack(value[8:12])[0])) if len(value) >= 12 else (value[:4], 0)
    if index or any(address):
        multicast_interface(description, b"\xe0\0\0\1", address, index)
    options.multicast_if, options.multicast_index = (address if any(address) else b""), index


def _get_multicast_if(description: Description) -> bytes:
    return description.endpoint.options.multicast_if or bytes(4)


def _set_ip_options(description: Description, value: bytes) -> None:
    """A list that a receiver would understand; source routes are refused, as by receivers (RFC 7126 §4.3-4)."""
    try:
        options = parse_options(value)
    except WireError:
        raise os_error(errno.EINVAL) from None
    if len(value) > _MAX_IP_OPTIONS or any(option.kind in SOURCE_ROUTES for option in options):
        raise os_error(errno.EINVAL)
    description.endpoint.options.ip_options = value + bytes(-len(value) % 4)


def _set_tos(description: Description, value: bytes) -> None:
    """The ECN bits of a stream are TCP's (RFC 3168 §6.1)."""
    if not value:
        raise os_error(errno.EINVAL)
    tos = value[0] if len(value) < INT.size else as_int(value)
    description.endpoint.options.tos = tos & (0xFC if description.endpoint.kind == "tcp" else 0xFF)


def _path_mtu(description: Description) -> int:
    endpoint = description.endpoint
    if not any(endpoint.remote[0]):
        raise os_error(errno.ENOTCONN)
    host = description.host
    return host.machine.ip.find_path(endpoint.remote[0], host.driver.now()).mtu


def _accepts(description: Description) -> int:
    return int(description.endpoint.state_name == "LISTEN")


def _protocol(description: Description) -> int:
    return {"tcp": 6, "udp": 17, "icmp": 1}[description.endpoint.kind]


_SOL: Final = int(kernel.SOL_SOCKET)
_IP: Final = int(kernel.IPPROTO_IP)
_IP6: Final = int(kernel.IPPROTO_IPV6)
_TCP: Final = int(kernel.IPPROTO_TCP)

_TEXTS: Final = frozenset({kernel.TCP_CONGESTION, 31, 33})  # TCP_ULP, TCP_FASTOPEN_KEY: not an int
# Linux's numbers that Python's socket module does not name.
_IP_MTU, _IP_MTU_DISCOVER, _IP_RECVERR, _IP_RECVTTL, _IP_FREEBIND, _IP_MULTICAST_ALL = 14, 10, 11, 12, 15, 49
_IPV6_MTU, _IPV6_RECVERR = 24, 25
_SO_NO_CHECK, _SO_TIMESTAMP = 11, 29
_SO_PEEK_OFF: Final = 42
_SO_MAX_PACING_RATE: Final = 47
_NO_RATE: Final = 0xFFFF_FFFF
_SO_TIMESTAMPING, _SO_ZEROCOPY = 37, 60

_TABLE: Final[dict[tuple[int, int], Row]] = {
    (_SOL, kernel.SO_REUSEADDR): flag("reuseaddr"),
    (_SOL, kernel.SO_REUSEPORT): flag("reuseport"),
    (_SOL, kernel.SO_BROADCAST): flag("broadcast"),
    (_SOL, kernel.SO_KEEPALIVE): flag("keepalive"),
    (_SOL, kernel.SO_OOBINLINE): flag("oobinline"),
    (_SOL, _SO_TIMESTAMP): flag("timestamp"),
    (_SOL, _SO_NO_CHECK): flag("no_check"),
    (_SOL, _SO_MAX_PACING_RATE): Row(_get_max_pacing_rate, _set_max_pacing_rate),
    (_SOL, kernel.SO_LINGER): Row(_get_linger, _set_linger),
    (_SOL, kernel.SO_RCVBUF): buffer("rcvbuf", _MIN_RCVBUF),
    (_SOL, kernel.SO_SNDBUF): buffer("sndbuf", _MIN_SNDBUF),
    (_SOL, _SO_RCVBUFFORCE): buffer("rcvbuf", _MIN_RCVBUF, forced=True),
    (_SOL, _SO_SNDBUFFORCE): buffer("sndbuf", _MIN_SNDBUF, forced=True),
    (_SOL, kernel.SO_RCVLOWAT): Row(lambda d: d.endpoint.options.rcvlowat, _set_rcvlowat),
    (_SOL, _SO_PEEK_OFF): integer("peek_off"),
    (_SOL, kernel.SO_SNDLOWAT): fixed(lambda _: 1),
    (_SOL, kernel.SO_RCVTIMEO): timeval("rcvtimeo_ns"),
    (_SOL, kernel.SO_SNDTIMEO): timeval("sndtimeo_ns"),
    (_SOL, kernel.SO_PRIORITY): integer("priority", 0),
    (_SOL, kernel.SO_MARK): integer("mark"),
    (_SOL, kernel.SO_BINDTODEVICE): Row(
        lambda d: d.endpoint.options.bindtodevice.encode() + b"\0", _set_device
    ),
    (_SOL, kernel.SO_ERROR): fixed(_take_error),
    (_SOL, _SO_ZEROCOPY): integer("zerocopy", 0, 1),
    (_SOL, _SO_TIMESTAMPING): Row(
        lambda d: d.endpoint.options.timestamping, lambda d, value: set_timestamping(d, as_int(value))
    ),
    (_SOL, kernel.SO_TYPE): fixed(lambda description: description.type),
    (_SOL, kernel.SO_DOMAIN): fixed(lambda description: description.family),
    (_SOL, kernel.SO_PROTOCOL): fixed(_protocol),
    (_SOL, kernel.SO_ACCEPTCONN): fixed(_accepts),
    (_IP, kernel.IP_TTL): octet("ttl", 1, 255, lambda d: d.host.machine.config.ip.default_ttl),
    (_IP, kernel.IP_TOS): Row(lambda d: d.endpoint.options.tos, _set_tos),
    (_IP, kernel.IP_RECVTOS): flag("recvtos"),
    (_IP, _IP_RECVTTL): flag("recvttl"),
    (_IP, kernel.IP_PKTINFO if hasattr(kernel, "IP_PKTINFO") else 8): flag("pktinfo"),
    (_IP, _IP_RECVERR): flag("recverr"),
    (_IP, _IP_FREEBIND): flag("freebind"),
    (_IP, _IP_MTU_DISCOVER): integer("mtu_discover", 0, 5),
    (_IP, _IP_MTU): fixed(_path_mtu),
    (_IP, kernel.IP_OPTIONS): Row(lambda d: d.endpoint.options.ip_options, _set_ip_options),
    (_IP, kernel.IP_MULTICAST_TTL): octet("multicast_ttl", 0, 255),
    (_IP, kernel.IP_MULTICAST_LOOP): Row(
        lambda d: int(d.endpoint.options.multicast_loop),
        lambda d, value: setattr(d.endpoint.options, "multicast_loop", any(value)),
    ),
    (_IP, _IP_MULTICAST_ALL): flag("multicast_all"),
    (_IP, kernel.IP_MULTICAST_IF): Row(_get_multicast_if, _set_multicast_if),
    (_IP, kernel.IP_ADD_MEMBERSHIP): Row(None, join),
    (_IP, kernel.IP_DROP_MEMBERSHIP): Row(None, leave),
    (_IP6, kernel.IPV6_V6ONLY): flag("v6only"),
    (_IP6, kernel.IPV6_UNICAST_HOPS): octet("ttl", 0, 255, lambda d: d.host.machine.config.ip.default_ttl),
    (_IP6, kernel.IPV6_MULTICAST_HOPS): octet("multicast_ttl", 0, 255),
    (_IP6, kernel.IPV6_MULTICAST_LOOP): flag("multicast_loop"),
    (_IP6, kernel.IPV6_TCLASS): octet("tos", 0, 255),
    (_IP6, kernel.IPV6_RECVTCLASS): flag("recvtos"),
    (_IP6, kernel.IPV6_RECVHOPLIMIT): flag("recvttl"),
    (_IP6, kernel.IPV6_RECVPKTINFO): flag("pktinfo"),
    (_IP6, _IPV6_RECVERR): flag("recverr"),
    (_IP6, _IPV6_MTU): fixed(_path_mtu),
    (_IP6, kernel.IPV6_JOIN_GROUP): Row(None, join),
    (_IP6, kernel.IPV6_LEAVE_GROUP): Row(None, leave),
    **{(_TCP, name): row for name, row in TCP_ROWS.items()},
}
