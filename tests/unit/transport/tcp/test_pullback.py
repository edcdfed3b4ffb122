"""A window that closed before what was sent into it was acknowledged."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import pullback
from netarium.transport.tcp.tcb import LOSS, Tcb

NOW = 5_000 * MS


def closed(**config: object) -> Tcb:
    tcb = Tcb(
        4, replace(TcpConfig(), closed_window_pulls_back=True, **config), SocketOptions(), 1, "us", None
    )
    tcb.start_sending(100)
    tcb.snd_una = tcb.recover = 101
    for seq in (101, 1_101, 2_101):
        tcb.scoreboard.add(seq, seq + 1_000, NOW - 50 * MS)
    tcb.snd_nxt = 3_101
    return tcb


@pytest.mark.rfc("9293", "SHLD-16", "SHLD-17")
def test_what_is_in_flight_counts_as_never_sent_and_the_window_is_probed() -> None:
    tcb = closed()
    tcb.rexmit_at, tcb.rexmit_count, tcb.persist_count = NOW + MS, 3, 4
    pullback.on_closed(tcb, NOW)
    assert tcb.scoreboard.segs_lost == 3
    assert (tcb.recovery, tcb.recover) == (LOSS, 3_101)
    assert (tcb.rexmit_at, tcb.rexmit_count, tcb.persist_count) == (0, 0, 0)
    assert tcb.persist_at == NOW + tcb.rtt.rto


def test_a_recovery_that_goes_on_ends_where_it_would_have() -> None:
    tcb = closed()
    tcb.recovery, tcb.recover = LOSS, 2_101
    pullback.on_closed(tcb, NOW)
    assert (tcb.recovery, tcb.recover) == (LOSS, 2_101)


def test_it_is_due_only_with_something_in_flight_and_no_window() -> None:
    tcb = closed()
    assert pullback.is_due(tcb)
    tcb.snd_wnd = 1
    assert not pullback.is_due(tcb)
    tcb.snd_wnd = 0
    tcb.scoreboard.acknowledge(3_101)
    assert not pullback.is_due(tcb)
    linux = closed()
    linux.config = replace(linux.config, closed_window_pulls_back=False)
    assert not pullback.is_due(linux)
