"""getsockopt() and setsockopt(): defaults, encodings, conversions are the kernel's."""

import socket
import struct
from typing import Any

import pytest

SOL, IP, TCP = socket.SOL_SOCKET, socket.IPPROTO_IP, socket.IPPROTO_TCP
STREAM, DGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM


@pytest.mark.parametrize(
    ("kind", "level", "name", "value"),
    [
        (STREAM, SOL, socket.SO_TYPE, STREAM),
        (DGRAM, SOL, socket.SO_TYPE, DGRAM),
        (STREAM, SOL, socket.SO_DOMAIN, socket.AF_INET),
        (STREAM, SOL, socket.SO_PROTOCOL, socket.IPPROTO_TCP),
        (DGRAM, SOL, socket.SO_PROTOCOL, socket.IPPROTO_UDP),
        (STREAM, SOL, socket.SO_ACCEPTCONN, 0),
        (STREAM, SOL, socket.SO_REUSEADDR, 0),
        (STREAM, SOL, socket.SO_KEEPALIVE, 0),
        (STREAM, SOL, socket.SO_ERROR, 0),
        (STREAM, SOL, socket.SO_RCVLOWAT, 1),
        (STREAM, IP, socket.IP_TTL, 64),
        (STREAM, IP, socket.IP_TOS, 0),
        (DGRAM, IP, socket.IP_MULTICAST_TTL, 1),
        (DGRAM, IP, socket.IP_MULTICAST_LOOP, 1),
        (STREAM, TCP, socket.TCP_NODELAY, 0),
        (STREAM, TCP, socket.TCP_KEEPIDLE, 7_200),
        (STREAM, TCP, socket.TCP_KEEPINTVL, 75),
        (STREAM, TCP, socket.TCP_KEEPCNT, 9),
        (STREAM, TCP, socket.TCP_SYNCNT, 6),
        (STREAM, TCP, socket.TCP_USER_TIMEOUT, 0),
        (STREAM, TCP, socket.TCP_MAXSEG, 536),
    ],
)
def test_defaults(net: Any, kind: int, level: int, name: int, value: int) -> None:
    sock = net.client(kind)
    assert sock.getsockopt(level, name) == value
    assert sock.getsockopt(level, name, 4) == struct.pack("i", value)


@pytest.mark.parametrize(
    ("kind", "level", "name", "value", "result"),
    [
        (STREAM, SOL, socket.SO_REUSEADDR, 7, 1),
        (STREAM, SOL, socket.SO_REUSEADDR, True, 1),
        (STREAM, SOL, socket.SO_KEEPALIVE, 1, 1),
        (STREAM, SOL, socket.SO_RCVBUF, 10_000, 20_000),
        (STREAM, SOL, socket.SO_RCVBUF, 1, 2_304),
        (STREAM, SOL, socket.SO_SNDBUF, 1, 4_608),
        (STREAM, SOL, socket.SO_SNDBUF, 50_000, 100_000),
        (STREAM, SOL, socket.SO_RCVLOWAT, 0, 1),
        (STREAM, SOL, socket.SO_RCVLOWAT, 17, 17),
        (DGRAM, SOL, socket.SO_BROADCAST, 1, 1),
        (STREAM, IP, socket.IP_TTL, 12, 12),
        (STREAM, IP, socket.IP_TTL, -1, 64),
        (DGRAM, IP, socket.IP_TOS, 0x10, 0x10),
        (DGRAM, IP, socket.IP_MULTICAST_TTL, 4, 4),
        (DGRAM, IP, socket.IP_MULTICAST_TTL, b"\x05", 5),
        (DGRAM, IP, socket.IP_MULTICAST_LOOP, b"\x00", 0),
        (DGRAM, IP, 10, 2, 2),
        (STREAM, TCP, socket.TCP_NODELAY, 1, 1),
        (STREAM, TCP, socket.TCP_CORK, 1, 1),
        (STREAM, TCP, socket.TCP_KEEPIDLE, 11, 11),
        (STREAM, TCP, socket.TCP_KEEPINTVL, 12, 12),
        (STREAM, TCP, socket.TCP_KEEPCNT, 13, 13),
        (STREAM, TCP, socket.TCP_SYNCNT, 3, 3),
        (STREAM, TCP, socket.TCP_USER_TIMEOUT, 1_500, 1_500),
    ],
)
def test_set_and_get(net: Any, kind: int, level: int, name: int, value: int | bytes, result: int) -> None:
    sock = net.client(kind)
    sock.setsockopt(level, name, value)
    assert sock.getsockopt(level, name) == result


def test_structures(net: Any) -> None:
    sock = net.client()
    assert sock.getsockopt(SOL, socket.SO_LINGER, 8) == struct.pack("ii", 0, 0)
    sock.setsockopt(SOL, socket.SO_LINGER, struct.pack("ii", 1, 5))
    assert sock.getsockopt(SOL, socket.SO_LINGER, 8) == struct.pack("ii", 1, 5)
    assert sock.getsockopt(SOL, socket.SO_LINGER) == 1
    sock.setsockopt(SOL, socket.SO_RCVTIMEO, struct.pack("ll", 2, 500_000))
    assert sock.getsockopt(SOL, socket.SO_RCVTIMEO, 16) == struct.pack("ll", 2, 500_000)
    with pytest.raises(OSError, match="Numerical argument out of domain"):
        sock.setsockopt(SOL, socket.SO_RCVTIMEO, struct.pack("ll", 1, 1_000_000))
    name = sock.getsockopt(TCP, socket.TCP_CONGESTION, 16)
    assert len(name) == 16
    sock.setsockopt(TCP, socket.TCP_CONGESTION, b"reno")
    assert sock.getsockopt(TCP, socket.TCP_CONGESTION, 16) == b"reno".ljust(16, b"\0")


def test_receive_timeout_of_the_kernel(net: Any) -> None:
    sock = net.client(DGRAM)
    sock.bind((net.client_ip, 0))
    sock.setsockopt(SOL, socket.SO_RCVTIMEO, struct.pack("ll", 0, 10_000))
    with pytest.raises(BlockingIOError):
        sock.recv(1)


def test_tcp_info(net: Any) -> None:
    client, server = net.pair()
    client.sendall(b"x" * 5_000)
    net.settle()
    info = client.getsockopt(TCP, socket.TCP_INFO, 240)
    assert len(info) >= 200
    assert info[0] == 1  # ESTABLISHED
    snd_mss, rcv_mss = struct.unpack_from("II", info, 16)
    assert snd_mss >= 536
    assert rcv_mss >= 536
    bytes_acked, bytes_received = struct.unpack_from("QQ", info, 120)
    assert bytes_acked in {5_000, 5_001}  # Linux counts the SYN
    assert bytes_received == 0
    rtt = struct.unpack_from("I", info, 68)[0]
    assert 0 <= rtt < 1_000_000
    assert struct.unpack_from("QQ", server.getsockopt(TCP, socket.TCP_INFO, 240), 120)[1] == 5_000
    with pytest.raises(OSError, match="buflen"):
        client.getsockopt(TCP, socket.TCP_INFO, 2_000)


def test_listener_accepts_connections(net: Any) -> None:
    assert net.listener().getsockopt(SOL, socket.SO_ACCEPTCONN) == 1


def test_null_pointer(net: Any) -> None:
    with pytest.raises(OSError, match="Bad address"):
        net.client().setsockopt(SOL, socket.SO_KEEPALIVE, None, 4)
