"""The stage of a script: one machine, its only cable, virtual time, and at most one system call that blocks.

Nothing is mocked below the cable: Ethernet, ARP, IP are those of every machine. The far end answers ARP for every
address. A call that blocks runs in a thread of its own; exactly one of the two threads runs at any time.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from random import Random
from typing import Any, Final

from netarium.base.addr import Prefix
from netarium.base.config import MachineConfig
from netarium.base.units import SECOND, US
from netarium.host.machine import Machine
from netarium.host.pump import pump
from netarium.ip.route import Route
from netarium.link.device import Medium, Offload
from netarium.link.frame import Frame
from netarium.link.gso import finished
from netarium.socket.host import Host
from netarium.testing.packetdrill.errors import Mismatch
from netarium.testing.packetdrill.messages import EPOCH
from netarium.testing.packetdrill.settings import Settings
from netarium.transport.endpoint import Endpoint
from netarium.transport.tcp.connection import Connection
from netarium.transport.tcp.halfopen import HalfOpen
from netarium.wire import ethernet
from netarium.wire.arp import ArpMessage

Interests = Sequence[tuple[Endpoint, int]]

_OURS: Final = b"\x02\x00\x00\x00\x00\x01"
_PEER: Final = b"\x02\x00\x00\x00\x00\x02"
_ARP, _IPV4 = 0x0806, 0x0800
_SEED: Final = 7


class Wire:
    """The machine's only device."""

    name = "tun0"  # as scripts call it
    mac = _OURS
    medium = Medium.ETHERNET
    offload = Offload()
    up = True

    def __init__(self, mtu: int, on_sent: Callable[[bytes, int], None]) -> None:
        self.mtu = mtu
        self.stopped = False
        self.arriving: deque[Frame] = deque()
        self._on_sent = on_sent

    def recv(self, now: int) -> Frame | None:  # noqa: ARG002 - Device
        """The next frame from the peer."""
        return self.arriving.popleft() if self.arriving else None

    def can_send(self) -> bool:
        """It has no queue; only a script may stop it."""
        return not self.stopped

    def send(self, frame: Frame, now: int) -> None:
        """To the peer."""
        self._on_sent(finished(frame).octets(), now)

    def join(self, mac: bytes) -> None:
        """It takes every frame."""

    def leave(self, mac: bytes) -> None:
        """It takes every frame."""


class Abandoned(BaseException):
    """The script is over while its call still blocks: the thread ends."""


class BlockingCall:
    """A system call in a thread of its own.

    Attributes:
        finished: it has returned.
        fault: what it raised, which only a mistake of ours can.
        at: virtual ns at which it returned.
        interests: what it waits for; None: it does not wait.
        deadline: until when, or None.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self.finished = False
        self.abandoned = False
        self.at = 0
        self.interests: Interests | None = None
        self.deadline: int | None = None
        self._work = work
        self.fault: BaseException | None = None
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True, name="blocking call")
        self._thread.start()

    def go_on(self) -> None:
        """Let it run until it waits or returns."""
        self.interests = None
        self._go.release()
        self._back.acquire()
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault

    def wait(self, interests: Interests, deadline: int | None) -> None:
        """Called in its thread: give the other one its turn."""
        self.interests, self.deadline = interests, deadline
        self._back.release()
        self._go.acquire()
        if self.abandoned:
            raise Abandoned

    def runs_here(self) -> bool:
        """The calling thread is the call's."""
        return threading.current_thread() is self._thread

    def abandon(self) -> None:
        """End it where it waits."""
        self.abandoned = True
        self.go_on()
        self._thread.join()

    def _run(self) -> None:
        self._go.acquire()
        try:
            with contextlib.suppress(Abandoned):
                self._work()
        except BaseException as fault:  # noqa: BLE001 - a mistake of ours, for the other thread to raise
            self.fault = fault
        self.finished = True
        self._back.release()


