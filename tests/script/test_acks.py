"""When what was received is acknowledged: at once, with an answer, later, or with others."""

from dataclasses import replace

import pytest

from netarium.base.config import MachineConfig
from netarium.base.units import MS, SECOND
from netarium.wire.tcp import ACK, FIN, PSH, SYN

from .conftest import Script


def text(
    tcp: Script, at: int, size: int = 1_000, *, ack: int = 101, flags: int = ACK, **more: object
) -> None:
    """Text of the peer's; `at` counts from its first octet."""
    tcp.inject(flags, seq=301 + at, ack=ack, data=bytes(size), **more)


def converse(tcp: Script) -> None:
    """100 octets come, 100 octets go."""
    text(tcp, 0, 100, flags=ACK | PSH)
    tcp.expect(ACK, ack=401)
    tcp.recv()
    tcp.send(bytes(100))
    tcp.expect(PSH | ACK, seq=101)
    tcp.inject(ACK, seq=401, ack=201)


@pytest.mark.rfc("9293", "SHLD-18")
def test_the_first_segments_are_acknowledged_one_by_one(tcp: Script) -> None:
    tcp.established()
    for i in range(16):
        text(tcp, 100 * i, 100)
        tcp.expect(ACK, ack=401 + 100 * i)
    text(tcp, 1_600, 100)
    tcp.expect_nothing()
    tcp.advance(40 * MS)
    tcp.expect(ACK, ack=2_001)


def test_a_small_window_has_fewer_of_them(tcp: Script) -> None:
    """Half as many as full segments of 536 octets, until others come, fit into the 2,920 that it offers."""
    tcp.socket.options.rcvbuf, tcp.socket.options.rcvbuf_locked = 8_000, True
    tcp.established()
    for i in range(2):
        text(tcp, 100 * i, 100)
        tcp.expect(ACK)
    text(tcp, 200, 100)
    tcp.expect_nothing()


def test_after_long_silence_they_begin_anew(tcp: Script) -> None:
    tcp.established()
    for i in range(17):
        text(tcp, 100 * i, 100)
    tcp.advance(5 * SECOND)
    tcp._collect()
    tcp.seen.clear()
    text(tcp, 1_700, 100)
    tcp.expect(ACK, ack=2_101)


def test_reading_acknowledges_what_was_pushed(tcp: Script) -> None:
    tcp.established()
    for i in range(16):
        text(tcp, 100 * i, 100)
    tcp.recv()
    tcp._collect()
    tcp.seen.clear()
    text(tcp, 1_600, 100, flags=ACK | PSH)
    tcp.expect_nothing()
    tcp.recv()
    tcp.expect(ACK, ack=2_001)


def test_in_a_conversation_reading_does_not(tcp: Script) -> None:
    tcp.established()
    converse(tcp)
    text(tcp, 100, 100, ack=201, flags=ACK | PSH)
    tcp.recv()
    tcp.expect_nothing()
    tcp.advance(40 * MS)
    tcp.expect(ACK, ack=501)
    text(tcp, 200, 100, ack=201, flags=ACK | PSH)  # the delay was in vain: one way again
    tcp.expect(ACK, ack=601)


@pytest.mark.rfc("9293", "SHLD-19")
def test_without_a_window_that_moves_reading_acknowledges(tcp: Script) -> None:
    """Two full segments that nobody reads from a small buffer: their ACK would open nothing."""
    tcp.socket.options.rcvbuf, tcp.socket.options.rcvbuf_locked = 20_000, True
    tcp.established()
    converse(tcp)
    for i in range(4):
        text(tcp, 100 + 1_000 * i, ack=201)
    tcp._collect()
    tcp.seen.clear()
    text(tcp, 4_100, ack=201)
    text(tcp, 5_100, ack=201)
    tcp.expect_nothing()
    tcp.recv()
    tcp.expect(ACK, ack=6_401)


def test_the_delay_follows_what_arrives(tcp: Script) -> None:
    tcp.established()
    converse(tcp)
    at = 100
    for _ in range(6):
        text(tcp, at, 100, ack=201)
        at += 100
        tcp.advance(30 * MS)
    assert 40 * MS < tcp.socket.tcb.ato_ns <= 200 * MS


def test_no_delay_is_longer_than_two_hundred_ms(tcp: Script) -> None:
    tcp.established()
    converse(tcp)
    tcp.socket.tcb.ato_ns = 10 * SECOND
    tcp.socket.tcb.rtt.srtt = SECOND
    text(tcp, 100, 100, ack=201)
    tcp.advance(199 * MS)
    tcp.expect_nothing()
    tcp.advance(1 * MS)
    tcp.expect(ACK, ack=501)


def test_quickack_off_and_on(tcp: Script) -> None:
    tcp.established()
    tcp.socket.set_quickack(0, tcp.now)
    text(tcp, 0, 100)
    tcp.expect_nothing()
    tcp.socket.set_quickack(1, tcp.now)
    tcp._pump()
    tcp.expect_nothing()  # it is not read yet
    tcp.recv()
    tcp.expect(ACK, ack=401)
    text(tcp, 100, 100)
    tcp.expect(ACK, ack=501)
    assert tcp.socket.quickack


def test_the_fin_of_a_conversation_waits_for_an_answer(tcp: Script) -> None:
    tcp.established()
    text(tcp, 0, 100)
    tcp.expect(ACK, ack=401)
    tcp.inject(FIN | ACK, seq=401, ack=101)
    tcp.expect_nothing()
    tcp.close() if tcp.recv() else None
    tcp.expect(FIN | ACK, ack=402)


