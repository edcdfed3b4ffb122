"""ICMP for IPv4 (RFC 792; its use in RFC 1122 §3.2.2 and RFC 1812 §4.3; RFC 950, 1191, 1256, 4884).

Every message is type, code, checksum, four octets that the type gives a meaning, and a payload.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from netarium.base.checksum import Buffer, checksum, is_valid, sum16
from netarium.base.errors import WireError

ECHO_REPLY: Final = 0
DESTINATION_UNREACHABLE: Final = 3
SOURCE_QUENCH: Final = 4  # deprecated: RFC 6633
REDIRECT: Final = 5
ECHO: Final = 8
ROUTER_ADVERTISEMENT: Final = 9
ROUTER_SOLICITATION: Final = 10
TIME_EXCEEDED: Final = 11
PARAMETER_PROBLEM: Final = 12
TIMESTAMP: Final = 13
TIMESTAMP_REPLY: Final = 14
INFORMATION_REQUEST: Final = 15  # deprecated, like the following three: RFC 6918
INFORMATION_REPLY: Final = 16
ADDRESS_MASK_REQUEST: Final = 17
ADDRESS_MASK_REPLY: Final = 18

# Codes of DESTINATION_UNREACHABLE (RFC 792; RFC 1122 §3.2.2.1; RFC 1812 §5.2.7.1)
NET_UNREACHABLE: Final = 0
HOST_UNREACHABLE: Final = 1
PROTOCOL_UNREACHABLE: Final = 2
PORT_UNREACHABLE: Final = 3
FRAGMENTATION_NEEDED: Final = 4
SOURCE_ROUTE_FAILED: Final = 5
NET_UNKNOWN: Final = 6
HOST_UNKNOWN: Final = 7
SOURCE_HOST_ISOLATED: Final = 8
NET_PROHIBITED: Final = 9
HOST_PROHIBITED: Final = 10
NET_UNREACHABLE_FOR_TOS: Final = 11
HOST_UNREACHABLE_FOR_TOS: Final = 12
COMMUNICATION_PROHIBITED: Final = 13
HOST_PRECEDENCE_VIOLATION: Final = 14
PRECEDENCE_CUTOFF: Final = 15

# Codes of REDIRECT
REDIRECT_NET: Final = 0
REDIRECT_HOST: Final = 1
REDIRECT_NET_FOR_TOS: Final = 2
REDIRECT_HOST_FOR_TOS: Final = 3

# Codes of TIME_EXCEEDED
TTL_EXCEEDED: Final = 0
REASSEMBLY_TIME_EXCEEDED: Final = 1

# Codes of PARAMETER_PROBLEM
POINTER_INDICATES: Final = 0
OPTION_MISSING: Final = 1
BAD_LENGTH: Final = 2

ERRORS: Final = frozenset(
    {DESTINATION_UNREACHABLE, SOURCE_QUENCH, REDIRECT, TIME_EXCEEDED, PARAMETER_PROBLEM}
)  # the types that quote a datagram and are never answered with an error (RFC 1122 §3.2.2)

HEADER_LENGTH: Final = 8
LEAST_QUOTE: Final = 8  # octets of the quoted datagram's payload (RFC 792)
LEAST_EXTENDED_QUOTE: Final = 128  # octets in front of extensions (RFC 4884 §3)

_HEADER: Final = Struct("!BBHI")
_QUOTED_IP: Final = Struct("!BBHHHBBH4s4s")
_EXTENSIBLE: Final = (DESTINATION_UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM)


class IcmpChecksumError(WireError):
    """The checksum is wrong: counted by its own name."""


@dataclass(slots=True)
class IcmpMessage:
    """Any ICMP message.

    Attributes:
        type: what it is.
        code: which kind of it.
        rest: octets 4 ... 7 as a number: identifier and sequence, next-hop MTU, gateway, pointer.
        payload: behind the 8 octets: echoed data, or the quoted datagram.
    """

    type: int
    code: int
    rest: int = 0
    payload: Buffer = b""

    @classmethod
    def parse(cls, head: Buffer, body: Buffer = b"") -> "IcmpMessage":
        """Read a message and verify its checksum.

        Args:
            head: begins with the header.
            body: the rest of the payload, or empty; not copied if `head` ends with the header.

        Raises:
            IcmpChecksumError: the checksum is wrong.
            WireError: shorter than 8 octets.

        Spec: RFC 792; RFC 1122 §3.2.2.
        """
        if len(head) < HEADER_LENGTH:
            raise WireError(f"icmp: {len(head)} octets are less than a header")
        if len(body) == 0:
            payload: Buffer = memoryview(head)[HEADER_LENGTH:]
        elif len(head) == HEADER_LENGTH:
            payload = body
        else:
            payload = bytes(head[HEADER_LENGTH:]) + bytes(body)
        if not is_valid(payload, sum16(head[:HEADER_LENGTH])):
            raise IcmpChecksumError("icmp: checksum")
        kind, code, _, rest = _HEADER.unpack_from(head)
        return cls(kind, code, rest, payload)

    def pack(self) -> bytes:
        """The whole message with its checksum."""
        return pack_header(self.type, self.code, self.rest, self.payload) + bytes(self.payload)

    @property
    def identifier(self) -> int:
        """Of an echo or timestamp."""
        return self.rest >> 16

    @property
    def sequence(self) -> int:
        """Of an echo or timestamp."""
        return self.rest & 0xFFFF

    @property
    def mtu(self) -> int:
        """Next-hop MTU of "fragmentation needed" (RFC 1191 §4); 0 from a router that does not tell."""
        return self.rest & 0xFFFF

    @property
    def pointer(self) -> int:
        """Of a parameter problem: which octet of the quoted header."""
        return self.rest >> 24

    @property
    def gateway(self) -> bytes:
        """Of a redirect."""
        return self.rest.to_bytes(4, "big")

    @property
    def quoted(self) -> Buffer:
        """The quoted datagram of an error, without the extensions that may follow it (RFC 4884 §3, §5).

        A length attribute too small to be right is taken for an old router's garbage in an unused field.
        """
        length = (self.rest >> 16 & 0xFF) * 4
        if self.type in _EXTENSIBLE and length >= LEAST_EXTENDED_QUOTE:
            return self.payload[:length]
        return self.payload


@dataclass(slots=True)
class QuotedDatagram:
    """The beginning of an IPv4 datagram that an ICMP error is about. Nothing in it is proved.

    Attributes:
        src: its source: us, if the error is for us.
        dst: its destination.
        protocol: whose header `transport` begins with.
        tos: its TOS octet.
        identification: its IP identification.
        fragment_offset: octets; unless 0, `transport` does not begin with a transport header.
        total_length: as quoted; more than is here.
        header_length: octets of its IP header.
        transport: at least 8 octets behind its IP header.
    """

    src: bytes
    dst: bytes
    protocol: int
    tos: int
    identification: int
    fragment_offset: int
    total_length: int
    header_length: int
    transport: Buffer

    @classmethod
    def parse(cls, quote: Buffer) -> "QuotedDatagram":
        """Read what an error quotes. Its checksum is not verified: routers on the way changed the header.

        Raises:
            WireError: not IPv4, or less than a header and 8 octets.

        Spec: RFC 792, RFC 1122 §3.2.2.
        """
        if len(quote) < _QUOTED_IP.size:
            raise WireError(f"icmp: a quote of {len(quote)} octets")
        (
            version_ihl, tos, total_length, identification, flags_offset, _, protocol, _, src, dst,
        ) = _QUOTED_IP.unpack_from(quote)  # fmt: skip
        header_length = (version_ihl & 15) * 4
        if version_ihl >> 4 != 4 or header_length < _QUOTED_IP.size or total_length < header_length:
            raise WireError("icmp: what is quoted is not an IPv4 header")
        if len(quote) < header_length + LEAST_QUOTE:
            raise WireError(f"icmp: a quote of {len(quote)} octets with a header of {header_length}")
        return cls(
            src, dst, protocol, tos, identification, (flags_offset & 0x1FFF) << 3, total_length, header_length,
            quote[header_length:],
        )  # fmt: skip


def pack_header(kind: int, code: int, rest: int, payload: Buffer) -> bytes:
    """The 8 octets in front of `payload`, checksum over both."""
    header = _HEADER.pack(kind, code, 0, rest)
    field = checksum(payload, sum16(header))
    return header[:2] + field.to_bytes(2, "big") + header[4:]
