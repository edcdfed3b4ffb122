"""What one acknowledgment tells: what was delivered, how long it took, what arrived twice, late, or only now.

RFC 6675 §5 (scoreboard), RFC 6298 §3-§5 (round trips), RFC 8985 §6.2 steps 1-3, RFC 2883. `recovery` draws the
conclusions.
"""

from netarium.base.seq import MASK
from netarium.base.trace import RttSampled
from netarium.base.units import MS
from netarium.transport.tcp import negotiate, newreno, sackblocks
from netarium.transport.tcp.records import Sent
from netarium.transport.tcp.tcb import LOSS, Tcb
from netarium.transport.tcp.undo import is_before
from netarium.wire.tcp import TcpSegment


class AckNews:
    """The news of one ACK.

    Attributes:
        advanced: SND.UNA moved.
        acked: segments that it moved over.
        delivered: segments of which this ACK is the first to tell, cumulatively or by SACK.
        sacked: it SACKed something new.
        dsacked: it told of a segment that arrived twice.
        probe_dsacked: which was our loss probe.
        octets: likewise, octets.
        original: something arrived of what was in flight when a recovery began and was never resent (RFC 5682 §3.1).
        resent: something that it moved over had been resent.
        una: SND.UNA before it.
        lost_again: a retransmission was found to be lost.
        prior_high: the end of what had been SACKed before it.
        marked: it echoes a mark of the network's (ECE).
        restart_timer: it acknowledges data: the timer starts anew.
        rtt: the round trip of what was sent first, for SRTT; 0: there is none.
        latest_rtt: the round trip of what was sent last, without the wait for a delayed ACK; 0 likewise.
    """

    __slots__ = (
        "acked", "advanced", "delivered", "dsacked", "first_at", "last_at", "latest_rtt", "lost_again", "low", "marked", "octets", "original", "prior_high",
        "probe_dsacked", "resent", "restart_timer", "rtt", "sacked", "sacked_first_at", "sacked_last_at", "una",
    )  # fmt: skip

    def __init__(self, una: int) -> None:
        self.una = una
        self.acked = self.delivered = self.octets = self.prior_high = 0
        self.advanced = self.sacked = self.dsacked = self.probe_dsacked = False
        self.original = self.resent = self.lost_again = self.restart_timer = self.marked = False
        self.rtt = self.latest_rtt = 0
        self.first_at = self.last_at = (
            0  # when what it moved over was sent, if neither resent nor SACKed before
        )
        self.sacked_first_at = self.sacked_last_at = 0  # and what it SACKed
        self.low: int | None = None  # the lowest that was overtaken


def take_sack(tcb: Tcb, seg: TcpSegment, news: AckNews, now: int) -> None:
    """Put a SACK option on the scoreboard."""
    board = tcb.scoreboard
    blocks = sackblocks.read(seg.sack, seg.ack, tcb.snd_una, tcb.snd_nxt, tcb.max_snd_wnd)
    high = board.highest_sacked
    for left, right in blocks.sacked:
        new = board.sack(left, right)
        for record in new:
            news.sacked = True
            news.octets += record.end - record.seq
            news.delivered += record.segs
            if tcb.rate is not None:
                tcb.rate.on_sacked(record)
            tcb.rack.on_delivered(record, tcb.rtt.min_rtt, now)
            if not record.resent:
                if record.seq < high and news.low is None:
                    news.low = record.seq
                _was_original(tcb, record, news)
                news.sacked_first_at = news.sacked_first_at or record.xmit_at
                news.sacked_last_at = record.xmit_at
            high = max(high, record.end)
        for record in new:
            board.join(record)
    if blocks.dsack is not None:
        _take_dsack(tcb, blocks.dsack, seg.ack, news)
    if news.low is not None and (tcb.recovery != LOSS or tcb.undo is not None):
        tcb.reordering.on_late(news.low, board.highest_sacked, tcb.smss)


