"""TIME-WAIT: what is left of a connection for two maximum segment lifetimes (RFC 9293 §3.6.1, RFC 1337, RFC 6191).

Its last ACK can be repeated, and its old duplicates cannot meet a new connection.

A small record, without buffers and without a process.

Duties: 1337-01.
"""

from struct import Struct
from typing import Final, Protocol

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

_KEY4: Final = 12  # octets: two addresses and two ports
_BEYOND: Final = 0x1_0002  # a new connection's numbers lie beyond any window of the old one
ON_LOOPBACK: Final = 2  # `TcpConfig.time_wait_reuse`
_NUMBERS: Final = Struct(
    "!IIIIH?"
)  # SND.NXT, RCV.NXT, timestamp offset, TS.Recent, window, timestamps agreed on


class FourTuple(Protocol):
    """The connection that it was."""

    key: bytes


class TimeWait:
    """The record; it goes on holding the connection's port, and a row of the socket table without a process.

    There may be very many: its numbers are packed, its addresses are read from the key.
    """

    __slots__ = ("_ack_at", "_flows", "_numbers", "expires_at", "id", "key", "options")

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
        self.id = tcb.socket_id
        self.options = options
        self._numbers = _NUMBERS.pack(
            tcb.snd_nxt & MASK, tcb.rcv_nxt & MASK, tcb.ts_offset & MASK, tcb.ts_recent & MASK,
            min(tcb.rcv_wnd >> tcb.rcv_wind_shift, 0xFFFF), tcb.ts_ok,
        )  # fmt: skip
        self._ack_at = 0
        self.expires_at = now + 2 * tcb.config.msl_ns  # MUST-13

    @property
    def version(self) -> int:
        """4 or 6."""
        return 4 if len(self.key) == _KEY4 else 6

    @property
    def local(self) -> tuple[bytes, int]:
        """Our address and port."""
        size = len(self.key) // 2 - 2
        return self.key[size : 2 * size], int.from_bytes(self.key[-2:], "big")

    @property
    def remote(self) -> tuple[bytes, int]:
        """The peer's."""
        size = len(self.key) // 2 - 2
        return self.key[:size], int.from_bytes(self.key[-4:-2], "big")

    @property
    def numbers(self) -> tuple[int, int, int, int, int, bool]:
        """SND.NXT, RCV.NXT, the offset of our timestamps, TS.Recent, our window as on the wire, timestamps agreed on."""
        snd_nxt, rcv_nxt, ts_offset, ts_recent, window, ts_ok = _NUMBERS.unpack(self._numbers)
        return snd_nxt, rcv_nxt, ts_offset, ts_recent, window, ts_ok

    @property
    def successor(self) -> tuple[int, int] | None:
        """For a connection of ours in its place: its first number, beyond ours, and TS.Recent; None: no timestamps."""
        snd_nxt, _, _, ts_recent, _, ts_ok = self.numbers
        return ((snd_nxt + _BEYOND) & MASK, ts_recent) if ts_ok else None

    @property
    def state_name(self) -> str:
        """As `netstat` prints it."""
        return TIME_WAIT.value

    def on_segment(self, seg: TcpSegment, packet: IpPacket, now: int) -> Fate:
        """RFC 9293 §3.10.7.4 for TIME-WAIT."""
        snd_nxt, rcv_nxt, _, ts_recent, _, ts_ok = self.numbers
        seq = unwrap(seg.seq, rcv_nxt)
        stale = ts_ok and seg.ts_val is not None and 0 < (ts_recent - seg.ts_val) & MASK < 0x8000_0000
        if seg.flags & RST:
            if seq == rcv_nxt and not stale and not self._flows.config.rfc1337:
                self._flows.forget_time_wait(self, now)
            return DropReason.TCP_TIME_WAIT  # RFC 1337: no assassination
        if (
            seg.flags & (SYN | ACK) == SYN
            and self._is_newer(seg, seq)
            # Without a listener anybody's SYN could end the wait; FreeBSD lets it, and refuses the SYN.
            and (
                self._flows.config.time_wait_exact_ack
                or self._flows.has_listener(self.local[0], self.local[1])
            )
        ):
            # RFC 6191: provably a new incarnation; our numbers must lie beyond the old ones.
            self._flows.forget_time_wait(self, now)
            if seg.flags & FIN and not self._flows.config.syn_fin_opens:
                return DropReason.TCP_BAD_SEGMENT
            return self._flows.on_new_syn(seg, packet, now, snd_nxt + _BEYOND)
        exact = self._flows.config.time_wait_exact_ack
        if exact and not seg.flags & ACK:
            return DropReason.TCP_TIME_WAIT
        if seg.flags & FIN and seq + len(seg.payload) == rcv_nxt - 1:  # our ACK of it was lost
            self._flows.wait_again(self, now + 2 * self._flows.config.msl_ns)
        if (
            len(seg.payload)
            or seg.flags & (SYN | FIN)
            or seq != rcv_nxt
            or stale  # RFC 7323 §5.3: from the past, whatever it says
            or (exact and (seg.flags != ACK or seg.ack != snd_nxt))
        ):
            self._acknowledge(now, limited=bool(seg.flags & SYN) or not seg.segment_length)
        return DropReason.TCP_TIME_WAIT

    def _is_newer(self, seg: TcpSegment, seq: int) -> bool:
        """A SYN of a later incarnation: by its timestamp, by its number if the timestamps say nothing (RFC 6191 §2)."""
        _, rcv_nxt, _, ts_recent, _, ts_ok = self.numbers
        if ts_ok and seg.ts_val is not None and seg.ts_val != ts_recent:
            return (seg.ts_val - ts_recent) & MASK < 0x8000_0000
        return seq > rcv_nxt

    def on_icmp_error(self, error: IcmpError, seq: int, now: int) -> bool:  # noqa: ARG002 - as every flow
        """Nothing is in flight that an error could be about."""
        return False

    def on_deadline(self, now: int) -> None:
        """Two maximum segment lifetimes are over."""
        self._flows.forget_time_wait(self, now)

    def _acknowledge(self, now: int, *, limited: bool) -> None:
        """Say what we have; to what has no text and no FIN a few times a second, or two confused ends never stop."""
        if limited:
            if self._ack_at and now - self._ack_at < self._flows.config.invalid_ratelimit_ns:
                return
            self._ack_at = now
        snd_nxt, rcv_nxt, ts_offset, ts_recent, window, ts_ok = self.numbers
        options = pack_options(ts=((now // MS + ts_offset) & MASK, ts_recent)) if ts_ok else b""
        self._flows.send_bare(
            self.local, self.remote, snd_nxt, rcv_nxt, ACK, window, options, now, tos=self.options.tos
        )


class Waiting:
    """All records of a machine, by the end of their wait: one timer for all, at the first of them."""

    __slots__ = ("records",)

    def __init__(self) -> None:
        self.records: dict[TimeWait, None] = {}

    def __len__(self) -> int:
        return len(self.records)

    @property
    def first(self) -> TimeWait | None:
        """The one whose wait ends next."""
        return next(iter(self.records), None)

    def add(self, record: TimeWait) -> None:
        """A wait begins, or begins again; it ends after all others, for all are equally long."""
        self.records.pop(record, None)
        self.records[record] = None

    def on_deadline(self, now: int) -> None:
        """Some are over."""
        while (record := self.first) is not None and record.expires_at <= now:
            record.on_deadline(now)
