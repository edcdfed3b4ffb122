"""The send buffer: octets from SND.UNA on, kept until they are acknowledged.

It holds the application's own `bytes` and cuts views from them; nothing is copied on the way to the device but small
writes, which are gathered so that a million of them do not become a million objects.
"""

from bisect import bisect_right
from operator import itemgetter
from typing import Final

from netarium.base.checksum import Buffer

_SMALL: Final = 2_048  # octets; a write below it is copied into a common chunk
_GATHER: Final = 16_384  # octets; a common chunk is closed when it is this long
_START: Final = itemgetter(0)
_RELEASED: Final = (-1, memoryview(b""))


class SendBuffer:
    """A window on the stream: `[start, end)` in sequence numbers. It owns containers only while it is not empty."""

    __slots__ = ("_at", "_chunks", "_first", "_gathered", "_tail", "end", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.end = start
        self._chunks: list[tuple[int, memoryview]] | None = None  # by the number of the first octet
        self._at = 0  # the chunk that was cut last: the next cut is mostly in it, too
        self._first = 0  # chunks before it are acknowledged and go at the next compaction
        self._tail: list[bytes] | None = None  # small writes, not yet one chunk
        self._gathered = 0

    def __len__(self) -> int:
        return self.end - self.start

    def append(self, octets: Buffer) -> None:
        """Take octets over at the end. `bytes` are kept by reference, anything mutable is copied."""
        size = len(octets)
        if size < _SMALL:
            if self._tail is None:
                self._tail = []
            self._tail.append(bytes(octets))
            self._gathered += size
            self.end += size
            if self._gathered >= _GATHER:
                self._gather()
            return
        if self._tail is not None:
            self._gather()
        self._append_chunk(self.end, bytes(octets))  # of `bytes` that is no copy
        self.end += size

    def slice(self, seq: int, size: int) -> Buffer:
        """`size` octets from `seq` on; they must be in the buffer."""
        stop = seq + size
        assert self.start <= seq <= stop <= self.end
        if self._tail is not None and stop > self.end - self._gathered:
            if seq == self.end - self._gathered and stop == self.end and len(self._tail) == 1:
                return self._tail[0]  # a small write that leaves as it came
            self._gather()
        chunks = self._chunks
        assert chunks is not None, "empty"
        i = self._at
        start, chunk = chunks[i]
        if not start <= seq < start + len(chunk):
            i = self._at = bisect_right(chunks, seq, self._first, key=_START) - 1
            start, chunk = chunks[i]
        offset = seq - start
        if stop <= start + len(chunk):
            return chunk[offset : offset + size]
        pieces = [chunk[offset:]]
        missing = size - len(pieces[0])
        while missing > 0:
            i += 1
            pieces.append(chunks[i][1][:missing])
            missing -= len(pieces[-1])
        return b"".join(pieces)

    def release(self, una: int) -> None:
        """Everything below `una` is acknowledged: let it go."""
        assert self.start <= una <= self.end
        self.start = una
        if una == self.end:
            self.clear()
            return
        chunks, first = self._chunks, self._first
        if chunks is None:
            return
        while first < len(chunks) and chunks[first][0] + len(chunks[first][1]) <= una:
            chunks[first] = _RELEASED  # the octets go now, the slot later
            first += 1
        self._first = first
        if first > 64 and first * 2 > len(chunks):
            del chunks[:first]
            self._first = self._at = 0

    def clear(self) -> None:
        """Nothing waits any more, or nothing of it will be sent."""
        self.start = self.end
        self._chunks = self._tail = None
        self._at = self._first = self._gathered = 0

    def _gather(self) -> None:
        assert self._tail is not None
        self._append_chunk(self.end - self._gathered, b"".join(self._tail))
        self._tail = None
        self._gathered = 0

    def _append_chunk(self, start: int, octets: bytes) -> None:
        if self._chunks is None:
            self._chunks = []
        self._chunks.append((start, memoryview(octets)))
