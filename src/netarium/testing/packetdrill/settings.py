"""What a script sets on top (`--mtu=1500`), and what commands between backticks set (sysctls): a table of each."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from netarium.base.addr import parse_ip
from netarium.base.config import TcpConfig
from netarium.base.units import MS, SECOND, US
from netarium.testing.packetdrill.errors import ScriptError
from netarium.testing.packetdrill.script import Script

PROFILES: Final = ("linux",)  # of the stack's configuration; those of other systems do not exist yet

_LEAST_TOLERANCE: Final = 4 * MS


@dataclass(slots=True)
class Settings:
    """Everything around one run.

    Attributes:
        tolerance: ns that events may come early or late, at the least.
        tick: ns of one step of the timestamp clock as the script knows it; 0: values are not looked at.
        strict_segments: a scripted segment is met by one segment of the same length only.
        omit_free: the script does not mind resources that it leaves behind. Always so here.
    """

    tolerance: int = _LEAST_TOLERANCE
    mtu: int = 1_500
    tick: int = 0
    strict_segments: bool = False
    local: bytes = field(default_factory=lambda: parse_ip("192.168.0.1"))
    remote: bytes = field(default_factory=lambda: parse_ip("192.0.2.1"))
    prefix_length: int = 16
    bind_port: int = 8_080
    connect_port: int = 8_080
    omit_free: bool = False


def settings_of(script: Script) -> Settings:
    """The settings on top of a script.

    Raises:
        ScriptError: one that is not known here, or not a good value.
    """
    result = Settings()
    for name, (value, line) in script.settings.items():
        setter = _SETTERS.get(name)
        if setter is None:
            raise ScriptError(script.name, line, f"the option --{name} is not understood")
        try:
            setter(result, value)
        except ValueError as fault:
            raise ScriptError(script.name, line, f"--{name}={value}: {fault}") from None
    return result


def _set(attribute: str, convert: Callable[[str], Any]) -> Callable[[Settings, str], None]:
    return lambda settings, value: setattr(settings, attribute, convert(value))


def _only(*accepted: str) -> Callable[[Settings, str], None]:
    def check(_settings: Settings, value: str) -> None:
        if value not in accepted:
            raise ValueError(f"only {' or '.join(accepted)} is understood")

    return check


def _address(text: str) -> bytes:
    packed = parse_ip(text)
    if len(packed) != 4:
        raise ValueError("only IPv4 is understood")
    return packed


def _prefix_length(text: str) -> int:
    bits = int.from_bytes(_address(text), "big")
    return bits.bit_count()


def _gateway(_settings: Settings, value: str) -> None:
    """Looked at and forgotten: the peer answers for every address."""
    _address(value)


_SETTERS: Final[dict[str, Callable[[Settings, str], None]]] = {
    "tolerance_usecs": _set("tolerance", lambda text: max(_LEAST_TOLERANCE, int(text) * US)),
    "ip_version": _only("ipv4"),
    "mtu": _set("mtu", int),
    "tcp_ts_tick_usecs": _set("tick", lambda text: int(text) * US),
    "strict_segments": _set("strict_segments", lambda text: text in {"", "1"}),
    "local_ip": _set("local", _address),
    "remote_ip": _set("remote", lambda text: _address(text.partition("/")[0])),
    "gateway_ip": _gateway,  # the peer answers for every address
    "netmask_ip": _set("prefix_length", _prefix_length),
    "bind_port": _set("bind_port", int),
    "connect_port": _set("connect_port", int),
    "send_omit_free": _set("omit_free", lambda _: True),
}

# --- sysctls ----------------------------------------------------------------------------------------------------


def _changed(config: TcpConfig, attribute: str, value: Any) -> TcpConfig:
    return replace(config, **{attribute: value})


def _number(attribute: str, unit: int = 1) -> Callable[[TcpConfig, str], TcpConfig]:
    return lambda config, value: _changed(config, attribute, int(value) * unit)


def _truth(attribute: str) -> Callable[[TcpConfig, str], TcpConfig]:
    return lambda config, value: _changed(config, attribute, int(value) != 0)


def _triple(value: str) -> tuple[int, int, int]:
    least, default, most = (int(word) for word in value.split())
    return least, default, most


def _receive_memory(config: TcpConfig, value: str) -> TcpConfig:
    _, default, most = _triple(value)
    return replace(config, receive_buffer=default, receive_buffer_max=most)


def _send_memory(config: TcpConfig, value: str) -> TcpConfig:
    return replace(config, send_buffer=_triple(value)[2])


_SYSCTLS: Final[dict[str, Callable[[TcpConfig, str], TcpConfig]]] = {
    "net.ipv4.tcp_sack": _truth("sack"),
    "net.ipv4.tcp_ecn": _number("ecn"),
    "net.ipv4.tcp_ecn_fallback": _truth("ecn_fallback"),
    "net.ipv4.tcp_timestamps": _truth("timestamps"),
    "net.ipv4.tcp_window_scaling": _truth("window_scaling"),
    "net.ipv4.tcp_syn_retries": _number("syn_retries"),
    "net.ipv4.tcp_synack_retries": _number("syn_ack_retries"),
    "net.ipv4.tcp_retries1": _number("r1_retries"),
    "net.ipv4.tcp_retries2": _number("data_retries"),
    "net.ipv4.tcp_orphan_retries": _number("orphan_retries"),
    "net.ipv4.tcp_fin_timeout": _number("fin_wait_2_timeout_ns", SECOND),
    "net.ipv4.tcp_keepalive_time": _number("keepalive_idle_ns", SECOND),
    "net.ipv4.tcp_keepalive_intvl": _number("keepalive_interval_ns", SECOND),
    "net.ipv4.tcp_keepalive_probes": _number("keepalive_probes"),
    "net.ipv4.tcp_reordering": _number("dupthresh"),
    "net.ipv4.tcp_max_syn_backlog": _number("max_half_open"),
    "net.ipv4.tcp_mtu_probing": _number("mtu_probing"),
    "net.ipv4.tcp_base_mss": _number("base_mss"),
    "net.ipv4.tcp_mtu_probe_floor": _number("mtu_probe_floor"),
    "net.ipv4.tcp_probe_threshold": _number("mtu_probe_threshold"),
    "net.ipv4.tcp_probe_interval": _number("mtu_probe_interval_ns", SECOND),
    "net.ipv4.tcp_max_tw_buckets": _number("max_time_wait"),
    "net.ipv4.tcp_rmem": _receive_memory,
    "net.ipv4.tcp_wmem": _send_memory,
    "net.core.somaxconn": _number("somaxconn"),
}

# What the stack always does: these may be said, with exactly this value. Anything else would be a lie.
_FIXED: Final = {
    "net.ipv4.tcp_fastopen": "0",
    "net.ipv4.tcp_no_metrics_save": "1",
    "net.ipv4.tcp_slow_start_after_idle": "1",
    "net.ipv4.tcp_autocorking": "0",
    "net.ipv4.tcp_stdurg": "0",
    "net.ipv4.tcp_recovery": "0",
    "net.ipv4.tcp_early_retrans": "0",
}
_CONGESTION: Final = "net.ipv4.tcp_congestion_control"
_HEADER: Final = re.compile(r"(?:.*/)?defaults\.sh")


def obey(script: Script, line: int, command: str, config: TcpConfig) -> TcpConfig:
    """What the configuration is after a command between backticks.

    Raises:
        ScriptError: a command that is not in the table.
    """
    for statement in re.split(r"[;\n]|&&", command):
        words = shlex.split(statement, comments=True)
        if not words or words in ([":"], ["true"]):
            continue
        name = words[0].rpartition("/")[2]
        if _HEADER.fullmatch(words[0]):
            config = _header(config)
        elif name in {"sysctl", "set_sysctls.py"}:
            for pair in words[1:]:
                if pair not in {"-q", "-w", "-qw"}:
                    config = _assign(script, line, pair, config)
        else:
            raise ScriptError(script.name, line, f"the command {' '.join(words)!r} is not understood")
    return config


def _header(config: TcpConfig) -> TcpConfig:
    """What the header of the public suites sets, as far as it differs from the stack's own defaults."""
    return replace(config, receive_buffer=540_000, receive_buffer_max=15 * 2**20, send_buffer=4 * 2**20)


def _assign(script: Script, line: int, pair: str, config: TcpConfig) -> TcpConfig:
    name, found, value = pair.partition("=")
    name = name.removeprefix("/proc/sys/").replace("/", ".")
    value = value.strip()
    if found and name in _SYSCTLS:
        try:
            return _SYSCTLS[name](config, value)
        except ValueError:
            raise ScriptError(script.name, line, f"{value!r} is no value of {name}") from None
    if found and name == _CONGESTION and value == config.congestion_control:
        return config
    if found and _FIXED.get(name) == value:
        return config
    raise ScriptError(script.name, line, f"the sysctl {pair!r} is not understood")
