"""Groups: which multicast addresses an interface receives, and telling routers so (RFC 1112, IGMPv2: RFC 2236).

Group membership is counted: two sockets may join one group. A membership is reported at once and once again, and
when a router asks, after a random delay, unless another member was quicker (§3).
"""

from typing import Final

from netarium.base.addr import is_multicast, multicast_mac
from netarium.base.errors import Accepted, CloseReason, DropReason, Fate, StackError, WireError
from netarium.base.units import MS, SECOND
from netarium.ip.core import IpCore
from netarium.ip.iface import Interface
from netarium.ip.ipv4_output import Ipv4Output
from netarium.ip.packet import IpPacket
from netarium.ip.path import PathFinder
from netarium.wire import igmp
from netarium.wire.igmp import IgmpMessage, IgmpV3Query, IgmpV3Report
from netarium.wire.ipv4_options import pack_router_alert
from netarium.wire.numbers import PROTOCOL_IGMP

ALL_SYSTEMS: Final = b"\xe0\x00\x00\x01"  # always joined, never reported (RFC 2236 §6)
ALL_ROUTERS: Final = b"\xe0\x00\x00\x02"
UNSOLICITED_REPORT_INTERVAL_NS: Final = 10 * SECOND  # RFC 2236 §8.10
_VERSION_1_RESPONSE_NS: Final = 10 * SECOND  # RFC 2236 §4: what a query of version 1 means
_PRECEDENCE: Final = 0xC0


class _Membership:
    """One group on one interface, and when to report it next."""

    __slots__ = ("_groups", "group", "interface", "last_reporter")

    def __init__(self, groups: "Groups", interface: Interface, group: bytes) -> None:
        self._groups = groups
        self.interface: Final = interface
        self.group: Final = group
        self.last_reporter = False

    def on_deadline(self, now: int) -> None:
        self._groups.report(self, now)


class Groups:
    """The memberships of one machine."""

    __slots__ = ("_core", "_finder", "_memberships", "_output")

    def __init__(self, core: IpCore, finder: PathFinder, output: Ipv4Output) -> None:
        self._core = core
        self._finder = finder
        self._output = output
        self._memberships: dict[bytes, _Membership] = {}

    def join(self, interface: Interface, group: bytes, now: int) -> None:
        """Receive what is sent to a group on an interface, once more.

        Raises:
            StackError: INVALID: not a multicast address.

        Spec: RFC 1112 §7.1-2, RFC 2236 §3.
        """
        if not is_multicast(group):
            raise StackError(CloseReason.INVALID, group.hex("."))
        count = interface.groups.get(group, 0)
        interface.groups[group] = count + 1
        if count:
            return
        if interface.ethernet:
            mac = multicast_mac(group)
            users = interface.group_macs.get(mac, 0)
            interface.group_macs[mac] = users + 1
            if not users:
                interface.device.join(mac)
        if _reported(interface, group):
            membership = _Membership(self, interface, group)
            self._memberships[interface.key + group] = membership
            self.report(membership, now)
            delay = self._core.random.randint(1, UNSOLICITED_REPORT_INTERVAL_NS)
            self._core.timers.schedule(membership, now + delay)

    def leave(self, interface: Interface, group: bytes, now: int) -> None:
        """Undo one `join`.

        Raises:
            StackError: ADDRESS_NOT_AVAILABLE: not joined there.
        """
        count = interface.groups.get(group, 0)
        if not count:
            raise StackError(CloseReason.ADDRESS_NOT_AVAILABLE, group.hex("."))
        if count > 1:
            interface.groups[group] = count - 1
            return
        del interface.groups[group]
        if interface.ethernet:
            mac = multicast_mac(group)
            interface.group_macs[mac] -= 1
            if not interface.group_macs[mac]:
                del interface.group_macs[mac]
                interface.device.leave(mac)
        membership = self._memberships.pop(interface.key + group, None)
        if membership is not None:
            self._core.timers.schedule(membership, None)
            if membership.last_reporter:  # RFC 2236 §3: others may still be members if they reported last
                self._send(interface, ALL_ROUTERS, IgmpMessage(igmp.LEAVE, group), now)

    def receive(self, packet: IpPacket, now: int) -> Fate:
        """Take an IGMP message."""
        octets = bytes(packet.head) + bytes(packet.body)
        try:
            message = igmp.parse(octets)
        except WireError:
            return DropReason.IGMP_MALFORMED
        interface = next(row for row in self._core.interfaces if row.device is packet.device)
        if isinstance(message, IgmpV3Report):
            return Accepted.LOCAL  # of use to routers only (RFC 3376 §5)
        if isinstance(message, IgmpV3Query):
            self._asked(interface, message.group, igmp.max_resp_time_tenths(message.max_resp_code), now)
        elif message.type == igmp.QUERY:
            self._asked(interface, message.group, message.max_resp_code, now)
        elif message.type in {igmp.REPORT_V1, igmp.REPORT_V2}:
            membership = self._memberships.get(interface.key + message.group)
            if membership is not None:
                membership.last_reporter = False
                self._core.timers.schedule(membership, None)
        return Accepted.LOCAL

    def report(self, membership: _Membership, now: int) -> None:
        """Tell the routers of a membership."""
        membership.last_reporter = True
        message = IgmpMessage(igmp.REPORT_V2, membership.group)
        self._send(membership.interface, membership.group, message, now)

    def _asked(self, interface: Interface, group: bytes, tenths: int, now: int) -> None:
        """A router asks who is a member: answer after a random delay, sooner if one was to come anyway."""
        longest = tenths * 100 * MS or _VERSION_1_RESPONSE_NS
        timers = self._core.timers
        for membership in self._memberships.values():
            if membership.interface is interface and (not any(group) or membership.group == group):
                due = timers.deadline(membership)
                at = now + self._core.random.randint(1, longest)
                if due is None or due > now + longest:
                    timers.schedule(membership, at)

    def _send(self, interface: Interface, dst: bytes, message: IgmpMessage, now: int) -> None:
        """TTL 1, router alert (RFC 2236 §2)."""
        try:
            path = self._finder.find(dst, now, interface=interface)
            self._output.send(
                path, PROTOCOL_IGMP, message.pack(), b"", now,
                ttl=1, tos=_PRECEDENCE, options=pack_router_alert(), loop=False,
            )  # fmt: skip
            self._core.counters["igmp_out_msgs"] += 1
        except StackError:
            self._core.counters["igmp_out_errors"] += 1


def _reported(interface: Interface, group: bytes) -> bool:
    """Whether routers are told: not of all-systems, not on a link without neighbours, not yet of IPv6 (MLD)."""
    return group != ALL_SYSTEMS and interface.ethernet and len(group) == 4
