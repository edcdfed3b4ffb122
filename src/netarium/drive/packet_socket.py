"""A packet socket: frames of an interface that the kernel already has, past its own stack.

Spec: packet(7); Linux Documentation/networking/packet_mmap.rst for the virtio-net header.
"""

import _socket
import errno
import struct
from typing import Final

from netarium.drive import kernel
from netarium.drive.device import FULL_OFFLOAD, KernelDevice, chosen_mac
from netarium.drive.errors import DeviceError, device_error
from netarium.link.device import Medium, Offload

_SOL_PACKET: Final = 263
_PACKET_ADD_MEMBERSHIP: Final = 1
_PACKET_VNET_HDR: Final = 15
_PACKET_IGNORE_OUTGOING: Final = 23
_PACKET_MR_PROMISC: Final = 1
_SO_ATTACH_FILTER: Final = 26
_ETH_P_ALL: Final = 0x0003

_BUFFER: Final = 8 * 1024 * 1024  # octets, asked for; the kernel gives what its limits allow

# Classic BPF (Linux Documentation/networking/filter.rst): what the filter below needs.
_LD_WORD: Final = 0x20
_LD_HALF: Final = 0x28
_LD_BYTE: Final = 0x30
_JUMP_IF_EQUAL: Final = 0x15
_JUMP_IF_BITS: Final = 0x45
_RETURN: Final = 0x06
_INSTRUCTION: Final = struct.Struct("=HBBI")
_PROGRAM: Final = struct.Struct("@HP")


def _for_us(mac: bytes) -> bytes:
    """A filter that lets pass what is addressed to `mac` or to a group: a promiscuous interface hears much else."""
    program = (
        (_LD_BYTE, 0, 0, 0),
        (_JUMP_IF_BITS, 4, 0, 1),  # the group bit
        (_LD_WORD, 0, 0, 0),
        (_JUMP_IF_EQUAL, 0, 3, int.from_bytes(mac[:4], "big")),
        (_LD_HALF, 0, 0, 4),
        (_JUMP_IF_EQUAL, 0, 1, int.from_bytes(mac[4:], "big")),
        (_RETURN, 0, 0, 0x4_0000),
        (_RETURN, 0, 0, 0),
    )
    return b"".join(_INSTRUCTION.pack(*line) for line in program)


class PacketSocket(KernelDevice):
    """A second station on the network of an interface.

    Args:
        interface: an Ethernet interface that exists.
        offload: send super-segments and unfinished checksums. Those that the kernel gives are taken in any case.
        mac: of our station. None: a random one, and the interface goes promiscuous, so that the kernel takes our
            frames for somebody else's. "interface": share the interface's own (where a switch or a wireless network
            lets no other through); the kernel then must not use the same IP address nor forward.

    Raises:
        UsageError: with one line that says what to do.
    """

    __slots__ = ()

    def __init__(self, interface: str, *, offload: bool = True, mac: str | bytes | None = None) -> None:
        index = kernel.index_of(interface)
        shared = mac == "interface"
        address = kernel.mac_of(interface) if shared else chosen_mac(mac)
        try:
            fd = _opened(index, interface, address, promiscuous=not shared)
        except OSError as fault:
            raise device_error(fault, f'packet socket on "{interface}"', raw=True) from None
        super().__init__(
            fd,
            interface,
            mac=address,
            mtu=kernel.mtu_of(interface),
            medium=Medium.ETHERNET,
            offload=FULL_OFFLOAD if offload else Offload(rx_checksum=True),
            vnet_header=True,
        )

    def _failed(self, fault: OSError, counter: str) -> None:
        """ENETDOWN is told once, of an interface that is down and may come back, or that is gone."""
        super()._failed(fault, counter)
        if fault.errno == errno.ENETDOWN and not _exists(self.name):
            self._lose()


def _opened(index: int, interface: str, mac: bytes, *, promiscuous: bool) -> int:
    """The descriptor of a raw packet socket on one interface, set up before it hears its first frame."""
    channel = _socket.socket(  # the kernel's, also under patched()
        _socket.AF_PACKET, _socket.SOCK_RAW, 0
    )
    try:
        channel.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
        channel.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        for option in (_socket.SO_RCVBUF, _socket.SO_SNDBUF):
            channel.setsockopt(_socket.SOL_SOCKET, option, _BUFFER)
        if promiscuous:
            membership = struct.pack("=iHH8s", index, _PACKET_MR_PROMISC, 0, b"")
            channel.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, membership)
        _attach_filter(channel, _for_us(mac))
        channel.bind((interface, _ETH_P_ALL))
    except OSError:
        channel.close()
        raise
    return channel.detach()


def _attach_filter(channel: _socket.socket, program: bytes) -> None:
    import ctypes

    code = ctypes.create_string_buffer(program, len(program))
    count = len(program) // _INSTRUCTION.size
    channel.setsockopt(_socket.SOL_SOCKET, _SO_ATTACH_FILTER, _PROGRAM.pack(count, ctypes.addressof(code)))


def _exists(interface: str) -> bool:
    try:
        kernel.index_of(interface)
    except DeviceError:
        return False
    return True
