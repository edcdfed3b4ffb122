"""Sending and receiving: segments, Nagle, delayed ACK, windows, loss recovery, timers."""

import pytest

from netarium.base.errors import StackError
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.state import State
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN, URG


@pytest.mark.rfc("9293", "SHLD-28", "MUST-61", "SHLD-27")
def test_large_data_is_cut_at_the_mss_and_the_last_segment_pushes(tcp) -> None:
    tcp.established()
    tcp.send(bytes(2_500))
    tcp.expect(ACK, seq=101, length=1_000)
    tcp.expect(ACK, seq=1_101, length=1_000)
    tcp.expect(PSH | ACK, seq=2_101, length=500)
    tcp.expect_nothing()


@pytest.mark.rfc("9293", "SHLD-7", "MUST-17")
def test_nagle_holds_a_second_short_segment(tcp) -> None:
    tcp.established()
    tcp.send(b"a")
    tcp.expect(PSH | ACK, data=b"a")
    tcp.send(b"b")
    tcp.send(b"c")
    tcp.expect_nothing()
    tcp.inject(ACK, seq=301, ack=102)
    tcp.expect(PSH | ACK, data=b"bc")
    tcp.send(b"d")
    tcp.expect_nothing()
    tcp.option(nodelay=True)
    tcp.expect(PSH | ACK, data=b"d")
    tcp.send(b"e")
    tcp.expect(PSH | ACK, data=b"e")


def converse(tcp) -> None:
    """A request and its answer: a conversation, whose ACKs may wait for answers."""
    tcp.inject(ACK | PSH, seq=301, ack=101, data=b"request")
    tcp.expect(ACK, ack=308)
    tcp.send(b"response")
    tcp.expect(PSH | ACK, seq=101, data=b"response")
    tcp.inject(ACK, seq=308, ack=109)


@pytest.mark.rfc("9293", "SHLD-18", "MUST-40")
def test_a_lone_segment_is_acknowledged_late(tcp) -> None:
    tcp.established()
    converse(tcp)
    tcp.inject(ACK, seq=308, ack=109, data=b"abc")
    tcp.expect_nothing()
    tcp.advance(39 * MS)
    tcp.expect_nothing()
    tcp.advance(1 * MS)
    tcp.expect(ACK, seq=109, ack=311)


@pytest.mark.rfc("9293", "SHLD-19")
@pytest.mark.rfc("5681", "09")
def test_every_second_full_segment_is_acknowledged_at_once(tcp) -> None:
    tcp.established()
    converse(tcp)
    tcp.inject(ACK, seq=308, ack=109, data=bytes(1_400))  # shorter ones are worth less than their buffers
    tcp.expect_nothing()
    tcp.inject(ACK, seq=1_708, ack=109, data=bytes(1_400))
    tcp.expect(ACK, ack=3_108)


