"""What the glass shows of TCP: captures, diagrams, the tour and the plots are made of these events and no others."""

from dataclasses import replace
from typing import Any

from netarium.base.config import MachineConfig
from netarium.base.trace import (
    Congestion,
    Decision,
    Event,
    RttSampled,
    Segment,
    StateChanged,
    TimerFired,
    Trace,
)
from netarium.base.units import MS, SECOND
from netarium.wire.tcp import ACK, ECE, FIN, PSH, RST, SYN

from .conftest import PEER, Script

US, THEM = "10.0.0.1", "10.0.0.2"


class Glass:
    """A script, and what was told of it since one last asked."""

    def __init__(self, **settings: Any) -> None:
        self.events: list[Event] = []
        config = MachineConfig()
        self.tcp = Script(
            replace(config, tcp=replace(config.tcp, **settings)), trace=Trace(self.events.append)
        )

    def told(self, *kinds: type[Event], clear: bool = True) -> list[tuple[Any, ...]]:
        """Of each event: ms since the beginning, and what is in it."""
        tcp, rows = self.tcp, []
        for event in self.events:
            if not isinstance(event, kinds):
                continue
            row = event.as_dict()
            assert row.pop("where") == "us"
            at, socket = (row.pop("at") - SECOND) / MS, row.pop("socket", None)
            for unwanted in ("id", "cause", "kind"):
                del row[unwanted]
            if isinstance(event, TimerFired):
                assert row.pop("subject") == f"socket {tcp.socket.id}"
            elif isinstance(event, Segment):
                if socket:
                    assert socket == tcp.socket.id
                assert row.pop("local") == f"{US}:{tcp.our_port}"
                assert row.pop("remote") == f"{THEM}:{tcp.peer_port}"
                ours = "seq" if event.direction == "sent" else "ack"
                row[ours] = tcp._ours(row[ours]) if row[ours] else 0
            else:
                assert socket == tcp.socket.id
            rows.append((at, *row.values()))
        if clear:
            self.events.clear()
        return rows

    def established(self, **options: Any) -> Script:
        self.tcp.established(**options)
        self.events.clear()
        return self.tcp


def test_an_opening_and_an_end() -> None:
    glass = Glass()
    tcp = glass.tcp
    tcp.connect()
    tcp.advance(30 * MS)
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000, window=65_535)
    tcp.send(b"hello")
    tcp.advance(20 * MS)
    tcp.inject(ACK | PSH, seq=301, ack=106, data=b"hi")
    tcp.recv()
    tcp.close()
    tcp.inject(ACK, seq=303, ack=107)
    tcp.inject(FIN | ACK, seq=303, ack=107)
    tcp.advance(60 * SECOND)
    assert glass.told(StateChanged, clear=False) == [
        (0, "CLOSED", "SYN_SENT", "connect()"),
        (30, "SYN_SENT", "ESTABLISHED", "SYN acknowledged"),
        (50, "ESTABLISHED", "FIN_WAIT1", "close()"),
        (50, "FIN_WAIT1", "FIN_WAIT2", "ACK of our FIN"),
        (50, "FIN_WAIT2", "TIME_WAIT", "FIN received"),
        (60_050, "TIME_WAIT", "CLOSED", "2 MSL over"),
    ]
    assert glass.told(RttSampled, clear=False)[0] == (50, 20 * MS, 28_750_000, 13_750_000, 228_750_000)
    first, *others = glass.told(Segment)
    assert first[:7] == (0, "sent", "SYN", 100, 0, 64_240, 0)
    options = first[7].split(", ")
    assert options[:2] == ["mss 1460", "sack ok"]
    assert options[2].startswith("ts ")
    assert options[3:] == ["wscale 7"]
    assert others == [
        (30, "received", "SYN,ACK", 300, 101, 65_535, 0, "mss 1000", ""),
        (30, "sent", "ACK", 101, 301, 64_240, 0, "", ""),
        (30, "sent", "PSH,ACK", 101, 301, 64_240, 5, "", ""),
        (50, "received", "PSH,ACK", 301, 106, 65_535, 2, "", ""),
        (50, "sent", "ACK", 106, 303, 64_238, 0, "", ""),
        (50, "sent", "FIN,ACK", 106, 303, 64_238, 0, "", ""),
        (50, "received", "ACK", 303, 107, 65_535, 0, "", ""),
        (50, "received", "FIN,ACK", 303, 107, 65_535, 0, "", ""),
        (50, "sent", "ACK", 107, 304, 64_237, 0, "", ""),
    ]


