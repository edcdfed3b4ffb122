"""One frame in one line, as tcpdump would: who to whom, and what it says. For diagrams and captures.

Never raises: what cannot be read is shown as so many octets. Naming every byte is the work of `wire.dissect`.
"""

from dataclasses import dataclass
from typing import Final

from netarium.base.addr import format_ip, format_mac, is_unspecified
from netarium.base.checksum import Buffer
from netarium.base.errors import WireError
from netarium.wire.arp import REQUEST, ArpMessage
from netarium.wire.dns import RCODE_NAMES, TYPE_NAMES, Message
from netarium.wire.ethernet import EthernetHeader
from netarium.wire.icmpv4 import IcmpMessage
from netarium.wire.ipv4 import Ipv4Header
from netarium.wire.numbers import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    PROTOCOL_ICMP,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
)
from netarium.wire.tcp import TcpSegment, flag_names
from netarium.wire.udp import HEADER_LENGTH, UdpHeader

_DOMAIN: Final = 53
_ICMP_NAMES: Final = {
    0: "echo reply", 3: "destination unreachable", 4: "source quench", 5: "redirect", 8: "echo request",
    11: "time exceeded", 12: "parameter problem",
}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Packet:
    """What one line says about a frame.

    Attributes:
        kind: "tcp", "udp", "icmp", "arp", "ip" (another protocol, or a fragment) or "other".
        src: sender as text: an IP address, or the MAC address where there is none.
        dst: receiver.
        summary: the rest of the line.
        length: octets of payload of the innermost protocol known.
        ports: source and destination port, or zeros.
        segment: of TCP.
        datagram: payload of UDP.
    """

    kind: str
    src: str
    dst: str
    summary: str
    length: int = 0
    ports: tuple[int, int] = (0, 0)
    segment: TcpSegment | None = None
    datagram: bytes = b""


def read(octets: Buffer) -> Packet:
    """Read an Ethernet frame without FCS."""
    try:
        ethernet = EthernetHeader.parse(octets)
    except WireError:
        return Packet(kind="other", src="?", dst="?", summary=f"{len(octets)} octets", length=len(octets))
    src, dst = format_mac(ethernet.src), format_mac(ethernet.dst)
    inner = memoryview(octets)[ethernet.header_length :]
    try:
        if ethernet.ethertype == ETHERTYPE_ARP:
            return _arp(inner, src, dst)
        if ethernet.ethertype == ETHERTYPE_IPV4:
            return _ipv4(inner)
    except WireError as fault:
        return Packet(kind="other", src=src, dst=dst, summary=str(fault), length=len(inner))
    summary = f"type 0x{ethernet.ethertype:04x}, {len(inner)} octets"
    return Packet(kind="other", src=src, dst=dst, summary=summary, length=len(inner))


def _arp(data: memoryview, src: str, dst: str) -> Packet:
    message = ArpMessage.parse(data)
    target, sender = format_ip(message.tpa), format_ip(message.spa)
    if message.oper == REQUEST and message.spa == message.tpa:
        summary = f"ARP announcement: {sender} is at {format_mac(message.sha)}"  # RFC 5227 §2.3
    elif message.oper == REQUEST and is_unspecified(message.spa):
        summary = f"ARP probe: does anybody use {target}?"  # RFC 5227 §2.1.1
    elif message.oper == REQUEST:
        summary = f"ARP who has {target}? tell {sender}"
    else:
        summary = f"ARP {sender} is at {format_mac(message.sha)}"
    return Packet(kind="arp", src=src, dst=dst, summary=summary, length=len(data))


def _ipv4(data: memoryview) -> Packet:
    header = Ipv4Header.parse(data)
    src, dst = format_ip(header.src), format_ip(header.dst)
    inner = data[header.header_length : header.total_length]
    if header.more_fragments or header.fragment_offset:
        summary = f"fragment id={header.identification} offset={header.fragment_offset} len={len(inner)}"
        return Packet(kind="ip", src=src, dst=dst, summary=summary, length=len(inner))
    if header.protocol == PROTOCOL_TCP:
        return _tcp(inner, src, dst)
    if header.protocol == PROTOCOL_UDP:
        return _udp(inner, src, dst)
    if header.protocol == PROTOCOL_ICMP:
        message = IcmpMessage.parse(inner)
        name = _ICMP_NAMES.get(message.type, f"type {message.type}")
        return Packet(
            kind="icmp", src=src, dst=dst, summary=f"ICMP {name} code={message.code}", length=len(inner)
        )
    summary = f"IP protocol {header.protocol} len={len(inner)}"
    return Packet(kind="ip", src=src, dst=dst, summary=summary, length=len(inner))


def _tcp(data: memoryview, src: str, dst: str) -> Packet:
    segment = TcpSegment.parse(data)
    return Packet(
        kind="tcp",
        src=src,
        dst=dst,
        summary=tcp_words(segment),
        length=len(segment.payload),
        ports=(segment.src_port, segment.dst_port),
        segment=segment,
    )


def _udp(data: memoryview, src: str, dst: str) -> Packet:
    header = UdpHeader.parse(data)
    payload = bytes(data[HEADER_LENGTH : header.length])
    ports = (header.src_port, header.dst_port)
    summary = f"UDP {ports[0]} > {ports[1]} len={len(payload)}"
    if _DOMAIN in ports:
        summary = dns_words(payload) or summary
    return Packet(
        kind="udp", src=src, dst=dst, summary=summary, length=len(payload), ports=ports, datagram=payload
    )


def dns_words(payload: bytes) -> str:
    """A DNS message in a few words: "DNS A? web.lan", "DNS web.lan = 10.0.1.2"; "" if it is none."""
    try:
        message = Message.parse(payload)
    except WireError:
        return ""
    if not message.questions:
        return ""
    question = message.questions[0]
    if not message.response:
        return f"DNS {TYPE_NAMES.get(question.type, question.type)}? {question.name}"
    addresses = [format_ip(record.data) for record in message.answers if isinstance(record.data, bytes)]
    code = RCODE_NAMES.get(message.flags & 15, str(message.flags & 15))
    return f"DNS {question.name} = {', '.join(addresses) or code}"


def tcp_words(segment: TcpSegment, seq_base: int = 0, ack_base: int = 0) -> str:
    """Flags and numbers, counted from the bases: "SYN,ACK seq=0 ack=1"."""
    words = [flag_names(segment.flags) or "-", f"seq={(segment.seq - seq_base) & 0xFFFFFFFF}"]
    if "ACK" in words[0]:
        words.append(f"ack={(segment.ack - ack_base) & 0xFFFFFFFF}")
    if len(segment.payload):
        words.append(f"len={len(segment.payload)}")
    words += [
        f"sack={(left - ack_base) & 0xFFFFFFFF}-{(right - ack_base) & 0xFFFFFFFF}"
        for left, right in segment.sack
    ]
    return " ".join(words)
