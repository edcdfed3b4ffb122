"""What runs out: when to probe, when to give up, when the next timer is due."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import timers, xmittimer
from netarium.transport.tcp.congestion.reno import Reno
from netarium.transport.tcp.state import State
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, RST, TcpSegment

MSS = 1_000
NOW = 1_000 * SECOND
TIMED_OUT = 110


def sender(out: int = 0, waiting: int = 0, *, window: int = 60_000, **config: object) -> Tcb:
    """So many segments are out since a second, so many octets wait; something was heard just now."""
    tcb = Tcb(4, replace(TcpConfig(), **config), SocketOptions(), 1, "us", None)
    tcb.smss, tcb.state, tcb.snd_wnd = MSS, State.ESTABLISHED, window
    tcb.start_sending(100)
    tcb.snd_una = tcb.snd_nxt = tcb.snd_up = 101
    tcb.snd_wnd = window
    tcb.congestion = Reno(MSS, 10 * MSS, tcb.config)
    tcb.last_received_at = NOW
    for _ in range(out):
        tcb.sendbuf.append(bytes(MSS))
        tcb.scoreboard.add(tcb.snd_nxt, tcb.snd_nxt + MSS, NOW - SECOND)
        tcb.snd_nxt += MSS
    tcb.sendbuf.append(bytes(waiting))
    tcb.output = False
    return tcb


class Notes:
    """A trace that only keeps which timer it was."""

    def __init__(self) -> None:
        self.timers: list[str] = []
        self.cause = 0

    def emit(self, event: object) -> int:
        if hasattr(event, "timer"):
            self.timers.append(event.timer)
        return 0


@pytest.mark.parametrize(
    ("timer", "name"),
    [
        ("delack_at", "delayed ACK"),
        ("compressed_at", "compressed ACKs"),
        ("user_timeout_at", "user timeout"),
        ("rexmit_at", "retransmission"),
        ("persist_at", "persist"),
        ("keepalive_at", "keep-alive"),
        ("fin_wait_2_at", "FIN-WAIT-2"),
    ],
)
def test_the_trace_tells_which_timer_it_was(timer: str, name: str) -> None:
    fin = timer == "fin_wait_2_at"
    tcb = sender(
        1 if timer == "rexmit_at" else 0, 100 if timer == "persist_at" else 0, window=0, retries_by_time=False
    )
    tcb.state, tcb.orphan = (State.FIN_WAIT_2, 1) if fin else (State.ESTABLISHED, 0)
    tcb.options.keepalive = timer == "keepalive_at"
    tcb.last_received_at = NOW - 100_000 * SECOND
    tcb.trace = notes = Notes()
    setattr(tcb, timer, NOW + 1)
    timers.on_deadline(tcb, NOW)
    assert notes.timers == []
    timers.on_deadline(tcb, NOW + 1)
    assert notes.timers == [name]


@pytest.mark.parametrize(
    ("what_for", "name"), [(xmittimer.PROBE, "loss probe"), (xmittimer.REORDERING, "reordering")]
)
def test_and_what_the_one_behind_all_that_was_sent_is_for(what_for: int, name: str) -> None:
    tcb = sender(2)
    tcb.sack_ok = True
    tcb.trace = notes = Notes()
    tcb.rexmit_at, tcb.rexmit_for = NOW, what_for
    assert timers.on_deadline(tcb, NOW) is None
    assert notes.timers == [name]
    assert tcb.rexmit_for == xmittimer.TIMEOUT


def test_the_next_is_the_earliest_of_all() -> None:
    names = ["rexmit_at", "delack_at", "persist_at", "keepalive_at", "pacing_at", "compressed_at", "user_timeout_at",
             "fin_wait_2_at"]  # fmt: skip
    tcb = sender()
    assert timers.next_deadline(tcb) is None
    for name in names:
        setattr(tcb, name, 5)
        assert timers.next_deadline(tcb) == 5
        setattr(tcb, name, 0)
    for at, name in enumerate(names):
        setattr(tcb, name, 100 - at)
        assert timers.next_deadline(tcb) == 100 - at


def test_with_nothing_out_nothing_is_sent_again() -> None:
    tcb = sender()
    tcb.rexmit_at = NOW
    assert timers.on_deadline(tcb, NOW) is None
    assert tcb.rexmit_at == 0


# --- probing a closed window ----------------------------------------------------------------------------------------


@pytest.mark.rfc("9293", "MUST-37")
@pytest.mark.parametrize(
    ("waiting", "window", "payload", "orphan", "outcome"),
    [
        (500, 500, b"", 0, "open"),
        (500, 499, b"", 0, "waits"),
        (5_000, 1_000, b"", 0, "open"),
        (5_000, 999, b"", 0, "waits"),
        (0, 1, b"", 0, "open"),  # for a FIN
        (0, 0, b"", 0, "waits"),
        (500, 0, b"text", 0, "nothing"),
        (500, 0, b"", 1, "nothing"),
    ],
)
def test_an_answer_opens_the_window_or_gives_the_next_probe_its_interval(
    waiting: int, window: int, payload: bytes, orphan: int, outcome: str
) -> None:
    tcb = sender(0, waiting, window=window)
    tcb.persist_at, tcb.persist_count, tcb.user_timeout_at, tcb.orphan = 5, 3, 7, orphan
    interval = tcb.persist_interval
    timers.heard(tcb, TcpSegment(1, 2, 1, 101, ACK, window, payload=payload), NOW)
    assert (tcb.persist_at, tcb.persist_count, tcb.user_timeout_at) == {
        "open": (0, 0, 0),
        "waits": (NOW + interval, 3, 7),
        "nothing": (5, 3, 7),
    }[outcome]


def test_what_is_no_answer_to_a_probe() -> None:
    """Something is out, nothing is acknowledged, or it is not Linux that asks."""
    answer, reset = TcpSegment(1, 2, 1, 101, ACK, 0), TcpSegment(1, 2, 1, 101, RST, 0)
    for tcb, seg in (
        (sender(1, 500), answer),
        (sender(0, 500), reset),
        (sender(0, 500, retries_by_time=False), answer),
    ):
        tcb.persist_at = 5
        timers.on_answer_to_probe(tcb, seg, NOW)
        assert tcb.persist_at == 5


def persist(tcb: Tcb) -> int | None:
    tcb.persist_at = NOW
    return timers.on_deadline(tcb, NOW)


@pytest.mark.rfc("9293", "SHLD-30")
@pytest.mark.parametrize(("by_time", "counts"), [(True, [1, 2, 2, 2]), (False, [1, 2, 3, 4])])
def test_probes_are_counted_up_to_the_limit(by_time: bool, counts: list[int]) -> None:
    tcb = sender(0, 500, window=0, data_retries=2, retries_by_time=by_time)
    seen = []
    for _ in counts:
        assert persist(tcb) is None
        tcb.last_received_at = NOW  # each is answered
        seen.append(tcb.persist_count)
        assert (tcb.probe_due, tcb.output, tcb.sws_override) == (1, True, False)
        tcb.output = False
    assert seen == counts


def test_a_small_window_that_stays_small_is_used() -> None:
    tcb = sender(0, 500, window=1)
    tcb.persist_count = 3
    assert persist(tcb) is None
    assert (tcb.sws_override, tcb.persist_count, tcb.probe_due, tcb.output) == (True, 0, 0, True)


@pytest.mark.parametrize(("up", "octet", "probe"), [(102, True, 2), (102, False, 1), (101, True, 1)])
def test_a_probe_tells_of_urgent_octets(up: int, octet: bool, probe: int) -> None:
    tcb = sender(0, 500, window=0, urgent_octet=octet)
    tcb.snd_up = up
    persist(tcb)
    assert tcb.probe_due == probe


@pytest.mark.parametrize(("waiting", "fin", "probes"), [(1, False, True), (0, True, True), (0, False, False)])
def test_a_window_is_probed_for_text_or_a_fin(waiting: int, fin: bool, probes: bool) -> None:
    tcb = sender(0, waiting, window=0)
    tcb.fin_queued = fin
    persist(tcb)
    assert (tcb.persist_at > 0) is (tcb.probe_due > 0) is probes


@pytest.mark.parametrize(
    ("out", "window", "due", "blames"),
    [(0, 1, True, True), (0, 1, False, False), (0, 0, True, False), (1, 2_000, True, False)],
)
@pytest.mark.parametrize("patience", [0, 5 * SECOND])
def test_a_device_that_takes_nothing_is_asked_again_soon(
    out: int, window: int, due: bool, blames: bool, patience: int
) -> None:
    """Without any backoff; the user's patience counts either way."""
    tcb = sender(out, 500, window=window)
    tcb.output, tcb.user_timeout_ns = due, patience
    assert persist(tcb) is None
    assert (tcb.persist_at - NOW == timers._DEVICE_INTERVAL) is blames
    assert tcb.persist_at > NOW
    assert tcb.user_timeout_at == (NOW + patience if patience else 0)
    tcb.user_timeout_at = 2 * NOW
    persist(tcb)
    assert tcb.user_timeout_at == 2 * NOW


