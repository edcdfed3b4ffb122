"""Capture files: the PCAP Next Generation format (draft-ietf-opsawg-pcapng), made and read as bytes; no I/O.

Written: one section, little-endian, nanoseconds, an interface description for each name, enhanced packet blocks
with comments and direction. Read: any section of either byte order with these blocks, and simple packet blocks;
others are passed over.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from netarium.base.checksum import Buffer
from netarium.base.errors import WireError

LINKTYPE_ETHERNET: Final = 1
LINKTYPE_RAW: Final = 101  # begins with an IPv4 or IPv6 header

INBOUND: Final = 1
OUTBOUND: Final = 2

_SECTION_HEADER: Final = 0x0A0D0D0A
_INTERFACE_DESCRIPTION: Final = 1
_SIMPLE_PACKET: Final = 3
_ENHANCED_PACKET: Final = 6
_BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D

_OPT_END: Final = 0
_OPT_COMMENT: Final = 1
_SHB_USERAPPL: Final = 4
_IF_NAME: Final = 2
_IF_TSRESOL: Final = 9
_IF_TSOFFSET: Final = 14
_EPB_FLAGS: Final = 2

_NANOSECONDS: Final = 9  # if_tsresol: 10 to the minus 9th
_NS_PER_SECOND: Final = 10**9


class _Order:
    """The fixed parts of blocks in one byte order."""

    __slots__ = ("block", "enhanced", "interface", "option", "section", "signed", "word")

    def __init__(self, sign: str) -> None:
        self.block = Struct(sign + "II")  # type, total length
        self.section = Struct(sign + "IHHq")  # magic, major, minor, section length (-1: not told)
        self.interface = Struct(sign + "HHI")  # link type, reserved, snap length
        self.enhanced = Struct(sign + "IIIII")  # interface, timestamp high and low, captured, original length
        self.option = Struct(sign + "HH")  # code, length
        self.word = Struct(sign + "I")
        self.signed = Struct(sign + "q")


_LITTLE: Final = _Order("<")
_BIG: Final = _Order(">")


def section_header(application: str = "netarium") -> bytes:
    """The block that every file begins with."""
    body = _LITTLE.section.pack(_BYTE_ORDER_MAGIC, 1, 0, -1)
    return _block(_SECTION_HEADER, body, [(_SHB_USERAPPL, application.encode())])


def interface_description(name: str, link_type: int = LINKTYPE_ETHERNET, snap_length: int = 0) -> bytes:
    """The block that introduces an interface; the first of a section has number 0.

    Args:
        name: as people know it.
        link_type: `LINKTYPE_ETHERNET` or `LINKTYPE_RAW`.
        snap_length: octets kept of each packet at the most; 0: all.
    """
    body = _LITTLE.interface.pack(link_type, 0, snap_length)
    return _block(
        _INTERFACE_DESCRIPTION, body, [(_IF_NAME, name.encode()), (_IF_TSRESOL, bytes((_NANOSECONDS,)))]
    )


def enhanced_packet(
    interface: int,
    at_ns: int,
    octets: Buffer,
    *,
    original_length: int | None = None,
    comments: Iterable[str] = (),
    direction: int = 0,
) -> bytes:
    """The block of one packet.

    Args:
        interface: number of the interface in this section.
        at_ns: nanoseconds since the epoch, or since whatever a simulation began with; >= 0.
        octets: what was captured.
        original_length: octets on the wire, if more than were captured.
        comments: text for people.
        direction: `INBOUND`, `OUTBOUND`, or 0 if not known.
    """
    captured = len(octets)
    original = captured if original_length is None else original_length
    body = _LITTLE.enhanced.pack(interface, at_ns >> 32, at_ns & 0xFFFF_FFFF, captured, original)
    options = [(_OPT_COMMENT, comment.encode()) for comment in comments]
    if direction:
        options.append((_EPB_FLAGS, _LITTLE.word.pack(direction)))
    return _block(_ENHANCED_PACKET, body + bytes(octets) + bytes(-captured % 4), options)


def _block(kind: int, body: bytes, options: Sequence[tuple[int, bytes]]) -> bytes:
    parts = [body]
    for code, value in options:
        kept = value[:0xFFFF]
        parts += [_LITTLE.option.pack(code, len(kept)), kept, bytes(-len(kept) % 4)]
    if options:
        parts.append(_LITTLE.option.pack(_OPT_END, 0))
    content = b"".join(parts)
    total = len(content) + 12
    return _LITTLE.block.pack(kind, total) + content + _LITTLE.word.pack(total)


class Writer:
    """Numbers the interfaces of one section and gives the bytes to append to its file."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def start(self) -> bytes:
        """What the file begins with."""
        return section_header()

    def packet(
        self,
        interface: str,
        at_ns: int,
        octets: Buffer,
        *,
        link_type: int = LINKTYPE_ETHERNET,
        comments: Iterable[str] = (),
        direction: int = 0,
    ) -> bytes:
        """One packet, behind the description of its interface if that is new. See `enhanced_packet`."""
        number = self._numbers.get(interface)
        description = b""
        if number is None:
            number = self._numbers[interface] = len(self._numbers)
            description = interface_description(interface, link_type)
        return description + enhanced_packet(number, at_ns, octets, comments=comments, direction=direction)


