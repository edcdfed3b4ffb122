"""The faults that can happen to frames on a cable: loss, delay, disorder, damage.

Every rule takes, behind its own arguments, `where` (which frames), `schedule` (when, how often) and `random`.
"""

from collections.abc import Callable
from random import Random
from typing import Final

from netarium.base.checksum import checksum
from netarium.base.errors import UsageError
from netarium.base.units import format_duration, probability
from netarium.link import gso
from netarium.link.frame import Frame
from netarium.link.layers import locate
from netarium.link.rule import Chance, Rule, Verdict, judge
from netarium.link.selector import ALWAYS, Schedule
from netarium.signal.fcs import fcs
from netarium.signal.framing import padded

_CE: Final = 3  # the ECN field of an IP header, and what a router puts into it


class Loss(Chance):
    """Each frame is lost with a probability, independently (Bernoulli)."""

    verb = "lose"

    def strike(self, verdict: Verdict) -> str:
        """The frame vanishes."""
        verdict.taken_by = self
        return "lost"


class Drop(Rule):
    """Every frame that is selected is lost: `Drop(Selector(flags="SYN"), nth(2))`."""

    def act(self, verdict: Verdict) -> str:
        """The frame vanishes."""
        verdict.taken_by = self
        return "dropped"

    def what(self) -> str:
        """For people."""
        return "drop"


class Cut(Rule):
    """Nothing gets through while it is installed, and nobody is told: a silent black hole."""

    single = False

    def act(self, verdict: Verdict) -> str:
        """The frame vanishes."""
        verdict.taken_by = self
        return "cut"

    def what(self) -> str:
        """For people."""
        return "cut"


class BurstLoss(Rule):
    """Losses that come in bursts: the two-state chain of Gilbert and Elliott, one step for each frame.

    Attributes:
        begin: probability that a good frame is followed by the bad state.
        end: probability that the bad state ends; 1 / `end` is the mean length of a burst in frames.
        loss_bad: probability of loss in the bad state.
        loss_good: probability of loss in the good state.
        bad: the state.
    """

    def __init__(
        self,
        begin: str | float,
        end: str | float,
        loss_bad: str | float = 1.0,
        loss_good: str | float = 0.0,
        where: Callable[[Frame], bool] | None = None,
        schedule: Schedule = ALWAYS,
        random: Random | None = None,
    ) -> None:
        super().__init__(where, schedule, random)
        self.begin = probability(begin)
        self.end = probability(end)
        self.loss_bad = probability(loss_bad)
        self.loss_good = probability(loss_good)
        self.bad = False

    def act(self, verdict: Verdict) -> str:
        """One step of the chain, then perhaps a loss."""
        if self.draw() < (self.end if self.bad else self.begin):
            self.bad = not self.bad
        if self.draw() >= (self.loss_bad if self.bad else self.loss_good):
            return ""
        verdict.taken_by = self
        return "lost in a burst" if self.bad else "lost"

    def what(self) -> str:
        """For people."""
        return f"burst loss, begins {100 * self.begin:.4g}%, ends {100 * self.end:.4g}%"


class Delay(Rule):
    """A fixed time more on the way; the order stays."""

    single = False

    def __init__(
        self,
        delay_ns: int,
        where: Callable[[Frame], bool] | None = None,
        schedule: Schedule = ALWAYS,
        random: Random | None = None,
    ) -> None:
        super().__init__(where, schedule, random)
        if delay_ns < 0:
            raise UsageError(f"a delay of {delay_ns} ns: it cannot be negative")
        self.delay_ns = delay_ns

    def act(self, verdict: Verdict) -> str:
        """Add the delay."""
        verdict.delay += self.delay_ns
        return "delayed"

    def what(self) -> str:
        """For people."""
        return f"delay {format_duration(self.delay_ns)}"


class Jitter(Rule):
    """A random time more on the way, uniform from 0 to `jitter_ns`.

    By default the order stays, as behind a queue whose length varies; with `overtaking` every frame has its own
    delay, as on many paths at once (and as `netem` does it).
    """

    def __init__(
        self,
        jitter_ns: int,
        where: Callable[[Frame], bool] | None = None,
        schedule: Schedule = ALWAYS,
        random: Random | None = None,
        *,
        overtaking: bool = False,
    ) -> None:
        super().__init__(where, schedule, random)
        if jitter_ns < 0:
            raise UsageError(f"a jitter of {jitter_ns} ns: it cannot be negative")
        self.jitter_ns = jitter_ns
        self.overtaking = overtaking

    def act(self, verdict: Verdict) -> str:
        """Add a random delay."""
        extra = int(self.draw() * (self.jitter_ns + 1))
        if self.overtaking:
            verdict.held += extra
        else:
            verdict.delay += extra
        return "delayed" if extra else ""

    def what(self) -> str:
        """For people."""
        return f"jitter up to {format_duration(self.jitter_ns)}{', overtaking' if self.overtaking else ''}"


class Reorder(Chance):
    """Some frames are held back for `by_ns`, and those behind them overtake."""

    verb = "reorder"

    def __init__(
        self,
        chance: str | float,
        by_ns: int,
        where: Callable[[Frame], bool] | None = None,
        schedule: Schedule = ALWAYS,
        random: Random | None = None,
    ) -> None:
        super().__init__(chance, where, schedule, random)
        if by_ns <= 0:
            raise UsageError(f"held back for {by_ns} ns: frames overtake only in a time > 0")
        self.by_ns = by_ns

    def strike(self, verdict: Verdict) -> str:
        """Hold the frame back."""
        verdict.held += self.by_ns
        return "held back"

    def what(self) -> str:
        """For people."""
        return f"{super().what()} by {format_duration(self.by_ns)}"


