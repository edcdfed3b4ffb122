"""Who sleeps, who leads, who is woken: the driver in real time, with a machine that only counts.

Frames go through a pair of local sockets. Nothing here waits for time to pass; the limits only end a hung test.
"""

import errno
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, cast

import pytest

from netarium.drive import sleepers
from netarium.drive.device import KernelDevice
from netarium.drive.driver import RealDriver
from netarium.host.machine import Machine
from netarium.link.device import Medium, Offload
from netarium.link.frame import Frame
from netarium.transport.endpoint import POLLIN, Endpoint

LIMIT = 10.0
LIMIT_NS = 10_000_000_000


def descriptors() -> set[str]:
    return {str(path) for path in Path("/proc/self/fd").iterdir()}


class FakeEndpoint:
    def __init__(self) -> None:
        self.mask = 0

    def poll(self) -> int:
        return self.mask


class Interface:
    ready = ()

    def __init__(self, device: KernelDevice | None, out: deque[Frame]) -> None:
        self.device = device
        self.out = out


class FakeMachine:
    """Answers each frame by an echo, and by readiness of the endpoint that the frame's first octet names."""

    name = "fake"

    def __init__(self, device: KernelDevice) -> None:
        self.ip = self
        self.loopback = None
        self.sockets = SimpleNamespace(endpoints=list)
        self.routes = SimpleNamespace(remove_where=lambda _: 0)
        self.endpoints = [FakeEndpoint() for _ in range(3)]
        self.out: deque[Frame] = deque()
        self.interfaces = [Interface(device, self.out)]
        self.events: deque[FakeEndpoint] = deque()
        self.received: list[bytes] = []
        self.receivers: list[str] = []
        self.deadline: int | None = None
        self.fired = threading.Event()
        self.turns = 0

    def interface_of(self, device: KernelDevice | None) -> Interface:
        return Interface(None, deque()) if device is None else self.interfaces[0]

    def receive(self, device: KernelDevice, frame: Frame, now: int) -> None:
        octets = frame.octets()
        self.received.append(octets)
        self.receivers.append(threading.current_thread().name)
        self.out.append(Frame(octets))
        self.make_ready(self.endpoints[octets[0]])

    def make_ready(self, endpoint: FakeEndpoint) -> None:
        endpoint.mask = POLLIN
        self.events.append(endpoint)

    def poll_transmit(self, device: KernelDevice, now: int) -> Frame | None:
        return self.out.popleft() if self.out else None

    def next_deadline(self) -> int | None:
        self.turns += 1
        return self.deadline

    def is_due(self, now: int) -> bool:
        deadline = self.next_deadline()
        return deadline is not None and deadline <= now

    def on_deadline(self, now: int) -> None:
        self.deadline = None
        self.fired.set()

    def poll_event(self) -> FakeEndpoint | None:
        return self.events.popleft() if self.events else None


class Bench:
    def __init__(self) -> None:
        near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.far.settimeout(LIMIT)
        self.device = KernelDevice(
            near.detach(),
            "t0",
            mac=bytes(6),
            mtu=1500,
            medium=Medium.ETHERNET,
            offload=Offload(),
            vnet_header=False,
        )
        self.machine = FakeMachine(self.device)
        self.driver = RealDriver(cast("Machine", self.machine), [self.device])
        self.threads: list[threading.Thread] = []

    def endpoint(self, number: int) -> Endpoint:
        return cast("Endpoint", self.machine.endpoints[number])

    def wait(self, number: int, timeout_ns: int | None = LIMIT_NS) -> bool:
        with self.driver.lock:
            return self.driver.wait([(self.endpoint(number), POLLIN)], timeout_ns)

    def start(self, name: str, call: Callable[[], Any]) -> threading.Thread:
        thread = threading.Thread(target=call, name=name)
        self.threads.append(thread)
        thread.start()
        return thread

    def until(self, condition: Callable[[], bool]) -> None:
        limit = time.monotonic() + LIMIT
        while not condition():
            assert time.monotonic() < limit
            os.sched_yield()

    def sleeping(self, count: int) -> None:
        self.until(lambda: self.driver._sleepers >= count)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.driver.close()
    for thread in made.threads:
        thread.join(LIMIT)
        assert not thread.is_alive()
    made.device.close()
    made.far.close()


def test_the_waiting_thread_itself_runs_the_machine(bench: Bench) -> None:
    """Without any other thread: a frame wakes it, the answer is out before `wait` returns."""
    bench.far.send(b"\0hello")
    assert bench.wait(0)
    assert bench.far.recv(100) == b"\0hello"
    assert bench.machine.receivers == [threading.current_thread().name]


