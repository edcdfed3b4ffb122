"""UDP between IP and its sockets: what is accepted, what is refused, and what goes out."""

from typing import Any

import pytest

from netarium.base.errors import StackError
from netarium.transport.datagram import DATAGRAM_OVERHEAD
from netarium.transport.endpoint import POLLERR, POLLIN, POLLOUT
from netarium.transport.options import PMTUDISC_DO, PMTUDISC_DONT
from netarium.transport.udp import UdpEndpoint
from netarium.wire.icmpv4 import IcmpMessage
from netarium.wire.udp import UdpHeader, verify

ANY, US, PEER, GROUP = bytes(4), b"\x0a\0\0\1", b"\x0a\0\0\2", b"\xe0\1\2\3"
ALL = b"\xff" * 4
ALL_MACS = b"\xff" * 6


def opened(bench: Any, port: int = 7_000, address: bytes = ANY, **options: Any) -> UdpEndpoint:
    endpoint = bench.machine.udp.open(4, bench.now)
    for name, value in options.items():
        setattr(endpoint.options, name, value)
    endpoint.bind(address, port)
    return endpoint


@pytest.mark.rfc("1122", "1122U-04")
def test_delivery_with_all_that_is_known_about_it(bench: Any) -> None:
    endpoint = opened(bench)
    bench.inject(bench.datagram(b"hello", ttl=7, tos=0x10))
    assert endpoint.poll() & POLLIN
    datagram = endpoint.receive()
    assert datagram is not None
    assert (datagram.payload, datagram.src, datagram.src_port, datagram.dst) == (b"hello", PEER, 5_000, US)
    assert (datagram.ttl, datagram.tos, datagram.interface) == (7, 0x10, bench.interface)
    assert endpoint.receive() is None
    assert not endpoint.poll() & POLLIN
    assert bench.machine.poll_event() is endpoint
    assert bench.machine.poll_event() is None


@pytest.mark.rfc("768", "768-01")
@pytest.mark.attack("UDP-01")
@pytest.mark.parametrize("length", [0, 1, 7, 14, 65_535])
def test_length_that_cannot_be(bench: Any, length: int) -> None:
    endpoint = opened(bench)
    bench.inject(bench.datagram(b"hello", length=length))
    assert endpoint.receive() is None
    assert bench.machine.counters["udp_in_errors"] == 1


@pytest.mark.rfc("768", "768-01")
@pytest.mark.attack("UDP-01")
def test_surplus_behind_the_length_is_not_data(bench: Any) -> None:
    endpoint = opened(bench)
    bench.inject(bench.datagram(b"hello" + b"surplus", length=13, checksum=0))
    datagram = endpoint.receive()
    assert datagram is not None
    assert datagram.payload == b"hello"


@pytest.mark.rfc("768", "768-02")
@pytest.mark.rfc("1122", "1122U-03")
@pytest.mark.attack("UDP-02")
def test_checksums(bench: Any) -> None:
    endpoint = opened(bench)
    bench.inject(bench.datagram(b"wrong", checksum=0x1234))
    assert endpoint.receive() is None
    assert bench.machine.counters["udp_in_csum_errors"] == 1
    bench.inject(bench.datagram(b"none", checksum=0))
    assert endpoint.receive() is not None
    assert bench.sent() == []  # silently


@pytest.mark.rfc("768", "768-02")
@pytest.mark.rfc("1122", "1122U-03")
def test_checksums_go_out_right_and_never_as_zero(bench: Any) -> None:
    endpoint = opened(bench)
    for number in range(100):
        endpoint.send(number.to_bytes(2, "big"), (PEER, 9), bench.now)
    bench.run()
    for header, payload in bench.sent():
        assert verify(header.src, header.dst, payload)
        assert payload[6:8] != b"\0\0"
    # A payload that is what the sum of everything else lacks to 0xFFFF: its checksum comes out as zero.
    probe = UdpHeader.parse(b"\x1b\x58\x00\x09\x00\x0a\x00\x00")
    fill = 0xFFFF - (sum(int.from_bytes(part, "big") for part in (US[:2], US[2:], PEER[:2], PEER[2:]))
                     + 17 + 2 * probe.length + probe.src_port + probe.dst_port) % 0xFFFF  # fmt: skip
    endpoint.send(fill.to_bytes(2, "big"), (PEER, 9), bench.now)
    bench.run()
    ((_, payload),) = bench.sent()
    assert payload[6:8] == b"\xff\xff"


