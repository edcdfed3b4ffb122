"""A stretch of the line drawn for a terminal: the field, the bits, the Manchester signal above and below zero.

SFD                             destination
│1· │0· │1· │0· │1· │0· │1· │1· │1· │1·
  ┌───┐   ┌───┐   ┌───┐   ┌─┐ ┌─┐ ┌─┐ ┌─
──┘   └───┘   └───┘   └───┘ └─┘ └─┘ └─┘
"""

from typing import Final, NamedTuple

from netarium.signal.framing import LineFrame
from netarium.signal.manchester import HIGH, IDLE, LOW, bits_of

_BIT_COLUMNS: Final = 4  # two for each half


class Style(NamedTuple):
    """The characters of a drawing."""

    rise: tuple[str, str]  # upper and lower row
    fall: tuple[str, str]
    high: tuple[str, str]
    low: tuple[str, str]
    boundary: str  # between two bits
    middle: str  # in the middle of a bit


UNICODE: Final = Style(
    rise=("┌", "┘"), fall=("┐", "└"), high=("─", " "), low=(" ", "─"), boundary="│", middle="·"
)
ASCII: Final = Style(
    rise=(" ", "|"), fall=(" ", "|"), high=("_", " "), low=(" ", "_"), boundary="|", middle="."
)


def _field_row(line: LineFrame, first_bit: int, count: int) -> str:
    """The names of the fields, each at its first bit that is shown; cut where the next one begins."""
    row = ""
    position = first_bit
    while position < first_bit + count:
        part = line.part_at(position // 8)
        stop = min(8 * part.stop, first_bit + count)
        room = (stop - position) * _BIT_COLUMNS
        row += part.name[: room - 1].ljust(room)
        position = stop
    return row.rstrip()


def _wave_rows(levels: list[int], before: int, style: Style) -> tuple[str, str]:
    upper, lower = "", ""
    for level in levels:
        plateau = style.high if level == HIGH else style.low
        edge = plateau if before in (level, IDLE) else style.rise if level == HIGH else style.fall
        upper += edge[0] + plateau[0]
        lower += edge[1] + plateau[1]
        before = level
    return upper.rstrip(), lower.rstrip()


def draw(line: LineFrame, *, first_bit: int = 0, width: int = 80, style: Style = UNICODE) -> list[str]:
    """Four rows of text: field names, bits with ticks at boundaries and middles, the signal in two rows.

    Args:
        line: the frame on the line.
        first_bit: where the stretch begins, counted from the first bit of the preamble.
        width: columns; a bit takes four.
        style: UNICODE or ASCII.

    Spec: IEEE 802.3 §7.3.1.1: 1 rises in the middle of its bit, 0 falls.
    """
    everything = bits_of(line.octets)
    bits = everything[first_bit : first_bit + width // _BIT_COLUMNS]
    before = IDLE if first_bit == 0 else HIGH if everything[first_bit - 1] else LOW
    levels: list[int] = []
    for bit in bits:
        levels += (LOW, HIGH) if bit else (HIGH, LOW)
    ticks = "".join(f"{style.boundary}{bit}{style.middle} " for bit in bits).rstrip()
    return [_field_row(line, first_bit, len(bits)), ticks, *_wave_rows(levels, before, style)]
