"""The error queue of a connection: what became of octets that the application sent (MSG_ERRQUEUE).

Linux tells two things there that are no errors: that the octets of a send() with MSG_ZEROCOPY are not needed any more
(networking/msg_zerocopy), and when the last octet of a write left and was acknowledged (networking/timestamping). Both
are made only for connections that asked; no RFC knows them. Not here: how they are encoded (F6).
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

ZEROCOPY: Final = "zerocopy"
TIMESTAMP: Final = "timestamp"

# SOF_TIMESTAMPING_*: what SO_TIMESTAMPING asks for.
TX_SOFTWARE: Final = 1 << 1
RX_SOFTWARE: Final = 1 << 3
SOFTWARE: Final = 1 << 4
OPT_ID: Final = 1 << 7
TX_SCHED: Final = 1 << 8
TX_ACK: Final = 1 << 9
OPT_TSONLY: Final = 1 << 11
OPT_ID_TCP: Final = 1 << 16
# SCM_TSTAMP_*: what happened.
SENT, SCHEDULED, ACKNOWLEDGED = 0, 1, 2

_MOST: Final = 4_096  # entries that wait for the application; the oldest make room
_MASK: Final = 0xFFFF_FFFF


@dataclass(slots=True)
class Notice:
    """One entry of the error queue.

    Attributes:
        kind: ZEROCOPY or TIMESTAMP.
        info: the first of the sends that are over; or what happened (SENT, SCHEDULED, ACKNOWLEDGED).
        data: the last of them; or the number of the octet (with OPT_ID).
        at: monotonic ns.
        size: octets of packet that are shown with it.
    """

    kind: str
    info: int
    data: int
    at: int
    size: int = 0


@dataclass(slots=True)
class _Mark:
    """The last octet of a write is to be told of."""

    end: int
    flags: int
    key: int
    size: int = 0


class Notices:
    """What is to be told of one connection.

    Attributes:
        queue: what waits for the application.
        told: how many entries there were; grows with each.
    """

    __slots__ = ("_arrivals", "_base", "_marks", "_next_id", "_zerocopies", "queue", "told")

    def __init__(self) -> None:
        self.queue: deque[Notice] = deque(maxlen=_MOST)
        self.told = 0
        self._base = 0
        self._next_id = 0
        self._zerocopies: deque[tuple[int, int]] = deque()  # number behind the last octet, id
        self._marks: deque[_Mark] = deque()
        self._arrivals: deque[tuple[int, int]] = deque(maxlen=_MOST)  # number behind the last octet, when

    def count_from(self, seq: int) -> None:
        """OPT_ID was set: octets are counted from this sequence number."""
        self._base = seq

    def next_zerocopy(self) -> int:
        """The number of a send() with MSG_ZEROCOPY."""
        self._next_id += 1
        return self._next_id - 1

    def mark_zerocopy(self, end: int, id_: int) -> None:
        """The octets of a send() end here; told again when more of the same are taken."""
        if self._zerocopies and self._zerocopies[-1][1] == id_:
            self._zerocopies.pop()
        self._zerocopies.append((end, id_))

    def mark_write(self, end: int, flags: int) -> None:
        """A write ends here, and SO_TIMESTAMPING asks about it."""
        key = (end - 1 - self._base) & _MASK if flags & OPT_ID else 0
        self._marks.append(_Mark(end, flags, key))

    def sent(self, start: int, end: int, header: int, now: int) -> None:
        """A segment left. Of several writes that end in it, the last is told of, as it is of one buffer of the kernel."""
        within = [mark for mark in self._marks if start < mark.end <= end]
        for mark in within[:-1]:
            self._marks.remove(mark)
        if not within:
            return
        mark = within[-1]
        mark.size = end - start
        for flag, what in ((TX_SCHED, SCHEDULED), (TX_SOFTWARE, SENT)):
            if mark.flags & flag:
                self._tell_time(mark, what, header + mark.size, now)

    def acknowledged(self, una: int, now: int) -> bool:
        """Everything before `una` has arrived; True if there is something new to be told."""
        before = self.told
        while self._marks and self._marks[0].end <= una:
            mark = self._marks.popleft()
            if mark.flags & TX_ACK:
                self._tell_time(mark, ACKNOWLEDGED, mark.size, now)
        while self._zerocopies and self._zerocopies[0][0] <= una:
            self._tell_zerocopy(self._zerocopies.popleft()[1], now)
        return self.told != before

    def ended(self, now: int) -> bool:
        """The connection is over: nothing of what it sent is needed; True if there is something new to be told."""
        before = self.told
        self._marks.clear()
        while self._zerocopies:
            self._tell_zerocopy(self._zerocopies.popleft()[1], now)
        return self.told != before

    def arrived(self, end: int, now: int) -> None:
        """Octets before `end` are in order, since now (RX_SOFTWARE)."""
        if not self._arrivals or self._arrivals[-1][0] < end:
            self._arrivals.append((end, now))

    def read(self, upto: int) -> int:
        """When the last of the octets before `upto` arrived, ns; 0: unknown. What was before is forgotten."""
        at = 0
        while self._arrivals:
            end, at = self._arrivals[0]
            if end >= upto:
                return at
            self._arrivals.popleft()
        return at

    def take(self) -> Notice | None:
        """The next entry."""
        return self.queue.popleft() if self.queue else None

    def _tell_time(self, mark: _Mark, what: int, size: int, now: int) -> None:
        self.told += 1
        shown = 0 if mark.flags & OPT_TSONLY else size
        self.queue.append(Notice(TIMESTAMP, what, mark.key, now, shown))

    def _tell_zerocopy(self, id_: int, now: int) -> None:
        self.told += 1
        last = self.queue[-1] if self.queue else None
        if last is not None and last.kind == ZEROCOPY and last.data + 1 == id_:
            last.data = id_  # a range is one entry
        else:
            self.queue.append(Notice(ZEROCOPY, id_, id_, now))
