"""What calls say in states that they do not fit."""

import errno

import pytest

from netarium.transport.tcp.errnos import CONNECTED, FRESH, LISTENING, OPENING, OVER, error_of, situation
from netarium.transport.tcp.state import State


@pytest.mark.parametrize(("state", "used", "seen"), [
    (State.CLOSED, False, FRESH), (State.CLOSED, True, OVER), (State.LISTEN, False, LISTENING),
    (State.SYN_SENT, True, OPENING), (State.SYN_RECEIVED, True, OPENING), (State.ESTABLISHED, True, CONNECTED),
    (State.CLOSE_WAIT, True, CONNECTED), (State.TIME_WAIT, True, CONNECTED),
])  # fmt: skip
def test_how_a_call_sees_a_socket(state: State, used: bool, seen: str) -> None:
    assert situation(state, used=used) == seen


@pytest.mark.parametrize(("call", "state", "used", "linux", "freebsd"), [
    ("connect", State.LISTEN, False, errno.EISCONN, errno.EOPNOTSUPP),
    ("connect", State.SYN_SENT, True, errno.EALREADY, errno.EALREADY),
    ("connect", State.ESTABLISHED, True, errno.EISCONN, errno.EISCONN),
    ("connect", State.CLOSED, False, 0, 0),
    ("connect", State.CLOSED, True, 0, errno.ECONNREFUSED),
    ("send", State.CLOSED, False, errno.EPIPE, errno.ENOTCONN),
    ("send", State.LISTEN, False, errno.EPIPE, errno.ENOTCONN),
    ("send", State.SYN_SENT, True, 0, errno.ENOTCONN),
    ("send", State.CLOSED, True, errno.EPIPE, errno.EPIPE),
    ("send", State.ESTABLISHED, True, 0, 0),
    ("recv", State.CLOSED, False, errno.ENOTCONN, errno.ENOTCONN),
    ("recv", State.LISTEN, False, errno.ENOTCONN, errno.ENOTCONN),
    ("recv", State.SYN_SENT, True, 0, 0),
    ("accept", State.CLOSED, True, 0, errno.ECONNABORTED),
    ("accept", State.ESTABLISHED, True, 0, 0),
    ("recv", State.CLOSE_WAIT, True, 0, 0),
    ("shutdown", State.CLOSED, False, errno.ENOTCONN, errno.ENOTCONN),
    ("shutdown", State.CLOSED, True, errno.ENOTCONN, errno.ENOTCONN),
    ("shutdown", State.LISTEN, False, 0, errno.ENOTCONN),
    ("shutdown", State.SYN_SENT, True, 0, 0),
])  # fmt: skip
def test_errnos(call: str, state: State, used: bool, linux: int, freebsd: int) -> None:
    assert error_of("linux", call, state, used=used) == linux
    assert error_of("freebsd", call, state, used=used) == freebsd
