"""Counters by name: what `netstat -s` shows."""


class Counters(dict[str, int]):
    """A dict whose missing names count zero: `counters["tcp_in_segs"] += 1`."""

    def __missing__(self, name: str) -> int:
        return 0
