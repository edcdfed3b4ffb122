"""UDP (RFC 768) with what RFC 1122 §4.1 asks of a host.

Not here: the conversion of errnos and flags to Python's calls (F6), ICMP itself (F3).
"""

import errno
from random import Random
from struct import Struct
from typing import Final

from netarium.base.addr import BROADCAST4, format_ip, is_multicast, is_unspecified
from netarium.base.checksum import Buffer, pseudo_sum
from netarium.base.config import MachineConfig
from netarium.base.counters import Counters
from netarium.base.errors import Accepted, CloseReason, DropReason, Fate, StackError
from netarium.base.trace import Datagram as DatagramEvent
from netarium.base.trace import Trace
from netarium.ip.iface import Interface
from netarium.ip.layer import IpLayer
from netarium.ip.packet import ErrorKind, IcmpError, IpPacket
from netarium.ip.path import Path
from netarium.transport.datagram import Datagram, DatagramEndpoint
from netarium.transport.demux import DatagramTable
from netarium.transport.endpoint import Notifier
from netarium.transport.options import SocketOptions
from netarium.transport.ports import PortTable
from netarium.wire.numbers import PROTOCOL_UDP
from netarium.wire.udp import CHECKSUM_OFFSET, HEADER_LENGTH, UdpHeader, verify

_HEADER: Final = Struct("!HHHH")
_MAX_PAYLOAD: Final = {4: 65_535 - 20 - HEADER_LENGTH, 6: 65_535 - HEADER_LENGTH}


class UdpEndpoint(DatagramEndpoint):
    """One UDP socket's row."""

    kind = "udp"

    __slots__ = ("_layer",)

    def __init__(self, layer: "UdpLayer", version: int, options: SocketOptions) -> None:
        super().__init__(layer.ip, layer.notifier, version, options)
        self._layer = layer

    def bind(self, address: bytes, port: int) -> None:
        """Choose the local address (one of ours, a group, a broadcast, or the wildcard) and port (0: any).

        Raises:
            StackError: EINVAL bound already; EADDRNOTAVAIL not ours; EADDRINUSE.
        """
        if self._port_is_bound:
            raise StackError(CloseReason.INVALID)
        self._layer.check_bindable(self, address)
        self._layer.take_port(self, address, port)
        self._address_is_bound = not is_unspecified(address)
        self._port_is_bound = True

    def connect(self, address: bytes, port: int, now: int) -> None:
        """Choose the peer: only its datagrams are received, and errors about it are reported (RFC 1122 §4.1.3.3).

        Raises:
            StackError: EACCES, ENETUNREACH, ...
        """
        dst = self._destination(address)
        path = self._find_path(dst, now, None, None)
        local = self.local[0] if self._address_is_bound else path.src
        self._layer.move(self, local, (dst, port), connected=True)
        self._path, self._path_dst = path, dst

    def disconnect(self) -> None:
        """Undo connect (connect(2) with AF_UNSPEC); what was not chosen by bind() is free again."""
        local = self.local[0] if self._address_is_bound else self.wildcard
        self._layer.move(self, local, (self.wildcard, 0), connected=False)
        if not self._port_is_bound:
            self._layer.give_port(self)

    def send(
        self,
        data: Buffer,
        to: tuple[bytes, int] | None,
        now: int,
        *,
        ttl: int | None = None,
        tos: int | None = None,
        source: bytes | None = None,
        interface: Interface | None = None,
    ) -> int:
        """Send one datagram.

        Args:
            data: the payload; the stack copies what it must keep.
            to: the destination, or None for the peer of connect().
            now: monotonic ns.
            ttl: for this datagram only.
            tos: likewise.
            source: likewise; one of our addresses.
            interface: likewise.

        Returns:
            The payload's octets.

        Raises:
            StackError: the pending error; EDESTADDRREQ; EPIPE after shutdown; EMSGSIZE; EACCES; ENETUNREACH, ...

        Spec: RFC 768; RFC 1122 §4.1.3.5 (source address), §4.1.4 (TTL, TOS).
        """
        if self.error:
            raise StackError(self.take_error())
        if self.write_shut:
            raise StackError(errno.EPIPE)
        if to is None:
            if not self.connected:
                raise StackError(errno.EDESTADDRREQ)
            to = self.remote
        elif to[1] == 0:
            raise StackError(CloseReason.INVALID)
        dst = self._destination(to[0])
        if len(data) > _MAX_PAYLOAD[self.version]:
            raise StackError(CloseReason.MESSAGE_TOO_LONG)
        path = self._find_path(dst, now, source, interface)
        if not self.local[1]:
            self._layer.take_port(self, self.local[0], 0)
        self._layer.transmit(
            self,
            data,
            path,
            to[1],
            now,
            self._ttl_for(dst) if ttl is None else ttl,
            self.options.tos if tos is None else tos,
        )
        return len(data)

    def close(self, now: int) -> None:
        """Give everything back."""
        if not self.closed:
            self._leave_all_groups(now)
            self._layer.forget(self)
            self._forget()


