"""Congestion control in a connection: growth, silence, a change of the algorithm, pacing."""

import itertools
from dataclasses import replace

import pytest

from netarium.base.config import MachineConfig
from netarium.base.units import MS, SECOND
from netarium.transport.tcp import pacing
from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH
from netarium.wire.tcp import ACK

from .conftest import Script


def with_settings(**values: object) -> Script:
    config = MachineConfig()
    return Script(replace(config, tcp=replace(config.tcp, **values)))


def numbers(tcp: Script) -> list[int]:
    tcp._collect()
    found = [(seg.seq - tcp._shift) & 0xFFFFFFFF for seg in tcp.seen if len(seg.payload)]
    tcp.seen.clear()
    return found


def round_trip(tcp: Script, segments: int, una: int, ns: int = 40 * MS) -> int:
    """Write, wait, acknowledge all of it."""
    tcp.send(bytes(1_000 * segments))
    tcp.advance(ns)
    una += 1_000 * segments
    tcp.inject(ACK, seq=301, ack=una)
    return una


@pytest.mark.rfc("5681", "05")
@pytest.mark.parametrize("per_ack", [1, 2, 4, 10])
def test_slow_start_grows_by_all_that_is_acknowledged(tcp, per_ack: int) -> None:
    tcp.established()
    tcp.send(bytes(60_000))
    tcp.inject(ACK, seq=301, ack=101 + 1_000 * per_ack)
    assert tcp.socket.tcb.congestion.cwnd == 10_000 + 1_000 * per_ack
    assert len(numbers(tcp)) == 10 + 2 * per_ack


@pytest.mark.rfc("5681", "05")
def test_an_ack_counts_for_two_segments_if_told_so() -> None:
    """RFC 3465 §2.2."""
    tcp = with_settings(abc_limit=2)
    tcp.established()
    tcp.send(bytes(60_000))
    tcp.inject(ACK, seq=301, ack=101 + 10_000)
    assert tcp.socket.tcb.congestion.cwnd == 12_000


@pytest.mark.rfc("9438", "04")
@pytest.mark.parametrize(("written", "window"), [(4, 10), (5, 10), (6, 12), (9, 18)])
def test_the_window_becomes_no_more_than_twice_what_is_used(tcp, written: int, window: int) -> None:
    tcp.established()
    una = 101
    for _ in range(5):
        tcp.send(bytes(1_000 * written))
        tcp.advance(40 * MS)
        for _ in range(written):
            una += 1_000
            tcp.inject(ACK, seq=301, ack=una)
    assert tcp.socket.tcb.congestion.cwnd == 1_000 * window


@pytest.mark.rfc("5681", "14")
@pytest.mark.parametrize(
    ("idle", "window"), [(200 * MS, 40), (300 * MS, 20), (600 * MS, 10), (60 * SECOND, 10)]
)
def test_each_rto_of_silence_halves_the_window(tcp, idle: int, window: int) -> None:
    tcp.established()
    una = 101
    for segments in (10, 20):
        una = round_trip(tcp, segments, una)
    assert tcp.socket.tcb.congestion.cwnd == 40_000
    tcp.advance(idle - 40 * MS)
    tcp.send(bytes(1_000))
    assert tcp.socket.tcb.congestion.cwnd == 1_000 * window
    assert tcp.socket.tcb.congestion.ssthresh == INFINITE_SSTHRESH


def test_silence_means_nothing_if_told_so() -> None:
    tcp = with_settings(slow_start_after_idle=False)
    tcp.established()
    una = 101
    for segments in (10, 20):
        una = round_trip(tcp, segments, una)
    tcp.advance(60 * SECOND)
    tcp.send(bytes(1_000))
    assert tcp.socket.tcb.congestion.cwnd == 40_000


def test_the_algorithm_may_change_at_any_time(tcp) -> None:
    """Window and threshold stay; what BBR needs comes and goes with it."""
    tcp.established()
    tcb = tcp.socket.tcb
    una = round_trip(tcp, 10, 101)
    tcb.congestion.ssthresh = 15_000
    for name in ("reno", "bbr", "cubic", "bbr", "reno"):
        cwnd = tcb.congestion.cwnd
        tcp.option(congestion=name)
        assert tcb.congestion.name == name
        assert (tcb.congestion.cwnd, tcb.congestion.ssthresh) == (cwnd, 15_000)
        assert (tcb.rate is not None, tcb.paced) == (name == "bbr", name == "bbr")
        una = round_trip(tcp, 4, una)
    same = tcb.congestion
    tcp.option(congestion="reno")
    assert tcb.congestion is same


