"""Delivery-rate samples: which transmission counts, which time, and what the application does to them."""

from netarium.base.units import MS
from netarium.transport.tcp.rate import RateSampler
from netarium.transport.tcp.records import Sent

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


def test_before_anything_was_sent() -> None:
    sampler = RateSampler()
    assert (sampler.rate, sampler.rate_app_limited, sampler.app_limited) == (0, False, 0)
    sample = sampler.take(0, 0, 5 * MS)
    assert (sample.now, sample.acked, sample.total) == (5 * MS, 0, 1)
    assert (sample.delivered, sample.interval_ns, sample.prior_delivered) == (0, 0, 0)
    assert (sample.app_limited, sample.recovering, sample.after_timeout) == (False, False, False)
    assert (sample.lost, sample.rtt_ns, sample.in_flight, sample.prior_in_flight) == (0, 0, 0, 0)


def test_of_several_the_one_that_was_sent_last_counts_and_of_equals_the_later_one() -> None:
    sampler = RateSampler()
    one, two = sent(sampler, 2, 0, 10 * MS)
    three = Sent(2 * SIZE, 3 * SIZE, 1, 10 * MS, 2)
    sampler.delivered += 500
    sampler.on_sent(three, 10 * MS, idle=False)
    for told in ([one, two, three], [two, one, three]):
        sampler.on_delivered(told)
        assert sampler.take(0, 0, 50 * MS).prior_delivered == 501
    sampler.on_delivered([three, two])
    assert sampler.take(0, 0, 50 * MS).prior_delivered == 1
    for record in (two, three, one):
        sampler.on_sacked(record)
    assert sampler.take(0, 0, 50 * MS).prior_delivered == 501
    sampler.on_delivered([three])
    sampler.on_delivered([one])  # told in two parts
    assert sampler.take(0, 0, 50 * MS).prior_delivered == 501


def test_a_record_that_was_sent_unwatched_tells_nothing() -> None:
    """The control was exchanged meanwhile."""
    sampler = RateSampler()
    record = Sent(0, SIZE, 1, 0, 0)
    sampler.on_delivered([record])
    sampler.on_sacked(record)
    assert sampler.take(SIZE, 0, 20 * MS).interval_ns == 0


def test_an_interval_as_short_as_the_least_round_trip_is_believed() -> None:
    for least, interval in ((20 * MS, 20 * MS), (20 * MS + 1, 0), (0, 20 * MS)):
        sampler = RateSampler()
        sampler.on_delivered(sent(sampler, 1, 0))
        assert sampler.take(SIZE, least, 20 * MS).interval_ns == interval
    for now, interval in ((0, 0), (1, 1)):
        sampler = RateSampler()
        sampler.on_delivered(sent(sampler, 1, 0))
        assert sampler.take(SIZE, 0, now).interval_ns == interval


def test_the_pause_of_the_application_lasts_until_what_was_in_flight_is_delivered() -> None:
    sampler = RateSampler()
    sent(sampler, 1, 0)
    sampler.take(SIZE, 0, 10 * MS)
    sampler.nothing_to_send(3 * SIZE)
    sampler.take(3 * SIZE, 0, 20 * MS)
    assert sampler.app_limited == 1 + SIZE + 3 * SIZE
    record = sent(sampler, 1, 30 * MS)[0]
    sampler.take(1, 0, 40 * MS)
    assert sampler.app_limited == 0
    sampler.on_delivered([record])
    assert sampler.take(SIZE, 0, 50 * MS).app_limited
    assert not sampler.take(0, 0, 60 * MS).app_limited


def test_a_time_without_news_is_no_delivery() -> None:
    """Only an ACK that delivers something moves the time from which the next interval counts."""
    sampler = RateSampler()
    first = sent(sampler, 1, 0)
    sampler.on_delivered(first)
    sampler.take(SIZE, 0, 10 * MS)
    sampler.take(0, 0, 18 * MS)
    sampler.on_delivered(sent(sampler, 1, 20 * MS, idle=False))
    assert sampler.take(SIZE, 0, 30 * MS).interval_ns == 20 * MS


def test_a_rate_as_high_as_the_last_counts_though_the_application_limits_it() -> None:
    sampler = RateSampler()
    sampler.on_delivered(sent(sampler, 10, 0))
    sampler.take(10 * SIZE, 0, 10 * MS)
    sampler.nothing_to_send(0)
    sampler.on_delivered(sent(sampler, 10, 20 * MS))
    sampler.take(10 * SIZE, 0, 30 * MS)
    assert (sampler.rate, sampler.rate_app_limited) == (1_000_000, True)
    sampler.on_delivered(sent(sampler, 5, 40 * MS))
    sampler.take(5 * SIZE, 0, 50 * MS)
    assert (sampler.rate, sampler.rate_app_limited) == (500_000, False)


def test_a_rate_is_octets_in_a_second() -> None:
    sampler = RateSampler()
    records = sent(sampler, 1, 100 * MS)
    sampler.on_delivered(records)
    sampler.take(2_000_000_000, 0, 1_100 * MS)
    assert sampler.rate == 2_000_000_000
