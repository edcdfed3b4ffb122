"""Names for the octets of ICMP, ICMPv6 and IGMP."""

from typing import Final

from netarium.base.addr import format_ip
from netarium.base.checksum import pseudo_sum
from netarium.wire import icmpv4 as icmp
from netarium.wire import igmp as igmp_wire
from netarium.wire.dissect.layer import Names, Next, Pen, hexadecimal
from netarium.wire.numbers import PROTOCOL_ICMPV6

_type: Final = Names(
    {
        icmp.ECHO_REPLY: "echo reply", icmp.DESTINATION_UNREACHABLE: "destination unreachable",
        icmp.SOURCE_QUENCH: "source quench", icmp.REDIRECT: "redirect", icmp.ECHO: "echo request",
        icmp.ROUTER_ADVERTISEMENT: "router advertisement", icmp.ROUTER_SOLICITATION: "router solicitation",
        icmp.TIME_EXCEEDED: "time exceeded", icmp.PARAMETER_PROBLEM: "parameter problem",
        icmp.TIMESTAMP: "timestamp", icmp.TIMESTAMP_REPLY: "timestamp reply",
        icmp.INFORMATION_REQUEST: "information request", icmp.INFORMATION_REPLY: "information reply",
        icmp.ADDRESS_MASK_REQUEST: "address mask request", icmp.ADDRESS_MASK_REPLY: "address mask reply",
    }
)  # fmt: skip
_CODES: Final = {
    icmp.DESTINATION_UNREACHABLE: Names({
        0: "net unreachable", 1: "host unreachable", 2: "protocol unreachable", 3: "port unreachable",
        4: "fragmentation needed and DF set", 5: "source route failed", 6: "destination network unknown",
        7: "destination host unknown", 8: "source host isolated", 9: "network administratively prohibited",
        10: "host administratively prohibited", 11: "network unreachable for TOS",
        12: "host unreachable for TOS", 13: "communication administratively prohibited",
        14: "host precedence violation", 15: "precedence cutoff in effect",
    }),
    icmp.REDIRECT: Names({
        0: "for the network", 1: "for the host", 2: "for TOS and network", 3: "for TOS and host",
    }),
    icmp.TIME_EXCEEDED: Names({0: "time to live exceeded in transit", 1: "fragment reassembly time exceeded"}),
    icmp.PARAMETER_PROBLEM: Names({0: "pointer indicates the error", 1: "required option missing", 2: "bad length"}),
}  # fmt: skip
_WITH_IDENTIFIER: Final = (
    icmp.ECHO, icmp.ECHO_REPLY, icmp.TIMESTAMP, icmp.TIMESTAMP_REPLY, icmp.INFORMATION_REQUEST,
    icmp.INFORMATION_REPLY, icmp.ADDRESS_MASK_REQUEST, icmp.ADDRESS_MASK_REPLY,
)  # fmt: skip

_type6: Final = Names(
    {
        1: "destination unreachable", 2: "packet too big", 3: "time exceeded", 4: "parameter problem",
        128: "echo request", 129: "echo reply", 133: "router solicitation", 134: "router advertisement",
        135: "neighbor solicitation", 136: "neighbor advertisement", 137: "redirect",
        143: "multicast listener report",
    }
)  # fmt: skip
_igmp_type: Final = Names(
    {
        igmp_wire.QUERY: "membership query", igmp_wire.REPORT_V1: "version 1 membership report",
        igmp_wire.REPORT_V2: "version 2 membership report", igmp_wire.LEAVE: "leave group",
        igmp_wire.REPORT_V3: "version 3 membership report",
    },
    form="{:#04x}",
)  # fmt: skip
_record_type: Final = Names(
    {1: "include", 2: "exclude", 3: "change to include", 4: "change to exclude", 5: "allow new sources",
     6: "block old sources"}
)  # fmt: skip