def test_no_check_sends_zero(bench: Any) -> None:
    endpoint = opened(bench, no_check=True)
    endpoint.send(b"x", (PEER, 9), bench.now)
    bench.run()
    ((_, payload),) = bench.sent()
    assert payload[6:8] == b"\0\0"


@pytest.mark.rfc("1122", "1122U-01")
@pytest.mark.attack("UDP-03")
def test_nobody_listens(bench: Any) -> None:
    bench.inject(bench.datagram(b"hello", sport=0, dport=1))
    bench.inject(bench.datagram(b"hello", dport=0))
    bench.run()
    replies = bench.sent()
    assert bench.machine.counters["udp_noports"] == 2
    assert [(header.dst, payload[0], payload[1]) for header, payload in replies] == [(PEER, 3, 3)] * 2
    assert replies[0][1][8 + 20 : 8 + 22] == b"\0\0"  # the quoted source port


@pytest.mark.attack("UDP-03", "IP4-09")
def test_nobody_listens_to_a_broadcast(bench: Any) -> None:
    bench.inject(bench.datagram(b"hello", dst=ALL, mac=ALL_MACS))
    bench.inject(bench.datagram(b"hello", dst=b"\x0a\0\0\xff", mac=ALL_MACS))
    assert bench.machine.counters["udp_noports"] == 2
    assert bench.sent() == []


@pytest.mark.attack("UDP-03")
def test_unreachables_are_limited(bench: Any) -> None:
    for port in range(1_000):
        bench.inject(bench.datagram(b"x", dport=20_000 + port))
    config = bench.machine.config.ip
    assert bench.machine.counters["udp_noports"] == 1_000
    assert 0 < len(bench.sent()) <= config.icmp_errors_burst


@pytest.mark.attack("UDP-06")
def test_connected_endpoint_hears_its_peer_only(bench: Any) -> None:
    endpoint = opened(bench)
    endpoint.connect(PEER, 5_000, bench.now)
    assert endpoint.local == (US, 7_000)
    bench.inject(bench.datagram(b"other port", sport=5_001))
    bench.inject(bench.datagram(b"other host", src=b"\x0a\0\0\3"))
    assert endpoint.receive() is None
    assert bench.machine.counters["udp_noports"] == 2
    bench.inject(bench.datagram(b"mine"))
    assert endpoint.receive() is not None
    endpoint.disconnect()
    assert endpoint.local == (ANY, 7_000)
    bench.inject(bench.datagram(b"anybody", sport=5_001))
    assert endpoint.receive() is not None


def unreachable(bench: Any, quoted: bytes, code: int = 3) -> bytes:
    return bench.packet(IcmpMessage(3, code, 0, quoted).pack(), protocol=1)


def quote(bench: Any, sport: int, dport: int, dst: bytes = PEER) -> bytes:
    datagram = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + b"\0\x0d\0\0hello"
    return bench.packet(datagram, src=US, dst=dst)[14:]


@pytest.mark.rfc("1122", "1122U-02")
@pytest.mark.attack("UDP-06")
def test_icmp_errors_reach_the_endpoint_that_sent(bench: Any) -> None:
    endpoint = opened(bench)
    endpoint.connect(PEER, 5_000, bench.now)
    bench.inject(unreachable(bench, quote(bench, 7_000, 5_001)))
    bench.inject(unreachable(bench, quote(bench, 7_000, 5_000, b"\x0a\0\0\3")))
    assert endpoint.error == 0
    bench.inject(unreachable(bench, quote(bench, 7_000, 5_000)))
    assert endpoint.poll() & POLLERR
    with pytest.raises(StackError) as caught:
        endpoint.send(b"x", None, bench.now)
    assert caught.value.errno == 111
    assert endpoint.send(b"x", None, bench.now) == 1


