"""A half-open connection: SYN-RECEIVED of one that came from LISTEN (RFC 9293 §3.10.7.4; RFC 4987 on why it is small).

It answers a SYN, repeats its answer, and judges what comes back; the ACK that completes the handshake makes the
connection. How many there may be is its `listener`'s business.
"""

from collections import deque
from typing import Protocol

from netarium.base.errors import Accepted, DropReason, Fate
from netarium.base.seq import MASK, unwrap
from netarium.base.trace import Trace
from netarium.ip.packet import IcmpError, IpPacket
from netarium.transport.endpoint import Endpoint, Notifier
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import accecn, codepoints, disruption, ecn, negotiate, usertimeout, window
from netarium.transport.tcp.fastopen import FastOpenQueue
from netarium.transport.tcp.flow import Flow, Flows, reset_for
from netarium.transport.tcp.tcb import DEFAULT_MSS4
from netarium.wire.tcp import ACK, RST, SYN, TcpSegment
from netarium.wire.tcp_options import FastOpenOption, pack_options


class Nursery(Flows, Protocol):
    """The layer, as a listener and its half-open connections see it."""

    trace: Trace | None
    notifier: Notifier

    def grow_up(self, half: "HalfOpen", seg: TcpSegment, packet: IpPacket, now: int) -> Fate:
        """The handshake is complete: make the connection, give it the segment, queue it for accept()."""


class Doorman(Protocol):
    """The listener, as its half-open connections see it."""

    endpoint: Endpoint
    ready: deque[Flow]
    fast_open: FastOpenQueue

    @property
    def is_full(self) -> bool:
        """The accept queue takes no more."""

    @property
    def defer_retries(self) -> int:
        """TCP_DEFER_ACCEPT: until the SYN,ACK was due again so often, a bare ACK does not complete the handshake."""

    def local_of(self, address: bytes, port: int) -> tuple[bytes, int]:
        """Where a SYN came to: one object for all that come to the same place."""

    def patience(self) -> int:
        """How often a SYN,ACK is repeated, as busy as it is now."""

    def timed_out(self, half: "HalfOpen") -> None:
        """A timer of the half-open connection expired for the first time."""

    def young_again(self, half: "HalfOpen") -> None:
        """Its SYN was repeated, and its timer begins anew."""

    def remove(self, half: "HalfOpen") -> None:
        """It is half-open no more."""


