"""ICMP both ways: echoes, errors, what is ignored (RFC 792, RFC 1122 §3.2.2)."""

import random

import pytest

from netarium.base.addr import parse_ip
from netarium.base.config import IpConfig
from netarium.base.errors import Accepted, DropReason
from netarium.base.trace import IcmpSeen, Trace
from netarium.ip.packet import ErrorKind
from netarium.ip.ratelimit import TokenBucket
from netarium.wire import icmpv4
from netarium.wire.icmpv4 import IcmpMessage

SECOND = 1_000_000_000
US, PEER = "10.0.0.1", "10.0.0.2"


def echo(payload=b"abcdefgh", ident=1, seq=1, kind=icmpv4.ECHO):
    return IcmpMessage(kind, 0, ident << 16 | seq, payload).pack()


def error(packet, kind, code, quoted, rest=0, src="10.0.0.2"):
    return packet(src, US, IcmpMessage(kind, code, rest, quoted).pack(), protocol=1)


def icmps(bench):
    return [(h, IcmpMessage.parse(payload)) for _, h, payload in bench.ips() if h.protocol == 1]


@pytest.fixture
def met(bench, pair):
    """A pair that has resolved each other."""
    a, b = pair
    a.send(PEER)
    bench.settle()
    a.send(PEER)
    bench.settle()
    bench.log.clear()
    return a, b


# --- echo ---------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("1122I", "23")
@pytest.mark.rfc("792", "01")
@pytest.mark.attack("ICMP-03")
@pytest.mark.parametrize("size", [0, 1, 7, 8, 56, 1472, 1473, 9_000, 65_507])
def test_echo_sizes(bench, met, upper, size):
    a, _ = met
    ping = a.ip.transports[1] = upper()
    payload = random.Random(size).randbytes(size)
    a.send(PEER, echo(payload, 7, 9), 1)
    bench.settle()
    (packet,) = ping.packets
    reply = IcmpMessage.parse(packet.head, packet.body)
    assert (reply.type, reply.code, reply.identifier, reply.sequence) == (0, 0, 7, 9)
    assert bytes(reply.payload) == payload
    assert (packet.src, packet.dst) == (parse_ip(PEER), parse_ip(US))


@pytest.mark.rfc("1122I", "23", "28")
def test_the_reply_comes_from_the_address_that_was_asked(bench, met, upper):
    a, b = met
    ping = a.ip.transports[1] = upper()
    b.ip.add_address(b.eth, parse_ip("10.0.0.77"), 24, bench.now)
    a.send("10.0.0.77", echo(), 1)
    bench.settle()
    assert [p.src for p in ping.packets] == [parse_ip("10.0.0.77")]


@pytest.mark.attack("ICMP-03")
def test_broken_echoes(host, packet):
    for length in range(8):
        assert host.feed(packet(PEER, US, echo()[:length], protocol=1)) is DropReason.ICMP_MALFORMED
    broken = bytearray(echo())
    broken[-1] ^= 1
    assert host.feed(packet(PEER, US, bytes(broken), protocol=1)) is DropReason.ICMP_CHECKSUM
    assert not host.sent()


def test_echo_replies_are_rationed(bench, packet, frame, stranger):
    node = bench.node("n", "lan", "10.0.0.1/24", ip=IpConfig(icmp_echo_per_second=10))
    pkt = frame(node.nic.mac, stranger, packet(PEER, US, echo(), protocol=1))
    fates = [node.hear(pkt) for _ in range(20)]
    assert fates == [Accepted.LOCAL] * 10 + [DropReason.ICMP_ECHO_LIMITED] * 10


@pytest.mark.rfc("1122I", "24")
def test_broadcast_echo_only_on_demand(bench, packet, frame, stranger):
    node = bench.node("n", "lan", "10.0.0.1/24", ip=IpConfig(answer_broadcast_echo=True))
    node.ip.neighbors.set_permanent(node.eth, parse_ip(PEER), stranger, 0)
    node.sent()
    pkt = packet(PEER, "10.0.0.255", echo(), protocol=1)
    assert node.hear(frame(b"\xff" * 6, stranger, pkt)) is Accepted.LOCAL
    (octets,) = node.sent()
    assert octets[26:30] == parse_ip(US)


