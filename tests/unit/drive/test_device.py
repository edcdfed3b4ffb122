"""A device behind a descriptor, with a pair of local sockets as its cable: no privilege needed."""

import errno
import os
import socket
from collections.abc import Iterator

import pytest

from netarium.base.errors import UsageError
from netarium.drive import device as device_module
from netarium.drive.device import FULL_OFFLOAD, KernelDevice, chosen_mac
from netarium.link.device import Device, Medium, Offload
from netarium.link.frame import Frame

HEADERS = bytes(12) + b"\x08\x00" + b"\x45" + bytes(19) + bytes(12) + b"\x50" + bytes(7)


class Cable:
    """A device and the far end of its cable."""

    def __init__(self, *, vnet: bool = False) -> None:
        near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.far.setblocking(False)
        self.device = KernelDevice(
            near.detach(),
            "test0",
            mac=b"\x02\0\0\0\0\1",
            mtu=1500,
            medium=Medium.ETHERNET,
            offload=FULL_OFFLOAD if vnet else Offload(),
            vnet_header=vnet,
        )


@pytest.fixture
def cable() -> Iterator[Cable]:
    made = Cable()
    yield made
    made.device.close()
    made.far.close()


def test_it_is_a_device(cable: Cable) -> None:
    device: Device = cable.device
    assert device.up
    assert device.can_send()


def test_nothing_received_is_none(cable: Cable) -> None:
    assert cable.device.recv(0) is None
    assert cable.device.up


def test_frames_pass_both_ways(cable: Cable) -> None:
    cable.far.send(b"in")
    frame = cable.device.recv(0)
    assert frame is not None
    assert frame.octets() == b"in"
    cable.device.send(Frame(b"head", memoryview(b"body")), 0)
    assert cable.far.recv(100) == b"headbody"
    cable.device.send(Frame(bytearray(b"head")), 0)
    assert cable.far.recv(100) == b"head"


def test_virtio_header_goes_in_front() -> None:
    cable = Cable(vnet=True)
    with cable.device, cable.far:
        cable.device.send(Frame(memoryview(HEADERS), b"body", csum_start=34, csum_offset=16), 0)
        assert cable.far.recv(200)[10:] == HEADERS + b"body"
        cable.far.send(bytes(10) + b"in")
        frame = cable.device.recv(0)
        assert frame is not None
        assert frame.octets() == b"in"


def test_full_kernel_keeps_the_frame_and_is_the_back_pressure(cable: Cable) -> None:
    device = cable.device
    sent = 0
    while device.can_send():
        device.send(Frame(sent.to_bytes(4, "big"), bytes(2000)), 0)
        sent += 1
    assert device.stalled is not None
    arrived = []
    while True:
        try:
            arrived.append(int.from_bytes(cable.far.recv(3000)[:4], "big"))
        except BlockingIOError:
            if not device.can_send():
                raise
            if len(arrived) == sent:
                break
    assert arrived == list(range(sent)), "in order, none lost, none twice"
    assert device.statistics["tx_stalled"] >= 1


@pytest.mark.attack("HOST-01")
def test_end_of_the_cable_takes_the_device_down_once(cable: Cable) -> None:
    cable.far.close()
    assert cable.device.recv(0) is None
    assert not cable.device.up
    assert cable.device.fileno() == -1
    assert not cable.device.can_send()
    before = dict(cable.device.statistics)
    for _ in range(5):
        assert cable.device.recv(0) is None
        cable.device.send(Frame(b"x"), 0)
    assert dict(cable.device.statistics) == before, "told once"
    cable.device.close()


@pytest.mark.attack("HOST-01")
@pytest.mark.parametrize("number", [errno.EBADFD, errno.ENODEV, errno.ENXIO])
def test_dead_descriptor_takes_the_device_down(
    cable: Cable, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(device_module.os, "read", fail)
        assert cable.device.recv(0) is None
    assert not cable.device.up
    assert cable.device.statistics["rx_errors"] == 1


@pytest.mark.attack("HOST-01")
@pytest.mark.parametrize(
    ("number", "counter"),
    [(errno.EIO, "tx_errors"), (errno.ENOBUFS, "tx_dropped"), (errno.EINVAL, "tx_errors")],
)
def test_failed_write_is_a_lost_frame(
    cable: Cable, number: int, counter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(device_module.os, "write", fail)
        cable.device.send(Frame(b"x"), 0)
    assert cable.device.up
    assert cable.device.can_send()
    assert cable.device.statistics[counter] == 1
    cable.device.send(Frame(b"again"), 0)
    assert cable.far.recv(100) == b"again"


def test_random_mac_is_local_and_unicast() -> None:
    macs = {chosen_mac(None) for _ in range(50)}
    assert len(macs) == 50
    assert all(mac[0] & 3 == 2 for mac in macs)


def test_given_mac() -> None:
    assert chosen_mac("02:00:00:00:00:09") == b"\x02\0\0\0\0\x09"
    with pytest.raises(UsageError, match="not a MAC address"):
        chosen_mac("nonsense")
