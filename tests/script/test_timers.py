"""Timers against each other, and against everything else that happens: persist, keep-alive, user timeout, routes."""

from dataclasses import replace

import pytest

from netarium.base.config import MachineConfig
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.state import State
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN

from .conftest import PEER, Script


@pytest.mark.rfc("9293", "MUST-21")
def test_the_user_timeout_counts_from_what_waits_already(tcp: Script) -> None:
    tcp.established()
    tcp.send(b"x")
    tcp.expect(ACK | PSH)
    tcp.advance(300 * MS)
    tcp.option(user_timeout_ns=2 * SECOND)
    tcp.advance(2_699 * MS)
    assert tcp.state is State.ESTABLISHED
    tcp.advance(1 * MS)  # from the first retransmission, after a second, as on Linux
    assert tcp.socket.error == 110
    tcp.expect(ACK | PSH)
    tcp.expect_nothing()  # no reset: nobody would hear it


@pytest.mark.rfc("9293", "MUST-20", "MUST-21")
@pytest.mark.parametrize(("by_time", "retransmissions"), [(True, 3), (False, 5)])
def test_r2_as_a_time_or_as_a_count(by_time: bool, retransmissions: int) -> None:
    """Five doublings of 200 ms are 12.6 s: with an RTO of 1 s they are over at the fourth expiry."""
    config = MachineConfig()
    tcp = Script(
        replace(config, tcp=replace(config.tcp, data_retries=5, retries_by_time=by_time, timeout_resets=True))
    )
    tcp.established()
    tcp.send(b"x")
    tcp.advance(100 * SECOND)
    for _ in range(1 + retransmissions):
        tcp.expect(ACK | PSH, seq=101)
    tcp.expect(RST | ACK, seq=102)
    tcp.expect_nothing()
    assert tcp.socket.error == 110


def test_a_user_timeout_taken_back_ends_nothing(tcp: Script) -> None:
    tcp.established()
    tcp.option(user_timeout_ns=2 * SECOND)
    tcp.send(b"x" * 2_000)
    tcp.option(user_timeout_ns=0)
    tcp.inject(ACK, seq=301, ack=1_101)
    tcp.advance(10 * SECOND)
    assert tcp.state is State.ESTABLISHED


def test_the_user_timeout_counts_while_a_window_is_closed(tcp: Script) -> None:
    """tcp(7), TCP_USER_TIMEOUT: what cannot be sent for a zero window counts; an answer to a probe is no progress."""
    tcp.established(window=0)
    tcp.option(user_timeout_ns=5 * SECOND)
    tcp.send(b"x")
    for _ in range(4):
        tcp.advance(SECOND)
        tcp.inject(ACK, seq=301, ack=101, window=0)
    assert tcp.state is State.ESTABLISHED
    tcp.advance(2 * SECOND)
    assert tcp.socket.error == 110


def test_a_window_that_opens_begins_the_user_timeout_anew(tcp: Script) -> None:
    tcp.established(window=0)
    tcp.option(user_timeout_ns=5 * SECOND)
    tcp.send(b"x")
    tcp.advance(4 * SECOND)
    tcp.inject(ACK, seq=301, ack=101, window=1_000)
    tcp.advance(4 * SECOND)
    assert tcp.state is State.ESTABLISHED
    tcp.inject(ACK, seq=301, ack=102, window=1_000)
    tcp.advance(20 * SECOND)
    assert tcp.state is State.ESTABLISHED


@pytest.mark.rfc("9293", "MUST-26")
def test_no_keepalive_while_data_is_in_flight(tcp: Script) -> None:
    tcp.established()
    tcp.option(keepalive=True, keepidle_ns=3 * SECOND, keepintvl_ns=SECOND, keepcnt=2)
    tcp.send(b"x")
    tcp.advance(7 * SECOND)
    tcp._collect()
    assert {len(seg.payload) for seg in tcp.seen} == {1}
    tcp.seen.clear()
    tcp.inject(ACK, seq=301, ack=102)
    tcp.advance(2_900 * MS)
    tcp.expect_nothing()
    tcp.advance(200 * MS)
    tcp.expect(ACK, seq=101, length=0)


@pytest.mark.rfc("9293", "MUST-29")
def test_an_answered_keepalive_begins_the_idle_time_anew(tcp: Script) -> None:
    tcp.established()
    tcp.option(keepalive=True, keepidle_ns=3 * SECOND, keepintvl_ns=SECOND, keepcnt=2)
    for _ in range(5):
        tcp.advance(3 * SECOND)
        tcp.expect(ACK, seq=100)
        tcp.advance(SECOND)
        tcp.expect(ACK, seq=100)
        tcp.inject(ACK, seq=301, ack=101)
    tcp.expect_nothing()
    assert tcp.state is State.ESTABLISHED


