"""The integrity matrix: one cell is one network, one way of being bad, and programs that check every octet.

A cell passes when SHA-256 agrees on both sides of every connection, each connection was established once, no machine
met a mistake of its own, all tables are empty again in the end and each frame ended in exactly one counter. Where a
failure is allowed (30 % loss, outages that last longer than a handshake waits) it is a clean errno, and what was read
until then is the beginning of what was written.
"""

import asyncio
import errno
import hashlib
import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from netarium.base.config import MachineConfig, TcpConfig
from netarium.base.errors import Accepted, DropReason
from netarium.base.units import MS, SECOND
from netarium.link.rule import Rule
from netarium.link.rules import BurstLoss, Corrupt, Cut, Duplicate, Jitter, Loss, Reorder
from netarium.link.selector import Selector, between
from netarium.sim import Host, World

from .pairwise import covering_array

PORT = 17_000
MSS = 1_460  # of the usual link, for the sizes around its edges; with timestamps a segment carries 12 octets less
MIB = 1 << 20
HEAD_START = 50 * MS  # so that the server listens
_FATES = [*Accepted, *DropReason]

# --- the factors ----------------------------------------------------------------------------------------------------

LOSS: dict[str, list[Any]] = {
    "none": [],
    "1%": [lambda: Loss("1%")],
    "5%": [lambda: Loss("5%")],
    "10%": [lambda: Loss("10%")],
    "30%": [lambda: Loss("30%")],
    "bursts of 3": [lambda: BurstLoss("1%", "33%")],
    "bursts of 10": [lambda: BurstLoss("0.5%", "10%")],
    "Gilbert-Elliott": [lambda: BurstLoss("2%", "20%", "50%", "0.2%")],
}
DISORDER: dict[str, list[Any]] = {
    "none": [],
    "10% late by 3 ms": [lambda: Reorder("10%", 3 * MS)],
    "jitter in order": [lambda: Jitter(8 * MS)],
    "jitter overtaking": [lambda: Jitter(8 * MS, overtaking=True)],
}
DAMAGE: dict[str, list[Any]] = {
    "none": [],
    "10% duplicated": [lambda: Duplicate("10%", after_ns=2 * MS)],
    "3% corrupted": [lambda: Corrupt("3%")],
    "both": [lambda: Duplicate("5%"), lambda: Corrupt("2%", bits=3)],
}
PATHS: dict[str, dict[str, Any]] = {
    "1500": {"mtu": 1_500},
    "9000": {"mtu": 9_000},
    "576": {"mtu": 576},
    "9000, router 1280": {"mtu": 9_000, "narrow": 1_280},
    "1500, router 576": {"mtu": 1_500, "narrow": 576},
    "1500, router 1280, silent": {"mtu": 1_500, "narrow": 1_280, "silent": True},
    "1500, router 576, silent": {"mtu": 1_500, "narrow": 576, "silent": True},
}
SIZES = (0, 1, MSS - 12, MSS - 1, MSS, MSS + 1, 2 * MSS, 65_535, 65_536, 65_537, 300_000)
LARGE = (MIB - 1, MIB, 16 * MIB)
DELAYS = {"0": 0, "5 ms": 5 * MS, "200 ms": 200 * MS, "5 s": 5 * SECOND}
HOLES = {"none": 0, "2 s": 2, "30 s": 30, "10 min": 600}

FACTORS: dict[str, tuple[Any, ...]] = {
    "size": SIZES,
    "loss": tuple(LOSS),
    "path": tuple(PATHS),
    "disorder": tuple(DISORDER),
    "damage": tuple(DAMAGE),
    "delay": tuple(DELAYS),
    "hole": tuple(HOLES),
    "queue": (6, 50, 1_000),
    "rate": ("10mbit", "1gbit", None),
    "direction": ("up", "down", "both"),
    "api": ("blocking", "asyncio"),
    "offload": (False, True),
    "connections": (1, 2, 7),
}


