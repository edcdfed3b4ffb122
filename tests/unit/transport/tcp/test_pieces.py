"""What fits into a segment beside its options, and how a chunk becomes segments."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import pieces
from netarium.transport.tcp.outgoing import MTU_PROBE, Outgoing
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, FIN, PSH


def receiver(
    *waits: tuple[int, int], dsack: tuple[int, int] | None = None, fin: int | None = None, ts: bool = False,
    smss: int = 100, **config: object,
) -> Tcb:  # fmt: skip
    """RCV.NXT is 1,000; these ranges have arrived out of order."""
    tcb = Tcb(4, replace(TcpConfig(), **config), SocketOptions(), 1, "us", None)
    tcb.smss, tcb.sack_ok, tcb.ts_ok = smss, True, ts
    tcb.start_receiving(999, 60_000)
    for start, stop in waits:
        tcb.reassembly.insert(start, bytes(stop - start))
    tcb.dsack, tcb.rcv_fin = dsack, fin
    return tcb


FOUR = ((1_100, 1_110), (1_200, 1_210), (1_300, 1_310), (1_400, 1_410))


@pytest.mark.rfc("2018", "02")
def test_there_is_something_to_tell_if_something_waits_or_came_twice() -> None:
    assert pieces.most_blocks(receiver()) == 0
    assert pieces.most_blocks(receiver(*FOUR)) == 4
    assert pieces.most_blocks(receiver(*FOUR, ts=True)) == 3
    assert pieces.most_blocks(receiver(dsack=(900, 950))) == 4
    assert [pieces.most_blocks(receiver(fin=fin)) for fin in (999, 1_000, 1_001)] == [0, 0, 4]
    silent = receiver(*FOUR)
    silent.sack_ok = False
    assert pieces.most_blocks(silent) == 0


@pytest.mark.rfc("2883", "01")
def test_what_came_twice_is_told_first() -> None:
    tcb = receiver(*FOUR, dsack=(900, 950))
    assert pieces.sacked(tcb, 0) == pieces.sacked(tcb, -1) == ()
    assert pieces.sacked(tcb, 1) == ((900, 950),)
    assert pieces.sacked(tcb, 3)[0] == (900, 950)
    for most in range(1, 5):
        assert len(pieces.sacked(tcb, most)) == most
    assert len(pieces.sacked(receiver(*FOUR[:1]), 1)) == 1


@pytest.mark.parametrize(
    ("fin", "most", "counts", "told"),
    [
        (1_110, 4, True, ((1_100, 1_111),)),
        (1_110, 4, False, ((1_100, 1_110),)),
        (1_150, 4, True, ((1_150, 1_151), (1_100, 1_110))),
        (1_150, 1, True, ((1_150, 1_151),)),
        (1_000, 4, True, ((1_100, 1_110),)),
        (None, 4, True, ((1_100, 1_110),)),
    ],
)
def test_a_fin_that_waits_is_an_octet_more(
    fin: int | None, most: int, counts: bool, told: tuple[tuple[int, int], ...]
) -> None:
    assert pieces.sacked(receiver((1_100, 1_110), fin=fin, sack_counts_fin=counts), most) == told


def test_a_fin_has_no_room_beside_what_came_twice() -> None:
    tcb = receiver((1_100, 1_110), dsack=(900, 950), fin=1_110, sack_counts_fin=True)
    assert pieces.sacked(tcb, 1) == ((900, 950),)
    assert pieces.sacked(tcb, 2) == ((900, 950), (1_100, 1_111))
    tcb.rcv_fin = 1_150
    assert pieces.sacked(tcb, 2) == ((900, 950), (1_150, 1_151))


@pytest.mark.rfc("9293", "MUST-16")
def test_blocks_take_their_share_of_a_full_segment() -> None:
    assert pieces.mss_now(receiver()) == 100
    assert [pieces.mss_now(receiver(*FOUR[:n])) for n in (1, 2, 4)] == [88, 80, 64]
    assert pieces.mss_now(receiver(*FOUR, smss=44)) == 8
    assert pieces.mss_now(receiver(*FOUR, smss=45)) == 9
    assert pieces.mss_now(receiver(*FOUR, smss=40)) == 8, "but eight octets are left"


def all_of(tcb: Tcb, out: Outgoing) -> list[tuple[int, int, bytes, str]]:
    found = [pieces.cut(tcb, out)]
    while tcb.chunk_rest is not None:
        found.append(pieces.next_piece(tcb, tcb.chunk_rest, tcb.chunk_gone))
    return [(piece.seq, piece.flags, bytes(piece.payload), piece.note) for piece in found]


def test_a_chunk_becomes_segments_and_its_end_is_the_last_ones() -> None:
    octets = bytes(range(250))
    assert all_of(receiver(), Outgoing(5, ACK | PSH | FIN, octets, "again")) == [
        (5, ACK, octets[:100], "again"),
        (105, ACK, octets[100:200], "again"),
        (205, ACK | PSH | FIN, octets[200:], "again"),
    ]
    assert [piece[0] for piece in all_of(receiver(), Outgoing(5, ACK, octets[:200]))] == [5, 105]


def test_what_fits_or_is_the_devices_business_stays_whole() -> None:
    whole = Outgoing(5, ACK | PSH, bytes(100), "again")
    assert pieces.cut(receiver(), whole) is whole
    probe = Outgoing(5, ACK, bytes(300), MTU_PROBE)
    assert pieces.cut(receiver(), probe) is probe
    tcb = receiver()
    tcb.gso_size = 100
    chunk = Outgoing(5, ACK, bytes(300))
    assert pieces.cut(tcb, chunk) is chunk
