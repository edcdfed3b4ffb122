"""Packets that arrive are built from the script; packets that leave are compared with it."""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from netarium.base.checksum import checksum
from netarium.base.units import MS
from netarium.testing.packetdrill.errors import Mismatch
from netarium.testing.packetdrill.flow import Flow
from netarium.testing.packetdrill.icmpwords import TCP, UDP, describe_icmp, is_error
from netarium.testing.packetdrill.packets import FLAGS
from netarium.testing.packetdrill.script import IcmpPacket, IpInfo, Option, TcpPacket, UdpPacket
from netarium.testing.packetdrill.settings import Settings
from netarium.testing.packetdrill.tcpoptions import decode, describe, encode
from netarium.wire.ipv4 import Ipv4Header
from netarium.wire.tcp import SYN, TcpSegment, pack_header, verify
from netarium.wire.udp import UdpHeader

_TCP, _UDP, _ICMP = TCP, UDP, 1
_NEEDS_MTU: Final = (3, 4)  # the errors whose second word is looked at
_QUOTED_UDP: Final = Struct("!HHHH")
_QUOTED_TCP: Final = Struct("!HHI")
_TICK: Final = MS  # of the stack's timestamp clock


@dataclass(slots=True)
class Sent:
    """A packet that the stack sent.

    Attributes:
        at: ns since the script began.
        body: behind the IP header.
    """

    at: int
    ip: Ipv4Header
    body: bytes

    @classmethod
    def parse(cls, at: int, packet: bytes) -> "Sent":
        """Read what left."""
        ip = Ipv4Header.parse(packet)
        return cls(at, ip, packet[ip.header_length : ip.total_length])

    def belongs(self, flow: Flow) -> bool:
        """It goes along this connection; an ICMP error, about something that came along it."""
        if self.ip.protocol == _ICMP:
            return self._is_about(flow)
        local, remote = int.from_bytes(self.body[:2], "big"), int.from_bytes(self.body[2:4], "big")
        return self.ip.dst == flow.address and remote == flow.remote and flow.local in {0, local}

    def _is_about(self, flow: Flow) -> bool:
        if not is_error(self.body[0]):
            return True
        inner = Ipv4Header.parse(self.body[8:])
        ports = self.body[8 + inner.header_length :]
        remote, local = int.from_bytes(ports[:2], "big"), int.from_bytes(ports[2:4], "big")
        return inner.src == flow.address and remote == flow.remote and flow.local in {0, local}

    def segment(self) -> TcpSegment:
        """As TCP."""
        if not verify(self.ip.src, self.ip.dst, self.body):
            raise Mismatch("a segment with a good checksum", "one with a bad one")
        return TcpSegment.parse(self.body)


# --- inbound ----------------------------------------------------------------------------------------------------


def build_tcp(packet: TcpPacket, flow: Flow, settings: Settings) -> bytes:
    """The IP packet of an inbound segment."""
    options = encode(flow.arriving(packet.options or (), acknowledges=packet.ack is not None))
    syn = bool(packet.flags & SYN)
    if not syn:
        flow.judge_peer(packet.seq)
    seq = flow.peer_to_stack(packet.seq, syn=syn)
    ack = 0 if packet.ack is None else flow.to_stack(packet.ack, syn=syn)
    payload = bytes((packet.end - packet.seq) % 2**32)

    def head(check: int) -> bytes:
        return pack_header(
            flow.remote, flow.local, seq, ack, packet.flags, packet.window or 0, packet.urgent or 0,
            options, check,
        )  # fmt: skip

    blank = head(0) + payload
    return _ip(_TCP, head(_checksum(_TCP, flow, settings, blank)) + payload, flow, settings, packet.ip)


def build_udp(packet: UdpPacket, flow: Flow, settings: Settings) -> bytes:
    """The IP packet of an inbound datagram."""
    length = 8 + packet.length
    blank = _QUOTED_UDP.pack(flow.remote, flow.local, length, 0) + bytes(packet.length)
    check = _checksum(_UDP, flow, settings, blank) or 0xFFFF
    return _ip(_UDP, blank[:6] + check.to_bytes(2, "big") + blank[8:], flow, settings, packet.ip)


def build_icmp(packet: IcmpPacket, flow: Flow, settings: Settings) -> bytes:
    """The IP packet of an ICMP message; an error is about something that we sent, with the 8 octets of RFC 792."""
    message = bytes((packet.type, packet.code, 0, 0)) + (packet.rest or 0).to_bytes(4, "big")
    if is_error(packet.type):
        message += _quote(packet, flow, settings)
    message = message[:2] + checksum(message).to_bytes(2, "big") + message[4:]
    return _ip(_ICMP, message, flow, settings, packet.ip)


def _quote(packet: IcmpPacket, flow: Flow, settings: Settings) -> bytes:
    if packet.quoted == _UDP or (not packet.quoted and flow.protocol == _UDP):
        protocol, length = _UDP, 8 + packet.quoted_length
        quoted = _QUOTED_UDP.pack(flow.local, flow.remote, length, 0)
    else:
        protocol, length = _TCP, 20 + packet.quoted_length
        quoted = _QUOTED_TCP.pack(flow.local, flow.remote, flow.to_stack(packet.quoted_seq))
    return _header(protocol, settings.local, flow.address, length, IpInfo()).pack() + quoted


