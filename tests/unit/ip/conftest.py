"""A small bench for the Internet layer: nodes on links without delay, a clock that jumps, frames that can be made."""

import random

import pytest

from netarium.base.addr import parse_interface, parse_ip
from netarium.base.config import IpConfig, MachineConfig, NeighborConfig
from netarium.base.counters import Counters
from netarium.base.errors import Accepted
from netarium.ip.layer import IpLayer
from netarium.link.device import Medium, Offload
from netarium.link.frame import Frame
from netarium.link.loopback import Loopback
from netarium.wire import ethernet
from netarium.wire.arp import ArpMessage
from netarium.wire.ipv4 import Ipv4Header, pack_header

MS = 1_000_000
SECOND = 1_000_000_000
NO_OFFLOAD = Offload()


class Nic:
    """A device that keeps what it was given."""

    def __init__(self, name, mac, mtu=1500, medium=Medium.ETHERNET, offload=NO_OFFLOAD):
        self.name, self.mac, self.mtu, self.medium, self.offload = name, mac, mtu, medium, offload
        self.up = True
        self.joined = []

    def recv(self, now):
        return None

    def can_send(self):
        return True

    def send(self, frame, now):
        raise AssertionError("the bench takes frames from the interface")

    def join(self, mac):
        self.joined.append(mac)

    def leave(self, mac):
        self.joined.remove(mac)


class Upper:
    """A transport that keeps what it was given."""

    def __init__(self, matches=True):
        self.packets, self.errors, self.matches = [], [], matches

    def receive(self, packet, now):
        self.packets.append(packet)
        return Accepted.LOCAL

    def on_icmp_error(self, error, now):
        self.errors.append(error)
        return self.matches

    def payloads(self):
        return [bytes(packet.head) + bytes(packet.body) for packet in self.packets]


class Node:
    """One IP layer with its fates counted."""

    def __init__(self, bench, name, config, trace=None):
        self.bench, self.name = bench, name
        self.counters = Counters()
        self.ip = IpLayer(name, config, random.Random(name), self.counters, trace)
        self.loopback = Loopback()
        self.ip.add_interface(self.loopback, 0)
        self.udp = self.ip.transports[17] = Upper()
        self.tcp = self.ip.transports[6] = Upper()

    def plug(self, link, address=None, **how):
        number = len(self.bench.nics) + 1
        nic = Nic(f"eth{len(self.ip.interfaces) - 1}", bytes([2, 0, 0, 0, 0, number]), **how)
        self.bench.nics.append(nic)
        self.bench.links.setdefault(link, []).append((self, nic))
        interface = self.ip.add_interface(nic, self.bench.now)
        if address is not None:
            self.ip.add_address(interface, *parse_interface(address), self.bench.now)
        return interface

    @property
    def nic(self):
        return self.ip.interfaces[1].device

    @property
    def eth(self):
        return self.ip.interfaces[1]

    def receive(self, device, frame):
        fate = self.ip.receive(device, frame, self.bench.now)
        self.counters[fate] += 1
        return fate

    def hear(self, octets, cut=None, **how):
        """Give the first adapter a frame of these octets; return its fate."""
        frame = Frame(octets, **how) if cut is None else Frame(octets[:cut], octets[cut:], **how)
        return self.receive(self.nic, frame)

    def sent(self, interface=None):
        """What waits to go out on the first adapter, as octets; taken away."""
        out = (interface or self.eth).out
        frames = [frame.octets() for frame in out]
        out.clear()
        return frames

    def send(self, dst, payload=b"hello", protocol=17, **how):
        path = self.ip.find_path(parse_ip(dst) if isinstance(dst, str) else dst, self.bench.now)
        self.ip.send(path, protocol, payload, b"", self.bench.now, **how)
        return path


