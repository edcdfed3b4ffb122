"""The five verbs: every frame has one fate, nothing raises, senders take turns."""

import itertools
from collections import deque
from random import Random
from typing import Any

import pytest

from netarium.base.errors import Accepted, DropReason
from netarium.base.trace import Event, FrameDropped, FrameReceived, FrameSent, Trace
from netarium.host.machine import Machine
from netarium.host.pump import pump
from netarium.link.device import Medium, Offload
from netarium.link.frame import Frame
from netarium.wire.ethernet import pack as ethernet

MAC = b"\x02\0\0\0\0\1"
NOW = 1_000_000_000
FATES = {*map(str, Accepted), *map(str, DropReason)}


class Wire:
    name, mac, mtu, medium, offload, up = "eth0", MAC, 1_500, Medium.ETHERNET, Offload(), True

    def __init__(self) -> None:
        self.incoming: deque[Frame] = deque()
        self.sent: list[Frame] = []
        self.room = 1_000

    def recv(self, now: int) -> Frame | None:
        return self.incoming.popleft() if self.incoming else None

    def can_send(self) -> bool:
        return len(self.sent) < self.room

    def send(self, frame: Frame, now: int) -> None:
        self.sent.append(frame)

    def join(self, mac: bytes) -> None: ...

    def leave(self, mac: bytes) -> None: ...


class Talker:
    """A sender with a number of frames to send."""

    def __init__(self, letter: bytes, frames: int) -> None:
        self.queued = True
        self.letter, self.left = letter, frames

    def poll_transmit(self, now: int) -> Frame | None:
        if not self.left:
            return None
        self.left -= 1
        return Frame(self.letter)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def machine(wire: Wire) -> Machine:
    machine = Machine("m", random=Random(1))
    machine.ip.add_address(machine.add_device(wire, NOW), b"\x0a\0\0\1", 24, NOW)
    pump(machine, NOW)
    wire.sent.clear()
    return machine


def frames(seed: int, count: int) -> list[bytes]:
    """Random frames, the most of them nearly right."""
    random = Random(seed)
    kinds = (b"\x08\x00", b"\x08\x06", b"\x86\xdd", b"\x81\x00\0\1\x08\0", b"\x00\x20")
    result = []
    for _ in range(count):
        head = (
            random.choice((MAC, b"\xff" * 6, random.randbytes(6))) + b"\x02\0\0\0\0\2" + random.choice(kinds)
        )
        result.append((head + b"\x45" + random.randbytes(random.randrange(80)))[: random.randrange(1, 100)])
    return result


def test_every_frame_has_exactly_one_fate(machine: Machine, wire: Wire) -> None:
    before = sum(count for name, count in machine.counters.items() if name in FATES)
    for octets in frames(7, 2_000):
        machine.receive(wire, Frame(octets), NOW)
    after = sum(count for name, count in machine.counters.items() if name in FATES)
    assert after - before == 2_000
    assert machine.counters["internal_error"] == 0
    assert machine.counters["accepted"] < 2_000


def test_our_own_bug_is_contained_counted_and_kept(machine: Machine, wire: Wire, monkeypatch: Any) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(type(machine.ip), "receive", broken)
    machine.receive(wire, Frame(b"x"), NOW)
    monkeypatch.undo()
    assert machine.counters["internal_error"] == 1
    assert "KeyError: 'a bug'" in machine.internal_errors[0]
    machine.receive(wire, Frame(b"x"), NOW)
    assert machine.counters["internal_error"] == 1


def test_a_broken_sender_is_dropped_from_the_queue(machine: Machine, wire: Wire) -> None:
    class Broken(Talker):
        def poll_transmit(self, now: int) -> Frame | None:
            raise ZeroDivisionError

    interface = machine.ip.interface_of(wire)
    broken = Broken(b"b", 1)
    interface.ready.extend((broken, Talker(b"a", 1)))
    frame = machine.poll_transmit(wire, NOW)
    assert frame is not None
    assert frame.head == b"a"
    assert not broken.queued
    assert machine.counters["internal_error"] == 1


