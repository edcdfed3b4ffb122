"""One question to the servers: what is sent, what is believed, what comes next."""

from collections.abc import Callable
from random import Random

import pytest

from netarium.base.addr import parse_ip
from netarium.base.counters import Counters
from netarium.base.units import SECOND
from netarium.resolver.answer import Answer, Outcome, Question
from netarium.resolver.config import ResolverConfig
from netarium.resolver.query import Attempt, Servers, ask
from netarium.wire import dns

ONE = parse_ip("192.0.2.53")
TWO = parse_ip("198.51.100.53")
ADDRESS = parse_ip("203.0.113.80")
WWW = Question("www.example", dns.TYPE_A)

Reply = Callable[[Attempt], bytes | None]


def respond(
    attempt: Attempt,
    *answers: dns.Record,
    rcode: int = 0,
    flags: int = dns.QR | dns.RD | dns.RA,
    authority: tuple[dns.Record, ...] = (),
    additional: tuple[dns.Record, ...] = (),
    question: dns.Question | None = None,
    id_: int | None = None,
) -> bytes:
    asked = dns.Question(*attempt.question) if question is None else question
    ident = attempt.id if id_ is None else id_
    return dns.Message(ident, flags | rcode, (asked,), answers, authority, additional).pack()


def found(attempt: Attempt) -> bytes:
    return respond(attempt, dns.Record("www.example", dns.TYPE_A, 300, ADDRESS))


def run(
    replies: list[Reply], config: ResolverConfig | None = None, question: Question = WWW
) -> tuple[Answer, list[Attempt]]:
    """Play the servers: one reply for each attempt; octets that are not accepted count as a timeout."""
    asking = ask(question, config or ResolverConfig(servers=(ONE,)), Servers(), Random(1), Counters())
    attempts: list[Attempt] = []
    script = iter(replies)
    try:
        attempt = next(asking)
        while True:
            attempts.append(attempt)
            octets = next(script)(attempt)
            source = (attempt.server, attempt.port)
            attempt = asking.send(None if octets is None else attempt.accept(octets, source))
    except StopIteration as end:
        return end.value, attempts


def timeout(_: Attempt) -> None:
    return None


@pytest.mark.rfc("1034", "1034-01")
def test_a_query_asks_for_recursion_and_its_answer_is_returned() -> None:
    answer, (attempt,) = run([found])
    sent = dns.Message.parse(attempt.octets)
    assert sent.flags == dns.RD
    assert sent.questions == (dns.Question("www.example", dns.TYPE_A),)
    assert answer == Answer(Outcome.FOUND, "www.example", (ADDRESS,), (), 300)


@pytest.mark.rfc("6891", "6891-01", "6891-03")
def test_edns_tells_a_payload_size_that_passes_unfragmented() -> None:
    _, (attempt,) = run([found])
    opt = dns.Message.parse(attempt.octets).opt
    assert opt is not None
    assert (opt.name, opt.rclass, opt.ttl) == (".", 1_232, 0)


@pytest.mark.rfc("6891", "6891-02")
@pytest.mark.parametrize("rcode", [dns.RCODE_FORMERR, dns.RCODE_NOTIMP])
def test_a_server_that_knows_no_edns_is_asked_without_and_remembered(rcode: int) -> None:
    servers, config, counters = Servers(), ResolverConfig(servers=(ONE,)), Counters()
    asking = ask(WWW, config, servers, Random(1), counters)
    first = next(asking)
    second = asking.send(first.accept(respond(first, rcode=rcode), (ONE, 53)))
    assert dns.Message.parse(second.octets).opt is None
    assert second.id != first.id
    with pytest.raises(StopIteration) as end:
        asking.send(second.accept(found(second), (ONE, 53)))
    assert end.value.value.outcome is Outcome.FOUND
    again = next(ask(WWW, config, servers, Random(2), counters))
    assert dns.Message.parse(again.octets).opt is None


