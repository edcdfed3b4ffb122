"""The figures of RFC 9293 §3.5 and §3.6, line by line; 12 and 13 are in `test_close`."""

import pytest

from netarium.base.units import MS, SECOND
from netarium.transport.tcp.state import State
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN

from .conftest import Script


def test_figure_6_basic_three_way_handshake(tcp: Script) -> None:
    tcp.connect(iss=100)
    assert tcp.state is State.SYN_SENT
    tcp.inject(SYN | ACK, seq=300, ack=101)
    tcp.expect(ACK, seq=101, ack=301, length=0)
    assert tcp.state is State.ESTABLISHED
    tcp.send(b"data")
    tcp.expect(ACK | PSH, seq=101, ack=301, data=b"data")


@pytest.mark.rfc("9293", "MUST-10", "MUST-11")
@pytest.mark.rfc("5382-01")
def test_figure_7_simultaneous_synchronization(tcp: Script) -> None:
    tcp.connect(iss=100)
    tcp.inject(SYN, seq=300)
    tcp.expect(SYN | ACK, seq=100, ack=301)
    assert tcp.state is State.SYN_RECEIVED
    tcp.inject(SYN | ACK, seq=300, ack=101)
    assert tcp.state is State.ESTABLISHED
    tcp.expect(ACK, seq=101, ack=301, length=0)  # beyond the figure: the SYN came twice
    tcp.expect_nothing()


def test_figure_8_recovery_from_an_old_duplicate_syn_at_peer_a(tcp: Script) -> None:
    tcp.connect(iss=100)
    tcp.inject(SYN | ACK, seq=300, ack=91)
    tcp.expect(RST, seq=91)
    assert tcp.state is State.SYN_SENT
    tcp.inject(SYN | ACK, seq=400, ack=101)
    tcp.expect(ACK, seq=101, ack=401)
    assert tcp.state is State.ESTABLISHED


def test_figure_8_recovery_from_an_old_duplicate_syn_at_peer_b(tcp: Script) -> None:
    tcp.listen()
    tcp.inject(SYN, seq=90)
    tcp.learn_from_syn_ack(iss=300)
    tcp.inject(RST, seq=91)
    assert not tcp.machine.tcp.half_open()
    tcp.inject(SYN, seq=100)
    syn_ack = tcp.learn_from_syn_ack(iss=400)
    assert syn_ack.ack == 101
    tcp.inject(ACK, seq=101, ack=401)
    assert tcp.socket.accept(tcp.now).state is State.ESTABLISHED


@pytest.mark.rfc("5961", "02")
def test_figure_9_half_open_discovery_at_peer_b(tcp: Script) -> None:
    tcp.established(iss=299, irs=99)
    tcp.inject(SYN, seq=400)  # the peer has rebooted
    tcp.expect(ACK, seq=300, ack=100)
    tcp.inject(RST, seq=100)
    assert tcp.state is State.CLOSED
    assert tcp.socket.error == 104


def test_figure_9_half_open_discovery_at_peer_a(tcp: Script) -> None:
    tcp.connect(iss=400)
    tcp.inject(ACK, seq=300, ack=100)
    tcp.expect(RST, seq=100)
    assert tcp.state is State.SYN_SENT
    tcp.advance(1_000 * MS)
    tcp.expect(SYN, seq=400)
    tcp.inject(SYN | ACK, seq=900, ack=401)
    tcp.expect(ACK, seq=401, ack=901)


def test_figure_10_the_active_side_discovers_a_half_open_connection(tcp: Script) -> None:
    tcp.established(iss=299, irs=99)
    tcp.send(bytes(10))
    tcp.expect(ACK | PSH, seq=300, ack=100, length=10)
    tcp.inject(RST, seq=100)
    assert tcp.state is State.CLOSED


def test_figure_11_an_old_duplicate_syn_between_two_listeners(tcp: Script) -> None:
    tcp.listen()
    tcp.inject(SYN, seq=1_000)
    tcp.learn_from_syn_ack(iss=300)
    tcp.inject(RST, seq=1_001)
    assert not tcp.machine.tcp.half_open()
    assert tcp.listening.state is State.LISTEN
    tcp.inject(SYN | ACK, seq=1_000, ack=301)  # and the other side of the figure
    tcp.expect(RST, seq=301)
    assert tcp.listening.state is State.LISTEN


@pytest.mark.rfc("7323", "01")
def test_the_window_of_a_syn_ack_is_never_scaled_in_a_simultaneous_open_either(tcp: Script) -> None:
    tcp.connect(iss=100)
    tcp.inject(SYN, seq=300, window=5_000, wscale=7)
    tcp.expect(SYN | ACK, seq=100, ack=301)
    tcp.inject(SYN | ACK, seq=300, ack=101, window=5_000, wscale=7)
    assert tcp.state is State.ESTABLISHED
    assert tcp.socket.tcb.snd_wnd <= 5_000
    assert tcp.machine.counters["tcp_retrans_segs"] == 0