class HalfOpen:
    """The record; a row of the socket table without a process (MUST-11)."""

    __slots__ = (  # noqa: RUF023 - grouped by what they are about
        "id", "key", "local", "remote", "version", "listener", "_nursery", "config", "options",
        "iss", "irs", "our_mss", "peer_mss", "wscale_ok", "snd_wind_shift", "rcv_wind_shift", "sack_ok", "ecn_ok", "accurate",
        "ts_ok", "ts_offset", "ts_recent", "ts_recent_at", "ts_first", "ts_last",
        "began_at", "answered_at", "timeouts", "repeated", "uto_remote_ns", "saved_syn", "_acked", "_limited_at",
    )  # fmt: skip

    def __init__(
        self,
        nursery: Nursery,
        listener: Doorman,
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
        if self.config.reflect_tos:
            self.options = self.options.copy()
            self.options.tos = packet.tos & ~codepoints.FIELD
        self.version = 4 if len(packet.dst) == 4 else 6
        self.key = key
        self.local = listener.local_of(packet.dst, seg.dst_port)
        self.remote = (packet.src, seg.src_port)
        self.id = nursery.notifier.next_id()
        self.iss = iss
        self.irs = seg.seq
        self.our_mss = mss
        self.peer_mss = DEFAULT_MSS4
        self.wscale_ok = self.ts_ok = self.sack_ok = False
        self.ecn_ok, self.accurate = ecn.answer(self.config, seg, packet.tos & codepoints.FIELD)
        self.snd_wind_shift = 0
        self.rcv_wind_shift = negotiate.our_window_shift(self.config, self.options)
        self.ts_offset = self.ts_recent = self.ts_recent_at = 0
        self.ts_first = self.ts_last = 0  # TSval of the first and of the latest SYN,ACK
        self.timeouts = 0
        self.uto_remote_ns = usertimeout.suggested(seg.options) if self.options.uto else 0
        self.saved_syn = _headers(seg, packet) if self.options.save_syn else b""
        self.repeated = 0  # times, for whatever reason: no round trip is measured then (Karn)
        self._acked = False  # by a bare ACK that did not complete the handshake
        self._limited_at = self.answered_at = self.began_at = 0

    @property
    def window(self) -> int:
        """What our SYN,ACK offers."""
        mss = negotiate.announced_mss(self) - (negotiate.TIMESTAMP_OPTION_LENGTH if self.ts_ok else 0)
        return window.first(self.config, self.options, mss)

    def answer(self, now: int, fast_open: FastOpenOption | None = None) -> None:
        """Send the SYN,ACK, and see to it that it is sent again."""
        self.answered_at = now
        self.began_at = self.began_at or now
        self._schedule(now)
        self.send_syn_ack(negotiate.timestamp(self, now), now, fast_open)

    def send_syn_ack(self, ts_val: int, now: int, fast_open: FastOpenOption | None = None) -> None:
        """One SYN,ACK; repeated ones give no cookie."""
        if not self.ts_first:
            self.ts_first = ts_val
        self.ts_last = ts_val
        counted = self.accurate is not None and not self.repeated
        options = negotiate.syn_ack_options(self, ts_val, fast_open, timeouts=self.timeouts, counted=counted)
        flags = SYN | ACK | ecn.half_open_flags(self.accurate, self.repeated, classic=self.ecn_ok)
        self._nursery.send_bare(
            self.local, self.remote, self.iss, self.irs + 1, flags, self.window, options, now,
            tos=self.options.tos,
        )  # fmt: skip

    def on_segment(self, seg: TcpSegment, packet: IpPacket, now: int) -> Fate:
        """SYN-RECEIVED, in the order in which Linux asks the questions of RFC 9293 §3.10.7.4."""
        seq, flags = unwrap(seg.seq, self.irs + 1), seg.flags
        if flags & (SYN | RST) == SYN and self.config.half_open_syn == "answer":
            return self._answer_any_syn(seg, packet, now)
        if seq == self.irs and flags & (SYN | RST | ACK) == SYN:
            if not self._is_limited(now):
                if self.accurate is not None:
                    accecn.syn_arrives_again(self.accurate, seg, packet.tos & codepoints.FIELD)
                self.repeated += 1  # our SYN,ACK was lost, it seems
                self.answer(now)
            return Accepted.LOCAL
        if self.config.trims_segments and (fault := self._ignores(seg)) is not None:
            return fault
        early = ACK | RST if self.config.half_open_syn == "challenge" else ACK | RST | SYN
        if flags & early == ACK and seg.ack != (self.iss + 1) & MASK:
            self._refuse(seg, packet, now)
            return DropReason.TCP_BAD_ACK
        if (fault := self._doubt(seg, seq)) is not None:
            silent = fault is DropReason.TCP_PAWS and self.config.trims_segments and not len(seg.payload)
            return fault if flags & RST or silent else self._challenge(fault, packet, now)
        if flags & (RST | SYN):
            return self._on_control(seg, packet, seq, now)
        if not flags & ACK:
            return DropReason.TCP_BAD_SEGMENT
        return self._complete(seg, packet, now)

    def _ignores(self, seg: TcpSegment) -> DropReason | None:
        """What FreeBSD's cache of SYNs drops in silence, whatever its numbers: without ACK, without the agreed timestamp."""
        if not seg.flags & (ACK | RST):
            return DropReason.TCP_BAD_SEGMENT
        missing = self.ts_ok and seg.ts_val is None and not seg.flags & RST
        return DropReason.TCP_PAWS if missing and not self.config.tolerate_missing_timestamp else None

    def _on_control(self, seg: TcpSegment, packet: IpPacket, seq: int, now: int) -> Fate:
        """Second and fourth: a RST or a SYN in the window."""
        if seg.flags & RST:
            if seq != self.irs + 1:
                return self._challenge(DropReason.TCP_BAD_RESET, packet, now)  # RFC 5961 §3.2
            self.give_up()
            return Accepted.LOCAL
        if self.config.half_open_syn == "challenge":
            # DEVIATION RFC 9293 §3.10.7.4, fourth: a challenge, not back to LISTEN: a forged SYN shall end nothing.
            return self._challenge(DropReason.TCP_BAD_SYN, packet, now)
        self.give_up()
        if self.config.half_open_syn == "reset":
            self._refuse(seg, packet, now)
        return DropReason.TCP_BAD_SYN

    def _refuse(self, seg: TcpSegment, packet: IpPacket, now: int) -> None:
        """A RST as for a segment that belongs to no connection (RFC 9293 §3.10.7.1)."""
        seq, ack, flags = reset_for(seg)
        self._nursery.send_bare(
            self.local, self.remote, seq, ack, flags, 0, b"", now, tos=packet.tos & ~codepoints.FIELD
        )

    def _answer_any_syn(self, seg: TcpSegment, packet: IpPacket, now: int) -> Fate:
        """As FreeBSD's cache of SYNs: any SYN is taken for a repetition, a SYN,ACK is no answer to ours.

        The wait for an ACK begins anew, with the timestamp of the repetition.
        """
        if seg.flags & ACK:
            self.give_up()
            self._refuse(seg, packet, now)
            return DropReason.TCP_BAD_SYN
        self.ts_ok = self.ts_ok and seg.ts_val is not None
        self.ts_recent, self.ts_recent_at = seg.ts_val or 0, now
        if self.ecn_ok:
            self.ecn_ok, self.accurate = ecn.answer(self.config, seg, packet.tos & codepoints.FIELD)
        self.repeated += 1
        if self.timeouts:
            self.timeouts = 0
            self.listener.young_again(self)
        self.answer(now)
        return Accepted.LOCAL

    def _complete(self, seg: TcpSegment, packet: IpPacket, now: int) -> Fate:
        """The third segment of the handshake is here; is there a place for the connection?"""
        listener = self.listener
        if self.timeouts < listener.defer_retries and not seg.segment_length:
            self._acked = True  # TCP_DEFER_ACCEPT: wake nobody before there is something to read
            return Accepted.LOCAL
        if not listener.is_full:
            return self._nursery.grow_up(self, seg, packet, now)
        if self.config.abort_on_overflow:
            self._refuse(seg, packet, now)
            self.give_up()
        self._acked = True
        return DropReason.TCP_LISTEN_OVERFLOW  # the SYN,ACK will be repeated, and so will this ACK

    def _doubt(self, seg: TcpSegment, seq: int) -> DropReason | None:
        """What stands against a segment: an old timestamp, an echo of what was never sent, a number out of window."""
        if (
            self.ts_ok
            and seg.ts_val is None
            and not seg.flags & RST
            and not self.config.tolerate_missing_timestamp
        ):
            return DropReason.TCP_PAWS  # RFC 7323 §3.2
        if self.ts_ok and seg.ts_val is not None and not seg.flags & RST:
            if 0 < (self.ts_recent - seg.ts_val) & MASK < 0x8000_0000:
                return DropReason.TCP_PAWS  # RFC 7323 §5.3: nor would the connection take it
            doubted = seg.ts_ecr and self.config.wary_of_syn_acks
            if doubted and (seg.ts_ecr - self.ts_first) & MASK > (self.ts_last - self.ts_first) & MASK:
                return DropReason.TCP_BAD_ECHO
        end = seq + seg.segment_length
        left, right = self.irs + 1, self.irs + 1 + self.window
        at_edge = seq == right and seq == end and not (seg.flags & RST and self.config.trims_segments)
        if not (seq == left or (end > left and seq < right) or at_edge):
            return DropReason.TCP_OUT_OF_WINDOW
        if self.ts_ok and seg.ts_val is not None and seq <= left:
            self.ts_recent = seg.ts_val
        return None

    def on_icmp_error(self, error: IcmpError, seq: int, now: int) -> bool:  # noqa: ARG002 - as every flow
        """The peer that quotes our SYN,ACK cannot be reached: nobody waits for this connection yet."""
        if seq != self.iss & MASK:
            return False
        # As Linux: not what a router in need of rules says, nor a host that misses a fragment.
        hopeless = disruption.is_one(error) or error.kind == "parameter"
        hopeless = hopeless or (error.kind == "time-exceeded" and not error.code)
        if hopeless and self.config.soft_errors_end_connect:
            self.give_up()
        return True

    def on_deadline(self, now: int) -> None:
        """The ACK did not come, or did not count: repeat the SYN,ACK, a few times."""
        patience, deferred = self.listener.patience(), self.listener.defer_retries
        spent = self.timeouts >= patience
        resend = True
        if deferred:
            # While data is waited for after an ACK, nothing is resent before the last round.
            spent = spent and (not self._acked or self.timeouts >= deferred)
            resend = not self._acked or self.timeouts >= deferred - 1
        if spent:
            self.give_up()
            return
        if not self.timeouts:
            self.listener.timed_out(self)
        self.timeouts += 1
        self._schedule(now)
        if resend:
            self.repeated += 1
            self.answered_at = now
            self.send_syn_ack(negotiate.timestamp(self, now), now)

    def give_up(self) -> None:
        """Back to LISTEN, as if nothing had been."""
        self.listener.remove(self)
        self._nursery.forget(self)

    def _schedule(self, now: int) -> None:
        config = self.config
        slop = config.rto_slop_ns if self.timeouts else 0
        longest = self.options.rto_max_ns or config.max_rto_ns
        self._nursery.schedule(
            self,
            now + min(config.initial_rto_ns << self.timeouts, longest) + slop,
        )

    def _is_limited(self, now: int) -> bool:
        """Answers to what changes nothing: not more often than this (Linux's tcp_invalid_ratelimit)."""
        if self._limited_at and now - self._limited_at < self.config.invalid_ratelimit_ns:
            return True
        self._limited_at = now
        return False

    def _challenge(self, reason: DropReason, packet: IpPacket, now: int) -> DropReason:
        """Tell what we have and expect, not too often; in the class of what provoked it."""
        if self._is_limited(now):
            return reason
        options = pack_options(ts=(negotiate.timestamp(self, now), self.ts_recent)) if self.ts_ok else b""
        offered = self.window >> self.rcv_wind_shift
        self._nursery.send_bare(
            self.local, self.remote, self.iss + 1, self.irs + 1, ACK, offered, options, now,
            tos=packet.tos & ~codepoints.FIELD,
        )  # fmt: skip
        return reason


def _headers(seg: TcpSegment, packet: IpPacket) -> bytes:
    """The IP and TCP headers of a SYN, as they came."""
    return bytes(packet.header) + bytes(packet.head[: seg.header_length])
