"""IGMP; the octets are written down from the figures of the RFCs, scapy sums them up."""

import pytest
from scapy.utils import checksum

from netarium.base.addr import parse_ip
from netarium.base.errors import WireError
from netarium.wire import igmp
from netarium.wire.igmp import GroupRecord, IgmpMessage, IgmpV3Query, IgmpV3Report, parse

GROUP = parse_ip("224.1.2.3")
SOURCES = (parse_ip("192.0.2.1"), parse_ip("192.0.2.2"))
REPORT = IgmpV3Report((GroupRecord(igmp.TO_EXCLUDE, GROUP), GroupRecord(igmp.IS_INCLUDE, GROUP, SOURCES)))
QUERY = IgmpV3Query(GROUP, 100, suppress=True, robustness=3, interval_code=125, sources=SOURCES)


def with_checksum(octets: bytes) -> bytes:
    """The message with what scapy thinks its checksum to be."""
    blank = octets[:2] + b"\0\0" + octets[4:]
    return blank[:2] + checksum(blank).to_bytes(2, "big") + blank[4:]


@pytest.mark.parametrize(
    ("kind", "code"), [(igmp.QUERY, 100), (igmp.REPORT_V1, 0), (igmp.REPORT_V2, 0), (igmp.LEAVE, 0)]
)
def test_version_2(kind: int, code: int) -> None:
    """RFC 2236 §2."""
    octets = with_checksum(bytes((kind, code, 0, 0)) + GROUP)
    assert parse(octets) == IgmpMessage(kind, GROUP, code)
    assert IgmpMessage(kind, GROUP, code).pack() == octets


def test_version_3_report() -> None:
    """RFC 3376 §4.2."""
    octets = with_checksum(
        bytes.fromhex("22 00 0000 0000 000204 00 0000 e001020301 00 0002 e0010203 c0000201 c0000202")
    )
    assert parse(octets) == REPORT
    assert REPORT.pack() == octets


def test_version_3_query() -> None:
    """RFC 3376 §4.1."""
    octets = with_checksum(bytes.fromhex("11 64 0000 e0010203 0b 7d 0002 c0000201 c0000202"))
    assert parse(octets) == QUERY
    assert QUERY.pack() == octets


@pytest.mark.parametrize(("code", "tenths"), [(0, 0), (127, 127), (128, 128), (0x8F, 248), (0xFF, 31_744)])
def test_large_codes_are_floats(code: int, tenths: int) -> None:
    """RFC 3376 §4.1.1."""
    assert igmp.max_resp_time_tenths(code) == tenths


@pytest.mark.parametrize(
    "message", [REPORT, QUERY, IgmpMessage(igmp.LEAVE, GROUP)], ids=lambda m: type(m).__name__
)
def test_truncated(message: IgmpMessage | IgmpV3Query | IgmpV3Report) -> None:
    octets = message.pack()
    for length in range(len(octets)):
        with pytest.raises(WireError):
            parse(octets[:length])


def test_counts_that_lie() -> None:
    report, query = REPORT.pack(), QUERY.pack()
    for octets in [
        report[:6] + b"\x00\x03" + report[8:], report[:10] + b"\xff\xff" + report[12:],
        report[:17] + b"\x09" + report[18:], query[:10] + b"\x00\x03" + query[12:],
    ]:  # fmt: skip
        with pytest.raises(WireError):
            parse(with_checksum(octets))
    with pytest.raises(WireError):
        parse(with_checksum(bytes((0x99,)) + bytes(7)))
    with pytest.raises(WireError):
        parse(with_checksum(bytes((igmp.QUERY,)) + bytes(9)))  # neither version 2 nor 3


def test_auxiliary_data_are_passed_over() -> None:
    octets = with_checksum(
        bytes((igmp.REPORT_V3, 0, 0, 0, 0, 0, 0, 2))
        + b"\x02\x01\0\0"
        + GROUP
        + b"aux!"
        + b"\x01\0\0\0"
        + GROUP
    )
    assert parse(octets) == IgmpV3Report((GroupRecord(2, GROUP), GroupRecord(1, GROUP)))
