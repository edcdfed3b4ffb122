"""IPv4 on its way out: headers in front, cut if need be, to the neighbour or to wait for it (RFC 791, RFC 1122 §3.3).

`wrap` is TCP's way, once for each segment or super-segment: one header, packed from numbers that the path has ready,
and straight back to whoever asked. `send` is the way of datagrams, with all that may happen to them.

Duties: 1122I-09.
"""

from struct import Struct
from typing import Final

from netarium.base.addr import format_ip, is_multicast
from netarium.base.checksum import Buffer, sum16
from netarium.base.errors import CloseReason, StackError
from netarium.ip.core import IpCore
from netarium.ip.fragment import copied_options, cut
from netarium.ip.identification import IdentificationSource
from netarium.ip.neighbor import Neighbor, NeighborState, with_link_header
from netarium.ip.neighbor_cache import NeighborCache
from netarium.ip.path import Path
from netarium.link.frame import Frame
from netarium.wire.ipv4 import DONT_FRAGMENT, HEADER_LENGTH, MAX_TOTAL_LENGTH, MORE_FRAGMENTS, pack_header
from netarium.wire.numbers import PROTOCOL_UDP

_HEADER: Final = Struct("!BBHHHBBH8s")  # the addresses are packed as one
_FAILED: Final = NeighborState.FAILED


