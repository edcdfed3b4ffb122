"""A token bucket on a cable: bursts pass, then a rate."""

import pytest

from netarium.base.errors import UsageError
from netarium.base.units import MS, SECOND
from netarium.link.frame import Frame
from netarium.link.policer import Police
from netarium.link.rule import judge
from netarium.link.selector import first

FRAME = Frame(bytes(1_000))


def passed(rule: Police, *instants: int) -> list[bool]:
    return [judge([rule], FRAME, now).taken_by is None for now in instants]


def test_a_burst_passes_and_then_a_rate() -> None:
    rule = Police("8mbit", 3_000)  # a frame each millisecond
    assert passed(rule, *[SECOND] * 5) == [True, True, True, False, False]
    assert passed(rule, SECOND + MS - 1, SECOND + MS, SECOND + MS) == [False, True, False]
    assert passed(rule, *[SECOND + 100 * MS] * 4) == [True, True, True, False], (
        "no more than the bucket holds"
    )
    assert (rule.seen, rule.hits) == (12, 5)


def test_over_time_it_is_the_rate_to_the_frame() -> None:
    rule = Police("3mbit", 2_000)
    assert sum(passed(rule, *range(0, 10 * SECOND, MS))) == pytest.approx(3_750, abs=1)


def test_it_polices_what_is_selected() -> None:
    rule = Police("1kbit", 1_000, lambda frame: frame is FRAME, first(3))
    assert passed(rule, 0, 0) == [True, False]
    assert judge([rule], Frame(bytes(1_000)), 0).taken_by is None


def test_what_people_read() -> None:
    assert str(Police("10mbit", 60_000)) == "police to 10 Mbit/s, bursts of 60,000 octets"


@pytest.mark.parametrize(("rate", "burst"), [("10mbit", 0), (0, 1_000), ("10mbit", -1)])
def test_nonsense(rate: str | float, burst: int) -> None:
    with pytest.raises(UsageError):
        Police(rate, burst)
