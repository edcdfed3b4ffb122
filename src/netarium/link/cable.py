"""A full-duplex cable between two ports: rate, propagation delay, a queue at each end, fault rules.

Each end clocks frames out one after the other (IEEE 802.3 §4.2.8: full duplex, so nothing but the gap to wait for) and
the last bit of each arrives a propagation delay after it was sent. A port that pulls (an adapter) sends only when the
line is idle and asks to be told when; a port that pushes (a switch) finds a bounded queue in front of the line.

Time is kept by an agenda of two kinds of items for each direction: the end itself, when somebody waits for the line
to become idle, and its flight, when the next last bit arrives. Nothing is scheduled for a line that nobody waits for.
"""

from bisect import insort
from collections import deque
from random import Random
from types import TracebackType
from typing import Final, Protocol, Self

from netarium.base.trace import RuleHit, Signal, Trace
from netarium.base.units import SECOND
from netarium.link import gso
from netarium.link.device import Agenda
from netarium.link.frame import Frame
from netarium.link.rule import Rule, Verdict, judge
from netarium.signal.framing import GAP_OCTETS, MINIMUM_FRAME

_OVERHEAD: Final = gso.LINE_OVERHEAD
_BIT_NS: Final = 8 * SECOND  # octets times this, by the rate, are ns


class Port(Protocol):
    """A socket that a cable is plugged into: of an adapter, or of a switch."""

    name: str

    def plugged(self, end: "CableEnd | None") -> None:
        """A cable was plugged in, or (None) pulled out."""

    def receive(self, frame: Frame, now: int) -> None:
        """The last bit of a frame has arrived."""

    def line_idle(self, now: int) -> None:
        """The line has become idle after `CableEnd.tell_when_idle`."""


class Flight:
    """The frames on their way in one direction, and the port that they come to."""

    __slots__ = ("_agenda", "_frames", "port")

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._frames: deque[tuple[int, Frame]] = deque()  # by time of arrival
        self.port: Port | None = None

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, frame: Frame, arrival: int) -> None:
        """The frame's last bit will arrive at `arrival` (ns)."""
        frames = self._frames
        if not frames:
            frames.append((arrival, frame))
            self._agenda.schedule(self, arrival)
        elif arrival >= frames[-1][0]:
            frames.append((arrival, frame))
        else:  # it overtakes
            insort(frames, (arrival, frame), key=_arrival)
            self._agenda.schedule(self, frames[0][0])

    def on_deadline(self, now: int) -> None:
        """Deliver what has arrived."""
        frames, port = self._frames, self.port
        while frames and frames[0][0] <= now:
            _, frame = frames.popleft()
            if port is not None:
                port.receive(frame, now)
        if frames:
            self._agenda.schedule(self, frames[0][0])

    def clear(self) -> None:
        """Everything on its way is lost: the cable was pulled."""
        self._frames.clear()
        self._agenda.schedule(self, None)


def _arrival(entry: tuple[int, Frame]) -> int:
    return entry[0]


