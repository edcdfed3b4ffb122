"""A machine under test and a scripted peer: inject, expect, advance. Reads like a figure of an RFC.

Nothing is mocked: the segments go through a real `Machine`, Ethernet, ARP and IP; only the peer is this script. The
machine's own initial sequence number is shifted to the number that the script names.
"""

from dataclasses import replace
from random import Random

import pytest

from netarium.base.addr import parse_ip
from netarium.base.config import MachineConfig
from netarium.base.trace import Trace
from netarium.base.units import MS
from netarium.host.machine import Machine
from netarium.host.pump import pump
from netarium.link.device import Medium, Offload
from netarium.link.frame import Frame
from netarium.link.gso import finished
from netarium.transport.tcp.connection import Connection
from netarium.transport.tcp.state import State
from netarium.wire import ethernet
from netarium.wire.arp import ArpMessage
from netarium.wire.ipv4 import Ipv4Header
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN, TcpSegment, flag_names, pack_header, verify
from netarium.wire.tcp_options import pack_options

US, PEER = parse_ip("10.0.0.1"), parse_ip("10.0.0.2")
OUR_MAC, PEER_MAC = b"\x02\x00\x00\x00\x00\x01", b"\x02\x00\x00\x00\x00\x02"
M32 = 0xFFFF_FFFF


