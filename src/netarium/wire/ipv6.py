"""The fixed IPv6 header (RFC 8200 §3). Extension headers are not here."""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from netarium.base.checksum import Buffer
from netarium.base.errors import WireError

HEADER_LENGTH: Final = 40
MAX_PAYLOAD_LENGTH: Final = 65_535

_HEADER: Final = Struct("!IHBB16s16s")


@dataclass(slots=True)
class Ipv6Header:
    """A fixed header.

    Attributes:
        src: source address.
        dst: destination address.
        next_header: what follows.
        hop_limit: in hops.
        traffic_class: DSCP and ECN.
        flow_label: 20 bits (RFC 6437).
        payload_length: octets behind this header.
    """

    src: bytes
    dst: bytes
    next_header: int
    hop_limit: int = 64
    traffic_class: int = 0
    flow_label: int = 0
    payload_length: int = 0

    @classmethod
    def parse(cls, data: Buffer) -> "Ipv6Header":
        """Read a header. Whether `payload_length` octets have come is for the caller.

        Raises:
            WireError: too short, or not version 6.

        Spec: RFC 8200 §3.
        """
        if len(data) < HEADER_LENGTH:
            raise WireError(f"ipv6: {len(data)} octets are less than a header")
        first, payload_length, next_header, hop_limit, src, dst = _HEADER.unpack_from(data)
        if first >> 28 != 6:
            raise WireError(f"ipv6: version {first >> 28}")
        return cls(src, dst, next_header, hop_limit, first >> 20 & 0xFF, first & 0xF_FFFF, payload_length)

    def pack(self) -> bytes:
        """The 40 octets; `payload_length` must be set."""
        first = 6 << 28 | self.traffic_class << 20 | self.flow_label
        return _HEADER.pack(first, self.payload_length, self.next_header, self.hop_limit, self.src, self.dst)