@pytest.mark.parametrize(
    ("orphan", "probes", "count", "backoff", "hopeless"),
    [
        (0, 14, 99, 9, False),
        (0, 15, 0, 0, True),
        (1, 6, 6, 0, False),
        (1, 7, 0, 0, True),
        (1, 0, 7, 9, True),
        (1, 0, 6, 9, False),
    ],
)
def test_a_window_is_hopeless_after_so_many_probes(
    orphan: int, probes: int, count: int, backoff: int, hopeless: bool
) -> None:
    """On Linux fewer for a socket that nobody has any more, if the interval is at its limit."""
    tcb = sender(0, 500, window=0, data_retries=15, orphan_retries=7, retries_by_time=True)
    tcb.orphan, tcb.persist_count, tcb.probes_out = orphan, count, probes
    tcb.last_received_at, tcb.probed_at = NOW - 2, NOW - 1
    for _ in range(backoff):
        tcb.rtt.back_off()
    assert persist(tcb) == (TIMED_OUT if hopeless else None)


@pytest.mark.parametrize(
    ("orphan", "count", "silent", "hopeless"),
    [(0, 4, 121, False), (0, 5, 121, True), (0, 5, 120, False), (1, 2, 0, False), (1, 3, 0, True)],
)
def test_elsewhere_silence_of_two_longest_timeouts_makes_it_so(
    orphan: int, count: int, silent: int, hopeless: bool
) -> None:
    tcb = sender(
        0, 500, window=0, data_retries=5, orphan_retries=3, retries_by_time=False, max_rto_ns=60 * SECOND
    )
    tcb.orphan, tcb.persist_count, tcb.last_received_at = orphan, count, NOW - silent * SECOND
    assert persist(tcb) == (TIMED_OUT if hopeless else None)


