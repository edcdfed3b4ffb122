"""The scoreboard: what sending, ACKs and SACKs make of the records of what is in flight (RFC 6675 §3-§4, RFC 2018 §8).

The records themselves are in `records`; which of them are lost is told by `lossmarks`.
"""

from bisect import bisect_left

from netarium.base.rangeset import RangeSet
from netarium.transport.tcp.lossmarks import LossMarks
from netarium.transport.tcp.records import ORDER, Sent


class Scoreboard(LossMarks):
    """The records between SND.UNA and SND.NXT."""

    __slots__ = ()

    # --- sending --------------------------------------------------------------------------------------

    def add(self, seq: int, end: int, now: int, segs: int = 1) -> None:
        """A segment, or `segs` as one, of new sequence numbers was sent."""
        self._transmissions += 1
        self._records.append(Sent(seq, end, segs, now, self._transmissions))
        self.segs_out += segs

    def next_lost(self) -> Sent | None:
        """The first record that is lost and not on its way again."""
        records, i = self._records, self._next_lost
        while i < len(records):
            record = records[i]
            if record.lost and not record.again:
                self._next_lost = i
                return record
            i += 1
        self._next_lost = i
        return None

    def resend(self, record: Sent, size: int, now: int) -> None:
        """The first `size` octets of a lost record are sent again; the rest becomes a record of its own."""
        if size < record.end - record.seq:
            self.divide(record, record.seq + size)
        if not record.again:
            record.again = True
            self.segs_resent += record.segs
        self.probe(record, now)

    def recount(self, record: Sent, segs: int) -> None:
        """A record that is to be sent again takes another number of segments than before."""
        if segs != record.segs:
            self._uncount(record)
            record.segs = segs
            self._count(record)

    def probe(self, record: Sent, now: int) -> None:
        """A record that may well be on its way is sent once more: it counts in the network only once."""
        if record.resent:
            self._forget_resent(record)
        record.resent += 1
        record.xmit_at = now
        self._transmissions += 1
        record.order = self._transmissions
        if self._resent is None:
            self._resent = []
        self._resent.append(record)

    def gather(self, record: Sent, size: int, edge: int, *, divides: bool = False) -> None:
        """Let a small record that is to be resent take in small ones that follow, up to `size` octets and to `edge`.

        With `divides` it takes of the next one what fits, as who keeps a stream of octets and no segments.

        Spec: RFC 9293 §3.8.1 allows to repacketize; RFC 1122 §4.2.2.15.
        """
        i = self._index(record.seq)
        while i + 1 < len(self._records):
            rest = self._records[i + 1]
            stop = record.seq + size
            if divides and not rest.sacked and rest.seq < stop < rest.end:
                self._split(i + 1, stop)
            if rest.sacked or rest.segs > 1 or rest.end - record.seq > size or rest.end > edge:
                break
            self._uncount(rest)
            if rest.resent:
                self._forget_resent(rest)
                record.resent = record.resent or rest.resent
            record.end = rest.end
            self._delete(i + 1)

    def divide(self, record: Sent, at: int) -> Sent:
        """Make two records of one; return the second, which begins at sequence number `at`."""
        return self._split(self._index(record.seq), at)

    # --- what ACKs tell -------------------------------------------------------------------------------

    def acknowledge(self, una: int) -> list[Sent]:
        """Everything below `una` arrived: remove and return the records, as they were.

        Of a record that `una` divides, only whole segments count; the octets of another are no news.
        """
        records, i = self._records, self._first
        if records and records[-1].end <= una and self.is_plain:  # all of it, and nothing ever happened to it
            self._records = []
            self._first = self._next_lost = self._next_original = self.segs_out = 0
            self._sacked = None
            return records[i:] if i else records
        done: list[Sent] = []
        while i < len(records) and records[i].seq < una:
            record = records[i]
            if record.end > una:
                record = self._shorten(record, una)
                if record.segs:
                    self._uncount(record)
                    done.append(record)
                break
            self._uncount(record)
            done.append(record)
            i += 1
        self._first = i
        if self._sacked is not None:
            self._sacked.discard_below(una)
            if not self._sacked:
                self._sacked = None
        if i == len(records) or (i > 256 and i * 2 > len(records)):
            del records[:i]
            self._next_lost -= i
            self._next_original -= i
            self._first = 0
            if not records:
                self._resent = None
        self._next_lost = max(self._next_lost, self._first)
        self._next_original = max(self._next_original, self._first)
        return done

    def sack(self, start: int, stop: int) -> list[Sent]:
        """Octets `[start, stop)` arrived out of order: return the records of which that is news.

        Only whole segments count, so that lies cannot shred the board. Call `join` for each when it was looked at.
        """
        if self._sacked is None:
            self._sacked = RangeSet()
        elif self._sacked.covers(start, stop):
            return []
        whole = self._cut(start, stop)
        new: list[Sent] = []
        for record in whole:
            if not record.sacked:
                if record.lost:
                    self.segs_lost -= record.segs
                    if record.again:
                        self.segs_resent -= record.segs
                    record.lost = record.again = False
                record.sacked = True
                self.segs_sacked += record.segs
                new.append(record)
        if new:
            self._sacked.add(whole[0].seq, whole[-1].end)
        elif not self._sacked:
            self._sacked = None
        return new

    def join(self, record: Sent) -> None:
        """Make one of a SACKed record and its SACKed neighbours: holes are what costs, not what arrived.

        A record that was resent stays by itself: a DSACK may still tell something about it.
        """
        i = self._index(record.seq)
        if i < len(self._records) and self._records[i] is record:
            if i + 1 < len(self._records):
                self._join_at(i)
            if i > self._first:
                self._join_at(i - 1)

    def repeated(self, start: int, stop: int, ack: int) -> list[Sent]:
        """The resent records within `[start, stop)`, of which a DSACK says that they arrived twice.

        So they are SACKed by now, or `ack` will be the end of them.
        """
        found = [
            record
            for record in self._within(start, stop)
            if record.resent and (record.sacked or record.end <= ack)
        ]
        for record in found:
            if record.again:
                record.again = False
                self.segs_resent -= record.segs
        return found

    def _forget_resent(self, record: Sent) -> None:
        """It gets another time and another place in the order."""
        resent = self._resent or []
        i = bisect_left(resent, record.order, key=ORDER)
        while i < len(resent) and resent[i].order == record.order:
            if resent[i] is record:
                del resent[i]
                break
            i += 1
