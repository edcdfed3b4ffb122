"""UDP as a program sees it."""

import errno
import socket
import struct
from typing import Any

import pytest

UDP = socket.SOCK_DGRAM


def test_send_and_receive(net: Any) -> None:
    one, two = net.udp_pair()
    assert one.sendto(b"hello", two.getsockname()) == 5
    assert two.recvfrom(100) == (b"hello", one.getsockname())
    assert two.sendto(b"", 0, one.getsockname()) == 0
    assert one.recvfrom(100) == (b"", two.getsockname())


def test_first_send_binds_to_the_wildcard(net: Any) -> None:
    one, two = net.client(UDP), net.udp_pair()[1]
    assert one.getsockname() == ("0.0.0.0", 0)
    one.sendto(b"x", two.getsockname())
    address, port = one.getsockname()
    assert address == "0.0.0.0"
    assert port > 1_023
    assert two.recvfrom(1)[1] == (net.client_ip, port)


@pytest.mark.rfc("1122", "1122U-02")
def test_connected_hears_only_its_peer(net: Any) -> None:
    one, two = net.udp_pair()
    stranger = net.client(UDP)
    two.connect(one.getsockname())
    stranger.sendto(b"not for you", two.getsockname())
    one.sendto(b"for you", two.getsockname())
    net.settle()
    assert two.recv(100) == b"for you"
    with pytest.raises(BlockingIOError):
        two.recv(100, socket.MSG_DONTWAIT)
    assert two.getpeername() == one.getsockname()


def test_truncation(net: Any) -> None:
    one, two = net.udp_pair()
    for _ in range(4):
        one.sendto(b"0123456789", two.getsockname())
    net.settle()
    assert two.recv(4) == b"0123"
    data, ancillary, flags, address = two.recvmsg(4)
    assert (data, ancillary, flags, address) == (b"0123", [], socket.MSG_TRUNC, one.getsockname())
    assert two.recv_into(bytearray(4), 0, socket.MSG_TRUNC) == 10
    assert two.recv(4, socket.MSG_PEEK) == b"0123"
    assert two.recv(100) == b"0123456789"


@pytest.mark.rfc("1122", "1122U-04", "1122U-06")
def test_ancillary_data_both_ways(net: Any) -> None:
    one, two = net.udp_pair()
    for option in (socket.IP_RECVTOS, 12, 8):  # IP_RECVTTL, IP_PKTINFO
        two.setsockopt(socket.IPPROTO_IP, option, 1)
    control = [
        (socket.IPPROTO_IP, socket.IP_TTL, struct.pack("i", 9)),
        (socket.IPPROTO_IP, socket.IP_TOS, struct.pack("i", 0x28)),
    ]
    assert one.sendmsg([b"ab", b"cd"], control, 0, two.getsockname()) == 4
    data, ancillary, flags, address = two.recvmsg(100, 200)
    assert (data, flags, address) == (b"abcd", 0, one.getsockname())
    told = {(level, kind): value for level, kind, value in ancillary}
    assert told[socket.IPPROTO_IP, socket.IP_TTL] == struct.pack("i", 9)
    assert told[socket.IPPROTO_IP, socket.IP_TOS] == b"\x28"
    index, ours, destination = struct.unpack("i4s4s", told[socket.IPPROTO_IP, 8])
    assert index > 0
    assert ours == destination == socket.inet_aton(net.server_ip)


def test_control_truncation(net: Any) -> None:
    one, two = net.udp_pair()
    two.setsockopt(socket.IPPROTO_IP, 8, 1)
    one.sendto(b"x", two.getsockname())
    data, ancillary, flags, _ = two.recvmsg(1, 0)
    assert (data, ancillary, flags) == (b"x", [], socket.MSG_CTRUNC)


@pytest.mark.rfc("1122", "1122U-02")
def test_error_queue(net: Any) -> None:
    nobody = net.server(UDP)
    nobody.bind((net.server_ip, 0))
    address = nobody.getsockname()
    nobody.close()
    sock = net.client(UDP)
    sock.bind((net.client_ip, 0))
    sock.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
    sock.sendto(b"lost", address)
    net.settle()
    with pytest.raises(ConnectionRefusedError):
        sock.recv(1)
    data, ancillary, flags, about = sock.recvmsg(100, 200, 0x2000)
    assert (data, about, flags & 0x2000) == (b"lost", address, 0x2000)
    ((level, kind, value),) = ancillary
    assert (level, kind) == (socket.IPPROTO_IP, 11)
    number, origin, type_, code = struct.unpack_from("IBBB", value)
    assert (number, origin, type_, code) == (errno.ECONNREFUSED, 2, 3, 3)
    assert value[20:24] == socket.inet_aton(net.server_ip)
    with pytest.raises(BlockingIOError):
        sock.recvmsg(100, 200, 0x2000)


def test_reuseport_spreads_and_reuseaddr_shares(net: Any) -> None:
    first, second = net.server(UDP), net.server(UDP)
    for sock in (first, second):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    first.bind((net.server_ip, 0))
    second.bind(first.getsockname())
    for _ in range(64):
        client = net.client(UDP)
        client.sendto(b"x", first.getsockname())
    net.settle()
    heard = []
    for sock in (first, second):
        sock.setblocking(False)
        heard.append(0)
        try:
            while sock.recv(1):
                heard[-1] += 1
        except BlockingIOError:
            pass
    assert sum(heard) == 64
    assert min(heard) > 8


@pytest.mark.attack("UDP-05")
def test_a_small_receive_buffer_is_a_limit(net: Any) -> None:
    one, two = net.udp_pair()
    two.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
    for _ in range(200):
        one.sendto(bytes(1_000), two.getsockname())
    net.settle()
    two.setblocking(False)
    count = 0
    while net.select([two], [], [], 0)[0]:
        two.recv(1_000)
        count += 1
    assert 4 <= count <= 16


def test_shutdown_ends_reading_and_writing(net: Any) -> None:
    one, two = net.udp_pair()
    one.connect(two.getsockname())
    one.shutdown(socket.SHUT_RD)
    assert one.recv(10) == b""
    one.shutdown(socket.SHUT_WR)
    with pytest.raises(BrokenPipeError):
        one.send(b"x")
