"""The IPv4 header (RFC 791 §3.1). Options are in `ipv4_options`."""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from netarium.base.checksum import Buffer, checksum
from netarium.base.errors import WireError

HEADER_LENGTH: Final = 20
MAX_HEADER_LENGTH: Final = 60
MAX_TOTAL_LENGTH: Final = 65_535
DONT_FRAGMENT: Final = 0x4000
MORE_FRAGMENTS: Final = 0x2000
OFFSET_MASK: Final = 0x1FFF  # in units of 8 octets

_HEADER: Final = Struct("!BBHHHBBH4s4s")


class Ipv4ChecksumError(WireError):
    """The header checksum is wrong: counted by its own name (RFC 1122 §3.2.1.2)."""


@dataclass(slots=True)
class Ipv4Header:
    """An IPv4 header.

    Attributes:
        src: source address.
        dst: destination address.
        protocol: what follows.
        ttl: time to live, in hops.
        tos: DSCP and ECN (RFC 2474, 3168).
        identification: tells fragments of one datagram from another's (RFC 6864).
        dont_fragment: DF.
        more_fragments: MF.
        fragment_offset: of the payload in the whole datagram, octets, a multiple of 8.
        total_length: octets of header and payload.
        header_length: octets, 20 ... 60.
        options: as on the wire, a multiple of 4 octets.
    """

    src: bytes
    dst: bytes
    protocol: int
    ttl: int = 64
    tos: int = 0
    identification: int = 0
    dont_fragment: bool = False
    more_fragments: bool = False
    fragment_offset: int = 0
    total_length: int = 0
    header_length: int = HEADER_LENGTH
    options: bytes = b""

    @classmethod
    def parse(cls, data: Buffer) -> "Ipv4Header":
        """Read a header and check everything in it that needs nothing else.

        Args:
            data: begins with the header. Whether `total_length` octets have come is for the caller.

        Raises:
            Ipv4ChecksumError: whole, but the checksum is wrong.
            WireError: version, IHL or total length cannot be.

        Spec: RFC 791 §3.1, RFC 1122 §3.2.1.1-2. The reserved flag is ignored (RFC 6864 §4 gives it no meaning).
        """
        (
            header_length, tos, total_length, identification, flags_offset, ttl, protocol, src, dst,
        ) = unpack(data)  # fmt: skip
        return cls(
            src, dst, protocol, ttl, tos, identification,
            flags_offset & DONT_FRAGMENT != 0, flags_offset & MORE_FRAGMENTS != 0, (flags_offset & OFFSET_MASK) << 3,
            total_length, header_length, bytes(data[HEADER_LENGTH:header_length]),
        )  # fmt: skip

    def pack(self) -> bytes:
        """The header with its checksum; `total_length` must be set, `header_length` follows from `options`."""
        return pack_header(
            self.src, self.dst, self.protocol, self.total_length, self.ttl, self.tos, self.identification,
            (DONT_FRAGMENT if self.dont_fragment else 0)
            | (MORE_FRAGMENTS if self.more_fragments else 0)
            | self.fragment_offset >> 3,
            self.options,
        )  # fmt: skip


def unpack(data: Buffer) -> tuple[int, int, int, int, int, int, int, bytes, bytes]:
    """As `Ipv4Header.parse`, without an object: what every packet that arrives goes through.

    Returns:
        Octets of the header, TOS, total length, identification, flags and offset as they stand, TTL, protocol, source
        and destination.
    """
    if len(data) < HEADER_LENGTH:
        raise WireError(f"ipv4: {len(data)} octets are less than a header")
    (
        version_ihl, tos, total_length, identification, flags_offset, ttl, protocol, _, src, dst,
    ) = _HEADER.unpack_from(data)  # fmt: skip
    header_length = HEADER_LENGTH if version_ihl == 0x45 else _header_length(version_ihl, len(data))
    if total_length < header_length:
        raise WireError(f"ipv4: a total length of {total_length} is less than the header's {header_length}")
    # The sum of the header is minus zero if its checksum is right (RFC 1071 §1); it is not all zero bits.
    if int.from_bytes(data[:header_length], "big") % 0xFFFF:
        raise Ipv4ChecksumError("ipv4: header checksum")
    return header_length, tos, total_length, identification, flags_offset, ttl, protocol, src, dst


def _header_length(version_ihl: int, available: int) -> int:
    """Octets of the header; the version must be 4 and the header there."""
    if version_ihl >> 4 != 4:
        raise WireError(f"ipv4: version {version_ihl >> 4}")
    header_length = (version_ihl & 15) * 4
    if not HEADER_LENGTH <= header_length <= available:
        raise WireError(f"ipv4: a header of {header_length} octets in {available}")
    return header_length


def pack_header(
    src: bytes,
    dst: bytes,
    protocol: int,
    total_length: int,
    ttl: int = 64,
    tos: int = 0,
    identification: int = 0,
    flags_offset: int = 0,
    options: bytes = b"",
) -> bytes:
    """A header with its checksum, without an `Ipv4Header` in between.

    Args:
        src: source address.
        dst: destination address.
        protocol: what follows.
        total_length: octets, header included.
        ttl: in hops.
        tos: DSCP and ECN.
        identification: 16 bits.
        flags_offset: `DONT_FRAGMENT`, `MORE_FRAGMENTS`, and the offset in units of 8 octets.
        options: a multiple of 4 octets, 40 at the most.
    """
    version_ihl = 0x45 + (len(options) >> 2)
    if options:
        field = checksum(
            _HEADER.pack(
                version_ihl, tos, total_length, identification, flags_offset, ttl, protocol, 0, src, dst
            )
            + options
        )
    else:
        # The sum of the words, taken from the numbers: 16-bit digits modulo 65535, complemented (RFC 1071 §1).
        field = (
            -(
                0x4500 + tos + total_length + identification + flags_offset + (ttl << 8) + protocol
                + int.from_bytes(src + dst, "big")
            ) % 0xFFFF
        )  # fmt: skip
    header = _HEADER.pack(
        version_ihl, tos, total_length, identification, flags_offset, ttl, protocol, field, src, dst
    )
    return header + options if options else header
