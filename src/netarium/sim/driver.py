"""Runs one machine in virtual time: `Driver` to its sockets, a timed object to the world, a line to its adapters."""

import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from netarium.aio.runtime import running
from netarium.aio.waiter import Notify
from netarium.base.addr import format_ip
from netarium.base.units import SECOND
from netarium.host.machine import Machine
from netarium.host.pump import pump
from netarium.sim.baton import Baton
from netarium.sim.runtime import Clockwork
from netarium.sim.strand import Strand
from netarium.transport.endpoint import Endpoint

Interests = Sequence[tuple[Endpoint, int]]

_REMEMBERED: Final = 1_024  # TCP endpoints of each machine
_NO_LOCK: Final = contextlib.nullcontext()  # one thread runs at a time


class _Wait:
    """A thread that is blocked in a call of the Socket library."""

    __slots__ = ("_baton", "_interests", "_strand", "_woken_at")

    def __init__(self, baton: Baton, strand: Strand, interests: Interests) -> None:
        self._baton = baton
        self._strand = strand
        self._interests = interests
        self._woken_at = -2  # how many hand-overs there had been then

    def notify(self, endpoint: Endpoint) -> None:
        """The machine reports an endpoint."""
        for each, mask in self._interests:
            if each == endpoint and each.poll(mask) & mask:
                baton = self._baton
                baton.wake(self._strand)
                self._woken_at = baton.switches
                return

    def is_fresh(self) -> bool:
        """No thread has run since `notify` saw that an endpoint is ready: it still is."""
        return self._baton.switches <= self._woken_at + 1

    def __call__(self) -> str:
        """What it waits for, for people: `tcp 10.0.1.1:80 LISTEN`."""
        return " or ".join(_describe(endpoint) for endpoint, _ in self._interests) or "a timeout"


def _describe(endpoint: Endpoint) -> str:
    (address, port), (peer, peer_port) = endpoint.local, endpoint.remote
    text = f"{endpoint.kind} {format_ip(address)}:{port}"
    if any(peer):
        text += f" -> {format_ip(peer)}:{peer_port}"
    return f"{text} {endpoint.state_name}".rstrip()


def _any_ready(interests: Interests) -> bool:
    for endpoint, mask in interests:  # noqa: SIM110 - any() would make a generator for nearly always one
        if endpoint.poll(mask) & mask:
            return True
    return False


class _Alarm:
    """A machine's place on the agenda for its timers; its driver's own is for what its adapters have."""

    __slots__ = ("_driver",)

    def __init__(self, driver: "SimDriver") -> None:
        self._driver = driver

    def on_deadline(self, now: int) -> None:
        """A timer is due."""
        self._driver.alarm_at = None
        self._driver.run(now)


