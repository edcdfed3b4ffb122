"""Interfaces: where a machine meets a network, with the addresses it has there (RFC 1122 §3.3.4, RFC 1112 §7).

A device moves frames; an interface gives it addresses, groups and the queue of frames that wait for it. Nothing
here sends or receives: the parts of the layer do, and keep what they know about one network in its `Interface`.
"""

from collections import deque
from enum import StrEnum
from typing import Final

from netarium.base.addr import is_link_local, masked, subnet_broadcast
from netarium.ip.packet import Sender
from netarium.link.device import Device, Medium
from netarium.link.frame import Frame


class AddressState(StrEnum):
    """May an address be used? The names of RFC 4862 §2, for both families."""

    TENTATIVE = "tentative"  # being probed: answers nobody, is nobody's source
    PREFERRED = "preferred"
    DUPLICATE = "duplicate"  # somebody else has it: not ours


class Address:
    """One address of an interface with its network.

    Attributes:
        address: packed.
        prefix_length: bits of the network.
        broadcast: the directed broadcast address; of IPv6, /31 and /32 the address itself (RFC 3021).
        state: whether it may be used.
    """

    __slots__ = ("address", "broadcast", "prefix_length", "state")

    def __init__(self, address: bytes, prefix_length: int, state: AddressState) -> None:
        self.address: Final = address
        self.prefix_length: Final = prefix_length
        self.broadcast: Final = subnet_broadcast(address, prefix_length) if len(address) == 4 else address
        self.state = state

    def covers(self, other: bytes) -> bool:
        """True if `other` lies on this address's network."""
        return len(other) == len(self.address) and (
            masked(other, self.prefix_length) == masked(self.address, self.prefix_length)
        )

    def __repr__(self) -> str:
        return f"Address({self.address.hex('.', 1)}/{self.prefix_length}, {self.state})"


class Interface:
    """A device with addresses.

    Attributes:
        index: number, from 1, never given twice (`if_nametoindex`).
        name: as the device's.
        device: the driver.
        ethernet: frames begin with a link header, and neighbours have MAC addresses.
        loopback: what goes out comes in.
        addresses: in the order in which they were added; the first suitable one is a source.
        broadcasts: every directed broadcast address here, with the old form with zeros (RFC 1122 §3.3.6).
        groups: multicast groups joined, with the number of joins.
        group_macs: what the adapter was told to receive, with the number of groups behind it.
        out: finished frames that wait for the device.
        ready: senders that have segments for it, asked when `out` is empty.
    """

    __slots__ = (
        "_limit", "addresses", "broadcasts", "device", "ethernet", "group_macs", "groups", "index", "key", "loopback",
        "name", "out", "ready",
    )  # fmt: skip

    def __init__(self, index: int, device: Device, limit: int, *, loopback: bool = False) -> None:
        self.index: Final = index
        self.key: Final = index.to_bytes(2, "big")
        self.name: Final = device.name
        self.device: Final = device
        self.ethernet: Final = device.medium is Medium.ETHERNET
        self.loopback: Final = loopback
        self.addresses: list[Address] = []
        self.broadcasts: dict[bytes, None] = {}
        self.groups: dict[bytes, int] = {}
        self.group_macs: dict[bytes, int] = {}
        self.out: deque[Frame] = deque()
        self.ready: deque[Sender] = deque()
        self._limit = limit

    @property
    def mtu(self) -> int:
        """Octets of the largest IP packet."""
        return self.device.mtu

    @property
    def mac(self) -> bytes:
        """The device's MAC address, or empty."""
        return self.device.mac

    @property
    def up(self) -> bool:
        """False if frames would go nowhere."""
        return self.device.up

    def enqueue(self, frame: Frame) -> bool:
        """Put a finished frame on the queue; False if that is full: the newest is lost, as in a real queue."""
        if len(self.out) >= self._limit:
            return False
        self.out.append(frame)
        return True

    def find(self, address: bytes) -> Address | None:
        """The row of one of our addresses here."""
        for row in self.addresses:
            if row.address == address:
                return row
        return None

    def source_for(self, target: bytes) -> bytes | None:
        """The address to speak from to a target on this link: of its network if we have one, else the first.

        Spec: RFC 1122 §3.3.4.3 (a); a link-local source only for link-local targets, or for want of another.
        """
        usable = [
            row
            for row in self.addresses
            if row.state is AddressState.PREFERRED and len(row.address) == len(target)
        ]
        for row in usable:
            if row.covers(target):
                return row.address
        wide = [row for row in usable if is_link_local(row.address) == is_link_local(target)]
        chosen = wide or usable
        return chosen[0].address if chosen else None

    def update_broadcasts(self) -> None:
        """Compute `broadcasts` again after an address came or went."""
        self.broadcasts.clear()
        for row in self.addresses:
            if len(row.address) == 4 and row.prefix_length < 31:
                self.broadcasts[row.broadcast] = None
                # RFC 1122 §3.3.6: accept the form with zeros that old hosts send.
                self.broadcasts[masked(row.address, row.prefix_length)] = None

    def __repr__(self) -> str:
        return f"Interface({self.index}, {self.name})"
