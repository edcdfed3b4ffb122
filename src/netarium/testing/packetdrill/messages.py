"""struct iovec and struct msghdr of a script, and sendmsg() and recvmsg() with them."""

from netarium.socket.socket import Socket
from netarium.testing.packetdrill.errors import Mismatch, NotUnderstood
from netarium.testing.packetdrill.script import ANY, Anything, Value

_UNDERSTOOD = frozenset({"msg_name", "msg_iov", "msg_flags"})


def payload(value: Value, length: int) -> bytes:
    """A buffer: `...` holds zeros."""
    if not isinstance(value, str | Anything) or length < 0:
        raise NotUnderstood(f"{value!r} as a buffer of {length} octets")
    text = value.encode() if isinstance(value, str) else b""
    return text[:length].ljust(length, b"\0")


def iov_of(value: Value) -> list[bytes]:
    """`[{..., 1000}, {"text", 4}]`."""
    return [payload(each["0"], length) for each, length in _pairs(value)]


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
    if value.get("msg_name", ANY) is not ANY:
        raise NotUnderstood(f"msg_name must be ..., not {value['msg_name']!r}")
    return value


def send_message(socket: Socket, value: Value, flags: int) -> int:
    """sendmsg() on a connected socket."""
    return socket.sendmsg(iov_of(_message(value).get("msg_iov", ANY)), (), flags)


def receive_message(socket: Socket, value: Value, flags: int) -> int:
    """recvmsg(); msg_flags is what must come."""
    message = _message(value)
    data, _, got, _ = socket.recvmsg(iov_length(message.get("msg_iov", ANY)), 0, flags)
    wanted = message.get("msg_flags", ANY)
    if wanted is not ANY and wanted != got:
        raise Mismatch(f"msg_flags {wanted}", str(got))
    return len(data)
