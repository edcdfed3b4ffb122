"""What is sent next where several things could be, and what comes of windows that are nearly used up."""

from dataclasses import replace
from typing import Any

import pytest

from netarium.base.config import MachineConfig
from netarium.base.profiles import profile
from netarium.base.trace import Segment, Trace
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.state import State
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN, URG

from .conftest import PEER, Script
from .test_icmp_errors import tell


def machine(system: str = "linux", **settings: Any) -> Script:
    return Script(MachineConfig(tcp=replace(profile(system), **settings)))


def traced(system: str = "linux", **settings: Any) -> tuple[Script, list[Segment]]:
    """A script, and the segments that its machine sends, as the glass shows them."""
    events: list[Any] = []
    tcp = Script(MachineConfig(tcp=replace(profile(system), **settings)), trace=Trace(events.append))
    return tcp, events


def notes(events: list[Any]) -> list[str]:
    return [event.note for event in events if isinstance(event, Segment) and event.direction == "sent"]


def lengths(tcp: Script) -> list[int]:
    tcp._collect()
    found = [len(seg.payload) for seg in tcp.seen]
    tcp.seen.clear()
    return found


# --- the handshake ----------------------------------------------------------------------------------------------------


def test_a_syn_that_goes_again_says_so() -> None:
    tcp, events = traced()
    tcp.connect()
    tcp.advance(1_500 * MS)
    assert notes(events) == ["", "retransmission: timeout"]
    tcp.expect(SYN, seq=100)
    assert tcp.socket.retransmits == 1
    assert tcp.machine.counters["tcp_retrans_segs"] == 1


@pytest.mark.rfc("9293", "MUST-10")
def test_both_syns_meet_and_the_answer_is_lost() -> None:
    tcp, events = traced()
    tcp.connect()
    tcp.inject(SYN, seq=300, mss=1_000)
    tcp.expect(SYN | ACK, seq=100, ack=301)
    tcp.advance(1_500 * MS)
    tcp.expect(SYN | ACK, seq=100, ack=301)
    assert notes(events)[-1] == "retransmission: timeout"
    tcp.inject(ACK, seq=301, ack=101)
    assert tcp.state is State.ESTABLISHED
    assert tcp.socket.info(tcp.now).tcpi_unacked == 0


# --- retransmissions --------------------------------------------------------------------------------------------------


def test_a_fin_goes_again_with_the_data_before_it(tcp: Script) -> None:
    tcp.established()
    tcp.send(b"abc")
    tcp.expect(ACK | PSH, length=3)
    tcp.shutdown()
    tcp.expect(FIN | ACK, seq=104)
    tcp.advance(5 * SECOND)
    tcp._collect()
    assert (tcp.seen[0].flags, bytes(tcp.seen[0].payload)) in {(ACK | PSH, b"abc"), (FIN | ACK | PSH, b"abc")}
    tcp.seen.clear()
    tcp.inject(ACK, seq=301, ack=104)
    tcp.advance(60 * SECOND)
    tcp._collect()
    assert {(seg.flags, len(seg.payload)) for seg in tcp.seen} == {(FIN | ACK, 0)}


@pytest.mark.parametrize("system", ["linux", "freebsd"])
def test_what_goes_again_is_pushed_where_it_was(system: str) -> None:
    tcp = machine(system)
    tcp.established()
    tcp.send(bytes(1_500))
    assert lengths(tcp) == [1_000, 500]
    tcp.advance(SECOND)
    tcp.expect(ACK, seq=101, length=1_000)
    tcp.inject(ACK, seq=301, ack=1_101)
    tcp.advance(20 * SECOND)
    tcp.expect(ACK | PSH, seq=1_101, length=500)