@dataclass(slots=True)
class CaptureInterface:
    """An interface of a capture file; its timestamps count in units of 1 / `ticks_per_second`."""

    name: str
    link_type: int
    snap_length: int
    ticks_per_second: int
    offset_seconds: int


@dataclass(slots=True)
class CapturedPacket:
    """A packet of a capture file.

    Attributes:
        interface: where it was seen.
        at_ns: when, ns; None in a simple packet block.
        octets: what was kept of it.
        original_length: octets that it had.
        comments: in the order of the file.
        direction: `INBOUND`, `OUTBOUND` or 0.
    """

    interface: CaptureInterface
    at_ns: int | None
    octets: bytes
    original_length: int
    comments: tuple[str, ...] = ()
    direction: int = 0


def read(capture: Buffer) -> Iterator[CapturedPacket]:
    """The packets of a file.

    Raises:
        WireError: not a pcapng file, or a block that does not fit its length; packets before it were given.
    """
    octets = bytes(capture)
    order = _LITTLE
    interfaces: list[CaptureInterface] = []
    offset = 0
    while offset < len(octets):
        if len(octets) - offset < 12:
            raise WireError("pcapng: the file ends inside a block")
        if _LITTLE.word.unpack_from(octets, offset)[0] == _SECTION_HEADER:
            order = _section_order(octets, offset)
            interfaces = []
        elif offset == 0:
            raise WireError("pcapng: the file does not begin with a section header")
        kind, total = order.block.unpack_from(octets, offset)
        end = offset + total
        if (
            total < 12
            or total & 3
            or end > len(octets)
            or order.word.unpack_from(octets, end - 4)[0] != total
        ):
            raise WireError(f"pcapng: a block of {total} octets at {offset}")
        body = octets[offset + 8 : end - 4]
        if kind == _INTERFACE_DESCRIPTION:
            interfaces.append(_read_interface(order, body))
        elif kind == _ENHANCED_PACKET:
            yield _read_enhanced(order, body, interfaces)
        elif kind == _SIMPLE_PACKET:
            yield _read_simple(order, body, interfaces)
        offset = end


def _section_order(octets: bytes, offset: int) -> _Order:
    """The byte order of a section, by its magic."""
    magic = octets[offset + 8 : offset + 12]
    for order in (_LITTLE, _BIG):
        if magic == order.word.pack(_BYTE_ORDER_MAGIC):
            return order
    raise WireError(f"pcapng: byte-order magic {magic.hex()}")


def _options(order: _Order, octets: bytes) -> list[tuple[int, bytes]]:
    options: list[tuple[int, bytes]] = []
    offset = 0
    while offset + 4 <= len(octets):
        code, length = order.option.unpack_from(octets, offset)
        if code == _OPT_END:
            break
        offset += 4
        if offset + length > len(octets):
            raise WireError("pcapng: an option runs off its block")
        options.append((code, octets[offset : offset + length]))
        offset += length + -length % 4
    return options


def _read_interface(order: _Order, body: bytes) -> CaptureInterface:
    if len(body) < order.interface.size:
        raise WireError("pcapng: an interface description is cut")
    link_type, _, snap_length = order.interface.unpack_from(body)
    interface = CaptureInterface("", link_type, snap_length, 10**6, 0)
    for code, value in _options(order, body[order.interface.size :]):
        if code == _IF_NAME:
            interface.name = value.decode("utf-8", "replace")
        elif code == _IF_TSRESOL and len(value) == 1:
            exponent = value[0] & 0x7F
            interface.ticks_per_second = 2**exponent if value[0] & 0x80 else 10**exponent
        elif code == _IF_TSOFFSET and len(value) == 8:
            (interface.offset_seconds,) = order.signed.unpack(value)
    return interface


def _read_enhanced(order: _Order, body: bytes, interfaces: list[CaptureInterface]) -> CapturedPacket:
    start = order.enhanced.size
    if len(body) < start:
        raise WireError("pcapng: an enhanced packet block is cut")
    number, high, low, captured, original = order.enhanced.unpack_from(body)
    end = start + captured
    if number >= len(interfaces) or end > len(body):
        raise WireError(f"pcapng: a packet of {captured} octets on interface {number}")
    interface = interfaces[number]
    at_ns = (high << 32 | low) * _NS_PER_SECOND // interface.ticks_per_second
    packet = CapturedPacket(
        interface, at_ns + interface.offset_seconds * _NS_PER_SECOND, body[start:end], original
    )
    for code, value in _options(order, body[end + -captured % 4 :]):
        if code == _OPT_COMMENT:
            packet.comments += (value.decode("utf-8", "replace"),)
        elif code == _EPB_FLAGS and len(value) == 4:
            packet.direction = order.word.unpack(value)[0] & 3
    return packet


def _read_simple(order: _Order, body: bytes, interfaces: list[CaptureInterface]) -> CapturedPacket:
    """A packet of the section's first interface, without a time."""
    if len(body) < 4 or not interfaces:
        raise WireError("pcapng: a simple packet block without length or interface")
    (original,) = order.word.unpack_from(body)
    captured = min(original, interfaces[0].snap_length or original)
    if 4 + captured > len(body):
        raise WireError(f"pcapng: a simple packet of {captured} octets")
    return CapturedPacket(interfaces[0], None, body[4 : 4 + captured], original)
