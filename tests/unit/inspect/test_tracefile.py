import io

import pytest

from netarium.base.errors import UsageError
from netarium.base.trace import Decision, Event, FrameSent, SocketEvent, Trace
from netarium.inspect import tracefile

EVENTS: list[Event] = [
    FrameSent(at=1, where="browser", device="eth0", octets=b"\x00\xff"),
    Decision(at=2, where="web", socket=3, subject="nagle", verdict="held", numbers={"len": 20, "mss": 1448}),
    SocketEvent(
        at=3, where="web", socket=3, change="created", row={"state": "CLOSE", "local": ["0.0.0.0", 0]}
    ),
]


def recorded() -> str:
    file = io.StringIO()
    trace = Trace(tracefile.Recorder(file))
    with trace.because(0):
        for event in EVENTS:
            trace.emit(event)
    return file.getvalue()


def test_a_trace_comes_back_as_it_was() -> None:
    text = recorded()
    assert tracefile.load(text.splitlines()) == EVENTS
    assert "".join(tracefile.dump(EVENTS)) == text
    assert recorded() == text


def test_damage_is_told_with_its_line() -> None:
    lines = recorded().splitlines()
    with pytest.raises(UsageError, match=r"f[.]trace, line 3: not a line"):
        tracefile.load([*lines[:2], lines[2][:-5]], "f.trace")
    with pytest.raises(UsageError, match="line 1"):
        tracefile.load(["hello"])
    with pytest.raises(UsageError, match="update netarium"):
        tracefile.load(['{"netarium-trace": 99}'])
    with pytest.raises(UsageError, match="holds no events"):
        tracefile.load([])
