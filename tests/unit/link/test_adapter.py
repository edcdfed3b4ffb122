"""The adapter: filter, checks, rings, interrupts, padding, statistics."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.link.conftest import Bench, Wire

from netarium.link.adapter import Adapter
from netarium.link.cable import Cable
from netarium.link.device import Device
from netarium.link.driver import SimulatedDevice
from netarium.link.frame import Frame
from netarium.link.rules import Corrupt, Truncate
from netarium.signal.fcs import fcs

Pair = Callable[..., tuple[Cable, SimulatedDevice, SimulatedDevice]]

MAC_A = b"\x02\x00\x00\x00\x00\x0a"
MAC_B = b"\x02\x00\x00\x00\x00\x0b"
OTHER = b"\x02\x00\x00\x00\x00\x0c"
BROADCAST = b"\xff" * 6
GROUP = b"\x01\x00\x5e\x00\x00\x01"
MBIT = 1_000_000


class Line:
    """An interrupt line that counts."""

    def __init__(self) -> None:
        self.raised: list[int] = []

    def raise_line(self, now: int) -> None:
        self.raised.append(now)


@pytest.fixture
def pair(wire: Wire) -> Pair:
    """Two devices on a cable whose rate is given."""

    def make(rate: int | None = None, **settings: Any) -> tuple[Cable, SimulatedDevice, SimulatedDevice]:
        cable, _, _ = wire(rate=rate)
        devices = [SimulatedDevice(Adapter(mac, **settings)) for mac in (MAC_A, MAC_B)]
        for device in devices:
            device.interrupt = Line()
        cable.plug(devices[0].adapter, devices[1].adapter)
        return cable, *devices

    return make


def to(dst: bytes, length: int = 100) -> Frame:
    return Frame(dst + MAC_A + b"\x88\xb5", bytes(length - 14))


def drain(device: Device) -> list[Frame]:
    frames = []
    while (frame := device.recv(0)) is not None:
        frames.append(frame)
    return frames


@pytest.mark.rfc("802.3", "eth-15", "eth-16")
def test_filter(bench: Bench, pair: Pair) -> None:
    _, a, b = pair()
    for dst in (MAC_B, BROADCAST, GROUP, OTHER):
        a.send(to(dst), 0)
    bench.run()
    assert [bytes(f.head[:6]) for f in drain(b)] == [MAC_B, BROADCAST]
    statistics = b.adapter.statistics
    assert (statistics.rx_packets, statistics.rx_filtered, statistics.multicast) == (2, 2, 2)


@pytest.mark.rfc("802.3", "eth-16")
def test_groups_are_joined_and_left(bench: Bench, pair: Pair) -> None:
    _, a, b = pair()
    b.join(GROUP)
    b.join(GROUP)
    b.leave(GROUP)
    a.send(to(GROUP), 0)
    bench.run()
    assert len(drain(b)) == 1
    b.leave(GROUP)
    b.leave(GROUP)
    a.send(to(GROUP), 0)
    bench.run()
    assert drain(b) == []


def test_own_address_cannot_be_left(bench: Bench, pair: Pair) -> None:
    _, a, b = pair()
    for _ in range(2):
        b.leave(MAC_B)
        b.leave(BROADCAST)
    a.send(to(MAC_B), 0)
    bench.run()
    assert len(drain(b)) == 1


def test_promiscuous_hears_everything(bench: Bench, pair: Pair) -> None:
    _, a, b = pair()
    b.adapter.promiscuous = True
    a.send(to(OTHER), 0)
    bench.run()
    assert len(drain(b)) == 1


@pytest.mark.rfc("802.3", "eth-01")
@pytest.mark.attack("L2-04")
@pytest.mark.parametrize("length", [14, 15, 43, 59, 60, 61])
def test_short_frames_go_out_padded_with_zeros(bench: Bench, pair: Pair, length: int) -> None:
    _, a, b = pair()
    a.send(Frame(MAC_B + MAC_A + b"\x88\xb5", b"\xee" * (length - 14)), 0)
    bench.run()
    (frame,) = drain(b)
    assert frame.octets() == (MAC_B + MAC_A + b"\x88\xb5" + b"\xee" * (length - 14)).ljust(60, b"\x00")
    assert a.adapter.statistics.tx_bytes == b.adapter.statistics.rx_bytes == max(60, length)


@pytest.mark.rfc("802.3", "eth-02")
@pytest.mark.attack("L2-06")
@pytest.mark.parametrize(("length", "passes"), [(1514, True), (1515, False), (9014, False), (65_549, False)])
def test_giants_are_counted_and_dropped(bench: Bench, pair: Pair, length: int, passes: bool) -> None:
    _, a, b = pair()
    a.send(to(MAC_B, length), 0)
    bench.run()
    assert len(drain(b)) == passes
    assert b.adapter.statistics.rx_giants == (not passes)


@pytest.mark.attack("L2-06")
def test_giants_leave_nothing_behind(bench: Bench, pair: Pair) -> None:
    _, a, b = pair()
    giants = [to(MAC_B, 65_549) for _ in range(50)]
    tracemalloc.start()
    for giant in giants:
        a.send(giant, 0)
        bench.run()
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert b.adapter.statistics.rx_giants == 50
    assert grown < 2 * 65_549


@pytest.mark.rfc("802.3", "eth-18")
@pytest.mark.parametrize(("length", "passes"), [(1518, True), (1519, False)])
def test_tagged_frames_may_be_four_octets_longer(bench: Bench, pair: Pair, length: int, passes: bool) -> None:
    _, a, b = pair()
    a.send(Frame(MAC_B + MAC_A + b"\x81\x00\x00\x05\x08\x00", bytes(length - 18)), 0)
    bench.run()
    assert len(drain(b)) == passes


def test_super_segment_is_judged_by_its_pieces(bench: Bench, pair: Pair) -> None:
    _, a, b = pair()
    tcp = bytes.fromhex("45000000 00004000 40060000 c0000201 c0000202") + bytes(12) + b"\x50" + bytes(7)
    for size in (1460, 1461):
        a.send(Frame(MAC_B + MAC_A + b"\x08\x00" + tcp, bytes(4000), size, 34, 16), 0)
    bench.run()
    assert [f.gso_size for f in drain(b)] == [1460]
    assert b.adapter.statistics.rx_giants == 1
    assert (b.adapter.statistics.rx_packets, a.adapter.statistics.tx_packets) == (3, 6)


def test_adapter_without_receive_offload_gets_pieces(bench: Bench, pair: Pair) -> None:
    _, a, b = pair(merges=False)
    tcp = bytes.fromhex("45000000 00004000 40060000 c0000201 c0000202") + bytes(12) + b"\x50" + bytes(7)
    a.send(Frame(MAC_B + MAC_A + b"\x08\x00" + tcp, bytes(4000), 1460, 34, 16), 0)
    bench.run()
    assert [len(f.body) for f in drain(b)] == [1460, 1460, 1080]


@pytest.mark.rfc("802.3", "eth-13")
@pytest.mark.attack("L2-01")
def test_runts_are_counted_and_dropped(bench: Bench, pair: Pair) -> None:
    cable, _, b = pair()
    for length in range(60):
        cable.ends[0].send(Frame(to(MAC_B).octets()[:length]), 0)
    bench.run()
    assert drain(b) == []
    assert b.adapter.statistics.rx_runts == 60


@pytest.mark.rfc("802.3", "eth-04")
@pytest.mark.parametrize("length", [30, 100, 1514])
def test_harmed_frames_are_counted_and_dropped(bench: Bench, pair: Pair, length: int) -> None:
    cable, a, b = pair()
    with cable.add_rule(Corrupt()):
        a.send(to(MAC_B, length), 0)
    with cable.add_rule(Truncate(70)):
        a.send(to(MAC_B, length), 0)
    bench.run()
    harmed = 2 if length > 70 else 1
    assert b.adapter.statistics.rx_crc_errors == harmed
    assert len(drain(b)) == 2 - harmed


def test_right_fcs_passes_whatever_the_cut(bench: Bench, pair: Pair) -> None:
    cable, _, b = pair()
    frame = to(MAC_B)
    frame.fcs = fcs(frame.octets())
    cable.ends[0].send(frame, 0)
    bench.run()
    assert drain(b) == [frame]


def test_interrupt_when_the_receive_ring_becomes_non_empty(bench: Bench, pair: Pair) -> None:
    cable, a, b = pair()
    cable.ends[0].delay = 5
    for _ in range(3):
        a.send(to(MAC_B), 0)
    bench.run()
    assert b.interrupt.raised == [5]
    assert len(drain(b)) == 3
    a.send(to(MAC_B), 10)
    bench.run()
    assert b.interrupt.raised == [5, 15]


def test_full_receive_ring_misses(bench: Bench, pair: Pair) -> None:
    _, a, b = pair(rx_ring=4)
    for _ in range(6):
        a.send(to(MAC_B), 0)
    bench.run()
    assert (b.adapter.statistics.rx_missed, b.adapter.statistics.rx_packets) == (2, 4)
    assert len(drain(b)) == 4


def test_full_transmit_ring_is_the_back_pressure(bench: Bench, pair: Pair) -> None:
    _, a, b = pair(rate=10 * MBIT)
    sent = 0
    while a.can_send():
        a.send(to(MAC_B, 1_000), 0)
        sent += 1
    assert 3 <= sent <= 6  # one on the line and about two milliseconds' worth behind it
    bench.run(until=1_024 * 800)
    assert not a.can_send()  # one has left, but the driver is called when half of the room is free
    bench.run()
    assert len(a.interrupt.raised) == 1
    assert 0 < a.interrupt.raised[0] < bench.now  # while there is still something to send
    assert a.can_send()
    assert len(drain(b)) == sent


def test_line_never_rests_while_the_driver_has_frames(bench: Bench, pair: Pair) -> None:
    """An interrupt at half empty comes early enough: frames arrive back to back."""
    _, a, b = pair(rate=100 * MBIT)
    left = 200

    class Pump:
        def raise_line(self, now: int) -> None:
            nonlocal left
            while left and a.can_send():
                a.send(to(MAC_B, 1_000), now)
                left -= 1

    a.interrupt = Pump()
    a.interrupt.raise_line(0)
    bench.run()
    assert left == 0
    assert len(drain(b)) == 200
    assert bench.now == (200 * 1_024 - 12) * 80


def test_transmit_ring_has_its_size(bench: Bench, pair: Pair) -> None:
    _, a, _ = pair(rate=1_000 * MBIT, tx_ring=8)
    sent = 0
    while a.can_send():
        a.send(to(MAC_B, 60), 0)
        sent += 1
    assert sent == 9  # eight descriptors and the one that is on the line


def test_carrier(bench: Bench, pair: Pair) -> None:
    cable, a, _ = pair()
    assert a.up
    cable.unplug()
    assert not a.up
    assert a.can_send()
    a.send(to(MAC_B), 0)
    assert a.adapter.statistics.tx_carrier_errors == 1
    a.adapter.line_idle(0)
    assert len(bench.agenda) == 0


def test_unplugging_forgets_what_waited(bench: Bench, pair: Pair) -> None:
    cable, a, b = pair(rate=10 * MBIT)
    while a.can_send():
        a.send(to(MAC_B, 1_000), 0)
    cable.unplug()
    cable.plug(a.adapter, b.adapter)
    assert a.can_send()
    bench.run()
    assert drain(b) == []


def test_device_says_what_it_can(pair: Pair) -> None:
    _, a, _ = pair()
    device: Device = a
    assert device.offload.tx_checksum
    assert device.offload.tso
    plain = SimulatedDevice(Adapter(OTHER, mtu=9_000), name="eth7", tso=False)
    assert (plain.name, plain.mtu, plain.up, plain.offload.tso, plain.offload.max_gso_size) == (
        "eth7", 9_000, False, False, 0,
    )  # fmt: skip
    plain.set_mtu(576)
    assert plain.mtu == plain.adapter.mtu == 576
    assert plain.interrupt is None


class Ears:
    """Hears when the line goes up, and empties the ring then."""

    def __init__(self, device: SimulatedDevice) -> None:
        self.device = device
        self.heard: list[int] = []

    def raise_line(self, at: int) -> None:
        self.heard.append(at)


def test_full_frames_share_an_interrupt(bench: Bench, pair: Pair) -> None:
    """At 1 Gbit/s a frame takes 12 µs: the first interrupts at once, those of the next 50 µs once."""
    _, a, b = pair(rate=1_000 * MBIT)
    b.interrupt = ears = Ears(b)
    for _ in range(4):
        a.send(to(MAC_B, 1_500), bench.now)
    bench.run(until=15_000)
    assert len(ears.heard) == 1
    first = ears.heard[0]
    drain(b)
    bench.run()
    assert ears.heard == [first, first + 50_000]
    assert len(drain(b)) == 3


def test_a_short_frame_waits_for_nobody(bench: Bench, pair: Pair) -> None:
    _, a, b = pair(rate=1_000 * MBIT)
    b.interrupt = ears = Ears(b)
    for size in (1_500, 1_500, 60):
        a.send(to(MAC_B, size), bench.now)
    bench.run(until=15_000)
    drain(b)
    bench.run()
    assert len(ears.heard) == 3
    assert ears.heard[2] < ears.heard[1]  # the one that was put off came with it


def test_slow_lines_interrupt_for_each_frame(bench: Bench, pair: Pair) -> None:
    _, a, b = pair(rate=100 * MBIT)
    b.interrupt = ears = Ears(b)
    for _ in range(3):
        a.send(to(MAC_B, 1_500), bench.now)
    for _ in range(3):
        bench.run(until=bench.now + 125_000)
        drain(b)
    assert len(ears.heard) == 3
