"""TIME-WAIT answers what comes late, and gives way to what is provably new (RFC 9293 §3.10.7.4, RFC 6191, RFC 1337)."""

from dataclasses import replace

import pytest

from netarium.base.config import MachineConfig
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.state import State
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN

from .conftest import Script

WAIT = 60 * SECOND
TS = 7_000  # the last timestamp of the peer's


def waiting(*, ts: bool = False, listening: bool = False, **settings: object) -> Script:
    """We closed first: 102 is what we send next, 302 what we expect."""
    config = MachineConfig()
    tcp = Script(replace(config, tcp=replace(config.tcp, **settings)))
    if listening:
        tcp.listen()
        tcp.inject(SYN, seq=300, mss=1_000, **({"ts": (TS, 0)} if ts else {}))
        answer = tcp.learn_from_syn_ack()
        tcp.inject(ACK, seq=301, ack=101, **({"ts": (TS, answer.ts_val)} if ts else {}))
        accepted = tcp.socket.accept(tcp.now)
        assert accepted is not None
        tcp.socket = accepted
    elif ts:
        tcp.connect()
        tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000, ts=(TS, our_ts(tcp)))
        tcp.expect(ACK)
    else:
        tcp.established()
    stamp = {"ts": (TS, our_ts(tcp))} if ts else {}
    tcp.close()
    tcp.expect(FIN | ACK, seq=101)
    tcp.inject(FIN | ACK, seq=301, ack=102, **stamp)
    tcp.expect(ACK, seq=102, ack=302)
    assert tcp.state is State.TIME_WAIT
    return tcp


