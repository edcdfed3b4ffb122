"""Frames on the line: parts, padding, gap, and what a receiver refuses."""

import pytest

from netarium.base.errors import WireError
from netarium.signal.framing import deframe, line_octets, padded, without_fcs

FRAME = bytes.fromhex("ffffffffffff 020000000001 0806") + bytes(range(28))


@pytest.mark.rfc("802.3", "eth-05")
def test_preamble_and_sfd_go_first() -> None:
    line = line_octets(FRAME)
    assert line.octets[:8] == b"\x55" * 7 + b"\xd5"
    assert line.part("preamble") == b"\x55" * 7
    assert line.part("SFD") == b"\xd5"


@pytest.mark.rfc("802.3", "eth-01")
@pytest.mark.attack("L2-04")
@pytest.mark.parametrize("length", [14, 15, 42, 59, 60, 61, 1514])
def test_short_frames_are_padded_with_zeros(length: int) -> None:
    frame = b"\xaa" * length
    line = line_octets(frame)
    assert len(line.octets) == 8 + max(60, length) + 4
    assert line.part("padding") == bytes(max(0, 60 - length))
    assert padded(frame)[:length] == frame


def test_parts_have_no_holes() -> None:
    line = line_octets(FRAME)
    assert [part.name for part in line.parts] == [
        "preamble", "SFD", "destination", "source", "type", "data", "padding", "FCS",
    ]  # fmt: skip
    assert line.parts[0].start == 0
    assert line.parts[-1].stop == len(line.octets)
    assert all(a.stop == b.start for a, b in zip(line.parts, line.parts[1:], strict=False))
    assert b"".join(line.part(part.name) for part in line.parts) == line.octets
    assert line.part("source") == FRAME[6:12]
    assert line.part_at(8).name == "destination"
    assert line.part("jam") == b""
    with pytest.raises(IndexError):
        line.part_at(len(line.octets))


@pytest.mark.rfc("802.3", "eth-06")
def test_gap_is_96_bit_times() -> None:
    assert line_octets(bytes(60)).line_bits == 8 * (8 + 60 + 4) + 96


def test_deframe_gives_back_the_frame() -> None:
    line = line_octets(FRAME).octets
    assert deframe(line) == padded(FRAME)
    assert deframe(line[5:]) == padded(FRAME)  # a receiver may miss some of the preamble
    long = bytes(range(250)) * 6
    assert deframe(line_octets(long).octets) == long


@pytest.mark.rfc("802.3", "eth-04")
def test_deframe_refuses_harm() -> None:
    line = bytearray(line_octets(FRAME).octets)
    line[20] ^= 4
    with pytest.raises(WireError, match="frame check"):
        deframe(bytes(line))


@pytest.mark.parametrize("octets", [b"", b"\x55" * 9, b"\x55" * 7 + b"\xd4" + bytes(64)])
def test_deframe_refuses_what_has_no_sfd(octets: bytes) -> None:
    with pytest.raises(WireError, match="delimiter"):
        deframe(octets)


@pytest.mark.rfc("802.3", "eth-13")
def test_runt_is_refused() -> None:
    with pytest.raises(WireError, match="runt"):
        without_fcs(bytes(63))
