"""ECN (RFC 3168): what the scripts of tests/packetdrill/ecn do not show."""

from dataclasses import replace

import pytest

from netarium.base.config import MachineConfig
from netarium.base.units import MS
from netarium.transport.tcp.state import State
from netarium.wire.tcp import ACK, CWR, ECE, PSH, SYN

from .conftest import Script


def asking() -> Script:
    config = MachineConfig()
    return Script(replace(config, tcp=replace(config.tcp, ecn=1)))


def opened(tcp: Script) -> Script:
    """A connection whose ends agreed, 101 and 301 next, full segments of 1,000."""
    tcp.socket.connect(b"\x0a\0\0\2", 80, tcp.now)
    tcp.our_port = tcp.socket.local[1]
    tcp._learn(100)
    tcp._pump()
    tcp.expect(SYN | ECE | CWR, seq=100)
    tcp.inject(SYN | ACK | ECE, seq=300, ack=101, mss=1_000)
    tcp.expect(ACK, seq=101, ack=301)
    return tcp


@pytest.mark.rfc("3168", "01")
@pytest.mark.rfc("9293", "SHLD-8")
@pytest.mark.parametrize(("answer", "agreed"), [(ECE, True), (0, False), (ECE | CWR, False), (CWR, False)])
def test_only_ece_alone_agrees(answer, agreed) -> None:
    tcp = asking()
    tcp.socket.connect(b"\x0a\0\0\2", 80, tcp.now)
    tcp.our_port = tcp.socket.local[1]
    tcp._learn(100)
    tcp._pump()
    tcp.expect(SYN | ECE | CWR, seq=100)
    tcp.inject(SYN | ACK | answer, seq=300, ack=101, mss=1_000)
    assert tcp.socket.tcb.ecn_ok is agreed


@pytest.mark.rfc("3168", "01")
def test_both_ask_at_once() -> None:
    tcp = asking()
    tcp.socket.connect(b"\x0a\0\0\2", 80, tcp.now)
    tcp.our_port = tcp.socket.local[1]
    tcp._learn(100)
    tcp._pump()
    tcp.expect(SYN | ECE | CWR, seq=100)
    tcp.inject(SYN | ECE | CWR, seq=300, mss=1_000)
    tcp.expect(SYN | ACK | ECE, seq=100, ack=301)
    tcp.inject(SYN | ACK | ECE, seq=300, ack=101, mss=1_000)
    assert tcp.state is State.ESTABLISHED
    assert tcp.socket.tcb.ecn_ok


@pytest.mark.rfc("3168", "04")
def test_marks_reduce_once_a_window_and_are_told_once() -> None:
    tcp = opened(asking())
    tcb = tcp.socket.tcb
    tcp.send(bytes(10_000))
    assert [len(tcp.expect(ACK | (PSH if i == 9 else 0)).payload) for i in range(10)] == [1_000] * 10
    tcp.inject(ACK | ECE, seq=301, ack=1_101)
    assert tcb.congestion.ssthresh == 7_000
    tcp.inject(ACK | ECE, seq=301, ack=2_101)
    tcp.inject(ACK | ECE, seq=301, ack=10_101)
    assert tcb.congestion.ssthresh == 7_000  # one window, one reduction
    tcp.send(b"new")
    tcp.expect(ACK | PSH | CWR, seq=10_101)
    tcp.inject(ACK, seq=301, ack=10_104)
    tcp.send(b"more")
    tcp.expect(ACK | PSH, seq=10_104)
    tcp.inject(ACK | ECE, seq=301, ack=10_108)
    assert tcb.congestion.ssthresh < 7_000  # another window


@pytest.mark.rfc("3168", "04")
def test_a_timeout_is_told_as_well_but_not_by_the_retransmission() -> None:
    tcp = opened(asking())
    tcp.send(b"lost")
    tcp.expect(ACK | PSH, seq=101)
    tcp.advance(1_100 * MS)
    tcp.expect(ACK | PSH, seq=101)
    tcp.inject(ACK, seq=301, ack=105)
    tcp.send(b"new")
    tcp.expect(ACK | PSH | CWR, seq=105)


def test_an_echo_that_nobody_agreed_on_means_nothing(tcp) -> None:
    tcp.established()
    tcp.send(bytes(2_000))
    before = tcp.socket.tcb.congestion.ssthresh
    tcp.inject(ACK | ECE, seq=301, ack=1_101)
    assert tcp.socket.tcb.congestion.ssthresh == before
    assert not tcp.socket.tcb.cwr_due
