"""What is cut off a segment that does not fit, number by number, and how what is left out is answered."""

from dataclasses import replace
from typing import Any

import pytest

from netarium.base.config import TcpConfig
from netarium.base.errors import DropReason
from netarium.base.profiles import profile
from netarium.base.units import SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import trim
from netarium.transport.tcp.state import ESTABLISHED, FIN_WAIT_2, SYN_RECEIVED, State
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN, URG, TcpSegment

IRS, NEXT = 999, 1_000  # the peer's SYN; what we expect
ROOM = 500
TEXT = bytes(range(256)) * 3
DAY = 24 * 3600 * SECOND
FREEBSD: TcpConfig = profile("freebsd")


def receiver(state: State = ESTABLISHED, *, ts_recent: int | None = None, **settings: Any) -> Tcb:
    """A connection with room for 500 octets from 1,000 on; of ours, 201 to 300 wait for their ACK."""
    tcb = Tcb(4, replace(FREEBSD, **settings), SocketOptions(), 1, "here", None)
    tcb.state = state
    tcb.start_sending(100)
    tcb.snd_una, tcb.snd_nxt = 201, 301
    tcb.start_receiving(IRS, ROOM)
    tcb.rcv_buf = ROOM
    tcb.snd_wind_shift = 3
    if ts_recent is not None:
        tcb.ts_ok, tcb.ts_recent, tcb.ts_recent_at = True, ts_recent, 5
    return tcb


def segment(seq: int, size: int = 0, flags: int = ACK, **more: Any) -> TcpSegment:
    return TcpSegment(1, 2, seq, more.pop("ack", 301), flags, 800, payload=TEXT[:size], **more)


def left_of(tcb: Tcb, seg: TcpSegment, now: int = 10) -> tuple[int, bytes] | DropReason:
    """Where what remains begins, and its text; or why nothing does."""
    dropped = trim.admit(tcb, seg, now)
    return dropped if dropped is not None else (seg.seq, bytes(seg.payload))


def test_a_syn_that_comes_again_is_cut_off_before_its_text() -> None:
    tcb = receiver(SYN_RECEIVED)
    seg = segment(IRS, 10, SYN)
    assert left_of(tcb, seg) == (NEXT, TEXT[:10])
    assert seg.flags == 0
    assert seg.window == 100, "in a SYN it is not scaled, later it will be"
    assert tcb.syn_pending, "who sends it has not got our SYN,ACK"
    with_ack = segment(IRS, 10, SYN | ACK)
    tcb = receiver(SYN_RECEIVED)
    left_of(tcb, with_ack)
    assert (tcb.syn_pending, tcb.output, tcb.ack_now) == (False, False, False)


@pytest.mark.parametrize(
    ("seq", "fin_stays"),
    [(NEXT - 10, True), (NEXT - 11, False), (NEXT - 9, True), (NEXT, True)],
)
def test_a_fin_that_is_next_is_not_cut_off_with_old_text(seq: int, fin_stays: bool) -> None:
    seg = segment(seq, 10, FIN | ACK)
    assert not isinstance(left_of(receiver(), seg), DropReason)
    assert bool(seg.flags & FIN) == fin_stays


@pytest.mark.parametrize(("pointer", "left"), [(15, 5), (11, 1), (10, None), (3, None)])
def test_urgent_text_that_came_before_is_not_urgent_again(pointer: int, left: int | None) -> None:
    seg = segment(NEXT - 10, 20, ACK | URG, urgent=pointer)
    assert left_of(receiver(), seg) == (NEXT, TEXT[10:20])
    assert (seg.urgent if seg.flags & URG else None) == left


@pytest.mark.rfc("9293", "MUST-66")
def test_into_a_closed_window_nothing_goes_but_the_ack_of_a_probe() -> None:
    tcb = receiver()
    tcb.rcv_queued, tcb.rcv_adv = ROOM, NEXT
    probe = segment(NEXT, 1, ACK | PSH | FIN)
    assert left_of(tcb, probe) == (NEXT, b"")
    assert probe.flags == ACK
    assert tcb.ack_now
    tcb.ack_now = False
    assert left_of(tcb, segment(NEXT + 1, 1)) is DropReason.TCP_OUT_OF_WINDOW
    assert tcb.ack_now
    tcb.ack_now = False
    assert left_of(tcb, segment(NEXT)) == (NEXT, b"")
    assert not tcb.ack_now, "a bare ACK needs no room and no answer"


