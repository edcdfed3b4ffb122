"""BBR, version 1: a model of the path instead of losses (draft-cardwell-iccrg-bbr-congestion-control-00).

Two numbers describe a path: how fast it delivers (the most of the last ten round trips) and how long a round trip takes
without a queue (the least of the last ten seconds). BBR sends at that rate, paced, and keeps about two of their products
in flight. It learns the rate by sending faster than it for one round trip in eight, and the time by sending next to
nothing for 200 ms every ten seconds.

STARTUP doubles the rate each round trip until it no longer helps; DRAIN takes the queue away that this made; PROBE_BW
goes through the eight phases; PROBE_RTT is the dip. Losses only matter for a round trip: then as much is sent as is
delivered; and if they look like a policer's, its rate takes the place of the greatest (`policer`). Octets, ns, octets/s;
gains are parts of 256.
"""

from enum import StrEnum
from typing import Final

from netarium.base.config import TcpConfig
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH
from netarium.transport.tcp.congestion.maxfilter import MaxFilter
from netarium.transport.tcp.congestion.policer import Policer
from netarium.transport.tcp.rate import RateSample

_UNIT: Final = 256
_HIGH_GAIN: Final = _UNIT * 2_885 // 1_000 + 1  # 2/ln 2: the least that doubles the rate each round trip
_DRAIN_GAIN: Final = _UNIT * 1_000 // 2_885
_CWND_GAIN: Final = 2 * _UNIT  # room for ACKs that are delayed or come in clumps
_CYCLE: Final = (_UNIT * 5 // 4, _UNIT * 3 // 4, *(_UNIT,) * 6)
_BANDWIDTH_ROUNDS: Final = len(_CYCLE) + 2
_EXTRA_ACKED_ROUNDS: Final = 10
_EXTRA_ACKED_MOST_NS: Final = 100 * MS
_MIN_RTT_WINDOW_NS: Final = 10 * SECOND
_PROBE_RTT_NS: Final = 200 * MS
_LEAST_SEGMENTS: Final = 4  # in flight: with fewer a delayed ACK stalls the sender
_FULL_GROWTH: Final = (5, 4)  # what three rounds in a row do not reach: the pipe is full
_FULL_ROUNDS: Final = 3
_MARGIN: Final = (99, 100)  # paced a little slower than measured, so that queues go away
_BURSTS_A_SECOND: Final = 1_024
_FIRST_RTT_NS: Final = 1 * MS  # assumed as long as none was measured


class Mode(StrEnum):
    """What the control is doing."""

    STARTUP = "startup"
    DRAIN = "drain"
    PROBE_BW = "probe bandwidth"
    PROBE_RTT = "probe RTT"


class Bbr:
    """BBR; the draft's names.

    Attributes:
        cwnd: congestion window, octets.
        ssthresh: only for show.
        pacing_rate: octets/s.
        mode: where it stands.
    """

    __slots__ = (
        "_acked_epoch", "_acked_epoch_at", "_bandwidth", "_conserving", "_cwnd_gain", "_cycle_at", "_cycle_index",
        "_extra_acked", "_filled", "_full_bandwidth", "_full_rounds", "_idle_restart", "_initial_window", "_lossy",
        "_min_rtt_at", "_next_round", "_pacing_gain", "_policer", "_prior_cwnd", "_probe_rtt_done_at", "_probe_rtt_round_done",
        "_round", "_round_start", "_seen_rtt", "_smss", "cwnd", "min_rtt", "mode", "pacing_rate", "ssthresh",
    )  # fmt: skip

    name = "bbr"
    samples_rate = True
    own_recovery = True
    send_buffer_windows = 3  # it sends faster than the window for a while

    def __init__(self, smss: int, initial_window: int, config: TcpConfig) -> None:  # noqa: ARG002 - as all
        self._smss = smss
        self._initial_window = initial_window
        self.cwnd = self._prior_cwnd = initial_window
        self.ssthresh = INFINITE_SSTHRESH
        self.mode = Mode.STARTUP
        self._pacing_gain = self._cwnd_gain = _HIGH_GAIN
        self._bandwidth = MaxFilter(_BANDWIDTH_ROUNDS)  # octets/s, by rounds
        self._policer = Policer()
        self.min_rtt = self._min_rtt_at = 0  # 0: none yet
        self._seen_rtt = False
        self._round = self._next_round = 0  # rounds, and what must be delivered for the next to begin
        self._round_start = False
        self._full_bandwidth = self._full_rounds = 0
        self._filled = False  # the pipe was full once
        self._cycle_index = self._cycle_at = 0
        self._probe_rtt_done_at = 0
        self._probe_rtt_round_done = False
        self._idle_restart = False
        self._conserving = False  # the first round of recovery: one out for one delivered
        self._lossy = False  # recovery, or after a timeout
        self._extra_acked = MaxFilter(_EXTRA_ACKED_ROUNDS)
        self._acked_epoch = self._acked_epoch_at = 0
        self.pacing_rate = 0
        self.begin(srtt_ns=0, min_rtt_ns=0)

    def begin(self, *, srtt_ns: int, min_rtt_ns: int) -> None:
        """The first rate: a window each round trip, times the gain of STARTUP."""
        self._seen_rtt = srtt_ns > 0
        self.min_rtt = min_rtt_ns
        self.pacing_rate = max(self.cwnd * SECOND // (srtt_ns or _FIRST_RTT_NS) * _HIGH_GAIN // _UNIT, 1)

    # --- with each ACK ----------------------------------------------------------------------------------------

    def on_sample(self, sample: RateSample) -> bool:
        """Learn, then set rate and window (§4.2.1); True in PROBE_RTT: the dip must not become the bandwidth."""
        self._update_bandwidth(sample)
        self._update_extra_acked(sample)
        self._update_cycle(sample)
        self._check_full(sample)
        self._check_drain(sample)
        self._update_min_rtt(sample)
        self._set_gains()
        self._set_pacing_rate(self._pacing_gain)
        self._set_cwnd(sample)
        return self.mode is Mode.PROBE_RTT

    def _update_bandwidth(self, sample: RateSample) -> None:
        """§4.1.1: round trips are counted by what is delivered; a rate that the application limited counts if it is high."""
        self._round_start = False
        if not sample.interval_ns:
            return
        if sample.prior_delivered >= self._next_round:
            self._next_round = sample.total
            self._round += 1
            self._round_start = True
            self._conserving = False
        probing = self.mode is Mode.PROBE_BW
        if self._policer.update(sample, round_start=self._round_start, probing=probing):
            self._probe_bandwidth(sample.now)
        rate = sample.delivered * SECOND // sample.interval_ns
        if not sample.app_limited or rate >= self._bandwidth.value:
            self._bandwidth.update(self._round, rate)

    def _update_extra_acked(self, sample: RateSample) -> None:
        """How much more is acknowledged at once than the rate explains: the window must bridge the wait for it."""
        if not sample.interval_ns or not sample.acked:
            return
        expected = self._bandwidth.value * (sample.now - self._acked_epoch_at) // SECOND
        if self._acked_epoch <= expected:  # ACKs are not ahead (any more): count anew
            self._acked_epoch, self._acked_epoch_at, expected = 0, sample.now, 0
        self._acked_epoch += sample.acked
        self._extra_acked.update(self._round, min(self._acked_epoch - expected, self.cwnd))

    def _update_cycle(self, sample: RateSample) -> None:
        """§4.3.4.3: the next phase after a round trip, if this one did what it was for."""
        if self.mode is not Mode.PROBE_BW:
            return
        full_length = sample.now - self._cycle_at > self.min_rtt
        gain = self._pacing_gain
        if gain > _UNIT:  # until it made a queue, or the queue overflowed
            over = full_length and (sample.lost > 0 or sample.prior_in_flight >= self._inflight(gain))
        elif gain < _UNIT:  # until that queue is gone
            over = full_length or sample.prior_in_flight <= self._inflight(_UNIT)
        else:
            over = full_length
        if over:
            self._cycle_index = (self._cycle_index + 1) % len(_CYCLE)
            self._cycle_at = sample.now

    def _check_full(self, sample: RateSample) -> None:
        """§4.3.2.2: the pipe is full when the rate grew by less than a quarter in three rounds."""
        if self._filled or not self._round_start or sample.app_limited:
            return
        if self._bandwidth.value * _FULL_GROWTH[1] >= self._full_bandwidth * _FULL_GROWTH[0]:
            self._full_bandwidth, self._full_rounds = self._bandwidth.value, 0
            return
        self._full_rounds += 1
        self._filled = self._full_rounds >= _FULL_ROUNDS

    def _check_drain(self, sample: RateSample) -> None:
        """§4.3.3: out of STARTUP, and on when no more is in flight than the path holds."""
        if self.mode is Mode.STARTUP and self._filled:
            self.mode = Mode.DRAIN
            self.ssthresh = self._inflight(_UNIT)
        if self.mode is Mode.DRAIN and sample.in_flight <= self._inflight(_UNIT):
            self._probe_bandwidth(sample.now)

    def _probe_bandwidth(self, now: int) -> None:
        """Into a phase at random, but not the one that drains: flows must not probe in step (§4.3.4.2)."""
        self.mode = Mode.PROBE_BW
        dice = (
            now // 1_000 % (len(_CYCLE) - 1)
        )  # the µs of the clock are random enough, and none in virtual time
        self._cycle_index = (len(_CYCLE) - dice) % len(_CYCLE)
        self._cycle_at = now

    def _update_min_rtt(self, sample: RateSample) -> None:
        """§4.1.2, §4.3.5: the least round trip; if none was as low for ten seconds, empty the path and look."""
        now, rtt = sample.now, sample.rtt_ns
        self._min_rtt_at = self._min_rtt_at or now
        expired = now > self._min_rtt_at + _MIN_RTT_WINDOW_NS
        if rtt and (not self.min_rtt or rtt < self.min_rtt or expired):
            self.min_rtt, self._min_rtt_at = rtt, now
        if expired and not self._idle_restart and self.mode is not Mode.PROBE_RTT:
            self._save_cwnd()
            self.mode = Mode.PROBE_RTT
            self._probe_rtt_done_at = 0
        if self.mode is Mode.PROBE_RTT:
            self._stay_low(sample)
        if sample.delivered:
            self._idle_restart = False

    def _stay_low(self, sample: RateSample) -> None:
        """200 ms and a round trip with four segments in flight."""
        if not self._probe_rtt_done_at:
            if sample.in_flight <= _LEAST_SEGMENTS * self._smss:
                self._probe_rtt_done_at = sample.now + _PROBE_RTT_NS
                self._probe_rtt_round_done = False
                self._next_round = sample.total
        else:
            self._probe_rtt_round_done = self._probe_rtt_round_done or self._round_start
            if self._probe_rtt_round_done:
                self._leave_probe_rtt(sample.now)

    def _leave_probe_rtt(self, now: int) -> None:
        if not self._probe_rtt_done_at or now <= self._probe_rtt_done_at:
            return
        self._min_rtt_at = now
        self.cwnd = max(self.cwnd, self._prior_cwnd)
        if self._filled:
            self._probe_bandwidth(now)
        else:
            self.mode = Mode.STARTUP

    # --- what follows from the model --------------------------------------------------------------------------

    def _set_gains(self) -> None:
        if self.mode is Mode.PROBE_BW:
            self._pacing_gain = _UNIT if self._policer.rate else _CYCLE[self._cycle_index]
            self._cwnd_gain = _CWND_GAIN
        elif self.mode is Mode.STARTUP:
            self._pacing_gain = self._cwnd_gain = _HIGH_GAIN
        elif self.mode is Mode.DRAIN:
            self._pacing_gain, self._cwnd_gain = _DRAIN_GAIN, _HIGH_GAIN
        else:
            self._pacing_gain = self._cwnd_gain = _UNIT

    def _set_pacing_rate(self, gain: int) -> None:
        """§4.2.1: gain times bandwidth, less one per cent; in STARTUP it never falls."""
        rate = (self._policer.rate or self._bandwidth.value) * gain // _UNIT * _MARGIN[0] // _MARGIN[1]
        if rate and (self._filled or rate > self.pacing_rate):
            self.pacing_rate = rate

    def _inflight(self, gain: int, bandwidth: int = 0) -> int:
        """Octets in flight that keep the path busy: bandwidth times least RTT times gain, and the ends' bursts."""
        if not self.min_rtt:
            return self._initial_window
        smss = self._smss
        product = (bandwidth or self._bandwidth.value) * self.min_rtt * gain // (_UNIT * SECOND)
        segments = -(-product // smss) + 3 * max(self.pacing_rate // _BURSTS_A_SECOND // smss, 2)
        segments += segments & 1
        if self.mode is Mode.PROBE_BW and self._cycle_index == 0:
            segments += 2  # else small windows could not probe
        return segments * smss

    def _set_cwnd(self, sample: RateSample) -> None:
        """§4.2.3.2-4: towards the target by what is delivered, in recovery by packet conservation."""
        if sample.acked:
            conserving = self._follow_recovery(sample)
            if not conserving:
                extra = 0
                if self._filled:
                    most = (self._policer.rate or self._bandwidth.value) * _EXTRA_ACKED_MOST_NS // SECOND
                    extra = min(self._extra_acked.value, most) // self._smss * self._smss
                target = self._inflight(self._cwnd_gain, self._policer.rate) + extra
                if self._filled:
                    self.cwnd = min(self.cwnd + sample.acked, target)
                elif self.cwnd < target or sample.total < self._initial_window:
                    self.cwnd += sample.acked
                self.cwnd = max(self.cwnd, _LEAST_SEGMENTS * self._smss)
        if self.mode is Mode.PROBE_RTT:
            self.cwnd = min(self.cwnd, _LEAST_SEGMENTS * self._smss)

    def _follow_recovery(self, sample: RateSample) -> bool:
        """§4.2.3.4: at its begin only what is in flight; for one round, one out for one delivered; then what was."""
        if sample.lost:
            self.cwnd = max(self.cwnd - sample.lost, self._smss)
        if sample.recovering and not self._lossy:
            self._conserving = True
            self._next_round = sample.total
            self.cwnd = sample.in_flight + sample.acked
        elif self._lossy and not sample.recovering and not sample.after_timeout:
            self.cwnd = max(self.cwnd, self._prior_cwnd)
            self._conserving = False
        self._lossy = sample.recovering or sample.after_timeout
        if self._conserving:
            self.cwnd = max(self.cwnd, sample.in_flight + sample.acked)
        return self._conserving

    # --- events -----------------------------------------------------------------------------------------------

    def _save_cwnd(self) -> None:
        """Note a window that is good: not one of recovery or PROBE_RTT."""
        if self._lossy or self.mode is Mode.PROBE_RTT:
            self._prior_cwnd = max(self._prior_cwnd, self.cwnd)
        else:
            self._prior_cwnd = self.cwnd

    def on_ack(self, *, acked: int, flight_size: int, rtt_ns: int, cwnd_limited: bool, now: int) -> None:
        """The samples tell it all."""

    def on_loss(self, *, flight_size: int, now: int) -> None:  # noqa: ARG002 - the Protocol's
        """A loss says nothing about the path; the window of before comes back after recovery."""
        self._save_cwnd()

    def on_rto(self, *, flight_size: int, first: bool, now: int) -> None:  # noqa: ARG002
        """Everything in flight is taken for lost: one segment, and the pipe may not be full any more."""
        if first:
            self._save_cwnd()
        self._lossy = True
        self._full_bandwidth = 0
        self._round_start = True
        self.cwnd = self._smss

    def on_spurious_loss(self) -> None:
        """Nothing was lost: what looked like a full pipe may have been that."""
        self._full_bandwidth = self._full_rounds = 0
        self._policer.forget()
        self.cwnd = max(self.cwnd, self._prior_cwnd)

    def on_idle(self, *, idle_ns: int, rto_ns: int, initial_window: int) -> None:
        """Pacing makes a restart gentle: the window stays (§4.3.4.4)."""

    def on_unused(self, *, used: int) -> None:
        """Likewise: it follows the model, and not what is used."""

    def on_start(self, *, idle_ns: int, now: int, app_limited: bool = False) -> None:  # noqa: ARG002
        """Out of silence: at the rate that is known, no faster (§4.3.4.4); PROBE_RTT may be over."""
        if app_limited:
            self._idle_restart = True
            self._acked_epoch, self._acked_epoch_at = 0, now
            if self.mode is Mode.PROBE_BW:
                self._set_pacing_rate(_UNIT)
            elif self.mode is Mode.PROBE_RTT:
                self._leave_probe_rtt(now)

    def set_mss(self, smss: int) -> None:
        """The model is one of octets."""
        self._smss = smss
        self.cwnd = max(self.cwnd, smss)
