"""Duties of RFC 9293 (its appendix B numbers them) and its companions that no other script shows: one test, one duty."""

import errno
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from netarium.base.addr import parse_ip
from netarium.base.checksum import checksum
from netarium.base.config import MachineConfig, TcpConfig
from netarium.base.profiles import PROFILES, profile
from netarium.base.units import MS, SECOND
from netarium.link.frame import Frame
from netarium.transport.tcp.congestion.base import INFINITE_SSTHRESH
from netarium.transport.tcp.state import State
from netarium.wire import ethernet
from netarium.wire.icmpv4 import IcmpMessage
from netarium.wire.ipv4 import Ipv4Header
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN, pack_header, verify
from netarium.wire.tcp_options import pack_options, pack_options_by_kind, parse_options

from .conftest import OUR_MAC, PEER, PEER_MAC, US, Script


def with_tcp(**settings: object) -> Script:
    return Script(MachineConfig(tcp=TcpConfig(**settings)))


def packets(tcp: Script) -> Iterator[tuple[Ipv4Header, bytes]]:
    """IP packets that the machine sent, as octets."""
    while tcp.wire.from_machine:
        octets = tcp.wire.from_machine.pop(0)
        yield Ipv4Header.parse(octets[14:]), octets[34:]


def icmp(tcp: Script, kind: int, code: int, seq: int, *, rest: int = 0) -> None:
    """An ICMP error about our segment with `seq`, from the peer."""
    head = pack_header(tcp.our_port, tcp.peer_port, (seq + tcp._shift) & 0xFFFF_FFFF, 0, ACK, 0, 0, b"", 0)
    quoted = Ipv4Header(
        src=US, dst=PEER, protocol=6, ttl=60, tos=0, identification=1, dont_fragment=True, more_fragments=False,
        fragment_offset=0, total_length=40, header_length=20, options=b"",
    ).pack() + head[:8]  # fmt: skip
    tcp.inject_ip(1, IcmpMessage(type=kind, code=code, rest=rest, payload=quoted).pack())


# --- numbers and octets ---------------------------------------------------------------------------------------------


@pytest.mark.rfc("9293", "MUST-1", "REC-1")
@pytest.mark.parametrize(("shift", "field"), [(None, 0x7FFF), (None, 0x8000), (None, 0xFFFF), (14, 0xFFFF)])
def test_a_window_is_unsigned_and_may_need_more_than_16_bits(shift: int | None, field: int) -> None:
    tcp = with_tcp(initial_window_segments=1_000, send_buffer=1 << 20)
    tcp.established(mss=1_000, wscale=shift)
    tcp.inject(ACK, seq=301, ack=101, window=field)
    tcp.option(sndbuf=1 << 20, sndbuf_locked=True)
    tcp.send(bytes(200_000))
    tcp._collect()
    room = field << (shift or 0)
    sent = sum(len(seg.payload) for seg in tcp.seen)
    assert min(200_000, room) - 1_000 < sent <= room
    assert tcp.socket.tcb.snd_wnd == room


@pytest.mark.rfc("9293", "MUST-2")
@pytest.mark.parametrize("size", [0, 1, 2, 999, 1_000])
def test_each_segment_has_a_checksum_over_pseudo_header_header_and_text(size: int) -> None:
    tcp = Script()
    tcp.established()
    if size:
        tcp.send(bytes(range(250)) * 4 if size == 1_000 else b"\xa5" * size)
    else:
        tcp.shutdown()
    (ip, segment), *_ = packets(tcp)
    assert verify(ip.src, ip.dst, segment)
    assert not verify(ip.src, PEER[:3] + b"\x09", segment)  # another address
    for at in {0, 13, len(segment) - 1}:
        changed = bytearray(segment)
        changed[at] ^= 0x10
        assert not verify(ip.src, ip.dst, bytes(changed))


