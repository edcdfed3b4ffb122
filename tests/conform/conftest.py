"""One suite, two stacks: the kernel's sockets over its loopback, and ours over two machines joined by a wire.

Time of ours is a number that a wait moves to the next deadline, so a test that waits a minute takes none.
"""

import select as kernel_select
import socket as kernel
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from random import Random
from typing import Any

import pytest

from netarium.host.machine import Machine
from netarium.host.pump import pump
from netarium.link.device import Medium, Offload
from netarium.link.frame import Frame
from netarium.socket import poll
from netarium.socket.host import Host
from netarium.transport.endpoint import Endpoint


class WireEnd:
    """A device whose wire is the other end's queue."""

    medium = Medium.ETHERNET
    offload = Offload(tx_checksum=True, rx_checksum=True)
    mtu = 1_500
    up = True

    def __init__(self, name: str, mac: bytes) -> None:
        self.name, self.mac = name, mac
        self.inbox: deque[Frame] = deque()
        self.peer = self

    def recv(self, now: int) -> Frame | None:
        return self.inbox.popleft() if self.inbox else None

    def can_send(self) -> bool:
        return len(self.peer.inbox) < 256

    def send(self, frame: Frame, now: int) -> None:
        self.peer.inbox.append(frame)

    def join(self, mac: bytes) -> None: ...

    def leave(self, mac: bytes) -> None: ...


class Together:
    """A driver of several machines at once; waiting moves the clock."""

    def __init__(self) -> None:
        self.clock = 1_000_000_000
        self.machines: list[Machine] = []
        self.lock = nullcontext()

    def now(self) -> int:
        return self.clock

    def wall(self) -> float:
        return 1_700_000_000 + self.clock / 1e9

    def kick(self, machine: Machine) -> None:
        self.run()

    def sleep(self, ns: int) -> None:
        self.wait((), ns)

    def run(self) -> int | None:
        """Everything that is due now; returns the next deadline."""
        while True:
            again = [pump(machine, self.clock) for machine in self.machines]
            for machine in self.machines:
                while machine.poll_event() is not None:
                    pass
            waiting = any(
                interface.device.inbox for machine in self.machines for interface in machine.ip.interfaces[1:]
            )
            due = [at for at in again if at is not None]
            if not waiting and (not due or min(due) > self.clock):
                return min(due) if due else None

    def wait(self, interests: Sequence[tuple[Endpoint, int]], timeout_ns: int | None) -> bool:
        until = None if timeout_ns is None else self.clock + timeout_ns
        while True:
            at = self.run()
            if any(endpoint.poll() & mask for endpoint, mask in interests):
                return True
            if until is not None and (at is None or at > until):
                self.clock = until
                return False
            assert at is not None, "nothing will ever happen"
            self.clock = at

    def watch(self, endpoint: Endpoint, notify: Callable[[Endpoint], None]) -> None: ...

    def unwatch(self, endpoint: Endpoint, notify: Callable[[Endpoint], None]) -> None: ...


class Net:
    """What a test sees: two places to open sockets, and time."""

    name: str
    client_ip: str
    server_ip: str
    opened: list[Any]

    def client(self, type_: int = kernel.SOCK_STREAM, proto: int = 0) -> Any:
        """A socket on the client's machine."""

    def server(self, type_: int = kernel.SOCK_STREAM, proto: int = 0) -> Any:
        """A socket on the server's machine."""

    def select(self, r: Sequence[Any], w: Sequence[Any], x: Sequence[Any], timeout: float) -> Any:
        """select()."""

    def poll(self, sock: Any, mask: int, timeout: float = 1.0) -> int:
        """Which events a socket has."""

    def settle(self) -> None:
        """Let everything that is under way arrive."""

    def close(self) -> None:
        """The end."""

    # --- common ways to begin

    def accept(self, listener: Any) -> tuple[Any, Any]:
        """accept(), and see to it that the socket is closed at the end."""
        server, address = listener.accept()
        self.opened.append(server)
        return server, address

    def listener(self, backlog: int = 8) -> Any:
        sock = self.server()
        sock.bind((self.server_ip, 0))
        sock.listen(backlog)
        return sock

    def pair(self) -> tuple[Any, Any]:
        """A client's and a server's end of a TCP connection."""
        listener, client = self.listener(), self.client()
        client.connect(listener.getsockname())
        server, _ = self.accept(listener)
        listener.close()
        return client, server

    def udp_pair(self) -> tuple[Any, Any]:
        """Two bound UDP sockets."""
        one, two = self.client(kernel.SOCK_DGRAM), self.server(kernel.SOCK_DGRAM)
        one.bind((self.client_ip, 0))
        two.bind((self.server_ip, 0))
        return one, two


