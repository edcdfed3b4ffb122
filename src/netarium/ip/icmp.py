"""ICMP messages that come in (RFC 792, RFC 1122 §3.2.2): echoes are answered, errors go to those concerned.

Errors are hints and not proof (RFC 1122 §3.2.2.1, RFC 5927): a transport is shown what was quoted and says whether
that matches something alive; only then is a path's MTU lowered. Quenches, timestamps, masks and information
requests are ignored (RFC 6633, RFC 6918), redirects unless the configuration wants them.
"""

import errno
from typing import Final

from netarium.base.addr import BROADCAST4, format_ip, is_multicast
from netarium.base.errors import Accepted, DropReason, Fate, StackError, WireError
from netarium.base.trace import IcmpSeen
from netarium.ip.core import IpCore
from netarium.ip.ipv4_output import Ipv4Output
from netarium.ip.packet import IcmpError, IpPacket
from netarium.ip.path import PathFinder
from netarium.ip.pmtu import PathMtuCache, plateau_below
from netarium.ip.ratelimit import TokenBucket
from netarium.ip.redirect import Redirects
from netarium.wire import icmpv4
from netarium.wire.icmpv4 import IcmpChecksumError, IcmpMessage, QuotedDatagram
from netarium.wire.numbers import PROTOCOL_ICMP

# What a socket reports for each code of Destination Unreachable, and whether retrying is pointless: RFC 1122
# §3.2.2.1, §4.2.3.9 for codes 0-5; RFC 1812 §5.2.7.1 for the others, in the words of Linux.
_UNREACHABLE: Final = {
    icmpv4.NET_UNREACHABLE: (errno.ENETUNREACH, False),
    icmpv4.HOST_UNREACHABLE: (errno.EHOSTUNREACH, False),
    icmpv4.PROTOCOL_UNREACHABLE: (errno.ENOPROTOOPT, True),
    icmpv4.PORT_UNREACHABLE: (errno.ECONNREFUSED, True),
    icmpv4.FRAGMENTATION_NEEDED: (errno.EMSGSIZE, False),
    icmpv4.SOURCE_ROUTE_FAILED: (errno.EOPNOTSUPP, False),
    icmpv4.NET_UNKNOWN: (errno.ENETUNREACH, True),
    icmpv4.HOST_UNKNOWN: (errno.EHOSTDOWN, True),
    icmpv4.SOURCE_HOST_ISOLATED: (errno.ENONET, True),
    icmpv4.NET_PROHIBITED: (errno.ENETUNREACH, True),
    icmpv4.HOST_PROHIBITED: (errno.EHOSTUNREACH, True),
    icmpv4.NET_UNREACHABLE_FOR_TOS: (errno.ENETUNREACH, False),
    icmpv4.HOST_UNREACHABLE_FOR_TOS: (errno.EHOSTUNREACH, False),
    icmpv4.COMMUNICATION_PROHIBITED: (errno.EHOSTUNREACH, True),
    icmpv4.HOST_PRECEDENCE_VIOLATION: (errno.EHOSTUNREACH, True),
    icmpv4.PRECEDENCE_CUTOFF: (errno.EHOSTUNREACH, True),
}
_IGNORED: Final = frozenset(
    {
        icmpv4.SOURCE_QUENCH, icmpv4.ROUTER_ADVERTISEMENT, icmpv4.ROUTER_SOLICITATION, icmpv4.TIMESTAMP,
        icmpv4.TIMESTAMP_REPLY, icmpv4.INFORMATION_REQUEST, icmpv4.INFORMATION_REPLY, icmpv4.ADDRESS_MASK_REQUEST,
        icmpv4.ADDRESS_MASK_REPLY,
    }
)  # fmt: skip