@pytest.mark.rfc("9293", "MUST-5")
def test_options_may_stand_on_any_segment(tcp: Script) -> None:
    tcp.established()
    tcp.inject(ACK | PSH, seq=301, ack=101, data=b"text", mss=1_300, wscale=3, sack_permitted=True, ts=(1, 0))
    assert tcp.recv() == b"text"
    assert tcp.socket.tcb.smss == 1_000  # what was agreed on stays
    assert not tcp.socket.tcb.ts_ok


@pytest.mark.rfc("9293", "MUST-65", "SHLD-5", "MAY-3")
def test_the_mss_option_is_on_every_syn_and_on_nothing_else() -> None:
    for open_ in ("active", "passive"):
        tcp = Script()
        if open_ == "active":
            assert tcp.connect().mss == 1_460
            tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000)
            segments = [tcp.expect(ACK)]
        else:
            tcp.listen()
            tcp.inject(SYN, seq=300)  # the peer's has none
            assert tcp.learn_from_syn_ack().mss == 1_460
            tcp.inject(ACK, seq=301, ack=101)
            tcp.socket = tcp.socket.accept(tcp.now)
            segments = []
        tcp.send(b"x")
        tcp.close()
        tcp._collect()
        segments += tcp.seen
        assert len(segments) >= 2
        assert all(seg.mss is None for seg in segments)


@pytest.mark.rfc("9293", "MUST-69")
@pytest.mark.parametrize("ts", [None, (1, 2)])
@pytest.mark.parametrize("sack", [False, True])
@pytest.mark.parametrize("wscale", [None, 6])
def test_what_pads_the_header_is_zero(wscale: int | None, sack: bool, ts: tuple[int, int] | None) -> None:
    octets = pack_options_by_kind(mss=1_460, wscale=wscale, sack_permitted=sack, ts=ts)
    assert len(octets) % 4 == 0
    known = parse_options(octets)
    assert (known.mss, known.wscale, known.sack_permitted) == (1_460, wscale, sack)
    assert known.ts_val == (ts and ts[0])
    length = 4 + (4 if wscale is not None else 0) + 2 * sack
    if ts is None:
        assert octets[length:] == bytes(len(octets) - length)
    assert len(pack_options(mss=1_460, wscale=wscale, sack_permitted=sack, ts=ts)) % 4 == 0


# --- the application ------------------------------------------------------------------------------------------------


@pytest.mark.rfc("9293", "MUST-44", "MUST-45")
def test_the_source_address_is_chosen_by_ip_and_stays() -> None:
    tcp = Script()
    interface = tcp.machine.ip.interfaces[0]
    tcp.connect()
    assert tcp.socket.local[0] == US
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000)
    tcp.machine.ip.add_address(interface, parse_ip("10.0.0.7"), 24, tcp.now)
    tcp._pump()
    tcp.wire.from_machine.clear()
    for _ in range(3):
        tcp.send(b"x")
        tcp.advance(SECOND)
    sources = {ip.src for ip, _ in packets(tcp) if ip.protocol == 6}
    assert sources == {US}


@pytest.mark.rfc("9293", "MUST-48", "SHLD-21", "SHLD-22", "SHLD-23")
def test_the_type_of_service_is_the_applications_choice() -> None:
    tcp = Script()
    tcp.established()
    tcp.wire.from_machine.clear()
    seen = []
    for tos in (0, 0x88, 0x88, 0x10):
        if tos != (seen[-1] if seen else 0):
            tcp.option(tos=tos)
        tcp.wire.from_machine.clear()
        tcp.send(b"x")
        seen += [ip.tos for ip, _ in packets(tcp) if ip.protocol == 6]
        tcp.inject(ACK, seq=301, ack=101 + len(seen))
    assert seen == [0, 0x88, 0x88, 0x10]  # as it was set, changed only when it is


