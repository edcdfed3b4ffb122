"""Names for the octets of IPv4 with its options, and of IPv6 with its extension headers."""

from typing import Final

from netarium.base.addr import format_ip
from netarium.wire import ipv4_options as opt
from netarium.wire.dissect.control import icmpv4, icmpv6, igmp
from netarium.wire.dissect.layer import Names, Next, Pen, Step, flag, hexadecimal, octets_text
from netarium.wire.dissect.transport import tcp, udp
from netarium.wire.numbers import PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_IGMP, PROTOCOL_TCP, PROTOCOL_UDP

_IPV4_IN_IP: Final = 4
_IPV6_IN_IP: Final = 41
_HOP_BY_HOP: Final = 0
_ROUTING: Final = 43
_FRAGMENT: Final = 44
_DESTINATION: Final = 60

_protocol: Final = Names(
    {
        _HOP_BY_HOP: "hop-by-hop options", PROTOCOL_ICMP: "ICMP", PROTOCOL_IGMP: "IGMP", _IPV4_IN_IP: "IPv4",
        PROTOCOL_TCP: "TCP", PROTOCOL_UDP: "UDP", _IPV6_IN_IP: "IPv6", _ROUTING: "routing", _FRAGMENT: "fragment",
        PROTOCOL_ICMPV6: "ICMPv6", 59: "nothing", _DESTINATION: "destination options",
    }
)  # fmt: skip
_ecn: Final = Names({0: "not ECN-capable", 1: "ECT(1)", 2: "ECT(0)", 3: "congestion experienced"})
_OPTION_NAMES: Final = {
    opt.END_OF_LIST: "end of list", opt.NO_OPERATION: "no operation", opt.RECORD_ROUTE: "record route",
    opt.TIMESTAMP: "timestamp", opt.SECURITY: "security", opt.LOOSE_SOURCE_ROUTE: "loose source route",
    opt.STRICT_SOURCE_ROUTE: "strict source route", opt.ROUTER_ALERT: "router alert",
}  # fmt: skip
_option: Final = Names(_OPTION_NAMES)


def ip(pen: Pen) -> Next | None:
    """Whichever version the first four bits name."""
    version = pen.octets[pen.offset] >> 4
    return ipv6(pen) if version == 6 else ipv4(pen)


def ipv4(pen: Pen) -> Next | None:
    """RFC 791 §3.1."""
    pen.name = "IPv4"
    start = pen.offset
    pen.number("version", 4)
    header_length = 4 * pen.number("IHL", 4, lambda words: f"{words} words: {words * 4} octets")
    pen.number("DSCP", 6)
    pen.number("ECN", 2, _ecn)
    total_length = pen.number("total length", 16, octets_text)
    pen.number("identification", 16, hexadecimal)
    pen.number("reserved", 1)
    pen.number("DF", 1, flag("do not fragment"))
    more = pen.number("MF", 1, flag("more fragments"))
    fragment_offset = pen.number("fragment offset", 13, lambda units: f"{units * 8} octets")
    pen.number("time to live", 8, "{} hops".format)
    protocol = pen.number("protocol", 8, _protocol)
    pen.internet_checksum(pen.octets[start : start + header_length], 10)
    src = pen.take("source address", 4, format_ip)
    dst = pen.take("destination address", 4, format_ip)
    options_end = start + header_length
    while pen.offset < options_end:
        if not _ipv4_option(pen, options_end):
            break
    end = start + total_length
    pen.scope.src, pen.scope.dst = src, dst
    pen.scope.whole = pen.scope.whole and not (more or fragment_offset) and end <= pen.stop
    step = _STEPS.get(protocol) if fragment_offset == 0 else None
    return Next(step, end if total_length >= header_length else None)


