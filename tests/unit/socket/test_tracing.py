"""Calls in the trace are the causes of what happens because of them."""

import socket as kernel
from contextlib import nullcontext
from random import Random
from typing import Any

import pytest

from netarium.base.trace import Call, Datagram, Event, FrameSent, SocketEvent, Trace
from netarium.host.machine import Machine
from netarium.host.pump import pump
from netarium.socket.host import Host


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


def test_from_the_call_to_the_frame() -> None:
    events: list[Event] = []
    trace = Trace(events.append)
    host = Host(Machine("m", random=Random(1), trace=trace), Driver(), process_name="tester")
    with host.socket(kernel.AF_INET, kernel.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        events.clear()
        sock.sendto(b"hello", sock.getsockname())
        by_id = {event.id: event for event in events}
        begin, end = [event for event in events if isinstance(event, Call)]
        assert (begin.call, begin.process, begin.fd, begin.result) == ("sendto", "tester", 3, None)
        assert begin.args.startswith("b'hello', ('127.0.0.1', ")
        assert (end.result, end.cause) == ("5", begin.id)
        sent = next(event for event in events if isinstance(event, Datagram) and event.direction == "sent")
        assert sent.cause == begin.id
        frame = next(event for event in events if isinstance(event, FrameSent))
        at: Event | None = frame
        while at is not None and at is not begin:
            at = by_id.get(at.cause)
        assert at is begin
        assert trace.cause == 0
        with pytest.raises(BlockingIOError):
            sock.recvmsg(1, 0, 0x2000)
        assert events[-1].as_dict()["result"].startswith("BlockingIOError")
    changes = [event.change for event in events if isinstance(event, SocketEvent)]
    assert changes == ["closed", "deleted"]


def test_long_arguments_are_told_in_short() -> None:
    events: list[Event] = []
    host = Host(Machine("m", random=Random(1), trace=Trace(events.append)), Driver())
    with host.socket(kernel.AF_INET, kernel.SOCK_DGRAM) as sock:
        sock.sendto(bytes(10_000), ("127.0.0.1", 9))
    begin = next(event for event in events if isinstance(event, Call) and event.call == "sendto")
    assert "10000 octets" in begin.args
    assert len(begin.args) < 250
