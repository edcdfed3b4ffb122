"""RACK: a segment is lost when one sent sufficiently later has arrived (RFC 8985 §5-§6).

Time, not a count of duplicates, tells what is lost: tails, lost retransmissions and thin streams are found like anything
else. How much later is "sufficiently" is the reordering window; it widens while DSACKs say that it was too narrow.

Duties: 8985-01.
"""

from typing import Final, Protocol

MAX_STEPS: Final = 255  # of reo_wnd_mult
PERSIST_RECOVERIES: Final = 16  # a widened window is kept for so many recoveries (RFC 8985 §6.2 step 4)


class Transmission(Protocol):
    """What is known of a segment that was sent; `scoreboard` keeps them."""

    end: int
    xmit_at: int
    order: int
    resent: int


class Rack:
    """The state of one connection; times in ns, names as in RFC 8985 §5.2.

    Attributes:
        order: the latest of the transmissions that were delivered: what RACK.xmit_ts is for, and exact even if many
            are of one instant.
        end_seq: its end: pieces of one super-segment have the same order.
        rtt: RACK.rtt: how long the segment took that was delivered last.
        dsack_seen: a DSACK told of a needless retransmission that reordering may have caused.
    """

    __slots__ = ("_dsack_round", "_persist", "_steps", "advanced", "dsack_seen", "end_seq", "order", "rtt")

    def __init__(self) -> None:
        self.order = 0
        self.end_seq = 0
        self.rtt = 0
        self.advanced = False  # something was delivered since losses were looked for
        self.dsack_seen = False
        self._steps = 1
        self._persist = 0
        self._dsack_round = 0  # RACK.dsack_round: SND.NXT when the window was last widened

    def on_delivered(self, sent: Transmission, min_rtt: int, now: int) -> None:
        """A segment was delivered, by a SACK or cumulatively (§6.2 steps 2 and 3).

        Args:
            sent: it.
            min_rtt: the least round trip known, or 0.
            now: monotonic ns.
        """
        rtt = now - sent.xmit_at
        if sent.resent and rtt < min_rtt:
            return  # whichever transmission it was that arrived, it took longer
        self.advanced = True
        self.rtt = rtt
        if sent.order > self.order or (sent.order == self.order and sent.end > self.end_seq):
            self.order = sent.order
            self.end_seq = sent.end

    def reo_wnd(self, min_rtt: int, srtt: int) -> int:
        """How long a segment may be overtaken before it is called lost: min_RTT/4 a step, SRTT at the most."""
        return min((min_rtt >> 2) * self._steps, srtt)

    def adapt(self, snd_una: int, snd_nxt: int) -> None:
        """Widen the reordering window by a step if a DSACK was seen, once in a round trip.

        Spec: RFC 8985 §6.2 step 4, RACK_update_reo_wnd.
        """
        if self.dsack_seen:
            self.dsack_seen = False
            if snd_una >= self._dsack_round:
                self._dsack_round = snd_nxt
                self._steps = min(self._steps + 1, MAX_STEPS)
                self._persist = PERSIST_RECOVERIES
        elif not self._persist:
            self._steps = 1

    @property
    def is_wide(self) -> bool:
        """The window is wider than one step, or may become so: `adapt` has something to do."""
        return self.dsack_seen or self._steps > 1

    def on_recovered(self) -> None:
        """A recovery ended and was none too many."""
        self._persist = max(0, self._persist - 1)

    def on_needless_recovery(self) -> None:
        """A recovery was undone because all of its retransmissions were DSACKed."""
        self._persist = min(PERSIST_RECOVERIES, self._persist + 1)
