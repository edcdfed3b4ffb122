"""getsockopt() and setsockopt() of IPPROTO_TCP: the rows of `options` that are TCP's."""

import errno
import socket as kernel
from collections.abc import Callable
from typing import Final, NoReturn

from netarium.base.units import MS, SECOND, US
from netarium.socket.descriptors import Description
from netarium.socket.errors import os_error
from netarium.socket.rows import Row, as_int, fixed, flag, integer
from netarium.socket.tcpinfo import pack_tcp_info
from netarium.transport.tcp import fastopen, negotiate
from netarium.transport.tcp.congestion import ALGORITHMS
from netarium.transport.tcp.connection import Connection
from netarium.transport.tcp.hearsay import NOTHING

_MOST_RETRIES: Final = 255
_LEAST_MAXSEG, _MOST_MAXSEG = 88, 32_767
_NAME_LENGTH: Final = 16  # TCP_CA_NAME_MAX
_MOST_LINGER2: Final = 120 * SECOND  # Linux's TCP_FIN_TIMEOUT_MAX
_LEAST_CLAMP: Final = 1_152  # half of the least SO_RCVBUF

# Linux's numbers that Python's socket module does not name.
_TCP_THIN_LINEAR_TIMEOUTS, _TCP_THIN_DUPACK, _TCP_CC_INFO = 16, 17, 26
_TCP_REPAIR, _TCP_REPAIR_QUEUE, _TCP_QUEUE_SEQ, _TCP_REPAIR_OPTIONS, _TCP_REPAIR_WINDOW = 19, 20, 21, 22, 29
_TCP_TIMESTAMP, _TCP_SAVE_SYN, TCP_SAVED_SYN, _TCP_ULP, _TCP_INQ = 24, 27, 28, 31, 36
_TCP_RTO_MAX_MS, _TCP_RTO_MIN_US, _TCP_DELACK_MAX_US = 44, 45, 46
_TCP_FASTOPEN_CONNECT, _TCP_FASTOPEN_KEY, _TCP_FASTOPEN_NO_COOKIE = 30, 33, 34
# The User Timeout Option (RFC 5482), for which no system has numbers. Set them before connect() or listen().
TCP_UTO: Final = 0x5482  # ENABLED: send the option and look at the peer's
TCP_UTO_ADVERTISE: Final = (
    0x5483  # ADV_UTO, seconds; 0: TCP_USER_TIMEOUT's, or as long as data would be resent
)
TCP_UTO_CHANGEABLE: Final = 0x5484  # the peer's may change ours; TCP_USER_TIMEOUT sets this to 0
TCP_UTO_REMOTE: Final = 0x5485  # to be read: what the peer suggested last, seconds


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
    size = as_int(value)
    if size and not _LEAST_MAXSEG <= size <= _MOST_MAXSEG:
        raise os_error(errno.EINVAL)
    description.endpoint.options.maxseg = size


def _set_nodelay(description: Description, value: bytes) -> None:
    endpoint = description.endpoint
    assert isinstance(endpoint, Connection)
    endpoint.options.nodelay = bool(as_int(value))
    if endpoint.options.nodelay:
        endpoint.push(description.host.driver.now())


def _get_quickack(description: Description) -> int:
    assert isinstance(description.endpoint, Connection)
    return int(description.endpoint.quickack)


def _set_quickack(description: Description, value: bytes) -> None:
    assert isinstance(description.endpoint, Connection)
    description.endpoint.set_quickack(as_int(value), description.host.driver.now())


def _get_defer_accept(description: Description) -> int:
    """Seconds until the last of so many repetitions, which begin at the initial timeout and double."""
    config = description.host.machine.config.tcp
    options = description.endpoint.options
    timeout, most = config.initial_rto_ns // SECOND, (options.rto_max_ns or config.max_rto_ns) // SECOND
    return sum(min(timeout << i, most) for i in range(options.defer_accept))


def _set_defer_accept(description: Description, value: bytes) -> None:
    """From seconds to the repetitions of a SYN,ACK that take so long."""
    seconds, config = as_int(value), description.host.machine.config.tcp
    options = description.endpoint.options
    timeout, most = config.initial_rto_ns // SECOND, (options.rto_max_ns or config.max_rto_ns) // SECOND
    count = period = 0
    while period < seconds and count < _MOST_RETRIES:
        period += min(timeout << count, most)
        count += 1
    options.defer_accept = count


