"""IPv4 options (RFC 791 §3.1, RFC 2113 router alert, RFC 1108 security): a list of bytes to a list of objects.

What a host does with them (RFC 1122 §3.2.1.8), and whether source routes are welcome (RFC 7126), is IP's affair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from netarium.base.checksum import Buffer
from netarium.base.errors import WireError

END_OF_LIST: Final = 0
NO_OPERATION: Final = 1
RECORD_ROUTE: Final = 7
TIMESTAMP: Final = 68
SECURITY: Final = 130
LOOSE_SOURCE_ROUTE: Final = 131
EXTENDED_SECURITY: Final = 133
STREAM_ID: Final = 136  # obsolete: RFC 6814
STRICT_SOURCE_ROUTE: Final = 137
ROUTER_ALERT: Final = 148

SOURCE_ROUTES: Final = (LOOSE_SOURCE_ROUTE, STRICT_SOURCE_ROUTE)
COPIED: Final = 0x80  # in the kind: the option goes into every fragment

TIMESTAMPS_ONLY: Final = 0
TIMESTAMPS_WITH_ADDRESSES: Final = 1
TIMESTAMPS_PRESPECIFIED: Final = 3

_FIXED_LENGTHS: Final = {ROUTER_ALERT: 4, STREAM_ID: 4}
_LEAST_LENGTHS: Final = {SECURITY: 3, EXTENDED_SECURITY: 3}
# RFC 791: "appears at most once in a datagram". The two source routes exclude each other (RFC 1122 §3.2.1.8(c)).
_ONCE: Final = {
    RECORD_ROUTE: RECORD_ROUTE,
    TIMESTAMP: TIMESTAMP,
    SECURITY: SECURITY,
    STREAM_ID: STREAM_ID,
    LOOSE_SOURCE_ROUTE: LOOSE_SOURCE_ROUTE,
    STRICT_SOURCE_ROUTE: LOOSE_SOURCE_ROUTE,
}
_OPTIONS_START: Final = 20
_STAMP: Final = Struct("!I")
_ADDRESS_STAMP: Final = Struct("!4sI")


class Ipv4OptionsError(WireError):
    """An option that breaks its own rules.

    Attributes:
        pointer: the offending octet, counted from the start of the IP header: what an ICMP parameter problem names.
    """

    def __init__(self, text: str, pointer: int) -> None:
        super().__init__(f"ipv4 options: {text} (octet {pointer} of the header)")
        self.pointer = pointer


@dataclass(slots=True)
class Ipv4Option:
    """Any option.

    Attributes:
        kind: the whole type octet: copied flag, class, number.
        offset: where it begins, octets from the start of the IP header.
        value: behind the length octet; empty for the end of list and no-operation.
    """

    kind: int
    offset: int
    value: bytes

    def pack(self) -> bytes:
        """The octets of this option."""
        if self.kind in {END_OF_LIST, NO_OPERATION}:
            return bytes((self.kind,))
        return bytes((self.kind, len(self.value) + 2)) + self.value


@dataclass(slots=True)
class RouteOption(Ipv4Option):
    """Record route, loose or strict source route.

    Attributes:
        pointer: the next slot, counted from 1 at the kind octet: 4, 8, ... length + 1.
        route: every slot.
    """

    pointer: int
    route: tuple[bytes, ...]

    @property
    def complete(self) -> bool:
        """No slot is left: the route is recorded in full, or travelled to its end."""
        return self.pointer > len(self.value) + 2


@dataclass(slots=True)
class TimestampOption(Ipv4Option):
    """Internet timestamp.

    Attributes:
        pointer: the next slot, counted from 1 at the kind octet: 5 or more.
        overflow: machines that found no room, 0 ... 15.
        flag: `TIMESTAMPS_ONLY`, `_WITH_ADDRESSES` or `_PRESPECIFIED`.
        stamps: every slot: address (empty with `TIMESTAMPS_ONLY`) and ms since midnight UT.
    """

    pointer: int
    overflow: int
    flag: int
    stamps: tuple[tuple[bytes, int], ...]


def parse_options(data: Buffer) -> list[Ipv4Option]:
    """Read an option list, up to its end-of-list; unknown options are kept as they are.

    Args:
        data: what lies behind the fixed header, 0 ... 40 octets.

    Raises:
        Ipv4OptionsError: a length, pointer or flag that cannot be, or an option twice that may come once.

    Spec: RFC 791 §3.1, RFC 1122 §3.2.1.8 (unknown ones are ignored).
    """
    octets = bytes(data)
    found: list[Ipv4Option] = []
    seen: list[int] = []
    offset = 0
    while offset < len(octets):
        kind = octets[offset]
        where = _OPTIONS_START + offset
        if kind == END_OF_LIST:
            break
        if kind == NO_OPERATION:
            found.append(Ipv4Option(kind, where, b""))
            offset += 1
            continue
        length = octets[offset + 1] if offset + 1 < len(octets) else 0
        if length < 2 or offset + length > len(octets):
            raise Ipv4OptionsError(f"kind {kind} of length {length}", where + 1)
        once = _ONCE.get(kind)
        if once is not None:
            if once in seen:
                raise Ipv4OptionsError(f"kind {kind} for the second time", where)
            seen.append(once)
        found.append(_read(kind, where, octets[offset + 2 : offset + length]))
        offset += length
    return found


def _read(kind: int, where: int, value: bytes) -> Ipv4Option:
    """One option with a length octet; `value` is behind it."""
    length = len(value) + 2
    if kind == RECORD_ROUTE or kind in SOURCE_ROUTES:
        return _read_route(kind, where, value)
    if kind == TIMESTAMP:
        return _read_timestamp(where, value)
    if length != _FIXED_LENGTHS.get(kind, length) or length < _LEAST_LENGTHS.get(kind, 2):
        raise Ipv4OptionsError(f"kind {kind} of length {length}", where + 1)
    return Ipv4Option(kind, where, value)


def _read_route(kind: int, where: int, value: bytes) -> RouteOption:
    length = len(value) + 2
    if length < 3 or length % 4 != 3:
        raise Ipv4OptionsError(f"kind {kind} of length {length}", where + 1)
    pointer = value[0]
    if pointer < 4 or pointer & 3 or pointer > length + 1:
        raise Ipv4OptionsError(f"kind {kind} with a pointer of {pointer}", where + 2)
    route = tuple([value[slot : slot + 4] for slot in range(1, len(value), 4)])
    return RouteOption(kind, where, value, pointer, route)


def _read_timestamp(where: int, value: bytes) -> TimestampOption:
    length = len(value) + 2
    if length < 4:
        raise Ipv4OptionsError(f"timestamp of length {length}", where + 1)
    pointer, overflow, flag = value[0], value[1] >> 4, value[1] & 15
    if flag not in {TIMESTAMPS_ONLY, TIMESTAMPS_WITH_ADDRESSES, TIMESTAMPS_PRESPECIFIED}:
        raise Ipv4OptionsError(f"timestamp flag {flag}", where + 3)
    slot = 4 if flag == TIMESTAMPS_ONLY else 8
    if (length - 4) % slot:
        raise Ipv4OptionsError(f"timestamp of length {length}", where + 1)
    if pointer < 5 or (pointer - 5) % slot or pointer > length + 1:
        raise Ipv4OptionsError(f"timestamp with a pointer of {pointer}", where + 2)
    if slot == 4:
        stamps = tuple([(b"", stamp) for (stamp,) in _STAMP.iter_unpack(value[2:])])
    else:
        stamps = tuple(_ADDRESS_STAMP.iter_unpack(value[2:]))
    return TimestampOption(TIMESTAMP, where, value, pointer, overflow, flag, stamps)


def pack_options(options: Sequence[bytes]) -> bytes:
    """Join packed options and pad the list with end-of-list octets to whole words."""
    packed = b"".join(options)
    assert len(packed) <= 40, f"{len(packed)} octets of IPv4 options"
    return packed + bytes(-len(packed) % 4)


def pack_route(kind: int, route: Sequence[bytes], pointer: int = 4) -> bytes:
    """A record-route (slots of zeros) or source-route option."""
    return bytes((kind, 3 + 4 * len(route), pointer)) + b"".join(route)


def pack_timestamps(
    flag: int, stamps: Sequence[tuple[bytes, int]], pointer: int = 5, overflow: int = 0
) -> bytes:
    """A timestamp option; the addresses of `stamps` are left out with `TIMESTAMPS_ONLY`."""
    if flag == TIMESTAMPS_ONLY:
        slots = b"".join([_STAMP.pack(stamp) for _, stamp in stamps])
    else:
        slots = b"".join([_ADDRESS_STAMP.pack(address, stamp) for address, stamp in stamps])
    return bytes((TIMESTAMP, 4 + len(slots), pointer, overflow << 4 | flag)) + slots


def pack_router_alert(value: int = 0) -> bytes:
    """Routers shall look at this packet more closely (RFC 2113)."""
    return bytes((ROUTER_ALERT, 4)) + value.to_bytes(2, "big")
