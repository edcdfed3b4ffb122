"""What is in flight: a record for each transmission, in sequence order (RFC 6675 §3-§4, RFC 8985 §5.1).

The amounts that the sender asks for with every ACK (`in_flight`, what is lost and not yet resent) are kept up to date
as records change, so an ACK costs what it changes and not what is outstanding. They are counted in segments, as Linux
counts them: a small segment takes as much of the congestion window as a full one (RFC 5681 §3.1 allows both units), and
acknowledging one in crumbs earns nothing (RFC 3465 §1).
"""

from bisect import bisect_left, insort
from operator import attrgetter
from typing import Final

from netarium.base.rangeset import RangeSet

_SEQ: Final = attrgetter("seq")
_ORDER: Final = attrgetter("order")


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


class Scoreboard:
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

    def __init__(self, smss: int = 536) -> None:
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

    # --- what is lost ---------------------------------------------------------------------------------

    def mark_lost(self, record: Sent) -> bool:
        """Declare one record lost and due for retransmission; False if that is no news."""
        if record.sacked or (record.lost and not record.again):
            return False
        if record.again:  # the retransmission was lost as well
            record.again = False
            self.segs_resent -= record.segs
        if not record.lost:
            record.lost = True
            self.segs_lost += record.segs
        self.losses += record.segs
        self._next_lost = min(self._next_lost, self._index(record.seq))
        return True

    def mark_overdue(self, order: int, end: int, overdue_at: int) -> int:
        """RACK's verdict (RFC 8985 §6.2 step 5).

        Args:
            order: the latest of the transmissions that were delivered.
            end: its end.
            overdue_at: of the segments sent before that one, those sent until then are lost.

        Returns:
            When the last one that is not lost yet was sent: it may still come. 0: there is none.
        """
        waiting = self._mark_overdue_originals(order, end, overdue_at)
        resent = self._resent or []
        una = self.oldest.seq
        done = 0
        for i, record in enumerate(resent):
            if record.order > order or (record.order == order and record.end >= end):
                break
            at = record.xmit_at
            if record.sacked or (record.lost and not record.again) or record.seq < una:
                done += i == done  # no matter of ours any more
            elif at <= overdue_at:
                self.mark_lost(record)
                done += i == done
            else:
                waiting = max(waiting, at)
        del resent[:done]
        return waiting

    def mark_lost_by_sack(self, dupthresh: int) -> bool:
        """Declare lost what RFC 6675's IsLost() says is; True if that is news.

        An octet is lost when `dupthresh` discontiguous SACKed ranges, or more than (dupthresh - 1) * SMSS SACKed
        octets, lie above it. What holds for an octet holds for all below, so one bound tells it all.
        """
        if self._sacked is None:
            return False
        bound, octets = 0, 0
        for blocks, (start, stop) in enumerate(reversed(self._sacked), 1):
            octets += stop - start
            if blocks >= dupthresh or octets > (dupthresh - 1) * self.smss:
                bound = start
                break
        if bound <= self._lost_below:
            return False
        i = self._index(self._lost_below)
        self._lost_below = bound
        news = False
        for record in self._records[i:]:
            if record.seq >= bound:
                break
            if not record.lost:  # else it is on its way again, perhaps: no news of that
                news = self.mark_lost(record) or news
        return news

    def mark_timed_out(self, overdue_at: int) -> None:
        """The retransmission timer expired: the first segment is lost, and what was sent until `overdue_at` is, too."""
        for record in self._records[self._first :]:
            if record.xmit_at <= overdue_at or record is self.oldest:
                self.mark_lost(record)

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

    def unmark_lost(self) -> None:
        """Nothing was lost, after all; retransmissions that are on the way stay there."""
        for record in self._records[self._first :]:
            record.lost = False
        self.segs_lost = 0
        self._lost_below = 0
        self._look_again()

    def forget_sacks(self) -> None:
        """Believe nothing that was SACKed."""
        for record in self._records[self._first :]:
            record.sacked = False
        self._sacked = None
        self.segs_sacked = 0
        self._lost_below = 0
        self._look_again()

    # --- inside ---------------------------------------------------------------------------------------

    def _mark_overdue_originals(self, order: int, end: int, overdue_at: int) -> int:
        """Those sent once are in the order of their time."""
        records = self._records
        i = self._next_original
        waiting = 0
        while i < len(records):
            record = records[i]
            if not (record.sacked or record.lost or record.resent):
                if record.order > order or (record.order == order and record.end >= end):
                    break
                at = record.xmit_at
                if at <= overdue_at:
                    self.mark_lost(record)
                elif waiting:
                    waiting = at
                else:
                    waiting = at
                    self._next_original = i  # nothing before it is of interest any more
            i += 1
        if not waiting:
            self._next_original = i
        return waiting

    def _look_again(self) -> None:
        """Any record may be found lost now."""
        self._next_original = self._first
        resent = [record for record in self._records[self._first :] if record.resent and not record.sacked]
        self._resent = sorted(resent, key=_ORDER) or None

    def _forget_resent(self, record: Sent) -> None:
        """It gets another time and another place in the order."""
        resent = self._resent or []
        i = bisect_left(resent, record.order, key=_ORDER)
        while i < len(resent) and resent[i].order == record.order:
            if resent[i] is record:
                del resent[i]
                break
            i += 1

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
            insort(self._resent, rest, key=_ORDER)
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
