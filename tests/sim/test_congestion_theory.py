"""The response functions: what windows do with random losses, over hundreds of losses, against the formulas.

Only the controls run here, on a path of arithmetic with a round trip of 40 ms that never fills: at 0.001 % a loss comes
once in 100,000 segments, and only many of them make an average. `test_congestion` has the whole stack, where that can be
waited for.
"""

import math
from random import Random

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.congestion import ALGORITHMS

MSS = 1_448
RTT = 40 * MS
LOSSES = [0.000_01, 0.000_1, 0.001, 0.01]
ACKS = 20  # in a round trip, if the window is larger


def average_window(name: str, loss: float, events: int, *, evenly: bool = False) -> float:
    """Segments in a round trip, averaged over that many losses; each segment is lost with that probability.

    `evenly`: one in so many is, as the formulas assume.
    """
    random = Random(f"{name} {loss}")

    def gap() -> int:
        return round(1 / loss) if evenly else math.ceil(random.expovariate(loss))

    control = ALGORITHMS[name](MSS, 10 * MSS, TcpConfig())
    control.ssthresh = 10 * MSS  # begin in congestion avoidance
    now, sent, rounds = SECOND, 0, 0
    until_loss = gap()
    while events:
        window = control.cwnd // MSS
        step = max(1, window // ACKS)
        sent += window
        rounds += 1
        lost = False
        for first in range(0, window, step):
            acked = min(step, window - first)
            until_loss -= acked
            if until_loss <= 0:  # found a round trip later; what else is lost in this one is the same event
                lost = True
                until_loss = gap()
            control.on_ack(
                acked=acked * MSS, flight_size=window * MSS, rtt_ns=RTT, cwnd_limited=True,
                now=now + RTT * first // window,
            )  # fmt: skip
        now += RTT
        if lost:
            events -= 1
            control.on_loss(flight_size=control.cwnd, now=now)
            sent += control.cwnd // MSS  # recovery: a round trip without growth
            rounds += 1
            now += RTT
    return sent / rounds


@pytest.mark.rfc("5681", "06")
@pytest.mark.parametrize("loss", LOSSES)
def test_reno_follows_the_square_root_law(loss: float) -> None:
    """W = sqrt(3 / 2p) segments."""
    assert average_window("reno", loss, 300) == pytest.approx(math.sqrt(1.5 / loss), rel=0.2)


def cubic_response(loss: float) -> float:
    """RFC 9438 §5.1 with C = 0.4: 1.054 (RTT / p)^0.75, and in the Reno-friendly region Reno's."""
    return max(1.054 * (RTT / SECOND / loss) ** 0.75, math.sqrt(1.5 / loss))


@pytest.mark.rfc("9438", "01", "02")
@pytest.mark.parametrize("loss", LOSSES)
def test_cubic_follows_its_response_function(loss: float) -> None:
    """With losses as evenly spaced as the formula has them."""
    assert average_window("cubic", loss, 40, evenly=True) == pytest.approx(cubic_response(loss), rel=0.15)


@pytest.mark.rfc("9438", "01", "02")
@pytest.mark.parametrize("loss", [pytest.param(LOSSES[0], marks=pytest.mark.slow), *LOSSES[1:]])
def test_cubic_follows_it_with_random_losses(loss: float) -> None:
    """They give more than even ones, up to 19 %: a long time without a loss gains more than a short one costs."""
    assert average_window("cubic", loss, 1_000) == pytest.approx(cubic_response(loss), rel=0.2)
