"""How long to wait for an acknowledgment (RFC 6298).

Duties: 6298-04.
"""

from typing import Final

from netarium.base.units import MS

GRANULARITY_NS: Final = 1 * MS
_WINDOW_NS: Final = 300_000 * MS  # min_rtt forgets what is older than five minutes


class RttEstimator:
    """SRTT, RTTVAR and RTO of one connection; all in ns. `rto` is the retransmission timeout with its backoff.

    As on Linux the variance term is never below `min_rto`: a peer that delays its ACKs by 40 ms on a path with a
    steady round trip must not meet a timeout. It is the largest deviation of a round trip and falls by a quarter a
    round trip, not a sample: a window full of samples forgets nothing. And a sample that is much shorter than the
    others counts less: that a path became faster is no reason to wait longer. RFC 6298 (2.4) allows a larger RTO than
    its formula gives. Otherwise (`min_of_variance` is False) all is as the RFC has it, the minimum is one of the whole
    RTO, and `slop` comes on top of it, as on FreeBSD.
    """

    __slots__ = (
        "_backoff", "_base", "_deviation", "_max_rto", "_min_of_variance", "_min_rto", "_min_rtt_at", "_round_end", "_slop",
        "_slop_now", "_variance", "min_rtt", "rto", "rttvar", "srtt",
    )  # fmt: skip

    def __init__(
        self, initial_rto: int, min_rto: int, max_rto: int, *, slop: int = 0, min_of_variance: bool = True
    ) -> None:
        self.srtt = 0  # 0: no sample yet
        self.rttvar = 0
        self.min_rtt = 0
        self._min_rtt_at = 0
        self._base = initial_rto
        self._min_rto = min_rto
        self._max_rto = max_rto
        self._min_of_variance = min_of_variance
        self._slop = slop
        self._slop_now = 0  # the first timeout of all is `initial_rto` exactly
        self._backoff = 0
        self._variance = 0  # four mean deviations, at their largest
        self._deviation = 0  # the largest of this round trip
        self._round_end = 0  # acknowledged, this round trip is over
        self._set_rto()

    def _set_rto(self) -> None:
        if self._backoff or self._slop_now:
            self.rto = min((self._base << self._backoff) + self._slop_now, self._max_rto)
        else:
            self.rto = min(self._base, self._max_rto)

    def limit(self, min_rto: int, max_rto: int) -> None:
        """Other bounds; the least one counts from the next sample on."""
        if max_rto != self._max_rto:
            self._max_rto = max_rto
            self._set_rto()
        self._min_rto = min_rto

    @property
    def spread(self) -> int:
        """4 SRTT + 8 RTTVAR: FreeBSD's unit of window probes; of the initial timeout, while nothing is measured."""
        return 4 * self.srtt + 8 * self.rttvar if self.srtt else 2 * self._base

    @property
    def shown_variance(self) -> int:
        """RTTVAR as Linux tells it: a quarter of the timeout, while nothing is measured."""
        return self.rttvar if self.srtt else self._base >> 2

    @property
    def backoff_count(self) -> int:
        """How often the timeout was doubled since the last sample."""
        return self._backoff

    def sample(
        self, rtt_ns: int, now: int, latest_ns: int = 0, *, snd_una: int = 0, snd_nxt: int = 0
    ) -> None:
        """Fold one measured round trip into SRTT, RTTVAR and RTO.

        Args:
            rtt_ns: from a transmission to its ACK, > 0; of a retransmitted segment only if its timestamp tells
                which transmission was acknowledged (Karn).
            now: monotonic ns.
            latest_ns: of the last of the acknowledged segments: it did not wait for a delayed ACK; for `min_rtt`.
            snd_una: what is acknowledged now.
            snd_nxt: up to where something is sent: when that is acknowledged, a round trip is over.

        Spec: RFC 6298 (2.2)-(2.4).
        """
        assert rtt_ns > 0
        first = not self.srtt
        if first:
            self.srtt = rtt_ns
            self.rttvar = rtt_ns >> 1
        else:  # RTTVAR before SRTT: it is about the old SRTT
            error = rtt_ns - self.srtt
            change = ((error if error >= 0 else -error) - self.rttvar) >> 2
            if error < 0 < change and self._min_of_variance:
                change >>= 3
            self.rttvar += change
            self.srtt += error >> 3
        least = latest_ns or rtt_ns
        if not self.min_rtt or least <= self.min_rtt or now - self._min_rtt_at > _WINDOW_NS:
            self.min_rtt = least
            self._min_rtt_at = now
        if self._min_of_variance:
            self._follow_variance(snd_una, snd_nxt, first=first)
            self._base = min(self.srtt + self._variance, self._max_rto)
        else:
            variance = max(4 * self.rttvar, GRANULARITY_NS)
            self._base = min(max(self.srtt + variance, self._min_rto), self._max_rto)
        self._backoff = 0
        self._slop_now = self._slop
        self.rto = min(self._base + self._slop, self._max_rto) if self._slop else self._base

    def _follow_variance(self, snd_una: int, snd_nxt: int, *, first: bool) -> None:
        """The variance term goes up at once and comes down round trip by round trip."""
        if first:
            floor = max(self._min_rto, GRANULARITY_NS)
            self._variance = max(4 * self.rttvar, floor)
            self._deviation = floor
            self._round_end = snd_nxt
            return
        deviation = 4 * self.rttvar
        if deviation > self._deviation:
            self._deviation = deviation
        if self._deviation > self._variance:
            self._variance = self._deviation
        if snd_una > self._round_end or not snd_nxt:
            self._variance -= (self._variance - self._deviation) >> 2
            self._deviation = max(self._min_rto, GRANULARITY_NS)
            self._round_end = snd_nxt

    def back_off(self) -> None:
        """The timer expired: double the timeout (5.5)."""
        self._slop_now = self._slop
        self._backoff += 1
        self._set_rto()

    def revert(self) -> None:
        """One doubling was not called for."""
        self._backoff -= 1
        self._set_rto()

    def forget_backoff(self) -> None:
        """The timeout is what was measured again."""
        self._backoff = 0
        self._set_rto()

    def restart(self, rto: int) -> None:
        """Begin again with a given timeout, as after a SYN that timed out (5.7)."""
        if not self.srtt:
            self._base = rto
            self._slop_now = 0
        self._backoff = 0
        self._set_rto()
