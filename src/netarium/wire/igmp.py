"""IGMP messages: version 2 (RFC 2236 §2), version 3 queries and reports (RFC 3376 §4), version 1 to be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from netarium.base.addr import ANY4
from netarium.base.checksum import Buffer, checksum, is_valid
from netarium.base.errors import WireError

QUERY: Final = 0x11
REPORT_V1: Final = 0x12
REPORT_V2: Final = 0x16
LEAVE: Final = 0x17
REPORT_V3: Final = 0x22

# Group record types (RFC 3376 §4.2.12)
IS_INCLUDE: Final = 1
IS_EXCLUDE: Final = 2
TO_INCLUDE: Final = 3
TO_EXCLUDE: Final = 4
ALLOW_NEW_SOURCES: Final = 5
BLOCK_OLD_SOURCES: Final = 6

_MESSAGE: Final = Struct("!BBH4s")
_QUERY_V3: Final = Struct("!BBH4sBBH")
_REPORT_V3: Final = Struct("!BBHHH")
_RECORD: Final = Struct("!BBH4s")


@dataclass(slots=True)
class IgmpMessage:
    """A query of any version, a report of version 1 or 2, or a leave.

    Attributes:
        type: `QUERY`, `REPORT_V1`, `REPORT_V2`, `LEAVE`.
        group: the group, or zero for a general query.
        max_resp_code: in a query, 0.1 s units below 128, see `max_resp_time_tenths`; 0 says version 1.
    """

    type: int
    group: bytes = ANY4
    max_resp_code: int = 0

    def pack(self) -> bytes:
        """The 8 octets with their checksum."""
        return _with_checksum(_MESSAGE.pack(self.type, self.max_resp_code, 0, self.group))


@dataclass(slots=True)
class IgmpV3Query:
    """A query of version 3.

    Attributes:
        group: the group, or zero for a general query.
        max_resp_code: see `max_resp_time_tenths`.
        suppress: the S flag: routers shall not touch their timers.
        robustness: the querier's robustness variable, 0 ... 7.
        interval_code: the querier's query interval, coded like `max_resp_code`, in seconds.
        sources: sources asked for.
    """

    group: bytes = ANY4
    max_resp_code: int = 100
    suppress: bool = False
    robustness: int = 2
    interval_code: int = 125
    sources: Sequence[bytes] = ()

    def pack(self) -> bytes:
        """The whole message with its checksum."""
        flags = (8 if self.suppress else 0) | self.robustness
        head = _QUERY_V3.pack(
            QUERY, self.max_resp_code, 0, self.group, flags, self.interval_code, len(self.sources)
        )
        return _with_checksum(head + b"".join(self.sources))


@dataclass(slots=True)
class GroupRecord:
    """What a host wants to hear of one group: `type` is IS_INCLUDE ... BLOCK_OLD_SOURCES."""

    type: int
    group: bytes
    sources: Sequence[bytes] = ()


@dataclass(slots=True)
class IgmpV3Report:
    """A report of version 3."""

    records: Sequence[GroupRecord]

    def pack(self) -> bytes:
        """The whole message with its checksum; no auxiliary data (RFC 3376 §4.2.6)."""
        packed = [_REPORT_V3.pack(REPORT_V3, 0, 0, 0, len(self.records))]
        for record in self.records:
            packed.append(_RECORD.pack(record.type, 0, len(record.sources), record.group))
            packed.extend(record.sources)
        return _with_checksum(b"".join(packed))


def max_resp_time_tenths(code: int) -> int:
    """Tenths of a second that a code of version 3 means: from 128 on a small float (RFC 3376 §4.1.1)."""
    if code < 128:
        return code
    return (code & 15 | 16) << ((code >> 4 & 7) + 3)


def parse(data: Buffer) -> IgmpMessage | IgmpV3Query | IgmpV3Report:
    """Read a message and verify its checksum.

    Args:
        data: the whole IP payload.

    Raises:
        WireError: too short, a wrong checksum, an unknown type, or counts beyond the octets.

    Spec: RFC 2236 §2, RFC 3376 §4, §7.1 (the version of a query follows from its length).
    """
    if len(data) < _MESSAGE.size:
        raise WireError(f"igmp: {len(data)} octets are less than a message")
    if not is_valid(data):
        raise WireError("igmp: checksum")
    kind, code, _, group = _MESSAGE.unpack_from(data)
    if kind == REPORT_V3:
        return _parse_report(data)
    if kind == QUERY and len(data) >= _QUERY_V3.size:
        *_, flags, interval, count = _QUERY_V3.unpack_from(data)
        sources = _addresses(data, _QUERY_V3.size, count)
        return IgmpV3Query(group, code, bool(flags & 8), flags & 7, interval, sources)
    if kind == QUERY and len(data) > _MESSAGE.size:
        raise WireError(f"igmp: a query of {len(data)} octets")  # RFC 3376 §7.1: silently ignored
    if kind not in {QUERY, REPORT_V1, REPORT_V2, LEAVE}:
        raise WireError(f"igmp: type {kind:#04x}")
    return IgmpMessage(kind, group, code)


def _parse_report(data: Buffer) -> IgmpV3Report:
    count = _REPORT_V3.unpack_from(data)[-1]
    records: list[GroupRecord] = []
    offset = _REPORT_V3.size
    for _ in range(count):
        if len(data) < offset + _RECORD.size:
            raise WireError(f"igmp: {count} group records do not fit")
        kind, auxiliary_words, sources, group = _RECORD.unpack_from(data, offset)
        offset += _RECORD.size
        records.append(GroupRecord(kind, group, _addresses(data, offset, sources)))
        offset += 4 * (sources + auxiliary_words)
    if offset > len(data):
        raise WireError("igmp: auxiliary data run off the message")
    return IgmpV3Report(tuple(records))


def _addresses(data: Buffer, offset: int, count: int) -> tuple[bytes, ...]:
    end = offset + 4 * count
    if end > len(data):
        raise WireError(f"igmp: {count} sources do not fit")
    return tuple([bytes(data[place : place + 4]) for place in range(offset, end, 4)])


def _with_checksum(message: bytes) -> bytes:
    return message[:2] + checksum(message).to_bytes(2, "big") + message[4:]
