"""The UDP header (RFC 768); its checksum over both families' pseudo-headers."""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from netarium.base.checksum import Buffer, is_valid, pseudo_sum, sum16
from netarium.base.errors import WireError
from netarium.wire.numbers import PROTOCOL_UDP

HEADER_LENGTH: Final = 8
CHECKSUM_OFFSET: Final = 6

_HEADER: Final = Struct("!HHHH")


@dataclass(slots=True)
class UdpHeader:
    """A UDP header.

    Attributes:
        src_port: source port; 0 if no answer is wanted.
        dst_port: destination port.
        length: octets of header and data, >= 8.
        checksum: as on the wire; 0 means that there is none (IPv4 only).
    """

    src_port: int
    dst_port: int
    length: int
    checksum: int = 0

    @classmethod
    def parse(cls, data: Buffer) -> "UdpHeader":
        """Read a header. Whether `length` octets have come is for the caller, who sees head and body.

        Args:
            data: begins with the header.

        Raises:
            WireError: shorter than a header, or a length that is.

        Spec: RFC 768 "Format", "Fields".
        """
        if len(data) < HEADER_LENGTH:
            raise WireError(f"udp: {len(data)} octets are less than a header")
        src_port, dst_port, length, checksum = _HEADER.unpack_from(data)
        if length < HEADER_LENGTH:
            raise WireError(f"udp: a length of {length} is less than a header")
        return cls(src_port, dst_port, length, checksum)

    def pack(self) -> bytes:
        """The 8 octets, with the checksum as it stands."""
        return _HEADER.pack(self.src_port, self.dst_port, self.length, self.checksum)


def verify(src: bytes, dst: bytes, head: Buffer, body: Buffer = b"") -> bool:
    """True if the checksum is right, or absent where it may be.

    Args:
        src: source address of the IP packet, 4 or 16 octets.
        dst: destination address.
        head: begins with the UDP header.
        body: the rest; `head + body` is cut to the header's length.

    Spec: RFC 768 "Checksum", RFC 1122 §4.1.3.4, RFC 8200 §8.1 (IPv6: zero is not allowed).
    """
    if not (head[CHECKSUM_OFFSET] or head[CHECKSUM_OFFSET + 1]):
        return len(src) == 4
    if len(head) & 1 and len(body):
        head, body = bytes(head) + bytes(body), b""  # a sum goes on at even offsets only
    pseudo = pseudo_sum(src, dst, PROTOCOL_UDP, len(head) + len(body))
    return is_valid(body, sum16(head, pseudo))
