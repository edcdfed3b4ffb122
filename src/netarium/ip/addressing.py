"""Giving interfaces their addresses: what follows from an address in all the tables (RFC 1122 §3.3.1.1, §3.3.4.2).

An address becomes ours when the conflict detector says that nobody else has it (RFC 5227), at once if there is
nobody to ask: then packets to it are accepted, it may be a source, and its network is reached through its interface.
"""

from typing import Final

from netarium.base.addr import Prefix, format_ip, is_loopback, is_multicast, is_unspecified, masked
from netarium.base.errors import CloseReason, StackError
from netarium.ip.acd import ConflictDetector
from netarium.ip.core import IpCore
from netarium.ip.iface import Address, AddressState, Interface
from netarium.ip.route import Route, RouteKind


class Addressing:
    """The addresses of one machine; the `Owner` of the conflict detector."""

    __slots__ = ("_core", "detector")

    def __init__(self, core: IpCore) -> None:
        self._core: Final = core
        self.detector: Final = ConflictDetector(core, self)

    def add(self, interface: Interface, address: bytes, prefix_length: int, now: int) -> None:
        """Give an interface one more address.

        Raises:
            StackError: INVALID: no unicast address or prefix length; ADDRESS_IN_USE: we have it already.
        """
        what = f"{format_ip(address)}/{prefix_length}"
        if is_multicast(address) or is_unspecified(address) or not 0 <= prefix_length <= len(address) * 8:
            raise StackError(CloseReason.INVALID, what)
        if len(address) == 4 and (address[0] >= 240 or address[0] == 0):
            raise StackError(CloseReason.INVALID, what)
        if any(other.find(address) is not None for other in self._core.interfaces):
            raise StackError(CloseReason.ADDRESS_IN_USE, what)
        row = Address(address, prefix_length, AddressState.TENTATIVE)
        if len(address) == 4 and prefix_length < 31 and row.broadcast == address:
            raise StackError(CloseReason.INVALID, f"{what} is the broadcast address of its network")
        interface.addresses.append(row)
        if interface.ethernet and len(address) == 4:
            self.detector.claim(interface, row, now)
        else:
            self.address_ready(interface, row, now)

    def remove(self, interface: Interface, address: bytes) -> None:
        """Take an address away, and the route to its network if no other address there needs it.

        Raises:
            StackError: ADDRESS_NOT_AVAILABLE: it is not there.
        """
        row = interface.find(address)
        if row is None:
            raise StackError(CloseReason.ADDRESS_NOT_AVAILABLE, format_ip(address))
        core = self._core
        self.detector.release(interface, address)
        interface.addresses.remove(row)
        interface.update_broadcasts()
        core.local.pop(address, None)
        network = _network(row)
        if not any(_network(other) == network for other in interface.addresses):
            core.routes.remove_where(
                lambda route: (
                    route.destination == network
                    and route.kind is RouteKind.CONNECTED
                    and route.interface is interface
                )
            )
        core.outdate_paths()

    def address_ready(self, interface: Interface, address: Address, now: int) -> None:
        """The address is ours from now on."""
        del now
        core = self._core
        address.state = AddressState.PREFERRED
        if not is_loopback(
            address.address
        ):  # those are local on the loopback interface only: `IpCore.is_local`
            core.local[address.address] = interface
        interface.update_broadcasts()
        network = _network(address)
        known = core.routes.lookup(network.network, interface)
        if known is None or known.destination != network:
            core.routes.add(Route(network, interface, kind=RouteKind.CONNECTED))
        core.outdate_paths()


def _network(row: Address) -> Prefix:
    return Prefix(masked(row.address, row.prefix_length), row.prefix_length)
