"""HyStart++: leave the first slow start when the round trips grow, before the queue overflows (RFC 9406).

Two round trips are compared: if the least RTT of this one is clearly above that of the last one, a queue is building
up. Then Conservative Slow Start (CSS) goes on at a quarter of the pace; if the RTT falls again it was jitter, and after
five round trips slow start is over. Five is the most that the RFC allows: as soon as the round trips have grown by as
much once more, that is no jitter, and who shares the line need not wait for the rest. Linux has another rule:
`hystart_linux`.
"""

from typing import Final, Protocol

from netarium.base.units import MS

# RFC 9406 §4.3
MIN_RTT_THRESH_NS: Final = 4 * MS
MAX_RTT_THRESH_NS: Final = 16 * MS
MIN_RTT_DIVISOR: Final = 8
N_RTT_SAMPLE: Final = 8
CSS_GROWTH_DIVISOR: Final = 4
CSS_ROUNDS: Final = 5
_DONE: Final = -1


def threshold(rtt_ns: int) -> int:
    """RttThresh: a round trip longer than the last by that much is no jitter (§4.2)."""
    return max(MIN_RTT_THRESH_NS, min(rtt_ns // MIN_RTT_DIVISOR, MAX_RTT_THRESH_NS))


class Watch(Protocol):
    """The watch over one connection's slow start.

    Attributes:
        growth_divisor: the window grows by what is acknowledged, divided by this.
    """

    growth_divisor: int

    @property
    def done(self) -> bool:
        """Slow start is over."""

    def on_ack(
        self, *, acked: int, flight_size: int, rtt_ns: int, cwnd: int, ssthresh: int, now: int
    ) -> None:
        """Follow the rounds and their round trips.

        Args:
            acked: octets newly acknowledged.
            flight_size: octets still outstanding: up to there the next round would last.
            rtt_ns: the round trip just measured, or 0.
            cwnd: the window, octets.
            ssthresh: likewise.
            now: monotonic ns.
        """


class HyStart:
    """RFC 9406's, of the first slow start; see `Watch`."""

    __slots__ = (
        "_baseline_min_rtt", "_current_round_min_rtt", "_last_round_min_rtt", "_round_left", "_rounds", "_samples",
        "growth_divisor",
    )  # fmt: skip

    def __init__(self) -> None:
        self.growth_divisor = 1
        self._last_round_min_rtt = 0  # 0: no sample, what the RFC calls infinity
        self._current_round_min_rtt = 0
        self._samples = 0  # in this round
        self._round_left = 0  # octets until windowEnd is acknowledged
        self._baseline_min_rtt = 0  # the RTT at which CSS began; 0: not in CSS
        self._rounds = 0  # of CSS, the one in which it began included

    @property
    def done(self) -> bool:
        """CSS is over."""
        return self._rounds == _DONE

    def on_ack(
        self,
        *,
        acked: int,
        flight_size: int,
        rtt_ns: int,
        cwnd: int = 0,  # noqa: ARG002 - the Protocol's
        ssthresh: int = 0,  # noqa: ARG002
        now: int = 0,  # noqa: ARG002
    ) -> None:
        """Compare the round with the one before (RFC 9406 §4.2)."""
        if rtt_ns:
            self._samples += 1
            if not self._current_round_min_rtt or rtt_ns < self._current_round_min_rtt:
                self._current_round_min_rtt = rtt_ns
            if self._samples >= N_RTT_SAMPLE:
                self._compare()
        self._round_left -= acked
        if self._round_left <= 0:
            self._end_round(flight_size)

    def _compare(self) -> None:
        """Enter CSS; leave it again if its cause has gone, or slow start if it is there twice over.

        The round in which CSS began tells neither: the least of a round only falls as samples come, and its first eight
        are what CSS began with.
        """
        current, last, baseline = (
            self._current_round_min_rtt,
            self._last_round_min_rtt,
            self._baseline_min_rtt,
        )
        if not baseline:
            if last and current >= last + threshold(last):
                self._baseline_min_rtt = current
                self._rounds = 0
                self.growth_divisor = CSS_GROWTH_DIVISOR
        elif self._rounds:
            if current < baseline:  # the rise was spurious: back to slow start
                self._baseline_min_rtt = 0
                self.growth_divisor = 1
            elif current >= baseline + threshold(baseline):
                self._rounds = _DONE

    def _end_round(self, flight_size: int) -> None:
        """What was sent when the round began is acknowledged."""
        if self._baseline_min_rtt and not self.done:
            self._rounds += 1
            if self._rounds >= CSS_ROUNDS:  # "at most"
                self._rounds = _DONE
        self._last_round_min_rtt = self._current_round_min_rtt
        self._current_round_min_rtt = 0
        self._samples = 0
        self._round_left = flight_size
