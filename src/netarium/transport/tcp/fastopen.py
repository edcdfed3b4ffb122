"""Fast Open (RFC 7413): data in the SYN, allowed by a cookie that proves that the sender can be reached at its address.

Here are the cookies: those that a server gives, which it can compute again from the addresses, and those that a client
was given and keeps. What a SYN carries, and what becomes of its data, is in `handshake`, `sender` and `layer`.
"""

from collections import deque
from typing import Final, NamedTuple

from netarium.base.config import TcpConfig
from netarium.base.counters import Counters
from netarium.base.units import SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp.siphash import siphash24
from netarium.wire.tcp import TcpSegment
from netarium.wire.tcp_options import FastOpenOption, parse_fast_open

# Bits of `TcpConfig.fast_open`, with the numbers of Linux's tcp_fastopen.
CLIENT: Final = 0x1
SERVER: Final = 0x2
CLIENT_WITHOUT_COOKIE: Final = 0x4
SERVER_WITHOUT_COOKIE: Final = 0x200
SERVER_WITHOUT_OPTION: Final = 0x400  # every listener, as if TCP_FASTOPEN were set

KEY_LENGTH: Final = 16
_MAX_OPTION_SPACE: Final = 40  # a middlebox may add what it likes to a SYN: room for all options is left
_QUARANTINE_NS: Final = 60 * SECOND
_MOST_DOUBLINGS: Final = 6


class FastOpenQueue:
    """Connections of one listener that opened fast and are not established yet; bounded (RFC 7413 §5.1).

    One that is reset when the application has it counts for another minute: perhaps its address was forged.

    Attributes:
        limit: so many; 0: Fast Open is off.
        pending: so many there are.
    """

    __slots__ = ("_quarantine", "limit", "pending")

    def __init__(self) -> None:
        self.limit = 0
        self.pending = 0
        self._quarantine: deque[int] = deque()  # until when

    def has_room(self, now: int) -> bool:
        """One more may open fast."""
        if self.pending + len(self._quarantine) < self.limit:
            return True
        if self.limit and self._quarantine and self._quarantine[0] <= now:
            self._quarantine.popleft()
            return True
        return False

    def leave(self, now: int, *, reset: bool) -> None:
        """One is established, or over."""
        self.pending -= 1
        if reset:
            self._quarantine.append(now + _QUARANTINE_NS)


class Verdict(NamedTuple):
    """What a listener says to a SYN: whether it opens fast, and the option of the SYN,ACK."""

    accepted: bool
    reply: FastOpenOption | None = None


_NO: Final = Verdict(accepted=False)


class Offer(NamedTuple):
    """What a client may do: send data with the SYN, and with which option; the peer's MSS, if it is known."""

    data: bool
    option: FastOpenOption | None = None
    mss: int = 0


class _Server:
    """What a client knows of a server."""

    __slots__ = ("cookie", "experiment", "mss")

    def __init__(self) -> None:
        self.cookie: FastOpenOption | None = None
        self.mss = 0
        self.experiment = 0  # 1: it did not answer to kind 34, 2: nor to the experimental option


