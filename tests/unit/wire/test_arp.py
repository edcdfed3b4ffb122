"""ARP; scapy is the judge of the bytes."""

import pytest
from scapy.layers.l2 import ARP

from netarium.base.errors import WireError
from netarium.wire.arp import REPLY, REQUEST, ArpMessage

MESSAGE = ArpMessage(REQUEST, b"\x02\0\0\0\0\x01", b"\xc0\0\x02\x01", bytes(6), b"\xc0\0\x02\x02")


def test_request_as_scapy_makes_it() -> None:
    judged = ARP(
        op=1, hwsrc="02:00:00:00:00:01", psrc="192.0.2.1", hwdst="00:00:00:00:00:00", pdst="192.0.2.2"
    )
    assert bytes(judged) == MESSAGE.pack()
    assert ArpMessage.parse(bytes(judged) + bytes(18)) == MESSAGE  # padded to 60 octets on the wire


def test_scapy_reads_our_reply() -> None:
    judged = ARP(
        ArpMessage(
            REPLY, b"\x02\0\0\0\0\x02", b"\xc0\0\x02\x02", b"\x02\0\0\0\0\x01", b"\xc0\0\x02\x01"
        ).pack()
    )
    assert (judged.op, judged.hwsrc, judged.psrc) == (2, "02:00:00:00:00:02", "192.0.2.2")
    assert (judged.hwdst, judged.pdst) == ("02:00:00:00:00:01", "192.0.2.1")


@pytest.mark.attack("ARP-01")
@pytest.mark.parametrize("length", range(28))
def test_truncated(length: int) -> None:
    with pytest.raises(WireError):
        ArpMessage.parse(MESSAGE.pack()[:length])


@pytest.mark.attack("ARP-01")
@pytest.mark.attack("ARP-07")
@pytest.mark.rfc("826", "01")
@pytest.mark.parametrize(
    "field",
    [{"hwtype": 6}, {"ptype": 0x86DD}, {"hwlen": 0}, {"hwlen": 255}, {"plen": 0}, {"plen": 16}]
    + [{"op": oper} for oper in (0, 3, 4, 8, 9, 65535)],
    ids=str,
)
def test_fields_that_lie(field: dict[str, int]) -> None:
    octets = bytearray(MESSAGE.pack())
    places = {"hwtype": (0, 2), "ptype": (2, 4), "hwlen": (4, 5), "plen": (5, 6), "op": (6, 8)}
    ((name, value),) = field.items()
    start, stop = places[name]
    octets[start:stop] = value.to_bytes(stop - start, "big")
    with pytest.raises(WireError):
        ArpMessage.parse(octets)
