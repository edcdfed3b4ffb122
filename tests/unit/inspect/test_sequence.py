"""Diagrams from events that were made by hand, as the stack would emit them."""

from netarium.base.addr import parse_ip, parse_mac
from netarium.base.checksum import checksum, pseudo_sum
from netarium.base.trace import Event, FrameReceived, FrameSent, Segment, Signal
from netarium.inspect import sequence
from netarium.inspect.packet import read
from netarium.inspect.width import cells
from netarium.wire import arp, ethernet, ipv4, tcp, udp
from netarium.wire.dns import Message, Question

A, B = parse_ip("10.0.1.1"), parse_ip("10.0.1.2")
MAC_A, MAC_B = parse_mac("02:00:00:00:00:01"), parse_mac("02:00:00:00:00:02")


def segment(src: bytes, dst: bytes, seq: int, ack: int, flags: int, payload: bytes = b"") -> bytes:
    """A whole frame, with all checksums right."""
    ports = (49152, 80) if src == A else (80, 49152)
    header = tcp.pack_header(*ports, seq, ack, flags, 65535)
    total = checksum(header + payload, pseudo_sum(src, dst, 6, len(header) + len(payload)))
    body = header[:16] + total.to_bytes(2, "big") + header[18:] + payload
    packet = ipv4.Ipv4Header(src, dst, 6, total_length=20 + len(body)).pack() + body
    macs = (MAC_B, MAC_A) if src == A else (MAC_A, MAC_B)
    return ethernet.pack(*macs, 0x0800) + packet


def journey(octets: bytes, at: int, *, lost: str = "", note: str = "", first: int = 1) -> list[Event]:
    """What the trace has of one frame from its sender through a cable to its receiver."""
    src, dst = ("browser", "web") if octets[6:12] == MAC_A else ("web", "browser")
    line = octets.ljust(60, b"\0")
    events: list[Event] = [
        Segment(
            id=first, at=at, where=src, socket=1, direction="sent", local="", remote="", flags="", seq=0, ack=0,
            window=0, length=0, options="", note=note,
        ),
        FrameSent(id=first + 1, at=at, where=src, cause=first, device="eth0", octets=octets),
        Signal(
            id=first + 2, at=at, where="cable", cable="c", sender=src, receiver=dst, octets=line, ends_at=at + 10,
            arrives_at=at + 20, lost=lost,
        ),
    ]  # fmt: skip
    if not lost:
        events.append(FrameReceived(id=first + 3, at=at + 20, where=dst, device="eth0", octets=line))
    return events


def test_arrows_know_who_when_and_what_became_of_it() -> None:
    syn = segment(A, B, 1000, 0, tcp.SYN)
    data = segment(A, B, 1001, 5001, tcp.ACK | tcp.PSH, b"x" * 100)
    events = journey(syn, 0) + journey(data, 1_000_000, lost="drop 3rd", first=10)
    events += journey(data, 201_000_000, note="retransmission: timeout", first=20)
    arrows = sequence.arrows(events)
    assert [(a.src, a.dst, a.sent_at, a.arrived_at, a.lost, a.note) for a in arrows] == [
        ("browser", "web", 0, 20, "", ""),
        ("browser", "web", 1_000_000, None, "drop 3rd", ""),
        ("browser", "web", 201_000_000, 201_000_020, "", "retransmission: timeout"),
    ]
    assert arrows[1].packet.length == 100


def test_drawing() -> None:
    syn, synack = segment(A, B, 1000, 0, tcp.SYN), segment(B, A, 5000, 1001, tcp.SYN | tcp.ACK)
    data = segment(B, A, 5001, 1001, tcp.ACK, b"x" * 100)
    events = journey(syn, 5_000_000) + journey(synack, 6_000_000, first=10)
    events += journey(data, 7_000_000, lost="nth 1", first=20)
    events += journey(data, 207_500_000, note="retransmission: timeout", first=30)
    arrows = sequence.arrows(events)
    lines = sequence.draw(arrows, ["browser", "web"], numbers_from=arrows)
    assert lines == [
        "        ms   browser                                                       web",
        "     0.000      │─────────────────────── SYN seq=0 ────────────────────────▶│",
        "     1.000      │◀────────────────── SYN,ACK seq=0 ack=1 ───────────────────│",
        "     2.000      │               X───────── ACK seq=1 ack=1 len=100 ─────────│",
        "                │ ^ lost: nth 1                                             │",
        "   202.500      │◀──────────────── ACK seq=1 ack=1 len=100 ─────────────────│",
        "                │ ^ retransmission: timeout                                 │",
    ]


def test_korean_words_keep_the_columns() -> None:
    data = segment(A, B, 1001, 5001, tcp.ACK, b"x")
    events = journey(data, 0, note="retransmission: fast")
    lines = sequence.draw(sequence.arrows(events), ["browser", "web"], note=lambda _: "재전송")
    assert "^ 재전송" in lines[-1]
    assert all(cells(line) <= 80 for line in lines)


def test_long_words_stand_above_the_arrow() -> None:
    request = ethernet.pack(b"\xff" * 6, MAC_A, 0x0806) + arp.ArpMessage(1, MAC_A, A, bytes(6), B).pack()
    events = journey(request, 0)
    lines = sequence.draw(sequence.arrows(events), ["browser", "dns", "web", "mailer", "mail"])
    assert "ARP who has 10.0.1.2? tell 10.0.1.1" in lines[1]
    answer = segment(B, A, 5000, 1001, tcp.ACK, b"x" * 100)
    lines = sequence.draw(sequence.arrows(journey(answer, 0)), ["browser", "dns", "web", "mailer", "mail"])
    assert "ACK seq=5000 ack=1001 len=100" in lines[1]
    assert "◀" in lines[2]


def test_packet_reads_dns_and_never_raises() -> None:
    message = Message(7, 0x0100, [Question("web.lan", 1)]).pack()
    body = udp.UdpHeader(40000, 53, 8 + len(message)).pack() + message
    frame = ethernet.pack(MAC_B, MAC_A, 0x0800)
    frame += ipv4.Ipv4Header(A, B, 17, total_length=20 + len(body)).pack() + body
    packet = read(frame)
    assert (packet.kind, packet.summary, packet.ports) == ("udp", "DNS A? web.lan", (40000, 53))
    for cut in range(len(frame)):
        assert read(frame[:cut]).kind in {"other", "udp", "ip"}
