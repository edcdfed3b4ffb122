"""A set of ints kept as sorted, disjoint, half-open ranges: what arrived, what was SACKed."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator


class RangeSet:
    """Ranges `[start, stop)`; touching ranges are one. Lookups and inserts search in O(log n)."""

    __slots__ = ("_starts", "_stops")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []

    def __len__(self) -> int:
        return len(self._starts)

    def __bool__(self) -> bool:
        return bool(self._starts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(list(zip(self._starts, self._stops, strict=True)))

    def __reversed__(self) -> Iterator[tuple[int, int]]:
        return zip(reversed(self._starts), reversed(self._stops), strict=True)

    def __contains__(self, value: int) -> bool:
        i = bisect_right(self._starts, value) - 1
        return i >= 0 and value < self._stops[i]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RangeSet) and self._starts == other._starts and self._stops == other._stops

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"RangeSet({', '.join(f'{a}..{b}' for a, b in self)})"

    def add(self, start: int, stop: int) -> int:
        """Add `[start, stop)`; return how many of its values were new."""
        if start >= stop:
            return 0
        # Every range that overlaps or touches the new one is merged with it.
        i = bisect_left(self._stops, start)
        j = bisect_right(self._starts, stop)
        known = 0
        if i < j:
            for k in range(i, j):
                known += max(0, min(stop, self._stops[k]) - max(start, self._starts[k]))
            merged_start, merged_stop = min(start, self._starts[i]), max(stop, self._stops[j - 1])
        else:
            merged_start, merged_stop = start, stop
        self._starts[i:j] = [merged_start]
        self._stops[i:j] = [merged_stop]
        return stop - start - known

    def discard_below(self, bound: int) -> int:
        """Forget every value below `bound`; return how many were known."""
        i = bisect_right(self._stops, bound)
        gone = sum(self._stops[:i]) - sum(self._starts[:i])
        del self._starts[:i], self._stops[:i]
        if self._starts and self._starts[0] < bound:
            gone += bound - self._starts[0]
            self._starts[0] = bound
        return gone

    def covers(self, start: int, stop: int) -> bool:
        """True if every value of `[start, stop)` is in the set."""
        i = bisect_right(self._starts, start) - 1
        return i >= 0 and stop <= self._stops[i]

    def overlaps(self, start: int, stop: int) -> bool:
        """True if any value of `[start, stop)` is in the set."""
        i = bisect_right(self._stops, start)
        return i < len(self._starts) and self._starts[i] < stop

    def range_at(self, value: int) -> tuple[int, int] | None:
        """The range that holds `value`."""
        i = bisect_right(self._starts, value) - 1
        return (self._starts[i], self._stops[i]) if i >= 0 and value < self._stops[i] else None

    def gaps(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """The parts of `[start, stop)` that are missing, in order. The set must not change meanwhile."""
        starts, stops = self._starts, self._stops
        at, i = start, bisect_right(stops, start)
        while i < len(starts) and starts[i] < stop:
            if starts[i] > at:
                yield at, starts[i]
            at = stops[i]
            i += 1
        if at < stop:
            yield at, stop

    def total(self) -> int:
        """How many values are in the set."""
        return sum(self._stops) - sum(self._starts)

    def clear(self) -> None:
        """Forget everything."""
        self._starts.clear()
        self._stops.clear()

    @property
    def lowest(self) -> int:
        """The smallest value; the set must not be empty."""
        return self._starts[0]

    @property
    def highest(self) -> int:
        """One past the largest value; the set must not be empty."""
        return self._stops[-1]
