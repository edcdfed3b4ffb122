"""A partition: hosts that cannot hear each other for a while, however they are connected."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from netarium.link.cable import Cable, InstalledRule
from netarium.link.device import Agenda
from netarium.link.frame import Frame
from netarium.link.rules import Cut

_ETHERTYPE_IPV4 = b"\x08\x00"


class Party:
    """Picks the frames from and to some hosts: by their MAC addresses, or behind a router by their IPv4 addresses."""

    def __init__(self, names: str, addresses: frozenset[bytes]) -> None:
        self._names = names
        self._addresses = addresses

    def __call__(self, frame: Frame) -> bool:
        """True if the frame comes from them, or goes to them."""
        head = bytes(frame.head[:34])
        known = self._addresses
        if head[0:6] in known or head[6:12] in known:
            return True
        return head[12:14] == _ETHERTYPE_IPV4 and (head[26:30] in known or head[30:34] in known)

    def __str__(self) -> str:
        return f"what {self._names} sends or should get"


class Alarm:
    """Calls a function at a time on the agenda."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call

    def on_deadline(self, now: int) -> None:  # noqa: ARG002 - Timed
        """It is time."""
        self._call()


class Partition:
    """The handle of `World.partition`: `heal()` ends it, and so does the end of a `with` block.

    Attributes:
        rules: what was installed, with their hits; they stay readable after the end.
    """

    def __init__(self, places: list[tuple[Cable, Party]]) -> None:
        self.rules: list[InstalledRule] = []
        self._places = places
        self._alarms: list[Alarm] = []
        self._agenda: Agenda | None = None

    @property
    def hits(self) -> int:
        """Frames that did not get through."""
        return sum(rule.hits for rule in self.rules)

    def begin(self) -> None:
        """Nothing gets through from now on."""
        self.rules.extend(cable.add_rule(Cut(where)) for cable, where in self._places)

    def heal(self) -> None:
        """Everything gets through again; one that has not begun never will."""
        for rule in self.rules:
            rule.remove()
        if self._agenda is not None:
            for alarm in self._alarms:
                self._agenda.schedule(alarm, None)

    def plan(self, agenda: Agenda, begins: int | None, ends: int | None) -> None:
        """Begin, and end, at times to come (virtual ns; None: it is done by hand)."""
        self._agenda = agenda
        for at, call in ((begins, self.begin), (ends, self.heal)):
            if at is not None:
                alarm = Alarm(call)
                self._alarms.append(alarm)
                agenda.schedule(alarm, at)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.heal()
