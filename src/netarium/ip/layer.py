"""The Internet layer of one machine: its parts, put together (RFC 791, 792, 826, 1122).

Frames come in through `receive` and go by EtherType, then by protocol; packets go out through `find_path` and then
`send` or `wrap`. The layer knows of two families: whatever concerns only one of them lies in that family's files.
"""

import errno
from collections.abc import Callable
from random import Random
from struct import Struct
from typing import Final

from netarium.base.addr import LOOPBACK4, MAC_BROADCAST
from netarium.base.checksum import Buffer
from netarium.base.config import MachineConfig
from netarium.base.counters import Counters
from netarium.base.errors import DropReason, Fate, WireError
from netarium.base.trace import Trace
from netarium.ip.addressing import Addressing
from netarium.ip.arp import Arp
from netarium.ip.core import IpCore
from netarium.ip.forward import Forwarder
from netarium.ip.icmp import Icmp
from netarium.ip.icmp_error import IcmpErrors
from netarium.ip.iface import Interface
from netarium.ip.ipv4_input import Ipv4Input
from netarium.ip.ipv4_output import Ipv4Output
from netarium.ip.multicast import ALL_SYSTEMS, Groups
from netarium.ip.neighbor import Failure
from netarium.ip.neighbor_cache import NeighborCache
from netarium.ip.packet import ErrorKind, IcmpError, IpPacket
from netarium.ip.path import Path, PathFinder
from netarium.ip.pmtu import PathMtuCache
from netarium.ip.reassembly import Reassembler
from netarium.ip.redirect import Redirects
from netarium.link.device import Device
from netarium.link.frame import Frame
from netarium.link.loopback import Loopback
from netarium.wire import icmpv4
from netarium.wire.ethernet import HEADER_LENGTH, EthernetHeader
from netarium.wire.ipv4 import Ipv4Header
from netarium.wire.numbers import ETHERTYPE_ARP, ETHERTYPE_IPV4, PROTOCOL_ICMP, PROTOCOL_IGMP

Handler = Callable[[Interface, Frame, int, int, bool], Fate]

_ETHERNET: Final = Struct("!6s6sH")


