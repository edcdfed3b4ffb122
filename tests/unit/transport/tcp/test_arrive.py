"""SEGMENT ARRIVES on a control block: header prediction, the window, the acknowledgment, at the edges of each condition."""

import errno
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from netarium.base.errors import Accepted, DropReason
from netarium.base.profiles import profile
from netarium.base.trace import StateChanged
from netarium.base.units import MS, SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import arrive, negotiate
from netarium.transport.tcp.state import CLOSE_WAIT, ESTABLISHED, FIN_WAIT_2, LAST_ACK, SYN_RECEIVED, State
from netarium.transport.tcp.tcb import DISORDER, ECHO_DUE, LOSS, MARKS_SEEN, OPEN, Tcb
from netarium.wire.tcp import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG, TcpSegment

NEXT = 1_000  # what we expect
NOW = 50 * SECOND


def opened(name: str = "linux", state: State = ESTABLISHED, **settings: Any) -> Tcb:
    """101 to 300 of ours are in flight; the peer has let us send 8,000 octets, scaled by 3; we let it send 1,000."""
    tcb = Tcb(4, replace(profile(name), **settings), SocketOptions(), 1, "here", None)
    tcb.state = state
    tcb.start_sending(100)
    tcb.start_receiving(NEXT - 1, 1_000)
    tcb.smss = tcb.peer_mss = tcb.path_mss = 1_460
    tcb.sendbuf.append(bytes(300))
    tcb.snd_una = 101
    for _ in range(2):
        tcb.scoreboard.add(101 + len(tcb.scoreboard) * 100, 201 + len(tcb.scoreboard) * 100, NOW - 20 * MS)
    tcb.snd_nxt = 301
    tcb.snd_wnd = tcb.max_snd_wnd = 8_000
    tcb.snd_wind_shift = 3
    tcb.snd_wl1, tcb.snd_wl2 = NEXT, 101
    tcb.rcv_buf, tcb.rcv_memory = 5_000, 10_000
    tcb.window_clamp = tcb.rcv_ssthresh = 4_000
    return tcb


def segment(size: int = 10, **more: Any) -> TcpSegment:
    fields: dict[str, Any] = {"seq": NEXT, "ack": 201, "flags": ACK, "window": 1_000, **more}
    return TcpSegment(1, 2, **fields, payload=bytes(size))


# --- header prediction ------------------------------------------------------------------------------------------------


def with_fin_behind(tcb: Tcb) -> None:
    tcb.rcv_fin = NEXT + 50


def with_another_ack_waiting(tcb: Tcb) -> None:
    tcb.held = segment(0), NOW


def closed_by_the_program(tcb: Tcb) -> None:
    tcb.orphan = 1


def half_closed(tcb: Tcb) -> None:
    tcb.state = CLOSE_WAIT


@pytest.mark.parametrize(
    ("size", "fields"),
    [
        (10, {}),
        (10, {"flags": ACK | PSH}),
        (0, {}),
        (10, {"ack": 101}),
        (10, {"ack": 301}),
        (1_000, {}),  # all that the window takes
    ],
)
def test_the_next_of_a_stream(size: int, fields: dict[str, Any]) -> None:
    tcb = opened()
    seg = segment(size, **fields)
    assert arrive.is_next_in_stream(tcb, seg, NOW)
    assert (tcb.rcv_nxt, tcb.rcv_queued) == (NEXT + size, size)
    assert (tcb.snd_una, tcb.snd_wl1, tcb.snd_wl2) == (seg.ack, NEXT, seg.ack)


