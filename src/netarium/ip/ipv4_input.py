"""IPv4 on its way in (RFC 791, RFC 1122 §3.2.1): is it whole, may it be, is it for us, who gets it?

The checks come in the order in which they need knowledge: the header by itself, the packet against the frame, the
source against everything that cannot be a source, the destination against what we are, the options, the fragments,
the protocol. Each failure has its own `DropReason`.
"""

from collections.abc import Callable
from typing import Final

from netarium.base.addr import BROADCAST4, is_loopback, is_multicast
from netarium.base.checksum import Buffer
from netarium.base.errors import DropReason, Fate, WireError
from netarium.ip.core import IpCore
from netarium.ip.forward import Forwarder
from netarium.ip.icmp_error import IcmpErrors
from netarium.ip.iface import Interface
from netarium.ip.packet import ErrorKind, IpPacket
from netarium.ip.reassembly import Reassembler
from netarium.link.frame import Frame
from netarium.wire.ipv4 import (
    HEADER_LENGTH,
    MORE_FRAGMENTS,
    OFFSET_MASK,
    Ipv4ChecksumError,
    Ipv4Header,
    unpack,
)
from netarium.wire.ipv4_options import SOURCE_ROUTES, Ipv4OptionsError, parse_options
from netarium.wire.numbers import PROTOCOL_IGMP, PROTOCOL_UDP

Handler = Callable[[IpPacket, int], Fate]

# First octets that no source on a wire has: 0/8, 127/8, multicast and 240/4 (RFC 1122 §3.2.1.3, §4.1.3.6, RFC 6890).
_IMPOSSIBLE_SOURCE: Final = bytes(first in {0, 127} or first >= 224 for first in range(256))
_LONG: Final = 512  # octets; above, a view is cheaper than a copy


