"""The line gives back what was put on it; rules depend on their seed alone; a cable loses nothing by itself."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netarium.base.errors import WireError
from netarium.base.timerq import TimerQueue
from netarium.link.cable import Cable, CableEnd
from netarium.link.device import Timed
from netarium.link.frame import Frame
from netarium.link.rules import BurstLoss, Corrupt, Delay, Duplicate, Jitter, Loss, Reorder, Truncate
from netarium.signal import manchester
from netarium.signal.framing import deframe, line_octets, padded, without_fcs

FRAMES = st.binary(min_size=14, max_size=200)


@given(FRAMES)
def test_deframe_inverts_line_octets(frame: bytes) -> None:
    assert deframe(line_octets(frame).octets) == padded(frame)


@settings(max_examples=25)
@given(
    frame=FRAMES,
    silence=st.integers(0, 40),
    lost=st.integers(0, 30 * 16),
    noise=st.floats(0, 0.3),
    seed=st.integers(0, 2**32),
)
def test_manchester_comes_back(frame: bytes, silence: int, lost: int, noise: float, seed: int) -> None:
    """Whatever the phase, with mild noise, with part of the preamble lost."""
    line = line_octets(frame)
    levels = manchester.encode(line.octets)
    samples = list(manchester.waveform(levels, samples_per_bit=16, noise=noise, random=Random(seed)))
    octets = manchester.decode([0.0] * silence + samples[lost:], samples_per_bit=16)
    assert without_fcs(octets) == padded(frame)


@settings(max_examples=50)
@given(st.lists(st.floats(-3, 3), max_size=600))
def test_any_voltages_are_octets_or_refused(samples: list[float]) -> None:
    try:
        octets = manchester.decode(samples)
    except WireError:
        return
    assert isinstance(octets, bytes)


class Sink:
    """A port that keeps what it hears."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.heard: list[tuple[int, int | None, bytes]] = []

    def plugged(self, end: CableEnd | None) -> None: ...

    def line_idle(self, now: int) -> None: ...

    def receive(self, frame: Frame, now: int) -> None:
        self.heard.append((now, frame.fcs, frame.octets()))


def _rules() -> list[object]:
    return [
        Loss("10%"), BurstLoss("5%", "30%"), Delay(100), Jitter(2_000), Jitter(500, overtaking=True),
        Reorder("10%", 3_000), Duplicate("10%", after_ns=50), Corrupt("5%"), Truncate(30, "5%"),
    ]  # fmt: skip


def _run(
    seed: int, picks: list[int], rate: int | None, gaps: list[int]
) -> list[tuple[int, int | None, bytes]]:
    agenda: TimerQueue[Timed] = TimerQueue()
    cable = Cable(agenda, random=Random(seed), rate=rate, delay=1_000, queue=10_000)
    a, b = Sink("a"), Sink("b")
    cable.plug(a, b)
    for pick in picks:
        cable.add_rule(_rules()[pick])  # type: ignore[arg-type]
    now = 0
    for number, gap in enumerate(gaps):
        cable.ends[0].send(Frame(number.to_bytes(60, "big")), now)
        now += gap
        while (item := agenda.pop_due(now)) is not None:
            item.on_deadline(now)
    while (at := agenda.next_deadline()) is not None:
        item = agenda.pop_due(at)
        assert item is not None
        item.on_deadline(at)
    return b.heard


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    picks=st.lists(st.integers(0, 8), max_size=4),
    rate=st.sampled_from([None, 10_000_000, 1_000_000_000]),
    gaps=st.lists(st.integers(0, 100_000), min_size=1, max_size=60),
)
def test_same_seed_same_line(seed: int, picks: list[int], rate: int | None, gaps: list[int]) -> None:
    heard = _run(seed, picks, rate, gaps)
    assert heard == _run(seed, picks, rate, gaps)
    times = [at for at, _, _ in heard]
    assert times == sorted(times)
    if not set(picks) & {0, 1, 5, 4, 6, 7, 8}:  # only delays that keep the order
        assert [octets for _, _, octets in heard] == [n.to_bytes(60, "big") for n in range(len(gaps))]


@pytest.mark.rfc("802.3", "eth-04")
@given(frame=st.binary(min_size=60, max_size=300), seed=st.integers(0, 2**32), bits=st.integers(1, 3))
def test_fcs_sees_up_to_three_flipped_bits(frame: bytes, seed: int, bits: int) -> None:
    """The CRC-32 of Ethernet has Hamming distance 4 at the least up to the largest frame."""
    line = bytearray(line_octets(frame).octets)
    for place in Random(seed).sample(range(8 * 8, 8 * len(line)), bits):
        line[place >> 3] ^= 1 << (place & 7)
    with pytest.raises(WireError):
        deframe(bytes(line))