@pytest.mark.rfc("9293", "MUST-10")
def test_simultaneous_open_survives_the_loss_of_both_syn_acks(tcp: Script) -> None:
    tcp.connect(iss=100)
    tcp.inject(SYN, seq=300)
    tcp.expect(SYN | ACK, seq=100)
    tcp.advance(1_000 * MS)
    tcp.expect(SYN | ACK, seq=100, ack=301)
    tcp.inject(ACK, seq=301, ack=101)
    assert tcp.state is State.ESTABLISHED


def test_closed_in_syn_received_the_fin_follows_the_handshake(tcp: Script) -> None:
    """RFC 9293 §3.10.4: queue for processing after entering ESTABLISHED."""
    tcp.connect(iss=100)
    tcp.inject(SYN, seq=300)
    tcp.expect(SYN | ACK, seq=100)
    tcp.close()
    tcp.expect_nothing()
    tcp.inject(ACK, seq=301, ack=101)
    tcp.expect(FIN | ACK, seq=101, ack=301)
    assert tcp.state is State.FIN_WAIT_1
    tcp.inject(FIN | ACK, seq=301, ack=102)
    tcp.expect(ACK, seq=102, ack=302)
    tcp.advance(60 * SECOND)
    assert not tcp.machine.tcp.flows


def test_a_connection_with_itself(tcp: Script) -> None:
    """The SYN that comes back is the peer's: a simultaneous open with ourselves."""
    loopback = b"\x7f\x00\x00\x01"
    tcp.audited = False
    one = tcp.machine.tcp.open(4, tcp.now)
    one.bind(loopback, 4_000)
    one.connect(loopback, 4_000, tcp.now)
    tcp._pump()
    assert one.state is State.ESTABLISHED
    one.send(b"hello, me", tcp.now)
    tcp._pump()
    assert one.recv(100, tcp.now) == b"hello, me"
    one.shutdown(1, tcp.now)
    tcp._pump()
    assert one.recv(100, tcp.now) == b""
    tcp.advance(60 * SECOND)
    assert not tcp.machine.tcp.flows


def test_the_handshake_gives_both_sides_their_first_round_trip(tcp: Script) -> None:
    tcp.listen()
    tcp.inject(SYN, seq=300, mss=1_000)
    tcp.learn_from_syn_ack(100)
    tcp.advance(20 * MS)
    tcp.inject(ACK, seq=301, ack=101)
    assert tcp.socket.accept(tcp.now).tcb.rtt.srtt == 20 * MS


@pytest.mark.rfc("7323", "01", "04")
def test_what_a_half_open_connection_says_is_scaled_and_stamped(tcp: Script) -> None:
    tcp.listen()
    tcp.inject(SYN, seq=300, mss=1_000, wscale=3, ts=(700, 0), sack_permitted=True)
    syn_ack = tcp.learn_from_syn_ack(100)
    tcp.inject(ACK, seq=900_000, ack=101, ts=(701, 0))
    ack = tcp.expect(ACK, seq=101, ack=301)
    assert ack.ts_ecr == 700
    assert ack.window << syn_ack.wscale <= 65_535


def test_the_third_segment_may_close(tcp: Script) -> None:
    tcp.listen()
    tcp.inject(SYN, seq=300, mss=1_000)
    tcp.learn_from_syn_ack(100)
    tcp.inject(FIN | ACK | PSH, seq=301, ack=101, data=b"all of it")
    tcp.expect_nothing()  # the answer may carry the ACK of the FIN
    tcp.advance(40 * MS)
    tcp.expect(ACK, ack=311)
    tcp.socket = tcp.socket.accept(tcp.now)
    assert tcp.state is State.CLOSE_WAIT
    assert tcp.recv() == b"all of it"
    assert tcp.recv() == b""


@pytest.mark.rfc("9293", "MUST-67")
def test_the_application_can_only_lower_the_mss(tcp: Script) -> None:
    tcp.socket.options.maxseg = 9_000
    assert tcp.connect().mss == 1_460


@pytest.mark.parametrize("flags", [0, FIN, PSH, FIN | PSH])
def test_a_listener_says_nothing_to_text_that_belongs_to_no_connection(tcp: Script, flags: int) -> None:
    """RFC 9293 §3.10.7.2, fourth."""
    tcp.listen()
    tcp.inject(flags, seq=300, data=b"knock")
    tcp.expect_nothing()
