"""The part of `getaddrinfo` that asks nobody: its arguments, numeric hosts, services, and the shape of its answer.

RFC 3493 §6.1; where it leaves a choice (order, error codes, what "proto" alone means) this does what glibc does,
because that is what programs were written against. Tests compare the two.
"""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from netarium.base.addr import format_ip, is_link_local, is_multicast
from netarium.resolver.errors import ResolverError
from netarium.resolver.names import to_ascii
from netarium.resolver.services import port_of

SockAddr = tuple[str, int] | tuple[str, int, int, int]
AddrInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, SockAddr]
ScopeOf = Callable[[str], int | None]

_FLAGS: Final = int(
    socket.AI_PASSIVE | socket.AI_CANONNAME | socket.AI_NUMERICHOST | socket.AI_V4MAPPED
    | socket.AI_ALL | socket.AI_ADDRCONFIG | socket.AI_NUMERICSERV
    | 0x0040 | 0x0080 | 0x0100 | 0x0200  # AI_IDN, AI_CANONIDN and glibc's two obsolete companions
)  # fmt: skip
_NUMBER: Final = re.compile(r"[ \t\n\r\f\v]*[+-]?[0-9]+")
MAPPED_PREFIX: Final = bytes(10) + b"\xff\xff"  # RFC 4291 §2.5.5.2


class Target(NamedTuple):
    """One address that a name stands for; `scope` is an interface index, 0 if none is meant."""

    address: bytes
    scope: int = 0


class Service(NamedTuple):
    """One way to reach a service: socket type, protocol number, port."""

    type: int
    proto: int
    port: int


class _Kind(NamedTuple):
    """A row of the table of what a socket can be."""

    name: str
    type: int
    proto: int
    any_proto: bool = False
    has_ports: bool = True
    by_default: bool = False


_KINDS: Final = (
    _Kind("tcp", socket.SOCK_STREAM, 6, by_default=True),
    _Kind("udp", socket.SOCK_DGRAM, 17, by_default=True),
    _Kind("dccp", 6, 33),
    _Kind("udplite", socket.SOCK_DGRAM, 136),
    _Kind("sctp", socket.SOCK_STREAM, 132),
    _Kind("sctp", socket.SOCK_SEQPACKET, 132),
    _Kind("raw", socket.SOCK_RAW, 0, any_proto=True, has_ports=False, by_default=True),
)


@dataclass(frozen=True, slots=True)
class Request:
    """Checked arguments of one `getaddrinfo`."""

    host: str | None
    family: int
    flags: int
    services: tuple[Service, ...]

    @property
    def length(self) -> int:
        """Octets of the addresses asked for; 0 for either family."""
        return 4 if self.family == socket.AF_INET else 16 if self.family == socket.AF_INET6 else 0

    @property
    def mapped(self) -> bool:
        """IPv4 addresses are wanted as IPv6 ones when there are no others (AI_V4MAPPED)."""
        return self.family == socket.AF_INET6 and bool(self.flags & socket.AI_V4MAPPED)


def check(host: object, port: object, family: int, type_: int, proto: int, flags: int) -> Request:
    """Check the arguments in the order in which Python and the C library do.

    Raises:
        TypeError: `host` is neither text nor None.
        OSError: `port` is no number, text or None.
        ResolverError: EAI_NONAME, EAI_BADFLAGS, EAI_FAMILY, EAI_SOCKTYPE, EAI_SERVICE.
    """
    if host is not None and not isinstance(host, str | bytes | bytearray):
        raise TypeError("getaddrinfo() argument 1 must be string or None")
    name = None if host is None else to_ascii(host)
    service = _service_text(port)
    if name == "*":
        name = None
    if service == "*":
        service = None
    if name is None and service is None:
        raise ResolverError(socket.EAI_NONAME)
    if flags & ~_FLAGS or (flags & socket.AI_CANONNAME and name is None):
        raise ResolverError(socket.EAI_BADFLAGS)
    if family not in {socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6}:
        raise ResolverError(socket.EAI_FAMILY)
    number = _service_number(service)
    if service and number is None and flags & socket.AI_NUMERICSERV:
        raise ResolverError(socket.EAI_NONAME)
    services = _services(service or None, number, type_, proto)
    return Request(name, family, flags, tuple(services))


def _service_text(port: object) -> str | None:
    if port is None:
        return None
    if isinstance(port, bytes | bytearray):
        return bytes(port).decode("utf-8")
    if isinstance(port, str):
        return port
    if isinstance(port, int) and not isinstance(port, bool):
        return str(port)
    raise OSError("Int or String expected")