# --- windows ----------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("9293", "SHLD-28")
@pytest.mark.parametrize(
    ("window", "sent"),
    [(5_000, [1_000] * 5), (2_500, [1_000, 1_000, 500]), (1_999, [999, 999]), (10_000, [1_000] * 5)],
)
def test_full_segments_while_there_is_more(window: int, sent: list[int]) -> None:
    tcp = machine(timestamps=False)
    tcp.established(window=window)
    tcp.send(bytes(5_000))
    found = lengths(tcp)
    assert found[: len(sent)] == sent


def test_a_window_that_is_used_up_lets_nothing_go(tcp: Script) -> None:
    tcp.established(window=3_000)
    tcp.send(bytes(3_000))
    assert lengths(tcp) == [1_000] * 3
    tcp.send(bytes(10))
    tcp.expect_nothing()
    tcp.inject(ACK, seq=301, ack=1_101, window=2_000)
    tcp.expect_nothing()
    tcp.inject(ACK, seq=301, ack=1_101, window=2_010)
    assert lengths(tcp) == [10]


@pytest.mark.parametrize(("window", "flags"), [(300, ACK | PSH), (301, FIN | ACK | PSH)])
def test_a_fin_needs_room_in_the_window(tcp: Script, window: int, flags: int) -> None:
    """As an octet does; without room it follows when there is some."""
    tcp.established(window=0)
    tcp.send(bytes(300))
    tcp.shutdown()
    tcp.expect_nothing()
    tcp.inject(ACK, seq=301, ack=101, window=window)
    tcp.expect(flags, seq=101, length=300)
    tcp.expect_nothing()
    tcp.inject(ACK, seq=301, ack=401, window=1)
    if flags & FIN:
        tcp.expect_nothing()
    else:
        tcp.expect(FIN | ACK, seq=401)


def test_a_fin_alone_before_a_closed_window_is_probed_for(tcp: Script) -> None:
    tcp.established(window=10)
    tcp.send(bytes(10))
    tcp.expect(ACK | PSH, length=10)
    tcp.inject(ACK, seq=301, ack=111, window=0)
    tcp.shutdown()
    tcp.expect_nothing()
    began = tcp.now
    assert tcp.machine.next_deadline() == began + tcp.socket.tcb.rtt.rto
    tcp.advance(tcp.socket.tcb.rtt.rto)
    tcp.expect(ACK, seq=110, length=0)
    tcp.inject(ACK, seq=301, ack=111, window=1)
    tcp.expect(FIN | ACK, seq=111)


@pytest.mark.rfc("9293", "SHLD-12", "MUST-36")
def test_the_bsds_probe_with_an_octet_that_counts_when_it_is_taken() -> None:
    tcp, events = traced("freebsd")
    tcp.established(window=0)
    tcp.send(b"ab")
    tcp.advance(10 * SECOND)
    tcp._collect()
    assert {(seg.flags, bytes(seg.payload)) for seg in tcp.seen} == {(ACK, b"a")}
    assert set(notes(events)[2:]) == {"probe"}
    tcp.seen.clear()
    assert tcp.socket.info(tcp.now).tcpi_bytes_sent == 0
    tcp.inject(ACK, seq=301, ack=102, window=0)
    info = tcp.socket.info(tcp.now)
    assert (info.tcpi_bytes_sent, info.tcpi_bytes_acked, info.tcpi_unacked) == (1, 2, 0)
    tcp.advance(60 * SECOND)
    tcp._collect()
    assert {(seg.flags, bytes(seg.payload)) for seg in tcp.seen} == {(ACK | PSH, b"b")}  # the last there is
    tcp.seen.clear()
    tcp.inject(ACK, seq=301, ack=102, window=10)
    tcp.expect(ACK | PSH, seq=102, data=b"b")


def test_urgent_data_is_announced_into_a_closed_window() -> None:
    """Twice: to say so, and where it will begin; neither repeats anything."""
    tcp, events = traced()
    tcp.established(window=0)
    events.clear()
    tcp.socket.send(b"!", tcp.now, urgent=True)
    tcp._pump()
    tcp.advance(300 * SECOND)
    tcp._collect()
    assert {tcp._ours(seg.seq) for seg in tcp.seen} == {100, 101}
    assert all(seg.payload == b"" for seg in tcp.seen)
    assert set(notes(events)) == {"probe"}
    assert tcp.socket.retransmits == 0