def test_paced_segments_leave_by_the_clock() -> None:
    """100,000 octets/s: after the first ten, a segment each 10 ms; nothing runs in between."""
    tcp = with_settings(gathering=False)
    tcp.option(max_pacing_rate=100_000)
    tcp.established()
    tcp.send(bytes(15_000))
    assert len(numbers(tcp)) == 10
    tcp.advance(40 * MS)
    tcp.inject(ACK, seq=301, ack=10_101)
    assert numbers(tcp) == [10_101]
    times = []
    for _ in range(4):
        at = tcp.machine.next_deadline()
        tcp.advance(at - tcp.now)
        times.append(tcp.now)
        assert len(numbers(tcp)) == 1
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert gaps == [10 * MS] * 3
    assert tcp.socket.info(tcp.now).tcpi_max_pacing_rate == 100_000


def test_pacing_by_window_and_round_trip() -> None:
    """`pacing` of the configuration: twice the window in a round trip of 100 ms, in slow start."""
    tcp = with_settings(pacing=True)
    tcp.connect()
    tcp.advance(100 * MS)
    tcp.inject(0x12, seq=300, ack=101, mss=1_000)
    numbers(tcp)
    tcp.send(bytes(40_000))
    assert len(numbers(tcp)) == 10
    tcp.advance(100 * MS)
    tcp.inject(ACK, seq=301, ack=10_101)
    first = len(numbers(tcp))
    assert first < 20
    assert tcp.socket.info(tcp.now).tcpi_pacing_rate == 2 * 20_000 * 10
    tcp.advance(25 * MS)
    half = first + len(numbers(tcp))
    assert 8 <= half <= 14
    tcp.advance(30 * MS)
    assert half + len(numbers(tcp)) == 20


def test_bbr_tells_rate_and_pace() -> None:
    tcp = with_settings(congestion_control="bbr")
    tcp.established(sack_permitted=True)
    una = 101
    for _ in range(6):
        tcp.send(bytes(20_000))
        for _ in range(40):
            tcp.advance(1 * MS)
        una = tcp.socket.tcb.snd_nxt - tcp._shift
        tcp.inject(ACK, seq=301, ack=una)
    info = tcp.socket.info(tcp.now)
    assert info.tcpi_delivery_rate > 100_000
    assert info.tcpi_pacing_rate == tcp.socket.tcb.congestion.pacing_rate > 0
    assert tcp.socket.tcb.congestion.own_recovery


def test_only_who_asks_for_samples_pays_for_them(tcp) -> None:
    tcp.established()
    tcp.send(bytes(5_000))
    assert tcp.socket.tcb.rate is None
    assert tcp.socket.tcb.scoreboard.oldest.rate is None
    assert not tcp.socket.tcb.paced


def paced() -> Script:
    """A million octets/s, and the first ten segments, which go unpaced, are through."""
    tcp = with_settings(gathering=False)
    tcp.option(max_pacing_rate=1_000_000)
    tcp.established()
    tcp.advance(20 * MS)
    tcp.send(bytes(11_000))
    tcp._collect()
    return tcp


@pytest.mark.parametrize(("rate", "left"), [(1_000_000, 0), (50_000_000, 47_000)])
def test_what_is_sent_again_shares_a_burst_if_that_is_large(rate: int, left: int) -> None:
    """50 MB/s are 48 segments in a millisecond; of two one goes by itself."""
    tcp = paced()
    tcp.option(max_pacing_rate=rate)
    tcb = tcp.socket.tcb
    tcb.paced_until = 0
    assert pacing.may_send(tcb, 100 * SECOND)
    pacing.sent(tcb, 1_000, 100 * SECOND, again=True)
    assert tcb.pacing_burst == left


@pytest.mark.parametrize("name", ["reno", "cubic", "bbr"])
def test_the_delivery_rate_is_known_for_every_control(name: str) -> None:
    """From the first look at TCP_INFO on; ten segments in each 40 ms, and more than the application has to say."""
    tcp = with_settings(congestion_control=name, slow_start_after_idle=False)
    tcp.established()
    assert tcp.socket.info(tcp.now).tcpi_delivery_rate == 0
    una = round_trip(tcp, 10, 101)
    for _ in range(3):
        una = round_trip(tcp, 10, una)
    info = tcp.socket.info(tcp.now)
    assert info.tcpi_delivery_rate == pytest.approx(250_000, rel=0.3)
    assert info.tcpi_delivery_rate_app_limited


def test_nobody_pays_for_a_delivery_rate_that_nobody_asks_for() -> None:
    tcp = with_settings()
    tcp.established()
    round_trip(tcp, 10, 101)
    assert tcp.socket.tcb.rate is None


def test_the_delivery_rate_does_not_change_the_window() -> None:
    windows = []
    for asked in (False, True):
        tcp = with_settings()
        tcp.established()
        if asked:
            tcp.socket.info(tcp.now)
        una = 101
        for segments in (10, 20, 40, 10, 10):
            una = round_trip(tcp, segments, una)
        tcp.inject(ACK, seq=301, ack=una)
        windows.append((tcp.socket.tcb.congestion.cwnd, tcp.socket.tcb.congestion.ssthresh))
    assert windows[0] == windows[1]
