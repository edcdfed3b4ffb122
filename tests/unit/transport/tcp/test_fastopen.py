"""Fast Open's cookies and bounds (RFC 7413); what goes over the wire is in tests/packetdrill/fastopen_*."""

from dataclasses import replace

import pytest

from netarium.base.config import TcpConfig
from netarium.base.counters import Counters
from netarium.base.units import SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp.fastopen import FastOpen, FastOpenQueue, Offer, room_in_syn
from netarium.wire.tcp import SYN, TcpSegment
from netarium.wire.tcp_options import FastOpenOption, pack_fast_open, parse_fast_open

CLIENT, SERVER = b"\xc0\0\2\1", b"\xc0\xa8\0\1"
KEY = b"\xa1" * 4 + b"\xb2" * 4 + b"\xc3" * 4 + b"\xd4" * 4
COOKIE = bytes.fromhex("3021b9d889017eeb")
CONFIG = TcpConfig(fast_open=3, fast_open_key=KEY)
ASK = FastOpenOption(b"")


def machine() -> FastOpen:
    return FastOpen(bytes(16), Counters())


def queue(limit: int = 2) -> FastOpenQueue:
    made = FastOpenQueue()
    made.limit = limit
    return made


def syn(option: FastOpenOption | None, data: bytes = b"data") -> TcpSegment:
    octets = b"" if option is None else pack_fast_open(option)
    return TcpSegment(5_000, 80, 1, 0, SYN, 65_535, payload=data, options=octets)


def judge(
    option: FastOpenOption | None, data: bytes = b"data", config: TcpConfig = CONFIG, **options: object
):
    return machine().judge(syn(option, data), CLIENT + SERVER, queue(), config, SocketOptions(**options), 0)


@pytest.mark.rfc("7413", "01")
def test_a_cookie_is_asked_for_given_and_believed() -> None:
    assert judge(ASK) == (False, FastOpenOption(COOKIE))  # its data is not believed yet
    assert judge(FastOpenOption(COOKIE)) == (True, None)
    assert judge(FastOpenOption(COOKIE, experimental=True)) == (True, None)
    assert judge(FastOpenOption(b"x" * 8)) == (False, FastOpenOption(COOKIE))
    assert judge(FastOpenOption(b"x" * 8, experimental=True)).reply.experimental


@pytest.mark.rfc("7413", "01")
def test_a_cookie_is_for_one_client() -> None:
    verdict = machine().judge(
        syn(FastOpenOption(COOKIE)), SERVER + CLIENT, queue(), CONFIG, SocketOptions(), 0
    )
    assert not verdict.accepted


def test_an_old_key_is_believed_and_replaced() -> None:
    config = replace(CONFIG, fast_open_key=bytes(16) + KEY)
    accepted, reply = judge(FastOpenOption(COOKIE), config=config)
    assert accepted
    assert reply is not None
    assert reply.cookie != COOKIE


def test_a_listener_may_have_its_own_key() -> None:
    assert judge(ASK, fast_open_key=bytes(16)).reply != FastOpenOption(COOKIE)


def test_who_needs_no_cookie() -> None:
    assert judge(None).accepted is False
    assert judge(None, config=replace(CONFIG, fast_open=0x202)).accepted
    assert judge(None, fast_open_no_cookie=True).accepted
    assert not judge(None, data=b"", fast_open_no_cookie=True).accepted
    assert judge(FastOpenOption(COOKIE), config=replace(CONFIG, fast_open=1)) == (False, None)


def test_the_queue_is_bounded_and_resets_count_for_a_minute() -> None:
    pending = queue(2)
    pending.pending = 2
    assert not pending.has_room(0)
    pending.leave(0, reset=True)
    pending.leave(0, reset=False)
    assert pending.has_room(0)
    pending.pending = 1
    assert not pending.has_room(59 * SECOND)
    assert pending.has_room(60 * SECOND)
    assert not queue(0).has_room(0)


def test_a_client_learns_and_forgets_the_longest_unused() -> None:
    client, options = machine(), SocketOptions()
    config = replace(CONFIG, fast_open_cache_size=2)
    assert client.offer(b"a", config, options, 0) == Offer(data=False, option=ASK, mss=0)
    client.learn(b"a", 940, FastOpenOption(b"1234"), None, config)
    assert client.offer(b"a", config, options, 0) == Offer(data=True, option=FastOpenOption(b"1234"), mss=940)
    client.learn(b"b", 1_460, FastOpenOption(b"5678"), None, config)
    assert client.offer(b"a", config, options, 0).data
    client.learn(b"c", 1_460, FastOpenOption(b"9999"), None, config)
    assert [client.offer(name, config, options, 0).data for name in (b"a", b"b", b"c")] == [True, False, True]


