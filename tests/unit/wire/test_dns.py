"""DNS messages; scapy is the judge of the bytes, and RFC 9267 of the sins."""

import pytest
from scapy.layers.dns import DNS, DNSQR, DNSRR, DNSRRMX, DNSRROPT, DNSRRSOA, DNSRRSRV

from netarium.base.addr import parse_ip
from netarium.base.errors import UsageError, WireError
from netarium.wire import dns
from netarium.wire.dns import (
    EdnsOptions,
    MailExchange,
    Message,
    Question,
    Record,
    Service,
    StartOfAuthority,
    Text,
)
from netarium.wire.dns_name import NameReader

NAME = "www.example.com"
RECORDS = [
    Record(NAME, dns.TYPE_A, 60, parse_ip("192.0.2.1")),
    Record(NAME, dns.TYPE_AAAA, 60, parse_ip("2001:db8::1")),
    Record(NAME, dns.TYPE_CNAME, 60, "web.example.com"),
    Record("1.2.0.192.in-addr.arpa", dns.TYPE_PTR, 60, NAME),
    Record("example.com", dns.TYPE_NS, 60, "ns1.example.com"),
    Record("example.com", dns.TYPE_MX, 60, MailExchange(10, "mail.example.com")),
    Record("_sip._udp.example.com", dns.TYPE_SRV, 60, Service(1, 2, 5060, "sip.example.com")),
    Record("example.com", dns.TYPE_TXT, 60, Text((b"v=spf1 -all", b""))),
    Record("example.com", dns.TYPE_SOA, 60, StartOfAuthority("ns1.example.com", r"a\.b.example.com", 1, 2, 3, 4, 5)),
    Record(".", dns.TYPE_OPT, 0x8000, EdnsOptions(((10, b"cookie!!"), (12, b""))), 1232),
    Record(NAME, 65_280, 60, b"\x00opaque"),
    Record("version.bind", dns.TYPE_A, 0, b"not an address in class CH", 3),
]  # fmt: skip


def message(**sections: list[Record]) -> Message:
    return Message(0x1234, dns.QR | dns.RD | dns.RA, (Question(NAME, dns.TYPE_A),), **sections)


def one(kind: int, rdlength: int, rdata: bytes, rclass: int = 1) -> bytes:
    """A response with one record, RDLENGTH as wished."""
    head = (0x1234_8180).to_bytes(4, "big") + b"\0\0\0\1\0\0\0\0"
    return (
        head
        + b"\x01a\0"
        + kind.to_bytes(2, "big")
        + rclass.to_bytes(2, "big")
        + bytes(4)
        + rdlength.to_bytes(2, "big")
        + rdata
    )


@pytest.mark.parametrize(
    "record", RECORDS, ids=lambda record: dns.TYPE_NAMES.get(record.type, str(record.type))
)
def test_each_type_comes_back(record: Record) -> None:
    for section in ("answers", "authority", "additional"):
        read = Message.parse(message(**{section: [record]}).pack())
        assert list(getattr(read, section)) == [record]


def test_target_of_a_service_is_not_compressed() -> None:
    """RFC 2782: an old reader of SRV would not follow the pointer."""
    sent = message(answers=[Record("example.com", dns.TYPE_SRV, 60, Service(1, 2, 3, NAME))])
    assert sent.pack().count(b"\x07example\x03com\0") == 2


def test_all_of_them_in_one_message() -> None:
    sent = message(answers=RECORDS[:6], authority=RECORDS[6:9], additional=RECORDS[9:])
    read = Message.parse(sent.pack())
    assert [*read.answers, *read.authority, *read.additional] == RECORDS
    assert Message.parse(memoryview(sent.pack())) == read


def test_query_as_scapy_makes_it() -> None:
    judged = DNS(id=7, rd=1, qd=[DNSQR(qname=NAME, qtype="A")])
    assert dns.query(7, NAME, dns.TYPE_A) == bytes(judged)
    with_edns = DNS(id=7, rd=1, qd=[DNSQR(qname=NAME, qtype="AAAA")], ar=[DNSRROPT(rclass=1232, z=0)])
    assert dns.query(7, NAME, dns.TYPE_AAAA, udp_payload=1232) == bytes(with_edns)


def test_response_as_scapy_makes_it() -> None:
    judged = DNS(
        id=7, qr=1, aa=1, rd=1, ra=1, qd=[DNSQR(qname=NAME)],
        an=[DNSRR(rrname=NAME, type="CNAME", ttl=5, rdata="web.example.com"),
            DNSRR(rrname="web.example.com", type="A", ttl=6, rdata="192.0.2.1"),
            DNSRRMX(rrname="example.com", ttl=7, preference=10, exchange="mail.example.com"),
            DNSRRSRV(rrname="example.com", ttl=8, priority=1, weight=2, port=3, target="a.example.com"),
            DNSRR(rrname="example.com", type="TXT", ttl=9, rdata=[b"hello", b"world"])],
        ns=[DNSRRSOA(rrname="example.com", ttl=9, mname="ns.example.com", rname="root.example.com", serial=1,
                     refresh=2, retry=3, expire=4, minimum=5)],
    )  # fmt: skip
    for octets in (bytes(judged), bytes(judged.compress())):
        read = Message.parse(octets)
        assert (read.response, read.authoritative, read.truncated, read.opcode, read.rcode) == (
            True,
            True,
            False,
            0,
            0,
        )
        assert [record.data for record in read.answers] == [
            "web.example.com", parse_ip("192.0.2.1"), MailExchange(10, "mail.example.com"),
            Service(1, 2, 3, "a.example.com"), Text((b"hello", b"world")),
        ]  # fmt: skip
        assert read.authority[0].data == StartOfAuthority("ns.example.com", "root.example.com", 1, 2, 3, 4, 5)


