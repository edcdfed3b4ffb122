"""The resolver of a host: cache, coalescing, who wakes whom. Real threads, a scripted server, no network."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from netarium.base.addr import parse_ip
from netarium.base.counters import Counters
from netarium.base.trace import Event, Resolved, Trace
from netarium.base.units import SECOND
from netarium.resolver import stub
from netarium.resolver.config import ResolverConfig
from netarium.resolver.exchange import Stream
from netarium.resolver.query import Attempt
from netarium.resolver.stub import Resolver
from netarium.transport.endpoint import Endpoint, Notifier
from netarium.wire import dns

SERVER = parse_ip("192.0.2.53")


class FakeDriver:
    """A driver whose machine does nothing: waiting is waiting for a kick."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._kicked = threading.Condition(self.lock)
        self.time = 0
        self.waiting = 0

    def now(self) -> int:
        return self.time

    def kick(self, _machine: Any) -> None:
        self._kicked.notify_all()

    def wait(self, interests: Sequence[tuple[Endpoint, int]], timeout_ns: int | None) -> bool:
        assert timeout_ns is None
        self.waiting += 1
        done = self._kicked.wait_for(lambda: any(endpoint.poll() & mask for endpoint, mask in interests), 30)
        self.waiting -= 1
        return done


class Setting:
    """A resolver and a server that answers when it is allowed to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[Event] = []
        self.driver = FakeDriver()
        machine = SimpleNamespace(
            ip=SimpleNamespace(interfaces=[]),
            counters=Counters(),
            notifier=Notifier(),
            random=Random(1),
            trace=Trace(self.events.append),
        )
        host: Any = SimpleNamespace(name="self", machine=machine, driver=self.driver)
        self.resolver = Resolver(host, config=ResolverConfig(servers=(SERVER,), timeout_ns=SECOND))
        self.asked: list[Attempt] = []
        self.go = threading.Event()
        self.arrived = threading.Event()
        self.fails = 0
        monkeypatch.setattr(stub, "exchange", self.exchange)
        monkeypatch.setattr(stub, "exchange_async", self.exchange_async)

    def reply(self, attempt: Attempt) -> dns.Message | None:
        record = dns.Record(attempt.question.name, dns.TYPE_A, 60, parse_ip("203.0.113.80"))
        question = dns.Question(*attempt.question)
        octets = dns.Message(attempt.id, dns.QR, (question,), (record,)).pack()
        return attempt.accept(octets, (SERVER, 53))

    def exchange(self, _host: Any, attempt: Attempt, _cause: int) -> dns.Message | None:
        self.asked.append(attempt)
        self.arrived.set()
        assert self.go.wait(30)
        if self.fails:
            self.fails -= 1
            raise KeyboardInterrupt
        return self.reply(attempt)

    async def exchange_async(self, _host: Any, attempt: Attempt, _cause: int) -> dns.Message | None:
        self.asked.append(attempt)
        await asyncio.to_thread(self.go.wait, 30)
        return self.reply(attempt)


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> Setting:
    return Setting(monkeypatch)


def ask_in_threads(setting: Setting, count: int) -> tuple[list[threading.Thread], list[str]]:
    results: list[str] = []

    def ask() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            results.append(setting.resolver.gethostbyname("www.example"))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    assert setting.arrived.wait(30)
    while setting.driver.waiting < count - 1:
        threading.Event().wait(0.001)
    return threads, results


@pytest.mark.attack("DNS-08")
def test_a_hundred_threads_ask_once(setting: Setting) -> None:
    threads, results = ask_in_threads(setting, 100)
    setting.go.set()
    for thread in threads:
        thread.join(30)
    assert results == ["203.0.113.80"] * 100
    assert len(setting.asked) == 1


def test_an_asker_that_is_interrupted_leaves_its_question_to_another(setting: Setting) -> None:
    setting.fails = 1
    threads, results = ask_in_threads(setting, 5)
    setting.go.set()
    for thread in threads:
        thread.join(30)
    assert results == ["203.0.113.80"] * 4
    assert len(setting.asked) == 2


def test_tasks_and_threads_share_a_question(setting: Setting) -> None:
    async def main() -> list[Any]:
        tasks = [
            asyncio.create_task(setting.resolver.getaddrinfo_async("www.example", 80)) for _ in range(10)
        ]
        await asyncio.sleep(0.01)
        thread = asyncio.create_task(asyncio.to_thread(setting.resolver.gethostbyname, "www.example"))
        while not setting.driver.waiting:  # noqa: ASYNC110 - for a thread
            await asyncio.sleep(0.001)
        setting.go.set()
        return [await thread, *await asyncio.gather(*tasks)]

    first, *rest = asyncio.run(main())
    assert first == "203.0.113.80"
    assert all(rows[0][4] == ("203.0.113.80", 80) for rows in rest)
    assert len(setting.asked) == 1


def test_a_cancelled_task_leaves_its_question_to_another(setting: Setting) -> None:
    async def main() -> Any:
        first = asyncio.create_task(setting.resolver.getaddrinfo_async("www.example", 80))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(setting.resolver.getaddrinfo_async("www.example", 80))
        await asyncio.sleep(0.01)
        first.cancel()
        setting.go.set()
        return await second

    assert asyncio.run(main())[0][4] == ("203.0.113.80", 80)
    assert len(setting.asked) == 2


def test_the_cache_answers_until_the_ttl_is_over(setting: Setting) -> None:
    setting.go.set()
    for at, asked in ((0, 1), (59 * SECOND, 1), (61 * SECOND, 2)):
        setting.driver.time = at
        assert setting.resolver.gethostbyname("WWW.example") == "203.0.113.80"
        assert len(setting.asked) == asked


def test_the_trace_tells_each_step(setting: Setting) -> None:
    setting.go.set()
    setting.resolver.gethostbyname("www.example")
    setting.resolver.gethostbyname("www.example")
    steps = [event for event in setting.events if isinstance(event, Resolved)]
    assert [event.step for event in steps] == ["query", "answer", "cache"]
    assert steps[0].detail == f"A to 192.0.2.53:53 over UDP, id {setting.asked[0].id:#06x}"
    assert steps[1].detail == "A: 203.0.113.80 (TTL 60 s)"


def test_every_server_silent_is_a_temporary_failure(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stub, "exchange", lambda *_: None)
    with pytest.raises(socket.gaierror) as fault:
        setting.resolver.getaddrinfo("www.example", 80)
    assert fault.value.args == (socket.EAI_AGAIN, "Temporary failure in name resolution")
    assert len(setting.resolver.cache) == 0


@pytest.mark.rfc("1035", "1035-02")
@pytest.mark.attack("DNS-09")
@pytest.mark.parametrize("cut", range(1, 20))
def test_messages_are_found_in_a_stream_however_it_is_cut(cut: int) -> None:
    messages = [b"one", b"", b"three of them", bytes(300)]
    octets = b"".join(len(message).to_bytes(2, "big") + message for message in messages)
    stream, found = Stream(), []
    for start in range(0, len(octets), cut):
        found += list(stream.feed(octets[start : start + cut]))
    assert found == messages
