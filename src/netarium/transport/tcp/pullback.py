"""A window that closed before what was sent into it was acknowledged: FreeBSD takes it as never sent.

Retransmissions would only be refused: the window is probed instead, and when it opens all of it goes again, at once.
RFC 9293 §3.8.6.2.1 (SHLD-16, SHLD-17) lets a sender do so. Linux goes on with its retransmission timer (`resend`).
"""

from netarium.transport.tcp import xmittimer
from netarium.transport.tcp.tcb import LOSS, Tcb


def on_closed(tcb: Tcb, now: int) -> None:
    """The window is closed, something is in flight, and more waits: probe from now on."""
    tcb.scoreboard.mark_timed_out(now)
    if tcb.recovery != LOSS:
        tcb.recovery = LOSS
        tcb.recover = tcb.snd_nxt
    xmittimer.stop(tcb)
    tcb.rexmit_count = tcb.persist_count = 0
    tcb.persist_at = now + tcb.persist_interval


def is_due(tcb: Tcb) -> bool:
    """What is in flight lies in front of a closed window."""
    return tcb.config.closed_window_pulls_back and not tcb.snd_wnd and bool(tcb.scoreboard)
