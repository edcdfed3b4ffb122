"""A connection and the network: what is counted, which way its segments go, and what their IP headers say."""

import errno
from dataclasses import replace
from typing import Any

import pytest

from netarium.base.addr import parse_ip
from netarium.base.config import MachineConfig
from netarium.base.errors import DropReason
from netarium.base.profiles import profile
from netarium.base.trace import StateChanged, Trace
from netarium.base.units import MS, SECOND
from netarium.link.device import Offload
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import fastopen
from netarium.transport.tcp.state import State
from netarium.wire.ipv4 import Ipv4Header
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN

from .conftest import PEER, US, Script
from .test_icmp_errors import tell

OPENED = {"active_opens": 1}
ACCEPTED = {"passive_opens": 1}


def machine(system: str = "linux", **settings: Any) -> Script:
    return Script(MachineConfig(tcp=replace(profile(system), **settings)))


def opens(tcp: Script) -> dict[str, int]:
    """The counters of RFC 4022 that are about the lives of connections."""
    names = ("active_opens", "passive_opens", "attempt_fails", "estab_resets")
    counters = tcp.machine.counters
    return {name: counters["tcp_" + name] for name in names if counters["tcp_" + name]}


def headers(tcp: Script) -> list[Ipv4Header]:
    """The IP headers of what was sent; the segments stay for `expect`."""
    return [Ipv4Header.parse(octets[14:]) for octets in tcp.wire.from_machine]


# --- counters ---------------------------------------------------------------------------------------------------------


def test_an_active_open_counts_once(tcp: Script) -> None:
    tcp.connect()
    assert opens(tcp) == OPENED
    tcp.inject(SYN | ACK, seq=300, ack=101)
    tcp.shutdown()
    tcp.inject(FIN | ACK, seq=301, ack=102)
    assert tcp.state is State.TIME_WAIT
    assert opens(tcp) == OPENED


def test_a_passive_open_counts_once(tcp: Script) -> None:
    tcp.passive()
    assert opens(tcp) == ACCEPTED
    tcp.inject(FIN | ACK, seq=301, ack=101)
    tcp.shutdown()
    assert tcp.state is State.LAST_ACK
    tcp.inject(ACK, seq=302, ack=102)
    assert tcp.state is State.CLOSED
    assert opens(tcp) == ACCEPTED


def test_an_attempt_that_fails_counts(tcp: Script) -> None:
    tcp.connect()
    tcp.inject(RST | ACK, seq=0, ack=101)
    assert opens(tcp) == {**OPENED, "attempt_fails": 1}
    both = Script()
    both.connect()
    both.inject(SYN, seq=300)
    assert both.state is State.SYN_RECEIVED
    both.inject(RST, seq=301)
    assert both.state is State.CLOSED
    assert opens(both) == {**OPENED, "attempt_fails": 1}


@pytest.mark.parametrize("half_closed", [False, True])
def test_a_reset_counts_while_it_is_open(tcp: Script, half_closed: bool) -> None:
    tcp.passive()
    if half_closed:
        tcp.inject(FIN | ACK, seq=301, ack=101)
    tcp.inject(RST, seq=301 + half_closed)
    assert tcp.state is State.CLOSED
    assert opens(tcp) == {**ACCEPTED, "estab_resets": 1}


def test_a_reset_behind_a_fin_counts_no_more(tcp: Script) -> None:
    tcp.established()
    tcp.shutdown()
    tcp.inject(RST, seq=301)
    assert tcp.state is State.CLOSED
    assert opens(tcp) == OPENED


def test_cookies_are_counted() -> None:
    tcp = machine(syn_cookies=2)
    tcp.listen()
    for port in (40_000, 40_001):
        tcp.inject(SYN, seq=300, ports=(port, 80))
        iss = tcp.learn_from_syn_ack().seq
    tcp.inject(ACK, seq=301, ack=iss + 1, raw_ack=True, ports=(40_001, 80))
    counters = tcp.machine.counters
    assert (counters["tcp_cookies_sent"], counters["tcp_cookies_received"]) == (2, 1)