def test_after_a_fin_that_took_the_last_of_the_window_acks_still_count() -> None:
    tcb = receiver()
    for waiting in (ROOM, ROOM + 1):
        tcb.rcv_queued, tcb.rcv_adv = waiting, NEXT - 1
        assert left_of(tcb, segment(NEXT)) == (NEXT, b"")
        assert not tcb.ack_now


@pytest.mark.rfc("9293", "SHLD-14")
def test_what_was_offered_is_taken_although_the_buffer_is_smaller_now() -> None:
    tcb = receiver()
    tcb.rcv_buf = 100
    seg = segment(NEXT, ROOM + 5, ACK | PSH)
    assert left_of(tcb, seg) == (NEXT, TEXT[:ROOM])
    assert not seg.flags & PSH
    tcb.rcv_buf = 600  # and what there is room for, although it was not offered
    assert left_of(tcb, segment(NEXT, 600)) == (NEXT, TEXT[:600])
    assert tcb.rcv_adv == NEXT + 600


# --- timestamps -------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("7323", "06")
@pytest.mark.parametrize(
    ("recent", "told", "old"),
    [
        (1, 0, True),
        (1, 1, False),
        (2, 1, True),
        (0x8000_0000, 1, True),
        (0x8000_0001, 1, False),  # half of the circle: neither older nor newer
        (0x8000_0002, 1, False),
        (0, 0xFFFF_FFFF, False),  # nothing was told yet
    ],
)
def test_timestamps_from_the_past(recent: int, told: int, old: bool) -> None:
    seg = segment(NEXT, 1, ts_val=told)
    assert left_of(receiver(ts_recent=recent), seg) == (DropReason.TCP_PAWS if old else (NEXT, b"\0"))


@pytest.mark.rfc("7323", "06")
@pytest.mark.parametrize(("after", "old"), [(24 * DAY - 1, True), (24 * DAY, False)])
def test_after_24_days_no_timestamp_is_from_the_past(after: int, old: bool) -> None:
    tcb = receiver(ts_recent=50)
    dropped = trim.admit(tcb, segment(NEXT, 1, ts_val=40), 5 + after)
    assert (dropped is DropReason.TCP_PAWS) == old


@pytest.mark.rfc("7323", "05")
@pytest.mark.parametrize(
    ("seq", "size", "flags", "taken"),
    [
        (NEXT, 0, ACK, True),
        (NEXT, 5, ACK, True),
        (NEXT - 5, 10, ACK, True),
        (NEXT - 5, 5, ACK | FIN, True),
        (NEXT - 1, 0, ACK, False),
        (NEXT + 1, 5, ACK, False),
    ],
)
def test_the_timestamp_of_what_covers_the_last_ack_is_echoed(
    seq: int, size: int, flags: int, taken: bool
) -> None:
    tcb = receiver(ts_recent=50)
    trim.admit(tcb, segment(seq, size, flags, ts_val=60), 10)
    assert (tcb.ts_recent, tcb.ts_recent_at) == ((60, 10) if taken else (50, 5))


def test_a_timestamp_of_zero_is_one() -> None:
    tcb = receiver(ts_recent=0xFFFF_FFFF)
    trim.admit(tcb, segment(NEXT, 1, ts_val=0), 10)
    assert tcb.ts_recent == 0


# --- resets and SYNs --------------------------------------------------------------------------------------------------


@pytest.mark.rfc("5961", "01")
@pytest.mark.parametrize(
    ("seq", "dropped", "dropped_where_they_count"),
    [
        (NEXT - 1, DropReason.TCP_OUT_OF_WINDOW, DropReason.TCP_OUT_OF_WINDOW),
        (NEXT, None, None),
        (NEXT + 1, DropReason.TCP_BAD_RESET, None),
        (NEXT + ROOM - 1, DropReason.TCP_BAD_RESET, None),
        (NEXT + ROOM, DropReason.TCP_OUT_OF_WINDOW, DropReason.TCP_OUT_OF_WINDOW),
    ],
)
def test_resets(seq: int, dropped: DropReason | None, dropped_where_they_count: DropReason | None) -> None:
    tcb = receiver()
    assert trim.admit(tcb, segment(seq, flags=RST), 10) == dropped
    assert tcb.ack_now == (dropped is DropReason.TCP_BAD_RESET)
    tcb = receiver(resets_in_window=True)
    assert trim.admit(tcb, segment(seq, flags=RST), 10) == dropped_where_they_count


