"""Rows PY-...: attacks on what a stack in Python is made of."""

import json
import subprocess
import sys
from pathlib import Path
from struct import pack

import pytest

from netarium.base.errors import DropReason
from netarium.base.units import MS, SECOND
from netarium.host.pump import BATCH, pump
from netarium.link.frame import Frame
from netarium.wire import ethernet
from netarium.wire.icmpv4 import pack_header
from netarium.wire.tcp import SYN

from .lab import PHANTOM_MAC, TARGET, TARGET_MAC, Lab, Wire, ip_frame, ip_packet, lines_run

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.attack("PY-02")
def test_tables_that_strangers_fill_are_keyed_by_bytes(lab: Lab) -> None:
    """Hashes of ints and tuples of them can be foreseen, those of bytes are keyed with a secret."""
    lab.listener(backlog=32)
    for stranger in range(20):
        src = b"\x0a\0\0" + bytes([100 + stranger])
        lab.know(src, PHANTOM_MAC)
        lab.tcp(SYN, (5_000, 80), src=src, mss=1_460)
        lab.udp(b"?", (5_000, 9), src=src)
        lab.inject(ip_frame(17, bytes(16), src=src, more=True))
    ip, tcp = lab.target.ip, lab.target.tcp
    tables = {
        "flows": tcp.flows,
        "half-open": lab.target.tcp.connections()[0].listener.half_open,
        "fragments": ip._reassembler._datagrams,
        "error limits": ip._errors._each,
        "neighbours": ip.neighbors._entries,
        "path MTUs": ip.path_mtus._estimates,
    }
    filled = {name for name, table in tables.items() if len(table) >= 20}
    assert filled == {"flows", "half-open", "fragments", "error limits", "neighbours"}
    assert {type(key) for table in tables.values() for key in table} == {bytes}


def nested_ip(depth: int) -> bytes:
    packet = ip_packet(17, bytes(8))
    for _ in range(depth):
        packet = ip_packet(4, packet)
    return ethernet.pack(TARGET_MAC, PHANTOM_MAC, 0x0800) + packet


def nested_icmp(depth: int) -> bytes:
    payload = bytes(8)
    for _ in range(depth):
        packet = ip_packet(1, pack_header(3, 1, 0, payload) + payload, src=TARGET)
        payload = packet
    return ip_frame(1, pack_header(3, 1, 0, payload) + payload)


def nested_tags(depth: int) -> bytes:
    return ethernet.pack(TARGET_MAC, PHANTOM_MAC, 0x8100)[:12] + b"\x81\0\0\0" * depth + b"\x08\0" + bytes(40)


def nested_pointers(depth: int) -> bytes:
    """A DNS answer whose name is a chain of pointers, each to the one before."""
    chain = b"\x01a\0" + b"".join(
        pack("!BBH", 1, 97, 0xC000 | 12 + (4 * hop - 1 if hop else 0)) for hop in range(depth)
    )
    message = pack("!6H", 1, 0x8180, 1, 0, 0, 0) + chain
    return ip_frame(17, pack("!4H", 53, 5_353, 8 + len(message), 0) + message)


@pytest.mark.attack("PY-03")
@pytest.mark.parametrize("depth", [1, 50, 500])
@pytest.mark.parametrize("nested", [nested_ip, nested_icmp, nested_tags, nested_pointers])
def test_what_is_nested_is_not_parsed_by_recursion(lab: Lab, nested, depth: int) -> None:
    """Ten frames of stack more than for a plain packet must do."""
    plain, deep = nested(0), nested(depth)
    lab.inject(plain)

    def with_little_stack() -> None:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(_stack_depth() + 60)
        try:
            lab.inject(deep)
        finally:
            sys.setrecursionlimit(before)

    with_little_stack()
    lab.check()
    assert lab.target.frames_in == 2


def _stack_depth() -> int:
    depth, frame = 0, sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    return depth


@pytest.mark.attack("PY-05")
def test_twice_as_much_is_twice_the_work() -> None:
    """Tiny writes, a stream, a queue of datagrams: the work for one does not grow with their number."""

    def stream(octets: int) -> int:
        lab = Lab(peer=True)
        listener = lab.listener()
        assert lab.peer is not None
        client = lab.peer.tcp.open(4, lab.now)
        client.options.nodelay = True
        client.connect(TARGET, 80, lab.now)
        lab.run()
        socket = listener.accept(lab.now)
        assert socket is not None

        def transfer() -> None:
            for _ in range(octets // 100):
                client.send(bytes(100), lab.now)
                lab.run()
            while socket.recv(64, lab.now):
                pass

        return lines_run(transfer)

    def datagrams(count: int) -> int:
        lab = Lab()
        endpoint = lab.target.udp.open(4, lab.now)
        endpoint.bind(bytes(4), 53)
        endpoint.options.rcvbuf = 1 << 30

        def fill() -> None:
            for _ in range(count):
                lab.udp(b"x", (5_000, 53))
            while endpoint.receive() is not None:
                pass

        return lines_run(fill)

    for work in (lambda n: stream(20_000 * n), lambda n: datagrams(200 * n)):
        assert work(2) <= 2.3 * work(1)


@pytest.mark.attack("PY-06")
def test_a_flood_does_not_starve_the_timers(lab: Lab) -> None:
    """The wire never falls silent; a retransmission that is due goes after one batch of frames."""
    flow = lab.handshake(lab.listener())
    flow.socket.send(bytes(10), lab.now)
    lab.run()
    lab.segments()
    noise = Frame(ip_frame(17, bytes(8)))
    seen_at: list[int] = []

    def endless(self: Wire, now: int) -> Frame:
        seen_at.append(len(self.sent))
        return noise

    lab.wire.__class__ = type("Endless", (Wire,), {"recv": endless})
    assert pump(lab.target, lab.now + 100 * MS) == lab.now + 100 * MS, "there is more to do"
    seen_at.clear()
    assert lab.segments() == []
    pump(lab.target, lab.now + 3 * SECOND)
    first_answer = next(place for place, sent in enumerate(seen_at) if sent)
    assert first_answer <= BATCH
    assert flow.tcb.total_retrans == 1
    lab.check()


SCRIPT = """
import json, sys
sys.path.insert(0, {root!r})
from random import Random
from tests.fuzz.bed import Bed
from tests.fuzz.test_mutated_frames import storm
from tests.fuzz.record import golden
bed = Bed(Random(11))
storm(bed, golden(), 1_000)
bed.close_everything()
print(json.dumps([sys.flags.optimize, bed.now, len(bed.target.internal_errors), sorted(bed.target.counters.items())]))
"""


@pytest.mark.attack("PY-07")
@pytest.mark.slow
def test_assertions_check_nothing_that_comes_from_the_wire() -> None:
    """The same frames have the same fates under `python -O`, where assert statements are gone."""
    reports = []
    for options in ([], ["-O"]):
        code = SCRIPT.format(root=str(ROOT))
        done = subprocess.run(
            [sys.executable, *options, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
        )
        reports.append(json.loads(done.stdout))
    with_assertions, without = reports
    assert [with_assertions[0], without[0]] == [0, 1]
    assert with_assertions[1:] == without[1:]
    assert with_assertions[2] == 0
    assert dict(map(tuple, without[3])).get(DropReason.INTERNAL_ERROR, 0) == 0
