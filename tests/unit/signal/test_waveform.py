"""The drawing of the line: what is drawn is what is sent."""

import pytest

from netarium.signal.framing import line_octets
from netarium.signal.manchester import bits_of
from netarium.signal.waveform import ASCII, UNICODE, Style, draw

LINE = line_octets(bytes.fromhex("ffffffffffff 020000000001 0806") + bytes(46))


def test_sfd_and_what_follows() -> None:
    assert draw(LINE, first_bit=56, width=40) == [
        "SFD                             destina",
        "│1· │0· │1· │0· │1· │0· │1· │1· │1· │1·",
        "  ┌───┐   ┌───┐   ┌───┐   ┌─┐ ┌─┐ ┌─┐ ┌─",
        "──┘   └───┘   └───┘   └───┘ └─┘ └─┘ └─┘",
    ]


def test_first_bit_comes_out_of_silence() -> None:
    rows = draw(LINE, width=16)
    assert rows[2:] == ["  ┌───┐   ┌───┐", "──┘   └───┘   └─"]


def test_ascii_has_only_ascii() -> None:
    rows = draw(LINE, first_bit=61, style=ASCII)
    assert all(row.isascii() for row in rows)
    assert draw(LINE, width=16, style=ASCII)[2:] == ["   ___     ___", "__|   |___|   |_"]


@pytest.mark.parametrize("style", [UNICODE, ASCII])
@pytest.mark.parametrize("first_bit", [0, 1, 55, 63, 64, 160, 575])
def test_fits_and_shows_the_bits(first_bit: int, style: Style) -> None:
    rows = draw(LINE, first_bit=first_bit, width=80, style=style)
    assert len(rows) == 4
    assert all(len(row) <= 80 for row in rows)
    shown = [int(cell[0]) for cell in rows[1].split(style.boundary)[1:]]
    assert shown == bits_of(LINE.octets)[first_bit : first_bit + 20]


def test_drawn_levels_are_the_encoded_ones() -> None:
    """In the middle of every bit the line rises for 1 and falls for 0."""
    rows = draw(LINE, first_bit=64, width=80)
    for i, bit in enumerate(bits_of(LINE.octets)[64:84]):
        assert rows[2].ljust(80)[4 * i + 2] == ("┌" if bit else "┐")


def test_every_field_is_named() -> None:
    text = " ".join(draw(LINE, first_bit=bit, width=80)[0] for bit in range(0, 8 * len(LINE.octets), 20))
    for part in LINE.parts:
        assert part.name[:4] in text
