"""Rows HOST-..., and what else strikes a machine from its own side: full disks, odd clocks, misuse, floods of bad frames."""

import errno
import gc
import io
import logging
import mmap
import random
import socket
import time

import pytest

import netarium
from netarium.base.config import MachineConfig, TcpConfig
from netarium.base.errors import DropReason
from netarium.base.trace import Trace
from netarium.base.units import MS, SECOND
from netarium.drive.driver import RealDriver
from netarium.host.machine import Machine
from netarium.host.pump import pump
from netarium.inspect.capture import Capture
from netarium.link.frame import Frame
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
