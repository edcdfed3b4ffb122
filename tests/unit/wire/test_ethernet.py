"""Ethernet II, 802.1Q, 802.3 with LLC/SNAP; scapy is the judge of the bytes."""

import pytest
from scapy.layers.l2 import LLC, SNAP, Dot1Q, Dot3, Ether

from netarium.base.errors import WireError
from netarium.wire import ethernet
from netarium.wire.ethernet import EthernetHeader

DST = bytes.fromhex("020000000002")
SRC = bytes.fromhex("020000000001")
TEXT = {"dst": "02:00:00:00:00:02", "src": "02:00:00:00:00:01"}
PACKET = b"\x45" + bytes(45)


def test_ethernet_ii_as_scapy_makes_it() -> None:
    octets = bytes(Ether(**TEXT, type=0x0800)) + PACKET
    assert EthernetHeader.parse(octets) == EthernetHeader(DST, SRC, 0x0800, 14, None, snap=False)
    assert ethernet.pack(DST, SRC, 0x0800) == octets[:14]


def test_header_alone_is_enough() -> None:
    """A frame may be cut behind its link header."""
    assert EthernetHeader.parse(memoryview(ethernet.pack(DST, SRC, 0x86DD))).ethertype == 0x86DD


def test_one_tag() -> None:
    octets = bytes(Ether(**TEXT) / Dot1Q(vlan=42, prio=5, type=0x0806)) + PACKET
    assert EthernetHeader.parse(octets) == EthernetHeader(DST, SRC, 0x0806, 18, 42, snap=False)
    tagged = Ether(ethernet.pack(DST, SRC, 0x0806, vlan=42))
    assert (tagged[Dot1Q].vlan, tagged[Dot1Q].type) == (42, 0x0806)


@pytest.mark.attack("L2-02")
def test_two_tags_and_no_more() -> None:
    octets = bytes(Ether(**TEXT, type=0x88A8) / Dot1Q(vlan=1) / Dot1Q(vlan=2, type=0x0800)) + PACKET
    assert EthernetHeader.parse(octets) == EthernetHeader(DST, SRC, 0x0800, 22, 1, snap=False)
    octets = bytes(Ether(**TEXT) / Dot1Q(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3, type=0x0800)) + PACKET
    assert EthernetHeader.parse(octets).ethertype == 0x8100  # which nobody takes


@pytest.mark.rfc("1042", "01")
@pytest.mark.rfc("1122L", "06")
def test_snap() -> None:
    octets = (
        bytes(Dot3(**TEXT, len=54) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x0800)) + PACKET
    )
    assert EthernetHeader.parse(octets) == EthernetHeader(DST, SRC, 0x0800, 22, None, snap=True)
    assert ethernet.pack_snap(DST, SRC, 0x0800, len(PACKET)) == octets[:22]
    assert EthernetHeader.parse(octets).pack(len(PACKET)) == octets[:22]


def test_other_llc_has_no_ethertype() -> None:
    spanning_tree = bytes(Dot3(**TEXT, len=38) / LLC(dsap=0x42, ssap=0x42, ctrl=3)) + bytes(35)
    assert EthernetHeader.parse(spanning_tree).ethertype == 0
    other_organization = bytes(
        Dot3(**TEXT, len=54) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0xC, code=0x800)
    )
    assert EthernetHeader.parse(other_organization + PACKET).ethertype == 0


@pytest.mark.attack("L2-01")
@pytest.mark.parametrize("length", range(14))
def test_shorter_than_a_header(length: int) -> None:
    with pytest.raises(WireError):
        EthernetHeader.parse(ethernet.pack(DST, SRC, 0x0800)[:length])


@pytest.mark.rfc("eth", "03")
@pytest.mark.attack("L2-02")
def test_no_value_below_0x600_is_an_ethertype() -> None:
    for value in range(0x600):
        header = EthernetHeader.parse(DST + SRC + value.to_bytes(2, "big") + PACKET)
        assert (header.ethertype, header.snap) == (0, False)


@pytest.mark.attack("L2-02")
def test_cut_inside_tag_or_snap() -> None:
    tagged = ethernet.pack(DST, SRC, 0x0800, vlan=7)
    snap = ethernet.pack_snap(DST, SRC, 0x0800, 46)
    for octets in [tagged[:length] for length in range(14, 18)] + [snap[:20], snap[:21]]:
        with pytest.raises(WireError):
            EthernetHeader.parse(octets)
