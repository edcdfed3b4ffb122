"""Ping sockets: requests go out completed, replies come back to whom they belong."""

from typing import Any

import pytest

from netarium.base.checksum import is_valid
from netarium.base.errors import StackError
from netarium.transport.ping import PingEndpoint
from netarium.wire.icmpv4 import ECHO, ECHO_REPLY, IcmpMessage

ANY, US, PEER = bytes(4), b"\x0a\0\0\1", b"\x0a\0\0\2"


def opened(bench: Any, identifier: int = 77) -> PingEndpoint:
    endpoint = bench.machine.ping.open(4, bench.now)
    endpoint.bind(ANY, identifier)
    return endpoint


def reply(bench: Any, identifier: int, src: bytes = PEER) -> bytes:
    return bench.packet(
        IcmpMessage(ECHO_REPLY, 0, identifier << 16 | 5, b"payload").pack(), protocol=1, src=src
    )


@pytest.mark.rfc("792", "792-01")
def test_request_gets_identifier_and_checksum(bench: Any) -> None:
    endpoint = opened(bench)
    assert endpoint.send(b"\x08\0\xab\xcd\x12\x34\0\5payload", (PEER, 0), bench.now) == 15
    bench.run()
    ((header, message),) = bench.sent()
    assert (header.dst, header.protocol) == (PEER, 1)
    assert message[:2] == b"\x08\0"
    assert message[4:8] == b"\0\x4d\0\5"
    assert is_valid(message)


def test_only_echo_requests_may_be_sent(bench: Any) -> None:
    endpoint = opened(bench)
    for message in (b"\0" * 8, b"\x08\1" + bytes(6), b"\x08\0\0\0"):
        with pytest.raises(StackError) as caught:
            endpoint.send(message, (PEER, 0), bench.now)
        assert caught.value.errno == 22
    with pytest.raises(StackError) as caught:
        endpoint.send(b"\x08" + bytes(7), None, bench.now)
    assert caught.value.errno == 89


def test_replies_by_identifier(bench: Any) -> None:
    mine, other = opened(bench), opened(bench, 78)
    bench.inject(reply(bench, 77))
    datagram = mine.receive()
    assert datagram is not None
    assert datagram.src == PEER
    assert datagram.payload[0] == ECHO_REPLY
    assert datagram.payload[4:] == b"\0\x4d\0\5payload"
    assert other.receive() is None
    bench.inject(reply(bench, 79))
    assert bench.machine.counters["icmp_in_no_match"] == 1


def test_connected_hears_its_peer_only(bench: Any) -> None:
    endpoint = opened(bench)
    endpoint.connect(PEER, 0, bench.now)
    bench.inject(reply(bench, 77, b"\x0a\0\0\3"))
    assert endpoint.receive() is None
    bench.inject(reply(bench, 77))
    assert endpoint.receive() is not None
    endpoint.disconnect()
    assert endpoint.local == (ANY, 77)


def test_identifiers_are_unique_and_given_back(bench: Any) -> None:
    first = opened(bench)
    with pytest.raises(StackError):
        opened(bench)
    first.options.reuseaddr = True
    second = bench.machine.ping.open(4, bench.now)
    second.options.reuseaddr = True
    with pytest.raises(StackError):
        second.bind(ANY, 77)
    assert second.local == (ANY, 0)
    first.close(bench.now)
    second.bind(ANY, 77)


@pytest.mark.rfc("1122", "1122I-19")
def test_errors_about_requests(bench: Any) -> None:
    endpoint = opened(bench)
    endpoint.connect(PEER, 0, bench.now)
    quoted = bench.packet(IcmpMessage(ECHO, 0, 77 << 16, b"x").pack(), protocol=1, src=US, dst=PEER)[14:]
    bench.inject(bench.packet(IcmpMessage(3, 2, 0, quoted).pack(), protocol=1))
    assert endpoint.take_error() == 92
    foreign = bench.packet(IcmpMessage(ECHO, 0, 78 << 16, b"x").pack(), protocol=1, src=US, dst=PEER)[14:]
    bench.inject(bench.packet(IcmpMessage(3, 2, 0, foreign).pack(), protocol=1))
    assert endpoint.error == 0


def test_ping_ourselves(bench: Any) -> None:
    endpoint = bench.machine.ping.open(4, bench.now)
    endpoint.send(b"\x08" + bytes(7) + b"hi", (US, 0), bench.now)
    bench.run()
    datagram = endpoint.receive()
    assert datagram is not None
    assert datagram.payload[8:] == b"hi"
