"""What goes wrong with real devices, told to the user in one line that says what to do."""

import errno
import os

from netarium.base.errors import UsageError

_PERMISSION = (
    "needs the capability CAP_NET_ADMIN: run it as root, or in a network of its own with `unshare -Urn`"
)
_RAW_PERMISSION = (
    "needs the capability CAP_NET_RAW: run it as root, or in a network of its own with `unshare -Urn`"
)


class DeviceError(UsageError, OSError):
    """A device that cannot be opened or set up; `errno` is the kernel's."""

    def __init__(self, number: int, message: str) -> None:
        OSError.__init__(self, number, message)  # ValueError's, which comes first, would forget the number
        self.message = message

    def __str__(self) -> str:
        return self.message


class DevicePermissionError(DeviceError, PermissionError):
    """The kernel does not let this user have the device."""


def device_error(fault: OSError, what: str, *, raw: bool = False) -> DeviceError:
    """The kernel's refusal in a user's words.

    Args:
        fault: what the system call raised.
        what: names the object, as in `TAP "tap0"`.
        raw: the call wants CAP_NET_RAW rather than CAP_NET_ADMIN.
    """
    number = fault.errno or errno.EIO
    match number:
        case errno.EPERM | errno.EACCES:
            return DevicePermissionError(number, f"{what} {_RAW_PERMISSION if raw else _PERMISSION}")
        case errno.EBUSY:
            return DeviceError(number, f"{what} is in use by another program: stop it or choose another name")
        case errno.EINVAL:
            return DeviceError(
                number, f"{what}: the name belongs to an interface of another kind: choose another"
            )
        case errno.ENODEV | errno.ENXIO:
            return DeviceError(number, f"{what}: there is no such interface; `ip link` lists those there are")
        case errno.ENOENT:
            return DeviceError(number, f"{what}: /dev/net/tun is missing: load it with `modprobe tun`")
        case _:
            return DeviceError(number, f"{what}: {os.strerror(number)}")
