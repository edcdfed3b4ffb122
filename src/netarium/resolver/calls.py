"""What each of the five calls does with a name, up to and from the questions it must ask. No I/O.

Every call is a generator in the manner of `lookup.find`, so that a blocking program and an event loop run the same
code. Results, exceptions and their order are those of Python's `socket` over glibc; tests compare them.
"""

import socket
from collections.abc import Generator
from typing import Final, Protocol, TypeVar

from netarium.base.addr import LOOPBACK4, LOOPBACK6, format_ip, is_link_local, is_loopback
from netarium.resolver.addrinfo import (
    MAPPED_PREFIX,
    AddrInfo,
    Request,
    Target,
    answer,
    check,
    numeric,
    parse_host,
    unnamed,
)
from netarium.resolver.answer import Answer, Outcome, Question
from netarium.resolver.config import ResolverConfig
from netarium.resolver.errors import HOST_NOT_FOUND, NO_RECOVERY, TRY_AGAIN, ResolverError, host_error
from netarium.resolver.hosts import HostsTable
from netarium.resolver.lookup import Found, find
from netarium.resolver.names import is_localhost, reverse_name, to_ascii
from netarium.resolver.services import name_of
from netarium.wire.dns import TYPE_A, TYPE_AAAA, TYPE_PTR

Result = TypeVar("Result")
Calling = Generator[Question, Answer, Result]

_EAI: Final = {
    Outcome.NXDOMAIN: socket.EAI_NONAME,
    Outcome.NODATA: socket.EAI_NODATA,
    Outcome.SERVFAIL: socket.EAI_AGAIN,
    Outcome.TIMEOUT: socket.EAI_AGAIN,
    Outcome.BROKEN: socket.EAI_FAIL,
}
_H_ERRNO: Final = {
    Outcome.SERVFAIL: TRY_AGAIN,
    Outcome.TIMEOUT: TRY_AGAIN,
    Outcome.BROKEN: NO_RECOVERY,
}
_NI_FLAGS: Final = int(
    socket.NI_NUMERICHOST | socket.NI_NUMERICSERV | socket.NI_NOFQDN | socket.NI_NAMEREQD | socket.NI_DGRAM
    | 0x20 | 0x40 | 0x80 | 0x100  # NI_IDN, its two obsolete companions, NI_NUMERICSCOPE
)  # fmt: skip


class Site(Protocol):
    """What the calls must know of the machine they run on."""

    config: ResolverConfig
    hosts: HostsTable

    @property
    def name(self) -> str:
        """The machine's own name."""

    def addresses(self) -> list[bytes]:
        """All addresses of the machine, loopback included."""

    def scope_of(self, interface: str) -> int | None:
        """The index of an interface."""

    def seen(self, name: str, step: str, detail: str) -> int:
        """Tell the trace; the event's number."""


def addr_info(
    site: Site, host: object, port: object, family: int, type_: int, proto: int, flags: int
) -> Calling[list[AddrInfo]]:
    """`socket.getaddrinfo`."""
    request = check(host, port, family, type_, proto, flags)
    if request.host is None:
        return answer(request, _usable_first(site, unnamed(request)), "")
    targets = numeric(request, site.scope_of)
    if targets is not None:
        return answer(request, targets, request.host)
    found = yield from _named(site, request.host, _types(site, request))
    targets = _wanted(request, [Target(item) for item in found.data if isinstance(item, bytes)])
    if not targets:
        raise ResolverError(socket.EAI_NODATA)
    return answer(request, _usable_first(site, targets), found.canonical)


def _types(site: Site, request: Request) -> list[int]:
    """Which records to ask for. AAAA only if one could be used: a machine without IPv6 need not wait for it."""
    if request.family == socket.AF_INET:
        return [TYPE_A]
    if request.family == socket.AF_INET6:
        return [TYPE_AAAA, TYPE_A] if request.mapped else [TYPE_AAAA]
    reaches_ipv6 = any(
        len(address) == 16 and not is_loopback(address) and not is_link_local(address)
        for address in site.addresses()
    )
    return [TYPE_A, TYPE_AAAA] if reaches_ipv6 else [TYPE_A]


