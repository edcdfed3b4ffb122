"""TCP options: the layouts Linux sends, and that no nonsense loops or raises."""

import pytest
from scapy.layers.inet import TCP

from netarium.wire.tcp_options import (
    AccurateEcnOption,
    TcpOptions,
    pack_accurate_ecn,
    pack_options,
    pack_user_timeout,
    parse_accurate_ecn,
    parse_options,
    parse_user_timeout,
)


@pytest.mark.rfc("9293", "MUST-14")
@pytest.mark.parametrize(
    ("options", "octets"),
    [
        (dict(mss=1460, sack_permitted=True, ts=(1, 0), wscale=7), "020405b4 0402 080a 00000001 00000000 01 030307"),
        (dict(mss=1460, sack_permitted=True, wscale=7), "020405b4 01010402 01 030307"),
        (dict(mss=1460, ts=(1, 2), wscale=7), "020405b4 0101080a 00000001 00000002 01 030307"),
        (dict(mss=536), "02040218"),
        (dict(ts=(1, 2)), "0101080a 00000001 00000002"),
        (dict(sack=[(1, 2)]), "0101050a 00000001 00000002"),
        (dict(ts=(1, 2), sack=[(3, 4), (5, 6)]), "0101080a 00000001 00000002 01010512 00000003 00000004 00000005 00000006"),
        ({}, ""),
    ],
)  # fmt: skip
def test_layout(options: dict[str, object], octets: str) -> None:
    assert pack_options(**options) == bytes.fromhex(octets)


def test_scapy_reads_ours() -> None:
    octets = pack_options(mss=1460, sack_permitted=True, ts=(1, 2), wscale=7)
    judged = TCP(bytes(TCP(dataofs=10))[:20] + octets)
    assert judged.options == [
        ("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 2)), ("NOP", None), ("WScale", 7),
    ]  # fmt: skip


@pytest.mark.rfc("9293", "MUST-6", "MUST-64", "MUST-68")
def test_unknown_ones_are_skipped_on_any_boundary() -> None:
    octets = bytes.fromhex("fd03aa 01 030309 1e04abcd 020405b4")
    assert parse_options(octets) == TcpOptions(mss=1460, wscale=9)


@pytest.mark.rfc("9293", "MUST-4")
def test_end_of_list_ends_it() -> None:
    assert parse_options(bytes.fromhex("01 00 020405b4")) == TcpOptions()


@pytest.mark.parametrize(
    "octets", ["0203ff", "0302", "04030a", "0802", "080900000001000000", "0502", "050700000000ff"]
)
def test_known_kind_of_a_wrong_length_is_skipped(octets: str) -> None:
    assert parse_options(bytes.fromhex(octets + "020405b4")) == TcpOptions(mss=1460)


@pytest.mark.rfc("9293", "MUST-7")
@pytest.mark.attack("TCP-02")
@pytest.mark.parametrize(
    "nonsense", ["ff000000", "ff", "02", "0201", "0200", "fd01030307", "fd00030307", "0829", "ffff00"]
)
def test_nonsense_stops_it(nonsense: str) -> None:
    assert parse_options(bytes.fromhex("020405b4" + nonsense)) == TcpOptions(mss=1460)


@pytest.mark.attack("TCP-02")
def test_every_kind_and_length_at_every_position() -> None:
    for kind in range(256):
        for length in range(42):
            for position in (0, 1, 2, 3, 7, 36, 38, 39):
                octets = b"\x01" * position + bytes((kind, length)) + b"\xff" * 40
                parse_options(octets[:40])


def test_more_than_fits_is_our_own_bug() -> None:
    with pytest.raises(AssertionError):
        pack_options(sack=[(1, 2)] * 5)
    with pytest.raises(AssertionError):
        pack_options(mss=1460, wscale=7, sack_permitted=True, ts=(1, 2), sack=[(1, 2)] * 3)


@pytest.mark.rfc("5482", "01")
@pytest.mark.parametrize(
    ("seconds", "octets", "read"),
    [
        (1, "1c040001", 1),
        (32_767, "1c047fff", 32_767),
        (32_768, "1c048223", 547 * 60),  # minutes from here on, rounded up
        (10**9, "1c04ffff", 32_767 * 60),  # 22 days are the most
    ],
)
def test_a_user_timeout_is_told_in_seconds_or_minutes(seconds: int, octets: str, read: int) -> None:
    packed = pack_user_timeout(seconds)
    assert packed == bytes.fromhex(octets)
    assert parse_user_timeout(b"\x01\x01" + packed) == read


@pytest.mark.rfc("5482", "02")
@pytest.mark.parametrize(
    "octets", ["", "1c040000", "1c048000", "1c0301", "1c05000101", "1c0600010001", "1c04", "00 1c040001"]
)
def test_a_user_timeout_of_zero_or_of_a_wrong_length_is_none(octets: str) -> None:
    assert parse_user_timeout(bytes.fromhex(octets)) is None


@pytest.mark.parametrize(
    ("option", "octets"),
    [
        (AccurateEcnOption((1, 0, 0x1234)), "ae0b 000001 000000 001234"),
        (AccurateEcnOption((1, 0, 2), ect1_first=False), "ac0b 000001 000000 000002"),
        (AccurateEcnOption((0xFF_FFFF, 7)), "ae08 ffffff 000007"),
        (AccurateEcnOption((9,)), "ae05 000009"),
        (AccurateEcnOption(()), "ae02"),
    ],
)
def test_the_counters_of_accurate_ecn(option: AccurateEcnOption, octets: str) -> None:
    packed = bytes.fromhex(octets)
    assert pack_accurate_ecn(option) == packed
    assert parse_accurate_ecn(bytes.fromhex("0101") + packed) == option


@pytest.mark.parametrize(
    ("octets", "counters"),
    [("ae04 0102", ()), ("ae07 000001 ffff", (1,)), ("ae0e 000001 000002 000003 000004", (1, 2, 3))],
)
def test_only_whole_counters_of_accurate_ecn_count(octets: str, counters: tuple[int, ...]) -> None:
    assert parse_accurate_ecn(bytes.fromhex(octets)) == AccurateEcnOption(counters)


@pytest.mark.parametrize("octets", ["", "00ae02", "ae", "ae01", "ae0b 000001", "02040218"])
def test_no_counters_of_accurate_ecn(octets: str) -> None:
    assert parse_accurate_ecn(bytes.fromhex(octets)) is None
