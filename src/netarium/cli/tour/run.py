"""What happened: the events of one run, snapshots of the tables at its turning points, and ways to ask for both."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from netarium.base.trace import Event, Segment, SocketEvent
from netarium.host.tables import DetailedRow, Tables
from netarium.inspect.sequence import Arrow, arrows

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user chose.

    Attributes:
        seed: of the world; the same seed gives the same run.
        loss: probability that a frame is lost on the web server's cable, beside the one that is lost on purpose.
    """

    seed: int = 1
    loss: float = 0.0


@dataclass(slots=True)
class Outcome:
    """What the programs got for their trouble.

    Attributes:
        page: octets that the web server had.
        fetched: octets that the browser got.
        url: what the browser fetched.
        mail: the message that the mailer sent.
        received: what the mail server got.
        last_event: number of the last event before the machines were switched off.
    """

    url: str = ""
    page: bytes = b""
    fetched: bytes = b""
    mail: str = ""
    received: list[str] = field(default_factory=list)
    last_event: int = 0


@dataclass(frozen=True, slots=True)
class Shot:
    """The tables of one machine at one event."""

    event: Event
    tables: Tables


class Run:
    """One run of the scenario.

    Attributes:
        addresses: IP address of each machine, by its name.
        events: everything that the trace told, in order.
        shots: the tables after each change of a socket, by the event's number.
        outcome: what the programs got.
        ended_at: virtual ns.
    """

    def __init__(
        self,
        settings: Settings,
        addresses: dict[str, str],
        events: Sequence[Event],
        shots: Sequence[Shot],
        outcome: Outcome,
        ended_at: int,
    ) -> None:
        self.settings = settings
        self.addresses = addresses
        self.events = events
        self.shots = shots
        self.outcome = outcome
        self.ended_at = ended_at
        self._by_id = {event.id: event for event in events}

    # --- events -------------------------------------------------------------------------------------------------

    def all(self, kind: type[E], test: Callable[[E], bool] | None = None, **values: Any) -> Iterator[E]:
        """The events of one kind whose fields have these values."""
        for event in self.events:
            if (
                isinstance(event, kind)
                and all(getattr(event, name) == value for name, value in values.items())
                and (test is None or test(event))
            ):
                yield event

    def first(self, kind: type[E], test: Callable[[E], bool] | None = None, **values: Any) -> E | None:
        """The first of them, or None."""
        return next(self.all(kind, test, **values), None)

    def causes(self, event: Event) -> Iterator[Event]:
        """The event's cause, the cause of that, and so on."""
        while (cause := self._by_id.get(event.cause)) is not None:
            yield cause
            event = cause

    def cause(self, event: Event, kind: type[E]) -> E | None:
        """The nearest cause of a kind."""
        return next((cause for cause in self.causes(event) if isinstance(cause, kind)), None)

    @cached_property
    def arrows(self) -> list[Arrow]:
        """Every frame that was sent, with what became of it."""
        return arrows(self.events)

    # --- the connection between browser and web server ----------------------------------------------------------

    @cached_property
    def syn(self) -> Segment:
        """The segment that the browser's first connection begins with."""
        found = self.first(Segment, where="browser", direction="sent", flags="SYN")
        if found is None:
            raise LookupError("the browser sent no SYN")
        return found

    @cached_property
    def opened(self) -> SocketEvent:
        """The moment at which that connection's socket was made."""
        found = self.first(SocketEvent, where="browser", socket=self.syn.socket, change="created")
        if found is None:
            raise LookupError("the browser's socket was not created")
        return found

    @cached_property
    def web(self) -> list[Arrow]:
        """The frames of that connection, both ways."""
        ends = {int(self.syn.local.rpartition(":")[2]), int(self.syn.remote.rpartition(":")[2])}
        machines = {"browser", "web"}
        return [
            a
            for a in self.arrows
            if a.src in machines and a.packet.kind == "tcp" and set(a.packet.ports) == ends
        ]

    def before(self, machine: str, event_id: int) -> list[DetailedRow]:
        """The socket table of a machine just before an event."""
        rows: list[DetailedRow] = []
        for shot in self.shots:
            if shot.event.id >= event_id:
                break
            if shot.tables.machine == machine:
                rows = shot.tables.sockets
        return rows

    def sockets_at(self, event_id: int) -> dict[str, list[dict[str, Any]]]:
        """The socket table of each machine when an event had happened, as plain data."""
        last = {name: list[DetailedRow]() for name in self.addresses}
        for shot in self.shots:
            if shot.event.id <= event_id:
                last[shot.tables.machine] = shot.tables.sockets
        return {name: [asdict(row) for row in rows] for name, rows in last.items()}

    def shot(self, event: Event) -> Tables:
        """The tables of the event's machine as the event left them.

        Raises:
            LookupError: no snapshot was taken at that event.
        """
        for shot in self.shots:
            if shot.event is event:
                return shot.tables
        raise LookupError(f"no snapshot at event {event.id}")


def ms(ns: int) -> str:
    """A time for people: milliseconds with three decimals."""
    return f"{ns / 1e6:.3f} ms"
