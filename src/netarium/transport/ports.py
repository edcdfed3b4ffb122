"""Who holds which port of one protocol: bind() conflicts as Linux judges them, and unpredictable ephemeral ports.

Two holders of a port conflict if their addresses overlap (equal, or one is the wildcard), their devices overlap,
and neither exception holds: both set SO_REUSEADDR and the older one does not listen; or both set SO_REUSEPORT.
A connection in TIME-WAIT goes on holding its port, so that a server without SO_REUSEADDR cannot be restarted at once
(RFC 9293 §3.6.1); an accepted connection shares the port of its listener.

Ephemeral ports: RFC 6056 §3.3.2, "another simple port randomization": a fresh random number each time.
"""

from collections.abc import Callable
from random import Random
from typing import Protocol

from netarium.base.addr import is_unspecified
from netarium.base.errors import CloseReason, StackError
from netarium.transport.options import SocketOptions

_RANDOM_TRIES = 16  # before the range is walked: enough while it is less than nine tenths full


class Holder(Protocol):
    """What holds a port: an endpoint, or what is left of one in TIME-WAIT. Told apart by identity."""

    options: SocketOptions

    @property
    def local(self) -> tuple[bytes, int]:
        """Address and port."""

    @property
    def state_name(self) -> str:
        """Only "LISTEN" matters here."""


class _Port:
    """One port in use; `bound` if anybody asked for it by bind(), so that connect() must not choose it."""

    __slots__ = ("bound", "holders")

    def __init__(self) -> None:
        self.holders: dict[Holder, bytes] = {}
        self.bound = False


class PortTable:
    """The ports of one protocol, of both IP versions (a wildcard IPv6 socket may hold IPv4 as well).

    Args:
        port_range: lowest and highest ephemeral port.
        random: source of the ephemeral choice.
    """

    __slots__ = ("_ports", "_random", "range")

    def __init__(self, port_range: tuple[int, int], random: Random) -> None:
        self._ports: dict[int, _Port] = {}
        self.range = port_range
        self._random = random

    def __len__(self) -> int:
        return len(self._ports)

    def bind(self, holder: Holder, address: bytes, port: int) -> int:
        """Take a port for an explicit bind; 0 takes any that is free.

        Returns:
            The port. The caller stores it in `holder.local` (release() looks there).

        Raises:
            StackError: ADDRESS_IN_USE.
        """
        if port == 0:
            port = self._choose(
                lambda candidate: self._in_use(holder, address, candidate), CloseReason.ADDRESS_IN_USE
            )
        elif self._conflicts(holder, address, port):
            raise StackError(CloseReason.ADDRESS_IN_USE, f"port {port}")
        self.hold(holder, address, port)
        self._ports[port].bound = True
        return port

    def ephemeral(self, address: bytes, taken: Callable[[int], bool]) -> int:
        """A port for connect(): held by no bind(); many connections may share it, to different peers.

        Args:
            address: our address of the connection.
            taken: whether our connection from that port would not be the only one with its four numbers.

        Returns:
            The port; the caller then takes it with hold().

        Raises:
            StackError: ADDRESS_NOT_AVAILABLE: none is left.
        """
        ports = self._ports

        def refused(port: int) -> bool:
            known = ports.get(port)
            if known is None:
                return False
            return taken(port) or (known.bound and any(map(mine.__contains__, known.holders.values())))

        mine = (address, bytes(len(address)))
        return self._choose(refused, CloseReason.ADDRESS_NOT_AVAILABLE)

    def hold(self, holder: Holder, address: bytes, port: int) -> None:
        """Hold a port without being asked whether it conflicts: an accepted connection, an ephemeral choice."""
        known = self._ports.get(port)
        if known is None:
            known = self._ports[port] = _Port()
        known.holders[holder] = address

    def replace(self, holder: Holder, by: Holder) -> None:
        """Let what is left of a connection in TIME-WAIT hold the port in its stead."""
        known = self._ports.get(holder.local[1])
        if known is not None and holder in known.holders:
            known.holders[by] = known.holders.pop(holder)

    def release(self, holder: Holder) -> None:
        """Give back the port in `holder.local`; nothing happens if it holds none."""
        port = holder.local[1]
        known = self._ports.get(port)
        if known is not None and known.holders.pop(holder, None) is not None and not known.holders:
            del self._ports[port]

    def check_listen(self, holder: Holder) -> None:
        """Judge a bound endpoint again as it begins to listen: two with SO_REUSEADDR may bind, only one may listen.

        Raises:
            StackError: ADDRESS_IN_USE.
        """
        address, port = holder.local
        if self._conflicts(holder, address, port):
            raise StackError(CloseReason.ADDRESS_IN_USE, f"port {port}")

    def _choose(self, refused: Callable[[int], bool], failure: CloseReason) -> int:
        low, high = self.range
        for _ in range(_RANDOM_TRIES):
            port = self._random.randint(low, high)
            if not refused(port):
                return port
        start, count = self._random.randint(low, high), high - low + 1
        for step in range(count):
            port = low + (start - low + step) % count
            if not refused(port):
                return port
        raise StackError(failure, f"ports {low}-{high}")

    def _conflicts(self, holder: Holder, address: bytes, port: int) -> bool:
        known = self._ports.get(port)
        if known is None:
            return False
        mine = holder.options
        for other, other_address in known.holders.items():
            theirs = other.options
            if (
                other is not holder
                and _devices_overlap(mine, theirs)
                and _addresses_overlap(address, mine, other_address, theirs)
                and not (mine.reuseaddr and theirs.reuseaddr and other.state_name != "LISTEN")
                and not (mine.reuseport and theirs.reuseport)
            ):
                return True
        return False

    def _in_use(self, holder: Holder, address: bytes, port: int) -> bool:
        """Whether a free choice must avoid the port: nobody is given another's port only because both allow reuse."""
        known = self._ports.get(port)
        return known is not None and any(
            _addresses_overlap(address, holder.options, other_address, other.options)
            for other, other_address in known.holders.items()
        )


def _devices_overlap(one: SocketOptions, two: SocketOptions) -> bool:
    return not one.bindtodevice or not two.bindtodevice or one.bindtodevice == two.bindtodevice


def _addresses_overlap(
    one: bytes, one_options: SocketOptions, two: bytes, two_options: SocketOptions
) -> bool:
    if len(one) == len(two):
        return one == two or is_unspecified(one) or is_unspecified(two)
    wide, options = (one, one_options) if len(one) == 16 else (two, two_options)
    return is_unspecified(wide) and not options.v6only  # RFC 3493 §5.3: [::]:p takes IPv4's p too
