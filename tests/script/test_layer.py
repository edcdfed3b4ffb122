"""What TCP does without a connection: resets and how many of them, listeners side by side, ports in TIME-WAIT."""

from dataclasses import replace
from typing import Any

import pytest

from netarium.base.config import MachineConfig
from netarium.base.errors import DropReason, StackError
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.connection import Connection
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN

from .conftest import PEER, US, Script


def machine(**settings: Any) -> Script:
    config = MachineConfig()
    return Script(replace(config, tcp=replace(config.tcp, **settings)))


def test_resets_are_built_by_the_book() -> None:
    tcp = machine()
    for flags, size, seq, ack, answer in (
        (ACK, 0, 5, 77, (RST, 77, 0)),
        (ACK | PSH, 9, 5, 77, (RST, 77, 0)),
        (SYN | ACK, 0, 5, 77, (RST, 77, 0)),
        (SYN, 0, 5, 0, (RST | ACK, 0, 6)),
        (SYN, 9, 5, 0, (RST | ACK, 0, 15)),
        (SYN | FIN, 9, 5, 0, None),
        (FIN, 0, 5, 0, (RST | ACK, 0, 6)),
        (0, 9, 5, 0, (RST | ACK, 0, 14)),
        (RST, 0, 5, 0, None),
        (RST | ACK, 0, 5, 77, None),
    ):
        tcp.our_port = 99
        tcp.inject(flags, seq=seq, ack=ack, data=bytes(size), raw_ack=True)
        tcp._collect()
        found = [(seg.flags, seg.seq, seg.ack) for seg in tcp.seen]
        tcp.seen.clear()
        if flags != SYN | FIN:
            assert found == ([] if answer is None else [answer])
    assert tcp.machine.counters[DropReason.TCP_RESET_NO_CONNECTION] == 2


def test_resets_are_so_many_a_second() -> None:
    tcp = machine(max_resets_per_second=3)
    tcp.our_port = 99
    for second in range(3):
        for _ in range(5):
            tcp.inject(ACK, seq=5, ack=7)
        tcp._collect()
        assert len(tcp.seen) == 3
        tcp.seen.clear()
        assert tcp.machine.counters["tcp_out_resets_limited"] == 2 * (second + 1)
        tcp.advance(SECOND - 1)
        tcp.inject(ACK, seq=5, ack=7)
        tcp.expect_nothing()
        tcp.machine.counters["tcp_out_resets_limited"] -= 1
        tcp.advance(1)


@pytest.mark.parametrize(
    ("blackhole", "flags", "answered"),
    [
        (0, SYN, True),
        (0, ACK, True),
        (1, SYN, False),
        (1, ACK, True),
        (1, SYN | ACK, True),
        (2, SYN, False),
        (2, ACK, False),
    ],
)
def test_a_machine_that_would_rather_not_be_seen(blackhole: int, flags: int, answered: bool) -> None:
    tcp = machine(blackhole=blackhole)
    tcp.our_port = 99
    tcp.inject(flags, seq=5, ack=7)
    tcp._collect()
    assert bool(tcp.seen) is answered
    assert tcp.machine.counters["tcp_out_resets_limited"] == (not answered)
    tcp.seen.clear()
    tcp.listen()  # where somebody listens it is no secret
    tcp.inject(ACK, seq=5, ack=7)
    tcp.expect(RST)


def listening(tcp: Script, address: bytes, *, share: bool = False) -> Connection:
    made: Connection = tcp.machine.tcp.open(4, tcp.now)
    made.options.reuseaddr = made.options.reuseport = share
    made.bind(address, 80)
    made.listen(5, tcp.now)
    return made


def test_a_listener_on_the_address_comes_before_one_on_the_wildcard() -> None:
    for closes, heard in ((None, 0), (0, 1), (1, 0)):
        tcp = machine()
        both = [listening(tcp, US, share=True), listening(tcp, bytes(4), share=True)]
        if closes is not None:
            both[closes].close(tcp.now)
        tcp.our_port, tcp.peer_port = 80, 40_000
        tcp.inject(SYN, seq=300, mss=1_000)
        tcp.learn_from_syn_ack()
        tcp.inject(ACK, seq=301, ack=101)
        assert both[heard].accept(tcp.now) is not None
    tcp = machine()
    only = listening(tcp, US)
    assert tcp.machine.tcp.has_listener(US, 80)
    assert not tcp.machine.tcp.has_listener(US, 81)
    only.close(tcp.now)
    assert not tcp.machine.tcp.has_listener(US, 80)


