"""The neighbour cache: RFC 4861 §7.3 with ARP as the asker."""

import contextlib
import itertools

import pytest

from netarium.base.addr import parse_ip
from netarium.base.config import NeighborConfig
from netarium.base.errors import StackError
from netarium.base.trace import NeighborChanged, Trace
from netarium.ip.neighbor import NeighborState as S
from netarium.wire.arp import REPLY, REQUEST, ArpMessage

MS = 1_000_000
SECOND = 1_000_000_000
PEER = bytes.fromhex("02aaaaaaaaaa")
OTHER = bytes.fromhex("02bbbbbbbbbb")


def arp(node, oper, sha, spa, tpa, tha=bytes(6), dst=None):
    message = ArpMessage(oper, sha, parse_ip(spa), tha, parse_ip(tpa))
    return node.hear((dst or node.nic.mac) + sha + b"\x08\x06" + message.pack())


def reply(node, spa="10.0.0.9", sha=PEER):
    return arp(node, REPLY, sha, spa, "10.0.0.1", node.nic.mac)


def request(node, spa="10.0.0.9", sha=PEER):
    return arp(node, REQUEST, sha, spa, "10.0.0.1", dst=b"\xff" * 6)


def row(node, address="10.0.0.9"):
    return next((n for n in node.ip.neighbors.rows() if n.address == parse_ip(address)), None)


def reachable(bench, node, address="10.0.0.9", sha=PEER):
    """Resolve a neighbour the ordinary way."""
    node.send(address)
    reply(node, address, sha)
    node.sent()
    assert row(node, address).state is S.REACHABLE
    return row(node, address)


def test_unknown_neighbour_is_asked_for(host):
    host.send("10.0.0.9")
    (asked,) = host.sent()
    message = ArpMessage.parse(asked[14:])
    assert asked[:6] == b"\xff" * 6
    assert (message.oper, message.spa, message.tpa) == (REQUEST, parse_ip("10.0.0.1"), parse_ip("10.0.0.9"))
    assert row(host).state is S.INCOMPLETE
    reply(host)
    assert row(host).state is S.REACHABLE
    (packet,) = host.sent()
    assert packet[:6] == PEER


def test_a_request_from_it_lets_packets_go_but_proves_nothing(host):
    host.send("10.0.0.9")
    host.sent()
    request(host)
    assert row(host).state is S.DELAY
    assert [octets[12:14] for octets in host.sent()] == [b"\x08\x00", b"\x08\x06"]


def test_progress_keeps_it_reachable(bench, host):
    entry = reachable(bench, host)
    path = host.ip.find_path(parse_ip("10.0.0.9"), 0)
    for second in range(1, 120):
        bench.run(second * SECOND)
        host.ip.confirm(path, bench.now)
    assert entry.state is S.REACHABLE
    assert not host.sent()
    bench.run(170 * SECOND)
    assert entry.state is S.STALE
    assert not bench.arps()


@pytest.mark.rfc("1122I", "27")
def test_stale_delay_probe_and_back(bench, host):
    entry = reachable(bench, host)
    bench.run(46 * SECOND)
    assert entry.state is S.STALE
    host.send("10.0.0.9")
    assert entry.state is S.DELAY
    assert len(host.sent()) == 1  # the packet itself, no question
    bench.run(52 * SECOND)
    assert entry.state is S.PROBE
    probes = bench.arps()
    assert [dst for _, _, dst in probes] == [PEER] * len(probes)  # by unicast
    reply(host)
    assert entry.state is S.REACHABLE


def test_delay_ends_with_progress(bench, host):
    entry = reachable(bench, host)
    bench.run(46 * SECOND)
    path = host.send("10.0.0.9")
    host.ip.confirm(path, bench.now)
    assert entry.state is S.REACHABLE
    bench.run(60 * SECOND)
    assert not bench.arps()


def test_a_dead_mac_is_given_up_and_everybody_asked(bench, host):
    entry = reachable(bench, host)
    bench.run(46 * SECOND)
    host.send("10.0.0.9")
    bench.run(60 * SECOND)
    assert entry.state is S.FAILED
    assert len(bench.arps()) == 3
    bench.log.clear()
    host.send("10.0.0.9")  # at once, not after a penalty: it may be alive with another MAC
    bench.settle()
    assert [dst for _, _, dst in bench.arps()] == [b"\xff" * 6]
    reply(host, sha=OTHER)
    assert row(host).mac == OTHER


@pytest.mark.rfc("1122L", "02")
def test_unused_entries_are_flushed(bench, host):
    reachable(bench, host)
    bench.run(46 * SECOND + 600 * SECOND)
    assert row(host) is None
    assert host.ip.next_deadline() is None


