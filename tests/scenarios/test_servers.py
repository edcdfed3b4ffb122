"""Servers on select, poll and epoll, as textbooks write them, and clients of which some are slow."""

import select
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from .conftest import MakeWorld
from .programs import PORT

Wait = Callable[[dict[int, socket.socket]], Iterator[socket.socket]]


def by_select() -> Wait:
    def wait(sockets: dict[int, socket.socket]) -> Iterator[socket.socket]:
        readable, _, _ = select.select(list(sockets.values()), [], [])
        yield from readable

    return wait


def by_poll() -> Wait:
    poll = select.poll()
    known: set[int] = set()

    def wait(sockets: dict[int, socket.socket]) -> Iterator[socket.socket]:
        for number in known - set(sockets):
            poll.unregister(number)
        for number in set(sockets) - known:
            poll.register(number, select.POLLIN)
        known.clear()
        known.update(sockets)
        for number, _ in poll.poll():
            yield sockets[number]

    return wait


def by_epoll() -> Wait:
    epoll = select.epoll()
    known: dict[int, socket.socket] = {}

    def wait(sockets: dict[int, socket.socket]) -> Iterator[socket.socket]:
        for number, sock in sockets.items():
            if known.get(number) is not sock:  # what was closed has left the set by itself
                epoll.register(number, select.EPOLLIN)
        known.clear()
        known.update(sockets)
        for number, _ in epoll.poll():
            yield sockets[number]

    return wait


@pytest.mark.parametrize("make_wait", [by_select, by_poll, by_epoll])
def test_echo_for_many(make_world: MakeWorld, make_wait: Callable[[], Wait]) -> None:
    world = make_world()
    server, client = world.hosts("server", "client")
    world.cable(client, server, delay="2ms", loss="1%")

    def serve() -> None:
        wait = make_wait()
        with socket.create_server(("", PORT)) as listener:
            listener.setblocking(False)
            sockets = {listener.fileno(): listener}
            while True:
                for sock in wait(sockets):
                    if sock is listener:
                        connection, _ = listener.accept()
                        sockets[connection.fileno()] = connection
                    elif data := sock.recv(1_000):
                        sock.sendall(data)
                    else:
                        del sockets[sock.fileno()]
                        sock.close()

    def ask(number: int) -> bytes:
        with socket.create_connection(("server", PORT)) as sock:
            answer = b""
            for word in (b"%d" % number, b" and ", b"again"):
                sock.sendall(word)
                answer += sock.recv(100)
                time.sleep(number / 10)
            return answer

    def main() -> list[bytes]:
        return [process.join() for process in [client.run(ask, number) for number in range(20)]]

    server.run(serve)
    assert world.run(main, on=client) == [b"%d and again" % number for number in range(20)]


def test_connecting_without_blocking(make_world: MakeWorld) -> None:
    """EINPROGRESS, then writable; SO_ERROR tells how it went."""
    world = make_world()
    server, client = world.hosts("server", "client")
    world.cable(client, server, delay="10ms")

    def serve() -> None:
        with socket.create_server(("", PORT)) as listener:
            listener.accept()[0].close()

    def main() -> list[int]:
        results = []
        for port in (PORT, PORT + 1):
            with socket.socket() as sock:
                sock.setblocking(False)
                with pytest.raises(BlockingIOError):
                    sock.connect(("server", port))
                assert select.select([], [sock], [], 0) == ([], [], [])
                assert select.select([], [sock], [], 1) == ([], [sock], [])
                results.append(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        return results

    server.run(serve)
    assert world.run(main, on=client) == [0, 111]


def test_select_on_nothing_is_a_sleep(make_world: MakeWorld) -> None:
    def main() -> float:
        assert select.select([], [], [], 2.5) == ([], [], [])
        assert select.poll().poll(1_000) == []
        assert select.epoll().poll(0.5) == []
        return time.monotonic()

    world = make_world()
    (host,) = world.hosts("host")
    assert world.run(main, on=host) == 4.0
