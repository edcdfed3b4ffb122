"""Closing (RFC 9293 §3.6): figures 12 and 13, half-close, TIME-WAIT, resets."""

import pytest

from netarium.base.units import MS, SECOND
from netarium.transport.tcp.state import State
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN


def test_normal_close(tcp) -> None:
    """RFC 9293 Figure 12, from our side."""
    tcp.established(iss=100, irs=300)
    tcp.close()
    tcp.expect(FIN | ACK, seq=101, ack=301)
    assert tcp.state is State.FIN_WAIT_1
    tcp.inject(ACK, seq=301, ack=102)
    assert tcp.state is State.FIN_WAIT_2
    tcp.inject(FIN | ACK, seq=301, ack=102)
    tcp.expect(ACK, seq=102, ack=302)
    assert tcp.state is State.TIME_WAIT
    tcp.advance(60 * SECOND)
    assert tcp.state is State.CLOSED
    assert not tcp.machine.tcp.flows


def test_passive_close(tcp) -> None:
    tcp.established(iss=100, irs=300)
    tcp.inject(FIN | ACK, seq=301, ack=101)
    tcp.advance(1 * MS)
    tcp.expect(ACK, seq=101, ack=302)
    assert tcp.state is State.CLOSE_WAIT
    assert tcp.recv() == b""
    tcp.send(b"still")  # half-closed: we may go on
    tcp.expect(PSH | ACK, seq=101, ack=302, data=b"still")
    tcp.inject(ACK, seq=302, ack=106)
    tcp.close()
    tcp.expect(FIN | ACK, seq=106, ack=302)
    assert tcp.state is State.LAST_ACK
    tcp.inject(ACK, seq=302, ack=107)
    assert tcp.state is State.CLOSED


def test_simultaneous_close(tcp) -> None:
    """RFC 9293 Figure 13."""
    tcp.established(iss=100, irs=300)
    tcp.close()
    tcp.expect(FIN | ACK, seq=101, ack=301)
    tcp.inject(FIN | ACK, seq=301, ack=101)
    tcp.expect(ACK, seq=102, ack=302)
    assert tcp.state is State.CLOSING
    tcp.inject(ACK, seq=302, ack=102)
    assert tcp.state is State.TIME_WAIT
    tcp.advance(2 * 30 * SECOND)
    assert tcp.state is State.CLOSED


@pytest.mark.rfc("9293", "MUST-13")
def test_a_repeated_fin_in_time_wait_is_acknowledged_and_waits_anew(tcp) -> None:
    tcp.established()
    tcp.close()
    tcp.expect(FIN | ACK)
    tcp.inject(FIN | ACK, seq=301, ack=102)
    tcp.expect(ACK, seq=102, ack=302)
    tcp.advance(50 * SECOND)
    tcp.inject(FIN | ACK, seq=301, ack=102)
    tcp.expect(ACK, seq=102, ack=302)
    tcp.advance(50 * SECOND)
    assert tcp.state is State.TIME_WAIT
    tcp.advance(10 * SECOND)
    assert tcp.state is State.CLOSED


@pytest.mark.rfc("1337", "01")
@pytest.mark.attack("TCP-46")
def test_a_reset_does_not_end_time_wait(tcp) -> None:
    tcp.established()
    tcp.close()
    tcp.expect(FIN | ACK)
    tcp.inject(FIN | ACK, seq=301, ack=102)
    tcp.expect(ACK)
    tcp.inject(RST, seq=302)
    assert tcp.state is State.TIME_WAIT


@pytest.mark.rfc("9293", "SHLD-3")
def test_close_with_unread_data_resets(tcp) -> None:
    tcp.established()
    tcp.inject(ACK | PSH, seq=301, ack=101, data=b"unread")
    tcp.expect(ACK, ack=307)
    tcp.close()
    tcp.expect(RST | ACK, seq=101, ack=307)
    assert tcp.state is State.CLOSED


def test_data_after_close_resets(tcp) -> None:
    tcp.established()
    tcp.close()
    tcp.expect(FIN | ACK)
    tcp.inject(ACK, seq=301, ack=102)
    tcp.inject(ACK | PSH, seq=301, ack=102, data=b"too late")
    tcp.expect(RST, seq=102)
    assert tcp.state is State.CLOSED


def test_linger_zero_aborts(tcp) -> None:
    tcp.established()
    tcp.socket.options.linger = 0
    tcp.close()
    tcp.expect(RST | ACK, seq=101, ack=301)


@pytest.mark.rfc("9293", "MUST-12")
def test_the_application_learns_of_a_reset(tcp) -> None:
    tcp.established()
    tcp.inject(RST, seq=301)
    assert tcp.state is State.CLOSED
    from netarium.base.errors import StackError

    with pytest.raises(StackError) as caught:
        tcp.recv()
    assert caught.value.errno == 104
    assert tcp.recv() == b""


def test_fin_with_the_last_data(tcp) -> None:
    tcp.established()
    tcp.option(cork=True)
    tcp.send(b"bye")
    tcp.expect_nothing()
    tcp.close()
    tcp.expect(FIN | PSH | ACK, seq=101, data=b"bye")
    tcp.inject(ACK, seq=301, ack=105)
    assert tcp.state is State.FIN_WAIT_2


def test_an_orphan_does_not_stay_in_fin_wait_2(tcp) -> None:
    tcp.established()
    tcp.close()
    tcp.expect(FIN | ACK)
    tcp.inject(ACK, seq=301, ack=102)
    tcp.advance(60 * SECOND)
    assert tcp.state is State.CLOSED
    assert not tcp.machine.tcp.flows


def test_fin_out_of_order_waits_for_the_data(tcp) -> None:
    tcp.established()
    tcp.inject(FIN | ACK, seq=304, ack=101)
    tcp.expect(ACK, ack=301)
    assert tcp.state is State.ESTABLISHED
    tcp.inject(ACK, seq=301, ack=101, data=b"abc")
    tcp.expect(ACK, ack=305)
    assert tcp.state is State.CLOSE_WAIT
    assert tcp.recv() == b"abc"
    assert tcp.recv() == b""


@pytest.mark.rfc("6191", "01", "02")
def test_a_new_connection_may_take_the_place_of_time_wait(tcp) -> None:
    tcp.passive()
    tcp.close()
    tcp.expect(FIN | ACK, seq=101)
    tcp.inject(FIN | ACK, seq=301, ack=102)
    tcp.expect(ACK, ack=302)
    tcp.inject(SYN, seq=200, mss=1_000)  # an old number: not a new incarnation
    tcp.expect(ACK, ack=302)
    tcp.inject(SYN, seq=400, mss=1_000)
    syn_ack = tcp.expect(SYN | ACK, ack=401)
    assert (syn_ack.seq - tcp._shift - 102) & 0xFFFFFFFF < 0x8000_0000
