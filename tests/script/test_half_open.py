"""A half-open connection: which third segments complete it, what is answered, what is repeated and for how long."""

from dataclasses import replace
from typing import Any

import pytest

from netarium.base.config import MachineConfig
from netarium.base.errors import DropReason
from netarium.base.units import MS, SECOND
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN

from .conftest import Script

WINDOW = 64_240


def half_open(backlog: int = 5, **options: Any) -> Script:
    """A SYN with number 300 came, ours has 100. `settings` are the machine's."""
    settings = options.pop("settings", {})
    config = MachineConfig()
    tcp = Script(replace(config, tcp=replace(config.tcp, **settings)))
    tcp.listen(backlog)
    tcp.inject(SYN, seq=300, **{"mss": 1_000, **options})
    tcp.learn_from_syn_ack()
    return tcp


def outcome(tcp: Script) -> str:
    """What became of the last segment: "open", "gone", or still half-open; and the answer."""
    tcp._collect()
    answers = ["RST" if seg.flags & RST else "ACK" for seg in tcp.seen]
    if tcp.socket.accept(tcp.now) is not None:
        state = "open"
    else:
        state = "half-open" if tcp.machine.tcp.half_open() else "gone"
    return " ".join([state, *answers])


@pytest.mark.rfc("9293", "MUST-11")
@pytest.mark.parametrize(
    ("seq", "size", "told"),
    [
        (301, 0, "open"),
        (301, 1, "open ACK"),
        (300, 0, "half-open ACK"),
        (300, 1, "half-open ACK"),
        (300, 2, "open ACK"),  # one of the octets is new
        (302, 0, "open"),
        (301 + WINDOW - 1, 0, "open"),
        (301 + WINDOW - 1, 1, "open ACK"),
        (301 + WINDOW, 0, "open"),  # the edge itself, as Linux has it
        (301 + WINDOW, 1, "half-open ACK"),
        (301 + WINDOW + 1, 0, "half-open ACK"),
        (1, 0, "half-open ACK"),
    ],
)
def test_which_numbers_complete_it(seq: int, size: int, told: str) -> None:
    tcp = half_open()
    tcp.inject(ACK, seq=seq, ack=101, data=bytes(size))
    assert outcome(tcp) == told


@pytest.mark.parametrize("ack", [100, 102, 99, 0x8000_0065])
def test_an_ack_of_something_else_is_reset_and_changes_nothing(ack: int) -> None:
    tcp = half_open()
    tcp.inject(ACK, seq=301, ack=ack)
    tcp.expect(RST)
    assert outcome(tcp) == "half-open"
    assert tcp.machine.counters[DropReason.TCP_BAD_ACK] == 1
    tcp.inject(ACK, seq=301, ack=101)
    assert outcome(tcp) == "open"


@pytest.mark.parametrize(
    ("flags", "seq", "told"),
    [
        (RST, 301, "gone"),
        (RST, 302, "half-open ACK"),  # RFC 5961 §3.2
        (RST, 300, "half-open"),
        (RST | ACK, 301, "gone"),
        (SYN, 301, "half-open ACK"),
        (SYN, 300, "half-open ACK"),  # once more: the SYN,ACK, too
        (0, 301, "half-open"),
        (PSH, 301, "half-open"),
        (FIN, 301, "half-open"),
        (FIN | ACK, 301, "open"),
    ],
)
def test_flags(flags: int, seq: int, told: str) -> None:
    tcp = half_open()
    tcp.inject(flags, seq=seq, ack=101)
    assert outcome(tcp) == told


@pytest.mark.parametrize("flags", [ACK, SYN, RST])
def test_answers_to_what_changes_nothing_are_rare(flags: int) -> None:
    tcp = half_open()
    seq = 1 if flags == ACK else 305
    tcp.inject(flags, seq=seq, ack=101)
    tcp.expect(ACK, ack=301)
    tcp.inject(flags, seq=seq, ack=101)
    tcp.advance(499 * MS)
    tcp.inject(flags, seq=seq, ack=101)
    tcp.expect_nothing()
    tcp.advance(1 * MS)
    tcp.inject(flags, seq=seq, ack=101)
    tcp.expect(ACK, ack=301)


