"""One TCP socket: the row of the socket table, the calls from above, the segments from below.

Only this file sees all the parts. It holds no protocol of its own: it asks `arrive` what a segment means, `sender`
what to send, `timers` what is due, and does what the control block then says.
"""

import errno
from typing import Protocol

from netarium.base.addr import ANY4, ANY6, format_ip, is_multicast, is_unspecified
from netarium.base.checksum import Buffer
from netarium.base.counters import Counters
from netarium.base.errors import Accepted, CloseReason, Fate, StackError
from netarium.base.seq import MASK, unwrap
from netarium.ip.iface import Interface
from netarium.ip.layer import IpLayer
from netarium.ip.packet import IcmpError, IpPacket
from netarium.ip.path import Path
from netarium.link.frame import Frame
from netarium.transport.endpoint import SHUT_RD, SHUT_WR, Notifier
from netarium.transport.options import SocketOptions
from netarium.transport.ports import PortTable
from netarium.transport.tcp import arrive, emit, handshake, negotiate, readiness, receiver, sender, timers
from netarium.transport.tcp.info import TcpInfo, snapshot
from netarium.transport.tcp.isn import IsnGenerator
from netarium.transport.tcp.listener import HalfOpen, Listener, Nursery
from netarium.transport.tcp.state import (
    CLOSE_WAIT,
    CLOSED,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    LISTEN,
    MAY_SEND,
    SYN_RECEIVED,
    SYN_SENT,
    TIME_WAIT,
    State,
)
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, CHECKSUM_OFFSET, RST, TcpSegment

PROTOCOL_TCP = 6
_MAX_MSS = 65_495  # a packet of 65,535 octets less both headers
_OPEN = frozenset({ESTABLISHED, CLOSE_WAIT})  # what tcpCurrEstab counts
_SEND_BUFFER_START = 131_072  # grows with the congestion window up to the configured limit


class Services(Nursery, Protocol):
    """The layer, as a connection sees it."""

    ip: IpLayer
    ports: PortTable
    notifier: Notifier
    counters: Counters
    isn: IsnGenerator
    name: str

    def attach(self, connection: "Connection") -> None:
        """From now on segments with the connection's key are its own."""

    def is_taken(self, key: bytes) -> bool:
        """Some flow has this key."""

    def start_listening(self, connection: "Connection") -> None:
        """SYNs for the connection's local address go to it."""

    def stop_listening(self, connection: "Connection") -> None:
        """No longer."""

    def become_time_wait(self, connection: "Connection", now: int) -> None:
        """Replace the connection by a record of TIME-WAIT."""


