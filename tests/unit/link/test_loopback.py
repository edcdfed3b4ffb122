"""The loopback device."""

from netarium.link.device import Device, Medium
from netarium.link.frame import Frame
from netarium.link.loopback import Loopback


class Line:
    def __init__(self) -> None:
        self.raised = 0

    def raise_line(self, now: int) -> None:
        self.raised += 1


def test_what_is_sent_is_received_in_order() -> None:
    device: Device = Loopback()
    frames = [Frame(b"\x45" + bytes([i])) for i in range(5)]
    for frame in frames:
        assert device.can_send()
        device.send(frame, 0)
    assert [device.recv(0) for _ in range(6)] == [*frames, None]
    assert (device.medium, device.mtu, device.mac) == (Medium.IP, 65_536, b"")


def test_interrupts_and_bound() -> None:
    line = Line()
    device = Loopback(limit=2, interrupt=line)
    device.send(Frame(b"1"), 0)
    device.send(Frame(b"2"), 0)
    assert line.raised == 1
    assert not device.can_send()
    device.recv(0)
    assert line.raised == 2  # there is room again
    assert device.can_send()
    device.recv(0)
    assert line.raised == 2
    device.join(b"")
    device.leave(b"")
