"""What the sender asks of a congestion control: it hands numbers over and reads `cwnd` and `ssthresh`."""

from typing import Final, Protocol

INFINITE_SSTHRESH: Final = 0x7FFF_FFFF


class CongestionControl(Protocol):
    """One connection's congestion control; octets and ns throughout."""

    name: str
    cwnd: int
    ssthresh: int

    def on_ack(
        self, *, acked: int, flight_size: int, rtt_ns: int, burst: int, cwnd_limited: bool, now: int
    ) -> None:
        """New data was acknowledged outside of fast recovery.

        Args:
            acked: octets newly acknowledged.
            flight_size: octets that are still outstanding behind this ACK.
            rtt_ns: the round trip just measured, or 0.
            burst: how many octets one ACK may honestly cover: two segments, or the size of our super-segments.
            cwnd_limited: the window was used to the full; else it has proved nothing and must not grow.
            now: monotonic ns.
        """

    def on_loss(self, *, flight_size: int, now: int) -> None:
        """A loss was found by duplicate ACKs or SACK: one congestion event."""

    def on_rto(self, *, flight_size: int, first: bool, now: int) -> None:
        """The retransmission timer expired; `first` is False if it did for the same segment before."""

    def on_spurious_loss(self) -> None:
        """The latest congestion event was none: nothing had been lost. Take the answer to it back, once."""

    def on_idle(self, *, initial_window: int, now: int) -> None:
        """Nothing was sent for longer than an RTO and something will be now (RFC 5681 §4.1)."""

    def set_mss(self, smss: int) -> None:
        """The segment size changed."""
