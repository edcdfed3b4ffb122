"""The Accurate ECN option: when it is due, and how it shares the room."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import aceoption
from netarium.transport.tcp.accurate import COUNTERS_SEEN, NOT_SEEN, OPTION_NOT_SENT, Accurate
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp_options import MAX_LENGTH, parse_accurate_ecn, parse_options


def block(fields_due: int = 0, **config: int) -> tuple[Tcb, Accurate]:
    tcb = Tcb(4, replace(TcpConfig(), ecn=3, **config), SocketOptions(), 1, "us", None)
    tcb.accurate = record = Accurate(0)
    record.seen = COUNTERS_SEEN
    record.fields_due = fields_due
    return tcb, record


@pytest.mark.parametrize(
    ("blocks", "room", "fields_due", "planned"),
    [
        (0, 40, 0, (3, 0)),
        (0, 12, 3, (3, 0)),
        (0, 11, 0, (2, 0)),
        (0, 8, 3, (None, 0)),
        (0, 7, 0, (0, 0)),  # five octets would be padded to eight
        (0, 4, 0, (0, 0)),
        (0, 3, 0, (None, 0)),
        (1, 40, 0, (3, 1)),
        (3, 40, 0, (3, 3)),
        (4, 40, 0, (1, 4)),  # 34 octets of blocks, and 5
        (4, 40, 1, (1, 4)),
        (4, 40, 2, (3, 3)),
        (3, 28, 0, (0, 3)),  # beside timestamps
        (3, 28, 1, (2, 2)),
        (3, 28, 2, (2, 2)),
        (3, 28, 3, (None, 3)),  # two blocks stay, and leave room for two
        (2, 28, 3, (None, 2)),
        (1, 28, 3, (3, 1)),
        (9, 28, 0, (0, 3)),
    ],
)
def test_how_the_room_is_shared(
    blocks: int, room: int, fields_due: int, planned: tuple[int | None, int]
) -> None:
    tcb, _ = block(fields_due)
    assert aceoption.plan(tcb, blocks, room, due=True) == planned
    assert aceoption.length(*planned) <= room


def test_without_an_option_sack_has_what_it_had() -> None:
    tcb, _ = block(3)
    assert aceoption.plan(tcb, 4, 28, due=False) == (None, 3)
    assert aceoption.length(None, 3) == 28
    assert aceoption.length(None, 0) == 0


@pytest.mark.parametrize(
    ("choice", "seen", "demand", "failed", "due"),
    [
        (0, COUNTERS_SEEN, 2, 0, False),
        (1, COUNTERS_SEEN, 2, 0, True),
        (1, COUNTERS_SEEN, 0, 0, False),
        (2, COUNTERS_SEEN, 0, 0, True),
        (2, NOT_SEEN, 2, 0, False),
        (2, COUNTERS_SEEN, 2, OPTION_NOT_SENT, False),
        (3, COUNTERS_SEEN, 0, OPTION_NOT_SENT, True),
        (3, NOT_SEEN, 2, 0, False),
    ],
)
def test_when_it_is_due(choice: int, seen: int, demand: int, failed: int, *, due: bool) -> None:
    tcb, record = block(ecn_option=choice)
    tcb.rtt.sample(30 * MS, 0)
    record.seen, record.demand, record.failed = seen, demand, failed
    record.told_at, record.clock = 100 * MS, 109 * MS
    assert aceoption.is_due(tcb, record) is due


@pytest.mark.parametrize(
    ("beacon", "after", "due"), [(3, 9, False), (3, 10, True), (1, 29, False), (0, 999, False)]
)
def test_the_beacon(beacon: int, after: int, *, due: bool) -> None:
    tcb, record = block(ecn_option=1, ecn_option_beacon=beacon)
    tcb.rtt.sample(30 * MS, 0)
    record.told_at, record.clock = 100 * MS, (100 + after) * MS
    assert aceoption.is_due(tcb, record) is due


@pytest.mark.parametrize("fields", range(4))
@pytest.mark.parametrize("blocks", range(4))
def test_what_is_packed(fields: int, blocks: int) -> None:
    tcb, record = block(3)
    record.received, record.demand = [0, 10, 20, 30], 2
    sack = [(100 * i, 100 * i + 50) for i in range(blocks)]
    packed = aceoption.pack(tcb, fields, sack, 7 if blocks else None, 5)
    assert len(packed) == aceoption.length(fields, blocks)
    option = parse_accurate_ecn(packed)
    assert option is not None
    assert option.counters == (11, 30, 21)[:fields]
    assert list(parse_options(packed).sack) == sack
    assert (record.fields_due, record.demand, record.told_at) == (0, 1, 5)
    assert record.told_with_dsack == (7 if blocks else None)


def test_what_comes_for_the_third_time() -> None:
    tcb, record = block()
    aceoption.came_again(tcb, 7)
    assert not record.failed
    record.told_with_dsack = 7
    aceoption.came_again(tcb, 8)
    assert not record.failed
    aceoption.came_again(tcb, 7)
    assert record.failed == OPTION_NOT_SENT


@pytest.mark.parametrize(
    ("wscale", "ts", "more", "sack", "counters", "length"),
    [
        (7, (1, 2), 0, True, (1, 0, 1), 32),
        (7, (1, 2), 8, True, (1, 0, 1), 32),
        (7, (1, 2), 12, True, (1, 0), 28),
        (7, (1, 2), 16, True, (1,), 24),
        (7, (1, 2), 20, True, None, 20),
        (7, None, 0, True, (1, 0, 1), 24),
        (None, None, 0, False, (1, 0, 1), 16),
        (None, None, 0, True, (1, 0, 1), 20),
    ],
)
def test_a_syn_ack(
    wscale: int | None,
    ts: tuple[int, int] | None,
    more: int,
    counters: tuple[int, ...] | None,
    length: int,
    *,
    sack: bool,
) -> None:
    packed = aceoption.pack_syn_ack(1_460, wscale, ts, more, sack_permitted=sack)
    assert len(packed) == length
    assert len(packed) + more <= MAX_LENGTH
    option = parse_accurate_ecn(packed)
    assert (None if option is None else option.counters) == counters
    known = parse_options(packed)
    assert (known.mss, known.wscale, known.sack_permitted) == (1_460, wscale, sack)
    assert known.ts_val == (ts[0] if ts else None)
