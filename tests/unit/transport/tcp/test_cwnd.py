"""The congestion window in the life of a connection: what its control is told, and when."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import cwnd
from netarium.transport.tcp.congestion.reno import Reno
from netarium.transport.tcp.rate import RateSample, RateSampler
from netarium.transport.tcp.state import State
from netarium.transport.tcp.tcb import CWR, DISORDER, LOSS, OPEN, RECOVERY, Tcb

MSS = 1_000
NOW = 100 * SECOND
RTO = SECOND


class Recorder(Reno):
    """A control that notes what it is told."""

    def __init__(self, segments: int, *, samples_rate: bool = False) -> None:
        super().__init__(MSS, segments * MSS, TcpConfig())
        self.ssthresh = 0  # no slow start
        self.told: list[tuple[object, ...]] = []
        self.samples_rate = samples_rate
        self.is_small_on_purpose = True

    def on_ack(self, *, acked: int, flight_size: int, rtt_ns: int, cwnd_limited: bool, now: int) -> None:
        self.told.append((acked, flight_size, rtt_ns, cwnd_limited, now))

    def on_unused(self, *, used: int) -> None:
        self.told.append(("unused", used))

    def on_idle(self, *, idle_ns: int, rto_ns: int, initial_window: int) -> None:
        self.told.append(("idle", idle_ns, rto_ns, initial_window))

    def on_sample(self, sample: RateSample) -> bool:
        self.told.append(
            (sample.acked, sample.lost, sample.in_flight, sample.prior_in_flight, sample.rtt_ns, sample.recovering,
             sample.after_timeout)
        )  # fmt: skip
        return self.is_small_on_purpose


def sender(
    out: int, segments: int = 10, *, samples_rate: bool = False, **config: object
) -> tuple[Tcb, Recorder]:
    """So many segments are out of a window of `segments`, and nothing waits; the RTO is a second."""
    tcb = Tcb(4, replace(TcpConfig(initial_window_segments=4), **config), SocketOptions(), 1, "us", None)
    tcb.smss = MSS
    tcb.start_sending(100)
    tcb.snd_una = tcb.snd_nxt = tcb.cwnd_usage_seq = 101
    tcb.snd_wnd = 1 << 20

    control = Recorder(segments, samples_rate=samples_rate)
    tcb.congestion = control
    tcb.rate = None
    tcb.max_packets_out = tcb.snd_cwnd_used = 0
    tcb.snd_cwnd_stamp = NOW
    tcb.last_sent_at = NOW
    leave(tcb, out)
    return tcb, control


def leave(tcb: Tcb, segments: int) -> None:
    for _ in range(segments):
        tcb.sendbuf.append(bytes(MSS))
        tcb.scoreboard.add(tcb.snd_nxt, tcb.snd_nxt + MSS, NOW)
        tcb.snd_nxt += MSS


def arrive(tcb: Tcb, segments: int) -> None:
    tcb.snd_una += segments * MSS
    tcb.scoreboard.acknowledge(tcb.snd_una)


def usage(tcb: Tcb) -> tuple[bool, int, int]:
    """Limited; the most that was out, and up to where that round trip goes, in segments."""
    return tcb.cwnd_limited, tcb.max_packets_out // MSS, (tcb.cwnd_usage_seq - 101) // MSS


@pytest.mark.rfc("5681", "06")
def test_the_strongest_sign_of_a_round_trip_counts() -> None:
    """RFC 2861 §3: once the window was full it was; else it is the most that was out."""
    tcb, _ = sender(5)
    cwnd.check_usage(tcb, NOW)
    assert usage(tcb) == (False, 5, 5)
    arrive(tcb, 2)
    cwnd.check_usage(tcb, NOW)
    assert usage(tcb) == (False, 5, 5), "less"
    leave(tcb, 2)
    cwnd.check_usage(tcb, NOW)
    assert usage(tcb) == (False, 5, 5), "as much"
    leave(tcb, 1)
    cwnd.check_usage(tcb, NOW)
    assert usage(tcb) == (False, 6, 8), "more"
    tcb.congestion.cwnd = 6 * MSS
    arrive(tcb, 1)
    leave(tcb, 1)
    cwnd.check_usage(tcb, NOW)
    assert usage(tcb) == (True, 6, 9), "all of a smaller window"
    tcb.congestion.cwnd = 20 * MSS
    leave(tcb, 3)
    cwnd.check_usage(tcb, NOW)
    assert usage(tcb) == (True, 6, 9), "more, but far from the window"
    arrive(tcb, 6)
    assert tcb.snd_una == tcb.cwnd_usage_seq
    cwnd.check_usage(tcb, NOW)
    assert usage(tcb) == (False, 3, 12), "the round trip is over"


@pytest.mark.parametrize(("out", "held", "limited"), [(9, False, False), (10, False, True), (3, True, True)])
def test_a_window_is_full_if_no_segment_fits_or_something_is_held_back(
    out: int, held: bool, limited: bool
) -> None:
    tcb, _ = sender(out)
    tcb.cwnd_check_due = True
    cwnd.check_usage(tcb, NOW, held=held)
    assert (tcb.cwnd_limited, tcb.cwnd_check_due) == (limited, False)
    tcb, _ = sender(9)
    tcb.congestion.cwnd = 10 * MSS - 1
    cwnd.check_usage(tcb, NOW)
    assert tcb.cwnd_limited


@pytest.mark.parametrize(
    ("out", "ssthresh", "form", "is_used"),
    [
        (5, 0, "segments", False),
        (10, 0, "segments", True),
        (6, 100, "segments", True),
        (5, 100, "segments", False),
        (6, 10, "segments", False),
        (6, 11, "segments", True),
        (5, 0, "octets", True),
    ],
)
def test_a_window_is_used_if_it_is_full_or_slow_start_may_double_it(
    out: int, ssthresh: int, form: str, is_used: bool
) -> None:
    """The BSDs never ask."""
    tcb, control = sender(out, cwnd_form=form)
    control.ssthresh = ssthresh * MSS
    tcb.snd_cwnd_stamp = NOW - RTO + 1
    tcb.snd_cwnd_used = 2 * MSS
    cwnd.check_usage(tcb, NOW)
    assert tcb.snd_cwnd_used == (0 if is_used else out * MSS)
    assert tcb.snd_cwnd_stamp == (NOW if is_used else NOW - RTO + 1)
    assert control.told == []


def test_the_most_that_was_used_is_remembered() -> None:
    tcb, _ = sender(5)
    tcb.snd_cwnd_used = 6 * MSS
    cwnd.check_usage(tcb, NOW)
    assert tcb.snd_cwnd_used == 6 * MSS


@pytest.mark.parametrize(
    ("used", "after", "recovery", "waits", "told"),
    [
        (6, RTO, OPEN, False, [("unused", 6_000)]),
        (2, RTO, OPEN, False, [("unused", 4_000)]),
        (6, RTO, OPEN, True, []),
        (6, RTO, DISORDER, False, []),
        (6, RTO - 1, OPEN, False, None),
    ],
)
def test_after_a_timeout_without_use_the_window_shrinks(
    used: int, after: int, recovery: int, waits: bool, told: list[object] | None
) -> None:
    """RFC 2861 §3: not below the initial one, and not while things are not in order or something waits."""
    tcb, control = sender(used)
    tcb.recovery = recovery
    tcb.snd_cwnd_stamp = NOW - after
    if waits:
        tcb.sendbuf.append(b"more")
    cwnd.check_usage(tcb, NOW)
    assert control.told == (told or [])
    assert (tcb.snd_cwnd_used, tcb.snd_cwnd_stamp) == (
        (used * MSS, NOW - after) if told is None else (0, NOW)
    )


def test_it_does_not_shrink_if_the_system_does_not_want_it() -> None:
    tcb, control = sender(6, slow_start_after_idle=False)
    tcb.snd_cwnd_stamp = 1
    cwnd.check_usage(tcb, NOW)
    tcb.last_sent_at = 1
    cwnd.check_idle(tcb, NOW)
    assert (control.told, tcb.snd_cwnd_stamp) == ([], 1)


@pytest.mark.parametrize(("idle", "told"), [(RTO, False), (RTO + 1, True)])
@pytest.mark.parametrize("form", ["segments", "octets"])
def test_silence_is_more_than_a_timeout(idle: int, told: bool, form: str) -> None:
    """RFC 5681 §4.1 at once, as the BSDs, or by and by."""
    tcb, control = sender(0, cwnd_form=form)
    tcb.last_sent_at = NOW - idle
    tcb.snd_cwnd_used, tcb.snd_cwnd_stamp = 7, 7
    cwnd.check_idle(tcb, NOW)
    counted = RTO << 20 if form == "octets" else idle
    assert control.told == ([("idle", counted, RTO, 4_000)] if told else [])
    assert (tcb.snd_cwnd_used, tcb.snd_cwnd_stamp) == ((0, NOW) if told else (7, 7))


def test_who_never_sent_was_not_silent_nor_who_recovers() -> None:
    tcb, control = sender(0)
    tcb.last_sent_at = 0
    cwnd.check_idle(tcb, NOW)
    tcb.last_sent_at, tcb.recovery = 1, CWR
    cwnd.check_idle(tcb, NOW)
    assert control.told == []


@pytest.mark.parametrize(
    ("limited", "recovery", "doubles", "told"),
    [
        (False, OPEN, False, False),
        (True, OPEN, False, True),
        (False, LOSS, False, True),
        (False, OPEN, True, True),
    ],
)
def test_an_ack_tells_the_control_what_arrived(
    limited: bool, recovery: int, doubles: bool, told: bool
) -> None:
    tcb, control = sender(8)
    tcb.cwnd_limited, tcb.recovery = limited, recovery
    if doubles:
        control.ssthresh, tcb.max_packets_out = 100 * MSS, 6 * MSS
    arrive(tcb, 3)
    cwnd.on_ack(tcb, 3, 77, NOW + 5)
    assert control.told == [(3_000, 5_000, 77, told, NOW + 5)]
    assert tcb.snd_cwnd_stamp == NOW + 5


@pytest.mark.parametrize(("recovery", "told"), [(OPEN, True), (DISORDER, False)])
def test_a_burst_that_the_device_still_had_is_looked_at_first(recovery: int, told: bool) -> None:
    """While things are not in order no time passes for the window."""
    tcb, control = sender(6)
    tcb.cwnd_check_due, tcb.recovery, tcb.snd_cwnd_stamp = True, recovery, NOW - RTO
    cwnd.on_ack(tcb, 1, 0, NOW)
    assert not tcb.cwnd_check_due
    assert (("unused", 6_000) in control.told) is told
    assert tcb.snd_cwnd_used == (0 if told else 6_000)


@pytest.mark.parametrize(
    ("form", "window", "ssthresh", "snd_wnd", "recovery", "acked", "limited"),
    [
        ("segments", 10, 11, 99, OPEN, 2, False),
        ("segments", 10, 10, 99, OPEN, 5, False),
        ("octets", 10, 10, 10, OPEN, 2, True),
        ("octets", 10, 9, 10, OPEN, 5, True),
        ("octets", 10, 10, 9, OPEN, 2, False),
        ("octets", 10, 11, 99, LOSS, 1, True),
        ("octets", 10, 9, 99, LOSS, 5, True),
    ],
)
@pytest.mark.attack("TCP-53")
def test_an_ack_counts_for_so_many_segments_in_slow_start(
    form: str, window: int, ssthresh: int, snd_wnd: int, recovery: int, acked: int, limited: bool
) -> None:
    """RFC 3465 §2.2; the BSDs go on at ssthresh, count for one after a timeout, and ask whether the peer's window is larger."""
    tcb, control = sender(8, window, abc_limit=2, cwnd_form=form)
    control.ssthresh, tcb.snd_wnd, tcb.recovery = ssthresh * MSS, snd_wnd * MSS, recovery
    cwnd.on_ack(tcb, 5, 0, NOW)
    assert control.told == [(acked * MSS, 8_000, 0, limited, NOW)]


