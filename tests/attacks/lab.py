"""The attacker's laboratory: a machine on a wire on which anything can be put, perhaps with an honest peer beside it.

Time is virtual, the wire takes none; every octet that the machine sends is kept for the judge.
"""

import sys
from collections import deque
from collections.abc import Callable
from random import Random
from types import FrameType

from netarium.base.addr import parse_ip
from netarium.base.checksum import checksum, pseudo_sum
from netarium.base.config import MachineConfig
from netarium.base.errors import Accepted, DropReason
from netarium.base.trace import Trace
from netarium.base.units import SECOND
from netarium.host.machine import Machine
from netarium.host.pump import pump
from netarium.link.device import Medium, Offload
from netarium.link.frame import Frame
from netarium.link.gso import finished
from netarium.transport.tcp.connection import Connection
from netarium.wire import ethernet
from netarium.wire.ipv4 import Ipv4Header
from netarium.wire.tcp import ACK, SYN, TcpSegment, pack_header
from netarium.wire.tcp_options import pack_options
from netarium.wire.udp import UdpHeader

TARGET, PEER, PHANTOM = parse_ip("10.0.0.1"), parse_ip("10.0.0.2"), parse_ip("10.0.0.66")
TARGET_MAC, PEER_MAC, PHANTOM_MAC = (b"\x02\0\0\0\0" + bytes([last]) for last in (1, 2, 0x66))
FATES = [*Accepted, *DropReason]
M32 = 0xFFFF_FFFF


class Wire:
    """An Ethernet device on a hub without delay."""

    name = "eth0"
    medium = Medium.ETHERNET
    offload = Offload()
    up = True

    def __init__(self, mac: bytes, hub: "list[Wire]", mtu: int) -> None:
        self.mac = mac
        self.mtu = mtu
        self.inbox: deque[Frame] = deque()
        self.sent: deque[bytes] = deque(maxlen=20_000)
        self._hub = hub
        hub.append(self)

    def recv(self, now: int) -> Frame | None:
        return self.inbox.popleft() if self.inbox else None

    def can_send(self) -> bool:
        return True

    def send(self, frame: Frame, now: int) -> None:
        octets = finished(frame).octets()
        self.sent.append(octets)
        for other in self._hub:
            if other is not self:
                other.inbox.append(Frame(octets))

    def join(self, mac: bytes) -> None: ...

    def leave(self, mac: bytes) -> None: ...


class Watched(Machine):
    """A machine that counts what comes in, to be compared with the fates."""

    frames_in = 0

    def receive(self, device: object, frame: Frame, now: int) -> None:
        self.frames_in += 1
        super().receive(device, frame, now)

    @property
    def fates(self) -> int:
        return sum(self.counters[fate] for fate in FATES)


class Lab:
    """The target at 10.0.0.1; an honest machine at 10.0.0.2 if `peer`; at 10.0.0.66 nobody, and nobody resets."""

    def __init__(
        self,
        config: MachineConfig | None = None,
        *,
        seed: int = 7,
        mtu: int = 1_500,
        peer: bool = False,
        trace: Trace | None = None,
    ) -> None:
        self.now = SECOND
        hub: list[Wire] = []
        self.wire = Wire(TARGET_MAC, hub, mtu)
        self.target = Watched("target", config=config, random=Random(seed), trace=trace)
        self._plug(self.target, self.wire, TARGET)
        self.peer_wire = self.peer = None
        if peer:
            self.peer_wire = Wire(PEER_MAC, hub, mtu)
            self.peer = Watched("peer", random=Random(seed + 1))
            self._plug(self.peer, self.peer_wire, PEER)
        else:
            self.know(PEER, PEER_MAC)
        self.know(PHANTOM, PHANTOM_MAC)
        self.run()
        self.wire.sent.clear()

    def _plug(self, machine: Machine, wire: Wire, address: bytes) -> None:
        machine.ip.add_address(machine.add_device(wire, self.now), address, 24, self.now)

    def know(self, address: bytes, mac: bytes) -> None:
        """Enter a neighbour by hand: what is attacked here is not ARP."""
        interface = self.target.ip.interface_of(self.wire)
        self.target.ip.neighbors.set_permanent(interface, address, mac, self.now)

    # --- time ----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Let everything happen that happens now; two machines that talk for ever are caught."""
        for _ in range(5_000):
            for machine in (self.target, self.peer):
                if machine is not None:
                    pump(machine, self.now)
            if not self.wire.inbox and (self.peer_wire is None or not self.peer_wire.inbox):
                return
        raise AssertionError("a storm: the two machines do not stop talking")

    def next_deadline(self) -> int | None:
        machines = [machine for machine in (self.target, self.peer) if machine is not None]
        return min((at for machine in machines if (at := machine.next_deadline()) is not None), default=None)

    def advance(self, ns: int) -> None:
        """Let time pass; timers run at their instants."""
        end = self.now + ns
        while (at := self.next_deadline()) is not None and at <= end:
            self.now = max(self.now, at)
            self.run()
        self.now = end
        self.run()

    def run_out(self, most: int = 100_000) -> None:
        """Let time pass until no timer runs any more."""
        self.run()
        for _ in range(most):
            at = self.next_deadline()
            if at is None:
                return
            self.now = max(self.now, at)
            self.run()
        raise AssertionError("a timer never ends")

    # --- putting things on the wire --------------------------------------------------------------------------

    def inject(self, frame: bytes | Frame) -> None:
        """A frame arrives at the target."""
        self.wire.inbox.append(frame if isinstance(frame, Frame) else Frame(frame))
        self.run()

    def tcp(self, flags: int, ports: tuple[int, int], *, src: bytes = PHANTOM, **fields: object) -> None:
        """A segment arrives."""
        self.inject(ip_frame(6, segment(flags, ports, src=src, **fields), src=src))

    def udp(self, data: bytes, ports: tuple[int, int], *, src: bytes = PHANTOM) -> None:
        """A datagram arrives."""
        self.inject(ip_frame(17, datagram(data, ports, src=src), src=src))

    # --- what the target said --------------------------------------------------------------------------------

    def heard(self) -> list[Ipv4Header]:
        """The headers of the IP packets that the target has sent since the last time; the payload is `options`."""
        found = []
        while self.wire.sent:
            octets = self.wire.sent.popleft()
            if octets[12:14] == b"\x08\x00":
                header = Ipv4Header.parse(octets[14:])
                header.options = octets[14 + header.header_length : 14 + header.total_length]
                found.append(header)
        return found

    def segments(self) -> list[TcpSegment]:
        """Likewise the TCP segments."""
        return [TcpSegment.parse(header.options) for header in self.heard() if header.protocol == 6]

    # --- sockets of the target -------------------------------------------------------------------------------

    def listener(self, port: int = 80, backlog: int = 16) -> Connection:
        socket = self.target.tcp.open(4, self.now)
        socket.options.reuseaddr = True
        socket.bind(bytes(4), port)
        socket.listen(backlog, self.now)
        return socket

    def handshake(
        self,
        listener: Connection,
        port: int = 40_000,
        irs: int = 1_000,
        window: int = 65_535,
        **options: object,
    ) -> "Flow":
        """The phantom opens a connection to a listener, which is accepted."""
        ports = (port, listener.local[1])
        self.segments()
        self.tcp(SYN, ports, seq=irs, **{"mss": 1_460, **options})
        iss = self.segments()[-1].seq
        stamp = {"ts": options["ts"]} if "ts" in options else {}
        self.tcp(ACK, ports, seq=irs + 1, ack=iss + 1, window=window, **stamp)
        socket = listener.accept(self.now)
        if socket is None:
            raise LookupError("nothing to accept")
        return Flow(self, socket, ports)

    def check(self) -> None:
        """Alive, and every frame accounted for."""
        for machine in (self.target, self.peer):
            if machine is not None:
                assert not machine.internal_errors, machine.internal_errors[-1]
                assert machine.fates == machine.frames_in


