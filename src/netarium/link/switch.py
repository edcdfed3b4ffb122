"""A learning switch (IEEE 802.1D §7): it learns who is where from source addresses and forwards accordingly.

Frames to unknown, group and broadcast addresses go to every port but the one that they came from. It stores a frame
before it forwards it, and a frame that is not whole ends here.

Not here: spanning tree, VLAN membership, IGMP snooping. A loop of switches is a storm, as it was in 1985.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

from netarium.base.addr import MAC_ZERO
from netarium.base.units import SECOND
from netarium.link import gso
from netarium.link.adapter import VLAN_TAG
from netarium.link.cable import CableEnd
from netarium.link.device import Agenda
from netarium.link.frame import Frame
from netarium.link.layers import ETHERNET_HEADER
from netarium.signal.fcs import fcs
from netarium.signal.framing import MINIMUM_FRAME

AGEING_NS: Final = 300 * SECOND  # IEEE 802.1D §7.9.2, table 7-5

_REFRESH_NS: Final = SECOND  # an address that is heard often is moved to the end of the table once a second
_RESERVED: Final = b"\x01\x80\xc2\x00\x00"  # with a last octet below 16: never forwarded (table 7-10)


@dataclass(slots=True)
class PortStatistics:
    """Frames and octets, and why frames ended here."""

    rx_packets: int = 0
    rx_bytes: int = 0
    tx_packets: int = 0
    tx_bytes: int = 0
    rx_crc_errors: int = 0
    rx_runts: int = 0
    rx_giants: int = 0
    rx_bad_source: int = 0  # a group, or all zero
    rx_filtered: int = 0  # the destination is where the frame came from, or reserved


class SwitchPort:
    """One socket of a switch; what a cable is plugged into."""

    __slots__ = ("_switch", "end", "index", "name", "statistics")

    def __init__(self, switch: "Switch", index: int, name: str) -> None:
        self._switch = switch
        self.index = index
        self.name = name
        self.end: CableEnd | None = None
        self.statistics = PortStatistics()

    def plugged(self, end: CableEnd | None) -> None:
        """A cable was plugged in or pulled out; who was behind it may be anywhere now."""
        self.end = end
        self._switch.forget(self)

    def receive(self, frame: Frame, now: int) -> None:
        """A frame has arrived."""
        self._switch.receive(self, frame, now)

    def line_idle(self, now: int) -> None:
        """Nothing to do: a switch pushes, and its queue is the cable end's."""

    def send(self, frame: Frame, now: int) -> None:
        """Send out of this port, if there is a cable."""
        if self.end is None:
            return
        self.statistics.tx_packets += gso.pieces(frame) if frame.gso_size else 1
        self.statistics.tx_bytes += len(frame)
        self.end.send(frame, now)


class Learned(NamedTuple):
    """A row of the table: an address is behind a port, and was last heard `age_ns` ago."""

    mac: bytes
    port: int
    age_ns: int


