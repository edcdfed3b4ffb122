"""Rows TCP-... of the attack list, with their criteria."""

import gc
import tracemalloc
from dataclasses import replace
from random import Random

import pytest

from netarium.base.config import MachineConfig, TcpConfig
from netarium.base.errors import DropReason
from netarium.base.units import MS, SECOND
from netarium.wire.tcp import ACK, FIN, RST, SYN
from netarium.wire.tcp_options import pack_options

from .lab import PHANTOM, TARGET, Lab, ip_frame, lines_run, segment

QUICK = replace(MachineConfig(), tcp=TcpConfig(delayed_ack_ns=0))


@pytest.mark.attack("TCP-09")
@pytest.mark.rfc("9293", "MUST-3")
def test_every_flipped_bit_of_a_segment(lab: Lab) -> None:
    """800 segments with one wrong bit each: none is taken, none is answered."""
    flow = lab.handshake(lab.listener())
    octets = segment(
        ACK, flow.ports, seq=flow.tcb.rcv_nxt, ack=flow.tcb.snd_nxt, data=bytes(range(68)), ts=(1, 0)
    )
    assert len(octets) == 100
    lab.segments()
    for bit in range(800):
        broken = bytearray(octets)
        broken[bit >> 3] ^= 0x80 >> (bit & 7)
        lab.inject(ip_frame(6, bytes(broken)))
    counters = lab.target.counters
    # A data offset that cannot be is seen before the checksum.
    malformed = counters[DropReason.TCP_MALFORMED]
    assert counters[DropReason.TCP_CHECKSUM] + malformed == 800
    assert malformed <= 4
    assert lab.heard() == []
    assert flow.tcb.rcv_queued == 0
    lab.inject(ip_frame(6, octets))
    assert flow.tcb.rcv_queued == 68


@pytest.mark.attack("TCP-10")
@pytest.mark.rfc("9293", "MUST-57")
@pytest.mark.parametrize("dst", [b"\xff\xff\xff\xff", b"\x0a\0\0\xff", b"\xe0\0\0\1"])
def test_a_syn_to_a_group_is_not_answered(lab: Lab, dst: bytes) -> None:
    lab.listener()
    for port in (80, 81):
        lab.inject(ip_frame(6, segment(SYN, (5_000, port), dst=dst, mss=1_460), dst=dst))
        lab.inject(ip_frame(6, segment(ACK, (5_000, port), dst=dst), dst=dst))
    assert lab.target.counters[DropReason.TCP_GROUP_DESTINATION] == 4
    assert lab.heard() == []
    assert lab.target.tcp.flows == {}


@pytest.mark.attack("TCP-43")
def test_what_one_connection_was_made_to_say_another_does_not_show(lab: Lab) -> None:
    """The budget of challenge ACKs is each connection's own: counting one's own tells nothing about a stranger's."""
    listener = lab.listener()
    victim, own = lab.handshake(listener, 40_000), lab.handshake(listener, 40_001)

    def challenges_of_own() -> int:
        lab.advance(10 * SECOND)
        lab.segments()
        for _ in range(200):
            own.inject(RST, ahead=7)
        return sum(1 for seg in lab.segments() if seg.dst_port == 40_001)

    quiet = challenges_of_own()
    lab.advance(10 * SECOND)
    for _ in range(1_000):
        victim.inject(RST, ahead=7)
        victim.inject(SYN, ahead=7)
    lab.segments()
    for _ in range(200):
        own.inject(RST, ahead=7)
    assert sum(1 for seg in lab.segments() if seg.dst_port == 40_001) == quiet
    assert quiet == 1
    assert victim.socket.state_name == own.socket.state_name == "ESTABLISHED"


@pytest.mark.attack("TCP-45")
def test_a_retransmission_is_always_acknowledged(lab: Lab) -> None:
    """Our ACKs were lost: the peer sends old data again, and again, and gets an ACK each time."""
    flow = lab.handshake(lab.listener())
    flow.inject(data=bytes(100))
    lab.advance(SECOND)
    lab.segments()
    for _ in range(100):
        flow.inject(ahead=-100, data=bytes(100))
    assert [seg.ack for seg in lab.segments()] == [flow.tcb.rcv_nxt & 0xFFFF_FFFF] * 100


@pytest.mark.attack("TCP-45")
def test_window_probes_are_answered() -> None:
    """Of a window that is closed each probe with text is answered, those without twice a second."""
    lab = Lab(replace(QUICK, tcp=TcpConfig(receive_buffer=4_000, delayed_ack_ns=0)))
    flow = lab.handshake(lab.listener())
    flow.inject(data=bytes(2_000))
    for probe, interval in (({"ahead": -1}, 500), ({"data": b"x"}, 250)):
        for _ in range(10):
            lab.advance(interval * MS)
            lab.segments()
            flow.inject(**probe)
            assert [seg.window for seg in lab.segments()] == [0]
    assert len(flow.socket.recv(5_000, lab.now) or b"") == 1_460  # the first window: whole segments
    lab.run()
    assert lab.segments()[-1].window > 0


