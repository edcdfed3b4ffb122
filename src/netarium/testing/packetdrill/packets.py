"""Packets of a script: `< [ect0] 40000 > 8080 S. 0:0(0) ack 1 win 65535 urg 3 <mss 1460>`, icmp, udp."""

from typing import Final

from netarium.testing.packetdrill.cursor import Cursor
from netarium.testing.packetdrill.icmpwords import parse_icmp, parse_quote
from netarium.testing.packetdrill.optionwords import parse_options
from netarium.testing.packetdrill.script import IpInfo, Option, Packet, TcpPacket, UdpPacket
from netarium.wire.tcp import ACE, ACK, AE, CWR, ECE, FIN, PSH, RST, SYN, URG

FLAGS: Final = {"F": FIN, "S": SYN, "R": RST, "P": PSH, ".": ACK, "U": URG, "E": ECE, "W": CWR, "A": AE}
_ECN: Final = {"noecn": (0,), "ect1": (1,), "ect0": (2,), "ce": (3,), "ect01": (1, 2)}
_TUNNELS: Final = frozenset({"ipv4", "ipv6", "gre", "mpls", "gue", "vxlan", "udplite", "sctp"})
_COUNTERS: Final = "01234567"  # of Accurate ECN: what AE, CWR and ECE are together


def parse_packet(cursor: Cursor) -> Packet:
    """A packet from its direction on.

    Raises:
        ScriptError: it is not understood.
    """
    inbound = cursor.take().text == "<"
    ip = IpInfo()
    quote = parse_quote(cursor) if _is_quote(cursor) else None
    for opening, closing in (("[", "]"), ("(", ")")):
        if quote is None and cursor.accept(opening):
            ip = _ip_info(cursor, closing)
    if cursor.peek().text in _TUNNELS:
        cursor.fail(
            f"{cursor.peek().text}: packets inside of packets, and protocols but TCP, UDP and ICMP are not understood"
        )
    if cursor.accept("icmp"):
        return parse_icmp(cursor, inbound=inbound, ip=ip, quote=quote)
    if quote is not None:
        cursor.fail("only icmp quotes something")
    ports = _ports(cursor)
    if cursor.accept("udp"):
        return UdpPacket(inbound=inbound, length=cursor.count(), ports=ports, ip=ip)
    packet = _tcp(cursor, inbound=inbound, ip=ip, ports=ports)
    if cursor.accept("/"):
        cursor.fail("TCP inside of UDP is not understood")
    return packet


def _is_quote(cursor: Cursor) -> bool:
    """What is quoted may stand before the word `icmp`, too."""
    return cursor.peek().text == "[" and (cursor.peek(1).kind == "number" or cursor.peek(1).text == "udp")


def _ports(cursor: Cursor) -> tuple[int, int] | None:
    """`40000 > 8080` or `40000:8080`: source and destination."""
    if cursor.peek().kind != "number" or cursor.peek(1).text not in {":", ">"}:
        return None
    source = cursor.integer()
    if not cursor.accept(":"):
        cursor.expect(">")
    ports = source, cursor.integer()
    if not all(0 < port < 65_536 for port in ports):
        cursor.fail(f"{ports[0]} > {ports[1]} are no ports")
    return ports


def _ip_info(cursor: Cursor, closing: str) -> IpInfo:
    ecn, tos, ttl = None, None, None
    while True:
        word = cursor.word()
        if word in _ECN:
            ecn = _ECN[word]
        elif word == "tos":
            tos = _octet(cursor)
        elif word == "ttl":
            ttl = _octet(cursor)
        else:
            cursor.back()
            text = (
                "is of IPv6, which is not there yet"
                if word == "flowlabel"
                else "is nothing that is known of an IP header"
            )
            cursor.fail(f"{word} {text}")
        if cursor.accept(closing):
            return IpInfo(ecn, tos, ttl)
        cursor.expect(",")


def _octet(cursor: Cursor) -> int:
    value = cursor.integer()
    if value > 0xFF:
        cursor.back()
        cursor.fail("here a number of one octet is expected")
    return value


def _tcp(cursor: Cursor, *, inbound: bool, ip: IpInfo, ports: tuple[int, int] | None) -> TcpPacket:
    flags = _flags(cursor)
    seq, end = cursor.range()
    ack = cursor.integer() if cursor.accept("ack") else None
    window = cursor.integer() if cursor.accept("win") else None
    urgent = cursor.integer() if cursor.accept("urg") else None
    if flags & ACK and ack is None and not flags & RST:
        cursor.fail("the flag . needs the word ack and its number")
    options: tuple[Option, ...] | None = ()
    # `<` behind a packet begins its options; the `<` of the next packet stands behind a time.
    if cursor.accept("<"):
        options = parse_options(cursor)
        if inbound and (options is None or any(None in option for option in options)):
            cursor.fail("an inbound packet needs all its options, ... is none")
    return TcpPacket(
        inbound=inbound, flags=flags, seq=seq, end=end, ack=ack, window=window, urgent=urgent, options=options,
        ports=ports, ip=ip,
    )  # fmt: skip


def _flags(cursor: Cursor) -> int:
    text = cursor.take().text
    while cursor.peek().glued and (cursor.peek().kind in {"word", "number"} or cursor.peek().text == "."):
        text += cursor.take().text
    if text == "-":
        return 0
    counters = [letter for letter in text if letter in _COUNTERS]
    flags = sum({FLAGS.get(letter, 0) for letter in text})
    if not set(text) <= {*FLAGS, *_COUNTERS} or not text or len(set(text)) != len(text):
        cursor.back()
        cursor.fail(f"{text} are no flags of TCP that are understood here")
    if counters and (flags & ACE or len(counters) > 1):
        cursor.back()
        cursor.fail(f"{text} says twice what AE, CWR and ECE are")
    return flags | (int(counters[0]) << 6 if counters else 0)
