"""Quantities as a person writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netarium.base import units
from netarium.base.errors import UsageError


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("20ms", 20_000_000), ("1.5s", 1_500_000_000), ("+0.5s", 500_000_000), ("3 min", 180 * 10**9), ("2m", 120 * 10**9),
        ("10us", 10_000), ("10µs", 10_000), ("10μs", 10_000), ("7ns", 7), ("1e-3s", 1_000_000), ("1h", 3_600 * 10**9),
        ("1d", 86_400 * 10**9), ("2", 2 * 10**9), (" 5 MS ", 5_000_000), (0.25, 250_000_000), (3, 3 * 10**9), (0, 0),
        (0.1, 100_000_000), ("0.1", 100_000_000),
    ],
)  # fmt: skip
def test_duration(text, ns: int) -> None:
    assert units.duration(text) == ns


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("10mbit", 10**7), ("1gbit/s", 10**9), ("56k", 56_000), ("12.5MB/s", 10**8), ("100bps", 100), ("1Mbps", 10**6),
        ("8 kbit", 8_000), ("1byte", 8), ("1kibit", 1_024), (9_600, 9_600), (2.5e9, 2_500_000_000), ("1e6", 10**6),
    ],
)  # fmt: skip
def test_rate(text, bits: int) -> None:
    assert units.rate(text) == bits


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("64kb", 64_000),
        ("64KiB", 65_536),
        ("1.5m", 1_500_000),
        ("10", 10),
        (77, 77),
        ("1 byte", 1),
        ("3bytes", 3),
        ("0", 0),
    ],
)
def test_size(text, octets: int) -> None:
    assert units.size(text) == octets


@pytest.mark.parametrize(
    ("text", "chance"), [("5%", 0.05), (0.5, 0.5), ("0.25", 0.25), (1, 1.0), ("0%", 0.0), ("100 %", 1.0)]
)
def test_probability(text, chance: float) -> None:
    assert units.probability(text) == chance


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (units.duration, "soon"), (units.duration, "5 parsecs"), (units.duration, "-1s"), (units.duration, -1),
        (units.duration, ""), (units.rate, "fast"), (units.rate, "0"), (units.rate, "-1mbit"), (units.rate, "10 miles"),
        (units.size, "big"), (units.size, "-1"), (units.size, "5 apples"), (units.size, -1), (units.probability, "120%"),
        (units.probability, -0.1), (units.probability, "5 percent"), (units.probability, "often"),
    ],
)  # fmt: skip
def test_mistakes_are_told(parse, text) -> None:
    with pytest.raises(UsageError):
        parse(text)


@given(st.floats(), st.sampled_from([units.duration, units.rate, units.probability]))
def test_any_number_is_taken_or_told(number: float, parse) -> None:
    """Neither nan nor infinity gets through, nor does anything but a UsageError."""
    try:
        result = parse(number)
    except UsageError:
        return
    assert 0 <= result < float("inf")


@given(st.text(max_size=12), st.sampled_from([units.duration, units.rate, units.size, units.probability]))
def test_any_text_is_taken_or_told(text: str, parse) -> None:
    try:
        result = parse(text)
    except UsageError:
        return
    assert result >= 0


@given(st.integers(0, 10**18))
def test_what_is_shown_can_be_read(ns: int) -> None:
    assert units.duration(units.format_duration(ns)) == pytest.approx(ns, rel=1e-5)


@pytest.mark.parametrize(
    ("bits", "text"), [(10**7, "10 Mbit/s"), (1.5e9, "1.5 Gbit/s"), (56_000, "56 kbit/s"), (300, "300 bit/s")]
)
def test_rates_for_people(bits: float, text: str) -> None:
    assert units.format_rate(bits) == text
    assert units.rate(text.replace(" ", "")) == bits
