"""What the sender asks of a congestion control: it hands numbers over and reads `cwnd` and `ssthresh`.

Windows are octets. Where Linux counts segments, so do the controls, so that its numbers come out in TCP_INFO: a window
grows and shrinks by whole segments as soon as slow start is over.
"""

from typing import Final, Protocol

from netarium.transport.tcp.rate import RateSample

INFINITE_SSTHRESH: Final = 0x7FFF_FFFF


class CongestionControl(Protocol):
    """One connection's congestion control; octets and ns throughout."""

    name: str
    own_recovery: bool  # it sets cwnd by itself in recovery, and hears of every ACK: no PRR
    samples_rate: bool  # it works by `on_sample` instead of `on_ack`
    send_buffer_windows: int  # how many windows the send buffer has to hold
    pacing_rate: int  # octets/s; 0: it has none
    cwnd: int
    ssthresh: int

    def begin(self, *, srtt_ns: int, min_rtt_ns: int) -> None:
        """It takes over; what is known of the path, 0 if nothing."""

    def on_sample(self, sample: RateSample) -> bool:
        """An ACK was processed; only if `samples_rate`.

        Returns:
            True: the window is smaller than the path, on purpose. What is sent now tells nothing about its rate.
        """

    def on_ack(self, *, acked: int, flight_size: int, rtt_ns: int, cwnd_limited: bool, now: int) -> None:
        """New data was delivered, in order, outside of fast recovery.

        Args:
            acked: octets that this ACK acknowledges or SACKs and none before it did. Never more than that: what a
                receiver gains by dividing ACKs is nothing.
            flight_size: octets that are still outstanding behind this ACK.
            rtt_ns: the round trip just measured, or 0.
            cwnd_limited: the window was used to the full; else it has proved nothing and must not grow.
            now: monotonic ns.
        """

    def on_loss(self, *, flight_size: int, now: int) -> None:
        """A loss was found by duplicate ACKs or SACK: one congestion event."""

    def on_rto(self, *, flight_size: int, first: bool, now: int) -> None:
        """The retransmission timer expired; `first` is False if this is the same congestion event as before."""

    def on_spurious_loss(self) -> None:
        """The latest congestion event was none: nothing had been lost. Take the answer to it back, once."""

    def on_idle(self, *, idle_ns: int, rto_ns: int, initial_window: int) -> None:
        """Nothing was in flight for longer than an RTO and something will be now (RFC 2861 §3, RFC 5681 §4.1)."""

    def on_unused(self, *, used: int) -> None:
        """For a whole RTO no more than `used` octets of the window were needed (RFC 2861 §3)."""

    def on_start(self, *, idle_ns: int, now: int, app_limited: bool = False) -> None:
        """Data goes into an empty network, `idle_ns` after the last of it was sent.

        `app_limited`: there was none before. Known only if `samples_rate`.
        """

    def set_mss(self, smss: int) -> None:
        """The segment size changed."""
