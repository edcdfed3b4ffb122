"""Fast Open and ECN with the Linux kernel, in both roles."""

import socket
import threading
from dataclasses import replace

from netarium.base.config import MachineConfig

from .conftest import KERNEL, OURS, Start, sh

LIMIT = 30.0
MSG_FASTOPEN = 0x2000_0000
TCPI_OPTIONS, ECN, ECN_SEEN, SYN_DATA = 5, 8, 16, 32
QUESTION, ANSWER = b"question " * 50, b"answer " * 1_000


def config(**fields: object) -> MachineConfig:
    base = MachineConfig()
    return replace(base, tcp=replace(base.tcp, **fields))


def options_of(channel: socket.socket) -> int:
    return channel.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[TCPI_OPTIONS]


def serve(listener, times: int, seen: list[int]) -> threading.Thread:
    """Answer so many questions; note what TCP_INFO says of each."""

    def run() -> None:
        for _ in range(times):
            channel = listener.accept()[0]
            question = b""
            while len(question) < len(QUESTION):
                question += channel.recv(65_536)
            seen.append(options_of(channel))
            channel.sendall(ANSWER)
            channel.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def ask(channel, address: tuple[str, int]) -> int:
    """The question with the SYN, the answer to its end; what TCP_INFO says."""
    channel.settimeout(None)
    assert channel.sendto(QUESTION, MSG_FASTOPEN, address) == len(QUESTION)
    answer = b""
    while octets := channel.recv(65_536):
        answer += octets
    assert answer == ANSWER
    options = options_of(channel)
    channel.close()
    return options


def test_fast_open_to_the_kernel(start: Start) -> None:
    sh("sysctl", "-q", "net.ipv4.tcp_fastopen=3")
    host = start()
    seen: list[int] = []
    with socket.create_server((KERNEL, 7)) as listener:
        listener.settimeout(LIMIT)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
        server = serve(listener, 2, seen)
        ours = [ask(host.socket(), (KERNEL, 7)) & SYN_DATA for _ in range(2)]
        server.join(LIMIT)
    assert ours == [0, SYN_DATA]  # the first time a cookie is asked for
    assert [options & SYN_DATA for options in seen] == [0, SYN_DATA]


def test_fast_open_from_the_kernel(start: Start) -> None:
    sh("sysctl", "-q", "net.ipv4.tcp_fastopen=1")
    host = start(config=config(fast_open=3))
    seen: list[int] = []
    listener = host.socket()
    listener.bind((OURS, 7))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
    listener.listen(5)
    server = serve(listener, 2, seen)
    theirs = [ask(socket.socket(), (OURS, 7)) & SYN_DATA for _ in range(2)]
    server.join(LIMIT)
    listener.close()
    assert theirs == [0, SYN_DATA]
    assert [options & SYN_DATA for options in seen] == [0, SYN_DATA]


def test_ecn_is_agreed_on_in_both_directions(start: Start) -> None:
    sh("sysctl", "-q", "net.ipv4.tcp_ecn=1")
    host = start(config=config(ecn=1))
    seen: list[int] = []
    with socket.create_server((KERNEL, 7)) as listener:
        listener.settimeout(LIMIT)
        server = serve(listener, 1, seen)
        channel = host.socket()
        channel.connect((KERNEL, 7))
        channel.sendall(QUESTION)
        assert channel.recv(1)
        ours = options_of(channel)
        channel.close()
        server.join(LIMIT)
    assert ours & (ECN | ECN_SEEN) == ECN | ECN_SEEN
    assert seen[0] & (ECN | ECN_SEEN) == ECN | ECN_SEEN
