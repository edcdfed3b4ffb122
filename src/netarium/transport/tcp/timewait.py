"""TIME-WAIT: what is left of a connection for two maximum segment lifetimes (RFC 9293 §3.6.1, RFC 1337, RFC 6191).

Its last ACK can be repeated, and its old duplicates cannot meet a new connection.

A small record, without buffers and without a process.

Duties: 1337-01.
"""

from typing import Protocol

from netarium.base.errors import DropReason, Fate
from netarium.base.seq import MASK, unwrap
from netarium.base.units import MS
from netarium.ip.packet import IcmpError, IpPacket
from netarium.transport.options import SocketOptions
from netarium.transport.tcp.flow import Flows
from netarium.transport.tcp.state import TIME_WAIT
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp import ACK, FIN, RST, SYN, TcpSegment
from netarium.wire.tcp_options import pack_options


class FourTuple(Protocol):
    """The connection that it was."""

    key: bytes
    local: tuple[bytes, int]
    remote: tuple[bytes, int]


class TimeWait:
    """The record; it goes on holding the connection's port, and a row of the socket table without a process."""

    __slots__ = (
        "_ack_at",
        "_flows",
        "expires_at",
        "id",
        "key",
        "local",
        "options",
        "rcv_nxt",
        "remote",
        "snd_nxt",
        "ts_offset",
        "ts_ok",
        "ts_recent",
        "version",
        "window",
    )  # fmt: skip

    def __init__(
        self,
        flows: Flows,
        flow: FourTuple,
        tcb: Tcb,
        options: SocketOptions,
        now: int,
    ) -> None:
        self._flows = flows
        self.key = flow.key
        self.local = flow.local
        self.remote = flow.remote
        self.version = tcb.version
        self.id = tcb.socket_id
        self.options = options
        self.snd_nxt = tcb.snd_nxt
        self.rcv_nxt = tcb.rcv_nxt
        self.window = min(tcb.rcv_wnd >> tcb.rcv_wind_shift, 0xFFFF)
        self.ts_ok = tcb.ts_ok
        self.ts_offset = tcb.ts_offset
        self.ts_recent = tcb.ts_recent
        self._ack_at = 0
        self.expires_at = now + 2 * tcb.config.msl_ns  # MUST-13

    @property
    def state_name(self) -> str:
        """As `netstat` prints it."""
        return TIME_WAIT.value

    def on_segment(self, seg: TcpSegment, packet: IpPacket, now: int) -> Fate:
        """RFC 9293 §3.10.7.4 for TIME-WAIT."""
        seq = unwrap(seg.seq, self.rcv_nxt)
        stale = (
            self.ts_ok and seg.ts_val is not None and 0 < (self.ts_recent - seg.ts_val) & MASK < 0x8000_0000
        )
        if seg.flags & RST:
            if seq == self.rcv_nxt and not stale and not self._flows.config.rfc1337:
                self._flows.forget_time_wait(self, now)
            return DropReason.TCP_TIME_WAIT  # RFC 1337: no assassination
        if (
            seg.flags & (SYN | ACK) == SYN
            and self._is_newer(seg, seq)
            and self._flows.has_listener(self.local[0], self.local[1])  # or anybody's SYN could end the wait
        ):
            # RFC 6191: provably a new incarnation; our numbers must lie beyond the old ones.
            self._flows.forget_time_wait(self, now)
            if seg.flags & FIN and not self._flows.config.syn_fin_opens:
                return DropReason.TCP_BAD_SEGMENT
            return self._flows.on_new_syn(seg, packet, now, self.snd_nxt + 0x1_0002)
        exact = self._flows.config.time_wait_exact_ack
        if exact and not seg.flags & ACK:
            return DropReason.TCP_TIME_WAIT
        if seg.flags & FIN and seq + len(seg.payload) == self.rcv_nxt - 1:  # our ACK of it was lost
            self.expires_at = now + 2 * self._flows.config.msl_ns
            self._flows.schedule(self, self.expires_at)
        if (
            len(seg.payload)
            or seg.flags & (SYN | FIN)
            or seq != self.rcv_nxt
            or stale  # RFC 7323 §5.3: from the past, whatever it says
            or (exact and (seg.flags != ACK or seg.ack != self.snd_nxt & MASK))
        ):
            self._acknowledge(now)
        return DropReason.TCP_TIME_WAIT

    def _is_newer(self, seg: TcpSegment, seq: int) -> bool:
        """A SYN of a later incarnation: by its timestamp, by its number if the timestamps say nothing (RFC 6191 §2)."""
        if self.ts_ok and seg.ts_val is not None and seg.ts_val != self.ts_recent:
            return (seg.ts_val - self.ts_recent) & MASK < 0x8000_0000
        return seq > self.rcv_nxt

    def on_icmp_error(self, error: IcmpError, seq: int, now: int) -> bool:  # noqa: ARG002 - as every flow
        """Nothing is in flight that an error could be about."""
        return False

    def on_deadline(self, now: int) -> None:
        """Two maximum segment lifetimes are over."""
        self._flows.forget_time_wait(self, now)

    def _acknowledge(self, now: int) -> None:
        if self._ack_at and now - self._ack_at < self._flows.config.invalid_ratelimit_ns:
            return
        self._ack_at = now
        stamp = ((now // MS + self.ts_offset) & MASK, self.ts_recent)
        options = pack_options(ts=stamp) if self.ts_ok else b""
        self._flows.send_bare(
            self.local, self.remote, self.snd_nxt, self.rcv_nxt, ACK, self.window, options, now
        )
