"""Proportional Rate Reduction: how the congestion window comes down (RFC 9937, RFC 6937).

Over the round trip of a recovery the sender may send as much less than arrives as ssthresh is less than the old window:
no silence first, no burst later. All in segments; the congestion control has chosen ssthresh, and gets it in the end.

Duties: 6937-01, whose successor is RFC 9937.
"""

from typing import Final


class Prr:
    """One recovery's account.

    Attributes:
        prior_cwnd: RecoverFS, for which Linux takes the congestion window before.
        prr_delivered: segments delivered since the recovery began.
        prr_out: segments sent since then.
    """

    __slots__ = ("prior_cwnd", "prr_delivered", "prr_out")

    def __init__(self, cwnd: int) -> None:
        """A reduction begins with a window of `cwnd` segments."""
        self.prior_cwnd = max(1, cwnd)
        self.prr_delivered = self.prr_out = 0

    def sndcnt(self, delivered: int, in_flight: int, ssthresh: int, *, safe: bool) -> int:
        """How many segments may go now.

        Args:
            delivered: what this ACK tells of; at least one.
            in_flight: segments believed to be in the network.
            ssthresh: the window to come to.
            safe: the ACK advanced SND.UNA and told of no new loss (RFC 9937's SafeACK): one more, as slow start.
        """
        self.prr_delivered += delivered
        if in_flight > ssthresh:  # in proportion, rounded up
            allowed = -(-self.prr_delivered * ssthresh // self.prior_cwnd) - self.prr_out
        else:  # the slow start reduction bound; where losses go on, the conservative one
            allowed = min(ssthresh - in_flight, max(self.prr_delivered - self.prr_out, delivered) + safe)
        # The first retransmission always goes.
        return max(allowed, 0 if self.prr_out else 1)


NO_REDUCTION: Final = Prr(1)  # what a connection has before its first one; nothing counts in it