def test_the_ack_of_a_fin_leaves_a_moment_for_an_answer(tcp: Script) -> None:
    tcp.established()
    tcp.inject(FIN | ACK, seq=301, ack=101)
    tcp.expect_nothing()
    tcp.advance(1 * MS)
    tcp.expect(ACK, ack=302)


def test_who_closes_at_once_acknowledges_with_his_own_fin(tcp: Script) -> None:
    tcp.established()
    tcp.inject(FIN | ACK, seq=301, ack=101)
    tcp.close()
    tcp.expect(FIN | ACK, seq=101, ack=302)
    tcp.expect_nothing()


@pytest.mark.rfc("5681", "08")
def test_behind_a_hole_three_at_once_then_fewer(tcp: Script) -> None:
    tcp.established(sack_permitted=True)
    tcb = tcp.socket.tcb
    tcb.rcv_rtt = tcb.rtt.srtt = 100 * MS
    for i in range(1, 4):
        text(tcp, 1_000 * i)
        tcp.expect(ACK, ack=301)
    for i in range(4, 40):
        text(tcp, 1_000 * i)
    tcp.advance(1 * MS)
    tcp.expect_nothing()
    tcp.advance(100_000)  # so late it may be beside
    ack = tcp.expect(ACK, ack=301)
    assert ack.sack == ((1_301, 40_301),)
    tcp.expect_nothing()
    text(tcp, 0)  # the gap is filled
    tcp.expect(ACK, ack=40_301)


def test_without_sack_each_has_its_own(tcp: Script) -> None:
    tcp.established()
    for i in range(1, 20):
        text(tcp, 1_000 * i)
        tcp.expect(ACK, ack=301)


def test_thinning_can_be_off() -> None:
    config = MachineConfig()
    tcp = Script(replace(config, tcp=replace(config.tcp, compressed_sack_segments=0)))
    tcp.established(sack_permitted=True)
    for i in range(1, 20):
        text(tcp, 1_000 * i)
        tcp.expect(ACK, ack=301)


@pytest.mark.rfc("2883", "01")
def test_what_came_twice_is_reported_once(tcp: Script) -> None:
    tcp.established(sack_permitted=True)
    text(tcp, 0)
    tcp.expect(ACK, ack=1_301)
    text(tcp, 0)
    assert tcp.expect(ACK, ack=1_301).sack == ((301, 1_301),)
    text(tcp, 1_000)
    assert tcp.expect(ACK, ack=2_301).sack == ()


@pytest.mark.rfc("2883", "01")
def test_a_part_that_came_twice_is_reported(tcp: Script) -> None:
    tcp.established(sack_permitted=True)
    text(tcp, 0)
    tcp.expect(ACK)
    text(tcp, 500)
    assert tcp.expect(ACK, ack=1_801).sack == ((801, 1_301),)


@pytest.mark.rfc("2883", "01")
def test_what_came_twice_behind_a_hole_is_reported_before_its_block(tcp: Script) -> None:
    tcp.established(sack_permitted=True)
    text(tcp, 1_000)
    tcp.expect(ACK)
    text(tcp, 2_000)
    tcp.expect(ACK)
    text(tcp, 1_000)
    assert tcp.expect(ACK, ack=301).sack == ((1_301, 2_301), (1_301, 3_301))


def test_duplicates_are_not_reported_if_that_is_off() -> None:
    config = MachineConfig()
    tcp = Script(replace(config, tcp=replace(config.tcp, dsack=False)))
    tcp.established(sack_permitted=True)
    text(tcp, 0)
    tcp.expect(ACK)
    text(tcp, 0)
    assert tcp.expect(ACK, ack=1_301).sack == ()


@pytest.mark.rfc("5961", "04")
def test_challenges_and_duplicates_share_a_limit(tcp: Script) -> None:
    tcp.established()
    tcp.inject(SYN, seq=301)
    tcp.expect(ACK, seq=101, ack=301)
    tcp.inject(SYN, seq=302)
    tcp.inject(ACK, seq=200, ack=101)
    tcp.expect_nothing()
    tcp.advance(500 * MS)
    tcp.inject(ACK, seq=200, ack=101)
    tcp.expect(ACK, seq=101, ack=301)


@pytest.mark.rfc("7323", "04")
def test_a_missing_timestamp_is_an_old_segment_if_the_rfc_is_followed() -> None:
    config = MachineConfig()
    tcp = Script(replace(config, tcp=replace(config.tcp, tolerate_missing_timestamp=False)))
    tcp.established(ts=(500, 0))
    text(tcp, 0)
    assert tcp.recv() is None


@pytest.mark.rfc("7323", "06")
def test_a_bare_ack_that_was_overtaken_counts(tcp: Script) -> None:
    tcp.established(ts=(500, 0))
    text(tcp, 0, ts=(600, 0))
    tcp.expect(ACK)
    tcp.send(b"x")
    tcp.expect(PSH | ACK)
    tcp.inject(ACK, seq=1_301, ack=101, ts=(600, 0))
    tcp.inject(ACK, seq=1_301, ack=101, ts=(590, 0))  # old, but says nothing new: no answer
    tcp.expect_nothing()
    tcp.inject(ACK, seq=1_301, ack=102, ts=(500, 0))
    assert tcp.socket.send_queue == 1
