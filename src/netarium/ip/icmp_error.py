"""ICMP errors that we send (RFC 792, RFC 1122 §3.2.2, RFC 1812 §4.3.2): rarely, and never about the wrong things.

An error is the one thing that a stranger can make a machine say to a third party, so there are two limits: one for
each destination, then one for all. The second charges a random price: else a stranger could count, at his own
address, how many errors somebody else's probes have drawn from us, and so find our open ports (SAD DNS).
"""

from typing import Final

from netarium.base.addr import BROADCAST4, format_ip, is_multicast, is_unspecified
from netarium.base.checksum import pseudo_sum
from netarium.base.errors import StackError
from netarium.base.trace import IcmpSeen
from netarium.base.units import SECOND
from netarium.ip.core import IpCore
from netarium.ip.ipv4_output import Ipv4Output
from netarium.ip.packet import ErrorKind, IpPacket
from netarium.ip.path import PathFinder
from netarium.ip.ratelimit import TokenBucket
from netarium.link import gso
from netarium.link.frame import Frame
from netarium.wire import icmpv4
from netarium.wire.numbers import PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP

_WORDS: Final = {
    ErrorKind.NO_ROUTE: (icmpv4.DESTINATION_UNREACHABLE, icmpv4.NET_UNREACHABLE),
    ErrorKind.HOST_UNREACHABLE: (icmpv4.DESTINATION_UNREACHABLE, icmpv4.HOST_UNREACHABLE),
    ErrorKind.PROTOCOL_UNREACHABLE: (icmpv4.DESTINATION_UNREACHABLE, icmpv4.PROTOCOL_UNREACHABLE),
    ErrorKind.PORT_UNREACHABLE: (icmpv4.DESTINATION_UNREACHABLE, icmpv4.PORT_UNREACHABLE),
    ErrorKind.TOO_BIG: (icmpv4.DESTINATION_UNREACHABLE, icmpv4.FRAGMENTATION_NEEDED),
    ErrorKind.PROHIBITED: (icmpv4.DESTINATION_UNREACHABLE, icmpv4.COMMUNICATION_PROHIBITED),
    ErrorKind.TTL_EXCEEDED: (icmpv4.TIME_EXCEEDED, icmpv4.TTL_EXCEEDED),
    ErrorKind.REASSEMBLY_TIMEOUT: (icmpv4.TIME_EXCEEDED, icmpv4.REASSEMBLY_TIME_EXCEEDED),
    ErrorKind.PARAMETER_PROBLEM: (icmpv4.PARAMETER_PROBLEM, icmpv4.POINTER_INDICATES),
}
# Types about which an error may be sent: RFC 1122 §3.2.2 forbids errors about errors, and what is unknown may be one.
_INNOCENT: Final = (icmpv4.ECHO, icmpv4.ECHO_REPLY, icmpv4.TIMESTAMP, icmpv4.TIMESTAMP_REPLY)
_MAX_MESSAGE: Final = 576  # RFC 1812 §4.3.2.3: as much of the datagram as fits
_HEADERS: Final = 28  # IPv4 without options, ICMP
_INTERNETWORK_CONTROL: Final = 0xC0  # RFC 1812 §4.3.2.5: the precedence of errors
_MAX_DESTINATIONS: Final = 256
_CHECKSUM_FIELDS: Final = {PROTOCOL_TCP: 16, PROTOCOL_UDP: 6}  # where in the transport header
_FRAGMENT: Final = 0x3FFF  # more fragments, or an offset


