"""The header in front of each frame that tells of checksums and super-segments: `struct virtio_net_hdr`.

A TAP with IFF_VNET_HDR and an AF_PACKET socket with PACKET_VNET_HDR carry it, in the machine's byte order. With it
the kernel takes and gives TCP segments of up to 64 KiB whose checksum nobody has computed (nor ever will, if the
other end is on the same machine).

Spec: Virtual I/O Device (VIRTIO) 1.2 §5.1.6; the Linux header file linux/virtio_net.h.
"""

import struct
from typing import Final

from netarium.link.frame import Frame

HEADER_LENGTH: Final = 10
NEEDS_CSUM: Final = 1
DATA_VALID: Final = 2
GSO_NONE: Final = 0
GSO_TCPV4: Final = 1
GSO_TCPV6: Final = 4
GSO_ECN: Final = 0x80

PLAIN: Final = bytes(HEADER_LENGTH)
"""The header of a frame with nothing special about it."""

_HEADER: Final = struct.Struct("=BBHHHH")  # flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
_TCP_CHECKSUM: Final = 16  # offset of the checksum field in a TCP header
_CWR: Final = 0x80


def pack(frame: Frame, network: int) -> bytes:
    """The header that goes in front of a frame to the kernel.

    Args:
        frame: as the stack made it.
        network: offset of the IP header: 14 on Ethernet, 0 on a TUN.
    """
    start = frame.csum_start
    if not start:
        return PLAIN
    if not frame.gso_size:
        return _HEADER.pack(NEEDS_CSUM, GSO_NONE, 0, 0, start, frame.csum_offset)
    head = frame.head
    gso_type = GSO_TCPV4 if head[network] >> 4 == 4 else GSO_TCPV6
    if head[start + 13] & _CWR:
        gso_type |= GSO_ECN  # only the first of the segments may carry CWR (RFC 3168 §6.1.2)
    header_length = start + (head[start + 12] >> 4 << 2)
    return _HEADER.pack(NEEDS_CSUM, gso_type, header_length, frame.gso_size, start, frame.csum_offset)


def parse(octets: bytes) -> Frame:
    """The frame behind the header, as the kernel gave it.

    A TCP frame whose checksum is unfinished is cut behind its TCP header, so that its payload is never copied.
    Numbers that point outside of the frame are not believed.
    """
    flags, _, _, gso_size, start, offset = _HEADER.unpack_from(octets)
    if not flags & NEEDS_CSUM:
        return Frame(octets[HEADER_LENGTH:], checked=flags & DATA_VALID != 0)
    transport = HEADER_LENGTH + start
    if transport + offset + 2 > len(octets):
        return Frame(octets[HEADER_LENGTH:])
    if offset == _TCP_CHECKSUM and start:
        cut = transport + (octets[transport + 12] >> 4 << 2)
        if cut < len(octets):
            return Frame(
                octets[HEADER_LENGTH:cut],
                memoryview(octets)[cut:],
                gso_size,
                start,
                _TCP_CHECKSUM,
                checked=True,
            )
    return Frame(octets[HEADER_LENGTH:], b"", gso_size, start, offset, checked=True)