@pytest.mark.rfc("9293", "MUST-50")
def test_ip_options_that_nobody_knows_change_nothing(tcp: Script) -> None:
    tcp.established()
    shift = tcp._shift
    header = pack_header(80, tcp.our_port, 301, (101 + shift) & 0xFFFF_FFFF, ACK | PSH, 1_000, 0, b"", 0)
    pseudo = (int.from_bytes(PEER + US, "big") + 6 + 24) % 0xFFFF
    octets = pack_header(
        80, tcp.our_port, 301, (101 + shift) & 0xFFFF_FFFF, ACK | PSH, 1_000, 0, b"", checksum(header + b"text", pseudo)
    )  # fmt: skip
    ip = Ipv4Header(
        src=PEER, dst=US, protocol=6, ttl=64, tos=0, identification=1, dont_fragment=True, more_fragments=False,
        fragment_offset=0, total_length=52, header_length=28, options=b"\x9e\x06abcd\x01\x00",
    )  # fmt: skip
    tcp.wire.to_machine.append(Frame(ethernet.pack(OUR_MAC, PEER_MAC, 0x0800) + ip.pack() + octets + b"text"))
    tcp.injected += 1
    tcp._pump()
    assert tcp.recv() == b"text"


@pytest.mark.rfc("9293", "MUST-60", "MAY-16")
def test_what_is_held_back_for_more_goes_at_last(tcp: Script) -> None:
    """MSG_MORE gathers what several calls give; if nothing follows it is not held for ever."""
    tcp.established()
    tcp.socket.send(b"first, ", tcp.now, more=True)
    tcp.socket.send(b"second", tcp.now, more=True)
    tcp._pump()
    tcp.expect_nothing()
    tcp.advance(SECOND)
    tcp.expect(ACK | PSH, seq=101, data=b"first, second")


@pytest.mark.rfc("9293", "MUST-47", "SHLD-20")
def test_soft_errors_are_told_to_who_asks_for_them(tcp: Script) -> None:
    """IP_RECVERR: an ICMP error that ends nothing is in SO_ERROR at once; without it, nobody is disturbed."""
    for asked in (False, True):
        tcp = Script()
        tcp.established()
        tcp.option(recverr=asked)
        tcp.send(b"x")
        icmp(tcp, 3, 1, 101)
        assert tcp.socket.error == (errno.EHOSTUNREACH if asked else 0)
        assert tcp.state is State.ESTABLISHED


@pytest.mark.rfc("9293", "MUST-54", "MUST-55")
@pytest.mark.rfc("5927-01")
@pytest.mark.parametrize(("kind", "code", "seq", "counts"), [
    (3, 1, 101, True), (3, 0, 105, True), (11, 0, 101, True), (12, 0, 101, True),
    (3, 1, 100, False), (3, 1, 106, False), (3, 1, 5_000_000, False),  # not in flight: forged or late
    (4, 0, 101, False),  # Source Quench is dropped
])  # fmt: skip
def test_icmp_errors_reach_the_connection_that_they_quote(
    kind: int, code: int, seq: int, counts: bool
) -> None:
    tcp = Script()
    tcp.established()
    tcp.send(b"12345")
    window = tcp.socket.tcb.congestion.cwnd
    icmp(tcp, kind, code, seq)
    assert (tcp.socket.tcb.soft_error != 0) == counts
    assert tcp.socket.tcb.congestion.cwnd == window
    assert tcp.state is State.ESTABLISHED


