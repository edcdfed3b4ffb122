"""TUN: an interface of the kernel that carries bare IP packets, without Ethernet, to this program.

Spec: Linux Documentation/networking/tuntap.rst.
"""

from netarium.drive.device import FULL_OFFLOAD, KernelDevice
from netarium.drive.tap import IFF_TUN, configure, open_tun
from netarium.link.device import Medium, Offload


class Tun(KernelDevice):
    """A point-to-point link to the kernel.

    Args:
        name: the interface; it is made if it does not exist, and goes when the device is closed.
        offload: segments of up to 64 KiB and no payload checksums.
        mtu: set the interface's MTU; None leaves it (1,500 for a new one).
        persist: leave the interface there.
        peer: address of the kernel's end, as in "10.0.0.1/24"; None leaves that to the user.

    Raises:
        UsageError: with one line that says what to do.
    """

    __slots__ = ()

    def __init__(
        self,
        name: str = "tun%d",
        *,
        offload: bool = True,
        mtu: int | None = None,
        persist: bool = False,
        peer: str | None = None,
    ) -> None:
        fd, name = open_tun(name, IFF_TUN, offload=offload, persist=persist)
        super().__init__(
            fd,
            name,
            mac=b"",
            mtu=1500,
            medium=Medium.IP,
            offload=FULL_OFFLOAD if offload else Offload(),
            vnet_header=offload,
        )
        configure(self, mtu, peer)
