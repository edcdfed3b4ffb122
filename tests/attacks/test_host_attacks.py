"""Rows HOST-..., and what else strikes a machine from its own side: full disks, odd clocks, misuse, floods of bad frames."""

import asyncio
import errno
import gc
import io
import logging
import mmap
import random
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import netarium
from netarium.base.config import MachineConfig, TcpConfig
from netarium.base.errors import DropReason, StackError
from netarium.base.trace import Trace
from netarium.base.units import MS, SECOND
from netarium.drive.driver import RealDriver
from netarium.host.machine import Machine
from netarium.host.pump import pump
from netarium.inspect.capture import Capture
from netarium.link.frame import Frame
from netarium.socket.host import Host
from netarium.transport.tcp.connection import Connection
from netarium.wire import ethernet, pcapng
from netarium.wire.tcp import ACK

from .lab import PEER, PHANTOM_MAC, TARGET, TARGET_MAC, Flow, Lab, ip_frame, ip_packet

DAY = 86_400 * SECOND


# --- frames ----------------------------------------------------------------------------------------------------


@pytest.mark.rfc("eth", "03")
@pytest.mark.parametrize("value", [0, 46, 1_500, 1_501, 1_535])
def test_what_is_neither_length_nor_type_is_dropped(lab: Lab, value: int) -> None:
    """A good packet behind it, bare or with a SNAP header, which only a length may announce."""
    packet = ip_packet(1, b"\x08\x00\xf7\xff" + bytes(4))
    front = TARGET_MAC + PHANTOM_MAC + value.to_bytes(2, "big")
    lab.inject(front + packet)
    assert lab.target.counters[DropReason.ETH_UNKNOWN_TYPE] == 1
    assert not lab.wire.sent
    lab.inject(front + b"\xaa\xaa\x03\x00\x00\x00\x08\x00" + packet)
    assert len(lab.wire.sent) == (value <= ethernet.MAX_LENGTH_FIELD)
    lab.check()


@pytest.mark.attack("UDP-04")
@pytest.mark.parametrize("ports", [(7, 7), (19, 7), (7, 19), (19, 19)])
def test_services_that_nobody_runs_do_not_play_ping_pong(ports: tuple[int, int]) -> None:
    """A datagram in the peer's name: one refusal, which the peer does not answer, and that in ten seconds is all."""
    lab = Lab(peer=True)
    lab.udp(b"!", ports, src=PEER)
    lab.advance(10 * SECOND)
    assert [header.protocol for header in lab.heard()] == [1]
    assert lab.peer_wire is not None
    assert [octets for octets in lab.peer_wire.sent if octets[12:14] == b"\x08\x00"] == []
    lab.check()


