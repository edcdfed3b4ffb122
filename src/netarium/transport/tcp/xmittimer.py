"""The one timer behind everything sent: it waits for an ACK, to probe a tail, or for what was overtaken.

RFC 6298 §5 (RTO), RFC 8985 §7.2 (PTO) and §6.2 step 5 (reordering): of the three only the one that is due first is
armed, `rexmit_at`, and `rexmit_for` says which it is.
"""

from typing import Final

from netarium.base.units import MS, SECOND
from netarium.transport.tcp.state import SYN_RECEIVED
from netarium.transport.tcp.tcb import CWR, OPEN, Tcb

# What `rexmit_at` is for.
TIMEOUT: Final = 0
PROBE: Final = 1
REORDERING: Final = 2

_SLACK_NS: Final = 2 * MS  # what a timer is late at least, and so what is added to a wait for the network


def on_acknowledged(tcb: Tcb, now: int) -> None:
    """Something was acknowledged: restart the timer (RFC 6298 (5.2), (5.3)), as a probe's if that is due earlier."""
    if not tcb.scoreboard:
        stop(tcb)
        return
    rto_at = now + tcb.rtt.rto
    if tcb.sack_ok and _may_probe(tcb):
        tcb.rexmit_for = PROBE
        tcb.rexmit_at = min(now + probe_timeout(tcb), rto_at)
    else:
        tcb.rexmit_for = TIMEOUT
        tcb.rexmit_at = rto_at


def on_sent(tcb: Tcb, now: int) -> None:
    """New data left: run the timer (RFC 6298 (5.1)); a probe waits from the last transmission (RFC 8985 §7.2)."""
    if tcb.sack_ok and _may_probe(tcb):
        rto_at = tcb.scoreboard.oldest.xmit_at + tcb.rtt.rto
        at = now + probe_timeout(tcb)
        tcb.rexmit_for = PROBE
        tcb.rexmit_at = rto_at if now < rto_at < at else at
    elif not tcb.rexmit_at:
        tcb.rexmit_for = TIMEOUT
        tcb.rexmit_at = now + tcb.rtt.rto
    elif tcb.rexmit_for == PROBE:
        restart_timeout(tcb, now)


def restart_timeout(tcb: Tcb, now: int) -> None:
    """The retransmission timer instead of what ran: it is counted from when the oldest segment was sent."""
    if not tcb.scoreboard:
        stop(tcb)
        return
    at = now + tcb.rtt.rto
    if tcb.rexmit_for != TIMEOUT:
        at = max(tcb.scoreboard.oldest.xmit_at + tcb.rtt.rto, now + MS)
    start_timeout(tcb, at)


def start_timeout(tcb: Tcb, at: int) -> None:
    """The retransmission timer, due at `at`."""
    tcb.rexmit_for = TIMEOUT
    tcb.rexmit_at = at


def await_reordered(tcb: Tcb, wait: int, now: int) -> None:
    """What was overtaken has still `wait` ns to come (RFC 8985 §6.2 step 5), or until the RTO."""
    tcb.rexmit_for = REORDERING
    tcb.rexmit_at = now + min(wait + _SLACK_NS, tcb.rtt.rto)


def stop(tcb: Tcb) -> None:
    """Nothing is outstanding."""
    tcb.rexmit_at = 0
    tcb.rexmit_for = TIMEOUT


def probe_timeout(tcb: Tcb) -> int:
    """PTO: two round trips, and patience for a delayed ACK if only one segment is out (RFC 8985 §7.2)."""
    srtt = tcb.rtt.srtt
    if not srtt:
        return SECOND
    return 2 * srtt + (tcb.min_rto if tcb.scoreboard.segs_out == 1 else _SLACK_NS)


def _may_probe(tcb: Tcb) -> bool:
    """A probe is for a tail: not while losses are being repaired, nor behind a SYN,ACK that waits for its ACK."""
    return tcb.config.tail_loss_probe and tcb.recovery in _PROBING and tcb.state is not SYN_RECEIVED


_PROBING: Final = frozenset({OPEN, CWR})