def _take_dsack(tcb: Tcb, dsack: tuple[int, int], ack: int, news: AckNews) -> None:
    """A segment arrived twice; believed only if we did send something twice (RFC 3708 §3, RFC 8985 §6.2)."""
    left, right = dsack
    segs = max(1, -(-(right - left) // tcb.smss))
    if tcb.tlp_end_seq == right and segs == 1:
        news.probe_dsacked = True
    tcb.dsack_dups += segs
    if tcb.dsack_dups > tcb.total_retrans:
        return
    if tcb.reordering.seen and tcb.config.rack_adapts and not news.probe_dsacked:
        tcb.rack.dsack_seen = True
    news.dsacked = True
    news.delivered += segs
    undo = tcb.undo
    if right <= tcb.snd_una:
        if undo is not None:
            undo.on_dsack(right, segs)
        return
    for record in tcb.scoreboard.repeated(left, right, ack):
        if undo is not None:
            undo.on_dsack(record.end, record.segs)


def take_cumulative(tcb: Tcb, seg: TcpSegment, news: AckNews, now: int) -> None:
    """SND.UNA advances: release what it covers."""
    board = tcb.scoreboard
    high = news.prior_high
    news.advanced = True
    low = None
    done = release(tcb, seg.ack)
    for record in done:
        news.acked += record.segs
        if not record.sacked:
            news.octets += record.end - record.seq
        if record.resent:
            news.resent = True
        elif not record.sacked:
            news.first_at = news.first_at or record.xmit_at
            news.last_at = record.xmit_at
            if low is None:
                low = record.seq
            _was_original(tcb, record, news)
        if not record.sacked and tcb.sack_ok:
            news.delivered += record.segs
            if not (record.resent and _answers_original(tcb, seg, record)):
                tcb.rack.on_delivered(record, tcb.rtt.min_rtt, now)
    if done:
        news.restart_timer = True
    if not tcb.sack_ok:
        news.delivered += newreno.on_acknowledged(tcb, news.acked)
        news.original = news.original and not news.resent  # which of them arrived nobody knows
    elif low is not None and low < high:  # a hole filled by the original: it was late
        tcb.reordering.on_late(low, board.highest_sacked or tcb.snd_una, tcb.smss)


def release(tcb: Tcb, ack: int) -> list[Sent]:
    """Everything below `ack` arrived: forget it; return the records of it."""
    done = tcb.scoreboard.acknowledge(ack)
    if tcb.rate is not None:
        tcb.rate.on_delivered(done)
    tcb.octets_acked += ack - tcb.snd_una
    tcb.snd_una = ack
    sendbuf = tcb.sendbuf
    if ack >= sendbuf.end:  # a FIN lies behind it
        sendbuf.clear()
        tcb.boundaries = None
    elif ack > sendbuf.start:
        sendbuf.release(ack)
    return done


def take_sample(tcb: Tcb, rtt: int, latest_rtt: int, now: int) -> None:
    """Fold a round trip in, that of the first and that of the last of the acknowledged segments."""
    tcb.rtt.sample(rtt, now, latest_rtt, snd_una=tcb.snd_una, snd_nxt=tcb.snd_nxt)
    if tcb.trace is not None:
        _trace_rtt(tcb, rtt, now)


def measure(tcb: Tcb, seg: TcpSegment, news: AckNews, now: int) -> None:
    """A round trip, if this ACK gives an honest one.

    From the first of the acknowledged segments, unless one was resent (Karn, MUST-18); else from the first SACKed
    one; else by the timestamp, which tells the transmissions apart (RFC 7323 §4.1).
    """
    if news.sacked_first_at:
        news.latest_rtt = max(1, now - news.sacked_last_at)
        news.rtt = max(1, now - news.sacked_first_at)
    if news.first_at and not news.resent:
        news.rtt = max(1, now - news.first_at)
        news.latest_rtt = news.latest_rtt or max(1, now - news.last_at)
    elif not news.rtt and news.acked and tcb.ts_ok and seg.ts_val is not None and seg.ts_ecr:
        ticks = (negotiate.timestamp(tcb, now) - seg.ts_ecr) & MASK
        if ticks < 0x8000_0000:
            news.rtt = news.latest_rtt = max(ticks, 1) * MS
    if not news.rtt:  # without a sample the backoff stays (Karn: RFC 6298 §5, last paragraph)
        return
    take_sample(tcb, news.rtt, news.latest_rtt, now)
    board = tcb.scoreboard
    if (
        not news.restart_timer
        and news.sacked_first_at
        and board
        and board.oldest.xmit_at > news.sacked_first_at
    ):
        news.restart_timer = True


def _was_original(tcb: Tcb, record: Sent, news: AckNews) -> None:
    """A segment that was sent once arrived; if it was in flight when the recovery began, that is evidence."""
    if record.end <= tcb.recover:
        news.original = True


def _answers_original(tcb: Tcb, seg: TcpSegment, record: Sent) -> bool:
    """The echoed timestamp is older than the record's retransmission (RFC 8985 §6.2 step 2)."""
    return (
        tcb.ts_ok
        and seg.ts_val is not None
        and is_before(seg.ts_ecr, negotiate.timestamp(tcb, record.xmit_at))
    )


def _trace_rtt(tcb: Tcb, sample: int, now: int) -> None:
    assert tcb.trace is not None
    rtt = tcb.rtt
    tcb.trace.emit(
        RttSampled(
            at=now, where=tcb.where, socket=tcb.socket_id, sample=sample, srtt=rtt.srtt, rttvar=rtt.rttvar, rto=rtt.rto,
        )
    )  # fmt: skip
