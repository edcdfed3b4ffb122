"""Addresses are `bytes`: 4 of them IPv4, 16 IPv6, 6 a MAC. Text only at the edges.

Packed bytes make one kind of key for both families, compare in wire order, hash with the interpreter's secret
(tables that a stranger can fill are keyed by them), and are slices of the headers they came from.
"""

import ipaddress
import re
from typing import Final, NamedTuple

from netarium.base.errors import UsageError

ANY4: Final = bytes(4)
ANY6: Final = bytes(16)
BROADCAST4: Final = b"\xff" * 4
LOOPBACK4: Final = b"\x7f\x00\x00\x01"
LOOPBACK6: Final = bytes(15) + b"\x01"
MAC_BROADCAST: Final = b"\xff" * 6
MAC_ZERO: Final = bytes(6)

_MAC_TEXT: Final = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}", re.IGNORECASE)


class Prefix(NamedTuple):
    """A network: the first `length` bits of `network`; the other bits are zero."""

    network: bytes
    length: int

    def __contains__(self, address: object) -> bool:
        return (
            isinstance(address, bytes)
            and len(address) == len(self.network)
            and (masked(address, self.length) == self.network)
        )

    def __str__(self) -> str:
        return f"{format_ip(self.network)}/{self.length}"


def parse_ip(text: str) -> bytes:
    """The packed form of "192.0.2.1" or "2001:db8::1".

    Raises:
        UsageError: not an address.
    """
    try:
        return ipaddress.ip_address(text).packed
    except ValueError:
        raise UsageError(f"{text!r} is not an IP address: write it like 192.0.2.1 or 2001:db8::1") from None


def format_ip(address: bytes) -> str:
    """The text form of a packed address."""
    if len(address) == 4:
        a, b, c, d = address
        return f"{a}.{b}.{c}.{d}"
    return str(ipaddress.IPv6Address(address))


def parse_interface(text: str) -> tuple[bytes, int]:
    """The address and prefix length of "192.0.2.1/24".

    Raises:
        UsageError: not an address with a prefix length.
    """
    try:
        interface = ipaddress.ip_interface(text)
    except ValueError:
        raise UsageError(f"{text!r} is not an address with its network: write it like 192.0.2.1/24") from None
    if "/" not in text:
        raise UsageError(f"{text!r} lacks its prefix length: write it like {text}/24")
    return interface.ip.packed, interface.network.prefixlen


def parse_prefix(text: str) -> Prefix:
    """The network of "192.0.2.0/24", "2001:db8::/32" or "default" (IPv4).

    Raises:
        UsageError: not a network, or bits set behind the prefix.
    """
    if text == "default":
        return Prefix(ANY4, 0)
    try:
        network = ipaddress.ip_network(text)
    except ValueError as fault:
        raise UsageError(f"{text!r} is not a network ({fault}): write it like 192.0.2.0/24") from None
    return Prefix(network.network_address.packed, network.prefixlen)


def parse_mac(text: str) -> bytes:
    """The six bytes of "02:00:00:00:00:01".

    Raises:
        UsageError: not a MAC address.
    """
    if _MAC_TEXT.fullmatch(text) is None:
        raise UsageError(f"{text!r} is not a MAC address: write it like 02:00:00:00:00:01")
    return bytes.fromhex(text.replace(":", "").replace("-", ""))


def format_mac(mac: bytes) -> str:
    """The text form of a MAC address."""
    return mac.hex(":")


def masked(address: bytes, length: int) -> bytes:
    """The address with all bits behind the first `length` cleared."""
    bits = len(address) * 8
    shift = bits - length
    return (int.from_bytes(address, "big") >> shift << shift).to_bytes(bits // 8, "big")


def subnet_broadcast(address: bytes, length: int) -> bytes:
    """The directed broadcast address of an IPv4 network; the address itself for /31 and /32 (RFC 3021)."""
    host_bits = 32 - length
    if host_bits < 2:
        return address
    return (int.from_bytes(address, "big") | (1 << host_bits) - 1).to_bytes(4, "big")


def is_multicast(address: bytes) -> bool:
    """224.0.0.0/4 or ff00::/8."""
    return address[0] == 0xFF if len(address) == 16 else 224 <= address[0] < 240


def is_unspecified(address: bytes) -> bool:
    """0.0.0.0 or ::."""
    return not any(address)


def is_loopback(address: bytes) -> bool:
    """127.0.0.0/8 or ::1."""
    return address[0] == 127 if len(address) == 4 else address == LOOPBACK6


def is_link_local(address: bytes) -> bool:
    """169.254.0.0/16 or fe80::/10."""
    if len(address) == 4:
        return address[:2] == b"\xa9\xfe"
    return address[0] == 0xFE and address[1] & 0xC0 == 0x80


def is_group_mac(mac: bytes) -> bool:
    """The group bit: the least significant of the first octet (IEEE 802.3 §3.2.3); broadcast has it too."""
    return bool(mac[0] & 1)


def multicast_mac(group: bytes) -> bytes:
    """Where a group's packets go on Ethernet (RFC 1112 §6.4, RFC 2464 §7)."""
    if len(group) == 4:
        return b"\x01\x00\x5e" + bytes([group[1] & 0x7F]) + group[2:]
    return b"\x33\x33" + group[12:]
