"""What a message says about a question."""

from itertools import pairwise

import pytest

from netarium.base.addr import parse_ip
from netarium.resolver.answer import Answer, Outcome, Question, read
from netarium.resolver.config import ResolverConfig
from netarium.wire import dns

ADDRESS = parse_ip("203.0.113.80")
OTHER = parse_ip("203.0.113.81")
WWW = Question("www.example", dns.TYPE_A)
CONFIG = ResolverConfig()
SOA = dns.Record(
    "example", dns.TYPE_SOA, 900, dns.StartOfAuthority("ns.example", "root.example", 1, 2, 3, 4, 600)
)


def a(name: str, address: bytes = ADDRESS, ttl: int = 300) -> dns.Record:
    return dns.Record(name, dns.TYPE_A, ttl, address)


def cname(name: str, target: str, ttl: int = 300) -> dns.Record:
    return dns.Record(name, dns.TYPE_CNAME, ttl, target)


def message(
    *answers: dns.Record, rcode: int = 0, authority: tuple[dns.Record, ...] = (), flags: int = 0
) -> dns.Message:
    question = (dns.Question("www.example", dns.TYPE_A),)
    return dns.Message(1, dns.QR | flags | rcode, question, answers, authority)


def test_all_records_in_the_servers_order_and_the_least_ttl() -> None:
    answer = read(message(a("www.example", OTHER, 60), a("WWW.example", ADDRESS, 30)), WWW, CONFIG)
    assert answer == Answer(Outcome.FOUND, "www.example", (OTHER, ADDRESS), (), 30)


def test_records_about_other_names_are_not_believed() -> None:
    answer = read(message(a("bank.example", OTHER), a("www.example")), WWW, CONFIG)
    assert answer.data == (ADDRESS,)
    answer = read(message(a("bank.example", OTHER)), WWW, CONFIG)
    assert answer.outcome is Outcome.NODATA


@pytest.mark.rfc("1034", "1034-01")
def test_a_chain_is_followed_in_any_order_and_holds_as_long_as_its_weakest_link() -> None:
    records = (
        a("c.example", ttl=500),
        cname("b.example", "c.example", 20),
        cname("www.example", "b.example", 90),
    )
    answer = read(message(*records), WWW, CONFIG)
    assert answer == Answer(Outcome.FOUND, "c.example", (ADDRESS,), ("www.example", "b.example"), 20)


def test_a_chain_that_leaves_the_message_dangles() -> None:
    answer = read(message(cname("www.example", "cdn.invalid")), WWW, CONFIG)
    assert answer.dangling
    assert (answer.canonical, answer.aliases, answer.ttl) == ("cdn.invalid", ("www.example",), 0)


@pytest.mark.rfc("2308", "2308-01")
def test_a_chain_to_a_name_without_such_records_does_not_dangle() -> None:
    answer = read(message(cname("www.example", "b.example", 90), authority=(SOA,)), WWW, CONFIG)
    assert not answer.dangling
    assert (answer.outcome, answer.ttl) == (Outcome.NODATA, 90)


@pytest.mark.attack("DNS-10")
def test_a_circle_of_cnames_is_broken() -> None:
    circle = (cname("www.example", "b.example"), cname("b.example", "www.example"))
    assert read(message(*circle), WWW, CONFIG).outcome is Outcome.BROKEN
    assert read(message(cname("www.example", "www.example")), WWW, CONFIG).outcome is Outcome.BROKEN


@pytest.mark.attack("DNS-10")
@pytest.mark.parametrize(
    ("links", "outcome"), [(16, Outcome.FOUND), (17, Outcome.BROKEN), (50, Outcome.BROKEN)]
)
def test_a_chain_is_followed_so_far_and_no_further(links: int, outcome: Outcome) -> None:
    names = ["www.example", *[f"n{index}.example" for index in range(links)]]
    records = [cname(name, target) for name, target in pairwise(names)]
    assert read(message(*records, a(names[-1])), WWW, CONFIG).outcome is outcome


@pytest.mark.rfc("2308", "2308-01")
@pytest.mark.parametrize(("rcode", "outcome"), [(dns.RCODE_NXDOMAIN, Outcome.NXDOMAIN), (0, Outcome.NODATA)])
def test_bad_news_hold_for_the_lesser_of_ttl_and_minimum(rcode: int, outcome: Outcome) -> None:
    answer = read(message(rcode=rcode, authority=(SOA,)), WWW, CONFIG)
    assert (answer.outcome, answer.ttl) == (outcome, 600)


@pytest.mark.rfc("2308", "2308-01")
def test_bad_news_without_soa_are_not_kept() -> None:
    assert read(message(rcode=dns.RCODE_NXDOMAIN), WWW, CONFIG).ttl == 0


def test_ttls_have_limits() -> None:
    assert read(message(a("www.example", ttl=2**31)), WWW, CONFIG).ttl == 0  # RFC 2181 §8
    assert read(message(a("www.example", ttl=2**31 - 1)), WWW, CONFIG).ttl == CONFIG.max_ttl


def test_a_referral_is_no_answer() -> None:
    referral = (dns.Record("example", dns.TYPE_NS, 900, "ns.example"),)
    assert read(message(authority=referral), WWW, CONFIG).outcome is Outcome.SERVFAIL
    assert read(message(authority=referral, flags=dns.AA), WWW, CONFIG).outcome is Outcome.NODATA
