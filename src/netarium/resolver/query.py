"""One question put to the servers: who is asked when, with what, and which answers are believed. No I/O.

`ask` is a generator: it yields an `Attempt` (send this there, wait that long), is sent the message that the attempt
accepted or None, and returns the `Answer`. Acceptance: RFC 5452 §9.1; retries: RFC 1035 §7.2, RFC 1123 §6.1.3.3;
TCP after truncation: RFC 7766 §5; EDNS: RFC 6891.
"""

from collections.abc import Generator
from dataclasses import dataclass
from random import Random
from typing import Final

from netarium.base.counters import Counters
from netarium.base.errors import WireError
from netarium.base.units import SECOND
from netarium.resolver.answer import Answer, Outcome, Question, read
from netarium.resolver.config import ResolverConfig
from netarium.wire import dns
from netarium.wire.dns_name import fold

_FALL_BACK: Final = (dns.RCODE_FORMERR, dns.RCODE_NOTIMP, dns.RCODE_BADVERS)


@dataclass(slots=True)
class Attempt:
    """One message to one server, and the judge of what comes back.

    Attributes:
        server: packed address; port: its port.
        stream: over TCP, with a length in front (RFC 1035 §4.2.2); else one datagram from a port never used before.
        octets: the message, without the length.
        timeout_ns: for the whole attempt.
        step: for the trace: "query", or "retry" if this is not the first attempt for its question.
    """

    server: bytes
    port: int
    stream: bool
    octets: bytes
    timeout_ns: int
    id: int
    question: Question
    with_edns: bool
    step: str
    counters: Counters

    def accept(self, octets: bytes, source: tuple[bytes, int]) -> dns.Message | None:
        """The message if it answers this attempt; None for a forgery, an error or a latecomer: keep waiting.

        All of RFC 5452 §9.1 must match: where from, the ID, the question; that it came to the right port and
        address is the socket's business. What does not match is counted and changes nothing.
        """
        if source != (self.server, self.port):
            self.counters["dns_in_wrong_source"] += 1
            return None
        if len(octets) < 12 or int.from_bytes(octets[:2], "big") != self.id:
            self.counters["dns_in_wrong_id"] += 1
            return None
        try:
            message = dns.Message.parse(octets)
        except WireError:
            self.counters["dns_in_malformed"] += 1
            return None
        if not message.response or message.opcode != dns.OPCODE_QUERY or not self._is_asked(message):
            self.counters["dns_in_wrong_question"] += 1
            return None
        return message

    def _is_asked(self, message: dns.Message) -> bool:
        if not message.questions:
            # Some servers return nothing but the header. That is never an answer; all that it can do is have us ask
            # again, over TCP (truncation) or without OPT (a server from before EDNS).
            formerr = message.rcode in {dns.RCODE_FORMERR, dns.RCODE_NOTIMP}
            return (message.truncated and not self.stream) or (formerr and self.with_edns)
        if len(message.questions) != 1:
            return False
        asked = message.questions[0]
        expected = self.question
        return (fold(asked.name), asked.type, asked.rclass) == (
            fold(expected.name),
            expected.type,
            dns.CLASS_IN,
        )


class Servers:
    """What the resolver remembers of its servers between questions: whose turn it is, and who knows no EDNS."""

    __slots__ = ("_turn", "plain")

    def __init__(self) -> None:
        self._turn = 0
        self.plain: dict[bytes, bool] = {}

    def order(self, config: ResolverConfig) -> list[bytes]:
        """The servers in the order in which to ask them now."""
        servers = list(config.servers)
        if config.rotate and servers:
            turn = self._turn % len(servers)
            self._turn += 1
            servers = servers[turn:] + servers[:turn]
        return servers


def ask(
    question: Question, config: ResolverConfig, servers: Servers, random: Random, counters: Counters
) -> Generator[Attempt, dns.Message | None, Answer]:
    """Put one question to the servers until one answers or all have failed in every round."""
    outcome = Outcome.TIMEOUT
    order = servers.order(config)
    if not order:
        return Answer(Outcome.TIMEOUT, question.name)
    asker = _Asker(question, config, servers, random, counters)
    for turn in range(config.attempts):
        # The rounds after the first wait twice as long each, shared by the servers, as resolv.conf(5) readers do.
        timeout_ns = config.timeout_ns if turn == 0 else (config.timeout_ns << turn) // len(order)
        timeout_ns = max(timeout_ns, min(SECOND, config.timeout_ns))
        for server in order:
            message = yield from asker.run(server, timeout_ns)
            if message is None:
                continue
            answer = read(message, question, config)
            if answer.outcome is not Outcome.SERVFAIL:
                return answer
            outcome = Outcome.SERVFAIL
    return Answer(outcome, question.name)


class _Asker:
    """One question to one server: at first with EDNS over UDP, then without, then over TCP, as the answers want it."""

    __slots__ = ("attempts", "config", "counters", "question", "random", "servers")

    def __init__(
        self,
        question: Question,
        config: ResolverConfig,
        servers: Servers,
        random: Random,
        counters: Counters,
    ) -> None:
        self.question = question
        self.config = config
        self.servers = servers
        self.random = random
        self.counters = counters
        self.attempts = 0

    def run(
        self, server: bytes, timeout_ns: int
    ) -> Generator[Attempt, dns.Message | None, dns.Message | None]:
        with_edns = self.config.edns and server not in self.servers.plain
        message = yield self._attempt(server, timeout_ns, with_edns=with_edns)
        if message is not None and with_edns and message.rcode in _FALL_BACK:
            # RFC 6891 §7: a server that does not know the OPT record answers FORMERR (or NOTIMP).
            self.servers.plain[server] = True
            with_edns = False
            message = yield self._attempt(server, timeout_ns, with_edns=False)
        if message is not None and message.truncated:
            message = yield self._attempt(server, timeout_ns, with_edns=with_edns, stream=True)
        return message

    def _attempt(self, server: bytes, timeout_ns: int, *, with_edns: bool, stream: bool = False) -> Attempt:
        # RFC 5452 §9.2: a new unpredictable ID each time, repetitions included.
        id_ = self.random.getrandbits(16)
        payload = self.config.udp_payload if with_edns else None
        octets = dns.query(id_, self.question.name, self.question.type, udp_payload=payload)
        self.attempts += 1
        step = "query" if self.attempts == 1 else "retry"
        self.counters["dns_out_tcp_queries" if stream else "dns_out_udp_queries"] += 1
        return Attempt(
            server,
            self.config.port,
            stream,
            octets,
            timeout_ns,
            id_,
            self.question,
            with_edns,
            step,
            self.counters,
        )
