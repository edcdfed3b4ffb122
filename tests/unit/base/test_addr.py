"""Packed addresses, at the edges against the standard library."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netarium.base import addr
from netarium.base.errors import UsageError

v4 = st.binary(min_size=4, max_size=4)
v6 = st.binary(min_size=16, max_size=16)


@given(v4 | v6)
def test_text_and_back(address: bytes) -> None:
    assert addr.parse_ip(addr.format_ip(address)) == address
    assert addr.format_ip(address) == str(ipaddress.ip_address(address))


@given(st.binary(min_size=6, max_size=6))
def test_mac_and_back(mac: bytes) -> None:
    assert addr.parse_mac(addr.format_mac(mac)) == mac
    assert addr.parse_mac(addr.format_mac(mac).upper().replace(":", "-")) == mac


@given(v4 | v6, st.integers(0, 128))
def test_masked_and_in_a_prefix(address: bytes, length: int) -> None:
    length %= 8 * len(address) + 1
    network = ipaddress.ip_network((address, length), strict=False)
    assert addr.masked(address, length) == network.network_address.packed
    prefix = addr.Prefix(addr.masked(address, length), length)
    assert address in prefix
    assert str(prefix) == str(network)
    assert addr.parse_prefix(str(network)) == prefix
    assert (bytes(20 - len(address)) in prefix) is False  # of the other family


@given(v4, st.integers(0, 30))
def test_broadcast(address: bytes, length: int) -> None:
    network = ipaddress.ip_network((address, length), strict=False)
    assert addr.subnet_broadcast(address, length) == network.broadcast_address.packed


@pytest.mark.rfc("3021", "§2.1")
@pytest.mark.parametrize("length", [31, 32])
def test_a_point_to_point_link_has_no_broadcast(length: int) -> None:
    assert addr.subnet_broadcast(b"\x0a\0\0\1", length) == b"\x0a\0\0\1"


@given(v4 | v6)
def test_kinds(address: bytes) -> None:
    reference = ipaddress.ip_address(address)
    assert addr.is_multicast(address) == reference.is_multicast
    assert addr.is_unspecified(address) == reference.is_unspecified
    assert addr.is_loopback(address) == reference.is_loopback
    assert addr.is_link_local(address) == reference.is_link_local


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "127.0.0.1",
        "169.254.1.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "::",
        "::1",
        "fe80::1",
        "ff02::1",
    ],
)
def test_kinds_of_special_ones(text: str) -> None:
    test_kinds.hypothesis.inner_test(addr.parse_ip(text))


@pytest.mark.rfc("1112", "§6.4")
def test_group_macs() -> None:
    assert addr.multicast_mac(addr.parse_ip("239.255.1.2")) == addr.parse_mac("01:00:5e:7f:01:02")
    assert addr.multicast_mac(addr.parse_ip("ff02::1:ff00:1")) == addr.parse_mac("33:33:ff:00:00:01")
    assert addr.is_group_mac(addr.MAC_BROADCAST)
    assert addr.is_group_mac(addr.parse_mac("01:00:5e:00:00:01"))
    assert not addr.is_group_mac(addr.parse_mac("02:00:00:00:00:01"))


def test_interface_and_default() -> None:
    assert addr.parse_interface("192.0.2.1/24") == (b"\xc0\0\2\1", 24)
    assert addr.parse_prefix("default") == addr.Prefix(bytes(4), 0)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (addr.parse_ip, "192.0.2.256"), (addr.parse_ip, ""), (addr.parse_ip, "example.org"), (addr.parse_ip, "192.0.2.1/24"),
        (addr.parse_interface, "192.0.2.1"), (addr.parse_interface, "192.0.2.1/33"), (addr.parse_interface, "x"),
        (addr.parse_prefix, "192.0.2.1/24"), (addr.parse_prefix, "nonsense"), (addr.parse_mac, "02:00:00:00:00"),
        (addr.parse_mac, "02:00:00:00:00:0g"), (addr.parse_mac, "020000000001"), (addr.parse_mac, "02:00:00:00:00:01:02"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_an_example(parse, text: str) -> None:
    with pytest.raises(UsageError, match="write it like"):
        parse(text)
