"""The Internet checksum against the loop of RFC 1071 §4.1."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netarium.base import checksum as module
from netarium.base.checksum import checksum, is_valid, pseudo_sum, sum16, updated


def naive(octets: bytes) -> int:
    """Word by word, the carries folded in at the end."""
    padded = octets + b"\0" * (len(octets) & 1)
    total = sum(int.from_bytes(padded[i : i + 2], "big") for i in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@given(st.binary(max_size=200))
def test_sum(octets: bytes) -> None:
    assert sum16(octets) == naive(octets)
    assert sum16(memoryview(octets)) == sum16(bytearray(octets)) == naive(octets)
    assert checksum(octets) == naive(octets) ^ 0xFFFF


@pytest.mark.rfc("1071", "§3")
def test_the_example_of_the_rfc() -> None:
    assert sum16(bytes.fromhex("0001f203f4f5f6f7")) == 0xDDF2


@pytest.mark.parametrize(
    "octets", [b"", b"\0", b"\0" * 100, b"\xff" * 100, b"\xff\xff", b"\xff\xfe\0\x01", b"\0\1"]
)
def test_both_zeros(octets: bytes) -> None:
    """0 only if everything is zero; else a sum of zero is 0xFFFF."""
    assert sum16(octets) == naive(octets)
    assert (sum16(octets) == 0) == (not any(octets))


@given(st.binary(max_size=100).filter(lambda octets: not len(octets) & 1), st.binary(max_size=101))
def test_a_sum_may_be_taken_in_parts(one: bytes, other: bytes) -> None:
    assert sum16(other, sum16(one)) in {naive(one + other), naive(one + other) or 0xFFFF}
    assert checksum(other, sum16(one)) == checksum(one + other)


@given(st.binary(min_size=2, max_size=100), st.integers(0, 48))
def test_what_contains_its_checksum_is_valid(octets: bytes, place: int) -> None:
    frame = bytearray(octets)
    at = min(2 * place, len(frame) - 2) & ~1
    frame[at : at + 2] = b"\0\0"
    frame[at : at + 2] = checksum(frame).to_bytes(2, "big")
    assert is_valid(frame)
    frame[at] ^= 1
    assert not is_valid(frame)


@given(
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=4, max_size=4),
    st.integers(0, 255),
    st.integers(0, 65_535),
)
def test_pseudo_header_4(src: bytes, dst: bytes, protocol: int, length: int) -> None:
    header = src + dst + bytes((0, protocol)) + length.to_bytes(2, "big")
    assert pseudo_sum(src, dst, protocol, length) == (naive(header) or 0xFFFF)


@given(
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 255),
    st.integers(0, 99_999),
)
def test_pseudo_header_6(src: bytes, dst: bytes, following: int, length: int) -> None:
    header = src + dst + length.to_bytes(4, "big") + bytes((0, 0, 0, following))
    assert pseudo_sum(src, dst, following, length) == (naive(header) or 0xFFFF)


@given(st.binary(min_size=4, max_size=40), st.integers(0, 0xFFFF))
@pytest.mark.rfc("1624", "§3")
def test_update(octets: bytes, new: int) -> None:
    """A field brought up to date equals one computed anew."""
    frame = (
        bytearray(octets[: len(octets) & ~1]) + b"\x45\0"
    )  # some word is never zero, as in any real packet
    frame[0:2] = b"\0\0"
    field, old = checksum(frame), int.from_bytes(frame[2:4], "big")
    frame[2:4] = new.to_bytes(2, "big")
    assert updated(field, old, new) % 0xFFFF == checksum(frame) % 0xFFFF
    frame[0:2] = updated(field, old, new).to_bytes(2, "big")
    assert is_valid(frame)


def test_numpy_says_the_same(monkeypatch) -> None:
    """Above and around the length from which it is used, odd or even, from any offset of a view."""
    pytest.importorskip("numpy")
    faster = module._with_numpy()
    assert faster is not None
    random = Random(1)
    for length in [*range(500, 530), 1_460, 1_461, 4_095, 65_535, 65_536]:
        for octets in (random.randbytes(length), bytes(length), b"\xff" * length, bytes(length - 1) + b"\1"):
            assert faster(octets) == module._sum_python(octets) == naive(octets)
            view = memoryview(bytearray(b"x" + octets))[1:]
            assert faster(view) == naive(octets)
    monkeypatch.setattr(module, "_sum", module._sum_python)
    assert module.accelerate()
    assert sum16(bytes(range(256)) * 8) == naive(bytes(range(256)) * 8)


def test_without_numpy_nothing_changes(monkeypatch) -> None:
    monkeypatch.setattr(module, "_with_numpy", lambda: None)
    before = module._sum
    assert not module.accelerate()
    assert module._sum is before
