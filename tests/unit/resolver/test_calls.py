"""The five calls, judged by Python's own over the C library wherever no server is needed."""

import platform
import socket
from dataclasses import dataclass, field
from typing import Any

import pytest

from netarium.base.addr import format_ip, parse_ip
from netarium.resolver import calls
from netarium.resolver.answer import Answer, Outcome
from netarium.resolver.calls import Calling, Result
from netarium.resolver.config import ResolverConfig
from netarium.resolver.errors import ResolverError
from netarium.resolver.hosts import HostsTable
from netarium.wire.dns import TYPE_A, TYPE_AAAA, TYPE_PTR

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the judge is glibc")

FOUR, SIX = parse_ip("192.0.2.1"), parse_ip("2001:db8::1")
SERVER = ResolverConfig(servers=(parse_ip("192.0.2.53"),))


@dataclass
class FakeSite:
    """A machine as far as the calls can tell."""

    config: ResolverConfig = SERVER
    hosts: HostsTable = field(default_factory=lambda: HostsTable("127.0.0.1 localhost"))
    name: str = "self"
    own: list[bytes] = field(default_factory=lambda: [parse_ip("127.0.0.1"), parse_ip("::1"), FOUR])
    told: list[tuple[str, str]] = field(default_factory=list)

    def addresses(self) -> list[bytes]:
        return self.own

    def scope_of(self, interface: str) -> int | None:
        return {"lo": 1}.get(interface)

    def seen(self, name: str, step: str, detail: str) -> int:
        self.told.append((name, step))
        return len(self.told)


World = dict[tuple[str, int], Answer]


def run(calling: Calling[Result], world: World | None = None) -> Result:
    try:
        question = next(calling)
        while True:
            question = calling.send((world or {}).get(question, Answer(Outcome.NXDOMAIN, question.name)))
    except StopIteration as end:
        result: Result = end.value
        return result


def addr_info(
    host: Any, port: Any, family: int = 0, kind: int = 0, proto: int = 0, flags: int = 0,
    site: FakeSite | None = None, world: World | None = None,
) -> Any:  # fmt: skip
    return run(calls.addr_info(site or FakeSite(), host, port, family, kind, proto, flags), world)


def outcome(function: Any, *args: Any, **kwargs: Any) -> Any:
    """The result, or what kind of exception with which words."""
    try:
        return function(*args, **kwargs)
    except Exception as fault:
        kind = socket.gaierror if isinstance(fault, socket.gaierror) else type(fault)
        return kind, fault.args if isinstance(fault, OSError) else str(fault)


@glibc
@pytest.mark.parametrize("type_", [0, 1, 2, 3, 5, 99])
@pytest.mark.parametrize("proto", [0, 1, 6, 17, 132, 136, 255])
@pytest.mark.parametrize("port", [None, 0, 80, "80", "nosuchservice"])
def test_types_protocols_and_ports_are_combined_as_the_c_library_does(
    type_: int, proto: int, port: Any
) -> None:
    ours = outcome(addr_info, "192.0.2.1", port, kind=type_, proto=proto)
    assert ours == outcome(socket.getaddrinfo, "192.0.2.1", port, type=type_, proto=proto)


@glibc
@pytest.mark.parametrize(
    "host",
    [
        "192.0.2.1", b"192.0.2.1", "127.1", "0x7f000001", "0300.0.2.1", "4294967295", "192.0.2.1 x", "999.1.1.1", "1.2.3.4.",
        "::1", "::ffff:192.0.2.1", "fe80::1%lo", "fe80::1%5", "::1%lo", "fe80::1%nope", "fe80::1%", ":", "", " ", "*", None,
        5, 1.5,
    ],
)  # fmt: skip
@pytest.mark.parametrize("family", [0, socket.AF_INET, socket.AF_INET6, 99])
@pytest.mark.parametrize("flags", [socket.AI_NUMERICHOST, socket.AI_NUMERICHOST | socket.AI_V4MAPPED])
def test_numeric_hosts(host: Any, family: int, flags: int) -> None:
    if host in {None, "*"} and not socket.has_dualstack_ipv6():
        pytest.skip("the order of loopbacks depends on the judge's IPv6")
    ours = outcome(addr_info, host, 80, family, 1, 0, flags)
    assert ours == outcome(socket.getaddrinfo, host, 80, family, 1, 0, flags)


