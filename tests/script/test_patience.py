"""How long a connection waits for a peer that does not answer, to the instant: SYNs, data, probes, keep-alives, the last FIN."""

from dataclasses import replace
from typing import Any

import pytest

from netarium.base.config import MachineConfig
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.state import State
from netarium.wire.tcp import ACK, FIN, PSH, SYN

from .conftest import Script


def machine(**settings: Any) -> Script:
    config = MachineConfig()
    return Script(replace(config, tcp=replace(config.tcp, **settings)))


def instants(tcp: Script, until: int) -> list[float]:
    """When something was sent from now on, in seconds, until nothing has to happen any more or so much time is over."""
    began, found = tcp.now, []
    tcp._collect()
    tcp.seen.clear()
    while (at := tcp.machine.next_deadline()) is not None and at <= began + until:
        tcp.advance(at - tcp.now)
        tcp._collect()
        found += [(at - began) / SECOND] * len(tcp.seen)
        tcp.seen.clear()
    return found


@pytest.mark.rfc("9293", "MUST-23")
@pytest.mark.parametrize(
    ("linear", "retries", "option", "told"),
    [
        (4, 6, 0, [1, 2, 3, 4, 5, 7, 11, 19, 35, 67]),
        (0, 6, 0, [1, 3, 7, 15, 31, 63]),
        (0, 3, 0, [1, 3, 7]),
        (4, 6, 2, [1, 2, 3, 4, 5, 7]),
        (2, 1, 0, [1, 2]),
    ],
)
def test_a_syn_is_repeated(linear: int, retries: int, option: int, told: list[int]) -> None:
    tcp = machine(syn_linear_timeouts=linear, syn_retries=retries, r2_syn_ns=0)
    tcp.option(syncnt=option)
    tcp.connect()
    found = instants(tcp, 1_000 * SECOND)
    assert found[: len(told)] == told or option
    assert tcp.state is State.CLOSED
    assert tcp.socket.error == 110


def test_r2_of_a_syn_is_three_minutes_where_the_rfc_is_followed() -> None:
    tcp = machine(syn_linear_timeouts=0, syn_retries=2, r2_syn_ns=180 * SECOND)
    tcp.connect()
    assert instants(tcp, 10_000 * SECOND) == [1, 3, 7, 15, 31, 63, 127]
    assert tcp.socket.error == 110


@pytest.mark.rfc("9293", "MUST-20")
@pytest.mark.parametrize(("orphan", "count"), [(False, 5), (True, 3)])
def test_data_is_repeated(orphan: bool, count: int) -> None:
    tcp = machine(retries_by_time=False, data_retries=5, orphan_retries=3)
    tcp.established()
    tcp.send(b"x")
    if orphan:
        tcp.close()
    found = instants(tcp, 10_000 * SECOND)
    assert found == [float((1 << n) - 1) for n in range(1, count + 1)]
    assert tcp.state is State.CLOSED


@pytest.mark.rfc("9293", "MUST-36", "SHLD-29", "SHLD-30")
def test_a_closed_window_is_probed_at_twice_the_time_each_time() -> None:
    tcp = machine()
    tcp.established(window=0)
    tcp.send(b"text")
    assert instants(tcp, 60 * SECOND) == [1, 3, 7, 15, 31]
    assert tcp.socket.info(tcp.now).tcpi_probes == 5
    tcp.inject(ACK, seq=301, ack=101, window=0)
    info = tcp.socket.info(tcp.now)
    assert (info.tcpi_probes, info.tcpi_backoff) == (0, 5)  # they were answered, but that is no progress
    tcp.inject(ACK, seq=301, ack=101, window=100)
    tcp.expect(ACK | PSH, seq=101, length=4)
    assert tcp.socket.info(tcp.now).tcpi_probes == 0


@pytest.mark.rfc("9293", "MUST-37")
@pytest.mark.parametrize("answers", [True, False])
def test_a_peer_that_answers_probes_is_waited_for_for_ever(answers: bool) -> None:
    tcp = machine(data_retries=4, max_rto_ns=8 * SECOND)
    tcp.established(window=0)
    tcp.send(b"text")
    for _ in range(30):
        tcp.advance(8 * SECOND)
        if answers:
            tcp.inject(ACK, seq=301, ack=101, window=0)
    assert tcp.state is (State.ESTABLISHED if answers else State.CLOSED)


