"""epoll's ways that select and poll do not have; the rest is in the conformance suite."""

import socket as kernel
from contextlib import nullcontext
from random import Random
from select import EPOLLET, EPOLLIN, EPOLLONESHOT, EPOLLOUT, POLLIN, POLLNVAL, POLLOUT
from typing import Any

import pytest

from netarium.host.machine import Machine
from netarium.host.pump import pump
from netarium.socket import poll
from netarium.socket.host import Host
from netarium.socket.socket import Socket


class Driver:
    lock = nullcontext()
    waited = 0

    def now(self) -> int:
        return 1

    def wall(self) -> float:
        return 0.0

    def kick(self, machine: Machine) -> None:
        pump(machine, 1)

    def wait(self, interests: Any, timeout_ns: int | None) -> bool:
        self.waited += 1
        return False

    def sleep(self, ns: int) -> None: ...

    def watch(self, endpoint: Any, notify: Any) -> None: ...

    def unwatch(self, endpoint: Any, notify: Any) -> None: ...


def opened() -> Socket:
    host = Host(Machine("m", random=Random(1)), Driver())
    sock = host.socket(kernel.AF_INET, kernel.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 7))
    return sock


def test_level_edge_and_one_shot() -> None:
    with opened() as sock, poll.Epoll() as epoll:
        fd = sock.fileno()
        epoll.register(sock, EPOLLIN)
        assert epoll.poll(0) == []
        sock.sendto(b"x", sock.getsockname())
        assert epoll.poll(0) == epoll.poll(0) == [(fd, EPOLLIN)]
        epoll.modify(sock, EPOLLIN | EPOLLONESHOT)
        assert epoll.poll(0) == [(fd, EPOLLIN)]
        assert epoll.poll(0) == []
        epoll.modify(sock, EPOLLIN | EPOLLET)
        assert epoll.poll(0) == [(fd, EPOLLIN)]
        assert epoll.poll(0) == []
        epoll.modify(sock, EPOLLIN | EPOLLOUT)
        assert epoll.poll(0) == [(fd, EPOLLIN | EPOLLOUT)]
        epoll.unregister(sock)
        with pytest.raises(FileNotFoundError):
            epoll.unregister(sock)
        with pytest.raises(FileNotFoundError):
            epoll.modify(sock, EPOLLIN)


def test_registering_twice_and_after_close() -> None:
    epoll = poll.Epoll()
    with opened() as sock:
        epoll.register(sock)
        with pytest.raises(FileExistsError):
            epoll.register(sock)
    epoll.close()
    with pytest.raises(ValueError, match="closed epoll"):
        epoll.poll(0)


def test_closed_descriptors_are_invalid_for_poll_and_an_error_for_select() -> None:
    poller, sock = poll.Poll(), opened()
    number = sock.fileno()
    poller.register(sock)
    sock.close()
    assert poller.poll(0) == [(number, POLLNVAL)]
    with pytest.raises(OSError, match="Bad file descriptor"):
        poll.select([number], [], [], 0)
    with pytest.raises(ValueError, match="negative integer"):
        poll.select([sock], [], [], 0)


def test_a_look_does_not_wait() -> None:
    with opened() as sock:
        driver = sock._driver
        assert poll.select([sock], [sock], [], 5) == ([], [sock], [])
        assert poll.select([sock], [], [], 0) == ([], [], [])
        assert isinstance(driver, Driver)
        assert driver.waited == 0
        assert poll.select([sock], [], [], 5) == ([], [], [])
        assert driver.waited == 1


def test_nothing_to_wait_for() -> None:
    assert poll.select([], [], [], 0) == ([], [], [])
    assert poll.Poll().poll(0) == []


def test_one_wait_is_in_one_world() -> None:
    with opened() as one, opened() as two, pytest.raises(OSError, match="Invalid argument"):
        poll.select([one, two], [], [], 0)


def test_room_that_comes_back_is_an_edge_and_so_is_each_arrival(monkeypatch) -> None:
    """As epoll(7) says of EPOLLET, and as Linux does: what was missed once is told once."""
    with opened() as sock, poll.Epoll() as epoll:
        fd, endpoint = sock.fileno(), sock._live()
        ready = [POLLIN | POLLOUT]
        monkeypatch.setattr(type(endpoint), "poll", lambda _: ready[0])
        epoll.register(sock, EPOLLIN | EPOLLOUT | EPOLLET)
        assert epoll.poll(0) == [(fd, EPOLLIN | EPOLLOUT)]
        assert epoll.poll(0) == []
        sock._description.wants_room = True  # a send() found too little
        assert epoll.poll(0) == [(fd, EPOLLIN | EPOLLOUT)]
        ready[0] = POLLIN
        assert epoll.poll(0) == []  # this look saw that there is no room
        ready[0] = POLLIN | POLLOUT
        assert epoll.poll(0) == [(fd, EPOLLIN | EPOLLOUT)]
        sock.sendto(b"x", sock.getsockname())
        assert epoll.poll(0) == [(fd, EPOLLIN | EPOLLOUT)]
        assert epoll.poll(0) == []
        epoll.modify(sock, EPOLLOUT | EPOLLET)
        assert epoll.poll(0) == [(fd, EPOLLOUT)]
        sock.sendto(b"x", sock.getsockname())
        assert epoll.poll(0) == []  # nobody asked about arrivals
