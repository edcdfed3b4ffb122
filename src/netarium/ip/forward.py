"""Forwarding: what a machine does that is also a router (RFC 1812 §5; RFC 1122 §3.1: only if it is told to).

A super-segment is forwarded as one; it is split, and its checksum finished, only if the way out cannot do that.
"""

from typing import Final

from netarium.base.addr import is_link_local, is_loopback, is_multicast
from netarium.base.checksum import updated
from netarium.base.errors import Accepted, CloseReason, DropReason, Fate
from netarium.ip.core import IpCore
from netarium.ip.fragment import copied_options, cut
from netarium.ip.icmp_error import IcmpErrors
from netarium.ip.iface import Interface
from netarium.ip.ipv4_output import Ipv4Output
from netarium.ip.packet import ErrorKind, IpPacket
from netarium.ip.path import Path, PathFinder
from netarium.link import gso
from netarium.link.frame import Frame
from netarium.wire import icmpv4
from netarium.wire.ipv4 import HEADER_LENGTH, MORE_FRAGMENTS, Ipv4Header, pack_header


class Forwarder:
    """The router in one machine."""

    __slots__ = ("_core", "_errors", "_finder", "_output")

    def __init__(self, core: IpCore, finder: PathFinder, output: Ipv4Output, errors: IcmpErrors) -> None:
        self._core: Final = core
        self._finder: Final = finder
        self._output: Final = output
        self._errors: Final = errors

    def forward(
        self, interface: Interface, header: Ipv4Header, packet: IpPacket, frame: Frame, now: int
    ) -> Fate:
        """Send a packet on that is not for us.

        Args:
            interface: where it came in.
            header: its header; source and options have been checked.
            packet: the packet, trimmed to its length.
            frame: as it came; says whether checksums are complete.
            now: monotonic ns.
        """
        if packet.to_group or not _may_travel(header.src, header.dst):
            return DropReason.IP_FORWARD_FILTERED
        if header.ttl <= 1:
            self._errors.send(packet, ErrorKind.TTL_EXCEEDED, now)
            return DropReason.IP_TTL_EXPIRED
        path = self._finder.find_onward(header.dst, header.src, now)
        if path is None:
            self._errors.send(packet, ErrorKind.NO_ROUTE, now)
            return DropReason.IP_NO_ROUTE
        if path.broadcast:
            return DropReason.IP_FORWARD_FILTERED  # RFC 2644: directed broadcasts are not forwarded
        onward = _with_lower_ttl(packet, frame)
        size = _largest_packet(onward)
        if size > path.interface.mtu and header.dont_fragment:
            self._errors.send(packet, ErrorKind.TOO_BIG, now, path.interface.mtu)
            return DropReason.IP_FORWARD_TOO_BIG
        if path.interface is interface:
            self._redirect(interface, path, packet, now)
        reason = self._output.transmit(path, self._frames(path, header, onward, size), now)
        if reason is CloseReason.HOST_UNREACHABLE:
            self._errors.send(packet, ErrorKind.HOST_UNREACHABLE, now)
            return DropReason.IP_NO_ROUTE
        self._core.counters["ip_forw_datagrams"] += 1
        return Accepted.FORWARDED

    def _frames(self, path: Path, header: Ipv4Header, frame: Frame, size: int) -> list[Frame]:
        """What goes out for one packet."""
        offload = path.interface.device.offload
        if frame.gso_size and (not offload.tso or size > path.interface.mtu):
            frames = gso.split(frame, link_header=0, complete=not offload.tx_checksum)
        elif frame.csum_start and not offload.tx_checksum:
            frames = [gso.finished(frame)]
        else:
            frames = [frame]
        if size <= path.interface.mtu:
            return frames
        return [piece for whole in frames for piece in self._fragments(path, header, gso.finished(whole))]

    def _fragments(self, path: Path, header: Ipv4Header, frame: Frame) -> list[Frame]:
        """RFC 791 §3.2; a fragment is cut into smaller ones that keep its place in the whole."""
        options = header.options
        head = bytes(frame.head)
        payload = head[header.header_length :] + bytes(frame.body)
        identification = int.from_bytes(head[4:6], "big")
        frames = []
        room = path.interface.mtu - header.header_length
        for offset, piece, more in cut(payload, room, header.fragment_offset, more=header.more_fragments):
            front = pack_header(
                header.src, header.dst, header.protocol, HEADER_LENGTH + len(options) + len(piece), head[8], header.tos,
                identification, (MORE_FRAGMENTS if more else 0) | offset >> 3, options,
            )  # fmt: skip
            frames.append(Frame(front, piece, cause=frame.cause))
            if offset == 0:
                options = copied_options(options)
        self._core.counters["ip_frag_oks"] += 1
        self._core.counters["ip_frag_creates"] += len(frames)
        return frames

    def _redirect(self, interface: Interface, path: Path, packet: IpPacket, now: int) -> None:
        """Tell a neighbour that there is a shorter way (RFC 1812 §5.2.7.2); the packet goes on all the same."""
        if not self._core.config.ip.send_redirects:
            return
        if not any(row.covers(packet.src) and row.covers(path.next_hop) for row in interface.addresses):
            return
        gateway = int.from_bytes(path.next_hop, "big")
        self._errors.send_raw(packet, icmpv4.REDIRECT, icmpv4.REDIRECT_HOST, gateway, now)


def _may_travel(src: bytes, dst: bytes) -> bool:
    """Addresses that have a meaning beyond one link (RFC 1812 §5.3.7, RFC 3927 §2.7)."""
    if dst[0] == 0 or dst[0] >= 240 or is_multicast(dst) or is_loopback(dst):
        return False
    return not (is_link_local(src) or is_link_local(dst)) and any(src)


def _with_lower_ttl(packet: IpPacket, frame: Frame) -> Frame:
    """The packet as a frame that begins with IP, its TTL one less and the checksum updated (RFC 1624)."""
    header = bytearray(packet.header)
    old = int.from_bytes(header[8:10], "big")
    header[8] -= 1
    field = updated(int.from_bytes(header[10:12], "big"), old, old - 0x100)
    header[10:12] = field.to_bytes(2, "big")
    head = bytes(header)
    body = packet.body
    if len(packet.head) > 128 and not len(body):
        body = packet.head  # a long payload stays where it is
    else:
        head = head + bytes(packet.head)
    onward = Frame(head, body, packet.gso_size, cause=packet.cause)
    if frame.csum_start:
        onward.csum_start, onward.csum_offset = len(header), frame.csum_offset
    return onward


def _largest_packet(frame: Frame) -> int:
    """Octets of the largest packet that a frame stands for."""
    if not frame.gso_size:
        return len(frame)
    return gso.header_length(frame, 0) + frame.gso_size