def test_what_opens_fast_is_counted() -> None:
    tcp = machine(fast_open=fastopen.SERVER | fastopen.SERVER_WITHOUT_COOKIE)
    tcp.socket.options.fast_open = 5
    tcp.listen()
    tcp.inject(SYN, seq=300, data=b"abc", mss=1_000)
    tcp.learn_from_syn_ack()
    assert tcp.machine.counters["tcp_fast_open_passive"] == 1
    accepted = tcp.socket.accept(tcp.now)
    assert accepted.recv(10, tcp.now) == b"abc"
    assert tcp.socket.listener.fast_open.pending == 1
    tcp.inject(ACK, seq=304, ack=101)
    assert tcp.socket.listener.fast_open.pending == 0


def test_segments_of_a_chunk_are_counted_one_by_one() -> None:
    tcp = Script()
    tcp.wire.offload = Offload(tx_checksum=True, tso=True, max_gso_size=65_535)
    tcp.established()
    tcp.send(bytes(5_500))
    info = tcp.socket.info(tcp.now)
    assert (info.tcpi_segs_out, info.tcpi_data_segs_out) == (2 + 6, 6)
    assert tcp.machine.counters["tcp_out_segs"] == 2 + 6
    assert tcp.machine.counters["tcp_retrans_segs"] == 0
    frames = [Ipv4Header.parse(octets[14:]).total_length - 40 for octets in tcp.wire.from_machine]
    assert sum(frames) == 5_500
    assert len(frames) < 6


@pytest.mark.parametrize(("most", "frames"), [(3_000, [3_000, 2_500]), (2_999, [2_000, 2_000, 1_500])])
def test_a_device_bounds_its_chunks(most: int, frames: list[int]) -> None:
    tcp = Script()
    tcp.wire.offload = Offload(tx_checksum=True, tso=True, max_gso_size=most)
    tcp.established()
    tcp.send(bytes(5_500))
    assert [header.total_length - 40 for header in headers(tcp)] == frames


@pytest.mark.parametrize(
    ("window", "size", "gso"),
    [(65_000, 1_000, 0), (65_000, 1_001, 1_000), (1_400, 700, 0), (1_400, 1_400, 700), (1_400, 701, 700)],
)
def test_a_device_is_told_where_to_cut(window: int, size: int, gso: int) -> None:
    """Half of a small window is the size of a segment; what is one segment is not to be cut."""
    tcp = Script()
    tcp.wire.offload = Offload(tx_checksum=True, tso=True, max_gso_size=65_535)
    tcp.established(window=window)
    told, send = [], tcp.wire.send
    tcp.wire.send = lambda frame, now: (told.append(frame.gso_size), send(frame, now))
    tcp.send(bytes(size))
    assert told == [gso]


def test_what_goes_again_is_counted_as_such(tcp: Script) -> None:
    tcp.established()
    tcp.send(bytes(1_500))
    tcp.advance(SECOND)
    info = tcp.socket.info(tcp.now)
    assert (info.tcpi_bytes_retrans, info.tcpi_data_segs_out) == (1_000, 3)
    assert tcp.machine.counters["tcp_retrans_segs"] == 1


# --- the IP header ----------------------------------------------------------------------------------------------------


def test_ttl_and_class_of_service_are_the_sockets(tcp: Script) -> None:
    tcp.established()
    tcp.send(b"a")
    tcp.option(ttl=7, tos=0x28)
    tcp.option(nodelay=True)
    tcp.send(b"b")
    assert [(header.ttl, header.tos) for header in headers(tcp)] == [(64, 0), (7, 0x28)]
    tcp.wire.from_machine.clear()
    tcp.socket.abort(tcp.now)
    tcp._pump()
    assert [header.tos for header in headers(tcp)] == [0x28]


# --- the way ----------------------------------------------------------------------------------------------------------


def other_address(tcp: Script) -> bytes:
    other = parse_ip("10.0.0.9")
    tcp.machine.ip.add_address(tcp.machine.ip.interface_named("eth0"), other, 24, tcp.now)
    return other


