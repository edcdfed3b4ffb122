"""Delivery-rate samples: which transmission counts, which time, and what the application does to them."""

from netarium.base.units import MS
from netarium.transport.tcp.rate import RateSampler
from netarium.transport.tcp.scoreboard import Sent

SIZE = 1_000


def sent(sampler: RateSampler, count: int, at: int, gap: int = 0, *, idle: bool = True) -> list[Sent]:
    records = []
    for i in range(count):
        record = Sent(SIZE * i, SIZE * (i + 1), 1, at + gap * i, i)
        sampler.on_sent(record, at + gap * i, idle=idle and i == 0)
        records.append(record)
    return records


def test_a_window_in_a_round_trip() -> None:
    sampler = RateSampler()
    for record in sent(sampler, 10, 100 * MS):
        sampler.on_delivered([record])
        sample = sampler.take(SIZE, 0, 140 * MS)
    assert (sample.delivered, sample.interval_ns) == (10 * SIZE, 40 * MS)
    assert sampler.rate == 250_000


def test_acks_that_come_in_a_clump_are_measured_by_how_fast_was_sent() -> None:
    """Sent over 30 ms, all acknowledged at once: the send phase is the longer one."""
    sampler = RateSampler()
    first = sent(sampler, 1, 100 * MS)
    sampler.on_delivered(first)
    sampler.take(SIZE, 0, 110 * MS)
    rest = sent(sampler, 4, 110 * MS, 10 * MS, idle=False)
    sampler.on_delivered(rest)
    sample = sampler.take(4 * SIZE, 0, 141 * MS)
    assert (
        sample.interval_ns == 40 * MS
    )  # from the transmission that was delivered before to the last of these
    assert sample.delivered == 4 * SIZE


def test_what_was_sacked_before_tells_nothing_new() -> None:
    sampler = RateSampler()
    one, two = sent(sampler, 2, 0)
    two.sacked = True
    sampler.on_sacked(two)
    assert sampler.take(SIZE, 0, 20 * MS).interval_ns == 20 * MS
    sampler.on_delivered([two])
    assert sampler.take(0, 0, 30 * MS).interval_ns == 0
    sampler.on_delivered([one])
    assert sampler.take(SIZE, 0, 40 * MS).prior_delivered == 1


def test_too_short_to_be_true() -> None:
    """An interval below the least round trip: a retransmission was acknowledged for its original."""
    sampler = RateSampler()
    sampler.on_delivered(sent(sampler, 1, 0))
    assert sampler.take(SIZE, 50 * MS, 1 * MS).interval_ns == 0


def test_a_rate_that_the_application_limits_counts_only_if_it_is_higher() -> None:
    sampler = RateSampler()
    sampler.on_delivered(sent(sampler, 10, 0))
    sampler.take(10 * SIZE, 0, 10 * MS)
    assert (sampler.rate, sampler.rate_app_limited) == (1_000_000, False)
    sampler.nothing_to_send(0)
    sampler.on_delivered(sent(sampler, 2, 20 * MS))
    sample = sampler.take(2 * SIZE, 0, 30 * MS)
    assert sample.app_limited
    assert sampler.rate == 1_000_000
    assert not sampler.app_limited  # it has passed
    sampler.nothing_to_send(0)
    sampler.on_delivered(sent(sampler, 20, 40 * MS))
    sampler.take(20 * SIZE, 0, 50 * MS)
    assert (sampler.rate, sampler.rate_app_limited) == (2_000_000, True)
