"""How the window comes down: begin, ACK by ACK, end; and what a peer without SACK is believed to have."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import newreno, reduction
from netarium.transport.tcp.congestion.reno import Reno
from netarium.transport.tcp.tcb import CWR, DISORDER, LOSS, OPEN, RECOVERY, Tcb
from netarium.transport.tcp.undo import Undo

MSS = 1_000
NOW = 100 * SECOND


class Control(Reno):
    """Reno, of which a test may say that it looks after its window itself."""


def sender(out: int = 10, window: int = 10, *, segs: int = 1, **config: object) -> Tcb:
    """So many records of `segs` segments are out, with Reno."""
    tcb = Tcb(4, replace(TcpConfig(), **config), SocketOptions(), 1, "us", None)
    tcb.smss = MSS
    tcb.start_sending(100)
    tcb.snd_una = tcb.snd_nxt = 101
    tcb.congestion = Control(MSS, window * MSS, tcb.config)
    for _ in range(out):
        tcb.scoreboard.add(tcb.snd_nxt, tcb.snd_nxt + segs * MSS, NOW, segs)
        tcb.snd_nxt += segs * MSS
    return tcb


@pytest.mark.parametrize("own", [False, True])
def test_a_reduction_begins_with_the_window_as_it_is(own: bool) -> None:
    """Unless the control looks after it itself."""
    tcb = sender(8, 10)
    tcb.congestion.own_recovery = own
    tcb.ecn_ok = True
    tcb.tlp_end_seq = 5
    reduction.begin(tcb, NOW)
    assert (tcb.congestion.cwnd, tcb.congestion.ssthresh) == ((5 if own else 10) * MSS, 5 * MSS)
    assert (tcb.recover, tcb.tlp_end_seq, tcb.cwr_due, tcb.prr.prior_cwnd) == (tcb.snd_nxt, None, True, 10)


@pytest.mark.rfc("5681", "10")
def test_what_limited_transmit_sent_is_not_in_use() -> None:
    assert reduction.window_in_use(sender(12, 10)) == 10 * MSS
    assert reduction.window_in_use(sender(8, 10)) == 8 * MSS


@pytest.mark.rfc("6937", "01")
@pytest.mark.parametrize(
    ("delivered", "newly_lost", "advanced", "own", "window"),
    [
        (2, 0, True, False, 4 + 3),  # it advanced and told of no loss: one more
        (2, 1, True, False, 4 + 2),
        (2, 0, False, False, 4 + 2),
        (2, 1, False, False, 4 + 2),
        (0, 0, True, False, 10),
        (-1, 0, True, False, 10),
        (2, 0, True, True, 10),
        (0, 0, True, True, 10),
    ],
)
def test_an_ack_lets_so_much_go(
    delivered: int, newly_lost: int, advanced: bool, own: bool, window: int
) -> None:
    tcb = sender(10, 10)
    reduction.begin(tcb, NOW)
    tcb.congestion.ssthresh = 9 * MSS
    tcb.congestion.own_recovery = own
    tcb.prr.prr_out = 1
    tcb.prr.prr_delivered = 1
    tcb.scoreboard.sack(101 + 4 * MSS, tcb.snd_nxt)
    reduction.proceed(tcb, delivered, newly_lost=newly_lost, advanced=advanced)
    assert tcb.congestion.cwnd == window * MSS


@pytest.mark.parametrize(
    ("recovery", "undo", "own", "form", "out", "window"),
    [
        (CWR, False, False, "segments", 2, 5),
        (RECOVERY, True, False, "segments", 2, 5),
        (RECOVERY, False, False, "segments", 2, 10),  # undone
        (RECOVERY, True, True, "segments", 2, 10),
        (CWR, False, True, "segments", 2, 10),
        (RECOVERY, True, False, "octets", 2, 3),  # RFC 6582: no burst
        (RECOVERY, True, False, "octets", 0, 2),
        (RECOVERY, True, False, "octets", 4, 5),
        (RECOVERY, True, False, "octets", 5, 5),
        (RECOVERY, True, False, "octets", 6, 5),
        (CWR, True, False, "octets", 2, 5),
    ],
)
def test_in_the_end_the_window_is_what_the_control_wanted(
    recovery: int, undo: bool, own: bool, form: str, out: int, window: int
) -> None:
    tcb = sender(out, 10, cwnd_form=form)
    tcb.congestion.ssthresh = 5 * MSS
    tcb.congestion.own_recovery = own
    tcb.recovery = recovery
    tcb.undo = Undo(101, 1, restores=True) if undo else None
    reduction.finish(tcb)
    assert tcb.congestion.cwnd == window * MSS


@pytest.mark.parametrize("what", ["nothing", "sacked", "lost", "resent", "on the way", "probed"])
def test_order_is_when_nothing_is_missing_or_on_its_way_again(what: str) -> None:
    tcb = sender(3)
    board = tcb.scoreboard
    tcb.recovery = RECOVERY
    if what == "sacked":
        board.sack(101 + MSS, 101 + 2 * MSS)
    elif what == "lost":
        board.mark_lost(board.newest)
    elif what == "resent":
        board.mark_lost(board.oldest)
        board.resend(board.oldest, MSS, NOW)
        board.unmark_lost()
        board.repeated(101, 101 + MSS, 101 + MSS)
    elif what == "on the way":
        board.mark_lost(board.newest)
        board.resend(board.newest, MSS, NOW)
        board.unmark_lost()
    elif what == "probed":
        board.probe(board.newest, NOW)
    reduction.settle(tcb)
    ordered = what in {"nothing", "probed"}
    assert tcb.recovery == (OPEN if ordered else DISORDER)
    assert tcb.recover == tcb.snd_nxt
    assert reduction.was_resent(tcb) is (what in {"resent", "on the way"})
    tcb.recover = 7
    reduction.settle(tcb)
    assert tcb.recover == 7, "that is no news"


def test_of_nothing_nothing_was_resent() -> None:
    assert not reduction.was_resent(sender(0))


# --- without SACK ---------------------------------------------------------------------------------------------------


@pytest.mark.rfc("6582", "03")
def test_each_duplicate_is_a_segment_that_arrived_until_one_only_can_be_missing() -> None:
    """More of them tell of reordering."""
    tcb = sender(4)
    assert [newreno.on_duplicate(tcb) for _ in range(3)] == [1, 1, 1]
    assert tcb.reordering.seen == 0
    assert [newreno.on_duplicate(tcb) for _ in range(2)] == [0, 0]
    assert (tcb.scoreboard.segs_sacked, tcb.reordering.seen, tcb.reordering.degree) == (3, 2, 4)
    assert newreno.on_duplicate(sender(0)) == 0


def test_what_is_lost_has_not_arrived() -> None:
    tcb = sender(4)
    for record in tcb.scoreboard._records[:2]:
        tcb.scoreboard.mark_lost(record)
    assert [newreno.on_duplicate(tcb) for _ in range(3)] == [1, 1, 0]


@pytest.mark.parametrize(
    ("sacked", "acked", "delivered", "left"),
    [(3, 1, 1, 3), (3, 3, 1, 1), (3, 4, 1, 0), (2, 5, 3, 0), (2, 0, 0, 2), (2, -1, 0, 2)],
)
def test_of_what_is_acknowledged_duplicates_have_told(
    sacked: int, acked: int, delivered: int, left: int
) -> None:
    tcb = sender(10)
    tcb.scoreboard.segs_sacked = sacked
    assert newreno.on_acknowledged(tcb, acked) == delivered
    assert (tcb.scoreboard.segs_sacked, tcb.reordering.seen) == (left, 0)


def test_reordering_is_measured_by_what_was_out_before_the_ack() -> None:
    tcb = sender(4)
    tcb.scoreboard.segs_sacked = 5
    newreno.on_acknowledged(tcb, 2)
    assert (tcb.scoreboard.segs_sacked, tcb.reordering.degree) == (3, 6)


@pytest.mark.rfc("6582", "03")
@pytest.mark.parametrize(
    ("recovery", "sacked", "advanced", "lost"),
    [
        (OPEN, 2, True, False),
        (DISORDER, 3, False, True),
        (CWR, 3, False, True),
        (RECOVERY, 9, False, False),
        (RECOVERY, 0, True, True),
        (LOSS, 9, True, False),
    ],
)
def test_the_first_segment_is_lost(recovery: int, sacked: int, advanced: bool, lost: bool) -> None:
    """By three duplicates, or by a partial ACK in recovery."""
    tcb = sender(10)
    tcb.recovery, tcb.scoreboard.segs_sacked = recovery, sacked
    newreno.mark_lost(tcb, advanced=advanced)
    assert tcb.scoreboard.segs_lost == lost
    assert tcb.scoreboard.oldest.lost is lost


def test_of_a_super_segment_only_the_first_is_lost() -> None:
    tcb = sender(2, segs=3)
    for _ in range(2):
        newreno.mark_first_lost(tcb)
        assert (tcb.scoreboard.segs_lost, tcb.scoreboard.oldest.end) == (1, 101 + MSS)
    for segs, octets, end in ((2, MSS, MSS), (1, MSS + 1, MSS + 1), (2, MSS + 1, MSS)):
        tcb = sender(0)
        tcb.scoreboard.add(101, 101 + octets, NOW, segs)
        newreno.mark_first_lost(tcb)
        assert tcb.scoreboard.oldest.end == 101 + end
        assert len(tcb.scoreboard) == 1 + (end < octets)