class IpLayer(IpCore):
    """The layer as the floors above see it; its tables are those of `IpCore`.

    Attributes:
        neighbors: the neighbour cache.
        path_mtus: what ICMP said about paths.
        wrap: `Ipv4Output.wrap`, as it stands: it is called for every segment.
    """

    __slots__ = (
        "_addressing", "_arp", "_by_device", "_errors", "_finder", "_groups", "_handlers", "_input", "_output",
        "_reassembler", "neighbors", "path_mtus", "wrap",
    )  # fmt: skip

    def __init__(
        self, name: str, config: MachineConfig, random: Random, counters: Counters, trace: Trace | None
    ) -> None:
        super().__init__(name, config, random, counters, trace)
        self._by_device: dict[Device, Interface] = {}
        self.neighbors = NeighborCache(
            name, config.neighbor, random, self.timers, counters, trace, self.outdate_paths, self
        )
        self.path_mtus = PathMtuCache(config.ip, self.timers, self.outdate_paths)
        self._finder = PathFinder(self, self.neighbors, self.path_mtus)
        self._addressing = Addressing(self)
        self._arp = Arp(self, self.neighbors, self._addressing.detector)
        self.neighbors.solicitors[4] = self._arp
        self._output = Ipv4Output(self, self.neighbors)
        self.wrap: Final = self._output.wrap
        self._errors = IcmpErrors(self, self._finder, self._output)
        self._groups = Groups(self, self._finder, self._output)
        self._reassembler = Reassembler(config.ip, self.timers, counters, self)
        icmp = Icmp(self, self._finder, self._output, self.path_mtus, Redirects(self))
        self._input = Ipv4Input(
            self,
            self._reassembler,
            Forwarder(self, self._finder, self._output, self._errors),
            self._errors,
            {PROTOCOL_ICMP: icmp.receive, PROTOCOL_IGMP: self._groups.receive},
        )
        self._handlers: dict[int, Handler] = {
            ETHERTYPE_IPV4: self._input.receive,
            ETHERTYPE_ARP: self._receive_arp,
        }

    # --- interfaces, addresses, groups ------------------------------------------------------------------------

    def add_interface(self, device: Device, now: int) -> Interface:
        """Make an interface of a device. The loopback device gets 127.0.0.1/8 at once, others have no address yet."""
        interface = Interface(
            len(self.interfaces) + 1,
            device,
            self.config.ip.transmit_queue_frames,
            loopback=isinstance(device, Loopback),
        )
        self.interfaces.append(interface)
        self._by_device[device] = interface
        if interface.loopback:
            self.loopback = interface
            self.add_address(interface, LOOPBACK4, 8, now)
        else:
            self._groups.join(interface, ALL_SYSTEMS, now)  # RFC 1112 §7.2
        return interface

    def interface_of(self, device: Device) -> Interface:
        """The interface of a device that was added."""
        return self._by_device[device]

    def interface_named(self, name: str) -> Interface | None:
        """The interface of that name."""
        return next((row for row in self.interfaces if row.name == name), None)

    def add_address(self, interface: Interface, address: bytes, prefix_length: int, now: int) -> None:
        """Give an interface one more address, with the route to its network.

        Raises:
            StackError: INVALID, ADDRESS_IN_USE.
        """
        self._addressing.add(interface, address, prefix_length, now)

    def remove_address(self, interface: Interface, address: bytes, now: int) -> None:
        """Take an address away.

        Raises:
            StackError: ADDRESS_NOT_AVAILABLE.
        """
        del now
        self._addressing.remove(interface, address)

    def join_group(self, interface: Interface, group: bytes, now: int) -> None:
        """Receive what is sent to a multicast group; each join needs its own `leave_group`.

        Raises:
            StackError: INVALID: no multicast address.
        """
        self._groups.join(interface, group, now)

    def leave_group(self, interface: Interface, group: bytes, now: int) -> None:
        """Undo one `join_group`.

        Raises:
            StackError: ADDRESS_NOT_AVAILABLE: not joined.
        """
        self._groups.leave(interface, group, now)

    # --- in -----------------------------------------------------------------------------------------------------

    def receive(self, device: Device, frame: Frame, now: int) -> Fate:
        """Take a frame; say what became of it.

        Spec: RFC 894, RFC 1042, RFC 1122 §2.3.3, §2.4 (whether it was a link-layer broadcast goes up with it).
        """
        interface = self._by_device.get(device)
        if interface is None:
            return DropReason.NO_INTERFACE
        if not interface.ethernet:
            return self._receive_bare(interface, frame, now)
        head = frame.head
        if len(head) < HEADER_LENGTH:
            return DropReason.ETH_SHORT
        dst, src, ethertype = _ETHERNET.unpack_from(head)
        group = False
        if dst != device.mac:
            if not dst[0] & 1 or (dst != MAC_BROADCAST and dst not in interface.group_macs):
                return DropReason.ETH_NOT_OURS
            group = True
        if src[0] & 1 or src == device.mac:
            return DropReason.ETH_BAD_SOURCE
        handler = self._handlers.get(ethertype)
        if handler is not None:
            return handler(interface, frame, HEADER_LENGTH, now, group)
        return self._receive_rare(interface, frame, now, group=group)

    def _receive_rare(self, interface: Interface, frame: Frame, now: int, *, group: bool) -> Fate:
        """802.3 with SNAP, tags, and what nobody here understands."""
        try:
            header = EthernetHeader.parse(frame.head)
        except WireError:
            return DropReason.ETH_MALFORMED
        handler = self._handlers.get(header.ethertype)
        if handler is None or header.vlan:  # tagged for a VLAN; only 0 means none (IEEE 802.1Q §9.6)
            return DropReason.ETH_UNKNOWN_TYPE
        return handler(interface, frame, header.header_length, now, group)

    def _receive_bare(self, interface: Interface, frame: Frame, now: int) -> Fate:
        """A link without headers: the version is the type."""
        head = frame.head
        if len(head) == 0:
            return DropReason.IP_MALFORMED
        if head[0] >> 4 == 4:
            return self._input.receive(interface, frame, 0, now, False)
        return DropReason.ETH_UNKNOWN_TYPE

    def _receive_arp(self, interface: Interface, frame: Frame, offset: int, now: int, group: bool) -> Fate:
        del group  # requests may come by unicast, too (RFC 1122 §2.3.2.1)
        data: Buffer = frame.head[offset:] if len(frame.head) > offset else frame.body
        return self._arp.receive(interface, data, now)

    # --- out ----------------------------------------------------------------------------------------------------

    def find_path(
        self, dst: bytes, now: int, *, src: bytes | None = None, interface: Interface | None = None
    ) -> Path:
        """Where packets to `dst` go; good while `path.generation == ip.generation`.

        Args:
            dst: unicast, broadcast or multicast; unspecified means ourselves.
            now: monotonic ns.
            src: one of our addresses; None or unspecified: chosen by the way out.
            interface: the way out; None: by the routing table.

        Raises:
            StackError: NETWORK_UNREACHABLE, ADDRESS_NOT_AVAILABLE.
        """
        return self._finder.find(dst, now, src=src, interface=interface)

    def send(
        self,
        path: Path,
        protocol: int,
        head: bytes,
        body: Buffer,
        now: int,
        *,
        ttl: int | None = None,
        tos: int = 0,
        options: bytes = b"",
        dont_fragment: bool = False,
        csum_offset: int | None = None,
        loop: bool = True,
    ) -> None:
        """Send a datagram: cut if need be, to the next hop's queue, or to wait until the next hop is found.

        Args:
            path: from `find_path`.
            protocol: IP protocol number.
            head: begins with the transport header.
            body: the rest of the payload; kept, not copied.
            now: monotonic ns.
            ttl: 1 ... 255, or None: the default; 0 for a group: this machine only.
            tos: TOS octet.
            options: IPv4 options, a multiple of 4 octets, 40 at the most.
            dont_fragment: set DF, and refuse what does not fit.
            csum_offset: where in `head` the transport's checksum field is, if that holds the folded pseudo-header
                sum only and is still to be finished; None: it is complete.
            loop: a copy of what goes to a group that we have joined comes back to us (IP_MULTICAST_LOOP).

        Raises:
            StackError: MESSAGE_TOO_LONG, HOST_UNREACHABLE (the next hop did not answer lately), NO_BUFFERS (the
                queue is full).
        """
        self._output.send(
            path, protocol, head, body, now,
            ttl=ttl, tos=tos, options=options, dont_fragment=dont_fragment, csum_offset=csum_offset, loop=loop,
        )  # fmt: skip

    def confirm(self, path: Path, now: int) -> None:
        """A transport made progress over this path: its next hop is reachable (RFC 4861 §7.3.1)."""
        self.neighbors.confirm(path.neighbor, now)

    def suspect(self, path: Path, now: int) -> None:
        """A transport gets no answer over this path (RFC 9293 MUST-20): its next hop may be dead."""
        self.neighbors.suspect(path.neighbor, now)

    def send_icmp_error(self, packet: IpPacket, kind: ErrorKind, now: int) -> bool:
        """Tell the sender of a packet what is wrong with it; False if that is not allowed, or too often.

        Spec: RFC 1122 §3.2.2.
        """
        return self._errors.send(packet, kind, now)

    # --- time ---------------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        """When `on_deadline` must be called (ns), or None."""
        return self.timers.next_deadline()

    def on_deadline(self, now: int) -> None:
        """Do what is due."""
        timers = self.timers
        while (item := timers.pop_due(now)) is not None:
            if item is not self:
                item.on_deadline(now)
        while self._reassembler.expired:
            packet = self._reassembler.expired.popleft()
            self._errors.send(packet, ErrorKind.REASSEMBLY_TIMEOUT, now)
        while self.neighbors.failures:
            self._report(self.neighbors.failures.popleft(), now)

    def _report(self, failure: Failure, now: int) -> None:
        """Packets found no neighbour: tell the transport that sent them, or the host for which we forward."""
        for frames in failure.packets:
            first = frames[0]
            header = Ipv4Header.parse(first.head)
            front, rest = first.head[: header.header_length], first.body
            payload: Buffer = first.head[header.header_length :]
            if not payload:  # cut in front of the transport header
                payload, rest = rest, b""
            if not self.is_local(header.src):
                packet = IpPacket(
                    header.src, header.dst, header.protocol, header.ttl, header.tos,
                    front, payload, rest, failure.interface.device, header.options,
                    first.checked or first.csum_start != 0, first.gso_size,
                )  # fmt: skip
                self._errors.send(packet, ErrorKind.HOST_UNREACHABLE, now)
                continue
            transport = self.transports.get(header.protocol)
            if transport is not None and not header.fragment_offset:
                error = IcmpError(
                    "unreachable", icmpv4.DESTINATION_UNREACHABLE, icmpv4.HOST_UNREACHABLE, errno.EHOSTUNREACH,
                    False, 0, header.src, header.protocol, header.src, header.dst, payload,
                )  # fmt: skip
                transport.on_icmp_error(error, now)
