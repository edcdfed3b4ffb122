"""RangeSet against a plain set of ints."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netarium.base.rangeset import RangeSet

spans = st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))
steps = st.lists(st.tuples(st.sampled_from(["add", "add", "add", "below"]), spans), max_size=40)


def built(actions: list[tuple[str, tuple[int, int]]]) -> tuple[RangeSet, set[int]]:
    """Both after the same steps; each step's answer is compared."""
    ranges, naive = RangeSet(), set()
    for action, (start, stop) in actions:
        if action == "add":
            new = set(range(start, stop)) - naive
            assert ranges.add(start, stop) == len(new)
            naive |= new
        else:
            gone = {value for value in naive if value < start}
            assert ranges.discard_below(start) == len(gone)
            naive -= gone
    return ranges, naive


@given(steps)
def test_holds_what_a_set_would_hold(actions: list) -> None:
    ranges, naive = built(actions)
    assert {value for start, stop in ranges for value in range(start, stop)} == naive
    assert ranges.total() == len(naive)
    assert bool(ranges) == bool(naive)
    assert [value in ranges for value in range(-1, 75)] == [value in naive for value in range(-1, 75)]
    if naive:
        assert (ranges.lowest, ranges.highest) == (min(naive), max(naive) + 1)


@given(steps)
def test_ranges_are_sorted_disjoint_and_do_not_touch(actions: list) -> None:
    ranges, _ = built(actions)
    pairs = list(ranges)
    assert len(ranges) == len(pairs)
    assert list(reversed(ranges)) == pairs[::-1]
    assert all(start < stop for start, stop in pairs)
    assert all(one[1] < other[0] for one, other in pairwise(pairs))


@given(steps, st.integers(-2, 75), st.integers(1, 20))
def test_questions_about_a_stretch(actions: list, start: int, size: int) -> None:
    ranges, naive = built(actions)
    stretch = set(range(start, start + size))
    assert ranges.covers(start, start + size) == (stretch <= naive)
    assert ranges.overlaps(start, start + size) == bool(stretch & naive)
    gaps = list(ranges.gaps(start, start + size))
    assert {value for a, b in gaps for value in range(a, b)} == stretch - naive
    assert gaps == sorted(gaps)
    assert all(a < b for a, b in gaps)


@given(steps, st.integers(-2, 75))
def test_range_at(actions: list, value: int) -> None:
    ranges, naive = built(actions)
    found = ranges.range_at(value)
    assert (found is not None) == (value in naive)
    if found is not None:
        assert found in list(ranges)
        assert found[0] <= value < found[1]


@given(steps)
def test_equal_by_what_is_in_it(actions: list) -> None:
    ranges, naive = built(actions)
    again = RangeSet()
    for value in sorted(naive, reverse=True):
        again.add(value, value + 1)
    assert ranges == again
    assert repr(ranges) == repr(again)
    again.clear()
    assert not again
    assert (ranges == again) == (not naive)
    assert ranges != naive


def test_gaps_do_not_walk_the_whole_set(monkeypatch) -> None:
    """A segment in a queue with ten thousand holes looks at its own neighbourhood only (SegmentSmack)."""
    ranges = RangeSet()
    for start in range(0, 40_000, 4):
        ranges.add(start, start + 2)
    monkeypatch.setattr(RangeSet, "__iter__", lambda self: 1 / 0)
    assert list(ranges.gaps(20_001, 20_009)) == [(20_002, 20_004), (20_006, 20_008)]


def test_adding_does_not_walk_the_whole_set_either() -> None:
    class Watched(list):
        looks = 0

        def __getitem__(self, index):
            Watched.looks += 1
            return super().__getitem__(index)

    ranges = RangeSet()
    for start in range(0, 40_000, 4):
        ranges.add(start, start + 2)
    ranges._starts, ranges._stops = Watched(ranges._starts), Watched(ranges._stops)
    assert ranges.add(39_001, 39_007) == 6 - 1 - 2
    assert Watched.looks < 60


def test_it_shows_its_ranges() -> None:
    ranges = RangeSet()
    ranges.add(1, 3)
    ranges.add(5, 9)
    assert repr(ranges) == "RangeSet(1..3, 5..9)"


@pytest.mark.parametrize("seed", range(3))
def test_a_long_walk(seed: int) -> None:
    """A few values, many steps: touching, merging, emptying; every question after each of them."""
    random = Random(seed)
    ranges, naive = RangeSet(), set()
    for _ in range(120):
        start = random.randrange(20)
        stop = start + random.randrange(-1, 5)
        stretch = set(range(start, stop))
        if random.random() < 0.8:
            assert ranges.add(start, stop) == len(stretch - naive)
            naive |= stretch
        else:
            assert ranges.discard_below(start) == sum(value < start for value in naive)
            naive = {value for value in naive if value >= start}
        assert [value in ranges for value in range(-1, 26)] == [value in naive for value in range(-1, 26)]
        assert ranges.total() == len(naive)
        assert bool(ranges) == bool(naive)
        assert list(ranges) == stretches(naive)
        assert list(reversed(ranges)) == stretches(naive)[::-1]
        assert len(ranges) == len(stretches(naive))
        for value in range(-1, 26):
            held = next((held for held in stretches(naive) if held[0] <= value < held[1]), None)
            assert ranges.range_at(value) == held
        start, stop = (stop, start) if start > stop else (start, stop + 1)
        stretch = set(range(start, stop))
        assert ranges.covers(start, stop) == (stretch <= naive)
        assert ranges.overlaps(start, stop) == bool(stretch & naive)
        assert list(ranges.gaps(start, stop)) == stretches(stretch - naive)
        if naive:
            assert (ranges.lowest, ranges.highest) == (min(naive), max(naive) + 1)


def stretches(values: set[int]) -> list[tuple[int, int]]:
    starts = sorted(value for value in values if value - 1 not in values)
    return list(zip(starts, sorted(value + 1 for value in values if value + 1 not in values), strict=True))


def test_equal_is_what_holds_the_same() -> None:
    one, other = RangeSet(), RangeSet()
    assert one == other
    one.add(3, 5)
    assert one != other
    other.add(3, 6)
    assert one != other
    other.clear()
    assert not other
    assert list(other) == []
    other.add(2, 5)
    assert one != other
    one.add(2, 3)
    assert one == other
    assert one != [(2, 5)]
    other.add(9, 9)
    assert one == other, "nothing was added"


def test_a_walk_may_change_what_it_walks() -> None:
    ranges = RangeSet()
    for start in (0, 10, 20):
        ranges.add(start, start + 5)
    for start, _ in ranges:
        ranges.discard_below(start + 5)
    assert not ranges