def test_nobody_waits_for_ever_for_a_connection_that_is_closed_already() -> None:
    """RFC 6429: the process is gone, and the peer answers every probe with a closed window."""
    tcp = machine(orphan_retries=3)
    tcp.established(window=0)
    tcp.send(b"text")
    tcp.close()
    for _ in range(12):  # as on Linux until the interval is as long as it gets: 127 s
        tcp.advance(8 * SECOND)
        tcp.inject(ACK, seq=301, ack=101, window=0)
    assert tcp.state is State.FIN_WAIT_1
    for _ in range(20):
        tcp.advance(8 * SECOND)
        tcp.inject(ACK, seq=301, ack=101, window=0)
    assert tcp.state is State.CLOSED


@pytest.mark.rfc("9293", "MUST-25", "MUST-26")
def test_keep_alives_begin_after_the_idle_time_and_not_while_something_is_in_flight() -> None:
    tcp = machine()
    tcp.established()
    tcp.option(keepalive=True, keepidle_ns=10 * SECOND, keepintvl_ns=3 * SECOND, keepcnt=3)
    assert instants(tcp, 10 * SECOND) == [10]
    tcp.inject(ACK, seq=301, ack=101)  # an answer: the idle time begins anew
    assert instants(tcp, 12 * SECOND) == [10]
    tcp.inject(ACK | PSH, seq=301, ack=101, data=b"x")
    tcp.advance(4 * SECOND)
    tcp.send(b"y")
    tcp.inject(ACK, seq=302, ack=102)
    assert instants(tcp, 20 * SECOND) == [10, 13, 16, 19]  # the last is the reset
    assert (tcp.state, tcp.socket.error) == (State.CLOSED, 110)


def test_keep_alives_switched_off_again_are_sent_no_more() -> None:
    tcp = machine()
    tcp.established()
    tcp.option(keepalive=True, keepidle_ns=10 * SECOND, keepintvl_ns=3 * SECOND, keepcnt=3)
    assert instants(tcp, 14 * SECOND) == [10, 13]
    tcp.option(keepalive=False)
    assert instants(tcp, 100 * SECOND) == []
    assert tcp.state is State.ESTABLISHED


def test_keep_alives_and_a_user_timeout() -> None:
    """tcp(7): it is the silence that counts then, and not the number of probes."""
    tcp = machine()
    tcp.established()
    tcp.option(keepalive=True, keepidle_ns=5 * SECOND, keepintvl_ns=2 * SECOND, keepcnt=1)
    tcp.option(user_timeout_ns=12 * SECOND)
    found = instants(tcp, 100 * SECOND)
    assert found[:4] == [5, 7, 9, 11]
    assert tcp.state is State.CLOSED


@pytest.mark.parametrize("linger", [0, 7])
def test_the_last_fin_is_waited_for(linger: int) -> None:
    tcp = machine()
    tcp.established()
    tcp.option(linger2_ns=linger * SECOND)
    tcp.close()
    tcp.inject(ACK, seq=301, ack=102)
    assert tcp.state is State.FIN_WAIT_2
    tcp.advance((linger or 60) * SECOND - MS)
    assert tcp.state in {State.FIN_WAIT_2, State.TIME_WAIT}
    tcp.advance(2 * MS)
    assert tcp.state is State.CLOSED


def test_a_fin_is_repeated_as_data_is() -> None:
    tcp = machine()
    tcp.established()
    tcp.shutdown()
    tcp.expect(FIN | ACK, seq=101)
    assert instants(tcp, 16 * SECOND) == [1, 3, 7, 15]
    tcp.inject(ACK, seq=301, ack=102)
    assert instants(tcp, 100 * SECOND) == []
    assert tcp.state is State.FIN_WAIT_2


def test_connect_gives_up_when_it_is_told_to() -> None:
    for option in ("user_timeout_ns", "connect_timeout_ns"):
        tcp = machine()
        setattr(tcp.socket.options, option, 2_500 * MS)
        tcp.connect()
        assert instants(tcp, 100 * SECOND) == [1, 2]
        assert (tcp.state, tcp.socket.error) == (State.CLOSED, 110)
    tcp = machine(connect_timeout_ns=4 * SECOND)
    tcp.connect()
    tcp.advance(4 * SECOND)
    assert tcp.state is State.CLOSED
    tcp = machine(connect_timeout_ns=4 * SECOND)
    tcp.connect()
    tcp.inject(SYN | ACK, seq=300, ack=101)
    tcp.advance(9 * SECOND)
    assert tcp.state is State.ESTABLISHED
