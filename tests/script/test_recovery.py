"""Loss recovery: NewReno (RFC 6582), SACK (RFC 6675), limited transmit (RFC 3042), timeouts (RFC 6298, RFC 5681)."""

from dataclasses import replace

import pytest

from netarium.base.config import MachineConfig
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.tcb import CWR, LOSS, OPEN, RECOVERY
from netarium.wire.tcp import ACK, ECE, PSH

from .conftest import Script


@pytest.fixture
def tcp() -> Script:
    """With Reno's window, whose halves are easy to follow."""
    config = MachineConfig()
    return Script(replace(config, tcp=replace(config.tcp, congestion_control="reno")))


def flight(tcp: Script, segments: int, **options: object) -> None:
    """Established, with that many segments of 1,000 octets in flight from number 101 on, and more to send."""
    tcp.established(**options)
    tcp.socket.tcb.congestion.cwnd = segments * 1_000
    tcp.send(bytes(50_000))
    for i in range(segments):
        tcp.expect(ACK, seq=101 + 1_000 * i, length=1_000)
    tcp.expect_nothing()
    tcp.advance(20 * MS)
    tcp.inject(ACK, seq=301, ack=101)  # the first segment behind the SYN,ACK updates the window: no duplicate


def without(**settings: bool) -> Script:
    """A machine that lacks something."""
    config = MachineConfig()
    return Script(replace(config, tcp=replace(config.tcp, **settings)))


def duplicates(tcp: Script, count: int) -> None:
    for _ in range(count):
        tcp.inject(ACK, seq=301, ack=101)


@pytest.mark.rfc("3042", "01")
@pytest.mark.rfc("5681", "10", "11")
def test_limited_transmit_and_what_it_sent_does_not_count_as_flight(tcp) -> None:
    flight(tcp, 8)
    for i in range(2):
        duplicates(tcp, 1)
        tcp.expect(ACK, seq=8_101 + 1_000 * i, length=1_000)
        tcp.expect_nothing()
    assert tcp.socket.tcb.congestion.cwnd == 8_000
    duplicates(tcp, 1)
    tcp.expect(ACK, seq=101, length=1_000)
    assert tcp.socket.tcb.congestion.ssthresh == 4_000  # of 8 segments, not of 10


@pytest.mark.rfc("6582", "01")
@pytest.mark.rfc("5681", "12")
def test_newreno_goes_on_sending_after_a_partial_ack(tcp) -> None:
    """Of ten segments the first and the fifth are lost; eight duplicates tell of the others."""
    flight(tcp, 10)
    duplicates(tcp, 8)
    tcp._collect()
    numbers = [(seg.seq - tcp._shift) & 0xFFFFFFFF for seg in tcp.seen]
    tcp.seen.clear()
    assert numbers == [10_101, 11_101, 101, 12_101, 13_101]  # limited transmit, the hole, and as PRR allows
    tcp.inject(ACK, seq=301, ack=4_101)
    tcp.expect(ACK, seq=4_101, length=1_000)
    tcp.expect_nothing()
    assert tcp.socket.tcb.scoreboard.pipe == 5_000  # that retransmission, and four new segments
    tcp.inject(ACK, seq=301, ack=14_101)
    assert tcp.socket.tcb.recovery == OPEN
    assert tcp.socket.tcb.congestion.cwnd == 6_000  # ssthresh, and a window's worth was acknowledged


@pytest.mark.rfc("6582", "02")
def test_duplicates_at_the_recover_mark_start_no_new_recovery_without_sack(tcp) -> None:
    """After a timeout everything was there already: the needless retransmissions draw duplicates, and mean nothing."""
    flight(tcp, 5)
    tcp.advance(SECOND)
    tcp.expect(ACK, seq=101, length=1_000)
    tcp.inject(ACK, seq=301, ack=5_101)
    tcp._collect()
    tcp.seen.clear()
    before = tcp.socket.tcb.congestion.ssthresh
    for _ in range(5):
        tcp.inject(ACK, seq=301, ack=5_101)
    assert tcp.socket.tcb.recovery == LOSS  # until something above it is acknowledged
    assert tcp.socket.tcb.congestion.ssthresh == before
    assert tcp.socket.tcb.total_retrans == 1


@pytest.mark.rfc("6582", "01")
def test_newreno_marks_one_segment_of_a_super_segment(tcp) -> None:
    tcp.established()
    tcb = tcp.socket.tcb
    tcb.gso_size = 20_000
    tcb.congestion.cwnd = 40_000
    tcp.send(bytes(40_000))
    tcp._collect()
    assert [len(seg.payload) for seg in tcp.seen] == [20_000, 20_000]
    tcp.seen.clear()
    duplicates(tcp, 1)  # the first segment behind the SYN,ACK updates the window
    duplicates(tcp, 3)
    tcp.expect(ACK, seq=101, length=1_000)
    tcp.inject(ACK, seq=301, ack=20_101)  # the second one lost its head, too
    tcp.expect(ACK, seq=20_101, length=1_000)
    tcp.expect_nothing()