@glibc
@pytest.mark.parametrize(
    "port",
    [-1, 65_535, 65_536, 70_000, 2**40, "080", "+80", " 80", "80x", "", "*", b"80", 3.5, True, "http", "ftp", "domain", "tftp"],
)  # fmt: skip
@pytest.mark.parametrize("type_", [0, 1, 2])
@pytest.mark.parametrize("flags", [0, socket.AI_NUMERICSERV])
def test_services(port: Any, type_: int, flags: int) -> None:
    if isinstance(port, str) and port.isalpha():
        try:
            socket.getservbyname("tftp")
        except OSError:
            pytest.skip("this machine has no table of services")
    ours = outcome(addr_info, "192.0.2.1", port, kind=type_, flags=flags)
    assert ours == outcome(socket.getaddrinfo, "192.0.2.1", port, type=type_, flags=flags)


@glibc
@pytest.mark.parametrize(
    ("host", "port", "flags"),
    [
        (None, None, 0),
        (None, 80, socket.AI_PASSIVE),
        (None, 80, socket.AI_CANONNAME),
        ("192.0.2.1", 80, socket.AI_CANONNAME),
        ("192.0.2.1", 80, 0x100000),
        ("192.0.2.1", None, socket.AI_PASSIVE),
        ("a" * 64, 80, 0),
        ("a..b", 80, 0),
        ("nämlich", 80, socket.AI_NUMERICHOST),
        (b"n\xe4mlich", 80, socket.AI_NUMERICHOST),
    ],
)
def test_flags_and_nonsense(host: Any, port: Any, flags: int) -> None:
    assert outcome(addr_info, host, port, flags=flags) == outcome(socket.getaddrinfo, host, port, flags=flags)


@glibc
@pytest.mark.parametrize(
    "sockaddr",
    [
        ("192.0.2.1", 9_999), ("192.0.2.1", 70_000), ("::1", 9_999), ("2001:db8::1", 80, 0, 0), ("fe80::1", 80, 0, 1), ("192.0.2.1", 80, 0, 0), ("localhost", 80),
        (5, 80), ("192.0.2.1",), ("192.0.2.1", 80, 0, 0, 0), ["192.0.2.1", 80],
    ],
)  # fmt: skip
def test_numeric_name_info(sockaddr: Any) -> None:
    flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    ours = outcome(lambda: run(calls.name_info(FakeSite(), sockaddr, flags)))
    theirs = outcome(socket.getnameinfo, sockaddr, flags)
    if isinstance(ours, tuple) and isinstance(theirs, tuple) and "%" in str(theirs[0]):
        theirs = (theirs[0].partition("%")[0] + "%1", theirs[1])  # interface names are ours
    assert ours == theirs


def test_a_result_has_pythons_own_types() -> None:
    ((family, kind, *_),) = addr_info("192.0.2.1", 80, kind=socket.SOCK_STREAM)
    assert isinstance(family, socket.AddressFamily)
    assert isinstance(kind, socket.SocketKind)


def test_without_ipv6_nobody_is_sent_there_first_and_aaaa_is_not_asked() -> None:
    site = FakeSite(own=[parse_ip("127.0.0.1"), FOUR])
    assert [row[4][0] for row in addr_info(None, 80, kind=1, site=site)] == ["127.0.0.1", "::1"]
    asked = next(calls.addr_info(site, "www.example", 80, 0, 0, 0, 0))
    assert asked == ("www.example", TYPE_A)
    world = {("www.example", TYPE_A): Answer(Outcome.FOUND, "www.example", (FOUR,), (), 9)}
    assert len(addr_info("www.example", 80, kind=1, site=site, world=world)) == 1


def both(name: str = "www.example") -> World:
    return {
        (name, TYPE_A): Answer(Outcome.FOUND, "host.example", (FOUR,), (name,), 9),
        (name, TYPE_AAAA): Answer(Outcome.FOUND, "host.example", (SIX,), (name,), 9),
    }


def test_with_ipv6_both_families_ipv6_first() -> None:
    site = FakeSite(own=[SIX, FOUR])
    rows = addr_info("www.example", 80, kind=1, flags=socket.AI_CANONNAME, site=site, world=both())
    assert rows == [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "host.example", ("2001:db8::1", 80, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80)),
    ]


def test_mapped_addresses_stand_in_for_missing_ones() -> None:
    only4 = {key: value for key, value in both().items() if key[1] == TYPE_A}
    only4["www.example", TYPE_AAAA] = Answer(Outcome.NODATA, "www.example")
    flags = socket.AI_V4MAPPED
    assert [row[4][0] for row in addr_info("www.example", 1, 10, 1, 0, flags, world=only4)] == [
        "::ffff:192.0.2.1"
    ]
    assert [row[4][0] for row in addr_info("www.example", 1, 10, 1, 0, flags, world=both())] == [
        "2001:db8::1"
    ]
    flags |= socket.AI_ALL
    rows = addr_info("www.example", 1, 10, 1, 0, flags, world=both())
    assert [row[4][0] for row in rows] == ["2001:db8::1", "::ffff:192.0.2.1"]