@pytest.mark.rfc("6891", "6891-02")
def test_badvers_is_answered_by_a_query_without_edns() -> None:
    extended = dns.Record(".", dns.TYPE_OPT, 1 << 24, dns.EdnsOptions(), 4_096)
    answer, attempts = run([lambda attempt: respond(attempt, additional=(extended,)), found])
    assert [dns.Message.parse(attempt.octets).opt is None for attempt in attempts] == [False, True]
    assert answer.outcome is Outcome.FOUND


def test_a_bare_header_formerr_only_turns_edns_off() -> None:
    def bare(attempt: Attempt) -> bytes:
        return dns.Message(attempt.id, dns.QR | dns.RCODE_FORMERR).pack()

    answer, attempts = run([bare, found])
    assert answer.outcome is Outcome.FOUND
    plain, attempts = run([bare, bare, found])
    assert plain.outcome is Outcome.FOUND  # the second one, to a query without OPT, was not believed
    assert len(attempts) == 3


@pytest.mark.rfc("1035", "1035-02")
def test_truncation_leads_to_tcp_at_the_same_server() -> None:
    config = ResolverConfig(servers=(ONE, TWO))
    answer, (first, second) = run([lambda a: respond(a, flags=dns.QR | dns.TC), found], config)
    assert (first.stream, second.stream) == (False, True)
    assert first.server == second.server == ONE
    assert answer.outcome is Outcome.FOUND


def test_a_bare_header_that_says_truncated_leads_to_tcp_where_it_is_no_answer() -> None:
    def bare(attempt: Attempt) -> bytes:
        return dns.Message(attempt.id, dns.QR | dns.TC).pack()

    answer, attempts = run([bare, bare, found])
    assert [attempt.stream for attempt in attempts] == [False, True, False]
    assert answer.outcome is Outcome.FOUND


def test_tcp_that_fails_leads_to_the_next_server() -> None:
    config = ResolverConfig(servers=(ONE, TWO))
    _, attempts = run([lambda a: respond(a, flags=dns.QR | dns.TC), timeout, found], config)
    assert [(attempt.server, attempt.stream) for attempt in attempts] == [
        (ONE, False),
        (ONE, True),
        (TWO, False),
    ]


