"""What is in flight: a record for each transmission, in sequence order (RFC 6675 §3-§4; room for RFC 8985 §5).

The amounts that the sender asks for with every ACK (`pipe`, what is lost and not yet resent) are kept up to date as
records change, so an ACK costs what it changes and not what is outstanding.
"""

from bisect import bisect_left
from operator import attrgetter
from typing import Final

from netarium.base.rangeset import RangeSet

_SEQ: Final = attrgetter("seq")


class Sent:
    """Octets `[seq, end)` sent as one segment (or super-segment); SYN and FIN count one each."""

    __slots__ = ("end", "lost", "resent", "sacked", "seq", "xmit_at")

    def __init__(self, seq: int, end: int, now: int) -> None:
        self.seq = seq
        self.end = end
        self.xmit_at = now
        self.sacked = False
        self.lost = False  # believed to be; cleared by nothing but an acknowledgment or an undo
        self.resent = 0  # times


class Scoreboard:
    """The records between SND.UNA and SND.NXT."""

    __slots__ = (
        "_first", "_lost_below", "_next_lost", "_records", "_sacked", "lost_octets", "reno_sacked", "resent_octets",
        "sacked_octets",
    )  # fmt: skip

    def __init__(self) -> None:
        self._records: list[Sent] = []
        self._first = 0  # records before it are acknowledged
        self._next_lost = 0  # no record before it is lost and waits to be resent
        self._lost_below = 0  # RFC 6675's IsLost() holds for every unSACKed octet below it
        self._sacked: RangeSet | None = None  # none most of the time
        self.sacked_octets = 0
        self.lost_octets = 0  # of lost records, resent or not
        self.resent_octets = 0  # resent and still believed to be on the way
        self.reno_sacked = 0  # without SACK: octets that duplicate ACKs say have left the network

    def __bool__(self) -> bool:
        return self._first < len(self._records)

    def __len__(self) -> int:
        return len(self._records) - self._first

    @property
    def flight_size(self) -> int:
        """Octets sent and not cumulatively acknowledged (RFC 5681 §2)."""
        return self._records[-1].end - self._records[self._first].seq if self else 0

    @property
    def pipe(self) -> int:
        """Octets believed to be in the network now (RFC 6675 §4, kept incrementally)."""
        if self._first == len(self._records):
            return 0
        flight = self._records[-1].end - self._records[self._first].seq
        in_network = flight - self.sacked_octets - self.reno_sacked - self.lost_octets + self.resent_octets
        return max(0, in_network)

    @property
    def oldest(self) -> Sent:
        """The record that begins at SND.UNA; there must be one."""
        return self._records[self._first]

    @property
    def newest(self) -> Sent:
        """The record that ends at SND.NXT; there must be one."""
        return self._records[-1]

    def add(self, seq: int, end: int, now: int) -> None:
        """A segment of new sequence numbers was sent."""
        self._records.append(Sent(seq, end, now))

    def acknowledge(self, una: int) -> list[Sent]:
        """Everything below `una` arrived: remove and return the records, cutting the one that `una` divides."""
        records, i = self._records, self._first
        done: list[Sent] = []
        while i < len(records) and records[i].seq < una:
            record = records[i]
            if record.end > una:
                self._split(i, una)
            self._uncount(record)
            done.append(record)
            i += 1
        self._first = i
        self._next_lost = max(self._next_lost, i)
        if self._sacked is not None:
            self._sacked.discard_below(una)
            if not self._sacked:
                self._sacked = None
        if i == len(records) or (i > 256 and i * 2 > len(records)):
            del records[:i]
            self._next_lost -= i
            self._first = 0
        return done

    def sack(self, start: int, stop: int) -> tuple[int, Sent | None]:
        """Octets `[start, stop)` arrived out of order.

        Returns:
            How many octets are newly SACKed, and the most recently transmitted record among them.
        """
        if self._sacked is None:
            self._sacked = RangeSet()
        elif self._sacked.covers(start, stop):
            return 0, None
        new, latest = 0, None
        for record in self._cut(start, stop):
            if not record.sacked:
                self._uncount(record)
                record.sacked = True
                record.lost = False
                size = record.end - record.seq
                self.sacked_octets += size
                new += size
                if latest is None or record.xmit_at >= latest.xmit_at:
                    latest = record
        self._sacked.add(start, stop)
        return new, latest

    def mark_lost_by_sack(self, dupthresh: int, smss: int) -> int:
        """Declare lost what RFC 6675's IsLost() says is; return how many octets newly are.

        An octet is lost when `dupthresh` discontiguous SACKed ranges, or more than (dupthresh - 1) * SMSS SACKed
        octets, lie above it. What holds for an octet holds for all below, so one bound tells it all.
        """
        if self._sacked is None:
            return 0
        bound, octets = 0, 0
        for blocks, (start, stop) in enumerate(reversed(self._sacked), 1):
            octets += stop - start
            if blocks >= dupthresh or octets > (dupthresh - 1) * smss:
                bound = start
                break
        if bound <= self._lost_below:
            return 0
        i = self._index(self._lost_below)
        self._lost_below = bound
        newly = 0
        for record in self._records[i:]:
            if record.seq >= bound:
                break
            if not record.lost:  # else it is on its way again, perhaps: no news of that
                newly += self.mark_lost(record)
        return newly

    def mark_lost(self, record: Sent) -> int:
        """Declare one record lost and due for retransmission; return its octets if that is news."""
        on_the_way = self._on_the_way_again(record)
        if record.sacked or (record.lost and not on_the_way):
            return 0
        size = record.end - record.seq
        if record.lost:  # the retransmission was lost as well
            self.resent_octets -= size
        else:
            record.lost = True
            self.lost_octets += size
        if on_the_way:
            record.resent = -record.resent
        self._next_lost = min(self._next_lost, self._index(record.seq))
        return size

    def mark_all_lost(self) -> None:
        """The retransmission timer expired: start over from SND.UNA.

        If the oldest segment was SACKed and yet is not acknowledged, the receiver reneged: then nothing that it
        SACKed is believed (RFC 2018 §8, RFC 6675 §5.1).
        """
        if self and self.oldest.sacked:
            self.forget_sacks()
        self.reno_sacked = 0
        for record in self._records[self._first :]:
            self.mark_lost(record)
        self._next_lost = self._first

    def mark_oversize_lost(self, size: int) -> None:
        """The path takes only `size` octets now: what was sent in larger segments did not pass."""
        for record in self._records[self._first :]:
            if record.end - record.seq > size:
                self.mark_lost(record)

    def largest(self, smss: int) -> int:
        """Octets of the largest segment in flight; a super-segment's are of `smss`."""
        largest = 0
        for record in self._records[self._first :]:
            largest = max(largest, record.end - record.seq)
            if largest >= smss:
                return smss
        return largest

    def divide(self, record: Sent, at: int) -> None:
        """Make two records of one, the second beginning at sequence number `at`."""
        self._split(self._index(record.seq), at)

    def forget_sacks(self) -> None:
        """Believe nothing that was SACKed."""
        for record in self._records[self._first :]:
            record.sacked = False
        self._sacked = None
        self.sacked_octets = 0
        self._lost_below = 0

    def next_lost(self) -> Sent | None:
        """The first record that is lost and not on its way again."""
        records, i = self._records, self._next_lost
        while i < len(records):
            record = records[i]
            if record.lost and not self._on_the_way_again(record):
                self._next_lost = i
                return record
            i += 1
        self._next_lost = i
        return None

    def resend(self, record: Sent, size: int, now: int) -> None:
        """The first `size` octets of a record are sent again; the rest becomes a record of its own."""
        if size < record.end - record.seq:
            self.divide(record, record.seq + size)
        if not self._on_the_way_again(record) and record.lost:
            self.resent_octets += record.end - record.seq
        record.resent = abs(record.resent) + 1
        record.xmit_at = now

    def _index(self, seq: int) -> int:
        """Where the first record is that begins at `seq` or above."""
        return bisect_left(self._records, seq, self._first, key=_SEQ)

    @staticmethod
    def _on_the_way_again(record: Sent) -> bool:
        """Resent, and that retransmission is not known to be lost (its count is negative then)."""
        return record.resent > 0

    def _uncount(self, record: Sent) -> None:
        """Take a record out of the running sums."""
        size = record.end - record.seq
        if record.sacked:
            self.sacked_octets -= size
        elif record.lost:
            self.lost_octets -= size
            if self._on_the_way_again(record):
                self.resent_octets -= size

    def _cut(self, start: int, stop: int) -> list[Sent]:
        """The records of `[start, stop)`, divided so that they fit exactly."""
        records = self._records
        i = self._index(start)
        if i > self._first and records[i - 1].end > start:
            self._split(i - 1, start)
        j = i
        while j < len(records) and records[j].seq < stop:
            if records[j].end > stop:
                self._split(j, stop)
            j += 1
        return records[i:j]

    def _split(self, i: int, at: int) -> None:
        """Divide record `i` at sequence number `at`; both parts keep its history."""
        record = self._records[i]
        rest = Sent(at, record.end, record.xmit_at)
        rest.sacked, rest.lost, rest.resent = record.sacked, record.lost, record.resent
        record.end = at
        self._records.insert(i + 1, rest)
        if self._next_lost > i:
            self._next_lost += 1
