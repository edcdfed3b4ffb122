"""Opening (RFC 9293 §3.5): both sides, simultaneous, refused, lost SYNs, options."""

from dataclasses import replace

import pytest

from netarium.base.config import MachineConfig
from netarium.base.errors import StackError
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.state import State
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN

from .conftest import Script


def test_active(tcp) -> None:
    """RFC 9293 Figure 6."""
    syn = tcp.connect(iss=100)
    assert (syn.mss, syn.sack_permitted, syn.wscale, syn.ts_ecr) == (1_460, True, 7, 0)
    assert not len(syn.payload)
    assert syn.ack == 0
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000)
    tcp.expect(ACK, seq=101, ack=301, length=0)
    assert tcp.state is State.ESTABLISHED
    tcp.expect_nothing()


@pytest.mark.rfc("9293", "MUST-11", "MUST-14")
def test_passive(tcp) -> None:
    tcp.listen()
    tcp.inject(SYN, seq=300, mss=1_200)
    syn_ack = tcp.learn_from_syn_ack(100)
    assert syn_ack.ack == 301
    assert (syn_ack.mss, syn_ack.sack_permitted, syn_ack.wscale, syn_ack.ts_val) == (1_460, False, None, None)
    assert tcp.socket.accept(tcp.now) is None
    tcp.inject(ACK, seq=301, ack=101, window=5_000)
    connection = tcp.socket.accept(tcp.now)
    assert connection.state is State.ESTABLISHED
    assert connection.tcb.smss == 1_200
    assert connection.tcb.snd_wnd == 5_000
    assert connection.remote == (b"\x0a\x00\x00\x02", 40_000)


@pytest.mark.rfc("9293", "MUST-10")
@pytest.mark.attack("TCP-28")
def test_simultaneous(tcp) -> None:
    """RFC 9293 Figure 8."""
    tcp.connect(iss=100)
    tcp.inject(SYN, seq=300, mss=1_000)
    tcp.expect(SYN | ACK, seq=100, ack=301)
    assert tcp.state is State.SYN_RECEIVED
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000)
    tcp.expect(ACK, seq=101, ack=301, length=0)  # its SYN came twice
    assert tcp.state is State.ESTABLISHED
    tcp.send(b"hello")
    tcp.expect(PSH | ACK, seq=101, ack=301, data=b"hello")


def test_refused(tcp) -> None:
    tcp.connect()
    tcp.inject(RST | ACK, seq=0, ack=101)
    assert tcp.state is State.CLOSED
    assert tcp.socket.error == 111
    with pytest.raises(StackError):
        tcp.send(b"x")


@pytest.mark.attack("TCP-27")
@pytest.mark.parametrize(
    ("flags", "ack", "answer"),
    [
        (FIN, 0, None),
        (RST, 0, None),
        (RST | ACK, 55, None),
        (SYN | ACK, 55, RST),
        (ACK, 300, RST),
        (ACK, 101, None),
        (FIN | ACK, 101, None),
    ],
)
def test_nonsense_in_syn_sent_does_not_hurt(tcp, flags, ack, answer) -> None:
    tcp.connect(iss=100)
    tcp.inject(flags, seq=700, ack=ack)
    if answer:
        tcp.expect(answer, seq=ack)
    tcp.expect_nothing()
    assert tcp.state is State.SYN_SENT
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000)
    tcp.expect(ACK, seq=101, ack=301)
    assert tcp.state is State.ESTABLISHED


