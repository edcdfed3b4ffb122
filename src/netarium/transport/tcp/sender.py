"""The sending half: what to send next, and how much of it (RFC 9293 §3.7.4, §3.8.6; RFC 5681; RFC 6675 §5).

`next_segment` is asked whenever the device has room. It answers with one segment, or super-segment, or None; the
order is: handshake, retransmission, new data, FIN, a bare ACK.

Duties: MUST-60, SHLD-27, MAY-16 of RFC 9293 (PSH).
"""

from typing import Final

from netarium.base.checksum import Buffer
from netarium.base.trace import Decision
from netarium.transport.tcp import cwnd, gathering, pacing, pieces, probing, pullback, resend, tlp, xmittimer
from netarium.transport.tcp.outgoing import MTU_PROBE, PROBE, Outgoing
from netarium.transport.tcp.records import Sent
from netarium.transport.tcp.reduction import REDUCING
from netarium.transport.tcp.state import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    LAST_ACK,
    LISTEN,
    SYN_RECEIVED,
    SYN_SENT,
    State,
)
from netarium.transport.tcp.tcb import LOSS, OPEN, Tcb
from netarium.wire.tcp import ACK, FIN, PSH, SYN

_MAY_TRANSMIT_DATA: Final = frozenset({ESTABLISHED, CLOSE_WAIT, FIN_WAIT_1, CLOSING, LAST_ACK})


def next_segment(tcb: Tcb, now: int) -> Outgoing | None:
    """What to send next, or None. What it answers counts as sent."""
    state = tcb.state
    if tcb.chunk_rest is not None:
        return pieces.next_piece(tcb, tcb.chunk_rest, tcb.chunk_gone)
    if state in _MAY_TRANSMIT_DATA:
        if tcb.tlp_due and (segment := _loss_probe(tcb, now)) is not None:
            return segment
        if (not tcb.paced or pacing.may_send(tcb, now)) and (segment := _next_data(tcb, now)) is not None:
            return segment
    elif tcb.syn_pending:
        return _handshake(tcb, state, now)
    elif state is SYN_RECEIVED and tcb.fast_opened and (segment := _new_data(tcb, now)) is not None:
        return segment  # RFC 7413 §4.2.2: the server may answer before the handshake is over
    if tcb.probe_due:
        if tcb.probe_due > 1:  # urgent data waits: where it will begin, too
            tcb.probe_due = 1
            return Outgoing(tcb.snd_una, ACK, b"", PROBE)
        tcb.probe_due = 0
        more = tcb.sendbuf.end > tcb.snd_nxt or pullback.is_due(tcb)
        if tcb.config.probe_with_octet and more and tcb.persist_at:
            return _octet_probe(tcb)
        # One below what the peer expects: it must answer (SHLD-12).
        # DEVIATION RFC 9293 §3.8.6.1: a window probe has no data either, as Linux's: nothing to take back if refused.
        return Outgoing(tcb.snd_una - 1, ACK, b"", PROBE)
    if tcb.ack_now and state not in {CLOSED, LISTEN, SYN_SENT}:
        return Outgoing(acceptable_seq(tcb), ACK, b"")
    rest(tcb, now)
    return None


def rest(tcb: Tcb, now: int) -> None:
    """There is nothing to send now."""
    if tcb.cwnd_check_due:
        cwnd.check_usage(tcb, now)
    tcb.output = False


def acceptable_seq(tcb: Tcb) -> int:
    """The number of a segment without text: SND.NXT, unless the peer has taken its window back and would not take that.

    Linux's tcp_acceptable_seq(); RFC 9293 §3.10.7.4 has the peer drop an ACK that lies outside its window.
    """
    edge, seq = tcb.snd_una + tcb.snd_wnd, tcb.snd_nxt
    if seq <= edge or tcb.config.ack_form != "adaptive":
        return seq
    return seq if tcb.wscale_ok and seq - edge < 1 << tcb.rcv_wind_shift else edge


def was_last(tcb: Tcb) -> bool:
    """Behind the segment that just left there is no other, as one can see at a glance; False: perhaps not."""
    return (
        tcb.snd_nxt >= tcb.sendbuf.end
        and tcb.chunk_rest is None
        and not tcb.ack_now
        and (not tcb.fin_queued or tcb.fin_seq is not None)
        and tcb.recovery == OPEN
        and not (tcb.paced or tcb.tlp_due or tcb.probe_due or tcb.syn_pending)
    )


