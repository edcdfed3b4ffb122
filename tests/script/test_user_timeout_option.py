"""The User Timeout Option (RFC 5482): two ends tell each other how patient they are, and follow within limits."""

from dataclasses import replace

import pytest

from netarium.base.config import MachineConfig
from netarium.base.units import MS, SECOND
from netarium.transport.tcp.hearsay import NOTHING
from netarium.transport.tcp.state import State
from netarium.wire.tcp import ACK, PSH, SYN
from netarium.wire.tcp_options import pack_options, pack_user_timeout, parse_user_timeout

from .conftest import Script

DEFAULT = 925  # seconds that fifteen retransmissions take at the least RTO: 924.6


def hear(tcp: Script, seconds: int, *, seq: int = 301, ack: int = 101, **options: object) -> None:
    """An ACK with the peer's suggestion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "tests.script.conftest.pack_options",
            lambda **given: pack_options(**given) + pack_user_timeout(seconds),
        )
        tcp.inject(ACK, seq=seq, ack=ack, **options)


def connected(tcp: Script, remote: int = 0, **options: object) -> None:
    """A connection with the option in its SYN, and in the ACK that follows."""
    tcp.option(uto=True, **options)
    tcp.established()
    tcp.send(b"x")
    tcp.expect(ACK | PSH)
    tcp.inject(ACK, seq=301, ack=102)
    if remote:
        hear(tcp, remote, ack=102)


def test_nothing_is_said_or_believed_unless_the_application_asks(tcp: Script) -> None:
    syn = tcp.connect()
    assert parse_user_timeout(syn.options) is None
    tcp.inject(SYN | ACK, seq=300, ack=101)
    assert parse_user_timeout(tcp.expect(ACK).options) is None
    hear(tcp, 200)
    assert tcp.socket.tcb.user_timeout_ns == 0
    assert (tcp.socket.tcb.hearsay or NOTHING).uto_remote_ns == 0


@pytest.mark.rfc("5482", "01")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, DEFAULT),
        ({"user_timeout_ns": 1_500 * MS}, 2),
        ({"uto_advertised_ns": 40_000 * SECOND}, 667 * 60),
        ({"uto_advertised_ns": 300 * SECOND, "user_timeout_ns": 5 * SECOND}, 300),
    ],
)
def test_the_syn_and_the_first_segment_behind_it_tell(
    tcp: Script, options: dict[str, int], told: int
) -> None:
    tcp.option(uto=True, **options)
    assert parse_user_timeout(tcp.connect().options) == told
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000)
    assert parse_user_timeout(tcp.expect(ACK).options) == told
    tcp.send(b"x")
    assert parse_user_timeout(tcp.expect(ACK | PSH).options) is None, "once is enough"


def test_a_listener_tells_in_the_syn_ack_and_hears_the_syn(tcp: Script) -> None:
    tcp.option(uto=True)
    tcp.listen()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "tests.script.conftest.pack_options",
            lambda **given: pack_options(**given) + pack_user_timeout(1_200),
        )
        tcp.inject(SYN, seq=300, mss=1_000)
    assert parse_user_timeout(tcp.learn_from_syn_ack().options) == DEFAULT
    tcp.inject(ACK, seq=301, ack=101)
    connection = tcp.socket.accept(tcp.now)
    assert connection is not None
    assert connection.tcb.user_timeout_ns == 1_200 * SECOND


def test_syns_that_are_lost_go_without_it_in_the_end(tcp: Script) -> None:
    """§4.1: perhaps somebody on the way drops what has it."""
    tcp.option(uto=True)
    tcp.connect()
    told = []
    for _ in range(3):
        tcp.advance(1 * SECOND)
        told.append(parse_user_timeout(tcp.expect(SYN).options))
    assert told == [DEFAULT, None, None]


@pytest.mark.rfc("5482", "01", "02")
@pytest.mark.parametrize(
    ("remote", "options", "adopted"),
    [
        (1_000, {}, 1_000),
        (500, {}, 924_600 * MS),  # ours is longer
        (500, {"uto_advertised_ns": 300 * SECOND}, 500 * SECOND),
        (20, {"uto_advertised_ns": 30 * SECOND}, 100 * SECOND),  # the lower limit
        (30_000, {}, 3_600 * SECOND),  # the upper one
        (0, {"uto_advertised_ns": 300 * SECOND}, 300 * SECOND),  # nothing heard: what we tell is what we do
        (0, {}, 0),
        (1_000, {"user_timeout_ns": 5 * SECOND, "uto_changeable": False}, 5 * SECOND),
        (1_000, {"user_timeout_ns": 5 * SECOND, "uto_changeable": True}, 1_000),
    ],
)
def test_the_longer_one_counts_within_limits(
    tcp: Script, remote: int, options: dict[str, int], adopted: int
) -> None:
    connected(tcp, remote, **options)
    assert tcp.socket.tcb.user_timeout_ns == (adopted * SECOND if adopted == 1_000 else adopted)
    assert (tcp.socket.tcb.hearsay or NOTHING).uto_remote_ns == remote * SECOND, (
        "the application can be told in any case"
    )


def test_a_changed_timeout_is_told_with_the_next_segment(tcp: Script) -> None:
    connected(tcp, 1_000)
    tcp.send(b"y")
    assert parse_user_timeout(tcp.expect(ACK | PSH).options) == DEFAULT
    tcp.inject(ACK, seq=301, ack=103)
    tcp.option(uto_advertised_ns=200 * SECOND)
    tcp.send(b"z")
    assert parse_user_timeout(tcp.expect(ACK | PSH).options) == 200
    tcp.inject(ACK, seq=301, ack=104)
    tcp.send(b"z")
    assert parse_user_timeout(tcp.expect(ACK | PSH).options) is None


def test_no_full_segment_grows_by_it(tcp: Script) -> None:
    """RFC 9293 MUST-16: the segment and its options are what the peer takes."""
    connected(tcp)
    tcp.option(uto_advertised_ns=200 * SECOND)
    tcp.send(b"x" * 1_500)
    first, second = tcp.expect(ACK, length=1_000), tcp.expect(ACK, length=500)
    assert parse_user_timeout(first.options) is None
    assert parse_user_timeout(second.options) == 200


@pytest.mark.rfc("5482", "02")
def test_the_handshake_has_its_own_timeouts(tcp: Script) -> None:
    tcp.option(uto=True, uto_advertised_ns=3_000 * SECOND)
    tcp.connect()
    assert tcp.socket.tcb.user_timeout_ns == 0
    tcp.advance(400 * SECOND)
    assert tcp.state is State.CLOSED


@pytest.mark.rfc("5482", "01")
@pytest.mark.rfc("9293", "MUST-21")
def test_a_connection_ends_when_the_adopted_time_is_over(tcp: Script) -> None:
    connected(tcp, 150, uto_advertised_ns=120 * SECOND)
    tcp.send(b"x")
    tcp.advance(150 * SECOND)
    assert tcp.state is State.ESTABLISHED
    tcp.advance(2 * SECOND)  # counted from the first retransmission, as on Linux
    assert tcp.socket.error == 110


@pytest.mark.rfc("5482", "01")
def test_it_stays_above_the_retransmission_timeout() -> None:
    config = MachineConfig()
    tcp = Script(
        replace(config, tcp=replace(config.tcp, user_timeout_least_ns=1 * SECOND, retries_by_time=False))
    )
    connected(tcp, 1, uto_advertised_ns=1 * SECOND)
    tcp.send(b"x")
    tcp.advance(1_500 * MS)  # resent thrice: the timeout is 1.6 s by now
    assert tcp.socket.tcb.user_timeout_ns > tcp.socket.tcb.rtt.rto > 1 * SECOND
    assert tcp.state is State.ESTABLISHED
    tcp.advance(10 * SECOND)
    assert tcp.socket.error == 110


def test_keep_alives_wait_longer_than_it(tcp: Script) -> None:
    """§4.2 (MUST): else they would end what the timeout lets live."""
    tcp.option(keepalive=True, keepidle_ns=10 * SECOND)
    connected(tcp, 1_000)
    tcp.socket.options_changed(tcp.now)
    tcp.advance(1_000 * SECOND)
    tcp.expect_nothing()
    tcp.advance(2 * SECOND)
    tcp.expect(ACK, seq=101)


def test_switched_off_again(tcp: Script) -> None:
    connected(tcp, 1_000)
    tcp.option(uto=False)
    assert tcp.socket.tcb.user_timeout_ns == 0
    tcp.send(b"x")
    assert parse_user_timeout(tcp.expect(ACK | PSH).options) is None


def test_what_is_not_acceptable_suggests_nothing(tcp: Script) -> None:
    """Who does not know the numbers changes nothing."""
    connected(tcp)
    hear(tcp, 1_000, seq=100_000_000, ack=102)
    assert (tcp.socket.tcb.hearsay or NOTHING).uto_remote_ns == 0