def test_a_super_segment_is_acknowledged_as_a_whole() -> None:
    tcb, control = sender(8, abc_limit=2)
    control.ssthresh, tcb.gso_size = 99 * MSS, 4 * MSS
    cwnd.on_ack(tcb, 5, 0, NOW)
    assert control.told[0][0] == 4 * MSS


@pytest.mark.parametrize("recovery", [OPEN, RECOVERY, LOSS])
def test_who_works_by_samples_gets_samples(recovery: int) -> None:
    tcb, control = sender(8, samples_rate=True)
    tcb.rate, tcb.recovery = RateSampler(), recovery
    arrive(tcb, 3)
    cwnd.on_ack(tcb, 3, 77, NOW, lost=2)
    assert control.told == [(3_000, 2_000, 5_000, 10_000, 77, recovery == RECOVERY, recovery == LOSS)]
    assert tcb.rate.app_limited == 1 + 3_000 + 5_000, "its window was smaller than the path, on purpose"
    control.is_small_on_purpose = False
    tcb.rate.app_limited = 0
    cwnd.on_ack(tcb, 1, 0, NOW)
    assert control.told[1:] == [(1_000, 0, 5_000, 6_000, 0, recovery == RECOVERY, recovery == LOSS)]
    assert tcb.rate.app_limited == 0


