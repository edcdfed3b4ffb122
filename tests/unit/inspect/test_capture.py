import io

import pytest

from netarium.base.trace import Event, FrameReceived, FrameSent, Segment, Signal
from netarium.inspect.capture import Capture, capture
from netarium.wire import pcapng

FRAME = b"\x02" * 12 + b"\x08\x00" + b"x" * 46


def events() -> list[Event]:
    return [
        Segment(
            id=1, at=5, where="browser", socket=1, direction="sent", local="", remote="", flags="", seq=0, ack=0, window=0,
            length=0, options="", note="retransmission: fast",
        ),
        FrameSent(id=2, cause=1, at=1_000_000_007, where="browser", device="eth0", octets=FRAME),
        Signal(
            id=3, cause=2, at=9, where="c", cable="c", sender="", receiver="", octets=FRAME, ends_at=1, arrives_at=2,
            lost="nth 3",
        ),
        FrameReceived(id=4, cause=2, at=20, where="web", device="eth0", octets=FRAME),
        FrameSent(id=5, at=21, where="web", device="lo", octets=b"E"),
    ]  # fmt: skip


def test_each_frame_once_with_its_story() -> None:
    packets = list(pcapng.read(b"".join(capture(events(), epoch_ns=10, lost=True))))
    assert [(p.interface.name, p.at_ns, p.octets, p.direction) for p in packets] == [
        ("browser/eth0", 1_000_000_017, FRAME, pcapng.OUTBOUND)
    ]
    assert packets[0].comments == ("event 2, because of 1: retransmission: fast, lost: nth 3",)


def test_lost_frames_are_left_out_unless_asked_for() -> None:
    assert list(pcapng.read(b"".join(capture(events())))) == []


def test_listener_for_all_and_for_one_machine() -> None:
    for machine, interfaces in (
        (None, ["browser/eth0"]),
        ("web", ["web/eth0"]),
        ("browser", ["browser/eth0"]),
    ):
        file = io.BytesIO()
        listener = Capture(file, machine=machine)
        for event in events():
            listener(event)
        assert [p.interface.name for p in pcapng.read(file.getvalue())] == interfaces


def test_devices_without_ethernet_have_their_own_link_type() -> None:
    file = io.BytesIO()
    listener = Capture(file, raw={"vpn0"})
    listener(FrameSent(id=1, at=1, where="a", device="vpn0", octets=b"E" + bytes(19)))
    listener(FrameSent(id=2, at=1, where="a", device="eth0", octets=FRAME))
    packets = list(pcapng.read(file.getvalue()))
    assert [p.interface.link_type for p in packets] == [pcapng.LINKTYPE_RAW, pcapng.LINKTYPE_ETHERNET]


class FullDisk(io.BytesIO):
    """Has room for so many octets."""

    room = 10_000

    def write(self, octets: bytes) -> int:
        taken = super().write(bytes(octets)[: max(0, self.room - self.tell())])
        if not taken:
            raise OSError(28, "No space left on device")
        return taken


@pytest.mark.attack("HOST-02")
def test_a_full_disk_leaves_whole_packets_and_disturbs_nobody() -> None:
    frames = [event for event in events() if isinstance(event, FrameSent) and event.device == "eth0"] * 3
    whole = io.BytesIO()
    listener = Capture(whole)
    for event in frames:
        listener(event)
    for room in range(len(whole.getvalue())):
        disk = FullDisk()
        disk.room = room
        listener = Capture(disk)
        for event in frames:
            listener(event)
        assert listener.failed is not None
        assert len(list(pcapng.read(disk.getvalue()))) < 3
