"""Configuration, hosts table, cache, names: the leaves."""

import pytest

from netarium.base.addr import parse_ip
from netarium.base.errors import UsageError
from netarium.base.units import SECOND
from netarium.resolver import hosts
from netarium.resolver.answer import Answer, Outcome
from netarium.resolver.cache import Cache
from netarium.resolver.config import ResolverConfig, parse_resolv_conf
from netarium.resolver.hosts import HostsTable
from netarium.resolver.names import reverse_name, wire_key


def test_resolv_conf() -> None:
    config = parse_resolv_conf(
        """# made by hand
        nameserver 192.0.2.53
        nameserver not.an.address
        nameserver 2001:db8::53 ; the other one
        domain old.example
        search corp.example. example .
        options ndots:2 timeout:3 attempts:99 rotate no-edns0 nonsense
        sortlist 1.2.3.4
        """
    )
    assert config == ResolverConfig(
        servers=(parse_ip("192.0.2.53"), parse_ip("2001:db8::53")),
        search=("corp.example", "example"),
        ndots=2,
        timeout_ns=3 * SECOND,
        attempts=5,
        rotate=True,
        edns=False,
    )


def test_resolv_conf_keeps_to_its_limits() -> None:
    text = (
        "\n".join(f"nameserver 192.0.2.{last}" for last in range(9))
        + "\noptions ndots:99 timeout:0 timeout:x"
    )
    config = parse_resolv_conf(text)
    assert len(config.servers) == 3
    assert (config.ndots, config.timeout_ns) == (15, SECOND)
    assert parse_resolv_conf("") == ResolverConfig()


def test_hosts_table() -> None:
    table = HostsTable(
        """127.0.0.1 localhost
        ::1 localhost
        192.0.2.7  Web.example web www  # the shop
        broken line
        192.0.2.8
        192.0.2.9 web.example"""
    )
    assert table.addresses("WEB.example.") == [parse_ip("192.0.2.7"), parse_ip("192.0.2.9")]
    assert table.addresses("localhost", 16) == [parse_ip("::1")]
    assert table.names("www") == ("Web.example", "web", "www")
    assert table.names_of(parse_ip("192.0.2.7")) == ("Web.example", "web", "www")
    assert table.addresses("line") == []
    table.discard("web.example")
    assert (table.addresses("web.example"), table.names_of(parse_ip("192.0.2.7"))) == ([], ())
    assert table.addresses("www") == [parse_ip("192.0.2.7")]


def test_hosts_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "MAX_ENTRIES", 2)
    table = HostsTable("192.0.2.1 a b")
    with pytest.raises(UsageError, match="full"):
        table.add(bytes(4), "c")


def _answer(ttl: int) -> Answer:
    return Answer(Outcome.FOUND, "x", (bytes(4),), (), ttl)


@pytest.mark.rfc("1034", "1034-01")
def test_the_cache_forgets_in_time() -> None:
    cache = Cache(10)
    cache.put(b"x", _answer(60), 5)
    assert cache.get(b"x", 60 * SECOND + 4) == _answer(60)
    assert cache.get(b"x", 60 * SECOND + 5) is None
    assert len(cache) == 0
    cache.put(b"x", _answer(0), 0)
    assert len(cache) == 0


def test_the_cache_is_bounded_and_forgets_what_nobody_asks_for() -> None:
    cache = Cache(3)
    for key in (b"a", b"b", b"c"):
        cache.put(key, _answer(60), 0)
    assert cache.get(b"a", 1) is not None
    cache.put(b"d", _answer(60), 1)
    assert [key for key in (b"a", b"b", b"c", b"d") if cache.get(key, 2) is not None] == [b"a", b"c", b"d"]
    cache.clear()
    assert len(cache) == 0
    nothing = Cache(0)
    nothing.put(b"a", _answer(60), 0)
    assert len(nothing) == 0


def test_names() -> None:
    assert wire_key("Www.Example.") == wire_key("www.example") == b"\3www\7example\0"
    assert reverse_name(parse_ip("192.0.2.7")) == "7.2.0.192.in-addr.arpa"
    assert reverse_name(parse_ip("2001:db8::1")).startswith("1.0.0.0.0.0")
    assert reverse_name(parse_ip("2001:db8::1")).endswith("8.b.d.0.1.0.0.2.ip6.arpa")
