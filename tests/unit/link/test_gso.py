"""Cutting super-segments and finishing checksums; scapy, which shares no code with us, is the judge."""

import struct
from collections.abc import Callable

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from netarium.base.checksum import checksum, pseudo_sum
from netarium.link import gso
from netarium.link.frame import Frame

ETHER = bytes.fromhex("020000000002 020000000001")
PAYLOAD = bytes(i * 7 & 0xFF for i in range(64_000))
FIN, SYN, PSH, ACK, URG, ECE, CWR = 1, 2, 8, 16, 32, 64, 128


def tcp_header(
    flags: int, *, options: bytes = b"", seq: int = 0xFFFF_F000, urgent: int = 0, partial: int = 0
) -> bytes:
    offset = (20 + len(options)) // 4 << 12
    return struct.pack("!HHIIHHHH", 80, 4321, seq, 99, offset | flags, 500, partial, urgent) + options


def super4(
    payload: bytes, size: int, flags: int = ACK, *, options: bytes = b"", tag: bytes = b"", **fields: int
) -> Frame:
    src, dst = b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"
    tcp = tcp_header(
        flags, options=options, partial=pseudo_sum(src, dst, 6, 20 + len(options) + len(payload)), **fields
    )
    total = 20 + len(tcp) + len(payload)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, total & 0xFFFF, 0xFFFE, 0x4000, 64, 6, 0, src, dst)
    ip = ip[:10] + checksum(ip).to_bytes(2, "big") + ip[12:]
    link = ETHER + tag + b"\x08\x00"
    return Frame(link + ip + tcp, memoryview(payload), size, len(link) + 20, 16, cause=7)


def super6(payload: bytes, size: int, flags: int = ACK, *, options: bytes = b"") -> Frame:
    src, dst = bytes(15) + b"\x01", bytes(15) + b"\x02"
    tcp = tcp_header(
        flags, options=options, partial=pseudo_sum(src, dst, 6, 20 + len(options) + len(payload))
    )
    ip = struct.pack("!IHBB16s16s", 6 << 28, len(tcp) + len(payload) & 0xFFFF, 6, 64, src, dst)
    return Frame(ETHER + b"\x86\xdd" + ip + tcp, memoryview(payload), size, 54, 16)


def judged(frame: Frame) -> Ether:
    """The frame as scapy sees it, after scapy has agreed on every checksum and length in it."""
    octets = frame.octets()
    seen = Ether(octets)
    again = seen.copy()
    for layer, names in (
        (IP, ("chksum", "len")),
        (IPv6, ("plen",)),
        (TCP, ("chksum",)),
        (UDP, ("chksum", "len")),
    ):
        if layer in again:
            for name in names:
                delattr(again[layer], name)
    assert bytes(again) == octets
    return seen


OPTIONS = bytes.fromhex("0101080a0000000100000002")


@pytest.mark.parametrize("build", [super4, super6])
@pytest.mark.parametrize("length", [1, 1448, 1449, 2896, 10_000, 64_000])
def test_segments_stand_for_themselves(build: Callable[..., Frame], length: int) -> None:
    segments = gso.split(build(PAYLOAD[:length], 1448, ACK | PSH | FIN, options=OPTIONS))
    seen = [judged(segment) for segment in segments]
    assert b"".join(bytes(segment.body) for segment in segments) == PAYLOAD[:length]
    assert all(len(segment.body) <= 1448 for segment in segments)
    offset = 0
    for index, (ether, segment) in enumerate(zip(seen, segments, strict=True)):
        tcp = ether[TCP]
        assert tcp.seq == (0xFFFF_F000 + offset) % 2**32
        assert bytes(segment.head).endswith(OPTIONS)
        assert int(tcp.flags) == (ACK | PSH | FIN if index == len(seen) - 1 else ACK)
        if IP in ether:
            assert ether[IP].id == (0xFFFE + index) % 2**16
        assert (segment.gso_size, segment.csum_start) == (0, 0)
        offset += len(segment.body)


def test_cwr_only_on_the_first_and_ece_on_all() -> None:
    seen = [judged(segment) for segment in gso.split(super4(PAYLOAD[:3000], 1000, ACK | CWR | ECE))]
    assert [int(s[TCP].flags) & CWR for s in seen] == [CWR, 0, 0]
    assert [int(s[TCP].flags) & ECE for s in seen] == [ECE] * 3


def test_urgent_pointer_goes_on_pointing_at_its_octet() -> None:
    seen = [judged(segment) for segment in gso.split(super4(PAYLOAD[:3000], 1000, ACK | URG, urgent=1500))]
    assert [(int(s[TCP].flags) & URG, s[TCP].urgptr) for s in seen] == [(URG, 1500), (URG, 500), (0, 0)]


