"""CUBIC as Linux has it, where that is not RFC 9438: for those who compare windows to the segment.

Any slow start is watched, by an older HyStart. While W_max is unknown the window grows by 5 % a round trip at least. The
round trip that the curve looks ahead is the least one. And the price of a segment, whether the curve or W_est named it,
stands for a millisecond, and for 31 ms while cwnd stands still: on a path of 50 µs those are hundreds of round trips
without growth, and then some with too much.
"""

from typing import Final

from netarium.base.config import TcpConfig
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.congestion.cubic import STALE, Cubic
from netarium.transport.tcp.congestion.hystart_linux import LinuxHyStart

_UNKNOWN_SEGMENTS: Final = 20  # while W_max is unknown, a segment for so many at the most
_RECOVERED: Final = SECOND  # round trips so soon after a reduction are not those of the path


class LinuxCubic(Cubic):
    """The same algorithm with Linux's habits."""

    __slots__ = ()

    def __init__(self, smss: int, initial_window: int, config: TcpConfig) -> None:
        super().__init__(smss, initial_window, config)
        self._hystart = LinuxHyStart(smss, paced=config.pacing, signs=config.hystart_signs)

    def _measure(self, rtt_ns: int, now: int) -> None:
        """The least round trip."""
        recovered = not self._epoch_at or now - self._epoch_at >= _RECOVERED
        if not self._rtt or (rtt_ns < self._rtt and recovered):
            self._rtt = rtt_ns

    def _look_at_curve(self, acked: int, now: int) -> int:
        """A look now and then; in between the price stays, or becomes less."""
        self._est_counted += acked
        cwnd = self.cwnd // self._smss
        if self._epoch_at and cwnd == self._looked_cwnd and now - self._looked_at <= STALE:
            return self._price
        if not self._epoch_at or now // MS != self._looked_at // MS:
            self._look(cwnd, acked, now)
            most = _UNKNOWN_SEGMENTS * self._smss
            if not self._w_max and not 0 < self._price < most:
                self._price = most
        self._price = self._follow_reno(cwnd)
        return self._price

    def on_rto(self, *, flight_size: int, first: bool, now: int) -> None:
        """Nothing is known of the path any more."""
        super().on_rto(flight_size=flight_size, first=first, now=now)
        self._rtt = 0
        config = self._config
        self._hystart = LinuxHyStart(self._smss, paced=config.pacing, signs=config.hystart_signs)

    def _reduce(self, flight_size: int) -> None:
        """A loss does not end the watch."""
        watch = self._hystart
        super()._reduce(flight_size)
        self._hystart = watch