@pytest.mark.rfc("9293", "MUST-63")
@pytest.mark.parametrize("source", ["224.0.0.5", "255.255.255.255", "10.0.0.255", "0.0.0.0", "240.1.2.3"])
def test_a_syn_from_no_host_is_ignored(tcp: Script, source: str) -> None:
    tcp.listen()
    src = parse_ip(source)
    pseudo = (int.from_bytes(src + US, "big") + 6 + 20) % 0xFFFF
    blank = pack_header(4_000, 80, 7, 0, SYN, 1_000, 0, b"", 0)
    octets = pack_header(4_000, 80, 7, 0, SYN, 1_000, 0, b"", checksum(blank, pseudo))
    ip = Ipv4Header(
        src=src, dst=US, protocol=6, ttl=64, tos=0, identification=1, dont_fragment=True, more_fragments=False,
        fragment_offset=0, total_length=40, header_length=20, options=b"",
    )  # fmt: skip
    tcp.wire.to_machine.append(Frame(ethernet.pack(OUR_MAC, PEER_MAC, 0x0800) + ip.pack() + octets))
    tcp._pump()
    tcp.expect_nothing()
    assert not tcp.machine.tcp.half_open()


@pytest.mark.rfc("9293", "MAY-1")
def test_close_is_half_duplex_and_takes_no_more_text(tcp: Script) -> None:
    """CLOSE sends all that was given; text that comes later meets a reset (§3.6.1)."""
    tcp.established()
    tcp.send(b"all of it")
    tcp.close()
    assert tcp.expect(ACK | PSH, data=b"all of it").flags & PSH
    tcp.expect(FIN | ACK)
    tcp.inject(ACK, seq=301, ack=111)
    assert tcp.state is State.FIN_WAIT_2
    tcp.inject(ACK | PSH, seq=301, ack=111, data=b"more")
    tcp.expect(RST, seq=111)


@pytest.mark.rfc("9293", "MAY-8", "MAY-13")
def test_a_receiver_may_be_closed_for_ever_and_tells_what_is_out_of_order(tcp: Script) -> None:
    tcp.established()
    tcp.inject(ACK | PSH, seq=351, ack=101, data=b"later")
    assert tcp.expect(ACK, seq=101, ack=301).ack == 301  # at once
    tcb = tcp.socket.tcb
    tcp.inject(ACK, seq=301, ack=101, data=bytes(50))
    tcp._collect()
    tcp.seen.clear()
    tcb.rcv_buf = tcb.rcv_queued
    tcb.rcv_adv = tcb.rcv_nxt
    for _ in range(20):  # a day and a half of probes
        tcp.advance(7_200 * SECOND)
        tcp.inject(ACK, seq=tcb.rcv_nxt, ack=101, data=b"p")
        assert tcp.expect(ACK).window == 0
    assert tcp.state is State.ESTABLISHED


@pytest.mark.rfc("9293", "SHLD-16", "SHLD-17", "MAY-7")
def test_after_a_window_shrank_what_is_within_is_resent_and_nothing_counts_against_the_peer() -> None:
    """Only what lies within the new edge goes again; what lies outside does not time the connection out."""
    tcp = with_tcp(initial_window_segments=10, data_retries=4, max_rto_ns=2 * SECOND)
    tcp.established(window=4_000)
    tcp.send(bytes(4_000))
    tcp._collect()
    tcp.seen.clear()
    tcp.inject(ACK, seq=301, ack=101, window=2_000)  # the edge moves back over two segments
    tcp.advance(int(1.5 * SECOND))
    tcp._collect()
    assert {tcp._ours(seg.seq) for seg in tcp.seen} <= {101, 1_101}
    tcp.seen.clear()
    tcp.inject(ACK, seq=301, ack=101, window=0)
    for _ in range(40):  # far more than four retries; the peer answers every one
        tcp.advance(2 * SECOND)
        tcp.inject(ACK, seq=301, ack=101, window=0)
    assert tcp.state is State.ESTABLISHED


# --- congestion control at the beginning ----------------------------------------------------------------------------


