"""ACKs that bring nothing but more SACKs, in one turn: understood together; and what ends their waiting."""

from dataclasses import replace

import pytest

from netarium.base.config import MachineConfig
from netarium.base.units import MS, SECOND
from netarium.transport.tcp import recovery
from netarium.transport.tcp.tcb import DISORDER, OPEN, RECOVERY
from netarium.wire.tcp import ACK, TcpSegment

from .conftest import Script

Edges = tuple[tuple[int, int], ...]


@pytest.fixture
def tcp() -> Script:
    """Twenty segments are in flight, numbers from 101 on, and more is to be sent."""
    config = MachineConfig()
    tcp = Script(replace(config, tcp=replace(config.tcp, congestion_control="reno")))
    tcp.established(sack_permitted=True)
    tcp.socket.tcb.congestion.cwnd = 20_000
    tcp.advance(20 * MS)
    tcp.send(bytes(60_000))
    tcp._collect()
    tcp.seen.clear()
    tcp.advance(20 * MS)
    return tcp


def arrive(tcp: Script, *acks: tuple[int, Edges], together: bool = True) -> None:
    """ACKs, all of which are there when the machine's turn comes; or each by itself."""
    pump = tcp._pump
    if together:
        tcp._pump = lambda: None
    for ack, sack in acks:
        tcp.inject(ACK, seq=301, ack=ack, sack=list(sack))
    tcp._pump = pump
    pump()


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """For each ACK that is looked at: its number, and how many blocks it has."""
    found: list[tuple[int, int]] = []
    real = recovery.on_ack

    def on_ack(tcb, seg: TcpSegment, **others) -> None:
        found.append((seg.ack - tcb.iss + 100, len(seg.sack)))
        real(tcb, seg, **others)

    monkeypatch.setattr(recovery, "on_ack", on_ack)
    return found


GROWING = [(101, ((1_101, 2_101 + 1_000 * n),)) for n in range(10)]


def test_one_look_for_all_of_a_turn(tcp: Script, looked_at: list[tuple[int, int]]) -> None:
    arrive(tcp, *GROWING)
    assert looked_at == [(101, 1), (101, 1)]  # the first tells that something is missing: at once
    board = tcp.socket.tcb.scoreboard
    assert (board.segs_sacked, board.segs_lost) == (10, 1)
    assert tcp.socket.tcb.recovery == RECOVERY
    tcp.expect(ACK, seq=101, length=1_000)


@pytest.mark.rfc("6675", "01")
def test_it_is_understood_as_if_they_had_come_one_by_one(tcp: Script) -> None:
    """Blocks that a later ACK does not repeat are remembered."""
    islands = [(start, start + 1_000) for start in range(1_101, 13_101, 2_000)]
    acks = [(101, tuple(reversed(islands[max(0, n - 2) : n + 1]))) for n in range(len(islands))]
    arrive(tcp, *acks)
    board = tcp.socket.tcb.scoreboard
    assert board.segs_sacked == len(islands)
    assert board.highest_sacked - tcp.socket.tcb.iss + 100 == islands[-1][1]
    assert board.segs_lost == 6
    arrive(tcp, (13_101, ((14_101, 15_101),)))
    assert board.segs_sacked == 1


def test_each_turn_has_its_look(tcp: Script, looked_at: list[tuple[int, int]]) -> None:
    arrive(tcp, *GROWING, together=False)
    assert len(looked_at) == 10


def test_progress_is_looked_at_at_once_and_behind_what_waited(
    tcp: Script, looked_at: list[tuple[int, int]]
) -> None:
    arrive(tcp, *GROWING[:4], (5_101, ()), (5_101, ((6_101, 7_101),)), (5_101, ((6_101, 8_101),)))
    assert looked_at == [(101, 1), (101, 1), (5_101, 0), (5_101, 1), (5_101, 1)]
    assert tcp.socket.tcb.snd_una - tcp.socket.tcb.iss + 100 == 5_101


@pytest.mark.rfc("2883", "01")
def test_a_dsack_never_waits(tcp: Script, looked_at: list[tuple[int, int]]) -> None:
    arrive(tcp, *GROWING[:4])
    looked_at.clear()
    arrive(tcp, GROWING[4], (101, ((2_101, 3_101), (1_101, 6_101))), GROWING[5])
    assert looked_at == [(101, 1), (101, 2), (101, 1)]


def test_an_ack_that_was_overtaken_is_no_dsack(tcp: Script) -> None:
    """Its first block lies in one of a newer ACK, not of its own."""
    tcb = tcp.socket.tcb
    arrive(tcp, *GROWING[:3], (101, ((1_101, 8_101),)), (101, ((1_101, 6_101),)))
    assert tcb.scoreboard.segs_sacked == 7
    assert tcb.dsack_dups == 0


def test_a_deadline_ends_the_waiting(tcp: Script, looked_at: list[tuple[int, int]]) -> None:
    arrive(tcp, *GROWING[:2])
    tcb = tcp.socket.tcb
    assert tcb.recovery == DISORDER
    tcp.wire.can_send = lambda: False  # no turn to send comes
    arrive(tcp, *GROWING[2:])
    assert tcb.held is not None
    looked_at.clear()
    tcp.advance(SECOND)
    assert tcb.held is None
    assert looked_at == [(101, 1)]


def test_the_window_of_one_that_waits_counts(tcp: Script) -> None:
    tcb = tcp.socket.tcb
    arrive(tcp, *GROWING[:2])
    tcp.wire.can_send = lambda: False
    tcb.snd_wnd = 30_000
    tcp.inject(ACK, seq=301, ack=101, window=60_001, sack=[(1_101, 4_101)])
    assert tcb.held is not None
    assert tcb.snd_wnd == 60_001


@pytest.mark.attack("TCP-54")
def test_many_islands_do_not_pile_up(tcp: Script, looked_at: list[tuple[int, int]]) -> None:
    """A dozen blocks are the most that one waits with."""
    arrive(tcp, (101, ((1_101, 1_201),)), (101, ((1_101, 2_101),)))
    blocks = [(2_201 + 200 * n, 2_301 + 200 * n) for n in range(60)]
    arrive(tcp, *[(101, (block,)) for block in blocks])
    assert max(count for _, count in looked_at) <= 12
    assert tcp.socket.tcb.held is None


def test_where_nothing_is_missing_nothing_waits(tcp: Script, looked_at: list[tuple[int, int]]) -> None:
    arrive(tcp, (2_101, ()), (4_101, ()), (6_101, ()))
    assert looked_at == [(2_101, 0), (4_101, 0), (6_101, 0)]
    assert tcp.socket.tcb.recovery == OPEN
