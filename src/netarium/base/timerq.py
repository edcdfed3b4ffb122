"""One heap of deadlines: the next one is found at once, ten thousand far ones cost nothing.

Moving a deadline later (what nearly every ACK does to a retransmission timer) is one dict store: the heap entry
stays where it is and is pushed again, at its right place, when it comes up. Ties break by the order of scheduling.
"""

from heapq import heapify, heappop, heappush, heapreplace
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

_NEVER: Final = 1 << 63  # ns: nothing is scheduled
_UNKNOWN: Final = -1


class TimerQueue(Generic[Item]):
    """Items with one deadline each; items are told apart by identity and must be hashable by it."""

    __slots__ = ("_count", "_due", "_first", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Item]] = []
        self._due: dict[Item, tuple[int, int]] = {}  # item -> (deadline, when its heap entry comes up)
        self._count = 0
        # The earliest deadline, or `_UNKNOWN` since the item that had it was moved: asked far more often than it
        # changes. While it is known the first heap entry is that item's.
        self._first = _NEVER

    def __len__(self) -> int:
        return len(self._due)

    def schedule(self, item: Item, at: int | None) -> None:
        """Set the item's deadline to `at` (ns), earlier or later than before; None cancels it."""
        due = self._due
        known = due.get(item)
        if known is not None and known[0] == self._first:
            self._first = _UNKNOWN
        if at is None:
            if known is not None:
                del due[item]
                self._tidy()
            return
        if known is not None and known[1] <= at:
            due[item] = (at, known[1])
            return
        due[item] = (at, at)
        if at < self._first:
            self._first = at
        self._count += 1
        heappush(self._heap, (at, self._count, item))
        self._tidy()

    def deadline(self, item: Item) -> int | None:
        """When the item is due."""
        known = self._due.get(item)
        return None if known is None else known[0]

    def next_deadline(self) -> int | None:
        """The earliest deadline of all."""
        first = self._first
        if first < 0:
            first = self._find()
        return first if first != _NEVER else None

    def pop_due(self, now: int) -> Item | None:
        """Remove and return the next item whose deadline is not after `now`."""
        first = self._first
        if first < 0:
            first = self._find()
        if first > now:
            return None
        return self._pop()

    def pop(self) -> tuple[int, Item] | None:
        """Remove and return the next item, with its deadline; None if there is none."""
        first = self._first
        if first < 0:
            first = self._find()
        if first == _NEVER:
            return None
        return first, self._pop()

    def _pop(self) -> Item:
        item = heappop(self._heap)[2]
        del self._due[item]
        self._first = _UNKNOWN
        return item

    def _find(self) -> int:
        """Bring the first live entry to the top of the heap; note and return its deadline."""
        heap, due = self._heap, self._due
        while heap:
            entry_at, _, item = heap[0]
            known = due.get(item)
            if known is None or known[1] != entry_at:
                heappop(heap)  # cancelled, or superseded by an earlier entry
            elif (at := known[0]) > entry_at:
                due[item] = (at, at)
                self._count += 1
                heapreplace(heap, (at, self._count, item))
            else:
                self._first = entry_at
                return entry_at
        self._first = _NEVER
        return _NEVER

    def _tidy(self) -> None:
        """Cancelled and moved timers must not pile up: no more than three dead entries for a live one."""
        size = len(self._heap)
        if size > 64 and size > 4 * len(self._due):
            self._compact()

    def _compact(self) -> None:
        """Drop dead entries."""
        due, seen, live = self._due, set(), []
        for entry in sorted(self._heap, key=lambda e: (e[0], e[1])):
            known = due.get(entry[2])
            if known is not None and known[1] == entry[0] and entry[2] not in seen:
                seen.add(entry[2])
                live.append(entry)
        heapify(live)
        self._heap = live
