"""Out of a black hole by stages, as FreeBSD: when a full segment stays unanswered, try two smaller sizes, two times each.

Smaller first (`base_mss`), then what every host takes (`default_mss`); if that does not help either, it was no black
hole, and segments are as large as before. RFC 4821's search, which finds more than two sizes, is in `probing`.
"""

from typing import Final

from netarium.transport.tcp import negotiate
from netarium.transport.tcp.tcb import Tcb

_SMALLER: Final = frozenset({2, 4})  # the expirations of the timer at which the size changes
_OVER: Final = 6


def on_timeout(tcb: Tcb) -> None:
    """The retransmission timer expired, and its answer is not given yet."""
    expirations, oldest = tcb.rexmit_count + 1, tcb.scoreboard.oldest
    if expirations in _SMALLER and oldest.end - oldest.seq >= tcb.smss:
        tally, config = tcb.count(), tcb.config
        tally.size_before = tally.size_before or tcb.path_mss
        now = min(tcb.peer_mss, tcb.path_mss)
        tcb.path_mss = config.base_mss if now > config.base_mss else min(now, config.default_mss)
    elif expirations >= _OVER and tcb.tally is not None and tcb.tally.size_before:
        tcb.path_mss, tcb.tally.size_before = tcb.tally.size_before, 0
    else:
        return
    negotiate.set_segment_size(tcb)
