"""A descriptor ring: the memory that a driver and its adapter share.

Each descriptor belongs to one of the two. Only its owner touches it, and says that it is done by giving it to the
other, so neither ever waits for the other, and a ring that is full of the other's descriptors is the back-pressure.
"""

from typing import Final

from netarium.link.frame import Frame

DRIVER: Final = False
ADAPTER: Final = True


class Descriptor:
    """A place for one frame.

    Attributes:
        frame: what lies there, if anything.
        owner: DRIVER or ADAPTER.
    """

    __slots__ = ("frame", "owner")

    def __init__(self, owner: bool) -> None:
        self.frame: Frame | None = None
        self.owner = owner


class Ring:
    """Descriptors in a circle. The producer fills the next one that it owns, the consumer empties in the same order.

    Args:
        size: descriptors.
        producer: DRIVER for a transmit ring, ADAPTER for a receive ring; it owns all of them at first.
    """

    __slots__ = ("_consumer", "_head", "_producer", "_tail", "descriptors", "size", "used")

    def __init__(self, size: int, producer: bool) -> None:
        assert size > 0
        self.size = size
        self.descriptors = [Descriptor(producer) for _ in range(size)]
        self.used = 0  # descriptors that the consumer owns
        self._producer = producer
        self._consumer = not producer
        self._head = 0  # the producer's next
        self._tail = 0  # the consumer's next

    def put(self, frame: Frame) -> bool:
        """Fill the next descriptor and hand it to the consumer. False: the ring is full."""
        head = self._head
        descriptor = self.descriptors[head]
        if descriptor.owner is self._consumer:
            return False
        descriptor.frame = frame
        descriptor.owner = self._consumer
        head += 1
        self._head = head if head < self.size else 0
        self.used += 1
        return True

    def take(self) -> Frame | None:
        """Empty the next filled descriptor and hand it back to the producer. None: there is none."""
        tail = self._tail
        descriptor = self.descriptors[tail]
        if descriptor.owner is self._producer:
            return None
        frame, descriptor.frame = descriptor.frame, None
        descriptor.owner = self._producer
        tail += 1
        self._tail = tail if tail < self.size else 0
        self.used -= 1
        return frame

    def clear(self) -> None:
        """Empty every descriptor."""
        while self.used:
            self.take()
