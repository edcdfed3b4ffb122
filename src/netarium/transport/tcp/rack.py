"""RACK: a segment is lost when one sent sufficiently later has arrived (RFC 8985 §5-§6).

Time, not a count of duplicates, tells what is lost: tails, lost retransmissions and thin streams are found like anything
else. How much later is "sufficiently" is the reordering window; it widens while DSACKs say that it was too narrow.
"""

from typing import Final

MAX_STEPS: Final = 255  # of reo_wnd_mult
PERSIST_RECOVERIES: Final = 16  # a widened window is kept for so many recoveries (RFC 8985 §6.2 step 4)


class Rack:
    """The state of one connection; times in ns, names as in RFC 8985 §5.2.

    Attributes:
        xmit_at: RACK.xmit_ts: when the latest sent of all delivered segments was sent.
        end_seq: its end.
        rtt: RACK.rtt: how long the segment took that was delivered last.
        dsack_seen: a DSACK told of a needless retransmission that reordering may have caused.
    """

    __slots__ = ("_dsack_round", "_persist", "_steps", "advanced", "dsack_seen", "end_seq", "rtt", "xmit_at")

    def __init__(self) -> None:
        self.xmit_at = 0
        self.end_seq = 0
        self.rtt = 0
        self.advanced = False  # something was delivered since losses were looked for
        self.dsack_seen = False
        self._steps = 1
        self._persist = 0
        self._dsack_round = 0  # RACK.dsack_round: SND.NXT when the window was last widened

    def on_delivered(self, xmit_at: int, end: int, min_rtt: int, now: int, *, resent: bool) -> None:
        """A segment was delivered, by a SACK or cumulatively (§6.2 steps 2 and 3).

        Args:
            xmit_at: when it was sent last.
            end: its end.
            min_rtt: the least round trip known, or 0.
            now: monotonic ns.
            resent: whichever transmission it was that arrived, it did not take less than `min_rtt`.
        """
        rtt = now - xmit_at
        if resent and rtt < min_rtt:
            return
        self.advanced = True
        self.rtt = rtt
        if xmit_at > self.xmit_at or (xmit_at == self.xmit_at and end > self.end_seq):
            self.xmit_at = xmit_at
            self.end_seq = end

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