@pytest.mark.rfc("5681", "01", "03", "04")
@pytest.mark.parametrize(("mss", "segments"), [(536, 4), (1_095, 4), (1_096, 3), (1_460, 3)])
def test_the_initial_window_of_the_rfc(mss: int, segments: int) -> None:
    """RFC 5681 §3.1; the handshake's segments have not grown it, and ssthresh is out of the way."""
    tcp = Script(MachineConfig(tcp=replace(profile("rfc"), timestamps=False)))
    tcp.established(mss=mss)
    control = tcp.socket.tcb.congestion
    assert control.cwnd <= segments * mss
    assert control.cwnd > (segments - 1) * mss
    assert control.ssthresh >= INFINITE_SSTHRESH
    tcp.send(bytes(20_000))
    tcp._collect()
    assert len([seg for seg in tcp.seen if seg.payload]) == segments


@pytest.mark.rfc("5681", "01")
@pytest.mark.parametrize("passive", [False, True])
def test_the_initial_window_of_rfc_6928(passive: bool) -> None:
    tcp = Script()
    (tcp.passive if passive else tcp.established)(mss=1_460)
    assert tcp.socket.tcb.congestion.cwnd == 14_600


@pytest.mark.rfc("5681", "13")
@pytest.mark.parametrize("not_one", ["window", "data", "fin", "old", "syn"])
def test_what_is_no_duplicate_ack(not_one: str) -> None:
    """Three of these, after the ACK itself, are no three duplicates (§2): nothing is resent."""
    tcp = Script()
    tcp.established()
    tcp.send(bytes(8_000))
    tcp.inject(ACK, seq=301, ack=1_101, window=30_000)
    tcp._collect()
    tcp.seen.clear()
    for turn in range(3):
        match not_one:
            case "window":
                tcp.inject(ACK, seq=301, ack=1_101, window=30_001 + turn)
            case "data":
                tcp.inject(ACK | PSH, seq=301 + turn, ack=1_101, data=b"x")
            case "fin":
                tcp.inject(FIN | ACK, seq=301, ack=1_101)
            case "old":
                tcp.inject(ACK, seq=301, ack=1_100)
            case _:
                tcp.inject(SYN | ACK, seq=301, ack=1_101)
    tcp._collect()
    assert not [seg for seg in tcp.seen if seg.payload and tcp._ours(seg.seq) == 1_101]


def test_three_duplicates_are_three(tcp: Script) -> None:
    """The counter-check of the test above."""
    tcp.established()
    tcp.send(bytes(8_000))
    tcp.inject(ACK, seq=301, ack=1_101)
    tcp._collect()
    tcp.seen.clear()
    for _ in range(3):
        tcp.inject(ACK, seq=301, ack=1_101)
    tcp._collect()
    assert [seg for seg in tcp.seen if seg.payload and tcp._ours(seg.seq) == 1_101]


# --- RFC 7323 -------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("7323", "03")
def test_windows_are_shifted_and_a_promise_is_kept() -> None:
    """Theirs to the left, ours to the right; octets within any edge that was ever offered are taken."""
    tcp = with_tcp(receive_buffer=400_000, delayed_ack_ns=0)
    tcp.established(wscale=3, window=1_000)
    tcb = tcp.socket.tcb
    assert tcb.snd_wnd == 1_000  # a SYN's is never scaled
    tcp.inject(ACK, seq=301, ack=101, window=1_000)
    assert tcb.snd_wnd == 8_000
    tcp.inject(ACK, seq=301, ack=101, data=b"x" * 1_000)
    offered = tcp.expect(ACK, ack=1_301).window << tcb.rcv_wind_shift
    edge = 1_301 + offered
    tcb.rcv_buf = 2_000  # memory is short all at once: the edge must not come back
    tcp.inject(ACK, seq=1_301, ack=101, data=b"y" * 500)
    seg = tcp.expect(ACK, ack=1_801)
    assert 1_801 + (seg.window << tcb.rcv_wind_shift) >= edge
    tcp.inject(ACK, seq=edge - 10, ack=101, data=b"z" * 10)
    assert tcb.reassembly.end == edge


