"""The lower half of a TCP socket: segments, ICMP errors and timers in; what goes out is in `outlet`.

It holds no protocol of its own: it asks `arrive` what a segment means, `sender` what to send, `timers` what is due, and
does what the control block then says. `connection` puts the calls from above on it.

Duties: SHLD-20 of RFC 9293, 1122I-22 (errors).
"""

import errno

from netarium.base.addr import is_loopback
from netarium.base.errors import Accepted, Fate
from netarium.base.seq import MASK, unwrap
from netarium.ip.packet import IcmpError, IpPacket
from netarium.ip.path import Path
from netarium.transport.options import PMTUDISC_DONT
from netarium.transport.tcp import (
    ackburst,
    arrive,
    codepoints,
    disruption,
    emit,
    errnos,
    handshake,
    negotiate,
    sender,
    timers,
    trim,
    usertimeout,
)
from netarium.transport.tcp.halfopen import HalfOpen
from netarium.transport.tcp.hearsay import Hearsay
from netarium.transport.tcp.outlet import Outlet
from netarium.transport.tcp.state import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    LISTEN,
    SYN_RECEIVED,
    SYN_SENT,
)
from netarium.transport.tcp.tally import Timeouts
from netarium.wire.tcp import ACK, RST, TcpSegment
from netarium.wire.tcp_options import FastOpenOption, parse_fast_open

_TIMEOUTS_OF_A_BLACKHOLE = 3


