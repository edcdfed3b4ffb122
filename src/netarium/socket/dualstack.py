"""Sockets of AF_INET6 that speak IPv4: addresses as ::ffff:192.0.2.1 (RFC 3493 §3.7, RFC 4291 §2.5.5.2).

A dual-stack socket is of neither family until its first address says so. As long as the stack has no IPv6, the wildcard
`::` means IPv4 as well: there is nothing else that could come.
"""

import errno
from typing import Final

from netarium.base.addr import ANY4, ANY6
from netarium.socket.descriptors import AnyEndpoint
from netarium.socket.errors import os_error

_MAPPED: Final = bytes(10) + b"\xff\xff"


def is_mapped(address: bytes) -> bool:
    """It is an IPv4 address in an IPv6 one."""
    return len(address) == 16 and address.startswith(_MAPPED)


def mapped(address: bytes) -> bytes:
    """As a socket of AF_INET6 shows an address: the IPv4 wildcard is that of IPv6."""
    if len(address) == 16:
        return address
    return ANY6 if address == ANY4 else _MAPPED + address


def settle(endpoint: AnyEndpoint, address: bytes) -> bytes:
    """Decide by an address which family the endpoint of a socket of AF_INET6 speaks.

    Args:
        endpoint: of the socket.
        address: what bind(), connect() or sendto() was given, 16 octets.

    Returns:
        The address as the endpoint understands it.

    Raises:
        OSError: ENETUNREACH: an address of the family that it does not speak (any more).
    """
    four = is_mapped(address) or (address == ANY6 and not endpoint.options.v6only)
    if endpoint.version == 4:
        if not four:
            raise os_error(errno.ENETUNREACH)
        return ANY4 if address == ANY6 else address[12:]
    if not four:
        return address
    if endpoint.options.v6only or endpoint.local[1]:
        raise os_error(errno.ENETUNREACH)
    endpoint.speak_ipv4()
    return ANY4 if address == ANY6 else address[12:]
