"""The event loop: virtual clock, waking up, executors, names, what asyncio itself brings."""

import asyncio
import signal
import socket
import threading
import time

import pytest

from netarium.aio import EventLoop
from netarium.patching import patched
from netarium.sim import World


def test_timers_fire_at_their_virtual_time_in_order() -> None:
    log: list[tuple[str, float]] = []

    async def tick(name: str, pause: float) -> None:
        for _ in range(3):
            await asyncio.sleep(pause)
            log.append((name, asyncio.get_running_loop().time()))

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(tick("a", 0.1))
            group.create_task(tick("b", 0.25))

    World().run(main)
    assert [name for name, _ in log] == ["a", "a", "b", "a", "b", "b"]
    assert [at for _, at in log] == pytest.approx([0.1, 0.2, 0.25, 0.3, 0.5, 0.75])


def test_timeouts() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        return time.monotonic()

    assert World().run(main) == 30.0


def test_call_soon_threadsafe_wakes_a_sleeping_loop() -> None:
    async def main() -> float:
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def other() -> None:
            time.sleep(5)
            loop.call_soon_threadsafe(woken.set)

        threading.Thread(target=other).start()
        await woken.wait()
        return time.monotonic()

    assert World().run(main) == 5.0


def test_executor_threads_take_turns_in_virtual_time() -> None:
    async def main() -> tuple[list[int], float]:
        loop = asyncio.get_running_loop()

        def job(number: int) -> int:
            time.sleep(number)
            return number

        results = await asyncio.gather(*(loop.run_in_executor(None, job, number) for number in (3, 1, 2)))
        return results, time.monotonic()

    assert World().run(main) == ([3, 1, 2], 3.0)


def test_two_loops_in_two_threads() -> None:
    async def sleeper(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return time.monotonic()

    def main() -> list[float]:
        results: list[float] = []
        threads = [
            threading.Thread(target=lambda s=s: results.append(asyncio.run(sleeper(s)))) for s in (2.0, 1.0)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    assert World().run(main) == [1.0, 2.0]


def test_names_are_asked_from_the_current_host() -> None:
    world = World()
    one, other = world.hosts("one", "other")
    world.cable(one, other)

    async def main() -> tuple[str, str]:
        loop = asyncio.get_running_loop()
        async with one:
            infos = await loop.getaddrinfo("other", 80, type=socket.SOCK_STREAM)
            name, _ = await loop.getnameinfo(infos[0][4])
            with pytest.raises(socket.gaierror):
                await loop.getaddrinfo("nobody", 80)
        return infos[0][4][0], name

    assert world.run(main) == (other.address, "other")


def test_sock_calls() -> None:
    world = World()
    one, other = world.hosts("one", "other")
    world.cable(one, other, delay="10ms")

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("", 7)) as listener:
            listener.setblocking(False)
            connection, _ = await loop.sock_accept(listener)
            with connection:
                await loop.sock_sendall(connection, await loop.sock_recv(connection, 100))

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        process = other.run(serve)
        async with one:
            with socket.socket() as client:
                client.setblocking(False)
                await loop.sock_connect(client, ("other", 7))
                await loop.sock_sendall(client, b"raw")
                answer = await loop.sock_recv(client, 100)
        await process
        return answer

    assert world.run(main) == b"raw"


def test_signal_handlers_are_accepted_and_never_called() -> None:
    world = World()
    (host,) = world.hosts("h")

    async def program() -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, lambda: None)
        with pytest.raises(ValueError, match="invalid signal"):
            loop.add_signal_handler(9_999, lambda: None)
        loop.remove_signal_handler(signal.SIGTERM)

    world.run(host.run(program).join)


def test_real_time_outside_of_worlds() -> None:
    async def main() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, EventLoop)
        await asyncio.sleep(0.01)
        name = await loop.run_in_executor(None, lambda: threading.current_thread().name)
        server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        server.close()
        return name, loop.time()

    with patched():
        name, at = asyncio.run(main())
    assert name.startswith("asyncio")
    assert abs(at - time.monotonic()) < 5
