"""The one timer behind what was sent: when it is due, and what for."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS, SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import tlp, xmittimer
from netarium.transport.tcp.state import State
from netarium.transport.tcp.tcb import CWR, DISORDER, LOSS, OPEN, RECOVERY, Tcb
from netarium.transport.tcp.xmittimer import PROBE, REORDERING, TIMEOUT

NOW = 10 * SECOND


def sender(segments: int = 3, *, sent_at: int = NOW, srtt: int = 100 * MS, probes: bool = True) -> Tcb:
    """So many segments are out since `sent_at`; the RTO is SRTT and 200 ms."""
    tcb = Tcb(4, replace(TcpConfig(), tail_loss_probe=probes), SocketOptions(), 1, "us", None)
    tcb.start_sending(100)
    tcb.scoreboard.smss = tcb.smss = 1_000
    tcb.state, tcb.sack_ok, tcb.recovery = State.ESTABLISHED, True, OPEN
    tcb.snd_una = tcb.snd_nxt = 101
    for _ in range(segments):
        tcb.scoreboard.add(tcb.snd_nxt, tcb.snd_nxt + 1_000, sent_at)
        tcb.snd_nxt += 1_000
    for _ in range(40 if srtt else 0):
        tcb.rtt.sample(srtt, 0)
    return tcb


def armed(tcb: Tcb) -> tuple[int, int]:
    """What for, and how many ms from now."""
    return tcb.rexmit_for, round((tcb.rexmit_at - NOW) / MS) if tcb.rexmit_at else 0


@pytest.mark.parametrize(
    ("segments", "srtt", "due"),
    [(3, 100, 202), (1, 100, 300), (1, 300, 500), (2, 10, 22), (1, 10, 210)],
)
def test_an_ack_restarts_it(segments: int, srtt: int, due: int) -> None:
    tcb = sender(segments, srtt=srtt * MS)
    xmittimer.on_acknowledged(tcb, NOW)
    assert armed(tcb) == (PROBE, due)  # no later than the RTO
    assert xmittimer.probe_timeout(tcb) == 2 * srtt * MS + (200 * MS if segments == 1 else 2 * MS)
    for change in (
        {"sack_ok": False},
        {"recovery": RECOVERY},
        {"recovery": LOSS},
        {"state": State.SYN_RECEIVED},
    ):
        for name, value in change.items():
            setattr(tcb, name, value)
        xmittimer.on_acknowledged(tcb, NOW)
        assert armed(tcb) == (TIMEOUT, srtt + 200)
        tcb.sack_ok, tcb.recovery, tcb.state = True, OPEN, State.ESTABLISHED
    empty = sender(0)
    empty.rexmit_at, empty.rexmit_for = 5, PROBE
    xmittimer.on_acknowledged(empty, NOW)
    assert (empty.rexmit_at, empty.rexmit_for) == (0, TIMEOUT)


def test_a_probe_is_for_a_tail() -> None:
    for recovery, due in ((OPEN, PROBE), (CWR, PROBE), (DISORDER, TIMEOUT)):
        tcb = sender()
        tcb.recovery = recovery
        xmittimer.on_acknowledged(tcb, NOW)
        assert tcb.rexmit_for == due
    off = sender(probes=False)
    xmittimer.on_acknowledged(off, NOW)
    assert armed(off) == (TIMEOUT, 300)
    assert xmittimer.probe_timeout(sender(srtt=0)) == SECOND


def test_new_data_postpones_a_probe_but_not_the_timeout() -> None:
    tcb = sender(sent_at=NOW - 50 * MS)
    xmittimer.on_sent(tcb, NOW)
    assert armed(tcb) == (PROBE, 202)
    old = sender(sent_at=NOW - 150 * MS)
    xmittimer.on_sent(old, NOW)
    assert armed(old) == (PROBE, 150)  # the RTO of the oldest is earlier
    late = sender(sent_at=NOW - 400 * MS)
    xmittimer.on_sent(late, NOW)
    assert armed(late) == (PROBE, 202)
    plain = sender()
    plain.sack_ok = False
    xmittimer.on_sent(plain, NOW)
    assert armed(plain) == (TIMEOUT, 300)
    xmittimer.on_sent(plain, NOW + 100 * MS)
    assert armed(plain) == (TIMEOUT, 300)  # it runs already
    plain.rexmit_for = PROBE
    plain.scoreboard.oldest.xmit_at = NOW - 40 * MS
    xmittimer.on_sent(plain, NOW)
    assert armed(plain) == (TIMEOUT, 260)


def test_the_timeout_again_counts_from_the_oldest_segment() -> None:
    for for_, sent_at, due in (
        (PROBE, NOW - 100 * MS, 200),
        (REORDERING, NOW - 299 * MS, 1),
        (PROBE, NOW - 500 * MS, 1),  # never at once
        (TIMEOUT, NOW - 100 * MS, 300),
    ):
        tcb = sender(sent_at=sent_at)
        tcb.rexmit_for = for_
        xmittimer.restart_timeout(tcb, NOW)
        assert armed(tcb) == (TIMEOUT, due)
    empty = sender(0)
    empty.rexmit_at, empty.rexmit_for = 7, PROBE
    xmittimer.restart_timeout(empty, NOW)
    assert armed(empty) == (TIMEOUT, 0)


def test_what_was_overtaken_has_a_little_more_time() -> None:
    tcb = sender()
    xmittimer.await_reordered(tcb, 25 * MS, NOW)
    assert armed(tcb) == (REORDERING, 27)
    xmittimer.await_reordered(tcb, 900 * MS, NOW)
    assert armed(tcb) == (REORDERING, 300)


@pytest.mark.parametrize(("out", "probed", "due"), [(3, False, True), (3, True, False), (0, False, False)])
def test_a_probe_is_due_once(out: int, probed: bool, due: bool) -> None:
    tcb = sender(out)
    tcb.rexmit_for = PROBE
    tcb.tlp_end_seq = 5 if probed else None
    tcb.tlp_due = tcb.output = False
    tlp.on_probe_timeout(tcb, NOW)
    assert (tcb.tlp_due, tcb.output) == (due, due)
    assert armed(tcb) == ((TIMEOUT, 300) if out else (TIMEOUT, 0))


@pytest.mark.parametrize("again", [False, True])
def test_a_probe_is_remembered(again: bool) -> None:
    tcb = sender()
    tlp.on_probe_sent(tcb, NOW, is_retrans=again)
    assert (tcb.tlp_end_seq, tcb.tlp_is_retrans) == (tcb.snd_nxt, again)
    assert armed(tcb) == (TIMEOUT, 300)


@pytest.mark.parametrize(
    ("again", "ack", "dsacked", "duplicate", "repaired", "over"),
    [
        (True, -1, False, True, False, False),
        (True, 0, False, False, False, False),
        (True, 0, False, True, False, True),  # a duplicate: both arrived
        (True, 0, True, False, False, True),
        (True, 1, False, False, True, False),
        (True, 1, False, True, True, False),
        (True, 1, True, False, False, True),
        (False, 0, False, False, False, True),  # the probe was new data
        (False, 1, False, False, False, True),
    ],
)
def test_whether_a_probe_repaired_a_loss(
    again: bool, ack: int, dsacked: bool, duplicate: bool, repaired: bool, over: bool
) -> None:
    """RFC 8985 §7.4.2; `ack` is counted from the end of the probe."""
    tcb = sender()
    tlp.on_probe_sent(tcb, NOW, is_retrans=again)
    end = tcb.snd_nxt
    assert tlp.repaired_a_loss(tcb, end + ack, dsacked=dsacked, pure_duplicate=duplicate) is repaired
    assert (tcb.tlp_end_seq is None) is over
    tcb.tlp_end_seq = None
    assert not tlp.repaired_a_loss(tcb, end + ack, dsacked=dsacked, pure_duplicate=duplicate)


def test_a_timeout_that_is_due_already_does_not_hurry_the_probe() -> None:
    tcb = sender(2, sent_at=NOW - 300 * MS)
    xmittimer.on_sent(tcb, NOW)
    assert tcb.scoreboard.oldest.xmit_at + tcb.rtt.rto == NOW
    assert armed(tcb) == (PROBE, 202)