def _set_user_timeout(description: Description, value: bytes) -> None:
    milliseconds = as_int(value)
    if milliseconds < 0:
        raise os_error(errno.EINVAL)
    options = description.endpoint.options
    options.user_timeout_ns = milliseconds * MS
    options.uto_changeable = not milliseconds  # RFC 5482 §3 (MUST): the application's word comes first


def _suggested_user_timeout(description: Description) -> int:
    assert isinstance(description.endpoint, Connection)
    return (description.endpoint.tcb.hearsay or NOTHING).uto_remote_ns // SECOND


def _is_unused(description: Description) -> bool:
    return description.endpoint.state_name in {"CLOSED", "LISTEN"}


def _set_fast_open(description: Description, value: bytes) -> None:
    length = as_int(value)
    if length < 0 or not _is_unused(description):
        raise os_error(errno.EINVAL)
    description.endpoint.options.fast_open = min(length, description.host.machine.config.tcp.somaxconn)


def _set_fast_open_connect(description: Description, value: bytes) -> None:
    wanted = as_int(value)
    if not 0 <= wanted <= 1:
        raise os_error(errno.EINVAL)
    if not description.host.machine.config.tcp.fast_open & fastopen.CLIENT:
        raise os_error(errno.EOPNOTSUPP)
    if description.endpoint.state_name != "CLOSED":
        raise os_error(errno.EINVAL)
    description.endpoint.options.fast_open_connect = bool(wanted)


def _set_no_cookie(description: Description, value: bytes) -> None:
    wanted = as_int(value)
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


def _get_linger2(description: Description) -> int:
    value = description.endpoint.options.linger2_ns
    if value < 0:
        return -1
    return (value or description.host.machine.config.tcp.fin_wait_2_timeout_ns) // SECOND


def _set_linger2(description: Description, value: bytes) -> None:
    """Seconds; 0: the system's; negative: none at all, FIN-WAIT-2 ends in a reset."""
    seconds = as_int(value)
    description.endpoint.options.linger2_ns = -1 if seconds < 0 else min(seconds * SECOND, _MOST_LINGER2)


def _get_window_clamp(description: Description) -> int:
    assert isinstance(description.endpoint, Connection)
    return description.endpoint.window_clamp


def _set_window_clamp(description: Description, value: bytes) -> None:
    """0 takes it back, of a socket that is not used yet."""
    octets, endpoint = as_int(value), description.endpoint
    assert isinstance(endpoint, Connection)
    if not octets and endpoint.state_name != "CLOSED":
        raise os_error(errno.EINVAL)
    endpoint.set_window_clamp(max(octets, _LEAST_CLAMP) if octets else 0)


def saved_syn(description: Description, length: int) -> bytes:
    """TCP_SAVED_SYN: IP and TCP header of the SYN that this connection came from, once, and as a whole.

    Raises:
        OSError: EINVAL, the buffer is too short.
    """
    endpoint = description.endpoint
    assert isinstance(endpoint, Connection)
    heard = endpoint.tcb.hearsay
    saved = b"" if heard is None else heard.saved_syn
    if length < len(saved):
        raise os_error(errno.EINVAL)
    if heard is not None:
        heard.saved_syn = b""
    return saved


def _set_thin_dupack(description: Description, value: bytes) -> None:  # noqa: ARG001 - as every setter
    """Linux takes it, and has done nothing with it since 4.15."""
    if as_int(value) not in {0, 1}:
        raise os_error(errno.EINVAL)


def _refusing(number: int) -> Callable[..., NoReturn]:
    """What may not be read or set, and with which errno."""

    def refuse(*_: object) -> NoReturn:
        raise os_error(number)

    return refuse


def _timestamp(description: Description) -> int:
    assert isinstance(description.endpoint, Connection)
    stamp = negotiate.timestamp(description.endpoint.tcb, description.host.driver.now())
    return stamp - (1 << 32) if stamp >> 31 else stamp


# Nobody may put the numbers of a connection where he likes: as on a Linux without CAP_NET_ADMIN.
_REPAIR: Final = Row(_refusing(errno.EINVAL), _refusing(errno.EPERM))

