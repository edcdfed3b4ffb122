"""Random calls in random order, on the kernel's stack and on ours: each must give the same result or the same errno.

Left out are calls whose results the kernel owes to its history: shutdown() of what is not connected (it fails, but is
remembered), reading from what never was, a second connect(), and what arrives after the reading side was shut down.
"""

import random
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

EVENTS = 0x2017  # IN, PRI, OUT, HUP, RDHUP; errors are told anyway
CALLS = (
    "connect", "send", "send", "send", "recv", "recv", "peek", "shutdown", "shutdown", "close",
    "abort", "peer", "error", "poll", "reopen",
)  # fmt: skip
LISTENER_CALLS = ("accept", "accept", "accept", "poll", "close")


def script(seed: int) -> list[tuple[str, str, int]]:
    """Who calls what: the client, the server's end of the connection accepted last, the listener."""
    source = random.Random(seed)
    steps = [("client", "connect", 0), ("listener", "accept", 0)] if seed % 3 else []
    for _ in range(25):
        who = source.choice(("client", "client", "server", "server", "listener"))
        call = source.choice(LISTENER_CALLS if who == "listener" else CALLS)
        steps.append((who, call, source.randrange(1, 2_000)))
    return steps


class Player:
    """Plays a script on one stack."""

    def __init__(self, net: Any) -> None:
        self.net = net
        self.listener = net.listener(4)
        self.listener.setblocking(False)
        self.address = self.listener.getsockname()
        self.client: Any = None
        self.server: Any = None
        self.reopen()

    def reopen(self) -> None:
        self.client = self.net.client()
        self.client.setblocking(False)
        self.client.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )  # what is sent is there at the next step
        self.called = False

    def play(self, who: str, call: str, size: int) -> object:
        sock = getattr(self, who)
        if call == "reopen":
            if self.client.fileno() < 0:
                self.reopen()
            return None
        if sock is None:
            return None
        if call == "connect" and who == "client":
            if self.called:
                return None
            self.called = True
        try:
            if call in {"shutdown", "recv", "peek"}:
                sock.getpeername()
            return self.perform(sock, call, size)
        except OSError as fault:
            return type(fault), fault.errno

    def perform(self, sock: Any, call: str, size: int) -> object:
        if call == "poll":
            return self.net.poll(sock, EVENTS, 0) if sock.fileno() >= 0 else "closed"
        if call == "abort":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            return sock.close()
        if call == "accept":
            self.server, _ = self.net.accept(sock)
            self.server.setblocking(False)
            return self.server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        simple: dict[str, Callable[[], object]] = {
            "connect": lambda: sock.connect(self.address),
            "send": lambda: sock.send(bytes(size)),
            "recv": lambda: len(sock.recv(100_000)),
            "peek": lambda: len(sock.recv(100_000, socket.MSG_PEEK)),
            "close": sock.close,
            "shutdown": lambda: sock.shutdown(socket.SHUT_WR),
            "peer": lambda: sock.getpeername() == self.address,
            "error": lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
        }
        return simple[call]()


def play(net: Any, seed: int) -> list[object]:
    """All results of a script."""
    player = Player(net)
    told: list[object] = []
    for step in script(seed):
        told.append((step, player.play(*step)))
        if net.name == "kernel":
            time.sleep(0.0005)  # its loopback delivers at once, but not before the call has returned
        else:
            net.settle()
    return told


@pytest.mark.parametrize("seed", range(60))
def test_same_results_as_the_kernel(nets: list[Any], seed: int) -> None:
    kernel, ours = (play(net, seed) for net in nets)
    assert ours == kernel