def icmpv4(pen: Pen) -> int | None:
    """RFC 792; where the quoted datagram that follows ends, or None if there is none."""
    pen.name = "ICMP"
    message = pen.octets[pen.offset : pen.stop]
    quote_end = pen.stop
    kind = pen.number("type", 8, _type)
    pen.number("code", 8, _CODES.get(kind, str))
    if pen.scope.whole:
        pen.internet_checksum(message, 2)
    else:
        pen.number("checksum", 16, hexadecimal)
    if kind in _WITH_IDENTIFIER:
        pen.number("identifier", 16)
        pen.number("sequence number", 16)
    elif kind == icmp.REDIRECT:
        pen.take("gateway address", 4, format_ip)
    elif kind == icmp.ROUTER_ADVERTISEMENT:
        _router_advertisement(pen)
    elif kind in {icmp.DESTINATION_UNREACHABLE, icmp.TIME_EXCEEDED, icmp.PARAMETER_PROBLEM}:
        pen.number("pointer" if kind == icmp.PARAMETER_PROBLEM else "unused", 8)
        words = pen.number("length of the quote", 8, "{} words (RFC 4884; 0: not told)".format)
        if words * 4 >= icmp.LEAST_EXTENDED_QUOTE:
            quote_end = pen.offset + 2 + words * 4
        pen.number("next-hop MTU" if kind == icmp.DESTINATION_UNREACHABLE else "unused", 16)
    else:
        pen.take("unused", 4)
    if kind in {icmp.TIMESTAMP, icmp.TIMESTAMP_REPLY}:
        for name in ("originate timestamp", "receive timestamp", "transmit timestamp"):
            pen.number(name, 32, "{} ms since midnight UT".format)
    elif kind in {icmp.ADDRESS_MASK_REQUEST, icmp.ADDRESS_MASK_REPLY}:
        pen.take("address mask", 4, format_ip)
    return quote_end if kind in icmp.ERRORS else None


def _router_advertisement(pen: Pen) -> None:
    """RFC 1256 §3."""
    count = pen.number("number of addresses", 8)
    size = pen.number("address entry size", 8, "{} words".format)
    pen.number("lifetime", 16, "{} s".format)
    for _ in range(count if size >= 2 else 0):
        pen.take("router address", 4, format_ip)
        pen.number("preference level", 32, lambda value: str(value - (value >> 31 << 32)))
        pen.take("more of the entry", 4 * size - 8)


def icmpv6(pen: Pen) -> bool:
    """RFC 4443 §2.1; True if a quoted packet follows."""
    pen.name = "ICMPv6"
    message = pen.octets[pen.offset : pen.stop]
    kind = pen.number("type", 8, _type6)
    pen.number("code", 8)
    if pen.scope.whole and len(pen.scope.src) == 16:
        initial = pseudo_sum(pen.scope.src, pen.scope.dst, PROTOCOL_ICMPV6, len(message))
        pen.internet_checksum(message, 2, initial=initial)
    else:
        pen.number("checksum", 16, hexadecimal)
    if kind in {128, 129}:
        pen.number("identifier", 16)
        pen.number("sequence number", 16)
    else:
        pen.number("MTU" if kind == 2 else "message body", 32)
    if kind in {135, 136, 137}:
        pen.take("target address", 16, format_ip)
    return 1 <= kind <= 4


def igmp(pen: Pen) -> Next | None:
    """RFC 2236 §2, RFC 3376 §4."""
    pen.name = "IGMP"
    message = pen.octets[pen.offset : pen.stop]
    kind = pen.number("type", 8, _igmp_type)
    code = pen.number("max resp code", 8)
    pen.rename(f"{igmp_wire.max_resp_time_tenths(code) / 10} s")
    pen.internet_checksum(message, 2)
    if kind == igmp_wire.REPORT_V3:
        pen.number("reserved", 16)
        for _ in range(pen.number("number of group records", 16)):
            pen.number("record type", 8, _record_type)
            words = pen.number("auxiliary data length", 8, "{} words".format)
            sources = pen.number("number of sources", 16)
            pen.take("multicast address", 4, format_ip)
            _sources(pen, sources)
            pen.take("auxiliary data", 4 * words)
        return None
    pen.take("group address", 4, format_ip)
    if kind == igmp_wire.QUERY and pen.left >= 4:
        pen.number("reserved", 4)
        pen.number("S", 1)
        pen.number("QRV", 3)
        pen.number("QQIC", 8, lambda code: f"{igmp_wire.max_resp_time_tenths(code)} s")
        _sources(pen, pen.number("number of sources", 16))
    return None


def _sources(pen: Pen, count: int) -> None:
    for _ in range(count):
        pen.take("source address", 4, format_ip)
