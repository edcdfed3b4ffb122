"""Names on their way to the DNS: checked, made comparable, completed by the search list, turned round for PTR.

Inside the resolver a name is ASCII text without its final dot. Spec: RFC 1035 §2.3.4, §3.5; RFC 3596 §2.5.
"""

import socket

from netarium.base.errors import UsageError
from netarium.resolver.config import ResolverConfig
from netarium.resolver.errors import ResolverError
from netarium.wire.dns_name import fold, to_labels


def to_ascii(name: str | bytes | bytearray) -> str:
    """A host name as a program gave it, in the form that goes on the wire (IDNA, as Python's own calls do).

    Raises:
        UnicodeError: a label is empty or too long, as Python's `socket` raises it.
        ResolverError: EAI_NONAME for octets that are not ASCII.
    """
    if isinstance(name, str):
        return name.encode("idna").decode("ascii")
    try:
        return bytes(name).decode("ascii")
    except UnicodeDecodeError:
        raise ResolverError(socket.EAI_NONAME) from None


def wire_key(name: str) -> bytes:
    """The name as lower-case labels with their lengths: equal for equal names, whatever their case (RFC 4343).

    Raises:
        ResolverError: EAI_NONAME for what cannot be a name: an empty or too long label, too long a name.
    """
    try:
        labels = to_labels(fold(name))
    except UsageError:
        raise ResolverError(socket.EAI_NONAME) from None
    return b"".join([bytes([len(label)]) + label for label in labels]) + b"\0"


def candidates(name: str, config: ResolverConfig) -> list[str]:
    """What to ask for, in this order: the name as it stands and the name in each search domain.

    A final dot says "as it stands, nothing else"; `ndots` dots say "first as it stands" (resolv.conf(5)).
    """
    if name.endswith("."):
        return [name[:-1]]
    searched = [f"{name}.{domain}" for domain in config.search]
    return [name, *searched] if name.count(".") >= config.ndots else [*searched, name]


def reverse_name(address: bytes) -> str:
    """The name whose PTR record names an address (RFC 1035 §3.5, RFC 3596 §2.5)."""
    if len(address) == 4:
        return ".".join(str(octet) for octet in reversed(address)) + ".in-addr.arpa"
    return ".".join(reversed(address.hex())) + ".ip6.arpa"


def is_localhost(name: str) -> bool:
    """Whether a name means this machine whatever a server says (RFC 6761 §6.3)."""
    key = name.removesuffix(".").lower()
    return key == "localhost" or key.endswith(".localhost")
