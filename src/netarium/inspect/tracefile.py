"""Traces as files: one event a line in JSON, the same bytes for the same run; and back.

The first line tells the format. A reader of a newer format than its own refuses with one clear line.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any, Final, TextIO

from netarium.base import trace as trace_module
from netarium.base.errors import UsageError
from netarium.base.trace import Event

FORMAT: Final = 1
_KINDS: Final[dict[str, type[Event]]] = {
    kind.KIND: kind
    for kind in vars(trace_module).values()
    if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
}


def header() -> str:
    """The first line."""
    return json.dumps({"netarium-trace": FORMAT}) + "\n"


def line(event: Event) -> str:
    """One event as one line; keys in the order of the event's fields."""
    return json.dumps(event.as_dict(), ensure_ascii=False, separators=(",", ":")) + "\n"


class Recorder:
    """A listener that writes each event to a text file as it happens: `trace.listen(Recorder(file))`."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        file.write(header())

    def __call__(self, event: Event) -> None:
        """Write one event."""
        self._file.write(line(event))


def dump(events: Iterable[Event]) -> Iterator[str]:
    """A whole trace, line by line."""
    yield header()
    for event in events:
        yield line(event)


def load(lines: Iterable[str], name: str = "trace") -> list[Event]:
    """The events of a trace file.

    Args:
        lines: the file, or its lines.
        name: how messages call it.

    Raises:
        UsageError: no trace, of a later format, or damaged; names the line.
    """
    events: list[Event] = []
    for number, text in enumerate(lines, 1):
        try:
            row = json.loads(text)
            if number == 1:
                _check_format(row, name)
            else:
                events.append(_event(row))
        except (KeyError, TypeError, ValueError) as fault:
            if isinstance(fault, UsageError):
                raise
            raise UsageError(f"{name}, line {number}: not a line of a netarium trace ({fault})") from None
    if not events:
        raise UsageError(f"{name}: holds no events; write one with: netarium tour --trace FILE")
    return events


def _check_format(row: Any, name: str) -> None:
    written = row["netarium-trace"]
    if written > FORMAT:
        raise UsageError(
            f"{name}: written in format {written}, this netarium reads up to {FORMAT}: update netarium"
        )


def _event(row: dict[str, Any]) -> Event:
    kind = _KINDS[row.pop("kind")]
    for f in fields(kind):
        if f.type is bytes:
            row[f.name] = bytes.fromhex(row[f.name])
    return kind(**row)