@pytest.mark.rfc("1122L", "09")
@pytest.mark.attack("ARP-04")
def test_no_answer_is_reported_after_three_questions(bench, host):
    host.send("10.0.0.9")
    host.send("10.0.0.9", b"segment", 6)
    assert not host.udp.errors
    bench.run(4 * SECOND)
    assert len(bench.arps()) == 3
    (error,) = host.udp.errors
    assert (error.kind, error.errno, error.hard) == ("unreachable", 113, False)
    assert (error.src, error.dst) == (parse_ip("10.0.0.1"), parse_ip("10.0.0.9"))
    assert bytes(error.quote) == b"hello"
    assert bytes(host.tcp.errors[0].quote) == b"segment"
    with pytest.raises(StackError) as caught:
        host.send("10.0.0.9")
    assert caught.value.errno == 113
    path = host.ip.find_path(parse_ip("10.0.0.9"), bench.now)
    assert host.ip.wrap(path, 6, bytes(20), b"", bench.now) is None


@pytest.mark.rfc("1122L", "03")
@pytest.mark.attack("ARP-05")
def test_at_most_one_question_a_second(bench, host):
    for step in range(10_000):
        bench.run(step * MS)
        with contextlib.suppress(StackError):
            host.send("10.0.0.9")
    times = [now for now, _, _ in bench.arps()]
    assert 5 <= len(times) <= 11
    assert all(later - earlier >= SECOND for earlier, later in itertools.pairwise(times))


@pytest.mark.rfc("1122L", "05")
def test_the_latest_packets_are_kept(host):
    for number in range(265):
        host.send("10.0.0.9", number.to_bytes(2, "big"))
    reply(host)
    waited = [octets[34:36] for octets in host.sent() if octets[12:14] == b"\x08\x00"]
    assert waited == [number.to_bytes(2, "big") for number in range(9, 265)]
    assert host.counters["arp_queue_drops"] == 9


def test_a_datagram_in_fragments_waits_as_one(host):
    host.send("10.0.0.9", bytes(60_000))
    reply(host)
    pieces = [octets for octets in host.sent() if octets[12:14] == b"\x08\x00"]
    assert len(pieces) == 41


@pytest.mark.attack("ARP-04")
def test_a_thousand_dead_neighbours(bench, host):
    """Bounded queues, and every sender hears of it within four seconds."""
    host.ip.add_address(host.eth, parse_ip("10.8.0.1"), 16, 0)
    host.sent()
    for number in range(1_000):
        dst = parse_ip("10.8.0.0")[:2] + (number + 2).to_bytes(2, "big")
        for _ in range(5):
            host.send(dst, bytes(60_000 if number < 80 else 0))
        waiting = sum(len(f) for n in host.ip.neighbors.rows() for packet in n.waiting for f in packet)
        assert waiting <= 64 * 212_992
        host.sent()
    assert len(host.ip.neighbors) <= 512
    bench.run(4 * SECOND)
    told = {error.dst for error in host.udp.errors}
    assert len(told) == 1_000


@pytest.mark.attack("ARP-02")
def test_a_live_entry_is_not_taken_over(bench, host):
    entry = reachable(bench, host)
    bench.run(2 * SECOND)
    for _ in range(50):
        reply(host, sha=OTHER)
        arp(host, REQUEST, OTHER, "10.0.0.9", "10.0.0.9", dst=b"\xff" * 6)  # gratuitous
    assert entry.mac == PEER
    probes = host.sent()
    assert [octets[:6] for octets in probes] == [PEER]  # one question, to the one whom we know
    reply(host)  # who still answers
    bench.run(20 * SECOND)
    assert (entry.mac, entry.state) == (PEER, S.REACHABLE)
    assert host.counters["arp_entry_changed"] == 0
    assert host.counters["arp_entry_disputed"] == 100


@pytest.mark.attack("ARP-02")
def test_a_neighbour_that_moved_is_believed_after_a_second(bench, host):
    entry = reachable(bench, host)
    bench.run(2 * SECOND)
    request(host, sha=OTHER)
    assert entry.mac == PEER
    host.sent()
    bench.run(3 * SECOND)
    assert entry.mac == OTHER
    assert entry.state is S.PROBE
    reply(host, sha=OTHER)
    assert entry.state is S.REACHABLE
    assert host.counters["arp_entry_changed"] == 1


@pytest.mark.attack("ARP-02")
def test_claims_cannot_make_a_probe_storm(bench, host):
    entry = reachable(bench, host)
    for step in range(1, 10_000):
        bench.run(step * MS)
        reply(host, sha=OTHER)
        if entry.state is S.PROBE:
            reply(host)
    asked = [now for now, _, _ in bench.arps()]
    assert len(asked) <= 10
    assert entry.mac == PEER


@pytest.mark.rfc("1122I", "27")
@pytest.mark.rfc("9293", "MUST-20")
def test_a_transport_without_answers_makes_it_prove_itself(bench, host):
    entry = reachable(bench, host)
    path = host.ip.find_path(parse_ip("10.0.0.9"), 0)
    for step in range(1, 3_000):
        bench.run(step * MS)
        host.ip.suspect(path, bench.now)
        if step % 10 == 0:
            reply(host)
    times = [now for now, _, dst in bench.arps() if dst == PEER]
    assert 2 <= len(times) <= 3  # impatience of many connections makes no storm
    assert entry.state in {S.PROBE, S.REACHABLE}
    bench.run(20 * SECOND)
    host.ip.suspect(path, bench.now)
    bench.run(30 * SECOND)
    assert entry.state is S.FAILED