def test_ready_already_returns_at_once(bench: Bench) -> None:
    bench.machine.endpoints[0].mask = POLLIN
    assert bench.wait(0, 0)
    assert bench.machine.turns == 0


def test_only_the_wanted_events_count(bench: Bench) -> None:
    bench.machine.endpoints[0].mask = 0x010
    assert not bench.wait(0, 0)


def test_time_over(bench: Bench) -> None:
    before = time.monotonic_ns()
    assert not bench.wait(0, 2_000_000)
    assert time.monotonic_ns() - before >= 2_000_000


def test_background_answers_while_nobody_waits(bench: Bench) -> None:
    bench.driver.start()
    bench.far.send(b"\0ping")
    assert bench.far.recv(100) == b"\0ping"
    assert bench.machine.receivers == ["netarium fake"]


def test_background_meets_deadlines(bench: Bench) -> None:
    bench.driver.start()
    with bench.driver.lock:
        bench.machine.deadline = time.monotonic_ns() + 1_000_000
        bench.driver.kick(cast("Machine", bench.machine))
    assert bench.machine.fired.wait(LIMIT)


def test_waiting_thread_takes_the_devices_from_the_background(bench: Bench) -> None:
    bench.driver.start()
    bench.until(lambda: bench.driver.leader is bench.driver._background.sleeper)
    thread = bench.start("caller", lambda: bench.wait(1))
    bench.until(lambda: bench.driver.leader not in {None, bench.driver._background.sleeper})
    bench.far.send(b"\1")
    thread.join(LIMIT)
    assert bench.machine.receivers == ["caller"]


def test_background_comes_back_after_a_long_wait(bench: Bench) -> None:
    bench.driver.start()
    thread = bench.start("caller", lambda: bench.wait(1))
    bench.until(lambda: bench.driver._background._resting)
    bench.far.send(b"\1")
    thread.join(LIMIT)
    bench.far.send(b"\2")
    bench.until(lambda: len(bench.machine.received) == 2)
    assert bench.machine.receivers == ["caller", "netarium fake"]


def test_leader_wakes_the_follower_whose_endpoint_is_ready(bench: Bench) -> None:
    results: list[bool] = []
    first = bench.start("first", lambda: results.append(bench.wait(0)))
    bench.sleeping(1)
    second = bench.start("second", lambda: results.append(bench.wait(1)))
    bench.sleeping(2)
    bench.far.send(b"\1")
    second.join(LIMIT)
    assert results == [True]
    assert first.is_alive()
    bench.far.send(b"\0")
    first.join(LIMIT)
    assert results == [True, True]
    assert bench.machine.receivers == ["first", "first"]


def test_follower_takes_the_lead_over(bench: Bench) -> None:
    """The background thread calls nobody, so it must see that the leader is gone and lead itself."""
    bench.driver.start()
    first = bench.start("first", lambda: bench.wait(0))
    bench.until(lambda: bench.driver.leader not in {None, bench.driver._background.sleeper})
    second = bench.start("second", lambda: bench.wait(1))
    bench.sleeping(2)
    bench.far.send(b"\0")
    first.join(LIMIT)
    bench.far.send(b"\1")
    second.join(LIMIT)
    assert not second.is_alive()


def test_a_call_of_another_thread_wakes_the_waiting_one(bench: Bench) -> None:
    """As when one thread shuts a socket down that another one reads from."""
    thread = bench.start("caller", lambda: bench.wait(0))
    bench.sleeping(1)
    with bench.driver.lock:
        bench.machine.make_ready(bench.machine.endpoints[0])
        bench.driver.kick(cast("Machine", bench.machine))
    thread.join(LIMIT)
    assert not thread.is_alive()


def test_an_earlier_deadline_wakes_the_leader(bench: Bench) -> None:
    caller = bench.start("caller", lambda: bench.wait(0))
    bench.sleeping(1)
    with bench.driver.lock:
        bench.machine.deadline = time.monotonic_ns() + 500_000
        bench.driver.kick(cast("Machine", bench.machine))
    assert bench.machine.fired.wait(LIMIT)
    bench.far.send(b"\0")
    caller.join(LIMIT)  # before the driver closes under it


