"""The marks in a stream: what is gathered with what, where PSH is, where a record ends."""

import pytest

from netarium.transport.tcp.boundaries import Boundaries

BEGIN = 5_001


def write(
    marks: Boundaries, start: int, end: int, snd_nxt: int = 0, *, half: int = 9_999, more: bool = False,
    record: bool = False, **sendable: int,
) -> None:  # fmt: skip
    """Octets counted from the stream's begin; at most 1,000 are gathered."""
    marks.written(
        BEGIN + start,
        BEGIN + end,
        BEGIN + snd_nxt,
        goal=1_000,
        half=half,
        more=more,
        record=record,
        **sendable,
    )


def pushed(marks: Boundaries, end: int, snd_una: int = 0, *, forced: bool = False) -> bool:
    return marks.takes_push(BEGIN + end, BEGIN + snd_una, forced=forced)


@pytest.mark.parametrize(
    ("size", "sendable", "tail"),
    [
        (700, 0, 700),
        (1_000, 0, 1_000),
        (3_500, 0, 500),
        (3_000, 0, 1_000),
        (3_500, 700, 800),
        (3_500, 3_200, 300),
        (3_500, 3_500, 0),
        (3_500, 2_500, 1_000),
    ],
)
def test_what_later_writes_are_gathered_with(size: int, sendable: int, tail: int) -> None:
    """The last chunk; what leaves while the write goes on makes room for more in the first."""
    marks = Boundaries(BEGIN)
    write(marks, 0, size, **({"sendable": sendable} if sendable else {}))
    assert marks.tail(BEGIN + size, BEGIN) == tail
    assert marks.tail(BEGIN + size, BEGIN + size - 10) == min(tail, 10), (
        "what has left is gathered with nothing"
    )


@pytest.mark.parametrize(("first", "gathered"), [(999, True), (1_000, False)])
def test_a_mark_moves_to_the_end_of_what_is_gathered(first: int, gathered: bool) -> None:
    marks = Boundaries(BEGIN)
    write(marks, 0, first)
    write(marks, first, first + 50)
    assert pushed(marks, first) is not gathered
    assert pushed(marks, first + 50)


def test_behind_the_end_of_a_record_nothing_is_gathered() -> None:
    marks = Boundaries(BEGIN)
    write(marks, 0, 100, record=True)
    write(marks, 100, 200)
    assert marks.tail(BEGIN + 200, BEGIN) == 100
    assert pushed(marks, 100)


def test_what_went_with_the_syn_has_its_mark_if_it_is_sent_again() -> None:
    """Nobody asked for the mark when it left."""
    marks = Boundaries(BEGIN)
    write(marks, 0, 10)
    write(marks, 10, 20, snd_nxt=10)
    assert pushed(marks, 20)
    assert [marks.took_push(BEGIN + end) for end in (10, 15, 20)] == [True, False, True]


@pytest.mark.rfc("9293", "MUST-60")
@pytest.mark.parametrize(("size", "marked"), [(500, False), (501, True)])
def test_more_than_half_of_the_window_has_a_mark_although_more_follows(size: int, marked: bool) -> None:
    marks = Boundaries(BEGIN)
    write(marks, 0, size, half=500, more=True)
    assert marks.more
    assert pushed(marks, size) is marked


def test_a_mark_that_half_a_window_made_is_gathered_away_too() -> None:
    """There is one at each end, however many reasons there are for it."""
    marks = Boundaries(BEGIN)
    write(marks, 0, 2_000, half=500, sendable=300)
    write(marks, 2_000, 2_100, snd_nxt=300, half=10_000)
    assert pushed(marks, 1_000)
    assert not pushed(marks, 2_000)
    assert pushed(marks, 2_100)


@pytest.mark.parametrize("written", [True, False])
def test_a_forced_mark_is_one_more(written: bool) -> None:
    """Where no write ended; what is sent again has it, too. What is marked already is so once."""
    marks = Boundaries(BEGIN)
    write(marks, 0, 100, more=not written)
    assert pushed(marks, 60, forced=True)
    assert pushed(marks, 100, forced=True)
    assert [marks.took_push(BEGIN + end) for end in (50, 60, 100)] == [False, True, True]
    assert marks._pushes_sent == [BEGIN + 60, BEGIN + 100]


def test_a_forced_mark_may_be_behind_the_last() -> None:
    marks = Boundaries(BEGIN)
    write(marks, 0, 50, record=True)
    write(marks, 50, 100, more=True)
    assert pushed(marks, 60, forced=True)
    assert [marks.took_push(BEGIN + end) for end in (50, 60)] == [True, True]


def test_only_where_a_write_ended_is_a_mark() -> None:
    """Segments that end before, at and behind it; some marks have left before."""
    marks = Boundaries(BEGIN)
    for end in (1_000, 2_000, 3_000):
        write(marks, end - 1_000, end)
    assert [pushed(marks, end) for end in (500, 1_000, 1_500, 2_500, 3_000)] == [
        False,
        True,
        False,
        False,
        True,
    ]
    assert [marks.took_push(BEGIN + end) for end in (1_000, 1_500, 2_000, 3_000)] == [True, False, True, True]


def test_of_what_is_acknowledged_no_marks_are_kept() -> None:
    marks = Boundaries(BEGIN)
    for end in range(1_000, 6_000, 1_000):
        write(marks, end - 1_000, end)
        assert pushed(marks, end, snd_una=max(0, end - 2_000))
    assert marks._pushes_sent == [BEGIN + 4_000, BEGIN + 5_000]


def test_the_record_that_is_sent_again() -> None:
    """Some have left, some have not; what lies behind the last end belongs to none so far."""
    marks = Boundaries(BEGIN)
    for end in (100, 200, 300, 400):
        write(marks, end - 100, end, record=True)
    write(marks, 400, 500)

    def end_of(seq: int) -> int | None:
        end = marks.record_end(BEGIN + seq)
        return None if end is None else end - BEGIN

    assert [end_of(seq) for seq in (0, 99, 100)] == [100, 100, 200]
    assert [marks.until_record_ends(BEGIN + seq, 500 - seq) for seq in (0, 40, 250)] == [100, 60, 50]
    assert [end_of(seq) for seq in (50, 100, 150, 200, 250, 300, 399, 400)] == [
        100, 200, 200, 300, 300, 400, 400, None,
    ]  # fmt: skip
    assert marks.until_record_ends(BEGIN + 400, 100) == 100
    assert [end_of(seq) for seq in (350, 400)] == [400, None]


def test_without_records_all_that_waits_is_one() -> None:
    marks = Boundaries(BEGIN)
    write(marks, 0, 100)
    assert marks.until_record_ends(BEGIN + 20, 80) == 80
    assert marks.record_end(BEGIN) is None
