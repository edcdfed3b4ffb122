"""The states of a connection and every way between them (RFC 9293 §3.3.2, Figure 5).

The table is the theory; `Tcb.enter` is the only place that changes a state and it asserts that the table allows it.
"""

from enum import Enum
from typing import Final


class State(Enum):
    """Connection states; the value is what `netstat` prints, `number` what `TCP_INFO` holds on Linux."""

    CLOSED = "CLOSED"
    LISTEN = "LISTEN"
    SYN_SENT = "SYN_SENT"
    SYN_RECEIVED = "SYN_RECV"
    ESTABLISHED = "ESTABLISHED"
    FIN_WAIT_1 = "FIN_WAIT1"
    FIN_WAIT_2 = "FIN_WAIT2"
    CLOSE_WAIT = "CLOSE_WAIT"
    CLOSING = "CLOSING"
    LAST_ACK = "LAST_ACK"
    TIME_WAIT = "TIME_WAIT"

    __hash__ = object.__hash__  # Enum's own hashes the name, in Python, at each set lookup

    @property
    def number(self) -> int:
        """The kernel's number for the state (include/net/tcp_states.h)."""
        return _NUMBERS[self]


CLOSED: Final = State.CLOSED
LISTEN: Final = State.LISTEN
SYN_SENT: Final = State.SYN_SENT
SYN_RECEIVED: Final = State.SYN_RECEIVED
ESTABLISHED: Final = State.ESTABLISHED
FIN_WAIT_1: Final = State.FIN_WAIT_1
FIN_WAIT_2: Final = State.FIN_WAIT_2
CLOSE_WAIT: Final = State.CLOSE_WAIT
CLOSING: Final = State.CLOSING
LAST_ACK: Final = State.LAST_ACK
TIME_WAIT: Final = State.TIME_WAIT

_NUMBERS: Final = {
    ESTABLISHED: 1,
    SYN_SENT: 2,
    SYN_RECEIVED: 3,
    FIN_WAIT_1: 4,
    FIN_WAIT_2: 5,
    TIME_WAIT: 6,
    CLOSED: 7,
    CLOSE_WAIT: 8,
    LAST_ACK: 9,
    LISTEN: 10,
    CLOSING: 11,
}

# From each state, where it may go. CLOSED is reached from anywhere: by RST, abort, timeout or an orderly end.
TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    CLOSED: frozenset({LISTEN, SYN_SENT, SYN_RECEIVED}),
    LISTEN: frozenset({CLOSED, SYN_SENT}),
    SYN_SENT: frozenset({CLOSED, SYN_RECEIVED, ESTABLISHED}),
    SYN_RECEIVED: frozenset({CLOSED, ESTABLISHED, FIN_WAIT_1, CLOSE_WAIT}),
    ESTABLISHED: frozenset({CLOSED, FIN_WAIT_1, CLOSE_WAIT}),
    FIN_WAIT_1: frozenset({CLOSED, FIN_WAIT_2, CLOSING, TIME_WAIT}),
    FIN_WAIT_2: frozenset({CLOSED, TIME_WAIT}),
    CLOSE_WAIT: frozenset({CLOSED, LAST_ACK}),
    CLOSING: frozenset({CLOSED, TIME_WAIT}),
    LAST_ACK: frozenset({CLOSED}),
    TIME_WAIT: frozenset({CLOSED}),
}

# Both sides know both sequence numbers (RFC 9293 §3.4).
SYNCHRONIZED: Final = frozenset(
    {ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT}
)
# The application may still give data to send; in the first two it waits for the handshake.
MAY_SEND: Final = frozenset({SYN_SENT, SYN_RECEIVED, ESTABLISHED, CLOSE_WAIT})
# The peer may still send data.
MAY_RECEIVE: Final = frozenset({SYN_SENT, SYN_RECEIVED, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2})
# Our FIN is sent or about to be.
CLOSING_DOWN: Final = frozenset({FIN_WAIT_1, FIN_WAIT_2, CLOSING, LAST_ACK, TIME_WAIT})
