"""Packets of a script: `< [ect0] 40000 > 8080 S. 0:0(0) ack 1 win 65535 urg 3 <mss 1460>`, icmp, udp."""

from typing import Final

from netarium.testing.packetdrill.cursor import Cursor
from netarium.testing.packetdrill.script import IcmpPacket, IpInfo, Option, Packet, TcpPacket, UdpPacket
from netarium.wire.tcp import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG

FLAGS: Final = {"F": FIN, "S": SYN, "R": RST, "P": PSH, ".": ACK, "U": URG, "E": ECE, "W": CWR}
_ECN: Final = {"noecn": 0, "ect1": 1, "ect0": 2, "ce": 3}
_UNREACHABLE: Final = {
    "net_unreachable": 0, "host_unreachable": 1, "protocol_unreachable": 2, "port_unreachable": 3, "frag_needed": 4,
    "source_route_failed": 5, "net_unknown": 6, "host_unknown": 7, "source_host_isolated": 8, "net_prohibited": 9,
    "host_prohibited": 10, "net_unreachable_for_tos": 11, "host_unreachable_for_tos": 12,
    "communication_prohibited": 13, "packet_filtered": 13, "host_precedence_violation": 14, "precedence_cutoff": 15,
}  # fmt: skip
_EXCEEDED: Final = {"ttl_exceeded": 0, "reassembly_timeout": 1}
_ICMP: Final = {
    "unreachable": (3, _UNREACHABLE),
    "time_exceeded": (11, _EXCEEDED),
    "parameter_problem": (12, {}),
}


def parse_packet(cursor: Cursor) -> Packet:
    """A packet from its direction on.

    Raises:
        ScriptError: it is not understood.
    """
    inbound = cursor.take().text == "<"
    ip = _ip_info(cursor) if cursor.accept("[") else IpInfo()
    if cursor.peek().text in {"ipv4", "ipv6", "gre", "mpls"}:
        cursor.fail("packets inside of packets are not understood")
    if cursor.accept("icmp"):
        return _icmp(cursor, inbound=inbound, ip=ip)
    ports = None
    if cursor.peek().kind == "number":
        source = cursor.integer()
        cursor.expect(">")
        ports = source, cursor.integer()
    if cursor.accept("udp"):
        return UdpPacket(inbound=inbound, length=_count(cursor), ports=ports, ip=ip)
    return _tcp(cursor, inbound=inbound, ip=ip, ports=ports)


def _ip_info(cursor: Cursor) -> IpInfo:
    ecn = tos = ttl = None
    while True:
        word = cursor.word()
        if word in _ECN:
            ecn = _ECN[word]
        elif word == "tos":
            tos = cursor.integer()
        elif word == "ttl":
            ttl = cursor.integer()
        else:
            cursor.back()
            cursor.fail(f"{word} is nothing that is known of an IP header")
        if cursor.accept("]"):
            return IpInfo(ecn, tos, ttl)
        cursor.expect(",")


def _count(cursor: Cursor) -> int:
    cursor.expect("(")
    length = cursor.integer()
    cursor.expect(")")
    return length


def _tcp(cursor: Cursor, *, inbound: bool, ip: IpInfo, ports: tuple[int, int] | None) -> TcpPacket:
    flags = _flags(cursor)
    seq, end = _range(cursor)
    ack = cursor.integer() if cursor.accept("ack") else None
    window = cursor.integer() if cursor.accept("win") else None
    urgent = cursor.integer() if cursor.accept("urg") else None
    if (ack is not None) != bool(flags & ACK):
        cursor.fail("the flag . and the word ack belong together")
    if inbound and flags & URG and urgent is None:
        cursor.fail("the flag U needs urg and its number")
    options: tuple[Option, ...] | None = ()
    # `<` behind a packet begins its options; the `<` of the next packet stands behind a time.
    if cursor.accept("<"):
        options = _options(cursor)
        if inbound and (options is None or any(None in option for option in options)):
            cursor.fail("an inbound packet needs all its options, ... is none")
    return TcpPacket(
        inbound=inbound, flags=flags, seq=seq, end=end, ack=ack, window=window, urgent=urgent, options=options,
        ports=ports, ip=ip,
    )  # fmt: skip