def test_a_reply_that_nobody_waits_for(host, packet):
    assert host.feed(packet(PEER, US, echo(kind=0), protocol=1)) is DropReason.ICMP_NO_MATCH


@pytest.mark.attack("ICMP-07", "ICMP-11")
@pytest.mark.rfc("1122I", "15", "25")
def test_what_is_ignored(host, packet):
    for kind in (4, 9, 10, 13, 14, 15, 16, 17, 18):
        pkt = packet(PEER, US, IcmpMessage(kind, 0, 0, bytes(20)).pack(), protocol=1)
        assert host.feed(pkt) is DropReason.ICMP_IGNORED, kind
    for kind in set(range(256)) - {0, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}:
        pkt = packet(PEER, US, IcmpMessage(kind, 0, 0, bytes(20)).pack(), protocol=1)
        assert host.feed(pkt) is DropReason.ICMP_UNKNOWN_TYPE, kind
    assert not host.sent()
    assert not host.udp.errors


# --- errors that come in --------------------------------------------------------------------------------------------


@pytest.mark.rfc("1122I", "16", "19", "22")
@pytest.mark.parametrize(
    ("kind", "code", "word", "number", "hard"),
    [
        (3, 0, "unreachable", 101, False), (3, 1, "unreachable", 113, False), (3, 2, "unreachable", 92, True),
        (3, 3, "unreachable", 111, True), (3, 4, "too-big", 90, False), (3, 5, "unreachable", 95, False),
        (3, 13, "unreachable", 113, True), (11, 0, "time-exceeded", 113, False), (11, 1, "time-exceeded", 113, False),
        (12, 0, "parameter", 71, True),
    ],
)  # fmt: skip
def test_errors_reach_the_transport_that_is_quoted(host, packet, kind, code, word, number, hard):
    quoted = packet(US, "192.0.2.5", bytes(range(20)), protocol=6)
    assert host.feed(error(packet, kind, code, quoted)) is Accepted.LOCAL
    (got,) = host.tcp.errors
    assert (got.kind, got.type, got.code, got.errno, got.hard) == (word, kind, code, number, hard)
    assert (got.src, got.dst, got.reporter) == (parse_ip(US), parse_ip("192.0.2.5"), parse_ip(PEER))
    assert got.protocol == 6
    assert bytes(got.quote) == bytes(range(20))
    assert not host.udp.errors


@pytest.mark.attack("ICMP-02")
def test_quotes_that_lie(host, packet):
    whole = packet(US, "192.0.2.5", bytes(8))
    for length in range(28):
        assert host.feed(error(packet, 3, 3, whole[:length])) is DropReason.ICMP_MALFORMED, length
    assert host.feed(error(packet, 3, 3, b"\x4f" + whole[1:])) is DropReason.ICMP_MALFORMED
    assert host.feed(error(packet, 3, 3, b"\x65" + whole[1:] + bytes(40))) is DropReason.ICMP_MALFORMED
    not_ours = packet("10.0.0.99", "192.0.2.5", bytes(8))
    assert host.feed(error(packet, 3, 3, not_ours)) is DropReason.ICMP_NO_MATCH
    later = packet(US, "192.0.2.5", bytes(8), flags_offset=5)
    assert host.feed(error(packet, 3, 3, later)) is DropReason.ICMP_NO_MATCH
    to_all = packet(US, "255.255.255.255", bytes(8))
    assert host.feed(error(packet, 3, 3, to_all)) is DropReason.ICMP_NO_MATCH
    nested = packet(US, "192.0.2.5", IcmpMessage(3, 3, 0, whole).pack(), protocol=1)
    assert host.feed(error(packet, 3, 3, nested)) is DropReason.ICMP_NO_MATCH
    assert host.feed(error(packet, 3, 99, whole)) is DropReason.ICMP_IGNORED
    assert not host.udp.errors
    assert not host.sent()


def test_an_error_for_everybody_is_for_nobody(host, packet):
    message = IcmpMessage(3, 3, 0, packet(US, "192.0.2.5", bytes(8))).pack()
    pkt = packet(PEER, "10.0.0.255", message, protocol=1)
    assert host.feed(pkt, dst=b"\xff" * 6) is DropReason.ICMP_IGNORED


