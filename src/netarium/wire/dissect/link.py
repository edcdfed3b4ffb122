"""Names for the octets of Ethernet, IEEE 802.1Q, LLC/SNAP and ARP."""

from collections.abc import Callable
from typing import Final

from netarium.base.addr import MAC_BROADCAST, format_ip, format_mac, is_group_mac
from netarium.wire.dissect.internet import ipv4, ipv6
from netarium.wire.dissect.layer import Names, Next, Pen, Step
from netarium.wire.ethernet import MAX_LENGTH_FIELD, MIN_ETHERTYPE
from netarium.wire.numbers import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    ETHERTYPE_SERVICE_VLAN,
    ETHERTYPE_VLAN,
)

_ETHERTYPES: Final = {
    ETHERTYPE_IPV4: "IPv4", ETHERTYPE_ARP: "ARP", ETHERTYPE_IPV6: "IPv6", ETHERTYPE_VLAN: "802.1Q",
    ETHERTYPE_SERVICE_VLAN: "802.1ad", 0x8035: "RARP", 0x88CC: "LLDP",
}  # fmt: skip
_ethertype: Final = Names(_ETHERTYPES, form="{:#06x}")
_HARDWARE: Final = Names({1: "Ethernet", 6: "IEEE 802"})
_OPERATIONS: Final = Names({1: "request", 2: "reply", 3: "reverse request", 4: "reverse reply"})


def mac_text(mac: bytes) -> str:
    """A MAC address, and whether it names one adapter."""
    if len(mac) != 6:
        return mac.hex(":")
    note = " (broadcast)" if mac == MAC_BROADCAST else " (group)" if is_group_mac(mac) else ""
    return format_mac(mac) + note


def ethernet(pen: Pen) -> Next | None:
    """Ethernet II, or IEEE 802.3 with LLC."""
    pen.name = "Ethernet"
    pen.take("destination", 6, mac_text)
    pen.take("source", 6, mac_text)
    return _type_or_length(pen)


def _type_or_length(pen: Pen) -> Next | None:
    kind = int.from_bytes(pen.octets[pen.offset : pen.offset + 2], "big")
    if kind >= MIN_ETHERTYPE:
        return Next(_by_ethertype(pen.number("type", 16, _ethertype)))
    length = pen.number("length", 16, "{} octets follow".format if kind <= MAX_LENGTH_FIELD else "neither")
    if kind > MAX_LENGTH_FIELD:
        pen.rename(f"{kind:#06x}: too large for a length, too small for a type")
        return None
    return Next(_llc, pen.offset + length)


def _by_ethertype(ethertype: int) -> Step | None:
    return _STEPS.get(ethertype)


def _vlan(pen: Pen) -> Next | None:
    """The tag behind its EtherType."""
    pen.name = "802.1Q tag"
    pen.number("priority", 3)
    pen.number("drop eligible", 1)
    pen.number("VLAN identifier", 12)
    return _type_or_length(pen)


def _llc(pen: Pen) -> Next | None:
    """Logical link control; with SNAP, an EtherType after all (RFC 1042)."""
    pen.name = "LLC"
    dsap = pen.number("DSAP", 8, _sap)
    ssap = pen.number("SSAP", 8, _sap)
    control = pen.number("control", 8, Names({3: "UI"}, "other", "{:#04x}"))
    if (dsap, ssap, control) != (0xAA, 0xAA, 3):
        return None
    pen.name = "LLC/SNAP"
    organization = pen.take("organization code", 3)
    ethertype = pen.number("type", 16, _ethertype)
    return None if any(organization) else Next(_by_ethertype(ethertype))


def _sap(value: int) -> str:
    return f"{value:#04x}" + {0xAA: " (SNAP)", 0x42: " (spanning tree)"}.get(value, "")


def _arp(pen: Pen) -> Next | None:
    """ARP, and the RARP that looks the same, for any kinds of addresses."""
    pen.name = "ARP"
    pen.number("hardware type", 16, _HARDWARE)
    protocol = pen.number("protocol type", 16, _ethertype)
    hardware_length = pen.number("hardware address length", 8)
    protocol_length = pen.number("protocol address length", 8)
    pen.number("operation", 16, _OPERATIONS)
    protocol_text: Callable[[bytes], str] | None = None
    if protocol == ETHERTYPE_IPV4 and protocol_length == 4:
        protocol_text = format_ip
    pen.take("sender hardware address", hardware_length, mac_text)
    pen.take("sender protocol address", protocol_length, protocol_text)
    pen.take("target hardware address", hardware_length, mac_text)
    pen.take("target protocol address", protocol_length, protocol_text)
    return Next(None, pen.offset)


_STEPS: Final[dict[int, Step]] = {
    ETHERTYPE_IPV4: ipv4,
    ETHERTYPE_IPV6: ipv6,
    ETHERTYPE_ARP: _arp,
    0x8035: _arp,
    ETHERTYPE_VLAN: _vlan,
    ETHERTYPE_SERVICE_VLAN: _vlan,
}
