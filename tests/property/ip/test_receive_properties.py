"""Whatever comes in: a fate, no exception, nothing without bounds."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from netarium.base.addr import parse_ip
from netarium.base.config import IpConfig, MachineConfig
from netarium.base.counters import Counters
from netarium.base.errors import Accepted, DropReason
from netarium.ip.layer import IpLayer
from netarium.link.device import Medium, Offload
from netarium.link.frame import Frame
from netarium.link.loopback import Loopback
from netarium.wire.icmpv4 import IcmpMessage
from netarium.wire.igmp import IgmpMessage
from netarium.wire.ipv4 import pack_header

MAC = b"\x02\x00\x00\x00\x00\x01"
PEER = b"\x02\x00\x00\x00\x00\x02"


class Nic:
    name, mac, mtu, medium, offload, up = "eth0", MAC, 1500, Medium.ETHERNET, Offload(), True

    def join(self, mac):
        pass

    def leave(self, mac):
        pass


def make(*, forwarding=False):
    ip = IpLayer("n", MachineConfig(ip=IpConfig(forwarding=forwarding)), random.Random(1), Counters(), None)
    ip.add_interface(Loopback(), 0)
    nic = Nic()
    interface = ip.add_interface(nic, 0)
    ip.add_address(interface, parse_ip("10.0.0.1"), 24, 0)
    return ip, nic


def addresses():
    return st.sampled_from(
        [
            parse_ip(text)
            for text in ("10.0.0.1", "10.0.0.2", "10.0.0.255", "224.0.0.1", "127.0.0.1", "192.0.2.1")
        ]
    ) | st.binary(min_size=4, max_size=4)


@st.composite
def packets(draw):
    """Packets whose header checks are all right, so that what lies behind them is reached."""
    src, dst = draw(addresses()), draw(addresses())
    protocol = draw(st.sampled_from([1, 2, 4, 6, 17, 255]))
    payload = draw(st.binary(max_size=100))
    if protocol == 1 and draw(st.booleans()):
        inner = pack_header(dst, src, draw(st.sampled_from([1, 6, 17])), 20 + len(payload)) + payload
        payload = IcmpMessage(
            draw(st.integers(0, 20)), draw(st.integers(0, 20)), draw(st.integers(0, 2**32 - 1)), inner
        ).pack()
    elif protocol == 2 and draw(st.booleans()):
        kind = draw(st.sampled_from([0x11, 0x12, 0x16, 0x17, 0x22]))
        payload = IgmpMessage(kind, draw(addresses()), draw(st.integers(0, 255))).pack()
    options = draw(st.just(b"") | st.binary(min_size=4, max_size=40).map(lambda o: o[: len(o) & ~3]))
    header = pack_header(
        src, dst, protocol, 20 + len(options) + len(payload), draw(st.integers(0, 255)), draw(st.integers(0, 255)),
        draw(st.integers(0, 65_535)), draw(st.sampled_from([0, 0, 0x4000, 0x2000, 0x2001, 1, 0x1FFF, 0x3FFF])), options,
    )  # fmt: skip
    return header + payload


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([MAC, b"\xff" * 6, b"\x01\x00\x5e\0\0\x01"]), packets(), st.integers(0, 5)),
        max_size=8,
    ),
    st.booleans(),
)
def test_any_packets(items, forwarding):
    ip, nic = make(forwarding=forwarding)
    now = 0
    for dst, packet, padding in items:
        octets = dst + PEER + b"\x08\x00" + packet + bytes(padding)
        fate = ip.receive(nic, Frame(octets), now)
        assert isinstance(fate, Accepted | DropReason)
        now += 10**9
        ip.on_deadline(now)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120), st.sampled_from([b"\x08\x00", b"\x08\x06", b"\x81\x00", b"\x00\x30", b""]))
def test_any_octets(octets, ethertype):
    ip, nic = make()
    data = MAC + PEER + ethertype + octets if ethertype else octets
    assert isinstance(ip.receive(nic, Frame(data), 0), Accepted | DropReason)
    cut = min(14, len(data))
    assert isinstance(ip.receive(nic, Frame(data[:cut], data[cut:]), 0), Accepted | DropReason)
