"""Names for the octets of DNS messages, and of protocols that are lines of text: HTTP and SMTP."""

import re
from typing import Final

from netarium.base.addr import format_ip
from netarium.wire import dns
from netarium.wire.dissect.layer import Names, Next, Pen, Scope, Step, flag, hexadecimal
from netarium.wire.dns_name import NameReader

_DNS_PORTS: Final = (53, 5353)
_SMTP_PORTS: Final = (25, 465, 587, 1025, 2525)

_type: Final = Names(dict(dns.TYPE_NAMES))
_class: Final = Names({1: "IN", 3: "CH", 254: "NONE", 255: "ANY"})
_rcode: Final = Names(dict(dns.RCODE_NAMES))
_opcode: Final = Names({0: "query", 4: "notify", 5: "update"})
_SECTIONS: Final = ("answer", "authority", "additional")

_REQUEST_OR_STATUS: Final = re.compile(rb"[A-Z]{3,16} [!-~]+ HTTP/\d\.\d\r?\n|HTTP/\d\.\d \d{3}[^\r\n]*\r?\n")
_SMTP_LINE: Final = re.compile(rb"\d{3}[ -][ -~]*\r\n|[A-Za-z]{4}(?: [ -~]*)?\r\n")
_LINE: Final = re.compile(rb"[^\n]*\n")


def by_port(scope: Scope) -> Step | None:
    """Who names a payload between these ports."""
    if any(port in _DNS_PORTS for port in scope.ports):
        return _dns_stream if scope.transport == "tcp" else _dns
    return _text if scope.transport == "tcp" else None


def _text(pen: Pen) -> Next | None:
    """A start line that tells what it is, or payload without a name of its own."""
    match = _REQUEST_OR_STATUS.match(pen.octets, pen.offset, pen.stop)
    if match is not None:
        _http(pen)
    elif any(port in _SMTP_PORTS for port in pen.scope.ports) and _SMTP_LINE.match(
        pen.octets, pen.offset, pen.stop
    ):
        pen.name = "SMTP"
        while (line := _SMTP_LINE.match(pen.octets, pen.offset, pen.stop)) is not None:
            pen.take("line", len(line[0]), _line_text)
        if pen.left:
            pen.rest("text")
    else:
        pen.name = "Payload"
        pen.rest("data")
    return None


def _http(pen: Pen) -> None:
    """RFC 9112 §2.1: start line, field lines, an empty line, and content."""
    pen.name = "HTTP"
    name = "start line"
    while (line := _LINE.match(pen.octets, pen.offset, pen.stop)) is not None:
        pen.take(name, len(line[0]), _line_text)
        if not line[0].strip():
            pen.rename("(empty: the end of the header)")
            break
        name = "field line"
    if pen.left:
        pen.rest("content")


def _line_text(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode("latin-1").encode("ascii", "backslashreplace").decode("ascii")


def _dns_stream(pen: Pen) -> Next | None:
    """Over TCP each message has its length in front (RFC 1035 §4.2.2)."""
    pen.name = "DNS over TCP"
    length = pen.number("length", 16, "{} octets".format)
    return Next(_dns, pen.offset + length) if pen.left >= length else None


def _dns(pen: Pen) -> Next | None:
    """RFC 1035 §4.1."""
    pen.name = "DNS"
    names = NameReader(pen.octets[pen.offset : pen.stop])
    pen.number("ID", 16, hexadecimal)
    pen.number("QR", 1, lambda bit: "response" if bit else "query")
    pen.number("opcode", 4, _opcode)
    pen.number("AA", 1, flag("authoritative answer"))
    pen.number("TC", 1, flag("truncated"))
    pen.number("RD", 1, flag("recursion desired"))
    pen.number("RA", 1, flag("recursion available"))
    pen.number("Z", 1)
    pen.number("AD", 1, flag("authentic data"))
    pen.number("CD", 1, flag("checking disabled"))
    pen.number("RCODE", 4, _rcode)
    questions = pen.number("QDCOUNT", 16)
    counts = [pen.number(name, 16) for name in ("ANCOUNT", "NSCOUNT", "ARCOUNT")]
    for _ in range(questions):
        _name(pen, names, "question name")
        pen.number("question type", 16, _type)
        pen.number("question class", 16, _class)
    for section, count in zip(_SECTIONS, counts, strict=True):
        for _ in range(count):
            _record(pen, names, section)
    if pen.left:
        pen.rest("octets behind the message")
    return None


def _name(pen: Pen, names: NameReader, name: str) -> None:
    place = pen.offset - pen.start
    text, end = names.read(place)
    pen.take(name, end - place, text)


def _record(pen: Pen, names: NameReader, section: str) -> None:
    _name(pen, names, f"{section} name")
    kind = pen.number("type", 16, _type)
    if kind == dns.TYPE_OPT:
        pen.number("UDP payload size", 16, "{} octets".format)
        pen.number("extended RCODE", 8)
        pen.number("EDNS version", 8)
        pen.number("DO", 1, flag("DNSSEC OK"))
        pen.number("Z", 15)
    else:
        pen.number("class", 16, _class)
        pen.number("TTL", 32, "{} s".format)
    rdlength = pen.number("RDLENGTH", 16, "{} octets".format)
    start = pen.offset - pen.start
    if kind in {dns.TYPE_A, dns.TYPE_AAAA} and rdlength in {4, 16}:
        pen.take("address", rdlength, format_ip)
    elif kind in {dns.TYPE_NS, dns.TYPE_CNAME, dns.TYPE_PTR}:
        text, end = names.read(start)
        pen.take("name", rdlength, text if end == start + rdlength else "malformed")
    else:
        pen.take("RDATA", rdlength)
