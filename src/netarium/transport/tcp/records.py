"""What is in flight: a record for each transmission, in sequence order (RFC 6675 §3, RFC 8985 §5.1).

A list that is divided where a SACK or the path divides a super-segment, and joined again where nothing is missing any
more. The amounts that the sender asks for with every ACK are kept up to date as records change, so an ACK costs what it
changes and not what is outstanding. They are counted in segments, as Linux counts them: a small segment takes as much of
the congestion window as a full one (RFC 5681 §3.1 allows both units), and acknowledging one in crumbs earns nothing
(RFC 3465 §1).
"""

from bisect import bisect_left, insort
from operator import attrgetter
from typing import Final

from netarium.base.rangeset import RangeSet

_SEQ: Final = attrgetter("seq")
ORDER: Final = attrgetter("order")
_ORDER_AND_SEQ: Final = attrgetter("order", "seq")  # pieces of one transmission have the same order


class Sent:
    """Octets `[seq, end)` sent as one segment (or super-segment); SYN and FIN count one each.

    Attributes:
        segs: how many segments that is.
        xmit_at: when it was sent last.
        order: the how manieth of the connection's transmissions that was: of those of one instant it tells the first.
        resent: how often it was sent again.
        again: its retransmission is believed to be on the way.
        rate: what `rate` noted when it was sent, if the delivery rate is sampled.
    """

    __slots__ = ("again", "end", "lost", "order", "rate", "resent", "sacked", "segs", "seq", "xmit_at")

    def __init__(self, seq: int, end: int, segs: int, now: int, order: int) -> None:
        self.seq = seq
        self.end = end
        self.segs = segs
        self.xmit_at = now
        self.order = order
        self.sacked = False
        self.lost = False  # believed to be; cleared by nothing but an acknowledgment or an undo
        self.again = False
        self.resent = 0
        self.rate: tuple[int, int, int, bool] | None = None

    def part(self, seq: int, end: int, segs: int) -> "Sent":
        """A record of `[seq, end)`, with the history of this one."""
        part = Sent(seq, end, segs, self.xmit_at, self.order)
        part.sacked, part.lost, part.again, part.resent = self.sacked, self.lost, self.again, self.resent
        part.rate = self.rate
        return part