class Wire:
    """The machine's only device: two lists."""

    name = "eth0"
    mac = OUR_MAC
    medium = Medium.ETHERNET
    offload = Offload()
    up = True

    def __init__(self, mtu: int) -> None:
        self.mtu = mtu
        self.to_machine: list[Frame] = []
        self.from_machine: list[bytes] = []
        self.segments = self.resets = 0  # that the machine sent

    def recv(self, now: int) -> Frame | None:
        return self.to_machine.pop(0) if self.to_machine else None

    def can_send(self) -> bool:
        return True

    def send(self, frame: Frame, now: int) -> None:
        octets = finished(frame).octets()
        self.from_machine.append(octets)
        if octets[12:14] == b"\x08\0" and octets[23] == 6:
            ip = Ipv4Header.parse(octets[14:])
            head = 14 + ip.header_length
            size = ip.total_length - ip.header_length - (octets[head + 12] >> 4) * 4
            self.segments += -(-size // frame.gso_size) if frame.gso_size else 1
            self.resets += octets[head + 13] & RST > 0

    def join(self, mac: bytes) -> None: ...

    def leave(self, mac: bytes) -> None: ...


class Script:
    """One connection of one machine, and the peer that the test plays."""

    def __init__(
        self, config: MachineConfig | None = None, mtu: int = 1_500, trace: Trace | None = None
    ) -> None:
        self.now = 1_000_000_000
        self.machine = Machine("us", config=config or MachineConfig(), random=Random(7), trace=trace)
        self.wire = Wire(mtu)
        self.injected = 0
        self.audited = True  # False: segments go where nobody counts them, or connections vanish
        interface = self.machine.add_device(self.wire, self.now)
        self.machine.ip.add_address(interface, US, 24, self.now)
        self.socket: Connection = self.machine.tcp.open(4, self.now)
        self.listening: Connection | None = None
        self.iss = 0  # as the script counts
        self._shift = 0  # what the machine's numbers have more
        self.our_port, self.peer_port = 0, 80
        self.seen: list[TcpSegment] = []
        self._pump()
        self._flush_arp()

    # --- playing the peer ----------------------------------------------------------------------------------

    def inject(
        self, flags: int, *, seq: int, ack: int = 0, data: bytes = b"", window: int = 65_535, urgent: int = 0,
        ports: tuple[int, int] | None = None, raw_ack: bool = False, **options: object,
    ) -> None:  # fmt: skip
        """Let a segment arrive."""
        source, destination = ports or (self.peer_port, self.our_port)
        if flags & ACK and not raw_ack:
            ack += self._shift
        shifted = [((a + self._shift) & M32, (b + self._shift) & M32) for a, b in options.pop("sack", ())]
        octets = pack_options(sack=shifted, **options)
        length = 20 + len(octets) + len(data)
        pseudo = (int.from_bytes(PEER + US, "big") + 6 + length) % 0xFFFF
        blank = pack_header(source, destination, seq & M32, ack & M32, flags, window, urgent, octets, 0)
        from netarium.base.checksum import checksum

        head = pack_header(
            source,
            destination,
            seq & M32,
            ack & M32,
            flags,
            window,
            urgent,
            octets,
            checksum(blank + data, pseudo),
        )
        self.inject_ip(6, head + data)

    def inject_ip(self, protocol: int, payload: bytes) -> None:
        """Let any IP packet arrive."""
        self.injected += protocol == 6
        ip = Ipv4Header(
            src=PEER, dst=US, protocol=protocol, ttl=64, tos=0, identification=1, dont_fragment=True,
            more_fragments=False, fragment_offset=0, total_length=20 + len(payload), header_length=20, options=b"",
        )  # fmt: skip
        head = ethernet.pack(OUR_MAC, PEER_MAC, 0x0800) + ip.pack()
        self.wire.to_machine.append(Frame(head + payload))
        self._pump()

    def expect(
        self, flags: int, *, seq: int | None = None, ack: int | None = None, length: int | None = None,
        data: bytes | None = None, window: int | None = None,
    ) -> TcpSegment:  # fmt: skip
        """The next segment that the machine sent is this one.

        Whether text carries PSH is looked at only if `flags` have it: `test_boundaries` looks at the others.
        """
        self._collect()
        assert self.seen, f"expected {flag_names(flags)}, but nothing was sent"
        seg = self.seen.pop(0)
        told = f"{flag_names(seg.flags)} seq={self._ours(seg.seq)} ack={seg.ack} len={len(seg.payload)}"
        seen = seg.flags if flags & PSH or not len(seg.payload) else seg.flags & ~PSH
        assert seen == flags, f"expected {flag_names(flags)}, got {told}"
        if seq is not None:
            assert self._ours(seg.seq) == seq & M32, f"expected seq {seq}, got {told}"
        if ack is not None:
            assert seg.ack == ack & M32, f"expected ack {ack}, got {told}"
        if length is not None:
            assert len(seg.payload) == length, f"expected {length} octets, got {told}"
        if data is not None:
            assert bytes(seg.payload) == data
        if window is not None:
            assert seg.window == window, f"expected window {window}, got {seg.window}"
        return seg

    def expect_nothing(self) -> None:
        """The machine sent nothing (more)."""
        self._collect()
        assert not self.seen, f"unexpected {[flag_names(s.flags) for s in self.seen]}"

    def advance(self, ns: int) -> None:
        """Let time pass; the machine's timers run at their instants."""
        end = self.now + ns
        while (at := self.machine.next_deadline()) is not None and at <= end:
            self.now = max(self.now, at)
            self._pump()
        self.now = end
        self._pump()

    # --- playing the application ---------------------------------------------------------------------------

    def connect(self, iss: int = 100) -> TcpSegment:
        """connect(); the SYN is taken off and returned."""
        self.socket.connect(PEER, self.peer_port, self.now)
        self.our_port = self.socket.local[1]
        self._learn(iss)
        self._pump()
        return self.expect(SYN, seq=iss)

    def established(self, iss: int = 100, irs: int = 300, window: int = 65_535, **options: object) -> None:
        """connect() and a handshake; both sides are at their first octet: iss + 1, irs + 1."""
        options.setdefault("mss", 1_000)
        self.connect(iss)
        self.inject(SYN | ACK, seq=irs, ack=iss + 1, window=window, **options)
        self.expect(ACK, seq=iss + 1, ack=irs + 1)
        assert self.state is State.ESTABLISHED

    def listen(self, backlog: int = 5) -> None:
        """listen() on port 80; `accepted()` gives what comes."""
        self.socket.bind(US, 80)
        self.socket.listen(backlog, self.now)
        self.listening = self.socket
        self.our_port, self.peer_port = 80, 40_000

    def passive(self, iss: int = 100, irs: int = 300, window: int = 65_535, **options: object) -> None:
        """listen(), a handshake from the peer, accept()."""
        options.setdefault("mss", 1_000)
        self.listen()
        self.inject(SYN, seq=irs, **options)
        self.learn_from_syn_ack(iss)
        self.inject(ACK, seq=irs + 1, ack=iss + 1, window=window)
        connection = self.socket.accept(self.now)
        assert connection is not None
        self.socket = connection

    def learn_from_syn_ack(self, iss: int = 100) -> TcpSegment:
        """Take the SYN,ACK off; its number is `iss` from now on."""
        self._collect()
        seg = self.seen.pop(0)
        assert seg.flags == SYN | ACK, flag_names(seg.flags)
        self.iss, self._shift = iss, seg.seq - iss
        return seg

    def send(self, data: bytes) -> int:
        taken = self.socket.send(data, self.now)
        self._pump()
        return taken

    def recv(self, limit: int = 1 << 20) -> bytes | None:
        taken = self.socket.recv(limit, self.now)
        self._pump()
        return taken

    def close(self) -> None:
        self.socket.close(self.now)
        self._pump()

    def shutdown(self, how: int = 1) -> None:
        self.socket.shutdown(how, self.now)
        self._pump()

    def option(self, **values: object) -> None:
        for name, value in values.items():
            setattr(self.socket.options, name, value)
        self.socket.options_changed(self.now)
        self._pump()

    @property
    def state(self) -> State:
        """RFC 9293's state, TIME-WAIT included although only a record is left."""
        flow = self.machine.tcp.flows.get(self.socket.key)
        if self.socket.key and getattr(flow, "state_name", "") == "TIME_WAIT":
            return State.TIME_WAIT
        return self.socket.state

    # --- inside --------------------------------------------------------------------------------------------

    def _learn(self, iss: int) -> None:
        self.iss, self._shift = iss, self.socket.tcb.iss - iss

    def _ours(self, wire: int) -> int:
        return (wire - self._shift) & M32

    def _pump(self) -> None:
        pump(self.machine, self.now)
        requests = [octets for octets in self.wire.from_machine if octets[12:14] == b"\x08\x06"]
        if requests:
            self.wire.from_machine = [
                octets for octets in self.wire.from_machine if octets[12:14] != b"\x08\x06"
            ]
            for octets in requests:
                self._answer_arp(octets)
        assert not self.machine.internal_errors, self.machine.internal_errors[-1]
        self._audit()

    def _audit(self) -> None:
        """What `netstat -s` tells is what happened."""
        if not self.audited:
            return
        counters = self.machine.counters
        assert counters["tcp_out_segs"] == self.wire.segments
        assert counters["tcp_out_rsts"] == self.wire.resets
        open_ = sum(c.state in {State.ESTABLISHED, State.CLOSE_WAIT} for c in self.machine.tcp.connections())
        assert counters["tcp_curr_estab"] == open_
        assert counters["tcp_in_segs"] == self.injected

    def _collect(self) -> None:
        """Parse what was sent; answer ARP; check every checksum."""
        while self.wire.from_machine:
            octets = self.wire.from_machine.pop(0)
            ip = Ipv4Header.parse(octets[14:])
            if ip.protocol != 6:
                continue
            segment = octets[14 + ip.header_length : 14 + ip.total_length]
            assert verify(ip.src, ip.dst, segment)
            self.seen.append(TcpSegment.parse(segment))

    def _answer_arp(self, octets: bytes) -> None:
        request = ArpMessage.parse(octets[14:])
        if request.oper == 1 and request.tpa == PEER:
            reply = ArpMessage(oper=2, sha=PEER_MAC, spa=PEER, tha=OUR_MAC, tpa=US)
            self.wire.to_machine.append(Frame(ethernet.pack(OUR_MAC, PEER_MAC, 0x0806) + reply.pack()))
            self._pump()

    def _flush_arp(self) -> None:
        """The peer is known, and stays so: ARP has tests of its own."""
        request = ArpMessage(oper=1, sha=PEER_MAC, spa=PEER, tha=bytes(6), tpa=US)
        self.wire.to_machine.append(Frame(ethernet.pack(b"\xff" * 6, PEER_MAC, 0x0806) + request.pack()))
        self._pump()
        self.wire.from_machine.clear()


@pytest.fixture
def tcp() -> Script:
    """A machine with Linux's defaults but no timestamps, window scale or SACK unless the peer offers them."""
    return Script()


@pytest.fixture
def rfc() -> Script:
    """The same without delayed ACKs: each segment is answered at once."""
    config = MachineConfig()
    return Script(replace(config, tcp=replace(config.tcp, delayed_ack_ns=0)))


def quiet(ms: int) -> int:
    """Milliseconds as ns."""
    return ms * MS


__all__ = ["FIN", "Script"]