@pytest.mark.parametrize(
    ("size", "fields"),
    [
        *[(10, {"flags": ACK | flag}) for flag in (FIN, SYN, RST, URG, ECE, CWR)],
        (10, {"flags": PSH}),
        (10, {"seq": NEXT - 1}),
        (10, {"seq": NEXT + 1}),
        (10, {"window": 999}),
        (10, {"window": 1_001}),
        (10, {"ack": 100}),
        (10, {"ack": 302}),
        (10, {"sack": ((5, 6),)}),
        (1_001, {}),
        (0, {"ack": 101}),  # a duplicate
    ],
)
def test_what_is_not_the_next_of_a_stream(size: int, fields: dict[str, Any]) -> None:
    tcb = opened()
    tcb.snd_wl1 = 7
    assert not arrive.is_next_in_stream(tcb, segment(size, **fields), NOW)
    assert (tcb.rcv_nxt, tcb.snd_una, tcb.snd_wl1) == (NEXT, 101, 7), "nothing of it was taken"


@pytest.mark.parametrize(
    "change", [with_fin_behind, with_another_ack_waiting, closed_by_the_program, half_closed]
)
def test_a_stream_that_does_not_run_as_it_should(change: Callable[[Tcb], None]) -> None:
    tcb = opened()
    change(tcb)
    assert not arrive.is_next_in_stream(tcb, segment(), NOW)
    assert (tcb.rcv_nxt, tcb.snd_una) == (NEXT, 101)


@pytest.mark.rfc("7323", "05")
@pytest.mark.parametrize(
    ("ts_val", "expected"),
    [(None, False), (50, True), (49, False), (50 + 0x7FFF_FFFF, True), (50 + 0x8000_0000, False)],
)
@pytest.mark.parametrize("behind", [0, 1])
def test_its_timestamp(ts_val: int | None, expected: bool, behind: int) -> None:
    """It is kept if the segment begins at the last ACK that was sent."""
    tcb = opened()
    tcb.ts_ok, tcb.ts_recent, tcb.ts_recent_at = True, 50, 5
    tcb.last_ack_sent = NEXT - behind
    assert arrive.is_next_in_stream(tcb, segment(ts_val=ts_val), NOW) == expected
    kept = expected and not behind
    assert (tcb.ts_recent, tcb.ts_recent_at) == ((ts_val, NOW) if kept else (50, 5))


@pytest.mark.parametrize(
    ("size", "ago", "known", "sample"),
    [
        (536, 7, False, 7),
        (535, 7, False, 0),  # the last of a burst: its sender may have waited
        (536, 0, False, 1),
        (536, 7, True, 0),  # one sample for each echo
        (0, 7, False, 0),
        (536, None, False, 0),  # it echoes nothing
    ],
)
def test_its_echo_is_a_round_trip(size: int, ago: int | None, known: bool, sample: int) -> None:
    tcb = opened()
    tcb.ts_ok, tcb.ts_recent = True, 50
    echo = 0 if ago is None else negotiate.timestamp(tcb, NOW) - ago
    tcb.rcv_rtt_ecr = echo if known else 1
    assert arrive.is_next_in_stream(tcb, segment(size, ts_val=50, ts_ecr=echo), NOW)
    assert tcb.rcv_rtt == sample * MS


@pytest.mark.rfc("3168", "10")
def test_a_mark_is_echoed_and_an_ack_is_due() -> None:
    for ok in (True, False):
        tcb = opened()
        tcb.ecn_ok = ok
        arrive.is_next_in_stream(tcb, segment(ecn=3), NOW)
        assert tcb.ecn_heard == (MARKS_SEEN | ECHO_DUE) * ok
    for flags, pushed in ((ACK, 0), (ACK | PSH, 1)):
        tcb = opened()
        arrive.is_next_in_stream(tcb, segment(536, flags=flags), NOW)
        assert tcb.ack_pushed == pushed
        assert tcb.ack_now, "the first are acknowledged one by one"


def test_what_was_delivered_with_marks_is_counted() -> None:
    tcb = opened()
    tcb.ecn_ok = tcb.sack_ok = True
    tcb.scoreboard.add(301, 401, NOW)
    tcb.snd_nxt = 401
    for number in (201, 301):
        arrive.check_ack(tcb, segment(0, ack=number, flags=ACK | ECE), NOW)
    assert tcb.count().delivered_ce == 2
    arrive.check_ack(tcb, segment(0, ack=401), NOW)
    assert tcb.count().delivered_ce == 2


