"""struct sockaddr as scripts write it, and the address tuples of the Socket library."""

import socket as kernel
from typing import Any, Final

from netarium.base.addr import format_ip
from netarium.testing.packetdrill.errors import Mismatch, NotUnderstood
from netarium.testing.packetdrill.script import ANY, Anything, Call, Value
from netarium.testing.packetdrill.settings import Settings

_V4: Final = frozenset({"sa_family", "sin_family", "sin_len", "sin_port", "sin_addr"})
_V6: Final = frozenset({
    "sa_family", "sin6_family", "sin6_len", "sin6_port", "sin6_addr", "sin6_flowinfo", "sin6_scope_id",
})  # fmt: skip
AF_UNSPEC: Final = 0
_MAPPED: Final = "::ffff:"

Address = tuple[str, int]


def ours(settings: Settings) -> Address:
    """What `...` means in bind()."""
    return _spelled(settings, settings.local), settings.bind_port


def theirs(settings: Settings) -> Address:
    """What `...` means in connect() and sendto()."""
    return _spelled(settings, settings.remote), settings.connect_port


def _spelled(settings: Settings, address: bytes) -> str:
    return (_MAPPED if settings.mapped else "") + format_ip(address)


def is_null(value: Value) -> bool:
    """A pointer that leads nowhere."""
    return isinstance(value, int)


def unspecified(value: Value, length: Value) -> bool:
    """AF_UNSPEC, alone and with `...` as its length (NULL has a number), or as the family of a struct."""
    if isinstance(value, dict):
        return bool(_family(value) == AF_UNSPEC)
    return isinstance(value, int) and value == AF_UNSPEC and length is ANY


def address_of(call: Call, at: int, default: Address) -> Address:
    """`...`, or `{sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr("192.0.2.1")}`.

    Raises:
        NotUnderstood: it is something else.
    """
    value = call.arguments[at]
    if isinstance(value, Anything):
        return default
    if isinstance(value, dict):
        return _parse(value)
    raise NotUnderstood(
        f"a struct sockaddr or ... is expected as argument {at + 1} of {call.name}(), not {value!r}"
    )


def _family(value: dict[str, Value]) -> Any:
    return next((value[name] for name in ("sa_family", "sin_family", "sin6_family") if name in value), None)


def _parse(value: dict[str, Value]) -> Address:
    family = _family(value)
    names, prefix = (_V6, "sin6") if family == int(kernel.AF_INET6) else (_V4, "sin")
    if not value.keys() <= names or (prefix == "sin" and family not in {None, int(kernel.AF_INET)}):
        raise NotUnderstood(f"a struct sockaddr_in or sockaddr_in6 is expected, not {value!r}")
    host, port = value.get(f"{prefix}_addr", 0), value.get(f"{prefix}_port", 0)
    if not isinstance(port, int):
        raise NotUnderstood(f"a number is expected as {prefix}_port, not {port!r}")
    if isinstance(host, str):
        return host, port
    if isinstance(host, int) and prefix == "sin":
        return format_ip((host & 0xFFFF_FFFF).to_bytes(4, "big")), port
    if host == 0:
        return "::", port
    raise NotUnderstood(f"{host!r} is no address")


def compare_address(call: Call, at: int, got: Any) -> None:
    """An address that a call returned is the one that the script writes, if it writes one.

    Raises:
        Mismatch: it is another.
    """
    value = call.arguments[at]
    if value is ANY or isinstance(value, int):
        return
    if not isinstance(value, dict):
        raise NotUnderstood(
            f"a struct sockaddr or ... is expected as argument {at + 1} of {call.name}(), not {value!r}"
        )
    port_name = "sin6_port" if "sin6_port" in value else "sin_port"
    anything = value.get(port_name) is ANY
    host, port = _parse({name: each for name, each in value.items() if each is not ANY})
    wild = value.get("sin_addr", value.get("sin6_addr")) is ANY
    if (not wild and _plain(host) != _plain(got[0])) or (not anything and port != got[1]):
        raise Mismatch(f"the address {host}:{port}", f"{got[0]}:{got[1]}")


def _plain(host: str) -> str:
    return host.lower().removeprefix(_MAPPED)