@pytest.mark.rfc("4884", "02")
def test_extensions_are_skipped(host, packet):
    quoted = packet(US, "192.0.2.5", bytes(100))
    padded = quoted + bytes(128 - len(quoted))
    extension = b"\x20\x00\xdf\xff" + b"\x00\x08\x01\x01" + bytes(4)
    assert host.feed(error(packet, 11, 0, padded + extension, rest=32 << 16)) is Accepted.LOCAL
    assert len(host.udp.errors[0].quote) == 108


# --- errors that we send ----------------------------------------------------------------------------------------------


@pytest.mark.rfc("1122I", "16", "18")
@pytest.mark.attack("IP4-10")
def test_protocol_unreachable(bench, met):
    a, b = met
    a.send(PEER, b"q" * 1000, 99)
    bench.settle()
    assert b.counters[DropReason.IP_UNKNOWN_PROTOCOL] == 1
    ((header, message),) = icmps(bench)
    assert (message.type, message.code) == (3, 2)
    assert header.total_length == 576
    asked = bench.ips()[0]
    quote = bytes(message.payload)
    assert quote[20:] == asked[2][: len(quote) - 20]
    assert len(quote) == 548
    assert header.tos == 0xC0


def complain(node, packet, pkt, kind=ErrorKind.PORT_UNREACHABLE, **how):
    """Let UDP complain about a packet that it was given."""
    node.udp.packets.clear()
    node.feed(pkt, **how)
    return node.ip.send_icmp_error(node.udp.packets[0], kind, node.bench.now)


@pytest.mark.rfc("1122I", "17")
@pytest.mark.attack("ICMP-01", "IP4-09")
def test_never_about_these(host, packet):
    from netarium.ip.packet import IpPacket

    def may(src=PEER, dst=US, protocol=17, head=bytes(8), flags_offset=0, to_group=False):
        header = packet(src, dst, b"", protocol=protocol, flags_offset=flags_offset)
        about = IpPacket(
            parse_ip(src), parse_ip(dst), protocol, 64, 0, header, head, b"", host.nic, to_group=to_group
        )
        return host.ip.send_icmp_error(about, ErrorKind.PORT_UNREACHABLE, 0)

    assert may()
    assert not may(to_group=True)
    assert not may(flags_offset=5)
    for src in ("0.0.0.0", "224.0.0.1", "255.255.255.255", "240.1.1.1", "10.0.0.255"):
        assert not may(src)
    for kind in range(256):
        assert may(protocol=1, head=bytes([kind]) + bytes(7)) == (kind in {0, 8, 13, 14}), kind
    assert not may(protocol=1, head=b"")


@pytest.mark.attack("ICMP-01")
def test_two_stacks_do_not_quarrel(bench, met, packet):
    a, _ = met
    for kind in (3, 11, 12, 5, 200):
        for code in (0, 3, 77):
            bad = IcmpMessage(kind, code, 0, packet(PEER, US, bytes(8), protocol=99)).pack()
            a.send(PEER, bad, 1)
    bench.run(10 * SECOND)
    assert len(icmps(bench)) == 15  # what was sent, and nothing more


@pytest.mark.attack("ICMP-04", "IP4-10")
def test_a_flood_of_causes(bench, host, packet, stranger):
    host.ip.add_address(host.eth, parse_ip("10.4.0.1"), 16, 0)
    limit = host.ip.config.ip
    sent = 0
    host.ip.neighbors.hold = lambda neighbor, frames: None  # only what is said counts here
    for number in range(20_000):
        bench.now = number * 50_000 + SECOND  # one second in all
        src = bytes([10, 4, number >> 8 & 127, number % 250 + 2])
        host.feed(packet(src, US, bytes(8), protocol=200))
    sent = host.counters["icmp_out_msgs"]
    assert 20 <= sent <= limit.icmp_errors_burst + limit.icmp_errors_per_second
    tried = sent + host.counters["icmp_out_ratelimited"] + host.counters["icmp_out_errors"]
    assert tried == 20_000
    assert len(host.ip._errors._each) <= 256


