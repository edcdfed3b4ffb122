"""Probing a path for its MTU with segments of data (RFC 4821, RFC 8899), segment by segment."""

from dataclasses import replace

import pytest

from netarium.base.config import MachineConfig, TcpConfig
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.tcb import LOSS, OPEN
from netarium.wire.tcp import ACK, PSH

from .conftest import Script

ALWAYS = TcpConfig(
    mtu_probing=2, timestamps=False, base_mss=1_024, initial_window_segments=12, congestion_control="reno"
)
QUEUED = 20_000


def searching(tcp: TcpConfig = ALWAYS, **options: object) -> Script:
    script = Script(MachineConfig(tcp=tcp))
    script.established(**{"mss": 1_460, "sack_permitted": True, **options})
    return script


def sizes(script: Script) -> list[int]:
    script._collect()
    found = [len(seg.payload) for seg in script.seen]
    script.seen.clear()
    return found


@pytest.mark.rfc("4821-01")
def test_a_probe_that_arrives_raises_the_segment_size() -> None:
    tcp = searching()
    tcb = tcp.socket.tcb
    assert tcb.smss == 1_024
    tcp.send(bytes(QUEUED))
    probe = (1_024 + 1_460) // 2
    sent = sizes(tcp)
    assert sent[0] == probe
    assert set(sent[1:]) == {1_024}, "only one probe at a time"
    assert len(sent) == 11, "a probe weighs two segments"
    info = tcp.socket.info(tcp.now)
    assert (info.tcpi_bytes_sent, info.tcpi_data_segs_out, info.tcpi_bytes_retrans) == (sum(sent), 11, 0)
    cwnd = tcb.congestion.cwnd
    tcp.inject(ACK, seq=301, ack=101 + probe)
    assert tcb.smss == probe
    # As many octets as before, in whole segments of the new size; and slow start counts the ACK.
    assert cwnd // 1_024 * 1_064 // (probe + 40) * probe <= tcb.congestion.cwnd <= cwnd + 2 * probe
    assert tcb.plpmtud is not None
    assert tcb.plpmtud.low == probe


@pytest.mark.rfc("4821-01")
def test_the_loss_of_a_lone_probe_is_no_congestion() -> None:
    tcp = searching()
    tcb = tcp.socket.tcb
    before = tcb.congestion.cwnd
    tcp.send(bytes(QUEUED))
    probe = sizes(tcp)[0]
    tcp.advance(20 * MS)
    for n in range(1, 4):
        assert sizes(tcp) == ([1_024] if n > 1 else [])  # limited transmit
        tcp.advance(2 * MS)  # else one segment would wait for another
        tcp.inject(ACK, seq=301, ack=101, sack=[(101 + probe, 101 + probe + n * 1_024)])
    resent = tcp.expect(ACK, seq=101, length=1_024)
    tcp.expect(ACK, seq=101 + 1_024, length=probe - 1_024)
    assert len(resent.payload) == 1_024
    assert tcb.recovery == LOSS
    assert tcb.congestion.cwnd == before, "neither reduced nor short of the segment that the probe weighed"
    assert tcb.plpmtud is not None
    assert (tcb.plpmtud.high, tcb.plpmtud.probe) == (probe - 1, 0)
    assert tcb.smss == 1_024
    tcp.seen.clear()
    tcp.inject(ACK, seq=301, ack=tcb.snd_nxt - tcb.iss + 100)
    assert tcb.recovery == OPEN


def test_a_probe_lost_among_others_is_congestion_and_tells_nothing() -> None:
    tcp = searching()
    tcb = tcp.socket.tcb
    before = tcb.congestion.cwnd
    tcp.send(bytes(QUEUED))
    probe = sizes(tcp)[0]
    first = 101 + probe + 1_024  # the segment behind the probe was lost, too
    tcp.inject(ACK, seq=301, ack=101, sack=[(first, first + 5 * 1_024)])
    assert tcb.congestion.cwnd < before
    assert tcb.plpmtud is not None
    assert tcb.plpmtud.high == 1_460
    assert tcb.plpmtud.probe == 0


@pytest.mark.parametrize(
    ("why", "queued", "window"),
    [
        ("too little to send", 1_242 + 4 * 1_024 - 1, 65_535),
        ("a small window", QUEUED, 1_242 + 4 * 1_024 - 1),
    ],
)
def test_no_probe_for_want_of(why: str, queued: int, window: int) -> None:
    tcp = searching(window=window)
    tcp.inject(ACK, seq=301, ack=101, window=window)
    tcp.send(bytes(queued))
    assert max(sizes(tcp)) == 1_024, why


def test_no_probe_in_a_small_congestion_window() -> None:
    tcp = searching(replace(ALWAYS, initial_window_segments=10))
    tcp.send(bytes(QUEUED))
    assert max(sizes(tcp)) == 1_024


def test_a_timeout_makes_the_probe_inconclusive() -> None:
    tcp = searching()
    tcb = tcp.socket.tcb
    tcp.send(bytes(QUEUED))
    sizes(tcp)
    tcp.advance(2 * SECOND)
    assert tcb.plpmtud is not None
    assert (tcb.plpmtud.probe, tcb.plpmtud.high, tcb.plpmtud.low) == (0, 1_460, 1_024)


def until_black_hole(tcp: Script, octets: int) -> list[int]:
    tcp.send(bytes(octets))
    tcp.seen.clear()
    tcp.advance(30 * SECOND)
    return sizes(tcp)


@pytest.mark.rfc("8899", "4.3")
def test_timeouts_of_full_segments_make_them_smaller() -> None:
    tcp = searching(TcpConfig(mtu_probing=1))
    assert tcp.socket.tcb.plpmtud is None, "a search costs nothing before it is needed"
    again = until_black_hole(tcp, 1_460)
    assert again[0] == 1_460
    assert list(dict.fromkeys(again)) == [1_460, 1_024, 512], again
    # The small one gets through: then the rest, in segments that pass.
    tcp.inject(ACK, seq=301, ack=101 + 512)
    assert sizes(tcp) == [512, 436]


@pytest.mark.parametrize(("config", "octets"), [(TcpConfig(mtu_probing=0), 1_460), (TcpConfig(), 400)])
def test_timeouts_that_tell_nothing_of_size(config: TcpConfig, octets: int) -> None:
    tcp = searching(config)
    assert set(until_black_hole(tcp, octets)) == {octets}
    assert tcp.socket.tcb.plpmtud is None


def test_the_size_is_searched_again_once_the_path_is_well() -> None:
    """An outage is not told from a black hole; what it cost is won back by probes."""
    tcp = searching(TcpConfig())
    tcb = tcp.socket.tcb
    until_black_hole(tcp, 60_000)
    assert tcb.smss < 1_024
    for _ in range(400):
        acked = tcb.snd_nxt - tcb.iss + 100
        tcp.send(bytes(30_000))
        tcp.inject(ACK, seq=301, ack=acked)
        tcp.advance(10 * MS)
        tcp.seen.clear()
    assert tcb.smss > 1_448


def test_with_offload_a_probe_is_one_segment() -> None:
    tcp = searching()
    tcb = tcp.socket.tcb
    tcb.gso_limit = 64_000
    tcb.gso_size = 64_000 // tcb.smss * tcb.smss
    tcp.send(bytes(QUEUED))
    sent = sizes(tcp)
    assert sent[0] == 1_242
    assert tcb.scoreboard.oldest.end - tcb.scoreboard.oldest.seq == 1_242
    tcp.inject(ACK | PSH, seq=301, ack=101 + 1_242)
    assert tcb.gso_size == 64_000 // 1_242 * 1_242