class InterruptedLock:
    """The driver's lock; Ctrl-C comes where it is told."""

    def __init__(self, at: str) -> None:
        self.lock = threading.RLock()
        self.at: str | None = None
        self.when = at

    def interrupt(self, at: str) -> None:
        if self.at == at:
            self.at = None
            raise KeyboardInterrupt

    def acquire(self) -> bool:
        self.interrupt("while waiting for the lock")
        self.lock.acquire()
        self.interrupt("when the lock was taken")
        return True

    def release(self) -> None:
        self.at, at = self.when, self.at
        if at is None:
            self.interrupt("before the lock was released")
        self.lock.release()
        if at is None:
            self.interrupt("when the lock was released")

    def _is_owned(self) -> bool:
        self.interrupt("when the lock is looked at")
        return self.lock._is_owned()  # type: ignore[attr-defined,no-any-return]

    __enter__ = acquire

    def __exit__(self, *_: object) -> None:
        self.lock.release()


@pytest.mark.parametrize(
    "at",
    [
        "before the lock was released",
        "when the lock was released",
        "when the lock is looked at",
        "while waiting for the lock",
        "when the lock was taken",
    ],
)
def test_ctrl_c_leaves_the_lock_as_those_above_expect_it(bench: Bench, at: str) -> None:
    lock = InterruptedLock(at)
    bench.driver.lock = cast("Any", lock)
    with pytest.raises(KeyboardInterrupt):
        bench.wait(0, 1_000_000)
    assert not lock.lock._is_owned()  # type: ignore[attr-defined]
    assert not bench.driver._sleepers


def test_many_threads_each_hear_of_their_own(bench: Bench) -> None:
    bench.driver.start()
    bench.machine.endpoints = [FakeEndpoint() for _ in range(40)]
    heard: list[int] = []
    for number in range(40):
        bench.start(f"t{number}", lambda number=number: heard.append(number) if bench.wait(number) else None)  # type: ignore[misc]
    bench.until(lambda: bench.driver._sleepers >= 40)
    for number in reversed(range(40)):
        bench.far.send(bytes([number]))
        assert bench.far.recv(10) == bytes([number])
    for thread in bench.threads:
        thread.join(LIMIT)
    assert sorted(heard) == list(range(40))


def test_close_wakes_everybody_and_leaves_no_descriptor() -> None:
    before = descriptors()
    bench = Bench()
    bench.driver.start()
    errors: list[int | None] = []

    def call(number: int) -> None:
        try:
            bench.wait(number, None)
        except OSError as fault:
            errors.append(fault.errno)

    for number in range(3):
        bench.start("caller", lambda number=number: call(number))  # type: ignore[misc]
    bench.sleeping(3)
    bench.driver.close()
    for thread in bench.threads:
        thread.join(LIMIT)
    assert errors == [errno.ENETDOWN] * 3
    bench.driver.close()
    bench.device.close()
    bench.far.close()
    assert descriptors() == before
    assert not bench.driver._background.thread.is_alive()


def test_a_finalizer_in_the_midst_of_a_pump_is_harmless(bench: Bench) -> None:
    plain = bench.machine.receive

    def receive(device: KernelDevice, frame: Frame, now: int) -> None:
        plain(device, frame, now)
        with bench.driver.lock:  # a socket is collected just now
            bench.driver.kick(cast("Machine", bench.machine))

    bench.machine.receive = receive  # type: ignore[method-assign]
    bench.far.send(b"\0x")
    assert bench.wait(0)
    assert bench.far.recv(10) == b"\0x"


def test_stalled_device_goes_on_when_there_is_room(bench: Bench) -> None:
    count = 0
    with bench.driver.lock:
        while bench.device.stalled is None:
            bench.machine.out.append(Frame(count.to_bytes(4, "big") + bytes(2000)))
            bench.driver.kick(cast("Machine", bench.machine))
            count += 1
    bench.driver.start()
    for number in range(count):
        assert int.from_bytes(bench.far.recv(3000)[:4], "big") == number
    with bench.driver.lock:
        assert bench.device.stalled is None


@pytest.mark.attack("HOST-01")
def test_a_vanished_device_makes_no_busy_loop(bench: Bench) -> None:
    bench.driver.start()
    bench.far.close()
    bench.until(lambda: not bench.device.up)
    with bench.driver.lock:
        assert not bench.driver._devices
        turns = bench.machine.turns
    assert not bench.wait(0, 20_000_000)
    assert bench.machine.turns - turns < 10