class Ipv4Input:
    """The way in of one machine.

    Args:
        core: the tables.
        reassembler: where fragments go.
        forwarder: where packets for others go, if we are a router.
        errors: where complaints go.
        own: protocols that are part of IP itself: ICMP, IGMP.
    """

    __slots__ = (
        "_core",
        "_errors",
        "_forwarder",
        "_forwards",
        "_local",
        "_own",
        "_reassembler",
        "_transports",
    )

    def __init__(
        self,
        core: IpCore,
        reassembler: Reassembler,
        forwarder: Forwarder,
        errors: IcmpErrors,
        own: dict[int, Handler],
    ) -> None:
        self._core = core
        self._reassembler = reassembler
        self._forwarder = forwarder
        self._errors = errors
        self._own = own
        self._local = core.local
        self._transports = core.transports
        self._forwards = core.config.ip.forwarding

    def receive(self, interface: Interface, frame: Frame, offset: int, now: int, group: bool) -> Fate:
        """Take a packet from the link.

        Args:
            interface: where it came in.
            frame: holds it.
            offset: where it begins in the frame.
            now: monotonic ns.
            group: the link delivered it to many.
        """
        data, rest = frame.head, frame.body
        size = len(data)
        if offset == size:  # cut in front of the IP header
            data, rest, offset = rest, b"", 0
            size = len(data)
        if size > _LONG:
            data = memoryview(data)
        if offset:
            data = data[offset:]
            size -= offset
        try:
            length, tos, total, identification, flags_offset, ttl, protocol, src, dst = unpack(data)
        except Ipv4ChecksumError:
            return DropReason.IP_CHECKSUM
        except WireError:
            return DropReason.IP_MALFORMED
        surplus = size + len(rest) - total
        if surplus:
            if surplus < 0:
                return DropReason.IP_TRUNCATED
            data, rest = _trimmed(data, rest, surplus)  # RFC 894: padding is not part of the datagram
            size = len(data)
        head: Buffer
        if size == length:
            head, rest = rest, b""
        else:
            head = data[length:]
        self._core.counters["ip_in_receives"] += 1
        packet = IpPacket(
            src, dst, protocol, ttl, tos, data[:length], head, rest, interface.device,
            b"" if length == HEADER_LENGTH else bytes(data[HEADER_LENGTH:length]),
            frame.checked or frame.csum_start != 0, frame.gso_size, group, frame.cause,
        )  # fmt: skip
        if flags_offset & (MORE_FRAGMENTS | OFFSET_MASK):
            fragment = identification, flags_offset
            return self._judge(interface, packet, frame, now) or self._receive_fragment(
                interface, packet, fragment, now
            )
        return self._judge(interface, packet, frame, now) or self._deliver(packet, now)

    def _judge(self, interface: Interface, packet: IpPacket, frame: Frame, now: int) -> Fate | None:
        """A packet: may it be, and is it for us? None: it is."""
        src, dst = packet.src, packet.dst
        if (
            _IMPOSSIBLE_SOURCE[src[0]] or src in self._local or src in interface.broadcasts
        ) and not self._may_be(interface, packet):
            return DropReason.IP_MARTIAN
        if dst in self._local:
            if packet.to_group:
                return DropReason.IP_L2_BROADCAST  # RFC 1122 §3.3.6
        else:
            fate = self._not_our_unicast(interface, packet, frame, now)
            if fate is not None:
                return fate
        return self._check_options(packet, now) if packet.options else None

    def _deliver(self, packet: IpPacket, now: int) -> Fate:
        """To the protocol above."""
        protocol = packet.protocol
        own = self._own.get(protocol)
        if own is not None:
            return own(packet, now)
        transport = self._transports.get(protocol)
        if transport is not None:
            self._core.counters["ip_in_delivers"] += 1
            return transport.receive(packet, now)
        self._errors.send(packet, ErrorKind.PROTOCOL_UNREACHABLE, now)  # RFC 1122 §3.2.2.1
        return DropReason.IP_UNKNOWN_PROTOCOL

    def _may_be(self, interface: Interface, packet: IpPacket) -> bool:
        """Whether a source is good that usually is not."""
        src, dst = packet.src, packet.dst
        if interface.loopback:
            return self._core.is_local(src) or not any(src)
        # RFC 1122 §3.2.1.3 (a): 0.0.0.0 says who does not know his address yet; only DHCP and IGMP hear that.
        return (
            not any(src)
            and packet.protocol in {PROTOCOL_UDP, PROTOCOL_IGMP}
            and (dst == BROADCAST4 or is_multicast(dst))
        )

    def _not_our_unicast(self, interface: Interface, packet: IpPacket, frame: Frame, now: int) -> Fate | None:
        """Judge a destination that is not an address of ours; None if it is for us all the same."""
        dst = packet.dst
        if dst == BROADCAST4 or dst in interface.broadcasts or (packet.to_group and not any(dst)):
            packet.to_group = True
            return None
        if is_multicast(dst):
            packet.to_group = True
            return None if self._joined(interface, dst) else DropReason.IP_NOT_OURS
        if is_loopback(dst):
            return None if interface.loopback else DropReason.IP_MARTIAN
        if interface.loopback:
            if any(dst in other.broadcasts for other in self._core.interfaces):
                packet.to_group = True  # our own copy of what we broadcast
                return None
            return DropReason.IP_NOT_OURS
        if not self._forwards:
            return DropReason.IP_NOT_OURS  # RFC 1122 §3.1
        if packet.options:
            fault = self._check_options(packet, now)
            if fault is not None:
                return fault
        return self._forwarder.forward(interface, Ipv4Header.parse(packet.header), packet, frame, now)

    def _joined(self, interface: Interface, group: bytes) -> bool:
        if interface.loopback:
            return any(group in other.groups for other in self._core.interfaces)
        return group in interface.groups

    def _check_options(self, packet: IpPacket, now: int) -> DropReason | None:
        """Unknown options are ignored, source routes refused (RFC 7126 §4.3-4), nonsense is told to its sender."""
        try:
            options = parse_options(packet.options)
        except Ipv4OptionsError as fault:
            self._errors.send(packet, ErrorKind.PARAMETER_PROBLEM, now, fault.pointer)
            return DropReason.IP_BAD_OPTIONS
        for option in options:
            if option.kind in SOURCE_ROUTES:
                return DropReason.IP_SOURCE_ROUTED
        return None

    def _receive_fragment(
        self, interface: Interface, packet: IpPacket, fragment: tuple[int, int], now: int
    ) -> Fate:
        """RFC 791 §3.2: what belongs together has source, destination, protocol and identification alike."""
        identification, flags_offset = fragment
        key = b"".join(
            (
                interface.key,
                packet.src,
                packet.dst,
                bytes((packet.protocol,)),
                identification.to_bytes(2, "big"),
            )
        )
        payload = bytes(packet.head) + bytes(packet.body)
        self._core.counters["ip_reasm_reqds"] += 1
        # Only the headers are kept for the error that may become necessary, and 8 octets of payload.
        kept = IpPacket(
            packet.src, packet.dst, packet.protocol, packet.ttl, packet.tos, bytes(packet.header), payload[:8], b"",
            packet.device, packet.options, to_group=packet.to_group, cause=packet.cause,
        )  # fmt: skip
        offset, more = (flags_offset & OFFSET_MASK) << 3, flags_offset & MORE_FRAGMENTS != 0
        result = self._reassembler.add(key, kept, offset, payload, now, more=more)
        if result.packet is None:
            return result.fate
        self._core.counters["ip_reasm_oks"] += 1
        return self._deliver(result.packet, now)


def _trimmed(data: Buffer, rest: Buffer, surplus: int) -> tuple[Buffer, Buffer]:
    """Cut octets off the end."""
    if surplus < len(rest):
        return data, rest[: len(rest) - surplus]
    return data[: len(data) - (surplus - len(rest))], b""
