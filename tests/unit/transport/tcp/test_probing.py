"""When a path is probed for larger segments, and what becomes of the segment size: at the edges of each condition."""

from dataclasses import replace
from typing import Any

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import negotiate, probing
from netarium.transport.tcp.plpmtud import PathSearch
from netarium.transport.tcp.tcb import DISORDER, LOSS, OPEN, Tcb

MSS, LARGEST = 1_000, 1_460
PROBE = (MSS + LARGEST) // 2
NEEDED = PROBE + 4 * MSS  # so many octets behind it tell that it alone was lost
CONFIG = TcpConfig(
    mtu_probing=2, base_mss=MSS, dupthresh=3, r1_retries=3, min_rto_ns=200 * MS, mtu_probe_floor=48
)


def sender(version: int = 4, *, ts: bool = False, search: bool = True, **settings: Any) -> Tcb:
    """It sends segments of 1,000 octets into a window that is just large enough for a probe."""
    tcb = Tcb(version, replace(CONFIG, **settings), SocketOptions(), 1, "here", None)
    tcb.start_sending(0)
    tcb.start_receiving(0)
    tcb.snd_una = tcb.snd_nxt = 1
    tcb.peer_mss = tcb.path_mss = LARGEST
    tcb.ts_ok = ts
    tcb.snd_wnd = NEEDED
    if search:
        tcb.plpmtud = PathSearch(tcb.config, LARGEST, 1)
    tcb.smss = MSS
    tcb.scoreboard.smss = MSS
    tcb.congestion.set_mss(MSS)
    tcb.congestion.cwnd = 11 * MSS
    return tcb


def fly(tcb: Tcb, count: int, size: int = MSS) -> None:
    """So many segments are in flight."""
    for _ in range(count):
        tcb.scoreboard.add(tcb.snd_nxt, tcb.snd_nxt + size, 1)
        tcb.snd_nxt += size


@pytest.mark.rfc("4821-01")
def test_a_probe_goes_when_there_is_just_enough_of_everything() -> None:
    assert probing.next_probe(sender(), NEEDED, 2) == PROBE
    assert probing.next_probe(sender(), NEEDED - 1, 2) == probing.NO_PROBE
    tcb = sender()
    tcb.snd_wnd -= 1
    assert probing.next_probe(tcb, NEEDED, 2) == probing.NO_PROBE
    tcb = sender()
    tcb.congestion.cwnd -= 1
    assert probing.next_probe(tcb, NEEDED, 2) == probing.NO_PROBE


def test_it_waits_for_room_that_comes_with_the_next_acks() -> None:
    tcb = sender()
    fly(tcb, 9)
    tcb.snd_wnd = 9 * MSS + NEEDED
    assert probing.next_probe(tcb, NEEDED, 2) == PROBE
    tcb.snd_wnd -= 1
    assert probing.next_probe(tcb, NEEDED, 2) == probing.WAIT
    tcb.snd_wnd = 99 * MSS
    fly(tcb, 1)
    assert probing.next_probe(tcb, NEEDED, 2) == probing.WAIT, "it weighs two segments"


def test_none_goes_while_something_else_is_amiss() -> None:
    one_is_out, disordered, behind_a_hole, behind_theirs = (sender() for _ in range(4))
    probing.sent(one_is_out, 1, PROBE)
    one_is_out.congestion.cwnd = 11 * MSS
    disordered.recovery = DISORDER
    fly(behind_a_hole, 2)
    behind_a_hole.scoreboard.sack(MSS + 1, 2 * MSS + 1)
    behind_a_hole.snd_wnd = 99 * MSS
    behind_theirs.reassembly.insert(5, b"x")
    for tcb in (one_is_out, disordered, behind_a_hole, behind_theirs):
        assert probing.next_probe(tcb, NEEDED, 2) == probing.NO_PROBE


@pytest.mark.rfc("4821-01")
@pytest.mark.parametrize(
    ("version", "ts", "headers"), [(4, False, 40), (4, True, 52), (6, False, 60), (6, True, 72)]
)
def test_after_one_that_arrived_the_window_holds_as_many_octets_on_the_wire(
    version: int, ts: bool, headers: int
) -> None:
    tcb = sender(version, ts=ts)
    tcb.congestion.cwnd = 5_000 * MSS
    assert tcb.plpmtud is not None
    tcb.plpmtud.sent(1, PROBE, MSS)
    tcb.snd_una = PROBE
    probing.on_acknowledged(tcb)
    assert tcb.smss == MSS, "its last octet is not acknowledged yet"
    tcb.snd_una = PROBE + 1
    probing.on_acknowledged(tcb)
    assert (tcb.smss, tcb.scoreboard.smss, tcb.plpmtud.probe) == (PROBE, PROBE, 0)
    assert tcb.congestion.cwnd == 5_000 * (MSS + headers) // (PROBE + headers) * PROBE


