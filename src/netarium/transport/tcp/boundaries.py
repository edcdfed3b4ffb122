"""The marks in the sender's stream: where PSH is, and where a record ends.

RFC 9293 §3.9.1.2 (MUST-60, MUST-61), in detail as Linux: what is written is gathered behind what waits already, and
PSH is set at the end of it, so that a receiver hears of the end of a write and not of its parts; also at every half of
the peer's largest window, so that it hears something. MSG_EOR ends a record: what is written later never shares a
segment with it. Linux keeps these marks in its packet buffers; here they are the numbers at which those would end.
"""


class Boundaries:
    """The marks of one connection. It owns no containers while nothing is marked.

    Attributes:
        more: the last write said that more will follow (MSG_MORE): its tail waits.
        flush_to: what waits below it goes at once, however short: TCP_NODELAY was set.
    """

    __slots__ = (
        "_pushed_seq",
        "_pushes",
        "_pushes_sent",
        "_records",
        "_records_sent",
        "_tail_start",
        "flush_to",
        "more",
    )

    def __init__(self, start: int) -> None:
        self.more = False
        self.flush_to = start
        self._records: list[int] | None = None  # ends of records in what is not yet sent
        self._records_sent: list[int] | None = None  # and in what is, and may be sent again
        self._pushes: list[int] | None = None  # ends that carry PSH, not yet sent
        self._pushes_sent: list[int] | None = None  # sent, and perhaps to be sent again
        self._tail_start = start  # where what later writes are gathered with begins
        self._pushed_seq = start

    def written(
        self,
        start: int,
        end: int,
        snd_nxt: int,
        *,
        goal: int,
        half: int,
        more: bool,
        record: bool,
        sendable: int = 0,
    ) -> None:
        """`[start, end)` was written.

        Args:
            start: the end of what was written before.
            end: the end of the stream now.
            snd_nxt: the first number not yet sent.
            goal: octets that are gathered at the most.
            half: of the peer's largest window: so many octets never go without a PSH.
            more: no mark at the end (MSG_MORE).
            record: it ends a record (MSG_EOR).
            sendable: octets of it that the windows let go at once, while the write goes on.
        """
        tail = max(self._tail_start, snd_nxt)
        if start <= snd_nxt or start - tail >= goal or (self._records and self._records[-1] == start):
            tail = start
        elif self._pushes and self._pushes[-1] == start:
            self._pushes.pop()  # it is gathered with what follows
        first = tail
        while end - tail > goal:
            tail += goal
            if tail - self._pushed_seq > half:
                self._push(tail)
        if first < tail:  # what has left makes room for more in the first
            first += sendable
            first += max(0, -(-(end - first) // goal) - 1) * goal
        self._tail_start = first
        self.more = more
        if not more or end - self._pushed_seq > half:
            self._push(end)
        if record:
            self._records = [*(self._records or ()), end]

    def _push(self, end: int) -> None:
        self._pushed_seq = end
        if self._pushes is None:
            self._pushes = []
        self._pushes.append(end)

    def tail(self, end: int, snd_nxt: int) -> int:
        """Octets that wait and that a later write would be gathered with."""
        return end - max(self._tail_start, snd_nxt)

    def fill(self, start: int) -> None:
        """There was no room for more: what is gathered last is full, and counts from `start`."""
        self._tail_start = start

    def until_record_ends(self, seq: int, waiting: int) -> int:
        """How many of the octets that wait from `seq` on belong to one record."""
        records = self._records
        if records is None:
            return waiting
        while records and records[0] <= seq:
            self._records_sent = [*(self._records_sent or ()), records.pop(0)]
        if not records:
            self._records = None
            return waiting
        return min(waiting, records[0] - seq)

    def record_end(self, seq: int) -> int | None:
        """Where the record ends that `seq`, which is sent again, belongs to; what is asked for later lies beyond."""
        sent = self._records_sent
        while sent and sent[0] <= seq:
            del sent[0]
        if sent:
            return sent[0]
        return next((end for end in self._records or () if end > seq), None)

    def takes_push(self, end: int, snd_una: int, *, forced: bool = False) -> bool:
        """New data up to `end` leaves: does it carry the mark of a write? `forced`: a mark, in any case."""
        pushes = self._pushes
        if (not pushes or pushes[0] > end) and not forced:
            return False
        sent = self._pushes_sent
        if sent is None and pushes and pushes[-1] <= end and not forced:  # all at once
            self._pushes_sent, self._pushes = pushes, None
            return pushes[-1] == end
        if sent is None:
            sent = self._pushes_sent = []
        while sent and sent[0] <= snd_una:
            del sent[0]
        while pushes and pushes[0] <= end:
            sent.append(pushes.pop(0))
        if not pushes:
            self._pushes = None
        if forced and (not sent or sent[-1] != end):
            sent.append(end)
        return sent[-1] == end

    def took_push(self, end: int) -> bool:
        """What ends at `end` is sent again: it carries PSH if a write ended there."""
        return self._pushes_sent is not None and end in self._pushes_sent