def _wanted(request: Request, targets: list[Target]) -> list[Target]:
    fitting = [target for target in targets if request.length in {0, len(target.address)}]
    if request.mapped and (not fitting or request.flags & socket.AI_ALL):
        fitting += [Target(MAPPED_PREFIX + target.address) for target in targets if len(target.address) == 4]
    return fitting


def _usable_first(site: Site, targets: list[Target]) -> list[Target]:
    """IPv6 goes first where there is IPv6, and last where there is none (RFC 6724 §6, rules 1 and 6).

    The wildcards stay as they are: nobody connects to them.
    """
    if any(not any(target.address) for target in targets):
        return targets
    has_ipv6 = any(len(address) == 16 for address in site.addresses())
    return sorted(targets, key=lambda target: (len(target.address) == 16) is not has_ipv6)


def _named(site: Site, name: str, types: list[int]) -> Calling[Found]:
    """What a name stands for, by the first that knows: hosts table, this machine itself, the servers.

    Raises:
        ResolverError: nobody does.
    """
    found = _known_here(site, name, types)
    if found is None:
        if not site.config.servers:
            site.seen(name, "failed", "no server to ask")
            raise ResolverError(socket.EAI_NONAME)
        found = yield from find(name, types, site.config)
    if found.outcome is not Outcome.FOUND:
        site.seen(name, "failed", found.outcome)
        raise ResolverError(_EAI[found.outcome])
    return found


def _known_here(site: Site, name: str, types: list[int]) -> Found | None:
    lengths = {4: TYPE_A in types, 16: TYPE_AAAA in types}
    listed = [address for address in site.hosts.addresses(name) if lengths[len(address)]]
    if listed:
        canonical, *aliases = site.hosts.names(name)
        site.seen(name, "hosts", ", ".join(map(format_ip, listed)))
        return Found(Outcome.FOUND, canonical, tuple(aliases), tuple(listed))
    if is_localhost(name):
        own = [address for address in (LOOPBACK4, LOOPBACK6) if lengths[len(address)]]
        if len(types) > 1 and LOOPBACK6 not in site.addresses():
            own.remove(LOOPBACK6)
    elif name.removesuffix(".").lower() == site.name.lower():
        own = [a for a in site.addresses() if lengths[len(a)] and not is_loopback(a)]
        own = own or ([LOOPBACK4] if lengths[4] else [])
    else:
        return None
    return Found(Outcome.FOUND, name.removesuffix("."), (), tuple(own)) if own else Found(Outcome.NODATA)


def host_by_name(site: Site, hostname: object, call: str) -> Calling[tuple[str, list[str], list[str]]]:
    """`socket.gethostbyname_ex`; `gethostbyname` takes the first address of it. IPv4 only, as ever."""
    name = _host_argument(hostname, call)
    if name in {"", "<broadcast>"}:
        return name, [], ["0.0.0.0" if not name else "255.255.255.255"]  # noqa: S104 - Python says so
    target = parse_host(name, site.scope_of)
    if target is None:
        found = yield from _named(site, name, [TYPE_A])
        addresses = [format_ip(item) for item in found.data if isinstance(item, bytes)]
        return found.canonical, list(found.aliases), addresses
    if len(target.address) != 4:
        raise ResolverError(socket.EAI_ADDRFAMILY)
    return name, [], [format_ip(target.address)]


