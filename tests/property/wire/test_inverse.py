"""Parse and pack are inverse."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from netarium.wire import dns, ethernet, igmp, ipv4_options, pcapng, tcp
from netarium.wire.arp import ArpMessage
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
from netarium.wire.dns_name import to_text
from netarium.wire.ethernet import EthernetHeader
from netarium.wire.icmpv4 import IcmpMessage
from netarium.wire.icmpv4_payloads import RouterAdvertisement, Timestamps
from netarium.wire.ipv4 import Ipv4Header
from netarium.wire.ipv6 import Ipv6Header
from netarium.wire.tcp import TcpSegment
from netarium.wire.tcp_options import TcpOptions, pack_options, parse_options
from netarium.wire.udp import UdpHeader


def bits(count: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << count) - 1)


def octets(count: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=count, max_size=count)


MAC, V4, V6 = octets(6), octets(4), octets(16)
EDGES = st.tuples(bits(32), bits(32))


@given(
    MAC,
    MAC,
    st.integers(0x600, 0xFFFF).filter(lambda kind: kind not in {0x8100, 0x88A8}),
    st.none() | bits(12),
)
def test_ethernet(dst: bytes, src: bytes, kind: int, vlan: int | None) -> None:
    header = EthernetHeader.parse(ethernet.pack(dst, src, kind, vlan=vlan))
    assert header == EthernetHeader(dst, src, kind, 14 if vlan is None else 18, vlan)
    assert EthernetHeader.parse(header.pack()) == header
    snap = EthernetHeader(dst, src, kind, 22, None, snap=True)
    assert EthernetHeader.parse(snap.pack(46)) == snap


@given(st.builds(ArpMessage, st.sampled_from([1, 2]), MAC, V4, MAC, V4))
def test_arp(message: ArpMessage) -> None:
    assert ArpMessage.parse(message.pack()) == message


@given(
    st.builds(
        Ipv4Header, V4, V4, bits(8), bits(8), bits(8), bits(16), st.booleans(), st.booleans(),
        bits(13).map(lambda units: units * 8), st.integers(60, 65_535),
        options=st.integers(0, 10).flatmap(lambda words: octets(words * 4)),
    )
)  # fmt: skip
def test_ipv4(header: Ipv4Header) -> None:
    header = replace(header, header_length=20 + len(header.options))
    assert Ipv4Header.parse(header.pack()) == header


@given(st.builds(Ipv6Header, V6, V6, bits(8), bits(8), bits(8), bits(20), bits(16)))
def test_ipv6(header: Ipv6Header) -> None:
    assert Ipv6Header.parse(header.pack()) == header


ROUTE = st.builds(
    lambda kind, route, used: (kind, ipv4_options.pack_route(kind, route, 4 + 4 * min(used, len(route)))),
    st.sampled_from([ipv4_options.RECORD_ROUTE, ipv4_options.LOOSE_SOURCE_ROUTE]), st.lists(V4, max_size=3), st.integers(0, 3),
)  # fmt: skip
STAMPS = st.builds(
    lambda stamps, flag, overflow: (68, ipv4_options.pack_timestamps(flag, stamps, 5, overflow)),
    st.lists(st.tuples(V4, bits(32)), max_size=2), st.sampled_from([0, 1, 3]), bits(4),
)  # fmt: skip


@given(
    st.lists(
        st.one_of(ROUTE, STAMPS, st.just((1, b"\x01")), st.just((148, ipv4_options.pack_router_alert())))
    )
)
def test_ipv4_options(drawn: list[tuple[int, bytes]]) -> None:
    chosen: dict[int, bytes] = {}
    for kind, packed in drawn:
        if sum(map(len, chosen.values())) + len(packed) <= 40:
            chosen.setdefault(kind, packed)
    found = ipv4_options.parse_options(ipv4_options.pack_options(list(chosen.values())))
    assert [option.pack() for option in found] == list(chosen.values())


@given(st.builds(IcmpMessage, bits(8), bits(8), bits(32), st.binary(max_size=100)))
def test_icmpv4(message: IcmpMessage) -> None:
    read = IcmpMessage.parse(message.pack())
    assert replace(read, payload=bytes(read.payload)) == message


@given(bits(16), st.lists(st.tuples(V4, st.integers(-(2**31), 2**31 - 1)), min_size=1, max_size=5))
def test_router_advertisement(lifetime: int, routers: list[tuple[bytes, int]]) -> None:
    advertisement = RouterAdvertisement(lifetime, tuple(routers))
    assert RouterAdvertisement.of(IcmpMessage.parse(advertisement.message().pack())) == advertisement


@given(st.builds(Timestamps, bits(32), bits(32), bits(32)))
def test_timestamps(times: Timestamps) -> None:
    assert Timestamps.parse(times.pack()) == times


SOURCES = st.lists(V4, max_size=4).map(tuple)


@given(
    st.one_of(
        st.builds(igmp.IgmpMessage, st.sampled_from([igmp.QUERY, igmp.REPORT_V2, igmp.LEAVE]), V4, bits(8)),
        st.builds(igmp.IgmpV3Query, V4, bits(8), st.booleans(), bits(3), bits(8), SOURCES),
        st.builds(igmp.IgmpV3Report, st.lists(st.builds(igmp.GroupRecord, bits(8), V4, SOURCES), max_size=4).map(tuple)),
    )
)  # fmt: skip
def test_igmp(message: igmp.IgmpMessage | igmp.IgmpV3Query | igmp.IgmpV3Report) -> None:
    assert igmp.parse(message.pack()) == message


@given(st.builds(UdpHeader, bits(16), bits(16), st.integers(8, 65_535), bits(16)))
def test_udp(header: UdpHeader) -> None:
    assert UdpHeader.parse(header.pack()) == header


OPTIONS = st.one_of(
    st.builds(
        TcpOptions,
        st.none() | bits(16),
        st.none() | bits(8),
        st.booleans(),
        st.just(()),
        st.none() | bits(32),
    ),
    st.builds(TcpOptions, sack=st.lists(EDGES, max_size=3).map(tuple), ts_val=st.none() | bits(32)),
    st.builds(TcpOptions, sack=st.lists(EDGES, max_size=4).map(tuple)),
)


@given(OPTIONS, bits(32))
def test_tcp_options(options: TcpOptions, ts_ecr: int) -> None:
    ts = None if options.ts_val is None else (options.ts_val, ts_ecr)
    packed = pack_options(
        mss=options.mss,
        wscale=options.wscale,
        sack_permitted=options.sack_permitted,
        ts=ts,
        sack=options.sack,
    )
    assert len(packed) % 4 == 0
    assert parse_options(packed) == replace(options, ts_ecr=0 if ts is None else ts_ecr)


@given(
    bits(16),
    bits(16),
    bits(32),
    bits(32),
    bits(8),
    bits(16),
    bits(16),
    OPTIONS,
    bits(16),
    st.binary(max_size=50),
)
def test_tcp(
    src_port: int, dst_port: int, seq: int, ack: int, flags: int, window: int, urgent: int, options: TcpOptions,
    checksum: int, payload: bytes,
) -> None:  # fmt: skip
    packed = pack_options(
        mss=options.mss, wscale=options.wscale, sack_permitted=options.sack_permitted,
        ts=None if options.ts_val is None else (options.ts_val, 0), sack=options.sack,
    )  # fmt: skip
    header = tcp.pack_header(src_port, dst_port, seq, ack, flags, window, urgent, packed, checksum)
    segment = TcpSegment.parse(header, payload)
    assert segment == TcpSegment(
        src_port, dst_port, seq, ack, flags, window, urgent, checksum, len(header), payload, options.mss,
        options.wscale, options.sack_permitted, options.sack, options.ts_val, 0, packed,
    )  # fmt: skip
    assert segment.pack() == header


NAME = st.lists(st.binary(min_size=1, max_size=20), max_size=6).map(lambda labels: to_text(tuple(labels)))
RECORD = st.one_of(
    st.builds(Record, NAME, st.just(dns.TYPE_A), bits(32), V4),
    st.builds(Record, NAME, st.just(dns.TYPE_AAAA), bits(32), V6),
    st.builds(Record, NAME, st.sampled_from([dns.TYPE_NS, dns.TYPE_CNAME, dns.TYPE_PTR]), bits(32), NAME),
    st.builds(Record, NAME, st.just(dns.TYPE_MX), bits(32), st.builds(MailExchange, bits(16), NAME)),
    st.builds(Record, NAME, st.just(dns.TYPE_SRV), bits(32), st.builds(Service, bits(16), bits(16), bits(16), NAME)),
    st.builds(Record, NAME, st.just(dns.TYPE_TXT), bits(32), st.builds(Text, st.lists(st.binary(max_size=255), max_size=3).map(tuple))),
    st.builds(Record, NAME, st.just(dns.TYPE_SOA), bits(32), st.builds(StartOfAuthority, NAME, NAME, *[bits(32)] * 5)),
    st.builds(Record, NAME, st.just(65_400), bits(32), st.binary(max_size=40), bits(16)),
)  # fmt: skip
RECORDS = st.lists(RECORD, max_size=3).map(tuple)
EDNS = st.builds(
    dns.edns, bits(16), st.lists(st.tuples(bits(16), st.binary(max_size=20)), max_size=2).map(tuple)
)


@given(
    bits(16),
    bits(16),
    st.lists(st.builds(Question, NAME, bits(16), bits(16)), max_size=2).map(tuple),
    RECORDS,
    RECORDS,
    RECORDS,
    st.none() | EDNS,
)
def test_dns(
    ident: int, flags: int, questions: tuple[Question, ...], answers: tuple[Record, ...],
    authority: tuple[Record, ...], additional: tuple[Record, ...], opt: Record | None,
) -> None:  # fmt: skip
    message = Message(
        ident, flags, questions, answers, authority, additional if opt is None else (*additional, opt)
    )
    read = Message.parse(message.pack())
    assert read == message
    assert read.opt == opt
    assert opt is None or isinstance(opt.data, EdnsOptions)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b:eth0"]),
            bits(63),
            st.binary(max_size=70),
            st.lists(st.text(max_size=20), max_size=2),
            st.integers(0, 2),
        ),
        max_size=5,
    )
)
def test_pcapng(packets: list[tuple[str, int, bytes, list[str], int]]) -> None:
    writer = pcapng.Writer()
    capture = writer.start() + b"".join(
        [
            writer.packet(name, at_ns, frame, comments=comments, direction=direction)
            for name, at_ns, frame, comments, direction in packets
        ]
    )
    assert [
        (p.interface.name, p.at_ns, p.octets, list(p.comments), p.direction) for p in pcapng.read(capture)
    ] == packets
