"""What Reno and CUBIC have in common: a window that losses, silence and disuse shrink."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import SECOND
from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH
from netarium.transport.tcp.congestion.reno import Reno

MSS = 1_000


def reno(segments: int = 20, ssthresh: int = INFINITE_SSTHRESH, **config: object) -> Reno:
    control = Reno(MSS, segments * MSS, replace(TcpConfig(), **config))
    control.ssthresh = ssthresh
    return control


@pytest.mark.parametrize(
    ("rtos", "cwnd"), [(0.5, 20), (1, 20), (1.5, 10), (2, 10), (2.5, 5), (3, 5), (4, 2), (100, 2), (1_000, 2)]
)
def test_half_of_the_window_for_each_timeout_of_silence(rtos: float, cwnd: int) -> None:
    control = reno()
    control.on_idle(idle_ns=int(rtos * SECOND), rto_ns=SECOND, initial_window=2 * MSS)
    assert control.cwnd == cwnd * MSS


def test_silence_leaves_the_restart_window_and_never_makes_it_larger() -> None:
    control = reno()
    control.on_idle(idle_ns=9 * SECOND, rto_ns=SECOND, initial_window=10 * MSS)
    assert control.cwnd == 10 * MSS
    control = reno(4)
    control.on_idle(idle_ns=9 * SECOND, rto_ns=SECOND, initial_window=10 * MSS)
    assert control.cwnd == 4 * MSS


@pytest.mark.parametrize(
    ("ssthresh", "after"), [(5 * MSS, 15 * MSS), (15 * MSS, 15 * MSS), (90 * MSS, 90 * MSS)]
)
def test_three_quarters_of_what_was_reached_are_remembered(ssthresh: int, after: int) -> None:
    """RFC 2861 §3: ssthresh = max(ssthresh, 3 cwnd / 4)."""
    silent, unused = reno(ssthresh=ssthresh), reno(ssthresh=ssthresh)
    silent.on_idle(idle_ns=9 * SECOND, rto_ns=SECOND, initial_window=10 * MSS)
    unused.on_unused(used=10 * MSS)
    assert silent.ssthresh == unused.ssthresh == after


@pytest.mark.parametrize(("used", "cwnd"), [(10, 15), (11, 15), (12, 16), (19, 19), (0, 10)])
def test_disuse_takes_half_of_the_way_down(used: int, cwnd: int) -> None:
    control = reno()
    control.on_unused(used=used * MSS)
    assert control.cwnd == cwnd * MSS


@pytest.mark.parametrize("used", [20, 21, 40])
def test_a_window_that_is_used_stays(used: int) -> None:
    control = reno(ssthresh=5 * MSS)
    control.on_unused(used=used * MSS)
    assert (control.cwnd, control.ssthresh) == (20 * MSS, 5 * MSS)


def test_a_new_size_of_segments_leaves_their_number() -> None:
    control = reno(20, 7 * MSS)
    control.set_mss(500)
    assert (control.cwnd, control.ssthresh) == (20 * 500, 7 * 500)
    control.set_mss(500)
    assert (control.cwnd, control.ssthresh) == (20 * 500, 7 * 500)
    control.cwnd, control.ssthresh = 499, 499
    control.set_mss(2_000)
    assert (control.cwnd, control.ssthresh) == (2_000, 4_000)  # one, and RFC 5681's two at the least
    control.ssthresh = INFINITE_SSTHRESH
    control.set_mss(1_000)
    assert control.ssthresh == INFINITE_SSTHRESH
    control.on_unused(used=0)  # from now on it counts in those
    assert control.cwnd == 0


@pytest.mark.parametrize(("by_flight", "ssthresh"), [(True, 6), (False, 10)])
def test_half_of_what_is_in_flight_or_of_the_window(by_flight: bool, ssthresh: int) -> None:
    control = reno(ssthresh_from_flight_size=by_flight)
    control.on_loss(flight_size=13 * MSS, now=0)
    assert control.ssthresh == ssthresh * MSS
    control.cwnd = 3 * MSS
    control.on_loss(flight_size=3 * MSS, now=0)
    assert control.ssthresh == 2 * MSS
