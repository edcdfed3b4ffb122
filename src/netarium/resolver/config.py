"""Settings of a resolver, and the reader of `resolv.conf` text. Durations are ns.

The limits on what a `resolv.conf` may ask for are those of resolv.conf(5).
"""

from dataclasses import dataclass
from typing import Final

from netarium.base.addr import parse_ip
from netarium.base.errors import UsageError
from netarium.base.units import SECOND

MAX_SERVERS: Final = 3
MAX_SEARCH: Final = 6
MAX_NDOTS: Final = 15
MAX_TIMEOUT: Final = 30
MAX_ATTEMPTS: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolverConfig:
    """One resolver. The defaults are those of resolv.conf(5)."""

    servers: tuple[
        bytes, ...
    ] = ()  # packed addresses of either family, first choice first; none: hosts table only
    port: int = 53
    search: tuple[str, ...] = ()
    ndots: int = 1  # a name with this many dots is first tried as it stands
    timeout_ns: int = 5 * SECOND  # for the first round of servers; doubles with each (RFC 1123 §6.1.3.3)
    attempts: int = 2  # rounds over all servers
    rotate: bool = False
    edns: bool = True
    udp_payload: int = 1_232  # octets; what passes an IPv6 path unfragmented (RFC 6891 §6.2.5)
    max_chain: int = 16  # CNAMEs followed for one name
    cache_entries: int = 1_000  # 0: no cache
    max_ttl: int = 86_400  # s; RFC 8767 §4 speaks of days, a stub needs no more than one
    max_negative_ttl: int = 10_800  # s; RFC 2308 §5: one to three hours


def parse_resolv_conf(text: str) -> ResolverConfig:
    """The configuration that a `resolv.conf` describes. What is not understood is skipped, as the C library does.

    Args:
        text: the file; lines `nameserver`, `search`, `domain`, `options`.
    """
    servers: list[bytes] = []
    search: tuple[str, ...] = ()
    settings = {"ndots": 1, "timeout": 5, "attempts": 2}
    flags = {"rotate": False, "edns0": True}
    for line in text.splitlines():
        words = line.split("#")[0].split(";")[0].split()
        match words:
            case ["nameserver", address, *_] if len(servers) < MAX_SERVERS:
                _add_server(servers, address)
            case ["search", *domains]:
                search = tuple(domain.rstrip(".") for domain in domains[:MAX_SEARCH] if domain != ".")
            case ["domain", domain, *_]:
                search = (domain.rstrip("."),)
            case ["options", *options]:
                _read_options(options, settings, flags)
            case _:
                pass
    return ResolverConfig(
        servers=tuple(servers),
        search=search,
        ndots=min(settings["ndots"], MAX_NDOTS),
        timeout_ns=min(max(settings["timeout"], 1), MAX_TIMEOUT) * SECOND,
        attempts=min(max(settings["attempts"], 1), MAX_ATTEMPTS),
        rotate=flags["rotate"],
        edns=flags["edns0"],
    )


def _add_server(servers: list[bytes], address: str) -> None:
    try:
        servers.append(parse_ip(address))
    except UsageError:
        return  # a scoped or broken address: the C library skips it too


def _read_options(options: list[str], settings: dict[str, int], flags: dict[str, bool]) -> None:
    for option in options:
        name, _, value = option.partition(":")
        if name in settings and value.isascii() and value.isdigit():
            settings[name] = int(value[:9])
        elif name in flags:
            flags[name] = True
        elif name == "no-edns0":
            flags["edns0"] = False
