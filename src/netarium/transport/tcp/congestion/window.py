"""A window that losses shrink: what Reno and CUBIC have in common (RFC 5681 §3.1, RFC 2861, RFC 3465)."""

from typing import Final

from netarium.base.config import TcpConfig
from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH
from netarium.transport.tcp.rate import RateSample

LEAST_SEGMENTS: Final = 2  # of ssthresh (RFC 5681 equation 4)


class LossWindow:
    """Slow start, additive increase, and what silence does to a window; a subclass says when and how much.

    Attributes:
        cwnd: congestion window, octets.
        ssthresh: up to there slow start goes.
    """

    own_recovery = False
    samples_rate = False
    send_buffer_windows = 2
    pacing_rate = 0

    __slots__ = ("_config", "_counted", "_smss", "cwnd", "ssthresh")

    def __init__(self, smss: int, initial_window: int, config: TcpConfig) -> None:
        self._smss = smss
        self._config = config
        self._counted = 0  # octets delivered towards the next segment in congestion avoidance
        self.cwnd = initial_window
        self.ssthresh = INFINITE_SSTHRESH

    @property
    def _overshoots(self) -> bool:
        """Slow start goes on at ssthresh, and beyond by one ACK."""
        return self._config.cwnd_form == "octets"

    def _slow_start(self, acked: int) -> int:
        """Grow by what was delivered, up to ssthresh; return the octets that are left for congestion avoidance."""
        self.cwnd += acked
        left = self.cwnd - self.ssthresh
        if left <= 0:
            return 0
        if self._overshoots:
            self._counted = 0
            return 0
        self.cwnd = self.ssthresh
        return left

    def _increase(self, acked: int, per_segment: int) -> None:
        """One segment more for each `per_segment` octets delivered."""
        if self._counted >= per_segment:  # collected while a segment was dearer
            self._counted = 0
            self.cwnd += self._smss
        self._counted += acked
        if self._counted >= per_segment:
            segments, self._counted = divmod(self._counted, per_segment)
            self.cwnd += segments * self._smss

    def _threshold(self, flight_size: int, numerator: int, denominator: int) -> int:
        """The window times a factor, in whole segments.

        Spec: RFC 9438 §4.6: who takes cwnd must keep it from growing beyond what is in flight; see `cwnd_limited`
        and `on_unused`.
        """
        # DEVIATION RFC 5681 §3.1 (4): of cwnd instead of FlightSize, as Linux, unless configured otherwise.
        segments = (flight_size if self._config.ssthresh_from_flight_size else self.cwnd) // self._smss
        return max(segments * numerator // denominator, LEAST_SEGMENTS) * self._smss

    def _remembered(self) -> int:
        """The ssthresh that is worth keeping when cwnd falls without a loss: three quarters of it."""
        segments = self.cwnd // self._smss
        return max(self.ssthresh, ((segments >> 1) + (segments >> 2)) * self._smss)

    def on_idle(self, *, idle_ns: int, rto_ns: int, initial_window: int) -> None:
        """Half of the window for each RTO of silence, but no less than the restart window.

        Spec: RFC 2861 §3; RFC 5681 §4.1 with RW = min(IW, cwnd).
        """
        self.ssthresh = self._remembered()
        segments = self.cwnd // self._smss >> min((idle_ns - 1) // rto_ns, 64)
        self.cwnd = max(segments * self._smss, min(initial_window, self.cwnd))

    def on_unused(self, *, used: int) -> None:
        """Half of the way down to what was needed.

        Spec: RFC 2861 §3.
        """
        if used < self.cwnd:
            self.ssthresh = self._remembered()
            self.cwnd = ((self.cwnd + used) // self._smss >> 1) * self._smss

    def begin(self, *, srtt_ns: int, min_rtt_ns: int) -> None:
        """It begins with nothing but the window."""

    def on_sample(self, sample: RateSample) -> bool:  # noqa: ARG002 - the Protocol's
        """It asks for none."""
        return False

    def on_start(self, *, idle_ns: int, now: int, app_limited: bool = False) -> None:
        """For those whom the time of silence concerns."""

    def set_mss(self, smss: int) -> None:
        """As many segments as before: it is segments that the network carried."""
        old, self._smss = self._smss, smss
        if old == smss:
            return
        self.cwnd = max(self.cwnd // old, 1) * smss
        if self.ssthresh < INFINITE_SSTHRESH:
            self.ssthresh = max(self.ssthresh // old, LEAST_SEGMENTS) * smss
