"""The TCP header; scapy is the judge of the bytes."""

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

from netarium.base.addr import parse_ip
from netarium.base.errors import WireError
from netarium.wire import tcp
from netarium.wire.tcp import ACK, AE, ECE, FIN, PSH, SYN, URG, TcpSegment, flag_names
from netarium.wire.tcp_options import pack_options

SRC, DST = parse_ip("192.0.2.1"), parse_ip("192.0.2.2")
FIELDS = dict(sport=40000, dport=80, seq=0xFFFFFFF0, ack=7, window=501, urgptr=3)


def judged(payload: bytes = b"", **fields: object) -> bytes:
    return bytes(IP(src="192.0.2.1", dst="192.0.2.2") / TCP(**FIELDS, **fields) / payload)[20:]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {}),
        ([("NOP", None), ("NOP", None), ("Timestamp", (11, 22))], {"ts_val": 11, "ts_ecr": 22}),
        (
            [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (11, 0)), ("NOP", None), ("WScale", 7)],
            {"mss": 1460, "wscale": 7, "sack_permitted": True, "ts_val": 11},
        ),
        (
            [
                ("NOP", None),
                ("NOP", None),
                ("Timestamp", (1, 2)),
                ("NOP", None),
                ("NOP", None),
                ("SAck", (5, 9, 20, 30)),
            ],
            {"ts_val": 1, "ts_ecr": 2, "sack": ((5, 9), (20, 30))},
        ),
        ([("Timestamp", (3, 4)), ("EOL", None), ("EOL", None)], {"ts_val": 3, "ts_ecr": 4}),
    ],
)
def test_segment_as_scapy_makes_it(options: list[object], expected: dict[str, object]) -> None:
    octets = judged(b"hello", flags="PA", options=options)
    segment = TcpSegment.parse(octets)
    header_length = len(octets) - 5
    assert (segment.src_port, segment.dst_port, segment.seq, segment.ack) == (40000, 80, 0xFFFFFFF0, 7)
    assert (segment.flags, segment.window, segment.urgent) == (PSH | ACK, 501, 3)
    assert (segment.header_length, bytes(segment.payload)) == (header_length, b"hello")
    assert segment.options == octets[20:header_length]
    names = ("mss", "wscale", "sack_permitted", "sack", "ts_val", "ts_ecr")
    none = TcpSegment(0, 0, 0, 0, 0, 0)
    assert {name: getattr(segment, name) for name in names} == {
        name: expected.get(name, getattr(none, name)) for name in names
    }
    assert segment.pack() == octets[:header_length]


@pytest.mark.parametrize("options", [b"", pack_options(ts=(1, 2)), pack_options(mss=1460)], ids=len)
@pytest.mark.parametrize("payload", [b"", b"x", bytes(100)], ids=len)
def test_wherever_the_segment_is_cut(options: bytes, payload: bytes) -> None:
    header = tcp.pack_header(1, 2, 3, 4, ACK, 5, 0, options)
    whole = TcpSegment.parse(header + payload)
    for head, body in [
        (header, payload), (memoryview(header), memoryview(payload)), (bytearray(header + payload), b""),
        (header + payload[:1], payload[1:]),
    ]:  # fmt: skip
        segment = TcpSegment.parse(head, body)
        assert bytes(segment.payload) == payload
        assert segment.segment_length == len(payload)
        assert (segment.options, segment.ts_val, segment.mss) == (whole.options, whole.ts_val, whole.mss)


def test_payload_is_a_view() -> None:
    body = memoryview(bytes(65_536))
    assert TcpSegment.parse(tcp.pack_header(1, 2, 3, 4, ACK, 5), body).payload is body
    frame = memoryview(tcp.pack_header(1, 2, 3, 4, ACK, 5) + bytes(1000))
    payload = TcpSegment.parse(frame).payload
    assert isinstance(payload, memoryview)
    assert payload.obj is frame.obj


@pytest.mark.parametrize(("flags", "length"), [(0, 3), (SYN, 4), (FIN, 4), (SYN | FIN, 5), (ACK | URG, 3)])
def test_syn_and_fin_take_a_sequence_number_each(flags: int, length: int) -> None:
    assert TcpSegment.parse(tcp.pack_header(1, 2, 3, 4, flags, 5), b"abc").segment_length == length


def test_reserved_bits_are_ignored() -> None:
    octets = bytearray(judged(flags="A"))
    octets[12] |= 0x0E
    assert TcpSegment.parse(octets) == TcpSegment.parse(judged(flags="A"))


@pytest.mark.parametrize("options", [b"", pack_options(ts=(1, 2)), pack_options(mss=1_460)])
def test_ae_lies_beside_the_data_offset(options: bytes) -> None:
    octets = tcp.pack_header(1, 2, 3, 4, ACK | AE | ECE, 5, 6, options)
    seg = TcpSegment.parse(octets)
    assert seg.flags == ACK | AE | ECE
    assert seg.header_length == len(octets)
    assert seg.pack() == octets
    assert flag_names(seg.flags) == "ACK,ECE,AE"
    judge = TCP(octets)
    assert judge.flags == "AEN"  # NS, as it was called before
    assert judge.dataofs * 4 == len(octets)


@pytest.mark.attack("TCP-01")
@pytest.mark.parametrize("length", range(20))
def test_truncated(length: int) -> None:
    with pytest.raises(WireError):
        TcpSegment.parse(judged()[:length])


@pytest.mark.attack("TCP-01")
@pytest.mark.parametrize("words", [0, 1, 2, 3, 4, 9, 15])
def test_data_offset_too_small_or_beyond_the_segment(words: int) -> None:
    octets = bytearray(judged(b"hello, world"))
    octets[12] = words << 4
    with pytest.raises(WireError):
        TcpSegment.parse(octets)


def test_timestamps_shortcut_needs_all_of_its_octets() -> None:
    octets = tcp.pack_header(1, 2, 3, 4, ACK, 5, 0, pack_options(ts=(1, 2)))
    for length in range(20, 32):
        with pytest.raises(WireError):
            TcpSegment.parse(octets[:length])


@pytest.mark.rfc("9293", "MUST-3")
def test_checksum() -> None:
    octets = judged(b"hello", flags="PA")
    assert tcp.verify(SRC, DST, octets)
    for cut in range(20, 25):
        assert tcp.verify(SRC, DST, octets[:cut], memoryview(octets)[cut:])
    for bit in range(len(octets) * 8):
        flipped = bytearray(octets)
        flipped[bit >> 3] ^= 0x80 >> (bit & 7)
        assert not tcp.verify(SRC, DST, flipped)
    assert not tcp.verify(SRC, DST, octets + b"\0")  # the length is in the pseudo-header


def test_checksum_over_ipv6() -> None:
    octets = bytes(IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(**FIELDS) / b"hello")[40:]
    assert tcp.verify(parse_ip("2001:db8::1"), parse_ip("2001:db8::2"), octets)


def test_flag_names() -> None:
    assert tcp.flag_names(0) == ""
    assert tcp.flag_names(SYN | ACK) == "SYN,ACK"
    assert tcp.flag_names(0xFF) == "SYN,FIN,RST,PSH,ACK,URG,ECE,CWR"