def test_the_other_ways_through_the_states() -> None:
    glass = Glass()
    tcp = glass.established()
    tcp.close()
    tcp.inject(FIN | ACK, seq=301, ack=101)
    tcp.inject(ACK, seq=302, ack=102)
    assert glass.told(StateChanged) == [
        (0, "ESTABLISHED", "FIN_WAIT1", "close()"),
        (0, "FIN_WAIT1", "CLOSING", "FIN received"),
        (0, "CLOSING", "TIME_WAIT", "ACK of our FIN"),
    ]
    glass = Glass()
    tcp = glass.established()
    tcp.inject(FIN | ACK, seq=301, ack=101)
    tcp.shutdown()
    tcp.inject(ACK, seq=302, ack=102)
    assert glass.told(StateChanged) == [
        (0, "ESTABLISHED", "CLOSE_WAIT", "FIN received"),
        (0, "CLOSE_WAIT", "LAST_ACK", "shutdown()"),
        (0, "LAST_ACK", "CLOSED", "ACK of our FIN"),
    ]
    glass = Glass()
    tcp = glass.tcp
    tcp.connect()
    tcp.inject(SYN, seq=300, mss=1_000)
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000)
    tcp.inject(RST, seq=301)
    assert glass.told(StateChanged) == [
        (0, "CLOSED", "SYN_SENT", "connect()"),
        (0, "SYN_SENT", "SYN_RECV", "SYN received"),
        (0, "SYN_RECV", "ESTABLISHED", "SYN acknowledged"),
        (0, "ESTABLISHED", "CLOSED", "RST received"),
    ]


def test_a_listener_and_what_nobody_expects() -> None:
    """A half-open connection has the number that its connection will have; an answer of no connection has none."""
    glass = Glass()
    tcp = glass.tcp
    tcp.listen()
    listener = tcp.socket.id
    tcp.advance(5 * MS)
    tcp.inject(SYN, seq=300, mss=1_000, window=9_000)
    tcp.learn_from_syn_ack()
    tcp.inject(ACK, seq=301, ack=101)
    tcp.socket = tcp.socket.accept(tcp.now)
    states = [event for event in glass.events if isinstance(event, StateChanged)]
    assert [(e.at - SECOND, e.where, e.socket, e.old, e.new, e.why) for e in states] == [
        (0, "us", listener, "CLOSED", "LISTEN", "listen()"),
        (5 * MS, "us", tcp.socket.id, "LISTEN", "SYN_RECV", "SYN received"),
        (5 * MS, "us", tcp.socket.id, "SYN_RECV", "ESTABLISHED", "SYN acknowledged"),
    ]
    segments = [event for event in glass.events if isinstance(event, Segment)]
    assert [(e.socket, e.direction, e.flags) for e in segments] == [
        (listener, "received", "SYN"),
        (0, "sent", "SYN,ACK"),
        (tcp.socket.id, "received", "ACK"),
    ]
    syn, answer, ack = segments
    assert states[1].cause == syn.id
    assert answer.cause == syn.id
    assert states[2].cause == ack.id
    assert (syn.local, syn.remote, syn.options, syn.length) == (f"{US}:80", f"{THEM}:40000", "mss 1000", 0)
    assert (answer.local, answer.remote, answer.window) == (f"{US}:80", f"{THEM}:40000", 64_240)
    assert (answer.ack, answer.options, answer.note) == (301, "mss 1460", "")
    glass.events.clear()
    tcp.our_port = 99
    tcp.inject(ACK, seq=5, ack=77)
    assert glass.told(Segment) == [(5, "sent", "RST", 77, 0, 0, 0, "", "")]