# --- the window -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seq", "ack", "window", "linux", "rfc", "freebsd"),
    [
        # A newer segment, or acknowledgment: any window.
        (NEXT + 1, 101, 500, (500, True), (500, True), (500, True)),
        (NEXT + 1, 101, 1_000, (1_000, True), (1_000, False), (1_000, False)),
        (NEXT, 102, 500, (500, True), (500, True), (500, True)),
        # An older one: none.
        (NEXT - 1, 101, 2_000, (1_000, False), (1_000, False), (1_000, False)),
        (NEXT - 1, 102, 500, (500, True), (1_000, False), (1_000, False)),
        (NEXT, 100, 2_000, (2_000, True), (1_000, False), (1_000, False)),
        # As old: it may have been overtaken.
        (NEXT, 101, 1_001, (1_001, True), (1_001, True), (1_001, True)),
        (NEXT, 101, 1_000, (1_000, False), (1_000, False), (1_000, False)),
        (NEXT, 101, 999, (1_000, False), (999, True), (1_000, True)),
        (NEXT, 101, 0, (0, True), (0, True), (1_000, True)),
    ],
)
def test_which_window_is_taken_and_what_is_an_update(
    seq: int, ack: int, window: int, linux: tuple[int, bool], rfc: tuple[int, bool], freebsd: tuple[int, bool]
) -> None:
    for name, (known, is_update) in (("linux", linux), ("rfc", rfc), ("freebsd", freebsd)):
        tcb = opened(name)
        assert arrive._update_window(tcb, segment(0, seq=seq, ack=ack, window=window)) == is_update, name
        assert tcb.snd_wnd == 8 * known, name
        assert tcb.max_snd_wnd == 8 * max(known, 1_000), name
        if known != 1_000:
            assert (tcb.snd_wl1, tcb.snd_wl2, tcb.output) == (seq, ack, True), name


def test_with_sack_a_duplicate_may_have_any_window_on_freebsd() -> None:
    tcb = opened("freebsd")
    tcb.sack_ok = True
    assert not arrive._update_window(tcb, segment(0, ack=101, window=1_001))
    assert tcb.snd_wnd == 8_008


def test_a_window_that_opens_ends_the_probing() -> None:
    """By the book the timer of what it lets go is another; Linux counts on."""
    for name in ("rfc", "linux"):
        tcb = opened(name)
        tcb.scoreboard.acknowledge(301)
        tcb.snd_wnd = 0
        tcb.persist_at, tcb.persist_count, tcb.user_timeout_at = 5, 3, 9
        arrive._update_window(tcb, segment(0, ack=101, window=1))
        left = tcb.persist_at, tcb.persist_count, tcb.user_timeout_at
        assert left == ((0, 0, 0) if name == "rfc" else (5, 3, 9))
    busy = opened("rfc")
    busy.snd_wnd, busy.persist_at, busy.user_timeout_at = 0, 5, 9
    arrive._update_window(busy, segment(0, ack=101, window=1))
    assert (busy.persist_at, busy.user_timeout_at) == (0, 9), "what is in flight waits on"
    shut = opened("rfc")
    shut.persist_at, shut.persist_count = 5, 3
    arrive._update_window(shut, segment(0, ack=101, window=999))
    assert (shut.persist_at, shut.persist_count) == (5, 3), "it became smaller"


def test_the_largest_window_bounds_the_segment_size() -> None:
    """Two segments at the least shall fit into it, as on Linux."""
    tcb = opened()
    tcb.max_snd_wnd = tcb.snd_wnd = 800
    negotiate.set_segment_size(tcb)
    assert tcb.smss == 400
    arrive._update_window(tcb, segment(0, ack=101, window=125))
    assert tcb.smss == 500
    arrive._update_window(tcb, segment(0, ack=101, window=1_000))
    assert tcb.smss == 1_460
    first = opened()
    first.max_snd_wnd = first.snd_wnd = 0  # who began with a closed window
    arrive._update_window(first, segment(0, ack=101, window=100))
    assert first.smss == 400


