"""Ping sockets: SOCK_DGRAM with IPPROTO_ICMP, as Linux has them (icmp(7), "ping sockets").

The application writes an echo request without caring for its identifier and checksum, and reads the replies to its
own requests, ICMP header included. The identifier is the socket's local port.

Spec: RFC 792 "Echo or Echo Reply Message"; RFC 1122 §3.2.2.6 (replies and errors reach the user of ping).
"""

import errno
from random import Random
from typing import Final

from netarium.base.addr import is_unspecified
from netarium.base.checksum import Buffer, checksum
from netarium.base.config import MachineConfig
from netarium.base.counters import Counters
from netarium.base.errors import Accepted, CloseReason, DropReason, Fate, StackError
from netarium.ip.iface import Interface
from netarium.ip.layer import IpLayer
from netarium.ip.packet import IcmpError, IpPacket
from netarium.transport.datagram import Datagram, DatagramEndpoint
from netarium.transport.endpoint import Notifier
from netarium.transport.options import SocketOptions
from netarium.transport.ports import PortTable
from netarium.wire.icmpv4 import ECHO, ECHO_REPLY, HEADER_LENGTH
from netarium.wire.numbers import PROTOCOL_ICMP

_IDENTIFIERS: Final = (1, 65_535)
_MAX_MESSAGE: Final = 65_535 - 20


class PingEndpoint(DatagramEndpoint):
    """One ping socket's row; the identifier stands where others have a port."""

    kind = "icmp"

    __slots__ = ("_layer",)

    def __init__(self, layer: "PingLayer", version: int, options: SocketOptions) -> None:
        super().__init__(layer.ip, layer.notifier, version, options)
        self._layer = layer

    def bind(self, address: bytes, port: int) -> None:
        """Choose the local address and the identifier (0: any).

        Raises:
            StackError: EINVAL bound already; EADDRNOTAVAIL not ours; EADDRINUSE.
        """
        if self._port_is_bound:
            raise StackError(CloseReason.INVALID)
        if not is_unspecified(address) and not self.ip.is_local(address) and not self.options.freebind:
            raise StackError(CloseReason.ADDRESS_NOT_AVAILABLE)
        self._layer.take_identifier(self, address, port)
        self._address_is_bound = not is_unspecified(address)
        self._port_is_bound = True

    def connect(self, address: bytes, port: int, now: int) -> None:
        """Choose who is asked; only his replies are received."""
        dst = self._destination(address)
        path = self._find_path(dst, now, None, None)
        if not self.local[1]:
            self._layer.take_identifier(self, path.src, 0)
        self.local = (self.local[0] if self._address_is_bound else path.src, self.local[1])
        self.remote, self.connected = (dst, port), True

    def disconnect(self) -> None:
        """Undo connect."""
        self.local = (self.local[0] if self._address_is_bound else self.wildcard, self.local[1])
        self.remote, self.connected = (self.wildcard, 0), False

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
        """Send an echo request.

        Args:
            data: the whole ICMP message; identifier and checksum are filled in.
            to: who is asked, or None for the peer of connect().
            now: monotonic ns.
            ttl: for this message only.
            tos: likewise.
            source: likewise; one of our addresses.
            interface: likewise.

        Raises:
            StackError: EINVAL not an echo request; EDESTADDRREQ, EMSGSIZE, ...
        """
        if self.error:
            raise StackError(self.take_error())
        if to is None:
            if not self.connected:
                raise StackError(errno.EDESTADDRREQ)
            to = self.remote
        if len(data) > _MAX_MESSAGE:
            raise StackError(CloseReason.MESSAGE_TOO_LONG)
        if len(data) < HEADER_LENGTH or data[0] != ECHO or data[1] != 0:
            raise StackError(CloseReason.INVALID)
        dst = self._destination(to[0])
        path = self._find_path(dst, now, source, interface)
        if not self.local[1]:
            self._layer.take_identifier(self, self.local[0], 0)
        message = bytearray(data)
        message[2:6] = b"\0\0" + self.local[1].to_bytes(2, "big")
        message[2:4] = checksum(message).to_bytes(2, "big")
        self.ip.send(
            path,
            PROTOCOL_ICMP,
            bytes(message),
            b"",
            now,
            ttl=self._ttl_for(dst) if ttl is None else ttl,
            tos=self.options.tos if tos is None else tos,
            options=self.options.ip_options,
            dont_fragment=self.dont_fragment(len(message), path),
            loop=self.options.multicast_loop,
        )
        return len(data)

    def close(self, now: int) -> None:
        """Give everything back."""
        if not self.closed:
            self._leave_all_groups(now)
            self._layer.forget(self)
            self._forget()


