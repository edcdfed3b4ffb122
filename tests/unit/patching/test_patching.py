"""Dispatching Python's own modules, and undoing it."""

import _thread
import asyncio
import os
import random
import secrets
import select
import selectors
import socket
import threading
import time
import uuid
from types import ModuleType

import pytest

import netarium
from netarium.aio import EventLoop, Selector
from netarium.patching import patched
from netarium.sim import World


def _snapshot() -> list[object]:
    names = [
        (
            time,
            "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns sleep gmtime localtime strftime",
        ),
        (socket, "socket socketpair getaddrinfo gethostbyname gethostname getnameinfo close"),
        (select, "select poll epoll"),
        (selectors, "DefaultSelector PollSelector EpollSelector SelectSelector"),
        (threading, "Lock RLock _allocate_lock"),
        (threading.Thread, "join is_alive"),
        (os, "urandom getpid"),
        (random.Random, "seed"),
    ]
    return [vars(owner)[name] for owner, text in names for name in text.split()]


def test_everything_is_undone_also_after_an_error() -> None:
    before = _snapshot()

    def fail() -> None:
        with patched(), patched():
            assert _snapshot() != before
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert _snapshot() == before


def test_other_threads_and_code_outside_of_worlds_see_the_real_thing() -> None:
    with patched():
        assert abs(time.time() - time.time_ns() / 1e9) < 5
        with socket.socket() as real:
            assert isinstance(real, socket.socket)
            assert real.fileno() < 2**30
        assert isinstance(threading.Lock(), type(_thread.allocate_lock()))
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
        one, other = socket.socketpair()
        with one, other, selectors.DefaultSelector() as selector:
            selector.register(other, selectors.EVENT_READ)
            one.send(b"x")
            assert selector.select(1)[0][0].fileobj is other


def test_subclasses_of_the_dispatched_socket_are_kernel_sockets() -> None:
    with patched():

        class Mine(socket.socket):
            pass

        with Mine() as mine:
            assert isinstance(mine, socket.socket)
            assert mine.fileno() < 2**30
    assert issubclass(Mine, socket.socket)


def test_a_socket_of_a_host_is_a_socket() -> None:
    world = World()
    host, other = world.hosts("h", "other")
    world.cable(host, other)

    def main() -> tuple[bool, bool, str, str]:
        with socket.socket() as ours:
            number = ours.fileno()
            return isinstance(ours, socket.socket), number >= 2**30, socket.gethostname(), socket.getfqdn()

    assert world.run(main, on=host) == (True, True, "h", "h")


def test_sockets_outside_of_hosts_are_the_kernels() -> None:
    def main() -> int:
        with socket.socket() as real:
            return real.fileno()

    assert World().run(main) < 2**30


def test_names_that_others_imported_are_dispatched_too() -> None:
    import sys

    module = ModuleType("an_early_bird")
    exec("from time import sleep as nap, monotonic\nfrom socket import gethostname", vars(module))
    sys.modules[module.__name__] = module
    try:
        world = World()
        (host,) = world.hosts("h")

        def main() -> tuple[float, str]:
            module.nap(5)  # type: ignore[attr-defined]
            return module.monotonic(), module.gethostname()  # type: ignore[attr-defined]

        assert world.run(main, on=host) == (5.0, "h")
        assert module.nap is time.sleep  # type: ignore[attr-defined]
    finally:
        del sys.modules[module.__name__]


def test_entropy_repeats_with_the_seed() -> None:
    def main() -> list[object]:
        return [
            os.urandom(8),
            uuid.uuid4(),
            secrets.token_hex(4),
            random.random(),
            random.Random().random(),
            random.SystemRandom().random(),
        ]

    first, again, other = (World(seed=seed).run(main) for seed in (1, 1, 2))
    assert first == again
    assert not set(map(str, first)) & set(map(str, other))


def test_the_global_generator_goes_on_as_if_nothing_had_happened() -> None:
    random.seed(5)
    expected = [random.random(), random.random()]
    random.seed(5)
    assert random.random() == expected[0]
    World().run(random.random)
    assert random.random() == expected[1]


def test_the_process_number_is_the_simulated_one() -> None:
    world = World()
    (host,) = world.hosts("h")
    process = host.run(os.getpid)
    assert world.run(process.join) == process.pid
    assert os.getpid() != process.pid


def test_calendar_functions_follow_the_virtual_clock() -> None:
    def main() -> tuple[int, str]:
        time.sleep(60)
        return time.gmtime().tm_year, time.strftime("%S", time.gmtime())

    assert World(epoch=0).run(main) == (1970, "00")


def test_asyncio_makes_our_loop_in_a_world_and_under_patched() -> None:
    async def kind() -> type:
        return type(asyncio.get_running_loop())

    assert World().run(kind) is EventLoop
    with patched():
        assert asyncio.run(kind()) is EventLoop
    assert asyncio.run(kind()) is not EventLoop


def test_selectors_are_ours_in_a_world() -> None:
    def main() -> tuple[type, bool]:
        with selectors.PollSelector() as selector:
            return type(selector), isinstance(selector, selectors.PollSelector)

    assert World().run(main) == (Selector, True)


def test_socketpair_lives_on_the_hosts_loopback() -> None:
    world = World()
    (host,) = world.hosts("h")

    def main() -> bytes:
        one, other = socket.socketpair()
        with one, other:
            one.sendall(b"to myself")
            return other.recv(100)

    assert world.run(main, on=host) == b"to myself"


def test_public_names_are_there_and_sorted() -> None:
    assert netarium.__all__ == sorted(netarium.__all__)
    assert all(getattr(netarium, name) is not None for name in netarium.__all__)
    with pytest.raises(AttributeError):
        _ = netarium.Wrold
