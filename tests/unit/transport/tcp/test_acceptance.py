"""Is a segment one of the connection's, and of now? Edges that no exchange comes by easily."""

from dataclasses import replace
from typing import Any

import pytest

from netarium.base.config import TcpConfig
from netarium.base.errors import DropReason
from netarium.base.units import MS, SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import acceptance
from netarium.transport.tcp.state import CLOSE_WAIT, CLOSING, ESTABLISHED, SYN_RECEIVED, State
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, FIN, RST, SYN, TcpSegment

NEXT, WINDOW = 1_000, 500
EDGE = NEXT + WINDOW
DAY = 24 * 3600 * SECOND
RTO = 200 * MS


def receiver(state: State = ESTABLISHED, *, ts_recent: int | None = None, **settings: Any) -> Tcb:
    """A connection that expects 1,000 and has offered 500 octets; of its own, 201 to 300 wait for their ACK."""
    tcb = Tcb(4, replace(TcpConfig(), **settings), SocketOptions(), 1, "here", None)
    tcb.state = state
    tcb.start_sending(100)
    tcb.snd_una, tcb.snd_nxt = 201, 301
    tcb.start_receiving(NEXT - 1, WINDOW)
    tcb.snd_wnd, tcb.snd_wind_shift, tcb.snd_wl1 = 800, 3, NEXT
    tcb.rtt.rto = RTO
    if ts_recent is not None:
        tcb.ts_ok, tcb.ts_recent, tcb.ts_recent_at = True, ts_recent, 5
    return tcb


def segment(seq: int, size: int = 0, flags: int = ACK, **more: Any) -> TcpSegment:
    more = {"ack": 201, "window": 100, **more}
    return TcpSegment(1, 2, seq, more.pop("ack"), flags, more.pop("window"), payload=bytes(size), **more)


def passes(tcb: Tcb, seg: TcpSegment, now: int = 10) -> bool:
    fate = acceptance.check_sequence(tcb, seg, now)
    assert fate in {None, DropReason.TCP_OUT_OF_WINDOW, DropReason.TCP_PAWS}
    return fate is None


# --- Table 6 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "seq", "size", "taken"),
    [
        (WINDOW, NEXT, 0, True),
        (WINDOW, NEXT - 1, 0, False),
        (WINDOW, EDGE - 1, 0, True),
        (WINDOW, EDGE, 0, False),
        (WINDOW, NEXT - 1, 1, False),
        (WINDOW, NEXT - 1, 2, True),
        (WINDOW, EDGE - 1, 1, True),
        (WINDOW, EDGE, 1, False),
        (WINDOW, NEXT + 1, 1, True),
        (0, NEXT, 0, True),
        (0, NEXT, 1, True),  # a window probe: its ACK counts
        (0, NEXT + 1, 0, False),
        (0, NEXT - 1, 0, False),
        (0, NEXT - 1, 2, False),
    ],
)
def test_table_6_to_the_letter(window: int, seq: int, size: int, taken: bool) -> None:
    tcb = receiver(strict_window=True)
    tcb.rcv_adv = NEXT + window
    assert passes(tcb, segment(seq, size)) == taken


@pytest.mark.parametrize(
    ("queued", "size", "flags", "taken"),
    [
        (0, 1, ACK, True),  # beyond the edge, but nothing waits: there is room
        (1, 0, ACK, True),
        (1, 1, ACK, False),
        (1, 0, ACK | FIN, True),  # a FIN needs no room
        (1, 1, ACK | FIN, False),
        (0, 1, ACK | FIN, True),
    ],
)
def test_a_sender_that_knows_no_windows(queued: int, size: int, flags: int, taken: bool) -> None:
    tcb = receiver()
    tcb.rcv_queued = queued
    assert passes(tcb, segment(EDGE, size, flags)) == taken


@pytest.mark.parametrize(
    ("state", "orphan", "taken"),
    [
        (ESTABLISHED, 0, True),
        (CLOSE_WAIT, 0, False),
        (CLOSING, 1, False),
        (ESTABLISHED, 1, True),
        (CLOSE_WAIT, 1, True),
    ],
)
def test_the_end_of_the_stream_waits_to_be_read_too(state: State, orphan: int, taken: bool) -> None:
    tcb = receiver(state)
    tcb.orphan = orphan
    assert passes(tcb, segment(EDGE, 1)) == taken


# --- resets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "seq", "passing"),
    [
        (CLOSE_WAIT, NEXT - 1, True),  # some stacks do not count their FIN
        (CLOSE_WAIT, NEXT - 2, False),
        (CLOSE_WAIT, NEXT + 1, False),
        (ESTABLISHED, NEXT - 1, False),
    ],
)
def test_a_reset_before_the_fin(state: State, seq: int, passing: bool) -> None:
    tcb = receiver(state)
    tcb.rcv_adv = NEXT
    assert passes(tcb, segment(seq, flags=RST)) == passing
    assert not tcb.ack_now, "a reset is never answered here"
    assert acceptance.is_reset_nearly_exact(tcb, seq) == passing