class PingLayer:
    """The ping sockets of one machine; ICMP (F3) hands echo replies and errors about echo requests to it."""

    def __init__(
        self, ip: IpLayer, config: MachineConfig, random: Random, counters: Counters, notifier: Notifier
    ) -> None:
        self.ip = ip
        self.notifier = notifier
        self.endpoints: dict[int, PingEndpoint] = {}  # all that are open, by id
        self._config = config.udp
        self._counters = counters
        self._identifiers = PortTable(_IDENTIFIERS, random)
        self._by_identifier: dict[bytes, PingEndpoint] = {}

    def open(self, version: int, now: int) -> PingEndpoint:  # noqa: ARG002 - the signature of all layers
        """A new endpoint, without addresses."""
        options = SocketOptions(rcvbuf=self._config.receive_buffer, sndbuf=self._config.send_buffer)
        endpoint = PingEndpoint(self, version, options)
        self.endpoints[endpoint.id] = endpoint
        return endpoint

    def receive(self, packet: IpPacket, now: int) -> Fate:
        """Take an echo reply, checked by ICMP: its identifier says whose it is."""
        message = bytes(packet.head) + bytes(packet.body)
        row = self._by_identifier.get(message[4:6])
        if row is None or message[0] != ECHO_REPLY or (row.connected and row.remote[0] != packet.src):
            return DropReason.ICMP_NO_MATCH
        interface = self.ip.interface_of(packet.device)
        if not row.listens_to(packet, interface):
            return DropReason.ICMP_NO_MATCH
        datagram = Datagram(
            message, packet.src, 0, packet.dst, interface, packet.ttl, packet.tos, now, packet.cause
        )
        if not row.enqueue(datagram):
            self._counters["ping_rcvbuf_errors"] += 1
        return Accepted.LOCAL

    def on_icmp_error(self, error: IcmpError, now: int) -> bool:  # noqa: ARG002 - the signature of all transports
        """Tell the endpoint whose echo request is quoted."""
        quote = bytes(error.quote[:HEADER_LENGTH])
        row = self._by_identifier.get(quote[4:6])
        if row is None or quote[0] != ECHO or (row.connected and row.remote[0] != error.dst):
            return False
        row.on_icmp_error(error, 0)
        return True

    # --- for its endpoints --------------------------------------------------------------------------------------

    def take_identifier(self, endpoint: PingEndpoint, address: bytes, identifier: int) -> None:
        """Hold an identifier (0: any); no two endpoints share one."""
        chosen = self._identifiers.bind(endpoint, address, identifier)
        endpoint.local = (address, chosen)
        key = chosen.to_bytes(2, "big")
        if key in self._by_identifier:  # SO_REUSEADDR let it pass
            self._identifiers.release(endpoint)
            endpoint.local = (endpoint.wildcard, 0)
            raise StackError(CloseReason.ADDRESS_IN_USE)
        self._by_identifier[key] = endpoint

    def forget(self, endpoint: PingEndpoint) -> None:
        """The endpoint is closed."""
        if endpoint.local[1]:
            self._identifiers.release(endpoint)
            self._by_identifier.pop(endpoint.local[1].to_bytes(2, "big"), None)
        self.endpoints.pop(endpoint.id, None)
