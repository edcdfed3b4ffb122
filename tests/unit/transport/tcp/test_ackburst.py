"""Which ACKs wait for their like, and what is understood of those that did."""

from dataclasses import replace
from typing import Any

import pytest

from netarium.base.config import TcpConfig
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import ackburst
from netarium.transport.tcp.tcb import CWR as REDUCED
from netarium.transport.tcp.tcb import DISORDER, LOSS, OPEN, RECOVERY, Tcb
from netarium.wire.tcp import ACK, ECE, FIN, PSH, TcpSegment

UNA = 0xFFFF_FF00  # numbers wrap behind it
NOW = 1_000_000_000
MSS = 100
Block = tuple[int, int]


def at(*blocks: Block) -> tuple[Block, ...]:
    """Octets behind `UNA`, as numbers of 32 bits."""
    return tuple(((UNA + a) & 0xFFFF_FFFF, (UNA + b) & 0xFFFF_FFFF) for a, b in blocks)


def sender(**settings: Any) -> Tcb:
    """Ten segments are in flight, and one was SACKed."""
    tcb = Tcb(4, replace(TcpConfig(), **settings), SocketOptions(), 1, "here", None)
    tcb.start_sending(UNA - 1)
    tcb.start_receiving(0)
    tcb.smss = tcb.scoreboard.smss = MSS
    tcb.sendbuf.append(bytes(2_000))
    tcb.snd_una = tcb.snd_nxt = UNA
    for _ in range(10):
        tcb.scoreboard.add(tcb.snd_nxt, tcb.snd_nxt + MSS, NOW - 50_000_000)
        tcb.snd_nxt += MSS
    tcb.snd_wnd = tcb.max_snd_wnd = 5_000
    tcb.sack_ok = True
    tcb.recovery = DISORDER
    return tcb


def ack(*blocks: Block, **fields: Any) -> TcpSegment:
    values: dict[str, Any] = {"seq": 1, "ack": UNA, "flags": ACK, "window": 50, **fields}
    return TcpSegment(1, 2, **values, sack=at(*blocks))


def held(tcb: Tcb) -> tuple[Block, ...] | None:
    return None if tcb.held is None else tcb.held[0].sack


@pytest.mark.rfc("2018", "05")
@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ([(100, 200)], [(100, 300)], [(100, 300)]),  # the block grew
        ([(100, 200)], [(300, 400), (100, 200)], [(300, 400), (100, 200)]),
        ([(100, 200)], [(300, 400)], [(300, 400), (100, 200)]),  # what no room was left for is remembered
        ([(100, 200), (400, 500)], [(600, 700), (300, 500)], [(600, 700), (300, 500), (100, 200)]),
    ],
)
def test_they_are_understood_together(first: list[Block], second: list[Block], kept: list[Block]) -> None:
    tcb = sender()
    assert ackburst.keeps(tcb, ack(*first), NOW)
    assert tcb.output, "so that its turn comes"
    assert ackburst.keeps(tcb, ack(*second), NOW + 1)
    assert held(tcb) == at(*kept)
    assert tcb.held is not None
    assert tcb.held[1] == NOW + 1
    assert tcb.scoreboard.segs_sacked == 0, "nothing is done yet"
    ackburst.conclude(tcb)
    assert tcb.held is None
    assert tcb.scoreboard.segs_sacked == sum(b - a for a, b in kept) // MSS


@pytest.mark.parametrize(
    "blocks",
    [
        [(-100, 0)],  # a DSACK: below the acknowledgment,
        [(200, 300), (100, 400)],  # or within another block
        [(200, 300), (500, 600), (200, 300)],
        [(0x8000_0000, 0x8000_0064)],
    ],
)
def test_a_dsack_does_not_wait(blocks: list[Block]) -> None:
    assert not ackburst.keeps(sender(), ack(*blocks), NOW)


def test_a_block_that_is_no_news_does_not_wait() -> None:
    for again in ([(100, 200)], [(120, 180)], [(100, 180)], [(120, 200)]):
        tcb = sender()
        assert ackburst.keeps(tcb, ack((100, 200)), NOW)
        assert not ackburst.keeps(tcb, ack(*again), NOW)
        assert held(tcb) is None
    for more in ([(90, 200)], [(100, 210)], [(90, 210)]):
        tcb = sender()
        assert ackburst.keeps(tcb, ack((100, 200)), NOW)
        assert ackburst.keeps(tcb, ack(*more), NOW)


def test_a_block_far_ahead_is_none_below() -> None:
    tcb = sender()
    assert ackburst.keeps(tcb, ack((0x7FFF_FF00, 0x8000_0100)), NOW)


@pytest.mark.parametrize(
    ("state", "waits"), [(OPEN, False), (DISORDER, True), (REDUCED, False), (RECOVERY, True), (LOSS, False)]
)
def test_only_while_holes_are_being_looked_at(state: int, waits: bool) -> None:
    tcb = sender()
    tcb.recovery = state
    assert ackburst.keeps(tcb, ack((100, 200)), NOW) == waits


@pytest.mark.parametrize(
    "fields",
    [
        {"flags": ACK | PSH},
        {"flags": ACK | ECE},
        {"flags": ACK | FIN},
        {"payload": b"x"},
        {"ack": UNA + 1},
        {"ack": UNA - 1},
    ],
)
def test_an_ack_that_tells_more_does_not_wait_nor_does_what_waited(fields: dict[str, Any]) -> None:
    tcb = sender()
    assert ackburst.keeps(tcb, ack((100, 200)), NOW)
    assert not ackburst.keeps(tcb, ack((300, 400), **fields), NOW)
    assert held(tcb) is None
    assert tcb.scoreboard.segs_sacked == 1, "the first was looked at, the second is the caller's"


def without_sack(tcb: Tcb) -> None:
    tcb.sack_ok = False


def with_a_probe_out(tcb: Tcb) -> None:
    tcb.tlp_end_seq = UNA + 1_000


def where_nothing_may_go(tcb: Tcb) -> None:
    tcb.config = replace(tcb.config, limited_transmit=False)


@pytest.mark.parametrize("change", [without_sack, with_a_probe_out, where_nothing_may_go])
def test_where_none_waits(change: Any) -> None:
    tcb = sender()
    change(tcb)
    assert not ackburst.keeps(tcb, ack((100, 200)), NOW)


def test_what_waited_for_another_number_is_over() -> None:
    tcb = sender()
    assert ackburst.keeps(tcb, ack((100, 200)), NOW)
    tcb.snd_una = UNA + 50
    assert not ackburst.keeps(tcb, ack((300, 400), ack=UNA + 50), NOW)
    assert held(tcb) is None


def test_no_more_than_twelve_blocks() -> None:
    tcb = sender()
    for i in range(12):
        assert ackburst.keeps(tcb, ack((60 + 20 * i, 70 + 20 * i)), NOW)
    assert len(held(tcb) or ()) == 12
    assert not ackburst.keeps(tcb, ack((60 + 20 * 12, 70 + 20 * 12)), NOW)


@pytest.mark.rfc("5681", "08")
def test_they_count_as_duplicates_of_when_the_last_came() -> None:
    tcb = sender()
    tcb.recovery = DISORDER
    ackburst.keeps(tcb, ack((100, 500)), NOW)
    ackburst.conclude(tcb)
    assert tcb.recovery == RECOVERY
    assert tcb.scoreboard.oldest.lost
    assert tcb.rtt.srtt == 50_000_000