def test_an_ack_rides_on_data(tcp) -> None:
    tcp.established()
    converse(tcp)
    tcp.inject(ACK | PSH, seq=308, ack=109, data=b"request")
    tcp.send(b"response")
    tcp.expect(PSH | ACK, seq=109, ack=315, data=b"response")
    tcp.inject(ACK, seq=315, ack=117)
    tcp.advance(SECOND // 10)
    tcp.expect_nothing()


@pytest.mark.rfc("5681", "08")
@pytest.mark.rfc("2018", "02")
def test_out_of_order_data_is_kept_and_reported(tcp) -> None:
    tcp.established(sack_permitted=True)
    tcp.inject(ACK, seq=401, ack=101, data=b"B" * 100)
    seg = tcp.expect(ACK, ack=301)
    assert seg.sack == ((401, 501),)
    tcp.inject(ACK, seq=601, ack=101, data=b"D" * 100)
    assert tcp.expect(ACK, ack=301).sack == ((601, 701), (401, 501))
    tcp.inject(ACK, seq=301, ack=101, data=b"A" * 100)
    assert tcp.expect(ACK, ack=501).sack == ((601, 701),)
    assert tcp.recv() == b"A" * 100 + b"B" * 100
    tcp.inject(ACK, seq=501, ack=101, data=b"C" * 100)
    assert tcp.expect(ACK, ack=701).sack == ()
    assert tcp.recv() == b"C" * 100 + b"D" * 100


@pytest.mark.rfc("2018", "01")
def test_no_sack_unless_it_was_agreed(tcp) -> None:
    tcp.established()
    tcp.inject(ACK, seq=401, ack=101, data=b"B" * 100)
    assert tcp.expect(ACK, ack=301).options == b""


@pytest.mark.rfc("6298", "06")
@pytest.mark.rfc("9293", "MUST-19")
def test_a_lost_segment_is_resent_with_doubling(tcp) -> None:
    tcp.established()
    tcp.send(b"lost")
    tcp.expect(PSH | ACK, seq=101, data=b"lost")
    for wait in (1_000, 2_000, 4_000, 8_000):
        tcp.advance((wait - 1) * MS)
        tcp.expect_nothing()
        tcp.advance(1 * MS)
        tcp.expect(PSH | ACK, seq=101, data=b"lost")
    tcp.inject(ACK, seq=301, ack=105)
    assert not tcp.socket.tcb.rexmit_at
    assert tcp.socket.tcb.total_retrans == 4


@pytest.mark.rfc("9293", "MUST-20", "SHLD-11")
def test_silence_ends_in_a_timeout(tcp) -> None:
    tcp.established()
    tcp.send(b"x")
    start = tcp.now
    while tcp.state is not State.CLOSED:
        tcp.advance(SECOND)
    assert 600 * SECOND < tcp.now - start < 3_600 * SECOND
    assert tcp.socket.error == 110


def test_user_timeout(tcp) -> None:
    tcp.established()
    tcp.option(user_timeout_ns=5 * SECOND)
    tcp.send(b"x")
    tcp.advance(5_999 * MS)  # a second until the first retransmission, and then that long
    assert tcp.state is State.ESTABLISHED
    tcp.advance(1 * MS)
    assert tcp.socket.error == 110


@pytest.mark.rfc("5681", "10", "12")
@pytest.mark.rfc("6582", "01")
def test_newreno(tcp) -> None:
    """Two losses in one window, without SACK: fast retransmit, then a partial ACK, then all is well."""
    tcp.option(congestion="reno")
    tcp.established()
    tcp.socket.tcb.congestion.cwnd = 10_000
    tcp.inject(ACK, seq=301, ack=101)
    tcp.send(bytes(10_000))
    for i in range(10):
        tcp.expect(ACK if i < 9 else PSH | ACK, seq=101 + 1_000 * i)
    for _ in range(2):
        tcp.inject(ACK, seq=301, ack=101)
    tcp.expect_nothing()
    tcp.inject(ACK, seq=301, ack=101)
    tcp.expect(ACK, seq=101, length=1_000)
    assert tcp.socket.tcb.congestion.ssthresh == 5_000
    for _ in range(2):
        tcp.inject(ACK, seq=301, ack=101)
    tcp.inject(ACK, seq=301, ack=4_101)  # partial: 101 filled, 4101 is missing too
    tcp.expect(ACK, seq=4_101, length=1_000)
    tcp.inject(ACK, seq=301, ack=10_101)
    tcp.expect_nothing()
    assert tcp.socket.tcb.congestion.cwnd == 5_000
    assert tcp.socket.tcb.total_retrans == 2


@pytest.mark.rfc("6582", "02")
def test_old_duplicates_after_a_timeout_start_nothing(tcp) -> None:
    tcp.established()
    tcp.send(bytes(3_000))
    for _ in range(3):
        tcp._collect()
    tcp.seen.clear()
    tcp.advance(SECOND)
    tcp.expect(ACK, seq=101)
    for _ in range(5):
        tcp.inject(ACK, seq=301, ack=101)
    tcp._collect()
    assert all(seg.seq != tcp._shift + 101 for seg in tcp.seen)


@pytest.mark.rfc("6675", "01", "03", "05")
def test_sack_recovery_resends_only_what_is_missing(tcp) -> None:
    tcp.option(congestion="reno")
    tcp.established(sack_permitted=True)
    tcp.send(bytes(10_000))
    for _ in range(10):
        tcp.expect(ACK) if _ < 9 else tcp.expect(PSH | ACK)
    tcp.advance(20 * MS)
    tcp.inject(ACK, seq=301, ack=101, sack=[(1_101, 2_101)])
    tcp.inject(ACK, seq=301, ack=101, sack=[(3_101, 4_101), (1_101, 2_101)])
    tcp.expect_nothing()
    tcp.inject(ACK, seq=301, ack=101, sack=[(3_101, 5_101), (1_101, 2_101)])
    tcp.expect(ACK, seq=101, length=1_000)
    for stop in (6_101, 7_101, 8_101, 9_101, 10_101):
        tcp.inject(ACK, seq=301, ack=101, sack=[(3_101, stop), (1_101, 2_101)])
    tcp.expect(ACK, seq=2_101, length=1_000)
    tcp.expect_nothing()
    assert tcp.socket.tcb.congestion.cwnd == 5_000
    tcp.inject(ACK, seq=301, ack=10_101)
    assert tcp.socket.tcb.recovery == 0


@pytest.mark.attack("TCP-05")
@pytest.mark.parametrize("block", [(900, 500), (50_000, 60_000), (20, 90), (101, 101), (2**31, 5)])
def test_lying_sack_blocks_are_ignored(tcp, block) -> None:
    tcp.established(sack_permitted=True)
    tcp.send(bytes(5_000))
    tcp._collect()
    for _ in range(5):
        tcp.inject(ACK, seq=301, ack=101, sack=[block])
    assert tcp.socket.tcb.scoreboard.segs_sacked == 0
    tcp.inject(ACK, seq=301, ack=5_101)
    assert tcp.socket.send_queue == 0


@pytest.mark.rfc("9293", "MUST-36", "SHLD-29", "SHLD-30", "MUST-37", "MUST-35")
def test_a_closed_window_is_probed_for_ever(tcp) -> None:
    tcp.established(window=3)
    tcp.send(b"abcdef")
    tcp.expect_nothing()  # so small a window is not worth a segment, unless it stays so
    tcp.advance(1 * SECOND)
    tcp.expect(PSH | ACK, seq=101, data=b"abc")
    tcp.inject(ACK, seq=301, ack=104, window=0)
    waits, last = [], tcp.now
    for _ in range(20):
        tcp.seen.clear()
        while not tcp.seen:
            tcp.advance(10 * MS)
            tcp._collect()
        assert tcp.seen.pop(0).flags == ACK
        waits.append(tcp.now - last)
        last = tcp.now
        tcp.inject(ACK, seq=301, ack=104, window=0)
    assert waits[1] >= 1.8 * waits[0]
    assert waits[-1] == 120 * SECOND
    assert tcp.state is State.ESTABLISHED
    tcp.inject(ACK, seq=301, ack=104, window=1_000)
    tcp.expect(PSH | ACK, seq=104, data=b"def")


@pytest.mark.rfc("9293", "MUST-34", "SHLD-15")
@pytest.mark.attack("TCP-57")
def test_a_window_that_shrinks_does_no_harm(tcp) -> None:
    tcp.established(window=5_000)
    tcp.send(bytes(10_000))
    for i in range(5):
        tcp.expect(ACK, seq=101 + 1_000 * i)
    tcp.inject(ACK, seq=301, ack=1_101, window=1_000)
    tcp.expect_nothing()
    tcp.advance(250 * MS)
    tcp.expect(ACK, seq=1_101, length=1_000)
    tcp.inject(ACK, seq=301, ack=5_101, window=9_000)
    tcp.expect(ACK, seq=5_101)


@pytest.mark.rfc("9293", "MUST-39")
@pytest.mark.attack("TCP-56")
def test_the_window_opens_in_worthwhile_steps(tcp) -> None:
    tcp.socket.options.rcvbuf = 8_000
    tcp.socket.options.rcvbuf_locked = True
    tcp.established()
    for i in range(4):
        tcp.inject(ACK, seq=301 + 1_000 * i, ack=101, data=bytes(1_000))
        tcp.advance(300 * MS)
    tcp._collect()
    assert tcp.seen[-1].window == 0
    tcp.seen.clear()
    for _ in range(300):
        tcp.recv(1)
    tcp.expect_nothing()
    tcp.recv(1_200)
    assert tcp.expect(ACK).window >= 1_000


@pytest.mark.rfc("9293", "SHLD-14")
@pytest.mark.attack("TCP-50")
def test_data_beyond_the_window_is_cut(tcp) -> None:
    tcp.established()
    tcb = tcp.socket.tcb
    edge = tcb.rcv_adv
    tcp.inject(ACK, seq=edge - 10, ack=101, data=bytes(100))
    assert tcb.reassembly.octets == 10
    tcp.inject(ACK, seq=edge, ack=101, data=bytes(100))
    assert tcb.reassembly.octets == 10


@pytest.mark.rfc("5961", "01")
@pytest.mark.attack("TCP-40")
def test_only_the_exact_reset_is_believed(tcp) -> None:
    tcp.established()
    for offset in (1, 100, 60_000):
        tcp.inject(RST, seq=301 + offset)
        tcp.expect(ACK, seq=101, ack=301)
        tcp.advance(500 * MS)
    for offset in (-1, 70_000, -5_000):
        tcp.inject(RST, seq=301 + offset)
        tcp.expect_nothing()
    assert tcp.state is State.ESTABLISHED
    tcp.inject(RST, seq=301)
    assert tcp.state is State.CLOSED
    assert tcp.socket.error == 104


@pytest.mark.rfc("5961", "02", "04")
@pytest.mark.attack("TCP-41")
def test_a_syn_in_a_connection_is_challenged_but_not_for_ever(tcp) -> None:
    tcp.established()
    for i in range(100):
        tcp.inject(SYN, seq=301 + i)
        tcp.advance(10 * MS)
    tcp._collect()
    assert len(tcp.seen) == 2  # in a second
    assert all(seg.flags == ACK for seg in tcp.seen)
    assert tcp.state is State.ESTABLISHED


@pytest.mark.rfc("5961", "03")
@pytest.mark.rfc("9293", "MAY-12")
@pytest.mark.attack("TCP-42")
def test_data_with_an_impossible_ack_is_not_taken(tcp) -> None:
    tcp.established()
    for ack in (102, 5_000, 101 - 70_000):
        tcp.inject(ACK, seq=301, ack=ack, data=b"evil")
        tcp.expect(ACK, seq=101, ack=301)
        tcp.advance(500 * MS)
    assert tcp.socket.receive_queue == 0


@pytest.mark.attack("TCP-44")
def test_two_confused_ends_do_not_answer_each_other_for_ever(tcp) -> None:
    tcp.established()
    for _ in range(100):
        tcp.inject(ACK, seq=200, ack=101)
    tcp._collect()
    assert len(tcp.seen) == 1
    tcp.seen.clear()
    for _ in range(10):  # TCP-45: a retransmission whose ACK was lost is always answered
        tcp.inject(ACK, seq=291, ack=101, data=bytes(10))
    tcp._collect()
    assert len(tcp.seen) == 10


@pytest.mark.rfc("7323", "06")
@pytest.mark.attack("TCP-06")
def test_paws(tcp) -> None:
    tcp.established(ts=(1_000, 0))
    tcp.inject(ACK, seq=301, ack=101, data=b"new", ts=(2_000, 0))
    assert tcp.expect(ACK, ack=304).ts_ecr == 2_000
    tcp.inject(ACK, seq=304, ack=101, data=b"old", ts=(1_500, 0))
    tcp.expect(ACK, ack=304)
    assert tcp.machine.counters["tcp_paws_rejected"] == 1
    tcp.inject(RST, seq=304)  # not for RST
    assert tcp.state is State.CLOSED


@pytest.mark.rfc("7323", "05")
def test_a_timestamp_is_echoed_from_the_segment_that_moved_the_edge(tcp) -> None:
    tcp.established(ts=(1_000, 0))
    tcp.inject(ACK, seq=401, ack=101, data=b"later", ts=(3_000, 0))
    assert tcp.expect(ACK, ack=301).ts_ecr == 1_000


@pytest.mark.rfc("9293", "MUST-24", "MUST-25", "MUST-26", "MUST-27", "MUST-28", "MUST-29", "SHLD-12", "MAY-5")
def test_keepalive(tcp) -> None:
    tcp.established()
    tcp.advance(3 * 3_600 * SECOND)
    tcp.expect_nothing()  # off by default
    tcp.option(keepalive=True)
    tcp.advance(7_199 * SECOND)
    tcp.expect_nothing()
    tcp.advance(2 * SECOND)
    tcp.expect(ACK, seq=100, ack=301, length=0)
    tcp.inject(ACK, seq=301, ack=101)
    tcp.advance(7_100 * SECOND)
    tcp.expect_nothing()
    tcp.option(keepidle_ns=10 * SECOND, keepintvl_ns=SECOND, keepcnt=3)
    tcp.advance(10 * SECOND)
    for _ in range(3):
        tcp.expect(ACK, seq=100)
        tcp.advance(SECOND)
    tcp.expect(RST | ACK)
    assert tcp.socket.error == 110


@pytest.mark.rfc("9293", "MUST-30", "MUST-31", "MUST-32", "MUST-33", "MUST-62")
@pytest.mark.rfc("6093-01")
@pytest.mark.attack("TCP-07")
def test_urgent_is_a_mark_in_the_stream(tcp) -> None:
    tcp.established()
    tcp.inject(ACK | URG, seq=301, ack=101, data=b"abcDef", urgent=4)
    assert tcp.socket.poll() & 0x002
    assert tcp.socket.urgent() == b"D"
    assert tcp.recv() == b"abc"
    assert tcp.socket.at_mark()
    assert tcp.recv() == b"Def"
    assert not tcp.socket.poll() & 0x002
    tcp.socket.send(b"xyZ", tcp.now, urgent=True)
    tcp._pump()
    tcp._collect()
    tcp.seen = [seg for seg in tcp.seen if len(seg.payload)]
    seg = tcp.expect(ACK | PSH | URG, data=b"xyZ")
    assert seg.urgent == 3


@pytest.mark.parametrize("urgent", [0, 1, 5, 6, 65_535])
@pytest.mark.attack("TCP-07")
def test_no_urgent_pointer_changes_the_stream(tcp, urgent) -> None:
    tcp.established()
    tcp.inject(ACK | URG, seq=301, ack=101, data=b"abcde", urgent=urgent)
    got = b""
    while tcp.socket.receive_queue:
        got += tcp.recv()
    assert got == b"abcde"


@pytest.mark.rfc("9293", "MUST-66")
def test_reset_and_ack_count_with_a_closed_window(tcp) -> None:
    tcp.established()
    tcb = tcp.socket.tcb
    tcb.rcv_buf = 0
    tcb.rcv_adv = tcb.rcv_nxt
    tcp.send(b"abc")
    tcp.expect(PSH | ACK)
    tcp.inject(ACK, seq=301, ack=104, data=b"no room")
    assert tcb.snd_una == tcb.iss + 4
    tcp.expect(ACK, ack=301, window=0)
    tcp.inject(RST, seq=301)
    assert tcp.state is State.CLOSED


def test_writing_after_shutdown_is_a_broken_pipe(tcp) -> None:
    tcp.established()
    tcp.shutdown(1)
    tcp.expect(FIN | ACK)
    with pytest.raises(StackError) as caught:
        tcp.send(b"x")
    assert caught.value.errno == 32


@pytest.mark.attack("TCP-60")
def test_a_hundred_thousand_duplicates_are_one_event(tcp) -> None:
    tcp.established()
    tcp.send(bytes(5_000))
    tcp._collect()
    tcp.seen.clear()
    for _ in range(1_000):
        tcp.inject(ACK, seq=301, ack=101)
    tcp._collect()
    assert sum(seg.seq == (tcp._shift + 101) & 0xFFFFFFFF for seg in tcp.seen) == 1


@pytest.mark.attack("TCP-59")
@pytest.mark.parametrize("irs", [0, 1, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1])
@pytest.mark.parametrize("near", [0, 2**32 - 3, 2**31 - 2])
def test_numbers_wrap(tcp, irs, near, monkeypatch) -> None:
    monkeypatch.setattr(type(tcp.machine.tcp.isn), "isn", lambda *_: near)
    tcp.established(iss=near, irs=irs)
    for i in range(5):
        tcp.inject(ACK | PSH, seq=irs + 1 + i, ack=near + 1 + i, data=b"x")
        tcp.send(b"y")
    tcp._collect()
    assert b"".join(iter(lambda: tcp.recv() or b"", b"")) == b"xxxxx"
    tcp.inject(ACK, seq=irs + 6, ack=near + 6)
    assert tcp.socket.send_queue == 0


def test_a_small_window_that_stays_small_is_used(tcp) -> None:
    tcp.established(window=10_000)
    tcp.inject(ACK, seq=301, ack=101, window=500)
    tcp.send(bytes(2_000))
    tcp.expect_nothing()
    tcp.advance(2 * SECOND)
    tcp.expect(ACK, seq=101, length=500)


def test_a_closed_window_still_takes_the_window_it_brings(tcp) -> None:
    tcp.established(window=0)
    tcb = tcp.socket.tcb
    tcb.rcv_buf = 0
    tcb.rcv_adv = tcb.rcv_nxt
    tcp.send(b"abc")
    tcp.expect_nothing()
    tcp.inject(ACK, seq=301, ack=101, data=b"no room", window=5_000)
    tcp.expect(PSH | ACK, seq=101, ack=301, data=b"abc")


@pytest.mark.rfc("8985", "04")
@pytest.mark.rfc("9293", "MUST-18")
def test_an_echo_is_measured_whichever_transmission_it_is_of(tcp) -> None:
    """RFC 7323 §4.1, as Linux: it may have been late, or its first ACK lost; nobody can tell."""
    tcp.established(ts=(1_000, 0))
    tcp.send(b"x")
    original = tcp.expect(PSH | ACK)
    tcp.advance(1_000 * MS)
    tcp.expect(PSH | ACK)
    tcp.advance(10 * MS)
    tcp.inject(ACK, seq=301, ack=102, ts=(1_001, original.ts_val))  # the first ACK was lost, this is its echo
    assert tcp.socket.tcb.rtt.srtt == 1_010 * MS


def test_a_segment_of_two_writes_carries_both(tcp) -> None:
    """The second write is as long as the segment that begins before it."""
    tcp.established(window=2_000)
    tcp.send(b"a" * 2_500)
    tcp.send(b"b" * 1_000)
    for at in (0, 1_000):
        tcp.expect(ACK, seq=101 + at, data=b"a" * 1_000)
    tcp.inject(ACK, seq=301, ack=2_101, window=1_000)
    tcp.expect(ACK, seq=2_101, data=b"a" * 500 + b"b" * 500)