class Stage:
    """The machine under test in virtual time; it is the driver of its sockets, too.

    Attributes:
        sent: IP packets that left, each with its time.
    """

    def __init__(self, settings: Settings, config: MachineConfig) -> None:
        self._now = EPOCH
        self._local = settings.local
        self.sent: deque[tuple[int, bytes]] = deque()
        self.blocking: BlockingCall | None = None
        self._pumping = False
        self._watchers: dict[Endpoint, list[Callable[[Endpoint], None]]] = {}
        self._wire = Wire(settings.mtu, self._on_sent)
        self.machine = Machine("dut", config=config, random=Random(_SEED))
        interface = self.machine.add_device(self._wire, self._now)
        self.machine.ip.add_address(interface, settings.local, settings.prefix_length, self._now)
        gateway = settings.local[:3] + bytes(((settings.local[3] + 1) & 0xFF,))
        self.machine.ip.routes.add(Route(Prefix(bytes(4), 0), interface, gateway))
        self.host = Host(self.machine, self, process_name="script")
        self._turn()

    def configure(self, config: MachineConfig, mtu: int | None = None, *, live: bool = False) -> None:
        """Another configuration, for connections from now on, or, if it is `live`, for all; another MTU, for all."""
        self.machine.configure(config)
        if live:
            for flow in self.machine.tcp.flows.values():
                if isinstance(flow, Connection):
                    flow.tcb.config = config.tcp
                elif isinstance(flow, HalfOpen):
                    flow.config = config.tcp
        if mtu is not None and mtu != self._wire.mtu:
            self._wire.mtu = mtu
            self.machine.ip.outdate_paths()

    def stop(self, stopped: bool) -> None:
        """The device takes nothing any more, or takes what waits."""
        self._wire.stopped = stopped
        self._turn()

    def program(self) -> Host:
        """What runs in a with-block of it is a program of the machine: also a call without a socket knows where it is."""
        return self.host

    def forget(self) -> None:
        """What the machine knows of peers from earlier connections."""
        self.machine.tcp.fast_open.forget()

    @property
    def time(self) -> int:
        """Ns since the script began."""
        return self._now - EPOCH

    def deliver(self, packet: bytes, gso_size: int = 0) -> None:
        """An IP packet from the peer arrives, or several segments of `gso_size` that the driver has made one.

        That takes a moment: no round trip is over before it began.
        """
        self._now += US
        self._wire.arriving.append(Frame(ethernet.pack(_OURS, _PEER, _IPV4) + packet, gso_size=gso_size))
        self._turn()

    def advance(self, until: int, *, enough: Callable[[], bool] = lambda: False) -> None:
        """Let time pass to `until` (ns since the script began), or until it is enough."""
        until += EPOCH
        while not enough():
            at = self._next()
            if at is None or at > until:
                self._now = max(self._now, until)
                break
            self._now = max(self._now, at)
            self._turn()

    def idle(self) -> bool:
        """Nothing will ever happen by itself."""
        return self._next() is None

    # --- Driver ---------------------------------------------------------------------------------------------

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """None is needed: one thread runs at a time."""
        return contextlib.nullcontext()

    def now(self) -> int:
        """Virtual monotonic ns."""
        return self._now

    def wall(self) -> float:
        """Virtual seconds since the epoch."""
        return self._now / SECOND

    def kick(self, machine: Machine) -> None:  # noqa: ARG002 - it has one
        """Pump at once."""
        if not self._pumping:
            self._pump()

    def wait(self, interests: Interests, timeout_ns: int | None) -> bool:
        """Block the call; one that the script does not expect to block lets time pass itself."""
        deadline = None if timeout_ns is None else self._now + timeout_ns
        if not _ready(interests):
            blocking = self.blocking
            if blocking is not None and blocking.runs_here():
                blocking.wait(interests, deadline)
            else:
                self._pass_time(interests, deadline)
        return _ready(interests)

    def sleep(self, ns: int) -> None:
        """Block for a while."""
        self.wait((), ns)

    def watch(self, endpoint: Endpoint, notify: Callable[[Endpoint], None]) -> None:
        """Call `notify(endpoint)` whenever the machine reports the endpoint."""
        self._watchers.setdefault(endpoint, []).append(notify)

    def unwatch(self, endpoint: Endpoint, notify: Callable[[Endpoint], None]) -> None:
        """Stop that."""
        self._watchers[endpoint].remove(notify)

    # --- inside ---------------------------------------------------------------------------------------------

    def _pass_time(self, interests: Interests, deadline: int | None) -> None:
        while not _ready(interests):
            at = self.machine.next_deadline()
            if at is None and deadline is None:
                raise Mismatch("a call that returns at once", "one that waits for ever")
            self._now = max(self._now, min(each for each in (at, deadline) if each is not None))
            self._turn()
            if deadline is not None and self._now >= deadline:
                return

    def _next(self) -> int | None:
        times = [self.machine.next_deadline()]
        blocking = self.blocking
        if blocking is not None and blocking.interests is not None:
            times.append(blocking.deadline)
        return min((at for at in times if at is not None), default=None)

    def _turn(self) -> None:
        """Everything that is due now, in the machine and in the call that waits."""
        self._pump()
        blocking = self.blocking
        while blocking is not None and blocking.interests is not None:
            over = blocking.deadline is not None and blocking.deadline <= self._now
            if not over and not _ready(blocking.interests):
                break
            blocking.go_on()
            blocking.at = self.time
            self._pump()

    def _pump(self) -> None:
        self._pumping = True
        try:
            while True:
                at = pump(self.machine, self._now)
                if not self._wire.arriving and (at is None or at > self._now):
                    break
        finally:
            self._pumping = False
        while (endpoint := self.machine.poll_event()) is not None:
            for notify in tuple(self._watchers.get(endpoint, ())):
                notify(endpoint)
        if self.machine.internal_errors:
            raise Mismatch("a machine without mistakes", self.machine.internal_errors.pop())

    def _on_sent(self, octets: bytes, now: int) -> None:
        kind = int.from_bytes(octets[12:14], "big")
        if kind == _IPV4:
            self.sent.append((now - EPOCH, octets[14:]))
        elif kind == _ARP:
            request = ArpMessage.parse(octets[14:])
            if request.oper == 1 and request.tpa != self._local:
                reply = ArpMessage(oper=2, sha=_PEER, spa=request.tpa, tha=_OURS, tpa=request.spa)
                self._wire.arriving.append(Frame(ethernet.pack(_OURS, _PEER, _ARP) + reply.pack()))


def _ready(interests: Interests) -> bool:
    return any(endpoint.poll() & mask for endpoint, mask in interests)