@pytest.mark.parametrize(
    ("result", "code", "h_errno"),
    [
        (Outcome.NXDOMAIN, socket.EAI_NONAME, 1),
        (Outcome.NODATA, socket.EAI_NODATA, 1),
        (Outcome.SERVFAIL, socket.EAI_AGAIN, 2),
        (Outcome.TIMEOUT, socket.EAI_AGAIN, 2),
        (Outcome.BROKEN, socket.EAI_FAIL, 3),
    ],
)
def test_failures_have_the_codes_that_programs_expect(result: Outcome, code: int, h_errno: int) -> None:
    world = {("www.example", TYPE_A): Answer(result, "www.example")}
    with pytest.raises(ResolverError) as fault:
        addr_info("www.example", 80, world=world)
    assert fault.value.errno == code
    reverse = {("1.2.0.192.in-addr.arpa", TYPE_PTR): Answer(result, "x")}
    site = FakeSite(own=[])
    with pytest.raises(socket.herror) as herror:
        run(calls.host_by_address(site, "192.0.2.1"), reverse)
    assert herror.value.errno == h_errno


def test_an_unknown_name_without_servers_is_unknown() -> None:
    site = FakeSite(config=ResolverConfig())
    with pytest.raises(ResolverError, match="Name or service not known") as fault:
        addr_info("nowhere", 80, site=site)
    assert fault.value.errno == socket.EAI_NONAME
    assert site.told == [("nowhere", "failed")]


def test_the_hosts_table_comes_before_the_servers_and_this_machine_knows_itself() -> None:
    table = HostsTable("192.0.2.7 web.example web\n192.0.2.8 web.example")
    site = FakeSite(hosts=table)
    assert [row[4] for row in addr_info("WEB", 80, kind=1, site=site)] == [("192.0.2.7", 80)]
    assert run(calls.host_by_name(site, "web", "gethostbyname_ex")) == ("web.example", ["web"], ["192.0.2.7"])
    assert run(calls.host_by_address(site, "192.0.2.7")) == ("web.example", ["web"], ["192.0.2.7"])
    assert run(calls.host_by_address(site, "web")) == ("web.example", ["web"], ["192.0.2.7"])
    assert run(calls.host_by_name(site, "self", "gethostbyname_ex")) == ("self", [], [format_ip(FOUR)])
    assert run(calls.host_by_address(site, format_ip(FOUR))) == ("self", [], [format_ip(FOUR)])
    assert run(calls.host_by_name(site, "a.localhost", "gethostbyname_ex")) == (
        "a.localhost",
        [],
        ["127.0.0.1"],
    )
    assert run(calls.name_info(site, ("192.0.2.7", 80), 0)) == ("web.example", "http")
    site.config = ResolverConfig(search=("example",))
    assert run(calls.name_info(site, ("192.0.2.7", 81), socket.NI_NOFQDN)) == ("web", "81")
    with pytest.raises(ResolverError):
        run(calls.name_info(site, ("192.0.2.99", 81), socket.NI_NAMEREQD))


def test_pointers_are_asked_for_without_the_search_list() -> None:
    site = FakeSite(config=ResolverConfig(servers=SERVER.servers, search=("example",)), own=[])
    name = "1.2.0.192.in-addr.arpa"
    world = {(name, TYPE_PTR): Answer(Outcome.FOUND, name, ("www.example", "web.example"), (), 9)}
    assert run(calls.host_by_address(site, "192.0.2.1"), world) == (
        "www.example",
        ["web.example"],
        ["192.0.2.1"],
    )


@glibc
@pytest.mark.parametrize("name", ["127.1", "::1", "", "<broadcast>", 5, None, "a" * 64, "255.255.255.255"])
def test_gethostbyname(name: Any) -> None:
    ours = outcome(lambda: run(calls.host_by_name(FakeSite(), name, "gethostbyname"))[2][0])
    assert ours == outcome(socket.gethostbyname, name)


def test_a_nul_does_not_hide_what_follows_it() -> None:
    """The C library stops reading there; a check of the whole text and a connection would then disagree."""
    with pytest.raises(ResolverError):
        addr_info("192.0.2.1\0.example", 80, flags=socket.AI_NUMERICHOST)
