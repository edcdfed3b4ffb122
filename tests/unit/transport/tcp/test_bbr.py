"""BBR against a path of arithmetic: a bottleneck with a rate, a delay and a queue."""

from collections import deque
from dataclasses import dataclass, field

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.congestion.bbr import Bbr, Mode
from netarium.transport.tcp.rate import RateSampler
from netarium.transport.tcp.records import Sent

MSS = 1_000


@dataclass
class Path:
    """Segments of MSS octets through a bottleneck; each is acknowledged by itself."""

    rate: int = 1_000_000  # octets/s
    rtt: int = 40 * MS
    lose_every: int = 0
    now: int = SECOND
    bbr: Bbr = field(default_factory=lambda: Bbr(MSS, 10 * MSS, TcpConfig()))
    sampler: RateSampler = field(default_factory=RateSampler)
    modes: list[Mode] = field(default_factory=list)
    flying: deque[tuple[int, Sent, bool]] = field(default_factory=deque)
    free_at: int = 0
    next_at: int = 0
    count: int = 0
    delivered: int = 0
    least_window: int = 1 << 60

    def run(self, seconds: float) -> float:
        """Send as pace and window allow; return octets/s that arrived."""
        end, before = self.now + int(seconds * SECOND), self.delivered
        while self.now < end:
            arrival = self.flying[0][0] if self.flying else 1 << 62
            departure = self.next_at if len(self.flying) * MSS + MSS <= self.bbr.cwnd else 1 << 62
            if departure <= arrival:
                self.now = max(self.now, departure)
                self._send()
            else:
                self.now = arrival
                self._acknowledge()
        return (self.delivered - before) / seconds

    def _send(self) -> None:
        record = Sent(self.count * MSS, self.count * MSS + MSS, 1, self.now, self.count)
        self.count += 1
        self.sampler.on_sent(record, self.now, idle=not self.flying)
        self.free_at = max(self.free_at, self.now) + MSS * SECOND // self.rate
        lost = self.lose_every > 0 and self.count % self.lose_every == 0
        self.flying.append((self.free_at + self.rtt, record, lost))
        self.next_at = max(self.now, self.next_at) + MSS * SECOND // self.bbr.pacing_rate

    def _acknowledge(self) -> None:
        _, record, lost = self.flying.popleft()
        if not lost:
            self.sampler.on_delivered([record])
            self.delivered += MSS
        sample = self.sampler.take(0 if lost else MSS, self.bbr.min_rtt, self.now)
        sample.lost = MSS if lost else 0
        sample.in_flight = len(self.flying) * MSS
        sample.prior_in_flight = sample.in_flight + MSS
        sample.rtt_ns = 0 if lost else self.now - record.xmit_at
        if self.bbr.on_sample(sample):
            self.sampler.nothing_to_send(sample.in_flight)
        self.least_window = min(self.least_window, self.bbr.cwnd)
        if not self.modes or self.modes[-1] is not self.bbr.mode:
            self.modes.append(self.bbr.mode)


def test_startup_drain_probe() -> None:
    """It finds rate and round trip, and takes the queue away that STARTUP made."""
    path = Path()
    path.run(2)
    assert path.modes == [Mode.STARTUP, Mode.DRAIN, Mode.PROBE_BW]
    assert path.run(3) == pytest.approx(path.rate, rel=0.03)
    assert path.bbr.min_rtt == pytest.approx(41 * MS, rel=0.01)
    assert path.bbr._bandwidth.value == pytest.approx(path.rate, rel=0.02)
    assert len(path.flying) * MSS < 1.4 * path.rate * 0.041


def test_the_window_is_twice_the_product_and_three_bursts() -> None:
    path = Path()
    path.run(3)
    assert path.bbr.cwnd == pytest.approx(2 * path.rate * 0.041 + 6 * MSS, abs=6 * MSS)


def test_once_in_ten_seconds_it_looks_at_the_round_trip() -> None:
    """PROBE_RTT: four segments for 200 ms, and the window of before again."""
    path = Path()
    path.run(9)
    window = path.bbr.cwnd
    path.least_window = window
    path.run(3)
    assert path.modes[-2:] == [Mode.PROBE_RTT, Mode.PROBE_BW]
    assert path.least_window == 4 * MSS
    assert path.bbr.cwnd == pytest.approx(window, rel=0.1)


