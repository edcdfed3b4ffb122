"""Whatever a server sends: an attempt accepts or ignores it, and what is accepted can be read."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from netarium.base.addr import parse_ip
from netarium.base.counters import Counters
from netarium.resolver.answer import Answer, Outcome, Question, read
from netarium.resolver.config import ResolverConfig, parse_resolv_conf
from netarium.resolver.exchange import Stream
from netarium.resolver.hosts import HostsTable
from netarium.resolver.query import Servers, ask
from netarium.wire import dns

SERVER = parse_ip("192.0.2.53")
CONFIG = ResolverConfig(servers=(SERVER,))
WWW = Question("www.example", dns.TYPE_A)

names = st.sampled_from(["www.example", "WWW.example", "a.example", "b.example", "c.example"])
records = st.one_of(
    st.builds(
        dns.Record, names, st.just(dns.TYPE_A), st.integers(0, 2**32 - 1), st.binary(min_size=4, max_size=4)
    ),
    st.builds(dns.Record, names, st.just(dns.TYPE_CNAME), st.integers(0, 2**32 - 1), names),
    st.builds(dns.Record, names, st.just(dns.TYPE_NS), st.integers(0, 2**32 - 1), names),
)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 0xFFFF), st.binary(max_size=200))
def test_any_octets_behind_the_right_id(flags: int, tail: bytes) -> None:
    attempt = next(ask(WWW, CONFIG, Servers(), Random(1), Counters()))
    octets = attempt.id.to_bytes(2, "big") + flags.to_bytes(2, "big") + tail
    message = attempt.accept(octets, (SERVER, 53))
    assert message is None or isinstance(read(message, WWW, CONFIG), Answer)


@settings(max_examples=100, deadline=None)
@given(st.lists(records, max_size=8), st.lists(records, max_size=3), st.sampled_from([0, 2, 3, 5]))
def test_any_records_lead_to_an_answer_about_the_question(
    answers: list[dns.Record], authority: list[dns.Record], rcode: int
) -> None:
    answer = read(dns.Message(1, dns.QR | rcode, (dns.Question(*WWW),), answers, authority), WWW, CONFIG)
    assert 0 <= answer.ttl <= CONFIG.max_ttl
    assert len(answer.aliases) <= CONFIG.max_chain
    if answer.outcome is Outcome.FOUND:
        owners = {record.name.lower() for record in answers if record.data in answer.data}
        assert answer.canonical.lower() in owners
        assert not answer.aliases or answer.aliases[0].lower() == "www.example"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=5), st.lists(st.integers(1, 50), max_size=10))
def test_a_stream_gives_back_its_messages(messages: list[bytes], cuts: list[int]) -> None:
    octets = b"".join(len(message).to_bytes(2, "big") + message for message in messages)
    stream, found = Stream(), []
    for cut in cuts:
        found += list(stream.feed(octets[:cut]))
        octets = octets[cut:]
    found += list(stream.feed(octets))
    assert found == messages


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_readers_of_files(text: str) -> None:
    config = parse_resolv_conf(text)
    assert len(config.servers) <= 3
    HostsTable(text)
