"""Small programs on hosts: blocking, asyncio, both; names, routers, partitions, kills, timeouts."""

import asyncio
import itertools
import selectors
import socket
import socketserver
import threading
import time

import pytest

from netarium.base.errors import UsageError
from netarium.sim import Host, World


def echo_server(port: int = 7) -> None:
    with socket.create_server(("", port)) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(65536):
                    connection.sendall(data)


def echo_client(payload: bytes, port: int = 7) -> bytes:
    received = bytearray()
    with socket.create_connection(("server", port)) as connection:
        connection.sendall(payload)
        connection.shutdown(socket.SHUT_WR)
        while data := connection.recv(65536):
            received += data
    return bytes(received)


async def echo_server_async(port: int = 7) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(handle, port=port)
    async with server:
        await server.serve_forever()


async def echo_client_async(payload: bytes, port: int = 7) -> bytes:
    reader, writer = await asyncio.open_connection("server", port)
    writer.write(payload)
    writer.write_eof()
    received = await reader.read()
    writer.close()
    await writer.wait_closed()
    return received


PAYLOAD = bytes(range(256)) * 300


def pair(**cable: object) -> tuple[World, Host, Host]:
    world = World(seed=3)
    server, client = world.hosts("server", "client")
    world.cable(client, server, **cable)  # type: ignore[arg-type]
    return world, server, client


@pytest.mark.parametrize("client_program", [echo_client, echo_client_async])
@pytest.mark.parametrize("server_program", [echo_server, echo_server_async])
def test_echo_in_every_mixture(server_program: object, client_program: object) -> None:
    world, server, client = pair(delay="5ms", rate="10mbit")
    server.run(server_program)  # type: ignore[arg-type]
    assert world.run(client_program, PAYLOAD, on=client) == PAYLOAD  # type: ignore[arg-type]
    assert 80e6 < world.now < 300e6  # 76,800 octets at 10 Mbit/s each way, overlapping, and some round trips


def test_both_programs_in_one_event_loop() -> None:
    world, server, client = pair(delay="5ms")

    async def main() -> bytes:
        server.run(echo_server_async)
        async with client:
            return await echo_client_async(PAYLOAD)

    assert world.run(main) == PAYLOAD


def test_loss_costs_time_and_nothing_else() -> None:
    world, server, client = pair(delay="5ms", loss="2%")
    server.run(echo_server)
    assert world.run(echo_client, PAYLOAD, on=client) == PAYLOAD


def test_many_clients_at_once() -> None:
    world, server, client = pair(delay="1ms")

    async def main() -> list[bytes]:
        server.run(echo_server_async)
        async with client:
            return await asyncio.gather(*(echo_client_async(b"%d" % number) for number in range(50)))

    assert world.run(main) == [b"%d" % number for number in range(50)]


def test_a_threading_server_that_nobody_here_wrote() -> None:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                time.sleep(1)
                self.wfile.write(line.upper())

    def serve() -> None:
        with socketserver.ThreadingTCPServer(("", 7), Handler) as server:
            server.serve_forever()

    def ask(word: bytes, answers: list[tuple[bytes, float]]) -> None:
        with socket.create_connection(("server", 7)) as connection:
            connection.sendall(word + b"\n")
            answers.append((connection.makefile("rb").readline(), time.monotonic()))

    def main() -> list[tuple[bytes, float]]:
        answers: list[tuple[bytes, float]] = []
        threads = [threading.Thread(target=ask, args=(word, answers)) for word in (b"one", b"two", b"three")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    world, server, client = pair(delay="1ms")
    server.run(serve)
    answers = world.run(main, on=client)
    assert sorted(word for word, _ in answers) == [b"ONE\n", b"THREE\n", b"TWO\n"]
    assert all(1.0 < at < 1.1 for _, at in answers)  # side by side, not one after the other


def test_a_selectors_program() -> None:
    def serve() -> None:
        with selectors.DefaultSelector() as selector, socket.create_server(("", 7)) as listener:
            listener.setblocking(False)
            selector.register(listener, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is listener:
                        connection, _ = listener.accept()
                        selector.register(connection, selectors.EVENT_READ)
                    else:
                        assert isinstance(key.fileobj, socket.socket)
                        data = key.fileobj.recv(1000)
                        if data:
                            key.fileobj.sendall(data)
                        else:
                            selector.unregister(key.fileobj)
                            key.fileobj.close()

    world, server, client = pair()
    server.run(serve)
    assert world.run(echo_client, b"select me", on=client) == b"select me"


def test_udp_both_ways_of_programming() -> None:
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
            self.transport = transport

        def datagram_received(self, data: bytes, addr: object) -> None:
            self.transport.sendto(data[::-1], addr)  # type: ignore[arg-type]

    async def serve() -> None:
        await asyncio.get_running_loop().create_datagram_endpoint(Echo, local_addr=("0.0.0.0", 9))
        await asyncio.Event().wait()

    def ask() -> bytes:
        with socket.socket(type=socket.SOCK_DGRAM) as query:
            query.settimeout(1)
            query.sendto(b"drawer", ("server", 9))
            return query.recv(100)

    world, server, client = pair()
    server.run(serve)
    assert world.run(ask, on=client) == b"reward"


def test_refused_at_once_and_silence_takes_its_time() -> None:
    world, server, client = pair(delay="10ms")
    lonely = world.host("lonely")

    def main() -> tuple[float, float]:
        with client:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("server", 81))
            refused = time.monotonic()
            with world.partition(client, server) as cut:
                with pytest.raises(TimeoutError):
                    socket.create_connection(("server", 81), timeout=5)
                assert cut.hits > 0
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("server", 81))
        with lonely, pytest.raises(OSError, match="unreachable"):
            socket.create_connection((server.address, 81))
        return refused, time.monotonic()

    refused, end = world.run(main)
    assert refused < 0.1
    assert 5.0 < end < 9.0


