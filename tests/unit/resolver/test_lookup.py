"""The search list, several families, chains over several answers."""

import socket

import pytest

from netarium.base.addr import parse_ip
from netarium.resolver.answer import Answer, Outcome, Question
from netarium.resolver.config import ResolverConfig
from netarium.resolver.errors import ResolverError
from netarium.resolver.lookup import Found, find
from netarium.wire.dns import TYPE_A, TYPE_AAAA

FOUR, SIX = parse_ip("192.0.2.1"), parse_ip("2001:db8::1")


def run(
    name: str,
    world: dict[tuple[str, int], Answer],
    config: ResolverConfig,
    types: tuple[int, ...] = (TYPE_A,),
) -> tuple[Found, list[str]]:
    looking = find(name, types, config)
    asked: list[str] = []
    try:
        question = next(looking)
        while True:
            asked.append(question.name)
            question = looking.send(world.get(question, Answer(Outcome.NXDOMAIN, question.name)))
    except StopIteration as end:
        return end.value, asked


def yes(name: str, address: bytes = FOUR) -> Answer:
    return Answer(Outcome.FOUND, name, (address,), (), 60)


CORP = ResolverConfig(search=("corp.example", "example"))


@pytest.mark.parametrize(
    ("name", "config", "asked"),
    [
        ("www", CORP, ["www.corp.example", "www.example", "www"]),
        ("www.a", CORP, ["www.a", "www.a.corp.example", "www.a.example"]),
        ("www.", CORP, ["www"]),
        ("a.b", ResolverConfig(search=("x",), ndots=2), ["a.b.x", "a.b"]),
        ("www", ResolverConfig(), ["www"]),
    ],
)
def test_candidates_are_tried_in_order(name: str, config: ResolverConfig, asked: list[str]) -> None:
    found, really = run(name, {}, config)
    assert (found.outcome, really) == (Outcome.NXDOMAIN, asked)


def test_the_first_that_exists_wins() -> None:
    found, asked = run("www", {("www.example", TYPE_A): yes("www.example")}, CORP)
    assert found == Found(Outcome.FOUND, "www.example", (), (FOUR,))
    assert asked == ["www.corp.example", "www.example"]


def test_silence_ends_the_search_and_a_failure_does_not() -> None:
    silent = {("www.corp.example", TYPE_A): Answer(Outcome.TIMEOUT, "www.corp.example")}
    assert run("www", silent, CORP) == (Found(Outcome.TIMEOUT, "www.corp.example"), ["www.corp.example"])
    failing = {("www.corp.example", TYPE_A): Answer(Outcome.SERVFAIL, "www.corp.example")}
    found, asked = run("www", failing, CORP)
    assert (found.outcome, len(asked)) == (Outcome.SERVFAIL, 3)


def test_no_data_is_remembered_over_no_such_name() -> None:
    found, _ = run("www", {("www.example", TYPE_A): Answer(Outcome.NODATA, "www.example")}, CORP)
    assert found.outcome is Outcome.NODATA


def test_both_families_are_gathered_and_one_is_enough() -> None:
    both = {("w.x", TYPE_A): yes("w.x"), ("w.x", TYPE_AAAA): yes("w.x", SIX)}
    assert run("w.x", both, ResolverConfig(), (TYPE_A, TYPE_AAAA))[0].data == (FOUR, SIX)
    half = {("w.x", TYPE_A): yes("w.x"), ("w.x", TYPE_AAAA): Answer(Outcome.TIMEOUT, "w.x")}
    assert run("w.x", half, ResolverConfig(), (TYPE_A, TYPE_AAAA))[0].data == (FOUR,)


def test_a_name_that_does_not_exist_is_asked_for_once() -> None:
    _, asked = run("w.x", {}, ResolverConfig(), (TYPE_A, TYPE_AAAA))
    assert asked == ["w.x"]


@pytest.mark.attack("DNS-10")
def test_a_dangling_chain_is_taken_up_and_a_circle_over_answers_ends() -> None:
    world = {
        ("w.x", TYPE_A): Answer(Outcome.NODATA, "cdn.y", (), ("w.x",), 0, dangling=True),
        ("cdn.y", TYPE_A): yes("cdn.y"),
    }
    assert run("w.x", world, ResolverConfig())[0] == Found(Outcome.FOUND, "cdn.y", ("w.x",), (FOUR,))
    world["cdn.y", TYPE_A] = Answer(Outcome.NODATA, "w.x", (), ("cdn.y",), 0, dangling=True)
    found, asked = run("w.x", world, ResolverConfig())
    assert (found.outcome, asked) == (Outcome.BROKEN, ["w.x", "cdn.y"])


@pytest.mark.attack("DNS-10")
def test_an_endless_chain_over_answers_ends() -> None:
    looking = find("n0.x", [TYPE_A], ResolverConfig())
    name, asked = next(looking).name, 0
    try:
        while True:
            asked += 1
            name = looking.send(Answer(Outcome.NODATA, f"n{asked}.x", (), (name,), 0, dangling=True)).name
    except StopIteration as end:
        found = end.value
    assert found.outcome is Outcome.BROKEN
    assert asked == 17


@pytest.mark.parametrize("name", ["a" * 64 + ".x", "a..b", ".".join(["a" * 63] * 4), "nämlich.x"])
def test_what_cannot_be_a_name_reaches_no_server(name: str) -> None:
    with pytest.raises(ResolverError) as fault:
        next(find(name, [TYPE_A], ResolverConfig()))
    assert fault.value.errno == socket.EAI_NONAME


def test_questions_are_of_the_asked_type() -> None:
    assert next(find("w.x", [TYPE_AAAA], ResolverConfig())) == Question("w.x", TYPE_AAAA)
