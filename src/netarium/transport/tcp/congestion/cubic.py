"""CUBIC: a window that is a cubic function of the time since the last congestion event (RFC 9438).

It returns fast to where the loss was (W_max), stays there for a while, then looks for more: steep, flat, steep. As the
function knows nothing of round trips, long paths are not at a disadvantage; where Reno would be faster, a second
window (W_est) follows what Reno would do. Octets and ns, integers only. The first slow start is watched by HyStart++.
"""

from typing import Final, NamedTuple

from netarium.base.units import SECOND
from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH
from netarium.transport.tcp.congestion.hystart import HyStart, L

# RFC 9438 §4.1, §4.6: C = 2/5 segments per s³, beta = 7/10; §4.3: alpha = 3 (1 - beta) / (1 + beta) = 9/17 until W_est is cwnd_prior, then 1.
_C: Final = (2, 5 * SECOND**3)
_BETA: Final = (7, 10)
_CONVERGED: Final = (17, 20)  # (1 + beta) / 2, §4.7
_ALPHA: Final = 9  # of 17
_ONE: Final = 17


def cube_root(value: int) -> int:
    """The largest integer whose cube is not above `value`, which must not be negative."""
    if value == 0:
        return 0
    root = 1 << -(-value.bit_length() // 3)  # at or above it: Newton's steps descend from there
    while True:
        step = (2 * root + value // (root * root)) // 3
        if step >= root:
            return root
        root = step


class _Before(NamedTuple):
    """What a congestion event changes, as it was before (RFC 9438 §4.9)."""

    cwnd: int
    ssthresh: int
    w_max: int
    cwnd_prior: int
    epoch_at: int
    k: int
    w_est: int


class Cubic:
    """RFC 9438; its variables have the RFC's names, its windows are in octets instead of segments."""

    __slots__ = (
        "_before", "_cwnd_prior", "_drained", "_epoch_at", "_est_rest", "_hystart", "_k", "_last_ack_at", "_rest",
        "_rtt", "_smss", "_w_est", "_w_max", "cwnd", "ssthresh",
    )  # fmt: skip

    name = "cubic"

    def __init__(self, smss: int, initial_window: int) -> None:
        self.cwnd = initial_window
        self.ssthresh = INFINITE_SSTHRESH
        self._smss = smss
        self._w_max = 0  # where the curve is flat; 0: unknown (§4.8, §4.10)
        self._cwnd_prior = 0  # cwnd before the last reduction
        self._epoch_at = 0  # when congestion avoidance began, 0: it did not; moved past times without growth
        self._k = 0  # ns from there until the curve reaches W_max
        self._w_est = 0  # what Reno's window would be
        self._rest = self._est_rest = 0  # fractions of an octet that cwnd and W_est are still to grow
        self._rtt = 0  # smoothed
        self._last_ack_at = 0
        self._drained = False  # the last ACK left nothing in flight
        self._hystart: HyStart | None = HyStart()  # None: the first slow start is over (RFC 9406 §4.3)
        self._before: _Before | None = None

    def on_ack(
        self, *, acked: int, flight_size: int, rtt_ns: int, burst: int, cwnd_limited: bool, now: int
    ) -> None:
        """Grow as HyStart++ says in the first slow start, as RFC 5681 says in later ones, else along the curve."""
        if rtt_ns:
            self._rtt += (rtt_ns - self._rtt) >> 3 if self._rtt else rtt_ns
        if self._epoch_at:
            self._skip_unused_time(now, cwnd_limited=cwnd_limited)
        self._last_ack_at = now
        self._drained = flight_size == 0
        if self._hystart is not None:
            self._hystart.on_ack(acked=acked, flight_size=flight_size, rtt_ns=rtt_ns)
        if not cwnd_limited:
            return
        if self.cwnd < self.ssthresh:
            acked = self._slow_start(acked, burst)
            if acked <= 0:
                return
        self._avoid_congestion(acked, now)

    def _slow_start(self, acked: int, burst: int) -> int:
        """Grow exponentially; return the octets that are left for congestion avoidance."""
        hystart = self._hystart
        if hystart is None:
            step = min(acked, burst)
        else:
            step = min(acked, max(burst, L * self._smss)) // hystart.growth_divisor
        room = self.ssthresh - self.cwnd
        self.cwnd += min(step, room)
        if hystart is not None and hystart.done:
            self._hystart = None
            self.ssthresh = self._cwnd_prior = self.cwnd  # RFC 9406 §4.2; RFC 9438 §4.10: W_max stays unknown
        return step - room

    def _skip_unused_time(self, now: int, *, cwnd_limited: bool) -> None:
        """Time in which the application did not fill the window is none in which the window may grow (§5.8)."""
        passed = now - self._last_ack_at
        if not cwnd_limited:
            self._epoch_at += passed
        elif self._drained:  # silence, and then the round trip of the first segment after it
            self._epoch_at += max(0, passed - self._rtt)

    def _avoid_congestion(self, acked: int, now: int) -> None:
        """RFC 9438 §4.2-§4.5: the larger of the cubic curve and Reno's window."""
        if not self._epoch_at:
            self._begin_epoch(now)
        cwnd = self.cwnd
        alpha = _ALPHA if self._w_est < self._cwnd_prior else _ONE
        grown, self._est_rest = divmod(
            acked * self._smss * alpha + self._est_rest, cwnd * _ONE
        )  # §4.3, equation 4
        self._w_est += grown
        t = now - self._epoch_at
        if self._w_cubic(t) < self._w_est:
            self.cwnd = max(cwnd, self._w_est)
            return
        target = min(max(self._w_cubic(t + self._rtt), cwnd), cwnd + (cwnd >> 1))
        grown, self._rest = divmod((target - cwnd) * acked + self._rest, cwnd)
        self.cwnd = cwnd + grown

    def _begin_epoch(self, now: int) -> None:
        """Congestion avoidance begins: here is the origin of the curve (§4.2, equation 2)."""
        self._epoch_at = now
        self._w_est = self.cwnd
        self._rest = self._est_rest = 0
        if self.cwnd < self._w_max:
            self._k = cube_root((self._w_max - self.cwnd) * _C[1] // (_C[0] * self._smss))
        else:  # after a timeout or HyStart++, or the loss was below: only the convex half is left
            self._k = 0
            self._w_max = self.cwnd

    def _w_cubic(self, t: int) -> int:
        """The curve, `t` ns into the epoch: C (t - K)³ + W_max (§4.2, equation 1)."""
        past = t - self._k
        return _C[0] * self._smss * past * past * past // _C[1] + self._w_max

    def on_loss(self, *, flight_size: int, now: int) -> None:  # noqa: ARG002 - the Protocol's
        """Down to 0.7 of it; W_max lower still if it shrinks, to make room for others (§4.6, §4.7)."""
        self._remember()
        # Fast convergence: below the last W_max the network has less for us than before.
        shrinks = self.cwnd < self._w_max
        self._w_max = self.cwnd * _CONVERGED[0] // _CONVERGED[1] if shrinks else self.cwnd
        self._reduce(flight_size)
        self.cwnd = self.ssthresh

    def on_rto(self, *, flight_size: int, first: bool, now: int) -> None:  # noqa: ARG002
        """One segment; ssthresh by 0.7 at the first expiry; then the curve begins at W_max (§4.8)."""
        if first:
            self._remember()
            self._reduce(flight_size)
        self._w_max = 0
        self._epoch_at = 0
        self.cwnd = self._smss

    def _remember(self) -> None:
        self._before = _Before(
            self.cwnd, self.ssthresh, self._w_max, self._cwnd_prior, self._epoch_at, self._k, self._w_est
        )

    def _reduce(self, flight_size: int) -> None:
        """Set ssthresh; the epoch is over, and so is the first slow start."""
        self._cwnd_prior = self.cwnd
        self.ssthresh = max(flight_size * _BETA[0] // _BETA[1], 2 * self._smss)
        self._epoch_at = 0
        self._hystart = None

    def on_spurious_loss(self) -> None:
        """Nothing was lost: go on as if nothing had happened (§4.9)."""
        before = self._before
        if before is not None:
            self._before = None
            self.cwnd = max(self.cwnd, before.cwnd)
            self.ssthresh = before.ssthresh
            self._w_max, self._cwnd_prior = before.w_max, before.cwnd_prior
            self._epoch_at, self._k, self._w_est = before.epoch_at, before.k, before.w_est

    def on_idle(self, *, initial_window: int, now: int) -> None:  # noqa: ARG002
        """Slow start towards ssthresh again, then a new epoch (RFC 5681 §4.1)."""
        self.cwnd = min(self.cwnd, initial_window)
        self._epoch_at = 0

    def set_mss(self, smss: int) -> None:
        """The curve is one of segments: it begins anew with those of the new size."""
        self._smss = smss
        self.cwnd = max(self.cwnd, smss)
        self._epoch_at = 0
