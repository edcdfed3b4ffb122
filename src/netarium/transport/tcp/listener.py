"""LISTEN: half-open connections and the accept queue (RFC 9293 §3.10.7.2; RFC 4987 on why both are bounded).

A SYN costs a small record, not a connection. When there are too many records, SYNs are answered by cookies that cost
nothing (`syncookies`); one that brings a Fast Open cookie may become a connection at once (`fastopen`).
"""

from collections import deque
from typing import Final

from netarium.base.errors import Accepted, DropReason
from netarium.ip.packet import IpPacket
from netarium.transport.endpoint import Endpoint
from netarium.transport.options import SocketOptions
from netarium.transport.tcp import negotiate, syncookies
from netarium.transport.tcp.fastopen import FastOpenQueue
from netarium.transport.tcp.flow import Flow
from netarium.transport.tcp.halfopen import HalfOpen, Nursery
from netarium.transport.tcp.isn import IsnGenerator
from netarium.wire.tcp import TcpSegment

_FEW: Final = 8  # half-open connections that are no pressure, whatever the backlog
_LEAST_RETRIES: Final = 2


class Listener:
    """The queues of a listening socket.

    Attributes:
        endpoint: whose application accepts.
        backlog: connections that may wait for accept(), and half-open ones.
        half_open: by 4-tuple, oldest first.
        ready: for accept(), oldest first.
        fast_open: who opened fast and is not established yet.
        overflowed_at: when a SYN was last answered by a cookie; None: never.
    """

    __slots__ = (
        "_local",
        "_nursery",
        "_young",
        "backlog",
        "endpoint",
        "fast_open",
        "half_open",
        "overflowed_at",
        "ready",
    )

    def __init__(self, nursery: Nursery, endpoint: Endpoint, backlog: int) -> None:
        self._nursery = nursery
        self.endpoint = endpoint
        self.backlog = backlog
        self.half_open: dict[bytes, HalfOpen] = {}
        self.ready: deque[Flow] = deque()
        self.fast_open = FastOpenQueue()
        self.overflowed_at: int | None = None
        self._local = endpoint.local
        self._young = 0  # half-open connections whose timer has not expired yet

    @property
    def is_full(self) -> bool:
        """One more than the backlog may wait, as on Linux; or half as many more, as on the BSDs."""
        most = self.backlog * 3 // 2 if self._nursery.config.backlog_and_half else self.backlog
        return len(self.ready) > most

    @property
    def _is_crowded(self) -> bool:
        """No more half-open connections."""
        config = self._nursery.config
        half_open = len(self.half_open)
        return half_open > max(self.backlog, config.half_open_allowance) or half_open >= config.max_half_open

    @property
    def defer_retries(self) -> int:
        """TCP_DEFER_ACCEPT, in repetitions of the SYN,ACK."""
        return self.endpoint.options.defer_accept

    def on_syn(
        self, seg: TcpSegment, packet: IpPacket, key: bytes, iss: int, isn: IsnGenerator, mss: int, now: int
    ) -> HalfOpen | DropReason | Accepted:
        """A SYN for this listener: remember it, or answer it and forget it.

        Args:
            seg: the SYN.
            packet: it came in.
            key: its 4-tuple.
            iss: our number, unless it becomes a cookie.
            isn: makes that.
            mss: what we tell.
            now: monotonic ns.

        Returns:
            The new record, which has not answered yet; or what became of the SYN.
        """
        config = self._nursery.config
        if self.is_full and not config.backlog_and_half:  # else the end of the handshake will tell
            return DropReason.TCP_LISTEN_OVERFLOW
        crowded = self._is_crowded
        cookie_due = config.syn_cookies == syncookies.ALWAYS or (
            crowded and config.syn_cookies != syncookies.OFF
        )
        if crowded and not cookie_due:
            if not config.half_open_gives_way:
                return DropReason.TCP_LISTEN_OVERFLOW
            # A flood's SYNs never complete: the oldest is the least likely to (RFC 4987 §3.4).
            next(iter(self.half_open.values())).give_up()
        half = HalfOpen(self._nursery, self, seg, packet, key, iss, mss)
        half.ts_offset = isn.timestamp_offset(key)
        negotiate.accept_options(half, seg, now)
        if cookie_due:
            self.overflowed_at = now
            syncookies.answer(half, isn, now)
            return Accepted.LOCAL
        self.half_open[key] = half
        self._young += 1
        return half

    def has_given_cookies(self, now: int) -> bool:
        """An ACK out of nowhere may bring one back: only then is it worth a look."""
        return self.overflowed_at is not None and now - self.overflowed_at < syncookies.VALID_NS

    def local_of(self, address: bytes, port: int) -> tuple[bytes, int]:
        """Where a SYN came to: one object for all that come to the same place."""
        if self._local != (address, port):
            self._local = (address, port)
        return self._local

    def patience(self) -> int:
        """How often a SYN,ACK is repeated: less often while many have not been answered (as Linux)."""
        options: SocketOptions = self.endpoint.options
        retries = options.syncnt or self._nursery.config.syn_ack_retries
        waiting = len(self.half_open)
        if 2 * waiting > max(_FEW, self.backlog):
            young = 2 * self._young
            while retries > _LEAST_RETRIES and waiting >= young:
                retries -= 1
                young *= 2
        return retries

    def timed_out(self, half: HalfOpen) -> None:  # noqa: ARG002 - which one makes no difference
        """One is young no more."""
        self._young -= 1

    def young_again(self, half: HalfOpen) -> None:  # noqa: ARG002 - likewise
        """The SYN of one was repeated, and its timer begins anew."""
        self._young += 1

    def remove(self, half: HalfOpen) -> None:
        """One is half-open no more."""
        if self.half_open.pop(half.key, None) is not None and not half.timeouts:
            self._young -= 1

    def close(self) -> None:
        """Nobody will accept any more: forget the half-open ones (the accept queue is the caller's to reset)."""
        for half in list(self.half_open.values()):
            half.give_up()
