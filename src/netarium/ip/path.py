"""Paths: where packets to one destination go, found once and kept by whoever sends there (RFC 1122 §3.3.1.3).

Finding one asks the addresses, the routing table, the neighbour cache and the path MTU estimates. A user of a path
keeps it while `path.generation == ip.generation`; what changes any of the answers raises the layer's generation.
"""

from typing import Final

from netarium.base.addr import (
    BROADCAST4,
    LOOPBACK4,
    LOOPBACK6,
    MAC_BROADCAST,
    format_ip,
    is_multicast,
    is_unspecified,
    multicast_mac,
)
from netarium.base.checksum import sum16
from netarium.base.errors import CloseReason, StackError
from netarium.base.trace import RouteChosen
from netarium.ip.core import IpCore
from netarium.ip.iface import Interface
from netarium.ip.neighbor import Neighbor, NeighborState, permanent
from netarium.ip.neighbor_cache import NeighborCache
from netarium.ip.pmtu import PathMtuCache
from netarium.ip.route import Route

_ANY: Final = {4: bytes(4), 16: bytes(16)}
_LOOPBACK: Final = {4: LOOPBACK4, 16: LOOPBACK6}


class Path:
    """One way to one destination.

    Attributes:
        interface: the way out.
        src: our address.
        dst: where packets go in the end.
        next_hop: where they go first: a gateway, or `dst`.
        neighbor: the next hop's row, kept current by whoever sends.
        generation: of the layer when this was found.
        mtu: octets of the largest packet: the link's, or less if routers said so.
        dont_fragment: what TCP sets in DF: False only on a path whose MTU lies below the floor.
        to_group: `dst` is a broadcast or multicast address.
        broadcast: `dst` is a broadcast address.
        version: 4 or 6.
        addresses: `src + dst`, as they stand in the header.
        address_sum: the folded sum of both, for checksums.
        tx_checksum: the device finishes transport checksums.
    """

    __slots__ = (
        "address_sum", "addresses", "broadcast", "dont_fragment", "dst", "generation", "interface", "mtu",
        "neighbor", "next_hop", "src", "to_group", "tx_checksum", "version",
    )  # fmt: skip

    def __init__(
        self,
        interface: Interface,
        src: bytes,
        dst: bytes,
        next_hop: bytes,
        neighbor: Neighbor,
        generation: int,
        *,
        broadcast: bool,
    ) -> None:
        self.interface: Final = interface
        self.src: Final = src
        self.dst: Final = dst
        self.next_hop: Final = next_hop
        self.neighbor = neighbor
        self.generation: Final = generation
        self.mtu = interface.mtu
        self.dont_fragment = True
        self.broadcast: Final = broadcast
        self.to_group: Final = broadcast or is_multicast(dst)
        self.version: Final = 4 if len(dst) == 4 else 6
        self.addresses: Final = src + dst
        self.address_sum: Final = sum16(self.addresses)
        self.tx_checksum: Final = interface.device.offload.tx_checksum


