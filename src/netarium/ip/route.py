"""The routing table: the longest prefix wins, then the lowest metric (RFC 1122 §3.3.1, RFC 1812 §5.2.4.3).

One dictionary for each prefix length that occurs, keyed by the packed network, so a lookup costs one dictionary
access for each length in use and not one comparison for each route. Both families live in one table.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from netarium.base.addr import Prefix, masked
from netarium.ip.iface import Interface


class RouteKind(StrEnum):
    """Who made a route."""

    CONNECTED = "connected"  # the network of one of our addresses
    STATIC = "static"
    REDIRECT = "redirect"  # a gateway told us (RFC 1122 §3.2.2.2)


@dataclass(frozen=True, slots=True)
class Route:
    """One row.

    Attributes:
        destination: the network.
        interface: the way out.
        gateway: the next hop, or None: the destination itself is on the link.
        metric: the lower, the better.
        source: the address to speak from, or None: as the interface chooses.
        kind: who made it.
    """

    destination: Prefix
    interface: Interface
    gateway: bytes | None = None
    metric: int = 0
    source: bytes | None = None
    kind: RouteKind = RouteKind.STATIC


class RoutingTable:
    """Routes of one machine, of both families.

    Args:
        changed: called after every change, so that what was cached from the table is asked for again.
        max_redirects: bound on host routes that strangers can make.
    """

    __slots__ = ("_changed", "_lengths", "_max_redirects", "_redirects", "_tables")

    def __init__(self, changed: Callable[[], None], max_redirects: int = 64) -> None:
        self._changed: Final = changed
        self._max_redirects: Final = max_redirects
        # address size -> prefix length -> network -> routes, best first
        self._tables: dict[int, dict[int, dict[bytes, list[Route]]]] = {4: {}, 16: {}}
        self._lengths: dict[int, list[int]] = {4: [], 16: []}  # those in use, longest first
        self._redirects: dict[bytes, Route] = {}

    def __iter__(self) -> Iterator[Route]:
        """All routes, most specific first, as `netstat -r` shows them from the other end."""
        for size, lengths in self._lengths.items():
            for length in lengths:
                for routes in self._tables[size][length].values():
                    yield from routes

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def add(self, route: Route) -> None:
        """Insert a route; one with equal destination, gateway, interface and metric is replaced."""
        network, length = route.destination
        self._discard(lambda row: _same_way(row, route))
        rows = self._tables[len(network)].setdefault(length, {}).setdefault(network, [])
        rows.append(route)
        rows.sort(key=lambda row: row.metric)  # stable: of equal ones the first added wins
        self._recount()

    def add_redirect(self, dst: bytes, gateway: bytes, interface: Interface) -> None:
        """Route one host through another gateway, because the present one says so; bounded, oldest first out.

        Spec: RFC 1122 §3.2.2.2: redirects for networks are treated as redirects for the host.
        """
        self.forget_redirect(dst)
        if len(self._redirects) >= self._max_redirects:
            self.forget_redirect(next(iter(self._redirects)))
        route = Route(Prefix(dst, len(dst) * 8), interface, gateway, kind=RouteKind.REDIRECT)
        self._redirects[dst] = route
        self.add(route)

    def forget_redirect(self, dst: bytes) -> None:
        """Undo `add_redirect`, if there was one."""
        route = self._redirects.pop(dst, None)
        if route is not None:
            self._discard(lambda row: row is route)
            self._recount()

    def remove(
        self, destination: Prefix, *, gateway: bytes | None = None, interface: Interface | None = None
    ) -> int:
        """Delete the routes to a network, all or those by one gateway or interface; return how many there were."""

        def doomed(row: Route) -> bool:
            return (
                row.destination == destination
                and (gateway is None or row.gateway == gateway)
                and (interface is None or row.interface is interface)
            )

        count = self._discard(doomed)
        self._recount()
        return count

    def remove_where(self, doomed: Callable[[Route], bool]) -> int:
        """Delete every route of which `doomed` is true; return how many there were."""
        count = self._discard(doomed)
        self._recount()
        return count

    def lookup(
        self,
        dst: bytes,
        interface: Interface | None = None,
        usable: Callable[[Route], bool] | None = None,
    ) -> Route | None:
        """The route of a packet.

        Among routes to the same network those that are `usable` come first, then the metric counts; if none is,
        the best of them is taken all the same: it may have come back to life (RFC 1122 §3.3.1.5).

        Args:
            dst: where the packet goes.
            interface: only routes through it, or None.
            usable: tells dead gateways from others.
        """
        tables = self._tables[len(dst)]
        for length in self._lengths[len(dst)]:
            routes = tables[length].get(masked(dst, length))
            if routes is None:
                continue
            if interface is not None:
                routes = [route for route in routes if route.interface is interface]
                if not routes:
                    continue
            if usable is not None and len(routes) > 1:
                for route in routes:
                    if usable(route):
                        return route
            return routes[0]
        return None

    def _discard(self, doomed: Callable[[Route], bool]) -> int:
        count = 0
        for table in self._tables.values():
            for networks in table.values():
                for network, routes in list(networks.items()):
                    kept = [row for row in routes if not doomed(row)]
                    count += len(routes) - len(kept)
                    if kept:
                        networks[network] = kept
                    else:
                        del networks[network]
        return count

    def _recount(self) -> None:
        for size, table in self._tables.items():
            self._lengths[size] = sorted((length for length in table if table[length]), reverse=True)
        live = set(map(id, self))
        self._redirects = {dst: row for dst, row in self._redirects.items() if id(row) in live}
        self._changed()


def _same_way(one: Route, two: Route) -> bool:
    return (
        one.destination == two.destination
        and one.gateway == two.gateway
        and one.interface is two.interface
        and one.metric == two.metric
    )
