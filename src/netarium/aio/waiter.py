"""What stands between a selector and whatever runs the machines behind our descriptors.

Two kinds: virtual time *is* the wait, a `Waiter` that advances it. Real time waits in the kernel, and each driver
is a `Source`: descriptors of its devices to wait on too, something to do before and after.
Both tell a selector of changed readiness through `Watched.watch`, so that a wait costs what is ready, not what is
registered.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from netarium.transport.endpoint import Endpoint

Notify = Callable[[Endpoint], None]


class Poller(Protocol):
    """A selector, as a waiter sees it."""

    def pending(self) -> bool:
        """True if a descriptor of ours may be ready, or the selector was woken."""

    def has_kernel(self) -> bool:
        """True if kernel descriptors are registered."""

    def poll_kernel(self, timeout: float | None) -> bool:
        """Wait for kernel descriptors only (seconds; 0: look; None: for ever); True if one is ready."""


class Watched(Protocol):
    """A driver that tells when an endpoint's readiness may have changed."""

    def watch(self, endpoint: Endpoint, notify: Notify) -> None:
        """Call `notify(endpoint)` whenever the endpoint is reported by its machine."""

    def unwatch(self, endpoint: Endpoint, notify: Notify) -> None:
        """Stop that; the endpoint may be closed by now."""


class Waiter(Protocol):
    """Virtual time."""

    def now(self) -> int:
        """Virtual monotonic ns."""

    def wait_ready(self, poller: Poller, timeout_ns: int | None) -> None:
        """Advance virtual time until `poller.pending()`, a kernel descriptor is ready, or the timeout is over.

        A timeout of 0 lets everybody else who is ready run, and whatever is due, but no time pass.
        """

    def wake(self, poller: Poller) -> None:
        """End the wait of a poller, from any thread."""


class Source(Watched, Protocol):
    """A driver in real time, whose devices a selector waits on together with the kernel's descriptors."""

    def attach(self) -> Sequence[int]:
        """A selector begins to use this driver; returns the kernel descriptors that it must wait on for reading."""

    def detach(self) -> None:
        """Undo one `attach`."""

    def prepare(self) -> int | None:
        """Before each wait: pump; returns ns until the next deadline, None if there is none."""

    def service(self) -> None:
        """After each wait: pump what came in."""