class KernelNet(Net):
    name, client_ip, server_ip = "kernel", "127.0.0.1", "127.0.0.1"

    def __init__(self) -> None:
        self.opened: list[Any] = []

    def client(self, type_: int = kernel.SOCK_STREAM, proto: int = 0) -> Any:
        sock = kernel.socket(kernel.AF_INET, type_, proto)
        self.opened.append(sock)
        return sock

    server = client

    def select(self, r: Sequence[Any], w: Sequence[Any], x: Sequence[Any], timeout: float) -> Any:
        return kernel_select.select(r, w, x, timeout)

    def poll(self, sock: Any, mask: int, timeout: float = 1.0) -> int:
        poller = kernel_select.poll()
        poller.register(sock, mask)
        events = poller.poll(timeout * 1_000)
        return events[0][1] if events else 0

    def settle(self) -> None:
        time.sleep(0.01)

    def close(self) -> None:
        for sock in self.opened:
            sock.close()


class OurNet(Net):
    name, client_ip, server_ip = "ours", "10.0.0.1", "10.0.0.2"

    def __init__(self) -> None:
        self.driver = Together()
        ends = [WireEnd("eth0", bytes((2, 0, 0, 0, 0, i))) for i in (1, 2)]
        ends[0].peer, ends[1].peer = ends[1], ends[0]
        self.hosts = []
        for i, end in enumerate(ends, 1):
            machine = Machine(f"m{i}", random=Random(i))
            interface = machine.add_device(end, self.driver.clock)
            machine.ip.add_address(interface, bytes((10, 0, 0, i)), 24, self.driver.clock)
            self.driver.machines.append(machine)
            self.hosts.append(Host(machine, self.driver))
        self.opened: list[Any] = []

    def client(self, type_: int = kernel.SOCK_STREAM, proto: int = 0) -> Any:
        self.opened.append(self.hosts[0].socket(kernel.AF_INET, type_, proto))
        return self.opened[-1]

    def server(self, type_: int = kernel.SOCK_STREAM, proto: int = 0) -> Any:
        self.opened.append(self.hosts[1].socket(kernel.AF_INET, type_, proto))
        return self.opened[-1]

    def select(self, r: Sequence[Any], w: Sequence[Any], x: Sequence[Any], timeout: float) -> Any:
        return poll.select(r, w, x, timeout)

    def poll(self, sock: Any, mask: int, timeout: float = 1.0) -> int:
        poller = poll.Poll()
        poller.register(sock, mask)
        events = poller.poll(timeout * 1_000)
        return events[0][1] if events else 0

    def settle(self) -> None:
        self.driver.sleep(10_000_000)

    def close(self) -> None:
        for sock in self.opened:
            sock.close()
        for machine in self.driver.machines:
            assert not machine.internal_errors, machine.internal_errors[0]


@pytest.fixture(params=[KernelNet, OurNet], ids=["kernel", "ours"])
def net(request: pytest.FixtureRequest) -> Iterator[Net]:
    """The suite runs on each."""
    one = request.param()
    yield one
    one.close()


@pytest.fixture
def nets() -> Iterator[list[Net]]:
    """Both, to be compared with each other."""
    both: list[Net] = [KernelNet(), OurNet()]
    yield both
    for one in both:
        one.close()
