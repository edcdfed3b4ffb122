"""The lower half of a TCP socket: segments and timers in, segments out.

It holds no protocol of its own: it asks `arrive` what a segment means, `sender` what to send, `timers` what is due, and
does what the control block then says. `connection` puts the calls from above on it.

Duties: MUST-43, MUST-44, MUST-45 of RFC 9293 (the local address); MUST-48, SHLD-21, SHLD-22, 1122I-10 (TOS as the socket has it); SHLD-20, 1122I-22 (errors).
"""

import errno
from abc import ABC, abstractmethod
from typing import Protocol

from netarium.base.addr import ANY4, ANY6
from netarium.base.counters import Counters
from netarium.base.errors import Accepted, Fate, StackError
from netarium.base.seq import MASK, unwrap
from netarium.ip.iface import Interface
from netarium.ip.layer import IpLayer
from netarium.ip.packet import IcmpError, IpPacket
from netarium.ip.path import Path
from netarium.link.frame import Frame
from netarium.transport.endpoint import Notifier
from netarium.transport.options import PMTUDISC_DONT, SocketOptions
from netarium.transport.ports import PortTable
from netarium.transport.tcp import (
    arrive,
    ecn,
    emit,
    errnos,
    handshake,
    info,
    negotiate,
    pieces,
    probing,
    sender,
    timers,
    trim,
    usertimeout,
    window,
)
from netarium.transport.tcp.fastopen import FastOpen, FastOpenQueue
from netarium.transport.tcp.halfopen import HalfOpen, Nursery
from netarium.transport.tcp.isn import IsnGenerator
from netarium.transport.tcp.listener import Listener
from netarium.transport.tcp.outgoing import MTU_PROBE, NOTHING_AGAIN, Outgoing
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
    TIME_WAIT,
    State,
)
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, CHECKSUM_OFFSET, FIN, RST, TcpSegment
from netarium.wire.tcp_options import FastOpenOption, pack_options, parse_fast_open

PROTOCOL_TCP = 6
MAX_MSS = 65_495  # a packet of 65,535 octets less both headers
_TIMEOUTS_OF_A_BLACKHOLE = 3
_OPEN = frozenset({ESTABLISHED, CLOSE_WAIT})  # what tcpCurrEstab counts


class Services(Nursery, Protocol):
    """The layer, as the lower half of a connection sees it."""

    ip: IpLayer
    ports: PortTable
    notifier: Notifier
    counters: Counters
    isn: IsnGenerator
    fast_open: FastOpen
    name: str

    def attach(self, connection: "Circuit") -> None:
        """From now on segments with the connection's key are its own."""

    def become_time_wait(self, connection: "Circuit", now: int) -> None:
        """Replace the connection by a record of TIME-WAIT."""


