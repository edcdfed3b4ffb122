"""TimerQueue against a plain dict of deadlines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netarium.base.timerq import TimerQueue

steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 5), st.integers(0, 40)),
        st.tuples(st.just("cancel"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("pop"), st.just(0), st.integers(0, 40)),
    ),
    max_size=60,
)


class Item:
    """Told apart by identity."""


@given(steps, st.booleans())
def test_as_a_dict_of_deadlines(actions: list, asks_always: bool) -> None:
    queue: TimerQueue[Item] = TimerQueue()
    items = [Item() for _ in range(6)]
    naive: dict[Item, int] = {}
    for action, which, at in actions:
        if action == "set":
            queue.schedule(items[which], at)
            naive[items[which]] = at
        elif action == "cancel":
            queue.schedule(items[which], None)
            naive.pop(items[which], None)
        else:
            item = queue.pop_due(at)
            earliest = min(naive.values(), default=None)
            if earliest is None or earliest > at:
                assert item is None
            else:
                assert naive.pop(item) == earliest
        assert len(queue) == len(naive)
        if asks_always:  # else `pop_due` has to find what comes first
            assert queue.next_deadline() == min(naive.values(), default=None)
        assert [queue.deadline(item) for item in items] == [naive.get(item) for item in items]


def test_ties_break_by_the_order_of_scheduling() -> None:
    queue: TimerQueue[str] = TimerQueue()
    for name in "cab":
        queue.schedule(name, 10)
    assert [queue.pop_due(10) for _ in range(4)] == ["c", "a", "b", None]


def test_what_was_moved_later_does_not_come_early() -> None:
    queue: TimerQueue[str] = TimerQueue()
    queue.schedule("a", 5)
    queue.schedule("a", 20)
    assert queue.pop_due(19) is None
    assert queue.next_deadline() == 20
    assert queue.pop_due(20) == "a"
    assert queue.pop_due(10_000) is None


def test_what_was_moved_to_and_fro_comes_once() -> None:
    queue: TimerQueue[str] = TimerQueue()
    for at in (100, 50, 100, 50, 100):
        queue.schedule("a", at)
    assert queue.pop_due(1_000) == "a"
    assert queue.pop_due(1_000) is None
    queue.schedule("a", 100)
    assert queue.pop_due(1_000) == "a"
    assert queue.pop_due(1_000) is None


@pytest.mark.attack("TCP-61")
def test_ten_thousand_timers_moved_a_hundred_times_each() -> None:
    """Each connection moves its timer with every segment; the heap holds four times the live ones at the most."""
    queue: TimerQueue[Item] = TimerQueue()
    items = [Item() for _ in range(1_000)]
    for turn in range(100):
        for place, item in enumerate(items):
            queue.schedule(item, 1_000_000 - 37 * turn + place if turn % 2 else 2_000_000 + turn)
        assert len(queue._heap) <= 4 * len(queue)
    for item in items[:999]:
        queue.schedule(item, None)
    assert len(queue) == 1
    assert len(queue._heap) <= 64


@pytest.mark.attack("TCP-61")
def test_moving_later_costs_no_place_in_the_heap() -> None:
    queue: TimerQueue[str] = TimerQueue()
    for at in range(100_000):
        queue.schedule("retransmission", at)
    assert len(queue._heap) == 1
    assert queue.next_deadline() == 99_999
    assert len(queue._heap) == 1
