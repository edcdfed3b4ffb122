"""Many connections, dead peers, deaf peers."""

import os
import signal
import socket
import sys
import threading
import time
from typing import Any

import pytest

from netarium.base.config import MachineConfig, TcpConfig
from netarium.drive.host import Host

LIMIT = 30.0
SECOND = 1_000_000_000


def echo_server(host: Host, port: int) -> None:
    """One thread for each connection, as people write it."""
    listener = host.socket()
    listener.bind(("", port))
    listener.listen(256)

    def serve(channel: Any) -> None:
        with channel:
            while octets := channel.recv(65_536):
                channel.sendall(octets)

    def accept() -> None:
        while True:
            try:
                channel, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(channel,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def test_two_hundred_parallel_connections_to_us(host: Host) -> None:
    echo_server(host, 7)
    channels = [socket.create_connection(("10.0.0.2", 7), timeout=LIMIT) for _ in range(200)]
    messages = [os.urandom(5_000) for _ in channels]
    for channel, message in zip(channels, messages, strict=True):
        channel.sendall(message)
    for channel, message in zip(channels, messages, strict=True):
        received = b""
        while len(received) < len(message):
            received += channel.recv(65_536)
        assert received == message
    rows = [row for row in host.machine.sockets.rows() if row.state == "ESTABLISHED"]
    assert len(rows) == 200
    for channel in channels:
        channel.close()


def test_two_hundred_parallel_connections_to_the_kernel(host: Host) -> None:
    with socket.create_server(("10.0.0.1", 7), backlog=256) as listener:
        ours = []
        for _ in range(200):
            channel = host.socket()
            channel.setblocking(False)
            channel.connect_ex(("10.0.0.1", 7))
            ours.append(channel)
        theirs = [listener.accept()[0] for _ in ours]
        by_port = {channel.getpeername()[1]: channel for channel in theirs}
        for channel in ours:
            channel.settimeout(LIMIT)
            message = os.urandom(3_000)
            by_port[channel.getsockname()[1]].sendall(message)
            received = b""
            while len(received) < len(message):
                received += channel.recv(65_536)
            assert received == message
        for channel in (*ours, *theirs):
            channel.close()


def connected_program(kernel: Any, program: str) -> Any:
    """A process of the kernel's side that runs `program` with a connection `s` to our port 7; it says when."""
    text = f"import socket, sys\ns = socket.create_connection(('10.0.0.2', 7))\nprint('up', flush=True)\n{program}\n"
    return kernel.popen(sys.executable, "-c", text)


def test_peer_killed_half_way(kernel: Any, host: Host) -> None:
    """The kernel closes a dead program's sockets, with a reset if data was unread: our writer must hear of it."""
    listener = host.socket()
    listener.bind(("", 7))
    listener.listen()
    with connected_program(kernel, "s.recv(10)\nsys.stdin.read()") as process:
        channel, _ = listener.accept()
        assert process.stdout.readline() == "up\n"
        channel.settimeout(0.3)
        with pytest.raises(TimeoutError):  # noqa: PT012 - until nothing more is taken
            while True:
                channel.sendall(bytes(65_536))
        process.send_signal(signal.SIGKILL)
        channel.settimeout(LIMIT)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):  # noqa: PT012 - at once, or one call later
            while True:
                channel.sendall(bytes(65_536))
        channel.close()
    listener.close()


def test_peer_vanishes_without_a_word(kernel: Any, start: Any) -> None:
    """The cable is cut: the user timeout ends the connection (RFC 9293 §3.8.3, RFC 5482)."""
    host = start()
    listener = host.socket()
    listener.bind(("", 7))
    listener.listen()
    with socket.create_connection(("10.0.0.2", 7), timeout=LIMIT):
        channel, _ = listener.accept()
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1_000)
        channel.settimeout(LIMIT)
        kernel.lose(100)
        channel.send(b"hello?")
        with pytest.raises(TimeoutError) as caught:
            channel.recv(10)
        assert caught.value.errno is not None, "ETIMEDOUT of the connection, not the socket's own timeout"
        channel.close()
    listener.close()


@pytest.mark.rfc("9293", "MUST-34", "MUST-35")
def test_peer_that_stops_reading(host: Host) -> None:
    """The window closes, we probe, it opens, everything arrives once and in order."""
    listener = host.socket()
    listener.bind(("", 7))
    listener.listen()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        deaf.settimeout(LIMIT)
        deaf.connect(("10.0.0.2", 7))
        channel, _ = listener.accept()
        channel.settimeout(0.7)
        total = 0
        payload = os.urandom(8_000_000)
        with pytest.raises(TimeoutError):  # noqa: PT012 - until it is full
            while True:
                total += channel.send(payload[total:])
        assert total < len(payload)
        channel.settimeout(LIMIT)
        received = bytearray()
        sender = threading.Thread(target=lambda: (channel.sendall(payload[total:]), channel.close()))
        sender.start()
        while octets := deaf.recv(1 << 20):
            received += octets
        sender.join(LIMIT)
        assert received == payload
    listener.close()


def test_we_stop_reading(host: Host) -> None:
    """The same with the roles changed: our window closes, the kernel probes."""
    listener = host.socket()
    listener.bind(("", 7))
    listener.listen()
    payload = os.urandom(20_000_000)
    with socket.socket() as theirs:
        theirs.settimeout(LIMIT)
        theirs.connect(("10.0.0.2", 7))
        channel, _ = listener.accept()
        channel.settimeout(LIMIT)
        theirs.setblocking(False)
        total = 0
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < 0.5:
            try:
                total += theirs.send(payload[total : total + 262_144])
                quiet_since = time.monotonic()
            except BlockingIOError:
                continue
        assert total < len(payload)
        theirs.settimeout(LIMIT)
        sender = threading.Thread(
            target=lambda: (theirs.sendall(payload[total:]), theirs.shutdown(socket.SHUT_WR))
        )
        sender.start()
        received = bytearray()
        while octets := channel.recv(1 << 20):
            received += octets
        sender.join(LIMIT)
        assert received == payload
        channel.close()
    listener.close()


def test_refused_both_ways(host: Host) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("10.0.0.2", 9), timeout=LIMIT)
    with host.socket() as ours, pytest.raises(ConnectionRefusedError):
        ours.connect(("10.0.0.1", 9))


def test_half_close_both_ways(host: Host) -> None:
    listener = host.socket()
    listener.bind(("", 7))
    listener.listen()
    with socket.create_connection(("10.0.0.2", 7), timeout=LIMIT) as theirs:
        channel, _ = listener.accept()
        channel.settimeout(LIMIT)
        theirs.sendall(b"question")
        theirs.shutdown(socket.SHUT_WR)
        assert channel.recv(100) == b"question"
        assert channel.recv(100) == b""
        channel.sendall(b"answer")
        channel.close()
        assert theirs.recv(100) == b"answer"
        assert theirs.recv(100) == b""
    listener.close()


def test_keepalive_finds_a_dead_peer(kernel: Any, start: Any) -> None:
    config = MachineConfig(
        tcp=TcpConfig(keepalive_idle_ns=SECOND // 5, keepalive_interval_ns=SECOND // 5, keepalive_probes=3)
    )
    host = start(config=config)
    listener = host.socket()
    listener.bind(("", 7))
    listener.listen()
    with socket.create_connection(("10.0.0.2", 7), timeout=LIMIT):
        channel, _ = listener.accept()
        channel.settimeout(LIMIT)
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        kernel.lose(100)
        with pytest.raises(TimeoutError) as caught:
            channel.recv(10)
        assert caught.value.errno is not None
        channel.close()
    listener.close()