# --- the acknowledgment -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ack", "fate"), [(100, DropReason.TCP_BAD_ACK), (101, None), (301, None), (302, DropReason.TCP_BAD_ACK)]
)
def test_what_completes_a_handshake(ack: int, fate: DropReason | None) -> None:
    tcb = opened(state=SYN_RECEIVED)
    tcb.snd_una = 100
    assert arrive.check_ack(tcb, segment(0, ack=ack), NOW) is fate
    assert tcb.reset_ack == (None if fate is None else ack)
    assert (tcb.state is ESTABLISHED) == (fate is None)


@pytest.mark.rfc("7323", "05")
@pytest.mark.parametrize(
    ("name", "ts", "taken"), [("linux", True, True), ("freebsd", True, False), ("linux", False, False)]
)
@pytest.mark.parametrize("sack", [False, True])
def test_who_takes_the_timestamp_of_an_ack(name: str, ts: bool, taken: bool, sack: bool) -> None:
    """Where segments are trimmed that was done before; and of what waits for its like it is taken, too."""
    tcb = opened(name)
    tcb.ts_ok, tcb.ts_recent = ts, 50
    tcb.sack_ok, tcb.recovery = True, DISORDER
    blocks = ((201, 301),) if sack else ()
    arrive.check_ack(tcb, segment(0, seq=NEXT - 1, ack=101, ts_val=60, sack=blocks), NOW)
    assert (tcb.held is not None) == sack
    assert tcb.ts_recent == (60 if taken else 50)


@pytest.mark.rfc("5961", "03")
@pytest.mark.parametrize(
    ("ack", "sent_before", "window", "taken"),
    [
        (301, 500, 1_000, True),
        (302, 500, 1_000, False),
        (101, 500, 1_000, True),
        (101 - 500, 500, 1_000, True),  # so much was acknowledged so far
        (101 - 501, 500, 1_000, False),
        (101 - 300, 500, 300, True),  # and so much was in flight at the most
        (101 - 301, 500, 300, False),
    ],
)
def test_which_acks_can_be_honest(ack: int, sent_before: int, window: int, taken: bool) -> None:
    tcb = opened()
    tcb.octets_acked, tcb.max_snd_wnd = sent_before, window
    assert (arrive.check_ack(tcb, segment(0, ack=ack), NOW) is None) == taken
    assert taken or tcb.ack_now
    anywhere = opened(acks_from_anywhere=True)
    assert (arrive.check_ack(anywhere, segment(0, ack=ack), NOW) is None) == (ack <= 301)


def test_the_ack_of_the_octet_that_probed_the_window_counts() -> None:
    tcb = opened("rfc")
    assert arrive.check_ack(tcb, segment(0, ack=302), NOW) is DropReason.TCP_BAD_ACK
    tcb = opened("rfc")
    tcb.octet_probed = True
    assert arrive.check_ack(tcb, segment(0, ack=302), NOW) is None
    assert (tcb.snd_una, tcb.snd_nxt) == (302, 302)


@pytest.mark.parametrize(
    ("change", "pulled"),
    [
        ({}, True),
        ({"window": 1}, False),
        ({"persist_at": 77}, False),  # it is being probed already
        ({"ack": 301}, False),  # nothing is in flight
        ({"name": "linux"}, False),
    ],
)
def test_a_window_that_closes_before_what_is_in_flight_pulls_back(
    change: dict[str, Any], pulled: bool
) -> None:
    tcb = opened(change.pop("name", "freebsd"))
    tcb.persist_at = change.pop("persist_at", 0)
    fields = {"ack": 201, "window": 0, **change}
    assert arrive.check_ack(tcb, segment(0, seq=NEXT + 1, **fields), NOW) is None
    assert (tcb.recovery, tcb.persist_at > 77) == ((LOSS, True) if pulled else (OPEN, False))
    if pulled:
        assert (tcb.rexmit_at, tcb.recover) == (0, 301)


