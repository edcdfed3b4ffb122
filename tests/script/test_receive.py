"""The receiving half at its edges: the window, FIN and text out of order, buffers, PAWS, urgent data, readiness."""

import pytest

from netarium.base.config import MachineConfig
from netarium.base.errors import DropReason
from netarium.base.profiles import profile
from netarium.base.units import MS
from netarium.transport.endpoint import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from netarium.transport.tcp.state import State
from netarium.wire.tcp import ACK, FIN, PSH, RST, URG

from .conftest import Script

READY = POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP


def ready(tcp: Script) -> int:
    return tcp.socket.poll() & READY


def close_window(tcp: Script) -> None:
    """No room, and the peer knows it."""
    tcb = tcp.socket.tcb
    tcb.rcv_buf = tcb.rcv_queued
    tcb.rcv_adv = tcb.rcv_nxt


@pytest.mark.attack("TCP-50")
def test_text_behind_a_fin_is_not_delivered(tcp: Script) -> None:
    tcp.established()
    tcp.inject(FIN | ACK, seq=311, ack=101)  # out of order: the stream ends at 311
    tcp.expect(ACK, ack=301)
    tcp.inject(ACK, seq=306, ack=101, data=b"FGHIJ and more")
    tcp.inject(ACK, seq=330, ack=101, data=b"behind the end")
    tcp.inject(ACK, seq=301, ack=101, data=b"ABCDE")
    assert tcp.state is State.CLOSE_WAIT
    assert tcp.recv() == b"ABCDEFGHIJ"
    assert tcp.recv() == b""


@pytest.mark.attack("TCP-50")
def test_a_fin_before_what_was_received_is_not_believed(tcp: Script) -> None:
    tcp.established()
    tcp.inject(ACK, seq=311, ack=101, data=b"later")
    tcp.inject(FIN | ACK, seq=305, ack=101)
    tcp.inject(ACK, seq=301, ack=101, data=b"0123456789")
    assert tcp.state is State.ESTABLISHED
    assert tcp.recv() == b"0123456789later"
    tcp.inject(FIN | ACK, seq=316, ack=101)
    assert tcp.state is State.CLOSE_WAIT


@pytest.mark.attack("TCP-50")
def test_a_fin_past_the_edge_of_the_window_comes_again(tcp: Script) -> None:
    tcp.established()
    tcb = tcp.socket.tcb
    tcp.inject(FIN | ACK, seq=tcb.rcv_adv - 5, ack=101, data=b"0123456789")
    tcp.expect(ACK, ack=301)
    assert tcb.rcv_fin is None
    assert tcb.reassembly.octets == 5


def test_a_fin_with_text_waits_for_a_window_that_opens(tcp: Script) -> None:
    tcp.established()
    close_window(tcp)
    tcp.inject(FIN | ACK, seq=301, ack=101, data=b"text")
    tcp.expect(ACK, ack=301, window=0)
    assert tcp.state is State.ESTABLISHED
    tcp.socket.tcb.rcv_buf = 10_000
    tcp.socket.tcb.rcv_adv += 10_000
    tcp.inject(FIN | ACK, seq=301, ack=101, data=b"text")
    tcp.advance(40 * MS)
    tcp.expect(ACK, ack=306)
    assert tcp.state is State.CLOSE_WAIT


def test_a_bare_fin_needs_no_window(tcp: Script) -> None:
    tcp.established()
    close_window(tcp)
    tcp.inject(FIN | ACK, seq=301, ack=101)
    tcp.advance(1 * MS)
    tcp.expect(ACK, ack=302, window=0)
    assert tcp.state is State.CLOSE_WAIT


def test_an_ack_at_the_right_edge_counts(tcp: Script) -> None:
    """The peer has filled our window, and a segment of that was lost: it goes on acknowledging our data."""
    tcp.established()
    tcp.send(b"ours")
    tcp.expect(ACK | PSH)
    edge = tcp.socket.tcb.rcv_adv
    tcp.inject(ACK, seq=edge, ack=105)
    assert tcp.socket.send_queue == 0
    tcp.inject(RST, seq=edge)
    assert tcp.state is State.ESTABLISHED


def test_closed_and_then_data_with_a_fin_is_a_reset(tcp: Script) -> None:
    tcp.established()
    tcp.close()
    tcp.expect(FIN | ACK)
    tcp.inject(ACK, seq=301, ack=102)
    tcp.inject(FIN | ACK | PSH, seq=301, ack=102, data=b"too late")
    tcp.expect(RST, seq=102)
    tcp.expect_nothing()
    assert tcp.state is State.CLOSED
    assert not tcp.machine.tcp.flows


