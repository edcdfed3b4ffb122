"""The learning switch."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.link.conftest import Bench, Listener

from netarium.base.units import SECOND
from netarium.link.cable import Cable
from netarium.link.frame import Frame
from netarium.link.rules import Corrupt
from netarium.link.switch import Learned, Switch

BROADCAST = b"\xff" * 6


def mac(number: int) -> bytes:
    return b"\x02" + number.to_bytes(5, "big")


def frame_from(src: bytes, dst: bytes, length: int = 100) -> Frame:
    return Frame(dst + src + b"\x88\xb5", bytes(length - 14))


class Lan:
    """A switch with listeners on all ports."""

    def __init__(self, bench: Bench, listeners: list[Listener], **settings: Any) -> None:
        self.bench = bench
        self.switch = Switch(bench.agenda, len(listeners), name="sw", **settings)
        self.listeners = listeners
        self.cables = []
        for port, listener in zip(self.switch.ports, listeners, strict=True):
            cable = Cable(bench.agenda, random=bench.random)
            cable.plug(listener, port)
            self.cables.append(cable)

    def send(self, station: int, frame: Frame) -> list[int]:
        """Send from a station; who hears it?"""
        before = [len(listener.heard) for listener in self.listeners]
        self.cables[station].ends[0].send(frame, self.bench.now)
        self.bench.run()
        return [i for i, listener in enumerate(self.listeners) if len(listener.heard) > before[i]]


Lans = Callable[..., Lan]


@pytest.fixture
def lan(bench: Bench) -> Lans:
    def make(stations: int = 4, **settings: Any) -> Lan:
        return Lan(bench, [Listener(str(i)) for i in range(stations)], **settings)

    return make


@pytest.mark.rfc("802.1D", "eth-17")
def test_floods_the_unknown_and_forwards_the_known(lan: Lans) -> None:
    net = lan()
    assert net.send(0, frame_from(mac(0), mac(1))) == [1, 2, 3]  # unknown
    assert net.send(1, frame_from(mac(1), mac(0))) == [0]  # learned from the first
    assert net.send(0, frame_from(mac(0), mac(1))) == [1]
    assert net.send(2, frame_from(mac(2), mac(1))) == [1]
    assert net.switch.flooded == 1


@pytest.mark.rfc("802.1D", "eth-17")
@pytest.mark.parametrize("dst", [BROADCAST, b"\x01\x00\x5e\x00\x00\x01", b"\x33\x33\x00\x00\x00\x01"])
def test_groups_go_everywhere_but_back(lan: Lans, dst: bytes) -> None:
    net = lan()
    assert net.send(2, frame_from(mac(2), dst)) == [0, 1, 3]


@pytest.mark.rfc("802.1D", "eth-17")
def test_never_back_out_of_the_ingress_port(lan: Lans) -> None:
    net = lan()
    net.send(0, frame_from(mac(0), BROADCAST))
    assert net.send(0, frame_from(mac(9), mac(0))) == []  # both behind port 0
    assert net.switch.ports[0].statistics.rx_filtered == 1


@pytest.mark.rfc("802.1D", "eth-17")
def test_entries_age(bench: Bench, lan: Lans) -> None:
    net = lan()
    net.send(1, frame_from(mac(1), BROADCAST))
    bench.now += 300 * SECOND - 1
    assert net.send(0, frame_from(mac(0), mac(1))) == [1]
    bench.now += 1
    assert net.send(0, frame_from(mac(0), mac(1))) == [1, 2, 3]
    assert [row.mac for row in net.switch.table(bench.now)] == [mac(0)]


def test_who_talks_does_not_age(bench: Bench, lan: Lans) -> None:
    net = lan()
    for _ in range(5):
        bench.now += 200 * SECOND
        net.send(1, frame_from(mac(1), BROADCAST))
    assert net.send(0, frame_from(mac(0), mac(1))) == [1]


def test_station_that_moves_is_followed(bench: Bench, lan: Lans) -> None:
    net = lan()
    net.send(1, frame_from(mac(1), BROADCAST))
    net.send(3, frame_from(mac(1), BROADCAST))
    assert net.send(0, frame_from(mac(0), mac(1))) == [3]
    assert net.switch.table(bench.now) == [Learned(mac(1), 3, 0), Learned(mac(0), 0, 0)]


@pytest.mark.rfc("802.3", "eth-15")
@pytest.mark.attack("L2-05")
@pytest.mark.parametrize("src", [BROADCAST, b"\x01\x00\x5e\x00\x00\x05", bytes(6)])
def test_group_sources_are_never_learned(bench: Bench, lan: Lans, src: bytes) -> None:
    net = lan()
    assert net.send(0, frame_from(src, BROADCAST)) == []
    assert net.switch.table(bench.now) == []
    assert net.switch.ports[0].statistics.rx_bad_source == 1


@pytest.mark.attack("L2-05")
def test_strangers_cannot_push_out_who_is_known(bench: Bench, lan: Lans) -> None:
    net = lan(table_size=100)
    net.send(1, frame_from(mac(1), BROADCAST))
    for i in range(1_000):
        net.send(0, frame_from(mac(1_000 + i), mac(1)))
    assert len(net.switch.table(bench.now)) == 100
    assert net.switch.learn_failures == 901
    assert net.send(2, frame_from(mac(1_001), mac(1))) == [1]
    bench.now += 300 * SECOND
    net.send(2, frame_from(mac(7), BROADCAST))  # the old ones make room
    assert Learned(mac(7), 2, 0) in net.switch.table(bench.now)


@pytest.mark.parametrize("last", [0, 1, 15])
def test_reserved_addresses_are_not_forwarded(lan: Lans, last: int) -> None:
    """IEEE 802.1D table 7-10: pause frames, spanning tree."""
    net = lan()
    assert net.send(0, frame_from(mac(0), b"\x01\x80\xc2\x00\x00" + bytes([last]))) == []
    assert net.send(0, frame_from(mac(0), b"\x01\x80\xc2\x00\x00\x10")) == [1, 2, 3]


def test_flooded_copies_are_independent(lan: Lans) -> None:
    net = lan()
    net.send(0, frame_from(mac(0), BROADCAST))
    heard = [listener.heard[0][1] for listener in net.listeners[1:]]
    assert len({id(frame) for frame in heard}) == 3
    assert len({frame.octets() for frame in heard}) == 1


@pytest.mark.rfc("802.3", "eth-04")
@pytest.mark.attack("L2-06")
def test_what_is_not_whole_ends_here(bench: Bench, lan: Lans) -> None:
    net = lan(mtu=1_500)
    statistics = net.switch.ports[0].statistics
    assert net.send(0, frame_from(mac(0), BROADCAST, 59)) == []
    assert net.send(0, frame_from(mac(0), BROADCAST, 1_519)) == []
    assert net.send(0, frame_from(mac(0), BROADCAST, 65_549)) == []
    with net.cables[0].add_rule(Corrupt()):
        assert net.send(0, frame_from(mac(0), BROADCAST)) == []
    assert (statistics.rx_runts, statistics.rx_giants, statistics.rx_crc_errors) == (1, 2, 1)
    assert net.switch.table(bench.now) == []
    assert net.send(0, frame_from(mac(0), BROADCAST, 1_518)) == [1, 2, 3]
    assert (statistics.rx_packets, statistics.rx_bytes) == (1, 1_518)
    assert net.switch.ports[1].statistics.tx_packets == 1


def test_latency(bench: Bench, lan: Lans) -> None:
    net = lan(latency=4_000)
    net.cables[0].ends[0].send(frame_from(mac(0), BROADCAST), 0)
    bench.run(until=1_000)
    net.cables[0].ends[0].send(frame_from(mac(0), BROADCAST), 1_000)
    bench.run()
    assert net.listeners[1].times == [4_000, 5_000]


def test_unplugged_port_is_forgotten_and_skipped(bench: Bench, lan: Lans) -> None:
    net = lan()
    net.send(1, frame_from(mac(1), BROADCAST))
    net.cables[1].unplug()
    assert net.switch.table(bench.now) == []
    assert net.send(0, frame_from(mac(0), mac(1))) == [2, 3]
    net.switch.ports[1].send(frame_from(mac(0), mac(1)), bench.now)  # into nowhere


def test_slow_port_queues_and_drops(bench: Bench, lan: Lans) -> None:
    net = lan(2)
    out = net.cables[1].ends[1]
    out.rate, out.limit = 10_000_000, 3
    for _ in range(10):
        net.cables[0].ends[0].send(frame_from(mac(0), BROADCAST), bench.now)
    bench.run()
    assert len(net.listeners[1].heard) == 4
    assert out.drops == 6


def test_ports_can_be_added(lan: Lans) -> None:
    net = lan(2)
    port = net.switch.add_port()
    assert (port.index, port.name, len(net.switch.ports)) == (2, "sw.port3", 3)
    port.line_idle(0)
