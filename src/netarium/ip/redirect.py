"""ICMP redirects that come in (RFC 1122 §3.2.2.2): a gateway says that another one is nearer.

Whoever may send redirects may take over our traffic, so they are refused unless the configuration accepts them, and
then every check that the RFC allows is made.
"""

from typing import Final

from netarium.base.addr import BROADCAST4, is_multicast, is_unspecified
from netarium.base.errors import Accepted, DropReason, Fate
from netarium.ip.core import IpCore
from netarium.ip.packet import IpPacket
from netarium.wire.icmpv4 import REDIRECT_HOST_FOR_TOS, IcmpMessage, QuotedDatagram


class Redirects:
    """Judges redirects, and routes by those that are good."""

    __slots__ = ("_core",)

    def __init__(self, core: IpCore) -> None:
        self._core: Final = core

    def receive(self, packet: IpPacket, message: IcmpMessage, quoted: QuotedDatagram, now: int) -> Fate:
        """Take a redirect about a packet that bears one of our addresses as its source.

        Redirects for a network count for the one host (RFC 1122 §3.2.2.2); a router takes none (RFC 1812 §5.2.7.2).
        """
        del now
        core = self._core
        config = core.config.ip
        if not config.accept_redirects or config.forwarding or message.code > REDIRECT_HOST_FOR_TOS:
            return DropReason.ICMP_REDIRECT_REFUSED
        gateway = message.gateway
        route = core.routes.lookup(quoted.dst)
        if route is None or route.gateway != packet.src or route.interface.device is not packet.device:
            return DropReason.ICMP_REDIRECT_REFUSED  # not from the present first hop
        if not any(row.covers(gateway) for row in route.interface.addresses):
            return DropReason.ICMP_REDIRECT_REFUSED  # the new gateway is not on that link
        if (
            core.is_local(gateway)
            or is_multicast(gateway)
            or is_unspecified(gateway)
            or gateway == BROADCAST4
            or gateway in route.interface.broadcasts
            or gateway == packet.src
        ):
            return DropReason.ICMP_REDIRECT_REFUSED
        core.routes.add_redirect(quoted.dst, gateway, route.interface)
        core.counters["icmp_in_redirects"] += 1
        return Accepted.LOCAL