@pytest.mark.rfc("9293", "MUST-22", "MUST-23")
def test_a_lost_syn_is_repeated_with_doubling_for_three_minutes(tcp) -> None:
    tcp.connect(iss=100)
    start, times = tcp.now, []
    while tcp.state is State.SYN_SENT and tcp.now < start + 1_000 * SECOND:
        tcp.advance(500 * MS)
        tcp._collect()
        while tcp.seen:
            tcp.expect(SYN, seq=100)
            times.append((tcp.now - start) // SECOND)
    assert times[:11] == [1, 2, 3, 4, 5, 7, 11, 19, 35, 67, 131]
    assert tcp.socket.error == 110
    assert tcp.now - start >= 180 * SECOND


@pytest.mark.rfc("5681", "02")
@pytest.mark.rfc("6298", "07")
@pytest.mark.parametrize(("tolerated", "lost", "segments"), [(0, 1, 1), (1, 1, 10), (1, 2, 1)])
def test_after_a_lost_syn_one_segment_and_three_seconds(tolerated, lost, segments) -> None:
    """RFC 5681 wants one segment after the first loss already; Linux, since the timeout is a second, after two."""
    config = MachineConfig()
    tcp = Script(replace(config, tcp=replace(config.tcp, initial_window_syn_losses=tolerated)))
    tcp.connect(iss=100)
    for _ in range(lost):
        tcp.advance(1_010 * MS)
        tcp.expect(SYN, seq=100)
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000)
    tcp.expect(ACK)
    assert tcp.socket.tcb.congestion.cwnd == segments * 1_000
    assert tcp.socket.tcb.rtt.rto == 3 * SECOND


def test_an_echo_of_the_first_syn_tells_that_the_others_were_needless(tcp) -> None:
    stamp = tcp.connect(iss=100).ts_val
    for _ in range(3):
        tcp.advance(1_010 * MS)
        tcp.expect(SYN, seq=100)
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000, ts=(7, stamp))
    tcp.expect(ACK)
    assert tcp.socket.tcb.congestion.cwnd == 10 * 988
    assert tcp.socket.tcb.rtt.srtt > 3 * SECOND


@pytest.mark.rfc("9293", "MUST-15")
def test_no_mss_option_means_536(tcp) -> None:
    tcp.established(mss=None)
    assert tcp.socket.tcb.smss == 536


@pytest.mark.rfc("9293", "MUST-16")
@pytest.mark.rfc("7323", "09")
def test_the_segment_size_counts_the_options(tcp) -> None:
    tcp.established(mss=1_000, ts=(1, 0))
    tcp.send(bytes(3_000))
    assert len(tcp.expect(ACK, seq=101).payload) == 988


@pytest.mark.attack("TCP-03")
def test_an_absurd_mss_is_not_obeyed(tcp) -> None:
    tcp.established(mss=1)
    tcp.send(bytes(480))
    assert len(tcp.expect(ACK, seq=101).payload) == 48


@pytest.mark.rfc("7323", "01", "02")
@pytest.mark.attack("TCP-04")
def test_window_scale_needs_both_and_is_capped(tcp) -> None:
    tcp.established(wscale=99, window=1_000)
    tcb = tcp.socket.tcb
    assert tcb.snd_wnd == 1_000  # never scaled in a SYN
    assert tcb.snd_wind_shift == 14
    tcp.inject(ACK, seq=301, ack=101, window=2)
    assert tcb.snd_wnd == 2 << 14


def test_no_window_scale_from_the_peer_means_none_from_us(tcp) -> None:
    tcp.established()
    assert tcp.socket.tcb.rcv_wind_shift == 0
    tcp.send(b"x")
    assert tcp.expect(PSH | ACK).window > 60_000


@pytest.mark.rfc("9293", "MUST-46")
@pytest.mark.parametrize("address", [b"\xe0\x00\x00\x01", b"\xff\xff\xff\xff", b"\x0a\x00\x00\xff"])
def test_connect_to_many_is_refused(tcp, address) -> None:
    with pytest.raises(StackError):
        tcp.socket.connect(address, 80, tcp.now)


@pytest.mark.attack("TCP-21")
def test_a_repeated_syn_is_one_half_open_connection(tcp) -> None:
    """Its SYN,ACK goes again twice a second at the most, beside its own timer, however often the SYN comes."""
    tcp.listen()
    for _ in range(1_000):
        tcp.inject(SYN, seq=300, mss=1_000)
        tcp.advance(10 * MS)
    assert len(tcp.machine.tcp.half_open()) == 1
    tcp._collect()
    assert {segment.flags for segment in tcp.seen} == {SYN | ACK}
    assert len({segment.seq for segment in tcp.seen}) == 1
    assert len(tcp.seen) <= 1 + 20 + 5


