"""Long disruptions: an ICMP error about a retransmission tells that a link is gone, not that the path is crowded.

RFC 6069 (TCP-LCD): then the timeout need not have doubled, and who is back is asked soon.
"""

from netarium.ip.packet import IcmpError
from netarium.transport.tcp import xmittimer
from netarium.transport.tcp.tcb import Tcb

_NET, _HOST = 0, 1  # codes of "destination unreachable" that a router sends whose next link is gone


def is_one(error: IcmpError) -> bool:
    """Only these two errors say so (RFC 6069 §3.1)."""
    return error.kind == "unreachable" and error.code in {_NET, _HOST}


def on_unreachable(tcb: Tcb, seq: int, now: int) -> None:
    """Take one doubling of the retransmission timeout back, if it is this retransmission that could not be delivered.

    Args:
        tcb: the connection.
        seq: of the segment that the error quotes.
        now: monotonic ns.

    Spec: RFC 6069 §4.
    """
    if (
        not tcb.config.backoff_reverts
        or seq != tcb.snd_una
        or not tcb.rexmit_count
        or not tcb.rtt.backoff_count
        or not tcb.scoreboard
        or tcb.rexmit_for != xmittimer.TIMEOUT
    ):
        return
    tcb.rtt.revert()
    xmittimer.start_timeout(tcb, max(tcb.scoreboard.oldest.xmit_at + tcb.rtt.rto, now + 1))
