"""Which ICMP error takes a doubling of the timeout back: each condition by itself."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import disruption, xmittimer
from netarium.transport.tcp.scoreboard import Scoreboard
from netarium.transport.tcp.tcb import Tcb

SENT = 1_000 * MS  # when the segment was sent last
RTO = 200 * MS  # without its doublings


def disrupted() -> Tcb:
    """One segment was sent three times; the timeout is 800 ms."""
    tcb = Tcb(4, TcpConfig(initial_rto_ns=RTO), SocketOptions(), 1, "here", None)
    tcb.start_sending(100)
    tcb.snd_una, tcb.snd_nxt = 101, 201
    tcb.scoreboard.add(101, 201, SENT)
    tcb.rexmit_count = 2
    tcb.rtt.back_off()
    tcb.rtt.back_off()
    xmittimer.start_timeout(tcb, SENT + 4 * RTO)
    return tcb


@pytest.mark.parametrize(("now", "due"), [(SENT + 1, SENT + 2 * RTO), (SENT + 3 * RTO, SENT + 3 * RTO + 1)])
def test_one_doubling_goes(now: int, due: int) -> None:
    """What would be over by then is over at once."""
    tcb = disrupted()
    disruption.on_unreachable(tcb, 101, now)
    assert (tcb.rtt.backoff_count, tcb.rexmit_at) == (1, due)


def off(tcb: Tcb) -> None:
    tcb.config = replace(tcb.config, backoff_reverts=False)


def progress(tcb: Tcb) -> None:
    tcb.snd_una = 102


def sent_once(tcb: Tcb) -> None:
    tcb.rexmit_count = 0


def measured(tcb: Tcb) -> None:
    tcb.rtt.forget_backoff()


def nothing_out(tcb: Tcb) -> None:
    tcb.scoreboard = Scoreboard(1_000)


def other_timer(tcb: Tcb) -> None:
    tcb.rexmit_for = xmittimer.REORDERING


@pytest.mark.parametrize("change", [off, progress, sent_once, measured, nothing_out, other_timer])
def test_none_goes(change: Callable[[Tcb], None]) -> None:
    tcb = disrupted()
    change(tcb)
    before = tcb.rtt.backoff_count, tcb.rexmit_at
    disruption.on_unreachable(tcb, 101, SENT + 1)
    assert (tcb.rtt.backoff_count, tcb.rexmit_at) == before
