"""How fast a paced connection sends, and in what bursts."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS, SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import pacing
from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH
from netarium.transport.tcp.tcb import Tcb

ISS = 5_000


def paced(*, cwnd: int = 20_000, most: int = 0, pacing_: bool = True) -> Tcb:
    """Segments of 1,000 octets, a round trip of 100 ms; the first eleven segments' worth has been sent."""
    options = SocketOptions()
    options.max_pacing_rate = most
    tcb = Tcb(4, replace(TcpConfig(), pacing=pacing_), options, 1, "us", None)
    tcb.start_sending(ISS)
    tcb.smss = 1_000
    tcb.rtt.sample(100 * MS, 0)
    tcb.congestion.cwnd = cwnd
    tcb.snd_una = tcb.snd_nxt = ISS + 11_000
    pacing.choose(tcb)
    return tcb


@pytest.mark.parametrize(
    ("pace", "octets"),
    [
        (1_000, 1_000),
        (149_999, 1_000),
        (150_000, 2_000),
        (1_024 * 2_000, 2_000),
        (1_024 * 3_000 - 1, 2_000),
        (1_024 * 3_000, 3_000),
        (1_024 * 7_999, 7_000),
    ],
)
def test_a_burst_is_what_a_millisecond_takes(pace: int, octets: int) -> None:
    assert pacing.burst(pace, 1_000) == octets


@pytest.mark.parametrize(
    ("cwnd", "ssthresh", "per_cent"),
    [
        (20_000, INFINITE_SSTHRESH, 200),
        (20_000, 40_002, 200),
        (20_000, 40_000, 120),  # above half of ssthresh: slow start is nearly over
        (20_000, 10_000, 120),
    ],
)
def test_the_rate_is_the_window_by_the_round_trip_and_some(cwnd: int, ssthresh: int, per_cent: int) -> None:
    tcb = paced(cwnd=cwnd)
    tcb.congestion.ssthresh = ssthresh
    assert pacing.rate(tcb) == cwnd * 10 * per_cent // 100
    tcb.snd_nxt += 30_000  # more is out than the window has: that counts
    assert pacing.rate(tcb) == 30_000 * 10 * per_cent // 100


def test_the_rate_is_bounded_by_the_option() -> None:
    assert pacing.rate(paced(most=50_000)) == 50_000
    assert pacing.rate(paced(most=5_000_000)) == 400_000
    fresh = paced()
    fresh.rtt.srtt = 0
    assert pacing.rate(fresh) == pacing.UNLIMITED == 0xFFFF_FFFF_FFFF_FFFF
    fresh.options.max_pacing_rate = 7_000
    assert pacing.rate(fresh) == 7_000


def test_who_is_paced() -> None:
    assert not paced(pacing_=False).paced
    assert paced(pacing_=False, most=1).paced
    tcb = paced()
    assert tcb.paced
    tcb.paced_until = tcb.pacing_at = 77
    tcb.config = TcpConfig()
    pacing.choose(tcb)
    assert (tcb.paced, tcb.paced_until, tcb.pacing_at) == (False, 0, 0)


def test_a_burst_goes_and_the_next_waits_as_long_as_it_takes() -> None:
    tcb = paced()  # 400,000 octets a second: 2.5 ms a segment
    now = SECOND
    assert pacing.may_send(tcb, now)
    assert tcb.pacing_burst == 2_000
    pacing.sent(tcb, 1_000, now)
    assert tcb.pacing_burst == 1_000
    assert tcb.paced_until == now + 2_500_000  # nothing was sent before: no time is made up for
    assert pacing.may_send(tcb, now)  # the rest of the burst
    pacing.sent(tcb, 1_000, now)
    assert tcb.paced_until == now + 5 * MS
    assert not pacing.may_send(tcb, now)
    assert tcb.pacing_at == 0  # nothing waits
    tcb.sendbuf.append(bytes(20_000))
    tcb.fin_queued = False
    assert not pacing.may_send(tcb, tcb.paced_until - 1)
    assert tcb.pacing_at == tcb.paced_until
    assert pacing.may_send(tcb, tcb.paced_until)
    assert tcb.pacing_burst == 2_000


@pytest.mark.parametrize(
    ("late", "saved"),
    [(0, 0), (MS, MS), (4 * MS, 4 * MS), (4 * MS + 1, 1_250_000), (SECOND, 1_250_000)],
)
def test_what_was_a_little_late_is_made_good_and_of_more_half_of_the_wait(late: int, saved: int) -> None:
    tcb = paced()
    tcb.paced_until = SECOND
    pacing.sent(tcb, 1_000, SECOND + late)
    assert tcb.paced_until == SECOND + late + 2_500_000 - saved


def test_the_first_ten_segments_are_not_paced() -> None:
    tcb = paced()
    tcb.snd_nxt = ISS + 10_000
    pacing.sent(tcb, 1_000, SECOND)
    assert tcb.paced_until == 0
    tcb.snd_nxt = ISS + 10_001
    pacing.sent(tcb, 1_000, SECOND)
    assert tcb.paced_until > SECOND


def test_what_waits_makes_a_deadline() -> None:
    """A FIN, or something to be resent, waits as data does."""
    tcb = paced()
    tcb.paced_until, tcb.pacing_burst = 2 * SECOND, 0
    tcb.fin_queued = True
    assert not pacing.may_send(tcb, SECOND)
    assert tcb.pacing_at == 2 * SECOND
    tcb = paced()
    tcb.paced_until, tcb.pacing_burst = 2 * SECOND, 0
    tcb.scoreboard.segs_lost = 1
    assert not pacing.may_send(tcb, SECOND)
    assert tcb.pacing_at == 2 * SECOND
    tcb.pacing_at, tcb.scoreboard.segs_resent = 0, 1
    assert not pacing.may_send(tcb, SECOND)
    assert tcb.pacing_at == 0