@pytest.mark.rfc("1034", "1034-01")
def test_silence_is_met_by_every_server_in_every_round_with_growing_patience() -> None:
    config = ResolverConfig(servers=(ONE, TWO), timeout_ns=4 * SECOND, attempts=3)
    answer, attempts = run([timeout] * 6, config)
    assert answer.outcome is Outcome.TIMEOUT
    assert [attempt.server for attempt in attempts] == [ONE, TWO] * 3
    assert [attempt.timeout_ns // SECOND for attempt in attempts] == [4, 4, 4, 4, 8, 8]
    assert [attempt.step for attempt in attempts] == ["query"] + ["retry"] * 5


@pytest.mark.parametrize("rcode", [dns.RCODE_SERVFAIL, dns.RCODE_REFUSED])
def test_a_failing_server_is_passed_over(rcode: int) -> None:
    config = ResolverConfig(servers=(ONE, TWO))
    answer, attempts = run([lambda a: respond(a, rcode=rcode), found], config)
    assert answer.outcome is Outcome.FOUND
    assert attempts[1].server == TWO


def test_servers_that_all_fail_are_told_from_servers_that_are_silent() -> None:
    answer, _ = run([lambda a: respond(a, rcode=dns.RCODE_SERVFAIL), timeout])
    assert answer.outcome is Outcome.SERVFAIL


def test_no_server_no_answer() -> None:
    answer, attempts = run([], ResolverConfig())
    assert (answer.outcome, attempts) == (Outcome.TIMEOUT, [])


@pytest.mark.rfc("1034", "1034-01")
def test_rotation_spreads_the_questions() -> None:
    config, servers = ResolverConfig(servers=(ONE, TWO), rotate=True), Servers()
    firsts = [next(ask(WWW, config, servers, Random(1), Counters())).server for _ in range(4)]
    assert firsts == [ONE, TWO, ONE, TWO]


@pytest.mark.rfc("5452", "5452-01")
@pytest.mark.attack("DNS-06")
def test_no_forgery_is_believed_and_the_true_answer_still_is() -> None:
    counters = Counters()
    attempt = next(ask(WWW, ResolverConfig(servers=(ONE,)), Servers(), Random(1), counters))
    good, here = found(attempt), (ONE, 53)
    forged = [
        (good, (TWO, 53)),
        (good, (ONE, 5_353)),
        (respond(attempt, question=dns.Question("www.example", dns.TYPE_AAAA)), here),
        (respond(attempt, question=dns.Question("xww.example", dns.TYPE_A)), here),
        (respond(attempt, question=dns.Question("www.example", dns.TYPE_A, 3)), here),
        (respond(attempt, flags=dns.RD), here),
        (respond(attempt, flags=dns.QR | 2 << 11), here),
        (dns.Message(attempt.id, dns.QR).pack(), here),
        (dns.Message(attempt.id, dns.QR, (dns.Question(*WWW), dns.Question(*WWW))).pack(), here),
        (good[:-1], here),
        (good[:11], here),
        (b"", here),
    ]
    for octets, source in forged:
        assert attempt.accept(octets, source) is None
    for id_ in range(0x10000):
        if id_ != attempt.id:
            assert attempt.accept(id_.to_bytes(2, "big") + good[2:], here) is None
    assert sum(counters.values()) - counters["dns_out_udp_queries"] == len(forged) + 0xFFFF
    assert attempt.accept(good, here) is not None


def test_the_case_of_letters_does_not_matter() -> None:
    attempt = next(ask(WWW, ResolverConfig(servers=(ONE,)), Servers(), Random(1), Counters()))
    octets = respond(attempt, question=dns.Question("WwW.eXample", dns.TYPE_A))
    assert attempt.accept(octets, (ONE, 53)) is not None


@pytest.mark.rfc("5452", "5452-02")
@pytest.mark.attack("DNS-07")
def test_ids_are_spread_over_all_16_bits() -> None:
    servers, random = Servers(), Random(7)
    ids = [
        next(ask(WWW, ResolverConfig(servers=(ONE,)), servers, random, Counters())).id for _ in range(1_000)
    ]
    assert len(set(ids)) > 980  # the birthday of a uniform choice among 65,536 takes some eight
    for bit in range(16):
        assert 400 < sum(id_ >> bit & 1 for id_ in ids) < 600


@pytest.mark.attack("DNS-01", "DNS-02", "DNS-03", "DNS-04", "DNS-05")
def test_a_mangled_answer_is_waited_out() -> None:
    counters = Counters()
    attempt = next(ask(WWW, ResolverConfig(servers=(ONE,)), Servers(), Random(1), counters))
    good = found(attempt)
    question_end = len(good) - 16
    mangled = [good[:length] for length in range(12, len(good))]
    mangled += [
        good[:question_end] + bytes([0xC0, question_end]) + good[question_end + 2 :]
    ]  # a pointer to itself
    mangled += [good[:question_end] + b"\xff\xff" + good[question_end + 2 :]]
    mangled += [good[:question_end] + b"\x80\x01" + good[question_end + 2 :]]
    mangled += [good[:-6] + length.to_bytes(2, "big") + good[-4:] for length in (0, 3, 5, 65_535)]
    mangled += [
        good[:6] + b"\xff\xff" + good[8:],
        good[:4] + b"\0\0" + good[6:],
        good[:4] + b"\0\2" + good[6:],
    ]
    for octets in mangled:
        assert attempt.accept(octets, (ONE, 53)) is None
    assert counters["dns_in_malformed"] == len(mangled)
    assert attempt.accept(good, (ONE, 53)) is not None