def test_without_more_to_send_a_closed_window_pulls_nothing_back() -> None:
    tcb = opened("freebsd")
    tcb.snd_nxt = tcb.sendbuf.end
    arrive.check_ack(tcb, segment(0, seq=NEXT + 1, ack=201, window=0), NOW)
    assert (tcb.recovery, tcb.persist_at) == (OPEN, 0)


# --- its end ----------------------------------------------------------------------------------------------------------


def test_at_the_end_nothing_is_kept_but_what_can_be_read() -> None:
    tcb = opened()
    arrive.is_next_in_stream(tcb, segment(), NOW)
    tcb.reassembly.insert(NEXT + 500, b"x")
    tcb.rexmit_at = tcb.delack_at = NOW
    tcb.ack_now = tcb.output = tcb.syn_pending = tcb.ack_scheduled = True
    tcb.error = 5
    arrive.end(tcb, 0, "over", NOW)
    assert (tcb.rexmit_at, tcb.delack_at, tcb.error) == (0, 0, 5)
    assert not any((tcb.ack_now, tcb.output, tcb.syn_pending, tcb.ack_scheduled))
    assert (len(tcb.sendbuf), bool(tcb.scoreboard), bool(tcb.reassembly)) == (0, False, False)
    assert tcb.rcv_queued == 10
    tcb = opened()
    arrive.end(tcb, 9, "over", NOW)
    assert tcb.error == 9


@pytest.mark.parametrize(
    ("linger2", "orphan", "state", "waits"),
    [
        (-1, 1, "CLOSED", False),
        (0, 1, "FIN_WAIT2", True),
        (-1, 0, "FIN_WAIT2", False),
        (0, 0, "FIN_WAIT2", False),
    ],
)
def test_when_our_fin_arrived(linger2: int, orphan: int, state: str, waits: bool) -> None:
    tcb = opened(state=State.FIN_WAIT_1)
    tcb.options.linger2_ns, tcb.orphan = linger2, orphan
    tcb.fin_queued, tcb.fin_seq = True, 301
    tcb.scoreboard.add(301, 302, NOW)
    tcb.snd_nxt = 302
    arrive.check_ack(tcb, segment(0, seq=NEXT, ack=301), NOW)
    assert tcb.state is State.FIN_WAIT_1, "the octet before it"
    assert arrive.check_ack(tcb, segment(0, seq=NEXT, ack=302), NOW) is (
        Accepted.LOCAL if state == "CLOSED" else None
    )
    assert tcb.state.value == state
    assert (tcb.fin_wait_2_at > 0) == waits
    assert tcb.reset_ack == (302 if state == "CLOSED" else None)