class FastOpen:
    """One machine's cookies.

    Args:
        key: secret, 16 octets, for cookies unless the configuration or a listener has one.
        counters: the machine's.
    """

    __slots__ = ("_counters", "_disabled_at", "_disabled_times", "_key", "_servers")

    def __init__(self, key: bytes, counters: Counters) -> None:
        self._key = key
        self._counters = counters
        self._servers: dict[bytes, _Server] = {}  # by the addresses of both ends; the longest unused first
        self._disabled_at = 0
        self._disabled_times = 0

    # --- server ---------------------------------------------------------------------------------------------

    def keys(self, config: TcpConfig, options: SocketOptions) -> list[bytes]:
        """The keys of a listener: the first makes cookies, a second one is still believed."""
        octets = options.fast_open_key or config.fast_open_key or self._key
        return [octets[at : at + KEY_LENGTH] for at in range(0, len(octets), KEY_LENGTH)]

    def judge(
        self,
        seg: TcpSegment,
        pair: bytes,
        queue: FastOpenQueue,
        config: TcpConfig,
        options: SocketOptions,
        now: int,
    ) -> Verdict:
        """What to say to a SYN.

        Args:
            seg: the SYN.
            pair: its source and destination address.
            queue: the listener's.
            config: the machine's.
            options: the listener's.
            now: monotonic ns.
        """
        asked = parse_fast_open(seg.options)
        if asked is not None and not asked.cookie:
            self._counters["tcp_fast_open_cookie_requests"] += 1
        if not config.fast_open & SERVER or (asked is None and not len(seg.payload)) or not queue.limit:
            return _NO
        if not queue.has_room(now):
            self._counters["tcp_fast_open_overflows"] += 1
            return _NO
        if config.fast_open & SERVER_WITHOUT_COOKIE or options.fast_open_no_cookie:
            return Verdict(accepted=True)
        if asked is None:
            return _NO
        good = [siphash24(pair, key).to_bytes(8, "little") for key in self.keys(config, options)]
        fresh = FastOpenOption(good[0], experimental=asked.experimental)
        if not asked.cookie:
            return Verdict(accepted=False, reply=fresh)
        if asked.cookie not in good:
            self._counters["tcp_fast_open_passive_fails"] += 1
            return Verdict(accepted=False, reply=fresh)
        return Verdict(accepted=True, reply=None if asked.cookie == good[0] else fresh)

    # --- client ---------------------------------------------------------------------------------------------

    def offer(self, pair: bytes, config: TcpConfig, options: SocketOptions, now: int) -> Offer:
        """What a SYN to a server may carry.

        Args:
            pair: our address and the server's.
            config: the machine's.
            options: the socket's.
            now: monotonic ns.
        """
        known = self._servers.get(pair)
        mss = 0 if known is None else known.mss
        if self._is_disabled(config, now):
            return Offer(data=False, mss=mss)
        if config.fast_open & CLIENT_WITHOUT_COOKIE or options.fast_open_no_cookie:
            return Offer(data=True, mss=mss)
        if known is not None and known.cookie is not None:
            self._servers[pair] = self._servers.pop(pair)
            return Offer(data=True, option=known.cookie, mss=mss)
        experimental = known is not None and known.experiment == 1
        return Offer(data=False, option=FastOpenOption(b"", experimental=experimental), mss=mss)

    def learn(
        self,
        pair: bytes,
        mss: int,
        given: FastOpenOption | None,
        asked: FastOpenOption | None,
        config: TcpConfig,
    ) -> None:
        """A SYN,ACK came back.

        Args:
            pair: our address and the server's.
            mss: what it says.
            given: its cookie.
            asked: a cookie that we asked for, in vain if `given` is None: the next time with the other option.
            config: bounds the number of servers.
        """
        known = self._servers.pop(pair, None) or _Server()
        self._servers[pair] = known
        if len(self._servers) > config.fast_open_cache_size:
            del self._servers[next(iter(self._servers))]
        known.mss = mss or known.mss
        if given is not None and given.cookie:
            known.cookie = given
        elif asked is not None and known.cookie is None:
            known.experiment = max(known.experiment, 2 if asked.experimental else 1)

    def disable(self, config: TcpConfig, now: int) -> None:
        """Something on the way seems to swallow what opens fast: pause, each time for longer (RFC 7413 §7.3)."""
        if config.fast_open_blackhole_ns:
            self._disabled_at = now
            self._disabled_times += 1
            self._counters["tcp_fast_open_blackholes"] += 1

    def succeeded(self, config: TcpConfig, opened_at: int) -> None:
        """A connection that opened fast after the last pause, at `opened_at`, brought data: the next one is short again."""
        if self._disabled_times and not self._is_disabled(config, opened_at):
            self._disabled_times = 0

    def forget(self) -> None:
        """Know no server any more (Linux: `ip tcp_metrics flush`)."""
        self._servers.clear()

    def _is_disabled(self, config: TcpConfig, now: int) -> bool:
        if not self._disabled_times or not config.fast_open_blackhole_ns:
            return False
        pause = config.fast_open_blackhole_ns << min(self._disabled_times - 1, _MOST_DOUBLINGS)
        return now - self._disabled_at < pause


def room_in_syn(mss: int) -> int:
    """Octets of data that a SYN may carry to a peer that takes segments of `mss`."""
    return max(0, mss - _MAX_OPTION_SPACE)
