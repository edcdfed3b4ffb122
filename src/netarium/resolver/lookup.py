"""From the name that a program typed to addresses: search list, families, CNAME chains over several answers. No I/O.

`find` is a generator like `query.ask`, one floor higher: it yields a `Question`, is sent its `Answer`.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from netarium.resolver.answer import Answer, Outcome, Question
from netarium.resolver.config import ResolverConfig
from netarium.resolver.names import candidates, wire_key
from netarium.wire.dns_name import fold


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a name: addresses (or names, for PTR) if `outcome` is FOUND."""

    outcome: Outcome
    canonical: str = ""
    aliases: tuple[str, ...] = ()
    data: tuple[bytes | str, ...] = ()


Lookup = Generator[Question, Answer, Found]


def find(name: str, types: Sequence[int], config: ResolverConfig) -> Lookup:
    """Try a name as the search list says until one candidate has records of any of the types.

    A candidate without records leads to the next; one whose servers do not answer ends it: whoever cannot be
    reached now cannot be reached for the next candidate either.
    """
    worst = Outcome.NXDOMAIN
    for candidate in candidates(name, config):
        wire_key(candidate)  # EAI_NONAME for what cannot be a name, before a server is bothered
        found = yield from _find_types(candidate, types, config)
        if found.outcome in {Outcome.FOUND, Outcome.TIMEOUT, Outcome.BROKEN}:
            return found
        worst = max(worst, found.outcome, key=_SEVERITY.index)
    return Found(worst)


_SEVERITY = (
    Outcome.NXDOMAIN,
    Outcome.NODATA,
    Outcome.BROKEN,
    Outcome.TIMEOUT,
    Outcome.SERVFAIL,
    Outcome.FOUND,
)


def _find_types(name: str, types: Sequence[int], config: ResolverConfig) -> Lookup:
    results: list[Found] = []
    for type_ in types:
        result = yield from _chase(name, type_, config)
        results.append(result)
        if result.outcome in {Outcome.NXDOMAIN, Outcome.TIMEOUT}:
            break  # true for all types of the name (RFC 2308 §5); nobody there
    best = max(results, key=lambda result: _SEVERITY.index(result.outcome))
    data = tuple(item for result in results for item in result.data)
    return Found(best.outcome, best.canonical, best.aliases, data)


def _chase(name: str, type_: int, config: ResolverConfig) -> Lookup:
    """One name and type; a chain that leaves an answer is taken up with a question of our own."""
    aliases: list[str] = []
    while True:
        answer = yield Question(name, type_)
        aliases += answer.aliases
        seen = {fold(alias) for alias in aliases}
        if (
            answer.outcome is Outcome.BROKEN
            or len(aliases) > config.max_chain
            or fold(answer.canonical) in seen
        ):
            return Found(Outcome.BROKEN)
        if not answer.dangling:
            return Found(answer.outcome, answer.canonical, tuple(aliases), answer.data)
        wire_key(answer.canonical)
        name = answer.canonical