def guesses(node, host_packet, hear, forged, probes, trials):
    """SAD DNS: probes with forged sources, one of them perhaps to an open port, then one of the attacker's own.

    Returns how often "my own was answered, so one of the others was not" is right.
    """
    right = 0
    for trial in range(trials):
        node.bench.now += 10 * SECOND  # the limits recover
        open_port = trial % 2
        for probe in range(open_port, probes):
            hear(host_packet(forged(probe), US, bytes(8), protocol=200))
        node.sent()
        hear(host_packet("10.4.255.1", US, bytes(8), protocol=200))
        right += bool(node.sent()) == bool(open_port)
    return right / trials


@pytest.mark.attack("ICMP-05")
@pytest.mark.parametrize("probes", [10, 25, 28, 50])
def test_the_limits_tell_a_stranger_nothing(bench, host, packet, stranger, probes):
    host.ip.add_address(host.eth, parse_ip("10.4.0.1"), 16, 0)
    for last in range(2, 70):
        host.ip.neighbors.set_permanent(host.eth, bytes([10, 4, 0, last]), stranger, 0)
    host.ip.neighbors.set_permanent(host.eth, parse_ip("10.4.255.1"), stranger, 0)
    # One forged source, the resolver's server: its own limit keeps the attacker's answers apart from the others.
    assert 0.45 <= guesses(host, packet, host.feed, lambda _: "10.4.0.66", probes, 100) <= 0.55


@pytest.mark.attack("ICMP-05")
@pytest.mark.parametrize("probes", [18, 22, 25, 28, 33])
def test_the_common_limit_tells_a_stranger_nothing(host, probes):
    """Many forged sources, so that only the limit for all is left."""
    config = host.ip.config.ip
    right = 0
    for trial in range(2_000):
        bucket = TokenBucket(config.icmp_errors_per_second, config.icmp_errors_burst)
        open_port = trial % 2
        for _ in range(open_port, probes):
            bucket.take(0, host.ip._errors._price())
        right += bucket.take(0, host.ip._errors._price()) == bool(open_port)
    assert right <= 0.56 * 2_000


def test_what_is_seen_is_told(bench, packet, frame, stranger):
    events = []
    node = bench.node("n", "lan", "10.0.0.1/24", trace=Trace(events.append))
    node.hear(frame(node.nic.mac, stranger, packet(PEER, US, IcmpMessage(8, 0, 1, b"").pack(), protocol=1)))
    node.hear(frame(node.nic.mac, stranger, packet(PEER, US, b"", protocol=99)))
    seen = [(e.direction, e.type, e.peer) for e in events if isinstance(e, IcmpSeen)]
    assert seen == [("received", 8, PEER), ("sent", 3, PEER)]


@pytest.mark.parametrize(
    ("kind", "type_", "code"),
    [
        (ErrorKind.NO_ROUTE, 3, 0), (ErrorKind.HOST_UNREACHABLE, 3, 1), (ErrorKind.PROTOCOL_UNREACHABLE, 3, 2),
        (ErrorKind.PORT_UNREACHABLE, 3, 3), (ErrorKind.TOO_BIG, 3, 4), (ErrorKind.PROHIBITED, 3, 13),
        (ErrorKind.TTL_EXCEEDED, 11, 0), (ErrorKind.REASSEMBLY_TIMEOUT, 11, 1), (ErrorKind.PARAMETER_PROBLEM, 12, 0),
    ],
)  # fmt: skip
def test_words_and_numbers(bench, host, packet, stranger, kind, type_, code):
    scapy = pytest.importorskip("scapy.layers.inet")
    host.ip.neighbors.set_permanent(host.eth, parse_ip(PEER), stranger, 0)
    assert complain(host, packet, packet(PEER, US, b"12345678"), kind)
    (octets,) = host.sent()
    seen = scapy.IP(octets[14:])
    assert (seen.src, seen.dst, seen[scapy.ICMP].type, seen[scapy.ICMP].code) == (US, PEER, type_, code)
    del seen[scapy.ICMP].chksum, seen.chksum
    assert bytes(seen) == octets[14:]  # the judge computes the same checksums