def test_half_closed_data_flows_the_other_way(tcp: Script) -> None:
    tcp.established()
    tcp.shutdown(1)
    tcp.expect(FIN | ACK, seq=101)
    tcp.inject(ACK, seq=301, ack=102)
    assert tcp.state is State.FIN_WAIT_2
    for i in range(10):
        tcp.inject(ACK, seq=301 + 1_000 * i, ack=102, data=bytes([i]) * 1_000)
    assert tcp.recv() == b"".join(bytes([i]) * 1_000 for i in range(10))
    assert tcp.recv() is None
    tcp._collect()
    assert tcp.seen[-1].ack == 10_301
    tcp.seen.clear()
    tcp.inject(FIN | ACK, seq=10_301, ack=102)
    tcp.expect(ACK, seq=102, ack=10_302)
    assert tcp.state is State.TIME_WAIT
    assert tcp.recv() == b""


def test_shutdown_of_reading_still_takes_what_comes(tcp: Script) -> None:
    tcp.established()
    tcp.inject(ACK, seq=301, ack=101, data=b"before")
    tcp.shutdown(0)
    tcp.inject(ACK, seq=307, ack=101, data=b"after")
    tcp._collect()
    assert tcp.seen[-1].ack == 312
    assert tcp.recv() == b"beforeafter"  # as Linux: see tests/conform
    assert tcp.recv() == b""


@pytest.mark.rfc("9293", "MUST-58", "MUST-59")
def test_one_ack_for_all_that_a_hole_held_back(tcp: Script) -> None:
    tcp.established()
    for i in range(1, 6):
        tcp.inject(ACK, seq=301 + 100 * i, ack=101, data=bytes(100))
    tcp._collect()
    tcp.seen.clear()
    tcp.inject(ACK, seq=301, ack=101, data=bytes(100))
    tcp.expect(ACK, ack=901)
    tcp.expect_nothing()


@pytest.mark.attack("TCP-48")
def test_crumbs_out_of_order_are_bounded_by_what_they_cost(tcp: Script) -> None:
    tcp.established()
    for seq in range(303, 10_000, 2):
        tcp.inject(ACK, seq=seq, ack=101, data=b"x")
        tcp.wire.from_machine.clear()
    assert len(tcp.socket.tcb.reassembly) <= 2 * 131_072 // 128
    tcp._collect()
    tcp.seen.clear()
    tcp.inject(ACK, seq=301, ack=101, data=b"ab")  # what is in order is always taken
    tcp.expect(ACK, ack=304)


@pytest.mark.rfc("9293", "MUST-39")
def test_the_buffer_grows_with_what_the_application_takes(tcp: Script) -> None:
    tcp.established(wscale=7)
    tcb = tcp.socket.tcb
    start = tcb.rcv_buf
    seq = 301
    for _ in range(20):
        for _ in range(70):
            tcp.inject(ACK, seq=seq, ack=101, data=bytes(1_400))
            seq += 1_400
        tcp.recv()
        tcp.advance(10 * MS)
    assert tcb.rcv_buf > start
    assert tcp.socket.tcb.rcv_adv - tcb.rcv_nxt > start


@pytest.mark.rfc("7323", "06")
def test_paws_corner_cases(tcp: Script) -> None:
    tcp.established(ts=(0xFFFF_FFF0, 0))
    tcp.inject(ACK, seq=301, ack=101, data=b"a", ts=(0xFFFF_FFF5, 0))
    tcp.inject(ACK, seq=302, ack=101, data=b"b", ts=(3, 0))  # the clock has wrapped
    assert tcp.recv() == b"ab"
    tcp.inject(ACK, seq=303, ack=101, data=b"c", ts=(0xFFFF_FFF5, 0))
    assert tcp.recv() is None
    tcp.inject(ACK, seq=303, ack=101, data=b"c", ts=(3, 0))  # equal is not old
    assert tcp.recv() == b"c"
    tcp.inject(ACK, seq=304, ack=101, data=b"d")  # §3.2: agreed on, and then missing: tolerated, as by Linux
    assert tcp.recv() == b"d"
    tcp.advance(25 * 24 * 3_600_000 * MS)  # §5.5: after 24 days nothing can be said
    tcp.inject(ACK, seq=305, ack=101, data=b"e", ts=(0x9000_0000, 0))
    assert tcp.recv() == b"e"


