"""One heap of deadlines: the next one is found at once, ten thousand far ones cost nothing.

Moving a deadline later (what nearly every ACK does to a retransmission timer) is one dict store: the heap entry
stays where it is and is pushed again, at its right place, when it comes up. Ties break by the order of scheduling.
"""

from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

Item = TypeVar("Item")


class TimerQueue(Generic[Item]):
    """Items with one deadline each; items are told apart by identity and must be hashable by it."""

    __slots__ = ("_count", "_due", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Item]] = []
        self._due: dict[Item, tuple[int, int]] = {}  # item -> (deadline, when its heap entry comes up)
        self._count = 0

    def __len__(self) -> int:
        return len(self._due)

    def schedule(self, item: Item, at: int | None) -> None:
        """Set the item's deadline to `at` (ns), earlier or later than before; None cancels it."""
        if at is None:
            if self._due.pop(item, None) is not None:
                self._tidy()
            return
        known = self._due.get(item)
        if known is not None and known[1] <= at:
            self._due[item] = (at, known[1])
            return
        self._due[item] = (at, at)
        self._count += 1
        heappush(self._heap, (at, self._count, item))
        self._tidy()

    def deadline(self, item: Item) -> int | None:
        """When the item is due."""
        known = self._due.get(item)
        return None if known is None else known[0]

    def next_deadline(self) -> int | None:
        """The earliest deadline of all."""
        heap, due = self._heap, self._due
        while heap:
            entry_at, _, item = heap[0]
            known = due.get(item)
            if known is None or known[1] != entry_at:
                heappop(heap)  # cancelled, or superseded by an earlier entry
            elif known[0] > entry_at:
                self._push_again(item, known[0])
            else:
                return entry_at
        return None

    def pop_due(self, now: int) -> Item | None:
        """Remove and return the next item whose deadline is not after `now`."""
        at = self.next_deadline()
        if at is None or at > now:
            return None
        _, _, item = heappop(self._heap)
        del self._due[item]
        return item

    def pop(self) -> tuple[int, Item] | None:
        """Remove and return the next item, with its deadline; None if there is none."""
        at = self.next_deadline()
        if at is None:
            return None
        _, _, item = heappop(self._heap)
        del self._due[item]
        return at, item

    def _push_again(self, item: Item, at: int) -> None:
        heappop(self._heap)
        self._due[item] = (at, at)
        self._count += 1
        heappush(self._heap, (at, self._count, item))

    def _tidy(self) -> None:
        """Cancelled and moved timers must not pile up: no more than three dead entries for a live one."""
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._due):
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
