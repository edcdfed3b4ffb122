"""Where the headers lie in a frame: for offload and fault rules, which look into a frame without owning a protocol."""

from typing import Final, NamedTuple

from netarium.base.checksum import Buffer
from netarium.link.frame import Frame

ETHERNET_HEADER: Final = 14
TCP: Final = 6
UDP: Final = 17

_IPV4: Final = 0x0800
_ARP: Final = 0x0806
_VLAN: Final = 0x8100
_SERVICE_VLAN: Final = 0x88A8
_IPV6: Final = 0x86DD
# RFC 8200 §4: hop-by-hop, routing, destination options all carry their length in their second octet
_SKIPPED_EXTENSIONS: Final = {0, 43, 60}
_FRAGMENT: Final = 44
_PREFIX: Final = 512  # octets; more than all headers that `locate` follows


class Layers(NamedTuple):
    """Offsets into a frame; -1 for what is not there.

    Attributes:
        ethertype: behind any VLAN tags; 0 on a medium without link header.
        network: the network header.
        version: 4 or 6, or 0 for another network protocol.
        protocol: IP protocol number, or -1.
        transport: the transport header; -1 if there is none, or it is in another fragment.
    """

    ethertype: int
    network: int
    version: int
    protocol: int
    transport: int


def prefix(frame: Frame) -> bytes:
    """The first octets of a frame in one piece, wherever its sender cut it."""
    return bytes(frame.head[:_PREFIX]) + bytes(frame.body[: max(0, _PREFIX - len(frame.head))])


def locate(octets: Buffer, link_header: int = ETHERNET_HEADER) -> Layers:
    """Find the headers; never raises, however short or absurd the octets are.

    Args:
        octets: the beginning of a frame.
        link_header: octets in front of the network header: 14, or 0 on a `Medium.IP`.
    """
    network = link_header
    if link_header:
        ethertype = int.from_bytes(octets[12:14], "big")
        while ethertype in (_VLAN, _SERVICE_VLAN):
            ethertype = int.from_bytes(octets[network + 2 : network + 4], "big")
            network += 4
    else:
        ethertype = _IPV6 if octets[:1] and octets[0] >> 4 == 6 else _IPV4
    if ethertype == _IPV4 and len(octets) >= network + 20 and octets[network] >> 4 == 4:
        return _locate4(octets, network, ethertype)
    if ethertype == _IPV6 and len(octets) >= network + 40 and octets[network] >> 4 == 6:
        return _locate6(octets, network, ethertype)
    return Layers(ethertype, network, 0, -1, -1)


def _locate4(octets: Buffer, network: int, ethertype: int) -> Layers:
    """RFC 791 §3.1."""
    transport = network + (octets[network] & 15) * 4
    if (octets[network + 6] & 0x1F) | octets[network + 7] or transport > len(octets):
        transport = -1  # not the first fragment
    return Layers(ethertype, network, 4, octets[network + 9], transport)


def _locate6(octets: Buffer, network: int, ethertype: int) -> Layers:
    """RFC 8200 §3, §4."""
    protocol, transport = octets[network + 6], network + 40
    while len(octets) >= transport + 8:
        if protocol in _SKIPPED_EXTENSIONS:
            protocol, transport = octets[transport], transport + 8 + 8 * octets[transport + 1]
        elif protocol == _FRAGMENT:
            if octets[transport + 2] | octets[transport + 3] & 0xF8:
                return Layers(ethertype, network, 6, octets[transport], -1)  # not the first fragment
            protocol, transport = octets[transport], transport + 8
        else:
            break
    return Layers(ethertype, network, 6, protocol, transport if transport < len(octets) else -1)


def addresses(octets: Buffer, layers: Layers) -> tuple[bytes, bytes]:
    """Packed source and destination address; empty if this is not IP."""
    if layers.version == 4:
        start, length = layers.network + 12, 4
    elif layers.version == 6:
        start, length = layers.network + 8, 16
    else:
        return b"", b""
    return bytes(octets[start : start + length]), bytes(octets[start + length : start + 2 * length])
