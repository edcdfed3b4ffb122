"""One TCP socket: the row of the socket table, and the calls from above."""

import errno
from typing import Protocol

from netarium.base.addr import format_ip
from netarium.base.checksum import Buffer
from netarium.base.errors import CloseReason, StackError
from netarium.transport.endpoint import POLL_ALL, SETTLED, SHUT_RD, SHUT_WR
from netarium.transport.tcp import (
    acks,
    arrive,
    cwnd,
    errnos,
    fastopen,
    gathering,
    plain,
    readiness,
    timers,
    usertimeout,
    window,
)
from netarium.transport.tcp.info import TcpInfo, snapshot
from netarium.transport.tcp.listener import Listener
from netarium.transport.tcp.opening import Opener, Registry
from netarium.transport.tcp.state import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    LISTEN,
    MAY_SEND,
    SYN_RECEIVED,
    SYN_SENT,
)
from netarium.transport.tcp.tcb import Tcb

_FIN_UNACKNOWLEDGED = frozenset({FIN_WAIT_1, CLOSING, LAST_ACK})


class Desk(Registry, Protocol):
    """The layer, as the calls from above see it."""

    def start_listening(self, connection: "Connection") -> None:
        """SYNs for the connection's local address go to it."""

    def stop_listening(self, connection: "Connection") -> None:
        """No longer."""


