"""A listener's patience with those who do not answer, and when it looks for cookies."""

from types import SimpleNamespace
from typing import Any

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp.listener import Listener
from netarium.transport.tcp.syncookies import VALID_NS


def listener(backlog: int = 5, waiting: int = 0, young: int = 0, **options: Any) -> Listener:
    nursery: Any = SimpleNamespace(config=TcpConfig())
    endpoint: Any = SimpleNamespace(options=SocketOptions(**options), local=(b"\x0a\0\0\1", 80))
    made = Listener(nursery, endpoint, backlog)
    half: Any = SimpleNamespace(timeouts=1)
    made.half_open = {bytes((number,)): half for number in range(waiting)}
    for _ in range(young):
        made.young_again(half)
    return made


@pytest.mark.parametrize(
    ("waiting", "young", "times"),
    [
        (4, 0, 5),  # eight at the most are no pressure
        (5, 5, 5), (5, 3, 5), (5, 2, 4), (5, 0, 2),
        (6, 3, 4), (8, 4, 4), (8, 3, 4), (8, 2, 3), (8, 1, 2), (8, 0, 2),
        (20, 3, 3), (20, 10, 4), (20, 11, 5),
    ],
)  # fmt: skip
def test_how_often_a_syn_ack_is_repeated(waiting: int, young: int, times: int) -> None:
    """As Linux: under pressure one time less each time the fresh ones, doubled, are no more than those that wait."""
    assert listener(5, waiting, young).patience() == times


@pytest.mark.parametrize(
    ("backlog", "waiting", "syncnt", "times"),
    [(100, 50, 0, 5), (100, 51, 0, 2), (5, 8, 1, 1), (5, 8, 9, 2), (5, 1, 9, 9)],
)
def test_what_else_decides_it(backlog: int, waiting: int, syncnt: int, times: int) -> None:
    assert listener(backlog, waiting, 0, syncnt=syncnt).patience() == times


def test_who_is_young() -> None:
    half: Any = SimpleNamespace(timeouts=0, key=b"\0")
    made = listener(5, 8, 4)
    made.timed_out(half)
    assert made.patience() == 4  # three are left
    made.timed_out(half)
    assert made.patience() == 3
    made.young_again(half)
    assert made.patience() == 4
    made.remove(half)  # it was young
    assert len(made.half_open) == 7
    made.remove(half)  # it is gone already
    assert made.patience() == 4
    old: Any = SimpleNamespace(timeouts=2, key=b"\1")
    made.remove(old)
    made.half_open[b"x"] = made.half_open[b"y"] = old
    assert made.patience() == 3


def test_cookies_are_looked_for_as_long_as_they_are_good() -> None:
    made = listener()
    assert not made.has_given_cookies(0)
    made.overflowed_at = 7 * SECOND
    assert made.has_given_cookies(7 * SECOND)
    assert made.has_given_cookies(7 * SECOND + VALID_NS - 1)
    assert not made.has_given_cookies(7 * SECOND + VALID_NS)


def test_where_a_syn_came_to_is_told_by_one_object() -> None:
    made = listener()
    first = made.local_of(b"\x0a\0\0\2", 80)
    assert first == (b"\x0a\0\0\2", 80)
    assert made.local_of(b"\x0a\0\0\2", 80) is first
    assert made.local_of(b"\x0a\0\0\2", 81) == (b"\x0a\0\0\2", 81)