class Records:
    """The records between SND.UNA and SND.NXT.

    Attributes:
        smss: octets of a full segment: into such ones a record is divided.
        segs_out: all segments.
        segs_sacked: those that were SACKed; without SACK, those of which duplicate ACKs told (RFC 6582 §3.2).
        segs_lost: those believed to be lost, resent or not.
        segs_resent: those whose retransmission is believed to be on the way.
        losses: how many were ever believed to be lost, the same one more than once.
    """

    __slots__ = (
        "_first", "_lost_below", "_next_lost", "_next_original", "_records", "_resent", "_sacked", "_transmissions", "losses", "segs_lost",
        "segs_out", "segs_resent", "segs_sacked", "smss",
    )  # fmt: skip

    def __init__(self, smss: int) -> None:
        self.smss = smss
        self._records: list[Sent] = []
        self._first = 0  # records before it are acknowledged
        self._next_lost = 0  # no record before it is lost and waits to be resent
        self._next_original = 0  # no record before it is one that RACK might find lost, unless it was resent
        # Records sent again, in the order of their sending; also some that do not matter any more.
        self._resent: list[Sent] | None = None
        self._lost_below = 0  # RFC 6675's IsLost() holds for every unSACKed octet below it
        self._sacked: RangeSet | None = None  # none most of the time
        self.segs_out = self.segs_sacked = self.segs_lost = self.segs_resent = 0
        self.losses = 0
        self._transmissions = 0

    def __bool__(self) -> bool:
        return self._first < len(self._records)

    def __len__(self) -> int:
        return len(self._records) - self._first

    @property
    def in_flight(self) -> int:
        """Segments believed to be in the network now (RFC 6675 §4's pipe)."""
        return self.segs_out - self.segs_sacked - self.segs_lost + self.segs_resent

    @property
    def is_plain(self) -> bool:
        """Nothing outstanding was ever lost, resent or SACKed; as far as one can see at a glance."""
        return not (self.segs_sacked or self.segs_lost or self._resent)

    @property
    def pipe(self) -> int:
        """The same in octets, as if all were full."""
        return self.in_flight * self.smss

    @property
    def oldest(self) -> Sent:
        """The record that begins at SND.UNA; there must be one."""
        return self._records[self._first]

    @property
    def newest(self) -> Sent:
        """The record that ends at SND.NXT; there must be one."""
        return self._records[-1]

    @property
    def highest_sacked(self) -> int:
        """The end of what was SACKed (Linux's and RFC 3517's HighData of the receiver), 0 if nothing was."""
        return self._sacked.highest if self._sacked is not None else 0

    # --- inside ---------------------------------------------------------------------------------------

    def _index(self, seq: int) -> int:
        """Where the first record is that begins at `seq` or above."""
        return bisect_left(self._records, seq, self._first, key=_SEQ)

    def _uncount(self, record: Sent) -> None:
        """Take a record out of the running sums."""
        segs = record.segs
        self.segs_out -= segs
        if record.sacked:
            self.segs_sacked -= segs
        elif record.lost:
            self.segs_lost -= segs
        if record.again:
            self.segs_resent -= segs

    def _within(self, start: int, stop: int) -> list[Sent]:
        """The records that lie in `[start, stop)`, whole."""
        i = self._index(start)
        j = self._index(stop)
        if j > i and self._records[j - 1].end > stop:
            j -= 1
        return self._records[i:j]

    def _cut(self, start: int, stop: int) -> list[Sent]:
        """The records of `[start, stop)`, divided between segments so that they fit; SACKed ones as they are."""
        records = self._records
        i = self._index(start)
        if i > self._first and records[i - 1].end > start and not records[i - 1].sacked:
            before = records[i - 1]
            at = before.seq + self._segments(start - before.seq) * self.smss
            if at < before.end:
                self._split(i - 1, at)
        j = i
        while j < len(records) and records[j].seq < stop:
            record = records[j]
            if record.end > stop and not record.sacked:
                at = record.seq + (stop - record.seq) // self.smss * self.smss
                if at == record.seq:
                    break
                self._split(j, at)
            j += 1
        return records[i:j]

    def _split(self, i: int, at: int) -> Sent:
        """Divide record `i` at sequence number `at`; both parts keep its history."""
        record = self._records[i]
        rest = record.part(at, record.end, record.segs)
        self._uncount(record)
        record.end = at
        record.segs = self._segments(at - record.seq)
        rest.segs = min(rest.segs, self._segments(rest.end - at))
        self._records.insert(i + 1, rest)
        self._count(record)
        self._count(rest)
        if self._next_lost > i:
            self._next_lost += 1
        if self._next_original > i:
            self._next_original += 1
        if rest.resent:
            if self._resent is None:
                self._resent = []
            insort(self._resent, rest, key=_ORDER_AND_SEQ)
        return rest

    def _shorten(self, record: Sent, una: int) -> Sent:
        """Take the octets below `una` off a record; return them as a record of the segments that are complete."""
        left = min(record.segs, self._segments(record.end - una))
        done = record.part(record.seq, una, record.segs - left)
        record.seq = una
        record.segs = left
        return done

    def _segments(self, octets: int) -> int:
        return -(-octets // self.smss)

    def _count(self, record: Sent) -> None:
        """Put a record into the running sums."""
        segs = record.segs
        self.segs_out += segs
        if record.sacked:
            self.segs_sacked += segs
        elif record.lost:
            self.segs_lost += segs
        if record.again:
            self.segs_resent += segs

    def _join_at(self, i: int) -> None:
        """Make one of the records `i` and `i + 1` if both were SACKed and never resent."""
        record, rest = self._records[i], self._records[i + 1]
        if record.sacked and rest.sacked and not record.resent and not rest.resent:
            record.end = rest.end
            record.segs += rest.segs
            record.xmit_at = max(record.xmit_at, rest.xmit_at)
            self._delete(i + 1)

    def _delete(self, i: int) -> None:
        """Record `i` became a part of the one before it."""
        del self._records[i]
        if self._next_lost >= i:
            self._next_lost -= 1
        if self._next_original >= i:
            self._next_original -= 1
