"""What an ACK means: progress, and what the trace tells of the window."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.trace import Congestion
from netarium.base.units import MS, SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import recovery
from netarium.transport.tcp.congestion.reno import Reno
from netarium.transport.tcp.state import State
from netarium.transport.tcp.tcb import OPEN, RECOVERY, Tcb
from netarium.wire.tcp import ACK, TcpSegment

MSS = 1_000
NOW = 100 * SECOND


def sender(out: int = 10, **config: object) -> Tcb:
    """So many segments are out since 20 ms; nothing waits."""
    tcb = Tcb(4, replace(TcpConfig(), **config), SocketOptions(), 1, "us", None)
    tcb.smss, tcb.state = MSS, State.ESTABLISHED
    tcb.start_sending(100)
    tcb.snd_una = tcb.snd_nxt = 101
    tcb.snd_wnd = tcb.max_snd_wnd = 60_000
    tcb.sack_ok, tcb.recovery = True, OPEN
    tcb.congestion = Reno(MSS, 10 * MSS, tcb.config)
    for _ in range(out):
        tcb.sendbuf.append(bytes(MSS))
        tcb.scoreboard.add(tcb.snd_nxt, tcb.snd_nxt + MSS, NOW - 20 * MS)
        tcb.snd_nxt += MSS
    tcb.output = False
    return tcb


@pytest.mark.parametrize(
    ("by_time", "resent_at", "patience", "due"),
    [(True, 0, 5, NOW + 5), (True, 7, 5, 12), (False, 7, 5, NOW + 5), (True, 7, 0, 0)],
)
def test_progress_begins_anew_whatever_counts_failures(
    by_time: bool, resent_at: int, patience: int, due: int
) -> None:
    """The user's patience counts from the first retransmission, on Linux."""
    tcb = sender(retries_by_time=by_time)
    tcb.rexmit_count = tcb.persist_count = tcb.soft_error = tcb.user_timeout_at = 9
    tcb.first_resent_at, tcb.user_timeout_ns = resent_at, patience
    tcb.snd_una += MSS
    recovery._made_progress(tcb, NOW)
    assert (tcb.rexmit_count, tcb.persist_count, tcb.soft_error) == (0, 0, 0)
    assert (tcb.user_timeout_at, tcb.unacked_since, tcb.wakeup) == (due, NOW, False)
    tcb.snd_una, tcb.room_awaited = tcb.snd_nxt, True
    recovery._made_progress(tcb, NOW)
    assert (tcb.user_timeout_at, tcb.unacked_since, tcb.wakeup) == (0, 0, True)


def test_the_trace_tells_what_acks_do_to_the_window() -> None:
    class Notes(list):
        def emit(self, event: object) -> int:
            if isinstance(event, Congestion):
                self.append(event.why)
            return 0

    tcb = sender()
    tcb.trace = notes = Notes()

    def ack(segments: int, *sacked: int) -> None:
        blocks = tuple((101 + at * MSS, 101 + (at + 1) * MSS) for at in sacked)
        seg = TcpSegment(1, 2, 1, 101 + segments * MSS, ACK, 60_000, sack=blocks)
        recovery.on_ack(tcb, seg, may_be_duplicate=True, now=NOW)

    ack(1)
    assert notes == ["ack"]
    for at in (3, 4, 5):
        ack(1, at)
    assert (notes[1:], tcb.recovery, tcb.output) == (["fast retransmit"], RECOVERY, True)
    ack(10)
    assert notes[1:] == ["fast retransmit", "needless", "recovered", "ack"], "nothing had been sent again"
    assert tcb.recovery == OPEN
