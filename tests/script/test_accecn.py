"""Accurate ECN (RFC 9768): what the scripts of tests/packetdrill/accecn do not show."""

from dataclasses import replace
from random import Random

import pytest

from netarium.base.checksum import checksum
from netarium.base.config import MachineConfig
from netarium.base.trace import Event, Segment, Trace
from netarium.link.device import Offload
from netarium.link.frame import Frame
from netarium.transport.tcp.state import State
from netarium.wire import ethernet
from netarium.wire.ipv4 import Ipv4Header
from netarium.wire.tcp import ACE, ACK, AE, CWR, ECE, PSH, SYN, pack_header

from .conftest import OUR_MAC, PEER, PEER_MAC, US, Script

OPTION = bytes.fromhex("ae0b 000001 000000 000001 01")


def asking(**config: object) -> Script:
    plain = MachineConfig()
    return Script(replace(plain, tcp=replace(plain.tcp, ecn=3, **config)))


def arrive(
    tcp: Script, flags: int, seq: int, ack: int, options: bytes = b"", data: bytes = b"", mark: int = 0
) -> None:
    """A segment with any options, and any mark."""
    tcp.injected += 1
    length = 20 + len(options) + len(data)

    def head(check: int) -> bytes:
        return pack_header(
            tcp.peer_port, tcp.our_port, seq, ack + tcp._shift & 0xFFFF_FFFF, flags, 65_535, 0, options, check
        )

    pseudo = (int.from_bytes(PEER + US, "big") + 6 + length) % 0xFFFF
    segment = head(checksum(head(0) + data, pseudo)) + data
    ip = Ipv4Header(
        src=PEER, dst=US, protocol=6, ttl=64, tos=mark, identification=1, dont_fragment=True, more_fragments=False,
        fragment_offset=0, total_length=20 + len(segment), header_length=20, options=b"",
    )  # fmt: skip
    frame = ethernet.pack(OUR_MAC, PEER_MAC, 0x0800) + ip.pack() + segment
    tcp.wire.to_machine.append(Frame(frame))
    tcp._pump()


def answered(tcp: Script) -> None:
    """Our SYN has asked, and the peer's SYN,ACK, which agrees, has come."""
    tcp.socket.connect(PEER, 80, tcp.now)
    tcp.our_port = tcp.socket.local[1]
    tcp._learn(100)
    tcp._pump()
    tcp.expect(SYN | ACE, seq=100)
    arrive(tcp, SYN | ACK | CWR, 300, 101, bytes.fromhex("020403e8") + OPTION)


def opened(tcp: Script) -> Script:
    """A connection whose ends agreed, 101 and 301 next, segments of 1,000 octets with options."""
    answered(tcp)
    tcp.expect(ACK | CWR, seq=101, ack=301)
    assert tcp.state is State.ESTABLISHED
    return tcp


def test_a_connection_without_it_has_no_record_of_it(tcp: Script) -> None:
    tcp.established()
    assert tcp.socket.tcb.accurate is None
    arrive(tcp, ACK | ACE, 301, 101, OPTION, b"x", mark=3)
    tcp.expect(ACK, ack=302)
    info = tcp.socket.info(tcp.now)
    assert (info.tcpi_received_ce, info.tcpi_accecn_opt_seen) == (0, 0)


@pytest.mark.attack("TCP-01")
@pytest.mark.parametrize("seed", range(20))
def test_no_options_and_no_counters_are_too_strange(seed: int) -> None:
    random = Random(seed)
    tcp = opened(asking(ecn_option=random.randrange(4), timestamps=random.random() < 0.5))
    seq, sent = 301, 101
    marks = []
    for _ in range(30):
        if random.random() < 0.4:
            tcp.send(bytes(random.randrange(1, 3_000)))
        options = random.randbytes(4 * random.randrange(3))
        kind = random.choice((172, 174))
        options += bytes((kind, random.choice((0, 1, 2, 4, 5, 8, 11, 12, 40)))) + random.randbytes(10)
        data = bytes(random.randrange(3) * 100)
        marks.append(random.randrange(4))
        flags = ACK | random.randrange(8) << 6
        arrive(
            tcp,
            flags,
            seq,
            random.randint(sent, tcp.socket.tcb.snd_nxt - tcp._shift),
            options,
            data,
            marks[-1],
        )
        seq += len(data)
        tcp.advance(random.randrange(50) * 1_000_000)
        tcp.recv()
    assert tcp.socket.tcb.accurate is not None
    assert tcp.socket.info(tcp.now).tcpi_received_ce == marks.count(3)


def test_the_option_takes_its_place_of_a_full_segment() -> None:
    tcp = opened(asking())
    tcp.send(bytes(2_500))
    lengths = [tcp.expect(ACK | AE | ECE), tcp.expect(ACK | AE | ECE), tcp.expect(ACK | AE | ECE | PSH)]
    assert [len(seg.payload) for seg in lengths] == [988, 988, 524]
    assert all(len(seg.payload) + seg.header_length <= 1_020 for seg in lengths)


def test_no_device_cuts_what_has_a_counter_in_its_flags() -> None:
    tcp = asking()
    tcp.wire.offload = Offload(tso=True, max_gso_size=65_536)
    opened(tcp)
    tcp.send(bytes(5_000))
    tcp._collect()
    assert [len(seg.payload) for seg in tcp.seen] == [988] * 5 + [60]
    assert all(seg.flags & ACE == AE | ECE for seg in tcp.seen)


def test_text_before_the_ack_of_the_syn_ack_leaves_counts_and_tells_nothing() -> None:
    tcp = asking()
    tcp.option(quickack=False)
    answered(tcp)
    tcp.expect_nothing()
    tcp.send(b"hello")
    tcp.expect(ACK | AE | ECE | PSH, seq=101, ack=301)


def test_the_trace_tells_flags_and_counters() -> None:
    events: list[Event] = []
    plain = MachineConfig()
    tcp = Script(replace(plain, tcp=replace(plain.tcp, ecn=3)), trace=Trace(events.append))
    opened(tcp)
    told = [event for event in events if isinstance(event, Segment)]
    assert [event.flags for event in told] == ["SYN,ECE,CWR,AE", "SYN,ACK,CWR", "ACK,CWR"]
    assert told[1].options == "mss 1000, accurate ecn e1b 1 ceb 0 e0b 1"
