"""What every transport endpoint shows to the floors above: the row of the socket table, readable by everybody.

An endpoint *is* its row. It is made by `socket()` in its initial state, all that the stack decides is read from it,
and `netstat` prints it. What the application should hear of is told through a `Notifier`: nobody calls upward.
"""

from collections import deque
from typing import Final, Protocol

from netarium.transport.options import SocketOptions

# Readiness, in Linux's numbers (poll(2)), so that masks pass through unchanged.
POLLIN: Final = 0x001
POLLPRI: Final = 0x002
POLLOUT: Final = 0x004
POLLERR: Final = 0x008
POLLHUP: Final = 0x010
POLLNVAL: Final = 0x020
POLLRDNORM: Final = 0x040
POLLWRNORM: Final = 0x100
POLLRDHUP: Final = 0x2000
POLL_ALL: Final = 0x1_FFFF
# No number of poll(2): nothing that was sent waits for its acknowledgment any more, which a close() with SO_LINGER waits for.
SETTLED: Final = 0x1_0000

# How to shut down, in shutdown(2)'s numbers.
SHUT_RD: Final = 0
SHUT_WR: Final = 1
SHUT_RDWR: Final = 2


class Endpoint(Protocol):
    """One row of the socket table.

    Attributes:
        id: unique within the machine for its whole life; traces name an endpoint by it.
        kind: "tcp", "udp" or "icmp" (a ping socket).
        version: 4 or 6.
        local: our address and port; the wildcard address and 0 before anything is decided.
        remote: the peer's, likewise.
        state_name: as `netstat` prints it: "ESTABLISHED", "LISTEN", ...; "" where there are no states.
        error: pending errno (SO_ERROR), or 0.
        options: everything that setsockopt() can set.
        receive_queue: octets that wait for the application (Recv-Q).
        send_queue: octets that are not yet sent or not yet acknowledged (Send-Q).
        notified: waits in `Notifier.events`.
    """

    id: int
    kind: str
    version: int
    local: tuple[bytes, int]
    remote: tuple[bytes, int]
    error: int
    options: SocketOptions
    notified: bool

    @property
    def state_name(self) -> str:
        """As `netstat` prints it."""

    @property
    def receive_queue(self) -> int:
        """Octets that wait for the application."""

    @property
    def send_queue(self) -> int:
        """Octets not yet sent or acknowledged."""

    def poll(self, wanted: int = POLL_ALL) -> int:
        """What is ready now: a mask of POLLIN, POLLOUT, ...; only what is in `wanted` need be right."""

    def bind(self, address: bytes, port: int) -> None:
        """Choose the local address (wildcard allowed) and port (0: any)."""

    def connect(self, address: bytes, port: int, now: int) -> None:
        """Choose the peer; TCP begins its handshake."""

    def shutdown(self, how: int, now: int) -> None:
        """End one direction or both (SHUT_RD, SHUT_WR, SHUT_RDWR)."""

    def options_changed(self, now: int) -> None:
        """`options` changed: do at once what follows from it (push with TCP_NODELAY, start keep-alive, ...)."""

    def close(self, now: int) -> None:
        """The application has no use for the endpoint any more."""


class Notifier:
    """Endpoints whose readiness may have changed, each once; `Machine.poll_event` drains it. Also numbers endpoints."""

    __slots__ = ("_last_id", "events")

    def __init__(self) -> None:
        self.events: deque[Endpoint] = deque()
        self._last_id = 0

    def next_id(self) -> int:
        """The number of a new endpoint."""
        self._last_id += 1
        return self._last_id

    def notify(self, endpoint: Endpoint) -> None:
        """Queue the endpoint, unless it is queued."""
        if not endpoint.notified:
            endpoint.notified = True
            self.events.append(endpoint)

    def pop(self) -> Endpoint | None:
        """The next endpoint to look at."""
        if not self.events:
            return None
        endpoint = self.events.popleft()
        endpoint.notified = False
        return endpoint
