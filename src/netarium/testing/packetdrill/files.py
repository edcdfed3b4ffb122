"""What is no socket: pipes, and files of zeros to send from. Octets are only counted, none is kept."""

import errno
import os
from pathlib import Path
from typing import Final

from netarium.testing.packetdrill.errors import Mismatch

_CAPACITY: Final = 65_536  # of a pipe (pipe(7))
_DEFAULT_SIZE: Final = 2**30  # of a file that is not there: more than any script sends


class File:
    """A file of zeros.

    Attributes:
        offset: where the next read begins.
    """

    def __init__(self, size: int = _DEFAULT_SIZE) -> None:
        self.size = size
        self.offset = 0
        self.blocking = True

    def read(self, length: int) -> int:
        """Octets from the offset on."""
        got = max(0, min(length, self.size - self.offset))
        self.offset += got
        return got

    def close(self) -> None:
        """Nothing is held."""


class Pipe:
    """What both ends share.

    Attributes:
        octets: that wait in it.
        readers: 0: writing fails. Likewise `writers`: reading finds the end.
    """

    def __init__(self) -> None:
        self.octets = 0
        self.readers = self.writers = 1

    @property
    def room(self) -> int:
        """Octets that it takes."""
        return _CAPACITY - self.octets


class PipeEnd(File):
    """One of the two descriptors of a pipe."""

    def __init__(self, pipe: Pipe, *, writes: bool) -> None:
        super().__init__(0)
        self.pipe = pipe
        self.writes = writes

    def read(self, length: int) -> int:
        """Octets that wait; fails if there are none yet."""
        if self.writes:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        got = min(length, self.pipe.octets)
        if not got and length and self.pipe.writers:
            self._would_wait()
        self.pipe.octets -= got
        return got

    def write(self, length: int) -> int:
        """As many octets as there is room for."""
        if not self.writes:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if not self.pipe.readers:
            raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))
        taken = min(length, self.pipe.room)
        if length and not taken:
            self._would_wait()
        self.pipe.octets += taken
        return taken

    def close(self) -> None:
        """One end fewer."""
        if self.writes:
            self.pipe.writers = 0
        else:
            self.pipe.readers = 0

    def _would_wait(self) -> None:
        if self.blocking:
            raise Mismatch("a call that returns at once", "one that waits for the other end of its pipe")
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def size_of(path: str) -> int:
    """How large a file of zeros is that stands for a path: as large as the file there, if there is one.

    Nothing is ever opened: what is in the file plays no part, for octets are not compared.
    """
    try:
        status = Path(path).stat()
    except OSError:
        return _DEFAULT_SIZE
    return status.st_size or _DEFAULT_SIZE
