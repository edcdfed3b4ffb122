"""Which blocks are believed, and which one is a DSACK (RFC 2018, RFC 2883)."""

import pytest

from netarium.transport.tcp import sackblocks

UNA, NXT, WINDOW = 10_000, 20_000, 5_000


def read(*blocks: tuple[int, int], ack: int = UNA) -> tuple[object, list[tuple[int, int]]]:
    found = sackblocks.read(blocks, ack, UNA, NXT, WINDOW)
    return found.dsack, found.sacked


@pytest.mark.rfc("6675", "01")
def test_blocks_come_out_in_order() -> None:
    assert read((15_000, 16_000), (11_000, 12_000)) == (None, [(11_000, 12_000), (15_000, 16_000)])


@pytest.mark.attack("TCP-05")
@pytest.mark.parametrize(
    "lie",
    [
        (12_000, 12_000), (13_000, 12_000), (19_000, 20_001), (21_000, 22_000), (10_000, 12_000), (9_000, 10_000),
        (2**31 + 12_000, 2**31 + 13_000),
    ],
)  # fmt: skip
def test_lies_and_old_news_are_passed_over(lie: tuple[int, int]) -> None:
    assert read((15_000, 16_000), lie) == (None, [(15_000, 16_000)])


def test_numbers_wrap() -> None:
    una = (7 << 32) - 500
    found = sackblocks.read([(0xFFFF_FFF0, 200)], una, una, una + 5_000, WINDOW)
    assert found.sacked == [(una + 484, una + 700)]


@pytest.mark.rfc("2883", "01")
def test_a_dsack_lies_below_the_ack_or_inside_the_second_block() -> None:
    assert read((8_000, 9_000), (15_000, 16_000)) == ((8_000, 9_000), [(15_000, 16_000)])
    assert read((11_000, 12_000), ack=13_000) == ((11_000, 12_000), [])
    assert read((15_000, 16_000), (14_000, 17_000)) == ((15_000, 16_000), [(14_000, 17_000)])
    assert read((15_000, 17_001), (14_000, 17_000)) == (None, [(14_000, 17_000), (15_000, 17_001)])


@pytest.mark.attack("TCP-05")
@pytest.mark.parametrize("lie", [(9_000, 9_000), (9_500, 9_000), (4_998, 9_999), (4_000, 5_000)])
def test_a_dsack_of_nothing_of_more_than_a_window_or_of_long_ago_is_none(lie: tuple[int, int]) -> None:
    assert read(lie, (15_000, 16_000)) == (None, [(15_000, 16_000)])


@pytest.mark.rfc("2883", "01")
@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ((14_000, 15_000), (14_000, 17_000), True),  # at the beginning of the second,
        ((16_000, 17_000), (14_000, 17_000), True),  # at its end,
        ((14_000, 17_000), (14_000, 17_000), True),  # all of it
        ((13_999, 15_000), (14_000, 17_000), False),
        ((19_000, NXT), (15_000, NXT), True),  # of the last that was sent
        ((UNA, UNA + 1_000), (15_000, 16_000), False),  # where the hole must be: a lie
        ((UNA - 1, UNA), (15_000, 16_000), True),  # one octet
        ((UNA - WINDOW, UNA), (15_000, 16_000), True),
        ((UNA - WINDOW - 1, UNA), (15_000, 16_000), False),
        ((UNA - WINDOW - 5, UNA - WINDOW), (15_000, 16_000), False),
        ((UNA - WINDOW - 5, UNA - WINDOW + 1), (15_000, 16_000), True),
    ],
)
def test_the_edges_of_a_dsack(first: tuple[int, int], second: tuple[int, int], is_one: bool) -> None:
    assert read(first, second)[0] == (first if is_one else None)