@pytest.mark.attack("TCP-20")
def test_a_flood_of_syns_is_bounded_and_gives_up(tcp) -> None:
    """Without cookies the oldest gives way."""
    config = tcp.machine.tcp.config
    tcp.machine.tcp.config = replace(config, syn_cookies=0)
    tcp.listen(backlog=127)
    for i in range(1_000):
        tcp.inject(SYN, seq=i, ports=(1_000 + i, 80), mss=1_000)
    assert [half.irs for half in tcp.machine.tcp.half_open()] == list(range(872, 1_000))
    tcp.advance(200 * SECOND)
    assert not tcp.machine.tcp.half_open()


def test_a_lost_syn_ack_is_repeated(tcp) -> None:
    tcp.listen()
    tcp.inject(SYN, seq=300, mss=1_000)
    tcp.learn_from_syn_ack(100)
    tcp.advance(1_001 * MS)
    tcp.expect(SYN | ACK, seq=100, ack=301)
    tcp.inject(ACK, seq=301, ack=101)
    assert tcp.socket.accept(tcp.now) is not None


@pytest.mark.attack("TCP-23")
def test_the_accept_queue_is_bounded(tcp) -> None:
    tcp.listen(backlog=2)
    for i in range(6):
        tcp.inject(SYN, seq=300, ports=(5_000 + i, 80), mss=1_000)
        tcp._collect()
        for seg in tcp.seen:
            tcp.inject(ACK, seq=301, ack=seg.seq + 1, ports=(5_000 + i, 80), raw_ack=True)
        tcp.seen.clear()
    assert tcp.socket.receive_queue == 3
    assert tcp.socket.accept(tcp.now) is not None
    assert tcp.socket.accept(tcp.now) is not None


def test_data_with_the_third_segment_is_kept(tcp) -> None:
    tcp.listen()
    tcp.inject(SYN, seq=300, mss=1_000)
    tcp.learn_from_syn_ack(100)
    tcp.inject(ACK | PSH, seq=301, ack=101, data=b"early")
    tcp.socket = tcp.socket.accept(tcp.now)
    assert tcp.recv() == b"early"


@pytest.mark.rfc("9293", "MUST-57")
@pytest.mark.attack("TCP-10")
def test_closing_a_listener_resets_who_waits(tcp) -> None:
    tcp.listen()
    tcp.inject(SYN, seq=300, mss=1_000)
    tcp.learn_from_syn_ack(100)
    tcp.inject(ACK, seq=301, ack=101)
    tcp.socket.close(tcp.now)
    tcp._pump()
    tcp.expect(RST | ACK, seq=101)
    assert not tcp.machine.tcp.flows
    assert len(tcp.machine.tcp.ports) == 0


@pytest.mark.attack("TCP-24")
def test_closed_ports_answer_as_the_rfc_says(tcp) -> None:
    tcp.inject(SYN, seq=500, ports=(1, 2), data=b"abc")
    seg = tcp.expect(RST | ACK, ack=504)
    assert seg.seq == 0
    tcp.inject(ACK, seq=500, ack=777, ports=(1, 2), raw_ack=True)
    assert tcp.expect(RST).seq == 777
    tcp.inject(RST, seq=500, ports=(1, 2))
    tcp.expect_nothing()


def test_connect_can_be_tried_again_after_it_failed(tcp) -> None:
    tcp.connect(iss=100)
    tcp.inject(RST | ACK, seq=0, ack=101)
    assert tcp.socket.error == 111
    tcp.socket.error = 0
    tcp.established(iss=500, irs=900)


@pytest.mark.attack("ARP-04")
def test_a_dead_neighbour_ends_connect_with_no_route_to_host(tcp) -> None:
    tcp.audited = False  # what waits for an address in vain was sent, as far as TCP knows
    tcp.socket.connect(b"\x0a\x00\x00\x63", 80, tcp.now)
    tcp._pump()
    tcp.advance(4 * SECOND)
    assert tcp.state is State.CLOSED
    assert tcp.socket.error == 113