def _next_data(tcb: Tcb, now: int) -> Outgoing | None:
    """What is lost again, else what was never sent; None: the windows or the application have no more."""
    board = tcb.scoreboard
    if (
        board.segs_lost > board.segs_resent
        and not tcb.hold_resending
        and (again := resend.next_lost(tcb, now))
    ):
        return _retransmission(tcb, again, resend.WHY[tcb.recovery])
    segment = _new_data(tcb, now)
    if segment is not None:
        return segment
    if tcb.hold_resending and tcb.recovery == LOSS and tcb.snd_nxt == tcb.recover:
        # There was no new data to try (RFC 5682 §2.1 step 2 b): resend as ever.
        tcb.hold_resending = tcb.frto = tcb.sws_override = False
        return _next_data(tcb, now)
    return None


def _octet_probe(tcb: Tcb) -> Outgoing:
    """One octet into a closed window (RFC 9293 §3.8.6.1); not counted as sent, and sent again unless it is taken."""
    again = pullback.is_due(tcb)
    seq = tcb.snd_una if again else tcb.snd_nxt
    tcb.octet_probed = not again
    flags = ACK | PSH if seq + 1 == tcb.sendbuf.end else ACK
    return Outgoing(seq, flags, tcb.sendbuf.slice(seq, 1), PROBE)


def count_probe(tcb: Tcb, now: int) -> None:
    """The peer took the octet of a window probe: it is sent, then."""
    tcb.octet_probed = False
    _sent(tcb, tcb.snd_nxt, tcb.snd_nxt + 1, 1, now)
    tcb.octets_sent += 1


def _handshake(tcb: Tcb, state: State, now: int) -> Outgoing | None:
    """Our SYN, or SYN,ACK in a simultaneous open; again when its timer expired."""
    tcb.syn_pending = False
    if state not in {SYN_SENT, SYN_RECEIVED}:
        return None
    note = ""
    data: Buffer = b""
    if tcb.rexmit_count or (state is SYN_SENT and tcb.snd_nxt != tcb.iss):
        note = "retransmission: timeout" if tcb.rexmit_count else "retransmission: too large"
        tcb.total_retrans += 1
    if not tcb.rexmit_at:
        tcb.rexmit_at = now + tcb.rtt.rto
    if tcb.snd_nxt == tcb.iss:
        data = _first_syn(tcb, now)
    elif not tcb.fast_opened:  # else the SYN,ACK is on no scoreboard: data behind it may be
        tcb.scoreboard.probe(tcb.scoreboard.oldest, now)
    return Outgoing(tcb.iss, SYN if state is SYN_SENT else SYN | ACK, data, note)


def _first_syn(tcb: Tcb, now: int) -> Buffer:
    """Our SYN leaves for the first time; returns the data that goes with it (RFC 7413 §4.2.1)."""
    tcb.syn_sent_at = now
    end = tcb.snd_nxt = tcb.iss + 1
    tcb.scoreboard.add(tcb.iss, end, now)
    if not tcb.syn_data:
        return b""
    tcb.snd_nxt = end + tcb.syn_data
    tcb.scoreboard.add(end, tcb.snd_nxt, now)
    tcb.octets_sent += tcb.syn_data
    tcb.last_sent_at = now
    _is_pushed(tcb, tcb.snd_nxt, several=False)  # no PSH on a SYN; when it goes again
    return tcb.sendbuf.slice(end, tcb.syn_data)


def _retransmission(tcb: Tcb, record: Sent, note: str) -> Outgoing:
    """What was sent, again."""
    size = record.end - record.seq
    has_fin = tcb.fin_seq is not None and record.seq <= tcb.fin_seq < record.end
    octets = size - has_fin
    payload = tcb.sendbuf.slice(record.seq, octets) if octets else b""
    flags = ACK | (FIN if has_fin else 0)
    if octets and (_was_pushed(tcb, record.seq + octets) or octets > pieces.mss_now(tcb)):
        flags |= PSH
    return pieces.cut(tcb, Outgoing(record.seq, flags, payload, note))


def _was_pushed(tcb: Tcb, end: int) -> bool:
    marks = tcb.boundaries
    if marks is None or not tcb.config.gathering:
        return end == tcb.sendbuf.end
    return marks.took_push(end)