@pytest.mark.rfc("7323", "04")
@pytest.mark.parametrize(("profile_name", "taken"), [("linux", b"a"), ("freebsd", None), ("rfc", None)])
def test_a_timestamp_that_is_missing(profile_name: str, taken: bytes | None) -> None:
    """§3.2: a segment without one SHOULD be dropped silently, once they are agreed on; Linux takes it all the same."""
    tcp = Script(MachineConfig(tcp=profile(profile_name)))
    tcp.established(ts=(1_000, 0))
    tcp.inject(ACK, seq=301, ack=101, data=b"a")
    assert tcp.recv() == taken
    if taken is None:
        tcp.expect_nothing()
        assert tcp.machine.counters[DropReason.TCP_PAWS] == 1
    assert tcp.state is State.ESTABLISHED  # never aborted


@pytest.mark.rfc("7323", "05")
@pytest.mark.attack("TCP-06")
def test_a_timestamp_from_outside_the_window_freezes_nothing(tcp: Script) -> None:
    tcp.established(ts=(1_000, 0))
    tcp.inject(ACK, seq=301 + 200_000, ack=101, data=b"evil", ts=(1_000 + 2**30, 0))
    tcp.inject(ACK, seq=301, ack=101, data=b"good", ts=(1_001, 0))
    assert tcp.recv() == b"good"


@pytest.mark.rfc("9293", "MUST-31", "MUST-32", "MUST-33")
def test_the_urgent_mark_moves_on(tcp: Script) -> None:
    tcp.established()
    tcp.inject(ACK | URG, seq=301, ack=101, data=b"ab", urgent=4)  # it is announced before it is there
    assert tcp.socket.poll() & 0x002
    assert tcp.socket.urgent() == b""
    tcp.inject(ACK | URG, seq=303, ack=101, data=b"cDeF", urgent=4)
    assert tcp.socket.urgent() == b"F"
    assert tcp.recv() == b"abcDe"
    assert tcp.socket.at_mark()


def test_what_poll_says_in_each_state(tcp: Script) -> None:
    """Linux's tcp_poll()."""
    assert ready(tcp) == POLLOUT | POLLHUP
    tcp.connect()
    assert ready(tcp) == 0
    tcp.inject(0x12, seq=300, ack=101, mss=1_000)
    tcp.expect(ACK)
    assert ready(tcp) == POLLOUT
    tcp.inject(ACK, seq=301, ack=101, data=b"x")
    assert ready(tcp) == POLLOUT | POLLIN
    tcp.recv()
    tcp.inject(FIN | ACK, seq=302, ack=101)
    assert ready(tcp) == POLLOUT | POLLIN | POLLRDHUP
    tcp.shutdown(1)
    assert ready(tcp) == POLLOUT | POLLIN | POLLRDHUP | POLLHUP


def test_what_poll_says_after_a_failure(tcp: Script) -> None:
    tcp.connect()
    tcp.inject(RST | ACK, seq=0, ack=101)
    assert ready(tcp) == READY
    tcp.socket.error = 0  # SO_ERROR was read
    assert ready(tcp) == READY & ~POLLERR


def test_a_full_send_buffer_is_not_writable_until_a_third_is_free(tcp: Script) -> None:
    """As on Linux the limit is looked at before a chunk begins, here of 4,000 octets, and bookkeeping counts."""
    tcp.established(window=8_000)
    tcp.option(sndbuf=9_000, sndbuf_locked=True)
    tcp.inject(ACK, seq=301, ack=101, window=0)
    assert tcp.send(bytes(20_000)) == 8_000
    assert ready(tcp) == 0
    assert tcp.send(b"x") == 0
    tcp.inject(ACK, seq=301, ack=101, window=8_000)
    tcp.inject(ACK, seq=301, ack=3_101, window=8_000)
    assert ready(tcp) == 0
    tcp.inject(ACK, seq=301, ack=4_101, window=8_000)
    assert ready(tcp) == POLLOUT


def test_a_reset_in_close_wait_is_a_broken_pipe(tcp: Script) -> None:
    tcp.established()
    tcp.inject(FIN | ACK, seq=301, ack=101)
    tcp.inject(RST, seq=302)
    assert tcp.socket.error == 32


def test_a_reset_frees_what_was_to_be_sent(tcp: Script) -> None:
    tcp.established()
    tcp.send(bytes(100_000))
    tcp.inject(ACK, seq=401, ack=101, data=bytes(100))
    tcp.inject(RST, seq=301)
    tcb = tcp.socket.tcb
    assert tcp.socket.send_queue == 0
    assert not tcb.scoreboard
    assert not tcb.reassembly