def _checksum(protocol: int, flow: Flow, settings: Settings, octets: bytes) -> int:
    pseudo = (int.from_bytes(flow.address + settings.local, "big") + protocol + len(octets)) % 0xFFFF
    return checksum(octets, pseudo)


def _ip(protocol: int, body: bytes, flow: Flow, settings: Settings, info: IpInfo) -> bytes:
    return _header(protocol, flow.address, settings.local, len(body), info).pack() + body


def _header(protocol: int, src: bytes, dst: bytes, length: int, info: IpInfo) -> Ipv4Header:
    return Ipv4Header(
        src=src, dst=dst, protocol=protocol, ttl=64 if info.ttl is None else info.ttl,
        tos=(info.tos or 0) | (info.ecn or (0,))[-1], identification=1, dont_fragment=True, more_fragments=False,
        fragment_offset=0, total_length=20 + length, header_length=20, options=b"",
    )  # fmt: skip


# --- outbound ---------------------------------------------------------------------------------------------------


def learn(packet: TcpPacket, seg: TcpSegment, flow: Flow) -> None:
    """Our port and our first sequence number, from the first SYN."""
    flow.local = flow.local or seg.src_port
    if flow.is_to_learn and seg.flags & packet.flags & SYN:
        flow.learn((seg.seq - packet.seq) & 0xFFFF_FFFF, packet.seq, answers=packet.ack is not None)


def compare_tcp(packet: TcpPacket, sent: Sent, flow: Flow, settings: Settings, met: int) -> int:
    """Compare a scripted segment with what left.

    Args:
        packet: of the script.
        sent: what left.
        flow: the connection.
        settings: of the script.
        met: octets of the scripted segment that segments before have met.

    Returns:
        Octets that are met now: fewer than the script's if more segments must follow.

    Raises:
        Mismatch: they differ.
    """
    seg = sent.segment()
    learn(packet, seg, flow)
    length, wanted = len(seg.payload), (packet.end - packet.seq) % 2**32
    start = (packet.seq + met) % 2**32
    part = met + length < wanted and length > 0 and not settings.strict_segments
    flags = packet.flags & ~(FLAGS["P"] | FLAGS["F"]) if part else packet.flags
    syn = bool(seg.flags & SYN)
    good = seg.flags & ~(FLAGS["P"] if part else 0) == flags and flow.to_script(seg.seq, syn=syn) == start
    good = good and (part or met + length == wanted)
    if not syn:
        flow.judge_peer(packet.ack)
    acked = flow.peer_to_script(seg.ack, syn=syn)
    good = good and (packet.ack is None or acked == packet.ack % 2**32)
    good = good and packet.window in {None, seg.window}
    good = good and (packet.urgent in {None, seg.urgent})
    good = good and _ip_is_good(packet.ip, sent.ip)
    if not good or not _options_are_good(packet, seg, flow, settings):
        raise Mismatch(text_of(packet), text_of_segment(seg, flow, sent.ip, packet.ip))
    return met + length


def compare_udp(packet: UdpPacket, sent: Sent, flow: Flow) -> None:
    """Compare a scripted datagram with what left.

    Raises:
        Mismatch: they differ.
    """
    header = UdpHeader.parse(sent.body)
    flow.local = flow.local or header.src_port
    if header.length != 8 + packet.length or not _ip_is_good(packet.ip, sent.ip):
        raise Mismatch(f"udp ({packet.length})", f"udp ({header.length - 8})")


def compare_icmp(packet: IcmpPacket, sent: Sent) -> None:
    """Compare a scripted ICMP message with what left: its words, and what it quotes.

    Raises:
        Mismatch: they differ.
    """
    kind, code, rest = sent.body[0], sent.body[1], int.from_bytes(sent.body[4:8], "big")
    good = (kind, code) == (packet.type, packet.code) and packet.rest in {None, rest & 0xFFFF, rest}
    good = good and _ip_is_good(packet.ip, sent.ip)
    if good and packet.quoted:
        inner = Ipv4Header.parse(sent.body[8:])
        quote = sent.body[8 + inner.header_length :]
        head = {_UDP: 8, _TCP: 20}[packet.quoted]
        good = inner.protocol == packet.quoted and inner.total_length - 20 == packet.quoted_length + head
        if good and packet.quoted == _TCP:
            good = int.from_bytes(quote[4:8], "big") == packet.quoted_seq  # the peer's, and so literal
    if not good or checksum(sent.body):
        raise Mismatch(text_of_icmp(packet), text_of_sent_icmp(sent))


def _ip_is_good(info: IpInfo, ip: Ipv4Header) -> bool:
    ecn = info.ecn is None or ip.tos & 3 in info.ecn
    return ecn and info.tos in {None, ip.tos, ip.tos & ~3} and info.ttl in {None, ip.ttl}


