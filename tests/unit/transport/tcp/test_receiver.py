"""The receiving half: what is kept behind a hole and at what cost, and how the receive queue holds it."""

from dataclasses import replace
from typing import Any

import pytest

from netarium.base.config import TcpConfig
from netarium.base.profiles import profile
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import receiver
from netarium.transport.tcp.tcb import Tcb

NEXT = 1_000


def opened(config: TcpConfig | None = None, **settings: Any) -> Tcb:
    """It expects 1,000, and has room for 4,000 octets; segments have 1,000."""
    tcb = Tcb(4, replace(config or TcpConfig(), **settings), SocketOptions(), 1, "here", None)
    tcb.start_receiving(NEXT - 1, 4_000)
    tcb.rcv_mss = 1_000
    tcb.rcv_buf, tcb.rcv_memory = 4_000, 8_000
    tcb.window_clamp, tcb.rcv_ssthresh = 4_000, 2_000
    tcb.advmss = 1_460
    tcb.sack_ok = True
    tcb.ato_ns = 1
    return tcb


def take(tcb: Tcb, seq: int, payload: bytes, *, pushed: bool = False) -> None:
    receiver.take_payload(tcb, seq, payload, 5, pushed=pushed)


# --- the receive queue ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "pieces"),
    [
        ([4_096], [memoryview]),  # large: not copied,
        ([4_095], [bytes]),  # small: it would keep a frame alive
        ([4_095, 4_096, 4_095], [bytes, memoryview, bytes]),
        ([255, 255], [bytearray]),  # crumbs are gathered
        ([255, 256], [bytes, bytes]),
        ([256, 255], [bytes, bytes]),
        ([255, 255, 255], [bytearray]),
        ([255, 255, 256, 255], [bytearray, bytes, bytes]),
        ([4_096, 255, 255], [memoryview, bytearray]),
    ],
)
def test_how_octets_wait(sizes: list[int], pieces: list[type]) -> None:
    tcb = opened()
    stream = bytes(i % 251 for i in range(sum(sizes)))
    at = 0
    for size in sizes:
        take(tcb, NEXT + at, memoryview(stream)[at : at + size])
        at += size
    assert tcb.rcv_queue is not None
    assert [type(piece) for piece in tcb.rcv_queue] == pieces
    assert b"".join(tcb.rcv_queue) == stream
    assert (tcb.rcv_nxt, tcb.rcv_queued, tcb.octets_received) == (NEXT + at, at, at)
    assert tcb.wakeup


def test_crumbs_are_gathered_up_to_four_kilobytes() -> None:
    tcb = opened()
    for i in range(40):
        take(tcb, NEXT + 128 * i, bytes([i]) * 128)
    assert tcb.rcv_queue is not None
    assert [len(piece) for piece in tcb.rcv_queue] == [4_096, 1_024]
    assert b"".join(tcb.rcv_queue) == b"".join(bytes([i]) * 128 for i in range(40))


# --- behind a hole ----------------------------------------------------------------------------------------------------


def test_behind_a_hole_pieces_cost_more_than_their_octets() -> None:
    """128 octets each, so that crumbs cannot fill the memory: 62 of one octet cost 7,998, and then there is room for one."""
    tcb = opened()
    for i in range(100):
        take(tcb, NEXT + 10 + 2 * i, b"x")
    assert len(tcb.reassembly) == 63
    assert tcb.rcv_ooopack == 63, "what is dropped is not counted"
    exact = opened()
    exact.rcv_gso = 1_000
    take(exact, NEXT + 10, bytes(7_872))
    take(exact, NEXT + 9_000, b"x")
    assert len(exact.reassembly) == 1


@pytest.mark.parametrize(("size", "count"), [(1, 1), (1_000, 1), (1_001, 2), (2_000, 2)])
def test_a_merged_segment_behind_a_hole_counts_as_what_it_was(size: int, count: int) -> None:
    tcb = opened()
    tcb.rcv_gso = 1_000
    take(tcb, NEXT + 10, bytes(size))
    assert tcb.rcv_ooopack == count


@pytest.mark.parametrize(
    ("sack", "name", "ssthresh", "grows"),
    [
        (True, "linux", 2_000, True),
        (False, "linux", 2_000, False),
        (True, "linux", 4_000, False),
        (True, "rfc", 2_000, False),
    ],
)
def test_the_window_grows_with_what_waits(sack: bool, name: str, ssthresh: int, grows: bool) -> None:
    tcb = opened(profile(name))
    tcb.sack_ok, tcb.rcv_ssthresh = sack, ssthresh
    tcb.quickacks = 0
    take(tcb, NEXT + 10, bytes(1_000))
    assert (tcb.rcv_ssthresh > ssthresh) == grows
    assert tcb.rcv_ssthresh == (4_000 if grows or ssthresh == 4_000 else ssthresh)
    assert tcb.quickacks == grows
    assert tcb.ack_scheduled


@pytest.mark.rfc("2883", "01")
def test_what_was_here_already_is_reported() -> None:
    tcb = opened()
    take(tcb, NEXT + 10, bytes(10))
    assert tcb.dsack is None
    take(tcb, NEXT + 15, bytes(10))
    assert tcb.dsack == (NEXT + 15, NEXT + 20)
    tcb.dsack = None
    take(tcb, NEXT, bytes(12))  # it fills the gap, and two octets were here
    assert tcb.dsack == (NEXT + 10, NEXT + 12)
    assert tcb.rcv_nxt == NEXT + 25
    assert tcb.ack_now
    other = opened()
    take(other, NEXT + 10, bytes(10))
    other.dsack = (1, 2)
    take(other, NEXT, bytes(12))
    assert other.dsack == (1, 2), "one report at a time"


@pytest.mark.rfc("5681", "08")
def test_only_the_last_gap_is_told_at_once() -> None:
    tcb = opened()
    take(tcb, NEXT + 10, bytes(10))
    take(tcb, NEXT + 30, bytes(10))
    tcb.ack_now = tcb.output = False
    take(tcb, NEXT, bytes(10))
    assert (tcb.rcv_nxt, tcb.ack_now) == (NEXT + 20, False)
    take(tcb, NEXT + 20, bytes(10))
    assert (tcb.rcv_nxt, tcb.ack_now, tcb.output) == (NEXT + 40, True, True)
    assert tcb.rcv_queued == 40


def test_what_it_ends_counts_for_both() -> None:
    for seq in (NEXT, NEXT + 10):
        tcb = opened()
        take(tcb, seq, bytes(50), pushed=True)
        assert tcb.ack_pushed == 1
        take(tcb, NEXT + 100, bytes(1_000), pushed=False)
        assert tcb.ack_pushed == 1
    tcb = opened()
    take(tcb, NEXT + 10, b"x")
    take(tcb, NEXT, bytes(1_000), pushed=True)
    assert tcb.ack_pushed == 1, "in order, before others"


@pytest.mark.rfc("7413", "08")
@pytest.mark.parametrize("payload", [b"", b"hello"])
def test_the_text_of_a_syn(payload: bytes) -> None:
    tcb = opened()
    receiver.take_with_syn(tcb, payload)
    assert (tcb.rcv_queued, tcb.syn_data_acked) == (len(payload), bool(payload))