class Bench:
    """Nodes, links, time."""

    def __init__(self):
        self.now = 0
        self.nodes, self.nics, self.links = [], [], {}
        self.log = []  # (now, link, octets) of everything that was on a link

    def node(self, name, link="lan", address=None, *, ip=None, neighbor=None, trace=None, **how):
        config = MachineConfig(ip=ip or IpConfig(), neighbor=neighbor or NeighborConfig())
        node = Node(self, name, config, trace)
        self.nodes.append(node)
        if address is not None:
            node.plug(link, address, **how)
        return node

    def settle(self):
        """Carry frames until there are none, at this instant."""
        moved = True
        while moved:
            moved = False
            for node in self.nodes:
                while node.ip.loopback.out:
                    moved = True
                    node.receive(node.loopback, node.ip.loopback.out.popleft())
            for link, ends in self.links.items():
                for node, nic in ends:
                    interface = node.ip.interface_of(nic)
                    while interface.out:
                        moved = True
                        self._carry(link, ends, nic, interface.out.popleft())

    def _carry(self, link, ends, sender, frame):
        self.log.append((self.now, link, frame.octets()))
        for node, nic in ends:
            if nic is not sender and nic.up:
                copy = Frame(
                    frame.head, frame.body, frame.gso_size, frame.csum_start, frame.csum_offset, frame.checked
                )
                node.receive(nic, copy)

    def run(self, until):
        """Let time pass, deadline by deadline."""
        self.settle()
        while True:
            due = [at for node in self.nodes if (at := node.ip.next_deadline()) is not None]
            if not due or min(due) > until:
                break
            self.now = max(self.now, min(due))
            for node in self.nodes:
                node.ip.on_deadline(self.now)
            self.settle()
        self.now = until

    def arps(self):
        """All ARP messages so far: (now, message, dst MAC)."""
        return [
            (now, ArpMessage.parse(octets[14:]), octets[:6])
            for now, _, octets in self.log
            if octets[12:14] == b"\x08\x06"
        ]

    def ips(self):
        """All IPv4 packets so far on Ethernet: (now, header, payload)."""
        found = []
        for now, _, octets in self.log:
            if octets[12:14] == b"\x08\x00":
                header = Ipv4Header.parse(octets[14:])
                found.append((now, header, octets[14 + header.header_length : 14 + header.total_length]))
        return found


def make_packet(
    src, dst, payload=b"data", *, protocol=17, ttl=64, tos=0, ident=1, flags_offset=0, options=b""
):
    """An IPv4 packet."""
    src, dst = (parse_ip(a) if isinstance(a, str) else a for a in (src, dst))
    total = 20 + len(options) + len(payload)
    return pack_header(src, dst, protocol, total, ttl, tos, ident, flags_offset, options) + payload


def make_frame(dst_mac, src_mac, packet, ethertype=0x0800):
    """An Ethernet frame."""
    return ethernet.pack(dst_mac, src_mac, ethertype) + packet


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def packet():
    return make_packet


@pytest.fixture
def upper():
    """A transport to be entered in `ip.transports`."""
    return Upper


@pytest.fixture
def frame():
    return make_frame


STRANGER = bytes.fromhex("02aaaaaaaaaa")


@pytest.fixture
def stranger():
    """The MAC address of somebody who is on the link and not one of the nodes."""
    return STRANGER


@pytest.fixture
def host(bench):
    """One node at 10.0.0.1/24 whose announcement is over, and a way to send it packets from strangers."""
    node = bench.node("host", "lan", "10.0.0.1/24")
    node.sent()
    node.mac = node.nic.mac

    def feed(pkt, *, dst=None, src=STRANGER, cut=None, **how):
        return node.hear(make_frame(dst or node.mac, src, pkt), cut, **how)

    node.feed = feed
    return node


@pytest.fixture
def pair(bench):
    """Two nodes on one link, announcements over."""
    a = bench.node("a", "lan", "10.0.0.1/24")
    b = bench.node("b", "lan", "10.0.0.2/24")
    bench.settle()
    bench.log.clear()
    return a, b