@pytest.mark.parametrize(
    ("val", "echo", "told"),
    [
        (5, 0, "open"),
        (5, None, "open"),
        (4, None, "half-open ACK"),  # older than the SYN's
        (6, None, "open"),
        (5 + 0x7FFF_FFFF, None, "open"),
        ((5 - 0x7FFF_FFFF) & 0xFFFF_FFFF, None, "half-open ACK"),
        (5, -1, "half-open ACK"),  # an echo of what was never sent
        (5, 1, "half-open ACK"),
    ],
)
def test_which_timestamps_complete_it(val: int, echo: int | None, told: str) -> None:
    """`echo` is the distance from the timestamp of our SYN,ACK; 0 itself and None say it is right."""
    tcp = Script()
    tcp.listen()
    tcp.inject(SYN, seq=300, mss=1_000, ts=(5, 0))
    answer = tcp.learn_from_syn_ack()
    tcp.inject(ACK, seq=301, ack=101, ts=(val, (answer.ts_val + (echo or 0)) & 0xFFFF_FFFF))
    assert outcome(tcp) == told


def test_any_echo_between_the_first_and_the_last_syn_ack_is_right() -> None:
    for late in (0, 500, 1_000, 1_001):
        tcp = Script()
        tcp.listen()
        tcp.inject(SYN, seq=300, mss=1_000, ts=(5, 0))
        first = tcp.learn_from_syn_ack().ts_val
        tcp.advance(1_500 * MS)
        assert tcp.expect(SYN | ACK).ts_val == first + 1_000
        tcp.inject(ACK, seq=301, ack=101, ts=(5, first + late))
        assert outcome(tcp).split()[0] == ("half-open" if late > 1_000 else "open")


@pytest.mark.rfc("9293", "MUST-23")
def test_the_syn_ack_is_repeated_five_times_and_then_forgotten() -> None:
    tcp = half_open()
    began = tcp.now
    for wait in (1, 2, 4, 8, 16):
        tcp.advance(wait * SECOND - 1)
        tcp.expect_nothing()
        tcp.advance(1)
        tcp.expect(SYN | ACK, seq=100, ack=301)
    tcp.advance(32 * SECOND - 1)
    assert tcp.machine.tcp.half_open()
    tcp.advance(1)
    assert (tcp.now - began) == 63 * SECOND
    assert not tcp.machine.tcp.half_open()
    tcp.expect_nothing()


def test_how_often_it_was_repeated_is_told_to_the_connection() -> None:
    """RFC 6298 (5.7), Karn: no round trip is measured, and TCP_INFO counts each."""
    for timeouts, again in ((0, 0), (1, 0), (2, 0), (0, 1), (2, 1)):
        tcp = half_open()
        tcp.advance(((1 << timeouts) - 1) * SECOND)
        for _ in range(again):
            tcp.inject(SYN, seq=300, mss=1_000)
        tcp.advance(10 * MS)
        tcp.inject(ACK, seq=301, ack=101)
        connection = tcp.socket.accept(tcp.now)
        assert connection is not None
        assert (connection.info(tcp.now).tcpi_rtt > 0) is (timeouts + again == 0)
        assert connection.tcb.syn_losses == (timeouts + again if timeouts else 0)


def test_a_syn_that_comes_again_is_answered_again_from_the_beginning_of_a_wait() -> None:
    tcp = half_open()
    tcp.advance(900 * MS)
    tcp.inject(SYN, seq=300, mss=1_000)
    tcp.expect(SYN | ACK, seq=100, ack=301)
    tcp.advance(999 * MS)
    tcp.expect_nothing()
    tcp.advance(1 * MS)
    tcp.expect(SYN | ACK, seq=100, ack=301)


@pytest.mark.parametrize(("waiting", "repetitions"), [(4, 5), (5, 2), (8, 2)])
def test_many_that_do_not_answer_are_asked_less_often(waiting: int, repetitions: int) -> None:
    """As Linux: once more than half of the backlog waits, and few of them are fresh."""
    tcp = half_open()
    for port in range(waiting - 1):
        tcp.inject(SYN, seq=300, mss=1_000, ports=(50_000 + port, 80))
    tcp._collect()
    tcp.seen.clear()
    tcp.advance(1 * SECOND)  # now none is fresh
    tcp.advance(62 * SECOND)
    tcp._collect()
    assert len([seg for seg in tcp.seen if seg.dst_port == 40_000]) == repetitions


def test_an_overflow_lets_the_third_segment_wait_or_resets() -> None:
    for abort in (False, True):
        tcp = half_open(backlog=0, settings={"abort_on_overflow": abort})
        tcp.inject(ACK, seq=301, ack=101)
        assert len(tcp.socket.listener.ready) == 1
        tcp.inject(SYN, seq=700, mss=1_000, ports=(50_000, 80))
        tcp._collect()
        assert not tcp.seen  # one waits for accept() already: no SYN is answered
        assert tcp.machine.counters[DropReason.TCP_LISTEN_OVERFLOW] == 1
