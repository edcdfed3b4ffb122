"""What a script sets on top (`--mtu=1500`), and what the command line sets over it: a table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from netarium.base.addr import parse_ip
from netarium.base.units import MS, US
from netarium.testing.packetdrill.errors import ScriptError
from netarium.testing.packetdrill.script import Script

_LEAST_TOLERANCE: Final = 4 * MS
_NON_FATAL: Final = frozenset({"packet", "syscall"})


@dataclass(slots=True)
class Settings:
    """Everything around one run.

    Attributes:
        tolerance: ns that events may come early or late, at the least.
        gso_size: 0, or octets of each segment of which a longer inbound packet is put together, as a driver does that
            merges what arrives (`--mss`).
        tick: ns of one step of the timestamp clock as the script knows it; 0: values are not looked at.
        strict_segments: a scripted segment is met by one segment of the same length only.
        mapped: sockets are of AF_INET6 and speak IPv4.
        omit_free: the script does not mind resources that it leaves behind. Always so here.
        non_fatal: "packet", "syscall": a difference of this kind is told, and the script goes on.
        init_scripts: commands that run before those of the script.
        dry_run: the script is read and checked, and not run.
    """

    tolerance: int = _LEAST_TOLERANCE
    mtu: int = 1_500
    gso_size: int = 0
    tick: int = 0
    strict_segments: bool = False
    mapped: bool = False
    local: bytes = field(default_factory=lambda: parse_ip("192.168.0.1"))
    remote: bytes = field(default_factory=lambda: parse_ip("192.0.2.1"))
    prefix_length: int = 16
    bind_port: int = 8_080
    connect_port: int = 8_080
    omit_free: bool = False
    non_fatal: frozenset[str] = frozenset()
    init_scripts: tuple[str, ...] = ()
    dry_run: bool = False


def settings_of(script: Script, given: Mapping[str, str] | None = None) -> Settings:
    """The settings on top of a script, and those of the command line, which win.

    Args:
        script: with its settings.
        given: the command line's, by name, without `--`.

    Raises:
        ScriptError: one that is not known here, or not a good value.
    """
    result = Settings()
    everything = {**script.settings, **{name: (value, 1) for name, value in (given or {}).items()}}
    for name, (value, line) in sorted(everything.items(), key=lambda item: item[0] != "ip_version"):
        setter = SETTERS.get(name)
        if setter is None:
            raise ScriptError(script.name, line, f"the option --{name} is not understood")
        try:
            setter(result, value)
        except ValueError as fault:
            raise ScriptError(script.name, line, f"--{name}={value}: {fault}") from None
    return result


def _set(attribute: str, convert: Callable[[str], Any]) -> Callable[[Settings, str], None]:
    return lambda settings, value: setattr(settings, attribute, convert(value))


def _checked(convert: Callable[[str], Any]) -> Callable[[Settings, str], None]:
    """Looked at and forgotten: it changes nothing here."""

    def check(_settings: Settings, value: str) -> None:
        convert(value)

    return check


def _only(why: str, *accepted: str) -> Callable[[Settings, str], None]:
    def check(_settings: Settings, value: str) -> None:
        if value not in accepted:
            raise ValueError(why)

    return check


def _interpreter(_settings: Settings, value: str) -> None:
    """Python is what code is written in; none is started."""
    if not value.rpartition("/")[2].startswith("python"):
        raise ValueError("code is Python and runs here, without another program")


def _refused(why: str) -> Callable[[Settings, str], None]:
    def refuse(_settings: Settings, _value: str) -> None:
        raise ValueError(why)

    return refuse


def _version(settings: Settings, value: str) -> None:
    match value:
        case "ipv4" | "ipv4-mapped-ipv6":
            settings.mapped = value != "ipv4"
        case "ipv6":
            raise ValueError("there is no IPv6 yet; ipv4 and ipv4-mapped-ipv6 are understood")
        case _:
            raise ValueError("ipv4 or ipv4-mapped-ipv6 is expected")


def _address(text: str) -> bytes:
    packed = parse_ip(text)
    if len(packed) == 16 and packed.startswith(bytes(10) + b"\xff\xff"):
        packed = packed[12:]
    if len(packed) != 4:
        raise ValueError("an IPv4 address is expected")
    return packed


def _any_address(text: str) -> bytes:
    return parse_ip(text.partition("/")[0])


def _prefix_length(text: str) -> int:
    if text.startswith("/"):
        return int(text[1:])
    return int.from_bytes(_address(text), "big").bit_count()


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65_536:
        raise ValueError("a port is expected")
    return port


def _size(text: str) -> int:
    size = int(text)
    if not 68 <= size <= 65_535:  # RFC 791 §3.1: every link carries 68 octets
        raise ValueError("a size of 68 to 65535 octets is expected")
    return size


def _segment_size(text: str) -> int:
    size = int(text)
    if not 0 <= size <= 65_535:
        raise ValueError("a size of 0 to 65535 octets is expected")
    return size


def _truth(text: str) -> bool:
    if text not in {"", "0", "1", "true", "false"}:
        raise ValueError("it has no value, or 0 or 1")
    return text in {"", "1", "true"}


def _kinds(text: str) -> frozenset[str]:
    kinds = frozenset(text.split(","))
    if not kinds <= _NON_FATAL:
        raise ValueError("packet or syscall is expected")
    return kinds


_CLOCK_AND_NET: Final = "no packet ever leaves this process"

SETTERS: Final[dict[str, Callable[[Settings, str], None]]] = {
    "ip_version": _version,
    "tolerance_usecs": _set("tolerance", lambda text: max(_LEAST_TOLERANCE, int(text) * US)),
    "tcp_ts_tick_usecs": _set("tick", lambda text: int(text) * US),
    "strict_segments": _set("strict_segments", _truth),
    "non_fatal": _set("non_fatal", _kinds),
    "send_omit_free": _set("omit_free", _truth),
    "dry_run": _set("dry_run", _truth),
    "init_scripts": _set("init_scripts", lambda text: tuple(text.split(","))),
    "mtu": _set("mtu", _size),
    "mss": _set("gso_size", _segment_size),
    "local_ip": _set("local", _address),
    "local_ipv4": _set("local", _address),
    "remote_ip": _set("remote", lambda text: _address(text.partition("/")[0])),
    "remote_ipv4": _set("remote", lambda text: _address(text.partition("/")[0])),
    "netmask_ip": _set("prefix_length", _prefix_length),
    "netmask_ipv4": _set("prefix_length", _prefix_length),
    "bind_port": _set("bind_port", _port),
    "connect_port": _set("connect_port", _port),
    "gateway_ip": _checked(_address),  # the peer answers for every address
    "gateway_ipv4": _checked(_address),
    "local_ipv6": _checked(_any_address),  # of another mode, whose scripts are refused
    "remote_ipv6": _checked(_any_address),
    "gateway_ipv6": _checked(_any_address),
    "local_linklocal_ip": _checked(_any_address),
    "gateway_linklocal_ip": _checked(_any_address),
    "speed": _checked(int),
    "verbose": _checked(_truth),
    "debug": _checked(_truth),
    "tun_dev": _checked(str),
    "persistent_tun_dev": _checked(_truth),
    "tcp_ts_ecr_scaled": _checked(_truth),
    "is_anyip": _checked(_truth),
    "code_command": _interpreter,
    "code_format": _only("only python is understood", "python"),
    "code_sockopt": _only("TCP_INFO is expected", "TCP_INFO", "TCP_CC_INFO", "SO_MEMINFO", ""),
    "so_filename": _refused("another stack cannot be loaded"),
    "so_flags": _refused("another stack cannot be loaded"),
    "udp_encaps": _refused("TCP inside of UDP is not understood"),
    **{
        name: _refused(_CLOCK_AND_NET)
        for name in (
            "wire_client", "wire_server", "wire_server_ip", "wire_server_port", "wire_client_dev", "wire_server_dev",
            "wire_server_at", "remote_mac",
        )
    },
}  # fmt: skip
# Words on the command line that take no value.
FLAGS: Final = frozenset({
    "strict_segments", "send_omit_free", "dry_run", "persistent_tun_dev", "is_anyip", "tcp_ts_ecr_scaled", "debug",
    "wire_client", "wire_server",
})  # fmt: skip