@pytest.mark.rfc("6675", "02", "05")
def test_sack_pipe_limits_what_is_sent_in_recovery(tcp) -> None:
    flight(tcp, 10, sack_permitted=True)
    for stop in (2_101, 3_101):
        tcp.advance(2 * MS)  # else one segment would wait for another
        tcp.inject(ACK, seq=301, ack=101, sack=[(1_101, stop)])
        tcp._collect()
    assert len(tcp.seen) == 2  # limited transmit: each tells of one segment that left
    tcp.seen.clear()
    tcp.inject(ACK, seq=301, ack=101, sack=[(1_101, 4_101)])
    tcp.expect(ACK, seq=101, length=1_000)
    tcp.expect_nothing()
    board = tcp.socket.tcb.scoreboard
    assert board.pipe == 12_000 - 3_000 - 1_000 + 1_000
    tcp.inject(ACK, seq=301, ack=101, sack=[(1_101, 9_101)])
    assert board.pipe <= tcp.socket.tcb.congestion.cwnd == 5_000
    tcp._collect()
    assert [(seg.seq - tcp._shift) & 0xFFFFFFFF for seg in tcp.seen] == [12_101]


@pytest.mark.rfc("6675", "02")
def test_sack_on_data_clocks_out_what_it_makes_room_for(tcp) -> None:
    """The peer's SACK rides on its own data: it is not a duplicate ACK, but the pipe is emptier."""
    flight(tcp, 10, sack_permitted=True)
    for stop in (2_101, 3_101, 4_101):
        tcp.inject(ACK, seq=301, ack=101, sack=[(1_101, stop)])
    tcp._collect()
    tcp.seen.clear()
    tcp.inject(ACK, seq=301, ack=101, sack=[(1_101, 10_101)], data=b"data of the peer's")
    tcp._collect()
    assert any(len(seg.payload) for seg in tcp.seen)


@pytest.mark.rfc("6675", "05")
def test_small_segments_are_not_resent_twice(tcp) -> None:
    """Three SACKs of crumbs mean a loss by their number; when IsLost() follows by octets that is no news."""
    tcp.established(sack_permitted=True)
    tcp.option(nodelay=True)
    for _ in range(40):
        tcp.send(bytes(100))
    tcp._collect()
    tcp.seen.clear()
    tcp.advance(20 * MS)
    for i in range(3):
        tcp.inject(ACK, seq=301, ack=101, sack=[(201, 301 + 100 * i)])
    for i in range(3, 10):
        tcp.inject(ACK, seq=301, ack=101, sack=[(201, 301 + 100 * i)])
    assert tcp.socket.tcb.total_retrans == 1


@pytest.mark.rfc("5681", "15")
@pytest.mark.rfc("6675", "05")
def test_a_loss_above_the_recovery_point_is_another_event(tcp) -> None:
    flight(tcp, 10, sack_permitted=True)
    for stop in (2_101, 3_101, 4_101):
        tcp.inject(ACK, seq=301, ack=101, sack=[(1_101, stop)])
    control = tcp.socket.tcb.congestion
    assert control.ssthresh == 5_000
    recover = tcp.socket.tcb.recover - tcp._shift
    for stop in range(5_101, recover + 1, 1_000):
        tcp.inject(ACK, seq=301, ack=101, sack=[(1_101, stop)])
    sent = tcp.socket.tcb.snd_nxt - tcp._shift
    assert sent >= recover + 4_000
    # The hole is filled; of what was sent meanwhile the first segment is missing.
    tcp.inject(ACK, seq=301, ack=recover, sack=[(recover + 1_000, recover + 4_000)])
    assert tcp.socket.tcb.recovery == RECOVERY
    assert control.ssthresh < 5_000


@pytest.mark.rfc("2018", "04")
@pytest.mark.rfc("6675", "04")
@pytest.mark.attack("TCP-52")
def test_a_receiver_that_reneges_gets_everything_again(tcp) -> None:
    flight(tcp, 4, sack_permitted=True)
    tcp.inject(ACK, seq=301, ack=101, sack=[(1_101, 4_101)])
    tcp.inject(ACK, seq=301, ack=1_101)  # it has thrown away the rest
    got, una = set(), 1_101
    for _ in range(200):
        tcp._collect()
        for seg in tcp.seen:
            if len(seg.payload):
                got.add((seg.seq - tcp._shift) & 0xFFFFFFFF)
        tcp.seen.clear()
        while una in got:
            una += 1_000
        tcp.inject(ACK, seq=301, ack=una)
        if una == 50_101:
            break
        tcp.advance(500 * MS)
    assert una == 50_101