class Duplicate(Chance):
    """A second copy arrives `after_ns` later."""

    verb = "duplicate"

    def __init__(
        self,
        chance: str | float = 1.0,
        where: Callable[[Frame], bool] | None = None,
        schedule: Schedule = ALWAYS,
        random: Random | None = None,
        *,
        after_ns: int = 0,
    ) -> None:
        super().__init__(chance, where, schedule, random)
        self.after_ns = after_ns

    def strike(self, verdict: Verdict) -> str:
        """One copy more."""
        verdict.copies.append(self.after_ns)
        return "duplicated"


class Corrupt(Chance):
    """Bits flip on the way.

    The FCS that was sent stays, so the receiving adapter sees the damage (eth-04). With `undetected` the frame gets
    a FCS that fits again, as after a fault in a switch's memory: then the transport checksum is the last guard.

    Attributes:
        bits: how many flip.
        undetected: the FCS does not tell.
        behind: octets at the beginning of the frame that are spared.
    """

    verb = "corrupt"

    def __init__(
        self,
        chance: str | float = 1.0,
        where: Callable[[Frame], bool] | None = None,
        schedule: Schedule = ALWAYS,
        random: Random | None = None,
        *,
        bits: int = 1,
        undetected: bool = False,
        behind: int = 0,
    ) -> None:
        super().__init__(chance, where, schedule, random)
        if bits < 1:
            raise UsageError(f"{bits} bits to flip: at least 1")
        self.bits = bits
        self.undetected = undetected
        self.behind = behind

    def strike(self, verdict: Verdict) -> str:
        """Flip the bits."""
        assert self.random is not None
        octets = bytearray(_as_sent(verdict.frame))
        sent = _sent_fcs(verdict.frame, octets)
        places = range(8 * min(self.behind, len(octets) - 1), 8 * len(octets))
        for place in self.random.sample(places, min(self.bits, len(places))):
            octets[place >> 3] ^= 1 << (place & 7)
        verdict.frame = Frame(bytes(octets), fcs=None if self.undetected else sent, cause=verdict.frame.cause)
        return "corrupted"

    def what(self) -> str:
        """For people."""
        count = "1 bit" if self.bits == 1 else f"{self.bits} bits"
        return f"{super().what()} ({count}{', not seen by the FCS' if self.undetected else ''})"


class Truncate(Chance):
    """Only the first `length` octets arrive, and an FCS that cannot fit."""

    verb = "truncate"

    def __init__(
        self,
        length: int,
        chance: str | float = 1.0,
        where: Callable[[Frame], bool] | None = None,
        schedule: Schedule = ALWAYS,
        random: Random | None = None,
    ) -> None:
        super().__init__(chance, where, schedule, random)
        if length < 0:
            raise UsageError(f"truncated to {length} octets: it cannot be negative")
        self.length = length

    def strike(self, verdict: Verdict) -> str:
        """Cut the end off."""
        octets = _as_sent(verdict.frame)
        if len(octets) <= self.length:
            return ""
        sent = _sent_fcs(verdict.frame, octets)
        verdict.frame = Frame(octets[: self.length], fcs=sent, cause=verdict.frame.cause)
        return "truncated"

    def what(self) -> str:
        """For people."""
        return f"{super().what()} to {self.length} octets"


class Mark(Chance):
    """A router that is congested: ECN-capable packets are marked, others lost (RFC 3168 §5).

    Attributes:
        lose: packets that are not ECN-capable are lost; False: they pass.
    """

    verb = "mark"

    def __init__(
        self,
        chance: str | float = 1.0,
        where: Callable[[Frame], bool] | None = None,
        schedule: Schedule = ALWAYS,
        random: Random | None = None,
        *,
        lose: bool = True,
    ) -> None:
        super().__init__(chance, where, schedule, random)
        self.lose = lose

    def strike(self, verdict: Verdict) -> str:
        """Set both ECN bits, or take the frame."""
        frame = verdict.frame
        octets = bytearray(gso.finished(frame).octets())
        layers = locate(octets)
        if not _mark(octets, layers.network, layers.version):
            if self.lose:
                verdict.taken_by = self
            return "lost" if self.lose else ""
        verdict.frame = Frame(bytes(octets), checked=frame.checked, fcs=frame.fcs, cause=frame.cause)
        return "marked"


def _mark(octets: bytearray, at: int, version: int) -> bool:
    """Congestion experienced, if the IP packet at this offset is ECN-capable."""
    if version == 4 and octets[at + 1] & _CE:
        octets[at + 1] |= _CE
        octets[at + 10 : at + 12] = bytes(2)
        octets[at + 10 : at + 12] = checksum(octets[at : at + (octets[at] & 15) * 4]).to_bytes(2, "big")
        return True
    if version == 6 and octets[at + 1] >> 4 & _CE:  # the traffic class lies across two octets (RFC 8200 §3)
        octets[at + 1] |= _CE << 4
        return True
    return False


def _as_sent(frame: Frame) -> bytes:
    """All octets of a single frame as they go out: checksum finished, padded."""
    return padded(gso.finished(frame).octets())


def _sent_fcs(frame: Frame, octets: bytes | bytearray) -> int:
    """The FCS that the sender put behind these octets, or that came with an already harmed frame."""
    return fcs(octets) if frame.fcs is None else frame.fcs


__all__: Final = [
    "BurstLoss",
    "Corrupt",
    "Cut",
    "Delay",
    "Drop",
    "Duplicate",
    "Jitter",
    "Loss",
    "Mark",
    "Reorder",
    "Rule",
    "Truncate",
    "Verdict",
    "judge",
]
