"""One machine with one Ethernet interface, 10.0.0.1/24, whose wire is in the test's hands."""

from collections import deque
from random import Random
from typing import Any

import pytest

from netarium.base.checksum import pseudo_sum, sum16
from netarium.base.config import MachineConfig
from netarium.host.machine import Machine
from netarium.host.pump import pump
from netarium.link.device import Medium, Offload
from netarium.link.frame import Frame
from netarium.wire.arp import ArpMessage
from netarium.wire.ethernet import EthernetHeader
from netarium.wire.ethernet import pack as ethernet
from netarium.wire.ipv4 import Ipv4Header, pack_header

MAC = b"\x02\0\0\0\0\1"
PEER_MAC = b"\x02\0\0\0\0\2"
US, PEER = b"\x0a\0\0\1", b"\x0a\0\0\2"


class Wire:
    name, mac, mtu, medium, offload, up = "eth0", MAC, 1_500, Medium.ETHERNET, Offload(), True

    def __init__(self) -> None:
        self.incoming: deque[Frame] = deque()
        self.sent: list[bytes] = []

    def recv(self, now: int) -> Frame | None:
        return self.incoming.popleft() if self.incoming else None

    def can_send(self) -> bool:
        return True

    def send(self, frame: Frame, now: int) -> None:
        self.sent.append(frame.octets())

    def join(self, mac: bytes) -> None: ...

    def leave(self, mac: bytes) -> None: ...


class Bench:
    """The machine, its wire, and a clock that only moves when told."""

    def __init__(self, config: MachineConfig) -> None:
        self.now = 1_000_000_000
        self.machine = Machine("m", config=config, random=Random(3))
        self.wire = Wire()
        self.interface = self.machine.add_device(self.wire, self.now)
        self.machine.ip.add_address(self.interface, US, 24, self.now)
        self.run()
        self.wire.sent.clear()

    def run(self) -> None:
        pump(self.machine, self.now)

    def inject(self, octets: bytes) -> None:
        self.wire.incoming.append(Frame(octets))
        self.run()

    def packet(
        self,
        payload: bytes,
        protocol: int = 17,
        src: bytes = PEER,
        dst: bytes = US,
        mac: bytes = MAC,
        **more: Any,
    ) -> bytes:
        ttl, tos = more.get("ttl", 64), more.get("tos", 0)
        header = pack_header(src, dst, protocol, 20 + len(payload), ttl, tos, 1, 0, b"")
        return ethernet(mac, PEER_MAC, 0x0800) + header + payload

    def datagram(
        self, payload: bytes = b"hello", sport: int = 5_000, dport: int = 7_000, **more: Any
    ) -> bytes:
        """A frame with a UDP datagram; `length` and `checksum` may be given."""
        src, dst = more.get("src", PEER), more.get("dst", US)
        length = more.pop("length", 8 + len(payload))
        head = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + length.to_bytes(2, "big")
        total = sum16(head + b"\0\0" + payload, pseudo_sum(src, dst, 17, 8 + len(payload)))
        checksum = more.pop("checksum", ~total & 0xFFFF or 0xFFFF)
        return self.packet(head + checksum.to_bytes(2, "big") + payload, **more)

    def sent(self) -> list[tuple[Ipv4Header, bytes]]:
        """IPv4 packets that went out since the last look; ARP requests for the peer are answered on the way."""
        packets: list[tuple[Ipv4Header, bytes]] = []
        while self.wire.sent:
            octets = self.wire.sent.pop(0)
            frame = EthernetHeader.parse(octets)
            if frame.ethertype == 0x0806:
                request = ArpMessage.parse(octets[14:])
                if request.tpa == PEER and request.oper == 1:
                    reply = ArpMessage(2, PEER_MAC, PEER, MAC, US).pack()
                    self.inject(ethernet(MAC, PEER_MAC, 0x0806) + reply)
                continue
            header = Ipv4Header.parse(octets[14:])
            packets.append((header, octets[14 + header.header_length : 14 + header.total_length]))
        return packets


@pytest.fixture
def bench() -> Bench:
    return Bench(MachineConfig())