class SimDriver:
    """One machine in virtual time.

    Args:
        machine: what it runs.
        clockwork: of the world.
    """

    __slots__ = (
        "_again", "_alarm", "_baton", "_clockwork", "_connections", "_line_at", "_pumping", "_watchers", "alarm_at", "machine",
    )  # fmt: skip

    def __init__(self, machine: Machine, clockwork: Clockwork) -> None:
        self.machine = machine
        self._clockwork = clockwork
        self._baton = clockwork.baton
        self._watchers: dict[Endpoint, list[Notify]] = {}
        self._connections: dict[int, Endpoint] = {}
        self._pumping = False
        self._again = False  # an adapter raised its line while the machine was being pumped
        self._line_at: int | None = None  # when the driver is on the agenda for an adapter
        self._alarm = _Alarm(self)
        self.alarm_at: int | None = None  # and when for the machine's timers

    # --- the world's side -----------------------------------------------------------------------------------

    def raise_line(self, at: int) -> None:
        """An adapter has something: at once or a little later, but not in the middle of whatever the world does."""
        if self._pumping:
            self._again = True
        elif self._line_at is None or at < self._line_at:
            self._line_at = at
            self._baton.agenda.schedule(self, at)

    def on_deadline(self, now: int) -> None:
        """What an adapter has is due."""
        self._line_at = None
        self.run(now)

    def run(self, now: int) -> None:
        """One turn of the machine; wake who waits for what came of it."""
        self._pumping = True
        machine = self.machine
        try:
            at = pump(machine, now)
        finally:
            self._pumping = False
        notifier = machine.notifier
        while notifier.events and (endpoint := notifier.pop()) is not None:
            if endpoint.kind == "tcp" and endpoint.id not in self._connections:
                self._remember(endpoint)
            watchers = self._watchers.get(endpoint)
            if watchers is not None:
                for notify in tuple(watchers):
                    notify(endpoint)
        if self._again or at == now:
            self._again = False
            self.raise_line(now)
        elif at != self.alarm_at:
            self.alarm_at = at
            self._baton.agenda.schedule(self._alarm, at)

    @property
    def connections(self) -> list[Endpoint]:
        """The last TCP endpoints that something happened to, oldest first; closed ones too, for whoever asks later."""
        return list(self._connections.values())

    def _remember(self, endpoint: Endpoint) -> None:
        self._connections[endpoint.id] = endpoint
        if len(self._connections) > _REMEMBERED:
            del self._connections[next(iter(self._connections))]

    # --- the sockets' side (netarium.socket.driver.Driver) ----------------------------------------------------

    lock: AbstractContextManager[Any] = _NO_LOCK  # none is needed

    def now(self) -> int:
        """Virtual monotonic ns."""
        return self._baton.now

    def wall(self) -> float:
        """Virtual seconds since the epoch."""
        return (self._clockwork.epoch_ns + self._baton.now) / SECOND

    def kick(self, machine: Machine) -> None:  # noqa: ARG002 - it has one
        """Pump at once, as a system call would: what a program writes goes out before the call returns."""
        if self._pumping:
            self._again = True
        else:
            self.run(self._baton.now)

    def wait(self, interests: Interests, timeout_ns: int | None) -> bool:
        """Block in virtual time until one of the endpoints is ready; False if the time (ns) is over."""
        if _any_ready(interests):
            return True
        runtime = running()
        if runtime is None:
            with self._clockwork.entered():
                return self.wait(interests, timeout_ns)
        baton, strand = self._baton, self._baton.holder
        assert strand is not None, "a thread of another world uses this one's socket"
        if timeout_ns is not None and timeout_ns <= 0:
            baton.give_way(strand)
            return _any_ready(interests)
        deadline = None if timeout_ns is None else baton.now + timeout_ns
        blocked = _Wait(baton, strand, interests)
        trace = self.machine.trace
        cause = 0 if trace is None else trace.cause
        for endpoint, _ in interests:
            self.watch(endpoint, blocked.notify)
        try:
            while True:
                if trace is not None:
                    trace.cause = 0  # what others do meanwhile is not because of this call
                woken = baton.park(strand, deadline, blocked)
                if (woken and blocked.is_fresh()) or _any_ready(interests):
                    return True
                if not woken:
                    return False
        finally:
            if trace is not None:
                trace.cause = cause
            for endpoint, _ in interests:
                self.unwatch(endpoint, blocked.notify)

    def sleep(self, ns: int) -> None:
        """Let virtual time pass."""
        runtime = running()
        if runtime is None:
            with self._clockwork.entered():
                self.sleep(ns)
        else:
            runtime.sleep(ns)

    def watch(self, endpoint: Endpoint, notify: Notify) -> None:
        """Call `notify(endpoint)` whenever the machine reports the endpoint."""
        self._watchers.setdefault(endpoint, []).append(notify)

    def unwatch(self, endpoint: Endpoint, notify: Notify) -> None:
        """Stop that."""
        watchers = self._watchers.get(endpoint)
        if watchers is not None and notify in watchers:
            watchers.remove(notify)
            if not watchers:
                del self._watchers[endpoint]
