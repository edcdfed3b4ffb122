"""The calls around options: setsockopt, getsockopt, fcntl, ioctl."""

import os
import socket as kernel
import struct
from collections.abc import Callable
from typing import Any, Final

from netarium.socket.socket import Socket
from netarium.testing.packetdrill import bsdcalls
from netarium.testing.packetdrill.addresses import is_null
from netarium.testing.packetdrill.calls import Calls, Handler, error, field, integer
from netarium.testing.packetdrill.constants import CONSTANTS
from netarium.testing.packetdrill.errors import Mismatch, NotUnderstood
from netarium.testing.packetdrill.facts import facts_of
from netarium.testing.packetdrill.files import File
from netarium.testing.packetdrill.script import ANY, Call, Value
from netarium.transport.tcp.connection import Connection
from netarium.transport.tcp.readiness import next_to_read

_LONGEST_OPTION: Final = 1_024
_LINGER: Final = struct.Struct("ii")
_TIMEVAL: Final = struct.Struct("ll")
_GET_FD, _SET_FD, _GET_FL, _SET_FL = 1, 2, 3, 4
_NONBLOCK: Final = {"freebsd": 0x4}  # O_NONBLOCK, as F_GETFL returns it
_TCP, _SOCKET = int(kernel.IPPROTO_TCP), int(kernel.SOL_SOCKET)
_CONGESTION: Final = CONSTANTS["TCP_CONGESTION"]
_FAST_OPEN: Final = CONSTANTS["TCP_FASTOPEN"]
_FUNCTIONS: Final = CONSTANTS["TCP_FUNCTION_BLK"]
# Nothing on the wire depends on them here: what is set is what getsockopt() tells, and before, this.
_KEPT: Final[dict[tuple[int, int], int]] = {
    **{
        (_SOCKET, CONSTANTS[name]): 0
        for name in (
            "SO_NOSIGPIPE", "SO_DEBUG", "SO_BUSY_POLL", "SO_RXQ_OVFL", "SO_BSDCOMPAT", "SO_DONTROUTE", "SO_RCVMARK",
            "SO_PREFER_BUSY_POLL", "SO_INCOMING_CPU", "SO_SELECT_ERR_QUEUE", "SO_LOCK_FILTER", "SO_RESERVE_MEM",
        )
    },
    (_SOCKET, CONSTANTS["SO_TXREHASH"]): 1,
    (_TCP, CONSTANTS["TCP_TX_DELAY"]): 0,  # only some queueing disciplines look at it
    (int(kernel.IPPROTO_IP), CONSTANTS["IP_BIND_ADDRESS_NO_PORT"]): 0,
    (int(kernel.IPPROTO_IP), int(kernel.IP_TRANSPARENT)): 0,
}  # fmt: skip
_FREEBSD: Final = {CONSTANTS[name]: name for name in (
    "TCP_NOOPT", "TCP_KEEPINIT", "TCP_MAXUNACKTIME", "TCP_REMOTE_UDP_ENCAPS_PORT", "TCP_FIN_IS_RST", "TCP_IWND_NB",
    "SO_ACCEPTFILTER", "SO_SETFIB",
)}  # fmt: skip
_ALGORITHMS: Final = {b"newreno": b"reno"}  # FreeBSD's name, ours

# --- options of sockets -----------------------------------------------------------------------------------------


def setsockopt(calls: Calls, call: Call) -> int:
    """The call setsockopt."""
    one, level, name = calls.socket(call), integer(call, 1), integer(call, 2)
    if is_null(call.arguments[3]):
        one.setsockopt(level, name, None, integer(call, 4))
        return 0
    value = 0 if isinstance(call.arguments[3], dict) and name == _FAST_OPEN else _value(call)
    length = len(value) if isinstance(value, bytes) else 4
    if call.arguments[4] is not ANY:
        length = integer(call, 4)
    if length < 0:
        raise error("EINVAL")
    if length > _LONGEST_OPTION:
        raise NotUnderstood(f"an option of {length} octets")
    if (level, name) in _KEPT and isinstance(value, int):
        calls.kept_options[one, level, name] = value
        return 0
    if calls.profile == "freebsd" and bsdcalls.set_option(one, level, name, call.arguments[3]):
        return 0
    if name in _FREEBSD:
        raise NotUnderstood(f"the option {_FREEBSD[name]}")
    if (level, name) == (_TCP, _FUNCTIONS):
        return _choose_functions(value)
    if isinstance(value, int):
        raw = (value & 0xFFFF_FFFF).to_bytes(4, "little")
        raw = raw if length <= 4 else (value & 2**64 - 1).to_bytes(8, "little")
    else:
        raw = _ALGORITHMS.get(value, value) if name == _CONGESTION and level == _TCP else value
        length = len(raw) if raw is not value else length
    one.setsockopt(level, name, raw[:length].ljust(length, b"\0"))
    return 0


