"""Reductions that are taken back, and what loss recovery does at its edges."""

from dataclasses import replace

import pytest

from netarium.base.config import MachineConfig
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.tcb import CWR, DISORDER, LOSS, OPEN, RECOVERY
from netarium.wire.tcp import ECE

from .conftest import ACK, Script


def in_flight(
    count: int, *, queued: int = 0, config: MachineConfig | None = None, **options: object
) -> Script:
    """That many segments of 1,000 octets from number 101 on were sent 20 ms ago; more may be waiting."""
    tcp = Script(config)
    tcp.established(**options)
    stamp = {"ts": (2, 0)} if "ts" in options else {}
    tcp.inject(ACK, seq=301, ack=101, **stamp)
    tcb = tcp.socket.tcb
    tcb.congestion.cwnd = count * tcb.smss
    tcp.send(bytes(count * tcb.smss + queued))
    tcp._collect()
    tcp.stamp = tcp.seen[-1].ts_val
    tcp.seen.clear()
    tcp.advance(20 * MS)
    return tcp


def sack(tcp: Script, ack: int, *blocks: tuple[int, int], **fields: object) -> None:
    tcp.inject(ACK, seq=301, ack=ack, sack=list(blocks), **fields)


def numbers(tcp: Script) -> list[int]:
    tcp._collect()
    found = [tcp._ours(seg.seq) for seg in tcp.seen if len(seg.payload)]
    tcp.seen.clear()
    return found


@pytest.mark.rfc("8985", "02")
def test_a_dsack_after_reordering_widens_racks_window() -> None:
    tcp = in_flight(10, sack_permitted=True)
    tcb = tcp.socket.tcb
    sack(tcp, 101, (1_101, 4_101))
    assert numbers(tcp) == [101]
    sack(tcp, 4_101)
    sack(tcp, 4_101, (101, 1_101))  # needless, but nothing was known of reordering
    assert (tcb.recovery, tcb.rack.is_wide) == (OPEN, False)
    sack(tcp, 4_101, (5_101, 6_101))
    sack(tcp, 6_101)  # now it is
    assert tcb.reordering.seen
    sack(tcp, 6_101, (7_101, 10_101))
    tcp.advance(30 * MS)
    assert numbers(tcp) == [6_101]
    sack(tcp, 10_101, (6_101, 7_101))
    assert tcb.rack.is_wide
    assert tcb.recovery == OPEN


@pytest.mark.rfc("3522", "§3.2")
def test_an_ack_of_everything_that_echoes_the_original_undoes_at_the_end() -> None:
    tcp = in_flight(6, sack_permitted=True, ts=(1, 0))
    tcb = tcp.socket.tcb
    before = tcb.congestion.cwnd
    sack(tcp, 101, (101 + tcb.smss, 101 + 4 * tcb.smss), ts=(3, tcp.stamp))
    assert numbers(tcp) == [101]
    assert tcb.recovery == RECOVERY
    tcp.advance(5 * MS)
    sack(tcp, 101 + 6 * tcb.smss, ts=(4, tcp.stamp))
    assert (tcb.recovery, tcb.congestion.ssthresh > 1 << 30) == (OPEN, True)
    assert tcb.congestion.cwnd >= before


@pytest.mark.rfc("3168", "04")
def test_what_was_marked_is_not_undone() -> None:
    tcp = in_flight(10, sack_permitted=True)
    tcb = tcp.socket.tcb
    sack(tcp, 101, (1_101, 4_101))
    assert numbers(tcp) == [101]
    tcb.ecn_ok = True
    tcp.inject(ACK | ECE, seq=301, ack=101, sack=[(1_101, 4_101)])
    sack(tcp, 4_101, (101, 1_101))
    assert (tcb.recovery, tcb.congestion.ssthresh) == (OPEN, 7_000)
    tcp = in_flight(10, sack_permitted=True)
    tcb = tcp.socket.tcb
    tcb.ecn_ok = True
    tcp.inject(ACK | ECE, seq=301, ack=101)
    assert tcb.recovery == CWR
    sack(tcp, 101, (1_101, 4_101))
    assert (tcb.recovery, tcb.undo.restores) == (RECOVERY, False)  # one reduction for both


