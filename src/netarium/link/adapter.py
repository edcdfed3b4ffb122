"""A LAN adapter (NIC): descriptor rings on one side, a cable on the other, a filter and a FCS check in between.

It transmits when the line is idle and has room for about two milliseconds' worth of octets in front of it (what
Linux's byte queue limits reach), so that a slow line does not hide a long queue from the stack above. It raises its
interrupt when the receive ring becomes non-empty, and when a transmit ring that was full has room again.

Full frames that follow each other quickly share an interrupt, as on real adapters of a gigabit: within 50 µs of the
last one the next waits, unless a short frame comes (a question, an acknowledgment) or the ring is half full.

Spec: IEEE 802.3 §3.2.3 (addresses), §3.2.8 (padding), §4.2.4.1-2 (reception).

Duties: eth-02, eth-13, eth-16.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from netarium.base.addr import MAC_BROADCAST
from netarium.base.units import MS, SECOND, US
from netarium.link import gso
from netarium.link.cable import CableEnd
from netarium.link.frame import Frame
from netarium.link.layers import ETHERNET_HEADER
from netarium.link.ring import ADAPTER, DRIVER, Ring
from netarium.signal.fcs import fcs
from netarium.signal.framing import MINIMUM_FRAME, padded

VLAN_TAG: Final = 4  # IEEE 802.3 §3.5: a tagged frame may be this much longer

_LINE_TIME: Final = 2 * MS  # what may wait in the transmit ring, but at least two frames
_LINE_SHARE: Final = 8 * SECOND // _LINE_TIME  # bit/s by this are the octets that go in that time
_BULK: Final = 1_000  # octets: a frame that says that more will follow
_VLAN_TYPES: Final = (b"\x81\x00", b"\x88\xa8")


class Carrier(Protocol):
    """Who wants to know whether a cable is plugged in: the driver."""

    up: bool


class Interrupt(Protocol):
    """The line from an adapter to whoever runs its driver."""

    def raise_line(self, at: int) -> None:
        """There is work at `at` (ns; now or a little later): received frames, or room to transmit."""


@dataclass(slots=True)
class AdapterStatistics:
    """What `ip -s -s link` shows. Frames are counted as they are on the line: a super-segment as its pieces."""

    rx_packets: int = 0
    rx_bytes: int = 0
    tx_packets: int = 0
    tx_bytes: int = 0
    multicast: int = 0  # received frames to groups, broadcast included
    rx_crc_errors: int = 0
    rx_runts: int = 0
    rx_giants: int = 0
    rx_missed: int = 0  # the receive ring was full
    rx_filtered: int = 0  # for others
    tx_carrier_errors: int = 0  # no cable


class Adapter:
    """One LAN adapter.

    Attributes:
        mac: its own address.
        mtu: octets of the largest packet; longer frames are giants.
        name: for people and traces, as "client.eth0".
        promiscuous: no filter.
        moderation: ns between two interrupts for full frames; 0: one for each.
        merges: super-segments come up whole; False: as their pieces (an adapter without receive offload).
        interrupt: its line; None while nobody listens.
        driver: who is told of the carrier.
        statistics: its counters.
        rx: the receive ring.
        tx: the transmit ring.
        end: the cable that is plugged in.
    """

    __slots__ = (
        "_accepted", "_blocked", "_deferred", "_interrupted_at", "_waiting_octets", "driver", "end", "interrupt", "mac", "merges", "moderation", "mtu", "name",
        "promiscuous", "rx", "statistics", "tx",
    )  # fmt: skip

    def __init__(
        self,
        mac: bytes,
        *,
        name: str = "eth0",
        mtu: int = 1_500,
        rx_ring: int = 256,
        tx_ring: int = 256,
        interrupt: Interrupt | None = None,
        merges: bool = True,
        moderation: int = 50 * US,
    ) -> None:
        assert len(mac) == 6, "a MAC address has 6 octets"
        self.mac = mac
        self.name = name
        self.mtu = mtu
        self.promiscuous = False
        self.merges = merges
        self.interrupt = interrupt
        self.driver: Carrier | None = None
        self.statistics = AdapterStatistics()
        self.rx = Ring(rx_ring, ADAPTER)
        self.tx = Ring(tx_ring, DRIVER)
        self.end: CableEnd | None = None
        self._accepted = {mac: 1, MAC_BROADCAST: 1}  # address -> how often it was joined
        self._waiting_octets = 0  # in the transmit ring
        self._blocked = False  # the driver found it full
        self.moderation = moderation
        self._interrupted_at = -moderation
        self._deferred = False  # an interrupt is due a little later

    # --- towards the driver --------------------------------------------------------------------------------------

    def join(self, mac: bytes) -> None:
        """Let a group address through the filter; counted."""
        self._accepted[mac] = self._accepted.get(mac, 0) + 1

    def leave(self, mac: bytes) -> None:
        """Undo one `join`."""
        joined = self._accepted.get(mac, 0)
        if joined > 1:
            self._accepted[mac] = joined - 1
        elif mac not in (self.mac, MAC_BROADCAST):
            self._accepted.pop(mac, None)

    def can_transmit(self) -> bool:
        """True if the transmit ring takes one more; once it does not, an interrupt tells when it is half empty."""
        tx = self.tx
        if self._blocked:
            return False
        if not tx.used or (tx.used < tx.size and self._waiting_octets < self._room()):
            return True
        self._blocked = True
        return False

    def transmit(self, frame: Frame, now: int) -> None:
        """The driver's doorbell: a frame for the transmit ring, and for the line if that is idle."""
        end = self.end
        if end is None:
            self.statistics.tx_carrier_errors += 1
            return
        length = len(frame.head) + len(frame.body)
        tx = self.tx
        if not tx.used and end.busy_until <= now:  # it would be taken out of the ring at once
            self._clock_out(end, frame, length, now)
            return
        put = tx.put(frame)
        assert put, "the driver asks can_transmit first"
        self._waiting_octets += length
        if tx.used == 1:
            end.tell_when_idle()

    # --- towards the cable ---------------------------------------------------------------------------------------

    def plugged(self, end: CableEnd | None) -> None:
        """A cable was plugged in or pulled out; what waited for the old one is gone."""
        self.end = end
        self.tx.clear()
        self._waiting_octets, self._blocked = 0, False
        if self.driver is not None:
            self.driver.up = end is not None

    def line_idle(self, now: int) -> None:
        """The line has become idle: the next descriptor's turn."""
        end, tx = self.end, self.tx
        if end is None:
            return
        while tx.used and end.busy_until <= now:
            self._transmit_next(end, now)
        if tx.used:
            end.tell_when_idle()
        if self._blocked and 2 * self._waiting_octets <= self._room() and 2 * tx.used <= tx.size:
            self._blocked = False
            if self.interrupt is not None:
                self.interrupt.raise_line(now)

    def _room(self) -> int:
        """Octets that may wait in the transmit ring."""
        frames = 2 * (self.mtu + ETHERNET_HEADER)
        rate = None if self.end is None else self.end.rate
        if rate is None:
            return frames
        share = rate // _LINE_SHARE
        return share if share > frames else frames

    def _transmit_next(self, end: CableEnd, now: int) -> None:
        """Read the next descriptor and put its frame on the line."""
        frame = self.tx.take()
        assert frame is not None
        length = len(frame.head) + len(frame.body)
        self._waiting_octets -= length
        self._clock_out(end, frame, length, now)

    def _clock_out(self, end: CableEnd, frame: Frame, length: int, now: int) -> None:
        """Put a frame on the line, which is idle."""
        statistics = self.statistics
        if frame.gso_size:
            statistics.tx_packets += gso.pieces(frame)
        else:
            statistics.tx_packets += 1
            if length < MINIMUM_FRAME:
                frame.head, frame.body = padded(frame.octets()), b""
                length = MINIMUM_FRAME
        statistics.tx_bytes += length
        end.send(frame, now)

    def receive(self, frame: Frame, now: int) -> None:
        """A frame has arrived: check, filter, put in the receive ring, interrupt."""
        statistics = self.statistics
        head = frame.head
        length = len(head) + len(frame.body)
        if length < MINIMUM_FRAME:
            statistics.rx_runts += 1
            return
        if length > self.mtu + ETHERNET_HEADER and self._is_giant(frame, length):
            statistics.rx_giants += 1
            return
        if frame.fcs is not None and frame.fcs != fcs(frame.body, fcs(head)):
            statistics.rx_crc_errors += 1
            return
        if head[0] & 1:
            statistics.multicast += 1
        if bytes(head[:6]) not in self._accepted and not self.promiscuous:
            statistics.rx_filtered += 1
            return
        if frame.gso_size and not self.merges:
            for segment in gso.split(frame, complete=False):
                self._store(segment, len(segment), 1, now)
        else:
            self._store(frame, length, gso.pieces(frame) if frame.gso_size else 1, now)

    def _store(self, frame: Frame, length: int, packets: int, now: int) -> None:
        statistics, rx = self.statistics, self.rx
        if not rx.put(frame):
            statistics.rx_missed += 1
            return
        statistics.rx_packets += packets
        statistics.rx_bytes += length
        used = rx.used
        if (used == 1 or self._deferred) and self.interrupt is not None:
            self._interrupt(self.interrupt, now, bulk=length >= _BULK and 2 * used < rx.size)

    def _interrupt(self, interrupt: Interrupt, now: int, *, bulk: bool) -> None:
        """Raise the line now, or after the pause that full frames keep."""
        at = max(now, self._interrupted_at + self.moderation) if bulk else now
        if at > now:
            if self._deferred and self.rx.used > 1:
                return  # it will come for this one too
            self._deferred = True
        else:
            self._deferred = False
        self._interrupted_at = at
        interrupt.raise_line(at)

    def _is_giant(self, frame: Frame, length: int) -> bool:
        """A frame, or a piece of a super-segment, longer than the MTU allows; a VLAN tag may be on top (§3.5)."""
        if frame.gso_size:
            length = gso.header_length(frame) + frame.gso_size
        limit = self.mtu + ETHERNET_HEADER
        if bytes(frame.head[12:14]) in _VLAN_TYPES:
            limit += VLAN_TAG
        return length > limit