class Switch:
    """A learning switch.

    Args:
        agenda: where deadlines go.
        ports: how many sockets to begin with; `add_port` makes more.
        name: for people and traces.
        mtu: octets of the largest packet that it forwards.
        latency: ns between the last bit in and the first bit out.
        table_size: addresses that it can remember; beyond, it floods (and forgets nobody for a stranger's sake).
    """

    def __init__(
        self,
        agenda: Agenda,
        ports: int = 0,
        *,
        name: str = "switch",
        mtu: int = 9_000,
        latency: int = 0,
        ageing: int = AGEING_NS,
        table_size: int = 4_096,
    ) -> None:
        self.name = name
        self.mtu = mtu
        self.latency = latency
        self.ageing = ageing
        self.table_size = table_size
        self.ports: list[SwitchPort] = []
        self.learn_failures = 0  # the table was full
        self.flooded = 0  # frames to addresses unknown to the table
        self._agenda = agenda
        self._heard: dict[bytes, tuple[SwitchPort, int]] = {}  # the longest unheard first
        self._inside: deque[tuple[int, SwitchPort, Frame]] = deque()  # due, came from, frame
        for _ in range(ports):
            self.add_port()

    def add_port(self) -> SwitchPort:
        """One more socket."""
        index = len(self.ports)
        port = SwitchPort(self, index, f"{self.name}.port{index + 1}")
        self.ports.append(port)
        return port

    def table(self, now: int) -> list[Learned]:
        """Who is where, as far as the switch knows."""
        return [
            Learned(mac, port.index, now - heard_at)
            for mac, (port, heard_at) in self._heard.items()
            if now - heard_at < self.ageing
        ]

    def forget(self, port: SwitchPort) -> None:
        """Drop all addresses behind a port."""
        self._heard = {mac: row for mac, row in self._heard.items() if row[0] is not port}

    def receive(self, port: SwitchPort, frame: Frame, now: int) -> None:
        """A frame has arrived at a port: check, learn, and forward it, now or after the latency."""
        statistics = port.statistics
        if not self._is_whole(frame, statistics):
            return
        statistics.rx_packets += gso.pieces(frame) if frame.gso_size else 1
        statistics.rx_bytes += len(frame)
        src = bytes(frame.head[6:12])
        if src[0] & 1 or src == MAC_ZERO:
            statistics.rx_bad_source += 1  # IEEE 802.3 §3.2.3: a source is never a group
            return
        self._learn(src, port, now)
        if not self.latency:
            self._forward(port, frame, now)
            return
        self._inside.append((now + self.latency, port, frame))
        if len(self._inside) == 1:
            self._agenda.schedule(self, now + self.latency)

    def on_deadline(self, now: int) -> None:
        """Forward what has been inside for the latency."""
        inside = self._inside
        while inside and inside[0][0] <= now:
            _, port, frame = inside.popleft()
            self._forward(port, frame, now)
        if inside:
            self._agenda.schedule(self, inside[0][0])

    def _is_whole(self, frame: Frame, statistics: PortStatistics) -> bool:
        """False, and counted, for a runt, a giant, and a frame whose FCS does not fit."""
        length = len(frame)
        if length < MINIMUM_FRAME:
            statistics.rx_runts += 1
            return False
        limit = self.mtu + ETHERNET_HEADER + VLAN_TAG
        if length > limit and (not frame.gso_size or gso.header_length(frame) + frame.gso_size > limit):
            statistics.rx_giants += 1
            return False
        if frame.fcs is not None and frame.fcs != fcs(frame.body, fcs(frame.head)):
            statistics.rx_crc_errors += 1
            return False
        return True

    def _learn(self, src: bytes, port: SwitchPort, now: int) -> None:
        """IEEE 802.1D §7.8."""
        heard = self._heard
        row = heard.get(src)
        if row is not None:
            if row[0] is port and now - row[1] < _REFRESH_NS:
                return
            del heard[src]  # so that it moves to the end
        elif len(heard) >= self.table_size:
            oldest = next(iter(heard))
            if now - heard[oldest][1] < self.ageing:
                self.learn_failures += 1
                return
            del heard[oldest]
        heard[src] = (port, now)

    def _forward(self, port: SwitchPort, frame: Frame, now: int) -> None:
        """IEEE 802.1D §7.7."""
        dst = bytes(frame.head[:6])
        row = self._heard.get(dst)
        if row is not None and now - row[1] < self.ageing:
            if row[0] is port:
                port.statistics.rx_filtered += 1
            else:
                row[0].send(frame, now)
            return
        if dst[:5] == _RESERVED and dst[5] < 16:
            port.statistics.rx_filtered += 1
            return
        self._flood(port, frame, now)

    def _flood(self, port: SwitchPort, frame: Frame, now: int) -> None:
        """Out of every port but the one that it came from."""
        self.flooded += 1
        for other in self.ports:
            if other is not port and other.end is not None:
                other.send(frame.copy(), now)
