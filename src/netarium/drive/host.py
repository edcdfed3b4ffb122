"""A host in the real world: one machine, its devices, real time."""

import random
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from netarium.base.addr import Prefix, parse_interface, parse_ip
from netarium.base.config import MachineConfig
from netarium.base.errors import CloseReason, StackError, UsageError
from netarium.base.trace import Trace
from netarium.drive.device import KernelDevice
from netarium.drive.driver import RealDriver
from netarium.host.machine import Machine
from netarium.ip.route import Route
from netarium.resolver.config import ResolverConfig
from netarium.resolver.stub import Resolver
from netarium.socket.host import Host as SocketHost
from netarium.transport.tcp.connection import Connection
from netarium.transport.tcp.state import CLOSING, FIN_WAIT_1, LAST_ACK, TIME_WAIT

_LINGER_NS: Final = 1_000_000_000
_LOOK_NS: Final = 5_000_000
_UNDELIVERED: Final = frozenset({FIN_WAIT_1, CLOSING, LAST_ACK})


class Host(SocketHost):
    """One machine on real devices, run in the background from now on, until `close`.

    `with host:` runs what is inside on this machine; leaving the outermost `with` closes it.

    Args:
        devices: `Tap`, `Tun`, `PacketSocket`; the host closes them with itself.
        address: with its prefix length, as in "10.0.0.2/24". For several devices one each, for one device one or
            several.
        gateway: where everything else is sent, or None.
        name: what the machine is called.
        nameservers: addresses of DNS servers.
        config: all settings of the stack.
        trace: who listens to what happens, or None.

    Raises:
        UsageError: with one line that says what to do. The devices are closed then.
    """

    def __init__(
        self,
        *devices: KernelDevice,
        address: str | Sequence[str],
        gateway: str | None = None,
        name: str = "netarium",
        nameservers: Sequence[str] = (),
        config: MachineConfig | None = None,
        trace: Trace | None = None,
    ) -> None:
        self.devices = devices
        self._inside = 0
        try:
            # Nothing that a stranger can see of this generator tells what comes next: ports, DNS IDs, ISN secrets.
            machine = Machine(name, config=config, random=random.SystemRandom(), trace=trace)
            driver = RealDriver(machine, devices)
            now = driver.now()
            for device in devices:
                machine.add_device(device, now)
            _give_addresses(machine, devices, [address] if isinstance(address, str) else address, now)
            if gateway is not None:
                _route_by(machine, gateway)
            super().__init__(machine, driver)
            servers = tuple(parse_ip(server) for server in nameservers)
        except Exception:
            for device in devices:
                device.close()
            raise
        self.resolver: Resolver = Resolver(self, config=ResolverConfig(servers=servers))
        self.real_driver = driver
        driver.start()

    def close(self) -> None:
        """End all processes, give the peers a second to take what was sent, close the devices."""
        driver, machine = self.real_driver, self.machine
        if driver.closed:
            return
        try:
            for process in machine.processes:
                self.end_process(process)
            with driver.lock:
                until = driver.now() + _LINGER_NS
                while self._undelivered() and driver.now() < until:
                    driver.wait([], _LOOK_NS)
                now = driver.now()
                for connection in self._connections():
                    if connection.state is not TIME_WAIT:
                        connection.abort(now)
                driver.kick(machine)
        finally:
            driver.close()
            for device in self.devices:
                device.close()

    def _connections(self) -> list[Connection]:
        return [endpoint for endpoint in self.machine.sockets.endpoints() if isinstance(endpoint, Connection)]

    def _undelivered(self) -> bool:
        """True if some peer has not acknowledged our last octet or our FIN."""
        return any(connection.state in _UNDELIVERED for connection in self._connections())

    def __enter__(self) -> Self:
        self._inside += 1
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._inside -= 1
        if not self._inside:
            self.close()


def _give_addresses(
    machine: Machine, devices: Sequence[KernelDevice], addresses: Sequence[str], now: int
) -> None:
    if not devices:
        raise UsageError(
            "a host needs a device: netarium.Tap(...), netarium.Tun(...) or netarium.PacketSocket(...)"
        )
    if len(devices) > 1 and len(addresses) != len(devices):
        raise UsageError(f"{len(devices)} devices need one address each, not {len(addresses)}")
    homes = devices if len(devices) > 1 else [devices[0]] * len(addresses)
    for device, text in zip(homes, addresses, strict=True):
        packed, length = parse_interface(text)
        try:
            machine.ip.add_address(machine.ip.interface_of(device), packed, length, now)
        except StackError as refusal:
            raise UsageError(f"{text!r} cannot be the address of a host: {_why(refusal)}") from None


def _why(refusal: StackError) -> str:
    if refusal.errno == CloseReason.ADDRESS_IN_USE.value:
        return "it is given twice"
    return "it is reserved, or means a whole network or group"


def _route_by(machine: Machine, gateway: str) -> None:
    """The default route."""
    packed = parse_ip(gateway)
    direct = machine.ip.routes.lookup(packed)
    if direct is None or direct.gateway is not None:
        raise UsageError(
            f"gateway {gateway} is on none of the host's networks: choose one inside, or a wider prefix"
        )
    machine.ip.routes.add(Route(Prefix(bytes(len(packed)), 0), direct.interface, packed))
