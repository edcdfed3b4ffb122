"""Golden frames: what two machines really say to each other, in every protocol that they speak."""

from netarium.base.checksum import checksum
from netarium.base.units import SECOND
from netarium.wire import dns, ethernet
from netarium.wire.icmpv4 import pack_header
from netarium.wire.ipv6 import Ipv6Header

from ..attacks.lab import PEER, PEER_MAC, PHANTOM, TARGET, TARGET_MAC, Lab, ip_frame, ip_packet, segment  # noqa: TID252

GROUP = b"\xe8\x01\x02\x03"


def golden() -> list[bytes]:
    """Frames to the target: those that a peer sent it, and its own turned round."""
    lab = Lab(peer=True)
    assert lab.peer is not None
    assert lab.peer_wire is not None
    _talk(lab)
    frames = [*lab.peer_wire.sent, *(turned(octets) for octets in lab.wire.sent)]
    frames += crafted()
    kinds: dict[bytes, list[bytes]] = {}
    for octets in dict.fromkeys(frames):  # of a hundred alike, three will do
        kinds.setdefault(octets[12:18] + octets[23:24] + octets[46:48], []).append(octets)
    return [octets for alike in kinds.values() for octets in alike[:3]]


def turned(octets: bytes) -> bytes:
    """A frame as if the peer had sent it: addresses and ports change places."""
    frame = bytearray(octets)
    if frame[:6] == PEER_MAC:
        frame[:6], frame[6:12] = TARGET_MAC, PEER_MAC
    else:
        frame[6:12] = PEER_MAC
    if frame[12:14] == b"\x08\x00":
        frame[26:30], frame[30:34] = frame[30:34], frame[26:30]
        if frame[23] in {6, 17} and not int.from_bytes(frame[20:22], "big") & 0x1FFF:
            frame[34:36], frame[36:38] = frame[36:38], frame[34:36]
    return bytes(frame)


def _talk(lab: Lab) -> None:
    """ARP, ping, UDP, DNS, fragments, IGMP, refusals; TCP from SYN to TIME-WAIT with losses of the application's making."""
    target, peer = lab.target, lab.peer
    assert peer is not None
    ping = peer.ping.open(4, lab.now)
    ping.send(pack_header(8, 0, 1, b"abcdefgh") + b"abcdefgh", (TARGET, 0), lab.now)
    server = target.udp.open(4, lab.now)
    server.bind(bytes(4), 53)
    client = peer.udp.open(4, lab.now)
    client.connect(TARGET, 53, lab.now)
    client.send(dns.query(1, "www.example.org", 1), None, lab.now)
    client.send(bytes(4_000), None, lab.now)
    client.send(b"nobody", (TARGET, 9), lab.now)
    lab.run()
    while (datagram := server.receive()) is not None:
        server.send(datagram.payload, (datagram.src, datagram.src_port), lab.now)
    peer.ip.join_group(peer.ip.interface_named("eth0"), GROUP, lab.now)
    client.send(b"to all of you", (GROUP, 53), lab.now)
    listener = lab.listener(80)
    for close_first in (0, 1):
        one = peer.tcp.open(4, lab.now)
        one.connect(TARGET, 80, lab.now)
        lab.run()
        other = listener.accept(lab.now)
        assert other is not None
        pair = [one, other]
        for end in pair:
            end.send(b"GET / HTTP/1.1\r\n\r\n", lab.now)
            end.send(b"!", lab.now, urgent=True)
            end.send(bytes(range(256)) * 1_200, lab.now)
        lab.advance(SECOND)
        for end in pair:
            while end.recv(1 << 20, lab.now):
                lab.run()
        lab.advance(SECOND)
        pair[close_first].shutdown(1, lab.now)
        lab.run()
        pair[1 - close_first].close(lab.now)
        lab.advance(SECOND)
    refused = peer.tcp.open(4, lab.now)
    refused.connect(TARGET, 81, lab.now)
    lab.run()
    aborted = peer.tcp.open(4, lab.now)
    aborted.connect(TARGET, 80, lab.now)
    lab.run()
    aborted.abort(lab.now)
    lab.advance(2 * SECOND)


def crafted() -> list[bytes]:
    """What our machines do not say: ICMP errors, tags, SNAP, IPv6, options, all the flags."""
    quoted = ip_packet(6, segment(0x10, (80, 40_000), src=TARGET, dst=PEER)[:8], src=TARGET, dst=PEER)
    datagram = ip_packet(17, b"\0\x35\0\x35\0\x08\0\0", src=TARGET, dst=PEER)
    errors = [
        ip_frame(1, icmp(kind, code, rest, quote), src=PEER, mac=PEER_MAC)
        for quote in (quoted, datagram)
        for kind, code, rest in (
            (3, 0, 0),
            (3, 3, 0),
            (3, 4, 576),
            (4, 0, 0),
            (5, 1, 0x0A000042),
            (11, 0, 0),
            (12, 0, 0),
        )
    ]
    requests = [ip_frame(1, icmp(kind, 0, 0, bytes(16)), src=PEER) for kind in (13, 15, 17, 9, 10)]
    reports = [
        ip_frame(2, with_checksum(bytes((kind, 10, 0, 0)) + GROUP), dst=GROUP, ttl=1)
        for kind in (0x11, 0x16, 0x17)
    ]
    plain = ip_packet(17, b"\x13\x88\0\x35\0\x0ctest\0\0"[:12], src=PEER)
    tagged = ethernet.pack(TARGET_MAC, PEER_MAC, 0x0800, vlan=0) + plain
    strange = ethernet.pack(TARGET_MAC, PEER_MAC, 0x0800, vlan=5) + plain
    snap = ethernet.pack_snap(TARGET_MAC, PEER_MAC, 0x0800, len(plain)) + plain
    six = Ipv6Header(bytes(15) + b"\1", bytes(15) + b"\2", 58, payload_length=8).pack() + bytes(8)
    ipv6 = ethernet.pack(TARGET_MAC, PEER_MAC, 0x86DD) + six
    pieces = [
        ip_frame(17, bytes(64), src=PHANTOM, identification=9, offset=offset, more=offset < 128)
        for offset in (0, 64, 128)
    ]
    routed = ip_frame(6, segment(2, (5_000, 80)), options=b"\x83\x07\x04\x0a\0\0\2\0")
    alone = [
        ip_frame(
            6, segment(flags, (5_000, 80), seq=7, ack=9, mss=1_460, wscale=7, sack_permitted=True, ts=(1, 0))
        )
        for flags in (0x02, 0x10, 0x11, 0x12, 0x14, 0x18, 0x29, 0x04)
    ]
    sacked = ip_frame(6, segment(0x10, (5_000, 80), sack=((1, 2), (5, 9)), ts=(1, 0)))
    return [*errors, *requests, *reports, tagged, strange, snap, ipv6, *pieces, routed, *alone, sacked]


def icmp(kind: int, code: int, rest: int, payload: bytes) -> bytes:
    return pack_header(kind, code, rest, payload) + payload


def with_checksum(message: bytes) -> bytes:
    return message[:2] + checksum(message).to_bytes(2, "big") + message[4:]
