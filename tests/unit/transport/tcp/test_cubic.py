"""CUBIC's equations in integers against the same in floating point, and its rules one by one."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.congestion import ALGORITHMS
from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH
from netarium.transport.tcp.congestion.cubic import Cubic, cube_root
from netarium.transport.tcp.congestion.cubic_linux import LinuxCubic

MSS = 1_000
CONFIG = TcpConfig()
LINUX = replace(CONFIG, cubic_form="linux")
RTT = 100 * MS
START = 1_000 * SECOND  # any instant


def ack(
    cubic: Cubic, acked: int, now: int, *, limited: bool = True, rtt: int = RTT, flight: int = 50 * MSS
) -> None:
    cubic.on_ack(acked=acked, flight_size=flight, rtt_ns=rtt, cwnd_limited=limited, now=now)


def after_loss(window: int, config: TcpConfig = CONFIG) -> Cubic:
    """A connection that found a loss at `window` segments, in congestion avoidance now."""
    cubic = ALGORITHMS["cubic"](MSS, window * MSS, config)
    assert isinstance(cubic, Cubic)
    ack(cubic, 1, START, limited=False)
    cubic.on_loss(flight_size=window * MSS, now=START)
    return cubic


def round_trips(cubic: Cubic, now: int, count: int, *, rtt: int = RTT) -> int:
    """`count` round trips, an ACK for each second segment, evenly spread; return when they are over."""
    for _ in range(count):
        acks = max(1, cubic.cwnd // (2 * MSS))
        for i in range(acks):
            ack(cubic, 2 * MSS, now + rtt * i // acks, rtt=rtt)
        now += rtt
    return now


def curve(t: float, window: float) -> float:
    """W_cubic(t) in segments after a loss at `window` segments (RFC 9438 equations 1 and 2)."""
    k = (window * 0.3 / 0.4) ** (1 / 3)
    return 0.4 * (t - k) ** 3 + window


@pytest.mark.parametrize(("form", "control"), [("rfc", Cubic), ("linux", LinuxCubic)])
def test_the_form_that_is_configured(form: str, control: type[Cubic]) -> None:
    cubic = ALGORITHMS["cubic"](MSS, 7 * MSS, replace(CONFIG, cubic_form=form))
    assert type(cubic) is control
    assert (cubic.cwnd, cubic.ssthresh) == (7 * MSS, INFINITE_SSTHRESH)


@pytest.mark.parametrize("config", [CONFIG, LINUX])
def test_slow_start_grows_by_what_was_acknowledged(config: TcpConfig) -> None:
    cubic = ALGORITHMS["cubic"](MSS, 7 * MSS, config)
    ack(cubic, 2 * MSS, START)
    ack(cubic, MSS, START)
    assert cubic.cwnd == 10 * MSS


@pytest.mark.parametrize("exponent", range(0, 200, 7))
def test_cube_root_is_exact_at_its_edges(exponent: int) -> None:
    root = (1 << exponent) + exponent
    assert cube_root(root**3) == root
    assert cube_root(root**3 - 1) == root - 1
    assert cube_root((root + 1) ** 3 - 1) == root


def test_cube_root_of_nothing() -> None:
    assert [cube_root(n) for n in (0, 1, 7, 8, 26, 27)] == [0, 1, 1, 2, 2, 3]


@pytest.mark.rfc("9438", "01")
def test_a_loss_leaves_seven_tenths() -> None:
    cubic = Cubic(MSS, 100 * MSS, CONFIG)
    cubic.on_loss(flight_size=100 * MSS, now=START)
    assert cubic.cwnd == cubic.ssthresh == 70 * MSS
    cubic.cwnd = 3 * MSS
    cubic.on_loss(flight_size=MSS, now=START)
    assert cubic.cwnd == cubic.ssthresh == 2 * MSS


@pytest.mark.rfc("9438", "01")
@pytest.mark.parametrize(("window", "left"), [(4, 2), (5, 3), (10, 7), (13, 9), (166, 116), (10_000, 7_001)])
def test_whole_segments_are_left(window: int, left: int) -> None:
    """717/1,024 of it, rounded down, as Linux computes it."""
    cubic = Cubic(MSS, window * MSS, CONFIG)
    cubic.on_loss(flight_size=0, now=START)
    assert (cubic.cwnd, cubic.ssthresh) == (left * MSS, left * MSS)


@pytest.mark.rfc("9438", "01")
def test_the_reduction_may_be_one_of_what_is_in_flight() -> None:
    cubic = Cubic(MSS, 100 * MSS, replace(CONFIG, ssthresh_from_flight_size=True))
    cubic.on_loss(flight_size=50 * MSS, now=START)
    assert cubic.ssthresh == 35 * MSS


@pytest.mark.rfc("9438", "01")
@pytest.mark.rfc("9293", "MAY-18")
@pytest.mark.parametrize("window", [200, 1_000, 3_000])
def test_the_window_follows_the_curve(window: int) -> None:
    """A round trip of 100 ms, where the curve is far above Reno: within 2 % of equation 1 up to twice K."""
    cubic = after_loss(window)
    now = start = START + RTT
    k = (window * 0.3 / 0.4) ** (1 / 3)
    while now - start < 2 * k * SECOND:
        now = round_trips(cubic, now, 1)
        expected = curve((now - start) / SECOND, window)
        assert cubic.cwnd / MSS == pytest.approx(expected, rel=0.02)


@pytest.mark.rfc("9438", "01")
def test_the_curve_is_flat_where_the_loss_was() -> None:
    cubic = after_loss(1_000)
    k = (1_000 * 0.3 / 0.4) ** (1 / 3)
    now = round_trips(cubic, START, round(k / 0.1))
    at_k = cubic.cwnd
    assert at_k == pytest.approx(1_000 * MSS, rel=0.002)
    round_trips(cubic, now, 5)  # half a second on: 0.4 * 0.5³ of a segment
    assert cubic.cwnd - at_k < MSS


@pytest.mark.rfc("9438", "02")
def test_on_short_paths_it_is_renos_window() -> None:
    """At 50 ms the curve is far below: 8/15 of a segment a round trip up to the old window, then a whole one."""
    cubic = after_loss(20)
    now = round_trips(cubic, START, 8, rtt=50 * MS)
    assert cubic.cwnd / MSS == pytest.approx(14 + 8 * 8 / 15, abs=1.5)
    while cubic.cwnd < 20 * MSS:
        now = round_trips(cubic, now, 1, rtt=50 * MS)
    now = round_trips(cubic, now, 5, rtt=50 * MS)
    before = cubic.cwnd
    round_trips(cubic, now, 10, rtt=50 * MS)
    assert (cubic.cwnd - before) / MSS == pytest.approx(10, abs=1)


@pytest.mark.rfc("9438", "03")
def test_fast_convergence_gives_room() -> None:
    """A second loss below W_max: the curve is flat at 0.85 of the window already."""
    cubic = after_loss(1_000)  # W_max 1,000, cwnd 700
    cubic.on_loss(flight_size=700 * MSS, now=START)  # below it: W_max 595, cwnd 490
    k = ((595 - 490) / 0.4) ** (1 / 3)
    now = round_trips(cubic, START + RTT, round(k / 0.1))
    assert cubic.cwnd == pytest.approx(595 * MSS, rel=0.005)
    round_trips(cubic, now, 3)
    assert cubic.cwnd < 597 * MSS


@pytest.mark.rfc("9438", "04")
def test_it_never_grows_by_more_than_half_in_a_round_trip() -> None:
    """However long no ACK came: the target is clamped to 1.5 cwnd."""
    cubic = after_loss(100)
    ack(cubic, MSS, START)
    cwnd = cubic.cwnd
    ack(cubic, cwnd, START + 100 * SECOND)
    assert 1.45 * cwnd < cubic.cwnd <= 1.5 * cwnd


@pytest.mark.rfc("9438", "04")
def test_a_window_that_is_not_used_does_not_grow_and_its_clock_stands_still() -> None:
    busy, lazy = after_loss(1_000), after_loss(1_000)
    now = round_trips(busy, START, 3)
    round_trips(lazy, START, 3)
    cwnd = lazy.cwnd
    pause = 20 * SECOND
    for step in range(RTT, pause + 1, RTT):
        ack(lazy, MSS, now - RTT // busy.cwnd + step, limited=False)
    assert lazy.cwnd == cwnd
    round_trips(busy, now, 5)
    round_trips(lazy, now + pause, 5)
    assert lazy.cwnd == pytest.approx(busy.cwnd, rel=0.01)


@pytest.mark.rfc("9438", "04")
def test_silence_shorter_than_a_timeout_does_not_count_either() -> None:
    busy, silent = after_loss(1_000), after_loss(1_000)
    now = round_trips(busy, START, 3)
    round_trips(silent, START, 3)
    ack(busy, MSS, now)
    ack(silent, MSS, now, flight=0)
    silent.on_start(idle_ns=30 * SECOND, now=now + 30 * SECOND)
    round_trips(busy, now + RTT, 5)
    round_trips(silent, now + RTT + 30 * SECOND, 5)
    assert silent.cwnd == busy.cwnd


@pytest.mark.rfc("9438", "05")
def test_a_timeout_means_one_segment_and_a_curve_that_begins_flat() -> None:
    cubic = after_loss(100)
    cubic.on_rto(flight_size=70 * MSS, first=True, now=START)
    assert (cubic.cwnd, cubic.ssthresh) == (MSS, 49 * MSS)
    cubic.on_rto(flight_size=MSS, first=False, now=START)
    assert (cubic.cwnd, cubic.ssthresh) == (MSS, 49 * MSS)
    while cubic.cwnd < cubic.ssthresh:  # slow start: what is acknowledged
        before = cubic.cwnd
        ack(cubic, 2 * MSS, START)
        assert cubic.cwnd in {before + 2 * MSS, cubic.ssthresh}
    t = 8
    round_trips(cubic, START + MS, 10 * t)
    assert cubic.cwnd / MSS == pytest.approx(49 + 0.4 * t**3, rel=0.02)  # K = 0, W_max = cwnd there


def test_the_first_loss_ends_the_watch_of_hystart() -> None:
    """RFC 9406 §4.3: later slow starts are ordinary ones, however the round trips grow."""
    cubic = Cubic(MSS, 10 * MSS, CONFIG)
    cubic.cwnd = 1_000 * MSS
    cubic.on_rto(flight_size=1_000 * MSS, first=True, now=START)
    for i in range(1, 300):
        before = cubic.cwnd
        ack(cubic, 2 * MSS, START + i, rtt=i * MS, flight=20 * MSS)
        assert cubic.cwnd == before + 2 * MSS


@pytest.mark.attack("TCP-54", "TCP-53")
def test_ack_division_and_huge_acks_gain_nothing() -> None:
    one, many, huge = (Cubic(MSS, 10 * MSS, CONFIG) for _ in range(3))
    ack(one, MSS, START)
    for _ in range(MSS):
        ack(many, 1, START)
    assert one.cwnd == many.cwnd == 11 * MSS
    ack(huge, 500 * MSS, START)
    assert huge.cwnd == 510 * MSS  # all that was in flight: it cannot be acknowledged again
    one, many = after_loss(1_000), after_loss(1_000)
    for cubic in (one, many):
        ack(cubic, MSS, START + 1)
    later = START + SECOND
    ack(one, 10 * MSS, later)
    for _ in range(100):
        ack(many, MSS // 10, later)
    assert many.cwnd <= one.cwnd


def test_a_loss_that_was_none_is_taken_back_once() -> None:
    """RFC 9438 §4.9: the curve goes on where it was."""
    cubic, twin = after_loss(1_000), after_loss(1_000)
    now = round_trips(cubic, START, 10)
    round_trips(twin, START, 10)
    cubic.on_loss(flight_size=cubic.cwnd, now=now)
    cubic.on_spurious_loss()
    assert (cubic.cwnd, cubic.ssthresh) == (twin.cwnd, twin.ssthresh)
    round_trips(cubic, now, 40)
    round_trips(twin, now, 40)
    assert cubic.cwnd == pytest.approx(twin.cwnd, abs=2)
    cubic.cwnd = 5 * MSS
    cubic.on_spurious_loss()
    assert cubic.cwnd == 5 * MSS


def test_a_spurious_timeout_is_taken_back() -> None:
    cubic = Cubic(MSS, 40 * MSS, CONFIG)
    cubic.on_rto(flight_size=40 * MSS, first=True, now=START)
    cubic.on_rto(flight_size=MSS, first=False, now=START)
    cubic.on_spurious_loss()
    assert (cubic.cwnd, cubic.ssthresh) == (40 * MSS, INFINITE_SSTHRESH)


def test_idle_shrinks_to_the_initial_window_and_keeps_the_memory() -> None:
    cubic = after_loss(100)
    ack(cubic, MSS, START)
    cubic.on_idle(idle_ns=60 * SECOND, rto_ns=SECOND, initial_window=10 * MSS)
    assert (cubic.cwnd, cubic.ssthresh) == (10 * MSS, 70 * MSS)
    cubic.on_start(idle_ns=60 * SECOND, now=START + 60 * SECOND)
    now = START + 60 * SECOND
    while cubic.cwnd < cubic.ssthresh:
        ack(cubic, 2 * MSS, now)
    now = round_trips(cubic, now, 20)
    assert cubic.cwnd / MSS == pytest.approx(curve((now - START) / SECOND - 60, 100), rel=0.03)


def test_segments_may_change_their_size() -> None:
    """It is segments that the network carried."""
    cubic = Cubic(536, 536, CONFIG)
    cubic.set_mss(1_460)
    assert (cubic.cwnd, cubic.ssthresh) == (1_460, INFINITE_SSTHRESH)
    cubic.ssthresh = 5 * 1_460
    cubic.set_mss(1_000)
    assert (cubic.cwnd, cubic.ssthresh) == (1_000, 5_000)


def test_with_another_segment_size_the_curve_begins_anew() -> None:
    cubic = after_loss(1_000)
    now = round_trips(cubic, START, 10)
    left = 1_000 - cubic.cwnd / MSS
    before = cubic.cwnd
    cubic.set_mss(MSS // 2)  # half as large, and as many of them
    assert cubic.cwnd == before // 2
    k = (left / 0.4) ** (1 / 3)
    now = round_trips(cubic, now, round(k / 0.1))
    assert cubic.cwnd == pytest.approx(500 * MSS, rel=0.003)
    before = cubic.cwnd
    round_trips(cubic, now, 5)
    assert cubic.cwnd - before < MSS


def test_above_the_curve_it_waits() -> None:
    """The target is never below cwnd (RFC 9438 §4.2)."""
    cubic = after_loss(1_000)
    now = round_trips(cubic, START, 3)
    cubic.cwnd = 990 * MSS
    round_trips(cubic, now, 3)
    assert cubic.cwnd == 990 * MSS


@pytest.mark.rfc("9438", "02")
def test_crumbs_add_up_in_renos_window() -> None:
    """15/8 of a window, in pieces of ten octets, however little time passes."""
    cubic = after_loss(20)
    for _ in range(28 * MSS // 10):
        ack(cubic, 10, START, rtt=MS)
    assert cubic._w_est == 14
    for _ in range(2 * MSS // 10):
        ack(cubic, 10, START, rtt=MS)
    assert cubic._w_est == cubic.cwnd // MSS == 15


@pytest.mark.rfc("9438", "02")
def test_on_the_shortest_paths_it_is_renos_window_too() -> None:
    """50 µs: 8/15 of a segment a round trip, whatever the clock of the curve says."""
    cubic = after_loss(20)
    round_trips(cubic, START + MS, 9, rtt=MS // 20)
    assert cubic.cwnd / MSS == pytest.approx(14 + 9 * 8 / 15, abs=1)


def test_in_linuxs_form_a_window_that_stands_still_is_left_alone() -> None:
    """31 ms long; then Reno's window counts at last."""
    cubic = after_loss(20, LINUX)
    ack(cubic, MSS, START)
    cubic._price = 0  # as where the curve is flat
    now = round_trips(cubic, START, 300, rtt=MS // 10)
    assert cubic.cwnd == 14 * MSS
    round_trips(cubic, now + 2 * MS, 1, rtt=MS // 10)
    assert cubic.cwnd > 16 * MSS


def test_in_linuxs_form_an_unknown_window_grows_by_a_twentieth() -> None:
    """After a timeout, where the RFC's curve would begin flat: 5 % a round trip."""
    windows = []
    for config in (CONFIG, LINUX):
        cubic = ALGORITHMS["cubic"](MSS, 400 * MSS, config)
        cubic.on_rto(flight_size=400 * MSS, first=True, now=START)
        cubic.cwnd = cubic.ssthresh
        round_trips(cubic, START + MS, 10)
        windows.append(cubic.cwnd / cubic.ssthresh)
    assert windows[0] < 1.04
    assert windows[1] == pytest.approx(1.05**10, rel=0.02)


def test_in_linuxs_form_a_timeout_brings_the_watch_back() -> None:
    cubic = LinuxCubic(MSS, 100 * MSS, LINUX)
    cubic.on_loss(flight_size=100 * MSS, now=START)
    cubic.on_rto(flight_size=MSS, first=True, now=START)
    now = START
    for i in range(1, 300):
        now += 10 * MS
        ack(cubic, 2 * MSS, now, rtt=(20 + i) * MS, flight=20 * MSS)
    assert cubic.ssthresh < 49 * MSS
    assert cubic._hystart is None


@pytest.mark.parametrize("after_timeout", [False, True])
@pytest.mark.parametrize(("pacing", "longest"), [(False, 10), (True, 21)])
def test_in_linuxs_form_a_train_may_be_twice_as_long_if_it_is_paced(
    pacing: bool, longest: int, after_timeout: bool
) -> None:
    """At a least round trip of 20 ms: in the first slow start, and in one behind a timeout."""
    cubic = LinuxCubic(MSS, 100 * MSS, replace(LINUX, pacing=pacing))
    if after_timeout:
        cubic.on_rto(flight_size=100 * MSS, first=True, now=START)
        cubic.cwnd = 30 * MSS
    before = cubic.ssthresh
    now = START
    while cubic.ssthresh == before:
        ack(cubic, MSS // 10, now, rtt=20 * MS)
        now += MS
    assert now - START == (longest + 2) * MS


def test_in_linuxs_form_a_loss_does_not_end_the_watch() -> None:
    """Silence brings slow start back, and that one ends early too."""
    cubic = LinuxCubic(MSS, 100 * MSS, LINUX)
    cubic.on_loss(flight_size=100 * MSS, now=START)
    cubic.on_idle(idle_ns=60 * SECOND, rto_ns=SECOND, initial_window=20 * MSS)
    assert (cubic.cwnd, cubic.ssthresh) == (20 * MSS, 70 * MSS)
    now = START
    for i in range(40):
        now += 10 * MS
        ack(cubic, MSS, now, rtt=(20 + i) * MS, flight=12 * MSS)
    assert cubic.ssthresh < 50 * MSS


def test_in_linuxs_form_the_curve_looks_ahead_by_the_least_round_trip() -> None:
    """But not by one that was met within a second of the loss: the queue was empty then."""
    cubic = LinuxCubic(MSS, 100 * MSS, LINUX)
    for rtt, least in ((80, 80), (90, 80), (70, 70), (0, 70)):
        ack(cubic, MSS, START, rtt=rtt * MS, limited=False)
        assert cubic._rtt == least * MS
    cubic.on_loss(flight_size=100 * MSS, now=START)
    ack(cubic, MSS, START, rtt=60 * MS)  # congestion avoidance has not begun
    assert cubic._rtt == 60 * MS
    for after, rtt, least in ((0, 50, 60), (SECOND - 1, 50, 60), (SECOND, 65, 60), (SECOND, 50, 50)):
        ack(cubic, MSS, START + after, rtt=rtt * MS)
        assert cubic._rtt == least * MS
    cubic.on_rto(flight_size=100 * MSS, first=True, now=START + SECOND)
    ack(cubic, MSS, START + 2 * SECOND, rtt=300 * MS)
    assert cubic._rtt == 300 * MS


def test_in_linuxs_form_the_price_of_an_unknown_window_is_twenty_segments_at_most() -> None:
    """A lower one of the curve counts, and where the window to return to is known any price may."""

    def price(behind: int, *, w_max: int) -> int:
        cubic = LinuxCubic(MSS, 400 * MSS, LINUX)
        cubic.ssthresh = 400 * MSS
        if w_max:
            cubic._w_max = w_max
        ack(cubic, MSS, START, rtt=100 * MS)
        cubic._epoch_at -= behind * MS
        ack(cubic, MSS, START + 40 * MS, rtt=100 * MS)
        return cubic._price

    # 140 ms further the curve is 0.4 t³ above: by none, 12, 20, 21 and 24 segments of 400.
    behind = (0, 2_975, 3_600, 3_640, 3_725)
    assert [price(ms, w_max=0) for ms in behind] == [20_000, 20_000, 20_000, 19_000, 17_000]
    assert price(0, w_max=300) == 0
    assert price(2_975, w_max=300) == 33_000


def test_in_linuxs_form_a_loss_within_the_same_millisecond_begins_a_new_curve() -> None:
    cubic = after_loss(1_000, LINUX)
    ack(cubic, MSS, START)
    first = cubic._k
    cubic.on_loss(flight_size=700 * MSS, now=START)
    ack(cubic, MSS, START + 1)
    assert cubic._epoch_at == START + 1
    assert 0 < cubic._k < first


def test_in_linuxs_form_a_millisecond_is_one_of_the_clock() -> None:
    """Not a millisecond since the last look: what has grown meanwhile is not looked at within it."""
    cubic = after_loss(1_000, LINUX)
    ack(cubic, MSS, START)
    now = START + 5 * SECOND + MS // 10
    ack(cubic, 20 * MSS, now)
    price, cwnd = cubic._price, cubic.cwnd
    ack(cubic, 20 * MSS, now + MS // 5)
    assert cubic.cwnd > cwnd
    cubic.cwnd = 750 * MSS  # much dearer there
    ack(cubic, MSS, now + MS * 4 // 5)
    assert cubic._price == price
    ack(cubic, MSS, now + MS * 9 // 10)
    assert cubic._price > price


@pytest.mark.parametrize("config", [CONFIG, LINUX])
def test_31_ms_are_a_long_time(config: TcpConfig) -> None:
    """And a thirty-second part of a second is still none: only then a window that stood still is looked at."""
    cubic = after_loss(1_000, config)
    ack(cubic, 1, START)
    price = cubic._price
    cubic._origin += 100  # as if it were much cheaper
    ack(cubic, 1, START + SECOND // 32)
    assert cubic._price == price
    ack(cubic, 1, START + SECOND // 32 + 1)
    assert cubic._price < price


@pytest.mark.parametrize("after_timeout", [False, True])
def test_in_linuxs_form_only_the_signs_that_are_asked_for_count(after_timeout: bool) -> None:
    """Round trips above the least, and no trains; and the other way round."""
    ends = []
    for signs, rtts in ((2, [20] * 80), (1, [20] * 80), (2, [20] * 13 + [40] * 40)):
        cubic = LinuxCubic(MSS, 100 * MSS, replace(LINUX, hystart_signs=signs))
        if after_timeout:
            cubic.on_rto(flight_size=100 * MSS, first=True, now=START)
            cubic.cwnd, cubic.ssthresh = 30 * MSS, INFINITE_SSTHRESH
        for i, rtt in enumerate(rtts):
            ack(cubic, MSS, START + i * MS, rtt=rtt * MS, flight=12 * MSS)
        ends.append(cubic.ssthresh < INFINITE_SSTHRESH)
    assert ends == [False, True, True]


def test_near_the_flat_part_segments_are_dear() -> None:
    """The curve is a segment above: a whole window must be delivered for it."""
    cubic = after_loss(1_000)
    ack(cubic, 1, START)
    cubic.cwnd = 999 * MSS
    k = (1_000 * 0.3 / 0.4) ** (1 / 3)
    now = START + round(k * SECOND)
    ack(cubic, 998 * MSS, now)
    assert cubic.cwnd == 999 * MSS
    ack(cubic, MSS, now)
    assert cubic.cwnd == 1_000 * MSS


def test_in_linuxs_form_the_curve_is_looked_at_once_a_millisecond() -> None:
    """ACKs that come together see the same curve: the price of a segment does not change."""
    cubic = after_loss(1_000, LINUX)
    ack(cubic, 1, START)
    now = START + 5 * SECOND
    ack(cubic, MSS, now)
    price = cubic._price
    ack(cubic, 100 * MSS, now + MS // 2)
    assert cubic._price == price
    ack(cubic, MSS, now + MS)
    assert cubic._price > price


@pytest.mark.rfc("9438", "02")
def test_renos_pace_counts_when_its_window_is_ahead() -> None:
    cubic = after_loss(20)
    ack(cubic, 1, START)
    ack(cubic, 200 * MSS, START + 40 * MS, rtt=MS)  # W_est: 14 and 7
    assert cubic._w_est == 14 + 6 + (200 - 6 * 26) // 14
    assert cubic.cwnd == (14 + 200 // 2) * MSS  # two segments for each


def test_an_unused_window_shrinks_half_way() -> None:
    """RFC 2861 §3, in whole segments; three quarters are remembered."""
    cubic = Cubic(MSS, 41 * MSS, CONFIG)
    cubic.ssthresh = 20 * MSS
    cubic.on_unused(used=10 * MSS)
    assert (cubic.cwnd, cubic.ssthresh) == (25 * MSS, 30 * MSS)
    cubic.on_unused(used=25 * MSS)
    assert cubic.cwnd == 25 * MSS


@pytest.mark.rfc("9438", "01")
def test_the_curve_in_numbers() -> None:
    """0.4 of a segment for each second, cubed; in integers of 1/1,024 s."""
    cubic = after_loss(1_000)
    cubic._epoch_at, cubic._k, cubic._origin, cubic._rtt = START, 0, 0, 0
    assert [cubic._w_cubic(START + seconds * SECOND) for seconds in (0, 1, 10, 20)] == [0, 0, 400, 3_203]


def test_the_round_trip_is_a_smoothed_one() -> None:
    cubic = Cubic(MSS, 10 * MSS, CONFIG)
    for rtt in (100, 180, 0, 30):
        ack(cubic, MSS, START, rtt=rtt * MS)
    assert cubic._rtt == 100 * MS


def test_a_second_loss_at_the_same_window_is_no_convergence() -> None:
    cubic = after_loss(1_000)
    cubic.cwnd = 1_000 * MSS
    cubic.on_loss(flight_size=0, now=START)
    assert cubic._w_max == 1_000


def test_what_was_collected_is_gone_with_a_loss_or_a_timeout() -> None:
    for event in (
        lambda cubic: cubic.on_loss(flight_size=0, now=START),
        lambda cubic: cubic.on_rto(flight_size=0, first=True, now=START),
        lambda cubic: cubic.on_rto(flight_size=0, first=False, now=START),
    ):
        cubic = after_loss(1_000)
        ack(cubic, MSS, START)
        assert cubic._counted == MSS
        event(cubic)
        assert cubic._counted == 0


def test_renos_window_grows_with_the_octet_behind_the_last() -> None:
    cubic = after_loss(20)  # 26 segments for one
    seen = []
    for octets in (1, 25_999, 1):
        cubic.cwnd = 14 * MSS  # it does not grow itself
        ack(cubic, octets, START, rtt=MS)
        seen.append(cubic._w_est)
    assert seen == [14, 14, 15]


def test_of_two_prices_the_lower_one_counts() -> None:
    """Reno's window is a segment ahead, the curve by far."""
    cubic = after_loss(20)
    ack(cubic, 1, START)
    ack(cubic, 27 * MSS, START + 20 * SECOND)
    assert cubic._w_est == 15
    assert cubic.cwnd == (14 + 27 // 2) * MSS


def test_at_ssthresh_slow_start_is_over() -> None:
    cubic = Cubic(MSS, 10 * MSS, replace(CONFIG, cwnd_form="octets"))
    cubic.ssthresh = 10 * MSS
    ack(cubic, 1, START)
    assert cubic.cwnd == 10 * MSS


def test_silence_is_told_by_who_begins_to_send_again() -> None:
    """Not once more by the ACK that follows."""
    cubic = after_loss(1_000)
    ack(cubic, MSS, START)
    ack(cubic, MSS, START + SECOND, flight=0)
    cubic.on_start(idle_ns=5 * SECOND, now=START + 6 * SECOND)
    ack(cubic, MSS, START + 6 * SECOND + RTT, limited=False)
    assert cubic._epoch_at == START + 5 * SECOND
    ack(cubic, MSS, START + 7 * SECOND + RTT, limited=False)
    assert cubic._epoch_at == START + 6 * SECOND


def test_after_a_timeout_the_curve_begins_where_it_is_flat() -> None:
    cubic = after_loss(100)
    cubic.on_rto(flight_size=0, first=True, now=START)
    cubic.cwnd = cubic.ssthresh
    cubic._k = 5
    ack(cubic, MSS, START)
    assert (cubic._k, cubic._origin) == (0, cubic.ssthresh // MSS)
