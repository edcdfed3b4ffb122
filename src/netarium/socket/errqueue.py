"""SO_ZEROCOPY, SO_TIMESTAMPING and the error queue of a stream, as Linux encodes them.

Nothing here is ever sent without being copied, and the notice says so: SO_EE_CODE_ZEROCOPY_COPIED.
"""

import errno
import socket as kernel
import struct
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, Final

from netarium.socket.buffers import octets
from netarium.socket.descriptors import Description
from netarium.socket.errors import os_error
from netarium.transport.tcp.connection import Connection
from netarium.transport.tcp.notices import (
    OPT_ID,
    OPT_ID_TCP,
    RX_SOFTWARE,
    SOFTWARE,
    ZEROCOPY,
    Notice,
    Notices,
)

MSG_ZEROCOPY: Final = 0x400_0000
PAGES_OF_A_SEGMENT: Final = 17  # buffers that Linux attaches to one packet and does not copy (MAX_SKB_FRAGS)
_SCM_TIMESTAMPING: Final = 37
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_ORIGIN_TIMESTAMPING, _ORIGIN_ZEROCOPY = 4, 5
_CODE_COPIED: Final = 1
_EXTENDED_ERROR: Final = struct.Struct("IBBBBII16x")  # struct sock_extended_err, and an empty address
_THREE_TIMES: Final = struct.Struct("6l")  # software, unused, hardware
_ALL_FLAGS: Final = (1 << 19) - 1
_ASKS_ABOUT_WRITES: Final = 0x302  # TX_SCHED, TX_ACK, TX_SOFTWARE
_OF_ONE_WRITE: Final = _ASKS_ABOUT_WRITES | 0x1  # and TX_HARDWARE, which no device here has
_OF_THE_DEVICE: Final = frozenset({12, 36})  # SO_PRIORITY, SO_MARK
_INT: Final = struct.Struct("I")
_SECOND: Final = 1_000_000_000
_NEVER_CONNECTED: Final = frozenset({"CLOSED", "CLOSE", "LISTEN"})

Ancillary = list[tuple[int, int, bytes]]


def set_timestamping(description: Description, flags: int) -> None:
    """SO_TIMESTAMPING.

    Raises:
        OSError: EINVAL: unknown flags, or numbered octets of a stream that is none yet.
    """
    endpoint = description.endpoint
    if flags & ~_ALL_FLAGS or (flags & OPT_ID_TCP and not flags & OPT_ID):
        raise os_error(errno.EINVAL)
    fresh = flags & OPT_ID and not endpoint.options.timestamping & OPT_ID
    if isinstance(endpoint, Connection) and fresh:
        if endpoint.state_name in _NEVER_CONNECTED:
            raise os_error(errno.EINVAL)
        tcb = endpoint.tcb
        notices(endpoint).count_from(tcb.sendbuf.end if flags & OPT_ID_TCP else tcb.snd_una)
    endpoint.options.timestamping = flags
    if isinstance(endpoint, Connection) and flags & RX_SOFTWARE:
        notices(endpoint)


def notices(connection: Connection) -> Notices:
    """The connection's error queue; made when it is first needed."""
    if connection.tcb.notices is None:
        connection.tcb.notices = Notices()
    return connection.tcb.notices


class SendNotes:
    """What one send() leaves behind in the error queue's books; made only for a send() that asks."""

    def __init__(self, connection: Connection, flags: int, stamps: int) -> None:
        self._notices = notices(connection)
        self._connection = connection
        self._flags = stamps
        zerocopy = flags & MSG_ZEROCOPY and connection.options.zerocopy
        self._id = self._notices.next_zerocopy() if zerocopy else None

    def taken(self, *, last: bool) -> None:
        """Octets were taken into the send buffer; `last`: no more of this call."""
        end = self._connection.tcb.sendbuf.end
        if self._id is not None:
            self._notices.mark_zerocopy(end, self._id)
        if last and self._flags & _ASKS_ABOUT_WRITES:
            self._notices.mark_write(end, self._flags)


def notes_of(connection: Connection, flags: int, size: int, asked: int | None = None) -> SendNotes | None:
    """The books of a send(), if it has any.

    Args:
        connection: that it is for.
        flags: of the call.
        size: octets that are to be sent.
        asked: SOF_TIMESTAMPING_TX_* of this call alone, which stand for those of the socket; None: there are none.
    """
    options = connection.options
    stamps = options.timestamping
    if asked is not None:
        stamps = (stamps & ~_ASKS_ABOUT_WRITES) | asked
    asks = stamps & _ASKS_ABOUT_WRITES or (flags & MSG_ZEROCOPY and options.zerocopy)
    return SendNotes(connection, flags, stamps) if asks and size else None


def asked_of_stream(items: Iterable[tuple[int, int, Any]]) -> int | None:
    """What control messages of sendmsg() say about a write to a stream: SOF_TIMESTAMPING_TX_* for it alone, or nothing.

    Those of other levels are not for streams, and not looked at.

    Raises:
        OSError: EINVAL: unknown, or flags that are not about one write.
    """
    found: int | None = None
    for level, kind, raw in items:
        if level != int(kernel.SOL_SOCKET) or kind in _OF_THE_DEVICE:
            continue
        value = octets(raw)
        if kind != _SCM_TIMESTAMPING or len(value) != _INT.size:
            raise os_error(errno.EINVAL)
        found = int(_INT.unpack(value)[0])
        if found & ~_OF_ONE_WRITE:
            raise os_error(errno.EINVAL)
    return found


def cuts_of(buffers: Sequence[Any]) -> list[int]:
    """Offsets in buffers that are sent without a copy where one packet is full of them."""
    ends = list(accumulate(len(octets(each)) for each in buffers))
    return ends[PAGES_OF_A_SEGMENT - 1 : -1 : PAGES_OF_A_SEGMENT]


def describe_notice(description: Description, notice: Notice) -> Ancillary:
    """The control messages of one entry."""
    level, kind = int(kernel.IPPROTO_IP), _IP_RECVERR
    if description.family == int(kernel.AF_INET6):  # also if it speaks IPv4, as on Linux
        level, kind = int(kernel.IPPROTO_IPV6), _IPV6_RECVERR
    if notice.kind == ZEROCOPY:
        error = _EXTENDED_ERROR.pack(0, _ORIGIN_ZEROCOPY, 0, _CODE_COPIED, 0, notice.info, notice.data)
        return [(level, kind, error)]
    error = _EXTENDED_ERROR.pack(errno.ENOMSG, _ORIGIN_TIMESTAMPING, 0, 0, 0, notice.info, notice.data)
    items: Ancillary = []
    if description.endpoint.options.timestamping & SOFTWARE:
        items.append(_time(description, notice.at))
    return [*items, (level, kind, error)]


def describe_arrival(description: Description, connection: Connection) -> Ancillary:
    """When the last of the octets that were just read arrived."""
    found, flags = connection.tcb.notices, connection.options.timestamping
    if found is None or not (flags & RX_SOFTWARE and flags & SOFTWARE):
        return []
    tcb = connection.tcb
    at = found.read(tcb.rcv_nxt - tcb.rcv_queued)
    return [_time(description, at)] if at else []


def _time(description: Description, at: int) -> tuple[int, int, bytes]:
    driver = description.host.driver
    wall = round(driver.wall() * 1e6) * 1_000 - (driver.now() - at)
    value = _THREE_TIMES.pack(*divmod(wall, _SECOND), 0, 0, 0, 0)
    return int(kernel.SOL_SOCKET), _SCM_TIMESTAMPING, value