def test_finished_frames_go_first_then_senders_in_turn(machine: Machine, wire: Wire) -> None:
    interface = machine.ip.interface_of(wire)
    one, two = Talker(b"1", 3), Talker(b"2", 2)
    interface.ready.extend((one, two))
    interface.enqueue(Frame(b"arp"))
    order = []
    while (frame := machine.poll_transmit(wire, NOW)) is not None:
        order.append(bytes(frame.head))
    assert order == [b"arp", b"1", b"2", b"1", b"2", b"1"]
    assert not interface.ready
    assert (one.queued, two.queued) == (False, False)


def test_a_full_ring_is_back_pressure(machine: Machine, wire: Wire) -> None:
    interface = machine.ip.interface_of(wire)
    interface.ready.append(Talker(b"1", 10))
    wire.room = 4
    pump(machine, NOW)
    assert len(wire.sent) == 4
    assert len(interface.ready) == 1


def test_pump_takes_a_batch_and_then_the_timers(machine: Machine, wire: Wire, monkeypatch: Any) -> None:
    order: list[str] = []
    monkeypatch.setattr(machine, "receive", lambda *_: order.append("frame"))
    monkeypatch.setattr(machine, "is_due", lambda now: now == NOW)
    monkeypatch.setattr(machine, "on_deadline", lambda _: order.append("timers"))
    wire.incoming.extend(Frame(b"x") for _ in range(5))
    pump(machine, NOW, budget=3)
    assert order == ["frame"] * 3 + ["timers"] + ["frame"] * 2 + ["timers"]


def test_where_time_passes_an_answer_is_later_than_what_it_answers(
    machine: Machine, wire: Wire, monkeypatch: Any
) -> None:
    """Else the round trip of what is answered within one turn would be none, and the least ever seen."""
    received: list[int] = []
    sent: list[int] = []
    monkeypatch.setattr(machine, "receive", lambda _device, _frame, now: received.append(now))
    monkeypatch.setattr(
        wire, "send", lambda _frame, now: (sent.append(now), wire.incoming.append(Frame(b"answer")))
    )
    machine.ip.interface_of(wire).out.append(Frame(b"question"))
    wire.incoming.extend(Frame(b"first") for _ in range(2))
    ticks = itertools.count(NOW + 1)
    pump(machine, NOW, 2, clock=lambda: next(ticks))
    assert received[:2] == [NOW, NOW]
    assert sent == [NOW + 1]
    assert received[2:] == [NOW + 2]


def test_what_is_sent_to_ourselves_arrives_in_the_same_turn(machine: Machine) -> None:
    one, two = machine.udp.open(4, NOW), machine.udp.open(4, NOW)
    one.bind(bytes(4), 1)
    two.bind(bytes(4), 2)
    one.send(b"ping", (b"\x7f\0\0\1", 2), NOW)
    pump(machine, NOW)
    assert two.receive() is not None
    assert [machine.poll_event(), machine.poll_event()] == [two, None]


def test_the_trace_tells_cause_and_fate(wire: Wire) -> None:
    events: list[Event] = []
    trace = Trace(events.append)
    machine = Machine("m", random=Random(1), trace=trace)
    machine.ip.add_address(machine.add_device(wire, NOW), b"\x0a\0\0\1", 24, NOW)
    pump(machine, NOW)
    events.clear()
    request = b"\0\1\x08\0\6\4\0\1" + b"\x02\0\0\0\0\2" + b"\x0a\0\0\2" + bytes(6) + b"\x0a\0\0\1"
    wire.incoming.append(Frame(ethernet(b"\xff" * 6, b"\x02\0\0\0\0\2", 0x0806) + request, cause=0))
    wire.incoming.append(Frame(b"short"))
    pump(machine, NOW)
    received = [event for event in events if isinstance(event, FrameReceived)]
    (sent,) = [event for event in events if isinstance(event, FrameSent)]
    (dropped,) = [event for event in events if isinstance(event, FrameDropped)]
    assert sent.cause in {received[0].id, *(e.id for e in events if e.cause == received[0].id)}
    assert dropped.cause == received[1].id
    assert dropped.reason == "eth_rx_short"
    assert trace.cause == 0
    assert sent.octets[:6] == b"\x02\0\0\0\0\2"


def test_the_earliest_deadline_of_all_layers(machine: Machine) -> None:
    item: Any = object()
    for ip, tcp, earliest in ((None, None, None), (5, None, 5), (None, 6, 6), (5, 6, 5), (7, 6, 6)):
        machine.ip.timers.schedule(item, ip)
        machine.tcp.timers.schedule(item, tcp)
        assert machine.next_deadline() == earliest
