"""A host of a simulated world."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from netarium.aio.runtime import running
from netarium.base.addr import format_ip, format_mac, parse_ip
from netarium.base.errors import UsageError
from netarium.host.machine import Machine
from netarium.link.adapter import Adapter
from netarium.link.driver import SimulatedDevice
from netarium.resolver.hosts import HostsTable
from netarium.resolver.stub import Resolver
from netarium.sim.driver import SimDriver
from netarium.sim.process import Process, is_coroutine_function
from netarium.sim.runtime import Clockwork, StrandGroup
from netarium.socket.context import current
from netarium.socket.host import Host as SocketHost

# What `with host:` must undo, in the order of the blocks around the code that runs; each task has its own.
_blocks: ContextVar[tuple[ExitStack, ...]] = ContextVar("netarium_blocks", default=())


class Host(SocketHost):
    """A machine in a world: made by `World.host`, `World.hosts` and `World.router`.

    `with host:` (or `async with`) runs what is inside on this machine; `host.run(program)` starts a process on it.

    Attributes:
        processes: all that were ever started on it.
    """

    driver: SimDriver
    resolver: Resolver

    def __init__(
        self, machine: Machine, clockwork: Clockwork, hosts: HostsTable, settle: Callable[[], None]
    ) -> None:
        super().__init__(machine, SimDriver(machine, clockwork))
        machine.loopback.interrupt = self.driver
        self.resolver = Resolver(self, hosts=hosts)
        self.processes: list[Process] = []
        self._clockwork = clockwork
        self._settle = settle

    # --- addresses --------------------------------------------------------------------------------------------

    @property
    def addresses(self) -> list[str]:
        """Its addresses, in the order of its adapters, without loopback."""
        self._settle()
        return [
            format_ip(own.address)
            for interface in self.machine.ip.interfaces
            if interface.device is not self.machine.loopback
            for own in interface.addresses
        ]

    @property
    def address(self) -> str:
        """Its first address.

        Raises:
            UsageError: it is not connected to anything.
        """
        addresses = self.addresses
        if not addresses:
            raise UsageError(
                f"{self.name} has no address yet: connect it with world.cable() or world.switch()"
            )
        return addresses[0]

    @property
    def mac(self) -> str:
        """The MAC address of its first adapter."""
        for interface in self.machine.ip.interfaces:
            if interface.mac:
                return format_mac(interface.mac)
        raise UsageError(f"{self.name} has no adapter yet: connect it with world.cable() or world.switch()")

    def nameserver(self, *servers: "str | Host") -> None:
        """Ask these servers (addresses, or hosts) for names, and not the world's table of names."""
        packed = tuple(parse_ip(server if isinstance(server, str) else server.address) for server in servers)
        self.resolver.config = replace(self.resolver.config, servers=packed)
        self.resolver.hosts = HostsTable()

    def plug(self, mac: bytes, *, mtu: int, offload: bool) -> SimulatedDevice:
        """One more adapter with its driver; the world connects it."""
        number = sum(1 for interface in self.machine.ip.interfaces if interface.mac)
        name = f"eth{number}"
        adapter = Adapter(mac, name=f"{self.name}.{name}", mtu=mtu)
        device = SimulatedDevice(adapter, name=name, tso=offload)
        device.interrupt = self.driver
        self.machine.add_device(device, self.driver.now())
        return device

    # --- processes --------------------------------------------------------------------------------------------

    def run(
        self, program: Callable[..., Any], /, *args: Any, name: str | None = None, **kwargs: Any
    ) -> Process:
        """Start a process; it begins when its turn comes.

        A function gets a thread of its own. A coroutine function becomes a task of the event loop that `run` is
        called from, if there is one, and else gets a thread with an event loop of its own.

        Args:
            program: what it runs.
            *args: for the program.
            name: as `netstat -p` shows it; None: the program's own.
            **kwargs: for the program.
        """
        self._settle()
        if name is None:
            name = str(getattr(program, "__name__", type(program).__name__)).strip("<>")
        row = self.machine.processes.start(name, self.driver.now())
        process = Process(self, row, StrandGroup(self._clockwork, f"{name} (pid {row.pid} on {self.name})"))
        self.processes.append(process)
        if (
            is_coroutine_function(program)
            and running() is not None
            and asyncio._get_running_loop() is not None
        ):
            process.start_task(program, *args, **kwargs)
        else:
            process.start_thread(program, *args, **kwargs)
        return process

    def __enter__(self) -> Self:
        block = ExitStack()
        with block:
            if running() is None:
                block.enter_context(self._clockwork.entered())
            self._settle()
            block.callback(current.reset, self.enter())
            _blocks.set((*_blocks.get(), block.pop_all()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        *outer, block = _blocks.get()
        _blocks.set(tuple(outer))
        block.close()