def test_why_data_is_held_back() -> None:
    numbers = ["waiting", "room", "smss", "unacknowledged", "cwnd", "snd_wnd"]

    def row(at: int, subject: str, verdict: str, *values: int) -> tuple[Any, ...]:
        return at, subject, verdict, dict(zip(numbers, values, strict=True))

    glass = Glass()
    tcp = glass.established(window=2_500)
    tcp.send(b"x" * 100)
    tcp.send(b"y" * 90)
    tcp.advance(40 * MS)
    tcp.inject(ACK, seq=301, ack=201, window=2_600)
    assert glass.told(Decision) == [
        row(0, "nagle", "sent", 100, 100, 1_000, 0, 10_000, 2_500),
        row(0, "nagle", "held", 90, 90, 1_000, 100, 10_000, 2_500),
        row(40, "nagle", "sent", 90, 90, 1_000, 0, 10_000, 2_600),
    ]
    glass = Glass()
    glass.established().send(b"x" * 12_000)
    assert glass.told(Decision) == [row(0, "cwnd", "held", 2_000, 0, 1_000, 10_000, 10_000, 65_535)]
    glass = Glass()
    tcp = glass.established(window=1_500)
    tcp.send(b"x" * 4_000)
    assert glass.told(Decision) == [row(0, "window", "held", 2_500, 0, 750, 1_500, 7_500, 1_500)]
    tcp.inject(ACK, seq=301, ack=1_601, window=100)
    assert glass.told(Decision) == [row(0, "window", "held", 2_500, 100, 750, 0, 7_500, 100)]
    glass = Glass()
    tcp = glass.established()
    tcp.option(cork=True)
    tcp.send(b"x" * 500)
    tcp.advance(SECOND)
    assert glass.told(Decision, clear=False) == [row(0, "cork", "held", 500, 500, 1_000, 0, 10_000, 65_535)]
    assert glass.told(TimerFired, Segment) == [
        (1_000, "persist"),
        (1_000, "sent", "PSH,ACK", 101, 301, 64_240, 500, "", ""),
    ]


def test_a_silent_peer() -> None:
    glass = Glass()
    tcp = glass.established()
    tcp.option(keepalive=True, keepidle_ns=5 * SECOND, keepintvl_ns=2 * SECOND, keepcnt=2)
    tcp.advance(20 * SECOND)
    assert glass.told(TimerFired, Segment, StateChanged) == [
        (5_000, "keep-alive"),
        (5_000, "sent", "ACK", 100, 301, 64_240, 0, "", "probe"),
        (7_000, "keep-alive"),
        (7_000, "sent", "ACK", 100, 301, 64_240, 0, "", "probe"),
        (9_000, "keep-alive"),
        (9_000, "sent", "RST,ACK", 101, 301, 64_240, 0, "", ""),
        (9_000, "ESTABLISHED", "CLOSED", "timeout"),
    ]
    glass = Glass()
    tcp = glass.established()
    tcp.option(user_timeout_ns=2 * SECOND)
    tcp.send(b"x")
    tcp.advance(20 * SECOND)
    assert glass.told(TimerFired, StateChanged) == [
        (1_000, "retransmission"),
        (3_000, "user timeout"),
        (3_000, "ESTABLISHED", "CLOSED", "timeout"),
    ]
    glass = Glass()
    tcp = glass.established()
    tcp.close()
    tcp.inject(ACK, seq=301, ack=102)
    tcp.advance(200 * SECOND)
    assert glass.told(TimerFired, StateChanged)[-2:] == [
        (60_000, "FIN-WAIT-2"),
        (60_000, "FIN_WAIT2", "CLOSED", "timeout"),
    ]


