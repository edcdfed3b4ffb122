"""Initial sequence numbers (RFC 6528)."""

import pytest

from netarium.transport.tcp.isn import IsnGenerator


@pytest.mark.rfc("9293", "MUST-8", "SHLD-1")
@pytest.mark.rfc("6528", "01")
def test_four_microsecond_clock() -> None:
    isn = IsnGenerator(b"s" * 32)
    assert (isn.isn(b"a", 4_000_000) - isn.isn(b"a", 0)) & 0xFFFFFFFF == 1_000


@pytest.mark.rfc("9293", "MUST-9")
@pytest.mark.attack("TCP-25")
def test_other_connections_and_other_secrets_tell_nothing() -> None:
    one, two = IsnGenerator(b"1" * 32), IsnGenerator(b"2" * 32)
    assert one.isn(b"a", 0) != two.isn(b"a", 0)
    keys = [i.to_bytes(4, "big") for i in range(5_000)]
    numbers = [one.isn(k, 0) for k in keys]
    guessed = sum(
        abs(numbers[i] - (2 * numbers[i - 1] - numbers[i - 2])) < 1 << 16 for i in range(2, len(numbers))
    )
    assert guessed / len(numbers) < 0.001


def test_the_same_connection_has_the_same_numbers_and_each_use_its_own() -> None:
    generator = IsnGenerator(b"s" * 32)
    key = b"abcd"
    told = [generator.isn(key, 0), generator.timestamp_offset(key), generator.cookie_hash(key, 0)]
    assert told == [generator.isn(key, 3_999), generator.timestamp_offset(key), generator.cookie_hash(key, 0)]
    assert len({*told, generator.cookie_hash(key, 1), generator.cookie_hash(b"abce", 0)}) == 5
    assert all(0 <= number <= 0xFFFF_FFFF for number in told)
    assert 0 <= generator.isn(key, 1 << 60) <= 0xFFFF_FFFF