@pytest.mark.attack("PY-08")
def test_a_flood_of_bad_frames_writes_nothing(lab: Lab, caplog: pytest.LogCaptureFixture, capfd) -> None:
    """No line for any of 100,000 frames; each is counted."""
    caplog.set_level(logging.NOTSET)
    kinds = [
        (Frame(bytes(5)), DropReason.ETH_SHORT),
        (Frame(ip_frame(17, b"abc")), DropReason.UDP_MALFORMED),
        (Frame(ip_frame(6, b"abc")), DropReason.TCP_MALFORMED),
        (Frame(TARGET_MAC + PHANTOM_MAC + b"\x08\x00" + bytes(20)), DropReason.IP_MALFORMED),
        (Frame(TARGET_MAC + PHANTOM_MAC + b"\x88\xf7" + bytes(20)), DropReason.ETH_UNKNOWN_TYPE),
    ]
    for frame, _ in kinds:
        for _ in range(20_000):
            lab.target.receive(lab.wire, frame, lab.now)
    assert [lab.target.counters[fate] for _, fate in kinds] == [20_000] * 5
    lab.check()
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.attack("PY-08", "HOST-06")
def test_a_flood_that_meets_a_bug_keeps_the_last_few_tracebacks(
    lab: Lab, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory fails for every frame of a flood: contained, counted, told in few words; afterwards all is well."""
    flow = lab.handshake(lab.listener())

    class NoMemory:
        def receive(self, packet: object, now: int) -> None:
            raise MemoryError

    with monkeypatch.context() as broken:
        broken.setitem(lab.target.ip.transports, 17, NoMemory())
        for _ in range(1_000):
            lab.inject(ip_frame(17, bytes(8)))
    assert lab.target.counters[DropReason.INTERNAL_ERROR] == 1_000
    assert lab.target.fates == lab.target.frames_in
    assert 0 < len(lab.target.internal_errors) <= 20
    assert all("MemoryError" in text for text in lab.target.internal_errors)
    assert caplog.records == []
    flow.inject(data=b"hello")
    assert flow.socket.recv(10, lab.now) == b"hello"


# --- the disk --------------------------------------------------------------------------------------------------


class Disk(io.BytesIO):
    """Has room for so many octets; whoever writes more is refused, or gets a part."""

    def __init__(self, room: int, number: int) -> None:
        super().__init__()
        self.room, self.number = room, number

    def write(self, octets) -> int:
        if self.tell() + len(octets) <= self.room:
            return super().write(octets)
        if self.number:
            raise OSError(self.number, "the disk")
        return super().write(octets[: self.room - self.tell()])


@pytest.mark.attack("HOST-02")
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, 0])
def test_a_transfer_outlives_the_disk_of_its_capture(number: int) -> None:
    def transfer(disk: Disk) -> Capture:
        listener = Capture(disk)
        trace = Trace(listener)
        lab = Lab(peer=True, trace=trace)
        ours, theirs = connected(lab)
        data = random.Random(5).randbytes(20_000)
        ours.socket.send(data, lab.now)
        lab.advance(SECOND)
        assert theirs.recv(100_000, lab.now) == data
        lab.check()
        return listener

    plenty = Disk(1 << 30, number)
    assert transfer(plenty).failed is None
    whole = plenty.getvalue()
    packets = [packet.octets for packet in pcapng.read(whole)]
    assert len(packets) > 10
    for room in range(0, len(whole), 701):
        disk = Disk(room, number)
        assert transfer(disk).failed is not None
        kept = disk.getvalue()
        assert whole.startswith(kept)
        assert [packet.octets for packet in pcapng.read(kept)] == packets[: len(list(pcapng.read(kept)))]


def connected(lab: Lab) -> tuple[Flow, object]:
    """The target accepts a connection of its peer."""
    listener = lab.listener()
    assert lab.peer is not None
    client = lab.peer.tcp.open(4, lab.now)
    client.connect(TARGET, 80, lab.now)
    lab.run()
    server = listener.accept(lab.now)
    assert server is not None
    return Flow(lab, server, (client.local[1], 80)), client


# --- the clock -------------------------------------------------------------------------------------------------


@pytest.mark.attack("HOST-03")
@pytest.mark.parametrize("gap", [600 * SECOND, (1 << 32) * MS, DAY, 50 * DAY])
def test_a_gap_of_the_clock_is_one_tick(lab: Lab, gap: int) -> None:
    """The machine slept: of each connection one segment is repeated, no timer catches up on what it missed."""
    listener = lab.listener()
    flows = [lab.handshake(listener, port) for port in range(40_000, 40_020)]
    for flow in flows:
        flow.socket.send(bytes(5_000), lab.now)
    lab.run()
    lab.segments()
    lab.now += gap  # and nothing ran meanwhile
    calls = 0
    while (at := pump(lab.target, lab.now)) is not None and at <= lab.now:
        calls += 1
        assert calls < 10
    repeated = [(seg.dst_port, seg.seq) for seg in lab.segments()]
    assert sorted({port for port, _ in repeated}) == list(range(40_000, 40_020))
    assert len(repeated) == 20
    for flow in flows:
        flow.inject(ACK)
    lab.run()
    assert all(flow.tcb.snd_una == flow.tcb.snd_nxt for flow in flows)
    lab.check()


@pytest.mark.attack("HOST-03")
def test_a_transfer_goes_on_over_the_wrap_of_milliseconds() -> None:
    """2^32 ms after its beginning a clock of timestamps is where it began (RFC 7323 §5.5)."""
    lab = Lab(peer=True)
    lab.now = (1 << 32) * MS - 2 * SECOND
    ours, theirs = connected(lab)
    for part in range(8):
        data = bytes([part]) * 3_000
        ours.socket.send(data, lab.now)
        lab.advance(500 * MS)
        assert theirs.recv(10_000, lab.now) == data
    assert ours.tcb.total_retrans == 0
    lab.check()


@pytest.mark.attack("HOST-03")
def test_steps_of_the_wall_clock_move_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour back, a day and fifty days forth: what a machine's timers run by does not see it."""
    machine = Machine("m", random=random.Random(1))
    driver = RealDriver(machine, [])
    real = time.time()
    before = driver.now()
    for step in (-3_600, 86_400, 50 * 86_400):
        monkeypatch.setattr(time, "time", lambda step=step: real + step)
        monkeypatch.setattr(time, "time_ns", lambda step=step: int((real + step) * 1e9))
        assert driver.wall() == real + step
        after = driver.now()
        assert 0 <= after - before < 600 * SECOND
        before = after
        with driver.lock:
            assert (
                driver.wait([], 1 * MS) is False
            )  # waits by the monotonic clock: neither for ever nor not at all
        assert driver.now() - before >= 1 * MS
    driver.close()


# --- misuse ----------------------------------------------------------------------------------------------------

STREAM, DGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
MISUSE = (
    OSError,
    TypeError,
    ValueError,
    OverflowError,
)  # TimeoutError is an OSError, as in Python's own module


def cabled(**tcp: object) -> tuple[netarium.World, netarium.sim.Host, netarium.sim.Host]:
    world = netarium.World(seed=9)
    (server,) = world.hosts("server")
    client = world.host("client", config=MachineConfig(tcp=TcpConfig(**tcp)))
    world.cable(client, server)
    return world, server, client


class States:
    """Sockets of the client in each state; the server's ends do not matter."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("", 90))

    def fresh(self) -> socket.socket:
        return socket.socket()

    def bound(self) -> socket.socket:
        sock = socket.socket()
        sock.bind(("", 0))
        return sock

    def listening(self) -> socket.socket:
        return socket.create_server(("", 0))

    def connecting(self) -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("10.0.0.250", 80))  # nobody has this address
        return sock

    def connected(self) -> socket.socket:
        return socket.create_connection(("server", 80))

    def shut(self) -> socket.socket:
        sock = self.connected()
        sock.shutdown(socket.SHUT_RDWR)
        return sock

    def refused(self) -> socket.socket:
        sock = socket.socket()
        sock.connect_ex(("server", 81))
        return sock

    def closed(self) -> socket.socket:
        sock = self.connected()
        sock.close()
        return sock

    def datagrams(self) -> socket.socket:
        return socket.socket(type=DGRAM)

    def datagrams_connected(self) -> socket.socket:
        sock = socket.socket(type=DGRAM)
        sock.connect(("server", 80))
        return sock


HUGE = memoryview(bytearray(1 << 20))
BAD = [None, -1, 0, 2**31, 2**40, 2**64, 1.5, "text", "10.0.0.1", "\0", b"", b"x", (), ("", 0), ("10.0.0.1", 80),
       ("10.0.0.1", -1), ("10.0.0.1", 65_536), ("255.255.255.255", 9), ("no such name", 1, 2, 3), [b"x", b"y"], [5],
       object(), True, HUGE]  # fmt: skip
CALLS = [
    "accept", "bind", "close", "connect", "connect_ex", "detach", "dup", "fileno", "get_inheritable", "getblocking",
    "getpeername", "getsockname", "getsockopt", "gettimeout", "listen", "makefile", "recv", "recv_into", "recvfrom",
    "recvfrom_into", "recvmsg", "recvmsg_into", "send", "sendall", "sendfile", "sendmsg", "sendto", "set_inheritable",
    "setblocking", "setsockopt", "settimeout", "shutdown",
]  # fmt: skip


@pytest.mark.attack("HOST-04")
@pytest.mark.parametrize("state", [name for name in vars(States) if not name.startswith("_")])
def test_misuse_ends_in_an_error_that_python_knows(state: str) -> None:
    """Each call in each state with bad arguments; a connection beside it does not notice."""
    world, server, client = cabled()
    source = random.Random(state)

    def serve() -> None:
        kept = []
        with socket.create_server(("", 80)) as listener:
            while True:
                kept.append(listener.accept()[0])

    def main() -> None:
        server.run(serve)
        time.sleep(0.1)
        states = States()
        beside = socket.create_connection(("client", 90))
        other = states.listener.accept()[0]
        for call in CALLS:
            for count in (0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4):
                sock = getattr(states, state)()
                arguments = [source.choice(BAD) for _ in range(count)]
                if sock.fileno() >= 0:
                    sock.settimeout(0.01)
                try:
                    result = getattr(sock, call)(*arguments)
                except MISUSE:
                    result = None
                except AttributeError:
                    assert call == "sendfile"  # as Python's says of what is no file
                    result = None
                for one in result if isinstance(result, tuple) else (result,):
                    if call in {"accept", "dup", "makefile"} and hasattr(one, "close"):
                        one.close()
                if call == "detach" and result is not None and result >= 0:
                    socket.close(result)
                sock.close()
                sock.close()  # twice is once
            beside.sendall(call.encode())
            assert other.recv(100) == call.encode()
        for sock in (beside, other, states.listener):
            sock.close()

    world.run(main, on=client)
    gc.collect()
    for host in (server, client):
        assert not host.machine.internal_errors, host.machine.internal_errors[-1]
    assert list(client.process.descriptors) == []


@pytest.mark.attack("HOST-04")
def test_sizes_that_nobody_has_room_for() -> None:
    """A gibibyte to send and a tebibyte to receive: what is asked for by number is not set aside in advance."""
    world, server, client = cabled()

    def serve() -> bytes:
        with socket.create_server(("", 80)) as listener, listener.accept()[0] as sock:
            time.sleep(1)
            return sock.recv(2**40)

    def main() -> tuple[int, int]:
        process = server.run(serve)
        time.sleep(0.1)
        with socket.create_connection(("server", 80)) as sock:
            sock.setblocking(False)
            with (
                mmap.mmap(-1, 1 << 30) as huge,
                memoryview(huge) as view,
            ):  # never touched, but for what is sent
                sent = sock.send(view)
            assert 0 < sent < 1 << 24
            time.sleep(2)
            return sent, len(process.join())

    sent, received = world.run(main, on=client)
    assert 0 < received <= sent


# --- cancelled, and without means ------------------------------------------------------------------------------


class CancelledAt:
    """Awaits a coroutine whose task is cancelled in its so-many-th await."""

    def __init__(self, step: int, program: Coroutine[Any, Any, None]) -> None:
        self.left, self.program, self.hit = step, program, False

    def __await__(self) -> Generator[Any, None, None]:
        resume = partial(self.program.send, None)
        while True:
            try:
                future = resume()
            except StopIteration:
                return
            if self.left == 0:
                self.hit = True
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            self.left -= 1
            try:
                yield future
            except BaseException as fault:
                resume = partial(self.program.throw, fault)
            else:
                resume = partial(self.program.send, None)


DATA = random.Random(8).randbytes(120_000)


async def raw_server(received: bytearray) -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("", 80)) as listener:
        listener.setblocking(False)
        connection, _ = await loop.sock_accept(listener)
        with connection:
            while data := await loop.sock_recv(connection, 50_000):
                received += data
                await loop.sock_sendall(connection, data)


async def raw_client(received: bytearray) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, ("10.0.1.1", 80))
        for begin in range(0, len(DATA), 30_000):
            await loop.sock_sendall(sock, DATA[begin : begin + 30_000])
        sock.shutdown(socket.SHUT_WR)
        while data := await loop.sock_recv(sock, 50_000):
            received += data


async def stream_client(received: bytearray) -> None:
    reader, writer = await asyncio.open_connection("10.0.1.1", 80)
    try:
        for begin in range(0, len(DATA), 30_000):
            writer.write(DATA[begin : begin + 30_000])
            await writer.drain()
        writer.write_eof()
        while data := await reader.read(50_000):
            received += data
    finally:
        writer.close()


Program = Callable[[bytearray], Coroutine[Any, Any, None]]


def session(victim: str, program: Program, step: int) -> tuple[bool, bytearray, bytearray]:
    """Both ends in one world, one of them cancelled; whether there was such an await, and what each end received."""
    world = netarium.World(seed=5)
    server, client = world.hosts("server", "client")
    world.cable(server, client, delay="1ms")
    assert server.address == "10.0.1.1", "the first of its cable"
    got = bytearray(), bytearray()

    async def bystander(host: netarium.sim.Host, part: Coroutine[Any, Any, None]) -> None:
        async with host:
            with suppress(ConnectionError):
                await part

    async def cancelled(host: netarium.sim.Host, part: Coroutine[Any, Any, None]) -> bool:
        async with host:
            awaits = CancelledAt(step, part)
            with suppress(asyncio.CancelledError):
                await awaits
            return awaits.hit

    async def main() -> bool:
        ends = [(server, raw_server(got[0])), (client, program(got[1]))]
        if victim == "server":
            ends.reverse()
        theirs = asyncio.ensure_future(bystander(*ends[0]))
        hit = await asyncio.ensure_future(cancelled(*ends[1]))
        await asyncio.sleep(1)
        theirs.cancel()  # whom nobody called waits still
        with suppress(asyncio.CancelledError):
            await theirs
        await asyncio.sleep(300)  # TIME-WAIT, and what was lost
        return hit

    hit = world.run(main)
    gc.collect()
    for host in (server, client):
        assert not host.machine.internal_errors, host.machine.internal_errors[-1]
        assert host.machine.sockets.endpoints() == []
        assert dict(host.process.descriptors) == {}
        assert host.driver._watchers == {}
    return hit, *got


@pytest.mark.attack("HOST-05")
@pytest.mark.parametrize(
    ("victim", "program"), [("client", raw_client), ("client", stream_client), ("server", raw_client)]
)
def test_a_cancelled_task_leaves_nothing_behind(victim: str, program: Program) -> None:
    """Cancelled in each of its awaits in turn: no row, no watch, no descriptor; what arrived is what was sent first."""
    for step in range(1_000):
        hit, to_server, to_client = session(victim, program, step)
        assert DATA.startswith(bytes(to_server))
        assert DATA.startswith(bytes(to_client))
        if not hit:
            assert to_server == to_client == DATA
            break
    assert step > 5


@pytest.mark.attack("HOST-06")
def test_ports_of_datagrams_run_out_and_come_back() -> None:
    """A bind() without a port, and a first send(): refused while all are taken, well again after one close()."""
    world, _, client = cabled(port_range=(50_000, 50_003))

    def main() -> None:
        taken = [socket.socket(type=DGRAM) for _ in range(4)]
        for sock in taken:
            sock.bind(("", 0))
        with socket.socket(type=DGRAM) as late:
            for call in (lambda: late.bind(("", 0)), lambda: late.sendto(b"x", ("server", 9))):
                with pytest.raises(OSError) as caught:
                    call()
                assert caught.value.errno in {errno.EADDRINUSE, errno.EAGAIN}
            taken.pop().close()
            late.bind(("", 0))
            assert late.sendto(b"x", ("server", 9)) == 1
        for sock in taken:
            sock.close()

    world.run(main, on=client)
    assert client.machine.sockets.endpoints() == []


@pytest.mark.attack("HOST-06")
def test_sockets_cost_no_descriptors_of_the_kernel() -> None:
    """Three thousand of them, more than the kernel would give a process: its table stays, ours gives numbers again."""
    world, _, client = cabled()

    def main() -> None:
        before = len(list(Path("/proc/self/fd").iterdir()))
        many = [socket.socket() for _ in range(3_000)]
        assert len(list(Path("/proc/self/fd").iterdir())) == before
        assert list(client.process.descriptors) == list(range(3, 3_003))
        many[1_000].close()
        many[1_000] = socket.socket()
        assert 1_003 in client.process.descriptors
        for sock in many:
            sock.close()

    world.run(main, on=client)
    assert client.machine.sockets.endpoints() == []


# --- in the midst of things ------------------------------------------------------------------------------------


def close(lab: Lab, machine: Machine, endpoint: Any) -> None:
    machine.close(endpoint, lab.now)


def abort(lab: Lab, machine: Machine, endpoint: Any) -> None:
    endpoint.abort(lab.now)


def close_everything(lab: Lab, machine: Machine, endpoint: Any) -> None:
    for each in machine.sockets.endpoints():
        if isinstance(each, Connection):
            machine.close(each, lab.now)


def open_another(lab: Lab, machine: Machine, endpoint: Any) -> None:
    another = machine.tcp.open(4, lab.now)
    another.connect(TARGET if machine.name == "peer" else PEER, 80, lab.now)


def read_and_write(lab: Lab, machine: Machine, endpoint: Any) -> None:
    if endpoint.state_name in {"ESTABLISHED", "CLOSE_WAIT"}:
        endpoint.recv(1_000, lab.now)
        endpoint.send(b"more", lab.now)


class Meddler:
    """Does something to a socket, once, when the machine tells of the so-many-th event: as a driver's callback may."""

    def __init__(self, action: Callable[[Lab, Machine, Any], None], at: int) -> None:
        self.action, self.left = action, at

    @property
    def done(self) -> bool:
        return self.left < 0

    def drain(self, lab: Lab) -> None:
        for machine in (lab.target, lab.peer):
            while machine is not None and (endpoint := machine.poll_event()) is not None:
                if self.done or not isinstance(endpoint, Connection):
                    continue
                self.left -= 1
                if self.done:
                    with suppress(StackError):  # what cannot be done in this state
                        self.action(lab, machine, endpoint)


def talk(meddler: Meddler) -> None:
    """Open, send both ways, close: with somebody who meddles."""
    lab = Lab(peer=True)
    listener = lab.listener()
    assert lab.peer is not None
    client = lab.peer.tcp.open(4, lab.now)
    client.connect(TARGET, 80, lab.now)
    accepted = []
    for step in range(12):
        lab.run()
        meddler.drain(lab)
        lab.run()
        with suppress(StackError):
            while (server := listener.accept(lab.now)) is not None:
                accepted.append(server)
        for sock in (client, *accepted):
            with suppress(StackError):
                if step < 5:
                    sock.send(bytes(4_000), lab.now)
                elif step == 7:
                    sock.shutdown(1, lab.now)
                sock.recv(3_000, lab.now)
        lab.advance(50 * MS)
    for machine in (lab.target, lab.peer):
        for each in machine.sockets.endpoints():
            if isinstance(each, Connection):
                machine.close(each, lab.now)
    lab.run_out()
    meddler.drain(lab)
    lab.check()
    assert lab.target.sockets.endpoints() == []
    assert lab.peer.sockets.endpoints() == []


@pytest.mark.attack("HOST-07")
@pytest.mark.parametrize("action", [close, abort, close_everything, open_another, read_and_write])
def test_a_callback_may_do_anything_to_the_socket_that_it_is_told_of(
    action: Callable[[Lab, Machine, Any], None],
) -> None:
    """Close, abort, open, read, write: in each of its events in turn."""
    for at in range(500):
        meddler = Meddler(action, at)
        talk(meddler)
        if not meddler.done:
            break
    assert at > 5


@pytest.mark.attack("HOST-07")
def test_eight_threads_use_one_machine_at_once() -> None:
    """Connections of their own, and one socket that all of them use and anybody closes; time is real."""
    machine = Machine("m", random=random.Random(1))
    driver = RealDriver(machine, [])
    host = Host(machine, driver)
    driver.start()
    faults: list[BaseException] = []
    listener = host.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    shared = [host.socket(type=DGRAM)]

    def answer() -> None:
        while True:
            sock, _ = listener.accept()
            with sock:
                while data := sock.recv(10_000):
                    sock.sendall(data)

    def hammer(number: int) -> None:
        try:
            for turn in range(15):
                data = bytes([number, turn]) * 2_000
                with host.socket() as sock:
                    sock.settimeout(20)
                    sock.connect(listener.getsockname())
                    sock.sendall(data)
                    got = b""
                    while len(got) < len(data):
                        got += sock.recv(10_000)
                    assert got == data
                with suppress(OSError):  # whom another closed it
                    shared[-1].sendto(b"x", ("127.0.0.1", 9))
                    shared[-1].recv(1, socket.MSG_DONTWAIT)
                if turn % 5 == number % 5:
                    shared[-1].close()
                    shared.append(host.socket(type=DGRAM))
        except BaseException as fault:
            faults.append(fault)

    def serve() -> None:
        with suppress(OSError):  # the listener was closed
            answer()

    servers = [threading.Thread(target=serve, daemon=True) for _ in range(4)]
    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(8)]
    for thread in (*servers, *threads):
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    listener.shutdown(socket.SHUT_RDWR)
    for thread in servers:
        thread.join(20)
        assert not thread.is_alive()
    listener.close()
    for sock in shared:
        sock.close()
    driver.close()
    assert faults == []
    assert not machine.internal_errors, machine.internal_errors[-1]
    assert dict(host.process.descriptors) == {}