@pytest.mark.rfc("3522", "§3.2")
def test_an_original_fills_the_first_hole_while_a_retransmission_is_out() -> None:
    """Then no more is resent for now, but nothing is taken back before it is known what became of the other one."""
    tcp = in_flight(10, sack_permitted=True, ts=(1, 0))
    tcb = tcp.socket.tcb
    smss = tcb.smss
    sack(tcp, 101, (101 + 2 * smss, 101 + 8 * smss), ts=(3, tcp.stamp))
    sack(tcp, 101, (101 + 2 * smss, 101 + 9 * smss), ts=(3, tcp.stamp))
    assert numbers(tcp) == [101, 101 + smss]
    tcp.advance(5 * MS)
    sack(tcp, 101 + smss, (101 + 2 * smss, 101 + 9 * smss), ts=(4, tcp.stamp))
    assert (tcb.recovery, tcb.hold_resending) == (RECOVERY, True)
    assert numbers(tcp) == []
    sack(tcp, 101 + 10 * smss, ts=(5, tcp.stamp))
    assert (tcb.recovery, tcb.congestion.ssthresh > 1 << 30) == (OPEN, True)


@pytest.mark.rfc("6675", "03")
def test_without_rack_a_partial_ack_resends_the_next_hole() -> None:
    config = MachineConfig()
    config = replace(config, tcp=replace(config.tcp, rack=False))
    tcp = in_flight(10, config=config, sack_permitted=True)
    sack(tcp, 101, (1_101, 4_101))
    assert numbers(tcp) == [101]
    sack(tcp, 4_101, (5_101, 6_101))
    assert numbers(tcp) == [4_101]
    sack(tcp, 10_101)
    assert tcp.socket.tcb.recovery == OPEN


@pytest.mark.rfc("9293", "SHLD-16", "SHLD-17")
def test_a_retransmission_takes_no_more_than_the_window_that_shrank() -> None:
    tcp = in_flight(10, sack_permitted=True)
    tcp.inject(ACK, seq=301, ack=1_101, window=2_500)
    tcp.advance(2 * SECOND)
    sent = numbers(tcp)
    assert 1_101 in sent
    assert max(sent) < 1_101 + 2_500
    tcp.inject(ACK, seq=301, ack=2_101, window=500)
    tcp.advance(2 * SECOND)
    tcp._collect()
    assert {(tcp._ours(seg.seq), len(seg.payload)) for seg in tcp.seen if len(seg.payload)} == {(2_101, 500)}


@pytest.mark.rfc("8985", "07")
def test_of_a_super_segment_the_probe_repeats_the_last_segment() -> None:
    tcp = Script()
    tcp.established(sack_permitted=True)
    tcb = tcp.socket.tcb
    tcb.gso_size = 64_000
    tcp.advance(20 * MS)
    tcp.send(bytes(4_500))
    assert numbers(tcp) == [101]
    tcp.advance(SECOND + 5 * MS)
    tcp._collect()
    probe = tcp.seen[0]
    assert (tcp._ours(probe.seq), len(probe.payload)) == (4_101, 500)
    assert tcb.scoreboard.segs_out == 5
    tcp.seen.clear()
    sack(tcp, 101, (4_101, 4_601))
    assert tcb.recovery in {DISORDER, RECOVERY}


@pytest.mark.rfc("8985", "07")
def test_no_probe_into_a_window_that_was_taken_back() -> None:
    tcp = in_flight(5, sack_permitted=True)
    tcb = tcp.socket.tcb
    tcp.inject(ACK, seq=301, ack=1_101, window=0)
    numbers(tcp)
    tcp.advance(2 * tcb.rtt.srtt + 10 * MS)
    assert numbers(tcp) == []
    tcp.advance(2 * SECOND)
    assert set(numbers(tcp)) == {1_101}
    assert tcb.recovery == LOSS


@pytest.mark.rfc("2018", "04")
@pytest.mark.rfc("6298", "06")
def test_a_receiver_that_reneged_is_asked_again_soon(tcp: Script) -> None:
    tcp = in_flight(5, sack_permitted=True)
    sack(tcp, 101, (1_101, 3_101))
    sack(tcp, 1_101)
    assert tcp.socket.tcb.rexmit_at - tcp.now == 10 * MS
    numbers(tcp)
    tcp.advance(10 * MS)
    assert numbers(tcp)[0] == 1_101
    assert tcp.socket.tcb.scoreboard.segs_sacked == 0