@pytest.mark.rfc("9293", "SHLD-25")
def test_a_route_that_is_gone_for_a_while_holds_up_but_loses_nothing(tcp: Script) -> None:
    tcp.established()
    tcp.advance(SECOND)
    routes = list(tcp.machine.ip.routes)
    tcp.machine.ip.routes.remove_where(lambda _: True)
    tcp.send(b"held up")
    tcp.expect_nothing()
    tcp.advance(SECOND)
    tcp.expect_nothing()
    for route in routes:
        tcp.machine.ip.routes.add(route)
    tcp.advance(20 * SECOND)
    tcp.expect(ACK | PSH, data=b"held up")


def test_a_dead_connection_tells_the_soft_error_whatever_it_was(tcp: Script) -> None:
    """RFC 1122 §4.2.3.9; EHOSTDOWN is no reason of the stack's own, and yet may be what a router said."""
    tcp.established()
    tcp.send(b"x")
    tcp.socket.tcb.soft_error = 112
    tcp.advance(3_600 * SECOND)
    assert tcp.socket.error == 112


def test_progress_forgets_a_soft_error(tcp: Script) -> None:
    tcp.established()
    tcp.send(b"x")
    tcp.socket.tcb.soft_error = 113
    tcp.inject(ACK, seq=301, ack=102)
    assert not tcp.socket.tcb.soft_error


@pytest.mark.rfc("9293", "MUST-38")
def test_a_short_segment_cut_by_the_window_waits_for_the_override(tcp: Script) -> None:
    tcp.established(window=10_000)
    tcp.inject(ACK, seq=301, ack=101, window=500)
    tcp.advance(60 * SECOND)  # what was heard long ago is no reason to hurry
    tcp.send(bytes(2_000))
    tcp.expect_nothing()
    tcp.advance(150 * MS)
    tcp.expect_nothing()


@pytest.mark.parametrize("nodelay", [False, True])
def test_a_corked_tail_waits_behind_a_super_segment(tcp: Script, nodelay: bool) -> None:
    tcp.established()
    tcp.option(cork=True, nodelay=nodelay)
    tcp.socket.tcb.gso_size = 20_000
    tcp.send(bytes(2_500))
    tcp.expect(ACK, seq=101, length=2_000)
    tcp.expect_nothing()
    tcp.option(cork=False)
    tcp.expect(ACK | PSH, seq=2_101, length=500)


@pytest.mark.attack("TCP-58")
@pytest.mark.parametrize("state", [State.FIN_WAIT_1, State.FIN_WAIT_2, State.CLOSING, State.LAST_ACK])
def test_closing_states_end_though_the_peer_is_silent(tcp: Script, state: State) -> None:
    tcp.established()
    if state is State.LAST_ACK:
        tcp.inject(FIN | ACK, seq=301, ack=101)
    tcp.close()
    if state is State.FIN_WAIT_2:
        tcp.inject(ACK, seq=301, ack=102)
    if state is State.CLOSING:
        tcp.inject(FIN | ACK, seq=301, ack=101)
    assert tcp.state is state
    if state is not State.FIN_WAIT_2:  # that is only a record, which any RST in its window ends, as on Linux
        tcp.inject(RST, seq=310)
    assert tcp.state is state
    tcp.advance(1_000 * SECOND)
    assert not tcp.machine.tcp.flows
    assert len(tcp.machine.tcp.timers) == 0
    assert len(tcp.machine.tcp.ports) == 0


@pytest.mark.attack("TCP-55")
def test_an_orphan_does_not_probe_a_closed_window_for_ever(tcp: Script) -> None:
    tcp.established(window=0)
    tcp.send(b"never taken")
    tcp.close()
    for _ in range(40):
        tcp.advance(30 * SECOND)
        if not tcp.machine.tcp.flows:
            break
        tcp.inject(ACK, seq=301, ack=101, window=0)
    assert not tcp.machine.tcp.flows


@pytest.mark.rfc("6191", "01")
@pytest.mark.rfc("9293", "SHLD-4", "MAY-2")
@pytest.mark.attack("TCP-46")
@pytest.mark.parametrize(
    ("seq", "ts", "reborn"),
    [(400, 999, False), (400, 1_000, True), (200, 1_000, False), (200, 1_001, True), (400, 1_001, True)],
)
def test_which_syn_may_follow_time_wait(tcp: Script, seq: int, ts: int, reborn: bool) -> None:
    """By the timestamp; by the number only if the timestamps are equal (RFC 6191 §2)."""
    tcp.listen()
    tcp.inject(SYN, seq=300, mss=1_000, ts=(1_000, 0))
    tcp.learn_from_syn_ack(100)
    tcp.inject(ACK, seq=301, ack=101, ts=(1_000, 0))
    tcp.socket = tcp.socket.accept(tcp.now)
    tcp.close()
    tcp.expect(FIN | ACK, seq=101)
    tcp.inject(FIN | ACK, seq=301, ack=102, ts=(1_000, 0))
    tcp.expect(ACK, ack=302)
    tcp.inject(SYN, seq=seq, mss=1_000, ts=(ts, 0))
    tcp.expect(SYN | ACK if reborn else ACK, ack=seq + 1 if reborn else 302)
    assert bool(tcp.machine.tcp.time_wait()) is not reborn


