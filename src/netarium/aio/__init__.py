"""F7, the event loop: the stdlib's own over a selector that knows our descriptors."""

from netarium.aio.loop import EventLoop
from netarium.aio.selector import Selector

__all__ = ["EventLoop", "Selector"]
