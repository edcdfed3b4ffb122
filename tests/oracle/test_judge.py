"""The judges themselves: one that never finds anything proves nothing."""

import dataclasses
import socket

import pytest

from netarium.base.trace import Event, FrameSent, Segment
from netarium.link.rules import Drop
from netarium.link.selector import Selector, nth
from netarium.sim import World

from .judge import TSHARK, Court
from .rebuild import rebuilt

needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")


def conversation(*, lose: int = 0) -> list[Event]:
    """What happens while a few kilobytes go over TCP, with one data segment lost if so wished."""
    events: list[Event] = []
    world = World(1, trace=events.append)
    server, client = world.hosts("server", "client")
    cable = world.cable(client, server, delay="1ms")
    if lose:
        cable.add_rule(Drop(Selector(protocol="tcp", payload=True), nth(lose)))

    def serve() -> None:
        with socket.create_server(("", 17_000)) as listener, listener.accept()[0] as sock:
            while sock.recv(10_000):
                pass

    def main() -> None:
        with socket.create_connection(("server", 17_000)) as sock:
            sock.sendall(bytes(50_000))
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1)

    server.run(serve)
    world.run(main, on=client)
    return events


def complaints(events: list[Event], viewpoint: str | None = None) -> list[str]:
    """What the judges say."""
    court = Court()
    record = court.record("the accused", viewpoint)
    for event in events:
        record(event)
    return list(court.complaints())


def changed(events: list[Event], number: int, octets: bytes | None) -> list[Event]:
    """With the `number`-th frame that carries much replaced, or left out."""
    places = [
        place
        for place, event in enumerate(events)
        if isinstance(event, FrameSent) and len(event.octets) > 1_000
    ]
    place = places[number]
    event = events[place]
    assert isinstance(event, FrameSent)
    instead = [] if octets is None else [dataclasses.replace(event, octets=octets)]
    return events[:place] + instead + events[place + 1 :]


def frame(events: list[Event], number: int) -> bytes:
    return [event.octets for event in events if isinstance(event, FrameSent) and len(event.octets) > 1_000][
        number
    ]


@pytest.mark.parametrize("lose", [0, 5])
def test_an_honest_conversation(lose: int) -> None:
    assert complaints(conversation(lose=lose), "client") == []


@pytest.mark.parametrize("place", [24, 50, 300], ids=["ip checksum", "tcp checksum", "payload"])
def test_one_wrong_bit(place: int) -> None:
    events = conversation()
    octets = bytearray(frame(events, 1))
    octets[place] ^= 1
    found = complaints(changed(events, 1, bytes(octets)))
    assert any("scapy" in line for line in found)
    assert TSHARK is None or any("tshark" in line and "ecksum" in line for line in found)


@needs_tshark
def test_a_frame_that_was_never_sent() -> None:
    found = complaints(changed(conversation(), 3, None))
    assert any("not captured" in line or "unseen" in line for line in found)


@needs_tshark
def test_a_truncated_frame() -> None:
    events = conversation()
    assert complaints(changed(events, 2, frame(events, 2)[:30]))


@needs_tshark
def test_a_retransmission_that_is_not_owned_up_to() -> None:
    events = conversation(lose=5)
    notes = [event for event in events if isinstance(event, Segment) and event.note]
    assert notes
    notes[0].note = ""
    assert any("for tshark only" in line for line in complaints(events, "client"))
    notes[0].note = "retransmission: fast"
    innocent = next(
        event for event in events if isinstance(event, Segment) and event.length and not event.note
    )
    innocent.note = "retransmission: fast"
    assert any("for us only" in line for line in complaints(events, "client"))


def test_scapy_builds_what_we_build() -> None:
    octets = frame(conversation(), 0)
    assert rebuilt(octets) == octets
    assert rebuilt(octets[:50] + b"\0\0" + octets[52:]) == octets, "it computes the checksum itself"
