"""TAP: an Ethernet interface of the kernel whose cable ends in this program.

Spec: Linux Documentation/networking/tuntap.rst.
"""

import fcntl
import os
import struct
from typing import Final

from netarium.drive import kernel, vnet
from netarium.drive.device import FULL_OFFLOAD, KernelDevice, chosen_mac
from netarium.drive.errors import device_error
from netarium.link.device import Medium, Offload

IFF_TUN: Final = 0x0001
IFF_TAP: Final = 0x0002
_IFF_NO_PI: Final = 0x1000
_IFF_VNET_HDR: Final = 0x4000

_TUNSETIFF: Final = 0x400454CA
_TUNSETPERSIST: Final = 0x400454CB
_TUNSETOFFLOAD: Final = 0x400454D0
_TUNSETVNETHDRSZ: Final = 0x400454D8

_TUN_F_CSUM: Final = 0x01
_TUN_F_TSO4: Final = 0x02
_TUN_F_TSO6: Final = 0x04
_TUN_F_TSO_ECN: Final = 0x08
_OFFLOADS: Final = _TUN_F_CSUM | _TUN_F_TSO4 | _TUN_F_TSO6 | _TUN_F_TSO_ECN

_IFREQ: Final = struct.Struct("=16sH22x")
_INT: Final = struct.Struct("=i")


def open_tun(name: str, kind: int, *, offload: bool, persist: bool) -> tuple[int, str]:
    """Create or attach to a TAP or TUN.

    Args:
        name: the interface; "tap%d" lets the kernel choose the number.
        kind: IFF_TAP or IFF_TUN.
        offload: take and give super-segments and unfinished checksums.
        persist: the interface outlives its descriptor.

    Returns:
        The descriptor, and the name that the kernel gave.

    Raises:
        DeviceError: not permitted, name taken, no /dev/net/tun, ...
    """
    what = f'{"TAP" if kind == IFF_TAP else "TUN"} "{name}"'
    encoded = kernel.encoded_name(name)
    fd = -1
    try:
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        flags = kind | _IFF_NO_PI | (_IFF_VNET_HDR if offload else 0)
        answer = fcntl.ioctl(fd, _TUNSETIFF, _IFREQ.pack(encoded, flags))
        if offload:
            fcntl.ioctl(fd, _TUNSETVNETHDRSZ, _INT.pack(vnet.HEADER_LENGTH))
        fcntl.ioctl(fd, _TUNSETOFFLOAD, _OFFLOADS if offload else 0)
        if persist:
            fcntl.ioctl(fd, _TUNSETPERSIST, 1)
    except OSError as fault:
        if fd >= 0:
            os.close(fd)
        raise device_error(fault, what) from None
    return fd, answer[: kernel.IFNAMSIZ].rstrip(b"\0").decode()


class Tap(KernelDevice):
    """A host on a TAP is a machine beside this one, on a cable of its own.

    Args:
        name: the interface; it is made if it does not exist, and goes when the device is closed.
        offload: segments of up to 64 KiB and no payload checksums; False: every frame as it would be on a wire.
        mtu: set the interface's MTU; None leaves it (1,500 for a new one).
        persist: leave the interface there.
        mac: of *our* end; random if None. (The kernel's end has its own.)
        peer: address of the kernel's end, as in "10.0.0.1/24"; None leaves that to the user.

    Raises:
        UsageError: with one line that says what to do.
    """

    __slots__ = ()

    def __init__(
        self,
        name: str = "tap%d",
        *,
        offload: bool = True,
        mtu: int | None = None,
        persist: bool = False,
        mac: str | bytes | None = None,
        peer: str | None = None,
    ) -> None:
        address = chosen_mac(mac)
        fd, name = open_tun(name, IFF_TAP, offload=offload, persist=persist)
        super().__init__(
            fd,
            name,
            mac=address,
            mtu=1500,
            medium=Medium.ETHERNET,
            offload=FULL_OFFLOAD if offload else Offload(),
            vnet_header=offload,
        )
        configure(self, mtu, peer)


def configure(device: KernelDevice, mtu: int | None, peer: str | None) -> None:
    """Set the kernel's end up: MTU, address, link. The device is closed if that fails."""
    try:
        if mtu is not None:
            kernel.set_mtu(device.name, mtu)
        if peer is not None:
            kernel.set_address(device.name, peer)
        kernel.set_up(device.name)
        device.mtu = kernel.mtu_of(device.name)
    except Exception:
        device.close()
        raise
