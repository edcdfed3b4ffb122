"""Each of these once ended in an internal error, a leak or a silence; mutated frames found them."""

from dataclasses import replace

from netarium.base.addr import parse_ip
from netarium.base.config import MachineConfig, NeighborConfig
from netarium.base.errors import DropReason
from netarium.base.units import SECOND
from netarium.wire.tcp import ACK, FIN, SYN, TcpSegment

from .lab import PHANTOM, Lab


def test_closed_in_syn_received_the_syn_is_still_repeated(lab: Lab) -> None:
    """Simultaneous open, then close() at once: the FIN waits for the handshake (RFC 9293 §3.10.4)."""
    socket = lab.target.tcp.open(4, lab.now)
    socket.connect(PHANTOM, 80, lab.now)
    lab.run()
    ports = (80, socket.local[1])
    lab.tcp(SYN, ports, seq=500)
    socket.shutdown(1, lab.now)
    lab.run()
    assert socket.state_name == "SYN_RECV"
    lab.segments()
    lab.advance(4 * SECOND)
    lab.check()
    repeated = lab.segments()
    assert repeated[0].flags == SYN | ACK
    assert repeated[0].seq == socket.tcb.iss & 0xFFFF_FFFF
    lab.tcp(ACK, ports, seq=501, ack=socket.tcb.iss + 1)
    assert socket.state_name == "FIN_WAIT1"
    lab.tcp(ACK, ports, seq=501, ack=socket.tcb.iss + 2)
    assert socket.state_name == "FIN_WAIT2"
    lab.tcp(FIN | ACK, ports, seq=501, ack=socket.tcb.iss + 2)
    lab.check()
    assert lab.target.tcp.time_wait()


def test_a_syn_from_where_there_is_no_way_back(lab: Lab) -> None:
    """No route to 192.0.2.1: neither an answer nor a half-open connection."""
    lab.listener()
    lab.tcp(SYN, (5_000, 80), src=parse_ip("192.0.2.1"), mss=1_460)
    lab.check()
    assert lab.target.counters[DropReason.IP_NO_ROUTE] == 1
    assert lab.target.tcp.flows == {}
    assert lab.heard() == []


def test_a_refusal_that_cannot_be_sent(lab: Lab) -> None:
    """The RST is for a neighbour that is known not to answer: it is lost, and that is all."""
    ghost = parse_ip("10.0.0.99")
    for _ in range(8):
        lab.tcp(SYN, (5_000, 9), src=ghost)
        lab.advance(SECOND)
    lab.check()
    assert lab.target.counters["tcp_out_dropped"] > 0


def test_the_ack_that_the_connection_would_not_take_does_not_make_one(lab: Lab) -> None:
    """Timestamps were agreed on, the ACK has an old one: half-open it stays, with a timer that ends it."""
    listener = lab.listener()
    ports = (5_000, 80)
    lab.tcp(SYN, ports, seq=100, mss=1_460, ts=(1_000, 0))
    iss = lab.segments()[-1].seq
    lab.tcp(ACK, ports, seq=101, ack=iss + 1, ts=(999, 0))
    assert lab.target.counters[DropReason.TCP_PAWS] > 0
    assert listener.accept(lab.now) is None
    lab.tcp(ACK, ports, seq=101, ack=iss + 1, ts=(1_000, 0))
    socket = listener.accept(lab.now)
    assert socket is not None
    assert socket.state_name == "ESTABLISHED"
    socket.close(lab.now)
    lab.run_out()
    assert lab.target.tcp.flows == {}
    lab.check()


def test_a_full_send_buffer_is_sent_whatever_is_to_follow(lab: Lab) -> None:
    """MSG_MORE with a buffer smaller than a segment: nothing more can follow before something goes."""
    flow = lab.handshake(lab.listener())
    flow.socket.options.sndbuf, flow.socket.options.sndbuf_locked = 500, True
    assert flow.socket.send(bytes(800), lab.now, more=True) == 800  # a chunk that is begun is filled
    lab.run()
    lab.advance(SECOND)
    assert [len(seg.payload) for seg in lab.segments()] == [800]


def test_more_that_never_follows(lab: Lab) -> None:
    """What was written with MSG_MORE, or while corked, leaves after a while all the same (tcp(7))."""
    flow = lab.handshake(lab.listener())
    flow.socket.send(bytes(10), lab.now, more=True)
    lab.run()
    assert lab.segments() == []
    lab.advance(SECOND)
    assert [len(seg.payload) for seg in lab.segments()] == [10]
    flow.inject(ACK)
    flow.socket.options.cork = True
    flow.socket.options_changed(lab.now)
    flow.socket.send(bytes(20), lab.now)
    lab.run()
    assert lab.segments() == []
    lab.advance(SECOND)
    assert {len(seg.payload) for seg in lab.segments()} == {20}


def test_sack_blocks_fit_the_smallest_path() -> None:
    """Three blocks and a timestamp make a bare ACK of 80 octets: on a link of 68 (RFC 791) none would arrive."""
    lab = Lab(mtu=68)
    flow = lab.handshake(lab.listener(), ts=(1, 0), sack_permitted=True)
    for ahead in (20, 40, 60):
        flow.inject(ahead=ahead, data=b"x", ts=(2, 0))
    heard = lab.heard()
    assert len(heard) == 3
    assert max(header.total_length for header in heard) <= 68
    assert all(TcpSegment.parse(header.options).sack for header in heard)
    lab.check()


def test_a_packet_that_found_no_room_for_its_neighbour_is_no_frame_that_came_in() -> None:
    """The sum of the fates is the number of frames received, whatever befalls packets on their way out."""
    lab = Lab(replace(MachineConfig(), neighbor=NeighborConfig(max_entries=2, max_incomplete=1)))
    for last in range(100, 110):
        lab.udp(b"x", (5_000, 9), src=b"\x0a\0\0" + bytes([last]))
    lab.check()
    assert lab.target.counters["arp_table_refusals"] > 0
