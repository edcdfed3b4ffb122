"""A covering array: few rows in which every pair of values of every two factors occurs (strength two, greedy).

Each row is the best of some random candidates that begin with a pair not yet covered: not the smallest array there is,
but near it, in milliseconds, and the same for the same seed.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from random import Random
from typing import Any

Pair = tuple[str, int, str, int]  # factor, index of its value, another factor, index of its value


def pairs_of(row: Mapping[str, int], names: Sequence[str]) -> list[Pair]:
    """The pairs that a row covers."""
    return [(one, row[one], other, row[other]) for one, other in combinations(names, 2)]


def covering_array(
    factors: Mapping[str, Sequence[Any]], seed: int = 0, candidates: int = 12
) -> list[dict[str, Any]]:
    """Rows that together cover all pairs.

    Args:
        factors: name to values; at least two factors.
        seed: other seeds give other rows.
        candidates: how many rows each is chosen from.
    """
    random = Random(seed)
    names = list(factors)
    open_pairs: dict[Pair, None] = {
        (one, i, other, j): None
        for one, other in combinations(names, 2)
        for i in range(len(factors[one]))
        for j in range(len(factors[other]))
    }
    rows: list[dict[str, Any]] = []
    while open_pairs:
        first = next(iter(open_pairs))
        best: dict[str, int] = {}
        best_gain = -1
        for _ in range(candidates):
            row = _candidate(factors, names, first, open_pairs, random)
            gain = sum(pair in open_pairs for pair in pairs_of(row, names))
            if gain > best_gain:
                best, best_gain = row, gain
        for pair in pairs_of(best, names):
            open_pairs.pop(pair, None)
        rows.append({name: factors[name][best[name]] for name in names})
    return rows


def _candidate(
    factors: Mapping[str, Sequence[Any]],
    names: list[str],
    first: Pair,
    open_pairs: Mapping[Pair, None],
    random: Random,
) -> dict[str, int]:
    """A row with the pair `first`; the other factors, in random order, take the value that covers most."""
    row = {first[0]: first[1], first[2]: first[3]}
    others = [name for name in names if name not in row]
    random.shuffle(others)
    place = {name: n for n, name in enumerate(names)}
    for name in others:
        values = list(range(len(factors[name])))
        random.shuffle(values)

        def gain(value: int, name: str = name) -> int:
            return sum(
                (
                    (name, value, other, row[other])
                    if place[name] < place[other]
                    else (other, row[other], name, value)
                )
                in open_pairs
                for other in row
            )

        row[name] = max(values, key=gain)
    return row