def _service_number(service: str | None) -> int | None:
    """The number that a service is, as strtoul reads it, or -1 if that is no port at all; None for a name."""
    if not service or _NUMBER.fullmatch(service) is None:
        return None
    number = int(service) if len(service) < 20 else -1
    return number & 0xFFFF if number >= 0 else -1


def _services(name: str | None, number: int | None, type_: int, proto: int) -> list[Service]:
    fitting = [
        kind for kind in _KINDS
        if (not type_ or type_ == kind.type) and (not proto or kind.any_proto or proto == kind.proto)
    ]  # fmt: skip
    if not fitting:
        raise ResolverError(socket.EAI_SOCKTYPE if type_ else socket.EAI_SERVICE)
    if type_ or proto:
        fitting = fitting[:1]
        if name is not None and not fitting[0].has_ports:
            raise ResolverError(socket.EAI_SERVICE)
    if name is not None and (number is None or number < 0):
        found = [
            Service(kind.type, kind.proto, port)
            for kind in fitting
            if kind.has_ports and (port := port_of(name, kind.name)) is not None
        ]
        if not found:
            raise ResolverError(socket.EAI_SERVICE)
        return found
    return [
        Service(kind.type, proto if kind.any_proto else kind.proto, number or 0)
        for kind in fitting
        if kind.by_default or type_ or proto
    ]


def unnamed(request: Request) -> list[Target]:
    """What no host means: the wildcard for who will listen (AI_PASSIVE), else the loopback."""
    if request.flags & socket.AI_PASSIVE:
        targets = [Target(bytes(4)), Target(bytes(16))]
    else:
        targets = [Target(bytes(15) + b"\1"), Target(b"\x7f\0\0\1")]
    return [target for target in targets if not request.length or len(target.address) == request.length]


def numeric(request: Request, scope_of: ScopeOf) -> list[Target] | None:
    """The address that the host is when it is written as one; None for a name.

    Args:
        request: its host is not None.
        scope_of: the index of an interface, by its name.

    Raises:
        ResolverError: EAI_ADDRFAMILY for an address of the other family, EAI_NONAME for a scope out of place,
            or for a name although AI_NUMERICHOST is set.
    """
    host = request.host or ""
    # An address of the other family fails as such, whatever its scope.
    target = parse_host(host.partition("%")[0] if request.family == socket.AF_INET else host, scope_of)
    if target is None:
        if request.flags & socket.AI_NUMERICHOST or not host:
            raise ResolverError(socket.EAI_NONAME)
        return None
    if request.length in {0, len(target.address)}:
        return [target]
    if request.mapped and len(target.address) == 4:
        return [Target(MAPPED_PREFIX + target.address)]
    if request.family == socket.AF_INET and target.address.startswith(MAPPED_PREFIX):
        return [Target(target.address[12:])]
    raise ResolverError(socket.EAI_ADDRFAMILY)


def parse_host(text: str, scope_of: ScopeOf) -> Target | None:
    """The address that text is: IPv4 in every form of inet_aton(3), or IPv6 with an optional %scope."""
    if not text or any(c.isspace() for c in text) or "\0" in text:
        return None  # inet_aton would ignore what stands behind a space
    if ":" not in text:
        try:
            return Target(socket.inet_aton(text))
        except OSError:
            return None
    bare, percent, zone = text.partition("%")
    try:
        address = socket.inet_pton(socket.AF_INET6, bare)
    except OSError:
        return None
    if not percent:
        return Target(address)
    scope = int(zone) if zone.isascii() and zone.isdigit() and len(zone) < 10 else None
    if scope is None and (is_link_local(address) or is_multicast(address)):
        scope = scope_of(zone)
    if scope is None:
        raise ResolverError(socket.EAI_NONAME)
    return Target(address, scope)


def answer(request: Request, targets: Sequence[Target], canonical: str) -> list[AddrInfo]:
    """The result list: every address with every service; the canonical name stands in the first row only."""
    rows: list[AddrInfo] = []
    for target in targets:
        family = socket.AF_INET if len(target.address) == 4 else socket.AF_INET6
        for service in request.services:
            kind = socket.SocketKind(service.type) if service.type in _SOCKET_KINDS else service.type
            name = canonical if not rows and request.flags & socket.AI_CANONNAME else ""
            rows.append((family, kind, service.proto, name, sock_addr(target, service.port)))  # type: ignore[arg-type]
    return rows


_SOCKET_KINDS: Final = frozenset(int(kind) for kind in socket.SocketKind)


def sock_addr(target: Target, port: int) -> SockAddr:
    """An address as Python's `socket` writes it."""
    if len(target.address) == 4:
        return (format_ip(target.address), port)
    return (socket.inet_ntop(socket.AF_INET6, target.address), port, 0, target.scope)
