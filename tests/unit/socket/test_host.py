"""`with host:` names the current machine, for each task and thread by itself."""

import asyncio
from random import Random

from netarium.host.machine import Machine
from netarium.socket.host import Host, current


class Idle:
    """A driver of machines that do nothing."""

    def __init__(self) -> None:
        import contextlib

        self.lock = contextlib.nullcontext()

    def now(self) -> int:
        return 0


def host(name: str) -> Host:
    return Host(Machine(name, random=Random(1)), Idle())


def test_blocks_nest() -> None:
    one, two = host("one"), host("two")
    with one:
        with two:
            assert current.get().host is two
        assert current.get().host is one
    assert current.get() is None


def test_tasks_that_overlap_do_not_meet() -> None:
    shared, other = host("shared"), host("other")

    async def visitor(entered: asyncio.Event, leave: asyncio.Event, outer: Host | None) -> None:
        if outer is not None:
            outer.__enter__()
        async with shared:
            entered.set()
            await leave.wait()
            assert current.get().host is shared
        assert (current.get().host if outer is not None else current.get()) is outer

    async def main() -> None:
        events = [asyncio.Event() for _ in range(4)]
        first = asyncio.ensure_future(visitor(events[0], events[1], other))
        second = asyncio.ensure_future(visitor(events[2], events[3], None))
        await events[0].wait()
        await events[2].wait()
        events[1].set()
        await first
        events[3].set()
        await second

    asyncio.run(main())
