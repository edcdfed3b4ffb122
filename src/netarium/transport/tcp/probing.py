"""When a connection probes its path for larger segments, and how it leaves a black hole (RFC 4821 §7, RFC 8899 §4).

A black hole takes small segments and swallows large ones, and its ICMP never comes: a router that is forbidden to
speak, or a link whose MTU its own ends do not know. What finds it is the retransmission timer, after `r1_retries`
doublings; what searches for the way back up is a segment of real data that is larger than the others.
"""

from typing import Final

from netarium.transport.tcp import negotiate
from netarium.transport.tcp.plpmtud import PathSearch
from netarium.transport.tcp.tcb import LOSS, OPEN, Tcb

WAIT: Final = 0
NO_PROBE: Final = -1
_LEAST_WINDOW: Final = (
    11  # segments in the congestion window, so that a lost probe is found by duplicate ACKs
)


def begin(tcb: Tcb, now: int) -> None:
    """The connection is being established: search at once if the configuration says always."""
    if tcb.config.mtu_probing > 1:
        tcb.plpmtud = PathSearch(tcb.config, negotiate.allowed_size(tcb), now)
        if tcb.config.timestamps and not (tcb.passive or tcb.ts_ok):
            # Linux begins with the packet that a segment with the option makes, which our SYN offered.
            tcb.plpmtud.low = min(tcb.plpmtud.low + negotiate.TIMESTAMP_OPTION_LENGTH, tcb.plpmtud.high)


def on_timeout(tcb: Tcb, now: int) -> None:
    """The retransmission timer expired, and its answer is not given yet: is this a black hole?

    A segment that is no larger than what would be sent instead proves nothing about size: then the path or the peer
    is gone, and not only its large segments.
    """
    config, board = tcb.config, tcb.scoreboard
    if tcb.plpmtud is not None:
        tcb.plpmtud.probe = 0  # a probe that was in flight has told nothing
    if not tcb.rexmit_count:
        tcb.backoff_since = now
        return
    # The time that `r1_retries` doublings of the least timeout take, as Linux measures R1.
    if not config.mtu_probing or now - tcb.backoff_since < ((2 << config.r1_retries) - 1) * config.min_rto_ns:
        return
    size = min(board.oldest.end - board.oldest.seq, tcb.smss)
    if tcb.plpmtud is None:
        if size > config.base_mss >> 1:
            tcb.plpmtud = PathSearch(config, negotiate.allowed_size(tcb), now)
    elif size > tcb.plpmtud.low >> 1:
        tcb.plpmtud.step_down()
    negotiate.set_segment_size(tcb)


def next_probe(tcb: Tcb, waiting: int, now: int) -> int:
    """Octets of the probe that is to be sent now, or WAIT for room for one, or NO_PROBE: go on as ever.

    Args:
        tcb: the connection; it has a search.
        waiting: octets in the send buffer that were never sent.
        now: monotonic ns.
    """
    search, board, control = tcb.plpmtud, tcb.scoreboard, tcb.congestion
    assert search is not None
    smss = tcb.smss
    if search.probe or tcb.recovery != OPEN or control.cwnd < _LEAST_WINDOW * smss:
        return NO_PROBE
    if tcb.reassembly or board.segs_sacked:
        return NO_PROBE
    size = search.candidate(negotiate.allowed_size(tcb), now)
    # Behind the probe go as many segments as it takes to notice that it alone was lost.
    needed = size + (tcb.config.dupthresh + 1) * smss
    if not size or waiting < needed or tcb.snd_wnd < needed:
        return NO_PROBE
    if tcb.snd_nxt + needed > tcb.snd_una + tcb.snd_wnd:
        return WAIT
    return WAIT if board.pipe + 2 * smss > control.cwnd else size


def sent(tcb: Tcb, seq: int, size: int) -> None:
    """A probe leaves: it weighs two segments, as it is more than one, and counts as one of those in flight."""
    assert tcb.plpmtud is not None
    charged = tcb.smss
    tcb.plpmtud.sent(seq, size, charged)
    tcb.congestion.cwnd -= charged


def on_acknowledged(tcb: Tcb) -> None:
    """SND.UNA advanced: past a probe, its size passes, and the window is counted in segments of that size."""
    search = tcb.plpmtud
    if search is None or not search.probe or tcb.snd_una < search.probe_seq + search.probe:
        return
    control = tcb.congestion
    before, size, cwnd = tcb.smss, search.probe, control.cwnd
    search.succeeded()
    negotiate.set_segment_size(tcb)
    headers = (40 if tcb.version == 4 else 60) + (negotiate.TIMESTAMP_OPTION_LENGTH if tcb.ts_ok else 0)
    segments = cwnd // before * (before + headers) // (size + headers)
    control.cwnd = max(segments, 1) * tcb.smss


def on_loss(tcb: Tcb) -> bool:
    """Something was lost: was it only the probe? Then it is sent again in pieces, and that is no congestion.

    Spec: RFC 4821 §7.6.2, RFC 8899 §3 (7).
    """
    search, board = tcb.plpmtud, tcb.scoreboard
    if search is None or not search.probe:
        return False
    oldest = board.oldest
    alone = board.segs_lost <= (oldest.segs if oldest.lost else 0)
    if search.probe_seq != tcb.snd_una or not alone:
        return False
    search.failed()
    tcb.congestion.cwnd += search.charged
    board.mark_lost(oldest)
    resend_in_pieces(tcb)
    return True


def resend_in_pieces(tcb: Tcb) -> None:
    """What is marked as lost was too large and not unlucky: send it again, and leave the window as it is.

    Duplicate ACKs of what passed are no news until all that is in flight now is acknowledged (as after a timeout).
    """
    if tcb.recovery != LOSS:
        tcb.recovery = LOSS
        tcb.recover = tcb.snd_nxt
    tcb.force_retransmit = tcb.output = True