def test_who_only_wants_to_know_the_rate_gets_acks_too() -> None:
    tcb, control = sender(8)
    tcb.rate = RateSampler()
    cwnd.on_ack(tcb, 3, 77, NOW)
    assert control.told == [(3_000, 8_000, 77, False, NOW)]
    cwnd.on_reduction(tcb, 2, NOW)
    assert tcb.rate.delivered == 1 + 5_000


@pytest.mark.parametrize(
    ("out", "waiting", "lost", "resent", "limits"),
    [
        (5, 0, 0, 0, True),
        (5, 999, 0, 0, True),
        (5, 1_000, 0, 0, False),
        (10, 0, 0, 0, False),
        (5, 0, 1, 0, False),
        (5, 0, 1, 1, True),
    ],
)
def test_the_application_limits_the_rate_if_less_than_a_segment_waits(
    out: int, waiting: int, lost: int, resent: int, limits: bool
) -> None:
    """Unless the window is full, or something that was lost has still to go."""
    for samples in (True, False):
        tcb, _ = sender(out, samples_rate=samples)
        tcb.rate = RateSampler()
        tcb.sendbuf.append(bytes(waiting))
        if lost:
            tcb.scoreboard.mark_lost(tcb.scoreboard.oldest)
        if resent:
            tcb.scoreboard.resend(tcb.scoreboard.oldest, MSS, NOW)
        cwnd.check_usage(tcb, NOW)
        assert (tcb.rate.app_limited > 0) is limits
        assert (tcb.max_packets_out == 0) is samples, "who works by samples does not ask how much is used"


