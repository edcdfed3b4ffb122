"""What travels between the stack and a device: a frame, or a super-segment that stands for many.

The octets are `head + body`. A sender puts every header into `head` and leaves the payload where the application
put it: nothing is joined until a device must. The cut lies at a layer boundary, or `body` is empty.
"""

from netarium.base.checksum import Buffer


class Frame:
    """One frame without preamble, padding and FCS, or a TCP super-segment of up to 64 KiB.

    Attributes:
        head: link header and all headers up to the payload; everything, if `body` is empty.
        body: the payload, or empty.
        gso_size: 0, or payload octets of each TCP segment that this super-segment stands for.
        csum_start: 0 if the transport checksum in `head` is complete; else the offset of the transport header
            whose checksum field (at `csum_start + csum_offset`) holds only the folded, *not* complemented
            pseudo-header sum and is still to be finished over everything from `csum_start` on. Such a frame is
            trusted by a receiver, as virtio does: nobody has touched it since it was made.
        csum_offset: 16 for TCP, 6 for UDP.
        checked: on receipt, the device vouches for the transport checksum.
        fcs: None if the frame check sequence is right by construction; else the one that came with it.
        cause: the trace event that made this frame, or 0.
    """

    __slots__ = ("body", "cause", "checked", "csum_offset", "csum_start", "fcs", "gso_size", "head")

    def __init__(
        self,
        head: Buffer,
        body: Buffer = b"",
        gso_size: int = 0,
        csum_start: int = 0,
        csum_offset: int = 0,
        checked: bool = False,
        fcs: int | None = None,
        cause: int = 0,
    ) -> None:
        self.head = head
        self.body = body
        self.gso_size = gso_size
        self.csum_start = csum_start
        self.csum_offset = csum_offset
        self.checked = checked
        self.fcs = fcs
        self.cause = cause

    def __len__(self) -> int:
        return len(self.head) + len(self.body)

    def copy(self) -> "Frame":
        """Another frame with the same octets, for who sends one frame to several places."""
        return Frame(
            self.head,
            self.body,
            self.gso_size,
            self.csum_start,
            self.csum_offset,
            self.checked,
            self.fcs,
            self.cause,
        )

    def octets(self) -> bytes:
        """Head and body in one; the checksum as it stands (see `gso.finished`)."""
        return bytes(self.head) + bytes(self.body)

    def __repr__(self) -> str:
        return f"Frame({len(self.head)}+{len(self.body)} octets, gso_size={self.gso_size})"
