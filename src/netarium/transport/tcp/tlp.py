"""Tail loss probes: ask for an ACK two round trips after the last segments, instead of waiting for a timeout.

RFC 8985 §7. The probe is new data if there is some, else the last segment again. The ACK that it draws lets RACK see
what else of the tail is lost; §7.4 finds out whether the probe itself repaired a loss, which must not stay unanswered.
"""

from netarium.transport.tcp import xmittimer
from netarium.transport.tcp.tcb import Tcb


def on_probe_timeout(tcb: Tcb, now: int) -> None:
    """The PTO is over: a probe is due, unless one is out already (§7.3)."""
    if tcb.tlp_end_seq is None and tcb.scoreboard:
        tcb.tlp_due = tcb.output = True
        xmittimer.start_timeout(tcb, now + tcb.rtt.rto)  # §7.3: so that the probe has its time
    else:
        xmittimer.restart_timeout(tcb, now)


def on_probe_sent(tcb: Tcb, now: int, *, is_retrans: bool) -> None:
    """A probe left: remember it until it is acknowledged; from now on a timeout is waited for."""
    tcb.tlp_end_seq = tcb.snd_nxt
    tcb.tlp_is_retrans = is_retrans
    xmittimer.start_timeout(tcb, now + tcb.rtt.rto)


def repaired_a_loss(tcb: Tcb, ack: int, *, dsacked: bool, pure_duplicate: bool) -> bool:
    """Take an ACK into account (§7.4.2); True if only the probe can have filled a hole.

    Args:
        tcb: the connection, SND.UNA and scoreboard brought up to date.
        ack: the acknowledgment.
        dsacked: a DSACK said that the probe arrived twice.
        pure_duplicate: the ACK brought no other news.
    """
    end = tcb.tlp_end_seq
    if end is None or ack < end:
        return False
    if not tcb.tlp_is_retrans or dsacked or (ack == end and pure_duplicate):
        tcb.tlp_end_seq = None  # new data has arrived; or both, the original and the probe
        return False
    return ack > end
