"""A path that is late or in disorder loses nothing: nothing may be sent twice, and the line stays full (RFC 8985)."""

import pytest

from netarium.base.units import MS, US
from netarium.link import rules
from netarium.link.rule import Rule
from netarium.transport.tcp.info import TcpInfo

from .test_congestion import RATE, SEGMENT, Line

MEMORY = 1_000_000  # octets: a window of five eighths, more than the path holds (500,000), less than overflows its queue
UNKNOWN = 0x7FFF_FFFF  # ssthresh before any loss
SLOT = 1_538 * 8 * 1_000_000_000 // int(RATE)  # ns that a segment takes on the line


def after(rule: Rule, until: float) -> tuple[float, TcpInfo]:
    """Send through a rule on the slow line until then (s); the rate since one second before, and TCP_INFO."""
    line = Line(1, receive_buffer=MEMORY)
    line.slow.add_rule(rule, direction=0)
    ((rate,),) = line.rates(until - 1, until)
    return rate, line.connection(0).info(line.world.now)


@pytest.mark.slow
@pytest.mark.rfc("8985", "02", "03")
def test_five_milliseconds_of_jitter_cause_no_retransmission() -> None:
    """Late, but in order."""
    rate, info = after(rules.Jitter(5 * MS), 3)
    assert info.tcpi_total_retrans == 0
    assert rate > 0.9 * RATE * SEGMENT / 1_538
    assert info.tcpi_reordering == 3


@pytest.mark.slow
@pytest.mark.rfc("8985", "02", "03")
def test_five_milliseconds_of_jitter_with_overtaking_cost_nothing() -> None:
    """Up to forty segments pass one: far more than DupThresh, but not a quarter of a round trip (RFC 8985 §6.2).

    Only while the bursts of slow start fill and empty the queue can one be overtaken by what was sent later than that;
    DSACK takes the reduction back, and later there is none.
    """
    line = Line(1, receive_buffer=MEMORY)
    line.slow.add_rule(rules.Jitter(5 * MS, overtaking=True), direction=0)
    ((early,), (rate,)) = line.rates(1, 2, 3)
    info = line.connection(0).info(line.world.now)
    assert min(early, rate) > 0.9 * RATE * SEGMENT / 1_538
    assert info.tcpi_total_retrans < 10
    assert info.tcpi_dsack_dups == info.tcpi_total_retrans
    assert info.tcpi_snd_ssthresh >= UNKNOWN  # undone
    assert info.tcpi_reordering > 3


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
    assert info.tcpi_snd_cwnd * SEGMENT > 800_000  # as if nothing had happened