class UdpLayer:
    """UDP of one machine. Implements `ip.packet.Transport`.

    Args:
        ip: the floor below; the caller puts the layer into its `transports`.
        config: `udp` and the ephemeral port range of `tcp` are read.
        random: for ports.
        counters: "udp_..." names, as in RFC 4113 and `netstat -s`.
        trace: or None.
        notifier: hears of readiness.
    """

    def __init__(
        self,
        ip: IpLayer,
        config: MachineConfig,
        random: Random,
        counters: Counters,
        trace: Trace | None,
        notifier: Notifier,
    ) -> None:
        self.ip = ip
        self.notifier = notifier
        self.ports = PortTable(config.tcp.port_range, random)
        self.endpoints: dict[int, UdpEndpoint] = {}  # all that are open, by id
        self._config = config.udp
        self._counters = counters
        self._trace = trace
        self._table: DatagramTable[UdpEndpoint] = DatagramTable(random.getrandbits(32))

    def open(self, version: int, now: int) -> UdpEndpoint:  # noqa: ARG002 - the signature of all layers
        """A new endpoint, without addresses."""
        options = SocketOptions(rcvbuf=self._config.receive_buffer, sndbuf=self._config.send_buffer)
        endpoint = UdpEndpoint(self, version, options)
        self.endpoints[endpoint.id] = endpoint
        return endpoint

    def receive(self, packet: IpPacket, now: int) -> Fate:
        """Take a packet: check it, find whose it is.

        Raises:
            WireError: no UDP header.

        Spec: RFC 768; RFC 1122 §4.1.3.1 (no listener), §4.1.3.4 (checksum).
        """
        head, body = packet.head, packet.body
        header = UdpHeader.parse(head)
        surplus = len(head) + len(body) - header.length
        if surplus < 0:
            return DropReason.UDP_MALFORMED
        if surplus:  # RFC 768: the length counts; what IP has beyond it is not data
            body = body[: max(0, len(body) - surplus)]
            head = head[: header.length - len(body)]
        if not packet.checked and not verify(packet.src, packet.dst, head, body):
            return DropReason.UDP_CHECKSUM
        ports = bytes(head[:4])
        if packet.to_group:
            rows = self._table.matching(packet.dst, packet.src, ports)
        else:
            row = self._table.find(packet.dst, packet.src, ports)
            rows = [] if row is None else [row]
        interface = self.ip.interface_of(packet.device)
        rows = [row for row in rows if row.listens_to(packet, interface)]
        if not rows:
            if not packet.to_group:
                self.ip.send_icmp_error(packet, ErrorKind.PORT_UNREACHABLE, now)
            return DropReason.UDP_NO_PORT
        payload = bytes(body) if len(body) else bytes(head[HEADER_LENGTH:])
        return self._deliver(rows, payload, header, packet, interface, now)

    def on_icmp_error(self, error: IcmpError, now: int) -> bool:  # noqa: ARG002 - the signature of all transports
        """Tell the endpoint that sent the quoted datagram; RFC 1122 §4.1.3.3."""
        quote = bytes(error.quote[:4])
        if len(quote) < 4:
            return False
        row = self._table.find(error.src, error.dst, quote[2:] + quote[:2])
        if row is None:
            return False
        row.on_icmp_error(error, int.from_bytes(quote[2:], "big"))
        return True

    # --- for its endpoints --------------------------------------------------------------------------------------

    def transmit(
        self,
        endpoint: UdpEndpoint,
        data: Buffer,
        path: Path,
        dst_port: int,
        now: int,
        ttl: int | None,
        tos: int,
    ) -> None:
        """Put the header in front and hand it to IP."""
        length = HEADER_LENGTH + len(data)
        options = endpoint.options
        # RFC 768: zero means "none", and a sum that comes out as zero is sent as 0xFFFF: who finishes it sees to that.
        if options.no_check and endpoint.version == 4:
            partial, csum_offset = 0, None
        else:
            partial, csum_offset = pseudo_sum(path.src, path.dst, PROTOCOL_UDP, length), CHECKSUM_OFFSET
        head = _HEADER.pack(endpoint.local[1], dst_port, length, partial)
        trace = self._trace
        if trace is not None:
            before = trace.cause
            trace.cause = self._tell(trace, "sent", endpoint, path.src, (path.dst, dst_port), len(data), now)
        try:
            self.ip.send(
                path,
                PROTOCOL_UDP,
                head,
                bytes(data),
                now,
                ttl=ttl,
                tos=tos,
                options=options.ip_options,
                dont_fragment=endpoint.dont_fragment(length, path),
                csum_offset=csum_offset,
                loop=options.multicast_loop,
            )
        except StackError as fault:
            if fault.errno != errno.ENOBUFS or options.recverr:
                raise
            self._counters["udp_sndbuf_errors"] += 1  # as on Linux, like a loss on the way; ip(7), IP_RECVERR
            return
        finally:
            if trace is not None:
                trace.cause = before
        self._counters["udp_out_datagrams"] += 1

    def take_port(self, endpoint: UdpEndpoint, address: bytes, port: int) -> None:
        """Hold a port (0: any) for an endpoint that has none, and let it be found."""
        endpoint.local = (address, self.ports.bind(endpoint, address, port))
        self._table.add(endpoint)

    def give_port(self, endpoint: UdpEndpoint) -> None:
        """Undo take_port."""
        if endpoint.local[1]:
            self._table.remove(endpoint)
            self.ports.release(endpoint)
            endpoint.local = (endpoint.wildcard, 0)

    def move(
        self, endpoint: UdpEndpoint, local: bytes, remote: tuple[bytes, int], *, connected: bool
    ) -> None:
        """Change an endpoint's addresses; it keeps its port, or gets one."""
        if endpoint.local[1]:
            self._table.remove(endpoint)
            port = endpoint.local[1]
            self.ports.hold(endpoint, local, port)
        else:
            port = self.ports.bind(endpoint, local, 0)
        endpoint.local, endpoint.remote, endpoint.connected = (local, port), remote, connected
        self._table.add(endpoint)

    def check_bindable(self, endpoint: UdpEndpoint, address: bytes) -> None:
        """Judge the address of a bind().

        Raises:
            StackError: EADDRNOTAVAIL.
        """
        if not (
            is_unspecified(address)
            or self.ip.is_local(address)
            or is_multicast(address)
            or address == BROADCAST4
            or any(address in interface.broadcasts for interface in self.ip.interfaces)
            or endpoint.options.freebind
        ):
            raise StackError(CloseReason.ADDRESS_NOT_AVAILABLE, format_ip(address))

    def forget(self, endpoint: UdpEndpoint) -> None:
        """The endpoint is closed."""
        self.give_port(endpoint)
        self.endpoints.pop(endpoint.id, None)

    # --- inside -------------------------------------------------------------------------------------------------

    def _deliver(
        self,
        rows: list[UdpEndpoint],
        payload: bytes,
        header: UdpHeader,
        packet: IpPacket,
        interface: Interface | None,
        now: int,
    ) -> Fate:
        fate: Fate = DropReason.UDP_BUFFER_FULL
        trace = self._trace
        for row in rows:
            cause = packet.cause
            if trace is not None:
                peer = (packet.src, header.src_port)
                cause = self._tell(trace, "received", row, packet.dst, peer, len(payload), now)
            datagram = Datagram(
                payload,
                packet.src,
                header.src_port,
                packet.dst,
                interface,
                packet.ttl,
                packet.tos,
                now,
                cause,
            )
            if row.enqueue(datagram):
                self._counters["udp_in_datagrams"] += 1
                fate = Accepted.LOCAL
        return fate

    def _tell(
        self,
        trace: Trace,
        direction: str,
        endpoint: UdpEndpoint,
        local: bytes,
        remote: tuple[bytes, int],
        length: int,
        now: int,
    ) -> int:
        return trace.emit(
            DatagramEvent(
                at=now,
                where=self.ip.name,
                socket=endpoint.id,
                direction=direction,
                local=f"{format_ip(local)}:{endpoint.local[1]}",
                remote=f"{format_ip(remote[0])}:{remote[1]}",
                length=length,
            )
        )
