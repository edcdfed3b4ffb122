"""The out-of-order queue against a bytearray model: what came first stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netarium.transport.tcp.reassembly import Reassembly


@pytest.mark.rfc("9293", "SHLD-31")
def test_a_filled_gap_releases_everything_behind_it() -> None:
    queue = Reassembly()
    assert queue.insert(110, b"B" * 10) == 10
    assert queue.insert(130, b"D" * 10) == 10
    assert list(queue.take(100)) == []
    queue.insert(100, b"A" * 10)
    assert b"".join(queue.take(100)) == b"A" * 10 + b"B" * 10
    queue.insert(120, b"C" * 10)
    assert b"".join(queue.take(120)) == b"C" * 10 + b"D" * 10
    assert not queue
    assert queue.octets == 0


@pytest.mark.rfc("2018", "03")
def test_the_block_that_changed_last_is_reported_first() -> None:
    queue = Reassembly()
    for seq in (10, 30, 50, 70):
        queue.insert(seq, b"xxxxx")
    assert queue.sack_blocks(3) == ((70, 75), (50, 55), (30, 35))
    queue.insert(15, b"xxxxx")
    assert queue.sack_blocks(4) == ((10, 20), (70, 75), (50, 55), (30, 35))


def test_a_block_that_is_repeated_takes_no_place_of_another() -> None:
    queue = Reassembly()
    for seq in (10, 30, 50, 10, 10, 10):
        queue.insert(seq, b"xxxxx")
    assert queue.sack_blocks(3) == ((10, 15), (50, 55), (30, 35))


def test_what_is_left_is_still_counted() -> None:
    queue = Reassembly()
    assert (len(queue), bool(queue), queue.octets, queue.end) == (0, False, 0, 0)
    queue.insert(10, b"xxxxx")
    queue.insert(20, b"yyyyyyy")
    queue.insert(40, b"zz")
    assert (len(queue), bool(queue), queue.octets, queue.end) == (3, True, 14, 42)
    assert list(queue.take(10)) == [b"xxxxx"]
    assert (len(queue), bool(queue), queue.octets, queue.end) == (2, True, 9, 42)
    assert queue.sack_blocks(4) == ((40, 42), (20, 27))


@pytest.mark.attack("TCP-49")
@given(st.lists(st.tuples(st.integers(0, 60), st.binary(min_size=1, max_size=20)), max_size=12))
def test_first_received_wins(segments: list[tuple[int, bytes]]) -> None:
    queue, model = Reassembly(), {}
    for seq, octets in segments:
        new = queue.insert(seq, octets)
        fresh = [i for i in range(len(octets)) if seq + i not in model]
        assert new == len(fresh)
        model.update({seq + i: octets[i] for i in fresh})
        assert queue.octets == len(model)
    got = b"".join(queue.take(0))
    expected = bytearray()
    while len(expected) in model:
        expected.append(model[len(expected)])
    assert got == bytes(expected)
