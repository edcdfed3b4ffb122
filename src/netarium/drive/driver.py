"""Real time: who runs a machine whose devices are real.

There is one lock, held around every use of the machine, and no thread that must be switched to: **who waits, works.**
A thread that blocks in `recv()` or in its event loop becomes the *leader*: it sleeps on the devices themselves and the
next deadline, and runs the machine when it wakes. A call that has something to send pumps it out before it returns.
So a program with one thread answers a frame without a single thread switch. Other waiting threads *follow*: they
sleep until the leader finds that their endpoints are ready. When no thread waits, a background thread leads
(`background`), so that the machine answers pings while the program thinks.
"""

import errno
import os
import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock, get_ident
from typing import Final

from netarium.drive.background import Background
from netarium.drive.device import KernelDevice
from netarium.drive.linkdown import link_lost
from netarium.drive.sleepers import BlockedCall, LoopSeat, Sleeper, Standby
from netarium.host.machine import Machine
from netarium.host.pump import pump
from netarium.transport.endpoint import Endpoint

Notify = Callable[[Endpoint], None]

_now: Final = time.monotonic_ns


class RealDriver:
    """One machine in real time: `Driver` to its sockets (socket/driver.py), `Source` to event loops (aio/waiter.py).

    Attributes:
        lock: around every use of the machine; re-entrant, because a finalizer may close a socket anywhere.
        leader: who sleeps on the devices now, or None.
        terms: how often leadership was taken: the background thread sees by it that others are at work.
        closed: no more waiting.
    """

    def __init__(self, machine: Machine, devices: Sequence[KernelDevice]) -> None:
        self.lock = RLock()
        self.leader: Sleeper | None = None
        self.terms = 0
        self.closed = False
        self._machine = machine
        self._devices = list(devices)
        self._stalled = dict.fromkeys(devices, False)  # waits for room
        self._epoll = select.epoll()
        self._alarm = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        for fd in (self._alarm, *(device.fileno() for device in devices)):
            self._epoll.register(fd, select.EPOLLIN)
        self._watches: dict[Endpoint, tuple[Notify, ...]] = {}
        self._seats: dict[int, LoopSeat] = {}  # event loops, by thread
        self._loopback = machine.ip.interface_of(machine.loopback)
        self._sleepers = 0
        self._pumping = False
        self._due: int | None = 0  # the machine's next deadline as of the last pump
        self._wakes_at: int | None = None  # when the leader will wake by itself; None: never
        self._background = Background(self, Standby(self._epoll), machine.name)

    def start(self) -> None:
        """Begin to run the machine in the background."""
        self._background.thread.start()

    # --- what a Socket needs ---------------------------------------------------------------------------------

    def now(self) -> int:
        """Monotonic ns."""
        return _now()

    def wall(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def sleep(self, ns: int) -> None:
        """Sleep; lock not held. The machine goes on."""
        time.sleep(ns / 1e9)

    def kick(self, machine: Machine) -> None:  # noqa: ARG002 - a real driver has one machine
        """Send what the call that ends here has made ready; lock held."""
        self._flush()
        leader, due = self.leader, self._due
        if leader is not None and due is not None and (self._wakes_at is None or due < self._wakes_at):
            leader.wake()

    def wait(self, interests: Sequence[tuple[Endpoint, int]], timeout_ns: int | None) -> bool:
        """Sleep until one of the endpoints is ready; lock held, but not while asleep.

        Returns:
            False if the time is over first.

        Raises:
            OSError: ENETDOWN: the host was closed meanwhile.
        """
        call = self.blocked_call(interests)
        if call.is_ready():
            return True
        for endpoint in call.masks:
            self.watch(endpoint, call.notify)
        try:
            ready = self.wait_for(call, timeout_ns)
        finally:
            for endpoint in call.masks:
                self.unwatch(endpoint, call.notify)
        if self.closed and not ready:
            raise OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN))
        return ready

    def blocked_call(self, interests: Sequence[tuple[Endpoint, int]] = ()) -> BlockedCall:
        """Something to `wait_for` again and again, with its `notify` given to `watch`."""
        return BlockedCall(interests, self._epoll, self._alarm)

    def wait_for(self, call: BlockedCall, timeout_ns: int | None) -> bool:
        """Sleep until one of the call's endpoints is ready; lock held, but not while asleep.

        Returns:
            False if the time is over first, or the driver closed.
        """
        until = None if timeout_ns is None else _now() + timeout_ns
        while not call.is_ready():
            left = None if until is None else until - _now()
            if self.closed or (left is not None and left <= 0):
                return False
            if self.leader is None or self.leader is self._background.sleeper:
                self.lead(call, left)
            else:
                self.sleep_as(call, left, leading=False)
        return True

    # --- who sleeps where ------------------------------------------------------------------------------------

    def lead(self, sleeper: Sleeper, timeout_ns: int | None) -> None:
        """One term: sleep on devices and deadline, run the machine; lock held, but not while asleep."""
        timeout_ns = self._take_over(sleeper, timeout_ns)
        try:
            self.sleep_as(sleeper, timeout_ns, leading=True)
        finally:
            still = self._step_down(sleeper)
        if still and not self.closed:
            self.pump()

    def _take_over(self, sleeper: Sleeper, timeout_ns: int | None) -> int | None:
        """Become the leader; returns how long to sleep."""
        if self.leader is not None:
            self.leader.wake()  # the background thread: one sleeper on the devices is enough
        self.leader = sleeper
        self.terms += 1
        now, due = _now(), self._due
        if due is not None and (timeout_ns is None or due - now < timeout_ns):
            timeout_ns = max(due - now, 0)
        self._wakes_at = None if timeout_ns is None else now + timeout_ns
        return timeout_ns

    def _step_down(self, sleeper: Sleeper) -> bool:
        """Leave the devices to the next one; False if somebody has taken them already."""
        if self.leader is not sleeper:
            return False
        self.leader = None
        self._background.on_leader_gone()
        return True

    def sleep_as(self, sleeper: Sleeper, timeout_ns: int | None, *, leading: bool) -> None:
        """Release the lock, sleep, take the lock again.

        Ctrl-C may come at any of these calls, also while others have the lock. It is passed on when the lock is ours
        again: those who called hold it, and will release it.
        """
        sleeper.prepare(leading=leading)
        sleeper.asleep = True
        self._sleepers += 1
        lock, interruption = self.lock, None
        try:
            lock.release()
            sleeper.sleep(timeout_ns)
        except BaseException as fault:  # noqa: BLE001 - raised again below
            interruption = fault
        while True:  # and no call outside of a `try` before it is done
            try:
                if not lock._is_owned():  # type: ignore[attr-defined]  # as threading.Condition asks
                    lock.acquire()
                break
            except BaseException as fault:  # noqa: BLE001 - raised again below
                interruption = fault
        sleeper.asleep = False
        self._sleepers -= 1
        if self.closed:
            self._let_go()
        if interruption is not None:
            raise interruption

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No background thread meanwhile: for a thread that does nothing but serve the machine."""
        with self.lock:
            self._background.park(parked=True)
        try:
            yield
        finally:
            with self.lock:
                self._background.park(parked=False)

    # --- what an event loop needs ----------------------------------------------------------------------------

    def watch(self, endpoint: Endpoint, notify: Notify) -> None:
        """Call `notify(endpoint)`, lock held, whenever the machine reports the endpoint."""
        with self.lock:
            self._watches[endpoint] = (*self._watches.get(endpoint, ()), notify)

    def unwatch(self, endpoint: Endpoint, notify: Notify) -> None:
        """Stop that."""
        with self.lock:
            others = list(self._watches.pop(endpoint, ()))
            if notify in others:
                others.remove(notify)
            if others:
                self._watches[endpoint] = tuple(others)

    def attach(self) -> Sequence[int]:
        """This thread's event loop begins to use the driver; returns what its selector must wait on for reading."""
        with self.lock:
            seat = self._seats.get(get_ident())
            if seat is None:
                seat = self._seats[get_ident()] = LoopSeat()
            seat.users += 1
            return [self._epoll.fileno(), seat.bell]

    def detach(self) -> None:
        """Undo one `attach`."""
        with self.lock:
            seat = self._seats.get(get_ident())
            if seat is None:
                return
            seat.users -= 1
            if not seat.users:
                del self._seats[get_ident()]
                self._step_down(seat)
                seat.close()

    def prepare(self) -> int | None:
        """Before the loop sleeps; returns ns until the next deadline, None if there is none."""
        with self.lock:
            now = _now()
            if self._due is not None and self._due <= now:
                self.pump()
            seat = self._seats[get_ident()]
            seat.asleep = True
            if self.leader is None or self.leader is self._background.sleeper:
                return self._take_over(seat, None)
            return None  # another thread sees to the deadlines

    def service(self) -> None:
        """After the loop's sleep: run the machine."""
        with self.lock:
            seat = self._seats.get(get_ident())
            if seat is not None:
                seat.rise()
                self._step_down(seat)
            if not self.closed:
                self.pump()

    # --- the machine -----------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Run the machine: frames in, timers, frames out; tell those whose endpoints have changed. Lock held."""
        if self._pumping:
            return  # a finalizer closed a socket in the midst of it: this pump sees to that too
        self._pumping = True
        try:
            now = _now()
            self._due = pump(self._machine, now, clock=_now)
            self._see_to_devices(now)
            self._tell()
        finally:
            self._pumping = False

    def _flush(self) -> None:
        """The second half of `pump`: frames out. For a call that has made some, and knows of no others that came."""
        if self._pumping:
            return
        machine, loopback, now = self._machine, self._loopback, _now()
        if loopback.ready or loopback.out or (self._due is not None and self._due <= now):
            self.pump()
            return
        self._pumping = True
        try:
            for interface in machine.ip.interfaces:
                if interface.out or interface.ready:
                    device = interface.device
                    while device.can_send() and (frame := machine.poll_transmit(device, now)) is not None:
                        device.send(frame, now)
            self._due = machine.next_deadline()
            self._see_to_devices(now)
            self._tell()
        finally:
            self._pumping = False

    def _see_to_devices(self, now: int) -> None:
        """Notice devices that have stalled, have room again, or are gone."""
        for device in self._devices:
            if device.stalled is not None:
                device.can_send()  # offers the frame again, also when the machine has no other to send
            if (device.stalled is not None) is not self._stalled[device] or not device.up:
                self._attend(device, now)
                return  # the list may have changed; another one is seen to next time

    def _tell(self) -> None:
        """Tell who waits that endpoints have changed."""
        machine, watches = self._machine, self._watches
        told = False
        while (endpoint := machine.poll_event()) is not None:
            for notify in watches.get(endpoint, ()):
                notify(endpoint)
                told = True
        if told:
            for seat in self._seats.values():
                seat.wake()

    def _attend(self, device: KernelDevice, now: int) -> None:
        """Wait for room at a device that has stalled; forget one that is gone (its descriptor is closed)."""
        if not device.up:
            self._devices.remove(device)
            link_lost(self._machine, device, now)
            return
        stalled = self._stalled[device] = device.stalled is not None
        events = select.EPOLLIN | select.EPOLLOUT if stalled else select.EPOLLIN
        self._epoll.modify(device.fileno(), events)

    def close(self) -> None:
        """Stop: wake every sleeper, end the background thread."""
        with self.lock:
            if self.closed:
                return
            self.closed = True
            for endpoint, watches in list(self._watches.items()):
                for notify in watches:
                    notify(endpoint)
            for seat in self._seats.values():
                seat.wake()
            self._background.sleeper.wake()
            self._let_go()
        if self._background.thread.is_alive():
            self._background.thread.join()

    def _let_go(self) -> None:
        """Give the descriptors back, when the last sleeper is out."""
        if not self._sleepers and not self._epoll.closed:
            self._epoll.close()
            os.close(self._alarm)
            self._background.sleeper.close()
