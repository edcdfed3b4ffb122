"""A listener's patience with those who do not answer, and when it looks for cookies."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from netarium.base.config import TcpConfig
from netarium.base.errors import Accepted, DropReason
from netarium.base.units import SECOND
from netarium.transport.endpoint import Notifier
from netarium.transport.options import SocketOptions
from netarium.transport.tcp.halfopen import HalfOpen
from netarium.transport.tcp.isn import IsnGenerator
from netarium.transport.tcp.listener import Listener
from netarium.transport.tcp.syncookies import VALID_NS
from netarium.wire.tcp import SYN, TcpSegment


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


def knocks(made: Listener, port: int) -> object:
    """A SYN comes from that port."""
    seg = TcpSegment(port, 80, 300, 0, SYN, 500, mss=1_000)
    packet: Any = SimpleNamespace(src=b"\x0a\0\0\2", dst=b"\x0a\0\0\1", tos=0, header=b"", head=b"")
    return made.on_syn(seg, packet, bytes((port,)), 7, IsnGenerator(b"secret"), 1_460, 5)


def listening(**settings: Any) -> Listener:
    made = listener(5)
    nursery: Any = made._nursery
    nursery.config = replace(nursery.config, **settings)
    nursery.notifier = Notifier()
    nursery.forget = nursery.send_bare = lambda *_, **__: None
    return made


def test_who_knocks_is_young() -> None:
    made = listening(half_open_allowance=99)
    for port in range(8):
        assert isinstance(knocks(made, port), HalfOpen)
    assert len(made.half_open) == 8
    half: Any = None
    for times in (5, 5, 5, 4, 4, 3, 2, 2):
        made.timed_out(half)
        assert made.patience() == times


@pytest.mark.rfc("4987", "01")
@pytest.mark.parametrize(
    ("cookies", "gives_way", "answer", "left"),
    [
        (0, False, DropReason.TCP_LISTEN_OVERFLOW, b"\0"),
        (0, True, HalfOpen, b"\1"),  # the oldest goes
        (1, False, Accepted.LOCAL, b"\0"),
        (2, False, Accepted.LOCAL, b"\0"),
    ],
)
def test_more_than_there_is_room_for(cookies: int, gives_way: bool, answer: Any, left: bytes) -> None:
    made = listening(half_open_allowance=0, half_open_gives_way=gives_way)
    for port in range(6):
        assert isinstance(knocks(made, port), HalfOpen), "one more than the backlog"
    nursery: Any = made._nursery
    nursery.config = replace(nursery.config, syn_cookies=cookies)
    found = knocks(made, 6)
    assert isinstance(found, HalfOpen) if answer is HalfOpen else found is answer
    assert len(made.half_open) == 6
    assert next(iter(made.half_open)) == left
    assert made.overflowed_at == (5 if answer is Accepted.LOCAL else None)


def test_a_full_accept_queue_takes_no_syn() -> None:
    made = listening()
    made.ready.extend(range(6))  # type: ignore[arg-type]
    assert knocks(made, 1) is DropReason.TCP_LISTEN_OVERFLOW
    made = listening(backlog_and_half=True)
    made.ready.extend(range(8))  # type: ignore[arg-type]
    assert isinstance(knocks(made, 1), HalfOpen), "the end of the handshake will tell"
    assert made.is_full
    made.ready.pop()
    assert not made.is_full


def test_a_listener_that_closes_forgets_them() -> None:
    made = listening()
    for port in range(3):
        knocks(made, port)
    made.close()
    assert (len(made.half_open), made._young) == (0, 0)


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