@pytest.mark.attack("TCP-46")
def test_a_syn_to_nobody_does_not_end_time_wait(tcp: Script) -> None:
    tcp.established()
    tcp.close()
    tcp.expect(FIN | ACK)
    tcp.inject(FIN | ACK, seq=301, ack=102)
    tcp.expect(ACK, ack=302)
    tcp.inject(SYN, seq=5_000)
    tcp.expect(ACK, ack=302)
    assert tcp.state is State.TIME_WAIT


@pytest.mark.attack("TCP-46")
def test_only_the_fin_itself_begins_time_wait_anew(tcp: Script) -> None:
    tcp.established()
    tcp.close()
    tcp.expect(FIN | ACK)
    tcp.inject(FIN | ACK, seq=301, ack=102)
    for _ in range(5):
        tcp.advance(15 * SECOND)
        tcp.inject(FIN | ACK, seq=9_999, ack=102)
    assert tcp.state is State.CLOSED


def test_time_wait_begins_though_its_ack_finds_no_way(tcp: Script) -> None:
    tcp.established()
    tcp.close()
    tcp.expect(FIN | ACK)
    tcp.machine.ip.routes.remove_where(lambda _: True)
    tcp.inject(FIN | ACK, seq=301, ack=102)
    tcp.expect_nothing()
    assert tcp.state is State.TIME_WAIT
    tcp.advance(60 * SECOND)
    assert not tcp.machine.tcp.flows


def test_a_windowful_waits_for_the_next_hop(tcp: Script) -> None:
    """The neighbour was forgotten, as after long idleness: nothing is lost while ARP asks (RFC 1122 §2.3.2.2)."""
    tcp.established()
    interface = tcp.machine.ip.interface_of(tcp.wire)
    tcp.machine.ip.neighbors.forget(interface, PEER, tcp.now)
    tcp.send(bytes(8_000))
    tcp._collect()
    for _ in range(20):
        ack = max((seg.seq + len(seg.payload) for seg in tcp.seen), default=None)
        tcp.seen.clear()
        if ack is not None:
            tcp.inject(ACK, seq=301, ack=ack, raw_ack=True)
        tcp._collect()
    assert tcp.socket.send_queue == 0
    assert tcp.socket.tcb.total_retrans == 0


def test_counters_tell_what_netstat_shows(tcp: Script) -> None:
    counters = tcp.machine.counters
    tcp.established()
    assert (counters["tcp_active_opens"], counters["tcp_curr_estab"]) == (1, 1)
    tcp.send(b"x")
    tcp.advance(SECOND)
    assert counters["tcp_retrans_segs"] == 1
    tcp.inject(RST, seq=301)
    assert (counters["tcp_estab_resets"], counters["tcp_curr_estab"]) == (1, 0)
    other = tcp.machine.tcp.open(4, tcp.now)
    other.connect(PEER, 81, tcp.now)
    tcp._pump()
    tcp.inject(RST | ACK, seq=0, ack=other.tcb.snd_nxt, ports=(81, other.local[1]), raw_ack=True)
    assert counters["tcp_attempt_fails"] == 1
    assert counters["tcp_active_opens"] == 2


@pytest.mark.rfc("9293", "MUST-20")
def test_progress_during_a_long_recovery_is_no_time_of_silence() -> None:
    """A peer that acknowledges a segment now and then lives: R2 begins anew at each, also inside of one loss recovery."""
    config = MachineConfig()
    tcp = Script(replace(config, tcp=replace(config.tcp, data_retries=5)))  # of 200 ms: 12.6 s
    tcp.established()
    tcp.send(b"x" * 10_000)
    tcp.advance(1_100 * MS)  # all is lost
    for n in range(1, 7):
        tcp.inject(ACK, seq=301, ack=101 + 1_000 * n)
        tcp.advance(2_500 * MS)
    tcp.advance(11 * SECOND)
    assert tcp.state is State.ESTABLISHED
    assert tcp.socket.tcb.rexmit_count >= 2
    tcp.advance(30 * SECOND)
    assert tcp.socket.error == 110


@pytest.mark.rfc("9293", "MUST-26")
def test_no_keepalive_while_a_window_is_closed(tcp: Script) -> None:
    """What waits for the window is asked for by the persist timer alone."""
    tcp.established(window=0)
    tcp.option(keepalive=True, keepidle_ns=SECOND, keepintvl_ns=SECOND)
    tcp.send(b"x")
    tcp.advance(30 * SECOND)
    assert tcp.socket.tcb.keepalive_count == 0