def test_the_dip_does_not_become_the_bandwidth() -> None:
    """On a short path PROBE_RTT lasts longer than the filter of ten rounds: its samples must not count."""
    path = Path(rate=10_000_000, rtt=10 * MS)
    path.run(9)
    path.run(2)
    assert Mode.PROBE_RTT in path.modes
    assert path.bbr._bandwidth.value == pytest.approx(path.rate, rel=0.02)
    path.run(0.1)
    assert path.run(0.2) == pytest.approx(path.rate, rel=0.03)


def test_a_faster_path_is_found_and_a_slower_one_too() -> None:
    path = Path()
    path.run(2)
    path.rate *= 2
    path.run(3)
    assert path.run(2) == pytest.approx(path.rate, rel=0.1)
    path.rate //= 4
    path.run(6)
    assert path.bbr._bandwidth.value == pytest.approx(path.rate, rel=0.1)


def test_losses_do_not_slow_it_down() -> None:
    path = Path(lose_every=50)
    path.run(2)
    assert path.run(5) > 0.93 * path.rate


def test_the_cycle_has_eight_phases_of_a_round_trip() -> None:
    path = Path()
    path.run(2)
    gains = []
    for _ in range(400):
        path.run(0.005)
        if not gains or gains[-1] != path.bbr._pacing_gain:
            gains.append(path.bbr._pacing_gain)
    assert set(gains) == {320, 192, 256}
    assert all(gains[i + 1] == 192 for i in range(len(gains) - 1) if gains[i] == 320)


def test_recovery_sends_what_is_delivered_for_a_round_and_then_has_its_window_again() -> None:
    path = Path()
    path.run(3)
    bbr, before = path.bbr, path.bbr.cwnd
    bbr.on_loss(flight_size=0, now=path.now)
    assert bbr.cwnd == before
    sample = path.sampler.take(MSS, 0, path.now)
    sample.recovering, sample.lost, sample.in_flight, sample.rtt_ns = True, MSS, 20 * MSS, 0
    bbr.on_sample(sample)
    assert bbr.cwnd == 21 * MSS
    sample.recovering, sample.lost = False, 0
    bbr.on_sample(sample)
    assert bbr.cwnd == pytest.approx(before, rel=0.05)


def test_a_timeout_means_one_segment_and_the_window_comes_back() -> None:
    path = Path()
    path.run(3)
    bbr, before = path.bbr, path.bbr.cwnd
    bbr.on_rto(flight_size=0, first=True, now=path.now)
    assert bbr.cwnd == MSS
    sample = path.sampler.take(MSS, 0, path.now)
    sample.after_timeout, sample.in_flight = True, 0
    bbr.on_sample(sample)
    assert bbr.cwnd <= 4 * MSS
    sample.after_timeout = False
    bbr.on_sample(sample)
    assert bbr.cwnd == pytest.approx(before, rel=0.05)


def test_after_silence_it_paces_at_the_rate_it_knows() -> None:
    path = Path()
    path.run(3)
    bbr = path.bbr
    bbr.pacing_rate = 1
    bbr.on_start(idle_ns=SECOND, now=path.now)
    assert bbr.pacing_rate == 1  # the window or the pace held data back: that was no silence
    bbr.on_start(idle_ns=SECOND, now=path.now, app_limited=True)
    assert bbr.pacing_rate == pytest.approx(0.99 * path.rate, rel=0.03)
    assert bbr._idle_restart


def test_silence_ends_the_dip() -> None:
    """PROBE_RTT was to end while nothing was sent: the window of before comes back with the first segment."""
    path = Path()
    path.run(3)
    bbr, before = path.bbr, path.bbr.cwnd
    while bbr.mode is not Mode.PROBE_RTT or bbr.cwnd > 4 * MSS or not bbr._probe_rtt_done_at:
        path.run(0.01)
    bbr.on_start(idle_ns=SECOND, now=path.now, app_limited=True)
    assert bbr.mode is Mode.PROBE_RTT  # not yet
    bbr.on_start(idle_ns=SECOND, now=path.now + SECOND, app_limited=True)
    assert bbr.mode is Mode.PROBE_BW
    assert bbr.cwnd == pytest.approx(before, rel=0.1)
