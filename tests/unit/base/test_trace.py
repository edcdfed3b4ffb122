"""The glass: numbers, causes, listeners."""

import json

import pytest

from netarium.base import trace as module
from netarium.base.trace import Event, FrameSent, TimerFired, Trace


def event(**fields: object) -> TimerFired:
    return TimerFired(**{"at": 5, "where": "a", "subject": "socket 1", "timer": "retransmission", **fields})


def test_events_are_numbered_and_heard_by_all_in_order() -> None:
    one: list[Event] = []
    two: list[Event] = []
    trace = Trace(one.append)
    first = trace.emit(event())
    trace.listen(two.append)
    second = trace.emit(event())
    trace.unlisten(one.append)
    third = trace.emit(event())
    assert (first, second, third) == (1, 2, 3)
    assert [e.id for e in one] == [1, 2]
    assert [e.id for e in two] == [2, 3]


def test_what_names_no_cause_was_caused_by_the_current_one() -> None:
    heard: list[Event] = []
    trace = Trace(heard.append)
    root = trace.emit(event())
    with trace.because(root):
        inner = trace.emit(event())
        with trace.because(inner):
            trace.emit(event())
        trace.emit(event())
        trace.emit(event(cause=77))
    trace.emit(event())
    assert [e.cause for e in heard] == [0, root, inner, root, 77, 0]


def test_the_cause_comes_back_after_an_exception() -> None:
    trace = Trace()
    with pytest.raises(KeyError), trace.because(9):
        raise KeyError
    assert trace.cause == 0


def test_a_row_for_a_trace_file() -> None:
    sent = FrameSent(at=1, where="a", device="eth0", octets=b"\x01\xff")
    Trace().emit(sent)
    assert sent.as_dict() == {
        "kind": FrameSent.KIND, "id": 1, "at": 1, "where": "a", "cause": 0, "device": "eth0", "octets": "01ff",
    }  # fmt: skip
    assert json.loads(json.dumps(sent.as_dict())) == sent.as_dict()


def test_every_kind_of_event_has_its_own_name() -> None:
    kinds = [one.KIND for one in vars(module).values() if isinstance(one, type) and issubclass(one, Event)]
    assert len(kinds) == len(set(kinds)) > 10