def _choose_functions(value: int | bytes) -> int:
    """FreeBSD's stacks of TCP: the one that it has always had is the one here; of those that it may load there is none."""
    if value == b"freebsd":
        return 0
    if value in {b"rack", b"bbr"}:
        raise NotUnderstood(f"TCP_FUNCTION_BLK with {value!r}: only the stack freebsd is understood")
    raise error("ENOENT")


def getsockopt(calls: Calls, call: Call) -> int:
    """The call getsockopt: the value that the script writes is what must come."""
    wanted = call.arguments[3]
    one, level, name = calls.socket(call), integer(call, 1), integer(call, 2)
    if (level, name) == (_TCP, _FUNCTIONS):
        return _choose_functions(_value(call)) if wanted is not ANY else 0
    if calls.profile == "freebsd" and isinstance(wanted, list):
        own = bsdcalls.get_option(one, level, name)
        if own is not None:
            _compare_number(wanted, own)
            return 0
    if (level, name) in _KEPT and not isinstance(wanted, int):
        kept = calls.kept_options.get((one, level, name), _KEPT[level, name])
        if isinstance(wanted, list):
            _compare_number(wanted, kept)
        return 0
    if isinstance(wanted, int):
        one.getsockopt(level, name)
        raise error("EFAULT")
    if wanted is ANY:
        _read_any(call, one, level, name)
    elif isinstance(wanted, dict) and (level, name) == (_TCP, int(kernel.TCP_INFO)):
        _compare_info(calls, one, wanted)
    elif isinstance(wanted, list):
        _compare_number(wanted, one.getsockopt(level, name))
    else:
        _compare_octets(call, one, level, name)
    return 0


def _read_any(call: Call, one: Socket, level: int, name: int) -> None:
    """Whatever the value: but how long it may be can matter."""
    length = call.arguments[4]
    if (
        isinstance(length, list)
        and length
        and isinstance(length[0], int)
        and 0 < length[0] <= _LONGEST_OPTION
    ):
        one.getsockopt(level, name, length[0])
    else:
        one.getsockopt(level, name)


def _compare_number(wanted: list[Value], got: int | bytes) -> None:
    if wanted and wanted[0] is not ANY and wanted[0] != got:
        if isinstance(wanted[0], int) and isinstance(got, int) and (wanted[0] - got) % 2**32 == 0:
            return  # the same four octets, with and without a sign
        raise Mismatch(f"the value {wanted[0]}", str(got))


def _compare_info(calls: Calls, one: Socket, wanted: dict[str, Value]) -> None:
    """`{tcpi_state=TCP_ESTABLISHED, tcpi_rtt=...}`."""
    endpoint = one._live()
    assert isinstance(endpoint, Connection)
    facts = facts_of(endpoint, calls.profile, one._driver.now())
    for name, value in wanted.items():
        if name not in facts:
            raise NotUnderstood(f"{name} is no name of TCP_INFO that is known here")
        if value is not ANY and value != facts[name]:
            raise Mismatch(f"{name} {value}", str(facts[name]))


def _compare_octets(call: Call, one: Socket, level: int, name: int) -> None:
    """A struct or a string; fields that are `...` are not looked at."""
    wanted = call.arguments[3]
    raw = one.getsockopt(level, name, 256)
    assert isinstance(raw, bytes)
    if isinstance(wanted, dict) and ANY in wanted.values():
        layout = _LAYOUTS.get(frozenset(wanted))
        if layout is None:
            raise NotUnderstood(f"{wanted!r} is no value of an option that is understood")
        names, shape = layout
        for at, got in zip(names, shape.unpack_from(raw.ljust(shape.size, b"\0")), strict=True):
            if wanted[at] is not ANY and wanted[at] != got:
                raise Mismatch(f"{at} {wanted[at]}", str(got))
        return
    expected = _value(call)
    octets = expected if isinstance(expected, bytes) else (expected & 0xFFFF_FFFF).to_bytes(4, "little")
    if (level, name) == (_TCP, _CONGESTION):
        octets = _ALGORITHMS.get(octets, octets)
    if raw.rstrip(b"\0") != octets.rstrip(b"\0"):
        raise Mismatch(f"the octets {octets!r}", repr(raw))


_LAYOUTS: Final[dict[frozenset[str], tuple[tuple[str, str], struct.Struct]]] = {
    frozenset({"onoff", "linger"}): (("onoff", "linger"), _LINGER),
    frozenset({"l_onoff", "l_linger"}): (("l_onoff", "l_linger"), _LINGER),
    frozenset({"tv_sec", "tv_usec"}): (("tv_sec", "tv_usec"), _TIMEVAL),
}


