"""Commands between backticks: what they change in the machine under test, and those that change nothing.

No command is ever run: each is looked up in a table, and one that is not there refuses the script.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from netarium.base.config import MachineConfig
from netarium.base.units import MS, SECOND, US
from netarium.testing.packetdrill.errors import ScriptError
from netarium.testing.packetdrill.script import Script
from netarium.testing.packetdrill.shell import Simple, commands
from netarium.testing.packetdrill.sysctlkinds import changed
from netarium.testing.packetdrill.sysctls import TABLE, assign

# Headers of the public suites, by file name; what stands behind them may be anything.
_HEADER: Final = re.compile(r"(?:.*/)?(?:defaults\.sh|common/[\w.-]+\.sh|set_sysctls(?:\.sh)?)")
_RESTORE: Final = re.compile(r"(?:.*/)?sysctl_restore\w*[\w.{}$-]*\.sh")
# They tell something, or change what no script can see.
_HARMLESS: Final = frozenset({
    ":", "true", "test", "[", "sync", "nstat", "ss", "netstat", "ethtool", "modprobe", "kldload", "kldunload", "kldstat", "echo", "printf",
    "cat", "dmesg", "uname", "ulimit", "exit", "pwd", "date", "lsmod", "sockstat", "grep", "egrep", "awk", "head", "tail",
    "wc", "hostname", "export", "unset", "logger", "id", "which",
})  # fmt: skip
_QDISCS: Final = frozenset({"pfifo", "bfifo", "pfifo_fast", "fq", "fq_codel", "noqueue", "mq", "codel"})
_SYSCTL_FLAGS: Final = re.compile(r"-[wqnehaiN]+")


@dataclass(frozen=True, slots=True)
class Orders:
    """What commands between backticks lead to.

    Attributes:
        config: of the machine, from now on.
        mtu: of its device, if that changed.
        sleep: ns that pass.
        stops: the device takes nothing more (True), or does again (False); None: as before.
        forgets: what it knows of peers is to be forgotten.
    """

    config: MachineConfig
    mtu: int | None = None
    sleep: int = 0
    stops: bool | None = None
    forgets: bool = False


def obey(script: Script, line: int, text: str, config: MachineConfig) -> Orders:
    """What follows from a text between backticks.

    Raises:
        ScriptError: a command that is not in the table.
    """
    orders = Orders(config)
    try:
        for command in commands(text):
            orders = _obey(command, orders)
    except ValueError as fault:
        raise ScriptError(script.name, line, f"`{' '.join(text.split())}`: {fault}") from None
    return orders


def header(config: MachineConfig) -> MachineConfig:
    """What the header of the public suites for Linux sets, as far as it differs from the stack's own defaults."""
    for pair in _LINUX_SUITE:
        config = _set(pair, config)
    return config


_LINUX_SUITE: Final = (
    "net.ipv4.tcp_rmem=4096 540000 15728640",
    "net.ipv4.tcp_wmem=4096 262144 4194304",
    "net.ipv4.tcp_timestamps=1",
    "net.ipv4.tcp_syn_retries=5",
    "net.ipv4.tcp_synack_retries=5",
    "net.ipv4.tcp_frto=2",
    "net.ipv4.tcp_sack=1",
    "net.ipv4.tcp_dsack=1",
    "net.ipv4.tcp_fack=0",
    "net.ipv4.tcp_reordering=3",
    "net.ipv4.tcp_congestion_control=cubic",
    "net.ipv4.tcp_slow_start_after_idle=0",
    "net.ipv4.tcp_early_retrans=4",
    "net.ipv4.tcp_recovery=1",
    "net.ipv4.tcp_ecn=0",
    "net.ipv4.tcp_notsent_lowat=4294967295",
    "net.ipv4.tcp_fastopen=0x70403",
    "net.ipv4.tcp_fastopen_key=a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4",
    "net.ipv4.tcp_syncookies=1",
)


def _obey(command: Simple, orders: Orders) -> Orders:
    words = command.words
    name = words[0].rpartition("/")[2]
    config = orders.config
    if command.into.startswith(("/proc/", "/sys/")):
        if name not in {"echo", "printf"}:
            raise ValueError(f"{words[0]} > {command.into} is not understood")
        arguments = [word for word in words[1:] if word not in {"-n", "-e"}]
        return replace(orders, config=_set(f"{command.into}={' '.join(arguments)}", config))
    if name in {"sudo", "command", "exec"} and len(words) > 1:
        return _obey(replace(command, words=words[1:]), orders)
    if name in {"sh", "bash"} and len(words) == 3 and words[1] == "-c":
        for inner in commands(words[2]):
            orders = _obey(inner, orders)
        return orders
    if _RESTORE.fullmatch(words[0]):
        return orders
    if name in {"sysctl", "set_sysctls.py", "set_sysctls"} and len(words) > 1:
        return replace(orders, config=_sysctl(words[1:], config))
    if _HEADER.fullmatch(words[0]) or (
        words[0] in {"sh", "bash", ".", "source"} and _HEADER.fullmatch(words[-1])
    ):
        return replace(orders, config=header(config))
    handler = _COMMANDS.get(name)
    if handler is not None:
        return handler(words[1:], orders)
    if name in _HARMLESS:
        return orders
    raise ValueError(f"the command {' '.join(words)!r} is not understood")


