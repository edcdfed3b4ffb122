"""struct iovec, msghdr and cmsghdr of a script, and sendmsg() and recvmsg() with them."""

import struct
from typing import Any, Final, Protocol

from netarium.base.units import MS, SECOND
from netarium.socket.socket import Socket
from netarium.testing.packetdrill.addresses import address_of, compare_address, theirs
from netarium.testing.packetdrill.errors import Mismatch, NotUnderstood
from netarium.testing.packetdrill.script import ANY, Anything, Call, Value
from netarium.testing.packetdrill.settings import Settings

_UNDERSTOOD: Final = frozenset({
    "msg_name", "msg_namelen", "msg_iov", "msg_iovlen", "msg_flags", "msg_control", "msg_controllen",
})  # fmt: skip
_CONTROL_ROOM: Final = 1_024
_MSG_CTRUNC, _MSG_ERRQUEUE = 0x8, 0x2000
_SOL_SOCKET, _SCM_TIMESTAMPING = 1, 37
_RECVERR: Final = frozenset({(0, 11), (41, 25)})  # IP_RECVERR, IPV6_RECVERR
_SCM_SECONDS: Final = frozenset({(1, 29), (1, 35), (1, 37)})  # SCM_TIMESTAMP, _TIMESTAMPNS, _TIMESTAMPING
_EXTENDED_ERROR: Final = struct.Struct("IBBBBII")
_ERROR_FIELDS: Final = ("ee_errno", "ee_origin", "ee_type", "ee_code", "ee_pad", "ee_info", "ee_data")
_TWO_LONGS: Final = struct.Struct("ll")
_INT: Final = struct.Struct("i")
_MOST_OCTETS: Final = 2**26


class Caller(Protocol):
    """Who makes the calls."""

    settings: Settings

    @property
    def audience(self) -> Any:
        """Who knows the time of the script."""


def payload(value: Value, length: int) -> bytes:
    """A buffer: `...` holds zeros."""
    nowhere = isinstance(value, int) and not length
    if not (nowhere or isinstance(value, str | Anything)) or not 0 <= length <= _MOST_OCTETS:
        raise NotUnderstood(f"{value!r} as a buffer of {length} octets")
    text = value.encode("latin-1", "replace") if isinstance(value, str) else b""
    return text[:length].ljust(length, b"\0")


def iov_of(value: Value) -> list[bytes]:
    """`[{..., 1000}, {"text", 4}]`."""
    return [payload(each["0"], length) for each, length in _pairs(value)]


def reads_nowhere(value: Value) -> bool:
    """A buffer of a message is a null pointer that should hold octets."""
    buffers = value.get("msg_iov") if isinstance(value, dict) else None
    pairs = _pairs(buffers) if isinstance(buffers, list) else []
    return any(length and isinstance(each["0"], int) for each, length in pairs)


def iov_length(value: Value) -> int:
    """Octets that all buffers hold together."""
    return sum(length for _, length in _pairs(value))


def _pairs(value: Value) -> list[tuple[dict[str, Value], int]]:
    pairs = []
    for each in value if isinstance(value, list) else []:
        length = each.get("1", each.get("iov_len")) if isinstance(each, dict) else None
        if not isinstance(each, dict) or not isinstance(length, int):
            break
        pairs.append(({"0": each.get("0", each.get("iov_base", ANY))}, length))
    else:
        if isinstance(value, list):
            return pairs
    raise NotUnderstood(f"an array of struct iovec as [{{..., 1000}}] is expected, not {value!r}")


def _message(value: Value) -> dict[str, Value]:
    if not isinstance(value, dict) or not value.keys() <= _UNDERSTOOD:
        raise NotUnderstood(f"a struct msghdr of {', '.join(sorted(_UNDERSTOOD))} is expected, not {value!r}")
    return value


def send_message(calls: Caller, socket: Socket, value: Value, flags: int) -> int:
    """sendmsg(): msg_name `...` is nobody on a connected socket, else the peer of the settings."""
    message = _message(value)
    name = message.get("msg_name", ANY)
    control = [_packed(each) for each in _controls(message)]
    address = None
    if name is not ANY or (flags & 0x20000000):  # MSG_FASTOPEN
        address = address_of(Call("sendmsg", (name,), 0, ""), 0, theirs(calls.settings))
    return socket.sendmsg(iov_of(message.get("msg_iov", [])), control, flags, address)