def _flags(cursor: Cursor) -> int:
    text = cursor.take().text
    while cursor.peek().glued and (cursor.peek().kind == "word" or cursor.peek().text == "."):
        text += cursor.take().text
    if text == "-":
        return 0
    unknown = [letter for letter in text if letter not in FLAGS]
    if unknown or not text or len(set(text)) != len(text):
        cursor.back()
        cursor.fail(f"{text} are no flags of TCP that are understood here")
    return sum(FLAGS[letter] for letter in text)


def _range(cursor: Cursor) -> tuple[int, int]:
    """`1:1001(1000)`."""
    start = cursor.integer()
    cursor.expect(":")
    end = cursor.integer()
    length = _count(cursor)
    if (end - start) % 2**32 != length:
        cursor.fail(f"{start}:{end} are not {length} octets")
    return start, end


def _options(cursor: Cursor) -> tuple[Option, ...] | None:
    """What stands between `<` and `>`; None: `...`."""
    if cursor.accept("..."):
        cursor.expect(">")
        return None
    found: list[Option] = []
    while not cursor.accept(">"):
        if found:
            cursor.expect(",")
        found.append(_option(cursor))
    return tuple(found)


def _option(cursor: Cursor) -> Option:
    word = cursor.word()
    if word in {"nop", "eol", "sackOK"}:
        return (word,)
    if word in {"mss", "wscale"}:
        return word, _number(cursor)
    if word == "TS":
        cursor.expect("val")
        value = _number(cursor)
        cursor.expect("ecr")
        return word, value, _number(cursor)
    if word == "sack":
        edges: list[int | str | None] = []
        while cursor.peek().kind == "number":
            edges.append(cursor.integer())
            cursor.expect(":")
            edges.append(cursor.integer())
        return word, *edges
    if word in {"FO", "FOEXP"}:
        return word, _cookie(cursor)
    cursor.back()
    return cursor.fail(f"{word} is no TCP option that is understood here")


def _number(cursor: Cursor) -> int | None:
    return None if cursor.accept("...") else cursor.integer()


def _cookie(cursor: Cursor) -> str:
    """Hexadecimal digits, which look like numbers and words; none: a request."""
    text = ""
    while cursor.peek().kind in {"number", "word"} and (not text or cursor.peek().glued):
        text += cursor.take().text
    if len(text) % 2 or not set(text) <= set("0123456789abcdefABCDEF"):
        cursor.fail(f"{text} is no cookie")
    return text.lower()


def _icmp(cursor: Cursor, *, inbound: bool, ip: IpInfo) -> IcmpPacket:
    """`icmp unreachable frag_needed mtu 1200 [1:1461(1460)]`."""
    word = cursor.word()
    if word not in _ICMP:
        cursor.back()
        cursor.fail(f"icmp {word} is not understood")
    kind, codes = _ICMP[word]
    code = 0
    if cursor.peek().kind == "word" and cursor.peek().text != "mtu":
        name = cursor.word()
        if name not in codes:
            cursor.back()
            cursor.fail(f"{name} is no code of icmp {word}")
        code = codes[name]
    mtu = cursor.integer() if cursor.accept("mtu") else 0
    if not inbound:
        cursor.fail("ICMP that the stack sends is not compared yet")
    if not cursor.accept("["):
        cursor.fail("an ICMP error needs what it quotes, as [1:1001(1000)] or [udp (100)]")
    if cursor.accept("udp"):
        seq, length = None, _count(cursor)
    else:
        start, end = _range(cursor)
        seq, length = start, (end - start) % 2**32
    cursor.expect("]")
    return IcmpPacket(
        inbound=inbound, type=kind, code=code, rest=mtu, quoted_seq=seq, quoted_length=length, ip=ip
    )
