"""Explicit congestion notification (RFC 3168 §6.1): agreed on by the SYNs, asked for by ECT(0), told by ECE and CWR.

The marks on packets are IP's two bits; a router that is about to drop a packet sets both instead. The receiver of
such a packet sets ECE on every segment that it sends until it hears CWR; the sender reduces its window once a round
trip and says so by CWR. What the reduction is, is the business of `recovery` and of the congestion control.
"""

from typing import Final

from netarium.base.config import TcpConfig
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, CWR, ECE, SYN, TcpSegment

# The two bits of the IP header (RFC 3168 §5).
NOT_ECT: Final = 0
ECT_1: Final = 1
ECT_0: Final = 2
CE: Final = 3
FIELD: Final = 3

# `TcpConfig.ecn`, with the numbers of Linux's tcp_ecn.
OFF: Final = 0
ON: Final = 1
ACCEPT: Final = 2

_QUICK_ACKS: Final = (
    2  # a sender that was marked may have a window of one segment: it must not wait for a delayed ACK
)


def syn_flags(tcb: Tcb) -> int:
    """ECE and CWR of our SYN, if we ask for ECN (§6.1.1).

    A SYN that was repeated (`ecn_retries` times) asks no more: perhaps a middlebox drops those that do (§6.1.1.1).
    """
    config = tcb.config
    if config.ecn != ON or (config.ecn_fallback and tcb.rexmit_count > config.ecn_retries):
        return 0
    return ECE | CWR


def syn_ack_flags(tcb: Tcb) -> int:
    """ECE of our SYN,ACK in a simultaneous open, if the peer's SYN agreed."""
    return ECE if tcb.ecn_ok else 0


def accepts(config: TcpConfig, syn: TcpSegment, codepoint: int) -> bool:
    """A listener agrees to the ECN-setup SYN that it got.

    Args:
        config: of this machine.
        syn: without ACK.
        codepoint: the ECN bits of its packet: a SYN must not be ECT (§6.1.1), and one that is was set up by something
            that does not understand us.
    """
    return config.ecn != OFF and syn.flags & (ECE | CWR) == ECE | CWR and codepoint == NOT_ECT


def agree(tcb: Tcb, seg: TcpSegment) -> None:
    """The peer's SYN, or SYN,ACK, answers our ECN-setup SYN.

    It agrees by ECE without CWR; a SYN of its own, in a simultaneous open, by both. Anything else is a no (§6.1.1).
    """
    wanted = ECE if seg.flags & ACK else ECE | CWR
    tcb.ecn_ok = tcb.config.ecn == ON and seg.flags & (ECE | CWR) == wanted
    tcb.cwr_due = tcb.ecn_ok and tcb.rexmit_count > 0  # a lost SYN is a loss (§6.1.2: CWR for any reduction)


def is_echo(tcb: Tcb, seg: TcpSegment) -> bool:
    """The ACK tells that a packet of ours was marked (§6.1.2)."""
    return bool(tcb.ecn_ok and seg.flags & ECE and not seg.flags & SYN)


def data_arrives(tcb: Tcb, seg: TcpSegment) -> None:
    """A segment with text, acceptable: note its mark, or that the peer has reduced its window (§6.1.3)."""
    if seg.flags & CWR:
        tcb.ecn_echo = False
        tcb.ack_now = tcb.output = True  # what it now has in flight may be one segment
    if seg.ecn == NOT_ECT:
        if tcb.ecn_seen:  # probably a retransmission
            _hurry(tcb)
        return
    tcb.ecn_seen = True
    if seg.ecn == CE and not tcb.ecn_echo:
        tcb.ecn_echo = True
        _hurry(tcb)


def _hurry(tcb: Tcb) -> None:
    """The next segments are acknowledged at once, even in a conversation."""
    tcb.quickacks = max(tcb.quickacks, _QUICK_ACKS)
    tcb.pingpong = False
    tcb.ato_ns = tcb.config.delayed_ack_ns


def flags_for(tcb: Tcb, *, new_data: bool) -> int:
    """ECE and CWR of a segment that leaves now; CWR goes on new data only, and once (§6.1.2)."""
    flags = ECE if tcb.ecn_echo else 0
    if new_data and tcb.cwr_due:
        tcb.cwr_due = False
        flags |= CWR
    return flags