def receive_message(calls: Caller, socket: Socket, value: Value, flags: int) -> int:
    """recvmsg(); msg_flags and msg_control are what must come."""
    message = _message(value)
    room = _CONTROL_ROOM if "msg_control" in message else 0
    wanted_flags = message.get("msg_flags", ANY)
    data, control, got, address = socket.recvmsg(iov_length(message.get("msg_iov", [])), room, flags)
    if not room:
        got &= ~_MSG_CTRUNC  # the script did not say how much room there is
    if wanted_flags is not ANY and wanted_flags != got:
        raise Mismatch(f"msg_flags {wanted_flags:#x}", f"{got:#x}")
    if address is not None:
        compare_address(Call("recvmsg", (message.get("msg_name", ANY),), 0, ""), 0, address)
    wanted = _controls(message)
    if "msg_control" in message and message["msg_control"] is not ANY:
        _compare(wanted, control, calls)
    return len(data)


def _controls(message: dict[str, Value]) -> list[dict[str, Value]]:
    value = message.get("msg_control", [])
    if value is ANY:
        return []
    names = {"cmsg_level", "cmsg_type", "cmsg_data", "cmsg_len"}
    result = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    if (
        not isinstance(value, list)
        or len(result) != len(value)
        or any(not each.keys() <= names for each in result)
    ):
        raise NotUnderstood(f"an array of struct cmsghdr is expected, not {value!r}")
    return result


def _kind(control: dict[str, Value]) -> tuple[int, int]:
    level, kind = control.get("cmsg_level"), control.get("cmsg_type")
    if not isinstance(level, int) or not isinstance(kind, int):
        raise NotUnderstood(f"a struct cmsghdr with level and type is expected, not {control!r}")
    return level, kind


def _packed(control: dict[str, Value]) -> tuple[int, int, bytes]:
    """What sendmsg() takes: numbers are ints."""
    value = control.get("cmsg_data")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, int):
        raise NotUnderstood(f"{value!r} as cmsg_data of sendmsg()")
    return *_kind(control), _INT.pack(value) if value < 2**31 else value.to_bytes(4, "little")


def _compare(wanted: list[dict[str, Value]], got: list[tuple[int, int, bytes]], calls: Caller) -> None:
    found = [(level, kind, _unpacked(level, kind, data)) for level, kind, data in got]
    shown = ", ".join(f"{level}/{kind} {value}" for level, kind, value in found) or "none"
    if len(wanted) != len(found):
        raise Mismatch(f"{len(wanted)} control messages", shown)
    for control, (level, kind, value) in zip(wanted, found, strict=True):
        if _kind(control) != (level, kind):
            raise Mismatch(f"a control message {_kind(control)}", shown)
        _compare_data(control.get("cmsg_data", ANY), value, calls)


def _compare_data(wanted: Value, got: Any, calls: Caller) -> None:
    if wanted is ANY:
        return
    if isinstance(wanted, list) and len(wanted) == 1:
        wanted = wanted[0]
    if not isinstance(wanted, dict) or not isinstance(got, dict):
        if wanted != got:
            raise Mismatch(f"cmsg_data {wanted}", str(got))
        return
    if "scm_sec" in wanted or "tv_sec" in wanted:
        _compare_time(wanted, got, calls)
        return
    for name, value in wanted.items():
        if value is not ANY and got.get(name) != value:
            raise Mismatch(f"{name} {value} in cmsg_data", str(got.get(name)))


def _compare_time(wanted: dict[str, Value], got: dict[str, int], calls: Caller) -> None:
    """Times count from the begin of the script, and may be as wrong as everything else."""
    values = list(wanted.values())
    if len(values) != 2 or not all(isinstance(value, int | Anything) for value in values):
        raise NotUnderstood(f"seconds and their parts are expected, not {wanted!r}")
    if ANY in values:
        return
    unit = 1_000 if any("usec" in name for name in wanted) else 1
    seconds, parts = (int(value) for value in values if isinstance(value, int))
    expected = seconds * SECOND + parts * unit
    if abs(expected - got["ns"]) > max(calls.settings.tolerance, 4 * MS):
        raise Mismatch(f"a time {expected / SECOND:.6f} s", f"{got['ns'] / SECOND:.6f} s")


def _unpacked(level: int, kind: int, data: bytes) -> Any:
    if (level, kind) in _RECVERR and len(data) >= _EXTENDED_ERROR.size:
        return dict(zip(_ERROR_FIELDS, _EXTENDED_ERROR.unpack_from(data), strict=True))
    if (level, kind) in _SCM_SECONDS and len(data) >= _TWO_LONGS.size:
        seconds, parts = _TWO_LONGS.unpack_from(data)
        return {"ns": seconds * SECOND + parts * (1_000 if kind == 29 else 1) - EPOCH}
    return int.from_bytes(data, "little", signed=True)


EPOCH: Final = 1_000 * SECOND  # monotonic and wall time at which scripts begin; 0 would hide mistakes