# --- is anybody there? ----------------------------------------------------------------------------------------------


def alive(**options: object) -> Tcb:
    tcb = sender()
    tcb.options.keepalive = True
    for name, value in {"keepidle_ns": 60 * SECOND, "keepintvl_ns": 10 * SECOND, **options}.items():
        setattr(tcb.options, name, value)
    timers.restart_keepalive(tcb, NOW)
    return tcb


@pytest.mark.rfc("9293", "MUST-26")
@pytest.mark.parametrize("why", ["heard", "out", "waiting", "fin"])
def test_who_was_heard_or_has_to_acknowledge_something_is_not_asked(why: str) -> None:
    tcb = alive()
    assert tcb.keepalive_at == NOW + 60 * SECOND
    now = tcb.keepalive_at
    tcb.last_received_at = now - 20 * SECOND if why == "heard" else NOW
    if why == "out":
        tcb.scoreboard.add(101, 102, NOW)
    tcb.sendbuf.append(b"x" if why == "waiting" else b"")
    tcb.fin_queued = why == "fin"
    assert timers.on_deadline(tcb, now) is None
    assert (tcb.probe_due, tcb.keepalive_count) == (0, 0)
    assert tcb.keepalive_at == now + (40 if why == "heard" else 60) * SECOND


def test_whose_fin_is_sent_is_asked() -> None:
    tcb = alive()
    tcb.fin_queued, tcb.fin_seq = True, 100
    assert timers.on_deadline(tcb, tcb.keepalive_at) is None
    assert (tcb.probe_due, tcb.keepalive_count, tcb.keepalive_at) == (1, 1, NOW + 70 * SECOND)


@pytest.mark.parametrize(
    ("on", "always", "orphan", "fin_wait_2", "asks"),
    [(True, False, 0, 0, True), (False, True, 0, 0, True), (False, False, 0, 0, False), (True, False, 1, 0, True),
     (True, False, 0, NOW * 2, True), (True, False, 1, NOW * 2, False)],
)  # fmt: skip
def test_it_stops_when_it_is_switched_off_or_only_a_fin_is_waited_for(
    on: bool, always: bool, orphan: int, fin_wait_2: int, asks: bool
) -> None:
    tcb = alive()
    tcb.config = replace(tcb.config, keepalive_always=always)
    tcb.options.keepalive, tcb.orphan, tcb.fin_wait_2_at = on, orphan, fin_wait_2
    assert timers.on_deadline(tcb, tcb.keepalive_at) is None
    assert (tcb.probe_due > 0) is (tcb.keepalive_at > 0) is asks


def test_after_so_many_questions_nobody_is_there() -> None:
    tcb = alive(keepcnt=2)
    for _ in range(2):
        assert timers.on_deadline(tcb, tcb.keepalive_at) is None
    assert timers.on_deadline(tcb, tcb.keepalive_at) == TIMED_OUT