def _value(call: Call) -> int | bytes:
    """The value of an option: `[1]`, `{onoff=1, linger=0}`, `{tv_sec=1, tv_usec=0}`, "reno"."""
    value = call.arguments[3]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list) and all(isinstance(each, int) for each in value):
        return b"".join((int(str(each)) & 0xFFFF_FFFF).to_bytes(4, "little") for each in value)
    if value is ANY:
        return 0
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return value.encode("latin-1", "replace")
    if isinstance(value, dict):
        layout = _LAYOUTS.get(frozenset(value))
        if layout is not None:
            names, shape = layout
            return shape.pack(*(field(value, name) for name in names))
        name = value.get("function_set_name")
        if isinstance(name, str) and value.keys() <= {"function_set_name", "pcbcnt"}:
            return name.encode()
    raise NotUnderstood(f"{value!r} is no value of an option that is understood")


# --- descriptors ------------------------------------------------------------------------------------------------


def fcntl(calls: Calls, call: Call) -> int:
    """The call fcntl with F_GETFL and F_SETFL, F_GETFD and F_SETFD."""
    thing, command = calls.any(call), integer(call, 1)
    argument = integer(call, 2) if len(call.arguments) > 2 else 0
    nonblock = _NONBLOCK.get(calls.profile, os.O_NONBLOCK)
    match command:
        case 3:
            blocking = thing.getblocking() if isinstance(thing, Socket) else getattr(thing, "blocking", True)
            return os.O_RDWR | (0 if blocking else nonblock)
        case 4:
            blocking = not argument & (nonblock | os.O_NONBLOCK)
            if isinstance(thing, Socket):
                thing.setblocking(blocking)
            elif isinstance(thing, File):
                thing.blocking = blocking
            return 0
        case 1:
            return int(isinstance(thing, Socket) and thing.get_inheritable())
        case 2:
            if isinstance(thing, Socket):
                thing.set_inheritable(bool(argument))
            return 0
    raise NotUnderstood(f"fcntl() with command {command}")


def ioctl(calls: Calls, call: Call) -> int:
    """The call ioctl: how much waits, whether the urgent mark is reached, non-blocking."""
    one, request = calls.socket(call), integer(call, 1)
    if request == CONSTANTS["FIONBIO"]:
        one.setblocking(not _pointed(call.arguments[2]))
        return 0
    asked = _REQUESTS.get(request)
    endpoint: Any = one._live()
    if asked is None or not hasattr(endpoint, "receive_queue"):
        raise NotUnderstood(f"ioctl() with request {request:#x} on this socket")
    if request != CONSTANTS["SIOCATMARK"] and endpoint.state_name == "LISTEN":
        raise error("EINVAL")
    got = asked(endpoint)
    wanted = _pointed(call.arguments[2])
    if wanted is not ANY and wanted != got:
        raise Mismatch(f"the value {wanted}", str(got))
    return 0


def _pointed(value: Value) -> Value:
    return value[0] if isinstance(value, list) and value else value


def _waiting(endpoint: Any) -> int:
    """SIOCINQ: what can be read, as far as the urgent mark."""
    tcb = endpoint.tcb if isinstance(endpoint, Connection) else None
    if tcb is not None and not (endpoint.options.oobinline or tcb.config.urgent_in_line):
        before_mark = tcb.rcv_up - 1 - next_to_read(tcb)
        if tcb.rcv_up > tcb.irs + 1 and 0 <= before_mark < tcb.rcv_queued:
            return before_mark
    return int(endpoint.receive_queue)


def _unsent(endpoint: Any) -> int:
    """SIOCOUTQNSD: what was never sent."""
    if not isinstance(endpoint, Connection):
        return int(endpoint.send_queue)
    return max(0, endpoint.tcb.sendbuf.end - max(endpoint.tcb.snd_nxt, endpoint.tcb.sendbuf.start))


_REQUESTS: Final[dict[int, Callable[[Any], int]]] = {
    CONSTANTS["SIOCINQ"]: _waiting,
    CONSTANTS["SIOCOUTQ"]: lambda endpoint: int(endpoint.send_queue),
    CONSTANTS["SIOCOUTQNSD"]: _unsent,
    CONSTANTS["FIONSPACE"]: lambda endpoint: max(0, int(endpoint.send_room())),
    CONSTANTS["SIOCATMARK"]: lambda endpoint: int(endpoint.at_mark()),
}

HANDLERS: Final[dict[str, Handler]] = {
    "setsockopt": setsockopt,
    "getsockopt": getsockopt,
    "fcntl": fcntl,
    "ioctl": ioctl,
}