@pytest.mark.attack("TCP-47")
def test_time_wait_is_small_and_bounded() -> None:
    """3,000 connections that we close first, room for 1,000 records; each holds 512 octets at the most."""
    lab = Lab(replace(QUICK, tcp=TcpConfig(max_time_wait=1_000)))
    listener = lab.listener()

    def close_many(ports: range) -> None:
        for port in ports:
            flow = lab.handshake(listener, port)
            flow.socket.close(lab.now)
            lab.run()
            flow.inject(FIN | ACK)
            while lab.target.poll_event() is not None:
                pass
        lab.wire.sent.clear()
        gc.collect()

    close_many(range(2_000, 2_100))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        close_many(range(2_100, 2_600))
        each = (tracemalloc.get_traced_memory()[0] - before) / 500
    finally:
        tracemalloc.stop()
    assert len(lab.target.tcp.time_wait()) == 600
    close_many(range(2_600, 5_000))
    tcp = lab.target.tcp
    assert len(tcp.time_wait()) == len(tcp.flows) == 1_000
    assert lab.target.counters["tcp_time_wait_overflows"] == 2_000
    assert len(tcp.timers) == 1
    assert len(tcp.ports) == 1  # all share the listener's
    # All that the machine holds because of one: record, addresses, places in three tables and the timer queue, options.
    assert each <= 512, f"{each:.0f} octets each"
    lab.advance(61 * SECOND)
    assert tcp.flows == {}


@pytest.mark.attack("TCP-51")
def test_sacks_that_make_swiss_cheese_do_not_make_work() -> None:
    """MSS 48, a full window, every other segment SACKed: an ACK late in that costs at most 5 times an early one."""
    lab = Lab(
        replace(QUICK, tcp=TcpConfig(initial_window_segments=4_000, timestamps=False, window_scaling=False))
    )
    flow = lab.handshake(lab.listener(), mss=48, sack_permitted=True)
    flow.socket.send(bytes(64_000), lab.now)
    lab.run()
    tcb = flow.tcb
    assert tcb.flight_size > 60_000
    una, costs = tcb.snd_una, []
    for hole in range(0, 1_200, 2):
        left = una + 48 * (hole + 1)
        ack = segment(
            ACK, flow.ports, seq=tcb.rcv_nxt, ack=una, sack=((left & 0xFFFF_FFFF, left + 48 & 0xFFFF_FFFF),)
        )
        frame = ip_frame(6, ack)
        lab.wire.sent.clear()
        costs.append(lines_run(lambda frame=frame: lab.inject(frame)) / (1 + len(lab.wire.sent)))
    assert tcb.scoreboard.segs_sacked > 500
    early, late = sorted(costs[50:150])[50], sorted(costs[-100:])[50]
    assert late <= 5 * early, (early, late)


@pytest.mark.attack("TCP-62")
@pytest.mark.rfc("6298", "§2.4", "§2.5")
@pytest.mark.parametrize("echo", [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
@pytest.mark.parametrize("wait", [0, 1, SECOND, 1_000 * SECOND])
def test_no_timestamp_drives_the_timeout_out_of_its_clamp(lab: Lab, echo: int, wait: int) -> None:
    flow = lab.handshake(lab.listener(), ts=(1, 0))
    config = lab.target.config.tcp
    for turn in range(20):
        if flow.socket.state_name != "ESTABLISHED":
            break
        flow.socket.send(bytes(10), lab.now)
        lab.run()
        lab.advance(wait)
        flow.inject(ts=(2 + turn, echo))
        assert config.min_rto_ns <= flow.tcb.rtt.rto <= config.max_rto_ns
    lab.check()


@pytest.mark.attack("TCP-48")
def test_a_queue_with_many_holes_costs_no_more_per_segment() -> None:
    """One octet at every second place of the window, from the back to the front."""
    lab = Lab(QUICK)
    flow = lab.handshake(lab.listener(), sack_permitted=True)
    costs = [
        lines_run(lambda ahead=ahead: flow.inject(ahead=ahead, data=b"x"))
        for ahead in range(20_000, 18_000, -2)
    ]
    assert sum(costs[-50:]) <= 2 * sum(costs[100:150])
    tcb = flow.tcb
    assert tcb.reassembly.octets <= 2 * tcb.rcv_buf
    lab.check()


@pytest.mark.attack("ICMP-06")
@pytest.mark.rfc("5927", "§4.1")
@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 13])
def test_no_icmp_error_ends_an_established_connection(lab: Lab, code: int) -> None:
    """Not even one that quotes a number in flight; one that does not is not even a hint."""
    from netarium.wire.icmpv4 import pack_header

    from .lab import ip_packet

    flow = lab.handshake(lab.listener())
    flow.socket.send(bytes(5_000), lab.now)
    lab.run()
    ignored = 0
    for ahead in (-1, 0, 100, 4_999, 5_000, 1 << 31, 1 << 20):
        inside = 0 <= ahead < flow.tcb.flight_size
        quoted = segment(ACK, flow.ports[::-1], src=TARGET, dst=PHANTOM, seq=flow.tcb.snd_una + ahead)[:8]
        payload = ip_packet(6, quoted + bytes(12), src=TARGET, dst=PHANTOM)
        lab.inject(ip_frame(1, pack_header(3, code, 1_400 if code == 4 else 0, payload) + payload))
        believed = inside and (
            code != 4 or not ahead
        )  # all is smaller than 1,400 once the first was believed
        ignored += not believed
        assert flow.socket.state_name == "ESTABLISHED"
        assert flow.socket.error == 0
        assert lab.target.counters["tcp_icmp_ignored"] == ignored
    flow.inject(ack=0)
    assert flow.tcb.flight_size == 0
    lab.check()


