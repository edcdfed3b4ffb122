"""The line code of 10BASE-T: Manchester (IEEE 802.3 §7.3.1.1, §14.3.1.2), out and back.

Every bit has a transition in its middle: 1 goes up, 0 goes down. The clock thus travels with the data, and the
preamble, in which there are no other transitions, tells a receiver which ones are the middles. After the last bit
comes TP_IDL: the line stays high too long to be a bit, then falls silent.

Not here: link pulses, pre-equalisation, the pulse template of a real twisted pair.
"""

from array import array
from collections.abc import Iterable, Sequence
from random import Random
from typing import Final, NamedTuple

from netarium.base.errors import WireError

BIT_RATE: Final = 10_000_000
VOLTS: Final = 2.5  # peak differential voltage, nominal (§14.3.1.2.1: 2.2 V ... 2.8 V)
IDLE: Final = 0
HIGH: Final = 1
LOW: Final = -1
TP_IDL_HALF_BITS: Final = 6  # 300 ns high; at least 250 ns (§14.3.1.2.1)

_SQUELCH: Final = 0.585  # volts; a receiver ignores what stays below (§14.3.1.3.2)
_LOCK_EDGES: Final = 6  # transitions one bit time apart before a receiver believes in its clock
_SFD_BITS: Final = (1, 0, 1, 0, 1, 0, 1, 1)


class Edge(NamedTuple):
    """A transition of the line: where (in samples, with a fraction), and 1 for up, 0 for down."""

    at: float
    bit: int


def bits_of(octets: bytes) -> list[int]:
    """The bits in line order: of every octet the least significant first (§3.3)."""
    return [octet >> shift & 1 for octet in octets for shift in range(8)]


def octets_of(bits: Sequence[int]) -> bytes:
    """The octets of bits in line order; a last incomplete octet ("dribble bits") is dropped."""
    whole = len(bits) & ~7
    return bytes(sum(bits[i + shift] << shift for shift in range(8)) for i in range(0, whole, 8))


def encode(octets: bytes) -> list[int]:
    """The line as half-bit levels, HIGH or LOW, with TP_IDL and a first silent half-bit at the end.

    Args:
        octets: from preamble to FCS, as `framing.line_octets` gives them.
    """
    levels: list[int] = []
    for bit in bits_of(octets):
        levels += (LOW, HIGH) if bit else (HIGH, LOW)
    return levels + [HIGH] * TP_IDL_HALF_BITS + [IDLE]


def waveform(
    levels: Iterable[int],
    *,
    samples_per_bit: int = 8,
    volts: float = VOLTS,
    noise: float = 0.0,
    random: Random | None = None,
) -> "array[float]":
    """The voltage on the pair, sampled.

    Args:
        levels: half-bit levels.
        samples_per_bit: even, at least 4.
        volts: amplitude.
        noise: standard deviation of Gaussian noise, volts.
        random: where the noise comes from; needed if there is any.
    """
    half = samples_per_bit // 2
    samples = array("d", (volts * level for level in levels for _ in range(half)))
    if noise and random is not None:
        gauss = random.gauss
        for i, sample in enumerate(samples):
            samples[i] = sample + gauss(0.0, noise)
    return samples


def edges(samples: Sequence[float]) -> list[Edge]:
    """The zero crossings that pass the squelch level on both sides, so that noise around zero makes none."""
    found: list[Edge] = []
    level = IDLE
    last = 0  # the last sample that was surely on the old side
    for i, sample in enumerate(samples):
        if -_SQUELCH < sample < _SQUELCH:
            continue
        now = HIGH if sample > 0 else LOW
        if level not in (IDLE, now):
            before = samples[last]
            found.append(Edge(last + (i - last) * before / (before - sample), int(now == HIGH)))
        level, last = now, i
    return found


def _lock(transitions: Sequence[Edge], bit_time: float) -> int:
    """Index of the first of a run of transitions that are one bit time apart: middles of bits, in a preamble."""
    run = 1
    for i in range(1, len(transitions)):
        apart = transitions[i].at - transitions[i - 1].at
        run = run + 1 if 0.75 * bit_time < apart < 1.25 * bit_time else 1
        if run == _LOCK_EDGES:
            return i - _LOCK_EDGES + 1
    raise WireError("line: no preamble to take the clock from")


def recover_bits(samples: Sequence[float], *, samples_per_bit: int = 8) -> list[int]:
    """The bits of a sampled line, from where the clock could be taken to the end of carrier.

    The clock is taken anew from the middle of every bit, so the sender's may be a few per cent off ours.

    Raises:
        WireError: there is no preamble.
    """
    transitions = edges(samples)
    bit_time = float(samples_per_bit)
    first = _lock(transitions, bit_time)
    middle = transitions[first].at
    bits = [transitions[first].bit]
    for edge in transitions[first + 1 :]:
        apart = edge.at - middle
        if apart < 0.75 * bit_time:
            continue  # between two equal bits the line must turn back; no information
        if apart > 1.25 * bit_time:
            break  # a bit without its transition: TP_IDL, the carrier has ended
        middle = edge.at
        bits.append(edge.bit)
    return bits


def decode(samples: Sequence[float], *, samples_per_bit: int = 8) -> bytes:
    """The octets behind the SFD: frame and FCS.

    Args:
        samples: volts; it may begin anywhere, in silence or a few bits into the preamble.
        samples_per_bit: of the receiver's clock.

    Raises:
        WireError: no preamble, or no SFD behind it.
    """
    bits = recover_bits(samples, samples_per_bit=samples_per_bit)
    for i in range(len(bits) - 7):
        if tuple(bits[i : i + 8]) == _SFD_BITS:
            return octets_of(bits[i + 8 :])
        if i and bits[i] == bits[i - 1]:
            break  # neither preamble nor SFD
    raise WireError("line: no start frame delimiter")