def test_a_server_that_does_not_answer_is_asked_the_other_way_once() -> None:
    client, options = machine(), SocketOptions()
    client.learn(b"a", 940, None, ASK, CONFIG)
    offered = client.offer(b"a", CONFIG, options, 0).option
    assert offered == FastOpenOption(b"", experimental=True)
    client.learn(b"a", 940, None, offered, CONFIG)
    assert client.offer(b"a", CONFIG, options, 0).option == ASK


@pytest.mark.rfc("7413", "02")
def test_a_black_hole_makes_pause_and_a_longer_one_the_next_time() -> None:
    client, options = machine(), SocketOptions()
    config = replace(CONFIG, fast_open_blackhole_ns=3_600 * SECOND)
    client.learn(b"a", 940, FastOpenOption(b"1234"), None, config)
    client.disable(config, 0)
    assert client.offer(b"a", config, options, 3_599 * SECOND) == Offer(data=False, option=None, mss=940)
    assert client.offer(b"a", config, options, 3_600 * SECOND).data
    client.disable(config, 3_600 * SECOND)
    assert not client.offer(b"a", config, options, 10_799 * SECOND).data
    assert client.offer(b"a", config, options, 10_800 * SECOND).data
    client.disable(CONFIG, 0)  # switched off
    assert client.offer(b"a", CONFIG, options, 1).data


@pytest.mark.rfc("7413", "02")
def test_a_success_makes_the_next_pause_short_again_if_it_began_after_the_last_one() -> None:
    client, options = machine(), SocketOptions()
    config = replace(CONFIG, fast_open_blackhole_ns=10 * SECOND)
    client.learn(b"a", 940, FastOpenOption(b"1234"), None, config)
    for _ in range(3):
        client.disable(config, 0)
    client.succeeded(config, 39 * SECOND)  # it began in the pause of 40 s, without data in its SYN
    client.disable(config, 100 * SECOND)
    assert not client.offer(b"a", config, options, 179 * SECOND).data
    client.succeeded(config, 180 * SECOND)
    client.disable(config, 200 * SECOND)
    assert not client.offer(b"a", config, options, 209 * SECOND).data
    assert client.offer(b"a", config, options, 210 * SECOND).data


def test_forgotten_servers_are_asked_again() -> None:
    client = machine()
    client.learn(b"a", 940, FastOpenOption(b"1234"), None, CONFIG)
    client.forget()
    assert client.offer(b"a", CONFIG, SocketOptions(), 0) == Offer(
        data=False, option=FastOpenOption(b""), mss=0
    )


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        (b"\x22\2", FastOpenOption(b"")),
        (b"\1\x22\6abcd", FastOpenOption(b"abcd")),
        (b"\xfe\4\xf9\x89", FastOpenOption(b"", experimental=True)),
        (b"\xfe\x08\xf9\x89abcd", FastOpenOption(b"abcd", experimental=True)),
        (b"\x22\x05abc", None),
        (b"\x22\x04ab", None),
        (b"\x22\x14" + bytes(18), None),
        (b"\xfe\4\0\0", None),
        (b"\0\x22\2", None),
        (b"\x22", None),
        (b"\x22\x09abcd", None),
        (b"", None),
    ],
)
@pytest.mark.rfc("7413", "01")
def test_the_option_on_the_wire(octets: bytes, found: FastOpenOption | None) -> None:
    assert parse_fast_open(octets) == found
    if found is not None:
        packed = pack_fast_open(found)
        assert len(packed) % 4 == 0
        assert parse_fast_open(packed) == found


def test_room_for_options_is_left() -> None:
    assert [room_in_syn(mss) for mss in (1_460, 40, 8)] == [1_420, 0, 0]


def test_what_is_counted() -> None:
    counters = Counters()
    server = FastOpen(bytes(16), counters)
    options, full = SocketOptions(), queue(1)
    full.pending = 1

    def say(option: FastOpenOption | None, line: FastOpenQueue | None = None, data: bytes = b"data") -> None:
        server.judge(syn(option, data), CLIENT + SERVER, line or queue(), CONFIG, options, 0)

    assert counters == {}
    for times in (1, 2):
        say(ASK)
        assert counters["tcp_fast_open_cookie_requests"] == times
        say(FastOpenOption(b"x" * 8))
        assert counters["tcp_fast_open_passive_fails"] == times
        say(FastOpenOption(COOKIE), full)
        assert counters["tcp_fast_open_overflows"] == times
        server.disable(replace(CONFIG, fast_open_blackhole_ns=SECOND), 0)
        assert counters["tcp_fast_open_blackholes"] == times
    known = dict(counters)
    say(FastOpenOption(COOKIE))
    say(None)
    say(None, data=b"")
    server.judge(syn(FastOpenOption(COOKIE)), CLIENT + SERVER, queue(0), CONFIG, options, 0)
    server.disable(replace(CONFIG, fast_open_blackhole_ns=0), 0)
    assert counters == known


