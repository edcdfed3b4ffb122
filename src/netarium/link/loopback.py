"""The loopback device: what is sent is received, by the same machine (RFC 1122 §3.2.1.3 (g))."""

from collections import deque
from typing import Final

from netarium.link.adapter import Interrupt
from netarium.link.device import Medium, Offload
from netarium.link.frame import Frame

MTU: Final = 65_536


class Loopback:
    """A `Device` without a link header.

    Checksums are never computed: a frame cannot be harmed between a machine and itself.

    Args:
        name: on its machine.
        limit: frames that may wait to be received; then `can_send` is False.
    """

    __slots__ = (
        "_blocked",
        "_frames",
        "_limit",
        "interrupt",
        "mac",
        "medium",
        "mtu",
        "name",
        "offload",
        "up",
    )

    def __init__(self, name: str = "lo", *, limit: int = 1_000, interrupt: Interrupt | None = None) -> None:
        self.name = name
        self.mac = b""
        self.mtu = MTU
        self.medium = Medium.IP
        self.offload = Offload(tx_checksum=True, rx_checksum=True, tso=True, max_gso_size=64_000)
        self.up = True
        self.interrupt = interrupt
        self._frames: deque[Frame] = deque()
        self._limit = limit
        self._blocked = False

    def recv(self, now: int) -> Frame | None:
        """The next of what was sent."""
        frames = self._frames
        if not frames:
            return None
        frame = frames.popleft()
        if self._blocked:
            self._blocked = False
            if self.interrupt is not None:
                self.interrupt.raise_line(now)
        return frame

    def can_send(self) -> bool:
        """True if there is room."""
        if len(self._frames) < self._limit:
            return True
        self._blocked = True
        return False

    def send(self, frame: Frame, now: int) -> None:
        """Send, which is to receive."""
        self._frames.append(frame)
        if len(self._frames) == 1 and self.interrupt is not None:
            self.interrupt.raise_line(now)

    def join(self, mac: bytes) -> None:
        """There are no link addresses."""

    def leave(self, mac: bytes) -> None:
        """There are no link addresses."""