def our_ts(tcp: Script) -> int:
    return (tcp.now // MS + tcp.socket.tcb.ts_offset) & 0xFFFF_FFFF


def is_waiting(tcp: Script) -> bool:
    return len(tcp.machine.tcp.time_wait()) == 1


@pytest.mark.rfc("9293", "MUST-13")
def test_it_lasts_two_lifetimes_to_the_instant() -> None:
    tcp = waiting()
    tcp.advance(WAIT - 1)
    assert is_waiting(tcp)
    tcp.advance(1)
    assert not is_waiting(tcp)


def test_a_fin_that_is_repeated_is_acknowledged_and_begins_the_wait_anew() -> None:
    tcp = waiting()
    tcp.advance(40 * SECOND)
    tcp.inject(FIN | ACK, seq=301, ack=102)
    tcp.expect(ACK, seq=102, ack=302, window=64_239)
    tcp.advance(WAIT - 1)
    assert is_waiting(tcp)
    tcp.advance(1)
    assert not is_waiting(tcp)


@pytest.mark.parametrize(
    ("flags", "seq", "data"),
    [(FIN | ACK, 300, b""), (FIN | ACK, 302, b""), (ACK | PSH, 300, b"x"), (FIN | ACK, 301, b"x")],
)
def test_what_is_not_that_fin_is_acknowledged_and_the_wait_goes_on(flags: int, seq: int, data: bytes) -> None:
    tcp = waiting()
    tcp.advance(40 * SECOND)
    tcp.inject(flags, seq=seq, ack=102, data=data)
    tcp.expect(ACK, seq=102, ack=302)
    tcp.advance(20 * SECOND)
    assert not is_waiting(tcp)


def test_a_fin_with_text_before_it_is_that_fin() -> None:
    tcp = waiting()
    tcp.advance(40 * SECOND)
    tcp.inject(FIN | ACK, seq=291, ack=102, data=b"0123456789")
    tcp.expect(ACK, seq=102, ack=302)
    tcp.advance(20 * SECOND)
    assert is_waiting(tcp)


def test_an_ack_that_is_in_order_is_not_answered_and_one_that_is_not_is_a_few_times_a_second() -> None:
    """Two ends that are confused would answer each other for ever."""
    tcp = waiting()
    tcp.inject(ACK, seq=302, ack=102)
    tcp.expect_nothing()
    tcp.inject(ACK, seq=303, ack=102)
    tcp.expect(ACK, seq=102, ack=302)
    tcp.inject(ACK, seq=303, ack=102)
    tcp.advance(499 * MS)
    tcp.inject(ACK, seq=303, ack=102)
    tcp.expect_nothing()
    tcp.advance(1 * MS)
    tcp.inject(ACK, seq=301, ack=102)
    tcp.expect(ACK, seq=102, ack=302)
    tcp.inject(ACK | PSH, seq=303, ack=102, data=b"x")  # text is answered whenever it comes
    tcp.inject(FIN | ACK, seq=301, ack=102)
    tcp.expect(ACK)
    tcp.expect(ACK)
    tcp.inject(SYN, seq=290)
    tcp.expect_nothing()


@pytest.mark.rfc("1337-01")
@pytest.mark.parametrize(
    ("rfc1337", "seq", "ends"),
    [(False, 302, True), (False, 301, False), (False, 303, False), (True, 302, False)],
)
def test_a_reset_ends_it_only_if_it_is_exact_and_that_is_allowed(rfc1337: bool, seq: int, ends: bool) -> None:
    tcp = waiting(rfc1337=rfc1337)
    tcp.inject(RST, seq=seq)
    assert is_waiting(tcp) is not ends
    tcp.expect_nothing()


def test_a_reset_from_the_past_ends_nothing() -> None:
    tcp = waiting(ts=True, rfc1337=False)
    tcp.inject(RST, seq=302, ts=(TS - 1, 0))
    assert is_waiting(tcp)
    tcp.inject(RST, seq=302, ts=(TS, 0))
    assert not is_waiting(tcp)


@pytest.mark.parametrize(("ts_val", "answered"), [(TS - 1, True), (TS, False), (TS + 1, False)])
def test_what_is_from_the_past_is_answered_though_it_is_in_order(ts_val: int, answered: bool) -> None:
    tcp = waiting(ts=True)
    tcp.advance(10 * MS)
    tcp.inject(ACK, seq=302, ack=102, ts=(ts_val, 0))
    if answered:
        seg = tcp.expect(ACK, seq=102, ack=302)
        assert (seg.ts_val, seg.ts_ecr) == (our_ts(tcp), TS)
    tcp.expect_nothing()


@pytest.mark.parametrize(
    ("seq", "ts_val", "opens"),
    [
        (302, None, False),
        (303, None, True),
        (290, None, False),
        (302 + 0x7FFF_FFFF, None, True),
        (290, TS + 1, True),  # by the timestamp, whatever the number
        (303, TS - 1, False),
        (303, TS, True),  # the timestamps say nothing
        (302, TS, False),
        (290, TS + 0x7FFF_FFFF, True),
        (303, TS + 0x8000_0000, False),
    ],
)
def test_a_syn_of_a_later_incarnation_opens(seq: int, ts_val: int | None, opens: bool) -> None:
    """RFC 6191 §2; only where somebody listens."""
    tcp = waiting(ts=ts_val is not None, listening=True)
    stamp = {} if ts_val is None else {"ts": (ts_val & 0xFFFF_FFFF, 0)}
    tcp.inject(SYN, seq=seq, mss=1_000, **stamp)
    if opens:
        seg = tcp.expect(SYN | ACK, ack=seq + 1)
        assert (tcp._ours(seg.seq) - 102) & 0xFFFF_FFFF == 0x1_0002  # beyond the numbers of the old one
        assert not is_waiting(tcp)
    else:
        tcp.expect(ACK, seq=102, ack=302)
        assert is_waiting(tcp)


def test_a_new_connection_of_ours_takes_the_place_with_timestamps() -> None:
    """Linux's tcp_tw_reuse, after a second: our first number lies beyond the old ones."""
    for ts, taken in ((True, True), (False, False)):
        tcp = waiting(ts=ts, time_wait_reuse=1)
        record = tcp.machine.tcp.time_wait()[0]
        assert (record.successor is not None) is taken
        if record.successor is not None:
            assert tcp._ours(record.successor[0]) == 102 + 0x1_0002
            assert record.successor[1] == TS
        assert (record.version, record.state_name) == (4, "TIME_WAIT")
        assert record.local == (b"\x0a\0\0\1", tcp.our_port)
        assert record.remote == (b"\x0a\0\0\2", 80)


@pytest.mark.parametrize(
    ("flags", "ack", "answered"),
    [(ACK, 102, False), (ACK, 103, True), (ACK | PSH, 102, True), (0, 0, False), (PSH, 0, False)],
)
def test_where_only_the_last_ack_is_exact(flags: int, ack: int, answered: bool) -> None:
    tcp = waiting(time_wait_exact_ack=True)
    tcp.inject(flags, seq=302, ack=ack)
    if answered:
        tcp.expect(ACK, seq=102, ack=302)
    tcp.expect_nothing()