def _is_pushed(tcb: Tcb, end: int, *, several: bool) -> bool:
    """New data up to `end` carries PSH: where the buffer ends (MUST-61), or as Linux, where writes and chunks do."""
    marks = tcb.boundaries
    assert marks is not None  # something was written
    pushed = marks.takes_push(end, tcb.snd_una, forced=tcb.sws_override and not tcb.frto)
    if tcb.config.gathering:
        return pushed or several
    return end == tcb.sendbuf.end


def _loss_probe(tcb: Tcb, now: int) -> Outgoing | None:
    """RFC 8985 §7.3: new data if the peer's window takes it, whatever cwnd says; else the last segment again."""
    tcb.tlp_due = False
    if not tcb.scoreboard:
        return None
    seq = tcb.snd_nxt
    waiting = tcb.sendbuf.end - seq
    if tcb.boundaries is not None:
        waiting = tcb.boundaries.until_record_ends(seq, waiting)
    size = min(waiting, pieces.mss_now(tcb))
    if size > 0 and seq + size <= tcb.snd_una + tcb.snd_wnd:
        segment = _data(tcb, seq, size, now)
        tlp.on_probe_sent(tcb, now, is_retrans=False)
        if tcb.config.tail_loss_probe_pushes:
            return segment._replace(flags=segment.flags | PSH)
        return segment
    record = resend.loss_probe(tcb, now)
    if record is None:
        xmittimer.start_timeout(tcb, max(tcb.scoreboard.oldest.xmit_at + tcb.rtt.rto, now))
        return None
    tlp.on_probe_sent(tcb, now, is_retrans=True)
    return _retransmission(tcb, record, "retransmission: loss probe")


def _new_data(tcb: Tcb, now: int) -> Outgoing | None:
    """Data that was never sent, and the FIN behind the last of it."""
    seq = tcb.snd_nxt
    waiting = tcb.sendbuf.end - seq
    if waiting <= 0:
        fin_due = tcb.fin_queued and tcb.fin_seq is None and (tcb.state is not SYN_RECEIVED or tcb.orphan)
        return _fin(tcb, seq, now) if fin_due else None
    if tcb.plpmtud is not None and (octets := probing.next_probe(tcb, waiting, now)) != probing.NO_PROBE:
        return _mtu_probe(tcb, seq, octets, now) if octets else None
    marks = tcb.boundaries
    assert marks is not None  # something was written
    record = marks.until_record_ends(seq, waiting)
    size = _allowance(tcb, record, now, last=record == waiting)
    if size <= 0:
        return None
    return _data(tcb, seq, size, now)


