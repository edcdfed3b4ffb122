"""What TCP_INFO counts and nothing else needs: segments with data, and what sending waited for.

The times are those of Linux's `tcp_chrono`: a connection that has something to deliver is busy, and either the peer's
window holds it up, or its own send buffer is too small, or nothing in particular does.
"""

from typing import Final

IDLE: Final = 0
BUSY: Final = 1
RWND_LIMITED: Final = 2
SNDBUF_LIMITED: Final = 3


class Tally:
    """Counters of one connection.

    Attributes:
        data_segs_in: segments with data that arrived.
        data_segs_out: segments with data that left, those that left again too.
        first_segs_out: segments with data or a FIN that left for the first time.
        octets_resent: octets that left again.
        delivered_ce: segments of which an ACK with ECE was the first to tell.
        short_of_room: a send() found less room than it wanted, and none has come back since.
        mode: what sending waits for now.
        urgent_read: the urgent mark whose octet MSG_OOB has read.
        size_before: the path's segment size before a black hole was suspected (`blackhole`); 0: none is.
        challenges: how many challenge ACKs were due in an interval, and when that ends; None: there was none.
    """

    __slots__ = (
        "_mode_at",
        "_spent",
        "challenges",
        "data_segs_in",
        "data_segs_out",
        "delivered_ce",
        "first_segs_out",
        "mode",
        "octets_resent",
        "short_of_room",
        "size_before",
        "urgent_read",
    )  # fmt: skip

    def __init__(self) -> None:
        self.data_segs_in = self.data_segs_out = self.first_segs_out = self.octets_resent = 0
        self.delivered_ce = 0
        self.short_of_room = False
        self.size_before = self.urgent_read = 0
        self.challenges: tuple[int, int] | None = None
        self.mode = IDLE
        self._mode_at = 0
        self._spent = [0, 0, 0, 0]  # ns in each mode

    def sent(self, octets: int, segments: int, *, again: bool) -> None:
        """Segments with data or a FIN left."""
        if octets:
            self.data_segs_out += segments
        if again:
            self.octets_resent += octets
        else:
            self.first_segs_out += segments

    def enter(self, mode: int, now: int) -> None:
        """Sending waits for something else from now on."""
        self._spent[self.mode] += now - self._mode_at
        self.mode, self._mode_at = mode, now

    def spent(self, mode: int, now: int) -> int:
        """Ns in a mode, until now."""
        return self._spent[mode] + (now - self._mode_at if mode == self.mode else 0)

    def busy(self, now: int) -> int:
        """Ns with something to deliver, whatever held it up."""
        return sum(self.spent(mode, now) for mode in (BUSY, RWND_LIMITED, SNDBUF_LIMITED))
