"""Sequence numbers that never wrap inside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netarium.base.seq import MASK, unwrap

HALF = 1 << 31


@given(st.integers(-(1 << 40), 1 << 40), st.integers(-HALF, HALF - 1))
@pytest.mark.rfc("9293", "§3.4")
def test_what_lies_near_is_found(near: int, away: int) -> None:
    assert unwrap((near + away) & MASK, near) == near + away


@given(st.integers(0, MASK), st.integers(-(1 << 40), 1 << 40))
def test_the_low_bits_are_those_of_the_wire(wire: int, near: int) -> None:
    assert unwrap(wire, near) & MASK == wire
    assert -HALF <= unwrap(wire, near) - near < HALF


@pytest.mark.attack("TCP-59")
@pytest.mark.parametrize("near", [0, 1, HALF - 1, HALF, MASK - 1, MASK, MASK + 1, 5 << 32])
def test_around_the_edges(near: int) -> None:
    for away in (-65_535, -1, 0, 1, 65_535, HALF - 1, -HALF):
        assert unwrap((near + away) & MASK, near) == near + away