@pytest.mark.rfc("5961", "02")
@pytest.mark.parametrize("seq", [NEXT - 1, NEXT, NEXT + ROOM - 1, NEXT + ROOM])
def test_syns(seq: int) -> None:
    """Each is challenged; where RFC 793's rule holds, one in the window ends the connection."""
    tcb = receiver()
    assert trim.admit(tcb, segment(seq, flags=SYN), 10) is DropReason.TCP_BAD_SYN
    assert (tcb.ack_now, tcb.abort_due) == (True, False)
    tcb = receiver(syns_in_window=True)
    assert trim.admit(tcb, segment(seq, flags=SYN), 10) is DropReason.TCP_BAD_SYN
    inside = NEXT <= seq < NEXT + ROOM
    assert (tcb.ack_now, tcb.abort_due, tcb.reset_ack) == (
        not inside,
        inside,
        trim.OUR_OWN if inside else None,
    )


@pytest.mark.rfc("5961", "04")
def test_so_many_challenges_in_a_second() -> None:
    tcb = receiver(challenge_acks=2, challenge_acks_ns=SECOND)

    def challenged(now: int) -> bool:
        tcb.ack_now = False
        trim.challenge(tcb, now)
        return tcb.ack_now

    assert [challenged(at) for at in (0, 1, 2, SECOND - 1)] == [True, True, False, False]
    assert [challenged(SECOND + at) for at in (0, 0, 1, SECOND - 1, SECOND)] == [
        True,
        True,
        False,
        False,
        True,
    ]
    unlimited = receiver(challenge_acks=0)
    trim.challenge(unlimited, 0)
    assert unlimited.ack_now
    assert unlimited.tally is None


# --- what is answered by a RST ----------------------------------------------------------------------------------------


def answered(tcb: Tcb) -> tuple[str, int | None]:
    if tcb.reset_ack is not None or tcb.reset_to is not None:
        return "RST", tcb.reset_ack if tcb.reset_to is None else tcb.reset_to
    return ("ACK" if tcb.ack_now and tcb.output else ""), None


@pytest.mark.parametrize(
    ("flags", "answer"), [(ACK, ("RST", 77)), (0, ("RST", IRS - 1 + 3)), (FIN, ("RST", IRS - 1 + 4))]
)
def test_before_the_syn_nothing_belongs_to_a_connection_that_begins(
    flags: int, answer: tuple[str, int]
) -> None:
    tcb = receiver(SYN_RECEIVED)
    reason = DropReason.TCP_BAD_ACK if flags & ACK else DropReason.TCP_OUT_OF_WINDOW
    assert left_of(tcb, segment(IRS - 1, 3, flags, ack=77)) is reason
    assert answered(tcb) == answer
    tcb = receiver()
    assert left_of(tcb, segment(IRS - 1, 1)) == (IRS, b""), "to one that is open it is old, and no more"
    assert answered(tcb) == ("ACK", None)


@pytest.mark.parametrize(
    ("state", "flags", "ack", "answer"),
    [
        (SYN_RECEIVED, ACK, 200, ("RST", 200)),
        (SYN_RECEIVED, ACK, 201, ("RST", 201)),
        (SYN_RECEIVED, ACK, 202, ("ACK", None)),
        (SYN_RECEIVED, ACK, 301, ("ACK", None)),
        (SYN_RECEIVED, ACK, 302, ("RST", 302)),
        (SYN_RECEIVED, 0, 302, ("ACK", None)),
        (ESTABLISHED, ACK, 302, ("ACK", None)),
    ],
)
def test_beyond_the_window(state: State, flags: int, ack: int, answer: tuple[str, int | None]) -> None:
    """It is answered by an ACK; but by a RST, whatever its numbers, if it acknowledges what a SYN,ACK did not say."""
    tcb = receiver(state)
    reason = DropReason.TCP_BAD_ACK if answer[0] == "RST" else DropReason.TCP_OUT_OF_WINDOW
    assert left_of(tcb, segment(NEXT + ROOM, 1, flags, ack=ack)) is reason
    assert answered(tcb) == answer


@pytest.mark.parametrize(("seq", "ends"), [(NEXT, True), (NEXT - 1, True), (NEXT - 2, False)])
def test_new_text_for_a_closed_socket_ends_the_connection(seq: int, ends: bool) -> None:
    """Old text is only acknowledged again."""
    tcb = receiver(FIN_WAIT_2)
    tcb.orphan = 1
    fate = trim.admit(tcb, segment(seq, 2, ack=301), 10)
    assert (fate, tcb.abort_due) == ((DropReason.TCP_BAD_SEGMENT, True) if ends else (None, False))
    assert answered(tcb) == (("RST", 301) if ends else ("ACK", None))
