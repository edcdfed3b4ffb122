"""LISTEN: half-open connections and the accept queue (RFC 9293 §3.10.7.2; RFC 4987 on why both are bounded).

A SYN costs a small record, not a connection. The record answers with SYN,ACK and repeats it; the ACK that completes
the handshake makes the connection.
"""

from collections import deque
from typing import Protocol

from netarium.base.errors import Accepted, DropReason, Fate
from netarium.base.seq import MASK, unwrap
from netarium.base.trace import Trace
from netarium.base.units import SECOND
from netarium.ip.packet import IcmpError, IpPacket
from netarium.transport.endpoint import Endpoint, Notifier
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import ecn, negotiate, window
from netarium.transport.tcp.flow import Flow, Flows
from netarium.transport.tcp.tcb import DEFAULT_MSS4
from netarium.wire.tcp import ACK, ECE, RST, SYN, TcpSegment
from netarium.wire.tcp_options import pack_options

_RESEND_INTERVAL_NS = 1 * SECOND  # a repeated SYN is answered once a second (RFC 6298's initial RTO)


class Nursery(Flows, Protocol):
    """The layer, as a listener sees it."""

    trace: Trace | None
    notifier: Notifier

    def grow_up(self, half: "HalfOpen", seg: TcpSegment, packet: IpPacket, now: int) -> Fate:
        """The handshake is complete: make the connection, give it the segment, queue it for accept()."""


class HalfOpen:
    """A connection in SYN-RECEIVED that came from LISTEN (MUST-11); a row of the socket table without a process."""

    __slots__ = (
        "_acked_at",
        "_nursery",
        "_retries",
        "answered_at",
        "config",
        "ecn_ok",
        "id",
        "irs",
        "iss",
        "key",
        "listener",
        "local",
        "options",
        "our_mss",
        "peer_mss",
        "rcv_wind_shift",
        "remote",
        "sack_ok",
        "snd_wind_shift",
        "ts_offset",
        "ts_ok",
        "ts_recent",
        "ts_recent_at",
        "version",
        "wscale_ok",
    )  # fmt: skip

    def __init__(
        self,
        nursery: Nursery,
        listener: "Listener",
        seg: TcpSegment,
        packet: IpPacket,
        key: bytes,
        iss: int,
        mss: int,
    ) -> None:
        self._nursery = nursery
        self.listener = listener
        self.config = nursery.config
        self.options: SocketOptions = listener.endpoint.options
        self.version = 4 if len(packet.dst) == 4 else 6
        self.key = key
        self.local = (packet.dst, seg.dst_port)
        self.remote = (packet.src, seg.src_port)
        self.id = nursery.notifier.next_id()
        self.iss = iss
        self.irs = seg.seq
        self.our_mss = mss
        self.peer_mss = DEFAULT_MSS4
        self.wscale_ok = self.ts_ok = self.sack_ok = False
        self.ecn_ok = ecn.accepts(self.config, seg, packet.tos & ecn.FIELD)
        self.snd_wind_shift = 0
        self.rcv_wind_shift = negotiate.our_window_shift(self.config, self.options)
        self.ts_offset = self.ts_recent = self.ts_recent_at = 0
        self._retries = 0
        self._acked_at = self.answered_at = 0

    @property
    def window(self) -> int:
        """What our SYN,ACK offers."""
        mss = negotiate.announced_mss(self) - (negotiate.TIMESTAMP_OPTION_LENGTH if self.ts_ok else 0)
        return window.first(self.config, self.options, mss)

    def answer(self, now: int) -> None:
        """Send the SYN,ACK, and see to it that it is sent again."""
        self.answered_at = now
        slop = self.config.rto_slop_ns if self._retries else 0
        self._nursery.schedule(self, now + (self.config.initial_rto_ns << self._retries) + slop)
        options = negotiate.syn_ack_options(self, now)
        flags = SYN | ACK | (ECE if self.ecn_ok else 0)
        self._nursery.send_bare(
            self.local, self.remote, self.iss, self.irs + 1, flags, self.window, options, now,
            tos=self.options.tos,
        )  # fmt: skip

    def on_segment(self, seg: TcpSegment, packet: IpPacket, now: int) -> Fate:
        """SYN-RECEIVED, in the order of RFC 9293 §3.10.7.4."""
        seq = unwrap(seg.seq, self.irs + 1)
        if seg.flags & (SYN | RST) == SYN and self.config.half_open_syn == "answer":
            return self._answer_any_syn(seg, now)
        if seg.flags & SYN and not seg.flags & ACK and seq == self.irs:
            if now - self.answered_at >= _RESEND_INTERVAL_NS:
                self._retries = max(self._retries, 1)  # no round trip is measured then (Karn)
                self.answer(now)  # our SYN,ACK was lost, it seems
            return Accepted.LOCAL
        if not self.irs < seq <= self.irs + self.window:
            if not seg.flags & RST:
                self._acknowledge(now)
            return DropReason.TCP_OUT_OF_WINDOW
        if seg.flags & (RST | SYN):
            return self._on_control(seg, seq, now)
        if not seg.flags & ACK:
            return DropReason.TCP_BAD_SEGMENT
        if self.ts_ok and self._is_from_the_past(seg):
            return DropReason.TCP_PAWS  # RFC 7323 §3.2, §5.3: nor would the connection take it
        if seg.ack != (self.iss + 1) & MASK:
            self._nursery.send_bare(self.local, self.remote, seg.ack, 0, RST, 0, b"", now)
            return DropReason.TCP_BAD_ACK
        if self.listener.is_full:
            return DropReason.TCP_LISTEN_OVERFLOW  # the SYN,ACK will be repeated, and so will this ACK
        return self._nursery.grow_up(self, seg, packet, now)

    def _on_control(self, seg: TcpSegment, seq: int, now: int) -> Fate:
        """Second and fourth: a RST or a SYN in the window."""
        if seg.flags & RST:
            if seq != self.irs + 1:
                self._acknowledge(now)  # RFC 5961 §3.2
                return DropReason.TCP_BAD_RESET
            self.give_up()
            return Accepted.LOCAL
        if self.config.half_open_syn == "challenge":
            # DEVIATION RFC 9293 §3.10.7.4, fourth: a challenge, not back to LISTEN: a forged SYN shall end nothing.
            self._acknowledge(now)
        else:
            self.give_up()
        return DropReason.TCP_BAD_SYN

    def _answer_any_syn(self, seg: TcpSegment, now: int) -> Fate:
        """As FreeBSD's cache of SYNs: any SYN is taken for a repetition, a SYN,ACK is no answer to ours."""
        if seg.flags & ACK:
            self.give_up()
            self._nursery.send_bare(self.local, self.remote, seg.ack, 0, RST, 0, b"", now)
            return DropReason.TCP_BAD_SYN
        self._retries = 0
        self.answer(now)
        return Accepted.LOCAL

    def _is_from_the_past(self, seg: TcpSegment) -> bool:
        if seg.ts_val is None:
            return not self.config.tolerate_missing_timestamp
        return 0 < (self.ts_recent - seg.ts_val) & MASK < 0x8000_0000

    def on_icmp_error(self, error: IcmpError, seq: int, now: int) -> bool:  # noqa: ARG002 - as every flow
        """Errors about a SYN,ACK change nothing: its retransmissions are few and bounded."""
        return seq == self.iss & MASK

    def on_deadline(self, now: int) -> None:
        """The ACK did not come: repeat the SYN,ACK, a few times."""
        self._retries += 1
        if self._retries > self.config.syn_ack_retries:
            self.give_up()
        else:
            self.answer(now)

    def give_up(self) -> None:
        """Back to LISTEN, as if nothing had been."""
        self.listener.half_open.pop(self.key, None)
        self._nursery.forget(self)

    @property
    def retransmitted(self) -> int:
        """How often the SYN,ACK was repeated by its timer."""
        return self._retries

    def _acknowledge(self, now: int) -> None:
        """What we have and expect, to an unacceptable segment; a few times a second."""
        if self._acked_at and now - self._acked_at < self.config.invalid_ratelimit_ns:
            return
        self._acked_at = now
        options = pack_options(ts=(negotiate.timestamp(self, now), self.ts_recent)) if self.ts_ok else b""
        offered = self.window >> self.rcv_wind_shift
        self._nursery.send_bare(
            self.local, self.remote, self.iss + 1, self.irs + 1, ACK, offered, options, now
        )


