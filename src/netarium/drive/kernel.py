"""The kernel's side of an interface: up, MTU, address. A few `ioctl`s (netdevice(7)), so that nothing needs `ip`."""

import _socket
import fcntl
import struct
from contextlib import closing
from typing import Final

from netarium.base.addr import parse_interface
from netarium.base.errors import UsageError
from netarium.drive.errors import device_error

IFNAMSIZ: Final = 16

_SIOCGIFFLAGS: Final = 0x8913
_SIOCSIFFLAGS: Final = 0x8914
_SIOCSIFADDR: Final = 0x8916
_SIOCSIFNETMASK: Final = 0x891C
_SIOCGIFMTU: Final = 0x8921
_SIOCSIFMTU: Final = 0x8922
_SIOCGIFHWADDR: Final = 0x8927
_SIOCGIFINDEX: Final = 0x8933
_IFF_UP: Final = 0x1

# struct ifreq is 40 octets: the name, then a union.
_FLAGS: Final = struct.Struct("=16sH22x")
_INT: Final = struct.Struct("=16si20x")
_SOCKADDR_IN: Final = struct.Struct("=16sH2x4s16x")
_HWADDR: Final = struct.Struct("=16sH6s16x")
_IN6_IFREQ: Final = struct.Struct("=16sIi")  # address, prefix length, interface index


def encoded_name(name: str) -> bytes:
    """An interface name as the kernel wants it.

    Raises:
        UsageError: not a name that an interface can have.
    """
    octets = name.encode()
    if not 0 < len(octets) < IFNAMSIZ or "/" in name or any(c.isspace() for c in name) or name in {".", ".."}:
        raise UsageError(f"{name!r} is not an interface name: 1 to 15 characters, neither spaces nor slashes")
    return octets


def _ioctl(name: str, request: int, argument: bytes, family: int = _socket.AF_INET) -> bytes:
    with closing(_socket.socket(family, _socket.SOCK_DGRAM)) as channel:  # the kernel's, also under patched()
        try:
            return fcntl.ioctl(channel.fileno(), request, argument)
        except OSError as fault:
            raise device_error(fault, f'interface "{name}"') from None


def index_of(name: str) -> int:
    """The interface's number.

    Raises:
        DeviceError: there is no such interface.
    """
    return int(_INT.unpack(_ioctl(name, _SIOCGIFINDEX, _INT.pack(encoded_name(name), 0)))[1])


def mtu_of(name: str) -> int:
    """The interface's MTU, octets."""
    return int(_INT.unpack(_ioctl(name, _SIOCGIFMTU, _INT.pack(encoded_name(name), 0)))[1])


def set_mtu(name: str, mtu: int) -> None:
    """Change the interface's MTU.

    Raises:
        UsageError: out of range.
    """
    if not 68 <= mtu <= 65_535:  # RFC 791 §3.2: every internet module forwards 68 octets
        raise UsageError(f"MTU {mtu} is out of range: 68 to 65535")
    _ioctl(name, _SIOCSIFMTU, _INT.pack(encoded_name(name), mtu))


def mac_of(name: str) -> bytes:
    """The interface's hardware address."""
    mac: bytes = _HWADDR.unpack(_ioctl(name, _SIOCGIFHWADDR, _HWADDR.pack(encoded_name(name), 0, b"")))[2]
    return mac


def is_up(name: str) -> bool:
    """True if the interface is administratively up."""
    return bool(_flags(name) & _IFF_UP)


def set_up(name: str) -> None:
    """Bring the interface up, if it is not."""
    flags = _flags(name)
    if not flags & _IFF_UP:
        _ioctl(name, _SIOCSIFFLAGS, _FLAGS.pack(encoded_name(name), flags | _IFF_UP))


def _flags(name: str) -> int:
    return int(_FLAGS.unpack(_ioctl(name, _SIOCGIFFLAGS, _FLAGS.pack(encoded_name(name), 0)))[1])


def set_address(name: str, address: str) -> None:
    """Give the kernel's side an address with its prefix length, as in "10.0.0.1/24", and bring it up."""
    packed, length = parse_interface(address)
    encoded = encoded_name(name)
    if len(packed) == 16:
        request = _IN6_IFREQ.pack(packed, length, index_of(name))
        _ioctl(name, _SIOCSIFADDR, request, _socket.AF_INET6)
    else:
        mask = (0xFFFF_FFFF << 32 - length & 0xFFFF_FFFF).to_bytes(4, "big")
        _ioctl(name, _SIOCSIFADDR, _SOCKADDR_IN.pack(encoded, _socket.AF_INET, packed))
        _ioctl(name, _SIOCSIFNETMASK, _SOCKADDR_IN.pack(encoded, _socket.AF_INET, mask))
    set_up(name)
