"""The LAN driver of a simulated adapter: what the stack sees of it.

Checksums are offloaded both ways: nobody touches a frame on the virtual cable but a fault rule, which sees to it that
the damage can be seen. Super-segments are taken if asked for.
"""

from typing import Final

from netarium.link.adapter import Adapter, Interrupt
from netarium.link.device import Medium, Offload
from netarium.link.frame import Frame

MAX_GSO_SIZE: Final = 64_000  # payload octets; with all headers it stays below IPv4's 65,535


class SimulatedDevice:
    """A `Device` on a simulated adapter.

    Args:
        adapter: which becomes this driver's own.
        name: on its machine, as "eth0".
        tso: take super-segments.
    """

    __slots__ = ("adapter", "mac", "medium", "mtu", "name", "offload", "up")

    def __init__(self, adapter: Adapter, *, name: str = "eth0", tso: bool = True) -> None:
        self.adapter = adapter
        self.up = adapter.end is not None
        adapter.driver = self
        self.name = name
        self.mac = adapter.mac
        self.mtu = adapter.mtu
        self.medium = Medium.ETHERNET
        self.offload = Offload(
            tx_checksum=True, rx_checksum=True, tso=tso, max_gso_size=MAX_GSO_SIZE if tso else 0
        )

    @property
    def interrupt(self) -> Interrupt | None:
        """Whom the adapter calls."""
        return self.adapter.interrupt

    @interrupt.setter
    def interrupt(self, line: Interrupt | None) -> None:
        self.adapter.interrupt = line

    def set_mtu(self, mtu: int) -> None:
        """Change the largest packet of driver and adapter."""
        self.mtu = self.adapter.mtu = mtu

    def recv(self, now: int) -> Frame | None:  # noqa: ARG002 - `Device`
        """The next frame of the receive ring."""
        rx = self.adapter.rx
        return rx.take() if rx.used else None

    def can_send(self) -> bool:
        """True if the transmit ring has room."""
        return self.adapter.can_transmit()

    def send(self, frame: Frame, now: int) -> None:
        """A frame for the transmit ring."""
        self.adapter.transmit(frame, now)

    def join(self, mac: bytes) -> None:
        """Receive frames for a group address too."""
        self.adapter.join(mac)

    def leave(self, mac: bytes) -> None:
        """Undo one `join`."""
        self.adapter.leave(mac)
