"""Socket addresses: Python's tuples to packed addresses and back, with CPython's complaints about wrong ones."""

import socket as kernel
from typing import Any, Final

from netarium.base.addr import ANY4, ANY6, BROADCAST4, format_ip
from netarium.socket.context import HostBase
from netarium.socket.dualstack import is_mapped, mapped

AF_INET: Final = int(kernel.AF_INET)
AF_INET6: Final = int(kernel.AF_INET6)

AddressTuple = tuple[str, int] | tuple[str, int, int, int]


def pack_address(host: HostBase, family: int, address: Any, call: str) -> tuple[bytes, int]:
    """The packed address and port of an address tuple; names are looked up.

    Args:
        host: whose resolver is asked.
        family: AF_INET or AF_INET6.
        address: what the program passed.
        call: for messages, as CPython: "connect".

    Raises:
        TypeError, OverflowError: not an address of this family.
        OSError: socket.gaierror: no such name.
    """
    name = "AF_INET" if family == AF_INET else "AF_INET6"
    if not isinstance(address, tuple):
        raise TypeError(f"{call}(): {name} address must be tuple, not {type(address).__name__}")
    if family == AF_INET:
        if len(address) != 2:
            raise TypeError("AF_INET address must be a pair (host, port)")
    elif not 2 <= len(address) <= 4:
        raise TypeError("AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])")
    node, port = address[0], address[1]
    if not isinstance(node, (str, bytes, bytearray)):
        raise TypeError(f"str, bytes or bytearray expected, not {type(node).__name__}")
    if not hasattr(type(port), "__index__"):
        raise TypeError(f"{type(port).__name__!r} object cannot be interpreted as an integer")
    packed = _pack_node(host, family, node if isinstance(node, str) else bytes(node).decode("ascii"))
    number = port.__index__()
    if not 0 <= number <= 0xFFFF:
        raise OverflowError(f"{call}(): port must be 0-65535.")
    return packed, number


def unpack_address(family: int, address: bytes, port: int) -> AddressTuple:
    """The address tuple that a program sees."""
    return (format_ip(address), port) if family == AF_INET else (_format_ip6(mapped(address)), port, 0, 0)


def _format_ip6(address: bytes) -> str:
    """As inet_ntop() writes it: an IPv4 address in it keeps its dots."""
    return f"::ffff:{format_ip(address[12:])}" if is_mapped(address) else format_ip(address)


def _pack_node(host: HostBase, family: int, node: str) -> bytes:
    if not node:
        return ANY4 if family == AF_INET else ANY6
    if node == "<broadcast>" and family == AF_INET:
        return BROADCAST4
    try:
        return kernel.inet_pton(family, node)
    except (OSError, ValueError):
        pass
    if host.resolver is None:
        raise kernel.gaierror(kernel.EAI_NONAME, "Name or service not known")
    rows = host.resolver.getaddrinfo(node, None, family, int(kernel.SOCK_DGRAM))
    return kernel.inet_pton(family, rows[0][4][0].partition("%")[0])
