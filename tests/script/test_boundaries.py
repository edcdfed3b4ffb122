"""The marks in the stream: PSH, records, what waits for more."""

import pytest

from netarium.base.units import MS
from netarium.transport.tcp.boundaries import Boundaries
from netarium.wire.tcp import ACK, FIN, PSH

from .conftest import Script


def sent(tcp: Script) -> list[tuple[bool, int]]:
    """Of each segment that left: PSH, octets."""
    tcp._collect()
    seen, tcp.seen = tcp.seen, []
    return [(bool(seg.flags & PSH), len(seg.payload)) for seg in seen]


def write(tcp: Script, size: int, **how: bool) -> None:
    tcp.socket.send(bytes(size), tcp.now, **how)
    tcp._pump()


@pytest.mark.rfc("9293", "MUST-61")
def test_the_end_of_a_write_is_pushed(tcp: Script) -> None:
    tcp.established()
    write(tcp, 700)
    assert sent(tcp) == [(True, 700)]


def test_what_goes_in_one_go_is_pushed_at_its_end(tcp: Script) -> None:
    tcp.established()
    tcp.socket.tcb.rtt.sample(20 * MS, tcp.now)  # two segments in a millisecond
    write(tcp, 5_000)
    assert sent(tcp) == [(False, 1_000), (True, 1_000), (False, 1_000), (True, 1_000), (True, 1_000)]


def test_writes_that_wait_are_gathered(tcp: Script) -> None:
    tcp.established(window=2_000)
    tcp.socket.options.nodelay = True
    write(tcp, 2_000)
    sent(tcp)
    write(tcp, 300)
    write(tcp, 300)
    tcp.inject(ACK, seq=301, ack=2_101, window=2_000)
    assert sent(tcp) == [(True, 600)]


@pytest.mark.rfc("9293", "MUST-60")
def test_half_of_a_large_window_never_goes_without_a_push() -> None:
    marks = Boundaries(1)
    marks.written(1, 10_001, 1, goal=2_000, half=3_000, more=True, record=False)
    assert [end for end in range(1_001, 11_001, 1_000) if marks.takes_push(end, 1)] == [4_001, 8_001]


def test_the_tail_of_more_waits_for_it(tcp: Script) -> None:
    tcp.established()
    write(tcp, 1_400, more=True)
    assert sent(tcp) == [(False, 1_000)]
    write(tcp, 100)
    assert sent(tcp) == [(True, 500)]


def test_the_tail_of_more_goes_when_something_comes(tcp: Script) -> None:
    tcp.established()
    write(tcp, 1_400, more=True)
    assert sent(tcp) == [(False, 1_000)]
    tcp.inject(ACK, seq=301, ack=1_101)
    assert sent(tcp) == [(False, 400)]


def test_the_tail_of_more_goes_in_the_end(tcp: Script) -> None:
    tcp.established()
    tcp.socket.tcb.rtt.sample(20 * MS, tcp.now)
    write(tcp, 400, more=True)
    tcp.advance(199 * MS)
    assert sent(tcp) == []
    tcp.advance(30 * MS)
    assert sent(tcp) == [(True, 400)]


def test_records_share_no_segment(tcp: Script) -> None:
    tcp.established(window=2_000)
    tcp.socket.options.nodelay = True
    write(tcp, 2_000)
    sent(tcp)
    write(tcp, 300, record=True)
    write(tcp, 300, record=True)
    write(tcp, 200)
    write(tcp, 200)
    tcp.inject(ACK, seq=301, ack=2_101, window=2_000)
    assert sent(tcp) == [(True, 300), (True, 300), (True, 400)]


def test_nodelay_pushes_what_is_corked(tcp: Script) -> None:
    tcp.established()
    tcp.option(cork=True)
    write(tcp, 100)
    assert sent(tcp) == []
    tcp.socket.options.nodelay = True
    tcp.socket.push(tcp.now)
    tcp._pump()
    assert sent(tcp) == [(True, 100)]
    write(tcp, 100)
    assert sent(tcp) == []


def test_what_is_sent_again_has_its_mark(tcp: Script) -> None:
    tcp.established()
    write(tcp, 1_000)
    write(tcp, 1_000)
    sent(tcp)
    tcp.advance(1_000 * MS)
    assert sent(tcp)[0] == (True, 1_000)


def test_a_fin_waits_for_a_window(tcp: Script) -> None:
    tcp.established()
    tcp.inject(ACK, seq=301, ack=101, window=0)
    tcp.close()
    tcp.expect_nothing()
    tcp.advance(1_000 * MS)
    tcp.expect(ACK, seq=100)  # a window probe
    tcp.inject(ACK, seq=301, ack=101, window=1_000)
    tcp.expect(FIN | ACK, seq=101)


def test_a_window_is_not_taken_back_by_an_older_segment(tcp: Script) -> None:
    """Of two segments with the same numbers the larger window counts, or one that closes it."""
    tcp.established()
    tcp.inject(ACK, seq=301, ack=101, window=5_000)
    tcp.inject(ACK, seq=301, ack=101, window=1_000)
    assert tcp.socket.tcb.snd_wnd == 5_000
    tcp.inject(ACK, seq=301, ack=101, window=6_000)
    assert tcp.socket.tcb.snd_wnd == 6_000
    tcp.inject(ACK, seq=301, ack=101, window=0)
    assert tcp.socket.tcb.snd_wnd == 0


def test_two_segments_fit_into_the_largest_window(tcp: Script) -> None:
    tcp.established(window=1_200)
    write(tcp, 1_200)
    assert [size for _, size in sent(tcp)] == [600, 600]


def test_notsent_lowat_limits_what_waits(tcp: Script) -> None:
    tcp.established(window=4_000)
    tcp.socket.options.notsent_lowat = 1_000
    assert tcp.send(bytes(100_000)) == 4_000 + 2_000  # what leaves at once, and one more chunk
    assert tcp.send(bytes(100)) == 0
    assert not tcp.socket.poll() & 4
    tcp.inject(ACK, seq=301, ack=4_101, window=4_000)
    assert tcp.socket.poll() & 4


def test_a_mark_that_is_gathered_away_leaves_none_behind() -> None:
    """The end of a write moves behind what MSG_MORE adds to it: nothing that leaves ends there."""
    marks = Boundaries(1)
    marks.written(1, 11, 1, goal=1_000, half=1_000, more=False, record=False)
    marks.written(11, 21, 1, goal=1_000, half=1_000, more=False, record=False)
    marks.written(21, 31, 1, goal=1_000, half=1_000, more=True, record=False)
    assert not marks.takes_push(21, 1)
    assert not marks.takes_push(31, 1)
