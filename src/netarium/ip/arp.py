"""The Address Resolution Protocol (RFC 826, RFC 1122 §2.3.2): asking for neighbours, answering for ourselves.

The neighbour cache decides when to ask and what to believe; this part speaks. An entry is made only from a request
that is for us (RFC 826 says: "if I am the target"); a reply that nobody asked for makes none. Address conflicts
(RFC 5227) are the business of the `Guard`, which hears every message first.
"""

from typing import Final, Protocol

from netarium.base.addr import BROADCAST4, MAC_BROADCAST, MAC_ZERO, is_group_mac, is_multicast, is_unspecified
from netarium.base.checksum import Buffer
from netarium.base.errors import Accepted, DropReason, Fate, WireError
from netarium.ip.core import IpCore
from netarium.ip.iface import AddressState, Interface
from netarium.ip.neighbor_cache import NeighborCache
from netarium.ip.ratelimit import TokenBucket
from netarium.link.frame import Frame
from netarium.wire import ethernet
from netarium.wire.arp import REPLY, REQUEST, ArpMessage
from netarium.wire.numbers import ETHERTYPE_ARP

# Answers go to whoever asks, so a flood of questions must not become one of answers.
REPLIES_PER_SECOND: Final = 1_000
REPLIES_BURST: Final = 1_000


class Guard(Protocol):
    """Watches over our addresses."""

    def heard(self, interface: Interface, message: ArpMessage, now: int) -> bool:
        """Hear a message of somebody else; True if it claims an address of ours, and must not be believed."""


def transmit(core: IpCore, interface: Interface, dst: bytes, message: ArpMessage) -> None:
    """Send a message to a MAC address."""
    header = ethernet.pack(dst, interface.mac, ETHERTYPE_ARP)
    frame = Frame(header + message.pack(), cause=0 if core.trace is None else core.trace.cause)
    name = "arp_out_requests" if message.oper == REQUEST else "arp_out_replies"
    core.counters[name if interface.enqueue(frame) else "ip_out_discards"] += 1


class Arp:
    """ARP on all Ethernet interfaces of one machine; a `Solicitor` of the neighbour cache."""

    __slots__ = ("_core", "_guard", "_neighbors", "_replies")

    def __init__(self, core: IpCore, neighbors: NeighborCache, guard: Guard) -> None:
        self._core = core
        self._neighbors = neighbors
        self._guard = guard
        self._replies = TokenBucket(REPLIES_PER_SECOND, REPLIES_BURST)

    def solicit(self, interface: Interface, target: bytes, mac: bytes | None, now: int) -> None:
        """Ask who has `target`: everybody, or by unicast the one who had it (RFC 1122 §2.3.2.1 (2))."""
        del now  # the cache sees to the pace
        source = interface.source_for(target)
        if source is None:
            return
        message = ArpMessage(REQUEST, interface.mac, source, MAC_ZERO, target)
        transmit(self._core, interface, mac or MAC_BROADCAST, message)

    def receive(self, interface: Interface, data: Buffer, now: int) -> Fate:
        """Take a message.

        Args:
            interface: where it came in.
            data: begins with the message; padding may follow.
            now: monotonic ns.

        Spec: RFC 826 "Packet Reception"; RFC 5227 §2.1.1, §2.4.
        """
        try:
            message = ArpMessage.parse(data)
        except WireError:
            return DropReason.ARP_MALFORMED
        if is_group_mac(message.sha) or message.sha in {interface.mac, MAC_ZERO}:
            return DropReason.ARP_BAD_SOURCE
        if self._guard.heard(interface, message, now):
            return DropReason.ARP_BAD_SOURCE
        target = interface.find(message.tpa)
        for_us = target is not None and target.state is AddressState.PREFERRED
        if is_unspecified(message.spa):
            # RFC 5227 §1.1: a probe. It teaches nothing, but an address in use is defended by an answer.
            if for_us and message.oper == REQUEST:
                self._reply(interface, message, now)
                return Accepted.LOCAL
            return DropReason.ARP_NOT_OURS
        if not self._may_speak_from(interface, message.spa):
            return DropReason.ARP_BAD_SOURCE
        fate = self._neighbors.learn(
            interface,
            message.spa,
            message.sha,
            now,
            answer=for_us and message.oper == REPLY,
            create=for_us and message.oper == REQUEST,
        )
        if for_us and message.oper == REQUEST:
            self._reply(interface, message, now)
        elif fate is DropReason.ARP_UNSOLICITED and not for_us:
            return DropReason.ARP_NOT_OURS
        return fate

    def _may_speak_from(self, interface: Interface, spa: bytes) -> bool:
        """Only a unicast address that lies on this link can be a neighbour's."""
        if spa == BROADCAST4 or is_multicast(spa) or spa in interface.broadcasts:
            return False
        route = self._core.routes.lookup(spa, interface)
        return route is not None and route.gateway is None

    def _reply(self, interface: Interface, request: ArpMessage, now: int) -> None:
        """Swap the fields, fill in our own, answer by unicast (RFC 826; RFC 5227 §2.6)."""
        if not self._replies.take(now):
            self._core.counters["arp_out_ratelimited"] += 1
            return
        message = ArpMessage(REPLY, interface.mac, request.tpa, request.sha, request.spa)
        transmit(self._core, interface, request.sha, message)
