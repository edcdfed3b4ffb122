"""Captures: the trace as a pcapng file, with interface names, nanoseconds, and the event behind each frame as comment.

Each frame is written once, where its sender handed it to the device: so nothing is seen twice, and what a cable lost
is there as well. Checksums are complete, whatever the device would have finished.
"""

import errno
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO, Final

from netarium.base.trace import Event, FrameReceived, FrameSent, Segment, Signal
from netarium.wire.pcapng import INBOUND, LINKTYPE_ETHERNET, LINKTYPE_RAW, OUTBOUND, Writer

_LOOPBACK: Final = "lo"  # is not captured: no frame of it is on a line


class Capture:
    """A listener that writes each frame to a file as it is sent: `trace.listen(Capture(file))`.

    A full disk does not disturb the traffic: the file then ends with the last whole packet, and `failed` says why.

    Args:
        file: binary, best without a buffer of its own; is closed by its owner.
        epoch_ns: added to every time.
        machine: only what this machine sends and receives; with it, received frames are written, too.
        raw: devices whose frames begin with the IP header (Medium.IP).

    Attributes:
        failed: why nothing is written any more, or None.
    """

    def __init__(
        self, file: BinaryIO, *, epoch_ns: int = 0, machine: str | None = None, raw: Collection[str] = ()
    ) -> None:
        self.failed: OSError | None = None
        self._file = file
        self._epoch_ns = epoch_ns
        self._machine = machine
        self._raw = raw
        self._writer = Writer()
        self._size = 0
        self._notes: dict[int, str] = {}
        self._write(self._writer.start())

    def __call__(self, event: Event) -> None:
        """Write a frame; remember what segments were for, for the comment of the frame that follows."""
        if isinstance(event, Segment):
            if event.direction == "sent" and event.note:
                self._notes = {event.id: event.note}
        elif isinstance(event, FrameSent):
            self._frame(event, OUTBOUND, self._notes.get(event.cause, ""))
        elif isinstance(event, FrameReceived) and self._machine is not None:
            self._frame(event, INBOUND, "")

    def _frame(self, event: FrameSent | FrameReceived, direction: int, note: str) -> None:
        if self.failed is None and self._machine in {None, event.where} and event.device != _LOOPBACK:
            raw = event.device in self._raw
            self._write(packet(self._writer, event, direction, self._epoch_ns, note, raw=raw))

    def _write(self, octets: bytes) -> None:
        try:
            written = self._file.write(octets)
        except OSError as fault:
            self.failed = fault
        else:
            if written == len(octets):
                self._size += written
                return
            self.failed = OSError(errno.ENOSPC, f"{written} of {len(octets)} octets were written")
        with suppress(OSError):  # back to the end of the last whole block
            self._file.truncate(self._size)


def packet(
    writer: Writer,
    event: FrameSent | FrameReceived,
    direction: int,
    epoch_ns: int,
    note: str,
    *,
    raw: bool = False,
) -> bytes:
    """One frame as the bytes to append to a capture."""
    comment = f"event {event.id}, because of {event.cause}" if event.cause else f"event {event.id}"
    return writer.packet(
        f"{event.where}/{event.device}",
        epoch_ns + event.at,
        event.octets,
        link_type=LINKTYPE_RAW if raw else LINKTYPE_ETHERNET,
        comments=[f"{comment}: {note}" if note else comment],
        direction=direction,
    )


def capture(events: Iterable[Event], *, epoch_ns: int = 0, lost: bool = False) -> Iterator[bytes]:
    """A whole trace as a capture.

    Args:
        events: in order.
        epoch_ns: added to every time.
        lost: with frames that a cable lost, each with a comment that says so; without them (as a capture behind the
            cable would be) analysers do not take a retransmission for a contradiction.
    """
    chosen = list(events)
    segments = {event.id: event.note for event in chosen if isinstance(event, Segment) and event.note}
    gone = {event.cause: event.lost for event in chosen if isinstance(event, Signal) and event.lost}
    writer = Writer()
    yield writer.start()
    for event in chosen:
        if (
            isinstance(event, FrameSent)
            and not event.device.startswith("lo")
            and (lost or event.id not in gone)
        ):
            notes = [segments.get(event.cause, ""), f"lost: {gone[event.id]}" if event.id in gone else ""]
            yield packet(writer, event, OUTBOUND, epoch_ns, ", ".join(filter(None, notes)))
