"""How fast the network delivers: a sample of the delivery rate with each ACK (draft-cheng-iccrg-delivery-rate-estimation).

With each transmission goes a note of what had been delivered by then. When it is acknowledged, the difference by the
time passed is a rate; the longer of the times that sending and acknowledging took is the honest one, so that ACKs which
come in a clump do not look fast. A sample is marked if the application had nothing to send: then the network may be
faster than it says.

Only for a congestion control that asks, or from when somebody looks at TCP_INFO: others pay nothing.
"""

from collections.abc import Iterable

from netarium.transport.tcp.records import Sent


class RateSample:
    """What one ACK tells. There is one object for each connection, filled anew.

    Attributes:
        now: monotonic ns.
        acked: octets that this ACK delivered, in order or not.
        lost: octets that were declared lost because of it.
        delivered: octets delivered over `interval_ns`.
        interval_ns: 0: there is no sample.
        prior_delivered: what had been delivered in all when the segment was sent that this ACK is about.
        total: what is delivered in all now.
        app_limited: the application limited the rate.
        rtt_ns: the round trip just measured, or 0.
        prior_in_flight: octets in the network before this ACK.
        in_flight: octets in the network behind it.
        recovering: fast recovery is going on.
        after_timeout: the retransmission timer expired, and what was in flight then is not acknowledged yet.
    """

    __slots__ = (
        "acked", "after_timeout", "app_limited", "delivered", "in_flight", "interval_ns", "lost", "now",
        "prior_delivered", "prior_in_flight", "recovering", "rtt_ns", "total",
    )  # fmt: skip

    def __init__(self) -> None:
        self.now = self.acked = self.lost = self.delivered = self.interval_ns = self.prior_delivered = 0
        self.total = self.rtt_ns = self.prior_in_flight = self.in_flight = 0
        self.app_limited = self.recovering = self.after_timeout = False


class RateSampler:
    """The bookkeeping of one connection; its names are the draft's.

    Attributes:
        delivered: octets, in all.
        app_limited: as soon as `delivered` is above it, the time without data has passed; 0: there was none.
        rate: octets/s: the latest that was not limited by the application, or a higher one that was.
        rate_app_limited: whether that was.
        sample: the latest.
    """

    __slots__ = (
        "_best", "_delivered_at", "_first_sent_at", "app_limited", "delivered", "rate",
        "rate_app_limited", "sample",
    )  # fmt: skip

    def __init__(self) -> None:
        self.delivered = 1  # not 0: that is "no sample" in `prior_delivered`
        self.app_limited = 0
        self.rate = 0
        self.rate_app_limited = False
        self.sample = RateSample()
        self._delivered_at = 0  # of the last octet counted in `delivered`
        self._first_sent_at = 0  # when the segment was sent that was delivered last
        self._best: Sent | None = None  # of the records that this ACK delivers, the one sent last

    def begin(self, now: int) -> None:
        """Something is in flight already: what is delivered of that tells nothing."""
        self._first_sent_at = self._delivered_at = now

    def on_sent(self, record: Sent, now: int, *, idle: bool) -> None:
        """A record is on its way, for the first time or again; `idle`: into an empty network."""
        if idle:
            self._first_sent_at = self._delivered_at = now
        record.rate = (self.delivered, self._delivered_at, self._first_sent_at, bool(self.app_limited))

    def on_delivered(self, records: Iterable[Sent]) -> None:
        """The ACK in hand delivers these; those that were SACKed before are passed over."""
        best = self._best
        for record in records:
            if (
                record.rate is not None
                and not record.sacked
                and (best is None or record.xmit_at >= best.xmit_at)
            ):
                best = record
        self._best = best

    def on_sacked(self, record: Sent) -> None:
        """Of what the ACK in hand SACKs for the first time, this was sent last."""
        best = self._best
        if record.rate is not None and (best is None or record.xmit_at >= best.xmit_at):
            self._best = record

    def take(self, acked: int, min_rtt_ns: int, now: int) -> RateSample:
        """All that the ACK delivers has been told: make the sample.

        Args:
            acked: octets that it delivered.
            min_rtt_ns: a sample over less than that is not to be believed; 0: unknown.
            now: monotonic ns.
        """
        self.delivered += acked
        if self.app_limited and self.delivered > self.app_limited:
            self.app_limited = 0
        sample = self.sample
        sample.now, sample.acked, sample.total = now, acked, self.delivered
        sample.interval_ns = sample.delivered = 0
        sample.app_limited = False
        best, self._best = self._best, None
        if best is not None and best.rate is not None:
            prior, prior_at, first_sent_at, app_limited = best.rate
            self._first_sent_at = best.xmit_at
            interval = max(best.xmit_at - first_sent_at, now - prior_at)
            sample.prior_delivered, sample.app_limited = prior, app_limited
            if interval > 0 and interval >= min_rtt_ns:
                sample.delivered, sample.interval_ns = self.delivered - prior, interval
                self._keep(sample)
        if acked:
            self._delivered_at = now
        return sample

    def _keep(self, sample: RateSample) -> None:
        rate = sample.delivered * 1_000_000_000 // sample.interval_ns
        if not sample.app_limited or rate >= self.rate:
            self.rate, self.rate_app_limited = rate, sample.app_limited

    def nothing_to_send(self, in_flight: int) -> None:
        """The application has no more, although the windows would take it."""
        self.app_limited = self.delivered + in_flight
