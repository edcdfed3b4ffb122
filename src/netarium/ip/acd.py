"""Address conflict detection (RFC 5227): look before using an address, say that we use it, defend it.

    WAITING --0...1 s--> PROBING --3 probes, 1...2 s apart--> SETTLING --2 s--> ANNOUNCING --2 times--> IN_USE
                              |  somebody has it, or wants it too
                              +--> the address is DUPLICATE and never ours

Probing takes some six seconds and is a setting; announcing and defending always happen. In use, a conflict is
answered by one announcement in ten seconds at the most, and the address is kept: §2.4 (c), the choice for machines
whose address others rely on. To give it up (b) would let any stranger take it away with two packets.
"""

from enum import Enum
from typing import Final, Protocol

from netarium.base.addr import MAC_BROADCAST, MAC_ZERO, format_ip, format_mac, is_unspecified
from netarium.base.trace import NeighborChanged
from netarium.base.units import SECOND
from netarium.ip.arp import transmit
from netarium.ip.core import IpCore
from netarium.ip.iface import Address, AddressState, Interface
from netarium.wire.arp import REQUEST, ArpMessage

MAX_CONFLICTS: Final = 10  # §1.1: from then on ...
RATE_LIMIT_INTERVAL_NS: Final = 60 * SECOND  # ... one attempt in this time


class Owner(Protocol):
    """Who puts an address to use."""

    def address_ready(self, interface: Interface, address: Address, now: int) -> None:
        """Nobody else has it."""


class Phase(Enum):
    """How far an address has come."""

    WAITING = "waiting"
    PROBING = "probing"
    SETTLING = "settling"
    ANNOUNCING = "announcing"
    IN_USE = "in-use"


class _Claim:
    """One address of ours, and how far it has come."""

    __slots__ = ("_detector", "address", "defended_at", "interface", "left", "phase")

    def __init__(self, detector: "ConflictDetector", interface: Interface, address: Address) -> None:
        self._detector = detector
        self.interface: Final = interface
        self.address: Final = address
        self.phase = Phase.WAITING
        self.left = 0  # probes or announcements still to be sent
        self.defended_at: int | None = None

    def on_deadline(self, now: int) -> None:
        self._detector.on_timer(self, now)


class ConflictDetector:
    """The guard over the addresses of one machine."""

    __slots__ = ("_attempted_at", "_claims", "_conflicts", "_core", "_owner")

    def __init__(self, core: IpCore, owner: Owner) -> None:
        self._core = core
        self._owner = owner
        self._claims: dict[bytes, _Claim] = {}
        self._conflicts: dict[int, int] = {}  # by interface number: addresses refused since the last success
        self._attempted_at: dict[int, int] = {}

    def claim(self, interface: Interface, address: Address, now: int) -> None:
        """Begin to use an address: probe it first if the configuration says so."""
        config = self._core.config.neighbor
        claim = _Claim(self, interface, address)
        self._claims[interface.key + address.address] = claim
        if not config.detect_duplicates:
            claim.phase, claim.left = Phase.ANNOUNCING, 1
            self._owner.address_ready(interface, address, now)
            self.on_timer(claim, now)
            return
        start = now + self._core.random.randint(0, config.probe_wait_ns)
        if self._conflicts.get(interface.index, 0) >= MAX_CONFLICTS:
            start = max(start, self._attempted_at[interface.index] + RATE_LIMIT_INTERVAL_NS)
        self._attempted_at[interface.index] = start
        claim.left = config.probe_num
        self._core.timers.schedule(claim, start)

    def release(self, interface: Interface, address: bytes) -> None:
        """An address is no longer ours."""
        claim = self._claims.pop(interface.key + address, None)
        if claim is not None:
            self._core.timers.schedule(claim, None)

    def heard(self, interface: Interface, message: ArpMessage, now: int) -> bool:
        """Hear what somebody else sends; True if it claims an address of ours.

        Spec: RFC 5227 §2.1.1 (while probing, a probe for the same address counts, too), §2.4.
        """
        claim = self._claims.get(interface.key + message.spa)
        if claim is None and is_unspecified(message.spa):
            claim = self._claims.get(interface.key + message.tpa)
            if claim is None or claim.phase not in {Phase.WAITING, Phase.PROBING, Phase.SETTLING}:
                return False
        if claim is None:
            return False
        core = self._core
        core.counters["arp_address_conflicts"] += 1
        if core.trace is not None:
            core.trace.emit(
                NeighborChanged(
                    at=now,
                    where=core.name,
                    device=interface.name,
                    address=format_ip(claim.address.address),
                    mac=format_mac(message.sha),
                    old=str(claim.address.state),
                    new="conflict",
                )
            )
        if claim.phase in {Phase.ANNOUNCING, Phase.IN_USE}:
            self._defend(claim, now)
        else:
            self._give_up(claim)
        return True

    def on_timer(self, claim: _Claim, now: int) -> None:
        """Take the next step with an address."""
        core, config = self._core, self._core.config.neighbor
        if claim.phase is Phase.WAITING:
            claim.phase = Phase.PROBING
        if claim.phase is Phase.PROBING:
            self._say(claim, bytes(4))
            claim.left -= 1
            wait = core.random.randint(config.probe_min_ns, config.probe_max_ns)
            if not claim.left:
                claim.phase, wait = Phase.SETTLING, config.announce_wait_ns
            core.timers.schedule(claim, now + wait)
            return
        if claim.phase is Phase.SETTLING:
            claim.phase, claim.left = Phase.ANNOUNCING, config.announce_num
            self._conflicts.pop(claim.interface.index, None)
            self._owner.address_ready(claim.interface, claim.address, now)
        if claim.phase is Phase.ANNOUNCING:
            self._say(claim, claim.address.address)
            claim.left -= 1
            if claim.left:
                core.timers.schedule(claim, now + config.announce_interval_ns)
            else:
                claim.phase = Phase.IN_USE

    def _defend(self, claim: _Claim, now: int) -> None:
        interval = self._core.config.neighbor.defend_interval_ns
        if claim.defended_at is None or now >= claim.defended_at + interval:
            claim.defended_at = now
            self._core.counters["arp_address_defended"] += 1
            self._say(claim, claim.address.address)

    def _give_up(self, claim: _Claim) -> None:
        index = claim.interface.index
        self._conflicts[index] = self._conflicts.get(index, 0) + 1
        claim.address.state = AddressState.DUPLICATE
        self.release(claim.interface, claim.address.address)

    def _say(self, claim: _Claim, spa: bytes) -> None:
        """A probe (sender 0.0.0.0) or an announcement (sender and target alike); both are broadcast requests."""
        message = ArpMessage(REQUEST, claim.interface.mac, spa, MAC_ZERO, claim.address.address)
        transmit(self._core, claim.interface, MAC_BROADCAST, message)