@pytest.mark.rfc("1122", "1122U-02")
def test_icmp_errors_without_a_connection_go_to_the_error_queue_if_wanted(bench: Any) -> None:
    endpoint = opened(bench)
    bench.inject(unreachable(bench, quote(bench, 7_000, 5_000)))
    assert not endpoint.poll() & POLLERR
    endpoint.options.recverr = True
    bench.inject(unreachable(bench, quote(bench, 7_000, 5_000), code=1))
    entry = endpoint.take_queued_error()
    assert entry is not None
    assert (entry.errno, entry.type, entry.code, entry.reporter, entry.dst_port) == (113, 3, 1, PEER, 5_000)
    assert endpoint.take_queued_error() is None


@pytest.mark.rfc("6633", "6633-01")
def test_source_quench_is_ignored(bench: Any) -> None:
    endpoint = opened(bench, recverr=True)
    endpoint.connect(PEER, 5_000, bench.now)
    bench.inject(bench.packet(IcmpMessage(4, 0, 0, quote(bench, 7_000, 5_000)).pack(), protocol=1))
    assert endpoint.error == 0
    assert endpoint.take_queued_error() is None


@pytest.mark.attack("UDP-05", "PY-04")
@pytest.mark.parametrize("size", [0, 1, 1_000])
def test_unread_datagrams_are_bounded(bench: Any, size: int) -> None:
    endpoint = opened(bench, rcvbuf=20_000)
    for _ in range(100):
        bench.inject(bench.datagram(bytes(size)))
    held = 20_000 // (size + DATAGRAM_OVERHEAD)
    assert endpoint.receive_queue <= 20_000
    assert endpoint.drops == 100 - held
    assert bench.machine.counters["udp_rcvbuf_errors"] == 100 - held
    for _ in range(held):
        datagram = endpoint.receive()
        assert datagram is not None
        assert type(datagram.payload) is bytes
    assert endpoint.receive_queue == 0


def test_a_datagram_larger_than_the_buffer_fits_if_it_is_alone(bench: Any) -> None:
    endpoint = opened(bench, rcvbuf=100)
    bench.inject(bench.datagram(bytes(1_000)))
    bench.inject(bench.datagram(bytes(1)))
    assert endpoint.receive() is not None
    assert endpoint.receive() is None


def test_group_datagrams_reach_every_endpoint_of_the_port(bench: Any) -> None:
    endpoints = [opened(bench, reuseaddr=True) for _ in range(3)]
    bench.inject(bench.datagram(b"to all", dst=ALL, mac=ALL_MACS))
    assert [endpoint.receive() is not None for endpoint in endpoints] == [True] * 3
    bench.inject(bench.datagram(b"to one"))
    assert [endpoint.receive() is not None for endpoint in endpoints] == [False, False, True]


def test_multicast_needs_membership_on_that_interface(bench: Any) -> None:
    member = opened(bench, reuseaddr=True, multicast_all=False)
    other = opened(bench, reuseaddr=True, multicast_all=False)
    member.join_group(GROUP, bench.interface, bench.now)
    frame = bench.datagram(b"news", dst=GROUP, mac=b"\x01\0\x5e\1\2\3")
    bench.inject(frame)
    assert member.receive() is not None
    assert other.receive() is None
    member.send(b"mine", (GROUP, 7_000), bench.now)
    bench.run()
    looped = member.receive()
    assert looped is not None
    assert looped.payload == b"mine"
    headers = [header for header, payload in bench.sent() if header.protocol == 17]
    assert [header.ttl for header in headers] == [1]
    member.options.multicast_loop = False
    member.send(b"not mine", (GROUP, 7_000), bench.now)
    bench.run()
    assert member.receive() is None
    member.leave_group(GROUP, bench.now)
    bench.inject(frame)
    assert member.receive() is None
    with pytest.raises(StackError):
        member.leave_group(GROUP, bench.now)


