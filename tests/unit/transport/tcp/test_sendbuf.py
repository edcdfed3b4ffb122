"""The send buffer against a plain bytes model."""

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


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=3_000).map(lambda b: ("append", b)),
            st.tuples(st.just("slice"), st.integers(0, 10_000), st.integers(1, 5_000)),
            st.tuples(st.just("release"), st.integers(0, 6_000)),
        ),
        max_size=40,
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