class Circuit(Outlet):
    """What the network knows of a connection, in any state: what comes in, and what time brings."""

    __slots__ = ()

    def reset(self, now: int, *, unread: bool = False) -> None:
        """Abort (RFC 9293 §3.10.5): reset the peer, forget everything; `unread`: for what nobody will read (RFC 2525 §2.17)."""
        tcb = self.tcb
        unsent = unread or (
            tcb.state in {CLOSING, LAST_ACK} and (tcb.fin_seq is None or tcb.config.timeout_resets)
        )
        if unsent or tcb.state in {SYN_RECEIVED, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT}:
            self._send_reset(sender.acceptable_seq(tcb), now)
        if tcb.state is not CLOSED:
            tcb.rcv_queue = None
            tcb.rcv_queued = 0
            arrive.end(tcb, 0, "abort", now)
        self._done(now)

    # --- from below -----------------------------------------------------------------------------------

    def on_segment(self, seg: TcpSegment, packet: IpPacket, now: int) -> Fate:
        """A segment of this connection arrived."""
        tcb = self.tcb
        tcb.segs_in += 1
        if seg.payload:
            (tcb.tally or tcb.count()).data_segs_in += 1
            tcb.rcv_gso = packet.gso_size
        if tcb.trace is not None:
            emit.trace(tcb, seg, "received", len(seg.payload), "", self.local, self.remote, now)
        seg.ack = unwrap(seg.ack, tcb.snd_nxt)
        una = tcb.snd_una
        fate: Fate = Accepted.LOCAL
        opening = unusual = tcb.state is SYN_SENT
        if tcb.ecn_ok or opening:
            seg.ecn = packet.tos & codepoints.FIELD
            unusual = opening or tcb.accurate is not None
        if not opening:
            seg.seq = unwrap(seg.seq, tcb.rcv_nxt)
        if unusual or not arrive.is_next_in_stream(tcb, seg, now):
            fate = arrive.segment_arrives(tcb, seg, now)
            self._after_checks(seg, packet, now, learns=opening and fate is Accepted.LOCAL)
        if fate is Accepted.LOCAL:
            tcb.last_received_at = now
            marks = tcb.boundaries
            if marks is not None and marks.more:  # MSG_MORE holds back what is short until something comes
                marks.more = False
                tcb.output = True
            if tcb.options.uto and seg.options:
                usertimeout.received(tcb, seg.options, now)
            if tcb.keepalive_at or tcb.persist_at:
                timers.heard(tcb, seg, now)
            if tcb.snd_una != una and self._path is not None:
                self._layer.ip.confirm(self._path, now)
        if tcb.notices is not None:
            tcb.notices.arrived(tcb.rcv_nxt, now)
            tcb.wakeup = tcb.notices.acknowledged(tcb.snd_una, now) or tcb.wakeup
        self._done(now)
        return fate

    def _after_checks(self, seg: TcpSegment, packet: IpPacket, now: int, *, learns: bool) -> None:
        """What `arrive` says is to be answered by a RST, in the class of service in which it came; what the answer to our SYN (`learns`) tells of its sender."""
        tcb = self.tcb
        if learns:
            self._learn_of_fast_open(seg)
        tos = packet.tos & ~codepoints.FIELD
        if tcb.reset_ack == trim.OUR_OWN:
            self._send_reset(tcb.snd_nxt, now)
            tcb.reset_ack = None
        elif tcb.reset_ack is not None:  # RFC 9293 §3.10.7: <SEQ=SEG.ACK><CTL=RST>
            self._layer.send_bare(self.local, self.remote, tcb.reset_ack & MASK, 0, RST, 0, b"", now, tos=tos)
            tcb.reset_ack = None
        elif tcb.reset_to is not None:  # <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>
            self._layer.send_bare(
                self.local, self.remote, 0, tcb.reset_to & MASK, RST | ACK, 0, b"", now, tos=tos
            )
            tcb.reset_to = None
        if tcb.abort_due:
            tcb.abort_due = False
            arrive.end(tcb, errno.ECONNRESET, "text for nobody", now)

    def on_icmp_error(self, error: IcmpError, seq: int, now: int) -> bool:
        """An ICMP error about a segment of ours: a hint, and only if it quotes what is in flight (RFC 5927 §4.1)."""
        tcb = self.tcb
        first = tcb.iss if tcb.state is SYN_RECEIVED else tcb.snd_una
        if not first <= unwrap(seq, tcb.snd_una) < max(tcb.snd_nxt, tcb.snd_una + 1):
            return False
        if tcb.state in {CLOSED, LISTEN}:
            return False
        if error.kind == "too-big":
            if self.options.mtu_discover == PMTUDISC_DONT or not self._may_have_been_too_big(error.mtu):
                return False
            tcb.output = True
            self._path = None  # found again, with the new estimate, when the next segment leaves
        elif error.kind == "quench" or (error.kind == "time-exceeded" and error.code):
            return True  # MUST-55; and a reassembly that timed out tells only of a loss, as Linux sees it
        elif tcb.state is SYN_SENT or (tcb.state is SYN_RECEIVED and not self.accepted):
            self._connect_hindered(error, now)
        elif tcb.config.socket_errors == "freebsd":
            return True  # who is connected hears of none
        else:
            if disruption.is_one(error):
                disruption.on_unreachable(tcb, unwrap(seq, tcb.snd_una), now)
            if self.options.recverr:
                tcb.error, tcb.wakeup = error.errno, True  # told at once (tcp(7)); the connection goes on
            else:
                tcb.soft_error = error.errno  # MUST-56: never aborts
        self._done(now)
        return True

    def _connect_hindered(self, error: IcmpError, now: int) -> None:
        """An error about our SYN. What we found out ourselves, that nobody is there, is no hint (RFC 5461 §2.2)."""
        # DEVIATION RFC 9293 §3.9.2.2 (MUST-56): a soft error ends it, too, as on Linux; not so in the profile "rfc".
        tcb, config = self.tcb, self.tcb.config
        number, hard = errnos.of_icmp(config.socket_errors, error)
        if (
            (hard and config.icmp_ends_connect)
            or config.soft_errors_end_connect
            or (error.kind == "unreachable" and self._layer.ip.is_local(error.reporter))
            or (config.second_soft_error_ends and tcb.soft_error and tcb.rexmit_count > config.r1_retries)
        ):
            arrive.end(tcb, number, "ICMP error", now)
        else:
            tcb.soft_error = number

    def _may_have_been_too_big(self, mtu: int) -> bool:
        """Something in flight is larger than what a router says it can take; else it lies (RFC 5927 §7.2)."""
        tcb = self.tcb
        headers = (40 if self.version == 4 else 60) + (negotiate.TIMESTAMP_OPTION_LENGTH if tcb.ts_ok else 0)
        return tcb.scoreboard.largest(tcb.smss) + headers > mtu

    def on_deadline(self, now: int) -> None:
        """The earliest timer is due."""
        tcb = self.tcb
        ackburst.conclude(tcb)
        self._deadline = None
        at = timers.next_deadline(tcb)
        if at is None or at > now:
            self._done(now)  # each segment moves the timer, and none the queue's entry: only now it is moved
            return
        error = timers.on_deadline(tcb, now)
        if (tcb.syn_data or tcb.fast_open_option is not None) and not tcb.passive:
            self._suspect_blackhole(error, now)
        if tcb.trace is not None:
            self.cause = tcb.trace.cause
        if error is not None:
            by_keepalive = tcb.keepalive_count > 0 and not tcb.scoreboard
            if error and tcb.state is not SYN_SENT and (by_keepalive or tcb.config.timeout_resets):
                self._send_reset(sender.acceptable_seq(tcb), now)
            arrive.end(tcb, error, "timeout", now)
        elif tcb.rexmit_count >= tcb.config.r1_retries and self._path is not None:
            self._layer.ip.suspect(self._path, now)  # MUST-20: R1 reached, the next hop may be dead
        self._done(now)

    def _suspect_blackhole(self, error: int | None, now: int) -> None:
        """A connection that opened fast timed out three times in a row, or for the last time (RFC 7413 §7.3)."""
        tcb = self.tcb
        if (tcb.rexmit_at and tcb.rexmit_count == _TIMEOUTS_OF_A_BLACKHOLE) or (
            error and tcb.rexmit_count < _TIMEOUTS_OF_A_BLACKHOLE
        ):
            self._layer.fast_open.disable(tcb.config, now)

    # --- from a half-open connection to one -----------------------------------------------------------

    def established_from(self, half: HalfOpen, path: Path, now: int) -> None:
        """Take over what a half-open connection agreed on; the ACK that completes it is processed next."""
        tcb = self.tcb
        self.local, self.remote, self.key = half.local, half.remote, half.key
        self._layer.ports.hold(self, half.local[0], half.local[1])
        self._use_path(path)
        tcb.start_sending(half.iss)
        tcb.start_receiving(half.irs, half.window)
        tcb.passive = True
        tcb.snd_nxt = half.iss + 1
        tcb.scoreboard.add(half.iss, half.iss + 1, half.answered_at)
        tcb.syn_sent_at, tcb.syn_ts = half.answered_at, half.ts_first
        if half.repeated:
            tcb.scoreboard.oldest.resent = tcb.rexmit_count = tcb.total_retrans = half.repeated
            if half.timeouts:
                tcb.count().timeouts = Timeouts(half.timeouts, now - half.began_at)
            tcb.syn_losses = half.repeated if half.timeouts else 0
        for name in ("peer_mss", "our_mss", "wscale_ok", "snd_wind_shift", "rcv_wind_shift", "ts_ok", "ts_offset",
                     "ts_recent", "ts_recent_at", "sack_ok", "ecn_ok", "accurate"):  # fmt: skip
            setattr(tcb, name, getattr(half, name))
        if tcb.accurate is not None:
            tcb.gso_limit = 0  # as `accecn.agree`
        if half.uto_remote_ns or half.saved_syn:
            tcb.hearsay = Hearsay(half.saved_syn, half.uto_remote_ns)
        tcb.segs_in = 1  # the SYN
        tcb.state = SYN_RECEIVED
        self._layer.attach(self)

    def open_fast_from(
        self, half: HalfOpen, path: Path, seg: TcpSegment, reply: FastOpenOption | None, now: int
    ) -> None:
        """A listener's connection that may be used before its handshake is over (RFC 7413 §4.2.2)."""
        half.answered_at = now
        self.established_from(half, path, now)
        self._fast_open = half.listener.fast_open
        self._fast_open.pending += 1
        self.tcb.fast_open_option = reply
        handshake.open_fast(self.tcb, seg, now)
        self._done(now)

    def _learn_of_fast_open(self, seg: TcpSegment) -> None:
        """The SYN,ACK brings a cookie, or none; and its sender's MSS."""
        tcb = self.tcb
        asked = tcb.fast_open_option
        if tcb.state is CLOSED or (asked is None and not tcb.syn_data):
            return
        given = parse_fast_open(seg.options) if asked is not None else None
        in_vain = asked if given is None and not tcb.total_retrans and not tcb.syn_data else None
        self._layer.fast_open.learn(
            self.key[:8] if self.version == 4 else self.key[:32], seg.mss or 0, given, in_vain, tcb.config
        )

    def _judge_fast_open(self, now: int) -> None:
        """What the end of a connection that opened fast tells of the path: all is well, or data and only data vanishes.

        As on Linux: a FIN that came alone, and what it should have followed not, is a sign of that (RFC 7413 §7.3).
        """
        tcb, fast_open = self.tcb, self._layer.fast_open
        if tcb.tally is not None and tcb.tally.data_segs_in:
            if not is_loopback(self.remote[0]):
                fast_open.succeeded(tcb.config, tcb.syn_sent_at)
        elif tcb.rcv_fin is not None and tcb.rcv_fin > tcb.rcv_nxt:
            fast_open.disable(tcb.config, now)