def _data(tcb: Tcb, seq: int, size: int, now: int) -> Outgoing:
    """The next `size` octets, and the FIN if it follows them and the window takes it."""
    sendbuf = tcb.sendbuf
    payload = sendbuf.slice(seq, size)
    end = seq + size
    mss = pieces.mss_now(tcb)
    if tcb.accurate is not None:
        tcb.scoreboard.smss = mss  # its option is on all of them, so that a chunk is cut there
    segs = 1
    if size != mss:
        segs = -(-size // mss)
        if size % mss:
            tcb.snd_sml = end
    flags = ACK | PSH if _is_pushed(tcb, end, several=segs > 1) else ACK
    if tcb.fin_queued and tcb.fin_seq is None and end == sendbuf.end and tcb.snd_una + tcb.snd_wnd > end:
        flags |= FIN
        tcb.fin_seq = end
        end += 1
    _sent(tcb, seq, end, segs, now)
    tcb.octets_sent += size
    out = Outgoing(seq, flags, payload)
    return out if segs == 1 else pieces.cut(tcb, out)


def _mtu_probe(tcb: Tcb, seq: int, size: int, now: int) -> Outgoing:
    """New data in one segment that is larger than the path is known to take (RFC 4821 §7.4)."""
    payload = tcb.sendbuf.slice(seq, size)
    probing.sent(tcb, seq, size)
    _sent(tcb, seq, seq + size, 1, now)
    tcb.octets_sent += size
    return Outgoing(seq, ACK, payload, MTU_PROBE)


def _fin(tcb: Tcb, seq: int, now: int) -> Outgoing | None:
    """A FIN by itself. It takes a place in the window as an octet does."""
    if tcb.snd_una + tcb.snd_wnd <= seq:
        if not tcb.scoreboard and not tcb.persist_at:
            tcb.persist_at = now + (tcb.persist_interval if tcb.config.persist_from_rtt else tcb.rtt.rto)
        return None
    if tcb.congestion.cwnd // tcb.smss <= tcb.scoreboard.in_flight and tcb.config.gathering:
        tcb.cwnd_check_due = True
        return None
    tcb.fin_seq = seq
    data_sent_at = tcb.last_sent_at
    _sent(tcb, seq, seq + 1, 1, now)
    tcb.last_sent_at = data_sent_at  # silence counts from the last data
    return Outgoing(seq, FIN | ACK, b"")


def _sent(tcb: Tcb, seq: int, end: int, segs: int, now: int) -> None:
    """New sequence numbers are on their way: remember them, run the timers (RFC 6298 (5.1))."""
    if tcb.snd_una == seq:
        tcb.congestion.on_start(
            idle_ns=now - tcb.last_sent_at,
            now=now,
            app_limited=tcb.rate is not None and tcb.rate.app_limited > 0,
        )
    board = tcb.scoreboard
    board.add(seq, end, now, segs)
    if tcb.rate is not None:
        tcb.rate.on_sent(board.newest, now, idle=board.segs_out == segs)
    if tcb.recovery in REDUCING:
        tcb.prr.prr_out += segs
    tcb.snd_nxt = end
    if tcb.paced:
        pacing.sent(tcb, end - seq, now)
    tcb.octet_probed = False
    if tcb.sws_override and not tcb.rexmit_at:
        xmittimer.start_timeout(tcb, now + tcb.rtt.rto)  # what probes a window is followed by no loss probe
    elif tcb.last_sent_at != now or tcb.rexmit_for != xmittimer.PROBE or board.segs_out - segs < 2:
        xmittimer.on_sent(tcb, now)  # else it is set already, for this instant
    tcb.last_sent_at = now
    tcb.cwnd_check_due = True
    tcb.persist_at = 0
    if tcb.sws_override:
        tcb.sws_override = False
        xmittimer.start_timeout(tcb, now + tcb.rtt.rto)  # it is a probe itself: no other one follows
    if not tcb.unacked_since:
        tcb.unacked_since = now
    if tcb.user_timeout_ns and not tcb.user_timeout_at:
        tcb.user_timeout_at = now + tcb.user_timeout_ns


def postpone(tcb: Tcb, now: int) -> None:
    """There is no way to the peer now: if no timer would bring us back, the persist timer does."""
    tcb.output = False
    if tcb.rexmit_at or tcb.persist_at:
        return
    if tcb.state is SYN_SENT:
        tcb.rexmit_at = now + tcb.rtt.rto
    elif tcb.fin_queued or tcb.sendbuf.end > tcb.snd_nxt:
        tcb.persist_at = now + tcb.rtt.rto


def _allowance(tcb: Tcb, waiting: int, now: int, *, last: bool) -> int:
    """How many octets of new data may go now: the windows, Nagle, silly window avoidance.

    `last`: no more than `waiting` is queued; else a record ends there, and is complete.
    """
    smss = tcb.smss
    idle = tcb.snd_una == tcb.snd_nxt
    if idle:
        tcb.burst_end, tcb.burst_una = tcb.sendbuf.end, tcb.snd_una
    window = tcb.snd_una + tcb.snd_wnd - tcb.snd_nxt
    if window <= 0:
        if idle and not tcb.persist_at:
            tcb.persist_at = now + tcb.persist_interval
            if tcb.user_timeout_ns and not tcb.user_timeout_at and not tcb.config.retries_by_time:
                tcb.user_timeout_at = now + tcb.user_timeout_ns
        _trace_held(tcb, "window", waiting, window, now)
        return 0
    if idle:
        cwnd.check_idle(tcb, now)
    room = tcb.congestion.cwnd // smss - tcb.scoreboard.in_flight
    if room <= 0 and (room := _room_in_octets(tcb, min(waiting, window, smss))) <= 0:
        tcb.cwnd_check_due = True
        _trace_held(tcb, "cwnd", waiting, room * smss, now)
        return 0
    mss = pieces.mss_now(tcb)
    size = min(waiting, window)
    if size > mss:
        size = min(size, room * mss, _largest(tcb, mss))
        if size < waiting and size < window:
            size -= size % mss  # SHLD-28: full segments while there is more to come
    if waiting > mss and gathering.defers(tcb, waiting, min(window, room * mss), mss, now):
        cwnd.check_usage(tcb, now, held=room * mss < window and room * mss <= waiting)
        return 0
    short = size % mss
    if short and not _may_send_short(tcb, size, waiting, mss, now, last=last):
        size -= short
    return size


def _room_in_octets(tcb: Tcb, wanted: int) -> int:
    """Segments that the congestion window leaves if octets count; 0: less than the segment that is wanted."""
    if tcb.config.cwnd_form != "octets" or not tcb.scoreboard.is_plain:
        return 0
    room = tcb.congestion.cwnd - tcb.flight_size
    return max(room // tcb.smss, 1) if room >= wanted else 0


def _largest(tcb: Tcb, mss: int) -> int:
    """Octets that go in one go at the most; no more than the pace allows at once."""
    most = max(tcb.gso_size or gathering.chunk(tcb) * mss, mss)
    return min(most, max(tcb.pacing_burst // tcb.smss, 1) * mss) if tcb.paced else most


def _may_send_short(tcb: Tcb, size: int, waiting: int, mss: int, now: int, *, last: bool) -> bool:
    """Less than a full segment: sender-side silly window avoidance (MUST-38) and Nagle (SHLD-7).

    Nagle as a rule in Minshall's form, as Linux has it: a short segment waits only while an earlier *short* one is
    unacknowledged, so that the tail of a large write does not wait for a delayed ACK.
    """
    if not last and size == waiting:
        return True  # the end of a record
    if size < min(waiting, mss):  # the window cuts it: worth it only for half of the largest window ever seen
        worth_it = (
            2 * size >= tcb.max_snd_wnd and not tcb.config.gathering
        )  # for then no segment is longer than that
        return worth_it or _is_overridden(tcb, "window", waiting, size, now)
    marks = tcb.boundaries
    if tcb.fin_queued or (marks is not None and tcb.snd_nxt < marks.flush_to):
        return True  # the FIN goes along: no more data to wait for; or TCP_NODELAY was set just now
    if tcb.snd_up > tcb.snd_una and tcb.config.gathering:
        return True  # urgent, as Linux sees it
    if tcb.options.cork or (marks is not None and marks.more):
        return _is_overridden(tcb, "cork", waiting, size, now)
    if tcb.options.nodelay or not tcb.config.nagle or not _nagle_holds(tcb):
        _trace_decision(tcb, "nagle", "sent", waiting, size, now)
        return True
    _trace_held(tcb, "nagle", waiting, size, now)
    return False


def _nagle_holds(tcb: Tcb) -> bool:
    """Something is unacknowledged that a short segment has to wait for.

    Minshall's form looks at short segments only; the classic one at all (RFC 9293 §3.7.4); "burst", FreeBSD's, is the
    classic one, but what was queued when all was acknowledged goes, the short end included.
    """
    if tcb.config.nagle_form == "minshall":
        return tcb.snd_sml > tcb.snd_una >= tcb.snd_up  # urgent data does not wait
    if tcb.config.nagle_form == "burst" and tcb.burst_una == tcb.snd_una and tcb.burst_end == tcb.sendbuf.end:
        return False
    return tcb.snd_nxt > tcb.snd_una


def _is_overridden(tcb: Tcb, subject: str, waiting: int, size: int, now: int) -> bool:
    """Hold back, but not for ever: the override timeout of §3.8.6.2.1 (4), and the ceiling of TCP_CORK."""
    if tcb.sws_override:
        return True
    if not tcb.scoreboard and not tcb.persist_at:
        tcb.persist_at = now + (tcb.persist_interval if tcb.config.persist_from_rtt else tcb.rtt.rto)
    _trace_held(tcb, subject, waiting, size, now)
    return False


def _trace_held(tcb: Tcb, subject: str, waiting: int, room: int, now: int) -> None:
    if tcb.trace is not None:
        _trace_decision(tcb, subject, "held", waiting, room, now)


def _trace_decision(tcb: Tcb, subject: str, verdict: str, waiting: int, room: int, now: int) -> None:
    if tcb.trace is not None:
        numbers = {
            "waiting": waiting,
            "room": room,
            "smss": tcb.smss,
            "unacknowledged": tcb.flight_size,
            "cwnd": tcb.congestion.cwnd,
            "snd_wnd": tcb.snd_wnd,
        }
        tcb.trace.emit(
            Decision(
                at=now, where=tcb.where, socket=tcb.socket_id, subject=subject, verdict=verdict,
                numbers=numbers,
            )
        )  # fmt: skip
