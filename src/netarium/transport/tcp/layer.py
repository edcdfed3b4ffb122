"""TCP of one machine: which flow a segment belongs to, and what is said to segments that belong to none.

RFC 9293 §3.10.7.1 (CLOSED), §3.10.7.2 (LISTEN).

Duties: MUST-42 of RFC 9293.
"""

from random import Random

from netarium.base.addr import ANY4, ANY6, is_multicast
from netarium.base.config import TcpConfig
from netarium.base.counters import Counters
from netarium.base.errors import Accepted, DropReason, Fate, StackError, WireError
from netarium.base.seq import MASK
from netarium.base.trace import Segment, StateChanged, Trace
from netarium.base.units import SECOND
from netarium.ip.layer import IpLayer
from netarium.ip.packet import IcmpError, IpPacket
from netarium.ip.path import Path
from netarium.transport.endpoint import Notifier
from netarium.transport.tcp import codepoints, emit, negotiate, syncookies
from netarium.transport.tcp.connection import Connection
from netarium.transport.tcp.fastopen import KEY_LENGTH, FastOpen
from netarium.transport.tcp.flow import reset_for
from netarium.transport.tcp.flowtable import FlowTable
from netarium.transport.tcp.halfopen import HalfOpen
from netarium.transport.tcp.isn import IsnGenerator
from netarium.transport.tcp.listener import Listener
from netarium.transport.tcp.outlet import PROTOCOL_TCP
from netarium.wire.tcp import ACK, CHECKSUM_OFFSET, FIN, RST, SYN, TcpSegment, flag_names, pack_header, verify
from netarium.wire.tcp_options import FastOpenOption


