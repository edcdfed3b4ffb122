"""CUBIC: a window that is a cubic function of the time since the last congestion event (RFC 9438).

It returns fast to where the loss was (W_max), stays there for a while, then looks for more: steep, flat, steep. As the
function knows nothing of round trips, long paths are not at a disadvantage; where Reno would be faster, a second
window (W_est) follows what Reno would do. The first slow start is watched by HyStart++.

What Linux has otherwise is in `cubic_linux`.

Integers only, in Linux's units, so that its windows come out to the segment: segments, and 1/1,024 s for the curve.

Duties: 9438-02, 9438-03.
"""

from typing import Final, NamedTuple

from netarium.base.config import TcpConfig
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.congestion.hystart import HyStart, Watch
from netarium.transport.tcp.congestion.window import LossWindow

# RFC 9438 §4.1, §4.6 as fractions of 1,024: C = 0.4 segments per s³, beta = 0.7.
_ONE: Final = 1_024
_C: Final = 410
_BETA: Final = 717
# §4.3: alpha = 3 (1 - beta) / (1 + beta) = 0.53 = 8/15: W_est grows by a segment for 15/8 of a window. Then alpha = 1.
_ALPHA: Final = (8, 15)
STALE: Final = SECOND // 32  # while cwnd stands still, look at the curve no more often than that


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
    origin: int
    k: int
    w_est: int