def _options_are_good(packet: TcpPacket, seg: TcpSegment, flow: Flow, settings: Settings) -> bool:
    """Words, numbers and order are the same; our timestamps are learned on the way."""
    if packet.options is None:
        return True
    found = decode(seg.options)
    if len(found) != len(packet.options):
        return False
    return all(_same(want, got, flow, settings) for want, got in zip(packet.options, found, strict=True))


def _same(want: Option, got: Option, flow: Flow, settings: Settings) -> bool:
    if want == ("sack", None) and got[0] == "sack":
        return True
    if want[0] != got[0] or len(want) != len(got):
        return False
    wanted, found = list(want[1:]), list(got[1:])
    if want[0] == "sack":
        found = [flow.peer_to_script(int(edge or 0)) for edge in found]
    if want[0] == "TS":
        scripted, sent = wanted.pop(0), int(found.pop(0) or 0)
        if isinstance(scripted, int):
            steps = flow.learn_stamp(scripted, sent)
            assert flow.base is not None
            late = abs((scripted - flow.base[0]) * settings.tick - steps * _TICK)
            if settings.tick and late > max(settings.tolerance, settings.tick):
                return False
    return all(a is None or a == b for a, b in zip(wanted, found, strict=True))


_ECN: Final = {(0,): "noecn", (1,): "ect1", (2,): "ect0", (3,): "ce", (1, 2): "ect01"}

# --- in words ---------------------------------------------------------------------------------------------------


def text_of(packet: TcpPacket) -> str:
    """A scripted segment, as a script writes it."""
    ack = "" if packet.ack is None else f" ack {packet.ack}"
    window = "" if packet.window is None else f" win {packet.window}"
    urgent = "" if packet.urgent is None else f" urg {packet.urgent}"
    length = (packet.end - packet.seq) % 2**32
    return (
        f"{_ip_text(packet.ip)}{letters(packet.flags)} {packet.seq}:{packet.end}({length})"
        f"{ack}{window}{urgent}{describe(packet.options)}"
    )


def text_of_segment(seg: TcpSegment, flow: Flow, ip: Ipv4Header, said: IpInfo = IpInfo()) -> str:  # noqa: B008
    """A segment that left, in the numbers of the script; of its IP header, what the script speaks of."""
    syn = bool(seg.flags & SYN)
    seq, length = flow.to_script(seg.seq, syn=syn), len(seg.payload)
    shown = IpInfo(
        None if said.ecn is None else (ip.tos & 3,),
        None if said.tos is None else ip.tos,
        None if said.ttl is None else ip.ttl,
    )
    ack = f" ack {flow.peer_to_script(seg.ack, syn=syn)}" if seg.flags & FLAGS["."] else ""
    urgent = f" urg {seg.urgent}" if seg.flags & FLAGS["U"] else ""
    return (
        f"{_ip_text(shown)}{letters(seg.flags)} {seq}:{(seq + length) % 2**32}({length})"
        f"{ack} win {seg.window}{urgent}{describe(decode(seg.options))}"
    )


def text_of_icmp(packet: IcmpPacket) -> str:
    """A scripted ICMP message, as a script writes it."""
    mtu = (
        f" mtu {packet.rest}" if packet.rest is not None and (packet.type, packet.code) == _NEEDS_MTU else ""
    )
    quoted = ""
    if packet.quoted == _UDP:
        quoted = f" [udp ({packet.quoted_length})]"
    elif packet.quoted:
        quoted = f" [{packet.quoted_seq}:{packet.quoted_seq + packet.quoted_length}({packet.quoted_length})]"
    return f"{_ip_text(packet.ip)}icmp {packet.words}{mtu}{quoted}"


def text_of_sent_icmp(sent: Sent) -> str:
    """An ICMP message that left."""
    kind, code, rest = sent.body[0], sent.body[1], int.from_bytes(sent.body[4:8], "big")
    mtu = f" mtu {rest & 0xFFFF}" if (kind, code) == _NEEDS_MTU else ""
    if not is_error(kind):
        return f"icmp {describe_icmp(kind, code)}"
    inner = Ipv4Header.parse(sent.body[8:])
    quote = sent.body[8 + inner.header_length :]
    if inner.protocol == _UDP:
        return f"icmp {describe_icmp(kind, code)}{mtu} [udp ({inner.total_length - 28})]"
    seq, length = int.from_bytes(quote[4:8], "big"), inner.total_length - inner.header_length - 20
    return f"icmp {describe_icmp(kind, code)}{mtu} [{seq}:{seq + length}({length})]"


def letters(flags: int) -> str:
    """`S.`; `-` for none."""
    return "".join(letter for letter, bit in FLAGS.items() if flags & bit) or "-"


def _ip_text(info: IpInfo) -> str:
    parts = [] if info.ecn is None else [_ECN[info.ecn]]
    parts += [] if info.tos is None else [f"tos {info.tos:#x}"]
    parts += [] if info.ttl is None else [f"ttl {info.ttl}"]
    return f"[{','.join(parts)}] " if parts else ""
