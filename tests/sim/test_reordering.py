"""A path that is late or in disorder loses nothing: nothing may be sent twice, and the line stays full (RFC 8985)."""

import pytest

from netarium.base.units import MS, US
from netarium.link import rules
from netarium.link.rule import Rule
from netarium.transport.tcp.info import TcpInfo

from .test_congestion import RATE, SEGMENT, Line

WINDOW = 800_000  # octets: more than the path holds (500,000), less than would overflow its queue
SLOT = 1_538 * 8 * 1_000_000_000 // int(RATE)  # ns that a segment takes on the line


def after(rule: Rule, until: float) -> tuple[float, TcpInfo]:
    """Send through a rule on the slow line until then (s); the rate since one second before, and TCP_INFO."""
    line = Line(1, receive_buffer=WINDOW)
    line.slow.add_rule(rule, direction=0)
    ((rate,),) = line.rates(until - 1, until)
    return rate, line.connection(0).info(line.world.now)


@pytest.mark.slow
@pytest.mark.rfc("8985", "02", "03")
@pytest.mark.parametrize("overtaking", [False, True])
def test_five_milliseconds_of_jitter_cause_no_retransmission(overtaking: bool) -> None:
    """With overtaking up to forty segments pass one: far more than DupThresh, but not a quarter of a round trip."""
    rate, info = after(rules.Jitter(5 * MS, overtaking=overtaking), 3)
    assert info.tcpi_total_retrans == 0
    assert rate > 0.9 * RATE * SEGMENT / 1_538
    assert (info.tcpi_reordering > 3) is overtaking


@pytest.mark.slow
@pytest.mark.rfc("8985", "02")
def test_three_segments_in_disorder_cause_no_retransmission() -> None:
    """One in a hundred arrives behind the two that follow it."""
    rate, info = after(rules.Reorder(0.01, 2 * SLOT + 10 * US), 3)
    assert info.tcpi_total_retrans == 0
    assert rate > 0.95 * RATE * SEGMENT / 1_538


@pytest.mark.slow
@pytest.mark.rfc("8985", "02")
def test_the_first_that_is_overtaken_by_three_is_resent_and_no_other() -> None:
    """DupThresh says that it is lost until reordering was seen; its DSACK takes the reduction back."""
    rate, info = after(rules.Reorder(0.01, 3 * SLOT + 10 * US), 3)
    assert info.tcpi_total_retrans == 1
    assert rate > 0.95 * RATE * SEGMENT / 1_538
    assert info.tcpi_snd_cwnd * SEGMENT > WINDOW  # as if nothing had happened