class TcpLayer(FlowTable):
    """TCP above one IP layer."""

    def __init__(
        self,
        ip: IpLayer,
        config: TcpConfig,
        random: Random,
        counters: Counters,
        trace: Trace | None,
        notifier: Notifier,
        name: str,
    ) -> None:
        super().__init__(config, random, counters, trace, name)
        self.ip = ip
        self.notifier = notifier
        self.isn = IsnGenerator(random.randbytes(32))
        self.fast_open = FastOpen(random.randbytes(KEY_LENGTH), counters)
        self._listeners: dict[bytes, list[Connection]] = {}  # by local address and port
        self._resets_left = config.max_resets_per_second
        self._resets_since = 0
        ip.transports[PROTOCOL_TCP] = self

    def open(self, version: int, now: int) -> Connection:  # noqa: ARG002 - as every transport
        """A new endpoint in CLOSED: the row of a fresh socket."""
        return Connection(self, version)

    # --- from below ----------------------------------------------------------------------------------------

    def receive(self, packet: IpPacket, now: int) -> Fate:
        """A segment for this machine."""
        counters = self.counters
        counters["tcp_in_segs"] += 1
        if packet.to_group:
            return DropReason.TCP_GROUP_DESTINATION  # MUST-57
        head = packet.head
        try:
            seg = TcpSegment.parse(head, packet.body)
        except WireError:
            return DropReason.TCP_MALFORMED
        src = packet.src
        if not packet.checked and not verify(src, packet.dst, head, packet.body):
            return DropReason.TCP_CHECKSUM  # MUST-3
        flow = self.flows.get(src + packet.dst + bytes(head[:4]))
        if flow is not None:
            return flow.on_segment(seg, packet, now)
        if is_multicast(src) or not any(src):
            return DropReason.TCP_BAD_SOURCE  # MUST-63; so no flow has such a peer
        return self._no_flow(seg, packet, now)

    def on_icmp_error(self, error: IcmpError, now: int) -> bool:
        """Find the flow that the quoted header names (MUST-54)."""
        quote = bytes(error.quote[:8])
        flow = self.flows.get(error.dst + error.src + quote[2:4] + quote[:2])
        matched = flow is not None and flow.on_icmp_error(error, int.from_bytes(quote[4:8], "big"), now)
        if not matched:
            self.counters["tcp_icmp_ignored"] += 1
        return matched

    def _no_flow(self, seg: TcpSegment, packet: IpPacket, now: int) -> Fate:
        """CLOSED or LISTEN."""
        if seg.flags & (SYN | ACK | RST) == SYN and (not seg.flags & FIN or self.config.syn_fin_opens):
            return self.on_new_syn(seg, packet, now, 0)
        if seg.flags & RST:
            return DropReason.TCP_RESET_NO_CONNECTION  # a RST is never answered
        listening = self._listener_for(
            packet.dst, seg.dst_port, packet.src + packet.dst + bytes(packet.head[:4])
        )
        if listening is not None and not seg.flags & ACK:
            return DropReason.TCP_BAD_SEGMENT  # §3.10.7.2, fourth: it has nothing to do with any connection
        if listening is not None and not seg.flags & SYN:
            listener = listening.listener
            if listener is not None and listener.has_given_cookies(now):
                return self._cookie_returns(listener, seg, packet, now)
        self._refuse(seg, packet, now)
        return DropReason.TCP_NO_CONNECTION

    def on_new_syn(self, seg: TcpSegment, packet: IpPacket, now: int, least_iss: int) -> Fate:
        """A SYN without a flow: to its listener, or refused.

        Args:
            seg: with SYN and neither ACK nor RST.
            packet: it came in.
            now: monotonic ns.
            least_iss: our sequence number must not be below it (RFC 6191), or 0.
        """
        key = packet.src + packet.dst + bytes(packet.head[:4])
        listening = self._listener_for(packet.dst, seg.dst_port, key)
        if listening is None or listening.listener is None:
            self._refuse(seg, packet, now)
            return DropReason.TCP_NO_CONNECTION
        iss = self.isn.isn(key, now)
        if least_iss and (iss - least_iss) & MASK >= 0x8000_0000:
            iss = least_iss & MASK
        path = self._way_back(packet.src, packet.dst, now)
        if isinstance(path, DropReason):
            return path
        half = listening.listener.on_syn(
            seg, packet, key, iss, self.isn, negotiate.offered_mss(path, self.config), now
        )
        if not isinstance(half, HalfOpen):
            if half is Accepted.LOCAL:
                self.counters["tcp_cookies_sent"] += 1
            return half
        if self.trace is not None:
            self._trace_syn(listening, half, seg, now)
        verdict = self.fast_open.judge(
            seg, key[:-4], listening.listener.fast_open, self.config, listening.options, now
        )
        if verdict.accepted:
            self._open_fast(half, path, seg, verdict.reply, now)
        else:
            self.flows[key] = half
            half.answer(now, verdict.reply)
        return Accepted.LOCAL

    def _open_fast(
        self, half: HalfOpen, path: Path, seg: TcpSegment, reply: FastOpenOption | None, now: int
    ) -> None:
        """A SYN that proves where it comes from: its connection is there at once (RFC 7413 §4.2.2)."""
        self.counters["tcp_fast_open_passive"] += 1
        half.listener.remove(half)
        connection = Connection(self, half.version, half.options.copy(), half.id)
        connection.open_fast_from(half, path, seg, reply, now)
        half.listener.ready.append(connection)
        self.notifier.notify(half.listener.endpoint)

    def _trace_syn(self, listening: Connection, half: HalfOpen, seg: TcpSegment, now: int) -> None:
        assert self.trace is not None
        emit.trace(listening.tcb, seg, "received", len(seg.payload), "", half.local, half.remote, now)
        self.trace.emit(
            StateChanged(
                at=now, where=self.name, socket=half.id, old="LISTEN", new="SYN_RECV", why="SYN received"
            )
        )

    def _cookie_returns(self, listener: Listener, seg: TcpSegment, packet: IpPacket, now: int) -> Fate:
        """An ACK out of nowhere to a listener that has given SYN cookies: perhaps one of them (RFC 4987 §3.6)."""
        key = packet.src + packet.dst + bytes(packet.head[:4])
        path = self._way_back(packet.src, packet.dst, now)
        if isinstance(path, DropReason):
            return path
        half = HalfOpen(self, listener, seg, packet, key, 0, negotiate.offered_mss(path, self.config))
        half.ts_offset = self.isn.timestamp_offset(key)
        if not syncookies.restore(half, seg, self.isn, now):
            self._refuse(seg, packet, now)
            return DropReason.TCP_BAD_COOKIE
        if listener.is_full:
            return DropReason.TCP_LISTEN_OVERFLOW
        self.counters["tcp_cookies_received"] += 1
        return self.grow_up(half, seg, packet, now)

    def _way_back(self, src: bytes, dst: bytes, now: int) -> Path | DropReason:
        """The path to who sent a segment from `src` to our `dst`."""
        try:
            path = self.ip.find_path(src, now, src=dst)
        except StackError:
            return DropReason.IP_NO_ROUTE
        # MUST-63: it may be the broadcast address of another of our links.
        return DropReason.TCP_BAD_SOURCE if path.to_group else path

    def _listener_for(self, address: bytes, port: int, key: bytes) -> Connection | None:
        """Who is asked about the flow `key`: several listeners share by the 4-tuple."""
        candidates = self._listeners_on(address, port)
        if not candidates:
            return None
        if len(candidates) == 1:
            return candidates[0]
        return candidates[self.isn.timestamp_offset(key) % len(candidates)]

    def _listeners_on(self, address: bytes, port: int) -> list[Connection] | None:
        """Those on the address itself come before those on the wildcard."""
        suffix = port.to_bytes(2, "big")
        any_address = ANY4 if len(address) == 4 else ANY6
        return self._listeners.get(address + suffix) or self._listeners.get(any_address + suffix)

    def _refuse(self, seg: TcpSegment, packet: IpPacket, now: int) -> None:
        """RST, as §3.10.7.1 builds it; or nothing, for those who would rather not be seen."""
        if self.config.blackhole and not self.has_listener(packet.dst, seg.dst_port):
            syn = seg.flags & (SYN | ACK) == SYN
            if syn or self.config.blackhole > 1:
                self.counters["tcp_out_resets_limited"] += 1
                return
        if now - self._resets_since >= SECOND:
            self._resets_since = now
            self._resets_left = self.config.max_resets_per_second
        if not self._resets_left:
            self.counters["tcp_out_resets_limited"] += 1
            return
        self._resets_left -= 1
        local, remote = (packet.dst, seg.dst_port), (packet.src, seg.src_port)
        seq, ack, flags = reset_for(seg)
        self.send_bare(local, remote, seq, ack, flags, 0, b"", now, tos=packet.tos & ~codepoints.FIELD)

    # --- services to flows ---------------------------------------------------------------------------------

    def has_listener(self, address: bytes, port: int) -> bool:
        """Somebody would be asked about a SYN to this address and port."""
        return bool(self._listeners_on(address, port))

    def start_listening(self, connection: Connection) -> None:
        """SYNs for its local address go to this connection."""
        address, port = connection.local
        self._listeners.setdefault(address + port.to_bytes(2, "big"), []).append(connection)

    def stop_listening(self, connection: Connection) -> None:
        """No longer."""
        key = connection.local[0] + connection.local[1].to_bytes(2, "big")
        listeners = self._listeners[key]
        listeners.remove(connection)
        if not listeners:
            del self._listeners[key]

    def grow_up(self, half: HalfOpen, seg: TcpSegment, packet: IpPacket, now: int) -> Fate:
        """The third segment of a handshake: make the connection and let it process the segment."""
        path = self._way_back(half.remote[0], half.local[0], now)
        if isinstance(path, DropReason):
            return path
        half.listener.remove(half)
        self.forget(half)
        connection = Connection(self, half.version, half.options.share(), half.id)
        connection.established_from(half, path, now)
        fate = connection.on_segment(seg, packet, now)
        half.listener.ready.append(connection)
        self.notifier.notify(half.listener.endpoint)
        return fate

    def send_bare(
        self,
        local: tuple[bytes, int],
        remote: tuple[bytes, int],
        seq: int,
        ack: int,
        flags: int,
        window: int,
        options: bytes,
        now: int,
        *,
        tos: int = 0,
    ) -> None:
        """Send a segment without payload for something that has no connection (any more, or yet)."""
        try:
            path = self.ip.find_path(remote[0], now, src=local[0])
        except StackError:
            return  # no way back: nothing to be said
        self.counters["tcp_out_segs"] += 1
        if flags & RST:
            self.counters["tcp_out_rsts"] += 1
        pseudo = (path.address_sum + PROTOCOL_TCP + 20 + len(options)) % 0xFFFF or 0xFFFF
        head = pack_header(local[1], remote[1], seq & MASK, ack & MASK, flags, window, 0, options, pseudo)
        if self.trace is not None:
            self._trace_bare(head, local, remote, now)
        try:
            self.ip.send(
                path, PROTOCOL_TCP, head, b"", now, tos=tos, dont_fragment=True, csum_offset=CHECKSUM_OFFSET
            )
        except StackError:
            self.counters["tcp_out_dropped"] += 1  # the next hop does not answer, or its queue is full

    def _trace_bare(self, head: bytes, local: tuple[bytes, int], remote: tuple[bytes, int], now: int) -> None:
        assert self.trace is not None
        segment = TcpSegment.parse(head)
        self.trace.cause = self.trace.emit(
            Segment(
                at=now, where=self.name, socket=0, direction="sent", local=emit.address_text(local),
                remote=emit.address_text(remote), flags=flag_names(segment.flags), seq=segment.seq,
                ack=segment.ack, window=segment.window, length=0, options=emit.describe_options(segment),
            )
        )  # fmt: skip

    # --- views ---------------------------------------------------------------------------------------------

    def connections(self) -> list[Connection]:
        """The listeners, and connections with a 4-tuple."""
        listeners = [one for several in self._listeners.values() for one in several]
        return listeners + [flow for flow in self.flows.values() if isinstance(flow, Connection)]