class Connection:
    """A TCP endpoint in any state, from `socket()` to the last timer.

    Attributes:
        id: number of the row.
        local: our address and port.
        remote: the peer's.
        error: pending errno of a call that was not waited for (SO_ERROR).
        tcb: the control block; read it, nobody else writes it.
        listener: the queues, while in LISTEN.
        bound: the local port was chosen by bind(); it is kept when a connection fails.
        key: packed remote address, local address, remote port, local port: as in an arriving header.
    """

    __slots__ = (
        "_counted", "_deadline", "_layer", "_path", "_pseudo", "bound", "cause", "id", "key", "listener", "local", "notified", "options",
        "queued", "remote", "tcb", "version",
    )  # fmt: skip

    kind = "tcp"

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
        self._deadline: int | None = None  # what the layer's queue knows of
        self._path: Path | None = None
        self._pseudo = 0

    # --- the row -------------------------------------------------------------------------------------------

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

    @property
    def receive_queue(self) -> int:
        """Recv-Q: octets that wait for the application, or connections that wait for accept()."""
        return len(self.listener.ready) if self.listener is not None else self.tcb.rcv_queued

    @property
    def send_queue(self) -> int:
        """Send-Q: octets the peer has not acknowledged, sent or not; of a listener, its backlog."""
        return self.listener.backlog if self.listener is not None else len(self.tcb.sendbuf)

    def poll(self) -> int:
        """Tell what is ready, as a mask of POLLIN, POLLOUT, ..."""
        # Writable means worth writing: a third of the buffer is free, as on Linux, not one octet for each ACK.
        writable = 2 * self.send_room() >= len(self.tcb.sendbuf)
        return readiness.poll(self.tcb, self.listener, used=bool(self.key), writable=writable)

    def info(self, now: int) -> TcpInfo:
        """A snapshot for TCP_INFO and `ss -i`."""
        return snapshot(self.tcb, now)

    # --- calls from above ----------------------------------------------------------------------------------

    def bind(self, address: bytes, port: int) -> None:
        """Choose the local address and port.

        Raises:
            StackError: INVALID if bound already, ADDRESS_NOT_AVAILABLE, ADDRESS_IN_USE.
        """
        if self.local[1] or self.tcb.state is not CLOSED:
            raise StackError(CloseReason.INVALID, "already bound")
        if not is_unspecified(address) and not self._layer.ip.is_local(address):
            raise StackError(CloseReason.ADDRESS_NOT_AVAILABLE, f"{format_ip(address)}:{port}")
        self.local = (address, self._layer.ports.bind(self, address, port))
        self.bound = True

    def listen(self, backlog: int, now: int) -> None:
        """Open passively; again to change the backlog. Disturbs no connection (MUST-41).

        Raises:
            StackError: INVALID in another state, ADDRESS_IN_USE.
        """
        backlog = max(0, min(backlog, self._layer.config.somaxconn))
        if self.listener is not None:
            self.listener.backlog = backlog
            return
        if self.tcb.state is not CLOSED or self.key:
            raise StackError(CloseReason.INVALID, f"in state {self.state_name}")
        if not self.local[1]:
            self.bind(self.local[0], 0)
        self._layer.ports.check_listen(self)
        self.listener = Listener(self._layer, self, backlog)
        self.tcb.enter(LISTEN, "listen()", now)
        self._layer.start_listening(self)
        self._done(now)

    def accept(self, now: int) -> "Connection | None":  # noqa: ARG002
        """The next established connection, or None.

        Raises:
            StackError: INVALID: not listening.
        """
        if self.listener is None:
            raise StackError(CloseReason.INVALID, "not listening")
        if not self.listener.ready:
            return None
        connection = self.listener.ready.popleft()
        assert isinstance(connection, Connection)
        return connection

    def connect(self, address: bytes, port: int, now: int) -> None:
        """Active OPEN; it goes on by itself, `poll()` and `error` tell how it ends.

        Raises:
            StackError: EISCONN, EALREADY, INVALID, no route, no port.
        """
        state = self.tcb.state
        if state in {SYN_SENT, SYN_RECEIVED}:
            raise StackError(errno.EALREADY)
        if state is not CLOSED or self.tcb.snd_una > self.tcb.iss:  # it is a connection, or was one
            raise StackError(errno.EISCONN)
        if not self.bound:
            self.local = (bytes(len(self.local[0])), 0)  # an earlier attempt failed
        layer = self._layer
        if is_unspecified(address):
            address = b"\x7f\x00\x00\x01" if self.version == 4 else bytes(15) + b"\x01"
        if is_multicast(address) or address == b"\xff\xff\xff\xff":  # MUST-46
            raise StackError(CloseReason.NETWORK_UNREACHABLE, format_ip(address))
        path = layer.ip.find_path(address, now, src=self._source(), interface=self._bound_interface())
        if path.to_group:
            raise StackError(CloseReason.NETWORK_UNREACHABLE, format_ip(address))
        self._take_port(path, address, port)
        self.remote = (address, port)
        self.key = self._key_to(self.local[0], self.local[1], address, port)
        self.tcb = Tcb(self.version, layer.config, self.options, self.id, layer.name, layer.trace)
        self.tcb.ts_offset = layer.isn.timestamp_offset(self.key)
        self._use_path(path)
        layer.attach(self)
        handshake.open_active(self.tcb, layer.isn.isn(self.key, now), now)
        self._done(now)

    def send(self, octets: Buffer, now: int, *, urgent: bool = False, more: bool = False) -> int:
        """Give octets to the send buffer.

        Args:
            octets: `bytes` are kept by reference, anything else is copied.
            now: monotonic ns.
            urgent: the last octet is urgent (MSG_OOB).
            more: more will follow at once (MSG_MORE): do not send a short segment for it.

        Returns:
            How many were taken; 0: the buffer is full, or the handshake is not over.

        Raises:
            StackError: EPIPE after shutdown or without a connection, ECONNRESET and the like once.
        """
        tcb = self.tcb
        if tcb.error:
            self._raise_error()
        if tcb.fin_queued or tcb.state not in MAY_SEND:
            raise StackError(errno.EPIPE)
        room = self.send_room()
        if room <= 0 or tcb.state in {SYN_SENT, SYN_RECEIVED}:
            return 0
        size = len(octets)
        if size > room:
            octets, size = memoryview(octets)[:room], room
        tcb.sendbuf.append(octets)
        if urgent:
            tcb.snd_up = tcb.sendbuf.end  # MUST-62: the octet after the urgent one
        if not more or size >= tcb.smss or size == room:
            tcb.output = True
        elif not tcb.scoreboard and not tcb.persist_at:
            tcb.persist_at = now + tcb.rtt.rto  # perhaps no more follows: it goes then
        self._done(now)
        return size

    def send_room(self) -> int:
        """Octets that the send buffer would take now."""
        tcb = self.tcb
        limit = self.options.sndbuf if self.options.sndbuf_locked else self._layer.config.send_buffer
        if not self.options.sndbuf_locked:  # as much as two windows keep in flight (Linux's sndbuf expansion)
            limit = min(limit, max(_SEND_BUFFER_START, 2 * tcb.congestion.cwnd))
        return limit - len(tcb.sendbuf)

    def recv(self, limit: int, now: int, *, peek: bool = False) -> bytes | None:
        """Take up to `limit` octets from the receive queue.

        Returns:
            None: nothing yet. b"": the peer said that there is no more.

        Raises:
            StackError: ENOTCONN, ECONNRESET, ETIMEDOUT and the like.
        """
        tcb = self.tcb
        if tcb.rcv_queued:
            taken = readiness.take(tcb, limit, peek=peek)
            if not peek:
                self._after_read(len(taken), now)
            return taken
        return b"" if self._at_end() else None

    def recv_into(self, buffer: memoryview, now: int, *, peek: bool = False) -> int | None:
        """As `recv`, into a writable buffer; returns how many octets."""
        tcb = self.tcb
        if tcb.rcv_queued:
            size = readiness.take_into(tcb, buffer, peek=peek)
            if not peek:
                self._after_read(size, now)
            return size
        return 0 if self._at_end() else None

    def shutdown(self, how: int, now: int) -> None:
        """End one direction or both (MAY-1).

        Raises:
            StackError: ENOTCONN.
        """
        tcb = self.tcb
        if tcb.state is LISTEN and how != SHUT_WR:
            tcb.rcv_shutdown = True
            self._stop_listening(now)
            self._done(now)  # wakes who sleeps in accept(), as Linux does
            return
        if tcb.state in {CLOSED, LISTEN, SYN_SENT}:
            raise StackError(errno.ENOTCONN)
        if how != SHUT_WR:
            tcb.rcv_shutdown = True
            tcb.wakeup = True
        if how != SHUT_RD:
            self._queue_fin("shutdown()", now)
        self._done(now)

    def close(self, now: int) -> None:
        """The descriptor is gone. What was sent is still delivered, unless SO_LINGER says 0 seconds.

        Spec: RFC 9293 §3.10.4; SHLD-3: unread data means a reset.
        """
        tcb = self.tcb
        tcb.orphan = True
        state = tcb.state
        if state is LISTEN:
            self._stop_listening(now)
        elif state is CLOSED:
            self._layer.forget(self)
            return
        elif state is SYN_SENT:
            arrive.end(tcb, 0, "close()", now)
        elif tcb.rcv_queued or self.options.linger == 0:
            self.abort(now)
            return
        else:
            self._queue_fin("close()", now)
            if tcb.state is FIN_WAIT_2:
                tcb.fin_wait_2_at = now + (self.options.linger2_ns or tcb.config.fin_wait_2_timeout_ns)
        self._done(now)

    def abort(self, now: int) -> None:
        """Abort (RFC 9293 §3.10.5): reset the peer, forget everything."""
        tcb = self.tcb
        if tcb.state in {SYN_RECEIVED, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT} or tcb.scoreboard:
            self._send_reset(tcb.snd_nxt, now)
        if tcb.state is LISTEN:
            self._stop_listening(now)
        elif tcb.state is not CLOSED:
            tcb.rcv_queue = None
            tcb.rcv_queued = 0
            arrive.end(tcb, 0, "abort", now)
        self._done(now)

    def urgent(self) -> bytes | None:
        """The out-of-band octet that MSG_OOB reads, if it has arrived."""
        return readiness.urgent_octet(self.tcb)

    def at_mark(self) -> bool:
        """SIOCATMARK: the next octet to be read is the one after the urgent mark."""
        tcb = self.tcb
        return tcb.rcv_nxt - tcb.rcv_queued == tcb.rcv_up - 1

    def options_changed(self, now: int) -> None:
        """A socket option was set: what waited for it may go now (TCP_NODELAY, TCP_CORK, SO_KEEPALIVE, buffers)."""
        tcb = self.tcb
        if self.options.rcvbuf:
            tcb.rcv_buf = self.options.rcvbuf
        if tcb.state not in {CLOSED, LISTEN}:
            if self.options.keepalive:
                timers.restart_keepalive(tcb, now)
            else:
                tcb.keepalive_at = 0
            timers.user_timeout_changed(tcb, now)
            tcb.output = True
            self._done(now)

    # --- from below ----------------------------------------------------------------------------------------

    def on_segment(self, seg: TcpSegment, packet: IpPacket, now: int) -> Fate:  # noqa: ARG002 - as every flow
        """A segment of this connection arrived."""
        tcb = self.tcb
        tcb.segs_in += 1
        if tcb.trace is not None:
            emit.trace(tcb, seg, "received", len(seg.payload), "", self.local, self.remote, now)
        seg.ack = unwrap(seg.ack, tcb.snd_nxt)
        if tcb.state is not SYN_SENT:
            seg.seq = unwrap(seg.seq, tcb.rcv_nxt)
        una = tcb.snd_una
        fate = arrive.segment_arrives(tcb, seg, now)
        if fate is Accepted.LOCAL:
            tcb.last_received_at = now
            if tcb.keepalive_at:
                arrive.heard(tcb, now)
            if tcb.snd_una != una and self._path is not None:
                self._layer.ip.confirm(self._path, now)
        if tcb.reset_ack is not None:
            self._send_reset(tcb.reset_ack, now)
            tcb.reset_ack = None
        if tcb.abort_due:
            self.abort(now)
            return fate
        self._done(now)
        return fate

    def on_icmp_error(self, error: IcmpError, seq: int, now: int) -> bool:
        """An ICMP error about a segment of ours: a hint, and only if it quotes what is in flight (RFC 5927 §4.1)."""
        tcb = self.tcb
        if not tcb.snd_una <= unwrap(seq, tcb.snd_una) < max(tcb.snd_nxt, tcb.snd_una + 1):
            return False
        if tcb.state in {CLOSED, LISTEN}:
            return False
        if error.kind == "too-big":
            tcb.output = True
            self._path = None  # found again, with the new estimate, when the next segment leaves
        elif (
            tcb.state is SYN_SENT
            and error.kind == "unreachable"
            and (error.hard or self._layer.ip.is_local(error.reporter))
        ):
            # What we found out ourselves, that nobody is there, is no hint: connect() need not wait (RFC 5461 §2.2).
            arrive.end(tcb, error.errno, "ICMP error", now)
        elif error.kind != "quench":  # MUST-55
            tcb.soft_error = error.errno  # MUST-56: never aborts
        self._done(now)
        return True

    def on_deadline(self, now: int) -> None:
        """The earliest timer is due."""
        tcb = self.tcb
        self._deadline = None
        error = timers.on_deadline(tcb, now)
        if tcb.trace is not None:
            self.cause = tcb.trace.cause
        if error is not None:
            if tcb.state not in {SYN_SENT, FIN_WAIT_2}:
                self._send_reset(tcb.snd_nxt, now)
            arrive.end(tcb, error, "timeout", now)
        elif tcb.rexmit_count >= tcb.config.r1_retries and self._path is not None:
            self._layer.ip.suspect(self._path, now)  # MUST-20: R1 reached, the next hop may be dead
        self._done(now)

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
                return frame
        self._done(now)
        return None

    # --- inside --------------------------------------------------------------------------------------------

    def established_from(self, half: HalfOpen, path: Path) -> None:
        """Take over what a half-open connection agreed on; the ACK that completes it is processed next."""
        tcb = self.tcb
        self.local, self.remote, self.key = half.local, half.remote, half.key
        self._layer.ports.hold(self, half.local[0], half.local[1])
        self._use_path(path)
        tcb.start_sending(half.iss)
        tcb.start_receiving(half.irs)
        tcb.passive = True
        tcb.snd_nxt = half.iss + 1
        tcb.scoreboard.add(half.iss, half.iss + 1, half.answered_at)
        if half.retransmitted:
            tcb.scoreboard.oldest.resent = tcb.rexmit_count = half.retransmitted
        for name in ("peer_mss", "our_mss", "wscale_ok", "snd_wind_shift", "rcv_wind_shift", "ts_ok", "ts_offset",
                     "ts_recent", "ts_recent_at", "sack_ok"):  # fmt: skip
            setattr(tcb, name, getattr(half, name))
        tcb.state = SYN_RECEIVED
        self._layer.attach(self)

    def _frame(self, path: Path, out: sender.Outgoing, now: int) -> Frame | None:
        """Headers in front of a segment; None if it went to wait for the next hop's address."""
        tcb = self.tcb
        head = emit.header(tcb, out, self.local[1], self.remote[1], self._pseudo, now)
        if tcb.trace is not None:
            emit.trace_sent(tcb, head, out, self.local, self.remote, now)
        payload = out.payload
        gso_size = tcb.smss if len(payload) > tcb.smss else 0
        segments = -(-len(payload) // gso_size) if gso_size else 1
        counters = self._layer.counters
        counters["tcp_out_segs"] += segments
        if out.note and out.note != sender.PROBE:
            counters["tcp_retrans_segs"] += segments
        options = self.options
        return self._layer.ip.wrap(
            path, PROTOCOL_TCP, head, payload, now,
            ttl=options.ttl or None, tos=options.tos, gso_size=gso_size, csum_offset=CHECKSUM_OFFSET,
        )  # fmt: skip

    def _done(self, now: int) -> None:
        """After anything that may have changed the control block: queue for sending, wake, set the timer, clean up."""
        tcb = self.tcb
        state = tcb.state
        if tcb.output and not self.queued and (self._path is not None or self._refresh_path(now) is not None):
            self._queue()
        if tcb.wakeup:
            tcb.wakeup = False
            if state is not self._counted:
                self._count(state)
            if not self.notified and not tcb.orphan:
                self._layer.notifier.notify(self)
        if state is TIME_WAIT:
            if not (tcb.ack_now and tcb.output):  # output is off if there is no way to send that ACK
                self._layer.become_time_wait(self, now)
                return
        elif state is CLOSED:
            self._layer.forget(self)
            return
        at = timers.next_deadline(tcb)
        if at != self._deadline:
            self._deadline = at
            self._layer.schedule(self, at)

    def _count(self, new: State) -> None:
        """The state changed: what netstat -s tells of it (RFC 4022)."""
        old, self._counted = self._counted, new
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
            tcb.force_retransmit = True
        return path

    def _use_path(self, path: Path) -> None:
        tcb = self.tcb
        overhead = 40 if self.version == 4 else 60
        self._path = path
        self._pseudo = path.address_sum + PROTOCOL_TCP
        tcb.path_mss = min(path.mtu - overhead, _MAX_MSS)
        tcb.our_mss = min(path.interface.mtu - overhead, _MAX_MSS)
        negotiate.set_segment_size(tcb)
        offload = path.interface.device.offload
        limit = min(tcb.config.gso_max_size, offload.max_gso_size) if offload.tso else 0
        tcb.gso_size = limit // tcb.smss * tcb.smss

    def _take_port(self, path: Path, address: bytes, port: int) -> None:
        """The local address and port of an active open; no two flows have the same four numbers."""
        layer = self._layer
        source = path.src
        if self.local[1]:
            self.local = (source, self.local[1])
            if layer.is_taken(self._key_to(source, self.local[1], address, port)):
                raise StackError(CloseReason.ADDRESS_NOT_AVAILABLE, f"{format_ip(address)}:{port}")
            return

        def taken(candidate: int) -> bool:
            return layer.is_taken(self._key_to(source, candidate, address, port))

        chosen = layer.ports.ephemeral(source, taken)
        self.local = (source, chosen)
        layer.ports.hold(self, source, chosen)

    @staticmethod
    def _key_to(source: bytes, source_port: int, address: bytes, port: int) -> bytes:
        return address + source + port.to_bytes(2, "big") + source_port.to_bytes(2, "big")

    def _source(self) -> bytes | None:
        return None if is_unspecified(self.local[0]) else self.local[0]

    def _bound_interface(self) -> Interface | None:
        name = self.options.bindtodevice
        return self._layer.ip.interface_named(name) if name else None

    def _queue_fin(self, why: str, now: int) -> None:
        """The application sends no more: FIN behind what is queued."""
        tcb = self.tcb
        if tcb.state is ESTABLISHED:
            tcb.enter(FIN_WAIT_1, why, now)
        elif tcb.state is SYN_RECEIVED:
            tcb.fin_queued = True  # FIN-WAIT-1 follows when the handshake is over
            return
        elif tcb.state is CLOSE_WAIT:
            tcb.enter(LAST_ACK, why, now)
        else:
            return
        tcb.fin_queued = tcb.output = True

    def _after_read(self, taken: int, now: int) -> None:
        tcb = self.tcb
        receiver.tune_buffer(tcb, taken, now)
        if tcb.state in {ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2}:
            receiver.after_read(tcb)
            if tcb.ack_now:
                self._done(now)

    def _at_end(self) -> bool:
        """Nothing is queued: is that the end of the stream, or only for now?"""
        tcb = self.tcb
        if tcb.error:
            self._raise_error()
        if tcb.rcv_shutdown or (tcb.rcv_fin is not None and tcb.rcv_nxt > tcb.rcv_fin):
            return True
        if tcb.state is CLOSED or tcb.state is LISTEN:
            if self.key:
                return True  # it was a connection
            raise StackError(errno.ENOTCONN)
        return False

    def _raise_error(self) -> None:
        number, self.tcb.error = self.tcb.error, 0
        raise StackError(number, f"{format_ip(self.remote[0])}:{self.remote[1]}")

    def _send_reset(self, seq: int, now: int) -> None:
        tcb = self.tcb
        flags = RST if tcb.state is SYN_SENT else RST | ACK
        ack = tcb.rcv_nxt if flags & ACK else 0
        self._layer.send_bare(self.local, self.remote, seq & MASK, ack, flags, 0, b"", now)

    def _stop_listening(self, now: int) -> None:
        listener = self.listener
        assert listener is not None
        self._layer.stop_listening(self)
        listener.close()
        for flow in listener.ready:
            assert isinstance(flow, Connection)
            flow.tcb.orphan = True
            flow.abort(now)
        listener.ready.clear()
        self.listener = None
        self.tcb.enter(CLOSED, "close()", now)
        self._layer.forget(self)
