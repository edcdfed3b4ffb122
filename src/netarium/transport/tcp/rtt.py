"""How long to wait for an acknowledgment (RFC 6298).

Duties: 6298-04.
"""

from typing import Final

from netarium.base.units import MS

GRANULARITY_NS: Final = 1 * MS
_WINDOW_NS: Final = 300_000 * MS  # min_rtt forgets what is older than five minutes


class RttEstimator:
    """SRTT, RTTVAR and RTO of one connection; all in ns.

    The variance term is never below `min_rto`, as on Linux: a peer that delays its ACKs by 40 ms on a path with a
    steady round trip must not meet a timeout. RFC 6298 (2.4) allows a larger RTO than its formula gives. Otherwise
    (`min_of_variance` is False) the minimum is one of the whole RTO, and `slop` comes on top of it, as on FreeBSD.
    """

    __slots__ = (
        "_backoff", "_base", "_max_rto", "_min_of_variance", "_min_rto", "_min_rtt_at", "_slop", "_slop_now", "min_rtt",
        "rttvar", "srtt",
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

    @property
    def rto(self) -> int:
        """The retransmission timeout with its backoff."""
        return min((self._base << self._backoff) + self._slop_now, self._max_rto)

    @property
    def spread(self) -> int:
        """4 SRTT + 8 RTTVAR: FreeBSD's unit of window probes; of the initial timeout, while nothing is measured."""
        return 4 * self.srtt + 8 * self.rttvar if self.srtt else 2 * self._base

    @property
    def backoff_count(self) -> int:
        """How often the timeout was doubled since the last sample."""
        return self._backoff

    def sample(self, rtt_ns: int, now: int, latest_ns: int = 0) -> None:
        """Fold one measured round trip into SRTT, RTTVAR and RTO.

        Args:
            rtt_ns: from a transmission to its ACK, > 0; of a retransmitted segment only if its timestamp tells
                which transmission was acknowledged (Karn).
            now: monotonic ns.
            latest_ns: of the last of the acknowledged segments: it did not wait for a delayed ACK; for `min_rtt`.

        Spec: RFC 6298 (2.2)-(2.4).
        """
        assert rtt_ns > 0
        if not self.srtt:
            self.srtt = rtt_ns
            self.rttvar = rtt_ns >> 1
        else:  # RTTVAR before SRTT: it is about the old SRTT
            self.rttvar += (abs(self.srtt - rtt_ns) - self.rttvar) >> 2
            self.srtt += (rtt_ns - self.srtt) >> 3
        least = latest_ns or rtt_ns
        if not self.min_rtt or least <= self.min_rtt or now - self._min_rtt_at > _WINDOW_NS:
            self.min_rtt = least
            self._min_rtt_at = now
        variance = max(4 * self.rttvar, GRANULARITY_NS)
        if self._min_of_variance:
            self._base = min(self.srtt + max(variance, self._min_rto), self._max_rto)
        else:
            self._base = min(max(self.srtt + variance, self._min_rto), self._max_rto)
        self._backoff = 0
        self._slop_now = self._slop

    def back_off(self) -> None:
        """The timer expired: double the timeout (5.5)."""
        self._slop_now = self._slop
        if self._base << self._backoff < self._max_rto:
            self._backoff += 1

    def restart(self, rto: int) -> None:
        """Begin again with a given timeout, as after a SYN that timed out (5.7)."""
        if not self.srtt:
            self._base = rto
            self._slop_now = 0
        self._backoff = 0
