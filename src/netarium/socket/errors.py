"""From the stack's errnos to Python's exceptions: the type, the number and the words that the kernel's sockets give."""

import errno
import os

from netarium.base.errors import StackError


def os_error(number: int) -> OSError:
    """The exception for an errno; Python itself picks the subclass (ConnectionRefusedError, ...)."""
    return OSError(number, os.strerror(number))


def from_stack(fault: StackError) -> OSError:
    """The exception for an operation that the stack refused; the object concerned is a note under the traceback."""
    error = os_error(fault.errno)
    if fault.detail:
        error.add_note(fault.detail)
    return error


def timed_out() -> TimeoutError:
    """What a socket with a timeout raises when that is over; it has no errno."""
    return TimeoutError("timed out")


def would_block() -> OSError:
    """What a non-blocking socket raises when there is nothing yet: BlockingIOError."""
    return os_error(errno.EAGAIN)
