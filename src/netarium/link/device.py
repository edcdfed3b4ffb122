"""What every LAN driver looks like from above, simulated or real."""

from enum import Enum
from typing import NamedTuple, Protocol

from netarium.link.frame import Frame


class Medium(Enum):
    """What a device's frames begin with."""

    ETHERNET = "ethernet"
    IP = "ip"  # no link header: TUN, loopback


class Offload(NamedTuple):
    """What the adapter does for the stack."""

    tx_checksum: bool = False  # finishes a transport checksum (Frame.csum_start)
    rx_checksum: bool = False  # marks verified frames (Frame.checked)
    tso: bool = False  # takes super-segments (Frame.gso_size)
    max_gso_size: int = 0  # payload octets of a super-segment


class Device(Protocol):
    """A LAN driver with its adapter. Never blocks, never raises for what a peer did.

    `now` is monotonic ns; real devices ignore it.
    """

    name: str
    mac: bytes  # b"" for a medium without link addresses
    mtu: int  # octets of the largest IP packet
    medium: Medium
    offload: Offload
    up: bool  # False: no carrier, or the device is gone

    def recv(self, now: int) -> Frame | None:
        """The next received frame, if there is one."""

    def can_send(self) -> bool:
        """True if `send` has room for at least one frame: a full ring is the back-pressure."""

    def send(self, frame: Frame, now: int) -> None:
        """Take a frame over; only after `can_send`."""

    def join(self, mac: bytes) -> None:
        """Receive frames for a group address too."""

    def leave(self, mac: bytes) -> None:
        """Undo one `join`."""


class Timed(Protocol):
    """Anything that has something to do at a time of its own."""

    def on_deadline(self, now: int) -> None:
        """Do what is due at `now`, and schedule what is next."""


class Agenda(Protocol):
    """Where timed objects put their next deadline; `TimerQueue` is one."""

    def schedule(self, item: Timed, at: int | None) -> None:
        """Set, move or (None) cancel the item's deadline."""
