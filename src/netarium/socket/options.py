"""getsockopt() and setsockopt(): how Linux encodes each option, and where the stack keeps it.

One table. Its rows turn octets into a field of `SocketOptions` and back; the stack is told of every change.
"""

import errno
import socket as kernel
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from netarium.base.errors import WireError
from netarium.base.units import MS, SECOND, US
from netarium.socket.descriptors import Description
from netarium.socket.errors import os_error
from netarium.socket.errqueue import set_timestamping
from netarium.socket.membership import join, leave, multicast_interface
from netarium.socket.tcpinfo import pack_tcp_info
from netarium.transport.tcp import fastopen, negotiate
from netarium.transport.tcp.congestion import ALGORITHMS
from netarium.transport.tcp.connection import Connection
from netarium.wire.ipv4_options import SOURCE_ROUTES, parse_options

_INT: Final = struct.Struct("i")
_LONGEST_LINGER2: Final = 120  # s
_TWO_INTS: Final = struct.Struct("ii")  # struct linger
_TIMEVAL: Final = struct.Struct("ll")
_MIN_RCVBUF: Final = 2_304  # Linux's SOCK_MIN_RCVBUF
_MIN_SNDBUF: Final = 4_608
_BSD_CLUSTER, _BSD_BUFFER = (
    2_048,
    256,
)  # octets that a cluster holds and what the buffer that leads to it costs
_MAX_INT: Final = 2**31 - 1
_MAX_IP_OPTIONS: Final = 40  # octets
_MOST_RETRIES: Final = 255
_LEAST_MAXSEG, _MOST_MAXSEG = 88, 32_767
_NAME_LENGTH: Final = 16  # IFNAMSIZ, TCP_CA_NAME_MAX

