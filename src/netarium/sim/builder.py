"""Building a simulated network: hosts, routers, switches, cables, and what goes wrong with them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from netarium.base import profiles, units
from netarium.base.addr import parse_interface, parse_ip, parse_mac
from netarium.base.config import MachineConfig
from netarium.base.errors import UsageError
from netarium.base.trace import Trace
from netarium.host.machine import Machine
from netarium.link import rules
from netarium.link.cable import Cable, Port
from netarium.link.rule import Rule
from netarium.link.switch import Switch
from netarium.sim.host import Host
from netarium.sim.lan import Attachment, Lan, Node
from netarium.sim.partition import Partition, Party
from netarium.sim.runtime import Clockwork
from netarium.transport.tcp.connection import Connection

RATE: Final = "1gbit"  # of a cable, if nothing is said: Gigabit Ethernet
DELAY_NS: Final = 500  # of propagation, likewise: 100 m of copper at two thirds of the speed of light
QUEUE: Final = 1_000  # frames that may wait at each end of a cable
MTU: Final = 1_500
REORDER_NS: Final = 1 * units.MS  # for how long an overtaken frame is held back
_LOCAL_MAC: Final = b"\x02\x00"  # unicast, locally administered (IEEE 802 §8.4)

Place = Host | Switch | str
Quantity = str | float


def _faults(
    loss: Quantity,
    burst_loss: tuple[Quantity, Quantity] | None,
    jitter: Quantity,
    reorder: Quantity,
    duplicate: Quantity,
    corrupt: Quantity,
) -> Iterator[Rule]:
    """The rules of a cable, as `Builder.cable` describes them."""
    if units.probability(loss):
        yield rules.Loss(loss)
    if burst_loss is not None:
        yield rules.BurstLoss(*burst_loss)
    if units.probability(duplicate):
        yield rules.Duplicate(duplicate)
    if units.probability(reorder):
        yield rules.Reorder(reorder, REORDER_NS)
    if units.probability(corrupt):
        yield rules.Corrupt(corrupt)
    if units.duration(jitter):
        yield rules.Jitter(units.duration(jitter))


class Builder:
    """The network of a world. `World` adds time and programs.

    Attributes:
        machines: the hosts and routers by name, in the order of their making.
        switches: by name.
        cables: by name.
        trace: who is told of everything that happens, or None.
    """

    def __init__(
        self, clockwork: Clockwork, seed: int | str, config: MachineConfig, trace: Trace | None
    ) -> None:
        self.machines: dict[str, Host] = {}
        self.switches: dict[str, Switch] = {}
        self.cables: dict[str, Cable] = {}
        self.trace = trace
        self._clockwork = clockwork
        self._agenda = clockwork.baton.agenda
        self._seed = seed
        self._config = config
        self._lan = Lan()
        self._wishes: dict[Host, list[str]] = {}  # addresses that the user chose, not yet given
        self._macs: dict[Host, bytes] = {}  # likewise
        self._offload: dict[Host, bool] = {}
        self._cables_of: dict[Host, list[Cable]] = {}
        self._adapters = 0
        self._server: Host | None = None  # the DNS server of all

    def random(self, name: str) -> Random:
        """A stream of random numbers of its own for each name: adding one part changes nothing for the others."""
        return Random(f"{self._seed}/{name}")

    # --- parts ------------------------------------------------------------------------------------------------

    def host(
        self,
        name: str,
        *,
        address: str | Sequence[str] | None = None,
        mac: str | None = None,
        config: MachineConfig | None = None,
        profile: str | None = None,
        offload: bool = False,
    ) -> Host:
        """A new host, which is not connected yet.

        Args:
            name: what others call it; also resolves to its address.
            address: as "192.0.2.1/24", or one for each of its cables; None: given by the world.
            mac: of its first adapter; None: likewise.
            config: of its stack; None: the world's.
            profile: whose TCP it has: "linux", "freebsd" or "rfc"; None: that of `config`.
            offload: its adapters take TCP segments of up to 64 KiB and let them travel as one: many times faster to
                simulate, but a capture shows the super-segments.

        Raises:
            UsageError: the name is taken, or an argument makes no sense.
        """
        self._check_name(name)
        addresses = [] if address is None else [address] if isinstance(address, str) else list(address)
        for each in addresses:
            parse_interface(each)
        config = self._config if config is None else config
        if profile is not None:
            config = replace(config, tcp=profiles.profile(profile))
        machine = Machine(
            name,
            config=config,
            random=self.random(f"host {name}"),
            trace=self.trace,
        )
        host = Host(machine, self._clockwork, self._lan.names, self.settle)
        self.machines[name] = host
        self._wishes[host] = addresses
        if mac is not None:
            self._macs[host] = parse_mac(mac)
        self._offload[host] = offload
        self._cables_of[host] = []
        if self._server is not None:
            host.nameserver(self._server)
        return host

    def hosts(self, *names: str) -> tuple[Host, ...]:
        """Several new hosts."""
        return tuple(self.host(name) for name in names)

    def router(self, name: str, *places: Place, config: MachineConfig | None = None, mtu: int = MTU) -> Host:
        """A new host that forwards between the networks of `places`, each at the end of a cable of its own.

        The hosts of those networks get routes through it.
        """
        base = self._config if config is None else config
        router = self.host(name, config=replace(base, ip=replace(base.ip, forwarding=True)))
        for place in places:
            self.cable(router, place, mtu=mtu)
        return router

    def switch(
        self,
        name: str,
        *places: Place,
        rate: Quantity = RATE,
        delay: Quantity | None = None,
        latency: Quantity = 0,
    ) -> Switch:
        """A new learning switch, with a cable to each of `places`.

        Args:
            name: for people.
            places: hosts, routers and other switches.
            rate: of the cables.
            delay: of the cables, one way.
            latency: of the switch itself, behind the last bit of a frame.
        """
        self._check_name(name)
        switch = self.switches[name] = Switch(self._agenda, name=name, latency=units.duration(latency))
        for place in places:
            self.cable(place, switch, rate=rate, delay=delay)
        return switch

    def cable(
        self,
        one: Place,
        other: Place,
        *,
        rate: Quantity | None = RATE,
        delay: Quantity | None = None,
        loss: Quantity = 0,
        burst_loss: tuple[Quantity, Quantity] | None = None,
        jitter: Quantity = 0,
        reorder: Quantity = 0,
        duplicate: Quantity = 0,
        corrupt: Quantity = 0,
        queue: int = QUEUE,
        mtu: int = MTU,
        name: str | None = None,
    ) -> Cable:
        """Connect two places; every cable to a host ends in an adapter of its own.

        Args:
            one: a host, a router or a switch, or its name.
            other: likewise.
            rate: bits per second, each way; None: infinite.
            delay: propagation one way; None: 500 ns, 100 m of copper.
            loss: probability of each frame to be lost.
            burst_loss: probabilities of a burst of losses to begin and to end with a frame.
            jitter: up to this much more delay, at random; the order stays.
            reorder: probability of a frame to be overtaken by later ones.
            duplicate: probability of a frame to arrive twice.
            corrupt: probability of a frame to arrive with wrong bits; the receiver's FCS check finds it.
            queue: frames that may wait at each end behind the one on the line.
            mtu: largest IP packet of the adapters at its ends.
            name: for people; None: "one-other".
        """
        places = (self._place(one), self._place(other))
        if places[0] is places[1]:
            raise UsageError(f"a cable from {places[0].name} to itself")
        name = self._cable_name(f"{places[0].name}-{places[1].name}" if name is None else name)
        cable = self.cables[name] = Cable(
            self._agenda,
            random=self.random(f"cable {name}"),
            name=name,
            rate=None if rate is None else units.rate(rate),
            delay=DELAY_NS if delay is None else units.duration(delay),
            queue=queue,
            trace=self.trace,
        )
        ends = [self._end(place, cable, mtu) for place in places]
        cable.plug(ends[0][0], ends[1][0])
        self._lan.connect(ends[0][1], ends[1][1])
        for rule in _faults(loss, burst_loss, jitter, reorder, duplicate, corrupt):
            cable.add_rule(rule)
        return cable

    def dns(self, server: Host | str) -> Host:
        """All hosts, also later ones, ask this one for names; the world's own table of names is of no use any more."""
        self._server = self._host(server)
        for host in self.machines.values():
            host.nameserver(self._server)
        return self._server

    # --- what goes wrong --------------------------------------------------------------------------------------

    def partition(
        self,
        one: Host | str | Iterable[Host | str],
        other: Host | str | Iterable[Host | str],
        *,
        at: Quantity | None = None,
        lasting: Quantity | None = None,
    ) -> Partition:
        """Hosts that cannot hear each other, until the `with` block or the time is over.

        Args:
            one: a host or several.
            other: from whom they are cut off.
            at: when it begins, from now; None: now.
            lasting: how long; None: until `heal()`, or the end of the `with` block.
        """
        self.settle()
        mine, others = self._group(one), self._group(other)
        party = Party(", ".join(host.name for host in others), frozenset(self._identities(others)))
        partition = Partition([(cable, party) for host in mine for cable in self._cables_of[host]])
        now = self._clockwork.baton.now
        begins = now + (0 if at is None else units.duration(at))
        ends = None if lasting is None else begins + units.duration(lasting)
        if at is None:
            partition.begin()
        partition.plan(self._agenda, None if at is None else begins, ends)
        return partition

    # --- what there is ----------------------------------------------------------------------------------------

    def connection(self, host: Host | str, peer: str) -> Connection:
        """The youngest TCP connection of a host with a peer ("server:8080", or an address and a port), also a past one.

        Raises:
            LookupError: there is none.
        """
        host = self._host(host)
        name, _, port = peer.rpartition(":")
        addresses = self._lan.names.addresses(name) or [parse_ip(name.strip("[]"))]
        for connection in reversed(host.driver.connections):
            if connection.remote[1] == int(port) and connection.remote[0] in addresses:
                assert isinstance(connection, Connection)
                return connection
        raise LookupError(f"{host.name} has no connection with {peer}")

    def settle(self) -> None:
        """Bring addresses, routes and names up to date; done by itself before anything runs."""
        self._lan.settle()

    # --- inside -----------------------------------------------------------------------------------------------

    def _check_name(self, name: str) -> None:
        """Names are what programs resolve and people read."""
        if not name.strip():
            raise UsageError("a machine needs a name: write it like world.host('client')")
        if name in self.machines or name in self.switches:
            raise UsageError(f"there is a {name!r} already: names in a world are unique")

    def _host(self, host: Host | str) -> Host:
        if isinstance(host, Host):
            return host
        if host not in self.machines:
            raise UsageError(f"there is no host {host!r}: make it with world.host({host!r})")
        return self.machines[host]

    def _place(self, place: Place) -> Host | Switch:
        if isinstance(place, Switch):
            return place
        if isinstance(place, str) and place in self.switches:
            return self.switches[place]
        return self._host(place)

    def _group(self, hosts: Host | str | Iterable[Host | str]) -> list[Host]:
        if isinstance(hosts, Host | str):
            return [self._host(hosts)]
        return [self._host(host) for host in hosts]

    def _identities(self, hosts: list[Host]) -> Iterable[bytes]:
        for attachment in self._lan.attachments:
            if attachment.host in hosts:
                yield attachment.device.mac
                yield attachment.address

    def _cable_name(self, name: str) -> str:
        number, unique = 1, name
        while unique in self.cables:
            number += 1
            unique = f"{name} {number}"
        return unique

    def _end(self, place: Host | Switch, cable: Cable, mtu: int) -> tuple[Port, Node]:
        if isinstance(place, Switch):
            return place.add_port(), place
        self._cables_of[place].append(cable)
        self._adapters += 1
        mac = self._macs.pop(place, None) or _LOCAL_MAC + self._adapters.to_bytes(4, "big")
        device = place.plug(mac, mtu=mtu, offload=self._offload[place])
        wishes = self._wishes[place]
        chosen = parse_interface(wishes.pop(0)) if wishes else None
        interface = place.machine.ip.interface_of(device)
        return device.adapter, Attachment(place, interface, device, chosen)
