"""The virtio-net header: what the kernel says about a frame and what we tell it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netarium.drive import vnet
from netarium.link.frame import Frame

ETHERNET = bytes(12) + b"\x08\x00"
IPV4 = b"\x45" + bytes(19)
TCP = struct.pack("!HHIIBBHHH", 1, 2, 3, 4, 8 << 4, 0x10, 5, 0xABCD, 0) + b"\x01\x01\x08\x0a" + bytes(8)
HEADERS = ETHERNET + IPV4 + TCP


def test_plain_frame_has_a_zero_header() -> None:
    assert vnet.pack(Frame(HEADERS, b"x"), 14) == bytes(10)


def test_unfinished_checksum() -> None:
    frame = Frame(HEADERS, b"x", csum_start=34, csum_offset=16)
    assert vnet.pack(frame, 14) == struct.pack("=BBHHHH", 1, 0, 0, 0, 34, 16)


@pytest.mark.parametrize(("first", "kind"), [(0x45, vnet.GSO_TCPV4), (0x60, vnet.GSO_TCPV6)])
def test_super_segment_names_its_family_and_header_length(first: int, kind: int) -> None:
    headers = ETHERNET + bytes([first]) + HEADERS[15:]
    frame = Frame(headers, bytes(5000), gso_size=1448, csum_start=34, csum_offset=16)
    assert vnet.pack(frame, 14) == struct.pack("=BBHHHH", 1, kind, len(headers), 1448, 34, 16)


def test_super_segment_on_a_tun_begins_with_ip() -> None:
    frame = Frame(IPV4 + TCP, bytes(5000), gso_size=1448, csum_start=20, csum_offset=16)
    assert vnet.pack(frame, 0) == struct.pack("=BBHHHH", 1, vnet.GSO_TCPV4, 52, 1448, 20, 16)


def test_header_length_does_not_depend_on_where_the_frame_is_cut() -> None:
    whole = Frame(HEADERS + bytes(5000), b"", gso_size=1448, csum_start=34, csum_offset=16)
    cut = Frame(HEADERS, bytes(5000), gso_size=1448, csum_start=34, csum_offset=16)
    assert vnet.pack(whole, 14) == vnet.pack(cut, 14)


@pytest.mark.rfc("3168", "6.1.2")
def test_cwr_asks_for_ecn_segmentation() -> None:
    headers = bytearray(HEADERS)
    headers[34 + 13] |= 0x80
    frame = Frame(headers, bytes(5000), gso_size=1448, csum_start=34, csum_offset=16)
    assert vnet.pack(frame, 14)[1] == vnet.GSO_TCPV4 | vnet.GSO_ECN


def test_parse_cuts_behind_the_tcp_header_and_copies_no_payload() -> None:
    payload = bytes(range(256)) * 20
    octets = struct.pack("=BBHHHH", 1, 1, 99, 1448, 34, 16) + HEADERS + payload
    frame = vnet.parse(octets)
    assert frame.head == HEADERS
    assert isinstance(frame.body, memoryview)
    assert frame.body.obj is octets
    assert frame.body == payload
    assert (frame.gso_size, frame.csum_start, frame.csum_offset, frame.checked) == (1448, 34, 16, True)


def test_parse_pure_ack_has_everything_in_its_head() -> None:
    frame = vnet.parse(struct.pack("=BBHHHH", 1, 0, 0, 0, 34, 16) + HEADERS)
    assert (frame.head, frame.body) == (HEADERS, b"")
    assert frame.checked


@pytest.mark.parametrize(("flags", "checked"), [(0, False), (vnet.DATA_VALID, True)])
def test_parse_tells_what_the_device_vouches_for(flags: int, checked: bool) -> None:
    frame = vnet.parse(struct.pack("=BBHHHH", flags, 0, 0, 0, 0, 0) + HEADERS + b"x")
    assert frame.checked is checked
    assert frame.csum_start == 0


def test_numbers_that_point_outside_are_not_believed() -> None:
    frame = vnet.parse(struct.pack("=BBHHHH", 1, 1, 0, 1448, 60_000, 16) + HEADERS)
    assert not frame.checked
    assert (frame.csum_start, frame.gso_size) == (0, 0)


@given(st.binary(min_size=10, max_size=200))
def test_any_bytes_are_a_frame_with_all_of_them(octets: bytes) -> None:
    assert vnet.parse(octets).octets() == octets[10:]


@given(st.integers(0, 3000), st.sampled_from([0, 536, 1448]))
def test_what_is_packed_is_parsed(length: int, gso_size: int) -> None:
    frame = Frame(HEADERS, bytes(length), gso_size, 34, 16)
    back = vnet.parse(vnet.pack(frame, 14) + frame.octets())
    assert back.octets() == frame.octets()
    assert (back.gso_size, back.csum_start, back.csum_offset) == (gso_size, 34, 16)
