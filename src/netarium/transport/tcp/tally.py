"""What TCP_INFO counts and nothing else needs: segments with data, and what sending waited for.

The times are those of Linux's `tcp_chrono`: a connection that has something to deliver is busy, and either the peer's
window holds it up, or its own send buffer is too small, or nothing in particular does.
"""

from typing import Final

IDLE: Final = 0
BUSY: Final = 1
RWND_LIMITED: Final = 2
SNDBUF_LIMITED: Final = 3


class Timeouts:
    """How often the retransmission timer expired, and how long it took to recover from that.

    Args:
        half_open: timeouts of the SYN,ACK, before there was a connection.
        ns: how long that took.

    Attributes:
        total: all of them.
        rehashes: those of the connection itself: at each of them Linux chooses another of several equal paths.
        recoveries: those that came when no other was being recovered from.
    """

    __slots__ = ("_since", "_time", "recoveries", "rehashes", "total")

    def __init__(self, half_open: int = 0, ns: int = 0) -> None:
        self.total = half_open
        self.rehashes = 0
        self.recoveries = int(half_open > 0)
        self._since = 0  # when the first of those was that are being recovered from
        self._time = ns

    def another(self, now: int) -> None:
        """One more."""
        self.total += 1
        self.rehashes += 1
        if not self._since:
            self.recoveries += 1
            self._since = now

    def recovered(self, now: int) -> None:
        """No timeout is being recovered from any more."""
        self._time, self._since = self.recovering(now), 0

    def recovering(self, now: int) -> int:
        """Ns of recovering from timeouts, until now."""
        return self._time + (now - self._since if self._since else 0)


class Tally:
    """Counters of one connection.

    Attributes:
        data_segs_in: segments with data that arrived.
        data_segs_out: segments with data that left, those that left again too.
        first_segs_out: segments with data or a FIN that left for the first time.
        octets_resent: octets that left again.
        delivered_ce: segments of which an ACK with ECE was the first to tell.
        timeouts: what there is to tell of timeouts; None: there were none.
        short_of_room: a send() found less room than it wanted, and none has come back since.
        mode: what sending waits for now.
        urgent_read: the urgent mark whose octet MSG_OOB has read.
        size_before: the path's segment size before a black hole was suspected (`blackhole`); 0: none is.
        challenges: how many challenge ACKs were due in an interval, and when that ends; None: there was none.
    """

    __slots__ = (
        "_busy", "_mode_at", "_rwnd_limited", "_sndbuf_limited", "challenges", "data_segs_in", "data_segs_out",
        "delivered_ce", "first_segs_out", "mode", "octets_resent", "short_of_room", "size_before", "timeouts",
        "urgent_read",
    )  # fmt: skip

    def __init__(self) -> None:
        self.data_segs_in = self.data_segs_out = self.first_segs_out = self.octets_resent = 0
        self.delivered_ce = 0
        self.timeouts: Timeouts | None = None
        self.short_of_room = False
        self.size_before = self.urgent_read = 0
        self.challenges: tuple[int, int] | None = None
        self.mode = IDLE
        self._mode_at = 0
        self._busy = self._rwnd_limited = self._sndbuf_limited = 0  # ns in each mode

    def sent(self, octets: int, segments: int, *, again: bool) -> None:
        """Segments with data or a FIN left."""
        if octets:
            self.data_segs_out += segments
        if again:
            self.octets_resent += octets
        else:
            self.first_segs_out += segments

    def timed_out(self, now: int) -> None:
        """The retransmission timer expired."""
        if self.timeouts is None:
            self.timeouts = Timeouts()
        self.timeouts.another(now)

    def enter(self, mode: int, now: int) -> None:
        """Sending waits for something else from now on."""
        spent = now - self._mode_at
        if self.mode == BUSY:
            self._busy += spent
        elif self.mode == RWND_LIMITED:
            self._rwnd_limited += spent
        elif self.mode == SNDBUF_LIMITED:
            self._sndbuf_limited += spent
        self.mode, self._mode_at = mode, now

    def spent(self, mode: int, now: int) -> int:
        """Ns in a mode other than idle, until now."""
        before = (0, self._busy, self._rwnd_limited, self._sndbuf_limited)[mode]
        return before + (now - self._mode_at if mode == self.mode else 0)

    def busy(self, now: int) -> int:
        """Ns with something to deliver, whatever held it up."""
        return sum(self.spent(mode, now) for mode in (BUSY, RWND_LIMITED, SNDBUF_LIMITED))
