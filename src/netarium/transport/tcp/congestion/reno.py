"""Slow start, congestion avoidance, multiplicative decrease (RFC 5681), counted in octets (RFC 3465)."""

from netarium.base.config import TcpConfig
from netarium.transport.tcp.congestion.window import LossWindow


class Reno(LossWindow):
    """The algorithm that all others are compared with."""

    __slots__ = ("_before",)

    name = "reno"

    def __init__(self, smss: int, initial_window: int, config: TcpConfig) -> None:
        super().__init__(smss, initial_window, config)
        self._before: tuple[int, int] | None = None  # cwnd and ssthresh before the latest congestion event

    def on_ack(
        self,
        *,
        acked: int,
        flight_size: int,  # noqa: ARG002 - the Protocol's
        rtt_ns: int,  # noqa: ARG002
        cwnd_limited: bool,
        now: int,  # noqa: ARG002
    ) -> None:
        """Grow by what was delivered in slow start, by one segment a round trip afterwards.

        Spec: RFC 5681 §3.1 (2), (3); RFC 3465 §2.1-2.2.
        """
        if not cwnd_limited:
            return
        if self.cwnd < self.ssthresh or (self.cwnd == self.ssthresh and self._overshoots):
            acked = self._slow_start(acked)
            if not acked:
                return
        self._increase(acked, self.cwnd)

    def on_loss(self, *, flight_size: int, now: int) -> None:  # noqa: ARG002
        """Halve (RFC 5681 equation 4)."""
        self._halve(flight_size)
        self.cwnd = self.ssthresh

    def on_rto(self, *, flight_size: int, first: bool, now: int) -> None:  # noqa: ARG002
        """Back to one segment; ssthresh only changes for the first expiry (RFC 5681 §3.1)."""
        if first:
            self._halve(flight_size)
        self.cwnd = self._smss
        self._counted = 0

    def _halve(self, flight_size: int) -> None:
        self._before = self.cwnd, self._remembered()
        self.ssthresh = self._threshold(flight_size, 1, 2)
        self._counted = 0

    def on_spurious_loss(self) -> None:
        """Nothing was lost: back to what was (RFC 4015 §3, with the burst that it avoids left to the sender)."""
        if self._before is not None:
            cwnd, ssthresh = self._before
            self.cwnd = max(self.cwnd, cwnd)
            self.ssthresh = max(self.ssthresh, ssthresh)
            self._before = None
