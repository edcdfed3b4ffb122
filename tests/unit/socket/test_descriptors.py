"""Numbers that lead to open sockets: weak while somebody holds them, strong once detached."""

import gc
import pickle
import socket as kernel
import warnings
from contextlib import nullcontext
from random import Random
from typing import Any

import pytest

from netarium.host.machine import Machine
from netarium.host.pump import pump
from netarium.socket import descriptors
from netarium.socket.context import current
from netarium.socket.host import Host
from netarium.socket.socket import Socket


class Driver:
    lock = nullcontext()

    def now(self) -> int:
        return 1

    def wall(self) -> float:
        return 0.0

    def kick(self, machine: Machine) -> None:
        pump(machine, 1)

    def wait(self, interests: Any, timeout_ns: int | None) -> bool:
        return False

    def sleep(self, ns: int) -> None: ...

    def watch(self, endpoint: Any, notify: Any) -> None: ...

    def unwatch(self, endpoint: Any, notify: Any) -> None: ...


@pytest.fixture
def host() -> Host:
    return Host(Machine("m", random=Random(1)), Driver())


def test_numbers_are_above_every_kernel_descriptor(host: Host) -> None:
    with host.socket() as one, host.socket() as two:
        assert descriptors.FIRST <= one.fileno() < two.fileno() < 2**31
        found = descriptors.find(one.fileno())
        assert found is not None
        assert found.endpoint is descriptors.watched(one.fileno())[0]
        number = one.fileno()
    assert descriptors.find(number) is None
    with pytest.raises(ValueError, match="Invalid file descriptor"):
        descriptors.watched(number)


def test_a_forgotten_socket_warns_and_is_closed(host: Host) -> None:
    sock = host.socket(kernel.AF_INET, kernel.SOCK_DGRAM)
    number = sock.fileno()
    kept = [sock]
    del sock
    with pytest.warns(ResourceWarning, match="unclosed <netarium"):
        kept.clear()
    assert descriptors.find(number) is None
    assert host.machine.sockets.rows() == []


@pytest.mark.attack("HOST-04")
def test_a_forgotten_socket_is_closed_where_warnings_are_errors(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", lambda fault: told.append(fault.exc_type))
    kept = [host.socket(kernel.AF_INET, kernel.SOCK_DGRAM)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept.clear()
    assert told == [ResourceWarning]
    assert host.machine.sockets.rows() == []


def test_a_forgotten_socket_in_a_cycle_is_closed_too(host: Host) -> None:
    class Holder:
        pass

    def forget() -> None:
        holder: Any = Holder()
        holder.me, holder.sock = holder, host.socket(kernel.AF_INET, kernel.SOCK_DGRAM)
        del holder
        gc.collect()  # or earlier, if the collector comes by itself

    with pytest.warns(ResourceWarning):
        forget()
    assert host.machine.sockets.rows() == []


def test_detached_numbers_live_on_until_closed(host: Host) -> None:
    number = host.socket().detach()
    gc.collect()
    assert len(host.machine.sockets.rows()) == 1
    descriptors.close(number)
    assert host.machine.sockets.rows() == []
    with pytest.raises(KeyError):
        descriptors.close(number)


def test_dup_closes_with_the_last(host: Host) -> None:
    one = host.socket()
    two = one.dup()
    one.close()
    assert len(host.machine.sockets.rows()) == 1
    two.close()
    assert host.machine.sockets.rows() == []


def test_foreign_and_closed_numbers_are_refused(host: Host) -> None:
    for number in (0, 5, descriptors.FIRST - 1, 2**31 - 1):
        with pytest.raises(OSError, match="Bad file descriptor"):
            Socket(fileno=number)


def test_current_host_and_process(host: Host) -> None:
    with pytest.raises(RuntimeError, match="no current host"):
        Socket()
    other = Host(Machine("other", random=Random(2)), Driver(), process_name="server")
    with host:
        with other, Socket() as inner:
            assert inner._machine is other.machine
            assert other.machine.sockets.rows()[0].process == "server"
        with Socket() as outer:
            assert outer._machine is host.machine
    assert current.get() is None


def test_a_process_ends_with_its_sockets(host: Host) -> None:
    process = host.machine.processes.start("worker", 1)
    token = host.enter(process)
    sock = Socket()
    current.reset(token)
    assert host.machine.sockets.rows()[0].pid == process.pid
    host.end_process(process)
    assert host.machine.sockets.rows() == []
    assert process not in list(host.machine.processes)
    sock.close()


@pytest.mark.parametrize(
    ("family", "kind", "proto", "text"),
    [
        (kernel.AF_UNIX, kernel.SOCK_STREAM, 0, "Address family not supported by protocol"),
        (kernel.AF_INET, kernel.SOCK_STREAM, 17, "Protocol not supported"),
        (kernel.AF_INET, kernel.SOCK_DGRAM, 6, "Protocol not supported"),
        (kernel.AF_INET, kernel.SOCK_SEQPACKET, 0, "Socket type not supported"),
    ],
)
def test_what_cannot_be_opened(host: Host, family: int, kind: int, proto: int, text: str) -> None:
    with pytest.raises(OSError, match=text):
        host.socket(family, kind, proto)
    assert host.machine.sockets.rows() == []


def test_type_flags_are_not_part_of_the_type(host: Host) -> None:
    with host.socket(kernel.AF_INET, kernel.SOCK_STREAM | kernel.SOCK_NONBLOCK | kernel.SOCK_CLOEXEC) as sock:
        assert sock.type == kernel.SOCK_STREAM
        assert sock.gettimeout() == 0.0


def test_pickling_is_refused(host: Host) -> None:
    with host.socket() as sock, pytest.raises(TypeError, match="cannot pickle 'Socket' object"):
        pickle.dumps(sock)
