"""The scoreboard: its running sums against a count over all records, and RFC 6675's loss rule."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netarium.transport.tcp.scoreboard import Scoreboard

MSS = 100


def sent(count: int) -> Scoreboard:
    board = Scoreboard()
    for i in range(count):
        board.add(i * MSS, (i + 1) * MSS, now=i + 1)
    return board


def check_sums(board: Scoreboard) -> None:
    records = board._records[board._first :]
    size = lambda r: r.end - r.seq  # noqa: E731
    assert board.sacked_octets == sum(size(r) for r in records if r.sacked)
    assert board.lost_octets == sum(size(r) for r in records if r.lost)
    assert board.resent_octets == sum(size(r) for r in records if r.lost and r.resent > 0)
    assert not any(r.sacked and r.lost for r in records)
    assert all(a.end == b.seq for a, b in pairwise(records))
    first = next((r for r in records if r.lost and r.resent <= 0), None)
    assert board.next_lost() is first


@pytest.mark.rfc("6675", "01", "02")
def test_three_blocks_above_mean_lost() -> None:
    board = sent(8)
    board.sack(2 * MSS, 3 * MSS)
    board.sack(4 * MSS, 5 * MSS)
    assert board.mark_lost_by_sack(3, MSS) == 0
    board.sack(6 * MSS, 7 * MSS)
    assert board.mark_lost_by_sack(3, MSS) == 2 * MSS  # only what lies below the third block
    assert board.pipe == 8 * MSS - 3 * MSS - 2 * MSS


@pytest.mark.rfc("6675", "01")
def test_more_than_two_segments_sacked_above_mean_lost() -> None:
    board = sent(5)
    board.sack(MSS, 3 * MSS)
    assert board.mark_lost_by_sack(3, MSS) == 0
    board.sack(3 * MSS, 3 * MSS + 1)
    assert board.mark_lost_by_sack(3, MSS) == MSS


@pytest.mark.rfc("2018", "04")
@pytest.mark.attack("TCP-52")
def test_a_receiver_that_reneged_is_not_believed_after_the_timeout() -> None:
    board = sent(4)
    board.sack(0, 2 * MSS)
    board.mark_all_lost()
    assert board.sacked_octets == 0
    assert board.next_lost() is board.oldest


def test_a_retransmission_lost_again_is_due_again() -> None:
    board = sent(2)
    board.mark_lost(board.oldest)
    board.resend(board.oldest, MSS, now=10)
    assert board.next_lost() is None
    board.mark_all_lost()
    assert board.next_lost() is board.oldest
    assert board.oldest.resent == -1
    check_sums(board)


@given(
    st.integers(1, 30),
    st.lists(
        st.one_of(
            st.tuples(st.just("sack"), st.integers(0, 3_000), st.integers(1, 500)),
            st.tuples(st.just("ack"), st.integers(1, 400)),
            st.tuples(st.just("resend"), st.integers(1, MSS)),
            st.tuples(st.just("rto")),
            st.tuples(st.just("add"), st.integers(1, 300)),
        ),
        max_size=40,
    ),
)
def test_sums_are_right_after_anything(count: int, steps: list[tuple]) -> None:
    board, una, nxt = sent(count), 0, count * MSS
    for step in steps:
        if step[0] == "sack":
            start = max(una, step[1])
            stop = min(nxt, start + step[2])
            if start < stop:
                board.sack(start, stop)
                board.mark_lost_by_sack(3, MSS)
        elif step[0] == "ack":
            una = min(nxt, una + step[1])
            board.acknowledge(una)
        elif step[0] == "resend":
            if (record := board.next_lost()) is not None:
                board.resend(record, min(step[1], record.end - record.seq), now=99)
        elif step[0] == "rto":
            if board:
                board.mark_all_lost()
        else:
            board.add(nxt, nxt + step[1], now=50)
            nxt += step[1]
        check_sums(board)
        assert board.flight_size == nxt - una
        assert 0 <= board.pipe <= nxt - una
