"""What a connection is to the network: its names, its path, and the segments that leave.

It asks `sender` what to send, puts headers in front of it, and does what the control block says after anything that may
have changed it (`_done`): queue for sending, wake the application, set the timer. `circuit` puts what comes in on it.

Duties: MUST-48, SHLD-21, SHLD-22 of RFC 9293, 1122I-10 (TOS as the socket has it).
"""

import errno
from abc import ABC, abstractmethod
from typing import Protocol

from netarium.base.addr import ANY4, ANY6
from netarium.base.counters import Counters
from netarium.base.errors import Fate, StackError
from netarium.base.seq import MASK
from netarium.ip.iface import Interface
from netarium.ip.layer import IpLayer
from netarium.ip.packet import IcmpError, IpPacket
from netarium.ip.path import Path
from netarium.link.frame import Frame
from netarium.transport.endpoint import Notifier
from netarium.transport.options import SocketOptions
from netarium.transport.ports import PortTable
from netarium.transport.tcp import (
    ackburst,
    ecn,
    emit,
    info,
    negotiate,
    pieces,
    probing,
    sender,
    timers,
    window,
)
from netarium.transport.tcp.fastopen import FastOpen, FastOpenQueue
from netarium.transport.tcp.halfopen import Nursery
from netarium.transport.tcp.isn import IsnGenerator
from netarium.transport.tcp.listener import Listener
from netarium.transport.tcp.outgoing import MTU_PROBE, NOTHING_AGAIN, Outgoing
from netarium.transport.tcp.state import (
    CLOSE_WAIT,
    CLOSED,
    ESTABLISHED,
    LISTEN,
    SYN_RECEIVED,
    SYN_SENT,
    TIME_WAIT,
    State,
)
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, CHECKSUM_OFFSET, FIN, RST, TcpSegment
from netarium.wire.tcp_options import pack_options

PROTOCOL_TCP = 6
_OPEN = frozenset({ESTABLISHED, CLOSE_WAIT})  # what tcpCurrEstab counts


class Services(Nursery, Protocol):
    """The layer, as the lower part of a connection sees it."""

    ip: IpLayer
    ports: PortTable
    notifier: Notifier
    counters: Counters
    isn: IsnGenerator
    fast_open: FastOpen
    name: str

    def attach(self, connection: "Outlet") -> None:
        """From now on segments with the connection's key are its own."""

    def become_time_wait(self, connection: "Outlet", now: int) -> None:
        """Replace the connection by a record of TIME-WAIT."""


class Outlet(ABC):
    """A connection in any state, with its way to the network.

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
    def on_segment(self, seg: TcpSegment, packet: IpPacket, now: int) -> Fate:
        """A segment of this connection arrived."""

    @abstractmethod
    def on_icmp_error(self, error: IcmpError, seq: int, now: int) -> bool:
        """An ICMP error quotes sequence number `seq` (32 bits); True if it can be about something sent."""

    @abstractmethod
    def on_deadline(self, now: int) -> None:
        """The earliest timer is due."""

    @abstractmethod
    def _tell(self) -> None:
        """The application's view may have changed."""

    def poll_transmit(self, now: int) -> Frame | None:
        """The next frame of this connection, or None when there is none any more."""
        tcb = self.tcb
        if tcb.held is not None:
            ackburst.conclude(tcb)
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
        if tcb.ecn_ok:
            tos |= ecn.codepoint(tcb, out)
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
            if not self.notified and tcb.orphan != 1:
                self._tell()
        if state is TIME_WAIT:
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
        """What `_done` would do after a write, which changes no state, and timers only with a user timeout."""
        tcb = self.tcb
        if tcb.accurate is not None:
            tcb.accurate.clock = now
        if tcb.user_timeout_ns:
            timers.on_write(tcb, now)
            self._done(now)
            return
        if tcb.tally is not None:
            info.account(tcb, tcb.tally, now)
        if not self.queued:
            self._queue()

    @abstractmethod
    def _judge_fast_open(self, now: int) -> None:
        """A connection that opened fast is over: learn from that."""

    def _count(self, new: State, now: int) -> None:
        """The state changed: what netstat -s tells of it (RFC 4022)."""
        old, self._counted = self._counted, new
        if self._fast_open is not None and new is not SYN_RECEIVED:
            self._fast_open.leave(now, reset=self.accepted and self.tcb.error == errno.ECONNRESET)
            self._fast_open = None
        if self.tcb.fast_open_option is not None and not self.tcb.passive and new in {CLOSED, TIME_WAIT}:
            self._judge_fast_open(now)
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
        if tcb.state is SYN_SENT and tcb.syn_data > tcb.smss:
            tcb.syn_pending = True  # by itself this time: what went with it was too much (as Linux)
        elif tcb.smss < before and tcb.scoreboard and tcb.state not in {SYN_SENT, SYN_RECEIVED}:
            tcb.scoreboard.mark_oversize_lost(tcb.smss)
            probing.resend_in_pieces(tcb)
        return path

    def _use_path(self, path: Path) -> None:
        tcb = self.tcb
        overhead = 40 if self.version == 4 else 60
        self._path = path
        self._pseudo = path.address_sum + PROTOCOL_TCP
        tcb.path_mss = min(path.mtu - overhead, negotiate.MAX_MSS)
        tcb.our_mss = negotiate.offered_mss(path, tcb.config)
        offload = path.interface.device.offload
        tcb.gso_limit = min(tcb.config.gso_max_size, offload.max_gso_size) if offload.tso else 0
        if tcb.accurate is not None:
            tcb.gso_limit = 0  # as `accecn.agree`
        negotiate.set_segment_size(tcb)

    def _bound_interface(self) -> Interface | None:
        name = self.options.bindtodevice
        return self._layer.ip.interface_named(name) if name else None

    def _send_reset(self, seq: int, now: int) -> None:
        tcb = self.tcb
        flags = RST if tcb.state is SYN_SENT else RST | ACK
        ack = tcb.rcv_nxt if flags & ACK else 0
        options = pack_options(ts=(negotiate.timestamp(tcb, now), tcb.ts_recent)) if tcb.ts_ok else b""
        offered, tos = 0, self.options.tos
        if tcb.accurate is not None:
            reset = Outgoing(seq, flags, b"")
            flags |= ecn.flags_for(tcb, reset)
            tos |= ecn.codepoint(tcb, reset)
            options = emit.counted_options(tcb, 0, now)
        if tcb.config.resets_offer_window:
            offered = min(window.offer(tcb) >> tcb.rcv_wind_shift, 0xFFFF)
        self._layer.send_bare(self.local, self.remote, seq & MASK, ack, flags, offered, options, now, tos=tos)