class CableEnd:
    """One end of a cable: it clocks out what its port sends.

    Attributes:
        index: 0 or 1.
        name: of the cable.
        rate: bit/s, or None for a line that takes no time.
        delay: propagation, ns.
        limit: frames that may wait behind the one on the line.
        rules: the fault rules of this direction.
        busy_until: ns; when the line is idle again, the gap included.
        frames: put on the line so far, pieces counted.
        octets: of these, with preamble, padding, FCS and gap.
        drops: frames that found the queue full.
        port: what the end is plugged into.
        flight: what is on its way to the other end.
    """

    __slots__ = (
        "_agenda", "_last_arrival", "_queue", "_single", "_told", "_trace", "_waiting", "busy_until", "delay", "drops",
        "flight", "frames", "index", "limit", "name", "octets", "port", "rate", "rules",
    )  # fmt: skip

    def __init__(
        self,
        agenda: Agenda,
        index: int,
        name: str,
        rate: int | None,
        delay: int,
        limit: int,
        trace: Trace | None,
    ) -> None:
        self._agenda = agenda
        self._trace = trace
        self.index = index
        self.name = name
        self.rate = rate
        self.delay = delay
        self.limit = limit
        self.rules: list[Rule] = []
        self.busy_until = 0
        self.frames = 0
        self.octets = 0
        self.drops = 0
        self.port: Port | None = None
        self.flight = Flight(agenda)
        self._queue: deque[Frame] = deque()
        self._told = True  # nobody waits for `line_idle`
        self._waiting = False  # on the agenda
        self._single = False  # a rule must see single segments
        self._last_arrival = 0  # of frames that do not overtake

    def __len__(self) -> int:
        return len(self._queue)

    def idle(self, now: int) -> bool:
        """True if a frame that is sent now goes on the line at once."""
        return self.busy_until <= now and not self._queue

    def send(self, frame: Frame, now: int) -> None:
        """Put a frame on the line, or in the queue; if that is full it is dropped and counted."""
        if self.busy_until <= now and not self._queue:
            self._transmit(frame, now)
        elif len(self._queue) < self.limit:
            self._queue.append(frame)
            self._wait()
        else:
            self.drops += 1
            if self._trace is not None:
                self._tell(self._trace, frame, now, now, now, lost="queue full")

    def tell_when_idle(self) -> None:
        """Call the port's `line_idle` once, as soon as the line is free."""
        self._told = False
        self._wait()

    def _wait(self) -> None:
        if not self._waiting:
            self._waiting = True
            self._agenda.schedule(self, self.busy_until)

    def on_deadline(self, now: int) -> None:
        """The line is idle: the next of the queue, or the port's turn."""
        self._waiting = False
        queue = self._queue
        while queue and self.busy_until <= now:
            self._transmit(queue.popleft(), now)
        if not queue and not self._told and self.busy_until <= now:
            self._told = True
            if self.port is not None:
                self.port.line_idle(now)
        if not self._waiting and (queue or not self._told):
            self._wait()

    def _transmit(self, frame: Frame, now: int) -> None:
        """Clock a frame out; the first bit goes now."""
        if self.rules or self._trace is not None:
            self._transmit_watched(frame, now)
            return
        if frame.gso_size:
            octets = gso.wire_octets(frame)
            self.frames += gso.pieces(frame)
        else:
            octets = len(frame.head) + len(frame.body)
            octets = (octets if octets > MINIMUM_FRAME else MINIMUM_FRAME) + _OVERHEAD
            self.frames += 1
        self.octets += octets
        rate = self.rate
        if rate is None:
            arrival = now + self.delay
        else:
            self.busy_until = now + octets * _BIT_NS // rate
            arrival = now + (octets - GAP_OCTETS) * _BIT_NS // rate + self.delay
        self._last_arrival = arrival
        self.flight.add(frame, arrival)

    # --- the same with rules and witnesses: for each single frame ------------------------------------------------

    def _transmit_watched(self, frame: Frame, now: int) -> None:
        if frame.gso_size and self._single:
            start = now
            for segment in gso.split(frame, complete=False):
                start = self._judge(segment, start)
        else:
            self._judge(frame, now)

    def _judge(self, frame: Frame, start: int) -> int:
        """Put one frame on the line at `start`, ask the rules about it. Returns when the line is idle again."""
        octets = gso.wire_octets(frame)
        self.frames += gso.pieces(frame)
        self.octets += octets
        rate = self.rate
        idle_at = start if rate is None else start + octets * _BIT_NS // rate
        ends_at = start if rate is None else start + (octets - GAP_OCTETS) * _BIT_NS // rate
        self.busy_until = idle_at
        verdict = judge(self.rules, frame, start)
        arrival = max(ends_at + self.delay + verdict.delay, self._last_arrival if self.rules else 0)
        if verdict.taken_by is None:
            self._last_arrival = arrival
        arrival += verdict.held
        if self._trace is not None:
            self._witness(self._trace, verdict, start, ends_at, arrival)
        if verdict.taken_by is None:
            self.flight.add(verdict.frame, arrival)
            for after in verdict.copies:
                self.flight.add(verdict.frame.copy(), arrival + after)
        return idle_at

    def _witness(self, trace: Trace, verdict: Verdict, start: int, ends_at: int, arrival: int) -> None:
        """Tell what the rules did, then the signal itself."""
        frame = verdict.frame
        for rule, action in verdict.hits:
            trace.emit(
                RuleHit(
                    at=start,
                    where=self.name,
                    cause=frame.cause,
                    rule=str(rule),
                    action=action,
                    hits=rule.hits,
                )
            )
        lost = "" if verdict.taken_by is None else str(verdict.taken_by)
        self._tell(trace, frame, start, ends_at, arrival, lost=lost)

    def _tell(self, trace: Trace, frame: Frame, start: int, ends_at: int, arrival: int, *, lost: str) -> None:
        """A `Signal` for each single frame; the last becomes the cause of what the receiver does."""
        sender = "" if self.port is None else self.port.name
        receiver = "" if self.flight.port is None else self.flight.port.name
        on_the_way = arrival - ends_at
        at, cause = start, frame.cause
        segments = gso.split(frame)
        for segment in segments:
            octets = segment.octets()
            stop = ends_at
            if len(segments) > 1 and self.rate is not None:
                stop = at + (gso.wire_octets(segment) - GAP_OCTETS) * _BIT_NS // self.rate
            frame.cause = trace.emit(
                Signal(
                    at=at, where=self.name, cause=cause, cable=self.name, sender=sender, receiver=receiver,
                    octets=octets, ends_at=stop, arrives_at=at + on_the_way, lost=lost,
                )
            )  # fmt: skip
            if len(segments) > 1 and self.rate is not None:
                at += gso.wire_octets(segment) * _BIT_NS // self.rate

    def add_rule(self, rule: Rule) -> None:
        """Judge all frames that go on the line from now on."""
        self.rules.append(rule)
        self._single = any(known.single for known in self.rules)

    def remove_rule(self, rule: Rule) -> None:
        """Undo one `add_rule`."""
        self.rules.remove(rule)
        self._single = any(known.single for known in self.rules)

    def reset(self) -> None:
        """Forget everything that waits or is on its way."""
        self._queue.clear()
        self.flight.clear()
        self._told, self._waiting, self.busy_until, self._last_arrival = True, False, 0, 0
        self._agenda.schedule(self, None)


