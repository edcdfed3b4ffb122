"""The evidence that a recovery was needless (RFC 3522, RFC 4015, RFC 3708)."""

import pytest

from netarium.transport.tcp.undo import Undo, is_before


def test_all_retransmissions_must_be_dsacked_and_there_must_be_one() -> None:
    undo = Undo(1_000, 0, restores=True)
    assert not undo.all_dsacked
    undo.on_dsack(2_000, 1)
    assert not undo.all_dsacked  # nothing was resent yet
    undo.on_resent(2)
    undo.on_dsack(2_000, 1)
    assert not undo.all_dsacked
    undo.on_dsack(1_000, 1)  # of what was sent before the recovery
    assert not undo.all_dsacked
    undo.on_dsack(1_001, 5)
    assert undo.all_dsacked
    undo.on_resent(1)
    assert not undo.all_dsacked


def test_what_was_resent_before_may_draw_dsacks_too() -> None:
    undo = Undo(1_000, 1, restores=True)
    undo.on_resent(1)
    undo.on_dsack(2_000, 1)
    assert not undo.all_dsacked
    undo.on_dsack(2_000, 1)
    assert undo.all_dsacked


@pytest.mark.parametrize(
    ("echo", "before"),
    [
        (2, True),
        (0xFFFF_FFF0, True),
        (3, False),
        (4, False),
        (0, False),
        (0x8000_0004, True),
        (0x8000_0003, True),
        (0x8000_0002, False),
    ],
)
def test_timestamps_go_round_and_an_echo_of_nothing_is_none(echo: int, before: bool) -> None:
    assert is_before(echo, 3) is before
