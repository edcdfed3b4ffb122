"""ARP as it is spoken: RFC 826, RFC 1122 §2.3.2."""

import pytest

from netarium.base.addr import parse_ip
from netarium.base.errors import Accepted, DropReason
from netarium.wire.arp import REPLY, REQUEST, ArpMessage

PEER = bytes.fromhex("02aaaaaaaaaa")
BROADCAST = b"\xff" * 6


def say(node, oper, sha, spa, tha, tpa, dst=BROADCAST):
    message = ArpMessage(oper, sha, parse_ip(spa), tha, parse_ip(tpa))
    return node.hear(dst + sha + b"\x08\x06" + message.pack() + bytes(18))


@pytest.mark.rfc("826", "02", "03")
@pytest.mark.rfc("5227", "08")
def test_request_for_us(host):
    assert say(host, REQUEST, PEER, "10.0.0.9", bytes(6), "10.0.0.1") is Accepted.LOCAL
    (octets,) = host.sent()
    assert octets[:14] == PEER + host.mac + b"\x08\x06"
    answer = ArpMessage.parse(octets[14:])
    assert answer == ArpMessage(REPLY, host.mac, parse_ip("10.0.0.1"), PEER, parse_ip("10.0.0.9"))
    (entry,) = host.ip.neighbors.rows()
    assert (entry.address, entry.mac) == (parse_ip("10.0.0.9"), PEER)


def test_request_for_somebody_else(host):
    assert say(host, REQUEST, PEER, "10.0.0.9", bytes(6), "10.0.0.8") is DropReason.ARP_NOT_OURS
    assert not host.sent()
    assert len(host.ip.neighbors) == 0


@pytest.mark.rfc("826", "01")
def test_request_for_somebody_else_updates_what_we_have(host):
    say(host, REQUEST, PEER, "10.0.0.9", bytes(6), "10.0.0.1")
    moved = bytes.fromhex("02bbbbbbbbbb")
    assert say(host, REQUEST, moved, "10.0.0.9", bytes(6), "10.0.0.8") is Accepted.LOCAL
    assert host.ip.neighbors.rows()[0].mac == moved


@pytest.mark.attack("ARP-02")
def test_unsolicited_replies_make_no_entries(host):
    for last in range(2, 200):
        fate = say(host, REPLY, PEER, f"10.0.0.{last}", host.mac, "10.0.0.1", host.mac)
        assert fate is DropReason.ARP_UNSOLICITED
        say(host, REPLY, PEER, f"10.0.0.{last}", BROADCAST, f"10.0.0.{last}")
    assert len(host.ip.neighbors) == 0
    assert not host.sent()


@pytest.mark.attack("ARP-01")
@pytest.mark.rfc("826", "01")
def test_lies_and_truncations(host):
    good = ArpMessage(REQUEST, PEER, parse_ip("10.0.0.9"), bytes(6), parse_ip("10.0.0.1")).pack()
    bad = [good[:length] for length in range(28)]
    for offset, value in (
        (1, 6),
        (2, 6),
        (4, 0),
        (4, 255),
        (5, 0),
        (5, 16),
        (7, 0),
        (7, 3),
        (7, 9),
        (6, 255),
    ):
        bad.append(good[:offset] + bytes([value]) + good[offset + 1 :])
    for message in bad:
        assert host.hear(BROADCAST + PEER + b"\x08\x06" + message) is DropReason.ARP_MALFORMED
    assert host.counters["arp_rx_malformed"] == len(bad)
    assert not host.sent()
    assert len(host.ip.neighbors) == 0


@pytest.mark.attack("ARP-07")
def test_reverse_arp_gives_no_address(host, frame):
    before = [row.address for row in host.eth.addresses]
    message = ArpMessage(REPLY, PEER, parse_ip("10.0.0.9"), host.mac, parse_ip("10.0.0.77")).pack()
    for oper in (3, 4, 8, 9):
        altered = message[:6] + oper.to_bytes(2, "big") + message[8:]
        assert host.hear(host.mac + PEER + b"\x80\x35" + altered) is DropReason.ETH_UNKNOWN_TYPE
        assert host.hear(host.mac + PEER + b"\x08\x06" + altered) is DropReason.ARP_MALFORMED
    assert [row.address for row in host.eth.addresses] == before


@pytest.mark.attack("L2-05")
def test_hardware_addresses_that_cannot_be(host):
    for sha in (BROADCAST, bytes.fromhex("01005e000001"), host.mac, bytes(6)):
        message = ArpMessage(REQUEST, sha, parse_ip("10.0.0.9"), bytes(6), parse_ip("10.0.0.1"))
        fate = host.hear(BROADCAST + PEER + b"\x08\x06" + message.pack())
        assert fate is DropReason.ARP_BAD_SOURCE
    assert len(host.ip.neighbors) == 0
    assert not host.sent()


@pytest.mark.attack("ARP-03")
def test_senders_from_elsewhere(host):
    for spa in ("192.0.2.1", "224.0.0.1", "255.255.255.255", "10.0.0.255", "10.0.1.1"):
        assert say(host, REQUEST, PEER, spa, bytes(6), "10.0.0.1") is DropReason.ARP_BAD_SOURCE
    assert len(host.ip.neighbors) == 0
    assert not host.sent()


def test_a_probe_for_our_address_is_answered(host):
    assert say(host, REQUEST, PEER, "0.0.0.0", bytes(6), "10.0.0.1") is Accepted.LOCAL
    (octets,) = host.sent()
    answer = ArpMessage.parse(octets[14:])
    assert (answer.oper, answer.spa, answer.tpa) == (REPLY, parse_ip("10.0.0.1"), bytes(4))
    assert len(host.ip.neighbors) == 0
    assert say(host, REQUEST, PEER, "0.0.0.0", bytes(6), "10.0.0.5") is DropReason.ARP_NOT_OURS


def test_an_address_of_another_interface_is_not_answered_for(bench, host):
    host.plug("other", "10.7.0.1/24")
    assert say(host, REQUEST, PEER, "10.0.0.9", bytes(6), "10.7.0.1") is DropReason.ARP_NOT_OURS
    assert not host.sent()


def test_the_message_may_lie_in_the_body(host):
    message = ArpMessage(REQUEST, PEER, parse_ip("10.0.0.9"), bytes(6), parse_ip("10.0.0.1")).pack()
    assert host.hear(BROADCAST + PEER + b"\x08\x06" + message, 14) is Accepted.LOCAL


def test_scapy_reads_what_we_say(host):
    scapy = pytest.importorskip("scapy.layers.l2")
    host.send("10.0.0.9")
    (octets,) = host.sent()
    seen = scapy.Ether(octets)[scapy.ARP]
    assert (seen.op, seen.psrc, seen.pdst, seen.hwsrc) == (1, "10.0.0.1", "10.0.0.9", host.mac.hex(":"))
    assert bytes(scapy.Ether(dst="ff:ff:ff:ff:ff:ff", src=host.mac.hex(":")) / seen) == octets
