"""The send buffer against a plain bytes model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netarium.transport.tcp.sendbuf import SendBuffer


def test_large_writes_are_not_copied() -> None:
    chunk = bytes(100_000)
    buffer = SendBuffer(7)
    buffer.append(chunk)
    view = buffer.slice(7 + 10, 5_000)
    assert isinstance(view, memoryview)
    assert view.obj is chunk


def test_a_mutable_write_is_copied() -> None:
    ours = bytearray(b"x" * 10_000)
    buffer = SendBuffer(0)
    buffer.append(ours)
    ours[:] = b"y" * 10_000
    assert bytes(buffer.slice(0, 10)) == b"x" * 10


def test_a_million_small_writes_stay_few_objects() -> None:
    buffer = SendBuffer(0)
    for _ in range(20_000):
        buffer.append(b"abcde")
    assert len(buffer) == 100_000
    assert len(buffer._chunks) < 10
    assert bytes(buffer.slice(4, 3)) == b"eab"


def test_a_cut_as_long_as_the_last_small_write_may_begin_before_it() -> None:
    buffer = SendBuffer(0)
    buffer.append(b"a" * 3_000)
    buffer.append(b"b" * 100)
    assert bytes(buffer.slice(2_960, 100)) == b"a" * 40 + b"b" * 60
    assert bytes(buffer.slice(3_000, 100)) == b"b" * 100


def test_what_lies_in_one_write_is_not_copied() -> None:
    first, second = b"a" * 3_000, b"b" * 3_000
    buffer = SendBuffer(0)
    buffer.append(first)
    buffer.append(second)
    for seq, size, write in [
        (0, 3_000, first),
        (2_000, 1_000, first),
        (3_000, 1, second),
        (3_000, 3_000, second),
    ]:
        view = buffer.slice(seq, size)
        assert isinstance(view, memoryview)
        assert view.obj is write


def test_a_small_write_leaves_as_it_came() -> None:
    buffer, ours = SendBuffer(0), b"small"
    buffer.append(ours)
    assert buffer.slice(0, 5) is ours
    assert bytes(buffer.slice(1, 3)) == b"mal"


@pytest.mark.parametrize("size", [2_047, 2_048])
def test_what_is_acknowledged_is_not_kept(size: int) -> None:
    """Neither the octets nor, in the long run, the places where they were."""
    buffer = SendBuffer(0)
    for _ in range(1_000):
        buffer.append(bytes(bytearray(size)))
    buffer.slice(0, 1)
    buffer.release(size * 999)
    assert sum(len(chunk) for _, chunk in buffer._chunks) < 40_000
    assert len(buffer._chunks) < 100
    buffer.release(size * 1_000 - 1)
    assert bytes(buffer.slice(size * 1_000 - 1, 1)) == b"\0"
    buffer.release(size * 1_000)
    assert (buffer._chunks, buffer._tail, len(buffer)) == (None, None, 0)


def test_a_cut_may_go_through_several_writes() -> None:
    writes = [bytes([number]) * 3_000 for number in range(5)]
    whole, buffer = b"".join(writes), SendBuffer(0)
    for write in writes:
        buffer.append(write)
    for seq, size in [
        (2_990, 3_020),
        (2_999, 3_002),
        (2_999, 2),
        (8_999, 3_002),
        (0, 15_000),
        (5_999, 9_001),
        (7, 1),
    ]:
        assert bytes(buffer.slice(seq, size)) == whole[seq : seq + size]


def test_a_write_is_let_go_when_all_of_it_is_acknowledged_and_no_other() -> None:
    buffer = SendBuffer(0)
    for number in range(3):
        buffer.append(bytes([number]) * 3_000)
    for una, kept in [(2_999, [3_000, 3_000, 3_000]), (3_000, [0, 3_000, 3_000]), (8_999, [0, 0, 3_000])]:
        buffer.release(una)
        assert [len(chunk) for _, chunk in buffer._chunks] == kept
        assert bytes(buffer.slice(una, 1)) == bytes([una // 3_000])


def test_small_writes_alone_are_copied_together() -> None:
    """What is as long as a common chunk's least part is kept as it came; what is shorter is gathered."""
    for size, kept in ((2_047, False), (2_048, True)):
        buffer, ours = SendBuffer(0), bytes(bytearray(size))
        buffer.append(ours)
        buffer.append(b"x")
        view = buffer.slice(0, size)
        assert (getattr(view, "obj", None) is ours) is kept


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=3_000).map(lambda b: ("append", b)),
            st.sampled_from([b"a" * 100, b"b" * 100, b"c" * 2_500]).map(lambda b: ("append", b)),
            st.tuples(st.just("slice"), st.integers(0, 10_000), st.integers(1, 5_000)),
            st.tuples(st.just("slice"), st.integers(0, 3_000), st.sampled_from([100, 200, 2_500])),
            st.tuples(st.just("release"), st.integers(0, 6_000)),
        ),
        max_size=20,
    ),
    st.integers(0, 2**33),
)
def test_behaves_as_bytes_do(steps: list[tuple], start: int) -> None:
    buffer, model, released = SendBuffer(start), b"", 0
    for step in steps:
        if step[0] == "append":
            buffer.append(step[1])
            model += step[1]
        elif step[0] == "slice":
            at = released + step[1] % (len(model) - released + 1)
            size = min(step[2], len(model) - at)
            if size:
                assert bytes(buffer.slice(start + at, size)) == model[at : at + size]
        else:
            released = min(released + step[1], len(model))
            buffer.release(start + released)
        assert len(buffer) == len(model) - released
