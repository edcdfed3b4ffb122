"""A LAN driver whose adapter is a file descriptor of the kernel: what TAP, TUN and packet socket have in common.

It never blocks and never raises for what the network or the kernel does to it. A frame that the kernel has no room
for is kept, and is the back-pressure; a descriptor that is dead (interface deleted) takes the device down once.
"""

import errno
import os
import secrets
from typing import Final, Self

from netarium.base.addr import parse_mac
from netarium.base.checksum import Buffer
from netarium.base.counters import Counters
from netarium.drive import vnet
from netarium.link.device import Medium, Offload
from netarium.link.frame import Frame

ROOM: Final = vnet.HEADER_LENGTH + 18 + 65_535
"""Octets of the largest read: virtio-net header, Ethernet with a VLAN tag, the largest IP packet."""

FULL_OFFLOAD: Final = Offload(tx_checksum=True, rx_checksum=True, tso=True, max_gso_size=65_535 - 20 - 60)
"""The payload of a super-segment leaves room for an IPv4 header and the longest TCP header."""

_GONE: Final = frozenset({errno.EBADF, errno.EBADFD, errno.ENODEV, errno.ENXIO, errno.EFAULT})
_FULL: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK})


def chosen_mac(mac: str | bytes | None) -> bytes:
    """The given MAC address packed, or a random one: locally administered, unicast (IEEE 802 §8.4)."""
    if mac is None:
        return b"\x02" + secrets.token_bytes(5)
    return parse_mac(mac) if isinstance(mac, str) else mac


class KernelDevice:
    """Implements `Device` over a non-blocking descriptor.

    Attributes:
        stalled: the frame that the kernel had no room for, or None; while there is one the driver waits until the
            descriptor is writable.
        statistics: "rx_errors", "tx_errors", "tx_dropped", "tx_stalled": what did not go smoothly.
    """

    __slots__ = (
        "__weakref__", "_fd", "_network", "_vnet", "mac", "medium", "mtu", "name", "offload", "stalled",
        "statistics", "up",
    )  # fmt: skip

    def __init__(
        self, fd: int, name: str, *, mac: bytes, mtu: int, medium: Medium, offload: Offload, vnet_header: bool
    ) -> None:
        self._fd = fd
        self._vnet = vnet_header
        self._network = 14 if medium is Medium.ETHERNET else 0
        self.name = name
        self.mac = mac
        self.mtu = mtu
        self.medium = medium
        self.offload = offload
        self.up = True
        self.stalled: Frame | None = None
        self.statistics = Counters()
        os.set_blocking(fd, False)

    def fileno(self) -> int:
        """The kernel's descriptor, to wait for; -1 when the device is down."""
        return self._fd

    def recv(self, now: int) -> Frame | None:  # noqa: ARG002 - real devices have their own clock
        """The next received frame, if there is one."""
        try:
            octets = os.read(self._fd, ROOM)
        except BlockingIOError:
            return None
        except OSError as fault:
            self._failed(fault, "rx_errors")
            return None
        if self._vnet:
            if len(octets) > vnet.HEADER_LENGTH:
                return vnet.parse(octets)
        elif octets:
            return Frame(octets)
        self._lose()  # end of file: nothing will ever come
        return None

    def can_send(self) -> bool:
        """True if there is room; offers a stalled frame to the kernel again first."""
        if not self.up:
            return False
        stalled = self.stalled
        if stalled is None:
            return True
        self.stalled = None
        self._write(stalled)
        return self.stalled is None and self.up

    def send(self, frame: Frame, now: int) -> None:  # noqa: ARG002 - real devices have their own clock
        """Hand a frame to the kernel."""
        self._write(frame)

    def join(self, mac: bytes) -> None:
        """Nothing to do where every frame is for us."""

    def leave(self, mac: bytes) -> None:
        """Nothing to do where every frame is for us."""

    def _write(self, frame: Frame) -> None:
        head: Buffer = frame.head
        if self._vnet:
            head = vnet.pack(frame, self._network) + head
        try:
            if frame.body:
                os.writev(self._fd, (head, frame.body))
            else:
                os.write(self._fd, head)
        except OSError as fault:
            if fault.errno in _FULL:
                self.stalled = frame
                self.statistics["tx_stalled"] += 1
            elif fault.errno == errno.ENOBUFS:
                self.statistics["tx_dropped"] += 1  # the kernel's queue is full: lost as on a busy line
            else:
                self._failed(fault, "tx_errors")

    def _failed(self, fault: OSError, counter: str) -> None:
        """Count a failed call; a dead descriptor takes the device down, an interface that is only down does not."""
        if self._fd < 0:
            return  # down since long, and that is told
        self.statistics[counter] += 1
        if fault.errno in _GONE:
            self._lose()

    def _lose(self) -> None:
        """The interface is gone: say so by `up`, and close the descriptor so that nobody waits on it again."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)
        self.up = False
        self.stalled = None

    def close(self) -> None:
        """Let go of the interface. A second close does nothing."""
        self._lose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}{'' if self.up else ' down'}>"
