"""SYN cookies (RFC 4987 §3.6): what the scripts of tests/packetdrill/syncookies cannot show."""

from dataclasses import replace
from random import Random

import pytest

from netarium.base.config import MachineConfig
from netarium.base.errors import DropReason
from netarium.base.units import SECOND
from netarium.transport.tcp.state import State
from netarium.wire.tcp import ACK, RST, SYN

from .conftest import Script


def always() -> Script:
    config = MachineConfig()
    return Script(replace(config, tcp=replace(config.tcp, syn_cookies=2)))


def counter(tcp: Script, name: str) -> int:
    return tcp.machine.counters[name]


@pytest.mark.rfc("4987", "01")
@pytest.mark.parametrize(
    ("mss", "survives"), [(100, 536), (536, 536), (1_350, 1_300), (1_459, 1_440), (9_000, 1_460)]
)
def test_the_mss_survives_rounded_down(mss: int, survives: int) -> None:
    tcp = always()
    tcp.listen()
    tcp.inject(SYN, seq=300, mss=mss)
    tcp.learn_from_syn_ack(100)
    assert tcp.machine.tcp.flows == {}
    tcp.inject(ACK, seq=301, ack=101)
    connection = tcp.socket.accept(tcp.now)
    assert connection is not None
    assert connection.state is State.ESTABLISHED
    assert connection.tcb.peer_mss == survives


@pytest.mark.rfc("4987", "01")
@pytest.mark.attack("TCP-22")
def test_a_cookie_is_good_for_two_periods_and_no_longer() -> None:
    tcp = always()
    tcp.listen()
    tcp.inject(SYN, seq=300, mss=1_460)
    tcp.learn_from_syn_ack(100)
    tcp.advance(59 * SECOND)
    tcp.inject(ACK, seq=301, ack=101)
    assert tcp.socket.accept(tcp.now) is not None
    tcp.inject(SYN, seq=300, ports=(40_001, 80), mss=1_460)
    iss = tcp.learn_from_syn_ack(100).seq
    for _ in range(3):  # others keep the listener giving cookies
        tcp.advance(50 * SECOND)
        tcp.inject(SYN, seq=1, ports=(40_002, 80), mss=1_460)
        tcp._collect()
        tcp.seen.clear()
    tcp.inject(ACK, seq=301, ack=iss + 1, raw_ack=True, ports=(40_001, 80))
    tcp.expect(RST)
    assert tcp.socket.accept(tcp.now) is None
    assert counter(tcp, DropReason.TCP_BAD_COOKIE) == 1


@pytest.mark.attack("TCP-22")
def test_guessing_does_not_help() -> None:
    """Of 4,000 ACKs, half of them next to a good one, the four sizes of segments are all that is believed."""
    config = MachineConfig()
    tcp = Script(replace(config, tcp=replace(config.tcp, syn_cookies=2, max_resets_per_second=0)))
    tcp.audited = False
    tcp.listen(backlog=4_000)
    tcp.inject(SYN, seq=300, mss=536)  # the lowest of the sizes
    good = tcp.learn_from_syn_ack(100).seq + 1
    random = Random(9)
    guesses = [good + step for step in range(-1_000, 1_000)] + [random.getrandbits(32) for _ in range(2_000)]
    for guess in guesses:
        tcp.inject(ACK, seq=301, ack=guess & 0xFFFF_FFFF, raw_ack=True)
        tcp.machine.tcp.flows.clear()  # or the first that is believed would answer the others
    assert tcp.socket.receive_queue == 4
    assert counter(tcp, "tcp_cookies_received") == 4
    assert counter(tcp, DropReason.TCP_BAD_COOKIE) == 4_000 - 4


@pytest.mark.attack("TCP-22")
def test_no_cookie_is_given_or_believed_while_there_is_room(tcp) -> None:
    tcp.listen()
    tcp.inject(SYN, seq=300, mss=1_460)
    assert len(tcp.machine.tcp.half_open()) == 1
    tcp.inject(ACK, seq=5, ack=77, ports=(40_009, 80))
    assert counter(tcp, "tcp_cookies_sent") == 0
    assert counter(tcp, DropReason.TCP_BAD_COOKIE) == 0


def test_a_full_accept_queue_takes_no_cookie() -> None:
    tcp = always()
    tcp.listen(backlog=0)
    for port in (5_001, 5_002):
        tcp.inject(SYN, seq=300, ports=(port, 80), mss=1_460)
    tcp._collect()
    answers, tcp.seen = tcp.seen, []
    for answer in answers:
        tcp.inject(ACK, seq=301, ack=answer.seq + 1, ports=(answer.dst_port, 80), raw_ack=True)
    assert tcp.socket.receive_queue == 1
    assert counter(tcp, DropReason.TCP_LISTEN_OVERFLOW) == 1