@pytest.mark.rfc("8985", "§7.3")
@pytest.mark.parametrize(("window", "seq"), [(3_000, 2_101), (2_999, 1_101)])
def test_a_loss_probe_is_new_data_where_the_peers_window_takes_it(tcp: Script, window: int, seq: int) -> None:
    """Whatever the congestion window says; else the last segment goes again."""
    tcp.connect()
    tcp.advance(20 * MS)
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000, window=window, sack_permitted=True)
    tcp.expect(ACK)
    tcp.socket.tcb.congestion.cwnd = 2_000
    tcp.send(bytes(3_000))
    assert lengths(tcp) == [1_000, 1_000]
    tcp.advance(tcp.socket.tcb.rtt.rto - 1)
    tcp._collect()
    assert [(tcp._ours(seg.seq), len(seg.payload)) for seg in tcp.seen] == [(seq, 1_000)]


@pytest.mark.rfc("9293", "MUST-21")
@pytest.mark.parametrize("system", ["linux", "freebsd"])
def test_a_user_timeout_ends_the_wait_for_a_window(system: str) -> None:
    tcp = machine(system)
    tcp.established(window=0)
    tcp.option(user_timeout_ns=7 * SECOND)
    tcp.send(b"x")
    tcp.advance(8 * SECOND - 1)  # it counts from the first probe on
    assert tcp.state is State.ESTABLISHED
    tcp.advance(1)
    assert tcp.state is State.CLOSED
    assert tcp.socket.error


# --- what may be short ------------------------------------------------------------------------------------------------


@pytest.mark.rfc("9293", "SHLD-7", "MUST-17")
@pytest.mark.parametrize(
    ("form", "first", "then"),
    [
        ("minshall", 1_000, [5]),  # only a short one that is out holds up a short one
        ("minshall", 1_500, []),
        ("minshall", 500, []),
        ("classic", 1_000, []),
        ("classic", 500, []),
    ],
)
def test_nagles_forms(form: str, first: int, then: list[int]) -> None:
    tcp = machine(nagle_form=form)
    tcp.established()
    tcp.send(bytes(first))
    lengths(tcp)
    tcp.send(bytes(5))
    assert lengths(tcp) == then
    tcp.inject(ACK, seq=301, ack=101 + first)
    assert lengths(tcp) == ([] if then else [5])


def test_in_the_bsds_form_the_end_of_a_burst_goes() -> None:
    """What was queued when all was acknowledged goes, the short end included; what is written later waits."""
    tcp = machine("freebsd")
    tcp.established()
    tcp.send(bytes(2_500))
    assert lengths(tcp) == [1_000, 1_000, 500]
    tcp.send(bytes(5))
    assert lengths(tcp) == []
    tcp.inject(ACK, seq=301, ack=2_601)
    assert lengths(tcp) == [5]


def test_a_cork_holds_what_is_short_for_a_while_and_nodelay_lifts_it(tcp: Script) -> None:
    tcp.established()
    tcp.option(cork=True)
    tcp.send(bytes(1_005))
    assert lengths(tcp) == [1_000]
    tcp.inject(ACK, seq=301, ack=1_101)
    assert lengths(tcp) == []
    tcp.advance(tcp.socket.tcb.rtt.rto - 1)
    assert lengths(tcp) == []
    tcp.advance(1)
    assert lengths(tcp) == [5]  # no longer than a timeout
    tcp.inject(ACK, seq=301, ack=1_106)
    tcp.send(bytes(7))
    assert lengths(tcp) == []
    tcp.socket.options.nodelay = True
    tcp.socket.push(tcp.now)
    tcp._pump()
    assert lengths(tcp) == [7]


