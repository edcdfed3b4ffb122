"""Slow start, congestion avoidance, multiplicative decrease (RFC 5681), counted in octets (RFC 3465)."""

from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH


class Reno:
    """The algorithm that all others are compared with."""

    __slots__ = ("_before", "_counted", "_smss", "cwnd", "ssthresh")

    name = "reno"

    def __init__(self, smss: int, initial_window: int) -> None:
        self._smss = smss
        self._counted = 0  # octets acknowledged towards the next segment in congestion avoidance
        self._before: tuple[int, int] | None = None  # cwnd and ssthresh before the latest congestion event
        self.cwnd = initial_window
        self.ssthresh = INFINITE_SSTHRESH

    def on_ack(
        self,
        *,
        acked: int,
        flight_size: int,  # noqa: ARG002 - the Protocol's
        rtt_ns: int,  # noqa: ARG002
        burst: int,
        cwnd_limited: bool,
        now: int,  # noqa: ARG002
    ) -> None:
        """Grow by what was acknowledged in slow start, by one segment a round trip afterwards.

        Spec: RFC 5681 §3.1 (2), (3); RFC 3465 §2.1-2.2 with L = `burst`.
        """
        if not cwnd_limited:
            return
        if self.cwnd < self.ssthresh:
            step = min(acked, burst)
            room = self.ssthresh - self.cwnd
            self.cwnd += min(step, room)
            acked = step - room  # what is left counts for congestion avoidance
            if acked <= 0:
                return
        self._counted += acked
        while self._counted >= self.cwnd:
            self._counted -= self.cwnd
            self.cwnd += self._smss

    def on_loss(self, *, flight_size: int, now: int) -> None:  # noqa: ARG002
        """Halve (RFC 5681 equation 4)."""
        self._before = self.cwnd, self.ssthresh
        self.ssthresh = max(flight_size // 2, 2 * self._smss)
        self.cwnd = self.ssthresh
        self._counted = 0

    def on_rto(self, *, flight_size: int, first: bool, now: int) -> None:  # noqa: ARG002
        """Back to one segment; ssthresh only changes for the first expiry (RFC 5681 §3.1)."""
        if first:
            self._before = self.cwnd, self.ssthresh
            self.ssthresh = max(flight_size // 2, 2 * self._smss)
        self.cwnd = self._smss
        self._counted = 0

    def on_spurious_loss(self) -> None:
        """Nothing was lost: back to what was (RFC 4015 §3, with the burst that it avoids left to the sender)."""
        if self._before is not None:
            cwnd, self.ssthresh = self._before
            self.cwnd = max(self.cwnd, cwnd)
            self._before = None

    def on_idle(self, *, initial_window: int, now: int) -> None:  # noqa: ARG002
        """The old window says nothing about the network now (RFC 5681 §4.1)."""
        self.cwnd = min(self.cwnd, initial_window)
        self._counted = 0

    def set_mss(self, smss: int) -> None:
        """Keep counting in the new unit; never below one segment."""
        self._smss = smss
        self.cwnd = max(self.cwnd, smss)