def test_the_quarantine_is_a_minute_for_each() -> None:
    line = queue(3)
    assert FastOpenQueue().limit == FastOpenQueue().pending == 0
    line.pending = 3
    line.leave(10 * SECOND, reset=True)
    line.leave(20 * SECOND, reset=True)
    line.pending = 1
    assert not line.has_room(70 * SECOND - 1)
    assert line.has_room(70 * SECOND)  # the first is forgotten, and there is room for one
    line.pending = 2
    assert not line.has_room(80 * SECOND - 1)
    line.limit = 0
    assert not line.has_room(1_000 * SECOND)
    line.limit = 3
    assert line.has_room(80 * SECOND)
    line.pending = 3
    assert not line.has_room(1_000 * SECOND)


@pytest.mark.rfc("7413", "02")
def test_pauses_double_six_times() -> None:
    client, options = machine(), SocketOptions()
    config = replace(CONFIG, fast_open_blackhole_ns=SECOND)
    client.learn(b"a", 940, FastOpenOption(b"1234"), None, config)
    assert client.offer(b"a", config, options, 0).data
    for pause in (1, 2, 4, 8, 16, 32, 64, 64, 64):
        client.disable(config, 1_000 * SECOND)
        assert not client.offer(b"a", config, options, (1_000 + pause) * SECOND - 1).data
        assert client.offer(b"a", config, options, (1_000 + pause) * SECOND).data


def test_a_client_without_cookies() -> None:
    client, options = machine(), SocketOptions()
    assert client.offer(b"a", replace(CONFIG, fast_open=5), options, 0) == Offer(data=True)
    assert client.offer(b"a", CONFIG, SocketOptions(fast_open_no_cookie=True), 0) == Offer(data=True)
    client.learn(b"a", 940, FastOpenOption(b"1234"), None, CONFIG)
    assert client.offer(b"a", replace(CONFIG, fast_open=5), options, 0) == Offer(data=True, mss=940)


def test_what_is_known_of_a_server_stays_until_it_says_something_else() -> None:
    client, options = machine(), SocketOptions()
    client.learn(b"a", 940, FastOpenOption(b"1234"), None, CONFIG)
    client.learn(b"a", 0, None, ASK, CONFIG)  # no MSS, and no cookie this time
    assert client.offer(b"a", CONFIG, options, 0) == Offer(data=True, option=FastOpenOption(b"1234"), mss=940)
    client.learn(b"a", 500, FastOpenOption(b""), None, CONFIG)
    assert client.offer(b"a", CONFIG, options, 0) == Offer(data=True, option=FastOpenOption(b"1234"), mss=500)
    client.learn(b"b", 700, None, None, CONFIG)
    assert client.offer(b"b", CONFIG, options, 0) == Offer(data=False, option=ASK, mss=700)
    for asked in (FastOpenOption(b"", experimental=True), ASK):
        client.learn(b"b", 700, None, asked, CONFIG)  # it was asked both ways: not the experimental one again
        assert client.offer(b"b", CONFIG, options, 0).option == ASK


def test_an_old_cookie_is_replaced_by_one_of_the_same_kind() -> None:
    config = replace(CONFIG, fast_open_key=bytes(16) + KEY)
    fresh = judge(ASK, config=config).reply
    assert judge(FastOpenOption(COOKIE), config=config) == (True, fresh)
    answer = judge(FastOpenOption(COOKIE, experimental=True), config=config)
    assert answer == (True, replace_kind(fresh))
    assert len(machine().keys(config, SocketOptions())) == 2
    assert machine().keys(replace(CONFIG, fast_open_key=b""), SocketOptions()) == [bytes(16)]
    assert machine().keys(CONFIG, SocketOptions(fast_open_key=bytes(16))) == [bytes(16)]


def replace_kind(option: FastOpenOption | None) -> FastOpenOption:
    assert option is not None
    return FastOpenOption(option.cookie, experimental=True)