def test_the_end_of_a_record_does_not_wait(tcp: Script) -> None:
    tcp.established()
    tcp.send(bytes(5))
    assert lengths(tcp) == [5]
    tcp.socket.send(bytes(6), tcp.now, record=True)
    tcp._pump()
    assert lengths(tcp) == []  # Nagle: it is the last there is
    tcp.send(bytes(7))
    assert lengths(tcp) == [6]
    tcp.inject(ACK, seq=301, ack=112)
    assert lengths(tcp) == [7]


# --- without a way ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["data", "fin"])
def test_without_a_way_it_is_tried_again_after_a_timeout(tcp: Script, what: str) -> None:
    tcp.established()
    routes = list(tcp.machine.ip.routes)
    tcp.machine.ip.routes.remove_where(lambda _: True)
    if what == "data":
        tcp.send(b"x")
    else:
        tcp.shutdown()
    tcp.expect_nothing()
    if what == "data":
        tcp.send(b"y")
    assert tcp.socket.tcb.soft_error
    assert tcp.socket.tcb.persist_at == tcp.now + tcp.socket.tcb.rtt.rto
    for route in routes:
        tcp.machine.ip.routes.add(route)
    tcp.advance(tcp.socket.tcb.rtt.rto)
    tcp._collect()
    assert [seg.flags & (FIN | RST | PSH) for seg in tcp.seen] == [PSH if what == "data" else FIN]


# --- what is resent and what is not -----------------------------------------------------------------------------------


def test_data_goes_again_without_a_fin_that_has_arrived(tcp: Script) -> None:
    tcp.connect()
    tcp.advance(20 * MS)
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000, sack_permitted=True)
    tcp.expect(ACK)
    tcp.send(bytes(1_000))
    tcp.shutdown()
    tcp.expect(ACK | PSH, seq=101, length=1_000)
    tcp.expect(FIN | ACK, seq=1_101)
    tcp.advance(20 * MS)
    tcp.inject(ACK, seq=301, ack=101, sack=[(1_101, 1_102)])
    tcp.advance(100 * MS)
    tcp.expect(ACK | PSH, seq=101, length=1_000)
    tcp.expect_nothing()


def test_a_syn_that_was_too_large_goes_again_without_its_data() -> None:
    tcp, events = traced(fast_open=1)
    tcp.socket.options.fast_open_no_cookie = True
    assert tcp.socket.connect_with(bytes(1_000), PEER, 80, tcp.now, waiting=False) == 1_000
    tcp.our_port = tcp.socket.local[1]
    tcp._learn(100)
    tcp._pump()
    tcp.expect(SYN, seq=100, length=1_000)
    tell(tcp, 3, 4, 100, mtu=600, size=1_060)
    tcp.expect(SYN, seq=100, length=0)
    tcp.expect_nothing()
    assert notes(events) == ["", "retransmission: too large"]
    assert tcp.socket.retransmits == 1
    assert tcp.socket.info(tcp.now).tcpi_bytes_sent == 1_000


# --- the urgent pointer -----------------------------------------------------------------------------------------------


@pytest.mark.rfc("9293", "MUST-62")
@pytest.mark.parametrize(("size", "first"), [(65_534, 65_534), (65_535, 65_535), (65_536, 0)])
def test_an_urgent_pointer_that_cannot_reach_is_not_there(tcp: Script, size: int, first: int) -> None:
    """It has 16 bits: who is further away hears of urgent data later."""
    tcp.established(window=65_535)
    tcp.option(sndbuf=200_000, sndbuf_locked=True)
    assert tcp.socket.send(bytes(size), tcp.now, urgent=True) == size
    tcp._pump()
    tcp._collect()
    seg = tcp.seen[0]
    assert (seg.urgent, seg.flags & URG != 0) == (first, first > 0)


def test_without_urgent_data_there_is_no_pointer(tcp: Script) -> None:
    tcp.established()
    tcp.send(b"abc")
    seg = tcp.expect(ACK | PSH, length=3)
    assert (seg.urgent, seg.flags & URG) == (0, 0)
