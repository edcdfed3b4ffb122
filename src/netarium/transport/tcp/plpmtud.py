"""Packetization-layer path MTU discovery: the largest segment that a path takes, found without ICMP.

RFC 4821 §7, RFC 8899 §5; the numbers are those of Linux's tcp_mtu_probing. This is the search alone: it knows sizes
and instants, `probing` does with a connection what it says. Sizes are payload octets of one segment, options
subtracted, as SMSS is.
"""

from typing import Final

from netarium.base.config import TcpConfig


class PathSearch:
    """The largest segment is at least `low` and at most `high`.

    Attributes:
        low: a size that passes, or is believed to (RFC 4821 §7.2 search_low).
        high: the largest that may pass: the peer's MSS and our link allow it, no probe of it failed.
        probe: size of the probe that is in flight, 0: none.
        probe_seq: where that probe begins.
        charged: octets that it took off the congestion window.
    """

    __slots__ = ("_begun_at", "_config", "charged", "high", "low", "probe", "probe_seq")

    def __init__(self, config: TcpConfig, ceiling: int, now: int) -> None:
        self._config: Final = config
        self._begun_at = now
        self.high = ceiling
        self.low = min(config.base_mss, ceiling)
        self.probe = 0
        self.probe_seq = self.charged = 0

    def limit(self, size: int) -> int:
        """The segment size to use where peer and path (by ICMP) allow `size`; nothing larger is searched for."""
        self.high = min(self.high, size)
        return min(self.low, size)

    def candidate(self, ceiling: int, now: int) -> int:
        """The size to probe for next: half way, or 0 while what could be gained is not worth it.

        Args:
            ceiling: what peer and path allow: up to there the search begins anew after ten minutes (RFC 4821 §7.3).
            now: monotonic ns.
        """
        if self.high - self.low >= self._config.mtu_probe_threshold:
            return (self.high + self.low) >> 1
        if now - self._begun_at >= self._config.mtu_probe_interval_ns:
            self._begun_at = now
            self.high = ceiling
        return 0

    def sent(self, seq: int, size: int, charged: int) -> None:
        """A probe is on its way, for which the congestion window was lowered by `charged` octets."""
        self.probe, self.probe_seq, self.charged = size, seq, charged

    def succeeded(self) -> None:
        """The probe arrived: its size passes."""
        self.low, self.probe = self.probe, 0

    def failed(self) -> None:
        """The probe and nothing else was lost: its size does not pass."""
        self.high, self.probe = self.probe - 1, 0

    def step_down(self) -> None:
        """Even segments of `low` octets get no answer: half of that, if that is not too little (RFC 4821 §7.7)."""
        self.low = min(self.low, max(self.low >> 1, self._config.mtu_probe_floor))