def host_by_address(site: Site, ip_address: object) -> Calling[tuple[str, list[str], list[str]]]:
    """`socket.gethostbyaddr`: PTR, or the hosts table. A name is looked up first, as Python does."""
    text = _host_argument(ip_address, "gethostbyaddr")
    if not text:
        raise OSError("wildcard resolved to multiple address")
    target = parse_host("255.255.255.255" if text == "<broadcast>" else text, site.scope_of)
    if target is None:
        found = yield from _named(site, text, [TYPE_A])
        target = Target(next(item for item in found.data if isinstance(item, bytes)))
    reverse = yield from _reverse(site, target.address)
    if reverse.outcome is not Outcome.FOUND:
        raise host_error(_H_ERRNO.get(reverse.outcome, HOST_NOT_FOUND))
    return reverse.canonical, list(reverse.aliases), [format_ip(target.address)]


def _reverse(site: Site, address: bytes) -> Calling[Found]:
    """The name of an address in `canonical`, further ones in `aliases`."""
    listed = site.hosts.names_of(address)
    if not listed and is_loopback(address):
        listed = ("localhost",)
    elif not listed and address in site.addresses():
        listed = (site.name,)
    if listed:
        site.seen(format_ip(address), "hosts", listed[0])
        return Found(Outcome.FOUND, listed[0], listed[1:])
    if not site.config.servers:
        return Found(Outcome.NXDOMAIN)
    found = yield from find(reverse_name(address) + ".", [TYPE_PTR], site.config)
    names = tuple(item for item in found.data if isinstance(item, str))
    return Found(found.outcome, names[0], names[1:]) if names else found


def name_info(site: Site, sockaddr: object, flags: int) -> Calling[tuple[str, str]]:
    """`socket.getnameinfo`: the host of a socket address must be numeric."""
    target, port = _sockaddr_argument(site, sockaddr)
    if flags & ~_NI_FLAGS:
        raise ResolverError(socket.EAI_BADFLAGS)
    service = (
        None if flags & socket.NI_NUMERICSERV else name_of(port, "udp" if flags & socket.NI_DGRAM else "tcp")
    )
    host = None
    if not flags & socket.NI_NUMERICHOST:
        found = yield from _reverse(site, target.address)
        if found.outcome is Outcome.FOUND:
            host = _local_part(site, found.canonical) if flags & socket.NI_NOFQDN else found.canonical
    if host is None:
        if flags & socket.NI_NAMEREQD:
            raise ResolverError(socket.EAI_NONAME)
        host = format_ip(target.address) + (f"%{target.scope}" if target.scope else "")
    return host, service or str(port)


def _local_part(site: Site, name: str) -> str:
    """The name without the domain that is ours anyway (NI_NOFQDN)."""
    for domain in site.config.search:
        if name.lower().endswith("." + domain.lower()):
            return name[: -len(domain) - 1]
    return name


def _host_argument(value: object, call: str) -> str:
    if not isinstance(value, str | bytes | bytearray):
        kind = "None" if value is None else type(value).__name__
        raise TypeError(f"{call}() argument 1 must be str, bytes or bytearray, not {kind}")
    return to_ascii(value)


def _sockaddr_argument(site: Site, sockaddr: object) -> tuple[Target, int]:
    if not isinstance(sockaddr, tuple):
        raise TypeError("getnameinfo() argument 1 must be a tuple")
    if not 2 <= len(sockaddr) <= 4 or not isinstance(sockaddr[0], str):
        raise TypeError("getnameinfo(): illegal sockaddr argument")
    if any(not isinstance(number, int) for number in sockaddr[1:]):
        raise TypeError("getnameinfo(): illegal sockaddr argument")
    target = parse_host(sockaddr[0], site.scope_of)
    if target is None:
        raise ResolverError(socket.EAI_NONAME)
    if len(target.address) == 4:
        if len(sockaddr) != 2:
            raise OSError("IPv4 sockaddr must be 2 tuple")
        return target, sockaddr[1] & 0xFFFF
    if len(sockaddr) > 2 and sockaddr[2] > 0xFFFFF:
        raise OverflowError("getnameinfo(): flowinfo must be 0-1048575.")
    scope = sockaddr[3] if len(sockaddr) == 4 else target.scope
    return Target(target.address, scope), sockaddr[1] & 0xFFFF