def _sysctl(words: Sequence[str], config: MachineConfig) -> MachineConfig:
    """`sysctl -q -w name=value ...`, `name = value`, or a name alone, which is only read."""
    text = [word for word in words if not _SYSCTL_FLAGS.fullmatch(word)]
    pairs: list[str] = []
    for word in text:
        if pairs and (word.startswith("=") or pairs[-1].endswith("=")):
            pairs[-1] += word
        else:
            pairs.append(word)
    for pair in pairs:
        config = _set(pair, config)
    return config


def _set(pair: str, config: MachineConfig) -> MachineConfig:
    name, found, value = pair.partition("=")
    name = name.strip().removeprefix("/proc/sys/").removeprefix("/").replace("/", ".")
    if not found and (name in TABLE or name.startswith(("net.inet.", "kern."))):  # it is only read
        return config
    try:
        result = assign(config, name, value)
    except ValueError as fault:
        raise ValueError(f"{value!r} is no value of {name} here: {fault}") from None
    if result is None:
        raise ValueError(f"the sysctl {pair!r} is not understood")
    return result


# --- single commands --------------------------------------------------------------------------------------------


def _sleep(words: Sequence[str], orders: Orders) -> Orders:
    match = re.fullmatch(r"(\d*\.?\d+)(ms|s|m|)", words[0]) if len(words) == 1 else None
    if match is None:
        raise ValueError(f"sleep {' '.join(words)} is not understood")
    unit = {"ms": MS, "s": SECOND, "": SECOND, "m": 60 * SECOND}[match[2]]
    return replace(orders, sleep=orders.sleep + round(float(match[1]) * unit))


def _usleep(words: Sequence[str], orders: Orders) -> Orders:
    return replace(orders, sleep=orders.sleep + int(words[0] if words else "") * US)


def _tc(words: Sequence[str], orders: Orders) -> Orders:
    """Queueing disciplines that only queue; the device of a script never does."""
    unknown = {"netem", "tbf", "htb", "ingress", "clsact", "filter", "red", "sfq", "police"} & set(words)
    if unknown or not words or words[0] not in {"qdisc", "-s"}:
        raise ValueError(f"tc {' '.join(words)} is not understood")
    if words[1:2] and words[1] in {"add", "replace", "change"} and not _QDISCS & set(words):
        raise ValueError(f"tc {' '.join(words)} is not understood")
    if words[0] == "-s" or set(words[1:2]) <= {"show", "list"}:
        return orders
    at_once = " ".join(words).endswith(("pfifo limit 0", "bfifo limit 0"))  # it drops all
    return replace(orders, stops=at_once)


def _ip(words: Sequence[str], orders: Orders) -> Orders:
    words = [word for word in words if word not in {"-4", "-s", "-o", "-d"}]
    if not words:
        raise ValueError("ip alone says nothing")
    if words[0] == "-6" or {"show", "list"} & set(words[1:2]) or words[0].startswith("neigh"):
        return orders  # the other family, or only looking, or what is a matter of the device
    what, rest = words[0], words[1:]
    if "tcp_metrics".startswith(what) and len(what) > 2:
        flush = bool(rest) and "flush".startswith(rest[0])
        return replace(
            orders, forgets=orders.forgets or flush
        )  # of metrics only Fast Open's cookies are kept
    if "link".startswith(what):
        return _link(rest, orders)
    if "route".startswith(what):
        return _route(rest, orders)
    raise ValueError(f"ip {' '.join(words)} is not understood")


def _link(words: Sequence[str], orders: Orders) -> Orders:
    """`ip link set [dev] tun0 mtu 1400`, `ip link show`."""
    mtu = orders.mtu
    rest = list(words)
    if rest[:1] == ["set"]:
        rest = [word for word in rest[1:] if word != "dev"]
        if "mtu" in rest[:-1]:
            at = rest.index("mtu")
            mtu = int(rest[at + 1])
            del rest[at : at + 2]
        rest = [word for word in rest if word not in _LINK_WORDS and not word.isdigit()]
        if len(rest) > 1:
            raise ValueError(f"ip link {' '.join(words)} is not understood")
    elif rest and rest[0] not in {"show", "list", "ls"}:
        raise ValueError(f"ip link {' '.join(words)} is not understood")
    return replace(orders, mtu=mtu)


