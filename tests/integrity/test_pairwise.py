"""The covering array is one, and not much longer than it must be."""

from itertools import combinations

import pytest

from .matrix import FACTORS
from .pairwise import covering_array


@pytest.mark.parametrize(
    ("factors", "most"),
    [
        ({"a": (1, 2), "b": (3, 4)}, 4),
        ({name: range(3) for name in "abcd"}, 13),
        ({"a": range(5), "b": range(4), "c": range(3), "d": range(2)}, 26),
        (FACTORS, 100),  # 11 sizes x 8 losses is the least
    ],
)
def test_every_pair_of_values_occurs(factors, most: int) -> None:
    rows = covering_array(factors, seed=3)
    for one, other in combinations(factors, 2):
        found = {(row[one], row[other]) for row in rows}
        assert len(found) == len(factors[one]) * len(factors[other]), (one, other)
    assert len(rows) <= most


def test_one_seed_one_array() -> None:
    factors = {name: range(3) for name in "abcd"}
    assert covering_array(factors, 1) == covering_array(factors, 1) != covering_array(factors, 2)