class Cubic(LossWindow):
    """RFC 9438; its variables have the RFC's names. `_w_max`, `_cwnd_prior`, `_origin`, `_w_est` count segments."""

    __slots__ = (
        "_before", "_cwnd_prior", "_drained", "_epoch_at", "_est_counted", "_hystart", "_k", "_last_ack_at",
        "_looked_at", "_looked_cwnd", "_origin", "_price", "_rtt", "_w_est", "_w_max",
    )  # fmt: skip

    name = "cubic"

    def __init__(self, smss: int, initial_window: int, config: TcpConfig) -> None:
        super().__init__(smss, initial_window, config)
        self._w_max = 0  # cwnd at the last reduction; 0: unknown (§4.8, §4.10)
        self._cwnd_prior = 0  # likewise, but never lowered by fast convergence
        self._epoch_at = 0  # when congestion avoidance began, 0: it did not; moved past times without growth
        self._origin = 0  # where the curve is flat
        self._k = 0  # from the epoch's begin until there, 1/1,024 s
        self._w_est = 0  # what Reno's window would be
        self._est_counted = 0  # octets towards its next segment
        self._price = 0  # octets to be delivered for a segment more of cwnd, as of the last look at the curve; 0: for nothing
        self._looked_at = self._looked_cwnd = 0
        self._rtt = 0  # smoothed
        self._last_ack_at = 0
        self._drained = False  # the last ACK left nothing in flight
        self._hystart: Watch | None = HyStart()  # None: the first slow start is over (RFC 9406 §4.3)
        self._before: _Before | None = None

    def on_ack(self, *, acked: int, flight_size: int, rtt_ns: int, cwnd_limited: bool, now: int) -> None:
        """Grow as HyStart++ says in the first slow start, as RFC 5681 says in later ones, else along the curve."""
        if rtt_ns:
            self._measure(rtt_ns, now)
        if self._epoch_at and not cwnd_limited and not self._drained:
            # §4.2, §5.8: time in which the application did not fill the window is none in which it may grow.
            self._epoch_at += now - self._last_ack_at
        self._last_ack_at = now
        self._drained = flight_size == 0
        if self._hystart is not None:
            self._watch(self._hystart, acked, flight_size, rtt_ns, now)
        if not cwnd_limited:
            return
        if self.cwnd < self.ssthresh:
            step = acked if self._hystart is None else acked // self._hystart.growth_divisor
            acked = self._slow_start(step)
            if not acked:
                return
        price = self._look_at_curve(acked, now)
        if price:
            self._increase(acked, price)

    def _measure(self, rtt_ns: int, now: int) -> None:  # noqa: ARG002 - another form's
        """The round trip that the curve looks ahead (§4.2)."""
        self._rtt += (rtt_ns - self._rtt) >> 3 if self._rtt else rtt_ns

    def _watch(self, hystart: Watch, acked: int, flight_size: int, rtt_ns: int, now: int) -> None:
        """Slow start ends when the round trips have grown for long enough."""
        hystart.on_ack(
            acked=acked,
            flight_size=flight_size,
            rtt_ns=rtt_ns,
            cwnd=self.cwnd,
            ssthresh=self.ssthresh,
            now=now,
        )
        if hystart.done:
            self._hystart = None
            segments = self.cwnd // self._smss
            self.ssthresh = segments * self._smss  # RFC 9406 §4.2
            self.cwnd = self.ssthresh
            self._cwnd_prior = segments  # RFC 9438 §4.10: W_max stays unknown

    def _look_at_curve(self, acked: int, now: int) -> int:
        """How much must be delivered for one more segment: by the curve, or by Reno's window if that is larger."""
        self._est_counted += acked
        cwnd = self.cwnd // self._smss
        if not self._epoch_at or cwnd != self._looked_cwnd or now - self._looked_at > STALE:
            self._look(cwnd, acked, now)
        return self._follow_reno(cwnd)

    def _look(self, cwnd: int, acked: int, now: int) -> None:
        """The price by the curve."""
        if not self._epoch_at:
            self._begin_epoch(cwnd, acked, now)
        self._looked_at, self._looked_cwnd = now, cwnd
        growth = self._w_cubic(now) - cwnd  # in the coming round trip; §4.2: at most half as much again
        self._price = max(cwnd // growth, 2) * self._smss if growth > 0 else 0

    def _begin_epoch(self, cwnd: int, acked: int, now: int) -> None:
        """Congestion avoidance begins: here is the origin of the curve (§4.2, equation 2)."""
        self._epoch_at = now
        self._est_counted = acked
        self._w_est = cwnd
        if cwnd < self._w_max:
            self._k = cube_root((1 << 40) // _C * (self._w_max - cwnd))
            self._origin = self._w_max
        else:  # after a timeout (§4.8, 9438-05), HyStart++ (§4.10) or a loss below: only the convex half is left
            self._k = 0
            self._origin = cwnd

    def _w_cubic(self, now: int) -> int:
        """The curve one round trip from now: C (t - K)³ + W_max (§4.2, equation 1)."""
        t = now // MS - self._epoch_at // MS + -(-self._rtt // MS)
        past = (t << 10) // 1_000 - self._k
        height = _C * abs(past) ** 3 >> 40  # rounded towards the flat part
        return self._origin - height if past < 0 else self._origin + height

    def _follow_reno(self, cwnd: int) -> int:
        """§4.3, equation 4: W_est; the price by the curve, or by W_est while it is ahead."""
        if self._w_est < self._cwnd_prior:
            self._est_grows(cwnd * _ALPHA[1] // _ALPHA[0], self._cwnd_prior - self._w_est)
        if self._w_est >= self._cwnd_prior:
            self._est_grows(cwnd, self._est_counted)
        ahead = self._w_est - cwnd
        if ahead <= 0:
            return self._price
        price = max(cwnd // ahead, 2) * self._smss
        return min(self._price, price) if self._price else price

    def _est_grows(self, per_segment: int, most: int) -> None:
        """W_est by one segment for each `per_segment` of them that more was delivered."""
        octets = per_segment * self._smss
        steps = min(max(self._est_counted - 1, 0) // octets, most)
        self._w_est += steps
        self._est_counted -= steps * octets

    def on_loss(self, *, flight_size: int, now: int) -> None:  # noqa: ARG002 - the Protocol's
        """Down to 0.7 of it; W_max lower still if it shrinks, to make room for others (§4.6, §4.7)."""
        self._reduce(flight_size)
        self.cwnd = self.ssthresh

    def on_rto(self, *, flight_size: int, first: bool, now: int) -> None:  # noqa: ARG002
        """One segment; ssthresh by 0.7 at the first expiry; then the curve begins at W_max (§4.8)."""
        if first:
            self._reduce(flight_size)
        self._w_max = 0
        self._epoch_at = 0
        self._counted = 0
        self.cwnd = self._smss

    def _reduce(self, flight_size: int) -> None:
        """Set ssthresh; the epoch is over, and so is the first slow start."""
        self._before = _Before(
            self.cwnd, self._remembered(), self._w_max, self._cwnd_prior, self._epoch_at, self._origin, self._k,
            self._w_est,
        )  # fmt: skip
        cwnd = self.cwnd // self._smss
        # Fast convergence: below the last W_max the network has less for us than before.
        self._w_max = cwnd * (_ONE + _BETA) // (2 * _ONE) if cwnd < self._w_max else cwnd
        self._cwnd_prior = cwnd
        self.ssthresh = self._threshold(flight_size, _BETA, _ONE)
        self._epoch_at = 0
        self._counted = 0
        self._hystart = None

    def on_spurious_loss(self) -> None:
        """Nothing was lost: go on as if nothing had happened (§4.9)."""
        before = self._before
        if before is not None:
            self._before = None
            self.cwnd = max(self.cwnd, before.cwnd)
            self.ssthresh = max(self.ssthresh, before.ssthresh)
            self._w_max, self._cwnd_prior = before.w_max, before.cwnd_prior
            self._epoch_at, self._origin, self._k = before.epoch_at, before.origin, before.k
            self._w_est = before.w_est

    def on_start(self, *, idle_ns: int, now: int, app_limited: bool = False) -> None:  # noqa: ARG002
        """Silence does not count either (§4.2): the curve goes on where it was."""
        if self._epoch_at:
            self._epoch_at = min(self._epoch_at + idle_ns, now)

    def set_mss(self, smss: int) -> None:
        """The curve is one of segments: with others it begins anew."""
        if smss != self._smss:
            super().set_mss(smss)
            self._epoch_at = 0