def test_a_control_begins_with_nothing_known() -> None:
    tcb, _ = sender(5)
    tcb.cwnd_limited = tcb.cwnd_check_due = True
    tcb.snd_cwnd_used = tcb.max_packets_out = 5
    tcb.cwnd_usage_seq = 0
    cwnd.start_control(tcb, 3 * MSS)
    assert (tcb.congestion.name, tcb.congestion.cwnd) == (tcb.config.congestion_control, 3 * MSS)
    assert usage(tcb) == (False, 0, 0)
    assert not tcb.cwnd_check_due
    assert (tcb.snd_cwnd_used, tcb.snd_cwnd_stamp, tcb.rate) == (0, 0, None)


def test_another_control_goes_on_with_the_window_that_it_finds() -> None:
    tcb, _ = sender(5)
    cwnd.start_control(tcb, 7 * MSS)
    tcb.congestion.ssthresh = 9 * MSS
    before = tcb.congestion
    cwnd.follow_option(tcb)
    tcb.options.congestion = before.name
    cwnd.follow_option(tcb)
    assert tcb.congestion is before
    tcb.options.congestion = "reno"
    cwnd.follow_option(tcb)
    assert (tcb.congestion.name, tcb.congestion.cwnd, tcb.congestion.ssthresh) == ("reno", 7 * MSS, 9 * MSS)
    tcb.options.congestion = "bbr"
    cwnd.follow_option(tcb)
    assert tcb.rate is not None
    assert tcb.paced


def test_the_rate_is_watched_as_soon_as_there_is_a_connection() -> None:
    tcb, _ = sender(5)
    cwnd.watch_rate(tcb, NOW)
    assert tcb.rate is None
    tcb.state = State.ESTABLISHED
    cwnd.watch_rate(tcb, NOW)
    watch = tcb.rate
    cwnd.watch_rate(tcb, NOW + 1)
    assert watch is not None
    assert tcb.rate is watch
    assert watch.take(1, 0, NOW).interval_ns == 0, "what is in flight already tells nothing"