def test_a_refusal_wraps_its_numbers(lab: Lab) -> None:
    """SYN with SEQ 2**32 - 1 to a closed port: the RST acknowledges 0 (RFC 9293 §3.10.7.1, modulo 2**32)."""
    lab.tcp(SYN, (5_000, 9), seq=0xFFFF_FFFF)
    answer = lab.segments()
    assert [(seg.flags, seg.ack) for seg in answer] == [(RST | ACK, 0)]
    lab.check()


def test_options_of_every_length_do_not_confuse_a_connection(lab: Lab) -> None:
    """Every length of option area, filled with what looks like options: the connection goes on."""
    flow = lab.handshake(lab.listener())
    for words in range(11):
        for filler in (b"\x05\x0a", b"\x08\x0a", b"\x02\x04", b"\x03\x03", b"\xff\x02", b"\x01\x00"):
            flow.inject(data=b"y", raw_options=(filler * 20)[: 4 * words])
    assert flow.tcb.rcv_queued == 66
    assert pack_options() == b""
    lab.check()


@pytest.mark.attack("TCP-51")
@pytest.mark.attack("TCP-05")
def test_sacks_of_crumbs_do_not_shred_a_super_segment() -> None:
    """64,000 octets sent as one, SACKed octet by octet, from everywhere: no more records than it has segments."""
    lab = Lab(replace(QUICK, tcp=TcpConfig(initial_window_segments=64, gso_max_size=64_000)))
    flow = lab.handshake(lab.listener(), mss=1_000, sack_permitted=True, wscale=4)
    tcb = flow.tcb
    tcb.gso_size = 64_000
    flow.socket.send(bytes(64_000), lab.now)
    lab.run()
    una, random = tcb.snd_una, Random(5)
    assert len(tcb.scoreboard) < 64 == tcb.scoreboard.segs_out
    for _ in range(2_000):
        blocks = []
        for _ in range(3):
            left = una + random.randrange(1, 63_000)
            blocks.append((left & 0xFFFF_FFFF, left + random.randrange(1, 1_500) & 0xFFFF_FFFF))
        ack = segment(ACK, flow.ports, seq=tcb.rcv_nxt, ack=una, sack=tuple(blocks))
        lab.inject(ip_frame(6, ack))
        lab.wire.sent.clear()
        board = tcb.scoreboard
        assert len(board) <= board.segs_out <= 64
        assert 0 <= board.in_flight <= board.segs_out
    lab.check()


@pytest.mark.attack("TCP-54")
def test_forged_duplicates_release_two_segments_and_then_one_for_each_that_is_told_of(lab: Lab) -> None:
    """A hundred duplicate ACKs, with and without SACKs that lie: one retransmission, and no growth of the window."""
    for sacks in (False, True):
        flow = lab.handshake(lab.listener(80 + sacks), 40_000 + sacks, mss=1_000, sack_permitted=sacks)
        tcb = flow.tcb
        flow.socket.send(bytes(200_000), lab.now)
        lab.advance(20 * MS)
        for i in range(1, 101):
            una = tcb.snd_una
            lie = (una + 5_000 + i) & 0xFFFF_FFFF, (una + 9_000 + i) & 0xFFFF_FFFF
            flow.inject(ack=-tcb.flight_size, **({"sack": (lie,)} if sacks else {}))
            new = tcb.scoreboard.segs_out - 10
            assert new <= i
            assert tcb.congestion.cwnd <= 10_000
        assert tcb.total_retrans <= (6 if sacks else 1)  # the lies leave five holes
        assert tcb.congestion.ssthresh == 7_000
    lab.check()


@pytest.mark.attack("TCP-53")
@pytest.mark.rfc("3708", "§3")
def test_dsacks_of_what_was_never_sent_twice_are_not_believed(lab: Lab) -> None:
    """They neither undo a reduction, nor widen RACK's window, nor make the congestion window grow."""
    flow = lab.handshake(lab.listener(), mss=1_000, sack_permitted=True)
    tcb = flow.tcb
    flow.socket.send(bytes(20_000), lab.now)
    lab.run()
    lab.advance(20 * MS)
    una = tcb.snd_una
    for _ in range(500):
        dsack = ((una - 500) & 0xFFFF_FFFF, una & 0xFFFF_FFFF)
        lab.inject(ip_frame(6, segment(ACK, flow.ports, seq=tcb.rcv_nxt, ack=una, sack=(dsack,))))
    assert tcb.congestion.cwnd == 10_000
    assert not tcb.rack.is_wide
    assert tcb.reordering.degree == 3
    assert tcb.total_retrans == 0
    lab.check()
