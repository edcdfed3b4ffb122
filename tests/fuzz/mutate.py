"""Mutations of frames: blind ones, ones that know the fields of headers, ones that know a live connection's numbers.

Nearly every mutant gets right checksums again, so that it is not the first check that stops it.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from netarium.base.checksum import checksum, pseudo_sum
from netarium.link.frame import Frame

Octets = bytearray
INTERESTING = (0, 1, 2, 4, 7, 8, 0x0F, 0x10, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFE, 0xFF)
ETHERTYPES = (0x0800, 0x0806, 0x8100, 0x88A8, 0x86DD, 0x8035, 0, 3, 0x05DC, 0x05FF, 0x0600, 0x9000)
PROTOCOLS = (0, 1, 2, 4, 6, 17, 41, 47, 50, 58, 132, 255)


class Live(NamedTuple):
    """Numbers of a connection that the target has now; the segment that fits goes from `src` to it."""

    src: bytes
    ports: tuple[int, int]
    seq: int
    ack: int
    window: int
    stamp: int


# --- blind ---------------------------------------------------------------------------------------------------


def flip_bits(frame: Octets, random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 8))):
        frame[random.randrange(len(frame))] ^= 1 << random.randrange(8)


def set_octets(frame: Octets, random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 4))):
        frame[random.randrange(len(frame))] = random.choice(INTERESTING)


def set_word(frame: Octets, random: Random) -> None:
    at = random.randrange(max(1, len(frame) - 1)) & ~1
    frame[at : at + 2] = random.choice((0, 1, 7, 8, 0x7FFF, 0x8000, 0xFFFF, len(frame))).to_bytes(2, "big")


def truncate(frame: Octets, random: Random) -> None:
    del frame[random.randrange(len(frame)) :]


def extend(frame: Octets, random: Random) -> None:
    frame += random.randbytes(random.choice((1, 3, 46, 200, 1_400)))


def remove(frame: Octets, random: Random) -> None:
    at = random.randrange(len(frame))
    del frame[at : at + random.choice((1, 2, 4, 20))]


def insert(frame: Octets, random: Random) -> None:
    at = random.randrange(len(frame))
    frame[at:at] = random.randbytes(random.choice((1, 2, 4, 20)))


# --- fields --------------------------------------------------------------------------------------------------


def ethernet_field(frame: Octets, random: Random) -> None:
    kind = random.randrange(4)
    if kind == 0:
        frame[12:14] = random.choice(ETHERTYPES).to_bytes(2, "big")
    elif kind == 1:  # tag, perhaps twice
        tag = random.choice((0, 1, 5, 0x2000, 0xFFFF)).to_bytes(2, "big")
        frame[12:12] = (b"\x81\x00" + tag) * random.choice((1, 1, 2, 40))
    elif kind == 2:  # LLC and SNAP
        inner = bytes(frame[12:14])
        frame[12:14] = (len(frame) - 6).to_bytes(2, "big") + b"\xaa\xaa\x03\0\0\0" + inner
    else:
        frame[random.choice((0, 6)) :][:6] = b"\xff" * 6


def ip_field(frame: Octets, random: Random) -> None:
    if len(frame) < 34:
        return
    kind = random.randrange(9)
    if kind == 0:
        frame[14] = random.choice((0x40, 0x41, 0x44, 0x45, 0x46, 0x4F, 0x55, 0x65, 0x05))
    elif kind == 1:
        frame[16:18] = random.choice((0, 19, 20, 21, 27, 28, len(frame) - 14, 65_535)).to_bytes(2, "big")
    elif kind == 2:  # a fragment, perhaps of something that waits
        flags = random.choice((0x2000, 0, 0x4000, 0x6000, 0x8000))
        offset = random.choice((0, 1, 2, 3, 185, 8_189, 0x1FFF, random.randrange(0x2000)))
        frame[18:22] = random.randrange(12).to_bytes(2, "big") + (flags | offset).to_bytes(2, "big")
    elif kind == 3:
        frame[22] = random.choice((0, 1, 2, 255))
    elif kind == 4:
        frame[23] = random.choice(PROTOCOLS)
    elif kind == 5:
        frame[26:30] = random.choice(
            (bytes(4), b"\x7f\0\0\1", b"\xe0\0\0\1", b"\xff" * 4, b"\x0a\0\0\1", b"\x0a\0\0\xff")
        )
    elif kind == 6:
        frame[30:34] = random.choice(
            (bytes(4), b"\x7f\0\0\1", b"\xe0\0\0\1", b"\xff" * 4, b"\x0a\0\0\xff", b"\x0a\0\1\7")
        )
    elif kind == 7:  # options
        words = random.randrange(1, 11)
        seed = random.choice(
            (b"\x01", b"\x00", b"\x07\x07\x04", b"\x83\x07\x04", b"\x44\x0c\x05\x00", b"\x94\x04\0\0", b"")
        )
        frame[34:34] = (seed + random.randbytes(40))[: 4 * words]
        frame[14] = 0x45 + words
        frame[16:18] = min(0xFFFF, len(frame) - 14).to_bytes(2, "big")
    else:
        frame[15] = random.randrange(256)


def tcp_field(frame: Octets, random: Random) -> None:
    if len(frame) < 54 or frame[23] != 6:
        return
    kind = random.randrange(6)
    if kind == 0:
        frame[46] = random.choice((0x00, 0x40, 0x50, 0x60, 0x80, 0xF0)) | frame[46] & 15
    elif kind == 1:
        frame[47] = random.randrange(256)
    elif kind == 2:
        frame[48:50] = random.choice((0, 1, 100, 0x7FFF, 0xFFFF)).to_bytes(2, "big")
    elif kind == 3:
        frame[47] |= 0x20
        frame[52:54] = random.choice((0, 1, 2, 0x7FFF, 0xFFFF)).to_bytes(2, "big")
    elif kind == 4:  # options
        words = random.randrange(1, 11)
        seed = random.choice(
            (b"\x02\x04\0\0", b"\x02\x04\0\1", b"\x03\x03\xff", b"\x05\x0a" + random.randbytes(8), b"\x05\x22",
             b"\x08\x0a" + random.randbytes(8), b"\x08\x08", b"\xff\x00", b"\x13\x12", b"\x04\x02\x01\x01")
        )  # fmt: skip
        frame[54:54] = (seed + random.randbytes(40))[: 4 * words]
        frame[46] = (5 + words) << 4
        frame[16:18] = min(0xFFFF, len(frame) - 14).to_bytes(2, "big")
    else:
        at = random.choice((38, 42))
        number = int.from_bytes(frame[at : at + 4], "big") + random.choice((-1, 1, 1 << 31, 65_535, -65_535))
        frame[at : at + 4] = (number & 0xFFFF_FFFF).to_bytes(4, "big")


def small_field(frame: Octets, random: Random) -> None:
    """ARP, ICMP, IGMP or UDP: the first octets behind their headers decide."""
    start = 14 if frame[12:14] == b"\x08\x06" else 34
    if len(frame) <= start:
        return
    at = min(len(frame) - 1, start + random.randrange(8))
    frame[at] = random.choice((*INTERESTING, 3, 5, 11, 12, 13, 17, 0x11, 0x16, 0x22))


MUTATIONS: tuple[Callable[[Octets, Random], None], ...] = (
    flip_bits, flip_bits, set_octets, set_octets, set_word, truncate, extend, remove, insert, ethernet_field, ip_field,
    ip_field, ip_field, tcp_field, tcp_field, tcp_field, small_field, small_field,
)  # fmt: skip


# --- whole frames --------------------------------------------------------------------------------------------


def splice(frame: Octets, corpus: Sequence[bytes], random: Random) -> Octets:
    """The head of one frame, the tail of another."""
    other = random.choice(corpus)
    cut = random.choice((14, 34, 42, 54, random.randrange(len(frame))))
    return Octets(frame[:cut] + other[cut if random.random() < 0.7 else random.randrange(len(other)) :])


def aim(frame: Octets, live: Live, random: Random) -> None:
    """Make a recorded TCP segment one of a live connection, exactly or nearly."""
    if len(frame) < 54 or frame[23] != 6 or frame[14] != 0x45:
        return
    near = (0, 0, 0, 0, 0, 1, -1, live.window, live.window - 1, 1_460, -1_460, random.getrandbits(32))
    frame[26:30] = live.src
    frame[34:38] = live.ports[0].to_bytes(2, "big") + live.ports[1].to_bytes(2, "big")
    frame[38:42] = (live.seq + random.choice(near) & 0xFFFF_FFFF).to_bytes(4, "big")
    frame[42:46] = (live.ack + random.choice(near) & 0xFFFF_FFFF).to_bytes(4, "big")
    at = frame.find(b"\x08\x0a", 54, 14 + 20 + 4 * (frame[46] >> 4))
    if at > 0 and random.random() < 0.9:
        stamp = live.stamp + random.choice((0, 0, 1, 10, -1, 1 << 30))
        frame[at + 2 : at + 6] = (stamp & 0xFFFF_FFFF).to_bytes(4, "big")


def mutant(corpus: Sequence[bytes], living: Sequence[Live], random: Random) -> bytes:
    """One frame: a recorded one, perhaps aimed, mutated up to three times, its checksums right again (mostly)."""
    frame = Octets(random.choice(corpus))
    if living and random.random() < 0.7:
        aim(frame, random.choice(living), random)
    if random.random() < 0.05:
        frame = splice(frame, corpus, random)
    for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
        if len(frame) > 14:
            random.choice(MUTATIONS)(frame, random)
    if random.random() < 0.95:
        fix(frame)
    return bytes(frame)


def fix(frame: Octets) -> None:
    """Right checksums for IPv4 and what it carries, as far as there is something to be right."""
    if len(frame) < 34 or frame[12:14] != b"\x08\x00" or frame[14] >> 4 != 4:
        return
    header, total = 4 * (frame[14] & 15), int.from_bytes(frame[16:18], "big")
    start = 14 + header
    if header < 20 or start > len(frame):
        return
    frame[24:26] = b"\0\0"
    frame[24:26] = checksum(frame[14:start]).to_bytes(2, "big")
    stop = min(len(frame), 14 + max(total, header))
    length, protocol = stop - start, frame[23]
    place = {1: 2, 2: 2, 6: 16, 17: 6}.get(protocol)
    if place is None or length < place + 2 or int.from_bytes(frame[20:22], "big") & 0x3FFF:
        return
    at = start + place
    if protocol == 17:
        length = min(length, max(8, int.from_bytes(frame[start + 4 : start + 6], "big")))
    pseudo = (
        pseudo_sum(bytes(frame[26:30]), bytes(frame[30:34]), protocol, length) if protocol in {6, 17} else 0
    )
    frame[at : at + 2] = b"\0\0"
    frame[at : at + 2] = (checksum(frame[start : start + length], pseudo) or 0xFFFF).to_bytes(2, "big")


def cut(octets: bytes, random: Random) -> Frame:
    """The frame as a device may hand it over: in one piece, or cut at a layer boundary."""
    places = [len(octets)] * 6
    if len(octets) >= 34 and octets[12:14] == b"\x08\x00":
        transport = 14 + 4 * (octets[14] & 15)
        places += [14, transport]
        if octets[23] == 6 and len(octets) > transport + 12:
            places.append(transport + 4 * (octets[transport + 12] >> 4))
        elif octets[23] in {1, 17}:
            places.append(transport + 8)
    place = random.choice(places)
    return Frame(octets[:place], octets[place:])
