"""Scapy as a judge of bytes: it dissects a frame, and builds it again with lengths and checksums of its own."""

import logging
from typing import Any

logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.layers.inet import ICMP, IP, TCP, UDP  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402

_ETHERNET = 14
_ICMP_HEADER = 8


def rebuilt(octets: bytes) -> bytes:
    """The frame as scapy builds it from what it understood; payloads of transports are taken as they are."""
    frame: Any = Ether(octets)
    if IP not in frame:
        return bytes(frame)
    ip = frame[IP]
    end = _ETHERNET + ip.len
    del ip.chksum, ip.len, ip.ihl
    start = _ETHERNET + (octets[_ETHERNET] & 15) * 4
    if ip.frag or ip.flags.MF:
        _replace(ip, octets[start:end])
    elif isinstance(ip.payload, TCP):
        segment = ip.payload
        payload = octets[start + segment.dataofs * 4 : end]
        del segment.chksum, segment.dataofs
        _replace(segment, payload)
    elif isinstance(ip.payload, UDP):
        datagram = ip.payload
        if datagram.chksum:
            del datagram.chksum
        del datagram.len
        _replace(datagram, octets[start + 8 : end])
    elif isinstance(ip.payload, ICMP):
        # Read from its header alone: in what a long error quotes scapy sees extensions that its length denies.
        message = ICMP(octets[start : start + _ICMP_HEADER])
        del message.chksum
        _replace(ip, bytes(message / Raw(octets[start + _ICMP_HEADER : end])))
    return bytes(frame)


def _replace(layer: Any, payload: bytes) -> None:
    layer.remove_payload()
    if payload:
        layer.add_payload(Raw(payload))


def shape(octets: bytes) -> tuple[object, ...]:
    """What makes a frame look different from others: protocols, flags, types, lengths of headers."""
    if octets[12:14] != b"\x08\x00":
        return (octets[12:14], octets[20:22])
    header = (octets[14] & 15) * 4
    protocol, fragment = octets[23], int.from_bytes(octets[20:22], "big")
    look = (protocol, header, fragment & 0x2000, bool(fragment & 0x1FFF))
    at = 14 + header
    if protocol == 6:
        return (*look, octets[at + 12 : at + 14])
    if protocol in {1, 2}:
        return (*look, octets[at : at + 2])
    return look
