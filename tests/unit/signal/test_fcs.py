"""CRC-32 against a bit-by-bit reference of the polynomial of IEEE 802.3 §3.2.9."""

import pytest

from netarium.signal import fcs


def reference(octets: bytes) -> int:
    """The polynomial division as the standard words it: bits in line order, register all ones, complement."""
    register = 0xFFFF_FFFF
    for octet in octets:
        for shift in range(8):
            feedback = (register >> 31) ^ (octet >> shift & 1)
            register = register << 1 & 0xFFFF_FFFF
            if feedback:
                register ^= 0x04C1_1DB7
    register ^= 0xFFFF_FFFF
    return int(f"{register:032b}"[::-1], 2)  # the coefficient of x^31 goes out first


@pytest.mark.rfc("802.3", "eth-04")
@pytest.mark.parametrize("octets", [b"", b"\x00", b"123456789", bytes(range(256)), bytes(60), b"\xff" * 61])
def test_is_the_polynomial_of_the_standard(octets: bytes) -> None:
    assert fcs.fcs(octets) == reference(octets)


def test_known_value() -> None:
    assert fcs.fcs(b"123456789") == 0xCBF4_3926


def test_goes_on_from_where_it_was() -> None:
    assert fcs.fcs(b"6789", fcs.fcs(b"12345")) == fcs.fcs(b"123456789")


@pytest.mark.rfc("802.3", "eth-04")
def test_residue_tells_harmed_from_whole() -> None:
    line = bytes(range(60)) + fcs.fcs_octets(bytes(range(60)))
    assert fcs.is_whole(line)
    for bit in range(8 * len(line)):
        harmed = bytearray(line)
        harmed[bit >> 3] ^= 1 << (bit & 7)
        assert not fcs.is_whole(harmed)