@pytest.mark.rfc("7323", "08")
def test_the_clock_of_timestamps() -> None:
    """A tick is 1 ms; never backwards; connections begin at values of their own."""
    first, second = Script(), Script()
    for tcp in (first, second):
        tcp.established(ts=(1, 0))
    values = []
    for ms in (1, 1, 5, 1_000):
        first.advance(ms * MS)
        first.send(b"x")
        values.append(first.expect(ACK | PSH).ts_val)
        first.inject(ACK, seq=301, ack=101 + len(values), ts=(2, 0))
    assert [(b - a) & 0xFFFF_FFFF for a, b in pairwise(values)] == [1, 5, 1_000]
    other = second.machine.tcp.open(4, second.now)
    other.connect(PEER, 81, second.now)
    assert other.tcb.ts_offset != second.socket.tcb.ts_offset


# --- parameters -----------------------------------------------------------------------------------------------------


@pytest.mark.rfc("6191b-01")
@pytest.mark.parametrize(("name", "seconds"), [("linux", 60), ("freebsd", 60), ("rfc", 240)])
def test_how_long_time_wait_lasts(name: str, seconds: int) -> None:
    tcp = Script(MachineConfig(tcp=PROFILES[name]))
    tcp.established()
    tcp.close()
    tcp.inject(ACK, seq=301, ack=102)
    tcp.inject(FIN | ACK, seq=301, ack=102)
    tcp.advance((seconds - 1) * SECOND)
    assert tcp.state is State.TIME_WAIT
    tcp.advance(2 * SECOND)
    assert tcp.state is State.CLOSED


@pytest.mark.rfc("8961-01")
@pytest.mark.parametrize("name", PROFILES)
def test_timeouts_begin_conservatively_and_double(name: str) -> None:
    """At least 1 s while nothing is measured; then measured on every window; doubled each time (RFC 8961 §4)."""
    tcp = Script(MachineConfig(tcp=PROFILES[name]))
    tcp.connect()
    assert tcp.socket.tcb.rexmit_at - tcp.now >= SECOND
    tcp.advance(100 * MS)
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000)
    tcp.expect(ACK)
    rtt = tcp.socket.tcb.rtt
    assert rtt.srtt == 100 * MS
    for turn in range(3):
        tcp.send(bytes(1_000))
        tcp.advance(60 * MS)
        before = rtt.srtt
        tcp.inject(ACK, seq=301, ack=101 + 1_000 * (turn + 1))
        assert rtt.srtt < before
    tcp.seen.clear()
    tcp.send(bytes(1_000))
    times = [tcp.now]
    for _ in range(5):
        tcp._collect()
        tcp.seen.clear()
        while not tcp.seen:
            tcp.advance(MS)
            tcp._collect()
        times.append(tcp.now)
    gaps = [b - a for a, b in pairwise(times)]
    later = gaps[1:]  # the first may be a tail loss probe
    assert all(b > 1.5 * a for a, b in pairwise(later)), gaps


@pytest.mark.rfc("2525-01")
def test_none_of_the_known_defects(tcp: Script) -> None:
    """RFC 2525: slow start at the beginning (§2.1), FIN behind all data (§2.3), RST for unread data (§2.17)."""
    tcp.established()
    assert tcp.socket.tcb.congestion.cwnd == 10_000
    tcp.send(bytes(15_000))
    tcp._collect()
    assert sum(len(seg.payload) for seg in tcp.seen) == 10_000
    tcp.seen.clear()
    tcp.shutdown()
    tcp.expect_nothing()
    tcp.inject(ACK, seq=301, ack=10_101)
    tcp._collect()
    assert tcp.seen[-1].flags & FIN
    assert tcp._ours(tcp.seen[-1].seq) + len(tcp.seen[-1].payload) == 15_101
    unread = Script()
    unread.established()
    unread.inject(ACK | PSH, seq=301, ack=101, data=b"unread")
    unread._collect()
    unread.seen.clear()
    unread.close()
    unread.expect(RST | ACK, seq=101)