class Listener:
    """The two queues of a listening socket."""

    __slots__ = ("_nursery", "backlog", "endpoint", "half_open", "ready")

    def __init__(self, nursery: Nursery, endpoint: Endpoint, backlog: int) -> None:
        self._nursery = nursery
        self.endpoint = endpoint  # whose application accepts
        self.backlog = backlog
        self.half_open: dict[bytes, HalfOpen] = {}
        self.ready: deque[Flow] = deque()

    @property
    def is_full(self) -> bool:
        """As on Linux, one more than the backlog may wait."""
        return len(self.ready) > self.backlog

    def on_syn(
        self, seg: TcpSegment, packet: IpPacket, key: bytes, iss: int, ts_offset: int, mss: int, now: int
    ) -> HalfOpen | DropReason:
        """A SYN for this listener: remember it and answer."""
        if self.is_full:
            return DropReason.TCP_LISTEN_OVERFLOW
        if len(self.half_open) >= max(self._nursery.config.max_half_open, self.backlog):
            # A flood's SYNs never complete: the oldest is the least likely to (RFC 4987 §3.4).
            next(iter(self.half_open.values())).give_up()
        half = HalfOpen(self._nursery, self, seg, packet, key, iss, mss)
        half.ts_offset = ts_offset
        negotiate.accept_options(half, seg, now)
        self.half_open[key] = half
        return half

    def close(self) -> None:
        """Nobody will accept any more: forget the half-open ones (the accept queue is the caller's to reset)."""
        for half in list(self.half_open.values()):
            half.give_up()
