"""Path MTU discovery: what ICMP said about the paths to destinations (RFC 1191, RFC 8201).

Only an error that a transport recognised as being about a packet of its own gets here, an estimate is never raised
by a message, and it never falls below the floor (RFC 5927 §7): a path that claims less gets packets of the floor's
size without DF, so that routers may cut them.
"""

from collections.abc import Callable
from typing import Final

from netarium.base.config import IpConfig
from netarium.link.device import Agenda

# RFC 1191 §7.1, table 7-1: where the MTUs of real links lie.
PLATEAUS: Final = (65_535, 32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296, 68)


def plateau_below(total_length: int) -> int:
    """The next lower plateau: the guess for a router that does not tell its MTU (RFC 1191 §5)."""
    for plateau in PLATEAUS:
        if plateau < total_length:
            return plateau
    return PLATEAUS[-1]


class Estimate:
    """What is known of one path.

    Attributes:
        mtu: octets of the largest packet.
        fixed: the path claims less than the floor: send `mtu` octets, but let routers fragment them.
        expires_at: ns; from then on a larger size may be tried (RFC 1191 §6.3).
    """

    __slots__ = ("expires_at", "fixed", "mtu")

    def __init__(self, mtu: int, fixed: bool, expires_at: int) -> None:
        self.mtu: Final = mtu
        self.fixed: Final = fixed
        self.expires_at: Final = expires_at


class PathMtuCache:
    """Estimates by destination, bounded, oldest first out.

    Args:
        config: floor, lifetime, bound.
        agenda: where the lifetime's timer goes.
        changed: called after every change.
    """

    __slots__ = ("_agenda", "_changed", "_config", "_estimates")

    def __init__(self, config: IpConfig, agenda: Agenda, changed: Callable[[], None]) -> None:
        self._config = config
        self._agenda = agenda
        self._changed = changed
        self._estimates: dict[bytes, Estimate] = {}  # the lifetime is one for all: oldest first

    def __len__(self) -> int:
        return len(self._estimates)

    def get(self, dst: bytes) -> Estimate | None:
        """What is known of the path to a destination."""
        return self._estimates.get(dst)

    def lower(self, dst: bytes, mtu: int, link_mtu: int, now: int) -> bool:
        """Take a router's word for a smaller path MTU.

        Args:
            dst: where the packet went that was too big.
            mtu: what the router says; 0 was replaced by a plateau before.
            link_mtu: of our own link: the estimate if there is none yet.
            now: monotonic ns.

        Returns:
            Whether the estimate fell. A message never raises it (RFC 1191 §3).
        """
        known = self._estimates.get(dst)
        floor = min(self._config.min_pmtu, link_mtu) if len(dst) == 4 else 1280
        lowered = max(mtu, floor)
        fixed = mtu < floor
        current = link_mtu if known is None else known.mtu
        if lowered > current or (lowered == current and not fixed):
            return False
        if known is not None:
            if known.fixed:
                return False
            del self._estimates[dst]
        elif len(self._estimates) >= self._config.pmtu_cache_size:
            del self._estimates[next(iter(self._estimates))]
        self._estimates[dst] = Estimate(lowered, fixed, now + self._config.pmtu_lifetime_ns)
        self._reschedule()
        self._changed()
        return True

    def on_deadline(self, now: int) -> None:
        """Forget what is too old: the next packet tries the full size again."""
        for dst, estimate in list(self._estimates.items()):
            if estimate.expires_at > now:
                break
            del self._estimates[dst]
        self._reschedule()
        self._changed()

    def _reschedule(self) -> None:
        first = next(iter(self._estimates.values()), None)
        self._agenda.schedule(self, None if first is None else first.expires_at)
