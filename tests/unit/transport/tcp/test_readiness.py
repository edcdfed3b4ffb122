"""What is ready, and taking octets out of the receive queue: in pieces, up to the urgent mark, or only looking."""

from collections import deque
from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
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
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import readiness
from netarium.transport.tcp.state import State
from netarium.transport.tcp.tcb import Tcb

READ, WRITE, GONE = POLLIN | POLLRDNORM, POLLOUT | POLLWRNORM, POLLIN | POLLRDNORM | POLLRDHUP
IRS = 1_000


def holding(*pieces: bytes, state: State = State.ESTABLISHED, **options: object) -> Tcb:
    """A connection in whose receive queue those pieces wait."""
    tcb = Tcb(4, replace(TcpConfig(), urgent_in_line=False), SocketOptions(**options), 1, "us", None)
    tcb.state = state
    tcb.irs = IRS
    size = sum(map(len, pieces))
    tcb.rcv_nxt = tcb.rcv_up = IRS + 1 + size
    tcb.rcv_up = 0
    tcb.rcv_adv = tcb.rcv_nxt + 10_000
    tcb.rcv_queue = deque(pieces) if pieces else None
    tcb.rcv_queued = size
    return tcb


PIECES = (b"abc", b"defg", b"hi")


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 6, 7, 8, 9, 10, 100])
def test_octets_are_taken_in_order(limit: int) -> None:
    whole = b"".join(PIECES)
    tcb = holding(*PIECES)
    for peek in (True, True, False):
        assert readiness.take(tcb, limit, peek=peek) == whole[:limit]
    rest = b"".join(bytes(piece) for piece in tcb.rcv_queue or ())
    assert rest == whole[limit:]
    assert tcb.rcv_queued == len(rest)
    assert all(tcb.rcv_queue or ()), "no piece is empty"
    assert (tcb.rcv_queue is None) == (not rest)


@pytest.mark.parametrize("limit", [1, 3, 4, 8, 9, 12])
def test_octets_are_taken_into_a_buffer(limit: int) -> None:
    whole = b"".join(PIECES)
    tcb = holding(*PIECES)
    for peek in (True, False):
        buffer = bytearray(b"." * limit)
        size = readiness.take_into(tcb, memoryview(buffer), peek=peek)
        assert size == min(limit, 9)
        assert buffer == (whole + b"...")[:limit]
    assert b"".join(bytes(piece) for piece in tcb.rcv_queue or ()) == whole[limit:]
    assert tcb.rcv_queued == max(0, 9 - limit)


def test_a_chunk_that_grows_is_left_to_grow() -> None:
    """The first piece may still be appended to: what was taken from it holds no view of it."""
    chunk = bytearray(b"0123456789")
    tcb = holding(b"", b"")
    tcb.rcv_queue, tcb.rcv_queued = deque((b"ab", chunk)), 12
    assert readiness.take(tcb, 5, peek=True) == b"ab012"
    chunk += b"!"
    tcb.rcv_queued += 1
    assert readiness.take(tcb, 5, peek=False) == b"ab012"
    chunk += b"?"  # it is not the queue's any more
    assert readiness.take(tcb, 100, peek=False) == b"3456789!"
    assert (tcb.rcv_queue, tcb.rcv_queued) == (None, 0)


@pytest.mark.rfc("9293", "MUST-32")
@pytest.mark.parametrize("limit", [1, 4, 5, 6, 9, 50])
def test_a_read_stops_at_the_mark(limit: int) -> None:
    tcb = holding(*PIECES)
    tcb.rcv_up = IRS + 1 + 5  # the fifth octet, "e", is urgent
    assert readiness.urgent_octet(tcb) == b"e"
    assert readiness.take(tcb, limit, peek=True) == b"abcdefghi"[: min(limit, 4)]
    buffer = bytearray(limit)
    assert readiness.take_into(tcb, memoryview(buffer), peek=False) == min(limit, 4)
    assert readiness.before_urgent(tcb) is (limit >= 4)
    if limit >= 4:
        tcb.options.oobinline = True
        assert not readiness.before_urgent(tcb)
        assert readiness.take(tcb, 50, peek=False) == b"efghi"


def test_a_read_stops_before_the_second_octet_if_that_is_urgent() -> None:
    tcb = holding(*PIECES)
    tcb.rcv_up = IRS + 1 + 2
    assert readiness.take(tcb, 50, peek=False) == b"a"
    assert readiness.before_urgent(tcb)


