"""The selector: ours and the kernel's descriptors, in virtual and in real time."""

import os
import selectors
import socket
import time
from selectors import EVENT_READ, EVENT_WRITE

import pytest

from netarium.aio import Selector
from netarium.sim import Host, World


@pytest.fixture
def world_and_host() -> tuple[World, Host]:
    world = World()
    (host,) = world.hosts("h")
    return world, host


def test_it_behaves_as_a_base_selector(world_and_host: tuple[World, Host]) -> None:
    world, host = world_and_host

    def main() -> None:
        one, other = socket.socketpair()
        with one, other, Selector() as selector:
            key = selector.register(one, EVENT_READ, "data")
            assert (key.fileobj, key.fd, key.events, key.data) == (one, one.fileno(), EVENT_READ, "data")
            assert selector.get_key(one) == key == selector.get_map()[one.fileno()]
            assert list(selector.get_map()) == [one.fileno()]
            with pytest.raises(KeyError, match="already registered"):
                selector.register(one, EVENT_WRITE)
            with pytest.raises(ValueError, match="Invalid events"):
                selector.register(other, 0)
            with pytest.raises(ValueError, match="Invalid file object"):
                selector.register("text", EVENT_READ)
            with pytest.raises(KeyError, match="not registered"):
                selector.unregister(other)
            assert selector.modify(one, EVENT_WRITE).data is None
            assert selector.select(0) == [(selector.get_key(one), EVENT_WRITE)]
            assert selector.unregister(one).fd == one.fileno()
            assert selector.select(0) == []

    world.run(main, on=host)


def test_readiness_is_level_triggered(world_and_host: tuple[World, Host]) -> None:
    world, host = world_and_host

    def main() -> None:
        one, other = socket.socketpair()
        with one, other, Selector() as selector:
            selector.register(other, EVENT_READ)
            assert selector.select(0) == []
            one.sendall(b"xy")
            assert len(selector.select(1)) == 1
            other.recv(1)
            assert len(selector.select(0)) == 1
            other.recv(1)
            assert selector.select(0) == []
            one.close()
            assert other.recv(1) == b""
            assert selector.select(1)[0][1] == EVENT_READ

    world.run(main, on=host)


def test_the_timeout_is_virtual_time(world_and_host: tuple[World, Host]) -> None:
    world, host = world_and_host

    def main() -> tuple[list[object], float]:
        one, other = socket.socketpair()
        with one, other, Selector() as selector:
            selector.register(one, EVENT_READ)
            return list(selector.select(12.5)), time.monotonic()

    before = time.perf_counter()
    ready, after = world.run(main, on=host)
    assert ready == []
    assert after == pytest.approx(12.5, abs=0.1)
    assert time.perf_counter() - before < 5


def test_a_socket_that_was_closed_can_be_unregistered(world_and_host: tuple[World, Host]) -> None:
    world, host = world_and_host

    def main() -> None:
        one, other = socket.socketpair()
        with other, Selector() as selector:
            number = one.fileno()
            selector.register(one, EVENT_READ)
            one.close()
            selector.select(0)
            assert selector.unregister(one).fd == number

    world.run(main, on=host)


def test_wake_ends_a_wait(world_and_host: tuple[World, Host]) -> None:
    world, host = world_and_host

    def main() -> float:
        with Selector() as selector:

            def later() -> None:
                time.sleep(3)
                selector.wake()

            host.run(later)
            assert selector.select() == []
            return time.monotonic()

    assert world.run(main) == 3.0


def test_kernel_descriptors_beside_ours_in_virtual_time(world_and_host: tuple[World, Host]) -> None:
    world, host = world_and_host

    def main() -> list[object]:
        reader, writer = os.pipe()
        one, other = socket.socketpair()
        with one, other, Selector() as selector:
            selector.register(reader, EVENT_READ)
            selector.register(one, EVENT_READ)
            nothing = selector.select(5)
            os.write(writer, b"x")
            seen = [key.fd for key, _ in selector.select()]
            os.close(reader)
            os.close(writer)
            return [nothing, seen == [reader]]

    assert world.run(main, on=host) == [[], True]


def test_in_real_time_it_is_the_kernels() -> None:
    reader, writer = os.pipe()
    with Selector() as selector:
        selector.register(reader, EVENT_READ)
        assert selector.select(0) == []
        before = time.perf_counter()
        assert selector.select(0.02) == []
        assert time.perf_counter() - before >= 0.019
        os.write(writer, b"x")
        assert [(key.fd, events) for key, events in selector.select()] == [(reader, EVENT_READ)]
        assert selector.modify(reader, EVENT_READ, "data").data == "data"
        assert selector.unregister(reader).fd == reader
    os.close(reader)
    os.close(writer)
    with pytest.raises(RuntimeError, match="closed"):
        selector.get_map()


def test_it_is_a_selector() -> None:
    with Selector() as selector:
        assert isinstance(selector, selectors.BaseSelector)