def test_acknowledgments_that_waited() -> None:
    glass = Glass()
    tcp = glass.established()
    for number in range(17):
        tcp.inject(ACK, seq=301 + 100 * number, ack=101, data=bytes(100))
    tcp.advance(SECOND)
    *_, arrival, answer = (event for event in glass.events if isinstance(event, Segment))
    timer = [event for event in glass.events if isinstance(event, TimerFired)][-1]
    assert timer.timer == "delayed ACK"
    assert arrival.at < timer.at == answer.at
    assert answer.cause == timer.id  # and not the segment
    glass = Glass()
    tcp = glass.established(sack_permitted=True)
    tcp.send(b"x")
    tcp.advance(20 * MS)
    tcp.inject(ACK, seq=301, ack=102)
    for number in range(1, 10):
        tcp.inject(ACK | PSH, seq=301 + 1_000 * number, ack=102, data=b"z" * 1_000)
    tcp.advance(SECOND)
    assert {row[1] for row in glass.told(TimerFired)} == {"compressed ACKs"}


def test_a_tail_that_is_lost() -> None:
    glass = Glass()
    tcp = glass.established(sack_permitted=True)
    tcp.send(b"x" * 3_000)
    tcp.advance(10 * MS)
    tcp.inject(ACK, seq=301, ack=1_101)
    tcp.advance(700 * MS)
    assert glass.told(RttSampled, clear=False) == [(10, 10 * MS, 10 * MS, 5 * MS, 210 * MS)]
    assert glass.told(Congestion, clear=False) == [
        (10, 10_000, 0x7FFF_FFFF, 2_000, "ack"),
        (242, 1_000, 7_000, 2_000, "timeout"),
        (662, 1_000, 7_000, 2_000, "timeout"),
    ]
    causes = {event.id: event for event in glass.events}
    again = [event for event in glass.events if isinstance(event, Segment) and event.note]
    assert [causes[event.cause].as_dict()["timer"] for event in again] == [
        "loss probe", "retransmission", "retransmission",
    ]  # fmt: skip
    assert glass.told(TimerFired, Segment)[4:] == [
        (32, "loss probe"),
        (32, "sent", "PSH,ACK", 2_101, 301, 64_240, 1_000, "", "retransmission: loss probe"),
        (242, "retransmission"),
        (242, "sent", "ACK", 1_101, 301, 64_240, 1_000, "", "retransmission: timeout"),
        (662, "retransmission"),
        (662, "sent", "ACK", 1_101, 301, 64_240, 1_000, "", "retransmission: timeout"),
    ]


def test_a_hole_is_found_and_filled() -> None:
    glass = Glass()
    tcp = glass.established(sack_permitted=True)
    tcp.send(b"x" * 6_000)
    glass.events.clear()
    tcp.advance(10 * MS)
    tcp.inject(ACK, seq=301, ack=101, sack=[(1_101, 2_101)])
    tcp.advance(20 * MS)
    tcp.inject(ACK, seq=301, ack=6_101)
    assert glass.told(Congestion, clear=False) == [
        (14.5, 10_000, 7_000, 6_000, "fast retransmit"),
        (30, 7_000, 7_000, 0, "recovered"),
        (30, 7_000, 7_000, 0, "ack"),
    ]
    sacked, timer, again, _ = glass.told(TimerFired, Segment)
    assert sacked[:3] == (10, "received", "ACK")
    assert sacked[7].startswith("sack ")
    assert timer == (14.5, "reordering")
    assert again == (14.5, "sent", "ACK", 101, 301, 64_240, 1_000, "", "retransmission: fast")


