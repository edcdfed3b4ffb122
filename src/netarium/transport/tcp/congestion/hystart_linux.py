"""HyStart as Linux has it: two signs that the path is full, and at either slow start is over at once.

A train of ACKs that follow each other without a gap for longer than half of the least round trip comes from segments
that stood in a queue; and so does a round trip that is clearly above the least of all. Small windows are left alone.
What RFC 9406 changed about it is in `hystart`: many a path ends slow start too early this way.
"""

from typing import Final

from netarium.base.units import MS, SECOND
from netarium.transport.tcp.congestion.hystart import N_RTT_SAMPLE, threshold

_TRAIN, _LATE = 1, 2  # the signs
_LOW_WINDOW: Final = 16  # segments: below, nothing is concluded
_GAP_NS: Final = 2 * MS  # between ACKs of one train
_MOST_AGGREGATION_NS: Final = 1 * MS  # that ACKs may wait for their like on the way
_AGGREGATE: Final = 4 * 65_215  # octets that are worth waiting for: four of the largest chunks


class LinuxHyStart:
    """See `hystart.Watch`; any slow start is watched, not only the first.

    Args:
        smss: octets of a segment.
        paced: segments are paced, so that a train may last twice as long.
        signs: which ones count, as `TcpConfig.hystart_signs`.
    """

    __slots__ = (
        "_current_round_min_rtt", "_last_ack_at", "_low_window", "_min_rtt", "_paced", "_round_began_at", "_round_left",
        "_samples", "_signs", "_srtt", "done", "growth_divisor",
    )  # fmt: skip

    def __init__(self, smss: int, *, paced: bool, signs: int = _TRAIN | _LATE) -> None:
        self.growth_divisor = 1
        self.done = False
        self._low_window = _LOW_WINDOW * smss
        self._paced = paced
        self._signs = signs
        self._min_rtt = self._srtt = 0
        self._round_left = -1  # octets until more is acknowledged than was sent when the round began
        self._round_began_at = self._last_ack_at = 0
        self._current_round_min_rtt = 0
        self._samples = 0  # in this round

    def on_ack(
        self, *, acked: int, flight_size: int, rtt_ns: int, cwnd: int, ssthresh: int, now: int
    ) -> None:
        """Look for either sign; only what gives a round trip counts."""
        self._round_left -= acked
        if not rtt_ns:
            return
        self._srtt += (rtt_ns - self._srtt) >> 3 if self._srtt else rtt_ns
        if not self._min_rtt or rtt_ns < self._min_rtt:
            self._min_rtt = rtt_ns
        if cwnd >= ssthresh:
            return
        if self._round_left < 0:
            self._round_left = flight_size
            self._round_began_at = self._last_ack_at = now
            self._current_round_min_rtt = self._samples = 0
        if cwnd < self._low_window:
            return
        if (self._signs & _TRAIN and self._is_train(cwnd, ssthresh, now)) or (
            self._signs & _LATE and self._is_late(rtt_ns)
        ):
            self.done = True

    def _is_train(self, cwnd: int, ssthresh: int, now: int) -> bool:
        """ACKs without a gap since the round began, for longer than the path by itself would explain."""
        if now - self._last_ack_at > _GAP_NS:
            return False
        self._last_ack_at = now
        rate = (
            cwnd * SECOND // self._srtt * (200 if cwnd < ssthresh >> 1 else 120) // 100
        )  # as `pacing` has it
        longest = self._min_rtt + min(_MOST_AGGREGATION_NS, _AGGREGATE * SECOND // max(rate, 1))
        return now - self._round_began_at > (longest if self._paced else longest >> 1)

    def _is_late(self, rtt_ns: int) -> bool:
        """The least round trip of this round, of eight and more, is above the least of all."""
        if not self._current_round_min_rtt or rtt_ns < self._current_round_min_rtt:
            self._current_round_min_rtt = rtt_ns
        self._samples += 1
        return self._samples > N_RTT_SAMPLE and self._current_round_min_rtt > self._min_rtt + threshold(
            self._min_rtt
        )
