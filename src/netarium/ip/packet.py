"""What passes between IP and the transports above it, for both families."""

from enum import StrEnum
from typing import Protocol

from netarium.base.checksum import Buffer
from netarium.base.errors import Fate
from netarium.link.device import Device
from netarium.link.frame import Frame


class IpPacket:
    """A whole packet for this machine, as IP hands it to a transport: reassembled, trimmed, its header checked.

    Attributes:
        src: packed source address.
        dst: packed destination address: one of ours, a broadcast, or a group that was joined.
        protocol: IP protocol number, or the last next-header.
        ttl: TTL or hop limit as received.
        tos: TOS or traffic class octet as received.
        options: IPv4 options as received.
        header: the IP header as it came, for quoting in an ICMP error.
        head: begins with the transport header.
        body: the rest of the payload behind `head`, or empty.
        device: where it came in.
        checked: the transport checksum is verified, or trusted.
        gso_size: 0, or payload octets of each segment of a super-segment.
        to_group: sent to a broadcast or multicast address, of IP or of the link.
        cause: the trace event of its arrival.
    """

    __slots__ = (
        "body", "cause", "checked", "device", "dst", "gso_size", "head", "header", "options", "protocol", "src",
        "to_group", "tos", "ttl",
    )  # fmt: skip

    def __init__(
        self,
        src: bytes,
        dst: bytes,
        protocol: int,
        ttl: int,
        tos: int,
        header: Buffer,
        head: Buffer,
        body: Buffer,
        device: Device,
        options: bytes = b"",
        checked: bool = False,
        gso_size: int = 0,
        to_group: bool = False,
        cause: int = 0,
    ) -> None:
        self.src = src
        self.dst = dst
        self.protocol = protocol
        self.ttl = ttl
        self.tos = tos
        self.header = header
        self.head = head
        self.body = body
        self.device = device
        self.options = options
        self.checked = checked
        self.gso_size = gso_size
        self.to_group = to_group
        self.cause = cause


class ErrorKind(StrEnum):
    """What an ICMP error says, in words of either family: to a sender about a packet that went wrong here."""

    NO_ROUTE = "no-route"
    HOST_UNREACHABLE = "host-unreachable"
    PROTOCOL_UNREACHABLE = "protocol-unreachable"
    PORT_UNREACHABLE = "port-unreachable"
    TOO_BIG = "too-big"  # detail: the MTU
    PROHIBITED = "prohibited"
    TTL_EXCEEDED = "ttl-exceeded"
    REASSEMBLY_TIMEOUT = "reassembly-timeout"
    PARAMETER_PROBLEM = "parameter-problem"  # detail: the octet of the header


class IcmpError:
    """An ICMP error about a packet that this machine sent, in words of either family.

    Attributes:
        kind: "unreachable", "too-big", "time-exceeded", "parameter", "quench".
        type: as on the wire; for an error of our own making (a neighbour that did not answer) as it would be.
        code: likewise.
        errno: what a socket reports.
        hard: it says that no retry will help (RFC 1122 §4.2.3.9), were it to be believed.
        mtu: next-hop MTU of "too-big", else 0.
        reporter: who sent it.
        protocol: of the quoted packet.
        src: our address in the quoted packet.
        dst: the peer's.
        quote: the quoted transport header, at least 8 octets.
    """

    __slots__ = (
        "code",
        "dst",
        "errno",
        "hard",
        "kind",
        "mtu",
        "protocol",
        "quote",
        "reporter",
        "src",
        "type",
    )

    def __init__(
        self,
        kind: str,
        type_: int,
        code: int,
        errno: int,
        hard: bool,
        mtu: int,
        reporter: bytes,
        protocol: int,
        src: bytes,
        dst: bytes,
        quote: Buffer,
    ) -> None:
        self.kind = kind
        self.type = type_
        self.code = code
        self.errno = errno
        self.hard = hard
        self.mtu = mtu
        self.reporter = reporter
        self.protocol = protocol
        self.src = src
        self.dst = dst
        self.quote = quote


class Transport(Protocol):
    """A protocol above IP."""

    def receive(self, packet: IpPacket, now: int) -> Fate:
        """Take a packet; say what became of it."""

    def on_icmp_error(self, error: IcmpError, now: int) -> bool:
        """Hear of an error about a packet of ours; True if it is about something alive."""


class Sender(Protocol):
    """Somebody who has segments ready and waits on `Interface.ready` to be asked for them."""

    queued: bool  # is on a ready queue

    def poll_transmit(self, now: int) -> Frame | None:
        """The next frame, or None if there is none (any more)."""