class Flow:
    """A connection between the target and the phantom, with numbers relative to what was exchanged."""

    def __init__(self, lab: Lab, socket: Connection, ports: tuple[int, int]) -> None:
        self.lab, self.socket, self.ports = lab, socket, ports
        self.tcb = socket.tcb

    def inject(self, flags: int = ACK, *, ahead: int = 0, ack: int = 0, **fields: object) -> None:
        """A segment `ahead` octets from RCV.NXT that acknowledges `ack` octets from SND.NXT."""
        tcb = self.tcb
        self.lab.tcp(flags, self.ports, seq=tcb.rcv_nxt + ahead, ack=tcb.snd_nxt + ack, **fields)


def lines_run(action: Callable[[], object]) -> int:
    """How many lines of Python an action runs: a measure of work that no other process disturbs."""
    count = 0

    def local(frame: FrameType, event: str, argument: object) -> object:
        nonlocal count
        count += event == "line"
        return local

    before = sys.gettrace()
    sys.settrace(local)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


def segment(
    flags: int, ports: tuple[int, int], *, src: bytes = PHANTOM, dst: bytes = TARGET, seq: int = 0, ack: int = 0,
    data: bytes = b"", window: int = 65_535, urgent: int = 0, raw_options: bytes = b"", **options: object,
) -> bytes:  # fmt: skip
    """A TCP segment with a right checksum."""
    octets = raw_options + pack_options(**options)
    numbers = (*ports, seq & M32, ack & M32, flags, window, urgent, octets)
    pseudo = pseudo_sum(src, dst, 6, 20 + len(octets) + len(data))
    return pack_header(*numbers, checksum(pack_header(*numbers) + data, pseudo)) + data


def datagram(data: bytes, ports: tuple[int, int], *, src: bytes = PHANTOM, dst: bytes = TARGET) -> bytes:
    """A UDP datagram with a right checksum."""
    length = 8 + len(data)
    blank = UdpHeader(*ports, length, 0).pack() + data
    return (
        UdpHeader(*ports, length, checksum(blank, pseudo_sum(src, dst, 17, length)) or 0xFFFF).pack() + data
    )


def ip_packet(
    protocol: int, payload: bytes, *, src: bytes = PHANTOM, dst: bytes = TARGET, ttl: int = 64,
    identification: int = 1, offset: int = 0, more: bool = False, options: bytes = b"",
) -> bytes:  # fmt: skip
    """An IPv4 packet with a right checksum."""
    length = 20 + len(options)
    header = Ipv4Header(
        src=src, dst=dst, protocol=protocol, ttl=ttl, tos=0, identification=identification, dont_fragment=False,
        more_fragments=more, fragment_offset=offset, total_length=length + len(payload), header_length=length,
        options=options,
    )  # fmt: skip
    return header.pack() + payload


def ip_frame(protocol: int, payload: bytes, *, mac: bytes = PHANTOM_MAC, **fields: object) -> bytes:
    """The same in a frame to the target."""
    return ethernet.pack(TARGET_MAC, mac, 0x0800) + ip_packet(protocol, payload, **fields)
