"""Recovery where the peer knows no SACK: NewReno (RFC 6582), and how it tells what was needless."""

from netarium.base.units import MS
from netarium.transport.tcp.tcb import DISORDER, LOSS, OPEN, RECOVERY
from netarium.wire.tcp import ACK, SYN

from .conftest import Script


def sending(segments: int = 10, **options: object) -> Script:
    """So many full segments of 1,000 octets are out, from 101 on; the round trip is 100 ms."""
    tcp = Script()
    tcp.connect()
    tcp.advance(100 * MS)
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000, window=65_535, **options)
    tcp.expect(ACK)
    tcp.send(bytes(1_000 * segments))
    tcp._collect()
    tcp.seen.clear()
    return tcp


def sent(tcp: Script) -> list[int]:
    """The first numbers of what was sent since one last asked, in segments from 101."""
    tcp._collect()
    found = [(tcp._ours(seg.seq) - 101) // 1_000 for seg in tcp.seen]
    tcp.seen.clear()
    return found


def state(tcp: Script) -> tuple[int, int]:
    info = tcp.socket.info(tcp.now)
    return info.tcpi_ca_state, info.tcpi_snd_cwnd


def ack(tcp: Script, segments: int, times: int = 1) -> None:
    for _ in range(times):
        tcp.inject(ACK, seq=301, ack=101 + 1_000 * segments)


def test_three_duplicates_and_partial_acks() -> None:
    tcp = sending()
    tcp.advance(100 * MS)
    ack(tcp, 1)
    ack(tcp, 1, 2)
    assert state(tcp)[0] == DISORDER
    assert sent(tcp) == []
    ack(tcp, 1)
    assert state(tcp)[0] == RECOVERY
    assert sent(tcp) == [1]
    ack(tcp, 1, 5)
    tcp.advance(100 * MS)
    ack(tcp, 4)  # a partial ACK: the next hole
    assert sent(tcp) == [4]
    tcp.advance(100 * MS)
    ack(tcp, 10)  # the end: but duplicates of the retransmissions may still come (RFC 6582 §4.1)
    assert state(tcp) == (RECOVERY, 7)
    ack(tcp, 10, 3)
    assert sent(tcp) == []
    assert state(tcp)[0] == RECOVERY
    tcp.send(bytes(1_000))
    assert sent(tcp) == [10]
    tcp.advance(100 * MS)
    ack(tcp, 11)
    assert state(tcp) == (OPEN, 7)


def test_a_timeout_and_what_follows() -> None:
    tcp = sending()
    tcp.advance(400 * MS)  # SRTT 100 ms, the variance's term 200 ms
    assert sent(tcp) == [0]
    assert state(tcp) == (LOSS, 1)
    assert tcp.socket.info(tcp.now).tcpi_lost == 10
    tcp.advance(100 * MS)
    ack(tcp, 1)
    assert sent(tcp) == [1, 2]
    tcp.advance(100 * MS)
    ack(tcp, 3)
    assert state(tcp)[0] == LOSS
    assert len(sent(tcp)) >= 2
    ack(tcp, 10)
    tcp.send(bytes(1_000))
    tcp.advance(100 * MS)
    ack(tcp, 11)
    assert state(tcp)[0] == OPEN


def test_new_data_after_a_timeout_tells_whether_it_was_needless() -> None:
    """RFC 5682 §2.1: two ACKs that advance, the second for what was never resent."""
    tcp = sending(6)
    before = state(tcp)[1]
    tcp.send(bytes(4_000))
    sent(tcp)
    tcp.advance(400 * MS)
    assert sent(tcp) == [0]
    tcp.send(bytes(3_000))
    ack(tcp, 1)
    assert sent(tcp) == [10, 11]  # instead of retransmissions
    ack(tcp, 2)
    assert state(tcp)[0] in {OPEN, LOSS}
    assert state(tcp)[1] >= before
    assert tcp.socket.info(tcp.now).tcpi_snd_ssthresh == 0x7FFF_FFFF


def test_a_duplicate_after_the_new_data_tells_that_it_was_not() -> None:
    tcp = sending(10)
    tcp.advance(400 * MS)
    assert sent(tcp) == [0]
    tcp.send(bytes(3_000))
    ack(tcp, 1)
    assert sent(tcp) == [10, 11]
    ack(tcp, 1)
    assert state(tcp)[0] == LOSS
    assert sent(tcp) == [1]
    assert tcp.socket.info(tcp.now).tcpi_snd_ssthresh < 0x7FFF_FFFF


def test_timestamps_tell_that_only_the_ack_was_late() -> None:
    """RFC 3522: the echo is older than the retransmission."""
    tcp = Script()
    tcp.connect()
    tcp.advance(100 * MS)
    offset = tcp.socket.tcb.ts_offset
    first = (tcp.now // MS - 100 + offset) & 0xFFFF_FFFF
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_012, window=65_535, ts=(1, first))
    tcp.send(bytes(4_000))
    sent_at = (tcp.now // MS + offset) & 0xFFFF_FFFF
    tcp.advance(1_000 * MS)
    assert state(tcp) == (LOSS, 1)
    tcp.inject(ACK, seq=301, ack=1_101, ts=(2, sent_at))
    assert state(tcp) == (LOSS, 11)  # until all that was out is acknowledged (RFC 6582 §4.1)
    info = tcp.socket.info(tcp.now)
    assert (info.tcpi_lost, info.tcpi_snd_ssthresh, info.tcpi_retransmits) == (0, 0x7FFF_FFFF, 0)