class InstalledRule:
    """A rule on a cable; `remove` takes it away, and so does the end of a `with` block."""

    __slots__ = ("_ends", "rule")

    def __init__(self, rule: Rule, ends: tuple[CableEnd, ...]) -> None:
        self.rule = rule
        self._ends = ends

    @property
    def hits(self) -> int:
        """How often the rule did something."""
        return self.rule.hits

    def remove(self) -> None:
        """Take the rule away; a second time does nothing."""
        ends, self._ends = self._ends, ()
        for end in ends:
            end.remove_rule(self.rule)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.remove()

    def __repr__(self) -> str:
        return repr(self.rule)


class Cable:
    """Two ends, and what is the same for both.

    Args:
        agenda: where deadlines go.
        name: for people and traces.
        rate: bit/s of either direction; None takes no time. `ends[i].rate` may differ.
        delay: propagation, ns; likewise.
        queue: frames that may wait at each end behind the one on the line.
        random: the source of every rule's own stream.
        trace: who is told of every signal.
    """

    __slots__ = ("_random", "ends", "name")

    def __init__(
        self,
        agenda: Agenda,
        *,
        random: Random,
        name: str = "cable",
        rate: int | None = None,
        delay: int = 0,
        queue: int = 1_000,
        trace: Trace | None = None,
    ) -> None:
        self.name = name
        self._random = random
        self.ends = (
            CableEnd(agenda, 0, name, rate, delay, queue, trace),
            CableEnd(agenda, 1, name, rate, delay, queue, trace),
        )

    def plug(self, a: Port, b: Port) -> None:
        """Plug end 0 into `a` and end 1 into `b`."""
        ends = self.ends
        for end, near, far in ((ends[0], a, b), (ends[1], b, a)):
            end.port = near
            end.flight.port = far
        a.plugged(ends[0])
        b.plugged(ends[1])

    def unplug(self) -> None:
        """Pull it out at both ends: no carrier, and what was on its way is lost."""
        for end in self.ends:
            port, end.port = end.port, None
            end.flight.port = None
            end.reset()
            if port is not None:
                port.plugged(None)

    def add_rule(self, rule: Rule, direction: int | None = None) -> InstalledRule:
        """Install a fault.

        Args:
            rule: one object serves for one place: it counts its hits there.
            direction: 0 for frames from end 0, 1 for those from end 1, None for both.
        """
        if rule.random is None:
            rule.random = Random(self._random.getrandbits(64))
        ends = self.ends if direction is None else (self.ends[direction],)
        for end in ends:
            end.add_rule(rule)
        return InstalledRule(rule, ends)
