"""Explicit congestion notification (RFC 3168 §6.1): agreed on by the SYNs, asked for by ECT(0), told by ECE and CWR.

The marks on packets are IP's two bits; a router that is about to drop a packet sets both instead. The receiver of
such a packet sets ECE on every segment that it sends until it hears CWR; the sender reduces its window once a round
trip and says so by CWR. What the reduction is, is the business of `recovery` and of the congestion control. Where both
ends can do better, all of it is that of `accecn` (RFC 9768).
"""

from typing import Final

from netarium.base.config import TcpConfig
from netarium.transport.tcp import accecn
from netarium.transport.tcp.accurate import Accurate
from netarium.transport.tcp.codepoints import CE, ECT_0, NOT_ECT
from netarium.transport.tcp.outgoing import Outgoing
from netarium.transport.tcp.tcb import ECHO_DUE, MARKS_SEEN, Tcb
from netarium.wire.tcp import ACK, AE, CWR, ECE, FIN, SYN, TcpSegment

# `TcpConfig.ecn`, with the numbers of Linux's tcp_ecn; more of them in `accecn`.
OFF: Final = 0
ON: Final = 1
ACCEPT: Final = 2
_ASKS_CLASSIC: Final = frozenset({ON, accecn.ACCEPT_ASK_CLASSIC})

_QUICK_ACKS: Final = (
    2  # a sender that was marked may have a window of one segment: it must not wait for a delayed ACK
)


def syn_flags(tcb: Tcb) -> int:
    """ECE and CWR of our SYN, if we ask for ECN (§6.1.1); all three flags, if for Accurate ECN.

    A SYN that was repeated (`ecn_retries` times) asks no more: perhaps a middlebox drops those that do (§6.1.1.1).
    """
    config = tcb.config
    if config.ecn == accecn.ON:
        return accecn.syn_flags(tcb)
    if config.ecn not in _ASKS_CLASSIC or (config.ecn_fallback and tcb.rexmit_count > config.ecn_retries):
        return 0
    return ECE | CWR


def syn_ack_flags(tcb: Tcb) -> int:
    """The flags of our SYN,ACK, in a simultaneous open or of a connection that opens fast, if the peer's SYN agreed."""
    if tcb.accurate is not None:
        return accecn.syn_ack_flags(tcb.accurate, tcb.rexmit_count if tcb.passive else 0)
    return ECE if tcb.ecn_ok else 0


def accepts(config: TcpConfig, syn: TcpSegment, codepoint: int) -> bool:
    """A listener agrees to the ECN-setup SYN that it got.

    Args:
        config: of this machine.
        syn: without ACK.
        codepoint: the ECN bits of its packet: a SYN must not be ECT (§6.1.1), and one that is was set up by something
            that does not understand us; unless AE tells that it asks for Accurate ECN, where it may.
    """
    wanted = syn.flags & (ECE | CWR) == ECE | CWR and (codepoint == NOT_ECT or bool(syn.flags & AE))
    return config.ecn != OFF and wanted


def answer(config: TcpConfig, syn: TcpSegment, codepoint: int) -> tuple[bool, Accurate | None]:
    """What a listener agrees to: ECN in any form, and the record of Accurate ECN."""
    if accecn.accepts(config, syn):
        return True, accecn.begin(codepoint)
    return accepts(config, syn, codepoint), None


def half_open_flags(accurate: Accurate | None, repeated: int, *, classic: bool) -> int:
    """The flags of a SYN,ACK of a half-open connection."""
    if accurate is not None:
        return accecn.syn_ack_flags(accurate, repeated)
    return ECE if classic else 0


def agree(tcb: Tcb, seg: TcpSegment) -> None:
    """The peer's SYN, or SYN,ACK, answers our ECN-setup SYN.

    It agrees by ECE without CWR; a SYN of its own, in a simultaneous open, by both. Anything else is a no (§6.1.1).
    """
    is_syn_ack = bool(seg.flags & ACK)
    asked = tcb.config.ecn
    if asked == accecn.ON and (accecn.is_agreed(seg) if is_syn_ack else accecn.is_asked(seg)):
        accecn.agree(tcb, seg)
        return
    wanted = ECE if is_syn_ack else ECE | CWR
    asks = asked == accecn.ON or asked in _ASKS_CLASSIC
    tcb.ecn_ok = asks and seg.flags & (ECE | CWR) == wanted
    tcb.cwr_due = tcb.ecn_ok and tcb.rexmit_count > 0  # a lost SYN is a loss (§6.1.2: CWR for any reduction)


def is_echo(tcb: Tcb, seg: TcpSegment) -> bool:
    """The ACK tells that a packet of ours was marked (§6.1.2)."""
    return bool(tcb.ecn_ok and seg.flags & ECE and not seg.flags & SYN and tcb.accurate is None)


def data_arrives(tcb: Tcb, seg: TcpSegment) -> None:
    """A segment with text, acceptable: note its mark, or that the peer has reduced its window (§6.1.3)."""
    if seg.ecn == NOT_ECT and tcb.ecn_heard & MARKS_SEEN:  # probably a retransmission
        _hurry(tcb)
    if tcb.accurate is not None:
        return
    if seg.flags & CWR:
        tcb.ecn_heard &= ~ECHO_DUE
        tcb.ack_now = tcb.output = True  # what it now has in flight may be one segment
    if seg.ecn == NOT_ECT:
        return
    if seg.ecn == CE and not tcb.ecn_heard & ECHO_DUE:
        tcb.ecn_heard |= ECHO_DUE
        _hurry(tcb)
    tcb.ecn_heard |= MARKS_SEEN


def _hurry(tcb: Tcb) -> None:
    """The next segments are acknowledged at once, even in a conversation."""
    tcb.quickacks = max(tcb.quickacks, _QUICK_ACKS)
    tcb.pingpong = False
    tcb.ato_ns = tcb.config.delayed_ack_ns


def flags_for(tcb: Tcb, out: Outgoing) -> int:
    """ECE and CWR of a segment that leaves now, no SYN; CWR goes on new data only, and once (§6.1.2)."""
    if tcb.accurate is not None:
        return accecn.flags_for(tcb, is_bare=not (len(out.payload) or out.flags & FIN))
    flags = ECE if tcb.ecn_heard & ECHO_DUE else 0
    if tcb.cwr_due and out.is_new_data:
        tcb.cwr_due = False
        flags |= CWR
    return flags


def codepoint(tcb: Tcb, out: Outgoing) -> int:
    """The mark of a packet that leaves now: not of SYNs, nor, in RFC 3168's form, of ACKs and retransmissions (§6.1.4, §6.1.5)."""
    if tcb.accurate is not None:
        return NOT_ECT if out.flags & SYN else accecn.codepoint(tcb)
    return ECT_0 if out.is_new_data else NOT_ECT