class PathFinder:
    """Finds paths."""

    __slots__ = ("_core", "_neighbors", "_pmtu")

    def __init__(self, core: IpCore, neighbors: NeighborCache, pmtu: PathMtuCache) -> None:
        self._core = core
        self._neighbors = neighbors
        self._pmtu = pmtu

    def find(
        self, dst: bytes, now: int, *, src: bytes | None = None, interface: Interface | None = None
    ) -> Path:
        """The path for packets that we send.

        Args:
            dst: a unicast, broadcast or multicast address; unspecified means ourselves, as everywhere.
            now: monotonic ns.
            src: one of our addresses, or None or unspecified: as the interface chooses.
            interface: the way out, or None: as the routing table says.

        Raises:
            StackError: NETWORK_UNREACHABLE, ADDRESS_NOT_AVAILABLE.

        Spec: RFC 1122 §3.3.1 (routing), §3.3.4.3 (source address), §3.3.6 (broadcast).
        """
        core = self._core
        if is_unspecified(dst):
            dst = _LOOPBACK[len(dst)]
        if src is not None:
            src = None if is_unspecified(src) else self._checked_source(src)
        if core.is_local(dst):
            return self._to_ourselves(dst, src, now)
        route = None if dst == BROADCAST4 else core.routes.lookup(dst, interface, self._usable)
        gateway = None if route is None else route.gateway
        out = interface
        if route is not None:
            out = route.interface
        elif out is None and (dst == BROADCAST4 or is_multicast(dst)):
            out = self._default_interface(dst, src)
        if out is None:
            raise StackError(CloseReason.NETWORK_UNREACHABLE, format_ip(dst))
        next_hop = dst if gateway is None or is_multicast(dst) else gateway
        if src is None:
            src = self._choose_source(route, out, next_hop, dst)
        return self._path(out, src, dst, next_hop, now, route)

    def find_onward(self, dst: bytes, src: bytes, now: int) -> Path | None:
        """The path for a packet that we forward: a unicast destination, a source that is not ours."""
        route = self._core.routes.lookup(dst, None, self._usable)
        if route is None:
            return None
        return self._path(route.interface, src, dst, route.gateway or dst, now, route)

    def _checked_source(self, src: bytes) -> bytes:
        """RFC 1122 §3.2.1.3: what we send bears an address of ours."""
        if not self._core.is_local(src):
            raise StackError(CloseReason.ADDRESS_NOT_AVAILABLE, format_ip(src))
        return src

    def _to_ourselves(self, dst: bytes, src: bytes | None, now: int) -> Path:
        out = self._core.loopback
        if out is None:
            raise StackError(CloseReason.NETWORK_UNREACHABLE, format_ip(dst))
        return self._path(out, src or dst, dst, dst, now, None)

    def _usable(self, route: Route) -> bool:
        """False if the way is known to be dead (RFC 1122 §3.3.1.4)."""
        if not route.interface.up:
            return False
        if route.gateway is None:
            return True
        return self._neighbors.entry(route.interface, route.gateway).state is not NeighborState.FAILED

    def _default_interface(self, dst: bytes, src: bytes | None) -> Interface | None:
        """Where a packet for everybody goes if nobody said so: by the source, by the default route, or the first."""
        core = self._core
        if src is not None and src in core.local:
            return core.local[src]
        default = core.routes.lookup(_ANY[len(dst)], None, self._usable)
        if default is not None:
            return default.interface
        for interface in core.interfaces:
            if not interface.loopback and interface.up:
                return interface
        return core.loopback

    def _choose_source(self, route: Route | None, out: Interface, next_hop: bytes, dst: bytes) -> bytes:
        source = None if route is None else route.source
        source = source or out.source_for(next_hop)
        if source is not None:
            return source
        for interface in self._core.interfaces:  # RFC 1122 §3.3.4.2: a weak host may speak from any address
            if not interface.loopback and (source := interface.source_for(next_hop)) is not None:
                return source
        if dst == BROADCAST4 or is_multicast(dst):
            return _ANY[len(dst)]  # RFC 1122 §3.2.1.3 (a): still learning who we are
        raise StackError(CloseReason.ADDRESS_NOT_AVAILABLE, f"{out.name} has no address")

    def _path(
        self, out: Interface, src: bytes, dst: bytes, next_hop: bytes, now: int, route: Route | None
    ) -> Path:
        core = self._core
        broadcast = dst == BROADCAST4 or dst in out.broadcasts
        path = Path(
            out,
            src,
            dst,
            next_hop,
            self._neighbor(out, next_hop, route),
            core.generation,
            broadcast=broadcast,
        )
        estimate = self._pmtu.get(dst)
        if estimate is not None and estimate.mtu <= path.mtu:
            path.mtu, path.dont_fragment = estimate.mtu, not estimate.fixed
        if core.trace is not None:
            core.trace.emit(
                RouteChosen(
                    at=now,
                    where=core.name,
                    destination=format_ip(dst),
                    prefix="local" if route is None else str(route.destination),
                    gateway=None if next_hop == dst else format_ip(next_hop),
                    device=out.name,
                    source=format_ip(src),
                )
            )
        return path

    def _neighbor(self, out: Interface, next_hop: bytes, route: Route | None) -> Neighbor:
        if not out.ethernet:
            return permanent(out, next_hop, b"")
        if next_hop == BROADCAST4 or next_hop in out.broadcasts:
            return permanent(out, next_hop, MAC_BROADCAST)  # RFC 894, RFC 1122 §3.3.6
        if is_multicast(next_hop):
            return permanent(out, next_hop, multicast_mac(next_hop))
        neighbor = self._neighbors.entry(out, next_hop)
        if route is not None and route.gateway is not None:
            neighbor.gateway = True
        return neighbor
