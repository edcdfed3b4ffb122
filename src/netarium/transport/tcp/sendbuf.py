"""The send buffer: octets from SND.UNA on, kept until they are acknowledged.

It holds the application's own `bytes` and cuts views from them; nothing is copied on the way to the device but small
writes, which are gathered so that a million of them do not become a million objects.
"""

from bisect import bisect_right
from typing import Final

from netarium.base.checksum import Buffer

_SMALL: Final = 2_048  # octets; a write below it is copied into a common chunk
_GATHER: Final = 16_384  # octets; a common chunk is closed when it is this long


class SendBuffer:
    """A window on the stream: `[start, end)` in sequence numbers."""

    __slots__ = ("_chunks", "_first", "_gathered", "_starts", "_tail", "end", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.end = start
        self._chunks: list[Buffer] = []
        self._starts: list[int] = []
        self._first = 0  # chunks before it are acknowledged and go at the next compaction
        self._tail: list[bytes] = []  # small writes, not yet one chunk
        self._gathered = 0

    def __len__(self) -> int:
        return self.end - self.start

    def append(self, octets: Buffer) -> None:
        """Take octets over at the end. `bytes` are kept by reference, anything mutable is copied."""
        size = len(octets)
        if size < _SMALL:
            self._tail.append(bytes(octets))
            self._gathered += size
            self.end += size
            if self._gathered >= _GATHER:
                self._gather()
            return
        if self._tail:
            self._gather()
        self._starts.append(self.end)
        self._chunks.append(memoryview(octets if isinstance(octets, bytes) else bytes(octets)))
        self.end += size

    def slice(self, seq: int, size: int) -> Buffer:
        """`size` octets from `seq` on; they must be in the buffer."""
        assert self.start <= seq <= seq + size <= self.end
        if self._tail and seq + size > self.end - self._gathered:
            self._gather()
        i = bisect_right(self._starts, seq) - 1
        offset = seq - self._starts[i]
        chunk = self._chunks[i]
        if offset + size <= len(chunk):
            return chunk[offset : offset + size]
        pieces = [chunk[offset:]]
        missing = size - len(pieces[0])
        while missing > 0:
            i += 1
            pieces.append(self._chunks[i][:missing])
            missing -= len(pieces[-1])
        return b"".join(pieces)

    def release(self, una: int) -> None:
        """Everything below `una` is acknowledged: let it go."""
        assert self.start <= una <= self.end
        self.start = una
        if self._tail and una > self.end - self._gathered:
            self._gather()
        starts, chunks, first = self._starts, self._chunks, self._first
        while first < len(starts) and starts[first] + len(chunks[first]) <= una:
            chunks[first] = b""  # the octets go now, the slot later
            first += 1
        self._first = first
        if (first > 64 and first * 2 > len(starts)) or first == len(starts):
            del starts[:first], chunks[:first]
            self._first = 0

    def clear(self) -> None:
        """Nothing will be sent any more."""
        self.start = self.end
        self._starts.clear()
        self._chunks.clear()
        self._tail.clear()
        self._first = self._gathered = 0

    def _gather(self) -> None:
        self._starts.append(self.end - self._gathered)
        self._chunks.append(memoryview(b"".join(self._tail)))
        self._tail.clear()
        self._gathered = 0
