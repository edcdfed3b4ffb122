"""The table of flows: who waits in TIME-WAIT, until when, and who may begin in its place."""

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from netarium.base.config import TcpConfig
from netarium.base.counters import Counters
from netarium.base.units import SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp.flowtable import FlowTable
from netarium.transport.tcp.tcb import Tcb
from netarium.transport.tcp.timewait import TimeWait

NOW = 100 * SECOND
WAIT = 60 * SECOND
FAR, LOOPBACK = b"\x0a\0\0\2", b"\x7f\0\0\1"


class Trace:
    """It keeps what it is told."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def emit(self, event: Any) -> None:
        self.seen.append(event)


def table(**settings: Any) -> Any:
    trace: Any = Trace()
    return FlowTable(TcpConfig(**settings), Random(1), Counters(), trace, "us")


def waits(flows: Any, peer: bytes = FAR, port: int = 80, *, ts: bool = True, at: int = NOW) -> bytes:
    """A connection with that peer has come to its end; its key."""
    key = peer + b"\x0a\0\0\1" + port.to_bytes(2, "big") + b"\x20\0"
    tcb = Tcb(4, flows.config, SocketOptions(), port, "us", None)
    tcb.start_sending(100)
    tcb.start_receiving(300)
    tcb.ts_ok, tcb.ts_recent = ts, 9
    connection: Any = SimpleNamespace(key=key)
    record = TimeWait(flows, connection, tcb, SocketOptions(), at)
    flows.flows[key] = record
    flows.wait_again(record, record.expires_at)
    return key


@pytest.mark.rfc("6191", "01")
@pytest.mark.parametrize(
    ("reuse", "peer", "chosen", "age", "may"),
    [
        (0, FAR, False, 9 * SECOND, False),
        (0, LOOPBACK, False, 9 * SECOND, False),
        (1, FAR, False, 9 * SECOND, True),
        (1, LOOPBACK, False, 9 * SECOND, True),
        (2, FAR, False, 9 * SECOND, False),
        (2, LOOPBACK, False, 9 * SECOND, True),
        (2, LOOPBACK, False, SECOND, False),  # the clock of timestamps must have moved on
        (2, LOOPBACK, False, SECOND + 1, True),
        (0, FAR, True, 0, True),
    ],
)
def test_who_may_begin_where_one_waits(reuse: int, peer: bytes, chosen: bool, age: int, may: bool) -> None:
    flows = table(time_wait_reuse=reuse)
    key = waits(flows, peer)
    assert flows.may_take_over(key, NOW + age, chosen=chosen) == may
    assert not flows.may_take_over(b"nobody", NOW + age, chosen=chosen)
    flows = table(time_wait_reuse=reuse)
    key = waits(flows, peer, ts=False)
    assert not flows.may_take_over(key, NOW + age, chosen=chosen), "without timestamps nobody"


def test_who_begins_there_ends_the_wait() -> None:
    flows = table()
    key = waits(flows)
    assert flows.take_over(b"nobody", NOW) is None
    assert flows.take_over(key, NOW + 5) == (100 + 0x1_0002, 9)
    assert not flows.is_taken(key)
    assert flows.time_wait() == []
    assert flows.next_deadline() is None
    (event,) = flows.trace.seen
    assert (event.at, event.where, event.socket) == (NOW + 5, "us", 80)
    assert (event.old, event.new, event.why) == ("TIME_WAIT", "CLOSED", "2 MSL over")
    assert flows.take_over(key, NOW + 6) is None


@pytest.mark.rfc("9293", "MUST-13")
def test_waits_end_one_after_the_other() -> None:
    flows = table()
    keys = [waits(flows, port=port, at=NOW + port) for port in (1, 2, 3)]
    first = flows.flows[keys[0]]
    assert flows.next_deadline() == NOW + 1 + WAIT
    flows.wait_again(first, NOW + 9 + WAIT)  # its FIN came again
    assert [flow.id for flow in flows.time_wait()] == [2, 3, 1]
    assert flows.next_deadline() == NOW + 2 + WAIT
    flows.on_deadline(NOW + 2 + WAIT)
    assert [flow.id for flow in flows.time_wait()] == [3, 1]
    flows.forget_time_wait(flows.flows[keys[2]], NOW + 3)
    assert flows.next_deadline() == NOW + 9 + WAIT
    flows.forget_time_wait(first, NOW + 4)
    seen = len(flows.trace.seen)
    flows.forget_time_wait(first, NOW + 5)  # it is gone already
    assert len(flows.trace.seen) == seen == 3
    assert flows.next_deadline() is None
    assert flows.half_open() == []


def test_records_share_what_is_kept_of_their_options() -> None:
    flows = table()
    ours = SocketOptions(
        reuseaddr=True, reuseport=False, v6only=True, bindtodevice="eth1", tos=0x28, sndbuf=7
    )
    kept = flows._binding_options(ours)
    facts = ("reuseaddr", "reuseport", "v6only", "bindtodevice", "tos")
    assert [getattr(kept, name) for name in facts] == [True, False, True, "eth1", 0x28]
    assert kept.sndbuf != 7
    assert flows._binding_options(ours.copy()) is kept
    for change in (
        {"reuseaddr": False},
        {"reuseport": True},
        {"v6only": False},
        {"bindtodevice": ""},
        {"tos": 0},
    ):
        other = ours.copy()
        for name, value in change.items():
            setattr(other, name, value)
        assert flows._binding_options(other) is not kept
        assert all(getattr(flows._binding_options(other), name) == value for name, value in change.items())
