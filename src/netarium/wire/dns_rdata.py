"""What DNS records say (RFC 1035 §3.3, §3.4; RFC 3596 AAAA; RFC 2782 SRV; RFC 6891 OPT).

A record of a type that is not here keeps its octets as they are (RFC 3597).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from netarium.base.errors import WireError
from netarium.wire.dns_name import NameReader, NameWriter

TYPE_A: Final = 1
TYPE_NS: Final = 2
TYPE_CNAME: Final = 5
TYPE_SOA: Final = 6
TYPE_PTR: Final = 12
TYPE_MX: Final = 15
TYPE_TXT: Final = 16
TYPE_AAAA: Final = 28
TYPE_SRV: Final = 33
TYPE_OPT: Final = 41
TYPE_ANY: Final = 255

TYPE_NAMES: Final = {
    TYPE_A: "A", TYPE_NS: "NS", TYPE_CNAME: "CNAME", TYPE_SOA: "SOA", TYPE_PTR: "PTR", TYPE_MX: "MX",
    TYPE_TXT: "TXT", TYPE_AAAA: "AAAA", TYPE_SRV: "SRV", TYPE_OPT: "OPT", TYPE_ANY: "ANY",
}  # fmt: skip

CLASS_IN: Final = 1

_SOA: Final = Struct("!IIIII")
_MX: Final = Struct("!H")
_SRV: Final = Struct("!HHH")
_OPTION: Final = Struct("!HH")


@dataclass(slots=True)
class MailExchange:
    """MX: lower preferences are tried first (RFC 5321 §5.1)."""

    preference: int
    exchange: str

    def write(self, names: NameWriter) -> None:
        """Append the RDATA to the message."""
        names.message += _MX.pack(self.preference)
        names.write(self.exchange)


@dataclass(slots=True)
class Service:
    """SRV (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str

    def write(self, names: NameWriter) -> None:
        """Append the RDATA to the message; the target is not compressed (RFC 2782 "Target")."""
        names.message += _SRV.pack(self.priority, self.weight, self.port)
        names.write(self.target, compress=False)


@dataclass(slots=True)
class Text:
    """TXT: character strings of at most 255 octets each."""

    strings: Sequence[bytes]

    def write(self, names: NameWriter) -> None:
        """Append the RDATA to the message."""
        for string in self.strings:
            names.message.append(len(string))
            names.message += string


@dataclass(slots=True)
class StartOfAuthority:
    """SOA; times in seconds. `minimum` bounds how long "no such name" is remembered (RFC 2308 §4)."""

    mname: str
    rname: str
    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int

    def write(self, names: NameWriter) -> None:
        """Append the RDATA to the message."""
        names.write(self.mname)
        names.write(self.rname)
        names.message += _SOA.pack(self.serial, self.refresh, self.retry, self.expire, self.minimum)


@dataclass(slots=True)
class EdnsOptions:
    """OPT: pairs of option code and octets (RFC 6891 §6.1.2)."""

    options: Sequence[tuple[int, bytes]] = ()

    def write(self, names: NameWriter) -> None:
        """Append the RDATA to the message."""
        for code, octets in self.options:
            names.message += _OPTION.pack(code, len(octets)) + octets


# A and AAAA, and whatever is not understood, are octets; NS, CNAME and PTR are a name.
Rdata = bytes | str | MailExchange | Service | Text | StartOfAuthority | EdnsOptions


def write_rdata(names: NameWriter, data: Rdata) -> None:
    """Append RDATA to the message.

    Raises:
        UsageError: a name in it is none.
    """
    if isinstance(data, bytes):
        names.message += data
    elif isinstance(data, str):
        names.write(data)
    else:
        data.write(names)


def parse_rdata(names: NameReader, kind: int, rclass: int, start: int, end: int) -> Rdata:
    """Read the RDATA in octets `start` ... `end` of the message.

    Raises:
        WireError: it is longer or shorter than RDLENGTH says (RFC 9267 §5), or malformed.
    """
    reader = _READERS.get(kind)
    if reader is None or (rclass != CLASS_IN and kind in _CLASS_IN_ONLY):
        return names.message[start:end]
    return reader(names, start, end)


def _address(length: int) -> Callable[[NameReader, int, int], bytes]:
    def read(names: NameReader, start: int, end: int) -> bytes:
        _demand(end - start, length)
        return names.message[start:end]

    return read


def _target(names: NameReader, start: int, end: int) -> str:
    name, stop = names.read(start)
    _demand(end - start, stop - start)
    return name


def _mail_exchange(names: NameReader, start: int, end: int) -> MailExchange:
    exchange, stop = names.read(start + _MX.size)
    _demand(end - start, stop - start)
    (preference,) = _MX.unpack_from(names.message, start)
    return MailExchange(preference, exchange)


def _service(names: NameReader, start: int, end: int) -> Service:
    target, stop = names.read(start + _SRV.size)
    _demand(end - start, stop - start)
    priority, weight, port = _SRV.unpack_from(names.message, start)
    return Service(priority, weight, port, target)


def _text(names: NameReader, start: int, end: int) -> Text:
    strings: list[bytes] = []
    while start < end:
        stop = start + 1 + names.message[start]
        if stop > end:
            raise WireError("dns: a character string runs off its record")
        strings.append(names.message[start + 1 : stop])
        start = stop
    return Text(tuple(strings))


def _start_of_authority(names: NameReader, start: int, end: int) -> StartOfAuthority:
    mname, stop = names.read(start)
    rname, stop = names.read(stop)
    _demand(end - start, stop + _SOA.size - start)
    return StartOfAuthority(mname, rname, *_SOA.unpack_from(names.message, stop))


def _edns_options(names: NameReader, start: int, end: int) -> EdnsOptions:
    options: list[tuple[int, bytes]] = []
    while start < end:
        if end - start < _OPTION.size:
            raise WireError("dns: an EDNS option runs off its record")
        code, length = _OPTION.unpack_from(names.message, start)
        start += _OPTION.size
        if start + length > end:
            raise WireError("dns: an EDNS option runs off its record")
        options.append((code, names.message[start : start + length]))
        start += length
    return EdnsOptions(tuple(options))


def _demand(rdlength: int, used: int) -> None:
    """RDLENGTH must be what the data really take."""
    if rdlength != used:
        raise WireError(f"dns: an RDLENGTH of {rdlength} around {used} octets")


_READERS: Final[dict[int, Callable[[NameReader, int, int], Rdata]]] = {
    TYPE_A: _address(4),
    TYPE_AAAA: _address(16),
    TYPE_NS: _target,
    TYPE_CNAME: _target,
    TYPE_PTR: _target,
    TYPE_MX: _mail_exchange,
    TYPE_SRV: _service,
    TYPE_TXT: _text,
    TYPE_SOA: _start_of_authority,
    TYPE_OPT: _edns_options,
}
_CLASS_IN_ONLY: Final = (TYPE_A, TYPE_AAAA, TYPE_SRV)
