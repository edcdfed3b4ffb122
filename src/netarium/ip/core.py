"""What all parts of the IP layer of one machine share: the tables, no behaviour.

The parts (neighbours, ARP, input, output, ICMP, forwarding, groups) take a core and the parts below them; only
`layer` knows all of them. That is how none has to import upward.
"""

from random import Random
from typing import Final

from netarium.base.addr import is_loopback
from netarium.base.config import MachineConfig
from netarium.base.counters import Counters
from netarium.base.timerq import TimerQueue
from netarium.base.trace import Trace
from netarium.ip.iface import Interface
from netarium.ip.packet import Transport
from netarium.ip.route import RoutingTable
from netarium.link.device import Timed


class IpCore:
    """Shared state.

    Attributes:
        name: of the machine, for trace events.
        config: all settings of the machine.
        random: the machine's source of randomness.
        counters: the machine's.
        trace: who listens, or None.
        interfaces: in the order of their numbers.
        loopback: the interface where packets for ourselves go out and come in again, if there is one.
        local: our unicast addresses that may be used and that a packet from a wire may have, and where each lives.
        routes: the routing table.
        transports: protocols above, by IP protocol number.
        generation: grows with every change after which a `Path` must be found anew.
        timers: deadlines of everything in the layer.
    """

    __slots__ = (
        "config", "counters", "generation", "interfaces", "local", "loopback", "name", "random", "routes", "timers",
        "trace", "transports",
    )  # fmt: skip

    def __init__(
        self, name: str, config: MachineConfig, random: Random, counters: Counters, trace: Trace | None
    ) -> None:
        self.name: Final = name
        self.config = config
        self.random: Final = random
        self.counters: Final = counters
        self.trace = trace
        self.interfaces: Final[list[Interface]] = []
        self.loopback: Interface | None = None
        self.local: Final[dict[bytes, Interface]] = {}
        self.routes: Final = RoutingTable(self.outdate_paths)
        self.transports: Final[dict[int, Transport]] = {}
        self.generation = 1
        self.timers: Final[TimerQueue[Timed]] = TimerQueue()

    def outdate_paths(self) -> None:
        """Every path that was found until now must be found anew."""
        self.generation += 1

    def is_local(self, address: bytes) -> bool:
        """True for our own unicast addresses, and for all of 127.0.0.0/8 if there is a loopback interface."""
        return address in self.local or (self.loopback is not None and is_loopback(address))
