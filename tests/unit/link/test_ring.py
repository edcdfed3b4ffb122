"""The descriptor ring: ownership, order, fullness."""

from netarium.link.frame import Frame
from netarium.link.ring import ADAPTER, DRIVER, Ring


def test_order_and_wrap() -> None:
    ring = Ring(3, DRIVER)
    for turn in range(10):
        frames = [Frame(bytes([turn, i])) for i in range(3)]
        assert all(ring.put(frame) for frame in frames)
        assert not ring.put(Frame(b"one too many"))
        assert [ring.take() for _ in range(3)] == frames
        assert ring.take() is None


def test_descriptors_change_hands() -> None:
    ring = Ring(2, ADAPTER)
    assert [d.owner for d in ring.descriptors] == [ADAPTER, ADAPTER]
    ring.put(Frame(b"x"))
    assert [d.owner for d in ring.descriptors] == [DRIVER, ADAPTER]
    ring.take()
    assert [d.owner for d in ring.descriptors] == [ADAPTER, ADAPTER]
    assert ring.descriptors[0].frame is None  # a ring keeps nothing alive


def test_clear() -> None:
    ring = Ring(4, DRIVER)
    ring.put(Frame(b"1"))
    ring.put(Frame(b"2"))
    ring.clear()
    assert ring.used == 0
    assert ring.take() is None
    assert all(d.frame is None for d in ring.descriptors)
