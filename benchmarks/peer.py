"""The kernel's end of a measurement, with plain kernel sockets: `python -m benchmarks.peer ROLE ...`.

Roles that measure print one number. The congestion control is cubic on this side, whatever the system's default is.
"""

import argparse
import os
import selectors
import socket
import sys
import time
from typing import NoReturn

ECHO, SINK, SOURCE = 5001, 5002, 5003
_CHUNK = 256 * 1024


def pin(core: int | None) -> None:
    """Stay on one core."""
    if core is not None:
        os.sched_setaffinity(0, {core})


def connected(host: str, port: int) -> socket.socket:
    """A connection to the other end, once it listens."""
    until = time.monotonic() + 10
    while True:
        try:
            channel = socket.socket()
            channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
            channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            channel.connect((host, port))
        except OSError:
            channel.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return channel


def send(host: str, seconds: float) -> float:
    """Mbit/s into the sink; counted up to when the other end has closed, so that all had arrived."""
    with connected(host, SINK) as channel:
        chunk, total = bytes(_CHUNK), 0
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            total += channel.send(chunk)
        channel.shutdown(socket.SHUT_WR)
        while channel.recv(4096):
            pass
        return total * 8 / (time.monotonic() - begin) / 1e6


def receive(host: str, seconds: float) -> float:
    """Mbit/s out of the source."""
    with connected(host, SOURCE) as channel:
        room, total = bytearray(_CHUNK), 0
        begin = time.monotonic()
        while (elapsed := time.monotonic() - begin) < seconds:
            count = channel.recv_into(room)
            if not count:
                break
            total += count
        return total * 8 / elapsed / 1e6


def round_trips(host: str, seconds: float) -> float:
    """Round trips per second of one octet."""
    with connected(host, ECHO) as channel:
        count = 0
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            for _ in range(100):
                channel.send(b"x")
                channel.recv(16)
            count += 100
        return count / (time.monotonic() - begin)


def connections(host: str, seconds: float) -> float:
    """Connections per second one after the other: connect, an octet there and back, close."""
    connected(host, ECHO).close()
    count = 0
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        with socket.create_connection((host, ECHO), timeout=10) as channel:
            channel.send(b"x")
            channel.recv(16)
        count += 1
    return count / (time.monotonic() - begin)


def idle(host: str, count: float) -> float:
    """Open connections, say how many, and hold them until told to go (end of standard input)."""
    channels = [connected(host, ECHO) for _ in range(int(count))]
    for channel in channels:
        channel.send(b"x")
        channel.recv(16)
    print(len(channels), flush=True)
    sys.stdin.read()
    for channel in channels:
        channel.close()
    return 0.0


def serve(host: str, congestion: str) -> NoReturn:
    """Echo, sink and source in the kernel: the other end of the baseline. Until killed."""
    selector = selectors.DefaultSelector()
    for port in (ECHO, SINK, SOURCE):
        listener = socket.create_server((host, port), backlog=4096)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ)
    room, chunk = bytearray(_CHUNK), bytes(_CHUNK)
    while True:
        for key, _events in selector.select():
            channel = key.fileobj
            assert isinstance(channel, socket.socket)
            port = channel.getsockname()[1]
            if key.data is None:
                accepted, _peer = channel.accept()
                accepted.setblocking(False)
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                wanted = selectors.EVENT_WRITE if port == SOURCE else selectors.EVENT_READ
                selector.register(accepted, wanted, "peer")
                continue
            try:
                if port == SOURCE:
                    channel.send(chunk)
                    continue
                count = channel.recv_into(room)
                if count and port == ECHO:
                    channel.send(memoryview(room)[:count])
            except OSError:
                count = 0
            if not count:
                selector.unregister(channel)
                channel.close()


_ROLES = {
    "send": send,
    "receive": receive,
    "round-trips": round_trips,
    "connections": connections,
    "idle": idle,
}


def main() -> None:
    """Play one role."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=[*_ROLES, "serve"])
    parser.add_argument("host")
    parser.add_argument(
        "amount", type=float, nargs="?", default=1.0, help="seconds, or connections for `idle`"
    )
    parser.add_argument("--core", type=int)
    parser.add_argument("--congestion", default="cubic", help="of `serve` (cubic)")
    arguments = parser.parse_args()
    pin(arguments.core)
    if arguments.role == "serve":
        serve(arguments.host, arguments.congestion)
    result = _ROLES[arguments.role](arguments.host, arguments.amount)
    if arguments.role != "idle":
        print(result, flush=True)


if __name__ == "__main__":
    main()
