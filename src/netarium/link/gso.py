"""What an adapter's offload engine does: finish a transport checksum, cut a super-segment into segments.

A TCP sender hands down up to 64 KiB as one frame with `gso_size` set. It stays whole on its way and is charged for as
the segments that it stands for; this is the one place where they are made, for who must see or touch a single one.

Spec: RFC 9293 §3.1, RFC 768, RFC 8200 §8.1 (checksums), RFC 791 §3.1 (identification), RFC 3168 §6.1.2 (CWR).
"""

from struct import Struct
from typing import Final

from netarium.base.checksum import checksum, pseudo_sum, sum16
from netarium.link.frame import Frame
from netarium.link.layers import ETHERNET_HEADER, TCP, Layers, addresses, locate
from netarium.signal.framing import GAP_OCTETS, MINIMUM_FRAME, PREAMBLE_LENGTH

LINE_OVERHEAD: Final = (
    PREAMBLE_LENGTH + 4 + GAP_OCTETS
)  # octets around every frame: preamble with SFD, FCS, gap

_FIN, _PSH, _URG, _CWR = 0x01, 0x08, 0x20, 0x80
_U16: Final = Struct("!H")
_SEQ: Final = Struct("!I")
_LENGTH_AND_ID: Final = Struct("!HH")
_TCP_CHECKSUM: Final = 16  # offset of the field
_UDP_CHECKSUM: Final = 6


def finished(frame: Frame) -> Frame:
    """The frame with its transport checksum complete; the frame itself if it is already.

    The field holds the folded pseudo-header sum, so the sum over everything from the transport header on is the
    sum that the RFC asks for. Padding behind the packet is zeros and adds nothing.
    """
    start = frame.csum_start
    if not start:
        return frame
    at = start + frame.csum_offset
    head, body = bytearray(frame.head), frame.body
    if at + 2 > len(head):  # cut in front of the transport header
        head, body = head + body, b""
    if (len(head) - start) & 1 and body:  # an odd cut: the sum of the rest would be off by an octet
        total = sum16(bytes(head[start:]) + bytes(body))
    else:
        total = sum16(body, sum16(head[start:])) if body else sum16(head[start:])
    value = ~total & 0xFFFF
    if not value and frame.csum_offset == _UDP_CHECKSUM:
        value = 0xFFFF  # RFC 768: zero would mean "no checksum"
    _U16.pack_into(head, at, value)
    return Frame(bytes(head), body, frame.gso_size, 0, 0, frame.checked, frame.fcs, frame.cause)


def header_length(frame: Frame, link_header: int = ETHERNET_HEADER) -> int:
    """Octets of all headers up to the TCP payload of a super-segment."""
    start = frame.csum_start or locate(frame.head, link_header).transport
    at = start + 12
    if start < 0 or at >= len(frame.head):
        octets = frame.octets()
        start = locate(octets, link_header).transport
        return start + (octets[start + 12] >> 4) * 4
    return start + (frame.head[at] >> 4) * 4


def pieces(frame: Frame) -> int:
    """How many frames this one stands for."""
    size = frame.gso_size
    if not size:
        return 1
    return max(1, -(-(len(frame) - header_length(frame)) // size))


def wire_octets(frame: Frame) -> int:
    """Octet times on the line: every piece padded, with preamble, FCS and the gap behind it."""
    length = len(frame.head) + len(frame.body)
    size = frame.gso_size
    if not size:
        return (max(MINIMUM_FRAME, length)) + LINE_OVERHEAD
    headers = header_length(frame)
    full, rest = divmod(length - headers, size)
    total = full * (max(headers + size, MINIMUM_FRAME) + LINE_OVERHEAD)
    if rest or not full:
        total += max(headers + rest, MINIMUM_FRAME) + LINE_OVERHEAD
    return total


def split(frame: Frame, *, link_header: int = ETHERNET_HEADER, complete: bool = True) -> list[Frame]:
    """The single segments of a super-segment; the frame alone, finished, if it is none.

    Sequence numbers advance, IPv4 identifications count up, lengths are right, options are copied, FIN and PSH stay
    on the last segment and CWR on the first (RFC 3168 §6.1.2: once), an urgent pointer goes on pointing at its octet.

    Args:
        frame: of either family; it is not changed.
        link_header: octets in front of the IP header: 14, or 0 on a `Medium.IP`.
        complete: False leaves the checksums to the next device, as in a frame with `csum_start`.
    """
    size = frame.gso_size
    if not size:
        return [finished(frame) if complete else frame]
    headers = header_length(frame, link_header)
    if headers == len(frame.head):
        head, payload = bytes(frame.head), memoryview(frame.body)
    else:
        octets = frame.octets()
        head, payload = octets[:headers], memoryview(octets)[headers:]
    layers = locate(head, link_header)
    segments = []
    for index, offset in enumerate(range(0, max(1, len(payload)), size)):
        part = payload[offset : offset + size]
        last = offset + size >= len(payload)
        made = bytearray(head)
        _set_network(made, layers, index, len(part))
        _set_transport(made, layers, offset, last=last)
        segment = Frame(made, part, cause=frame.cause)
        _set_checksum(segment, made, layers, complete=complete)
        segments.append(segment)
    return segments


def _set_network(head: bytearray, layers: Layers, index: int, length: int) -> None:
    """Lengths, and for IPv4 the identification and the header checksum."""
    at = layers.network
    if layers.version == 6:
        _U16.pack_into(head, at + 4, len(head) - at - 40 + length)
        return
    identification = _U16.unpack_from(head, at + 4)[0] + index & 0xFFFF
    _LENGTH_AND_ID.pack_into(head, at + 2, len(head) - at + length, identification)
    _U16.pack_into(head, at + 10, 0)
    _U16.pack_into(head, at + 10, checksum(head[at : at + (head[at] & 15) * 4]))


def _set_transport(head: bytearray, layers: Layers, offset: int, *, last: bool) -> None:
    """Sequence number, flags and urgent pointer of the segment that begins `offset` octets into the payload."""
    at = layers.transport
    seq = _SEQ.unpack_from(head, at + 4)[0] + offset & 0xFFFF_FFFF
    _SEQ.pack_into(head, at + 4, seq)
    flags = head[at + 13]
    if not last:
        flags &= ~(_FIN | _PSH)
    if offset:
        flags &= ~_CWR
    if flags & _URG and offset:
        urgent = _U16.unpack_from(head, at + 18)[0] - offset
        if urgent <= 0:  # it lies in an earlier segment
            flags, urgent = flags & ~_URG, 0
        _U16.pack_into(head, at + 18, urgent)
    head[at + 13] = flags


def _set_checksum(segment: Frame, head: bytearray, layers: Layers, *, complete: bool) -> None:
    """The TCP checksum, whole or as the pseudo-header sum that the next device starts from."""
    at = layers.transport
    src, dst = addresses(head, layers)
    field = pseudo_sum(src, dst, TCP, len(segment) - at)
    _U16.pack_into(head, at + _TCP_CHECKSUM, 0)
    if complete:
        # The TCP header ends on a multiple of four octets, so the payload's sum may be added as it is.
        field = checksum(segment.body, sum16(head[at:], field))
    else:
        segment.csum_start, segment.csum_offset = at, _TCP_CHECKSUM
    _U16.pack_into(head, at + _TCP_CHECKSUM, field)
    segment.head = bytes(head)