def test_what_else_becomes_of_the_window() -> None:
    glass = Glass(ecn=1)
    tcp = glass.tcp
    tcp.socket.connect(PEER, 80, tcp.now)
    tcp.our_port = tcp.socket.local[1]
    tcp._learn(100)
    tcp._pump()
    tcp.inject(SYN | ACK | ECE, seq=300, ack=101, mss=1_000, window=65_535)
    tcp.send(b"x" * 8_000)
    tcp.advance(20 * MS)
    tcp.inject(ACK | ECE, seq=301, ack=1_101, window=65_535)
    assert glass.told(Congestion)[0] == (20, 10_000, 7_000, 7_000, "congestion mark")
    glass = Glass()
    tcp = glass.established(sack_permitted=True)
    tcp.send(b"x" * 4_000)
    tcp.advance(20 * MS)
    tcp.inject(ACK, seq=301, ack=2_101)
    glass.events.clear()
    tcp.advance(50 * MS)  # the loss probe repeats the last segment
    tcp.send(b"y" * 1_000)
    tcp.inject(ACK, seq=301, ack=5_101)
    assert glass.told(Congestion) == [
        (70, 7_000, 7_000, 0, "loss probe"),
        (70, 7_000, 7_000, 0, "ack"),
    ]


def test_a_loss_that_was_none() -> None:
    """A DSACK for each retransmission: the window is as it was."""
    glass = Glass()
    tcp = glass.established(sack_permitted=True)
    tcp.send(b"x" * 6_000)
    tcp.advance(10 * MS)
    tcp.inject(ACK, seq=301, ack=101, sack=[(2_101, 6_101)])
    tcp.advance(10 * MS)
    tcp.inject(ACK, seq=301, ack=6_101)
    glass.events.clear()
    tcp.inject(ACK, seq=301, ack=6_101, sack=[(101, 1_101)])
    tcp.inject(ACK, seq=301, ack=6_101, sack=[(1_101, 2_101)])
    assert [row[-1] for row in glass.told(Congestion)] == ["needless"]


def test_other_ends() -> None:
    """Why a connection ended is told in words."""
    glass = Glass()
    tcp = glass.tcp
    tcp.connect()
    tcp.advance(2 * MS)
    tcp.close()
    assert glass.told(StateChanged)[1:] == [(2, "SYN_SENT", "CLOSED", "close()")]
    glass = Glass()
    tcp = glass.tcp
    tcp.connect()
    tcp.inject(RST | ACK, seq=0, ack=101)
    assert glass.told(StateChanged)[1:] == [(0, "SYN_SENT", "CLOSED", "RST received")]
    glass = Glass()
    tcp = glass.established()
    tcp.advance(3 * MS)
    tcp.socket.abort(tcp.now)
    tcp._pump()
    assert glass.told(StateChanged) == [(3, "ESTABLISHED", "CLOSED", "abort")]
    glass = Glass()
    tcp = glass.established()
    tcp.close()
    tcp.inject(ACK | PSH, seq=301, ack=101, data=b"text")
    assert glass.told(StateChanged)[1:] == [(0, "FIN_WAIT1", "CLOSED", "text for nobody")]
    glass = Glass()
    tcp = glass.established()
    tcp.option(linger2_ns=-1)
    tcp.close()
    tcp.inject(ACK, seq=301, ack=102)
    assert glass.told(StateChanged)[1:] == [
        (0, "FIN_WAIT1", "FIN_WAIT2", "ACK of our FIN"),
        (0, "FIN_WAIT2", "CLOSED", "TCP_LINGER2"),
    ]
    glass = Glass()
    tcp = glass.tcp
    tcp.listen()
    tcp.close()
    assert glass.told(StateChanged) == [
        (0, "CLOSED", "LISTEN", "listen()"),
        (0, "LISTEN", "CLOSED", "close()"),
    ]
    glass = Glass()
    tcp = glass.tcp
    tcp.connect()
    tcp.shutdown()
    assert glass.told(StateChanged)[1:] == [(0, "SYN_SENT", "CLOSED", "shutdown()")]
    glass = Glass()
    tcp = glass.tcp
    tcp.connect()
    tcp.inject(SYN, seq=300, mss=1_000)
    tcp.shutdown()
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000)
    assert glass.told(StateChanged)[2:] == [
        (0, "SYN_RECV", "ESTABLISHED", "SYN acknowledged"),
        (0, "ESTABLISHED", "FIN_WAIT1", "close()"),
    ]