def test_planned_partition() -> None:
    world, server, client = pair(delay="10ms")
    server.run(echo_server)

    def main() -> list[float]:
        times = []
        with (
            socket.create_connection(("server", 7)) as connection,
            world.partition("client", "server", at="+1s", lasting="3s") as cut,
        ):
            for _ in range(30):
                time.sleep(0.2)
                connection.sendall(b"ping")
                connection.recv(4)
                times.append(time.monotonic())
            assert cut.hits > 0
        return times

    times = world.run(main, on=client)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert 2.5 < max(gaps) < 10  # the retransmission after the partition
    assert sum(gap > 0.5 for gap in gaps) == 1


def test_killed_server_closes_its_connections() -> None:
    world, server, client = pair()
    process = server.run(echo_server)

    def main() -> bytes:
        with socket.create_connection(("server", 7)) as connection:
            connection.sendall(b"x")
            assert connection.recv(1) == b"x"
            process.kill()
            end = connection.recv(1)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("server", 7))
        return end

    assert world.run(main, on=client) == b""


def test_killed_asyncio_server_in_the_same_loop() -> None:
    world, server, client = pair()

    async def main() -> bytes:
        process = server.run(echo_server_async)
        async with client:
            reader, writer = await asyncio.open_connection("server", 7)
            writer.write(b"x")
            assert await reader.read(1) == b"x"
            process.kill()
            end = await reader.read(1)
            writer.close()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("server", 7)
            return end

    assert world.run(main) == b""


def test_awaiting_a_process_of_either_kind() -> None:
    world = World()
    (host,) = world.hosts("h")

    async def soon() -> str:
        await asyncio.sleep(2)
        return "soon"

    def later() -> str:
        time.sleep(3)
        return "later"

    async def main() -> tuple[list[str], float]:
        results = await asyncio.gather(host.run(later), host.run(soon))
        return results, time.monotonic()

    assert world.run(main) == (["later", "soon"], 3.0)


def test_to_thread_stays_on_the_machine() -> None:
    world, server, client = pair()

    async def name(host: Host) -> str:
        async with host:
            await asyncio.sleep(0.1)
            return await asyncio.to_thread(socket.gethostname)

    async def main() -> list[str]:
        return list(await asyncio.gather(name(server), name(client), name(server)))

    assert world.run(main) == ["server", "client", "server"]


def test_hosts_on_a_switch_and_behind_routers() -> None:
    world = World()
    world.switch("office", *world.hosts("alice", "bob"))
    server = world.host("server")
    world.router("gateway", "office")
    world.router("core", "gateway", server)
    alice, bob = world.machines["alice"], world.machines["bob"]
    assert alice.address == "10.0.1.1"
    assert bob.address == "10.0.1.2"
    assert world.machines["gateway"].addresses == ["10.0.1.254", "10.0.2.253"]
    assert server.address.startswith("10.0.3.")
    server.run(echo_server)
    for host in (alice, bob):
        assert world.run(echo_client, b"far away", on=host) == b"far away"
        server.run(echo_server) if host is alice else None


def test_chosen_addresses_are_kept() -> None:
    world = World()
    server = world.host("server", address="192.0.2.7/28", mac="02:00:5e:00:53:01")
    client = world.host("client")
    world.cable(client, server)
    assert (server.address, server.mac, client.address) == ("192.0.2.7", "02:00:5e:00:53:01", "192.0.2.1")
    server.run(echo_server)
    assert world.run(echo_client, b"hi", on=client) == b"hi"
    assert world.connection(client, "server:7").remote == (bytes([192, 0, 2, 7]), 7)


def test_direct_calls_outside_of_any_run() -> None:
    world, server, client = pair()
    server.run(echo_server)
    with client:
        assert echo_client(b"from the prompt") == b"from the prompt"
    with world:
        pass


def test_run_until_idle_lets_the_last_words_be_said() -> None:
    world, server, client = pair(delay="1s")
    server.run(echo_server)
    world.run(echo_client, b"bye", on=client)
    world.run_until_idle()
    for host in (server, client):
        assert not host.machine.sockets.rows()


def test_mistakes_get_one_clear_line() -> None:
    world = World()
    (host,) = world.hosts("h")
    for attempt, text in (
        (lambda: world.host("h"), "already"),
        (lambda: world.cable("h", "nobody"), "no host 'nobody'"),
        (lambda: world.cable(host, host), "to itself"),
        (lambda: world.cable(host, world.host("k"), loss=2), "between 0 and 1"),
        (lambda: world.host("l", address="10.0.0.1"), "prefix length"),
        (lambda: World().host("m").address, "no address yet"),
    ):
        with pytest.raises(UsageError, match=text):
            attempt()
