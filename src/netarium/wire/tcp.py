"""The TCP segment (RFC 9293 §3.1): header, options, payload. No state, no sequence arithmetic.

Sequence numbers here are the 32 bits of the wire; the door of TCP unwraps them.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from netarium.base.checksum import Buffer, is_valid, pseudo_sum, sum16
from netarium.base.errors import WireError
from netarium.wire.numbers import PROTOCOL_TCP
from netarium.wire.tcp_options import TIMESTAMPS_WORD, parse_options

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10
URG: Final = 0x20
ECE: Final = 0x40  # RFC 3168
CWR: Final = 0x80
AE: Final = 0x100  # RFC 9768; it lies beside the data offset
ACE: Final = AE | CWR | ECE  # the three as one number, once Accurate ECN is agreed on

HEADER_LENGTH: Final = 20
MAX_HEADER_LENGTH: Final = 60
CHECKSUM_OFFSET: Final = 16

_HEADER: Final = Struct("!HHIIBBHHH")
_WITH_TIMESTAMPS: Final = Struct("!HHIIBBHHHIII")  # the usual 32 octets: NOP, NOP, timestamps
_FLAG_NAMES: Final = (
    (SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK"), (URG, "URG"), (ECE, "ECE"), (CWR, "CWR"),
    (AE, "AE"),
)  # fmt: skip


def flag_names(flags: int) -> str:
    """The flags as text: "SYN,ACK"; "" if there are none."""
    return ",".join([name for flag, name in _FLAG_NAMES if flags & flag])


@dataclass(slots=True)
class TcpSegment:
    """One received segment, or a super-segment.

    Attributes:
        src_port: source port.
        dst_port: destination port.
        seq: sequence number of the first octet, or of the SYN (32 bits).
        ack: acknowledgment number; meaningful with ACK only.
        flags: FIN ... AE.
        window: as on the wire, not shifted.
        urgent: urgent pointer; meaningful with URG only.
        checksum: as on the wire.
        header_length: octets, 20 ... 60.
        payload: a view on the received octets.
        mss: MSS option, or None.
        wscale: window scale option as sent, or None.
        sack_permitted: SACK-permitted option.
        sack: SACK blocks, left and right edges.
        ts_val: TSval, or None if there is no timestamps option.
        ts_ecr: TSecr; 0 without the option.
        options: the option octets as they came.
        ecn: ECN bits of the packet that brought it, where somebody wants to know: they are IP's (RFC 3168 §5).
    """

    src_port: int
    dst_port: int
    seq: int
    ack: int
    flags: int
    window: int
    urgent: int = 0
    checksum: int = 0
    header_length: int = HEADER_LENGTH
    payload: Buffer = b""
    mss: int | None = None
    wscale: int | None = None
    sack_permitted: bool = False
    sack: tuple[tuple[int, int], ...] = ()
    ts_val: int | None = None
    ts_ecr: int = 0
    options: bytes = b""
    ecn: int = 0

    @classmethod
    def parse(cls, head: Buffer, body: Buffer = b"") -> "TcpSegment":
        """Read a segment. The checksum is not looked at: see `verify`.

        Args:
            head: begins with the header, which is whole; then the payload, if `body` is empty.
            body: the payload, if `head` ends with the header. Not copied: the segment keeps a view.

        Raises:
            WireError: shorter than its header, or a data offset below 5.

        Spec: RFC 9293 §3.1. Reserved bits are ignored.
        """
        length = len(head)
        if length >= 32 and head[12] == 0x80:  # eight words, and not AE
            (
                src_port, dst_port, seq, ack, _, flags, window, checksum, urgent, word, ts_val, ts_ecr,
            ) = _WITH_TIMESTAMPS.unpack_from(head)  # fmt: skip
            if word == TIMESTAMPS_WORD:
                if length > 32:
                    body = _behind(head, 32, body)
                return cls(
                    src_port, dst_port, seq, ack, flags, window, urgent, checksum, 32, body,
                    None, None, False, (), ts_val, ts_ecr, bytes(head[20:32]),
                )  # fmt: skip
        if length < HEADER_LENGTH:
            raise WireError(f"tcp: {length} octets are less than a header")
        src_port, dst_port, seq, ack, offset, flags, window, checksum, urgent = _HEADER.unpack_from(head)
        header_length = (offset >> 4) * 4
        flags |= (offset & 1) << 8
        if not HEADER_LENGTH <= header_length <= length:
            raise WireError(f"tcp: a data offset of {offset >> 4} words in {length} octets")
        if length > header_length:
            body = _behind(head, header_length, body)
        if header_length == HEADER_LENGTH:
            return cls(src_port, dst_port, seq, ack, flags, window, urgent, checksum, HEADER_LENGTH, body)
        options = bytes(head[HEADER_LENGTH:header_length])
        known = parse_options(options)
        return cls(
            src_port, dst_port, seq, ack, flags, window, urgent, checksum, header_length, body,
            known.mss, known.wscale, known.sack_permitted, known.sack, known.ts_val, known.ts_ecr, options,
        )  # fmt: skip

    @property
    def segment_length(self) -> int:
        """SEG.LEN: octets of sequence space, SYN and FIN counted (RFC 9293 §3.3.1)."""
        flags = self.flags
        return len(self.payload) + (flags >> 1 & 1) + (flags & 1)

    def pack(self) -> bytes:
        """The header with its options again, checksum as it stands; the payload is not in it."""
        return pack_header(
            self.src_port, self.dst_port, self.seq, self.ack, self.flags, self.window,
            self.urgent, self.options, self.checksum,
        )  # fmt: skip


def _behind(head: Buffer, header_length: int, body: Buffer) -> Buffer:
    """The payload, when some of it or all lies in `head`."""
    payload = memoryview(head)[header_length:]
    return payload if not len(body) else bytes(payload) + bytes(body)


def pack_header(
    src_port: int,
    dst_port: int,
    seq: int,
    ack: int,
    flags: int,
    window: int,
    urgent: int = 0,
    options: bytes = b"",
    checksum: int = 0,
) -> bytes:
    """A header with its options.

    Args:
        src_port: source port.
        dst_port: destination port.
        seq: 32 bits.
        ack: 32 bits; 0 without ACK (RFC 9293 §3.1).
        flags: FIN ... AE.
        window: 16 bits, already shifted.
        urgent: urgent pointer.
        options: a multiple of 4 octets, 40 at the most: see `pack_options`.
        checksum: finished, or the folded pseudo-header sum when the device finishes it.
    """
    offset = 0x50 + (len(options) << 2) + (flags >> 8)  # words in the upper half of an octet: length / 4 * 16
    return (
        _HEADER.pack(src_port, dst_port, seq, ack, offset, flags & 0xFF, window, checksum, urgent) + options
    )


def pack_header_with_timestamps(
    src_port: int,
    dst_port: int,
    seq: int,
    ack: int,
    flags: int,
    window: int,
    urgent: int,
    checksum: int,
    ts_val: int,
    ts_ecr: int,
) -> bytes:
    """As `pack_header`, with the timestamps option and no other: nearly all segments are such, and this is one step.

    Flags up to CWR.
    """
    return _WITH_TIMESTAMPS.pack(
        src_port, dst_port, seq, ack, 0x80, flags, window, checksum, urgent, TIMESTAMPS_WORD, ts_val, ts_ecr
    )


def verify(src: bytes, dst: bytes, head: Buffer, body: Buffer = b"") -> bool:
    """True if the checksum is right; `head + body` is the whole segment (RFC 9293 MUST-3).

    Args:
        src: source address of the IP packet, 4 or 16 octets.
        dst: destination address.
        head: begins with the TCP header.
        body: the rest, or empty.
    """
    if len(head) & 1 and len(body):
        head, body = bytes(head) + bytes(body), b""  # a sum goes on at even offsets only
    pseudo = pseudo_sum(src, dst, PROTOCOL_TCP, len(head) + len(body))
    return is_valid(body, sum16(head, pseudo))
