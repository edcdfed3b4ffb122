"""How connections end: politely, half, abruptly, or because nobody is there any more."""

import errno
import socket
import struct
import time
from collections.abc import Callable

import pytest

from netarium.sim import World

from .conftest import MakeWorld
from .programs import PORT

Talk = Callable[[socket.socket], object]


def talk(world: World, serve: Talk, ask: Talk, delay: str = "5ms") -> object:
    """One connection through a switch; the result of the client's side."""
    server, client = world.hosts("server", "client")
    world.switch("lan", server, client, delay=delay)

    def server_program() -> None:
        with socket.create_server(("", PORT)) as listener, listener.accept()[0] as sock:
            serve(sock)

    def client_program() -> object:
        with socket.create_connection(("server", PORT)) as sock:
            return ask(sock)

    server.run(server_program)
    return world.run(client_program, on=client)


def error_of(call: Callable[[], object]) -> int:
    """The errno of a call that fails."""
    with pytest.raises(OSError) as caught:
        call()
    return caught.value.errno or 0


def unplug(world: World, name: str) -> None:
    """A host vanishes from the network without a word."""
    world.cables[f"{name}-lan"].unplug()


@pytest.mark.rfc("9293", "MUST-13")
def test_half_close(make_world: MakeWorld) -> None:
    """The client has said all; the server goes on for ten seconds, and everything arrives."""

    def serve(sock: socket.socket) -> None:
        question = b"".join(iter(lambda: sock.recv(1_000), b""))
        for _ in range(100):
            sock.sendall(question)
            time.sleep(0.1)

    def ask(sock: socket.socket) -> int:
        sock.sendall(b"tell me")
        sock.shutdown(socket.SHUT_WR)
        assert error_of(lambda: sock.send(b"more")) == errno.EPIPE
        return sum(map(len, iter(lambda: sock.recv(10_000), b"")))

    world = make_world()
    assert talk(world, serve, ask) == 700
    assert world.now > 10e9


@pytest.mark.rfc("9293", "MUST-12", "SHLD-3")
def test_server_gives_up_in_the_middle(make_world: MakeWorld) -> None:
    """It closes with a part of the request unread: that is a reset, and the client learns it was no orderly end."""

    def serve(sock: socket.socket) -> None:
        sock.recv(10)
        sock.sendall(b"HTTP/1.1 200 OK\r\n")
        time.sleep(0.1)

    def ask(sock: socket.socket) -> int:
        sock.sendall(bytes(1_000))
        assert sock.recv(1_000).startswith(b"HTTP/1.1")
        return error_of(lambda: sock.recv(1_000))

    assert talk(make_world(), serve, ask) == errno.ECONNRESET


@pytest.mark.rfc("9293", "MUST-12")
def test_linger_zero_resets(make_world: MakeWorld) -> None:
    def serve(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.recv(1)

    def ask(sock: socket.socket) -> list[int]:
        sock.sendall(b"x")
        time.sleep(1)
        first = error_of(lambda: sock.recv(1))
        return [first, error_of(lambda: sock.send(b"y")), len(sock.recv(1))]

    assert talk(make_world(), serve, ask) == [errno.ECONNRESET, errno.EPIPE, 0]


def test_linger_waits_for_the_last_octet(make_world: MakeWorld) -> None:
    """close() returns when all is acknowledged; or after the time that was set, if the peer reads nothing."""

    def serve(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        time.sleep(2)
        while sock.recv(65_536):
            pass

    def ask(sock: socket.socket) -> float:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 30))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
        sock.sendall(bytes(500_000))
        begun = time.monotonic()
        sock.close()
        return time.monotonic() - begun

    after = talk(make_world(), serve, ask)
    assert isinstance(after, float)
    assert 1.5 < after < 10


@pytest.mark.rfc("9293", "MUST-20", "SHLD-11")
def test_peer_vanishes_while_data_is_on_its_way(make_world: MakeWorld) -> None:
    """Between 100 s (R2) and half an hour; the neighbour is asked, and what it does not answer is the reason."""

    def serve(sock: socket.socket) -> None:
        sock.recv(1)
        time.sleep(86_400)

    def ask(sock: socket.socket) -> tuple[int, float]:
        sock.sendall(b"x")
        time.sleep(1)
        unplug(world, "server")
        begun = time.monotonic()
        sock.sendall(b"is anybody there?")
        return error_of(lambda: sock.recv(1)), time.monotonic() - begun

    world = make_world(viewpoint="client")
    result = talk(world, serve, ask)
    assert isinstance(result, tuple)
    assert result[0] in {errno.EHOSTUNREACH, errno.ETIMEDOUT}
    assert 100 < result[1] < 1_800