def test_broadcast_needs_permission(bench: Any) -> None:
    endpoint = opened(bench)
    for dst in (ALL, b"\x0a\0\0\xff"):
        with pytest.raises(StackError) as caught:
            endpoint.send(b"x", (dst, 9), bench.now)
        assert caught.value.errno == 13
    endpoint.options.broadcast = True
    endpoint.send(b"x", (ALL, 9), bench.now)
    bench.run()
    assert [header.dst for header, _ in bench.sent()] == [ALL]


@pytest.mark.rfc("1122", "1122U-06")
def test_ttl_and_tos_by_option_and_by_datagram(bench: Any) -> None:
    endpoint = opened(bench, ttl=9, tos=0x20)
    endpoint.send(b"a", (PEER, 9), bench.now)
    endpoint.send(b"b", (PEER, 9), bench.now, ttl=3, tos=0x40)
    bench.run()
    assert [(header.ttl, header.tos) for header, _ in bench.sent()] == [(9, 0x20), (3, 0x40)]


def test_do_not_fragment_follows_mtu_discover(bench: Any) -> None:
    endpoint = opened(bench)
    endpoint.send(bytes(1_472), (PEER, 9), bench.now)
    endpoint.send(bytes(1_473), (PEER, 9), bench.now)
    endpoint.options.mtu_discover = PMTUDISC_DONT
    endpoint.send(b"x", (PEER, 9), bench.now)
    bench.run()
    flags = [(header.dont_fragment, header.more_fragments) for header, _ in bench.sent()]
    assert flags == [(True, False), (False, True), (False, False), (False, False)]
    endpoint.options.mtu_discover = PMTUDISC_DO
    with pytest.raises(StackError) as caught:
        endpoint.send(bytes(1_473), (PEER, 9), bench.now)
    assert caught.value.errno == 90


def test_bind_knows_whose_addresses_are_ours(bench: Any) -> None:
    for address in (ANY, US, ALL, GROUP, b"\x7f\0\0\1"):
        opened(bench, 0, address).close(bench.now)
    with pytest.raises(StackError) as caught:
        opened(bench, 0, PEER)
    assert caught.value.errno == 99
    opened(bench, 0, PEER, freebind=True)


def test_close_gives_everything_back(bench: Any) -> None:
    endpoint = opened(bench)
    endpoint.join_group(GROUP, bench.interface, bench.now)
    bench.inject(bench.datagram())
    endpoint.close(bench.now)
    endpoint.close(bench.now)
    assert not bench.machine.udp.endpoints
    assert len(bench.machine.udp.ports) == 0
    assert GROUP not in bench.interface.groups
    bench.inject(bench.datagram())
    assert bench.machine.counters["udp_noports"] == 1


def test_to_ourselves_over_the_loopback(bench: Any) -> None:
    server, client = opened(bench), bench.machine.udp.open(4, bench.now)
    client.send(b"to us", (US, 7_000), bench.now)
    bench.run()
    datagram = server.receive()
    assert datagram is not None
    assert (datagram.payload, datagram.src, datagram.dst) == (b"to us", US, US)
    client.send(b"to this host", (ANY, 7_000), bench.now)
    bench.run()
    datagram = server.receive()
    assert datagram is not None
    assert datagram.dst == b"\x7f\0\0\1"
    assert bench.sent() == []
    assert server.poll() & POLLOUT


def test_a_full_transmit_queue_is_a_loss_on_the_way_unless_errors_are_wanted(bench: Any) -> None:
    endpoint = opened(bench)
    endpoint.send(b"find the neighbour", (PEER, 9), bench.now)
    bench.run()
    bench.sent()
    limit = bench.machine.config.ip.transmit_queue_frames
    for _ in range(limit + 5):
        endpoint.send(b"x", (PEER, 9), bench.now)
    assert bench.machine.counters["udp_sndbuf_errors"] == 5
    endpoint.options.recverr = True
    with pytest.raises(StackError) as caught:
        endpoint.send(b"x", (PEER, 9), bench.now)
    assert caught.value.errno == 105
