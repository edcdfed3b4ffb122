"""The cache: what servers said, for as long as they said it holds, good news (RFC 1034) and bad (RFC 2308).

Keyed by the lower-case wire name and the type, so by bytes; bounded. Only whole answers to questions that were
asked are kept: nothing that a message volunteered beside its answer gets in (RFC 2181 §5.4.1).
"""

from netarium.base.units import SECOND
from netarium.resolver.answer import Answer


class Cache:
    """Answers with their last hour. Times are monotonic ns."""

    __slots__ = ("_entries", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: dict[bytes, tuple[int, Answer]] = {}  # least recently used first

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes, now: int) -> Answer | None:
        """The answer to a question, if it is known and still holds."""
        entry = self._entries.pop(key, None)
        if entry is None or entry[0] <= now:
            return None
        self._entries[key] = entry
        return entry[1]

    def put(self, key: bytes, answer: Answer, now: int) -> None:
        """Keep an answer for its TTL; one with TTL 0 is for whoever asked and nobody else (RFC 1035 §3.2.1)."""
        if answer.ttl <= 0 or self._limit <= 0:
            return
        self._entries.pop(key, None)
        while len(self._entries) >= self._limit:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (now + answer.ttl * SECOND, answer)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