class Whys:
    """A trace that keeps what changed the state."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def emit(self, event: object) -> None:
        if isinstance(event, StateChanged):
            self.seen.append(f"{event.new}: {event.why}")


@pytest.mark.parametrize(
    ("state", "orphan", "fields", "why"),
    [
        (State.FIN_WAIT_1, 0, {"ack": 302}, "FIN_WAIT2: ACK of our FIN"),
        (State.CLOSING, 0, {"ack": 302}, "TIME_WAIT: ACK of our FIN"),
        (LAST_ACK, 0, {"ack": 302}, "CLOSED: ACK of our FIN"),
        (ESTABLISHED, 0, {"flags": RST}, "CLOSED: RST received"),
        (FIN_WAIT_2, 1, {"flags": RST, "ack": 302}, "CLOSED: a reset"),
        (FIN_WAIT_2, 1, {"flags": SYN, "ack": 302}, "CLOSED: text for nobody"),
    ],
)
def test_why_is_told(state: State, orphan: int, fields: dict[str, Any], why: str) -> None:
    tcb = opened(state=state)
    trace: Any = Whys()
    tcb.trace, tcb.orphan = trace, orphan
    tcb.fin_queued, tcb.fin_seq = True, 301
    tcb.scoreboard.add(301, 302, NOW)
    tcb.snd_nxt = 302
    arrive.segment_arrives(tcb, segment(0, **fields), NOW)
    assert trace.seen == [why]


def test_why_a_socket_that_does_not_linger_is_over() -> None:
    tcb = opened(state=State.FIN_WAIT_1)
    trace: Any = Whys()
    tcb.trace, tcb.orphan, tcb.options.linger2_ns = trace, 1, -1
    tcb.fin_seq = 300
    arrive.segment_arrives(tcb, segment(0, ack=301), NOW)
    assert trace.seen == ["FIN_WAIT2: ACK of our FIN", "CLOSED: TCP_LINGER2"]
    assert tcb.error == 0


# --- FIN-WAIT-2 without a process -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "size", "fate", "state"),
    [
        ({"flags": FIN | ACK}, 0, None, "TIME_WAIT"),
        ({"flags": FIN | ACK, "ts_val": 49}, 0, None, "TIME_WAIT"),
        ({"flags": FIN | ACK, "ts_val": 48}, 0, DropReason.TCP_PAWS, "FIN_WAIT2"),
        ({"flags": FIN | ACK, "ts_val": 50 - 0x8000_0000}, 0, None, "TIME_WAIT"),
        ({"flags": FIN | ACK, "ts_val": 51 - 0x8000_0000}, 0, DropReason.TCP_PAWS, "FIN_WAIT2"),
        ({"flags": FIN | ACK, "ts_val": None}, 0, None, "TIME_WAIT"),
        ({}, 0, DropReason.TCP_BAD_SEGMENT, "FIN_WAIT2"),
        ({"seq": NEXT - 1}, 0, DropReason.TCP_OUT_OF_WINDOW, "FIN_WAIT2"),
        ({}, 5, None, "CLOSED"),
        ({"flags": RST}, 0, None, "CLOSED"),
        ({"flags": SYN}, 0, None, "CLOSED"),
    ],
)
def test_what_the_record_makes_of_a_segment(
    fields: dict[str, Any], size: int, fate: DropReason | None, state: str
) -> None:
    tcb = opened(state=FIN_WAIT_2)
    tcb.orphan = 1
    tcb.ts_ok, tcb.ts_recent = True, 50
    seg = segment(size, **{"ts_val": 50, "ack": 301, **fields})
    if seg.ts_val is not None:
        seg.ts_val &= 0xFFFF_FFFF
    assert arrive.segment_arrives(tcb, seg, NOW) is (fate or Accepted.LOCAL)
    assert tcb.state.value == state
    answered = {"CLOSED": tcb.reset_ack == 301 or tcb.reset_to == NEXT + 1 or bool(seg.flags & RST)}
    assert answered.get(state, True)
    assert tcb.ack_now == (
        fate in {DropReason.TCP_PAWS, DropReason.TCP_OUT_OF_WINDOW} or state == "TIME_WAIT"
    )


# --- resets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "passive", "orphan", "linux", "freebsd"),
    [
        (ESTABLISHED, False, 0, "ECONNRESET", "ECONNRESET"),
        (SYN_RECEIVED, False, 0, "ECONNRESET", "ECONNREFUSED"),
        (SYN_RECEIVED, True, 0, "ECONNRESET", "ECONNRESET"),
        (CLOSE_WAIT, False, 0, "EPIPE", "ECONNRESET"),
        (LAST_ACK, False, 0, "ECONNRESET", "ECONNRESET"),
        (LAST_ACK, False, 1, "", ""),
    ],
)
def test_what_a_reset_means(state: State, passive: bool, orphan: int, linux: str, freebsd: str) -> None:
    for name, told in (("linux", linux), ("freebsd", freebsd)):
        tcb = opened(name, state)
        tcb.passive, tcb.orphan = passive, orphan
        assert arrive.segment_arrives(tcb, segment(0, flags=RST), NOW) is Accepted.LOCAL
        assert (tcb.state.value, tcb.error) == ("CLOSED", getattr(errno, told) if told else 0), name