class Connection(Opener):
    """A TCP endpoint in any state, from `socket()` to the last timer."""

    __slots__ = ()

    kind = "tcp"
    _layer: Desk

    # --- the row --------------------------------------------------------------------------------------

    @property
    def receive_queue(self) -> int:
        """Recv-Q: octets that wait for the application, or connections that wait for accept()."""
        return len(self.listener.ready) if self.listener is not None else self.tcb.rcv_queued

    @property
    def send_queue(self) -> int:
        """Send-Q: octets the peer has not acknowledged, sent or not, the FIN counted as one; of a listener, its backlog."""
        if self.listener is not None:
            return self.listener.backlog
        tcb = self.tcb
        return len(tcb.sendbuf) + (tcb.state in _FIN_UNACKNOWLEDGED)

    def poll(self, wanted: int = POLL_ALL) -> int:
        """Tell what is ready, as a mask of POLLIN, POLLOUT, ...; only what is in `wanted` is reckoned."""
        writable = wanted & readiness.WRITABLE != 0 and gathering.is_writable(self.tcb)
        mask = readiness.poll(self.tcb, self.listener, used=bool(self.key), writable=writable)
        if self.tcb.orphan > 1 and (self.tcb.state is CLOSED or not self.send_queue):
            mask |= SETTLED
        return mask

    @property
    def retransmits(self) -> int:
        """Segments that were sent again, in the connection's whole life."""
        return self.tcb.total_retrans

    def info(self, now: int) -> TcpInfo:
        """A snapshot for TCP_INFO and `ss -i`. The delivery rate is measured from the first look on."""
        cwnd.watch_rate(self.tcb, now)
        return snapshot(self.tcb, now)

    # --- calls from above -----------------------------------------------------------------------------

    def listen(self, backlog: int, now: int) -> None:
        """Open passively; again to change the backlog. Disturbs no connection (MUST-41).

        Raises:
            StackError: INVALID in another state, ADDRESS_IN_USE.
        """
        config = self._layer.config
        if backlog < 0 and config.backlog_and_half:
            backlog = config.somaxconn
        backlog = max(0, min(backlog, config.somaxconn))
        if self.listener is not None:
            self.listener.backlog = backlog
            return
        if self.tcb.state is not CLOSED or self.key:
            raise StackError(CloseReason.INVALID, f"in state {self.state_name}")
        if not self.local[1]:
            self.bind(self.local[0], 0)
        self._layer.ports.check_listen(self)
        self.listener = Listener(self._layer, self, backlog)
        self._set_fast_open(backlog)
        self.tcb.enter(LISTEN, "listen()", now)
        self._layer.start_listening(self)
        self._done(now)

    def _set_fast_open(self, backlog: int) -> None:
        """How many connections may open fast: TCP_FASTOPEN's number, or the backlog where the system wants it so."""
        assert self.listener is not None
        config = self._layer.config
        everywhere = fastopen.SERVER | fastopen.SERVER_WITHOUT_OPTION
        limit = self.options.fast_open
        if not limit and config.fast_open & everywhere == everywhere:
            limit = backlog
        self.listener.fast_open.limit = min(limit, config.somaxconn)

    def accept(self, now: int) -> "Connection | None":
        """The next established connection, or None.

        Raises:
            StackError: INVALID: not listening; ECONNABORTED: it has been reset meanwhile, and the system tells so.
        """
        if self.listener is None:
            raise StackError(CloseReason.INVALID, "not listening")
        if not self.listener.ready:
            return None
        connection = self.listener.ready.popleft()
        assert isinstance(connection, Connection)
        number = errnos.error_of(
            self._layer.config.socket_errors, "accept", connection.tcb.state, used=bool(connection.key)
        )
        if number:
            connection.close(now)
            raise StackError(number)
        connection.accepted = True
        return connection

    def send(
        self, octets: Buffer, now: int, *, urgent: bool = False, more: bool = False, record: bool = False
    ) -> int:
        """Give octets to the send buffer.

        Args:
            octets: `bytes` are kept by reference, anything else is copied.
            now: monotonic ns.
            urgent: the last octet is urgent (MSG_OOB).
            more: more will follow at once (MSG_MORE): do not send a short segment for it.
            record: it ends a record (MSG_EOR): what is written later never shares a segment with it.

        Returns:
            How many were taken; 0: the buffer is full, or the handshake is not over.

        Raises:
            StackError: EPIPE after shutdown or without a connection, ECONNRESET and the like once.
        """
        tcb = self.tcb
        if tcb.error:
            if tcb.state is CLOSED and self._layer.config.socket_errors == "freebsd":
                self._check_call("send")  # that nothing can be sent comes first, and recv() tells why
            self._raise_error()
        if tcb.state is not ESTABLISHED:
            if not tcb.fin_queued:  # else that comes first: a broken pipe
                self._check_call("send")
            if tcb.fin_queued or tcb.state not in MAY_SEND:
                raise StackError(errno.EPIPE)
        if tcb.deferred:
            return self._send_syn_with(octets, now)
        size = len(octets)
        room = size if gathering.surely_takes(tcb, size) else self.send_room()
        (tcb.tally or tcb.count()).short_of_room = short = size > room
        if short:
            tcb.room_awaited = True
        if room <= 0 or tcb.state is SYN_SENT or (tcb.state is SYN_RECEIVED and not tcb.fast_opened):
            return 0
        if short:
            octets, size = memoryview(octets)[:room], room
        start = tcb.sendbuf.end
        tcb.sendbuf.append(octets)
        if urgent:
            tcb.snd_up = tcb.sendbuf.end  # MUST-62: the octet after the urgent one
        self._mark_write(start, more=more, record=record, full=short)
        tcb.output = True
        if self._path is None:
            self._done(now)
        else:
            self._wrote(now)
        return size

    def recv(self, limit: int, now: int, *, peek: bool = False) -> bytes | None:
        """Take up to `limit` octets from the receive queue.

        Returns:
            None: nothing yet. b"": the peer said that there is no more.

        Raises:
            StackError: ENOTCONN, ECONNRESET, ETIMEDOUT and the like.
        """
        tcb = self.tcb
        if peek and self.options.peek_off >= 0:
            return self._peek_on(limit)
        if tcb.rcv_queued:
            taken = readiness.take(tcb, limit, peek=peek)
            if not peek:
                self._after_read(len(taken), now)
            return taken
        return b"" if self._at_end() else None

    def recv_into(self, buffer: memoryview, now: int, *, peek: bool = False) -> int | None:
        """As `recv`, into a writable buffer; returns how many octets."""
        tcb = self.tcb
        if peek and self.options.peek_off >= 0:
            seen = self._peek_on(len(buffer))
            buffer[: len(seen or b"")] = seen or b""
            return None if seen is None else len(seen)
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
        self._check_call("shutdown")
        if tcb.state is LISTEN and how != SHUT_WR:
            tcb.rcv_shutdown = True
            self._stop_listening(now)
            self._done(now)  # wakes who sleeps in accept(), as Linux does
            return
        if tcb.state is LISTEN:
            return  # there is nothing to write, and that is no error to Linux
        if tcb.state is SYN_SENT and self._layer.config.socket_errors == "linux":
            self._disconnect(now)
            tcb.error = errno.ECONNRESET
            return
        if how != SHUT_WR:
            tcb.rcv_shutdown = True
            tcb.wakeup = True
            if tcb.config.shutdown_discards:
                plain.discard(tcb)
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
        elif state is SYN_SENT or (
            state is SYN_RECEIVED and tcb.config.close_forgets_half_open and not tcb.fast_opened
        ):
            arrive.end(tcb, 0, "close()", now)
        elif tcb.rcv_queued and tcb.config.reset_unread:
            self.reset(now, unread=True)
            return
        elif self.options.linger == 0 or (state is FIN_WAIT_2 and self.options.linger2_ns < 0):
            self.abort(now)
            return
        else:
            self._queue_fin("close()", now)
            if tcb.state is FIN_WAIT_2:
                timers.await_fin(tcb, now)
        self._done(now)

    def linger(self) -> None:
        """Somebody waits in close() until all is acknowledged: tell of it, by SETTLED, as if there were a descriptor."""
        self.tcb.orphan = 2

    def abort(self, now: int) -> None:
        """Abort (RFC 9293 §3.10.5): reset the peer, forget everything."""
        if self.tcb.state is LISTEN:
            self._stop_listening(now)
            self._done(now)
        else:
            self.reset(now)

    @property
    def window_clamp(self) -> int:
        """TCP_WINDOW_CLAMP: what is never exceeded, as it was set, or as the connection has it; 0: not known yet."""
        return self.tcb.window_clamp if self.key and self.tcb.window_clamp else self.options.window_clamp

    def set_window_clamp(self, octets: int) -> None:
        """Never offer more than so many octets from now on; 0: no limit but the buffer."""
        self.options.window_clamp = octets
        if self.tcb.window_clamp:
            window.clamp(self.tcb, octets)

    def reserve(self, octets: int) -> int:
        """See to it that so many octets can wait for the application (SO_RCVLOWAT).

        Returns:
            How many can: half of what the buffer may come to be at the most.
        """
        tcb, config = self.tcb, self.tcb.config
        most = self.options.rcvbuf if self.options.rcvbuf_locked else config.receive_buffer_max
        octets = min(octets, most >> 1)
        if not self.options.rcvbuf_locked:
            window.reserve(tcb, octets)
        tcb.wakeup = True
        return octets

    def urgent(self, *, peek: bool = False) -> bytes | None:
        """The out-of-band octet that MSG_OOB reads, once; b"": it is announced, and has not arrived; None: there is none."""
        tcb = self.tcb
        tally = tcb.count()
        if tally.urgent_read == tcb.rcv_up:
            return None
        octet = readiness.urgent_octet(tcb)
        if octet is None:
            return b"" if tcb.rcv_up > max(tcb.rcv_nxt, tcb.irs + 1) else None
        if not peek:
            tally.urgent_read = tcb.rcv_up
        return octet

    def pass_urgent(self, now: int) -> None:
        """Reading goes on behind the urgent octet, which is not in the stream unless SO_OOBINLINE says so (tcp(7))."""
        if readiness.before_urgent(self.tcb):
            self.recv(1, now)

    def at_mark(self) -> bool:
        """SIOCATMARK: the next octet to be read is the one after the urgent mark."""
        tcb = self.tcb
        return readiness.next_to_read(tcb) == tcb.rcv_up - 1

    @property
    def quickack(self) -> bool:
        """TCP_QUICKACK: segments are acknowledged at once, as far as the budget for that goes."""
        tcb = self.tcb
        return self.options.quickack if tcb.state is CLOSED or tcb.state is LISTEN else not tcb.pingpong

    def set_quickack(self, value: int, now: int) -> None:
        """Set it: 0 off, 1 on, an even number: acknowledge what is owed now, and then off."""
        tcb = self.tcb
        self.own_options().quickack = bool(value)
        if tcb.state in {ESTABLISHED, CLOSE_WAIT}:
            acks.quickack_changed(tcb, value)
        else:
            tcb.pingpong = not value
        self._done(now)

    def push(self, now: int) -> None:
        """TCP_NODELAY is set: what waits goes at once, even from under TCP_CORK (tcp(7))."""
        if self.tcb.boundaries is not None:
            self.tcb.boundaries.flush_to = self.tcb.sendbuf.end
        self.options_changed(now)

    def options_changed(self, now: int) -> None:
        """A socket option was set: what waited for it may go now (TCP_NODELAY, TCP_CORK, SO_KEEPALIVE, buffers)."""
        tcb = self.tcb
        if self.listener is not None and self.options.fast_open:
            self._set_fast_open(self.listener.backlog)
        if self.options.rcvbuf_locked and tcb.rcv_memory != self.options.rcvbuf:
            tcb.rcv_memory = self.options.rcvbuf
            tcb.rcv_buf = tcb.rcv_memory * tcb.rcv_ratio >> 8
        tcb.rtt.limit(tcb.min_rto, tcb.max_rto)
        cwnd.follow_option(tcb)
        if tcb.state not in {CLOSED, LISTEN}:
            timers.keepalive_changed(tcb, now)
            usertimeout.options_changed(tcb, now)
            tcb.output = True
            self._done(now)

    # --- inside ---------------------------------------------------------------------------------------

    def _tell(self) -> None:
        self._layer.notifier.notify(self)

    def _queue_fin(self, why: str, now: int) -> None:
        """The application sends no more: FIN behind what is queued."""
        tcb = self.tcb
        if tcb.state is ESTABLISHED:
            tcb.enter(FIN_WAIT_1, why, now)
        elif tcb.state in {SYN_SENT, SYN_RECEIVED}:
            tcb.fin_queued = True  # FIN-WAIT-1 follows when the handshake is over
            tcb.output = tcb.output or tcb.fast_opened
            return
        elif tcb.state is CLOSE_WAIT:
            tcb.enter(LAST_ACK, why, now)
        else:
            return
        tcb.fin_queued = tcb.output = True

    def _after_read(self, taken: int, now: int) -> None:
        tcb = self.tcb
        if self.options.peek_off > 0:
            self.options.peek_off = max(0, self.options.peek_off - taken)
        window.tune(tcb, taken, now)
        if tcb.state is not CLOSED:
            acks.after_read(tcb, taken)
            if tcb.ack_now:
                self._done(now)

    def _peek_on(self, limit: int) -> bytes | None:
        """SO_PEEK_OFF: look at what follows the octets looked at before."""
        options = self.own_options()
        seen = readiness.look(self.tcb, options.peek_off, limit)
        options.peek_off += len(seen)
        return seen or (b"" if self._at_end() else None)

    def _at_end(self) -> bool:
        """Nothing is queued: is that the end of the stream, or only for now?"""
        tcb = self.tcb
        if tcb.state is ESTABLISHED and not (tcb.error or tcb.rcv_shutdown):
            return False
        ended = tcb.rcv_fin is not None and tcb.rcv_nxt > tcb.rcv_fin
        if tcb.error and (not ended or tcb.config.error_after_end):
            self._raise_error()
        if ended:
            return True
        if tcb.rcv_shutdown and (tcb.snd_una > tcb.iss or tcb.config.shutdown_discards):
            return True
        if tcb.state is CLOSED or tcb.state is LISTEN:
            if tcb.snd_una > tcb.iss or self.key:
                return True  # it was a connection, or an attempt at one
            raise StackError(errno.ENOTCONN)
        self._check_call("recv")
        return False

    def dissolve(self, now: int) -> None:
        """The connection is over, the peer is reset, and the endpoint is as `socket()` made it (Linux's AF_UNSPEC)."""
        was_one = self.tcb.state is not CLOSED and self.listener is None
        if self.listener is not None:
            self._stop_listening(now)
        elif self.tcb.state is SYN_SENT:
            self._disconnect(now)
        elif was_one:
            self.reset(now)
        layer = self._layer
        wildcard = bytes(len(self.local[0]))
        self.key, self.remote = b"", (wildcard, 0)
        if not self.bound:
            self.local = (wildcard, 0)
        self.tcb = Tcb(self.version, layer.config, self.options, self.id, layer.name, layer.trace)
        if was_one:
            self.tcb.error = errno.ECONNRESET
        self._tell()

    def _disconnect(self, now: int) -> None:
        """The attempt to connect ends silently; another one may follow (Linux)."""
        arrive.end(self.tcb, 0, "shutdown()", now)
        self._done(now)
        self.key = b""

    def _raise_error(self) -> None:
        number, self.tcb.error = self.tcb.error, 0
        raise StackError(number, f"{format_ip(self.remote[0])}:{self.remote[1]}")

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