def test_a_reset_behind_all_that_came_out_of_order() -> None:
    tcb = receiver()
    tcb.sack_ok = True
    assert not acceptance.is_reset_nearly_exact(tcb, 0)
    tcb.reassembly.insert(NEXT + 100, bytes(50))
    found = [seq for seq in range(NEXT - 2, EDGE) if acceptance.is_reset_nearly_exact(tcb, seq)]
    assert found == [NEXT + 150]
    tcb.sack_ok = False
    assert not acceptance.is_reset_nearly_exact(tcb, NEXT + 150)


# --- a simultaneous open ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passive", "flags", "seq", "crosses"),
    [
        (False, SYN | ACK, NEXT - 1, True),
        (False, SYN, NEXT - 1, False),
        (False, SYN | ACK, NEXT, False),
        (True, SYN | ACK, NEXT - 1, False),
    ],
)
def test_a_syn_ack_that_crosses_ours(passive: bool, flags: int, seq: int, crosses: bool) -> None:
    """Only its ACK is news; its window was not scaled, as later ones will be."""
    tcb = receiver(SYN_RECEIVED)
    tcb.passive, tcb.sack_ok = passive, True
    seg = segment(seq, flags=flags)
    assert passes(tcb, seg)
    assert (seg.seq, seg.flags, seg.window) == ((NEXT, ACK, 12) if crosses else (seq, flags, 100))
    assert (tcb.ack_now, tcb.dsack) == ((True, (NEXT - 1, NEXT)) if crosses else (False, None))


# --- timestamps -------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("7323", "06")
@pytest.mark.parametrize(
    ("behind", "old"), [(1, False), (2, True), (0x7FFF_FFFF, True), (0x8000_0000, False)]
)
def test_half_of_the_circle_is_the_past(behind: int, old: bool) -> None:
    told = (50 - behind) & 0xFFFF_FFFF
    assert passes(receiver(ts_recent=50), segment(NEXT, 1, ts_val=told)) != old


@pytest.mark.rfc("7323", "06")
@pytest.mark.parametrize(("after", "old"), [(24 * DAY - 1, True), (24 * DAY, False), (1, True)])
def test_after_24_days_nothing_is_old(after: int, old: bool) -> None:
    tcb = receiver(ts_recent=50)
    tcb.ts_recent_at = 30 * DAY
    assert passes(tcb, segment(NEXT, 1, ts_val=40), 30 * DAY + after) != old


@pytest.mark.parametrize(
    ("behind", "flags", "seq", "ack", "window", "answered"),
    [
        (240, ACK, NEXT, 201, 100, False),  # the timeout and a fifth of it
        (241, ACK, NEXT, 201, 100, True),
        (240, 0, NEXT, 201, 100, True),
        (240, ACK, NEXT + 1, 201, 100, True),
        (240, ACK, NEXT, 202, 100, True),
        (240, ACK, NEXT, 201, 101, True),  # it might open the window
        (240, ACK, NEXT, 201, 99, False),
        (240, ACK, NEXT, 201, 0, True),
    ],
)
def test_an_ack_that_was_overtaken(
    behind: int, flags: int, seq: int, ack: int, window: int, answered: bool
) -> None:
    tcb = receiver(ts_recent=500)
    assert passes(tcb, segment(seq, flags=flags, ack=ack, window=window, ts_val=500 - behind)) != answered
    assert tcb.ack_now == answered


@pytest.mark.rfc("7323", "05")
@pytest.mark.parametrize(
    ("recent", "told", "seq", "taken"),
    [
        (50, 50, NEXT, True),
        (50, 49, NEXT, False),
        (50, (50 + 0x7FFF_FFFF) & 0xFFFF_FFFF, NEXT, True),
        (50, (50 + 0x8000_0000) & 0xFFFF_FFFF, NEXT, False),
        (0, 0x9000_0000, NEXT, True),  # nothing was told yet
        (50, 60, NEXT + 1, False),
        (50, 60, NEXT - 9, True),
    ],
)
def test_which_timestamp_is_kept(recent: int, told: int, seq: int, taken: bool) -> None:
    tcb = receiver(ts_recent=recent)
    acceptance.take_timestamp(tcb, segment(seq, ts_val=told), 77)
    assert (tcb.ts_recent, tcb.ts_recent_at) == ((told, 77) if taken else (recent, 5))


@pytest.mark.rfc("7323", "04")
@pytest.mark.parametrize(("flags", "taken"), [(ACK, False), (ACK | FIN, False), (SYN, True), (RST, True)])
def test_a_segment_without_a_timestamp(flags: int, taken: bool) -> None:
    assert (
        passes(receiver(ts_recent=50, tolerate_missing_timestamp=False), segment(NEXT, flags=flags)) == taken
    )
    assert passes(receiver(ts_recent=50), segment(NEXT, flags=flags))
