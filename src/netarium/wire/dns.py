"""DNS messages (RFC 1035 §4), with EDNS (RFC 6891).

Names are in `dns_name`, the data of records in `dns_rdata`. Over TCP a message has two octets of length in front
(RFC 7766 §8), which are the caller's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from netarium.base.checksum import Buffer
from netarium.base.errors import WireError
from netarium.wire.dns_name import ROOT, NameReader, NameWriter
from netarium.wire.dns_rdata import (
    CLASS_IN,
    TYPE_A,
    TYPE_AAAA,
    TYPE_ANY,
    TYPE_CNAME,
    TYPE_MX,
    TYPE_NAMES,
    TYPE_NS,
    TYPE_OPT,
    TYPE_PTR,
    TYPE_SOA,
    TYPE_SRV,
    TYPE_TXT,
    EdnsOptions,
    MailExchange,
    Rdata,
    Service,
    StartOfAuthority,
    Text,
    parse_rdata,
    write_rdata,
)

__all__ = [  # noqa: RUF022 - in the order of sorted(), as everywhere
    "AA", "AD", "CD", "CLASS_IN", "EdnsOptions", "HEADER_LENGTH", "MailExchange", "Message", "OPCODE_QUERY",
    "QR", "Question", "RA", "RCODE_BADVERS", "RCODE_FORMERR", "RCODE_NAMES", "RCODE_NOERROR", "RCODE_NOTIMP",
    "RCODE_NXDOMAIN", "RCODE_REFUSED", "RCODE_SERVFAIL", "RD", "Rdata", "Record", "Service",
    "StartOfAuthority", "TC", "TYPE_A", "TYPE_AAAA", "TYPE_ANY", "TYPE_CNAME", "TYPE_MX", "TYPE_NAMES",
    "TYPE_NS", "TYPE_OPT", "TYPE_PTR", "TYPE_SOA", "TYPE_SRV", "TYPE_TXT", "Text", "edns", "query",
]  # fmt: skip

HEADER_LENGTH: Final = 12

# Response codes (RFC 1035 §4.1.1)
RCODE_NOERROR: Final = 0
RCODE_FORMERR: Final = 1
RCODE_SERVFAIL: Final = 2
RCODE_NXDOMAIN: Final = 3
RCODE_NOTIMP: Final = 4
RCODE_REFUSED: Final = 5
RCODE_BADVERS: Final = 16  # RFC 6891 §9
RCODE_NAMES: Final = {
    RCODE_NOERROR: "NOERROR", RCODE_FORMERR: "FORMERR", RCODE_SERVFAIL: "SERVFAIL", RCODE_NXDOMAIN: "NXDOMAIN",
    RCODE_NOTIMP: "NOTIMP", RCODE_REFUSED: "REFUSED", RCODE_BADVERS: "BADVERS",
}  # fmt: skip

OPCODE_QUERY: Final = 0

QR: Final = 0x8000
AA: Final = 0x0400
TC: Final = 0x0200
RD: Final = 0x0100
RA: Final = 0x0080
AD: Final = 0x0020  # RFC 4035 §3.2.3
CD: Final = 0x0010

_HEADER: Final = Struct("!HHHHHH")
_QUESTION: Final = Struct("!HH")
_RECORD_HEAD: Final = Struct("!HHIH")


@dataclass(slots=True)
class Question:
    """What is asked: a name, a type, a class."""

    name: str
    type: int
    rclass: int = CLASS_IN


@dataclass(slots=True)
class Record:
    """One record.

    Attributes:
        name: whom it is about.
        type: which kind of `data`.
        ttl: seconds; as on the wire, all 32 bits (RFC 2181 §8: one above 2**31 - 1 means 0).
        data: what it says.
        rclass: class; with OPT, the sender's UDP payload size.
    """

    name: str
    type: int
    ttl: int
    data: Rdata
    rclass: int = CLASS_IN


@dataclass(slots=True)
class Message:
    """A query or a response.

    Attributes:
        id: what a response repeats.
        flags: all 16 bits: QR, opcode, AA, TC, RD, RA, AD, CD, and the lower bits of the response code.
        questions: one, nearly always.
        answers: the answer section.
        authority: the authority section.
        additional: the additional section, OPT included.
    """

    id: int
    flags: int = 0
    questions: Sequence[Question] = ()
    answers: Sequence[Record] = ()
    authority: Sequence[Record] = ()
    additional: Sequence[Record] = ()

    @classmethod
    def parse(cls, data: Buffer) -> "Message":
        """Read a message.

        Raises:
            WireError: malformed, cut, or with octets behind its last record (RFC 9267 §6).

        Spec: RFC 1035 §4.
        """
        message = bytes(data)
        if len(message) < HEADER_LENGTH:
            raise WireError(f"dns: {len(message)} octets are less than a header")
        ident, flags, *counts = _HEADER.unpack_from(message)
        names = NameReader(message)
        offset = HEADER_LENGTH
        questions: list[Question] = []
        for _ in range(counts[0]):
            question, offset = _parse_question(names, offset)
            questions.append(question)
        sections: list[tuple[Record, ...]] = []
        for count in counts[1:]:
            records: list[Record] = []
            for _ in range(count):
                record, offset = _parse_record(names, offset)
                records.append(record)
            sections.append(tuple(records))
        if offset != len(message):
            raise WireError(f"dns: {len(message) - offset} octets behind the last record")
        if sum([record.type == TYPE_OPT for section in sections for record in section]) > 1:
            raise WireError("dns: more than one OPT record")  # RFC 6891 §6.1.1
        return cls(ident, flags, tuple(questions), *sections)

    def pack(self) -> bytes:
        """The message, names compressed.

        Raises:
            UsageError: a name that is none.
        """
        sections = (self.answers, self.authority, self.additional)
        message = bytearray(
            _HEADER.pack(self.id, self.flags, len(self.questions), *[len(section) for section in sections])
        )
        names = NameWriter(message)
        for question in self.questions:
            names.write(question.name)
            message += _QUESTION.pack(question.type, question.rclass)
        for section in sections:
            for record in section:
                names.write(record.name)
                message += _RECORD_HEAD.pack(record.type, record.rclass, record.ttl, 0)
                start = len(message)
                write_rdata(names, record.data)
                message[start - 2 : start] = (len(message) - start).to_bytes(2, "big")
        return bytes(message)

    @property
    def response(self) -> bool:
        """QR."""
        return bool(self.flags & QR)

    @property
    def authoritative(self) -> bool:
        """AA."""
        return bool(self.flags & AA)

    @property
    def truncated(self) -> bool:
        """TC: ask again over TCP (RFC 7766 §5)."""
        return bool(self.flags & TC)

    @property
    def opcode(self) -> int:
        """The kind of query; `OPCODE_QUERY` nearly always."""
        return self.flags >> 11 & 15

    @property
    def opt(self) -> Record | None:
        """The OPT record, if there is one."""
        for record in self.additional:
            if record.type == TYPE_OPT:
                return record
        return None

    @property
    def rcode(self) -> int:
        """The response code, with the 8 upper bits that an OPT record adds (RFC 6891 §6.1.3)."""
        opt = self.opt
        return self.flags & 15 | (0 if opt is None else opt.ttl >> 24 << 4)


def query(ident: int, name: str, kind: int, *, udp_payload: int | None = None) -> bytes:
    """A packed query of class IN that asks for recursion.

    Args:
        ident: 16 bits, unpredictable (RFC 5452 §9.2).
        name: as text.
        kind: `TYPE_A` ...
        udp_payload: how large an answer over UDP may be, told by EDNS; None for a query without EDNS.

    Raises:
        UsageError: not a domain name.
    """
    additional = () if udp_payload is None else (edns(udp_payload),)
    return Message(ident, RD, (Question(name, kind),), additional=additional).pack()


def edns(udp_payload_size: int, options: Sequence[tuple[int, bytes]] = ()) -> Record:
    """An OPT record of version 0 that says how large an answer may be (RFC 6891 §6.1.2)."""
    return Record(ROOT, TYPE_OPT, 0, EdnsOptions(options), udp_payload_size)


def _parse_question(names: NameReader, offset: int) -> tuple[Question, int]:
    name, offset = names.read(offset)
    if offset + _QUESTION.size > len(names.message):
        raise WireError("dns: a question runs off the message")
    kind, rclass = _QUESTION.unpack_from(names.message, offset)
    return Question(name, kind, rclass), offset + _QUESTION.size


def _parse_record(names: NameReader, offset: int) -> tuple[Record, int]:
    name, offset = names.read(offset)
    start = offset + _RECORD_HEAD.size
    if start > len(names.message):
        raise WireError("dns: a record runs off the message")
    kind, rclass, ttl, rdlength = _RECORD_HEAD.unpack_from(names.message, offset)
    if kind == TYPE_OPT and name != ROOT:
        raise WireError("dns: an OPT record that is not the root's")  # RFC 6891 §6.1.2
    end = start + rdlength
    if end > len(names.message):
        raise WireError(f"dns: an RDLENGTH of {rdlength} runs off the message")
    return Record(name, kind, ttl, parse_rdata(names, kind, rclass, start, end), rclass), end
