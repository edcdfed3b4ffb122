"""Who is connected to whom: networks, their addresses, the routes between them, the names of all.

Every set of adapters that can hear each other is a network. It gets 10.0.N.0/24, or what the first address that
a user chose in it says; hosts get .1, .2, ... in the order in which they were connected, routers .254, .253, ...
A host whose network has one router uses it for everything; else each host has a route to each network, by the
fewest routers.
"""

import operator
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Final

from netarium.base.addr import ANY4, Prefix, masked
from netarium.base.errors import UsageError
from netarium.ip.iface import Interface
from netarium.ip.route import Route
from netarium.link.driver import SimulatedDevice
from netarium.link.switch import Switch
from netarium.resolver.hosts import HostsTable
from netarium.sim.host import Host

_LENGTH: Final = 24  # prefix length of a network that nobody chose


@dataclass(eq=False, slots=True)
class Attachment:
    """One adapter of one host.

    Attributes:
        chosen: the address and prefix length that the user wants, or None.
    """

    host: Host
    interface: Interface
    device: SimulatedDevice
    chosen: tuple[bytes, int] | None = None
    address: bytes = b""


Node = Attachment | Switch


@dataclass(eq=False, slots=True)
class Network:
    """Adapters that can hear each other."""

    prefix: Prefix
    members: list[Attachment]

    def routers(self) -> list[Attachment]:
        """Members that forward."""
        return [member for member in self.members if _forwards(member)]

    def free(self, *, router: bool) -> bytes:
        """An address that nobody has: from below for a host, from above for a router.

        Raises:
            UsageError: the network is full.
        """
        taken = {member.address for member in self.members}
        base = int.from_bytes(self.prefix.network, "big")
        last = (1 << (32 - self.prefix.length)) - 2
        numbers = range(last, 0, -1) if router else range(1, last + 1)
        for number in numbers:
            address = (base + number).to_bytes(4, "big")
            if address not in taken:
                return address
        raise UsageError(f"{self.prefix} is full")


def _forwards(attachment: Attachment) -> bool:
    return attachment.host.machine.config.ip.forwarding


class Lan:
    """The cables of a world, seen as networks. `settle` brings addresses, routes and names up to date."""

    def __init__(self) -> None:
        self.names = HostsTable()
        self.networks: list[Network] = []
        self._nodes: dict[Node, list[Node]] = {}  # neighbours by cable
        self._prefixes: dict[Attachment, Prefix] = {}  # of those that have an address from us
        self._routes: list[tuple[Host, Route]] = []
        self._count = 0
        self._dirty = False

    @property
    def attachments(self) -> list[Attachment]:
        """All adapters, in the order in which they were connected."""
        return [node for node in self._nodes if isinstance(node, Attachment)]

    def connect(self, one: Node, other: Node) -> None:
        """There is a cable between two nodes."""
        self._nodes.setdefault(one, []).append(other)
        self._nodes.setdefault(other, []).append(one)
        self._dirty = True

    def settle(self) -> None:
        """Give addresses, routes and names to whoever lacks them."""
        if not self._dirty:
            return
        self._dirty = False
        self.networks = [self._network(members) for members in self._islands()]
        for network in self.networks:
            for member in network.members:
                self._give_address(network, member)
        for host, route in self._routes:
            host.machine.ip.routes.remove_where(partial(operator.is_, route))
        self._routes.clear()
        for host in dict.fromkeys(member.host for member in self.attachments):
            self._give_routes(host)

    # --- networks ---------------------------------------------------------------------------------------------

    def _islands(self) -> list[list[Attachment]]:
        """The adapters, grouped by who hears whom."""
        seen: set[Node] = set()
        islands = []
        for start in self.attachments:
            if start in seen:
                continue
            reached: dict[Node, None] = {start: None}
            waiting: deque[Node] = deque([start])
            while waiting:
                for neighbour in self._nodes[waiting.popleft()]:
                    if neighbour not in reached:
                        reached[neighbour] = None
                        waiting.append(neighbour)
            seen.update(reached)
            islands.append([node for node in self.attachments if node in reached])
        return islands

    def _network(self, members: list[Attachment]) -> Network:
        for member in members:
            if member in self._prefixes:
                return Network(self._prefixes[member], members)
        for member in members:
            if member.chosen is not None:
                address, length = member.chosen
                return Network(Prefix(masked(address, length), length), members)
        self._count += 1
        if self._count > 0xFFFF:
            raise UsageError("a world has room for 65,535 networks")
        return Network(Prefix(bytes([10, self._count >> 8, self._count & 0xFF, 0]), _LENGTH), members)

    def _give_address(self, network: Network, member: Attachment) -> None:
        if member in self._prefixes:
            return
        length = network.prefix.length
        if member.chosen is not None:
            member.address, length = member.chosen
        else:
            # Addresses that others chose are theirs, even if they get them later.
            reserved = [other for other in network.members if other.chosen is not None and not other.address]
            for other in reserved:
                assert other.chosen is not None
                other.address = other.chosen[0]
            member.address = network.free(router=_forwards(member))
        self._prefixes[member] = Prefix(masked(member.address, length), length)
        driver = member.host.driver
        driver.machine.ip.add_address(member.interface, member.address, length, driver.now())
        driver.raise_line(driver.now())  # an address is probed and announced though no program runs there
        self.names.add(member.address, member.host.name)

    # --- routes -----------------------------------------------------------------------------------------------

    def _give_routes(self, host: Host) -> None:
        own = [network for network in self.networks if any(member.host is host for member in network.members)]
        forwards = host.machine.config.ip.forwarding
        if len(own) == 1 and not forwards:
            routers = own[0].routers()
            if len(routers) == 1:
                self._add_route(host, Prefix(ANY4, 0), own[0], routers[0])
                return
        # Breadth first over networks, remembering by which way the host itself would set out.
        first_step: dict[int, tuple[Network, Attachment]] = {}
        seen = {id(network) for network in own}
        waiting = deque(own)
        while waiting:
            network = waiting.popleft()
            for router in network.routers():
                if router.host is host:
                    continue
                step = first_step.get(id(network), (network, router))
                for beyond in self.networks:
                    if id(beyond) in seen or all(m.host is not router.host for m in beyond.members):
                        continue
                    seen.add(id(beyond))
                    first_step[id(beyond)] = step
                    waiting.append(beyond)
                    self._add_route(host, beyond.prefix, *step)

    def _add_route(self, host: Host, destination: Prefix, network: Network, gateway: Attachment) -> None:
        way_out = next(member for member in network.members if member.host is host)
        route = Route(destination, way_out.interface, gateway.address)
        host.machine.ip.routes.add(route)
        self._routes.append((host, route))