def test_one_segment_is_left_of_the_smallest_window() -> None:
    tcb = sender()
    assert tcb.plpmtud is not None
    tcb.plpmtud.sent(1, PROBE, MSS)
    tcb.congestion.cwnd = MSS
    tcb.snd_una = PROBE + 1
    probing.on_acknowledged(tcb)
    assert tcb.congestion.cwnd == PROBE


# --- losses -----------------------------------------------------------------------------------------------------------


def probed(behind: int = 3) -> Tcb:
    """A probe is out, and some segments behind it."""
    tcb = sender()
    fly(tcb, 1, PROBE)
    probing.sent(tcb, 1, PROBE)
    fly(tcb, behind)
    return tcb


@pytest.mark.rfc("8899", "4.3")
def test_a_probe_that_alone_was_lost_is_sent_again_in_pieces() -> None:
    tcb = probed()
    assert tcb.congestion.cwnd == 10 * MSS
    assert probing.on_loss(tcb)
    assert tcb.congestion.cwnd == 11 * MSS
    assert tcb.plpmtud is not None
    assert (tcb.plpmtud.high, tcb.plpmtud.probe) == (PROBE - 1, 0)
    assert (tcb.recovery, tcb.recover) == (LOSS, tcb.snd_nxt)
    assert (tcb.force_retransmit, tcb.output) == (True, True)
    lost = tcb.scoreboard.next_lost()
    assert lost is not None
    assert lost is tcb.scoreboard.oldest


def test_what_was_lost_after_a_timeout_does_not_move_its_end() -> None:
    tcb = probed()
    tcb.recovery, tcb.recover = LOSS, 77
    probing.resend_in_pieces(tcb)
    assert (tcb.recovery, tcb.recover, tcb.force_retransmit) == (LOSS, 77, True)


def unprobed() -> Tcb:
    tcb = sender()
    fly(tcb, 4)
    return tcb


def unsearched() -> Tcb:
    tcb = sender(search=False)
    fly(tcb, 4)
    return tcb


def passed() -> Tcb:
    tcb = probed()
    tcb.snd_una += 1
    return tcb


def another_is_lost() -> Tcb:
    tcb = probed()
    second = tcb.scoreboard.divide(tcb.scoreboard.oldest, 1 + MSS)  # where an ACK divided it
    tcb.scoreboard.mark_lost(second)
    return tcb


@pytest.mark.parametrize("made", [unprobed, unsearched, passed, another_is_lost])
def test_any_other_loss_is_congestion(made: Any) -> None:
    tcb = made()
    cwnd = tcb.congestion.cwnd
    assert not probing.on_loss(tcb)
    assert (tcb.recovery, tcb.congestion.cwnd, tcb.force_retransmit) == (OPEN, cwnd, False)


# --- black holes ------------------------------------------------------------------------------------------------------

PATIENCE = 15 * 200 * MS  # four timeouts, each twice as long as the one before


def timed_out(size: int, at: int, *, search: bool = False, low: int = MSS, mtu_probing: int = 1) -> Tcb:
    """A segment of that size has timed out before, first at 7 ns, and now again."""
    tcb = sender(search=search, mtu_probing=mtu_probing)
    tcb.smss = max(size, tcb.smss)
    fly(tcb, 1, size)
    if tcb.plpmtud is not None:
        tcb.plpmtud.low = low
        tcb.plpmtud.sent(1, size, MSS)
    probing.on_timeout(tcb, 7)
    assert tcb.backoff_since == 7
    tcb.rexmit_count = 1
    probing.on_timeout(tcb, 7 + at)
    return tcb


@pytest.mark.rfc("8899", "4.3")
def test_a_black_hole_is_believed_in_after_four_timeouts() -> None:
    assert timed_out(LARGEST, PATIENCE - 1).plpmtud is None
    assert timed_out(LARGEST, PATIENCE, mtu_probing=0).plpmtud is None
    tcb = timed_out(LARGEST, PATIENCE)
    assert tcb.plpmtud is not None
    assert tcb.smss == MSS


@pytest.mark.parametrize(("size", "believed"), [(MSS // 2 + 1, True), (MSS // 2, False)])
def test_small_segments_that_are_lost_tell_nothing_of_size(size: int, believed: bool) -> None:
    assert (timed_out(size, PATIENCE).plpmtud is not None) == believed
    again = timed_out(size, PATIENCE, search=True)
    assert again.smss == (MSS // 2 if believed else MSS)
    assert again.plpmtud is not None
    assert again.plpmtud.probe == 0, "whether it would have passed, nobody knows"
    assert again.plpmtud.low == again.smss


def test_what_the_path_takes_at_the_most_bounds_what_is_believed() -> None:
    tcb = timed_out(LARGEST, PATIENCE)
    assert tcb.plpmtud is not None
    assert tcb.plpmtud.high == negotiate.allowed_size(tcb) == LARGEST