@pytest.mark.rfc("5681", "07")
@pytest.mark.rfc("6298", "06")
def test_slow_start_after_a_timeout() -> None:
    tcp = without(frto=False)
    flight(tcp, 10)
    tcb = tcp.socket.tcb
    tcp.advance(SECOND)
    tcp.expect(ACK, seq=101, length=1_000)
    tcp.expect_nothing()
    assert (tcb.congestion.cwnd, tcb.congestion.ssthresh, tcb.recovery) == (1_000, 7_000, LOSS)
    tcp.advance(2 * SECOND)
    tcp.expect(ACK, seq=101)
    assert tcb.congestion.ssthresh == 7_000  # the same segment again: no second halving
    tcp.inject(ACK, seq=301, ack=1_101)
    for seq in (1_101, 2_101):
        tcp.expect(ACK, seq=seq, length=1_000)
    tcp.expect_nothing()
    tcp.inject(ACK, seq=301, ack=3_101)
    for seq in (3_101, 4_101, 5_101, 6_101):
        tcp.expect(ACK, seq=seq, length=1_000)
    tcp.expect_nothing()


@pytest.mark.rfc("6298", "05")
@pytest.mark.rfc("9293", "MUST-18")
def test_karn_the_backoff_stays_until_something_can_be_measured(tcp) -> None:
    tcp.established()
    tcp.send(b"one")
    tcp.expect(ACK | PSH)
    tcp.advance(SECOND)
    tcp.expect(ACK | PSH, seq=101)
    rto = tcp.socket.tcb.rtt.rto
    assert rto == 2 * SECOND
    tcp.inject(ACK, seq=301, ack=104)  # of which of the two?
    assert tcp.socket.tcb.rtt.rto == rto
    tcp.send(b"two")
    tcp.expect(ACK | PSH, seq=104)
    tcp.advance(30 * MS)
    tcp.inject(ACK, seq=301, ack=107)
    assert tcp.socket.tcb.rtt.srtt == 30 * MS
    assert tcp.socket.tcb.rtt.rto < rto


@pytest.mark.rfc("7323", "07")
def test_a_timestamp_tells_which_transmission_was_acknowledged(tcp) -> None:
    tcp.established(ts=(1, 0))
    tcp.send(b"one")
    first = tcp.expect(ACK | PSH)
    tcp.advance(SECOND)
    again = tcp.expect(ACK | PSH)
    assert (again.ts_val - first.ts_val) == 1_000
    tcp.advance(20 * MS)
    tcp.inject(ACK, seq=301, ack=104, ts=(2, again.ts_val))
    assert tcp.socket.tcb.rtt.srtt == 20 * MS
    assert tcp.socket.tcb.rtt.backoff_count == 0


def test_what_was_sacked_long_ago_measures_nothing(tcp) -> None:
    """The first segment was late, not lost: the round trip is its own, not that of those SACKed before."""
    tcp.established(sack_permitted=True)
    tcp.send(bytes(1_000))
    tcp.advance(1 * MS)
    tcp.send(bytes(1_000))
    tcp.advance(39 * MS)
    tcp.inject(ACK, seq=301, ack=101, sack=[(1_101, 2_101)])
    tcp.advance(2 * MS)
    tcp.inject(ACK, seq=301, ack=2_101)
    assert tcp.socket.tcb.rtt.srtt == 39 * MS + 3 * MS // 8  # the SACK of the second one was measured, too


@pytest.mark.attack("TCP-53")
@pytest.mark.rfc("5681", "05", "06")
def test_the_window_grows_by_what_is_acknowledged_and_only_while_it_is_the_limit(tcp) -> None:
    tcp.established(window=4_000)
    tcb = tcp.socket.tcb
    start = tcb.congestion.cwnd
    tcp.send(bytes(50_000))
    una = 101
    for _ in range(10):  # the peer's window is the limit
        una += 4_000
        tcp.inject(ACK, seq=301, ack=una, window=4_000)
    assert tcb.congestion.cwnd == start
    assert tcp.socket.tcb.flight_size == 4_000


@pytest.mark.attack("TCP-54")
@pytest.mark.rfc("5681", "05")
def test_acks_in_crumbs_give_no_more_than_one(tcp) -> None:
    flight(tcp, 2)
    tcb = tcp.socket.tcb
    for ack in range(111, 1_102, 10):
        tcp.inject(ACK, seq=301, ack=ack)
    assert tcb.congestion.cwnd <= 2_000 + 1_000