@pytest.mark.parametrize("number", [2, 3])
def test_several_listeners_share_what_comes(number: int) -> None:
    tcp = machine()
    several = [listening(tcp, US, share=True) for _ in range(number)]
    counts = [0] * number
    for port in range(40):
        tcp.our_port, tcp.peer_port = 80, 50_000 + port
        tcp.inject(SYN, seq=300, mss=1_000)
        tcp.learn_from_syn_ack()
        tcp.inject(ACK, seq=301, ack=101)
        counts = [
            count + (one.accept(tcp.now) is not None) for count, one in zip(counts, several, strict=True)
        ]
    assert sum(counts) == 40
    assert min(counts) > 3


def waiting(tcp: Script) -> bytes:
    """A connection of ours is in TIME-WAIT, with timestamps; its four numbers."""
    tcp.connect()
    stamp = (tcp.now // MS + tcp.socket.tcb.ts_offset) & 0xFFFF_FFFF
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000, ts=(1, stamp))
    tcp.close()
    tcp.inject(FIN | ACK, seq=301, ack=102, ts=(2, stamp))
    return PEER + US + tcp.peer_port.to_bytes(2, "big") + tcp.our_port.to_bytes(2, "big")


@pytest.mark.parametrize(
    ("reuse", "chosen", "age", "may"),
    [
        (0, False, 10_000, False),
        (0, True, 10_000, True),
        (0, True, 0, True),
        (1, False, 1_001, True),
        (1, False, 1_000, False),
        (1, False, 0, False),
        (2, False, 10_000, False),  # only over the loopback
        (2, True, 0, True),
    ],
)
def test_who_may_begin_where_one_waits(reuse: int, chosen: bool, age: int, may: bool) -> None:
    tcp = machine(time_wait_reuse=reuse)
    key = waiting(tcp)
    now = tcp.now + age * MS
    assert tcp.machine.tcp.is_taken(key)
    assert tcp.machine.tcp.may_take_over(key, now, chosen=chosen) is may
    assert not tcp.machine.tcp.may_take_over(key[:-1] + b"?", now, chosen=chosen)


def test_without_timestamps_nobody_may() -> None:
    tcp = machine(time_wait_reuse=1)
    tcp.established()
    tcp.close()
    tcp.inject(FIN | ACK, seq=301, ack=102)
    key = PEER + US + tcp.peer_port.to_bytes(2, "big") + tcp.our_port.to_bytes(2, "big")
    assert tcp.machine.tcp.is_taken(key)
    assert not tcp.machine.tcp.may_take_over(key, tcp.now + 10 * SECOND, chosen=True)


def test_the_oldest_wait_goes_if_there_are_too_many() -> None:
    tcp = machine(max_time_wait=2)
    records = []
    for port in range(4):
        tcp.peer_port = 80 + port
        tcp.socket = tcp.machine.tcp.open(4, tcp.now)
        tcp.established()
        tcp.close()
        tcp.inject(FIN | ACK, seq=301, ack=102)
        records.append(tcp.socket.id)
        tcp._collect()
        tcp.seen.clear()
        assert [record.id for record in tcp.machine.tcp.time_wait()] == records[-2:]
        assert tcp.machine.counters["tcp_time_wait_overflows"] == max(0, port - 1)


def test_an_address_that_is_not_ours_cannot_be_bound_and_a_port_only_once() -> None:
    tcp = machine()
    one, two = (tcp.machine.tcp.open(4, tcp.now) for _ in range(2))
    with pytest.raises(StackError):
        one.bind(PEER, 80)
    one.bind(US, 80)
    with pytest.raises(StackError):
        one.bind(US, 81)
    with pytest.raises(StackError):
        two.bind(US, 80)
    two.bind(US, 81)
    assert (one.local, two.local) == ((US, 80), (US, 81))
