"""Capture files: tshark is the judge of what is written."""

import shutil
import subprocess
from pathlib import Path
from struct import pack

import pytest

from netarium.base.errors import WireError
from netarium.wire import ethernet, ipv4, pcapng
from netarium.wire.udp import UdpHeader

SRC, DST = b"\xc0\0\x02\x01", b"\xc0\0\x02\x02"
AT_NS = 1_234_567_890_123_456_789
DATAGRAM = ipv4.pack_header(SRC, DST, 17, 37) + UdpHeader(1, 9, 17).pack() + b"123456789"
FRAME = ethernet.pack(b"\x02\0\0\0\0\2", b"\x02\0\0\0\0\1", 0x0800) + DATAGRAM


def capture() -> bytes:
    writer = pcapng.Writer()
    return (
        writer.start()
        + writer.packet(
            "web:eth0", AT_NS, FRAME, comments=["because of event 7", "안녕"], direction=pcapng.OUTBOUND
        )
        + writer.packet("web:tun0", AT_NS + 1, memoryview(DATAGRAM), link_type=pcapng.LINKTYPE_RAW)
        + writer.packet("web:eth0", AT_NS + 2, FRAME, direction=pcapng.INBOUND)
    )


def test_what_is_written_is_read() -> None:
    packets = list(pcapng.read(capture()))
    assert [(p.interface.name, p.interface.link_type) for p in packets] == [
        ("web:eth0", 1), ("web:tun0", 101), ("web:eth0", 1),
    ]  # fmt: skip
    assert [p.at_ns for p in packets] == [AT_NS, AT_NS + 1, AT_NS + 2]
    assert [p.octets for p in packets] == [FRAME, DATAGRAM, FRAME]
    assert [p.comments for p in packets] == [("because of event 7", "안녕"), (), ()]
    assert [p.direction for p in packets] == [pcapng.OUTBOUND, 0, pcapng.INBOUND]


def test_snapped_packet_keeps_its_length() -> None:
    octets = pcapng.section_header() + pcapng.interface_description("a", snap_length=20)
    octets += pcapng.enhanced_packet(0, 5, FRAME[:20], original_length=len(FRAME))
    (packet,) = pcapng.read(octets)
    assert (packet.octets, packet.original_length, packet.interface.snap_length) == (
        FRAME[:20],
        len(FRAME),
        20,
    )


def block(kind: int, body: bytes) -> bytes:
    return pack(">II", kind, len(body) + 12) + body + pack(">I", len(body) + 12)


def test_other_byte_order_and_resolutions() -> None:
    """A file as a big-endian machine writes it: µs by default, powers of two, an offset, a simple packet."""
    section = block(0x0A0D0D0A, pack(">IHHq", 0x1A2B3C4D, 1, 0, -1))
    plain = block(1, pack(">HHI", 1, 0, 0))
    binary = block(
        1,
        pack(">HHI", 1, 0, 0) + pack(">HHBxxx", 9, 1, 0x80 | 10) + pack(">HHq", 14, 8, 3) + pack(">HH", 0, 0),
    )
    octets = section + plain + binary + block(0x0BAD, b"unknown!")
    octets += block(6, pack(">IIIII", 0, 0, 1_000_001, 3, 3) + b"abc\0")
    octets += block(6, pack(">IIIII", 1, 0, 512, 3, 3) + b"def\0")
    octets += block(3, pack(">I", 2) + b"gh\0\0")
    packets = list(pcapng.read(octets + capture()))
    assert [(p.at_ns, p.octets) for p in packets[:3]] == [
        (1_000_001_000, b"abc"), (3_500_000_000, b"def"), (None, b"gh"),
    ]  # fmt: skip
    assert len(packets) == 6  # a second section may follow, in the other byte order


def test_truncated_anywhere() -> None:
    octets = capture()
    ends = [0]
    for packet_block in range(6):
        ends.append(ends[-1] + int.from_bytes(octets[ends[-1] + 4 : ends[-1] + 8], "little"))
        assert packet_block < 6
    assert ends[-1] == len(octets)
    for length in range(len(octets)):
        if length in ends:
            list(pcapng.read(octets[:length]))
        else:
            with pytest.raises(WireError):
                list(pcapng.read(octets[:length]))


@pytest.mark.parametrize(
    "octets", [bytes(64), b"\xd4\xc3\xb2\xa1" + bytes(20), b"\x0a\x0d\x0d\x0a" + bytes(24)]
)
def test_other_files(octets: bytes) -> None:
    with pytest.raises(WireError):
        list(pcapng.read(octets))


def test_packet_of_an_unknown_interface() -> None:
    with pytest.raises(WireError):
        list(pcapng.read(pcapng.section_header() + pcapng.enhanced_packet(0, 0, FRAME)))


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "t.pcapng"
    path.write_bytes(capture())
    fields = (
        "frame.time_epoch",
        "frame.interface_name",
        "frame.comment",
        "frame.packet_flags_direction",
        "udp.dstport",
    )
    command = [
        "tshark",
        "-n",
        "-r",
        str(path),
        "-T",
        "fields",
        *[part for name in fields for part in ("-e", name)],
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    first, second, third = [line.split("\t") for line in done.stdout.splitlines()]
    assert first == ["1234567890.123456789", "web:eth0", "because of event 7,안녕", "0x00000002", "9"]
    assert (second[0], second[4]) == ("1234567890.123456790", "9")
    assert third == ["1234567890.123456791", "web:eth0", "", "0x00000001", "9"]
    expert = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-q", "-z", "expert"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "Errors" not in expert.stdout
    assert "Malformed" not in expert.stdout
