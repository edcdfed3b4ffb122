"""The greatest value of a sliding window, as BBR keeps it of its bandwidth."""

from collections import deque


class MaxFilter:
    """The maximum of what was given in the last `width` steps of time, the current one included."""

    __slots__ = ("_kept", "_width")

    def __init__(self, width: int) -> None:
        self._width = width
        self._kept: deque[tuple[int, int]] = deque()  # time and value: ever later, ever less

    @property
    def value(self) -> int:
        """The maximum; 0 before the first value."""
        return self._kept[0][1] if self._kept else 0

    def update(self, time: int, value: int) -> int:
        """Take a value in; return the maximum. Time never runs backwards; at most `width` values are kept."""
        kept = self._kept
        while kept and kept[-1][1] <= value:
            kept.pop()
        if not kept or kept[-1][0] < time:
            kept.append((time, value))
        while kept[0][0] <= time - self._width:
            kept.popleft()
        return kept[0][1]
