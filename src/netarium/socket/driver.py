"""What a Socket needs of whatever runs its machine: virtual time, a background thread, an event loop."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from netarium.host.machine import Machine
from netarium.transport.endpoint import Endpoint


class Driver(Protocol):
    """Runs one or many machines.

    Attributes:
        lock: held around every use of a machine, re-entrant; does nothing in virtual time.
    """

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held around every use of a machine."""

    def now(self) -> int:
        """Monotonic ns, the clock of the machine's timers."""

    def wall(self) -> float:
        """Seconds since the epoch; virtual in virtual time."""

    def kick(self, machine: Machine) -> None:
        """The machine has something to send, or a new deadline: pump it, now or soon. Lock held."""

    def wait(self, interests: Sequence[tuple[Endpoint, int]], timeout_ns: int | None) -> bool:
        """Block until `endpoint.poll() & mask` for one of the interests. Lock held; released meanwhile.

        Args:
            interests: endpoints, each with the events (POLLIN, ...) that are waited for; just these, nothing implied.
            timeout_ns: None: for ever.

        Returns:
            True if one is ready, False if the time is over.
        """

    def sleep(self, ns: int) -> None:
        """Block for a while."""

    def watch(self, endpoint: Endpoint, notify: Callable[[Endpoint], None]) -> None:
        """Call `notify(endpoint)` whenever the machine reports the endpoint (for event loops)."""

    def unwatch(self, endpoint: Endpoint, notify: Callable[[Endpoint], None]) -> None:
        """Stop that."""
