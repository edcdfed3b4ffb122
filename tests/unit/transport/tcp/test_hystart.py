"""HyStart++: rounds, thresholds, and the way through Conservative Slow Start and back."""

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS, US
from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH
from netarium.transport.tcp.congestion.cubic import Cubic
from netarium.transport.tcp.congestion.hystart import CSS_ROUNDS, HyStart

MSS = 1_000
CONFIG = TcpConfig()
FLIGHT = 20 * MSS


def one_round(hystart: HyStart, rtts: list[int]) -> None:
    """A round of as many ACKs as there are round trips; the last one acknowledges what the round began with."""
    for rtt in rtts[:-1]:
        hystart.on_ack(acked=1, flight_size=FLIGHT, rtt_ns=rtt)
    hystart.on_ack(acked=FLIGHT, flight_size=FLIGHT, rtt_ns=rtts[-1])


@pytest.mark.parametrize(
    ("last", "threshold"), [(10 * MS, 4 * MS), (80 * MS, 10 * MS), (128 * MS, 16 * MS), (900 * MS, 16 * MS)]
)
def test_the_threshold_is_an_eighth_between_4_and_16_ms(last: int, threshold: int) -> None:
    """RFC 9406 §4.2: RttThresh = clamp(lastRoundMinRTT / 8)."""
    steady, grown = HyStart(), HyStart()
    for hystart, rtt in ((steady, last + threshold - 1), (grown, last + threshold)):
        one_round(hystart, [last] * 10)
        one_round(hystart, [rtt] * 10)
    assert steady.growth_divisor == 1
    assert grown.growth_divisor == 4


def test_it_is_the_least_rtt_of_a_round_that_counts() -> None:
    hystart = HyStart()
    one_round(hystart, [50 * MS] + [90 * MS] * 9)
    one_round(hystart, [200 * MS] * 7 + [51 * MS])
    assert hystart.growth_divisor == 1
    one_round(hystart, [200 * MS] * 7 + [58 * MS])
    assert hystart.growth_divisor == 4


def test_seven_samples_tell_nothing() -> None:
    """N_RTT_SAMPLE; an ACK without a sample is none."""
    hystart = HyStart()
    one_round(hystart, [50 * MS] * 8)
    one_round(hystart, [90 * MS] * 7 + [0, 0])
    assert hystart.growth_divisor == 1
    one_round(hystart, [140 * MS] * 8)
    assert hystart.growth_divisor == 4


def test_a_round_lasts_until_what_was_in_flight_is_acknowledged() -> None:
    hystart = HyStart()
    one_round(hystart, [50 * MS] * 8)
    for _ in range(FLIGHT - 1):
        hystart.on_ack(acked=1, flight_size=FLIGHT, rtt_ns=50 * MS)
    for _ in range(1 + 8):  # one ends the round; did it go on, its minimum would still be 50 ms
        assert hystart.growth_divisor == 1
        hystart.on_ack(acked=1, flight_size=FLIGHT, rtt_ns=60 * MS)
    assert hystart.growth_divisor == 4


def test_five_rounds_of_css_end_slow_start() -> None:
    hystart = HyStart()
    one_round(hystart, [50 * MS] * 8)
    for i in range(CSS_ROUNDS):  # the round in which it began counts
        assert not hystart.done
        one_round(hystart, [(60 + i) * MS] * 8)
    assert hystart.done


def test_a_rise_that_goes_away_was_jitter() -> None:
    hystart = HyStart()
    one_round(hystart, [50 * MS] * 8)
    one_round(hystart, [60 * MS] * 8)
    assert hystart.growth_divisor == 4
    one_round(hystart, [60 * MS - US] * 8)
    assert hystart.growth_divisor == 1
    for _ in range(2 * CSS_ROUNDS):
        one_round(hystart, [50 * MS] * 8)
    assert not hystart.done


def test_css_that_begins_again_has_its_five_rounds() -> None:
    hystart = HyStart()
    one_round(hystart, [50 * MS] * 8)
    for _ in range(3):
        one_round(hystart, [60 * MS] * 8)
    one_round(hystart, [50 * MS] * 8)
    for _ in range(CSS_ROUNDS):
        assert not hystart.done
        one_round(hystart, [60 * MS] * 8)
    assert hystart.done


def test_the_round_in_which_css_began_does_not_end_it() -> None:
    """Its least round trip can only fall: one below that of its first eight says nothing of the path."""
    hystart = HyStart()
    one_round(hystart, [50 * MS] * 8)
    one_round(hystart, [60 * MS] * 8 + [56 * MS])
    assert hystart.growth_divisor == 4
    one_round(hystart, [60 * MS] * 8)
    assert hystart.growth_divisor == 4
    one_round(hystart, [59 * MS] * 8)
    assert hystart.growth_divisor == 1


def test_a_second_rise_ends_css_early() -> None:
    """Five rounds are the most: a queue that goes on growing needs no more evidence, nor the round's end."""
    hystart = HyStart()
    one_round(hystart, [50 * MS] * 8)
    one_round(hystart, [60 * MS] * 8)
    one_round(hystart, [67 * MS + 499 * US] * 8)
    assert not hystart.done
    for _ in range(7):
        hystart.on_ack(acked=1, flight_size=FLIGHT, rtt_ns=67 * MS + 500 * US)
    assert not hystart.done, "seven samples tell nothing"
    hystart.on_ack(acked=1, flight_size=FLIGHT, rtt_ns=67 * MS + 500 * US)
    assert hystart.done


def test_cubic_grows_at_a_quarter_in_css_and_then_leaves_slow_start() -> None:
    cubic = Cubic(MSS, 20 * MSS, CONFIG)

    def ack(rtt: int, acked: int = MSS) -> int:
        before = cubic.cwnd
        cubic.on_ack(acked=acked, flight_size=FLIGHT, rtt_ns=rtt, cwnd_limited=True, now=rtt + 1)
        return cubic.cwnd - before

    def finish_round(rtt: int) -> None:
        assert [ack(rtt) for _ in range(7)][-1] in {MSS, MSS // 4}
        ack(rtt, FLIGHT)

    finish_round(40 * MS)
    assert ack(40 * MS) == MSS
    finish_round(40 * MS)
    for _ in range(7):
        assert ack(50 * MS) == MSS
    assert ack(50 * MS) == MSS // 4
    ack(50 * MS, FLIGHT)
    for _ in range(3):
        assert cubic.ssthresh == INFINITE_SSTHRESH
        finish_round(50 * MS)
    for _ in range(7):
        ack(50 * MS)
    ack(50 * MS, FLIGHT)
    assert cubic.ssthresh <= cubic.cwnd < cubic.ssthresh + MSS
    assert ack(50 * MS) < MSS // 8  # congestion avoidance