def test_scapy_reads_ours() -> None:
    judged = DNS(message(answers=RECORDS[:3]).pack())
    assert (judged.id, judged.qr, judged.rd, judged.ra, judged.ancount) == (0x1234, 1, 1, 1, 3)
    assert [bytes(record.rrname) for record in judged.an] == [b"www.example.com."] * 3
    assert [record.rdata for record in judged.an] == ["192.0.2.1", "2001:db8::1", b"web.example.com."]


@pytest.mark.rfc("6891", "01")
def test_edns() -> None:
    sent = Message(1, dns.QR | 0, (), additional=(Record(".", dns.TYPE_OPT, 1 << 24, EdnsOptions(), 512),))
    read = Message.parse(sent.pack())
    assert read.opt is not None
    assert (read.opt.rclass, read.rcode) == (512, dns.RCODE_BADVERS)
    with pytest.raises(WireError):
        Message.parse(Message(1, additional=(dns.edns(512), dns.edns(512))).pack())
    with pytest.raises(WireError):
        Message.parse(one(dns.TYPE_OPT, 0, b""))  # belongs to a name


@pytest.mark.attack("DNS-03")
def test_cut_at_every_octet() -> None:
    octets = message(answers=RECORDS[:9], additional=RECORDS[9:]).pack()
    for length in range(len(octets)):
        with pytest.raises(WireError):
            Message.parse(octets[:length])


@pytest.mark.attack("DNS-04")
@pytest.mark.parametrize("kind", [dns.TYPE_A, dns.TYPE_AAAA])
def test_addresses_of_a_wrong_length(kind: int) -> None:
    right = 4 if kind == dns.TYPE_A else 16
    for length in (0, 1, 3, 4, 5, 15, 16, 17, 65_535):
        octets = one(kind, length, bytes(min(length, 100)))
        if length == right:
            Message.parse(octets)
        else:
            with pytest.raises(WireError):
                Message.parse(octets)


@pytest.mark.attack("DNS-04")
@pytest.mark.parametrize(
    ("kind", "rdata"),
    [
        (dns.TYPE_CNAME, b"\x01b\0"), (dns.TYPE_MX, b"\0\x0a\x01b\0"), (dns.TYPE_SRV, b"\0\1\0\2\0\3\x01b\0"),
        (dns.TYPE_SOA, b"\x01b\0\x01c\0" + bytes(20)), (dns.TYPE_TXT, b"\x03abc"), (dns.TYPE_OPT, b"\0\x0a\0\2hi"),
    ],
    ids=lambda value: value if isinstance(value, int) else "",
)  # fmt: skip
def test_rdlength_that_lies(kind: int, rdata: bytes) -> None:
    root = one(kind, len(rdata), rdata)
    if kind == dns.TYPE_OPT:
        root = root.replace(b"\x01a\0", b"\0", 1)
    Message.parse(root)
    place = len(root) - len(rdata) - 2
    for length in (*range(1, len(rdata)), len(rdata) + 1, 65_535):
        with pytest.raises(WireError):
            Message.parse(root[:place] + length.to_bytes(2, "big") + rdata)
        cut_or_filled = (rdata + b"\0")[:length]
        if length < 10 and kind != dns.TYPE_TXT:  # to a text a zero octet adds an empty string
            with pytest.raises(WireError):
                Message.parse(root[:place] + length.to_bytes(2, "big") + cut_or_filled)


@pytest.mark.attack("DNS-05")
@pytest.mark.parametrize("place", [4, 6, 8, 10])
@pytest.mark.parametrize("count", [0, 2, 65_535])
def test_counts_that_lie(place: int, count: int) -> None:
    octets = message(answers=RECORDS[:1], authority=RECORDS[4:5], additional=RECORDS[9:10]).pack()
    with pytest.raises(WireError):
        Message.parse(octets[:place] + count.to_bytes(2, "big") + octets[place + 2 :])


@pytest.mark.attack("DNS-01")
def test_many_names_at_the_end_of_a_long_chain_are_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """60 KiB of records whose names all hang on one chain: what was followed once is remembered."""
    shift = 12 + 3 + 10  # where the data of the first record begin
    pointers = b"".join(
        (0xC000 | (shift if hop == 0 else shift + 3 + 2 * (hop - 1))).to_bytes(2, "big") for hop in range(120)
    )
    first = one(65_280, 3 + len(pointers), b"\x01b\0" + pointers)
    last = (0xC000 | (shift + 3 + 2 * 119)).to_bytes(2, "big")
    count = 4000
    octets = (
        first[:6] + (1 + count).to_bytes(2, "big") + first[8:] + (last + b"\xff\x00\0\1" + bytes(6)) * count
    )
    runs, run = [], NameReader._run
    monkeypatch.setattr(NameReader, "_run", lambda reader, offset: runs.append(offset) or run(reader, offset))
    read = Message.parse(octets)
    assert [record.name for record in read.answers[1:]] == ["b"] * count
    assert len(runs) < count + 200


def test_user_mistake_in_a_name() -> None:
    with pytest.raises(UsageError):
        dns.query(1, "a..b", dns.TYPE_A)
