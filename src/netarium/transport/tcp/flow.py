"""What the demultiplexer holds under one 4-tuple, and what such a flow asks of the layer around it."""

from typing import Protocol

from netarium.base.config import TcpConfig
from netarium.base.errors import Fate
from netarium.ip.packet import IcmpError, IpPacket
from netarium.wire.tcp import ACK, RST, TcpSegment


class Flow(Protocol):
    """A connection, a half-open one, or one in TIME-WAIT."""

    key: bytes

    def on_segment(self, seg: TcpSegment, packet: IpPacket, now: int) -> Fate:
        """A segment with a right checksum, numbers as on the wire."""

    def on_icmp_error(self, error: IcmpError, seq: int, now: int) -> bool:
        """An ICMP error that quotes sequence number `seq` (32 bits); True if it can be about something sent."""

    def on_deadline(self, now: int) -> None:
        """The flow's place in the timer queue is due."""


class Flows(Protocol):
    """The layer, as its small flows see it."""

    config: TcpConfig

    def schedule(self, flow: Flow, at: int | None) -> None:
        """Set the flow's deadline."""

    def forget(self, flow: Flow) -> None:
        """The flow is over."""

    def forget_time_wait(self, flow: Flow, now: int) -> None:
        """A record of TIME-WAIT is over: its port is free."""

    def wait_again(self, flow: Flow, until: int) -> None:
        """The wait of a record of TIME-WAIT begins again."""

    def has_listener(self, address: bytes, port: int) -> bool:
        """Somebody would be asked about a SYN to this address and port."""

    def on_new_syn(self, seg: TcpSegment, packet: IpPacket, now: int, least_iss: int) -> Fate:
        """A SYN for which there is no flow (any more)."""

    def send_bare(
        self,
        local: tuple[bytes, int],
        remote: tuple[bytes, int],
        seq: int,
        ack: int,
        flags: int,
        window: int,
        options: bytes,
        now: int,
        *,
        tos: int = 0,
    ) -> None:
        """Send a segment without payload for something that has no connection."""


def reset_for(seg: TcpSegment) -> tuple[int, int, int]:
    """SEQ, ACK and flags of the RST that answers a segment of no connection (RFC 9293 §3.10.7.1)."""
    if seg.flags & ACK:
        return seg.ack, 0, RST
    return 0, seg.seq + seg.segment_length, RST | ACK
