"""Ethernet II, IEEE 802.3 with LLC/SNAP (RFC 894, RFC 1042), and 802.1Q tags.

Preamble, padding and the frame check sequence belong to the signal and the adapter, not here.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from netarium.base.checksum import Buffer
from netarium.base.errors import WireError
from netarium.wire.numbers import ETHERTYPE_SERVICE_VLAN, ETHERTYPE_VLAN

HEADER_LENGTH: Final = 14
SNAP_HEADER_LENGTH: Final = 22  # 802.3 header, LLC, SNAP
TAG_LENGTH: Final = 4
MAX_LENGTH_FIELD: Final = 1500  # up to here the field is a length (IEEE 802.3 §3.2.6) ...
MIN_ETHERTYPE: Final = 0x0600  # ... and from here on a type
MAX_TAGS: Final = 2

_HEADER: Final = Struct("!6s6sH")
_TAG: Final = Struct("!HH")
_SNAP: Final = Struct("!6s6sH6sH")
_LLC_SNAP: Final = b"\xaa\xaa\x03\x00\x00\x00"  # DSAP, SSAP, UI, and the OUI that stands for EtherTypes


@dataclass(slots=True)
class EthernetHeader:
    """Everything in front of the packet.

    Attributes:
        dst: destination MAC.
        src: source MAC.
        ethertype: what follows; 0 if that is an 802.3 frame without a SNAP EtherType, or no legal type at all.
        header_length: octets in front of the packet, tags and SNAP included.
        vlan: VLAN identifier of the outer tag (0: priority only), or None if untagged.
        snap: the EtherType came in an LLC/SNAP header.
    """

    dst: bytes
    src: bytes
    ethertype: int
    header_length: int = HEADER_LENGTH
    vlan: int | None = None
    snap: bool = False

    @classmethod
    def parse(cls, data: Buffer) -> "EthernetHeader":
        """Read the header of a frame; the packet itself need not be there.

        Args:
            data: at least the whole link header.

        Raises:
            WireError: shorter than its header.

        Spec: IEEE 802.3 §3.2, 802.1Q §9.5, RFC 1042 "Header Format", RFC 1122 §2.3.3.
        """
        if len(data) < HEADER_LENGTH:
            raise WireError(f"ethernet: {len(data)} octets are less than a header")
        dst, src, ethertype = _HEADER.unpack_from(data)
        if ethertype >= MIN_ETHERTYPE and ethertype not in {ETHERTYPE_VLAN, ETHERTYPE_SERVICE_VLAN}:
            return cls(dst, src, ethertype)
        return cls._parse_rare(data, dst, src, ethertype)

    @classmethod
    def _parse_rare(cls, data: Buffer, dst: bytes, src: bytes, ethertype: int) -> "EthernetHeader":
        """Tags, then a type or a length."""
        offset = HEADER_LENGTH
        vlan: int | None = None
        for _ in range(MAX_TAGS):
            if ethertype not in {ETHERTYPE_VLAN, ETHERTYPE_SERVICE_VLAN}:
                break
            if len(data) < offset + TAG_LENGTH:
                raise WireError("ethernet: the frame ends inside an 802.1Q tag")
            control, ethertype = _TAG.unpack_from(data, offset)
            vlan = control & 0x0FFF if vlan is None else vlan
            offset += TAG_LENGTH
        if ethertype >= MIN_ETHERTYPE:
            return cls(dst, src, ethertype, offset, vlan)
        if ethertype <= MAX_LENGTH_FIELD and bytes(data[offset : offset + 6]) == _LLC_SNAP:
            offset += 8
            if len(data) < offset:
                raise WireError("ethernet: the frame ends inside the SNAP header")
            return cls(dst, src, int.from_bytes(data[offset - 2 : offset], "big"), offset, vlan, snap=True)
        return cls(dst, src, 0, offset, vlan)

    def pack(self, length: int = 0) -> bytes:
        """The header again, with one tag at the most; `length` is that of the packet (needed for SNAP)."""
        if self.snap:
            return pack_snap(self.dst, self.src, self.ethertype, length)
        return pack(self.dst, self.src, self.ethertype, vlan=self.vlan)


def pack(dst: bytes, src: bytes, ethertype: int, *, vlan: int | None = None) -> bytes:
    """An Ethernet II header of 14 octets, or 18 with an 802.1Q tag of priority 0."""
    if vlan is None:
        return _HEADER.pack(dst, src, ethertype)
    return _HEADER.pack(dst, src, ETHERTYPE_VLAN) + _TAG.pack(vlan, ethertype)


def pack_snap(dst: bytes, src: bytes, ethertype: int, length: int) -> bytes:
    """An 802.3 header with LLC/SNAP, 22 octets, for a packet of `length` octets (RFC 1042).

    The length field counts LLC and SNAP too, so `length` is 1,492 at the most.
    """
    return _SNAP.pack(dst, src, length + 8, _LLC_SNAP, ethertype)
