"""What of the records is lost: by time (RFC 8985 §6.2), by what was SACKed above (RFC 6675 §4), by a timeout.

A record that is lost stays so until it is acknowledged, or somebody finds that nothing was lost after all.
"""

from netarium.transport.tcp.records import ORDER, Records, Sent


class LossMarks(Records):
    """The records, and the marks on them."""

    __slots__ = ()

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
        self._resent = sorted(resent, key=ORDER) or None