_LINK_WORDS: Final = frozenset(
    {"up", "txqueuelen", "qlen", "gso_max_size", "gso_ipv4_max_size", "gro_max_size"}
)
_ROUTE_WORDS: Final = frozenset({
    "dev", "via", "src", "table", "metric", "proto", "scope", "hoplimit", "ssthresh", "cwnd", "rtt", "rttvar",
    "window", "features",
})  # fmt: skip
_ROUTE_VERBS: Final = frozenset(
    {"add", "change", "chg", "replace", "append", "del", "delete", "show", "list", "get", "flush"}
)


def _route(words: Sequence[str], orders: Orders) -> Orders:
    """Metrics of a route that the stack has a setting for: they become the machine's, for there is one peer."""
    config = orders.config
    verb, rest = (words[0], list(words[1:])) if words and words[0] in _ROUTE_VERBS else ("show", list(words))
    if verb in {"show", "list", "get", "flush", "del", "delete"}:
        return orders
    if rest and rest[0] in {"unreachable", "blackhole", "prohibit", "throw"}:
        raise ValueError(f"ip route {verb} {rest[0]} is not understood")
    rest = rest[1:]  # the destination: everything leads to the peer
    mtu = orders.mtu
    while rest:
        word = rest.pop(0)
        if word == "lock":
            continue
        value = rest.pop(0) if rest else ""
        if word == "mtu":
            mtu = int(rest.pop(0) if value == "lock" else value)
            continue
        if word in _ROUTE_METRICS and value == "lock":
            value = rest.pop(0) if rest else ""
        if word in _ROUTE_METRICS:
            config = _ROUTE_METRICS[word](config, value)
        elif word not in _ROUTE_WORDS or word in {"cwnd", "window", "features", "ssthresh"}:
            raise ValueError(f"ip route: {word} {value} is not understood")
    return replace(orders, config=config, mtu=mtu)


def _ifconfig(words: Sequence[str], orders: Orders) -> Orders:
    """`ifconfig tun0 mtu 1400`."""
    rest = list(words[1:])
    mtu = orders.mtu
    if rest[:1] == ["mtu"] and len(rest) > 1:
        mtu, rest = int(rest[1]), rest[2:]
    if set(rest) - {"up", "-rxcsum", "-txcsum", "-tso", "-lro"}:
        raise ValueError(f"ifconfig {' '.join(words)} is not understood")
    return replace(orders, mtu=mtu)


def _bsd_route(words: Sequence[str], orders: Orders) -> Orders:
    """FreeBSD's `route change 192.0.2.1 -mtu 1400`; what changes nothing but the way is the peer's anyway."""
    if words and words[0] in {"get", "show", "flush", "-n"}:
        return orders
    rest = [word for word in words[1:] if word not in {"-host", "-net", "-inet", "default"}]
    mtu = orders.mtu
    if "-mtu" in rest[:-1]:
        at = rest.index("-mtu")
        mtu, rest = int(rest[at + 1]), rest[:at] + rest[at + 2 :]
    if not words or words[0] not in {"add", "change", "delete"} or any(word.startswith("-") for word in rest):
        raise ValueError(f"route {' '.join(words)} is not understood")
    return replace(orders, mtu=mtu)


def _duration(text: str) -> int:
    match = re.fullmatch(r"(\d+)(ms|s|us|)", text)
    if match is None:
        raise ValueError(f"{text!r} is no duration")
    return int(match[1]) * {"ms": MS, "s": SECOND, "us": US, "": MS}[match[2]]


_ROUTE_METRICS: Final[dict[str, Callable[[MachineConfig, str], MachineConfig]]] = {
    "advmss": lambda config, value: changed(config, "route_mss", int(value)),
    "initcwnd": lambda config, value: changed(config, "initial_window_segments", int(value)),
    "rto_min": lambda config, value: changed(config, "min_rto_ns", _duration(value)),
    "congctl": lambda config, value: _set(f"net.ipv4.tcp_congestion_control={value}", config),
    "quickack": lambda config, value: config if int(value) == 0 else _refuse(f"quickack {value}"),
}


def _refuse(text: str) -> MachineConfig:
    raise ValueError(f"ip route: {text} is not understood")


_COMMANDS: Final[dict[str, Callable[[Sequence[str], Orders], Orders]]] = {
    "sleep": _sleep,
    "usleep": _usleep,
    "tc": _tc,
    "ifconfig": _ifconfig,
    "route": _bsd_route,
    "ip": _ip,
}