class IcmpErrors:
    """The mouth of one machine for complaints."""

    __slots__ = ("_all", "_core", "_each", "_finder", "_output")

    def __init__(self, core: IpCore, finder: PathFinder, output: Ipv4Output) -> None:
        config = core.config.ip
        self._core = core
        self._finder = finder
        self._output = output
        self._all = TokenBucket(config.icmp_errors_per_second, config.icmp_errors_burst)
        self._each: dict[bytes, TokenBucket] = {}

    def send(self, packet: IpPacket, kind: ErrorKind, now: int, detail: int = 0) -> bool:
        """Tell the sender of a packet what is wrong with it, if that is allowed.

        Args:
            packet: the packet as it came.
            kind: what is wrong.
            now: monotonic ns.
            detail: the MTU, or the offending octet: see `ErrorKind`.

        Returns:
            Whether the error was sent.
        """
        type_, code = _WORDS[kind]
        rest = detail << 24 if kind is ErrorKind.PARAMETER_PROBLEM else detail
        return self.send_raw(packet, type_, code, rest, now)

    def send_raw(self, packet: IpPacket, type_: int, code: int, rest: int, now: int) -> bool:
        """The same in numbers; redirects, too."""
        core = self._core
        if not self._may_complain(packet):
            return False
        if not self._within_limits(packet.src, now):
            core.counters["icmp_out_ratelimited"] += 1
            return False
        src = packet.dst if core.is_local(packet.dst) else None
        try:
            path = self._finder.find(packet.src, now, src=src)
            quote = _quote(packet)
            head = icmpv4.pack_header(type_, code, rest, quote)
            self._output.send(path, PROTOCOL_ICMP, head, quote, now, tos=_INTERNETWORK_CONTROL)
        except StackError:
            core.counters["icmp_out_errors"] += 1
            return False
        core.counters["icmp_out_msgs"] += 1
        core.counters[
            "icmp_out_time_excds" if type_ == icmpv4.TIME_EXCEEDED else "icmp_out_dest_unreachs"
        ] += 1
        if core.trace is not None:
            peer = format_ip(packet.src)
            core.trace.emit(
                IcmpSeen(at=now, where=core.name, direction="sent", type=type_, code=code, peer=peer)
            )
        return True

    def _may_complain(self, packet: IpPacket) -> bool:
        """RFC 1122 §3.2.2: what must never be answered with an error."""
        if packet.to_group:
            return False
        src = packet.src
        if is_unspecified(src) or is_multicast(src) or src[0] >= 240 or src == BROADCAST4:
            return False  # not the address of one host
        if any(src in interface.broadcasts for interface in self._core.interfaces):
            return False
        if int.from_bytes(packet.header[6:8], "big") & 0x1FFF:
            return False  # not the first fragment
        return packet.protocol != PROTOCOL_ICMP or (len(packet.head) > 0 and packet.head[0] in _INNOCENT)

    def _within_limits(self, dst: bytes, now: int) -> bool:
        config = self._core.config.ip
        bucket = self._each.get(dst)
        if bucket is None:
            if len(self._each) >= _MAX_DESTINATIONS:
                del self._each[next(iter(self._each))]
            rate, burst = config.icmp_errors_per_second, config.icmp_errors_burst
            bucket = self._each[dst] = TokenBucket(max(1, rate // 4), max(1, burst // 4))
        return bucket.take(now) and self._all.take(now, self._price())

    def _price(self) -> int:
        """One token, and one time in four up to eight more, so that the credit left says nothing of the number spent.

        From outside, "did one error more or less go out?" is then guessed right 53 times in a hundred, not 100.
        """
        random = self._core.random
        return SECOND + (0 if random.getrandbits(2) else random.randrange(8 * SECOND))


def _quote(packet: IpPacket) -> bytes:
    """The IP header as it came, and as much of the payload as fits (at least the 8 octets of RFC 792)."""
    octets = _as_on_the_line(packet)
    return octets[: _MAX_MESSAGE - _HEADERS]


def _as_on_the_line(packet: IpPacket) -> bytes:
    """The packet that was on the cable: offload leaves segments joined and checksums open, a quote must not.

    A checksum that the device vouched for is computed again to the value that it has already.
    """
    header, head = bytes(packet.header), bytes(packet.head)
    if packet.gso_size:
        return gso.split(Frame(header + head, packet.body, packet.gso_size), link_header=0)[0].octets()
    octets = header + head + bytes(packet.body)
    place = _CHECKSUM_FIELDS.get(packet.protocol)
    start = len(header)
    if place is None or not packet.checked or int.from_bytes(header[6:8], "big") & _FRAGMENT:
        return octets
    field = octets[start + place : start + place + 2]
    if len(field) < 2 or (packet.protocol == PROTOCOL_UDP and not any(field)):
        return octets
    partial = pseudo_sum(packet.src, packet.dst, packet.protocol, len(octets) - start)
    octets = octets[: start + place] + partial.to_bytes(2, "big") + octets[start + place + 2 :]
    return gso.finished(Frame(octets, csum_start=start, csum_offset=place)).octets()
