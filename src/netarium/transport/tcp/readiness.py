"""The application's side of a control block: what is ready, and taking octets from the receive queue.

Duties: MUST-32, MUST-33 of RFC 9293 (urgent data is told by POLLPRI and SIOCATMARK).
"""

from netarium.base.checksum import Buffer
from netarium.transport.endpoint import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLPRI,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRNORM,
)
from netarium.transport.tcp.listener import Listener
from netarium.transport.tcp.state import CLOSED, LISTEN, SYN_RECEIVED, SYN_SENT
from netarium.transport.tcp.tcb import Tcb

_READABLE = POLLIN | POLLRDNORM
WRITABLE = POLLOUT | POLLWRNORM
_OPENING = frozenset({SYN_SENT, SYN_RECEIVED})


def poll(tcb: Tcb, listener: Listener | None, *, used: bool, writable: bool) -> int:
    """Tell what is ready, as Linux does.

    Args:
        tcb: the connection.
        listener: its queues, while in LISTEN.
        used: it is a connection or an attempt at one, or was; False: a fresh socket.
        writable: the send buffer has room worth a call.
    """
    state = tcb.state
    if state is LISTEN:
        return _READABLE if listener is not None and listener.ready else 0
    peer_done = tcb.rcv_shutdown or (tcb.rcv_fin is not None and tcb.rcv_nxt > tcb.rcv_fin)
    mask = POLLERR if tcb.error or (tcb.notices is not None and tcb.notices.queue) else 0
    if mask and tcb.config.socket_errors == "freebsd":
        mask = _READABLE | WRITABLE  # sopoll(): an error is there to be read or written into
    if state is CLOSED and not used and tcb.config.socket_errors == "freebsd":
        return mask
    if state is CLOSED:
        over = _READABLE | POLLRDHUP if used or peer_done else 0
        return mask | POLLHUP | WRITABLE | over | (POLLPRI if _is_urgent(tcb) else 0)
    if state in _OPENING and not tcb.fast_opened:
        return mask | WRITABLE if tcb.deferred else mask  # the first octets go with the SYN
    if peer_done:
        mask |= _READABLE | POLLRDHUP
        if tcb.fin_queued:
            mask |= POLLHUP
    queued = tcb.rcv_queued
    if tcb.rcv_up > tcb.irs + 1 and tcb.rcv_up > next_to_read(tcb):  # the urgent mark is not read yet
        if _is_urgent(tcb):
            mask |= POLLPRI
        queued -= before_urgent(tcb)  # that octet is MSG_OOB's
    if queued >= tcb.options.rcvlowat or (queued and tcb.rcv_adv - tcb.rcv_nxt <= tcb.rcv_mss):
        mask |= _READABLE
    if tcb.fin_queued or writable:
        mask |= WRITABLE
    return mask


def take(tcb: Tcb, limit: int, *, peek: bool) -> bytes:
    """Up to `limit` octets from the receive queue, which is not empty; they stay there if `peek`."""
    if tcb.rcv_up > tcb.irs + 1:  # there was urgent data
        limit = _up_to_mark(tcb, limit)
    queue = tcb.rcv_queue
    assert queue is not None
    first = queue[0]
    if tcb.rcv_queued <= limit and not peek and len(queue) == 1:  # all of it, in one piece
        tcb.rcv_queue = None
        tcb.rcv_queued = 0
        return bytes(first)
    if len(first) >= limit:
        taken = bytes(first) if len(first) == limit else bytes(memoryview(first)[:limit])
        if not peek:
            _drop(tcb, limit)
        return taken
    pieces: list[Buffer] = []
    missing = limit
    for piece in queue:
        pieces.append(piece if len(piece) <= missing else memoryview(piece)[:missing])
        missing -= len(pieces[-1])
        if not missing:
            break
    taken = b"".join(pieces)
    if not peek:
        pieces.clear()  # a view would keep a gathered chunk from growing
        _drop(tcb, len(taken))
    return taken


def look(tcb: Tcb, offset: int, limit: int) -> bytes:
    """Up to `limit` octets of the receive queue behind the first `offset` ones; they stay there (SO_PEEK_OFF)."""
    limit = _up_to_mark(tcb, limit, offset)
    pieces: list[Buffer] = []
    for piece in tcb.rcv_queue or ():
        pieces.append(memoryview(piece)[offset : offset + limit])
        limit -= len(pieces[-1])
        offset = max(0, offset - len(piece))
    return b"".join(pieces)


def take_into(tcb: Tcb, buffer: memoryview, *, peek: bool) -> int:
    """Fill `buffer` from the receive queue, which is not empty; return how many octets."""
    limit = _up_to_mark(tcb, len(buffer))
    at = 0
    for piece in tcb.rcv_queue or ():
        size = min(len(piece), limit - at)
        buffer[at : at + size] = piece if size == len(piece) else memoryview(piece)[:size]
        at += size
        if at == limit:
            break
    if not peek:
        _drop(tcb, at)
    return at


def next_to_read(tcb: Tcb) -> int:
    """The number of the octet that is read next; the peer's FIN is none."""
    fin = tcb.rcv_fin
    return tcb.rcv_nxt - tcb.rcv_queued - (fin is not None and tcb.rcv_nxt > fin)


def _is_urgent(tcb: Tcb) -> bool:
    """The urgent mark is not read yet, nor the octet before it by MSG_OOB."""
    read = 0 if tcb.tally is None else tcb.tally.urgent_read
    come = tcb.rcv_up <= tcb.rcv_nxt or not tcb.config.urgent_octet
    return come and next_to_read(tcb) < tcb.rcv_up != read


def urgent_octet(tcb: Tcb) -> bytes | None:
    """The octet before the urgent mark, if it is in the receive queue."""
    offset = tcb.rcv_up - 1 - next_to_read(tcb)
    if not 0 <= offset < tcb.rcv_queued:
        return None
    for piece in tcb.rcv_queue or ():
        if offset < len(piece):
            return bytes(memoryview(piece)[offset : offset + 1])
        offset -= len(piece)
    return None


def before_urgent(tcb: Tcb) -> bool:
    """The next octet to be read is the urgent one, and it is kept out of the stream (SO_OOBINLINE)."""
    waits = tcb.rcv_queued > 0 and tcb.rcv_up - 1 == next_to_read(tcb)
    return waits and not (tcb.options.oobinline or tcb.config.urgent_in_line)


def _up_to_mark(tcb: Tcb, limit: int, offset: int = 0) -> int:
    """A read stops at the urgent mark (tcp(7)), so that the application can ask whether it is there."""
    before_mark = tcb.rcv_up - 1 - next_to_read(tcb) - offset
    if tcb.rcv_up > tcb.irs + 1 and 0 < before_mark < limit:
        return before_mark
    return limit


def _drop(tcb: Tcb, size: int) -> None:
    """Remove octets from the front of the queue."""
    queue = tcb.rcv_queue
    assert queue is not None
    tcb.rcv_queued -= size
    if not tcb.rcv_queued:
        tcb.rcv_queue = None
        return
    while size:
        first = queue[0]
        if len(first) <= size:
            size -= len(first)
            queue.popleft()
        elif isinstance(first, bytearray):
            queue[0] = memoryview(bytes(first))[size:]
            return
        else:
            queue[0] = memoryview(first)[size:]
            return
