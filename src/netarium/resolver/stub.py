"""The resolver of one machine: a cache, a hosts table, servers to ask, and the calls of Python's `socket`.

Spec: RFC 1034 §5.3.1 (stub resolver), RFC 1123 §6.1.3. It asks recursive servers and does not recurse itself.
"""

import asyncio
from collections.abc import Generator
from random import Random
from typing import cast

from netarium.base.addr import format_ip
from netarium.base.trace import Resolved
from netarium.resolver import calls
from netarium.resolver.addrinfo import AddrInfo
from netarium.resolver.answer import Answer, Outcome, Question
from netarium.resolver.cache import Cache
from netarium.resolver.calls import Calling, Result
from netarium.resolver.config import ResolverConfig
from netarium.resolver.exchange import exchange, exchange_async
from netarium.resolver.flight import Bell, Flight
from netarium.resolver.hosts import HostsTable
from netarium.resolver.names import wire_key
from netarium.resolver.query import Attempt, Servers, ask
from netarium.socket.host import Host
from netarium.transport.endpoint import POLLIN
from netarium.wire import dns

Asking = Generator[Attempt, dns.Message | None, Answer]


class Resolver:
    """Names to addresses for the programs of one host.

    Args:
        host: whose sockets and clock it uses.
        config: may be replaced later; the next question uses the new one.
        hosts: a table of known names, which other machines may share.
        random: for IDs; unpredictable to strangers outside virtual time. The machine's own if None.
    """

    def __init__(
        self,
        host: Host,
        *,
        config: ResolverConfig | None = None,
        hosts: HostsTable | None = None,
        random: Random | None = None,
    ) -> None:
        self.config = ResolverConfig() if config is None else config
        self.hosts = HostsTable() if hosts is None else hosts
        self.cache = Cache(self.config.cache_entries)
        self._host = host
        self._random = host.machine.random if random is None else random
        self._servers = Servers()
        self._flights: dict[bytes, Flight] = {}

    # --- the calls of Python's `socket` ---------------------------------------------------------------------

    def getaddrinfo(
        self,
        host: str | bytes | None,
        port: str | bytes | int | None,
        family: int = 0,
        type: int = 0,  # noqa: A002 - Python's own name
        proto: int = 0,
        flags: int = 0,
    ) -> list[AddrInfo]:
        """`socket.getaddrinfo`, asked from this machine."""
        return self._run(calls.addr_info(self, host, port, family, type, proto, flags))

    async def getaddrinfo_async(
        self,
        host: str | bytes | None,
        port: str | bytes | int | None,
        family: int = 0,
        type: int = 0,  # noqa: A002 - Python's own name
        proto: int = 0,
        flags: int = 0,
    ) -> list[AddrInfo]:
        """`loop.getaddrinfo`, asked from this machine."""
        return await self._run_async(calls.addr_info(self, host, port, family, type, proto, flags))

    def gethostbyname(self, hostname: str | bytes) -> str:
        """`socket.gethostbyname`, asked from this machine."""
        return self._run(calls.host_by_name(self, hostname, "gethostbyname"))[2][0]

    def gethostbyname_ex(self, hostname: str | bytes) -> tuple[str, list[str], list[str]]:
        """`socket.gethostbyname_ex`, asked from this machine."""
        return self._run(calls.host_by_name(self, hostname, "gethostbyname_ex"))

    def gethostbyaddr(self, ip_address: str | bytes) -> tuple[str, list[str], list[str]]:
        """`socket.gethostbyaddr`, asked from this machine."""
        return self._run(calls.host_by_address(self, ip_address))

    def getnameinfo(
        self, sockaddr: tuple[str, int] | tuple[str, int, int, int], flags: int = 0
    ) -> tuple[str, str]:
        """`socket.getnameinfo`, asked from this machine."""
        return self._run(calls.name_info(self, sockaddr, flags))

    async def getnameinfo_async(
        self, sockaddr: tuple[str, int] | tuple[str, int, int, int], flags: int = 0
    ) -> tuple[str, str]:
        """`loop.getnameinfo`, asked from this machine."""
        return await self._run_async(calls.name_info(self, sockaddr, flags))

    # --- what the calls know of the machine (calls.Site) ----------------------------------------------------

    @property
    def name(self) -> str:
        """The machine's own name."""
        return self._host.name

    def addresses(self) -> list[bytes]:
        """All addresses of the machine, in the order of its interfaces."""
        return [own.address for interface in self._host.machine.ip.interfaces for own in interface.addresses]

    def scope_of(self, interface: str) -> int | None:
        """The index of an interface."""
        return next((each.index for each in self._host.machine.ip.interfaces if each.name == interface), None)

    def seen(self, name: str, step: str, detail: str) -> int:
        """Tell the trace about a step; return the event's number, 0 without a trace."""
        trace = self._host.machine.trace
        if trace is None:
            return 0
        now = self._host.driver.now()
        return trace.emit(Resolved(at=now, where=self._host.name, name=name, step=step, detail=detail))

    # --- questions: from the cache, from whoever asks them already, from the servers ------------------------

    def _run(self, calling: Calling[Result]) -> Result:
        try:
            question = next(calling)
            while True:
                question = calling.send(self._answer(question))
        except StopIteration as end:
            return cast("Result", end.value)

    async def _run_async(self, calling: Calling[Result]) -> Result:
        try:
            question = next(calling)
        except StopIteration as end:
            return cast("Result", end.value)
        while True:
            answer = await self._answer_async(question)
            try:
                question = calling.send(answer)
            except StopIteration as end:
                return cast("Result", end.value)

    def _answer(self, question: Question) -> Answer:
        key = wire_key(question.name) + question.type.to_bytes(2, "big")
        while True:
            known = self._known_or_flight(key, question)
            if isinstance(known, Answer):
                return known
            flight, leading = known
            if leading:
                return self._lead(key, flight, question)
            with self._host.driver.lock:
                self._host.driver.wait([(flight.bell, POLLIN)], None)
            if flight.answer is not None:
                return flight.answer

    async def _answer_async(self, question: Question) -> Answer:
        key = wire_key(question.name) + question.type.to_bytes(2, "big")
        while True:
            known = self._known_or_flight(key, question)
            if isinstance(known, Answer):
                return known
            flight, leading = known
            if leading:
                return await self._lead_async(key, flight, question)
            loop = asyncio.get_running_loop()
            waiting: asyncio.Future[None] = loop.create_future()
            with self._host.driver.lock:
                landed = flight.landed
                flight.tasks.append((loop, waiting))
            if not landed:
                await waiting
            if flight.answer is not None:
                return flight.answer

    def _known_or_flight(self, key: bytes, question: Question) -> Answer | tuple[Flight, bool]:
        """The cached answer; else the flight that brings it, and whether the caller must fly it."""
        with self._host.driver.lock:
            answer = self.cache.get(key, self._host.driver.now())
            if answer is not None:
                self.seen(question.name, "cache", _text(question, answer))
                return answer
            flight = self._flights.get(key)
            if flight is not None:
                return flight, False
            flight = self._flights[key] = Flight(Bell(self._host.machine.notifier.next_id()))
            return flight, True

    def _lead(self, key: bytes, flight: Flight, question: Question) -> Answer:
        answer = None
        asking = self._ask(question)
        try:
            attempt = next(asking)
            while True:
                attempt = asking.send(exchange(self._host, attempt, self._told(attempt)))
        except StopIteration as end:
            answer = end.value
        finally:
            self._land(key, flight, question, answer)
        assert isinstance(answer, Answer)
        return answer

    async def _lead_async(self, key: bytes, flight: Flight, question: Question) -> Answer:
        answer = None
        asking = self._ask(question)
        try:
            attempt = next(asking)
            while answer is None:
                message = await exchange_async(self._host, attempt, self._told(attempt))
                try:
                    attempt = asking.send(message)
                except StopIteration as end:
                    answer = end.value
        finally:
            self._land(key, flight, question, answer)
        assert isinstance(answer, Answer)
        return answer

    def _ask(self, question: Question) -> Asking:
        return ask(question, self.config, self._servers, self._random, self._host.machine.counters)

    def _told(self, attempt: Attempt) -> int:
        how = "TCP" if attempt.stream else "UDP"
        where = f"{format_ip(attempt.server)}:{attempt.port}"
        kind = dns.TYPE_NAMES[attempt.question.type]
        return self.seen(
            attempt.question.name, attempt.step, f"{kind} to {where} over {how}, id {attempt.id:#06x}"
        )

    def _land(self, key: bytes, flight: Flight, question: Question, answer: Answer | None) -> None:
        """The flight is over, one way or another: keep the answer, wake who waits for it."""
        host = self._host
        with host.driver.lock:
            del self._flights[key]
            if answer is not None:
                self.cache.put(key, answer, host.driver.now())
                self.seen(question.name, "answer", _text(question, answer))
            flight.land(answer)
            host.machine.notifier.notify(flight.bell)
            host.driver.kick(host.machine)


def _text(question: Question, answer: Answer) -> str:
    """An answer for the trace: what was found, or why not."""
    kind = dns.TYPE_NAMES[question.type]
    if answer.outcome is not Outcome.FOUND:
        return f"{kind}: {answer.outcome}"
    items = ", ".join(format_ip(item) if isinstance(item, bytes) else item for item in answer.data)
    return f"{kind}: {items} (TTL {answer.ttl} s)"
