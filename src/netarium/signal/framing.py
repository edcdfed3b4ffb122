"""A frame as it stands on the line (IEEE 802.3 clause 3): preamble, SFD, the frame, padding, FCS, gap.

This is where the octets that the stack knows meet those that it never sees. Line codes are in `manchester`.

Duties: eth-06.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from netarium.base.errors import WireError
from netarium.signal.fcs import FCS_LENGTH, fcs_octets, is_whole

PREAMBLE: Final = b"\x55" * 7  # IEEE 802.3 §3.2.1: bits 1010... as sent
SFD: Final = b"\xd5"  # §3.2.2: the pattern breaks: ...10101011
PREAMBLE_LENGTH: Final = 8  # octets, with the SFD
MINIMUM_FRAME: Final = 60  # octets without FCS (§3.2.8: 64 with it)
GAP_OCTETS: Final = 12  # 96 bit times of silence (§4.4.2)
GAP_BITS: Final = 8 * GAP_OCTETS

_ADDRESSES: Final = 12  # octets of both MAC addresses
_HEADER: Final = 14


class Part(NamedTuple):
    """A named stretch of a line frame: octets `start` to `stop`."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class LineFrame:
    """Everything that one frame puts on the line.

    Attributes:
        octets: from the first of the preamble to the last of the FCS; bits go out least significant first.
        parts: the named parts, in order and without holes.
    """

    octets: bytes
    parts: tuple[Part, ...]

    @property
    def line_bits(self) -> int:
        """Bit times that the frame takes, with the gap behind it."""
        return 8 * len(self.octets) + GAP_BITS

    def part(self, name: str) -> bytes:
        """The octets of a part; empty if this frame has none of that name."""
        for part in self.parts:
            if part.name == name:
                return self.octets[part.start : part.stop]
        return b""

    def part_at(self, octet: int) -> Part:
        """The part that an octet belongs to."""
        for part in self.parts:
            if part.start <= octet < part.stop:
                return part
        raise IndexError(octet)


def padded(octets: bytes) -> bytes:
    """A frame of at least 60 octets; the padding is zeros, never something that lay around in memory.

    Spec: IEEE 802.3 §3.2.8, §4.2.3.3; CVE-2003-0001 is what happens otherwise.
    """
    return octets if len(octets) >= MINIMUM_FRAME else octets + bytes(MINIMUM_FRAME - len(octets))


def line_octets(frame: bytes) -> LineFrame:
    """What goes out on the line for a frame.

    Args:
        frame: from the destination address to the end of the data; shorter than 60 octets is padded.
    """
    whole = padded(frame)
    octets = PREAMBLE + SFD + whole + fcs_octets(whole)
    lengths = (
        ("preamble", len(PREAMBLE)),
        ("SFD", len(SFD)),
        ("destination", min(6, len(frame))),
        ("source", min(6, max(0, len(frame) - 6))),
        ("type", min(2, max(0, len(frame) - _ADDRESSES))),
        ("data", max(0, len(frame) - _HEADER)),
        ("padding", len(whole) - len(frame)),
        ("FCS", FCS_LENGTH),
    )
    parts, start = [], 0
    for name, length in lengths:
        if length:
            parts.append(Part(name, start, start + length))
        start += length
    return LineFrame(octets, tuple(parts))


def deframe(octets: bytes) -> bytes:
    """The frame (padding included, FCS removed) of what was seen on the line.

    Args:
        octets: some of the preamble, the SFD, the frame, its FCS.

    Raises:
        WireError: no SFD behind a preamble, a runt, or the FCS says that bits were harmed.
    """
    start = len(octets) - len(octets.lstrip(PREAMBLE[:1]))
    if octets[start : start + 1] != SFD:
        raise WireError("line: no start frame delimiter")
    return without_fcs(octets[start + 1 :])


def without_fcs(octets: bytes) -> bytes:
    """The frame of what came behind the SFD, its FCS checked and removed.

    Raises:
        WireError: a runt, or the FCS says that bits were harmed.
    """
    if len(octets) < MINIMUM_FRAME + FCS_LENGTH:
        raise WireError(f"line: runt of {len(octets)} octets")
    if not is_whole(octets):
        raise WireError("line: bad frame check sequence")
    return octets[:-FCS_LENGTH]