class Circuit(ABC):
    """What the network knows of a connection, in any state.

    Attributes:
        id: number of the row.
        local: our address and port.
        remote: the peer's.
        error: pending errno of a call that was not waited for (SO_ERROR).
        tcb: the control block; read it, nobody else writes it.
        listener: the queues, while in LISTEN.
        accepted: accept() has given it to the application.
        bound: the local port was chosen by bind(); it is kept when a connection fails.
        key: packed remote address, local address, remote port, local port: as in an arriving header.
    """

    __slots__ = (
        "_counted",
        "_deadline",
        "_fast_open",
        "_layer",
        "_path",
        "_pseudo",
        "accepted",
        "bound",
        "cause",
        "id",
        "key",
        "listener",
        "local",
        "notified",
        "options",
        "queued",
        "remote",
        "tcb",
        "version",
    )  # fmt: skip

    def __init__(
        self, layer: Services, version: int, options: SocketOptions | None = None, id_: int | None = None
    ) -> None:
        self._layer = layer
        self.id = layer.notifier.next_id() if id_ is None else id_
        self.version = version
        any_address = ANY4 if version == 4 else ANY6
        self.local: tuple[bytes, int] = (any_address, 0)
        self.remote: tuple[bytes, int] = (any_address, 0)
        self.options = options or SocketOptions()
        self.tcb = Tcb(version, layer.config, self.options, self.id, layer.name, layer.trace)
        self.listener: Listener | None = None
        self.key = b""
        self.bound = False
        self.queued = False
        self.notified = False
        self.cause = 0
        self._counted = CLOSED  # the state that the counters know of
        self._fast_open: FastOpenQueue | None = None  # where it counts until it is established
        self.accepted = False
        self._deadline: int | None = None  # what the layer's queue knows of
        self._path: Path | None = None
        self._pseudo = 0

    @property
    def state(self) -> State:
        """RFC 9293's state."""
        return self.tcb.state

    @property
    def state_name(self) -> str:
        """As `netstat` prints it."""
        return self.tcb.state.value

    @property
    def error(self) -> int:
        """Pending errno."""
        return self.tcb.error

    @error.setter
    def error(self, value: int) -> None:
        self.tcb.error = value

    def own_options(self) -> SocketOptions:
        """The options, to be changed: a copy of their own for a connection that shares them with its listener."""
        if self.options.shared:
            self.options = self.tcb.options = self.options.copy()
        return self.options

    @abstractmethod
    def _tell(self) -> None:
        """The application's view may have changed."""

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
        if tcb.ecn_ok:
            seg.ecn = packet.tos & ecn.FIELD
        seg.ack = unwrap(seg.ack, tcb.snd_nxt)
        una = tcb.snd_una
        fate: Fate = Accepted.LOCAL
        opening = tcb.state is SYN_SENT
        if not opening:
            seg.seq = unwrap(seg.seq, tcb.rcv_nxt)
        if opening or not arrive.is_next_in_stream(tcb, seg, now):
            fate = arrive.segment_arrives(tcb, seg, now)
            self._after_checks(seg, now, learns=opening and fate is Accepted.LOCAL)
        if fate is Accepted.LOCAL:
            tcb.last_received_at = now
            marks = tcb.boundaries
            if marks is not None and marks.more:  # MSG_MORE holds back what is short until something comes
                marks.more = False
                tcb.output = True
            if tcb.options.uto and seg.options:
                usertimeout.received(tcb, seg.options, now)
            if tcb.keepalive_at:
                arrive.heard(tcb, now)
            if tcb.snd_una != una and self._path is not None:
                self._layer.ip.neighbors.confirm(
                    self._path.neighbor, now
                )  # `ip.confirm`, without a call in between
        if tcb.notices is not None:
            tcb.notices.arrived(tcb.rcv_nxt, now)
            tcb.wakeup = tcb.notices.acknowledged(tcb.snd_una, now) or tcb.wakeup
        self._done(now)
        return fate

    def _after_checks(self, seg: TcpSegment, now: int, *, learns: bool) -> None:
        """What `arrive` says is to be answered by a RST; what the answer to our SYN (`learns`) tells of its sender."""
        tcb = self.tcb
        if learns:
            self._learn_of_fast_open(seg)
        if tcb.reset_ack == trim.OUR_OWN:
            self._send_reset(tcb.snd_nxt, now)
            tcb.reset_ack = None
        elif tcb.reset_ack is not None:  # RFC 9293 §3.10.7: <SEQ=SEG.ACK><CTL=RST>
            self._layer.send_bare(self.local, self.remote, tcb.reset_ack & MASK, 0, RST, 0, b"", now)
            tcb.reset_ack = None
        elif tcb.reset_to is not None:  # <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>
            self._layer.send_bare(self.local, self.remote, 0, tcb.reset_to & MASK, RST | ACK, 0, b"", now)
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
        elif self.options.recverr:
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
            error and tcb.rexmit_count < 2
        ):
            self._layer.fast_open.disable(tcb.config, now)

    def poll_transmit(self, now: int) -> Frame | None:
        """The next frame of this connection, or None when there is none any more."""
        tcb = self.tcb
        ip = self._layer.ip
        if tcb.trace is not None and self.cause:
            tcb.trace.cause = self.cause
        while tcb.output:
            path = self._path
            if path is None or path.generation != ip.generation:
                before = path
                path = self._refresh_path(now)
                if path is None:
                    break
                if before is not None and before.interface is not path.interface:
                    self._queue()  # it is not this interface any more that is to be asked
                    return None
            out = sender.next_segment(tcb, now)
            if out is None:
                break
            frame = self._frame(path, out, now)
            if frame is not None:
                if sender.was_last(tcb):  # this saves asking once more
                    sender.rest(tcb, now)
                    self.queued = False
                    self._done(now)
                return frame
        self._done(now)
        return None

    # --- inside ---------------------------------------------------------------------------------------

    def established_from(self, half: HalfOpen, path: Path) -> None:
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
            tcb.scoreboard.oldest.resent = tcb.rexmit_count = half.repeated
            tcb.syn_losses = half.repeated if half.timeouts else 0
        for name in ("peer_mss", "our_mss", "wscale_ok", "snd_wind_shift", "rcv_wind_shift", "ts_ok", "ts_offset",
                     "ts_recent", "ts_recent_at", "sack_ok", "ecn_ok"):  # fmt: skip
            setattr(tcb, name, getattr(half, name))
        tcb.uto_remote_ns = half.uto_remote_ns
        tcb.segs_in = 1  # the SYN
        tcb.state = SYN_RECEIVED
        self._layer.attach(self)

    def open_fast_from(
        self, half: HalfOpen, path: Path, seg: TcpSegment, reply: FastOpenOption | None, now: int
    ) -> None:
        """A listener's connection that may be used before its handshake is over (RFC 7413 §4.2.2)."""
        half.answered_at = now
        self.established_from(half, path)
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

    def _frame(self, path: Path, out: Outgoing, now: int) -> Frame | None:
        """Headers in front of a segment; None if it went to wait for the next hop's address."""
        tcb = self.tcb
        mss = pieces.mss_now(tcb) if tcb.gso_size else tcb.smss
        head = emit.header(tcb, out, self.local[1], self.remote[1], self._pseudo, now)
        if tcb.trace is not None:
            emit.trace_sent(tcb, head, out, self.local, self.remote, now)
        payload = out.payload
        size = len(payload)
        if tcb.notices is not None:
            tcb.notices.sent(out.seq, out.seq + size, (20 if self.version == 4 else 40) + len(head), now)
        gso_size, segments = 0, 1
        if size > mss and out.note != MTU_PROBE:
            gso_size = mss
            segments = -(-size // gso_size)
            tcb.segs_out += segments - 1
        again = out.note != "" and out.note not in NOTHING_AGAIN
        if size or out.flags & FIN:
            (tcb.tally or tcb.count()).sent(size, segments, again=again)
        counters = self._layer.counters
        counters["tcp_out_segs"] += segments
        if again:
            counters["tcp_retrans_segs"] += segments
        options = self.options
        tos = options.tos
        if tcb.ecn_ok and out.is_new_data:
            tos |= ecn.ECT_0  # not on ACKs, retransmissions and probes (RFC 3168 §6.1.4, §6.1.5, §6.1.6)
        return self._layer.ip.wrap(
            path, PROTOCOL_TCP, head, payload, now, options.ttl or None, tos, gso_size, CHECKSUM_OFFSET
        )

    def _done(self, now: int) -> None:
        """After anything that may have changed the control block: queue for sending, wake, set the timer, clean up."""
        tcb = self.tcb
        state = tcb.state
        if tcb.tally is not None and (tcb.tally.mode or tcb.sendbuf.end != tcb.sendbuf.start):
            info.account(tcb, tcb.tally, now)
        if tcb.notices is not None and state is CLOSED:
            tcb.wakeup = tcb.notices.ended(now) or tcb.wakeup
        if tcb.output and not self.queued and (self._path is not None or self._refresh_path(now) is not None):
            self._queue()
        if tcb.wakeup:
            tcb.wakeup = False
            if state is not self._counted:
                self._count(state, now)
            if not self.notified and (not tcb.orphan or tcb.lingering):
                self._tell()
        if state is ESTABLISHED:
            pass  # nearly always
        elif state is TIME_WAIT:
            if not (tcb.ack_now and tcb.output):  # output is off if there is no way to send that ACK
                self._layer.become_time_wait(self, now)
                return
        elif state is CLOSED:
            self._layer.forget(self)
            return
        at = timers.next_deadline(tcb)
        known = self._deadline
        if at != known and (
            at is None or known is None or at < known
        ):  # else `on_deadline` sees that it is too early
            self._deadline = at
            self._layer.schedule(self, at)

    def _wrote(self, now: int) -> None:
        """What `_done` would do after a write, which changes neither state nor timers."""
        tcb = self.tcb
        if tcb.tally is not None:
            info.account(tcb, tcb.tally, now)
        if not self.queued:
            self._queue()

    def _count(self, new: State, now: int) -> None:
        """The state changed: what netstat -s tells of it (RFC 4022)."""
        old, self._counted = self._counted, new
        if self._fast_open is not None and new is not SYN_RECEIVED:
            self._fast_open.leave(now, reset=self.accepted and self.tcb.error == errno.ECONNRESET)
            self._fast_open = None
        counters = self._layer.counters
        counters["tcp_curr_estab"] += (new in _OPEN) - (old in _OPEN)
        if new is SYN_SENT:
            counters["tcp_active_opens"] += 1
        elif old is CLOSED and self.tcb.passive:
            counters["tcp_passive_opens"] += 1
        elif new is CLOSED and old in {SYN_SENT, SYN_RECEIVED}:
            counters["tcp_attempt_fails"] += 1
        elif new is CLOSED and old in _OPEN:
            counters["tcp_estab_resets"] += 1

    def _queue(self) -> None:
        """Wait on the interface to be asked for segments."""
        path = self._path
        assert path is not None
        self.queued = True
        if self.tcb.trace is not None:
            self.cause = self.tcb.trace.cause
        path.interface.ready.append(self)

    def _refresh_path(self, now: int) -> Path | None:
        """The path changed, or its MTU did: adapt the segment size, resend what was too big for it (RFC 1191 §6.5)."""
        tcb = self.tcb
        if tcb.state in {CLOSED, LISTEN}:
            return None
        try:
            path = self._layer.ip.find_path(
                self.remote[0], now, src=self.local[0], interface=self._bound_interface()
            )
        except StackError as fault:
            tcb.soft_error = fault.errno
            self._path = None
            sender.postpone(tcb, now)
            return None
        before = tcb.smss
        self._use_path(path)
        if tcb.smss < before and tcb.scoreboard and tcb.state not in {SYN_SENT, SYN_RECEIVED}:
            tcb.scoreboard.mark_oversize_lost(tcb.smss)
            probing.resend_in_pieces(tcb)
        return path

    def _use_path(self, path: Path) -> None:
        tcb = self.tcb
        overhead = 40 if self.version == 4 else 60
        self._path = path
        self._pseudo = path.address_sum + PROTOCOL_TCP
        tcb.path_mss = min(path.mtu - overhead, MAX_MSS)
        tcb.our_mss = min(path.interface.mtu - overhead, MAX_MSS)
        offload = path.interface.device.offload
        tcb.gso_limit = min(tcb.config.gso_max_size, offload.max_gso_size) if offload.tso else 0
        negotiate.set_segment_size(tcb)

    def _bound_interface(self) -> Interface | None:
        name = self.options.bindtodevice
        return self._layer.ip.interface_named(name) if name else None

    def _send_reset(self, seq: int, now: int) -> None:
        tcb = self.tcb
        flags = RST if tcb.state is SYN_SENT else RST | ACK
        ack = tcb.rcv_nxt if flags & ACK else 0
        options = pack_options(ts=(negotiate.timestamp(tcb, now), tcb.ts_recent)) if tcb.ts_ok else b""
        offered = 0
        if tcb.config.resets_offer_window:
            offered = min(window.offer(tcb) >> tcb.rcv_wind_shift, 0xFFFF)
        self._layer.send_bare(self.local, self.remote, seq & MASK, ack, flags, offered, options, now)
