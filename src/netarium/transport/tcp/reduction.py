"""The congestion window comes down: from the event that asks for it, ACK by ACK, to ssthresh.

RFC 5681 §3.2 decides that, the congestion control how far, PRR (RFC 9937) how fast. A congestion control that says
`own_recovery` looks after its window in recovery itself.
"""

from netarium.base.trace import Congestion
from netarium.transport.tcp.prr import Prr
from netarium.transport.tcp.tcb import CWR, DISORDER, OPEN, RECOVERY, Tcb

REDUCING = frozenset({CWR, RECOVERY})


def begin(tcb: Tcb, now: int) -> None:
    """A congestion event: one, however much happens until SND.UNA reaches `recover` (RFC 6675 §5 (4.1))."""
    control = tcb.congestion
    cwnd = control.cwnd
    tcb.recover = tcb.snd_nxt
    tcb.tlp_end_seq = None
    tcb.prr = Prr(cwnd // tcb.smss)
    control.on_loss(flight_size=window_in_use(tcb), now=now)
    if not control.own_recovery:
        control.cwnd = cwnd
    tcb.cwr_due = tcb.ecn_ok


def window_in_use(tcb: Tcb) -> int:
    """FlightSize, in octets, without what limited transmit sent beyond the window (RFC 5681 §3.2 step 2)."""
    return min(tcb.flight_size, tcb.congestion.cwnd)


def proceed(tcb: Tcb, delivered: int, *, newly_lost: int, advanced: bool) -> None:
    """An ACK told of `delivered` segments: set cwnd to what may go now."""
    control, board, smss = tcb.congestion, tcb.scoreboard, tcb.smss
    if delivered <= 0 or control.own_recovery:
        return
    in_flight = board.in_flight
    safe = advanced and not newly_lost
    sndcnt = tcb.prr.sndcnt(delivered, in_flight, control.ssthresh // smss, safe=safe)
    control.cwnd = max(in_flight + sndcnt, 1) * smss


def finish(tcb: Tcb) -> None:
    """The event is over: cwnd is what the congestion control wanted, unless that was undone."""
    control = tcb.congestion
    if not control.own_recovery and (tcb.recovery == CWR or tcb.undo is not None):
        control.cwnd = max(control.ssthresh, tcb.smss)
        if tcb.config.cwnd_form == "octets" and tcb.recovery == RECOVERY and tcb.flight_size < control.cwnd:
            control.cwnd = max(tcb.flight_size, tcb.smss) + tcb.smss  # RFC 6582 §3.2 step 3 (1): no burst


def settle(tcb: Tcb) -> None:
    """No reduction goes on: is everything in order?"""
    board = tcb.scoreboard
    state = DISORDER if board.segs_sacked or board.segs_lost or was_resent(tcb) else OPEN
    if tcb.recovery != state:
        tcb.recovery = state
        tcb.recover = tcb.snd_nxt


def was_resent(tcb: Tcb) -> bool:
    """Something outstanding was sent more than once."""
    board = tcb.scoreboard
    return board.segs_resent > 0 or (bool(board) and board.oldest.resent > 0)


def trace(tcb: Tcb, why: str, now: int) -> None:
    """Tell the glass what became of the window."""
    if tcb.trace is not None:
        control = tcb.congestion
        tcb.trace.emit(
            Congestion(
                at=now, where=tcb.where, socket=tcb.socket_id, cwnd=control.cwnd, ssthresh=control.ssthresh,
                flight=tcb.flight_size, why=why,
            )
        )  # fmt: skip
