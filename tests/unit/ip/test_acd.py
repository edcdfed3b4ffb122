"""Address conflict detection: RFC 5227."""

import itertools

import pytest

from netarium.base.addr import parse_ip
from netarium.base.config import NeighborConfig
from netarium.base.errors import DropReason, StackError
from netarium.ip.acd import MAX_CONFLICTS
from netarium.ip.iface import AddressState
from netarium.wire.arp import REPLY, REQUEST, ArpMessage

MS = 1_000_000
SECOND = 1_000_000_000
OTHER = bytes.fromhex("02bbbbbbbbbb")
ADDRESS = parse_ip("10.0.0.1")
CAREFUL = NeighborConfig(detect_duplicates=True)


def hear(node, oper, spa, tpa, sha=OTHER):
    message = ArpMessage(oper, sha, parse_ip(spa), bytes(6), parse_ip(tpa))
    return node.hear(b"\xff" * 6 + sha + b"\x08\x06" + message.pack())


def test_without_probing_one_announcement(bench):
    node = bench.node("n", "lan", "10.0.0.1/24")
    bench.run(60 * SECOND)
    ((at, message, dst),) = bench.arps()
    assert at == 0
    assert dst == b"\xff" * 6
    assert message == ArpMessage(REQUEST, node.nic.mac, ADDRESS, bytes(6), ADDRESS)


@pytest.mark.rfc("5227", "01", "02", "05", "07")
def test_probes_then_announcements_then_silence(bench):
    node = bench.node("n", "lan", "10.0.0.1/24", neighbor=CAREFUL)
    row = node.eth.find(ADDRESS)
    assert row.state is AddressState.TENTATIVE
    bench.run(100 * SECOND)
    said = bench.arps()
    assert [m.spa for _, m, _ in said] == [bytes(4)] * 3 + [ADDRESS] * 2
    assert {(m.oper, m.tpa, m.tha) for _, m, _ in said} == {(REQUEST, ADDRESS, bytes(6))}
    times = [at for at, _, _ in said]
    assert times[0] <= SECOND
    assert all(SECOND <= times[i + 1] - times[i] <= 2 * SECOND for i in (0, 1))
    assert times[3] - times[2] == 2 * SECOND
    assert times[4] - times[3] == 2 * SECOND
    assert row.state is AddressState.PREFERRED


def test_a_tentative_address_is_nobodys(bench, frame, packet):
    node = bench.node("n", "lan", "10.0.0.1/24", neighbor=CAREFUL)
    assert not node.ip.is_local(ADDRESS)
    assert node.hear(frame(node.nic.mac, OTHER, packet("10.0.0.9", "10.0.0.1"))) is DropReason.IP_NOT_OURS
    hear(node, REQUEST, "10.0.0.9", "10.0.0.1")
    assert not node.sent()
    with pytest.raises(StackError):
        node.ip.find_path(parse_ip("10.0.0.9"), 0)


@pytest.mark.rfc("5227", "03")
@pytest.mark.parametrize(
    ("oper", "spa", "tpa"),
    [
        (REPLY, "10.0.0.1", "10.0.0.9"),
        (REQUEST, "10.0.0.1", "10.0.0.9"),
        (REQUEST, "10.0.0.1", "10.0.0.1"),
        (REQUEST, "0.0.0.0", "10.0.0.1"),
    ],
)
def test_a_conflict_while_probing(bench, oper, spa, tpa):
    node = bench.node("n", "lan", "10.0.0.1/24", neighbor=CAREFUL)
    bench.run(1500 * MS)
    hear(node, oper, spa, tpa)
    bench.log.clear()
    bench.run(100 * SECOND)
    assert node.eth.find(ADDRESS).state is AddressState.DUPLICATE
    assert not bench.arps()
    assert not node.ip.is_local(ADDRESS)
    assert node.counters["arp_address_conflicts"] == 1


def test_probes_for_other_addresses_are_no_conflict(bench):
    node = bench.node("n", "lan", "10.0.0.1/24", neighbor=CAREFUL)
    hear(node, REQUEST, "0.0.0.0", "10.0.0.2")
    hear(node, REQUEST, "10.0.0.9", "10.0.0.1")  # asks for it, does not claim it
    bench.run(20 * SECOND)
    assert node.eth.find(ADDRESS).state is AddressState.PREFERRED


@pytest.mark.rfc("5227", "04")
def test_after_ten_conflicts_one_attempt_a_minute(bench):
    node = bench.node("n", neighbor=CAREFUL)
    interface = node.plug("lan")
    attempts = []
    for number in range(MAX_CONFLICTS + 3):
        address = parse_ip(f"10.0.0.{number + 1}")
        before = len(bench.arps())
        node.ip.add_address(interface, address, 24, bench.now)
        while len(bench.arps()) == before:
            bench.run(bench.now + 100 * MS)
        attempts.append(bench.arps()[-1][0])
        hear(node, REPLY, f"10.0.0.{number + 1}", "10.0.0.99")
        assert interface.find(address).state is AddressState.DUPLICATE
    gaps = [later - earlier for earlier, later in itertools.pairwise(attempts)]
    assert all(gap <= 2 * SECOND for gap in gaps[: MAX_CONFLICTS - 1])
    assert all(gap >= 60 * SECOND for gap in gaps[MAX_CONFLICTS - 1 :])


@pytest.mark.rfc("5227", "06")
@pytest.mark.attack("ARP-06")
@pytest.mark.parametrize("step", [SECOND, MS])
def test_an_address_in_use_is_defended_once_in_ten_seconds(bench, step):
    node = bench.node("n", "lan", "10.0.0.1/24")
    bench.settle()
    bench.log.clear()
    start = bench.now
    for count in range(25 * SECOND // step if step == SECOND else 11_000):
        bench.run(start + count * step)
        assert hear(node, REPLY, "10.0.0.1", "10.0.0.9") is DropReason.ARP_BAD_SOURCE
    bench.settle()
    said = bench.arps()
    assert all(m.spa == m.tpa == ADDRESS for _, m, _ in said)
    times = [at for at, _, _ in said]
    assert all(b - a >= 10 * SECOND for a, b in itertools.pairwise(times))
    assert len(said) == (3 if step == SECOND else 2)
    assert node.eth.find(ADDRESS).state is AddressState.PREFERRED  # kept: RFC 5227 §2.4 (c)
    assert len(node.ip.neighbors) == 0


def test_a_removed_address_is_not_probed_on(bench):
    node = bench.node("n", "lan", "10.0.0.1/24", neighbor=CAREFUL)
    bench.run(1 * SECOND)
    node.ip.remove_address(node.eth, ADDRESS, bench.now)
    bench.log.clear()
    bench.run(60 * SECOND)
    assert not bench.log
