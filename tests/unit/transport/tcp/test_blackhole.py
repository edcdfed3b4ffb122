"""A full segment that stays unanswered: two smaller sizes, as FreeBSD tries them, and back."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import blackhole
from netarium.transport.tcp.tcb import Tcb


def waiting(size: int, *, peer_mss: int = 1_460, base_mss: int = 1_200, default_mss: int = 536) -> Tcb:
    config = replace(TcpConfig(), base_mss=base_mss, default_mss=default_mss)
    tcb = Tcb(4, config, SocketOptions(), 1, "us", None)
    tcb.start_sending(100)
    tcb.snd_una = 101
    tcb.peer_mss, tcb.path_mss, tcb.smss = peer_mss, 1_460, min(peer_mss, 1_460)
    tcb.scoreboard.add(101, 101 + size, 0)
    return tcb


def sizes(tcb: Tcb, timeouts: int) -> list[int]:
    """The path's size after each expiration."""
    found = []
    for count in range(timeouts):
        tcb.rexmit_count = count
        blackhole.on_timeout(tcb)
        found.append(tcb.path_mss)
        assert tcb.smss == min(tcb.path_mss, tcb.peer_mss)
    return found


@pytest.mark.rfc("4821", "7.7")
def test_two_sizes_two_times_each_and_back() -> None:
    tcb = waiting(1_460)
    assert sizes(tcb, 7) == [1_460, 1_200, 1_200, 536, 536, 1_460, 1_460]
    tcb.path_mss = tcb.smss = 1_300  # the path has changed; nothing is left of what was suspected
    assert sizes(tcb, 7) == [1_300, 1_200, 1_200, 536, 536, 1_300, 1_300]


def test_a_short_segment_is_no_sign_of_a_black_hole() -> None:
    assert sizes(waiting(1_459), 7) == [1_460] * 7
    assert sizes(waiting(1), 7) == [1_460] * 7


@pytest.mark.parametrize(
    ("peer_mss", "base_mss", "default_mss", "expected"),
    [
        (1_100, 1_200, 536, [1_460, 536, 536, 536, 536, 1_460]),  # it is below the first size already
        (1_200, 1_200, 536, [1_460, 536, 536, 536, 536, 1_460]),
        (1_201, 1_200, 536, [1_460, 1_200, 1_200, 536, 536, 1_460]),
        (400, 1_200, 536, [1_460, 400, 400, 400, 400, 1_460]),  # never larger than the peer wants it
    ],
)
def test_no_size_is_larger_than_the_one_before(
    peer_mss: int, base_mss: int, default_mss: int, expected: list[int]
) -> None:
    tcb = waiting(1_460, peer_mss=peer_mss, base_mss=base_mss, default_mss=default_mss)
    assert sizes(tcb, 6) == expected
