"""The IPv4 header; scapy is the judge of the bytes."""

import pytest
from scapy.layers.inet import IP

from netarium.base.errors import WireError
from netarium.wire import ipv4
from netarium.wire.ipv4 import Ipv4ChecksumError, Ipv4Header

SRC, DST = b"\xc0\x00\x02\x01", b"\xc6\x33\x64\x02"
OPTIONS = b"\x94\x04\x00\x00"
HEADER = Ipv4Header(
    SRC, DST, 6, ttl=63, tos=0xB9, identification=0xBEEF, dont_fragment=True, total_length=1500
)
JUDGED = dict(src="192.0.2.1", dst="198.51.100.2", proto=6, ttl=63, tos=0xB9, id=0xBEEF, flags="DF", len=1500)


def fixed_up(octets: bytes) -> bytes:
    """The same header with the checksum right again."""
    length = max((octets[0] & 15) * 4, 20)
    blank = octets[:10] + b"\0\0" + octets[12:length]
    total = sum(int.from_bytes((blank + b"\0")[i : i + 2], "big") for i in range(0, len(blank), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return octets[:10] + (~total & 0xFFFF).to_bytes(2, "big") + octets[12:]


def test_header_as_scapy_makes_it() -> None:
    octets = bytes(IP(**JUDGED))
    assert HEADER.pack() == octets
    assert Ipv4Header.parse(octets) == HEADER


def test_fragment_with_options_as_scapy_makes_it() -> None:
    octets = bytes(
        IP(
            src="192.0.2.1",
            dst="198.51.100.2",
            proto=17,
            flags="MF",
            frag=185,
            len=1500,
            id=1,
            options=OPTIONS,
        )
    )
    header = Ipv4Header.parse(memoryview(octets + b"payload"))
    assert (header.more_fragments, header.dont_fragment, header.fragment_offset) == (True, False, 1480)
    assert (header.header_length, header.options) == (24, OPTIONS)
    assert header.pack() == octets


def test_scapy_reads_ours() -> None:
    judged = IP(HEADER.pack())
    assert {name: getattr(judged, name) for name in JUDGED if name != "flags"} == {
        name: value for name, value in JUDGED.items() if name != "flags"
    }
    assert judged.flags == "DF"


@pytest.mark.attack("IP4-01")
@pytest.mark.rfc("791", "01")
@pytest.mark.parametrize("length", range(20))
def test_truncated(length: int) -> None:
    with pytest.raises(WireError):
        Ipv4Header.parse(HEADER.pack()[:length])


@pytest.mark.attack("IP4-01")
@pytest.mark.rfc("1122I", "01")
@pytest.mark.parametrize("first", [version << 4 | 5 for version in range(16) if version != 4], ids=hex)
def test_other_versions(first: int) -> None:
    octets = fixed_up(bytes([first]) + HEADER.pack()[1:])
    with pytest.raises(WireError, match="version"):
        Ipv4Header.parse(octets)


@pytest.mark.attack("IP4-01")
@pytest.mark.parametrize("ihl", [0, 1, 2, 3, 4, 6, 15])
def test_ihl_too_small_or_beyond_the_octets(ihl: int) -> None:
    with pytest.raises(WireError) as caught:
        Ipv4Header.parse(fixed_up(bytes([0x40 | ihl]) + HEADER.pack()[1:]))
    assert not isinstance(caught.value, Ipv4ChecksumError)


@pytest.mark.attack("IP4-02")
@pytest.mark.parametrize("total_length", [0, 5, 19])
def test_total_length_below_the_header(total_length: int) -> None:
    octets = ipv4.pack_header(SRC, DST, 6, total_length)
    with pytest.raises(WireError, match="total length"):
        Ipv4Header.parse(octets)


def test_total_length_counts_the_options() -> None:
    with pytest.raises(WireError, match="total length"):
        Ipv4Header.parse(ipv4.pack_header(SRC, DST, 6, 23, options=OPTIONS))
    assert Ipv4Header.parse(ipv4.pack_header(SRC, DST, 6, 24, options=OPTIONS)).total_length == 24


@pytest.mark.attack("IP4-03")
@pytest.mark.rfc("1122I", "02")
@pytest.mark.parametrize("options", [b"", OPTIONS])
def test_every_flipped_bit_is_seen(options: bytes) -> None:
    octets = ipv4.pack_header(SRC, DST, 6, 1500, identification=7, options=options)
    for bit in range(len(octets) * 8):
        flipped = bytearray(octets)
        flipped[bit >> 3] ^= 0x80 >> (bit & 7)
        with pytest.raises(WireError):
            Ipv4Header.parse(flipped)


def test_checksum_error_has_its_own_name() -> None:
    octets = bytearray(HEADER.pack())
    octets[8] ^= 1
    with pytest.raises(Ipv4ChecksumError):
        Ipv4Header.parse(octets)


@pytest.mark.parametrize("identification", [0, 1, 0x1234, 0xFFFF])
def test_shortcut_sum_is_the_sum(identification: int) -> None:
    """`pack_header` sums numbers instead of octets, when there are no options."""
    for flags_offset in (0, ipv4.DONT_FRAGMENT, ipv4.MORE_FRAGMENTS | 0x1FFF):
        octets = ipv4.pack_header(SRC, DST, 17, 65_535, 255, 255, identification, flags_offset)
        assert octets == fixed_up(octets)


def test_zero_checksum_field_is_a_checksum_too() -> None:
    """The one header whose field is 0: its other words sum to 0xFFFF."""
    plain = ipv4.pack_header(SRC, DST, 6, 1500)
    identification = int.from_bytes(plain[10:12], "big")
    octets = ipv4.pack_header(SRC, DST, 6, 1500, identification=identification)
    assert octets[10:12] == b"\0\0"
    assert Ipv4Header.parse(octets).identification == identification
