"""Timestamps, masks and router advertisements; scapy is the judge of the bytes."""

import pytest
from scapy.layers.inet import ICMP

from netarium.base.addr import parse_ip
from netarium.base.errors import WireError
from netarium.wire import icmpv4
from netarium.wire.icmpv4 import IcmpMessage
from netarium.wire.icmpv4_payloads import NEVER_DEFAULT, RouterAdvertisement, Timestamps, parse_address_mask

ROUTERS = ((parse_ip("192.0.2.1"), 0), (parse_ip("192.0.2.2"), -5), (parse_ip("192.0.2.3"), NEVER_DEFAULT))


def test_timestamps_as_scapy_makes_them() -> None:
    octets = bytes(ICMP(type=14, id=1, seq=2, ts_ori=10, ts_rx=20, ts_tx=30))
    message = IcmpMessage.parse(octets)
    assert Timestamps.parse(message.payload) == Timestamps(10, 20, 30)
    assert IcmpMessage(14, 0, 1 << 16 | 2, Timestamps(10, 20, 30).pack()).pack() == octets


def test_address_mask_as_scapy_makes_it() -> None:
    message = IcmpMessage.parse(bytes(ICMP(type=18, id=1, seq=2, addr_mask="255.255.255.0")))
    assert parse_address_mask(message.payload) == parse_ip("255.255.255.0")


def test_router_advertisement() -> None:
    message = IcmpMessage.parse(RouterAdvertisement(1800, ROUTERS).message().pack())
    assert (message.type, message.rest) == (icmpv4.ROUTER_ADVERTISEMENT, 0x0302_0708)
    assert RouterAdvertisement.of(message) == RouterAdvertisement(1800, ROUTERS)


def test_larger_entries_are_passed_over() -> None:
    """RFC 1256 §6.2: an entry may be longer than two words."""
    payload = b"".join(
        address + preference.to_bytes(4, "big", signed=True) + b"more" for address, preference in ROUTERS
    )
    assert RouterAdvertisement.of(IcmpMessage(9, 0, 0x0303_0708, payload)).routers == ROUTERS


@pytest.mark.parametrize("rest", [0x0002_0708, 0x0301_0708, 0x0402_0708, 0xFFFF_0708])
def test_router_advertisement_that_lies(rest: int) -> None:
    payload = RouterAdvertisement(1800, ROUTERS).message().payload
    with pytest.raises(WireError):
        RouterAdvertisement.of(IcmpMessage(9, 0, rest, payload))


@pytest.mark.parametrize("length", range(12))
def test_truncated(length: int) -> None:
    with pytest.raises(WireError):
        Timestamps.parse(bytes(length))
    if length < 4:
        with pytest.raises(WireError):
            parse_address_mask(bytes(length))
