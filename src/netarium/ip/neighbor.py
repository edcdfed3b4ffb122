"""Neighbours: one row of the ARP cache, or of Neighbor Discovery's (RFC 4861 §5.1, §7.3.2).

What moves a row from state to state is `neighbor_cache`.
"""

from collections import deque
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from netarium.base.addr import format_ip
from netarium.ip.iface import Interface
from netarium.link.frame import Frame
from netarium.wire import ethernet
from netarium.wire.numbers import ETHERTYPE_IPV4, ETHERTYPE_IPV6


class NeighborState(StrEnum):
    """RFC 4861 §7.3.2, and three of our own."""

    NONE = "NONE"  # not in the table (yet, or any more)
    INCOMPLETE = "INCOMPLETE"
    REACHABLE = "REACHABLE"
    STALE = "STALE"
    DELAY = "DELAY"
    PROBE = "PROBE"
    FAILED = "FAILED"  # does not answer: refused for a while, then asked again
    PERMANENT = "PERMANENT"  # needs no asking: broadcast, groups, links without addresses, set by hand


class Solicitor(Protocol):
    """The protocol that asks: ARP, or Neighbor Discovery."""

    def solicit(self, interface: Interface, target: bytes, mac: bytes | None, now: int) -> None:
        """Ask who has `target`: the neighbour at `mac`, or (None) everybody."""


class Keeper(Protocol):
    """Whoever moves a row from state to state."""

    def on_timer(self, neighbor: "Neighbor", now: int) -> None:
        """The row's timer came due."""


class Failure(NamedTuple):
    """Packets that found no neighbour: each item holds the frames of one packet, without link header."""

    interface: Interface
    address: bytes
    packets: list[list[Frame]]


class Neighbor:
    """One row.

    Attributes:
        key: interface and address as bytes, the key in the table.
        interface: on whose link it lives.
        address: its IP address.
        mac: its MAC address, empty if unknown.
        link_header: ready to put in front of a packet, if `settled`.
        state: as above.
        settled: True if a packet may go at once and nothing is to be noted.
        gateway: paths lead through it, so its death is of interest to routing.
        confirmed_at: when it last proved to be reachable (ns), or None: never.
        claim: another MAC address that somebody says it has.
        waiting: packets that wait for the answer.
    """

    __slots__ = (
        "_keeper", "address", "asked", "asked_at", "claim", "confirmed_at", "failed_until", "gateway", "interface",
        "key", "link_header", "lives_until", "mac", "settled", "state", "updated_at", "waiting",
    )  # fmt: skip

    def __init__(self, keeper: "Keeper | None", interface: Interface, address: bytes) -> None:
        self._keeper = keeper
        self.key: Final = interface.key + address
        self.interface: Final = interface
        self.address: Final = address
        self.mac = b""
        self.link_header = b""
        self.state = NeighborState.NONE
        self.settled = False
        self.gateway = False
        self.confirmed_at: int | None = None
        self.updated_at = 0
        self.lives_until = 0  # how long a confirmation lasts
        self.failed_until = 0
        self.asked = 0  # solicitations in this round
        self.asked_at: int | None = None
        self.claim: bytes | None = None
        self.waiting: deque[list[Frame]] = deque()

    def set_mac(self, mac: bytes) -> None:
        """Learn where it is."""
        self.mac = mac
        ethertype = ETHERTYPE_IPV4 if len(self.address) == 4 else ETHERTYPE_IPV6
        self.link_header = ethernet.pack(mac, self.interface.mac, ethertype)

    def on_deadline(self, now: int) -> None:
        """Its timer came due."""
        if self._keeper is not None:
            self._keeper.on_timer(self, now)

    def __repr__(self) -> str:
        return f"Neighbor({format_ip(self.address)}, {self.mac.hex(':')}, {self.state})"


def permanent(interface: Interface, address: bytes, mac: bytes) -> Neighbor:
    """A neighbour that needs no resolution; on a link without addresses, `mac` is empty and so is the header."""
    neighbor = Neighbor(None, interface, address)
    if mac:
        neighbor.set_mac(mac)
    neighbor.state = NeighborState.PERMANENT
    neighbor.settled = True
    return neighbor


def with_link_header(frame: Frame, link_header: bytes) -> Frame:
    """Put the link header in front of a frame that began with IP."""
    if link_header:
        frame.head = link_header + bytes(frame.head)
        if frame.csum_start:
            frame.csum_start += len(link_header)
    return frame