# T1: the same with large transfers and other seeds, so that other triples meet.
EXAM_FACTORS = {**FACTORS, "size": (*SIZES, *LARGE)}


def t0() -> list["Cell"]:
    """The cells of every run."""
    return [Cell(n, row) for n, row in enumerate(covering_array(FACTORS, 1))]


def t1() -> list["Cell"]:
    """The cells of the exam."""
    cells = [
        Cell(1_000 * seed + n, row)
        for seed in range(2, 7)
        for n, row in enumerate(covering_array(EXAM_FACTORS, seed))
    ]
    for cell in cells:
        if cell.size in LARGE:
            cell.factors["connections"] = 1
            if cell.delay == "5 s" and cell.loss == "30%":
                cell.factors["size"] = MIB  # more would take weeks of virtual time
    return cells


@dataclass
class Cell:
    """One row of the covering array."""

    seed: int
    factors: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        factors = self.__dict__.get("factors", {})  # none yet while a process unpickles it
        if name not in factors:
            raise AttributeError(name)
        return factors[name]

    def __str__(self) -> str:
        return f"seed {self.seed}: " + ", ".join(f"{name} {value}" for name, value in self.factors.items())

    @property
    def may_fail(self) -> bool:
        """Nobody promises a connection, nor even an answer to ARP, where one frame in three or all for minutes vanish."""
        return (
            self.loss in {"30%", "bursts of 10"}
            or self.hole == "10 min"
            or (self.hole, self.delay) == ("30 s", "5 s")
        )


# What a program may be told where failing is allowed: a timeout, found by itself or by the peer, or an unanswered ARP.
CLEAN = {errno.ETIMEDOUT, errno.ECONNRESET, errno.EPIPE, errno.EHOSTUNREACH}


@dataclass
class Side:
    """What one end of one connection saw."""

    received: bytearray = field(default_factory=bytearray)
    error: int = 0
    done: bool = False


@dataclass
class Outcome:
    """What a cell came to."""

    clients: list[Side]
    servers: list[Side]
    seconds: float = 0
    frames: int = 0
    retransmissions: int = 0
    failed: int = 0


# --- the programs -----------------------------------------------------------------------------------------------------