def test_a_claim_is_not_believed_before_the_old_place_was_asked(bench, host):
    entry = reachable(bench, host)
    path = host.ip.find_path(parse_ip("10.0.0.9"), 0)
    bench.run(SECOND // 2)
    host.ip.suspect(path, bench.now)  # less than a second after the first question: this one must wait
    reply(host, sha=OTHER)
    bench.run(SECOND)
    assert entry.mac == PEER
    assert len(bench.arps()) == 1
    reply(host)
    bench.run(5 * SECOND)
    assert (entry.mac, entry.state) == (PEER, S.REACHABLE)


def test_a_rumour_is_replaced_by_another(host):
    request(host)
    assert row(host).state is S.STALE
    request(host, sha=OTHER)
    assert (row(host).mac, row(host).state) == (OTHER, S.STALE)
    assert host.counters["arp_entry_changed"] == 1


@pytest.mark.attack("ARP-03")
def test_a_flood_of_strangers(bench, host):
    gateway = reachable(bench, host, "10.0.0.254")
    bench.run(50 * SECOND)
    assert gateway.state is S.STALE  # even unused for a while, it was real once
    host.ip.add_address(host.eth, parse_ip("10.8.0.1"), 16, bench.now)
    host.sent()
    for number in range(5_000):
        spa = f"10.8.{number >> 8}.{(number & 255) or 1}"
        arp(host, REQUEST, bytes([2, 9, 9, 9, number >> 8, number & 255]), spa, "10.0.0.1")
        assert len(host.ip.neighbors) <= 512
    assert row(host, "10.0.0.254") is gateway
    assert len(host.sent()) <= 1_000  # answers are rationed, too
    assert host.counters["arp_out_ratelimited"] >= 3_000


@pytest.mark.attack("ARP-03")
def test_a_table_in_use_takes_no_strangers(bench):
    from netarium.base.errors import DropReason

    config = NeighborConfig(max_entries=4, max_incomplete=8)
    node = bench.node("n", "lan", "10.0.0.1/24", neighbor=config)
    for number in range(4):
        reachable(bench, node, f"10.0.0.{10 + number}")
    assert request(node, "10.0.0.99") is DropReason.ARP_TABLE_FULL
    assert row(node, "10.0.0.99") is None
    with pytest.raises(StackError):
        node.send("10.0.0.98")
    assert len(node.ip.neighbors) == 4


def test_a_path_survives_the_loss_of_its_row(bench, host):
    path = host.send("10.0.0.9")
    reply(host)
    assert host.ip.neighbors.forget(host.eth, parse_ip("10.0.0.9"), bench.now)
    host.sent()
    assert host.ip.wrap(path, 6, bytes(20), b"", bench.now) is None
    assert row(host) is path.neighbor
    reply(host)
    assert host.ip.wrap(path, 6, bytes(20), b"", bench.now) is not None


def test_by_hand(bench, host):
    host.ip.neighbors.set_permanent(host.eth, parse_ip("10.0.0.9"), OTHER, bench.now)
    host.send("10.0.0.9")
    assert [octets[:6] for octets in host.sent()] == [OTHER]
    request(host)
    bench.run(10_000 * SECOND)
    assert (row(host).mac, row(host).state) == (OTHER, S.PERMANENT)
    assert not host.ip.neighbors.forget(host.eth, parse_ip("10.0.0.77"), bench.now)


@pytest.mark.rfc("1122I", "27")
def test_another_gateway_when_one_is_dead(bench, host):
    from netarium.base.addr import parse_prefix
    from netarium.ip.route import Route

    for metric, gateway in ((1, "10.0.0.254"), (2, "10.0.0.253")):
        host.ip.routes.add(Route(parse_prefix("default"), host.eth, parse_ip(gateway), metric))
    path = host.send("192.0.2.1")
    assert path.next_hop == parse_ip("10.0.0.254")
    bench.run(4 * SECOND)
    assert path.generation != host.ip.generation
    path = host.send("192.0.2.1")
    assert path.next_hop == parse_ip("10.0.0.253")
    request(host, "10.0.0.254")  # the first is alive again
    assert path.generation != host.ip.generation
    assert host.ip.find_path(parse_ip("192.0.2.1"), bench.now).next_hop == parse_ip("10.0.0.254")


def test_every_change_is_told(bench):
    events = []
    trace = Trace(events.append)
    node = bench.node("n", "lan", "10.0.0.1/24", trace=trace)
    reachable(bench, node)
    changes = [(e.old, e.new) for e in events if isinstance(e, NeighborChanged)]
    assert changes == [("NONE", "INCOMPLETE"), ("INCOMPLETE", "REACHABLE")]


@pytest.mark.rfc("1122L", "04")
def test_timers_are_settings(bench):
    config = NeighborConfig(reachable_time_ns=2 * SECOND, stale_lifetime_ns=5 * SECOND)
    node = bench.node("n", "lan", "10.0.0.1/24", neighbor=config)
    entry = reachable(bench, node)
    bench.run(3 * SECOND)
    assert entry.state is S.STALE
    bench.run(9 * SECOND)
    assert row(node) is None