class Icmp:
    """The ear of one machine for ICMP."""

    __slots__ = ("_core", "_echoes", "_finder", "_output", "_pmtu", "_redirects")

    def __init__(
        self, core: IpCore, finder: PathFinder, output: Ipv4Output, pmtu: PathMtuCache, redirects: Redirects
    ) -> None:
        self._core = core
        self._finder = finder
        self._output = output
        self._pmtu = pmtu
        self._redirects = redirects
        rate = core.config.ip.icmp_echo_per_second
        self._echoes = TokenBucket(rate, rate)

    def receive(self, packet: IpPacket, now: int) -> Fate:
        """Take an ICMP message for this machine."""
        try:
            message = IcmpMessage.parse(packet.head, packet.body)
        except IcmpChecksumError:
            return DropReason.ICMP_CHECKSUM
        except WireError:
            return DropReason.ICMP_MALFORMED
        core = self._core
        core.counters["icmp_in_msgs"] += 1
        if core.trace is not None:
            peer = format_ip(packet.src)
            core.trace.emit(
                IcmpSeen(
                    at=now,
                    where=core.name,
                    direction="received",
                    type=message.type,
                    code=message.code,
                    peer=peer,
                )
            )
        kind = message.type
        if kind == icmpv4.ECHO:
            return self._answer_echo(packet, message, now)
        if kind == icmpv4.ECHO_REPLY:
            ping = core.transports.get(PROTOCOL_ICMP)
            return DropReason.ICMP_NO_MATCH if ping is None else ping.receive(packet, now)
        if kind in _IGNORED:
            return DropReason.ICMP_IGNORED
        if kind not in icmpv4.ERRORS:
            return DropReason.ICMP_UNKNOWN_TYPE  # RFC 1122 §3.2.2
        if packet.to_group:
            return DropReason.ICMP_IGNORED  # an error is for the one host that sent what it quotes
        return self._receive_error(packet, message, now)

    def _answer_echo(self, packet: IpPacket, message: IcmpMessage, now: int) -> Fate:
        """Same data, identifier and sequence, from the address that was asked (RFC 1122 §3.2.2.6)."""
        core = self._core
        if packet.to_group and not core.config.ip.answer_broadcast_echo:
            return DropReason.ICMP_ECHO_BROADCAST
        if not self._echoes.take(now):
            return DropReason.ICMP_ECHO_LIMITED
        core.counters["icmp_in_echos"] += 1
        head = icmpv4.pack_header(icmpv4.ECHO_REPLY, 0, message.rest, message.payload)
        try:
            src = None if packet.to_group else packet.dst
            path = self._finder.find(packet.src, now, src=src)
            self._output.send(path, PROTOCOL_ICMP, head, message.payload, now, tos=packet.tos)
        except StackError:
            core.counters["icmp_out_errors"] += 1
            return Accepted.LOCAL
        core.counters["icmp_out_msgs"] += 1
        core.counters["icmp_out_echo_reps"] += 1
        return Accepted.LOCAL

    def _receive_error(self, packet: IpPacket, message: IcmpMessage, now: int) -> Fate:
        """Find out what the error is about, and who must know."""
        try:
            quoted = QuotedDatagram.parse(message.quoted)
        except WireError:
            return DropReason.ICMP_MALFORMED
        core = self._core
        if not core.is_local(quoted.src) or quoted.fragment_offset:
            return DropReason.ICMP_NO_MATCH  # not ours, or no transport header to tell by
        if quoted.dst == BROADCAST4 or is_multicast(quoted.dst):
            return DropReason.ICMP_NO_MATCH  # nobody answers such packets with an error
        if message.type == icmpv4.REDIRECT:
            return self._redirects.receive(packet, message, quoted, now)
        error = _translate(packet, message, quoted)
        if error is None:
            return DropReason.ICMP_IGNORED
        transport = core.transports.get(quoted.protocol)
        if transport is None or not transport.on_icmp_error(error, now):
            return DropReason.ICMP_NO_MATCH
        if error.kind == "too-big":
            self._lower_path_mtu(error, now)
        return Accepted.LOCAL

    def _lower_path_mtu(self, error: IcmpError, now: int) -> None:
        try:
            path = self._finder.find(error.dst, now, src=error.src)
        except StackError:
            return
        if self._pmtu.lower(error.dst, error.mtu, path.interface.mtu, now):
            self._core.counters["ip_pmtu_lowered"] += 1


def _translate(packet: IpPacket, message: IcmpMessage, quoted: QuotedDatagram) -> IcmpError | None:
    """An ICMPv4 error in words of either family; None if its code is not known."""
    mtu = 0
    if message.type == icmpv4.DESTINATION_UNREACHABLE:
        if message.code not in _UNREACHABLE:
            return None
        number, hard = _UNREACHABLE[message.code]
        kind = "unreachable"
        if message.code == icmpv4.FRAGMENTATION_NEEDED:
            kind = "too-big"
            # RFC 1191 §5: routers that do not tell their MTU leave the field zero.
            mtu = message.mtu or plateau_below(quoted.total_length)
    elif message.type == icmpv4.TIME_EXCEEDED:
        kind, number, hard = "time-exceeded", errno.EHOSTUNREACH, False
    else:
        kind, number, hard = "parameter", errno.EPROTO, True
    return IcmpError(
        kind, message.type, message.code, number, hard, mtu, packet.src, quoted.protocol, quoted.src, quoted.dst,
        quoted.transport,
    )  # fmt: skip
