"""What a message says about one question: the records, the chain of CNAMEs that led to them, how long it holds.

Only what hangs together with the question counts: records whose owner is the name asked for or an alias target on
the way (RFC 5452 §6, RFC 2181 §5.4.1). Negative answers and their TTL: RFC 2308 §2, §5.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from netarium.resolver.config import ResolverConfig
from netarium.wire import dns
from netarium.wire.dns_name import fold

_MAX_SIGNED: Final = 0x7FFF_FFFF


class Question(NamedTuple):
    """A name (no final dot) and a record type; the class is always IN."""

    name: str
    type: int


class Outcome(StrEnum):
    """How a question ended."""

    FOUND = "found"
    NODATA = "no data"  # the name exists, but has nothing of that type
    NXDOMAIN = "no such name"
    SERVFAIL = "server failure"  # every server refused, failed, or pointed elsewhere
    TIMEOUT = "no answer"
    BROKEN = "broken chain"  # CNAMEs in a circle, or too many


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of a question.

    Attributes:
        outcome: found or not.
        canonical: the name at the end of the CNAME chain.
        data: addresses (packed) or names, in the server's order.
        aliases: the names passed on the way, the one asked for first.
        ttl: seconds it may be kept; 0: not at all.
        dangling: the chain leaves this message: `canonical` must be asked for (RFC 1034 §5.3.3 step 4c).
    """

    outcome: Outcome
    canonical: str = ""
    data: tuple[bytes | str, ...] = ()
    aliases: tuple[str, ...] = ()
    ttl: int = 0
    dangling: bool = False


def read(message: dns.Message, question: Question, config: ResolverConfig) -> Answer:
    """Read a message that is known to answer the question."""
    if message.rcode not in {dns.RCODE_NOERROR, dns.RCODE_NXDOMAIN}:
        return Answer(Outcome.SERVFAIL)
    aliases, name, ttl = _follow(message, question, config.max_chain)
    if name is None:
        return Answer(Outcome.BROKEN)
    if message.rcode == dns.RCODE_NXDOMAIN:
        # RFC 2308 §2.1: behind a CNAME it is the last name of the chain that does not exist.
        return _negative(Outcome.NXDOMAIN, message, name, aliases, ttl, config)
    records = [record for record in message.answers if _is(record, name, question.type)]
    if records:
        ttl = min([ttl, *(_ttl(record) for record in records)])
        data = tuple(record.data for record in records if isinstance(record.data, bytes | str))
        return Answer(Outcome.FOUND, name, data, aliases, min(ttl, config.max_ttl))
    if any(record.type == dns.TYPE_SOA for record in message.authority):
        return _negative(Outcome.NODATA, message, name, aliases, ttl, config)
    if aliases:
        return Answer(Outcome.NODATA, name, (), aliases, 0, dangling=True)
    if not message.authoritative and any(record.type == dns.TYPE_NS for record in message.authority):
        return Answer(Outcome.SERVFAIL)  # a referral (RFC 2308 §2.2): this server does no recursion for us
    return Answer(Outcome.NODATA, name)


def _follow(message: dns.Message, question: Question, limit: int) -> tuple[tuple[str, ...], str | None, int]:
    """Walk the CNAMEs from the name asked for: names left behind, last name (None: a circle), least TTL."""
    links: dict[str, tuple[str, int]] = {}
    for record in message.answers:
        if record.type == dns.TYPE_CNAME and record.rclass == dns.CLASS_IN and isinstance(record.data, str):
            links.setdefault(fold(record.name), (record.data, _ttl(record)))
    name, aliases, ttl = question.name, list[str](), _MAX_SIGNED
    passed: set[str] = set()
    while (link := links.get(fold(name))) is not None:
        passed.add(fold(name))
        aliases.append(name)
        name, ttl = link[0], min(ttl, link[1])
        if len(aliases) > limit or fold(name) in passed:
            return (), None, 0
    return tuple(aliases), name, ttl


def _negative(
    outcome: Outcome,
    message: dns.Message,
    name: str,
    aliases: tuple[str, ...],
    ttl: int,
    config: ResolverConfig,
) -> Answer:
    """A negative answer holds for the lesser of the SOA's TTL and its MINIMUM; without SOA not at all (RFC 2308 §5)."""
    for record in message.authority:
        if isinstance(record.data, dns.StartOfAuthority):
            limits = (ttl, _ttl(record), record.data.minimum, config.max_negative_ttl)
            return Answer(outcome, name, (), aliases, min(limits))
    return Answer(outcome, name, (), aliases)


def _is(record: dns.Record, name: str, type_: int) -> bool:
    return record.type == type_ and record.rclass == dns.CLASS_IN and fold(record.name) == fold(name)


def _ttl(record: dns.Record) -> int:
    """Seconds; one with its top bit set counts as zero (RFC 2181 §8)."""
    return record.ttl if record.ttl <= _MAX_SIGNED else 0
