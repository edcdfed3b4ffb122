"""Token buckets."""

from netarium.ip.ratelimit import TokenBucket

SECOND = 1_000_000_000


def test_burst_then_rate():
    bucket = TokenBucket(10, 5)
    assert [bucket.take(0) for _ in range(6)] == [True] * 5 + [False]
    assert not bucket.take(SECOND // 10 - 1)
    assert bucket.take(SECOND // 10)
    assert not bucket.take(SECOND // 10)


def test_never_more_than_the_burst():
    bucket = TokenBucket(1_000, 3)
    bucket.take(0)
    assert sum(bucket.take(3_600 * SECOND) for _ in range(10)) == 3


def test_over_time_exactly_the_rate():
    bucket = TokenBucket(7, 2)
    taken = sum(bucket.take(tick * SECOND // 100) for tick in range(10_000))
    assert taken == 7 * 100 + 1  # 99.99 s, and the burst


def test_a_refusal_costs_nothing():
    bucket = TokenBucket(1, 2)
    assert not bucket.take(0, 3 * SECOND)
    assert bucket.take(0, 2 * SECOND)
