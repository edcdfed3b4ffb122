"""The scoreboard: its running sums against a count over all records, and RFC 6675's loss rule."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netarium.transport.tcp.scoreboard import Scoreboard

MSS = 100


def sent(count: int) -> Scoreboard:
    board = Scoreboard(MSS)
    for i in range(count):
        board.add(i * MSS, (i + 1) * MSS, now=i + 1)
    return board


def check_sums(board: Scoreboard) -> None:
    records = board._records[board._first :]
    assert board.segs_out == sum(r.segs for r in records)
    assert board.segs_sacked == sum(r.segs for r in records if r.sacked)
    assert board.segs_lost == sum(r.segs for r in records if r.lost)
    assert board.segs_resent == sum(r.segs for r in records if r.again)
    assert not any(r.sacked and r.lost for r in records)
    assert not any(r.again and not r.resent for r in records)
    assert all(a.end == b.seq for a, b in pairwise(records))
    assert all(r.segs for r in records)
    assert [r.order for r in (board._resent or ())] == sorted(r.order for r in (board._resent or ()))
    first = next((r for r in records if r.lost and not r.again), None)
    assert board.next_lost() is first


@pytest.mark.rfc("6675", "01", "02")
def test_three_blocks_above_mean_lost() -> None:
    board = sent(8)
    board.sack(2 * MSS, 3 * MSS)
    board.sack(4 * MSS, 5 * MSS)
    assert not board.mark_lost_by_sack(3)
    board.sack(6 * MSS, 7 * MSS)
    assert board.mark_lost_by_sack(3)
    assert board.segs_lost == 2  # only what lies below the third block
    assert board.in_flight == 8 - 3 - 2


@pytest.mark.rfc("6675", "01")
def test_more_than_two_segments_sacked_above_mean_lost() -> None:
    board = sent(5)
    board.sack(MSS, 3 * MSS)
    assert not board.mark_lost_by_sack(3)
    board.sack(3 * MSS, 4 * MSS)
    assert board.mark_lost_by_sack(3)
    assert board.segs_lost == 1


@pytest.mark.rfc("6675", "01")
def test_three_blocks_are_enough_however_small() -> None:
    board = Scoreboard(MSS)
    for i in range(8):
        board.add(i * 10, (i + 1) * 10, now=1)
    for i in (2, 4):
        board.sack(i * 10, (i + 1) * 10)
        assert not board.mark_lost_by_sack(3)
    board.sack(60, 70)
    assert board.mark_lost_by_sack(3)
    assert [r.lost for r in board._records] == [True, True, False, False, False, False, False, False]


@pytest.mark.rfc("6675", "01")
def test_what_was_found_lost_by_sacks_may_be_found_again() -> None:
    """After an undo, and after all SACKs were forgotten; the first octet of all included."""
    board = sent(5)
    board.sack(MSS, 4 * MSS)
    assert board.mark_lost_by_sack(3)
    assert not board.mark_lost_by_sack(3)
    board.unmark_lost()
    assert board.mark_lost_by_sack(3)
    assert board.oldest.lost
    board = sent(5)
    board.sack(MSS, 2 * MSS)
    board.forget_sacks()
    board.sack(MSS, 4 * MSS)
    assert board.mark_lost_by_sack(3)
    assert board.oldest.lost


def test_of_what_was_resent_only_what_may_be_lost_is_looked_at_again() -> None:
    """An ACK costs what it changes, not what was ever sent again."""
    board = sent(7)
    for i, record in enumerate(board._records):
        board.mark_lost(record)
        board.resend(record, MSS, now=10 + i)
    for i in (0, 1, 3):
        board.sack(i * MSS, (i + 1) * MSS)
    assert board.mark_overdue(14, 7 * MSS, overdue_at=9) == 15
    assert [r.seq for r in board._resent] == [200, 300, 400, 500, 600]
    assert board.mark_overdue(14, 7 * MSS, overdue_at=12) == 15
    assert [r.seq for r in board._resent] == [400, 500, 600]
    assert board.mark_overdue(14, 7 * MSS, overdue_at=15) == 0
    assert [r.seq for r in board._resent] == [600]
    assert [r.lost and not r.again for r in board._records] == [False, False, True, False, True, True, False]
    check_sums(board)


def test_a_piece_of_a_retransmission_that_is_resent_is_found_among_its_like() -> None:
    board = Scoreboard(MSS)
    board.add(0, 4 * MSS, now=5, segs=4)
    board.mark_lost(board.oldest)
    board.resend(board.oldest, 4 * MSS, now=9)
    pieces = [*board.sack(0, MSS), *board.sack(MSS, 2 * MSS), board.divide(board._records[2], 3 * MSS)]
    board.mark_lost(pieces[2])
    board.resend(pieces[2], MSS, now=10)
    assert [r.seq for r in board._resent] == [0, 100, 200, 300]
    board.probe(board._records[2], now=11)
    assert [(r.seq, r.order) for r in board._resent] == [(0, 2), (100, 2), (300, 3), (200, 4)]


def test_a_retransmission_lost_again_is_due_again() -> None:
    board = sent(2)
    board.mark_lost(board.oldest)
    board.resend(board.oldest, MSS, now=10)
    assert board.next_lost() is None
    assert board.mark_lost(board.oldest)
    assert board.next_lost() is board.oldest
    assert (board.oldest.resent, board.oldest.again, board.losses) == (1, False, 2)
    check_sums(board)


def test_a_sack_of_crumbs_is_none_and_one_of_a_super_segment_counts_its_whole_segments() -> None:
    board = Scoreboard(MSS)
    board.add(0, 10 * MSS, now=1, segs=10)
    assert board.sack(150, 199) == []
    (new,) = board.sack(150, 450)
    assert (new.seq, new.end, new.segs) == (200, 400, 2)
    check_sums(board)
    (new,) = board.sack(850, 1_000)
    assert (new.seq, new.end) == (900, 1_000)
    assert (len(board), board.highest_sacked) == (4, 1_000)


@pytest.mark.attack("TCP-54")
def test_acks_in_crumbs_complete_a_segment_once() -> None:
    board = sent(3)
    done = [record for una in range(1, 251) for record in board.acknowledge(una)]
    assert [record.end for record in done] == [100, 200]
    assert sum(record.segs for record in done) == 2
    assert board.segs_out == 1
    check_sums(board)


def test_sacked_neighbours_become_one_record_and_resent_ones_stay() -> None:
    board = sent(8)
    board.mark_lost(board.oldest)
    board.resend(board.oldest, MSS, now=20)
    for i in (2, 4, 3, 1, 0):
        for record in board.sack(i * MSS, (i + 1) * MSS):
            board.join(record)
        check_sums(board)
    assert [(r.seq, r.end) for r in board._records] == [
        (0, 100),
        (100, 500),
        (500, 600),
        (600, 700),
        (700, 800),
    ]


@pytest.mark.rfc("8985", "03")
def test_overdue_is_what_was_sent_before_the_latest_delivered_and_long_enough_ago() -> None:
    board = sent(6)  # at 1, 2, ... 6
    board.sack(3 * MSS, 4 * MSS)
    assert board.mark_overdue(4, 4 * MSS, overdue_at=2) == 3  # the third one may still come
    assert [r.lost for r in board._records] == [True, True, False, False, False, False]
    assert board.mark_overdue(4, 4 * MSS, overdue_at=3) == 0
    assert board.segs_lost == 3
    check_sums(board)


@pytest.mark.rfc("8985", "03")
def test_a_resent_segment_is_judged_by_its_new_time_and_order_decides_within_an_instant() -> None:
    board = Scoreboard(MSS)
    for i in range(4):
        board.add(i * MSS, (i + 1) * MSS, now=5)
    board.sack(2 * MSS, 3 * MSS)
    assert board.mark_overdue(3, 3 * MSS, overdue_at=5) == 0
    assert [r.lost for r in board._records] == [
        True,
        True,
        False,
        False,
    ]  # the fourth was sent after the third
    board.add(4 * MSS, 5 * MSS, now=9)
    for _ in range(2):
        record = board.next_lost()
        assert record is not None
        board.resend(record, MSS, now=9)
    assert [r.order for r in board._records] == [6, 7, 3, 4, 5]
    board.sack(4 * MSS, 5 * MSS)
    assert board.mark_overdue(5, 5 * MSS, overdue_at=9) == 0  # sent before both, though in the same instant
    assert [r.again for r in board._records[:2]] == [True, True]
    assert board.mark_overdue(7, 2 * MSS, overdue_at=9) == 0
    assert [r.again for r in board._records[:2]] == [False, True]
    check_sums(board)


def test_pieces_of_one_transmission_are_told_apart_by_their_end() -> None:
    board = Scoreboard(MSS)
    board.add(0, 4 * MSS, now=5, segs=4)
    (record,) = board.sack(MSS, 2 * MSS)
    assert board.mark_overdue(record.order, record.end, overdue_at=5) == 0
    assert [r.lost for r in board._records] == [True, False, False]


@pytest.mark.rfc("8985", "03")
def test_pieces_of_a_retransmission_are_judged_in_the_order_of_their_numbers() -> None:
    """However often it was divided, and wherever first: those before the one that arrived are lost."""
    board = Scoreboard(MSS)
    board.add(0, 4 * MSS, now=5, segs=4)
    board.mark_lost(board.oldest)
    board.resend(board.oldest, 4 * MSS, now=9)
    (arrived,) = board.sack(2 * MSS, 3 * MSS)
    board.divide(board.oldest, MSS)
    assert board.mark_overdue(arrived.order, arrived.end, overdue_at=9) == 0
    assert [(r.seq, r.again) for r in board._records] == [(0, False), (100, False), (200, False), (300, True)]
    check_sums(board)


@pytest.mark.rfc("8985", "05")
def test_a_timeout_spares_what_was_sent_lately_but_not_the_first() -> None:
    board = sent(5)
    board.mark_timed_out(overdue_at=0)
    assert [r.lost for r in board._records] == [True, False, False, False, False]
    board.mark_timed_out(overdue_at=3)
    assert [r.lost for r in board._records] == [True, True, True, False, False]
    check_sums(board)


def test_after_an_undo_everything_may_be_found_lost_again() -> None:
    board = sent(4)
    board.mark_timed_out(overdue_at=9)
    board.resend(board.oldest, MSS, now=10)
    board.sack(3 * MSS, 4 * MSS)
    board.unmark_lost()
    check_sums(board)
    assert (board.segs_lost, board.segs_resent, board.in_flight) == (0, 1, 4)
    assert board.mark_overdue(4, 4 * MSS, overdue_at=4) == 0
    assert [r.lost for r in board._records] == [False, True, True, False]  # the first was resent later
    check_sums(board)


def test_small_segments_are_gathered_but_not_over_a_hole() -> None:
    board = Scoreboard(MSS)
    for i in range(5):
        board.add(i * 30, (i + 1) * 30, now=i)
    board.sack(120, 150)
    board.mark_timed_out(overdue_at=9)
    board.gather(board.oldest, MSS, edge=1_000)
    assert (board.oldest.seq, board.oldest.end, board.segs_out, board.segs_lost) == (0, 90, 3, 2)
    check_sums(board)
    board.gather(board._records[1], MSS, edge=1_000)
    assert board._records[1].end == 120  # what follows was SACKed
    board = sent(2)
    board.gather(board.oldest, 250, edge=150)
    assert board.oldest.end == 100  # not beyond the window


def small(*sizes: int) -> Scoreboard:
    board, seq = Scoreboard(MSS), 0
    for at, size in enumerate(sizes, 1):
        board.add(seq, seq + size, now=at)
        seq += size
    return board


def ends(board: Scoreboard) -> list[int]:
    return [record.end for record in board._records[board._first :]]


@pytest.mark.parametrize(
    ("size", "edge", "after"),
    [
        (90, 1_000, [90]),
        (89, 1_000, [60, 90]),
        (90, 90, [90]),
        (90, 89, [60, 90]),
        (60, 60, [60, 90]),
        (59, 1_000, [30, 60, 90]),
    ],
)
def test_small_segments_are_gathered_up_to_the_size_and_the_edge(
    size: int, edge: int, after: list[int]
) -> None:
    """The last one included."""
    board = small(30, 30, 30)
    board.mark_timed_out(overdue_at=9)
    board.gather(board.oldest, size, edge)
    assert ends(board) == after
    check_sums(board)
    assert board.next_lost() is board.oldest


def test_what_counts_as_two_segments_is_not_gathered() -> None:
    board = small(30)
    board.add(30, 60, now=2, segs=2)
    board.mark_timed_out(overdue_at=9)
    board.gather(board.oldest, MSS, edge=1_000)
    assert ends(board) == [30, 60]


@pytest.mark.parametrize(
    ("size", "after"), [(100, [100, 120]), (120, [120]), (80, [80, 120]), (79, [79, 80, 120])]
)
def test_a_stream_takes_of_the_next_segment_what_fits(size: int, after: list[int]) -> None:
    board = small(40, 40, 40)
    board.mark_timed_out(overdue_at=9)
    board.gather(board.oldest, size, edge=1_000, divides=True)
    assert ends(board) == after
    assert all(record.seq < record.end for record in board._records)
    check_sums(board)


def test_of_what_was_sacked_a_stream_takes_nothing() -> None:
    board = small(40, 40, 40)
    board.sack(40, 80)
    board.mark_timed_out(overdue_at=9)
    board.gather(board.oldest, 60, edge=1_000, divides=True)
    assert ends(board) == [40, 80, 120]


def test_what_takes_in_a_segment_that_was_resent_was_resent() -> None:
    """And it is looked for at one place only."""
    board = small(30, 30, 30)
    board.mark_timed_out(overdue_at=9)
    board.resend(board._records[1], 30, now=10)
    board.mark_lost(board._records[1])
    board.gather(board.oldest, MSS, edge=1_000)
    assert (ends(board), board.oldest.resent, board._resent) == ([90], 1, [])
    board.resend(board.oldest, 90, now=11)
    assert (board.oldest.resent, board._resent) == (2, [board.oldest])
    check_sums(board)


def test_the_last_segment_is_joined_too() -> None:
    board = sent(4)
    for i in (3, 2, 1):
        for record in board.sack(i * MSS, (i + 1) * MSS):
            board.join(record)
    assert ends(board) == [100, 400]


@pytest.mark.rfc("2883", "01")
def test_a_dsack_is_about_whole_records() -> None:
    board = sent(5)
    for record in board._records:
        board.mark_lost(record)
        board.resend(record, MSS, now=10)
    board.sack(0, 5 * MSS)
    assert [r.seq for r in board.repeated(50, 450, 0)] == [100, 200, 300]
    assert board.repeated(110, 190, 0) == []


@pytest.mark.rfc("2883", "01")
def test_a_dsack_ends_the_wait_for_a_retransmission() -> None:
    board = sent(3)
    board.mark_lost(board.oldest)
    board.resend(board.oldest, MSS, now=10)
    assert board.repeated(0, MSS, 0) == []  # once at the most, as long as it is not SACKed
    board.unmark_lost()
    board.sack(0, MSS)
    assert board.segs_resent == 1
    assert [r.seq for r in board.repeated(0, 2 * MSS, 0)] == [0]
    assert board.segs_resent == 0
    check_sums(board)


@pytest.mark.rfc("2018", "04")
@pytest.mark.attack("TCP-52")
def test_what_was_sacked_may_be_forgotten() -> None:
    board = sent(4)
    board.sack(0, 2 * MSS)
    board.forget_sacks()
    assert (board.segs_sacked, board.highest_sacked) == (0, 0)
    board.mark_timed_out(overdue_at=9)
    assert board.next_lost() is board.oldest
    check_sums(board)


@given(
    st.integers(1, 30),
    st.lists(
        st.one_of(
            st.tuples(st.just("sack"), st.integers(0, 3_000), st.integers(1, 500)),
            st.tuples(st.just("ack"), st.integers(1, 400)),
            st.tuples(st.just("resend"), st.integers(1, MSS)),
            st.tuples(st.just("rto"), st.integers(0, 120)),
            st.tuples(st.just("rack"), st.integers(0, 120), st.integers(0, 3_000)),
            st.tuples(st.just("undo")),
            st.tuples(st.just("renege")),
            st.tuples(st.just("probe")),
            st.tuples(st.just("gather")),
            st.tuples(st.just("dsack"), st.integers(0, 3_000), st.integers(1, 500)),
            st.tuples(st.just("add"), st.integers(1, 300)),
        ),
        max_size=40,
    ),
)
def test_sums_are_right_after_anything(count: int, steps: list[tuple]) -> None:
    board, una, nxt = sent(count), 0, count * MSS
    for at, step in enumerate(steps, 100):
        if step[0] == "sack":
            start = max(una, step[1])
            stop = min(nxt, start + step[2])
            if start < stop:
                for record in board.sack(start, stop):
                    board.join(record)
                board.mark_lost_by_sack(3)
        elif step[0] == "ack":
            una = min(nxt, una + step[1])
            board.acknowledge(una)
        elif step[0] == "resend":
            if (record := board.next_lost()) is not None:
                board.resend(record, min(step[1], record.end - record.seq), now=at)
        elif step[0] == "rto":
            if board:
                board.mark_timed_out(step[1])
        elif step[0] == "rack":
            if board:
                board.mark_overdue(step[1], step[2], step[1] - 5)
        elif step[0] == "undo":
            board.unmark_lost()
        elif step[0] == "renege":
            board.forget_sacks()
        elif step[0] == "probe":
            if board and not board.newest.sacked:
                board.probe(board.newest, at)
        elif step[0] == "gather":
            if (record := board.next_lost()) is not None:
                board.gather(record, MSS, nxt)
        elif step[0] == "dsack":
            board.repeated(step[1], step[1] + step[2], una)
        else:
            board.add(nxt, nxt + step[1], at, -(-step[1] // MSS))
            nxt += step[1]
        check_sums(board)
        assert not board or (board.oldest.seq, board.newest.end) == (una, nxt)
        assert board.in_flight <= board.segs_out + board.segs_resent