def test_without_completion_the_next_device_can_finish() -> None:
    frame = super4(PAYLOAD[:5000], 1000)
    open_ones = gso.split(frame, complete=False)
    assert all(segment.csum_start == 34 and segment.csum_offset == 16 for segment in open_ones)
    assert [gso.finished(s).octets() for s in open_ones] == [s.octets() for s in gso.split(frame)]


def test_cause_is_kept_and_the_original_untouched() -> None:
    frame = super4(PAYLOAD[:5000], 1000)
    before = (bytes(frame.head), frame.gso_size, frame.csum_start)
    assert {segment.cause for segment in gso.split(frame)} == {7}
    assert (bytes(frame.head), frame.gso_size, frame.csum_start) == before


@pytest.mark.parametrize("cut", [0, 14, 34, 60, 200])
def test_cut_of_head_and_body_does_not_matter(cut: int) -> None:
    frame = super4(PAYLOAD[:5001], 1000, options=OPTIONS)
    octets = frame.octets()
    other = Frame(octets[: cut or len(octets)], octets[cut or len(octets) :], 1000, 34, 16)
    assert [s.octets() for s in gso.split(other)] == [s.octets() for s in gso.split(frame)]
    assert gso.pieces(other) == gso.pieces(frame) == 6
    assert gso.wire_octets(other) == gso.wire_octets(frame)
    assert gso.finished(other).octets() == gso.finished(frame).octets()


def test_tagged_and_headerless_frames_split_too() -> None:
    tagged = gso.split(super4(PAYLOAD[:3000], 1000, tag=b"\x81\x00\x00\x05"))
    assert [judged(segment)[TCP].seq % 2**32 for segment in tagged] == [0xFFFFF000, 0xFFFFF3E8, 0xFFFFF7D0]
    whole = super4(PAYLOAD[:3000], 1000)
    bare = Frame(bytes(whole.head)[14:], whole.body, 1000, 20, 16)
    assert [s.octets() for s in gso.split(bare, link_header=0)] == [s.octets()[14:] for s in gso.split(whole)]


@pytest.mark.parametrize("length", [0, 1, 5, 999, 1000, 1001, 64_000])
def test_wire_octets_are_those_of_the_pieces(length: int) -> None:
    frame = super4(PAYLOAD[:length], 1000)
    segments = gso.split(frame)
    assert gso.pieces(frame) == len(segments)
    assert gso.wire_octets(frame) == sum(gso.wire_octets(segment) for segment in segments)
    assert gso.wire_octets(frame) == sum(8 + max(60, len(s)) + 4 + 12 for s in segments)


def test_single_frame_is_left_alone_or_finished() -> None:
    frame = Frame(ETHER + b"\x08\x06" + bytes(28))
    assert gso.split(frame) == [frame]
    assert gso.finished(frame) is frame
    assert gso.wire_octets(frame) == 84
    one = super4(PAYLOAD[:100], 0)
    judged(gso.split(one)[0])
    assert gso.split(one, complete=False) == [one]


@pytest.mark.parametrize("length", [0, 1, 2, 31])
@pytest.mark.parametrize("cut", [34, 42, 99])
def test_udp_checksum_is_finished(length: int, cut: int) -> None:
    built = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01") / IP(src="192.0.2.1", dst="192.0.2.2")
    octets = bytearray(bytes(built / UDP(sport=5, dport=6) / PAYLOAD[:length]))
    right = bytes(octets)
    partial = pseudo_sum(octets[26:30], octets[30:34], 17, 8 + length)
    octets[40:42] = partial.to_bytes(2, "big")
    padding = bytes(max(0, 60 - len(octets)))
    frame = Frame(bytes(octets[:cut]), bytes(octets[cut:]) + padding, 0, 34, 6)
    assert gso.finished(frame).octets() == right + padding


def test_udp_checksum_is_never_zero() -> None:
    """RFC 768: a computed zero is sent as all ones."""
    src, dst = b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"
    base = pseudo_sum(src, dst, 17, 10)
    for word in range(0x10000):
        head = struct.pack("!HHHH", 1, 2, 10, base) + word.to_bytes(2, "big")
        if sum(struct.unpack("!5H", head)) % 0xFFFF == 0:
            break
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 30, 0, 0, 64, 17, 0, src, dst)
    made = gso.finished(Frame(ETHER + b"\x08\x00" + ip + head, b"", 0, 34, 6)).octets()
    assert made[40:42] == b"\xff\xff"