def _options(sock: socket.socket) -> None:
    """Whoever only listens must notice that the other has given up without a word that got through."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 120)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 60)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 20)


def _talk(sock: socket.socket, data: bytes, side: Side) -> None:
    """Send all and read to the end, both at once."""

    def write() -> None:
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        except OSError as fault:
            side.error = side.error or fault.errno or -1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while part := sock.recv(65_536):
            side.received += part
        side.done = True
    except OSError as fault:
        side.error = side.error or fault.errno or -1
    writer.join()
    side.done = side.done and not side.error


def _serve(data: list[bytes], sides: list[Side]) -> None:
    """Each connection says first, in one octet, which one it is: they may be accepted in any order."""

    def one(sock: socket.socket) -> None:
        with sock:
            _options(sock)
            try:
                number = sock.recv(1)
            except OSError:
                return  # its client tells
            if number:
                _talk(sock, data[number[0]], sides[number[0]])

    with socket.create_server(("", PORT), backlog=128) as listener:
        while True:
            threading.Thread(target=one, args=(listener.accept()[0],)).start()


def _call(server: str, data: list[bytes], sides: list[Side]) -> None:
    def one(number: int) -> None:
        try:
            with socket.create_connection((server, PORT)) as sock:
                _options(sock)
                _talk(sock, bytes([number]) + data[number], sides[number])
        except OSError as fault:
            sides[number].error = sides[number].error or fault.errno or -1

    threads = [threading.Thread(target=one, args=(n,)) for n in range(len(data))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes, side: Side
) -> None:
    async def write() -> None:
        for at in range(0, len(data), 50_000):
            writer.write(data[at : at + 50_000])
            await writer.drain()
        writer.write_eof()

    async def read() -> None:
        while part := await reader.read(65_536):
            side.received += part

    results = await asyncio.gather(write(), read(), return_exceptions=True)
    for fault in results:
        if isinstance(fault, OSError):
            side.error = side.error or fault.errno or errno.ECONNRESET
        elif fault is not None:
            raise fault
    side.done = not side.error
    writer.close()
    try:
        await writer.wait_closed()
    except OSError as fault:
        side.error = side.error or fault.errno or -1


async def _serve_async(data: list[bytes], sides: list[Side]) -> None:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _options(writer.get_extra_info("socket"))
        try:
            number = await reader.read(1)
        except OSError:
            number = b""
        if number:
            await _converse(reader, writer, data[number[0]], sides[number[0]])
        else:
            writer.close()

    server = await asyncio.start_server(one, "", PORT, backlog=128)
    async with server:
        await server.serve_forever()


async def _call_async(server: str, data: list[bytes], sides: list[Side]) -> None:
    async def one(number: int) -> None:
        try:
            reader, writer = await asyncio.open_connection(server, PORT)
            _options(writer.get_extra_info("socket"))
            await _converse(reader, writer, bytes([number]) + data[number], sides[number])
        except OSError as fault:
            sides[number].error = sides[number].error or fault.errno or -1

    await asyncio.gather(*(one(n) for n in range(len(data))))


# --- one cell ---------------------------------------------------------------------------------------------------------


class Counted:
    """Counts the frames that a machine is given."""

    def __init__(self, host: Host) -> None:
        self.frames = 0
        machine = host.machine
        receive = machine.receive

        def counting(*arguments: Any) -> None:
            self.frames += 1
            receive(*arguments)

        machine.receive = counting  # type: ignore[method-assign]


def build(cell: Cell) -> World:
    """client - [a =narrow=] - server; the faults are on the client's cable, both ways."""
    path = PATHS[cell.path]
    # A program that has closed does not wait and cannot be told: its last octets get as much patience as the others.
    world = World(cell.seed, config=MachineConfig(tcp=TcpConfig(orphan_retries=15)))
    client, server = (world.host(name, offload=cell.offload) for name in ("client", "server"))
    line: dict[str, Any] = {"rate": cell.rate, "delay": DELAYS[cell.delay] / SECOND, "queue": cell.queue}
    if "narrow" in path:
        a, b = world.router("a"), world.router("b")
        bad = world.cable(client, a, mtu=path["mtu"], **line)
        world.cable(a, b, mtu=path["narrow"], rate=None)
        world.cable(b, server, mtu=path["mtu"], rate=None)
        if path.get("silent"):
            bad.add_rule(Cut(Selector(protocol="icmp")))
            world.cables["b-server"].add_rule(Cut(Selector(protocol="icmp")))
    else:
        bad = world.cable(client, server, mtu=path["mtu"], **line)
    rules: list[Rule] = [make() for make in LOSS[cell.loss] + DISORDER[cell.disorder] + DAMAGE[cell.damage]]
    if HOLES[cell.hole]:
        # After the handshake, in the middle of a transfer if that takes longer than a few round trips.
        begin = HEAD_START + 4 * DELAYS[cell.delay] + 50 * MS
        rules.append(Cut(schedule=between(begin, begin + HOLES[cell.hole] * SECOND)))
    for rule in rules:
        bad.add_rule(rule)
    if cell.may_fail or cell.hole != "none" or cell.delay == "5 s" or cell.loss == "10%" or cell.seed % 2:
        _introduce(world)
    return world


def _introduce(world: World) -> None:
    """All neighbours know each other: three questions of ARP in a row are lost now and then, and that is not our matter."""
    world.settle()
    cards = [
        (own.address, interface.mac)
        for host in world.machines.values()
        for interface in host.machine.ip.interfaces
        if interface.mac
        for own in interface.addresses
    ]
    for host in world.machines.values():
        ip = host.machine.ip
        for interface in ip.interfaces:
            for address, mac in cards:
                if interface.mac and any(own.covers(address) for own in interface.addresses):
                    ip.neighbors.set_permanent(interface, address, mac, 0)


