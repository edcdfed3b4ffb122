"""The scoreboard against a list of single segments that are looked at one by one, each time all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from random import Random

import pytest

from netarium.transport.tcp.records import Sent
from netarium.transport.tcp.scoreboard import Scoreboard

MSS = 100
DUPTHRESH = 3


@dataclass
class Segment:
    """What is known of one."""

    seq: int
    order: int
    xmit_at: int
    sacked: bool = False
    lost: bool = False
    again: bool = False
    resent: int = 0

    @property
    def end(self) -> int:
        return self.seq + MSS

    @property
    def waits(self) -> bool:
        """It may be found lost."""
        return not self.sacked and (self.again or not self.lost)

    def mark_lost(self) -> bool:
        if not self.waits:
            return False
        self.lost, self.again = True, False
        return True

    def known(self) -> tuple[object, ...]:
        """What the board must know, too; of what has arrived it is not when."""
        if self.sacked:
            return self.seq, self.resent > 0, self.again
        return self.seq, self.order, self.xmit_at, self.lost, self.again, self.resent


class Naive:
    """A board, and the list beside it."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.board = Scoreboard(MSS)
        self.segments: list[Segment] = []
        self.nxt = self.losses = self.transmissions = 0
        self.delivered = (0, 0)  # RACK's: order and end
        self.now = 10

    @property
    def una(self) -> int:
        return self.segments[0].seq if self.segments else self.nxt

    def covered(self, start: int, stop: int) -> list[Segment]:
        first = max(0, -(-(start - self.una) // MSS))
        return self.segments[first : max(first, (stop - self.una) // MSS)]

    def mark(self, segments: Iterator[Segment] | list[Segment]) -> int:
        marked = sum([segment.mark_lost() for segment in segments])
        self.losses += marked
        return marked

    def deliver(self, segments: list[Segment]) -> None:
        for segment in segments:
            if not segment.sacked:
                self.delivered = max(self.delivered, (segment.order, segment.end))

    # --- steps ---

    def add(self) -> None:
        count = self.random.choice([1, 1, 1, 2, 4])
        self.board.add(self.nxt, self.nxt + count * MSS, self.now, count)
        self.transmissions += 1
        for _ in range(count):
            self.segments.append(Segment(self.nxt, self.transmissions, self.now))
            self.nxt += MSS

    def acknowledge(self) -> None:
        self.advance(min(self.una + self.random.choice([1, 1, 2, 5]) * MSS, self.nxt))

    def advance(self, una: int) -> None:
        gone = self.covered(0, una)
        self.deliver(gone)
        done = self.board.acknowledge(una)
        assert sum(record.segs for record in done) == len(gone)
        told = [record.sacked for record in done for _ in range(record.segs)]
        assert told == [segment.sacked for segment in gone]
        self.segments = self.segments[len(gone) :]

    def sack(self) -> None:
        if not self.segments:
            return
        start = self.una + self.random.randrange(0, self.nxt - self.una, MSS // 2)
        stop = min(start + self.random.randrange(MSS // 2, 4 * MSS, MSS // 2), self.nxt)
        news = [segment for segment in self.covered(start, stop) if not segment.sacked]
        self.deliver(news)
        told = self.board.sack(start, stop)
        assert [seq for record in told for seq in range(record.seq, record.end, MSS)] == [s.seq for s in news]
        assert [record.sacked for record in told] == [True] * len(told)
        for record in told:
            self.board.join(record)
        for segment in news:
            # What is not lost any more, although it was sent again, arrives twice: the second one is on its way.
            segment.again = segment.again and not segment.lost
            segment.sacked, segment.lost = True, False

    def resend(self) -> None:
        record = self.board.next_lost()
        if record is None:
            return
        size = min(self.random.choice([1, 1, 2]) * MSS, record.end - record.seq)
        self._sent_again(self.covered(record.seq, record.seq + size), again=True)
        self.board.resend(record, size, self.now)
        assert record.end - record.seq == size

    def probe(self) -> None:
        if self.segments:
            newest = self.board.newest
            self._sent_again(self.covered(newest.seq, newest.end), again=False)
            self.board.probe(newest, self.now)

    def _sent_again(self, segments: list[Segment], *, again: bool) -> None:
        self.transmissions += 1
        for segment in segments:
            segment.again = segment.again or again
            segment.resent += 1
            segment.xmit_at, segment.order = self.now, self.transmissions

    def rack(self) -> None:
        """Losses by time: what was sent before the latest that was delivered, and long enough ago."""
        if not self.segments:
            return
        overdue_at = self.now - self.random.randrange(12)
        earlier = [r for r in self.records() if (r.order, r.end) < self.delivered]
        before = [s for r in earlier for s in self.covered(r.seq, r.end) if s.waits]
        waiting = max([s.xmit_at for s in before if s.xmit_at > overdue_at], default=0)
        self.mark([s for s in before if s.xmit_at <= overdue_at])
        assert self.board.mark_overdue(*self.delivered, overdue_at) == waiting

    def is_lost(self) -> None:
        """Losses by what was SACKed above."""
        blocks = octets = bound = 0
        for sacked, group in groupby(reversed(self.segments), lambda segment: segment.sacked):
            run = list(group)
            if sacked and not bound:
                blocks, octets = blocks + 1, octets + len(run) * MSS
                if blocks >= DUPTHRESH or octets > (DUPTHRESH - 1) * MSS:
                    bound = run[-1].seq
        marked = self.mark([s for s in self.segments if s.seq < bound and not s.lost])
        assert self.board.mark_lost_by_sack(DUPTHRESH) is (marked > 0)

    def time_out(self) -> None:
        if not self.segments:
            return
        overdue_at, oldest = self.now - self.random.randrange(12), self.board.oldest
        self.mark([s for s in self.segments if s.xmit_at <= overdue_at or s.seq < oldest.end])
        self.board.mark_timed_out(overdue_at)

    def lose_one(self) -> None:
        if self.segments:
            record = self.random.choice(self.records())
            expected = self.mark(self.covered(record.seq, record.end)) > 0
            assert self.board.mark_lost(record) is expected

    def undo(self) -> None:
        self.board.unmark_lost()
        for segment in self.segments:
            segment.lost = False

    def renege(self) -> None:
        """What was SACKed is one record where it touched, and stays so."""
        self.board.forget_sacks()
        for record in self.records():
            for segment in self.covered(record.seq, record.end):
                if segment.sacked:
                    segment.order, segment.xmit_at = record.order, record.xmit_at
                segment.sacked = False

    def dsack(self) -> None:
        if not self.segments:
            return
        start = self.una + self.random.randrange(0, self.nxt - self.una, MSS)
        stop = min(start + 3 * MSS, self.nxt)
        ack = self.random.choice([self.una, stop])
        whole = [r for r in self.records() if start <= r.seq and r.end <= stop]
        expected = [r for r in whole if r.resent and (r.sacked or r.end <= ack)]
        assert self.board.repeated(start, stop, ack) == expected
        for record in expected:
            for segment in self.covered(record.seq, record.end):
                segment.again = False
        self.advance(ack)

    def divide(self) -> None:
        """The path divides a super-segment: it changes nothing about what is known."""
        large = [r for r in self.records() if r.segs > 1]
        if large:
            record = self.random.choice(large)
            rest = self.board.divide(record, record.seq + MSS)
            assert (record.end, rest.seq) == (record.seq + MSS, record.seq + MSS)

    def oversize(self) -> None:
        """The path takes only single segments now."""
        self.mark([s for r in self.records() if r.segs > 1 for s in self.covered(r.seq, r.end)])
        self.board.mark_oversize_lost(MSS)

    # --- comparing ---

    def records(self) -> list[Sent]:
        return self.board._records[self.board._first :]

    def compare(self) -> None:
        board, segments = self.board, self.segments
        seen = [
            Segment(seq, r.order, r.xmit_at, r.sacked, r.lost, r.again, r.resent).known()
            for r in self.records()
            for seq in range(r.seq, r.end, MSS)
        ]
        assert seen == [segment.known() for segment in segments]
        assert [r.segs for r in self.records()] == [(r.end - r.seq) // MSS for r in self.records()]
        assert bool(board) == bool(segments)
        assert len(board) == len(self.records())
        counts = [
            sum(s.sacked for s in segments),
            sum(s.lost for s in segments),
            sum(s.again for s in segments),
        ]
        assert [board.segs_sacked, board.segs_lost, board.segs_resent] == counts
        assert (board.segs_out, board.losses) == (len(segments), self.losses)
        assert board.in_flight == len(segments) - counts[0] - counts[1] + counts[2]
        assert board.pipe == board.in_flight * MSS
        assert board.highest_sacked == max((s.end for s in segments if s.sacked), default=0)
        if self.random.random() < 0.5:  # what is not asked for is not looked for
            lost = next((s.seq for s in segments if s.lost and not s.again), None)
            found = board.next_lost()
            assert (None if found is None else found.seq) == lost
        if any(s.sacked or s.lost or s.resent for s in segments):
            assert not board.is_plain
        resent = [id(record) for record in board._resent or ()]
        assert len(resent) == len(set(resent)), "each once"
        assert board._first <= max(256, len(board)), "of what has gone not much is kept"
        if not segments:
            assert board.is_plain
            assert board.largest(MSS) == 0
        else:
            assert (board.oldest.seq, board.newest.end) == (segments[0].seq, self.nxt)
            largest = max(r.end - r.seq for r in self.records())
            assert [board.largest(size) for size in (MSS, 3 * MSS)] == [MSS, min(largest, 3 * MSS)]


STEPS = [
    *[Naive.add, Naive.sack, Naive.resend] * 4,
    *[Naive.acknowledge, Naive.rack, Naive.is_lost] * 3,
    *[Naive.time_out, Naive.lose_one, Naive.undo, Naive.probe, Naive.dsack, Naive.divide, Naive.renege],
    Naive.oversize,
]


@pytest.mark.parametrize("seed", range(12))
def test_it_is_as_if_each_segment_were_looked_at(seed: int) -> None:
    random = Random(seed)
    naive = Naive(random)
    for _ in range(random.choice([3, 10, 20])):
        naive.add()
    steps = STEPS if seed % 2 else STEPS[:-7]  # with what is rare, and without
    for _ in range(150):
        naive.now += random.choice([0, 1, 2])
        step = random.choice(steps)
        step(naive)
        naive.compare()


@pytest.mark.parametrize("seed", range(2))
def test_a_long_board(seed: int) -> None:
    """Behind hundreds of acknowledged records nothing is found at a wrong place."""
    random = Random(seed)
    naive = Naive(random)
    for _ in range(400):
        naive.add()
    for _ in range(5):
        for step in (naive.sack, naive.sack, naive.sack, naive.is_lost, naive.resend, naive.lose_one):
            naive.now += 1
            step()
        for _ in range(55):
            naive.acknowledge()
        naive.rack()
        naive.compare()