def test_the_source_stays_when_the_routes_change(tcp: Script) -> None:
    other = other_address(tcp)
    tcp.socket.bind(other, 4_000)
    tcp.socket.connect(PEER, 80, tcp.now)
    tcp._pump()
    assert [header.src for header in headers(tcp)] == [other]
    tcp.wire.from_machine.clear()
    tcp.machine.ip.add_address(tcp.machine.ip.interface_named("eth0"), parse_ip("10.0.0.10"), 24, tcp.now)
    tcp.advance(SECOND)
    assert [header.src for header in headers(tcp)] == [other]


def test_abort_in_syn_sent_says_nothing(tcp: Script) -> None:
    tcp.connect()
    tcp.socket.abort(tcp.now)
    tcp._pump()
    tcp.expect_nothing()
    assert (tcp.socket.state, tcp.socket.error) == (State.CLOSED, 0)


# --- ICMP and the end of patience -------------------------------------------------------------------------------------


@pytest.mark.rfc("5927", "§7.2")
@pytest.mark.parametrize(
    ("stamps", "headers_", "obeyed"),
    [(False, 40, False), (False, 39, True), (True, 52, False), (True, 51, True)],
)
def test_too_big_is_what_with_its_headers_is_larger(stamps: bool, headers_: int, obeyed: bool) -> None:
    tcp = Script()
    tcp.connect()
    stamp = {"ts": (1, (tcp.now // MS + tcp.socket.tcb.ts_offset) & 0xFFFF_FFFF)} if stamps else {}
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_460, **stamp)
    tcp.send(bytes(1_000))
    tell(tcp, 3, 4, 101, mtu=1_000 + headers_)
    assert (tcp.machine.counters["ip_pmtu_lowered"] == 1) is obeyed


@pytest.mark.parametrize("what", [(3, 0), (3, 1), (3, 3), (11, 0)])
def test_on_the_bsds_who_is_connected_hears_of_none(what: tuple[int, int]) -> None:
    tcp = machine("freebsd")
    tcp.established()
    tcp.send(b"x")
    tcp.option(recverr=True)
    tell(tcp, *what, 101)
    assert (tcp.socket.error, tcp.socket.tcb.soft_error, tcp.state) == (0, 0, State.ESTABLISHED)


@pytest.mark.parametrize("passive", [False, True])
def test_timeouts_of_what_did_not_open_fast_do_not_pause_it(passive: bool) -> None:
    tcp = machine(fast_open=fastopen.CLIENT | fastopen.SERVER, fast_open_blackhole_ns=SECOND)
    (tcp.passive if passive else tcp.established)()
    tcp.send(b"x")
    tcp.advance(30 * SECOND)
    assert tcp.socket.retransmits > 3
    assert tcp.machine.counters["tcp_fast_open_blackholes"] == 0


def test_timeouts_of_a_listeners_connection_that_opened_fast_do_not_either() -> None:
    tcp = machine(fast_open=fastopen.SERVER | fastopen.SERVER_WITHOUT_COOKIE, fast_open_blackhole_ns=SECOND)
    tcp.socket.options.fast_open = 5
    tcp.listen()
    tcp.inject(SYN, seq=300, data=b"abc", mss=1_000)
    tcp.learn_from_syn_ack()
    tcp.advance(30 * SECOND)
    assert tcp.machine.counters["tcp_fast_open_blackholes"] == 0


def test_what_is_written_at_the_end_of_patience_is_told(tcp: Script) -> None:
    tcp.established()
    tcp.send(b"x")
    tell(tcp, 3, 1, 101)
    tcp.advance(2_000 * SECOND)
    assert tcp.socket.error == errno.EHOSTUNREACH
    assert tcp.socket.info(tcp.now).tcpi_retransmits >= 0
    tcp.seen.clear()


# --- the sender's choices where the window is small -------------------------------------------------------------------


@pytest.mark.rfc("9293", "MUST-38")
@pytest.mark.parametrize(("window", "sent"), [(400, 400), (399, 0)])
def test_half_of_the_largest_window_is_worth_a_segment(window: int, sent: int) -> None:
    tcp = machine("freebsd")
    tcp.established(window=800, mss=1_000)
    tcp.send(bytes(800))
    tcp._collect()
    assert sum(len(seg.payload) for seg in tcp.seen) == 800
    tcp.seen.clear()
    tcp.inject(ACK, seq=301, ack=901, window=window)
    tcp.send(bytes(5_000))
    tcp._collect()
    assert [len(seg.payload) for seg in tcp.seen if seg.payload] == ([sent] if sent else [])


@pytest.mark.rfc("9293", "MUST-38")
def test_on_linux_what_a_small_window_cuts_waits_for_its_timeout(tcp: Script) -> None:
    tcp.established(window=500)
    tcp.send(bytes(500))
    tcp.expect(ACK, length=500)
    tcp.inject(ACK, seq=301, ack=601, window=400)
    tcp.send(bytes(5_000))
    tcp.expect_nothing()
    tcp.advance(SECOND)
    tcp.expect(ACK, seq=601, length=400)


@pytest.mark.parametrize(
    ("system", "size", "sent"), [("freebsd", 200, True), ("freebsd", 201, False), ("linux", 200, False)]
)
def test_on_the_bsds_the_congestion_window_counts_octets(system: str, size: int, sent: bool) -> None:
    tcp = machine(system)
    tcp.established(mss=1_000)
    tcp.option(nodelay=True)
    tcp.send(bytes(100))
    tcp.expect(ACK, length=100)
    tcp.socket.tcb.congestion.cwnd = 300
    tcp.send(bytes(size))
    if sent:
        tcp.expect(ACK, length=size)
    tcp.expect_nothing()


def test_a_fin_waits_for_the_congestion_window(tcp: Script) -> None:
    tcp.established()
    tcp.socket.tcb.congestion.cwnd = 2_000
    tcp.send(bytes(2_000))
    tcp.shutdown()
    tcp.expect(ACK, length=1_000)
    tcp.expect(ACK | PSH, length=1_000)
    tcp.expect_nothing()
    tcp.inject(ACK, seq=301, ack=1_101)
    tcp.expect(FIN | ACK, seq=2_101)
    assert tcp.socket.info(tcp.now).tcpi_unacked == 2
    assert tcp.state is State.FIN_WAIT_1


# --- more than once, and what little there is to tell -----------------------------------------------------------------


def test_lives_are_counted_each(tcp: Script) -> None:
    tcp.listen()
    for port in (40_000, 40_001, 40_002):
        tcp.inject(SYN, seq=300, ports=(port, 80))
        iss = tcp.learn_from_syn_ack().seq
        tcp.inject(ACK, seq=301, ack=iss + 1, raw_ack=True, ports=(port, 80))
        tcp.inject(RST, seq=301, ports=(port, 80))
    assert opens(tcp) == {"passive_opens": 3, "estab_resets": 3}
    both = Script()
    for _ in range(2):
        both.socket = both.machine.tcp.open(4, both.now)
        both.connect()
        both.inject(RST | ACK, seq=0, ack=101)
    assert opens(both) == {"active_opens": 2, "attempt_fails": 2}


def test_two_that_open_fast_are_two() -> None:
    tcp = machine(fast_open=fastopen.SERVER | fastopen.SERVER_WITHOUT_COOKIE)
    tcp.socket.options.fast_open = 5
    tcp.listen()
    for port in (40_000, 40_001):
        tcp.inject(SYN, seq=300, data=b"abc", ports=(port, 80))
        tcp.learn_from_syn_ack()
    assert tcp.socket.listener.fast_open.pending == 2
    assert tcp.machine.counters["tcp_fast_open_passive"] == 2


def test_what_a_syn_carries_counts_as_sent_when_it_leaves() -> None:
    tcp = machine(fast_open=fastopen.CLIENT)
    tcp.socket.options.fast_open_no_cookie = True
    tcp.socket.connect_with(b"abc", PEER, 80, tcp.now, waiting=False)
    assert tcp.socket.info(tcp.now).tcpi_bytes_sent == 0
    tcp.our_port = tcp.socket.local[1]
    tcp._learn(100)
    tcp._pump()
    tcp.expect(SYN, seq=100, data=b"abc")
    assert tcp.socket.info(tcp.now).tcpi_bytes_sent == 3
    tcp.inject(SYN | ACK, seq=300, ack=104, mss=700)
    known = tcp.machine.tcp.fast_open.offer(PEER + US, tcp.machine.tcp.config, SocketOptions(), tcp.now)
    assert (known.data, known.mss) == (False, 700)


def test_cookies_that_come_back_are_counted_each() -> None:
    tcp = machine(syn_cookies=2)
    tcp.listen()
    for port in (40_000, 40_001):
        tcp.inject(SYN, seq=300, ports=(port, 80))
        iss = tcp.learn_from_syn_ack().seq
        tcp.inject(ACK, seq=301, ack=iss + 1, raw_ack=True, ports=(port, 80))
    assert tcp.machine.counters["tcp_cookies_received"] == 2


def test_an_error_about_what_is_sent_next_is_about_us(tcp: Script) -> None:
    """A probe quotes a number that is not in flight."""
    tcp.established()
    tell(tcp, 3, 1, 101)
    assert tcp.socket.tcb.soft_error == errno.EHOSTUNREACH
    tell(tcp, 3, 1, 102)
    tell(tcp, 3, 1, 100)
    assert tcp.machine.counters["tcp_icmp_ignored"] == 2


def test_a_quench_is_about_us_and_means_nothing(tcp: Script) -> None:
    tcp.established()
    tcp.send(b"x")
    tell(tcp, 4, 0, 101)
    tell(tcp, 11, 1, 101)
    assert tcp.machine.counters["tcp_icmp_ignored"] == 0


def test_who_asked_for_errors_is_woken(tcp: Script) -> None:
    tcp.established()
    tcp.send(b"x")
    tcp.option(recverr=True)
    tcp.socket.notified = False
    tell(tcp, 3, 1, 101)
    assert tcp.socket.notified


def test_abort_forgets_what_was_not_read(tcp: Script) -> None:
    tcp.established()
    tcp.inject(ACK | PSH, seq=301, ack=101, data=b"abc")
    assert tcp.socket.receive_queue == 3
    tcp.socket.abort(tcp.now)
    assert tcp.socket.receive_queue == 0


def test_what_a_listener_cannot_use_is_dropped_in_silence(tcp: Script) -> None:
    """RFC 9293 §3.10.7.2, fourth: neither SYN nor ACK nor RST: it has nothing to do with any connection."""
    tcp.listen()
    tcp.inject(FIN, seq=300)
    tcp.inject(PSH, seq=300, data=b"x")
    tcp.expect_nothing()
    assert tcp.machine.counters[DropReason.TCP_BAD_SEGMENT] == 2


def test_a_bare_reset_is_plain(tcp: Script) -> None:
    tcp.our_port = 99
    tcp.inject(ACK, seq=5, ack=7)
    [header] = headers(tcp)
    assert (header.dont_fragment, header.tos) == (True, 0)
    seg = tcp.expect(RST)
    assert (seg.urgent, seg.window, seg.payload, seg.options) == (0, 0, b"", b"")


def test_in_the_profile_of_the_rfcs_a_dead_neighbour_ends_connect() -> None:
    """What we found out ourselves is no hint (RFC 5461 §2.2)."""
    tcp = machine("rfc")
    tcp.audited = False
    tcp.socket.connect(parse_ip("10.0.0.77"), 80, tcp.now)
    tcp._pump()
    tcp.advance(30 * SECOND)
    assert tcp.socket.state is State.CLOSED
    assert tcp.socket.error


def test_an_icmp_error_is_told_as_the_reason() -> None:
    events: list[object] = []
    tcp = Script(trace=Trace(events.append))
    tcp.connect()
    tell(tcp, 3, 3, 100)
    assert [event.why for event in events if isinstance(event, StateChanged)][-1] == "ICMP error"