def _ipv4_option(pen: Pen, end: int) -> bool:
    """One option; False if nothing behind it can be read as one."""
    kind = pen.number("option", 8, _option)
    if kind == opt.END_OF_LIST:
        pen.take("padding", end - pen.offset)
        return False
    if kind == opt.NO_OPERATION:
        return True
    if pen.offset == end:
        pen.rename(f"{kind}: the header ends before its length")
        return False
    length = pen.number("option length", 8, octets_text)
    if length < 2 or pen.offset + length - 2 > end:
        pen.rename(f"{length}: impossible")
        pen.take("malformed options", end - pen.offset)
        return False
    body_end = pen.offset + length - 2
    if length >= 3 and kind in {opt.RECORD_ROUTE, opt.LOOSE_SOURCE_ROUTE, opt.STRICT_SOURCE_ROUTE}:
        pen.number("pointer", 8)
        while body_end - pen.offset >= 4:
            pen.take("route", 4, format_ip)
    elif length >= 4 and kind == opt.TIMESTAMP:
        pen.number("pointer", 8)
        pen.number("overflow", 4)
        with_addresses = pen.number("flag", 4, _stamp_flag)
        while body_end - pen.offset >= (8 if with_addresses else 4):
            if with_addresses:
                pen.take("address", 4, format_ip)
            pen.number("timestamp", 32, "{} ms since midnight UT".format)
    pen.take("option value", body_end - pen.offset)
    return True


_stamp_flag: Final = Names({0: "timestamps only", 1: "with addresses", 3: "addresses given"})


def ipv6(pen: Pen) -> Next | None:
    """RFC 8200 §3."""
    pen.name = "IPv6"
    pen.number("version", 4)
    pen.number("DSCP", 6)
    pen.number("ECN", 2, _ecn)
    pen.number("flow label", 20, "{:#07x}".format)
    payload_length = pen.number("payload length", 16, octets_text)
    next_header = pen.number("next header", 8, _protocol)
    pen.number("hop limit", 8, "{} hops".format)
    pen.scope.src = pen.take("source address", 16, format_ip)
    pen.scope.dst = pen.take("destination address", 16, format_ip)
    end = pen.offset + payload_length
    pen.scope.whole = pen.scope.whole and end <= pen.stop
    return Next(_STEPS_IPV6.get(next_header), end)


def _extension(pen: Pen) -> Next | None:
    """Hop-by-hop, routing, and destination options: all of one shape (RFC 6564 §4)."""
    pen.name = "IPv6 extension header"
    next_header = pen.number("next header", 8, _protocol)
    units = pen.number("header length", 8, lambda value: f"{value * 8 + 8} octets")
    pen.take("contents", units * 8 + 6)
    return Next(_STEPS_IPV6.get(next_header))


def _fragment(pen: Pen) -> Next | None:
    """RFC 8200 §4.5."""
    pen.name = "IPv6 fragment header"
    next_header = pen.number("next header", 8, _protocol)
    pen.number("reserved", 8)
    offset = pen.number("fragment offset", 13, lambda units: f"{units * 8} octets")
    pen.number("reserved", 2)
    more = pen.number("M", 1, flag("more fragments"))
    pen.number("identification", 32, "{:#010x}".format)
    pen.scope.whole = pen.scope.whole and not (more or offset)
    return Next(_STEPS_IPV6.get(next_header) if offset == 0 else None)


def _quote(pen: Pen) -> Next | None:
    """The datagram inside an ICMP error: an IP header and what there is behind it."""
    pen.scope.whole = False
    following = ip(pen)
    pen.name += " (quoted)"
    return following


def _icmpv4(pen: Pen) -> Next | None:
    quote_end = icmpv4(pen)
    return None if quote_end is None else Next(_quote, quote_end)


def _icmpv6(pen: Pen) -> Next | None:
    return Next(_quote) if icmpv6(pen) else None


_STEPS: Final[dict[int, Step]] = {
    PROTOCOL_ICMP: _icmpv4,
    PROTOCOL_IGMP: igmp,
    PROTOCOL_TCP: tcp,
    PROTOCOL_UDP: udp,
    _IPV4_IN_IP: ipv4,
    _IPV6_IN_IP: ipv6,
    PROTOCOL_ICMPV6: _icmpv6,
}
_STEPS_IPV6: Final[dict[int, Step]] = {
    **_STEPS,
    _HOP_BY_HOP: _extension,
    _ROUTING: _extension,
    _DESTINATION: _extension,
    _FRAGMENT: _fragment,
}