def run(cell: Cell) -> Outcome:
    """Run one cell; AssertionError with its seed and factors if it does not pass."""
    random = Random(cell.seed)
    world = build(cell)
    counted = {name: Counted(host) for name, host in world.machines.items()}
    amounts = {"up": (cell.size, 0), "down": (0, cell.size), "both": (cell.size, cell.size)}[cell.direction]
    up, down = ([random.randbytes(amount) for _ in range(cell.connections)] for amount in amounts)
    clients, servers = ([Side() for _ in range(cell.connections)] for _ in range(2))
    serve, call = (_serve, _call) if cell.api == "blocking" else (_serve_async, _call_async)
    world.machines["server"].run(serve, down, servers)

    def main() -> None:
        time.sleep(HEAD_START / SECOND)
        result = call(world.machines["server"].address, up, clients)
        if asyncio.iscoroutine(result):
            asyncio.run(result)
        # A close() does not wait, and at the end of a run all programs end: let the servers read to the end before.
        deadline = time.monotonic() + 4_000
        while time.monotonic() < deadline and not all(side.done or side.error for side in servers):
            if any(side.error for side in clients):
                break
            time.sleep(1)

    try:
        world.run(main, on="client", timeout="3d")
        outcome = Outcome(clients, servers, seconds=world.now / SECOND)
        world.run_until_idle(timeout="3d")
        _judge(cell, world, up, down, outcome, counted)
    except BaseException as fault:
        fault.add_note(str(cell))
        raise
    return outcome


def _judge(
    cell: Cell,
    world: World,
    up: list[bytes],
    down: list[bytes],
    outcome: Outcome,
    counted: Mapping[str, Counted],
) -> None:
    for sent, sides in ((up, outcome.servers), (down, outcome.clients)):
        for octets, side in zip(sent, sides, strict=True):
            received = bytes(side.received)
            if side.done:
                assert hashlib.sha256(received).digest() == hashlib.sha256(octets).digest(), "SHA-256 differs"
            else:
                assert octets.startswith(received), "what was read is no beginning of what was written"
    outcome.failed = sum(bool(side.error) for side in outcome.clients)
    errors = {side.error for side in outcome.clients + outcome.servers if side.error}
    if cell.may_fail:
        assert errors <= CLEAN, f"errno {[os.strerror(number) for number in errors]}"
    else:
        assert not errors, f"errno {[os.strerror(number) for number in errors]}"
        assert all(side.done for side in outcome.clients + outcome.servers), "a connection never ended"
    client, server = (world.machines[name].machine for name in ("client", "server"))
    opened, accepted = client.counters["tcp_active_opens"], server.counters["tcp_passive_opens"]
    assert opened <= cell.connections
    assert accepted <= cell.connections, "a connection was established twice"
    if not cell.may_fail:
        assert opened == accepted == cell.connections
    for name, host in world.machines.items():
        at_rest(host, counted[name].frames)
        outcome.frames += counted[name].frames
        outcome.retransmissions += host.machine.counters["tcp_retrans_segs"]


def at_rest(host: Host, frames: int) -> None:
    """Nothing is left, nothing went wrong inside, and every frame is accounted for."""
    machine = host.machine
    assert not machine.internal_errors, machine.internal_errors[-1]
    assert sum(machine.counters[fate] for fate in _FATES) == frames, "a frame without a fate, or with two"
    tcp, ip = machine.tcp, machine.ip
    assert tcp.flows == {}, "flows"
    assert len(tcp.timers) == 0, "timers of TCP"
    assert len(tcp.ports) == 0, "ports"
    assert tcp.half_open() == [], "half-open connections"
    assert tcp.time_wait() == [], "TIME-WAIT"
    assert machine.sockets.endpoints() == [], "sockets"
    assert len(ip.timers) == 0, "timers of IP"
    for interface in ip.interfaces:
        assert not interface.ready, "senders"
        assert not interface.out, "frames"