TCP_ROWS: Final[dict[int, Row]] = {
    kernel.TCP_NODELAY: Row(lambda d: int(d.endpoint.options.nodelay), _set_nodelay),
    kernel.TCP_CORK: flag("cork"),
    kernel.TCP_MAXSEG: Row(_get_maxseg, _set_maxseg),
    kernel.TCP_KEEPIDLE: integer(
        "keepidle_ns", 1, 32_767, SECOND, lambda d: d.host.machine.config.tcp.keepalive_idle_ns
    ),
    kernel.TCP_KEEPINTVL: integer(
        "keepintvl_ns", 1, 32_767, SECOND, lambda d: d.host.machine.config.tcp.keepalive_interval_ns
    ),
    kernel.TCP_KEEPCNT: integer("keepcnt", 1, 127, 1, lambda d: d.host.machine.config.tcp.keepalive_probes),
    kernel.TCP_SYNCNT: integer("syncnt", 1, 127, 1, lambda d: d.host.machine.config.tcp.syn_retries),
    kernel.TCP_DEFER_ACCEPT: Row(_get_defer_accept, _set_defer_accept),
    kernel.TCP_FASTOPEN: Row(lambda d: d.endpoint.options.fast_open, _set_fast_open),
    _TCP_FASTOPEN_CONNECT: Row(lambda d: int(d.endpoint.options.fast_open_connect), _set_fast_open_connect),
    _TCP_FASTOPEN_KEY: Row(_get_fast_open_key, _set_fast_open_key),
    _TCP_FASTOPEN_NO_COOKIE: Row(lambda d: int(d.endpoint.options.fast_open_no_cookie), _set_no_cookie),
    kernel.TCP_LINGER2: Row(_get_linger2, _set_linger2),
    kernel.TCP_WINDOW_CLAMP: Row(_get_window_clamp, _set_window_clamp),
    kernel.TCP_INFO: fixed(_get_tcp_info),
    kernel.TCP_QUICKACK: Row(_get_quickack, _set_quickack),
    kernel.TCP_CONGESTION: Row(_get_congestion, _set_congestion),
    kernel.TCP_USER_TIMEOUT: Row(lambda d: d.endpoint.options.user_timeout_ns // MS, _set_user_timeout),
    TCP_UTO: flag("uto"),
    TCP_UTO_ADVERTISE: integer("uto_advertised_ns", 0, unit=SECOND),
    TCP_UTO_CHANGEABLE: flag("uto_changeable"),
    TCP_UTO_REMOTE: fixed(_suggested_user_timeout),
    kernel.TCP_NOTSENT_LOWAT: integer("notsent_lowat"),
    _TCP_INQ: integer("inq", 0, 1),
    _TCP_SAVE_SYN: integer("save_syn", 0, 2),
    TCP_SAVED_SYN: fixed(lambda d: saved_syn(d, 4)),
    _TCP_RTO_MAX_MS: integer(
        "rto_max_ns", 1_000, 120_000, MS, lambda d: d.host.machine.config.tcp.max_rto_ns
    ),
    _TCP_RTO_MIN_US: integer(
        "rto_min_ns", 1_001, 200_000, US, lambda d: d.host.machine.config.tcp.min_rto_ns
    ),
    _TCP_DELACK_MAX_US: integer(
        "delack_max_ns", 1_001, 200_000, US, lambda d: d.host.machine.config.tcp.delayed_ack_max_ns
    ),
    _TCP_THIN_LINEAR_TIMEOUTS: integer("thin_linear_timeouts", 0, 1),
    _TCP_THIN_DUPACK: Row(lambda _: 0, _set_thin_dupack),
    _TCP_REPAIR: Row(lambda _: 0, _refusing(errno.EPERM)),
    _TCP_REPAIR_QUEUE: _REPAIR,
    _TCP_QUEUE_SEQ: _REPAIR,
    _TCP_REPAIR_OPTIONS: Row(None, _refusing(errno.EPERM)),
    _TCP_REPAIR_WINDOW: _REPAIR,
    _TCP_TIMESTAMP: Row(_timestamp, _refusing(errno.EPERM)),
    _TCP_CC_INFO: fixed(
        lambda _: b""
    ),  # only what is not here, or has more to tell than TCP_INFO, tells something
    _TCP_ULP: Row(lambda _: b"", _refusing(errno.ENOENT)),
}
