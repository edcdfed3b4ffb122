"""What UDP and ping sockets have in common: a bounded queue of datagrams, a queue of errors, groups, readiness.

Spec: RFC 1122 §4.1.3.3 (errors reach the application), §4.1.3.5 (the receiver learns the destination address).
"""

import errno
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import Final

from netarium.base.addr import ANY4, ANY6, LOOPBACK4, LOOPBACK6, is_multicast, is_unspecified
from netarium.base.errors import CloseReason, StackError
from netarium.ip.iface import Interface
from netarium.ip.layer import IpLayer
from netarium.ip.packet import IcmpError, IpPacket
from netarium.ip.path import Path
from netarium.transport.endpoint import (
    POLL_ALL,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRNORM,
    SHUT_RD,
    SHUT_WR,
    Notifier,
)
from netarium.transport.options import (
    PMTUDISC_DO,
    PMTUDISC_DONT,
    PMTUDISC_PROBE,
    PMTUDISC_WANT,
    SocketOptions,
)

# What the kernel-side objects of one queued datagram cost, octets: an empty one must not be free (attack UDP-05).
DATAGRAM_OVERHEAD: Final = 512
_MAX_QUEUED_ERRORS: Final = 64
_IP_HEADER: Final = {4: 20, 6: 40}
_READABLE: Final = POLLIN | POLLRDNORM
_WRITABLE: Final = POLLOUT | POLLWRNORM


@dataclass(slots=True)
class Datagram:
    """One received datagram.

    Attributes:
        payload: a copy; it pins no frame.
        src: who sent it, and from which port.
        dst: which of our addresses, which broadcast address or which group it was sent to.
        interface: where it came in.
        ttl: as received. Likewise `tos`.
        at: when it came, ns.
        cause: the trace event of its arrival.
    """

    payload: bytes
    src: bytes
    src_port: int
    dst: bytes
    interface: Interface | None
    ttl: int
    tos: int
    at: int
    cause: int = 0


@dataclass(slots=True)
class QueuedError:
    """One entry of the error queue (IP_RECVERR, MSG_ERRQUEUE): an ICMP error, whose it is, what it quotes."""

    errno: int
    type: int
    code: int
    mtu: int
    reporter: bytes
    dst: bytes
    dst_port: int
    quote: bytes


