"""The user timeout and its option: what is told, what is taken, and from when it counts."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.units import MS, SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import usertimeout
from netarium.transport.tcp.hearsay import NOTHING, Hearsay
from netarium.transport.tcp.state import State
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp_options import pack_user_timeout, parse_user_timeout

CONFIG = TcpConfig()


def block(state: State = State.ESTABLISHED, **options: object) -> Tcb:
    tcb = Tcb(4, CONFIG, SocketOptions(**{"uto": True, **options}), 1, "us", None)
    tcb.state = state
    tcb.smss = 1_000
    return tcb


@pytest.mark.parametrize(
    ("retries", "seconds"),
    [(0, 0.2), (1, 0.6), (5, 12.6), (8, 102.2), (9, 204.6), (10, 324.6), (15, 924.6)],
)
def test_how_long_retries_take(retries: int, seconds: float) -> None:
    """200 ms, doubled each time up to 120 s: after nine doublings (102.4 s) each takes 120 s."""
    told = usertimeout.retry_time(CONFIG, SocketOptions(), retries)
    waits = [min(200 * MS << i, 120 * SECOND) for i in range(retries + 1)]
    assert told == sum(waits)

    assert told == round(seconds * 10) * SECOND // 10


@pytest.mark.parametrize(
    ("advertised", "own", "seconds"),
    [
        (1, 0, 1),
        (SECOND, 0, 1),
        (SECOND + 1, 0, 2),
        (90 * SECOND, 0, 90),
        (0, 7 * SECOND, 7),
        (9 * SECOND, 7 * SECOND, 9),
    ],
)
def test_what_is_told(advertised: int, own: int, seconds: int) -> None:
    tcb = block(uto_advertised_ns=advertised, user_timeout_ns=own)
    tcb.uto_due = True
    packed = usertimeout.add(tcb, b"", 100)
    assert parse_user_timeout(packed) == seconds
    assert len(packed) == 4
    assert not tcb.uto_due
    assert (tcb.hearsay or NOTHING).uto_told_ns == (advertised or own)


def test_without_a_word_of_the_application_it_is_what_the_retries_take() -> None:
    assert parse_user_timeout(usertimeout.add(block(), b"", 0)) == -(
        -usertimeout.retry_time(CONFIG, SocketOptions(), CONFIG.data_retries) // SECOND
    )


@pytest.mark.parametrize(
    ("options", "octets", "fits"),
    [(36, 0, True), (37, 0, False), (0, 996, True), (0, 997, False), (40, 0, False)],
)
def test_there_must_be_room(options: int, octets: int, fits: bool) -> None:
    tcb = block(uto_advertised_ns=SECOND)
    tcb.uto_due = True
    packed = usertimeout.add(tcb, bytes(options), octets)
    assert (len(packed) == options + 4) is fits
    assert tcb.uto_due is not fits


@pytest.mark.parametrize(
    ("asked", "timeouts", "options", "told"),
    [
        (True, 0, 36, True),
        (True, 1, 36, True),
        (True, 2, 36, False),
        (True, 0, 37, False),
        (False, 0, 0, False),
    ],
)
def test_in_a_syn(asked: bool, timeouts: int, options: int, told: bool) -> None:
    packed = usertimeout.add_to_syn(bytes(options), CONFIG, SocketOptions(uto=asked), timeouts)
    assert (len(packed) == options + 4) is told


@pytest.mark.parametrize(
    ("ours", "theirs", "rto", "timeout"),
    [
        (0, 0, 1, 0),  # nobody said anything
        (200, 150, 1, 200),
        (150, 200, 1, 200),
        (1, 2, 1, CONFIG.user_timeout_least_ns // SECOND),
        (1, 2, 500, 501),  # longer than the RTO
        (1 << 20, 2, 1, CONFIG.user_timeout_most_ns // SECOND),
    ],
)
def test_what_is_agreed_on(ours: int, theirs: int, rto: int, timeout: int) -> None:
    """RFC 5482 §3.1: the longest of both, within limits."""
    tcb = block(uto_advertised_ns=ours * SECOND)
    tcb.rtt.rto = rto * SECOND
    tcb.hearsay = Hearsay(uto_remote_ns=theirs * SECOND)
    usertimeout.adopt(tcb, 0)
    assert tcb.user_timeout_ns == timeout * SECOND
    assert tcb.uto_due is bool(timeout)


@pytest.mark.parametrize(
    ("state", "options"),
    [
        (State.SYN_SENT, {}),
        (State.ESTABLISHED, {"uto": False}),
        (State.ESTABLISHED, {"uto_changeable": False}),
    ],
)
def test_when_the_peer_is_not_followed(state: State, options: dict[str, object]) -> None:
    tcb = block(state, user_timeout_ns=7 * SECOND, **options)
    usertimeout.received(tcb, b"\x1c\x04\x00\x64", 0)
    assert (tcb.hearsay or NOTHING).uto_remote_ns == 100 * SECOND
    assert tcb.user_timeout_ns == 7 * SECOND


def test_what_the_peer_says_counts_once_it_changes() -> None:
    tcb = block(uto_changeable=True)
    usertimeout.received(tcb, b"", 0)
    assert tcb.user_timeout_ns == 0
    usertimeout.received(tcb, b"\x1c\x04\x00\x00", 0)  # zero says nothing
    assert ((tcb.hearsay or NOTHING).uto_remote_ns, tcb.user_timeout_ns) == (0, 0)
    usertimeout.received(tcb, b"\x1c\x04\x83\xe8", 0)  # 1,000 minutes
    heard = tcb.hearsay or NOTHING
    assert (heard.uto_remote_ns, heard.uto_told_ns, heard.saved_syn) == (60_000 * SECOND, 0, b"")
    tcb.user_timeout_ns = 5
    usertimeout.received(tcb, b"\x1c\x04\x83\xe8", 0)  # no news
    assert tcb.user_timeout_ns == 5


@pytest.mark.parametrize(
    ("timeout", "waits", "since", "at"),
    [(0, True, 0, 0), (5, True, 2, 7), (5, True, 0, 14), (5, False, 2, 99)],
)
def test_it_counts_for_what_waits_already(timeout: int, waits: bool, since: int, at: int) -> None:
    tcb = block()
    tcb.user_timeout_at = 99
    tcb.user_timeout_ns, tcb.unacked_since = timeout, since
    tcb.syn_pending = waits
    usertimeout.rearm(tcb, 9)
    assert tcb.user_timeout_at == at


def test_an_option_that_was_set_is_told_if_it_changes_something() -> None:
    tcb = block(uto_advertised_ns=90 * SECOND)
    tcb.hearsay = Hearsay(uto_told_ns=90 * SECOND)
    usertimeout.options_changed(tcb, 0)
    tcb.uto_due = False
    usertimeout.options_changed(tcb, 0)
    assert not tcb.uto_due
    tcb.options.uto_advertised_ns = 300 * SECOND
    usertimeout.options_changed(tcb, 0)
    assert tcb.uto_due
    tcb.options.uto = False
    usertimeout.options_changed(tcb, 0)
    assert not tcb.uto_due


@pytest.mark.parametrize(
    ("uto", "timeout", "idle", "silence"),
    [
        (True, 0, 50, 50),
        (True, 40, 50, 50),
        (True, 49, 50, 50),
        (True, 60, 50, 61),
        (False, 60, 50, 50),
        (True, 0, 0, 7_200),
    ],
)
def test_keep_alives_begin_later_than_the_timeout(uto: bool, timeout: int, idle: int, silence: int) -> None:
    """RFC 5482 §4.2."""
    tcb = block(uto=uto, keepidle_ns=idle * SECOND)
    tcb.user_timeout_ns = timeout * SECOND
    assert usertimeout.keepalive_idle(tcb) == silence * SECOND


def test_a_configuration_of_its_own() -> None:
    config = replace(CONFIG, min_rto_ns=SECOND, max_rto_ns=64 * SECOND)
    assert usertimeout.retry_time(config, SocketOptions(), 2) == 7 * SECOND
    assert usertimeout.retry_time(config, SocketOptions(), 6) == 127 * SECOND
    assert usertimeout.retry_time(config, SocketOptions(), 7) == (127 + 64) * SECOND


def test_from_when_it_counts() -> None:
    """From when the oldest octet left; while nothing is out, and a window is waited for, from now on."""
    option = pack_user_timeout(400)
    now = 50 * SECOND
    for waits, since in ((0, now), (30 * SECOND, 30 * SECOND)):
        for change in (
            lambda tcb: usertimeout.received(tcb, option, now),
            lambda tcb: usertimeout.begin(tcb, now),
            lambda tcb: usertimeout.options_changed(tcb, now),
        ):
            tcb = block(uto_advertised_ns=400 * SECOND, uto_changeable=True)
            tcb.unacked_since, tcb.persist_at = waits, now + SECOND
            change(tcb)
            assert tcb.user_timeout_ns == 400 * SECOND
            assert tcb.user_timeout_at == since + 400 * SECOND
            assert tcb.uto_due is True
            assert usertimeout.add(tcb, b"", 0)
            assert tcb.uto_due is False


def test_nothing_that_waits_needs_no_patience() -> None:
    tcb = block(uto_advertised_ns=400 * SECOND, uto_changeable=True)
    usertimeout.begin(tcb, 50 * SECOND)
    assert (tcb.user_timeout_ns, tcb.user_timeout_at) == (400 * SECOND, 0)
    tcb.user_timeout_at = 7
    tcb.options.uto = False
    usertimeout.options_changed(tcb, 50 * SECOND)
    assert (tcb.user_timeout_ns, tcb.user_timeout_at) == (0, 0)
