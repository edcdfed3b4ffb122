"""Payloads of ICMP messages that are neither echoed data nor a quote (RFC 792, 950, 1256)."""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from netarium.base.checksum import Buffer
from netarium.base.errors import WireError
from netarium.wire.icmpv4 import ROUTER_ADVERTISEMENT, IcmpMessage

NEVER_DEFAULT: Final = -0x8000_0000  # a preference: do not use as default router (RFC 1256 §5)

_TIMES: Final = Struct("!III")
_ENTRY: Final = Struct("!4si")


@dataclass(slots=True)
class Timestamps:
    """Of a timestamp message: ms since midnight UT; with the top bit set, something else (RFC 792)."""

    originate: int
    receive: int = 0
    transmit: int = 0

    @classmethod
    def parse(cls, payload: Buffer) -> "Timestamps":
        """Read the three times.

        Raises:
            WireError: less than 12 octets.
        """
        if len(payload) < _TIMES.size:
            raise WireError(f"icmp: timestamps of {len(payload)} octets")
        return cls(*_TIMES.unpack_from(payload))

    def pack(self) -> bytes:
        """The 12 octets."""
        return _TIMES.pack(self.originate, self.receive, self.transmit)


def parse_address_mask(payload: Buffer) -> bytes:
    """The mask of an address mask message (RFC 950 appendix I).

    Raises:
        WireError: less than 4 octets.
    """
    if len(payload) < 4:
        raise WireError(f"icmp: an address mask of {len(payload)} octets")
    return bytes(payload[:4])


@dataclass(slots=True)
class RouterAdvertisement:
    """A router tells its addresses (RFC 1256 §3).

    Attributes:
        lifetime: seconds.
        routers: address and preference (signed; higher is better) of each.
    """

    lifetime: int
    routers: Sequence[tuple[bytes, int]]

    @classmethod
    def of(cls, message: IcmpMessage) -> "RouterAdvertisement":
        """Read the message.

        Raises:
            WireError: no address, entries shorter than two words, or more entries than octets (RFC 1256 §6.2).
        """
        count, size, lifetime = message.rest >> 24, message.rest >> 16 & 0xFF, message.rest & 0xFFFF
        if count < 1 or size < 2 or count * size * 4 > len(message.payload):
            raise WireError(f"icmp: {count} routers of {size} words in {len(message.payload)} octets")
        entries = [_ENTRY.unpack_from(message.payload, index * size * 4) for index in range(count)]
        return cls(lifetime, tuple(entries))

    def message(self) -> IcmpMessage:
        """As an ICMP message."""
        rest = len(self.routers) << 24 | 2 << 16 | self.lifetime
        payload = b"".join([_ENTRY.pack(address, preference) for address, preference in self.routers])
        return IcmpMessage(ROUTER_ADVERTISEMENT, 0, rest, payload)
