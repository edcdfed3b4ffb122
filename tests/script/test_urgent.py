"""The urgent pointer, both ways, at its edges (RFC 9293 §3.8.5, RFC 6093)."""

import pytest

from netarium.transport.endpoint import POLLPRI
from netarium.wire.tcp import ACK, PSH, URG

from .conftest import Script


@pytest.mark.rfc("9293", "MUST-62")
def test_the_pointer_is_told_as_long_as_it_is_ahead_and_near_enough(tcp: Script) -> None:
    """To segments that begin before the mark, and not more than 65,535 octets before it."""
    tcp.established(window=65_535, wscale=None)
    tcp.option(nodelay=True)
    tcp.send(bytes(1_500))
    tcp.socket.send(b"!", tcp.now, urgent=True)
    tcp._pump()
    tcp.send(b"more")
    tcp._collect()
    told = [(tcp._ours(seg.seq), bool(seg.flags & URG), seg.urgent) for seg in tcp.seen]
    assert told == [(101, False, 0), (1_101, False, 0), (1_601, True, 1), (1_602, False, 0)]
    tcp.seen.clear()
    tcp.inject(ACK, seq=301, ack=101)
    tcp.advance(5_000_000_000)
    tcp._collect()
    again = [(tcp._ours(seg.seq), seg.urgent) for seg in tcp.seen if seg.flags & URG]
    assert again
    assert all(seq + up == 1_602 for seq, up in again)
    tcp.inject(ACK, seq=301, ack=1_606)
    tcp.seen.clear()
    tcp.send(b"after")
    tcp._collect()
    assert not tcp.seen[0].flags & URG


@pytest.mark.rfc("9293", "MUST-32")
@pytest.mark.parametrize(
    ("urgent", "flags", "told"),
    [(1, URG, True), (5, URG, True), (0, URG, False), (5, 0, False), (0xFFFF, URG, True)],
)
def test_what_moves_the_mark(tcp: Script, urgent: int, flags: int, told: bool) -> None:
    tcp.established()
    tcp.inject(ACK | PSH | flags, seq=301, ack=101, data=b"abcdef", urgent=urgent)
    assert bool(tcp.socket.poll() & POLLPRI) is told


def test_a_mark_only_moves_forward(tcp: Script) -> None:
    tcp.established()
    tcp.inject(ACK | PSH | URG, seq=301, ack=101, data=b"abcdef", urgent=4)
    assert tcp.recv() == b"abc"
    assert tcp.socket.at_mark()
    tcp.inject(ACK | URG, seq=307, ack=101, urgent=0)
    assert tcp.socket.at_mark()
    tcp.inject(ACK | PSH | URG, seq=307, ack=101, data=b"ghi", urgent=2)  # further on
    assert not tcp.socket.at_mark()
    assert tcp.recv() == b"defg"
    assert tcp.socket.at_mark()
    assert tcp.recv() == b"hi"
    assert not tcp.socket.poll() & POLLPRI
