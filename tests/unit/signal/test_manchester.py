"""The line code of 10BASE-T, out and back, and what a receiver does with lines that carry nothing."""

from random import Random

import pytest

from netarium.base.errors import WireError
from netarium.signal import manchester
from netarium.signal.framing import line_octets, without_fcs
from netarium.signal.manchester import HIGH, IDLE, LOW

FRAME = bytes.fromhex("ffffffffffff 020000000001 0806") + Random(1).randbytes(46)


def test_one_rises_and_zero_falls() -> None:
    levels = manchester.encode(b"\x01")  # least significant bit first: 1 0 0 0 0 0 0 0
    assert levels[:4] == [LOW, HIGH, HIGH, LOW]
    assert levels[4:16] == [HIGH, LOW] * 6


def test_least_significant_bit_goes_first() -> None:
    assert manchester.bits_of(b"\xd5") == [1, 0, 1, 0, 1, 0, 1, 1]
    assert manchester.octets_of([1, 0, 1, 0, 1, 0, 1, 1]) == b"\xd5"


def test_dribble_bits_are_dropped() -> None:
    assert manchester.octets_of([1] * 15) == b"\xff"


@pytest.mark.parametrize("last", [b"\x00", b"\xff"])
def test_tp_idl_ends_the_frame(last: bytes) -> None:
    levels = manchester.encode(last)
    assert levels[16:] == [HIGH] * 6 + [IDLE]


def test_line_has_no_direct_current() -> None:
    """Every bit is as long high as low: a transformer passes it."""
    assert sum(manchester.encode(FRAME)[: 16 * len(FRAME)]) == 0


@pytest.mark.parametrize("samples_per_bit", [4, 8, 10, 16])
def test_decodes_what_was_encoded(samples_per_bit: int) -> None:
    line = line_octets(FRAME)
    samples = manchester.waveform(manchester.encode(line.octets), samples_per_bit=samples_per_bit)
    octets = manchester.decode(samples, samples_per_bit=samples_per_bit)
    assert octets == line.octets[8:]
    assert without_fcs(octets) == FRAME


def test_silence_and_the_first_bits_may_be_lost() -> None:
    line = line_octets(FRAME)
    samples = list(manchester.waveform(manchester.encode(line.octets)))
    for lost in range(0, 8 * 40, 3):  # up to 40 bits of the preamble
        assert manchester.decode([0.0] * 50 + samples[lost:]) == line.octets[8:]


def test_second_frame_behind_a_gap_is_not_mixed_in() -> None:
    line = line_octets(FRAME)
    samples = list(manchester.waveform(manchester.encode(line.octets)))
    assert manchester.decode(samples + [0.0] * 96 * 8 + samples) == line.octets[8:]


def test_senders_clock_may_differ() -> None:
    """A receiver takes its clock from every transition: 3 % off is no matter (the standard allows 0.01 %)."""
    line = line_octets(FRAME)
    fine = list(manchester.waveform(manchester.encode(line.octets), samples_per_bit=32))
    for step in (3.88, 4.12):
        samples = [fine[int(i * step)] for i in range(int(len(fine) / step))]
        assert manchester.decode(samples, samples_per_bit=8) == line.octets[8:]


def test_noise_is_survived_and_reproducible() -> None:
    line = line_octets(FRAME)
    levels = manchester.encode(line.octets)
    noisy = manchester.waveform(levels, noise=0.25, random=Random(7))
    assert noisy == manchester.waveform(levels, noise=0.25, random=Random(7))
    assert noisy != manchester.waveform(levels)
    assert manchester.decode(noisy) == line.octets[8:]


@pytest.mark.parametrize(
    "samples",
    [
        [],
        [0.0] * 1000,
        [2.5] * 1000,
        [0.3, -0.3] * 500,  # below the squelch
        [2.5] * 3 + [-2.5] * 3,
    ],
)
def test_line_without_preamble_is_refused(samples: list[float]) -> None:
    with pytest.raises(WireError, match="preamble"):
        manchester.decode(samples)


def test_preamble_without_sfd_is_refused() -> None:
    for octets in (b"\x55" * 20, b"\x55" * 7 + b"\x00" * 20):
        with pytest.raises(WireError, match="delimiter"):
            manchester.decode(manchester.waveform(manchester.encode(octets)))


def test_voltage_is_nominal() -> None:
    samples = manchester.waveform(manchester.encode(b"\x55"), samples_per_bit=4)
    assert set(samples) == {2.5, -2.5, 0.0}
    assert len(samples) == 2 * (16 + 6 + 1)
