"""FIN-WAIT-2 without a process: the socket is closed, its FIN acknowledged; only the peer's FIN is waited for.

Linux keeps no more than a record then, as for TIME-WAIT, which judges segments more coarsely than RFC 9293 §3.10.7.4: in
the window a RST ends it, text or a SYN meets a reset, and what is acknowledged does not matter any more.
"""

from enum import Enum

from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, FIN, RST, SYN, TcpSegment


class Verdict(Enum):
    """What is to be done about a segment."""

    ACKNOWLEDGE = "outside of the window"
    END = "a reset"
    REFUSE = "text for nobody"
    DROP = "nothing new"
    TAKE = "the FIN"


def judge(tcb: Tcb, seg: TcpSegment) -> Verdict:
    """What a segment means to the record; its numbers are unwrapped."""
    end = seg.seq + seg.segment_length
    inside = seg.seq == tcb.rcv_nxt or (end > tcb.rcv_nxt and seg.seq < tcb.rcv_adv)
    if not inside and not seg.seq == end == tcb.rcv_adv:
        return Verdict.ACKNOWLEDGE
    if seg.flags & RST:
        return Verdict.END
    if seg.flags & SYN and seg.seq >= tcb.rcv_nxt:
        return Verdict.REFUSE
    if not seg.flags & ACK or end == seg.seq:
        return Verdict.DROP
    return Verdict.TAKE if seg.flags & FIN and end == tcb.rcv_nxt + 1 else Verdict.REFUSE