def test_a_connection_that_is_over_may_have_urgent_text_still() -> None:
    tcb = holding(b"ab", state=State.CLOSED)
    assert not readiness.poll(tcb, None, used=True, writable=True) & POLLPRI
    tcb.rcv_up = IRS + 1 + 2
    assert readiness.poll(tcb, None, used=True, writable=True) & POLLPRI


def test_where_the_urgent_octet_is() -> None:
    tcb = holding(*PIECES)
    assert readiness.urgent_octet(tcb) is None
    for at, octet in enumerate(b"abcdefghi", 1):
        tcb.rcv_up = IRS + 1 + at
        if at > 0:
            assert readiness.urgent_octet(tcb) == bytes((octet,))
    tcb.rcv_up = IRS + 1 + 10  # it has not come yet
    assert readiness.urgent_octet(tcb) is None
    assert readiness.poll(tcb, None, used=True, writable=True) & POLLPRI
    readiness.take(tcb, 4, peek=False)
    tcb.rcv_up = IRS + 1 + 4  # it was read over
    assert readiness.urgent_octet(tcb) is None
    assert not readiness.poll(tcb, None, used=True, writable=True) & POLLPRI
    tcb.rcv_up = IRS + 1  # what a peer that has never sent urgent data would have
    assert readiness.urgent_octet(tcb) is None


@pytest.mark.parametrize(
    ("state", "ready"),
    [
        (State.SYN_SENT, 0),
        (State.SYN_RECEIVED, 0),
        (State.ESTABLISHED, WRITE),
        (State.CLOSED, POLLHUP | WRITE | GONE),
        (State.LISTEN, 0),
    ],
)
def test_what_is_ready_in_each_state(state: State, ready: int) -> None:
    tcb = holding(state=state)
    assert readiness.poll(tcb, None, used=True, writable=True) == ready
    tcb.error = 111
    told = 0 if state is State.LISTEN else POLLERR
    assert readiness.poll(tcb, None, used=True, writable=True) == ready | told


def test_what_is_ready_before_a_connection() -> None:
    assert readiness.poll(holding(state=State.CLOSED), None, used=False, writable=True) == POLLHUP | WRITE
    shut = holding(state=State.CLOSED)
    shut.rcv_shutdown = True
    assert readiness.poll(shut, None, used=False, writable=True) == POLLHUP | WRITE | GONE
    deferred = holding(state=State.SYN_SENT)
    deferred.deferred = True
    assert readiness.poll(deferred, None, used=True, writable=False) == WRITE
    fast = holding(state=State.SYN_RECEIVED)
    fast.fast_opened = True
    assert readiness.poll(fast, None, used=True, writable=True) == WRITE


def test_what_is_ready_when_an_end_is_closed() -> None:
    tcb = holding(state=State.CLOSE_WAIT)
    tcb.rcv_fin, tcb.rcv_nxt = IRS + 1, IRS + 2
    assert readiness.poll(tcb, None, used=True, writable=False) == GONE
    tcb.fin_queued = True
    assert readiness.poll(tcb, None, used=True, writable=False) == GONE | POLLHUP | WRITE
    ahead = holding()
    ahead.rcv_fin = ahead.rcv_nxt + 5  # a FIN that waits for what is before it
    assert readiness.poll(ahead, None, used=True, writable=False) == 0
    ahead.rcv_fin = ahead.rcv_nxt
    assert readiness.poll(ahead, None, used=True, writable=False) == 0


def test_how_much_makes_it_readable() -> None:
    tcb = holding(b"12345", rcvlowat=5)
    assert readiness.poll(tcb, None, used=True, writable=False) == READ
    tcb = holding(b"1234", rcvlowat=5)
    assert readiness.poll(tcb, None, used=True, writable=False) == 0
    tcb.rcv_adv = tcb.rcv_nxt  # no more can come: what is there is all one can wait for
    assert readiness.poll(tcb, None, used=True, writable=False) == READ
    urgent = holding(b"!")
    urgent.rcv_up = IRS + 2  # the only octet is MSG_OOB's
    assert readiness.poll(urgent, None, used=True, writable=False) == POLLPRI
    urgent.options.oobinline = True
    assert readiness.poll(urgent, None, used=True, writable=False) == POLLPRI | READ
