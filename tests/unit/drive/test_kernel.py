"""The kernel's side of an interface, and what a user reads when it refuses."""

import errno

import pytest

from netarium.base.errors import UsageError
from netarium.drive import kernel
from netarium.drive.errors import DeviceError, DevicePermissionError, device_error
from netarium.drive.packet_socket import PacketSocket
from netarium.drive.tap import Tap


def test_loopback_can_be_read_by_everybody() -> None:
    assert kernel.index_of("lo") >= 1
    assert kernel.mtu_of("lo") == 65_536
    assert kernel.mac_of("lo") == bytes(6)


@pytest.mark.parametrize("name", ["", "a" * 16, "a b", "a/b", ".", ".."])
def test_names_that_no_interface_can_have(name: str) -> None:
    with pytest.raises(UsageError, match="not an interface name"):
        Tap(name)


@pytest.mark.parametrize("mtu", [0, 67, 65_536])
def test_mtu_out_of_range(mtu: int) -> None:
    with pytest.raises(UsageError, match="out of range"):
        kernel.set_mtu("lo", mtu)


def test_unknown_interface_gets_one_clear_line() -> None:
    with pytest.raises(DeviceError) as caught:
        PacketSocket("nosuch0")
    assert caught.value.errno == errno.ENODEV
    assert "no such interface" in str(caught.value)
    assert "nosuch0" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.EPERM, "CAP_NET_ADMIN"),
        (errno.EACCES, "unshare -Urn"),
        (errno.EBUSY, "in use by another program"),
        (errno.EINVAL, "another kind"),
        (errno.ENOENT, "modprobe tun"),
        (errno.ENODEV, "no such interface"),
        (errno.EMFILE, "Too many open files"),
    ],
)
def test_each_refusal_says_what_to_do(number: int, says: str) -> None:
    error = device_error(OSError(number, "x"), 'TAP "t0"')
    assert str(error).startswith('TAP "t0"')
    assert says in str(error)
    assert error.errno == number
    assert isinstance(error, UsageError)
    assert isinstance(error, OSError)


def test_permission_is_a_permission_error() -> None:
    error = device_error(OSError(errno.EPERM, "x"), "packet socket", raw=True)
    assert isinstance(error, DevicePermissionError)
    assert isinstance(error, PermissionError)
    assert "CAP_NET_RAW" in str(error)
