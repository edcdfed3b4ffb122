"""The frame check sequence of Ethernet (IEEE 802.3 §3.2.9): CRC-32, polynomial 0x04C11DB7.

The register starts as all ones and is complemented at the end; octets go in least significant bit first. That is
the CRC of zlib, whose C code does the work.
"""

from typing import Final
from zlib import crc32

from netarium.base.checksum import Buffer

FCS_LENGTH: Final = 4  # octets
RESIDUE: Final = 0x2144DF1C  # what the CRC over a frame *and* its FCS comes to, if both are whole


def fcs(octets: Buffer, initial: int = 0) -> int:
    """The frame check sequence.

    Args:
        octets: from the destination address to the end of the padding.
        initial: the FCS of what came before, to go on from.
    """
    return crc32(octets, initial)


def fcs_octets(octets: Buffer) -> bytes:
    """The FCS as it stands on the line.

    IEEE 802.3 sends the FCS with the coefficient of x^31 first, all else least significant bit first: with a
    reflected CRC that is the same as sending its four octets in little-endian order.
    """
    return crc32(octets).to_bytes(FCS_LENGTH, "little")


def is_whole(octets: Buffer) -> bool:
    """True if a frame that ends in its FCS arrived unharmed (the residue check)."""
    return crc32(octets) == RESIDUE
