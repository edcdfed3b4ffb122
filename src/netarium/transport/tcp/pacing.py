"""When data may go, if it is paced: no faster than a rate, in bursts that are worth the trouble.

A connection that is held back has one deadline, at which its next burst goes; nothing runs in between. A burst is what
the rate gives in a millisecond, two segments at the least: that is also the largest super-segment.

BBR brings its own rate; else it is the congestion window by the round trip time with some room (Linux's
tcp_pacing_ss_ratio and tcp_pacing_ca_ratio), and is obeyed only if the configuration or SO_MAX_PACING_RATE asks.
"""

from typing import Final

from netarium.base.units import MS, SECOND
from netarium.transport.tcp.tcb import Tcb

UNLIMITED: Final = (1 << 64) - 1
_PER_CENT: Final = SECOND // 100
_BURSTS_A_SECOND: Final = 1_024
_LEAST_BURST: Final = 2  # segments
_LEAST_RATE: Final = 150_000  # octets/s; below it, one segment
_UNPACED: Final = 10  # segments at the begin of a connection
_CATCH_UP_NS: Final = 4 * MS  # a timer that is late by less than that costs nothing


def choose(tcb: Tcb) -> None:
    """Decide whether the connection is paced; after the control or an option changed."""
    tcb.paced = tcb.congestion.pacing_rate > 0 or tcb.config.pacing or tcb.options.max_pacing_rate > 0
    if not tcb.paced:
        tcb.paced_until = tcb.pacing_at = 0


def rate(tcb: Tcb) -> int:
    """Octets/s at which the connection is to send; UNLIMITED if nothing is known."""
    control = tcb.congestion
    pace = control.pacing_rate
    if not pace:
        if not tcb.rtt.srtt:
            return tcb.options.max_pacing_rate or UNLIMITED
        pace = by_window(tcb, growing=control.cwnd < control.ssthresh >> 1)
    most = tcb.options.max_pacing_rate
    return min(pace, most) if most else pace


def by_window(tcb: Tcb, *, growing: bool) -> int:
    """Octets/s: the congestion window, or what is out, by the round trip time, with some room.

    `growing`: as slow start does; there must be an SRTT.
    """
    window = max(tcb.congestion.cwnd, tcb.snd_nxt - tcb.snd_una)
    per_cent = tcb.config.pacing_ss_percent if growing else tcb.config.pacing_ca_percent
    return window * per_cent * _PER_CENT // tcb.rtt.srtt


def burst(pace: int, smss: int) -> int:
    """Octets that go at once at `pace` octets/s."""
    least = _LEAST_BURST if pace >= _LEAST_RATE else 1
    return max(pace // _BURSTS_A_SECOND // smss, least) * smss


def may_send(tcb: Tcb, now: int) -> bool:
    """True if a segment may go now; False sets the deadline at which to ask again."""
    if tcb.paced_until <= now:
        tcb.pacing_burst = burst(rate(tcb), tcb.smss)
        return True
    if tcb.pacing_burst > 0:
        return True
    board = tcb.scoreboard
    if tcb.sendbuf.end > tcb.snd_nxt or tcb.fin_queued or board.segs_lost > board.segs_resent:
        tcb.pacing_at = tcb.paced_until
    return False


def sent(tcb: Tcb, octets: int, now: int, *, again: bool = False) -> None:
    """That many octets have left: those behind them wait for as long as they take at the rate.

    What was sent later than it might have been (the deadline was late, or the application) is made good if it is little:
    in a user's program timers are late, and a rate that is never reached would be measured as the path's. Of more only
    half of the wait is let off, as on Linux.

    `again`: it was sent before. Where a burst is two segments it is one by itself, as on Linux; else it is a part of one.
    """
    pace = rate(tcb)
    tcb.pacing_burst -= octets
    if again and burst(pace, tcb.smss) <= _LEAST_BURST * tcb.smss:
        tcb.pacing_burst = 0
    if tcb.snd_nxt - tcb.iss <= _UNPACED * tcb.smss or pace >= UNLIMITED:
        return
    wait = octets * SECOND // pace
    late = now - tcb.paced_until if tcb.paced_until else 0
    if late > _CATCH_UP_NS or not tcb.paced_until:
        tcb.paced_until = now + wait - min(late, wait // 2)
    else:
        tcb.paced_until += wait