@pytest.mark.rfc("5681", "14")
def test_an_idle_connection_begins_with_the_initial_window(tcp) -> None:
    flight(tcp, 40)
    for i in range(1, 41):
        tcp.inject(ACK, seq=301, ack=101 + 1_000 * i)
    tcp.inject(ACK, seq=301, ack=50_101)
    tcp._collect()
    tcp.seen.clear()
    assert tcp.socket.tcb.congestion.cwnd > 30_000
    tcp.advance(10 * SECOND)
    tcp.send(bytes(40_000))
    tcp._collect()
    assert len(tcp.seen) == 10


def test_a_smaller_path_resends_at_the_new_size_without_slowing_down(tcp) -> None:
    tcp.established(mss=1_460)
    tcb = tcp.socket.tcb
    before = tcb.congestion.cwnd // 1_460
    tcp.send(bytes(4_380))
    tcp._collect()
    quoted = tcp.seen[0]
    tcp.seen.clear()
    path = tcp.socket._path
    ip = bytes.fromhex("4500 05dc 0000 4000 4006 0000".replace(" ", "")) + path.src + path.dst
    tcp_head = (
        tcp.our_port.to_bytes(2, "big") + tcp.peer_port.to_bytes(2, "big") + quoted.seq.to_bytes(4, "big")
    )
    message = bytes((3, 4, 0, 0)) + (1_200).to_bytes(4, "big") + ip + tcp_head
    from netarium.base.checksum import checksum

    tcp.inject_ip(1, message[:2] + checksum(message).to_bytes(2, "big") + message[4:])
    tcp._collect()
    assert [len(seg.payload) for seg in tcp.seen] == [1_160, 1_160, 1_160, 900]  # a chunk is cut anew
    assert sum(len(seg.payload) for seg in tcp.seen) == 4_380
    assert tcb.congestion.cwnd // 1_160 == before  # as many segments
    assert tcb.recovery == LOSS


def test_a_rescue_from_a_receiver_that_takes_its_window_back_lasts_as_long_as_it_answers() -> None:
    """SHLD-17, MUST-37: what lies outside the window now does not time the connection out."""
    config = MachineConfig()
    tcp = Script(replace(config, tcp=replace(config.tcp, data_retries=3, max_rto_ns=2 * SECOND)))
    tcp.established()
    tcp.send(bytes(1_000))
    for _ in range(20):
        tcp.inject(ACK, seq=301, ack=101, window=0)
        tcp.advance(2 * SECOND)
    assert tcp.socket.state_name == "ESTABLISHED"
    tcp.inject(ACK, seq=301, ack=1_101, window=5_000)
    assert tcp.socket.send_queue == 0


@pytest.mark.rfc("3168", "04")
def test_a_congestion_mark_shrinks_the_window_once_in_a_round_trip_and_resends_nothing(tcp) -> None:
    """RFC 3168 §6.1.2; it is over when something sent after the mark is acknowledged."""
    flight(tcp, 10)
    tcb = tcp.socket.tcb
    tcb.ecn_ok = True
    tcp.inject(ACK | ECE, seq=301, ack=101)
    assert (tcb.recovery, tcb.congestion.ssthresh) == (CWR, 5_000)
    tcp.inject(ACK | ECE, seq=301, ack=101)
    assert tcb.congestion.ssthresh == 5_000
    tcp.inject(ACK, seq=301, ack=10_101)
    assert tcb.recovery == CWR  # the mark's round trip is not over
    assert tcb.congestion.cwnd == 5_000
    tcp.inject(ACK, seq=301, ack=11_101)
    assert (tcb.recovery, tcb.congestion.cwnd, tcb.total_retrans) == (OPEN, 5_000, 0)


@pytest.mark.parametrize("pushes", [True, False])
def test_a_loss_probe_of_new_data_asks_for_an_ack_at_once(pushes: bool) -> None:
    """With PSH, though more follows: by RFC 9293 §3.9.1.2 it may be set; Linux's sender does not."""
    tcp = without(tail_loss_probe_pushes=pushes, gathering=False)
    tcp.established(sack_permitted=True)
    tcp.advance(20 * MS)
    tcp.send(bytes(50_000))
    for i in range(10):
        tcp.expect(ACK, seq=101 + 1_000 * i, length=1_000)
    tcp.advance(SECOND)
    tcp._collect()
    assert (tcp.seen[0].flags & PSH > 0) is pushes
    tcp.expect(tcp.seen[0].flags, seq=10_101, length=1_000)