@pytest.mark.rfc("9293", "MUST-21")
def test_user_timeout(make_world: MakeWorld) -> None:
    def serve(sock: socket.socket) -> None:
        sock.recv(1)
        time.sleep(86_400)

    def ask(sock: socket.socket) -> float:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 7_000)
        sock.sendall(b"x")
        time.sleep(1)
        unplug(world, "server")
        begun = time.monotonic()
        sock.sendall(b"is anybody there?")
        assert error_of(lambda: sock.recv(1)) in {errno.ETIMEDOUT, errno.EHOSTUNREACH}
        return time.monotonic() - begun

    world = make_world()
    assert talk(world, serve, ask) == pytest.approx(7, abs=1)


@pytest.mark.rfc("9293", "MUST-24", "MUST-26", "MUST-27", "MUST-29", "SHLD-12")
def test_keepalive_finds_out(make_world: MakeWorld) -> None:
    """Idle for 10 s, then three probes 2 s apart: 16 s after the last word. Without the option: never."""

    def serve(sock: socket.socket) -> None:
        time.sleep(86_400)

    def ask(sock: socket.socket) -> tuple[int, float]:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 2), (socket.TCP_KEEPCNT, 3)):
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
        with socket.create_connection(("server", PORT)) as careless:
            time.sleep(35)  # the peer answers: nothing happens
            unplug(world, "server")
            begun = time.monotonic()
            number = error_of(lambda: sock.recv(1))
            after = time.monotonic() - begun
            careless.settimeout(10_000)
            with pytest.raises(TimeoutError, match="timed out"):
                careless.recv(1)
            return number, after

    world = make_world(viewpoint="client")
    result = talk(world, serve, ask)
    assert isinstance(result, tuple)
    assert result[0] in {errno.ETIMEDOUT, errno.EHOSTUNREACH}
    assert 6 <= result[1] <= 16.1


def test_peer_comes_back_and_remembers_nothing(make_world: MakeWorld) -> None:
    """A server process is killed by a crash of its machine's memory: its stack answers the old connection by a reset."""

    def serve(sock: socket.socket) -> None:
        sock.recv(1)
        time.sleep(86_400)

    def ask(sock: socket.socket) -> int:
        sock.sendall(b"x")
        time.sleep(1)
        server = world.machines["server"]
        with world.partition("client", "server"):
            server.processes[0].kill()
            time.sleep(3_600)
        sock.sendall(b"are you still the one I knew?")
        return error_of(lambda: sock.recv(1))

    world = make_world()
    assert talk(world, serve, ask) == errno.ECONNRESET


@pytest.mark.rfc("9293", "MUST-13")
def test_time_wait_lasts_a_minute_and_holds_the_port(make_world: MakeWorld) -> None:
    """Who closes first cannot bind the port again for 2 MSL, unless he says that he knows (SO_REUSEADDR)."""
    world = make_world()
    server, client = world.hosts("server", "client")
    world.cable(server, client)

    def serve_once() -> None:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("", PORT))
            listener.listen()
            listener.accept()[0].close()

    def bind(reuse: bool) -> int:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
            try:
                sock.bind(("", PORT))
                sock.listen()
            except OSError as fault:
                return fault.errno or 0
            return 0

    def main() -> None:
        process = server.run(serve_once)
        with client, socket.create_connection(("server", PORT)) as sock:
            assert sock.recv(1) == b""
        process.join()
        time.sleep(0.1)
        with server:
            assert bind(False) == errno.EADDRINUSE
            assert bind(True) == 0
            time.sleep(55)
            assert bind(False) == errno.EADDRINUSE
            time.sleep(6)
            assert bind(False) == 0

    world.run(main)


@pytest.mark.rfc("6191", "01")
def test_the_same_four_numbers_again(make_world: MakeWorld) -> None:
    """A client that insists on its port meets the server's TIME-WAIT, and gets through (RFC 6191)."""
    world = make_world()
    server, client = world.hosts("server", "client")
    world.cable(server, client, delay="1ms")

    def serve() -> None:
        with socket.create_server(("", PORT)) as listener:
            while True:
                with listener.accept()[0] as sock:
                    sock.sendall(b"hello")

    def main() -> None:
        for _ in range(5):
            with socket.socket() as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind(("", 40_000))
                sock.connect(("server", PORT))
                assert sock.recv(10) == b"hello"
                assert sock.recv(10) == b""
            time.sleep(0.1)  # our own end must be gone

    server.run(serve)
    world.run(main, on=client)
    assert world.now < 20e9
