"""What a segment brings of the peer's stream: urgent pointer, text and FIN, at the edges of each condition."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from netarium.base.profiles import profile
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import stream
from netarium.transport.tcp.state import (
    CLOSE_WAIT,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    SYN_RECEIVED,
    TIME_WAIT,
    State,
)
from netarium.transport.tcp.tcb import ECHO_DUE, Tcb
from netarium.wire.tcp import ACK, CWR, FIN, PSH, TcpSegment

NEXT, WINDOW = 1_000, 100
EDGE = NEXT + WINDOW
NOW = 9_000_000_000
TEXT = bytes(range(200))


def opened(state: State = ESTABLISHED, name: str = "linux", **settings: Any) -> Tcb:
    """It expects 1,000 and has offered 100 octets."""
    tcb = Tcb(4, replace(profile(name), **settings), SocketOptions(), 1, "here", None)
    tcb.state = state
    tcb.start_sending(100)
    tcb.start_receiving(NEXT - 1, WINDOW)
    tcb.rcv_buf = 1_000
    tcb.sack_ok = True
    tcb.ato_ns = 1
    return tcb


def segment(seq: int = NEXT, size: int = 0, flags: int = ACK, **more: Any) -> TcpSegment:
    return TcpSegment(1, 2, seq, 101, flags, 500, payload=TEXT[:size], **more)


def queued(tcb: Tcb) -> bytes:
    return b"".join(bytes(piece) for piece in tcb.rcv_queue or ())


# --- the urgent pointer -----------------------------------------------------------------------------------------------


@pytest.mark.rfc("9293", "MUST-62")
@pytest.mark.parametrize(
    ("seq", "pointer", "mark"),
    [
        (NEXT, 1, NEXT + 1),
        (NEXT, 0, None),
        (NEXT - 5, 5, None),  # it does not move
        (NEXT - 5, 6, NEXT + 1),
        (EDGE, 0xFFFF, EDGE + 0xFFFF),
        (EDGE + 1, 0xFFFF, None),  # further than any segment in the window can point
    ],
)
def test_what_moves_the_urgent_mark(seq: int, pointer: int, mark: int | None) -> None:
    tcb = opened(urgent_octet=False)
    stream.check_urgent(tcb, segment(seq, urgent=pointer))
    assert tcb.rcv_up == (mark or NEXT)
    assert tcb.wakeup == (mark is not None)


@pytest.mark.parametrize(
    ("state", "moves"),
    [(ESTABLISHED, True), (FIN_WAIT_1, True), (FIN_WAIT_2, True), (CLOSE_WAIT, False), (CLOSING, False)],
)
def test_after_its_fin_nothing_is_urgent(state: State, moves: bool) -> None:
    tcb = opened(state)
    stream.check_urgent(tcb, segment(urgent=5))
    assert (tcb.rcv_up > NEXT) == moves


def test_where_a_pointer_of_zero_means_the_octet_at_it() -> None:
    tcb = opened(urgent_octet=True)
    stream.check_urgent(tcb, segment(urgent=0))
    assert tcb.rcv_up == NEXT + 1
    stream.check_urgent(tcb, segment(urgent=7))
    assert tcb.rcv_up == NEXT + 7


# --- the text ---------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("9293", "SHLD-31")
@pytest.mark.parametrize(
    ("seq", "size", "taken", "kept", "dsack"),
    [
        (NEXT, 10, 10, 0, None),
        (NEXT - 4, 10, 6, 0, (NEXT - 4, NEXT)),
        (NEXT - 10, 10, 0, 0, (NEXT - 10, NEXT)),
        (NEXT - 20, 10, 0, 0, (NEXT - 20, NEXT - 10)),
        (NEXT + 1, 10, 0, 10, None),
        (EDGE - 1, 1, 0, 1, None),
        (EDGE, 1, 0, 0, None),
        (NEXT, 100, 100, 0, None),
    ],
)
def test_where_text_begins(seq: int, size: int, taken: int, kept: int, dsack: tuple[int, int] | None) -> None:
    tcb = opened()
    tcb.dsack = (1, 2)
    stream.process_text(tcb, segment(seq, size), NOW)
    assert queued(tcb) == TEXT[size - taken : size]
    assert tcb.reassembly.octets == kept
    assert tcb.dsack == dsack, "and a report that no ACK took along is forgotten"


@pytest.mark.parametrize(
    ("trims", "size", "taken", "fin"),
    [(True, 101, 100, False), (True, 100, 100, True), (False, 101, 101, True)],
)
def test_text_beyond_the_window(trims: bool, size: int, taken: int, fin: bool) -> None:
    """It is cut off, and a FIN behind it; Linux takes whole what begins in the window."""
    tcb = opened(trim_to_window=trims)
    seg = segment(NEXT, size, FIN | ACK)
    stream.process_text(tcb, seg, NOW)
    assert queued(tcb) == TEXT[:taken]
    assert seg.flags == (ACK | FIN if fin else ACK)
    assert tcb.rcv_adv == NEXT + taken


@pytest.mark.rfc("9293", "MUST-66")
@pytest.mark.parametrize(("seq", "dsack"), [(NEXT, None), (NEXT - 5, (NEXT - 5, NEXT))])
def test_a_closed_window(seq: int, dsack: tuple[int, int] | None) -> None:
    tcb = opened()
    tcb.rcv_adv = NEXT
    tcb.pingpong = True
    seg = segment(seq, 20, FIN | ACK)
    stream.process_text(tcb, seg, NOW)
    assert (tcb.rcv_nxt, tcb.dsack, tcb.pingpong, seg.flags) == (NEXT, dsack, False, ACK)


@pytest.mark.parametrize(
    ("seq", "size", "taken", "told"),
    [(NEXT, 50, 50, False), (NEXT, 51, 50, True), (NEXT + 60, 10, 0, True), (NEXT - 5, 55, 50, False)],
)
def test_the_stream_ends_at_a_fin_that_came_before(seq: int, size: int, taken: int, told: bool) -> None:
    tcb = opened()
    tcb.rcv_fin = NEXT + 50
    tcb.pingpong = True
    stream.process_text(tcb, segment(seq, size), NOW)
    assert len(queued(tcb)) == taken
    assert tcb.reassembly.octets == 0
    assert tcb.ack_now == told


@pytest.mark.rfc("9293", "SHLD-3")
@pytest.mark.parametrize(
    ("name", "orphan", "shut", "fin_queued", "reset"),
    [
        ("linux", 1, False, True, True),
        ("linux", 0, True, True, True),
        ("linux", 0, True, False, False),
        ("linux", 0, False, True, False),
        ("freebsd", 0, True, True, False),
    ],
)
def test_text_that_nobody_will_read(
    name: str, orphan: int, shut: bool, fin_queued: bool, reset: bool
) -> None:
    tcb = opened(FIN_WAIT_2, name)
    tcb.orphan, tcb.rcv_shutdown, tcb.fin_queued = orphan, shut, fin_queued
    stream.process_text(tcb, segment(size=10), NOW)
    assert (tcb.abort_due, tcb.reset_ack) == ((True, 101) if reset else (False, None))
    assert tcb.rcv_queued == (0 if reset else 10)
    again = opened(FIN_WAIT_2, name)
    again.orphan, again.rcv_shutdown, again.fin_queued = orphan, shut, fin_queued
    stream.process_text(again, segment(NEXT - 10, 10), NOW)
    assert not again.abort_due, "what came before is only acknowledged again"


@pytest.mark.parametrize(
    ("name", "seq", "reset"),
    [("linux", NEXT, False), ("linux", NEXT - 1, True), ("freebsd", NEXT - 1, False)],
)
def test_text_behind_the_fin(name: str, seq: int, reset: bool) -> None:
    """A peer that goes on from before its FIN contradicts itself."""
    tcb = opened(CLOSE_WAIT, name)
    stream.process_text(tcb, segment(seq, 5), NOW)
    assert (tcb.abort_due, tcb.reset_ack) == ((True, 101) if reset else (False, None))
    assert tcb.rcv_queued == 0


@pytest.mark.rfc("3168", "10")
@pytest.mark.parametrize(
    ("ok", "seq", "echoed"), [(True, NEXT, True), (False, NEXT, False), (True, NEXT - 9, False)]
)
def test_marks(ok: bool, seq: int, echoed: bool) -> None:
    """Old text tells nothing of the path as it is now."""
    tcb = opened()
    tcb.ecn_ok = ok
    stream.process_text(tcb, segment(seq, 9, ecn=3), NOW)
    assert bool(tcb.ecn_heard & ECHO_DUE) == echoed
    stream.process_text(tcb, segment(tcb.rcv_nxt, 9, ACK | CWR), NOW)
    assert not tcb.ecn_heard & ECHO_DUE


@pytest.mark.parametrize(("flags", "pushed"), [(ACK, 0), (ACK | PSH, 1)])
def test_a_push_ends_something(flags: int, pushed: int) -> None:
    tcb = opened()
    tcb.rcv_mss = tcb.advmss = 100
    stream.process_text(tcb, segment(NEXT, 100, flags), NOW)
    assert tcb.ack_pushed == pushed


# --- the FIN ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "after"),
    [
        (SYN_RECEIVED, CLOSE_WAIT),
        (ESTABLISHED, CLOSE_WAIT),
        (FIN_WAIT_1, CLOSING),
        (FIN_WAIT_2, TIME_WAIT),
        (LAST_ACK, LAST_ACK),
    ],
)
def test_what_a_fin_does(state: State, after: State) -> None:
    tcb = opened(state)
    tcb.fin_wait_2_at = 7
    stream.check_fin(tcb, segment(flags=FIN | ACK), NOW)
    assert tcb.state is after
    moved = state is not LAST_ACK
    assert tcb.rcv_nxt == NEXT + moved
    assert tcb.fin_wait_2_at == (0 if state is FIN_WAIT_2 else 7)
    if after is CLOSE_WAIT:
        assert (tcb.pingpong, tcb.ack_now, tcb.ack_scheduled) == (True, False, True), (
            "an answer is soon to come"
        )
    elif moved:
        assert tcb.ack_now


@pytest.mark.parametrize(
    ("name", "waiting", "now"), [("linux", 999, False), ("linux", 1_000, True), ("rfc", 0, True)]
)
def test_when_its_ack_does_not_wait(name: str, waiting: int, now: bool) -> None:
    tcb = opened(name=name)
    tcb.rcv_queued = waiting
    stream.check_fin(tcb, segment(flags=FIN | ACK), NOW)
    assert (tcb.ack_now, tcb.output) == (now, now)


def test_a_fin_needs_no_window() -> None:
    tcb = opened()
    tcb.rcv_adv = NEXT
    stream.check_fin(tcb, segment(flags=FIN | ACK), NOW)
    assert (tcb.rcv_nxt, tcb.rcv_adv) == (NEXT + 1, NEXT + 1)
    wide = opened()
    wide.reassembly.insert(NEXT, b"x")  # what came before its turn is of no use any more
    stream.check_fin(wide, segment(flags=FIN | ACK, seq=NEXT + 1), NOW)
    wide.rcv_nxt += 1
    stream.check_fin(wide, segment(flags=FIN | ACK, seq=NEXT + 1), NOW)
    assert (wide.rcv_nxt, wide.rcv_adv, bool(wide.reassembly)) == (NEXT + 2, EDGE, False)


@pytest.mark.rfc("5681", "08")
@pytest.mark.parametrize(
    ("seq", "size", "fin_at", "now", "dsack"),
    [
        (NEXT + 10, 0, NEXT + 10, True, None),  # something before it is missing
        (NEXT, 10, NEXT + 10, True, None),
        (NEXT - 1, 0, None, True, (NEXT - 1, NEXT)),  # one that was before
        (NEXT - 5, 4, None, True, None),
    ],
)
def test_a_fin_out_of_order(
    seq: int, size: int, fin_at: int | None, now: bool, dsack: tuple[int, int] | None
) -> None:
    tcb = opened()
    stream.check_fin(tcb, segment(seq, size, FIN | ACK), NOW)
    assert (tcb.rcv_fin, tcb.ack_now, tcb.dsack) == (fin_at, now, dsack)
    assert tcb.ack_scheduled
    assert tcb.state is ESTABLISHED


@pytest.mark.parametrize(("seq", "believed"), [(NEXT + 19, False), (NEXT + 20, True)])
def test_a_fin_before_what_came_is_not_believed(seq: int, believed: bool) -> None:
    tcb = opened()
    tcb.reassembly.insert(NEXT + 10, bytes(10))
    stream.check_fin(tcb, segment(seq, 0, FIN | ACK), NOW)
    assert (tcb.rcv_fin is not None) == believed


@pytest.mark.parametrize(
    ("orphan", "seq", "reset"), [(1, NEXT + 1, True), (1, NEXT, False), (0, NEXT + 1, False)]
)
def test_a_fin_behind_text_that_nobody_will_read(orphan: int, seq: int, reset: bool) -> None:
    tcb = opened(FIN_WAIT_2)
    tcb.orphan = orphan
    stream.check_fin(tcb, segment(seq, 0, FIN | ACK), NOW)
    assert (tcb.abort_due, tcb.reset_ack) == ((True, 101) if reset else (False, None))
    assert tcb.state is (TIME_WAIT if seq == NEXT else FIN_WAIT_2)


@pytest.mark.parametrize(
    ("seq", "size", "flags", "fin", "quick", "dsack"),
    [
        (NEXT - 1, 0, FIN | ACK, NEXT - 1, True, (NEXT - 1, NEXT)),  # it came again
        (NEXT - 5, 4, FIN | ACK, NEXT - 1, False, None),  # with text: that was told already
        (NEXT + 9, 0, FIN | ACK, NEXT + 9, False, None),  # again, and what is before it is missing still
    ],
)
def test_a_fin_that_comes_again(
    seq: int, size: int, flags: int, fin: int, quick: bool, dsack: tuple[int, int] | None
) -> None:
    tcb = opened(CLOSE_WAIT if fin < NEXT else ESTABLISHED)
    tcb.rcv_fin = fin
    tcb.pingpong = True
    stream.check_fin(tcb, segment(seq, size, flags), NOW)
    assert (not tcb.pingpong, tcb.dsack) == (quick, dsack)
    assert tcb.ack_now == (fin > NEXT)


@pytest.mark.rfc("5681", "08")
@pytest.mark.parametrize(
    ("sack", "known", "dsack"),
    [(True, None, (NEXT + 10, NEXT + 11)), (False, None, None), (True, (1, 2), (1, 2))],
)
def test_the_text_before_a_fin_comes_at_last(
    sack: bool, known: tuple[int, int] | None, dsack: tuple[int, int] | None
) -> None:
    tcb = opened(FIN_WAIT_2)
    tcb.rcv_fin = NEXT + 10
    tcb.rcv_nxt = NEXT + 10
    tcb.sack_ok, tcb.dsack = sack, known
    stream.check_fin(tcb, segment(NEXT, 10), NOW)
    assert (tcb.state, tcb.ack_now, tcb.dsack) == (TIME_WAIT, True, dsack)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (ESTABLISHED, "CLOSE_WAIT: FIN received"),
        (FIN_WAIT_1, "CLOSING: FIN received"),
        (FIN_WAIT_2, "TIME_WAIT: FIN received"),
    ],
)
def test_why_is_told(state: State, why: str) -> None:
    tcb = opened(state)
    seen: list[str] = []
    trace: Any = SimpleNamespace(emit=lambda event: seen.append(f"{event.new}: {event.why}"))
    tcb.trace = trace
    stream.check_fin(tcb, segment(flags=FIN | ACK), NOW)
    assert seen == [why]


def test_nothing_is_over_while_it_is_to_be_reset() -> None:
    tcb = opened()
    tcb.abort_due = True
    stream.check_fin(tcb, segment(flags=FIN | ACK), NOW)
    assert tcb.state is ESTABLISHED
