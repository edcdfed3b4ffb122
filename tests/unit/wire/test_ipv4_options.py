"""IPv4 options: what is legal, and that nothing else is taken."""

import pytest
from scapy.layers.inet import (
    IPOption_LSRR,
    IPOption_Router_Alert,
    IPOption_RR,
    IPOption_SSRR,
    IPOption_Timestamp,
)

from netarium.wire import ipv4_options as opt
from netarium.wire.ipv4_options import (
    Ipv4Option,
    Ipv4OptionsError,
    RouteOption,
    TimestampOption,
    parse_options,
)

A, B = b"\xc0\0\x02\x01", b"\xc0\0\x02\x02"


def test_record_route() -> None:
    (option,) = parse_options(opt.pack_options([opt.pack_route(opt.RECORD_ROUTE, [bytes(4)] * 9)]))
    assert isinstance(option, RouteOption)
    assert (option.offset, option.pointer, option.route, option.complete) == (20, 4, (bytes(4),) * 9, False)


@pytest.mark.parametrize(
    ("kind", "judge"),
    [
        (opt.LOOSE_SOURCE_ROUTE, IPOption_LSRR),
        (opt.STRICT_SOURCE_ROUTE, IPOption_SSRR),
        (opt.RECORD_ROUTE, IPOption_RR),
    ],
)
def test_routes_as_scapy_makes_them(kind: int, judge: type) -> None:
    octets = bytes(judge(pointer=8, routers=["192.0.2.1", "192.0.2.2"]))
    assert octets == opt.pack_route(kind, [A, B], pointer=8)
    (option,) = parse_options(octets + b"\0")
    assert isinstance(option, RouteOption)
    assert (option.kind, option.pointer, option.route) == (kind, 8, (A, B))
    assert option.pack() == octets


def test_route_at_its_end_is_complete() -> None:
    (option,) = parse_options(opt.pack_route(opt.LOOSE_SOURCE_ROUTE, [A], pointer=8))
    assert isinstance(option, RouteOption)
    assert option.complete


def test_timestamps_as_scapy_makes_them() -> None:
    judged = IPOption_Timestamp(
        length=12, flg=1, pointer=13, oflw=2, internet_address="192.0.2.1", timestamp=77
    )
    assert bytes(judged) == opt.pack_timestamps(opt.TIMESTAMPS_WITH_ADDRESSES, [(A, 77)], 13, 2)


def test_timestamps_without_addresses() -> None:
    (option,) = parse_options(opt.pack_timestamps(opt.TIMESTAMPS_ONLY, [(b"", 77), (b"", 0)], 9, 2))
    assert isinstance(option, TimestampOption)
    assert (option.pointer, option.overflow, option.flag) == (9, 2, opt.TIMESTAMPS_ONLY)
    assert option.stamps == ((b"", 77), (b"", 0))


@pytest.mark.parametrize("flag", [opt.TIMESTAMPS_WITH_ADDRESSES, opt.TIMESTAMPS_PRESPECIFIED])
def test_timestamps_with_addresses(flag: int) -> None:
    octets = opt.pack_timestamps(flag, [(A, 1), (B, 0)], pointer=13, overflow=15)
    (option,) = parse_options(octets)
    assert isinstance(option, TimestampOption)
    assert (option.pointer, option.overflow, option.flag, option.stamps) == (13, 15, flag, ((A, 1), (B, 0)))


def test_router_alert_as_scapy_makes_it() -> None:
    assert bytes(IPOption_Router_Alert(alert=0)) == opt.pack_router_alert()
    assert parse_options(opt.pack_router_alert()) == [Ipv4Option(opt.ROUTER_ALERT, 20, b"\0\0")]


def test_security_and_no_operation_and_offsets() -> None:
    basic_security = bytes((opt.SECURITY, 11)) + bytes(9)
    found = parse_options(b"\x01" + basic_security + b"\x01\x01\x00\xff")
    assert [(option.kind, option.offset) for option in found] == [(1, 20), (130, 21), (1, 32), (1, 33)]


@pytest.mark.rfc("1122I", "13")
def test_unknown_ones_are_kept_and_passed_over() -> None:
    found = parse_options(b"\x4c\x03\x99" + opt.pack_router_alert() + b"\0")
    assert [(option.kind, option.value) for option in found] == [(0x4C, b"\x99"), (opt.ROUTER_ALERT, b"\0\0")]


@pytest.mark.attack("IP4-06")
def test_end_of_list_ends_it() -> None:
    assert parse_options(b"\x00\x83\xff\x00") == []


@pytest.mark.attack("IP4-06")
@pytest.mark.parametrize(
    ("octets", "pointer"),
    [
        ("07", 21),  # no length
        ("0700", 21),
        ("0701", 21),
        ("07ff04", 21),
        ("01010703", 23),  # a length beyond the header
        ("0702", 21),  # no pointer
        ("07060000", 21),  # not 3 + 4n
        ("070700c0000201", 22),  # pointer 0
        ("070703c0000201", 22),
        ("070705c0000201", 22),
        ("07070cc0000201", 22),  # behind the end
        ("0707ffc0000201", 22),
        ("830704c0000201890704c0000202", 27),  # two source routes
        ("890704c0000201890704c0000202", 27),
        ("070304070304", 23),
        ("4403", 21),
        ("440305", 21),
        ("44040502", 23),  # flag 2
        ("4408040200000000", 23),
        ("4408040000000000", 22),  # pointer 4
        ("4408060000000000", 22),
        ("44080d0000000000", 22),
        ("4408050100000000", 21),  # half a slot
        ("9403ff", 21),  # router alert of length 3
        ("8202", 21),
    ],
)  # fmt: skip
def test_broken_options(octets: str, pointer: int) -> None:
    with pytest.raises(Ipv4OptionsError) as caught:
        parse_options(bytes.fromhex(octets))
    assert caught.value.pointer == pointer


@pytest.mark.attack("IP4-06")
def test_all_kinds_and_lengths_end() -> None:
    for kind in range(256):
        for length in (*range(42), 255):
            try:
                found = parse_options(bytes((kind, length)) + bytes(38))
            except Ipv4OptionsError:
                continue
            assert all(20 <= option.offset < 60 for option in found)