class Loop:
    """The part of an event loop that waits: a kernel selector, and the driver as its source (aio/waiter.py)."""

    def __init__(self, driver: RealDriver) -> None:
        self.driver = driver
        self.selector = selectors.DefaultSelector()
        self.notified: list[Endpoint] = []

    def __enter__(self) -> Self:
        for fd in self.driver.attach():
            self.selector.register(fd, selectors.EVENT_READ)
        return self

    def __exit__(self, *_: object) -> None:
        self.selector.close()
        self.driver.detach()

    def turn(self) -> None:
        before = len(self.notified)
        due = self.driver.prepare()
        limit = LIMIT if due is None else due / 1e9
        self.selector.select(limit if len(self.notified) == before else 0)
        self.driver.service()


def test_event_loop_sleeps_on_the_devices(bench: Bench) -> None:
    with Loop(bench.driver) as loop:
        bench.driver.watch(bench.endpoint(1), loop.notified.append)
        bench.far.send(b"\1")
        loop.turn()
        assert loop.notified == [bench.endpoint(1)]
        bench.driver.unwatch(bench.endpoint(1), loop.notified.append)
        bench.far.send(b"\1")
        loop.turn()
        assert loop.notified == [bench.endpoint(1)]


def test_event_loop_sleeps_until_the_deadline(bench: Bench) -> None:
    with Loop(bench.driver) as loop:
        with bench.driver.lock:
            bench.machine.deadline = time.monotonic_ns() + 1_000_000
            bench.driver.kick(cast("Machine", bench.machine))
        while not bench.machine.fired.is_set():
            loop.turn()


def test_event_loop_is_woken_by_another_thread(bench: Bench) -> None:
    bench.driver.start()
    seen: list[Endpoint] = []
    attached = threading.Event()

    def program() -> None:
        with Loop(bench.driver) as loop:
            bench.driver.watch(bench.endpoint(0), loop.notified.append)
            attached.set()
            while not loop.notified:
                loop.turn()
            seen.extend(loop.notified)

    thread = bench.start("loop", program)
    assert attached.wait(LIMIT)
    with bench.driver.lock:
        bench.machine.make_ready(bench.machine.endpoints[0])
        bench.driver.kick(cast("Machine", bench.machine))
    thread.join(LIMIT)
    assert seen == [bench.endpoint(0)]


def test_two_event_loops_in_two_threads(bench: Bench) -> None:
    bench.driver.start()
    ended: list[int] = []

    def program(number: int) -> None:
        with Loop(bench.driver) as loop:
            bench.driver.watch(bench.endpoint(number), loop.notified.append)
            while not loop.notified:
                loop.turn()
            ended.append(number)

    threads = [bench.start(f"loop{number}", lambda number=number: program(number)) for number in range(2)]  # type: ignore[misc]
    bench.until(lambda: len(bench.driver._seats) == 2)
    for number, thread in enumerate(threads):
        bench.far.send(bytes([number]))
        thread.join(LIMIT)
    assert ended == [0, 1]


def test_alone_keeps_the_background_away(bench: Bench) -> None:
    bench.driver.start()
    with bench.driver.alone():
        bench.until(lambda: bench.driver.leader is None)
        bench.far.send(b"\0")
        assert bench.wait(0)
    assert bench.machine.receivers == [threading.current_thread().name]
    bench.far.send(b"\1")
    bench.until(lambda: len(bench.machine.received) == 2)


def test_a_short_sleep_is_timed_to_the_microsecond(monkeypatch: pytest.MonkeyPatch) -> None:
    """epoll would round 300 µs up to a millisecond, and a paced sender would be three times too slow."""
    slept: list[float] = []
    polled: list[float] = []

    class Devices:
        def fileno(self) -> int:
            return 9

        def poll(self, seconds: float, _most: int) -> list[tuple[int, int]]:
            polled.append(seconds)
            return []

    monkeypatch.setattr(sleepers, "_select", lambda _r, _w, _x, seconds: slept.append(seconds))
    call = sleepers.BlockedCall((), Devices(), 3)  # type: ignore[arg-type]
    call.prepare(leading=True)
    for timeout in (300_000, 4_999_999, 5_000_000, 0, None):
        call.sleep(timeout)
    assert slept == [0.000_3, 0.004_999_999]
    assert polled == [0, 0, 0.005, 0, -1]


def test_the_sleep_is_the_kernels_whatever_is_put_in_place_of_select(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under `patched()` it would ask the machine, which is the one that sleeps here."""

    def dispatched(*_: object) -> None:
        raise AssertionError("the driver asked itself")

    monkeypatch.setattr(sleepers.select, "select", dispatched)
    with bench.driver.lock:
        assert not bench.driver.wait_for(bench.driver.blocked_call(), 2_000_000)
