"""One heap of deadlines: the next one is found at once, ten thousand far ones cost nothing.

Moving a deadline later (what nearly every ACK does to a retransmission timer) is one store: the heap entry
stays where it is and is pushed again, at its right place, when it comes up. Ties break by the order of scheduling.
"""

from heapq import heapify, heappop, heappush, heapreplace
from typing import Any, Final, Generic, TypeVar

Item = TypeVar("Item")

# A heap entry is a list, as lists are compared in C: when it comes up, the order of its scheduling, the item, and the
# item's deadline: the same, later, or `_DEAD`.
_Entry = list[Any]
_DEAD: Final = -1  # cancelled, or superseded by an earlier entry
NEVER: Final = 1 << 63  # ns: nothing is scheduled
_UNKNOWN: Final = -1
_NOW_AND_THEN: Final = 0x1F  # after so many new entries, see whether there are too many dead ones
_UNTIDY: Final = 64  # heap entries: fewer dead ones do not matter


class TimerQueue(Generic[Item]):
    """Items with one deadline each; items are told apart by identity and must be hashable by it.

    Attributes:
        first: the earliest deadline (ns), `NEVER` if there is none, or below 0: `find` must look for it. It is asked
            far more often than it changes. While it is known the first heap entry is that item's.
    """

    __slots__ = ("_count", "_due", "_heap", "first")

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._due: dict[Item, _Entry] = {}
        self._count = 0
        self.first = NEVER

    def __len__(self) -> int:
        return len(self._due)

    def schedule(self, item: Item, at: int | None) -> None:
        """Set the item's deadline to `at` (ns), earlier or later than before; None cancels it."""
        known = self._due.get(item)
        if known is not None:
            if known[3] == self.first:
                self.first = _UNKNOWN
            if at is None:
                known[3] = _DEAD
                del self._due[item]
                self._tidy()
                return
            if known[0] <= at:
                known[3] = at
                return
            known[3] = _DEAD
        elif at is None:
            return
        if at < self.first:
            self.first = at
        self._count += 1
        self._due[item] = entry = [at, self._count, item, at]
        heappush(self._heap, entry)
        if not self._count & _NOW_AND_THEN:
            self._tidy()

    def deadline(self, item: Item) -> int | None:
        """When the item is due."""
        known = self._due.get(item)
        return None if known is None else known[3]

    def next_deadline(self) -> int | None:
        """The earliest deadline of all."""
        first = self.first
        if first < 0:
            first = self.find()
        return first if first != NEVER else None

    def pop_due(self, now: int) -> Item | None:
        """Remove and return the next item whose deadline is not after `now`."""
        first = self.first
        if first < 0:
            first = self.find()
        if first > now:
            return None
        following = self.pop()
        return None if following is None else following[1]

    def pop(self) -> tuple[int, Item] | None:
        """Remove and return the next item, with its deadline; None if there is none."""
        if self.first < 0:
            self.find()
        if not self._heap:
            return None
        at, _, item, _ = heappop(self._heap)
        del self._due[item]
        self.first = _UNKNOWN
        return at, item

    def find(self) -> int:
        """Set and return `first`: bring the first live entry to the top of the heap."""
        heap = self._heap
        while heap:
            entry = heap[0]
            at: int = entry[3]
            if at == entry[0]:
                self.first = at
                return at
            if at < 0:
                heappop(heap)
            else:
                self._count += 1
                entry[0], entry[1] = at, self._count
                heapreplace(heap, entry)
        self.first = NEVER
        return NEVER

    def _tidy(self) -> None:
        """Cancelled and moved timers must not pile up: no more than three dead entries for a live one."""
        size = len(self._heap)
        if size > _UNTIDY and size > 4 * len(self._due):
            self._heap = [entry for entry in self._heap if entry[3] >= 0]
            heapify(self._heap)
