"""A small bench: a clock over an agenda, ports that write down what they hear."""

from collections.abc import Callable
from random import Random

import pytest

from netarium.base.timerq import TimerQueue
from netarium.link.cable import Cable, CableEnd
from netarium.link.device import Timed
from netarium.link.frame import Frame

MAC_A = b"\x02\x00\x00\x00\x00\x0a"
MAC_B = b"\x02\x00\x00\x00\x00\x0b"


class Bench:
    """Time that jumps from deadline to deadline."""

    def __init__(self) -> None:
        self.agenda: TimerQueue[Timed] = TimerQueue()
        self.random = Random(1)
        self.now = 0

    def run(self, until: int | None = None) -> None:
        while (at := self.agenda.next_deadline()) is not None and (until is None or at <= until):
            assert at >= self.now, "time went back"
            self.now = at
            item = self.agenda.pop_due(at)
            assert item is not None
            item.on_deadline(at)
        if until is not None:
            self.now = until


class Listener:
    """A port that writes down every frame and when it came."""

    def __init__(self, name: str = "listener") -> None:
        self.name = name
        self.heard: list[tuple[int, Frame]] = []
        self.idle_at: list[int] = []
        self.end: CableEnd | None = None

    def plugged(self, end: CableEnd | None) -> None:
        self.end = end

    def receive(self, frame: Frame, now: int) -> None:
        self.heard.append((now, frame))

    def line_idle(self, now: int) -> None:
        self.idle_at.append(now)

    @property
    def times(self) -> list[int]:
        return [at for at, _ in self.heard]

    @property
    def bodies(self) -> list[bytes]:
        return [bytes(frame.body) for _, frame in self.heard]


Wire = Callable[..., tuple[Cable, Listener, Listener]]
Frames = Callable[..., Frame]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def wire(bench: Bench) -> Wire:
    """A cable between two listeners."""

    def make(**settings: object) -> tuple[Cable, Listener, Listener]:
        cable = Cable(bench.agenda, random=bench.random, **settings)  # type: ignore[arg-type]
        a, b = Listener("a"), Listener("b")
        cable.plug(a, b)
        return cable, a, b

    return make


@pytest.fixture
def frame() -> Frames:
    """A frame of a given length whose body begins with a number."""

    def make(number: int = 0, length: int = 100, dst: bytes = MAC_B, src: bytes = MAC_A) -> Frame:
        body = number.to_bytes(2, "big").ljust(length - 14, b"\xee")
        return Frame(dst + src + b"\x88\xb5", body)

    return make