def test_with_a_user_timeout_it_is_the_silence_that_counts() -> None:
    for silence, dead in ((79, False), (80, True)):
        tcb = alive(keepcnt=2)
        tcb.user_timeout_ns = 80 * SECOND
        tcb.keepalive_count, tcb.keepalive_at = 1, NOW + silence * SECOND
        assert timers.on_deadline(tcb, tcb.keepalive_at) == (TIMED_OUT if dead else None)
    tcb = alive()
    tcb.user_timeout_ns = SECOND
    assert timers.on_deadline(tcb, tcb.keepalive_at) is None, "it was not asked yet"


def test_a_sign_of_life_begins_the_idle_time_anew() -> None:
    tcb = alive()
    tcb.keepalive_count = 3
    for before, restarts in (
        (tcb.config.keepalive_interval_ns + 1, False),
        (tcb.config.keepalive_interval_ns, True),
    ):
        tcb.keepalive_at = NOW + before
        timers.heard(tcb, TcpSegment(1, 2, 1, 101, ACK, 0), NOW)
        assert tcb.keepalive_count == 0
        assert (tcb.keepalive_at == NOW + 60 * SECOND) is restarts


def test_another_idle_time_counts_from_what_was_heard_last() -> None:
    tcb = alive()
    before = tcb.keepalive_at
    timers.keepalive_changed(tcb, NOW + SECOND)
    assert tcb.keepalive_at == before
    tcb.options.keepidle_ns = 30 * SECOND
    timers.keepalive_changed(tcb, NOW + SECOND)
    assert tcb.keepalive_at == NOW + 30 * SECOND
    tcb.options.keepidle_ns = 20 * SECOND
    timers.keepalive_changed(tcb, NOW + 25 * SECOND)
    assert tcb.keepalive_at == NOW + 25 * SECOND
    tcb.options.keepalive = False
    timers.keepalive_changed(tcb, NOW)
    assert tcb.keepalive_at == 0
    tcb.options.keepalive = True
    timers.keepalive_changed(tcb, NOW)
    assert tcb.keepalive_at == NOW + 20 * SECOND


# --- giving up ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "config", "patience"),
    [
        ({}, {}, 60),
        ({"linger2_ns": 5 * SECOND}, {}, 5),
        ({}, {"fin_wait_2_by_keepalive": True}, 9 * 75),
        ({"keepcnt": 3, "keepintvl_ns": 10 * SECOND}, {"fin_wait_2_by_keepalive": True}, 40),
    ],
)
def test_how_long_a_fin_is_waited_for(
    options: dict[str, object], config: dict[str, object], patience: int
) -> None:
    tcb = sender(
        fin_wait_2_timeout_ns=60 * SECOND, keepalive_probes=8, keepalive_interval_ns=75 * SECOND, **config
    )
    for name, value in options.items():
        setattr(tcb.options, name, value)
    timers.await_fin(tcb, NOW)
    assert tcb.fin_wait_2_at == NOW + patience * SECOND


@pytest.mark.parametrize(("silent", "dead"), [(20, False), (21, True)])
@pytest.mark.parametrize("window", [0, 1])
def test_who_has_taken_the_window_back_and_answers_is_not_given_up(
    silent: int, dead: bool, window: int
) -> None:
    """Two of the longest timeouts long."""
    tcb = sender(1, window=window, max_rto_ns=10 * SECOND, data_retries=3, retries_by_time=True)
    tcb.last_received_at = NOW - silent * SECOND
    tcb.first_resent_at, tcb.rexmit_count, tcb.rexmit_at = NOW - 900 * SECOND, 3, NOW
    assert timers.on_deadline(tcb, NOW) == (TIMED_OUT if dead or window else None)


@pytest.mark.parametrize(("since", "dead"), [(20, False), (21, True)])
def test_resending_into_a_closed_window_lasts_for_two_of_the_longest_timeouts(since: int, dead: bool) -> None:
    tcb = sender(1, window=0, max_rto_ns=10 * SECOND, data_retries=3, retries_by_time=True)
    tcb.last_received_at = NOW - 900 * SECOND
    tcb.first_resent_at, tcb.rexmit_at = NOW - since * SECOND, NOW
    assert timers.on_deadline(tcb, NOW) == (TIMED_OUT if dead else None)


@pytest.mark.parametrize(
    ("count", "orphan", "dead"), [(4, 0, False), (5, 0, True), (2, 1, False), (3, 1, True)]
)
def test_by_number_it_is_so_many_retransmissions(count: int, orphan: int, dead: bool) -> None:
    tcb = sender(1, data_retries=5, orphan_retries=3, retries_by_time=False)
    tcb.rexmit_count, tcb.orphan, tcb.rexmit_at = count, orphan, NOW
    assert timers.on_deadline(tcb, NOW) == (TIMED_OUT if dead else None)
    tcb.soft_error = 113
    tcb.rexmit_count, tcb.rexmit_at = 99, NOW
    assert timers.on_deadline(tcb, NOW) == 113