class Ipv4Output:
    """The way out of one machine."""

    __slots__ = ("_core", "_default_ttl", "_identifications", "_neighbors")

    def __init__(self, core: IpCore, neighbors: NeighborCache) -> None:
        self._core = core
        self._neighbors = neighbors
        self._default_ttl = core.config.ip.default_ttl
        self._identifications = IdentificationSource(core.random)

    def wrap(
        self,
        path: Path,
        protocol: int,
        head: bytes,
        body: Buffer,
        now: int,
        ttl: int | None = None,
        tos: int = 0,
        gso_size: int = 0,
        csum_offset: int | None = None,
    ) -> Frame | None:
        """Put headers in front of a segment that is about to be transmitted, DF set.

        Args: those of `IpLayer.send`, and
            gso_size: 0, or payload octets of each segment of a super-segment; only for a device with `tso`.

        Returns:
            The frame; None if it went to wait for the next hop, or was lost because that does not answer.
        """
        total = HEADER_LENGTH + len(head) + len(body)
        ttl_protocol = (self._default_ttl if ttl is None else ttl) << 8 | protocol
        if path.dont_fragment:
            identification, flags = 0, DONT_FRAGMENT  # RFC 6864 §4.1: atomic, any value will do
        else:
            identification, flags = self._identifications.next(path.addresses), 0
        # The checksum from the numbers: 16-bit words modulo 65535, complemented (RFC 1071 §1).
        field = -(0x4500 + tos + total + identification + flags + ttl_protocol + path.address_sum) % 0xFFFF
        header = _HEADER.pack(
            0x45, tos, total, identification, flags, ttl_protocol >> 8, protocol, field, path.addresses
        )
        csum_start = 0
        if csum_offset is None:
            csum_offset = 0
        elif path.tx_checksum:
            csum_start = HEADER_LENGTH
        else:
            head, body = finish_checksum(protocol, head, body, csum_offset)
            csum_offset = 0
        trace = self._core.trace
        cause = 0 if trace is None else trace.cause
        self._core.counters["ip_out_requests"] += 1
        neighbor = path.neighbor
        if neighbor.settled:
            link_header = neighbor.link_header
            if csum_start:
                csum_start += len(link_header)
            return Frame(
                link_header + header + head, body, gso_size, csum_start, csum_offset, False, None, cause
            )
        frame = Frame(header + head, body, gso_size, csum_start, csum_offset, False, None, cause)
        neighbor = path.neighbor = self._neighbors.prepare(neighbor, now)
        if neighbor.settled:
            return with_link_header(frame, neighbor.link_header)
        if neighbor.state is _FAILED:
            self._core.counters["ip_out_no_neighbor"] += 1
        else:
            self._neighbors.hold(neighbor, [frame])
        return None

    def send(
        self,
        path: Path,
        protocol: int,
        head: bytes,
        body: Buffer,
        now: int,
        *,
        ttl: int | None = None,
        tos: int = 0,
        options: bytes = b"",
        dont_fragment: bool = False,
        csum_offset: int | None = None,
        loop: bool = True,
    ) -> None:
        """Send a datagram: see `IpLayer.send`."""
        header_length = HEADER_LENGTH + len(options)
        total = header_length + len(head) + len(body)
        if total > MAX_TOTAL_LENGTH or (dont_fragment and total > path.mtu):
            raise StackError(CloseReason.MESSAGE_TOO_LONG, f"{total} octets, {path.mtu} fit")
        ttl = self._default_ttl if ttl is None else ttl
        if ttl == 0 and not path.to_group:
            raise StackError(CloseReason.INVALID, "TTL 0")  # RFC 1122 §3.2.1.7
        fits = total <= path.mtu
        if csum_offset is not None and not (fits and path.interface.device.offload.tx_checksum):
            head, body = finish_checksum(protocol, head, body, csum_offset)
            csum_offset = None
        trace = self._core.trace
        cause = 0 if trace is None else trace.cause
        self._core.counters["ip_out_requests"] += 1
        identification = 0 if dont_fragment else self._identifications.next(path.addresses)
        if fits:
            flags = DONT_FRAGMENT if dont_fragment else 0
            header = pack_header(
                path.src, path.dst, protocol, total, ttl, tos, identification, flags, options
            )
            frame = Frame(header + head, body, cause=cause)
            if csum_offset is not None:
                frame.csum_start, frame.csum_offset = header_length, csum_offset
            frames = [frame]
        else:
            frames = self._fragments(
                path, protocol, bytes(head) + bytes(body), ttl, tos, identification, options, cause
            )
        if path.to_group and loop:
            self._loop_back(path, frames)
        if ttl == 0:
            return  # RFC 1112 §6.1: no farther than this machine
        reason = self.transmit(path, frames, now)
        if reason is not None:
            raise StackError(reason, format_ip(path.dst))

    def transmit(self, path: Path, frames: list[Frame], now: int) -> CloseReason | None:
        """Send the frames of one packet, which begin with IP, to the path's next hop; say why if they cannot go."""
        neighbor = path.neighbor
        if not neighbor.settled:
            neighbor = path.neighbor = self._neighbors.prepare(neighbor, now)
            if not neighbor.settled:
                return self._wait(neighbor, frames)
        link_header = neighbor.link_header
        enqueue = path.interface.enqueue
        for frame in frames:
            if not enqueue(with_link_header(frame, link_header)):
                self._core.counters["ip_out_discards"] += 1
                return CloseReason.NO_BUFFERS
        return None

    def _wait(self, neighbor: Neighbor, frames: list[Frame]) -> CloseReason | None:
        if neighbor.state is _FAILED:
            self._core.counters["ip_out_no_neighbor"] += 1
            return CloseReason.HOST_UNREACHABLE
        self._neighbors.hold(neighbor, frames)
        return None

    def _fragments(
        self,
        path: Path,
        protocol: int,
        payload: bytes,
        ttl: int,
        tos: int,
        identification: int,
        options: bytes,
        cause: int,
    ) -> list[Frame]:
        room = path.mtu - HEADER_LENGTH - len(options)
        frames = []
        for offset, piece, more in cut(payload, room):
            flags = (MORE_FRAGMENTS if more else 0) | offset >> 3
            header = pack_header(
                path.src, path.dst, protocol, HEADER_LENGTH + len(options) + len(piece), ttl, tos,
                identification, flags, options,
            )  # fmt: skip
            frames.append(Frame(header, piece, cause=cause))
            if offset == 0:
                options = copied_options(options)
        self._core.counters["ip_frag_oks"] += 1
        self._core.counters["ip_frag_creates"] += len(frames)
        return frames

    def _loop_back(self, path: Path, frames: list[Frame]) -> None:
        """We are a member of our own group, and belong to everybody: a copy for ourselves (RFC 1112 §7.1)."""
        loopback = self._core.loopback
        if loopback is None or path.interface is loopback:
            return
        if is_multicast(path.dst) and path.dst not in path.interface.groups:
            return
        for frame in frames:
            copy = Frame(frame.head, frame.body, 0, frame.csum_start, frame.csum_offset, cause=frame.cause)
            if not loopback.enqueue(copy):
                self._core.counters["ip_out_discards"] += 1


def finish_checksum(protocol: int, head: Buffer, body: Buffer, csum_offset: int) -> tuple[bytes, Buffer]:
    """Complete a transport checksum in software: its field holds the pseudo-header's sum.

    Returns:
        Head and body, the field in `head` filled in.
    """
    if len(head) & 1 and len(body):
        head, body = bytes(head) + bytes(body), b""  # a sum goes on from an even offset only
    field = ~sum16(body, sum16(head)) & 0xFFFF
    if not field and protocol == PROTOCOL_UDP:
        field = 0xFFFF  # RFC 768: 0 would mean that there is none
    return bytes(head[:csum_offset]) + field.to_bytes(2, "big") + bytes(head[csum_offset + 2 :]), body