class DatagramEndpoint(ABC):
    """One row of the socket table without a connection underneath. Implements `Endpoint`; a base for two kinds."""

    kind = ""

    __slots__ = (
        "_address_is_bound",
        "_charged",
        "_path",
        "_path_dst",
        "_port_is_bound",
        "_queue",
        "closed",
        "connected",
        "drops",
        "error",
        "errors",
        "groups",
        "id",
        "ip",
        "local",
        "notified",
        "notifier",
        "options",
        "read_shut",
        "remote",
        "version",
        "write_shut",
    )

    def __init__(self, ip: IpLayer, notifier: Notifier, version: int, options: SocketOptions) -> None:
        self.ip = ip
        self.notifier = notifier
        self.id = notifier.next_id()
        self.version = version
        self.options = options
        self.local: tuple[bytes, int] = (self.wildcard, 0)
        self.remote: tuple[bytes, int] = (self.wildcard, 0)
        self.error = 0
        self.errors: deque[QueuedError] = deque()
        self.groups: dict[bytes, Interface] = {}
        self.notified = False
        self.connected = False
        self.read_shut = False
        self.write_shut = False
        self.closed = False
        self.drops = 0
        self._queue: deque[Datagram] = deque()
        self._charged = 0
        self._path: Path | None = None
        self._path_dst = b""
        self._address_is_bound = False
        self._port_is_bound = False

    @property
    def wildcard(self) -> bytes:
        """The wildcard address of the endpoint's family."""
        return ANY4 if self.version == 4 else ANY6

    def speak_ipv4(self) -> None:
        """A fresh endpoint of IPv6 becomes one of IPv4: a dual-stack socket met an IPv4 address (RFC 3493 §3.7)."""
        assert not self.local[1]
        self.version = 4
        self.local = self.remote = (self.wildcard, 0)

    @property
    def state_name(self) -> str:
        """As netstat prints it: only a connected one has a state."""
        return "ESTABLISHED" if self.connected else ""

    @property
    def receive_queue(self) -> int:
        """Octets of memory charged for what waits; never more than the buffer and one datagram."""
        return self._charged

    @property
    def send_queue(self) -> int:
        """Nothing waits here: a datagram goes to IP at once."""
        return 0

    def poll(self, wanted: int = POLL_ALL) -> int:  # noqa: ARG002 - all of it costs little
        """What is ready now."""
        mask = 0 if self.write_shut else _WRITABLE
        if self._queue or self.read_shut:
            mask |= _READABLE
        if self.read_shut:
            mask |= POLLRDHUP
            if self.write_shut:
                mask |= POLLHUP | _WRITABLE
        if self.error or self.errors:
            mask |= POLLERR
            if self.error:
                mask |= _READABLE
        return mask

    @abstractmethod
    def bind(self, address: bytes, port: int) -> None:
        """Choose the local address and port."""

    @abstractmethod
    def connect(self, address: bytes, port: int, now: int) -> None:
        """Choose the peer."""

    @abstractmethod
    def close(self, now: int) -> None:
        """Give everything back."""

    # --- calls from above ---------------------------------------------------------------------------------------

    def take_error(self) -> int:
        """The pending errno, which is pending no more (SO_ERROR)."""
        pending, self.error = self.error, 0
        return pending

    def receive(self) -> Datagram | None:
        """Take the oldest datagram."""
        if not self._queue:
            return None
        datagram = self._queue.popleft()
        self._charged -= len(datagram.payload) + DATAGRAM_OVERHEAD
        return datagram

    def peek(self) -> Datagram | None:
        """Look at the oldest datagram (MSG_PEEK)."""
        return self._queue[0] if self._queue else None

    def take_queued_error(self) -> QueuedError | None:
        """Take the oldest entry of the error queue (MSG_ERRQUEUE)."""
        if not self.errors:
            return None
        entry = self.errors.popleft()
        self.error = self.errors[0].errno if self.errors else 0
        return entry

    def shutdown(self, how: int, now: int) -> None:  # noqa: ARG002 - the signature of all endpoints
        """End one direction or both; only a connected endpoint may.

        Raises:
            StackError: ENOTCONN.
        """
        if not self.connected:
            raise StackError(errno.ENOTCONN)
        self.read_shut = self.read_shut or how != SHUT_WR
        self.write_shut = self.write_shut or how != SHUT_RD
        self.notifier.notify(self)

    def options_changed(self, now: int) -> None:  # noqa: ARG002 - the signature of all endpoints
        """The way to the destination may depend on what was set."""
        self._path = None

    def join_group(self, group: bytes, interface: Interface, now: int) -> None:
        """Hear what is sent to a multicast group (RFC 1112 §7.1 JoinHostGroup).

        Raises:
            StackError: EINVAL not a group; EADDRINUSE joined already.
        """
        if not is_multicast(group):
            raise StackError(CloseReason.INVALID)
        if group in self.groups:
            raise StackError(CloseReason.ADDRESS_IN_USE)
        self.ip.join_group(interface, group, now)
        self.groups[group] = interface

    def leave_group(self, group: bytes, now: int) -> None:
        """Undo join_group.

        Raises:
            StackError: EADDRNOTAVAIL not joined.
        """
        interface = self.groups.pop(group, None)
        if interface is None:
            raise StackError(CloseReason.ADDRESS_NOT_AVAILABLE)
        self.ip.leave_group(interface, group, now)

    # --- for the two kinds --------------------------------------------------------------------------------------

    def _leave_all_groups(self, now: int) -> None:
        for group in list(self.groups):
            self.leave_group(group, now)

    def _bound_interface(self) -> Interface | None:
        """The interface of SO_BINDTODEVICE."""
        name = self.options.bindtodevice
        return self.ip.interface_named(name) if name else None

    def _find_path(self, dst: bytes, now: int, source: bytes | None, interface: Interface | None) -> Path:
        """Where packets to `dst` go; the last answer is kept while the routes are what they were.

        Raises:
            StackError: EACCES a broadcast without SO_BROADCAST; ENETUNREACH, ...
        """
        path = self._path
        if source is None and interface is None:
            if path is not None and path.generation == self.ip.generation and self._path_dst == dst:
                return path
            source = (
                self.local[0] if self.ip.is_local(self.local[0]) else None
            )  # not a group, not a broadcast
            interface = self._bound_interface() or self._multicast_interface(dst)
            path = self.ip.find_path(dst, now, src=source, interface=interface)
            self._path, self._path_dst = path, dst
        else:
            path = self.ip.find_path(dst, now, src=source, interface=interface or self._bound_interface())
        if self.options.mtu_discover >= PMTUDISC_PROBE:
            path.mtu = path.interface.mtu  # ip(7): whatever is known of the path
        if path.broadcast and not self.options.broadcast:
            raise StackError(CloseReason.ACCESS)
        return path

    def _multicast_interface(self, dst: bytes) -> Interface | None:
        """The interface of IP_MULTICAST_IF, for a group."""
        options = self.options
        if not is_multicast(dst) or not (options.multicast_index or options.multicast_if):
            return None
        for interface in self.ip.interfaces:
            if interface.index == options.multicast_index or any(
                address.address == options.multicast_if for address in interface.addresses
            ):
                return interface
        return None

    def _destination(self, dst: bytes) -> bytes:
        """The address that is meant.

        Raises:
            StackError: EAFNOSUPPORT: of the other family.
        """
        if len(dst) != len(self.wildcard):
            raise StackError(errno.EAFNOSUPPORT)
        if is_unspecified(dst):
            return LOOPBACK4 if self.version == 4 else LOOPBACK6  # "this host", as on BSD and Linux
        return dst

    def dont_fragment(self, length: int, path: Path) -> bool:
        """Whether DF is set on `length` octets of payload (IP_MTU_DISCOVER).

        By default it is on what fits, so that the path MTU is learned (RFC 1191 §3); what does not is fragmented here.
        """
        mode = self.options.mtu_discover
        if mode == PMTUDISC_WANT:
            header = _IP_HEADER[path.version] + len(self.options.ip_options)
            return path.dont_fragment and header + length <= path.mtu
        return mode >= PMTUDISC_DO

    def _ttl_for(self, dst: bytes) -> int | None:
        options = self.options
        return options.multicast_ttl if is_multicast(dst) else options.ttl or None

    def listens_to(self, packet: IpPacket, interface: Interface | None) -> bool:
        """Whether the device and, for a group, the memberships let the packet in."""
        options = self.options
        if options.bindtodevice and (interface is None or interface.name != options.bindtodevice):
            return False
        if is_multicast(packet.dst):
            joined = self.groups.get(packet.dst)
            if joined is None:
                return options.multicast_all
            return joined is interface or (
                interface is not None and interface.loopback
            )  # or sent by ourselves
        return True

    def enqueue(self, datagram: Datagram) -> bool:
        """Take a datagram in; False: the buffer is full."""
        charge = len(datagram.payload) + DATAGRAM_OVERHEAD
        # One datagram always fits into an empty buffer: else a small SO_RCVBUF would shut out large ones for good.
        if self._queue and self._charged + charge > self.options.rcvbuf:
            self.drops += 1
            return False
        self._queue.append(datagram)
        self._charged += charge
        self.notifier.notify(self)
        return True

    def on_icmp_error(self, error: IcmpError, dst_port: int) -> None:
        """RFC 1122 §4.1.3.3: to the error queue if asked for; hard ones of a connected endpoint become pending."""
        if error.kind == "quench":
            return  # RFC 6633 §5
        hard = error.hard
        if error.kind == "too-big":
            hard = self.options.mtu_discover != PMTUDISC_DONT
        if self.options.recverr:
            if len(self.errors) < _MAX_QUEUED_ERRORS:
                entry = QueuedError(
                    error.errno,
                    error.type,
                    error.code,
                    error.mtu,
                    error.reporter,
                    error.dst,
                    dst_port,
                    bytes(error.quote),
                )
                self.errors.append(entry)
        elif not (hard and self.connected):
            return
        self.error = error.errno
        self.notifier.notify(self)

    def _forget(self) -> None:
        """Free what waits."""
        self.closed = True
        self._queue.clear()
        self.errors.clear()
        self._charged = 0
        self._path = None
