"""The measured degree of reordering."""

from netarium.transport.tcp.reordering import Reordering


def test_it_grows_to_what_was_seen_in_whole_segments_up_to_the_limit() -> None:
    reordering = Reordering(3, 300)
    reordering.on_late(5_000, 5_000, 1_000)
    assert (reordering.degree, reordering.seen) == (3, 0)
    reordering.on_late(5_000, 8_000, 1_000)
    assert (reordering.degree, reordering.seen, reordering.is_high) == (3, 1, False)
    reordering.on_late(5_000, 8_001, 1_000)
    assert (reordering.degree, reordering.is_high) == (4, True)
    reordering.on_late(0, 10_000_000, 1_000)
    assert (reordering.degree, reordering.seen) == (300, 3)
    reordering.on_late(5_000, 9_000, 1_000)
    assert reordering.degree == 300


def test_too_many_duplicates_tell_of_it_without_sack() -> None:
    reordering = Reordering(3, 300)
    reordering.on_too_many_duplicates(9)
    assert (reordering.degree, reordering.seen) == (9, 1)
    reordering.on_too_many_duplicates(5)
    assert (reordering.degree, reordering.seen) == (5, 2)  # the latest word counts, as on Linux
    reordering.on_too_many_duplicates(1_000)
    assert reordering.degree == 300


def test_a_timeout_in_spite_of_many_sacks_brings_it_down() -> None:
    reordering = Reordering(3, 300)
    reordering.on_late(0, 20_000, 1_000)
    reordering.on_timeout(2)
    assert reordering.degree == 20
    reordering.on_timeout(3)
    assert reordering.degree == 3


def test_a_threshold_above_the_limit_stays() -> None:
    assert Reordering(400, 300).degree == 400