Getter = Callable[[Description], int | bytes]
Setter = Callable[[Description, bytes], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One option: how it is read and how it is set; None: it cannot be."""

    get: Getter | None
    set: Setter | None


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
    value = row.get(description)
    if length:
        return (_INT.pack(value) if isinstance(value, int) else value)[:length]
    return value if isinstance(value, int) else int(_INT.unpack(value[:4].ljust(4, b"\0"))[0])


def set_option(description: Description, level: int, name: int, value: bytes, now: int) -> None:
    """Set an option from its octets, and let the stack act on it. Lock held.

    Raises:
        OSError: ENOPROTOOPT, EINVAL, ...
    """
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


def _number(value: bytes) -> int:
    if len(value) < _INT.size:
        raise os_error(errno.EINVAL)
    return int(_INT.unpack_from(value)[0])


# --- kinds of rows ----------------------------------------------------------------------------------------------


def _flag(field: str) -> Row:
    def set_flag(description: Description, value: bytes) -> None:
        setattr(description.endpoint.options, field, bool(_number(value)))

    return Row(lambda description: int(getattr(description.endpoint.options, field)), set_flag)


def _switch(field: str) -> Row:
    """A flag that is 0 or 1, and nothing else."""

    def set_switch(description: Description, value: bytes) -> None:
        if _number(value) not in {0, 1}:
            raise os_error(errno.EINVAL)
        setattr(description.endpoint.options, field, bool(_number(value)))

    return Row(lambda description: int(getattr(description.endpoint.options, field)), set_switch)


def _integer(
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
        number = _number(value)
        if not low <= number <= high:
            raise os_error(errno.EINVAL)
        setattr(description.endpoint.options, field, number * unit)

    return Row(get, set_integer)


def _octet(field: str, low: int, high: int, default: Callable[[Description], int] | None = None) -> Row:
    """An option of IP that may be set by one octet as well as by an int; -1 means the default."""
    inner = _integer(field, low, high, default=default)

    def set_octet(description: Description, value: bytes) -> None:
        number = value[0] if 0 < len(value) < _INT.size else _number(value)
        reset = number == -1 and default is not None
        assert inner.set is not None
        if reset:
            setattr(description.endpoint.options, field, 0)
        else:
            inner.set(description, _INT.pack(number))

    return Row(inner.get, set_octet)


def _buffer(which: str, least: int) -> Row:
    def get(description: Description) -> int:
        endpoint = description.endpoint
        value: int = getattr(endpoint.options, which)
        config = description.host.machine.config.tcp
        if isinstance(endpoint, Connection):
            return value or (endpoint.tcb.rcv_memory if which == "rcvbuf" else endpoint.tcb.snd_memory)
        return value or (config.receive_buffer if which == "rcvbuf" else config.send_buffer)

    def set_buffer(description: Description, value: bytes) -> None:
        options, config = description.endpoint.options, description.host.machine.config.tcp
        size = _number(value)
        if config.doubled_buffers:
            # Linux doubles what is asked for: its accounting has overhead, and programs know it.
            size = max(least, 2 * min(max(size, 0), _MAX_INT // 2))
        elif size < 1:
            raise os_error(errno.EINVAL)
        elif size > config.receive_buffer_max * _BSD_CLUSTER // (_BSD_CLUSTER + _BSD_BUFFER):
            raise os_error(errno.ENOBUFS)
        setattr(options, which, size)
        setattr(options, which + "_locked", True)

    return Row(get, set_buffer)


def _timeval(field: str) -> Row:
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


def _fixed(value: Callable[[Description], int | bytes]) -> Row:
    return Row(value, None)


# --- single ones ------------------------------------------------------------------------------------------------


def _take_error(description: Description) -> int:
    endpoint = description.endpoint
    pending, endpoint.error = endpoint.error, 0
    if (
        not pending and isinstance(endpoint, Connection) and endpoint.tcb.config.socket_errors == "linux"
    ):  # RFC 9293 MUST-47: what ICMP hinted at
        pending, endpoint.tcb.soft_error = endpoint.tcb.soft_error, 0
    return pending


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


_LINGER2: Final = _integer(
    "linger2_ns", unit=SECOND, default=lambda d: d.host.machine.config.tcp.fin_wait_2_timeout_ns
)


def _set_linger2(description: Description, value: bytes) -> None:
    """Seconds in FIN-WAIT-2; any negative number is -1, which means none at all."""
    number = max(-1, min(_number(value), _LONGEST_LINGER2))
    description.endpoint.options.linger2_ns = number * SECOND


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


def _get_congestion(description: Description) -> bytes:
    name = description.endpoint.options.congestion or description.host.machine.config.tcp.congestion_control
    return name.encode().ljust(_NAME_LENGTH, b"\0")


def _set_congestion(description: Description, value: bytes) -> None:
    name = value.split(b"\0", 1)[0].decode("ascii", "replace")
    if name not in ALGORITHMS:
        raise os_error(errno.ENOENT)
    description.endpoint.options.congestion = name


def _get_tcp_info(description: Description) -> bytes:
    assert isinstance(description.endpoint, Connection)
    return pack_tcp_info(description.endpoint.info(description.host.driver.now()))


def _get_maxseg(description: Description) -> int:
    assert isinstance(description.endpoint, Connection)
    endpoint = description.endpoint
    if endpoint.options.maxseg and _is_unused(description):
        return endpoint.options.maxseg
    return negotiate.shown_mss(endpoint.tcb)


def _set_maxseg(description: Description, value: bytes) -> None:
    size = _number(value)
    if size and not _LEAST_MAXSEG <= size <= _MOST_MAXSEG:
        raise os_error(errno.EINVAL)
    description.endpoint.options.maxseg = size


def _set_nodelay(description: Description, value: bytes) -> None:
    endpoint = description.endpoint
    assert isinstance(endpoint, Connection)
    endpoint.options.nodelay = bool(_number(value))
    if endpoint.options.nodelay:
        endpoint.push(description.host.driver.now())


def _get_quickack(description: Description) -> int:
    assert isinstance(description.endpoint, Connection)
    return int(description.endpoint.quickack)


def _set_quickack(description: Description, value: bytes) -> None:
    assert isinstance(description.endpoint, Connection)
    description.endpoint.set_quickack(_number(value), description.host.driver.now())


def _get_defer_accept(description: Description) -> int:
    """Seconds until the last of so many repetitions, which begin at the initial timeout and double."""
    config = description.host.machine.config.tcp
    timeout, most = config.initial_rto_ns // SECOND, config.max_rto_ns // SECOND
    return sum(min(timeout << i, most) for i in range(description.endpoint.options.defer_accept))


def _set_defer_accept(description: Description, value: bytes) -> None:
    """From seconds to the repetitions of a SYN,ACK that take so long."""
    seconds, config = _number(value), description.host.machine.config.tcp
    timeout, most = config.initial_rto_ns // SECOND, config.max_rto_ns // SECOND
    count = period = 0
    while period < seconds and count < _MOST_RETRIES:
        period += min(timeout << count, most)
        count += 1
    description.endpoint.options.defer_accept = count


def _set_user_timeout(description: Description, value: bytes) -> None:
    milliseconds = _number(value)
    if milliseconds < 0:
        raise os_error(errno.EINVAL)
    options = description.endpoint.options
    options.user_timeout_ns = milliseconds * MS
    options.uto_changeable = not milliseconds  # RFC 5482 §3 (MUST): the application's word comes first


def _suggested_user_timeout(description: Description) -> int:
    assert isinstance(description.endpoint, Connection)
    return description.endpoint.tcb.uto_remote_ns // SECOND


def _is_unused(description: Description) -> bool:
    return description.endpoint.state_name in {"CLOSED", "LISTEN"}


def _set_fast_open(description: Description, value: bytes) -> None:
    length = _number(value)
    if length < 0 or not _is_unused(description):
        raise os_error(errno.EINVAL)
    description.endpoint.options.fast_open = min(length, description.host.machine.config.tcp.somaxconn)


def _set_fast_open_connect(description: Description, value: bytes) -> None:
    wanted = _number(value)
    if not 0 <= wanted <= 1:
        raise os_error(errno.EINVAL)
    if not description.host.machine.config.tcp.fast_open & fastopen.CLIENT:
        raise os_error(errno.EOPNOTSUPP)
    if description.endpoint.state_name != "CLOSED":
        raise os_error(errno.EINVAL)
    description.endpoint.options.fast_open_connect = bool(wanted)


def _set_no_cookie(description: Description, value: bytes) -> None:
    wanted = _number(value)
    if not 0 <= wanted <= 1 or not _is_unused(description):
        raise os_error(errno.EINVAL)
    description.endpoint.options.fast_open_no_cookie = bool(wanted)


def _get_fast_open_key(description: Description) -> bytes:
    machine = description.host.machine
    return b"".join(machine.tcp.fast_open.keys(machine.config.tcp, description.endpoint.options))


def _set_fast_open_key(description: Description, value: bytes) -> None:
    """One key, or a new one and an old one."""
    if len(value) not in {fastopen.KEY_LENGTH, 2 * fastopen.KEY_LENGTH}:
        raise os_error(errno.EINVAL)
    description.endpoint.options.fast_open_key = bytes(value)


def _set_multicast_if(description: Description, value: bytes) -> None:
    if len(value) < 4:
        raise os_error(errno.EINVAL)
    options = description.endpoint.options
    address, index = (value[4:8], int(_INT.unpack(value[8:12])[0])) if len(value) >= 12 else (value[:4], 0)
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
    tos = value[0] if len(value) < _INT.size else _number(value)
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

# Linux's numbers that Python's socket module does not name.
_IP_MTU, _IP_MTU_DISCOVER, _IP_RECVERR, _IP_RECVTTL, _IP_FREEBIND, _IP_MULTICAST_ALL = 14, 10, 11, 12, 15, 49
_IPV6_MTU, _IPV6_RECVERR = 24, 25
_TCP_INQ = 36
_TCP_FASTOPEN_CONNECT, _TCP_FASTOPEN_KEY, _TCP_FASTOPEN_NO_COOKIE = 30, 33, 34
_SO_NO_CHECK, _SO_TIMESTAMP = 11, 29
_SO_MAX_PACING_RATE: Final = 47
_NO_RATE: Final = 0xFFFF_FFFF
_SO_TIMESTAMPING, _SO_ZEROCOPY = 37, 60

# The User Timeout Option (RFC 5482), for which no system has numbers. Set them before connect() or listen().
TCP_UTO: Final = 0x5482  # ENABLED: send the option and look at the peer's
TCP_UTO_ADVERTISE: Final = (
    0x5483  # ADV_UTO, seconds; 0: TCP_USER_TIMEOUT's, or as long as data would be resent
)
TCP_UTO_CHANGEABLE: Final = 0x5484  # the peer's may change ours; TCP_USER_TIMEOUT sets this to 0
TCP_UTO_REMOTE: Final = 0x5485  # to be read: what the peer suggested last, seconds

_TABLE: Final[dict[tuple[int, int], Row]] = {
    (_SOL, kernel.SO_REUSEADDR): _flag("reuseaddr"),
    (_SOL, kernel.SO_REUSEPORT): _flag("reuseport"),
    (_SOL, kernel.SO_BROADCAST): _flag("broadcast"),
    (_SOL, kernel.SO_KEEPALIVE): _flag("keepalive"),
    (_SOL, kernel.SO_OOBINLINE): _flag("oobinline"),
    (_SOL, _SO_TIMESTAMP): _flag("timestamp"),
    (_SOL, _SO_NO_CHECK): _flag("no_check"),
    (_SOL, _SO_MAX_PACING_RATE): Row(_get_max_pacing_rate, _set_max_pacing_rate),
    (_SOL, kernel.SO_LINGER): Row(_get_linger, _set_linger),
    (_SOL, kernel.SO_RCVBUF): _buffer("rcvbuf", _MIN_RCVBUF),
    (_SOL, kernel.SO_SNDBUF): _buffer("sndbuf", _MIN_SNDBUF),
    (_SOL, kernel.SO_RCVLOWAT): _integer("rcvlowat", 0, default=lambda _: 1),
    (_SOL, kernel.SO_SNDLOWAT): _fixed(lambda _: 1),
    (_SOL, kernel.SO_RCVTIMEO): _timeval("rcvtimeo_ns"),
    (_SOL, kernel.SO_SNDTIMEO): _timeval("sndtimeo_ns"),
    (_SOL, kernel.SO_PRIORITY): _integer("priority", 0),
    (_SOL, kernel.SO_MARK): _integer("mark"),
    (_SOL, kernel.SO_BINDTODEVICE): Row(
        lambda d: d.endpoint.options.bindtodevice.encode() + b"\0", _set_device
    ),
    (_SOL, kernel.SO_ERROR): _fixed(_take_error),
    (_SOL, _SO_ZEROCOPY): _integer("zerocopy", 0, 1),
    (_SOL, _SO_TIMESTAMPING): Row(
        lambda d: d.endpoint.options.timestamping, lambda d, value: set_timestamping(d, _number(value))
    ),
    (_SOL, kernel.SO_TYPE): _fixed(lambda description: description.type),
    (_SOL, kernel.SO_DOMAIN): _fixed(lambda description: description.family),
    (_SOL, kernel.SO_PROTOCOL): _fixed(_protocol),
    (_SOL, kernel.SO_ACCEPTCONN): _fixed(_accepts),
    (_IP, kernel.IP_TTL): _octet("ttl", 1, 255, lambda d: d.host.machine.config.ip.default_ttl),
    (_IP, kernel.IP_TOS): Row(lambda d: d.endpoint.options.tos, _set_tos),
    (_IP, kernel.IP_RECVTOS): _flag("recvtos"),
    (_IP, _IP_RECVTTL): _flag("recvttl"),
    (_IP, kernel.IP_PKTINFO if hasattr(kernel, "IP_PKTINFO") else 8): _flag("pktinfo"),
    (_IP, _IP_RECVERR): _flag("recverr"),
    (_IP, _IP_FREEBIND): _flag("freebind"),
    (_IP, _IP_MTU_DISCOVER): _integer("mtu_discover", 0, 5),
    (_IP, _IP_MTU): _fixed(_path_mtu),
    (_IP, kernel.IP_OPTIONS): Row(lambda d: d.endpoint.options.ip_options, _set_ip_options),
    (_IP, kernel.IP_MULTICAST_TTL): _octet("multicast_ttl", 0, 255),
    (_IP, kernel.IP_MULTICAST_LOOP): Row(
        lambda d: int(d.endpoint.options.multicast_loop),
        lambda d, value: setattr(d.endpoint.options, "multicast_loop", any(value)),
    ),
    (_IP, _IP_MULTICAST_ALL): _flag("multicast_all"),
    (_IP, kernel.IP_MULTICAST_IF): Row(_get_multicast_if, _set_multicast_if),
    (_IP, kernel.IP_ADD_MEMBERSHIP): Row(None, join),
    (_IP, kernel.IP_DROP_MEMBERSHIP): Row(None, leave),
    (_IP6, kernel.IPV6_V6ONLY): _flag("v6only"),
    (_IP6, kernel.IPV6_UNICAST_HOPS): _octet("ttl", 0, 255, lambda d: d.host.machine.config.ip.default_ttl),
    (_IP6, kernel.IPV6_MULTICAST_HOPS): _octet("multicast_ttl", 0, 255),
    (_IP6, kernel.IPV6_MULTICAST_LOOP): _flag("multicast_loop"),
    (_IP6, kernel.IPV6_TCLASS): _octet("tos", 0, 255),
    (_IP6, kernel.IPV6_RECVTCLASS): _flag("recvtos"),
    (_IP6, kernel.IPV6_RECVHOPLIMIT): _flag("recvttl"),
    (_IP6, kernel.IPV6_RECVPKTINFO): _flag("pktinfo"),
    (_IP6, _IPV6_RECVERR): _flag("recverr"),
    (_IP6, _IPV6_MTU): _fixed(_path_mtu),
    (_IP6, kernel.IPV6_JOIN_GROUP): Row(None, join),
    (_IP6, kernel.IPV6_LEAVE_GROUP): Row(None, leave),
    (_TCP, kernel.TCP_NODELAY): Row(lambda d: int(d.endpoint.options.nodelay), _set_nodelay),
    (_TCP, kernel.TCP_CORK): _flag("cork"),
    (_TCP, kernel.TCP_MAXSEG): Row(_get_maxseg, _set_maxseg),
    (_TCP, kernel.TCP_KEEPIDLE): _integer(
        "keepidle_ns", 1, 32_767, SECOND, lambda d: d.host.machine.config.tcp.keepalive_idle_ns
    ),
    (_TCP, kernel.TCP_KEEPINTVL): _integer(
        "keepintvl_ns", 1, 32_767, SECOND, lambda d: d.host.machine.config.tcp.keepalive_interval_ns
    ),
    (_TCP, kernel.TCP_KEEPCNT): _integer(
        "keepcnt", 1, 127, 1, lambda d: d.host.machine.config.tcp.keepalive_probes
    ),
    (_TCP, kernel.TCP_SYNCNT): _integer("syncnt", 1, 127, 1, lambda d: d.host.machine.config.tcp.syn_retries),
    (_TCP, kernel.TCP_DEFER_ACCEPT): Row(_get_defer_accept, _set_defer_accept),
    (_TCP, kernel.TCP_FASTOPEN): Row(lambda d: d.endpoint.options.fast_open, _set_fast_open),
    (_TCP, _TCP_FASTOPEN_CONNECT): Row(
        lambda d: int(d.endpoint.options.fast_open_connect), _set_fast_open_connect
    ),
    (_TCP, _TCP_FASTOPEN_KEY): Row(_get_fast_open_key, _set_fast_open_key),
    (_TCP, _TCP_FASTOPEN_NO_COOKIE): Row(
        lambda d: int(d.endpoint.options.fast_open_no_cookie), _set_no_cookie
    ),
    (_TCP, kernel.TCP_LINGER2): Row(_LINGER2.get, _set_linger2),
    (_TCP, kernel.TCP_WINDOW_CLAMP): _integer("window_clamp", 0),
    (_TCP, kernel.TCP_INFO): _fixed(_get_tcp_info),
    (_TCP, kernel.TCP_QUICKACK): Row(_get_quickack, _set_quickack),
    (_TCP, kernel.TCP_CONGESTION): Row(_get_congestion, _set_congestion),
    (_TCP, kernel.TCP_USER_TIMEOUT): Row(
        lambda d: d.endpoint.options.user_timeout_ns // MS, _set_user_timeout
    ),
    (_TCP, TCP_UTO): _flag("uto"),
    (_TCP, TCP_UTO_ADVERTISE): _integer("uto_advertised_ns", 0, unit=SECOND),
    (_TCP, TCP_UTO_CHANGEABLE): _flag("uto_changeable"),
    (_TCP, TCP_UTO_REMOTE): _fixed(_suggested_user_timeout),
    (_TCP, kernel.TCP_NOTSENT_LOWAT): _integer("notsent_lowat"),
    (_TCP, _TCP_INQ): _switch("inq"),
}
