"""TCP as a program sees it."""

import errno
import io
import select
import socket
import struct
from typing import Any

import pytest


def test_echo_and_names(net: Any) -> None:
    listener, client = net.listener(), net.client()
    client.connect(listener.getsockname())
    server, address = net.accept(listener)
    assert address == client.getsockname()
    assert client.getpeername() == server.getsockname() == listener.getsockname()
    client.sendall(b"hello")
    assert server.recv(100) == b"hello"
    assert server.send(b"world") == 5
    assert client.recvfrom(100) == (b"world", None)


def test_large_transfer_in_both_directions(net: Any) -> None:
    client, server = net.pair()
    for left, right in ((client, server), (server, client)):
        left.settimeout(0)
        data, sent, got = bytes(range(256)) * 4_000, 0, bytearray()
        while len(got) < len(data):
            if sent < len(data) and net.select([], [left], [], 0)[1]:
                sent += left.send(data[sent:])
            if net.select([right], [], [], 1.0)[0]:
                got += right.recv(65_536)
        assert bytes(got) == data
        left.settimeout(None)


def test_peek_and_partial_reads(net: Any) -> None:
    client, server = net.pair()
    client.sendall(b"abcdef")
    net.settle()
    assert server.recv(3, socket.MSG_PEEK) == b"abc"
    assert server.recv(4) == b"abcd"
    assert server.recv(4) == b"ef"
    assert server.recv(0) == b""
    with pytest.raises(BlockingIOError):
        server.recv(1, socket.MSG_DONTWAIT)


def test_waitall(net: Any) -> None:
    client, server = net.pair()
    client.sendall(b"ab")
    net.settle()
    client.sendall(b"cd")
    net.settle()
    assert server.recv(4, socket.MSG_WAITALL) == b"abcd"
    client.sendall(b"e")
    client.close()
    assert server.recv(4, socket.MSG_WAITALL) == b"e"


def test_half_close(net: Any) -> None:
    client, server = net.pair()
    client.sendall(b"request")
    client.shutdown(socket.SHUT_WR)
    assert server.recv(100) == b"request"
    assert server.recv(100) == b""
    assert server.recv(100) == b""
    server.sendall(b"response")
    server.close()
    assert client.recv(100) == b"response"
    assert client.recv(100) == b""


def test_vectors(net: Any) -> None:
    client, server = net.pair()
    assert client.sendmsg([b"ab", bytearray(b"cd"), memoryview(b"ef")]) == 6
    net.settle()
    first, second = bytearray(4), bytearray(10)
    assert server.recvmsg_into([first, second])[:3] == (6, [], 0)
    assert bytes(first) == b"abcd"
    assert bytes(second[:2]) == b"ef"
    client.sendall(memoryview(struct.pack("=HH", 1, 2)).cast("H"))
    net.settle()
    assert server.recvmsg(10)[:3] == (struct.pack("=HH", 1, 2), [], 0)


def test_urgent_octet_in_line(net: Any) -> None:
    client, server = net.pair()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    client.send(b"ab!", socket.MSG_OOB)
    net.settle()
    assert net.poll(server, select.POLLPRI) & select.POLLPRI
    with pytest.raises(OSError) as caught:
        server.recv(1, socket.MSG_OOB)
    assert caught.value.errno == errno.EINVAL
    assert server.recv(10) == b"ab"  # a read stops at the mark
    assert server.recv(10) == b"!"


def test_urgent_octet(net: Any) -> None:
    client, server = net.pair()
    client.send(b"ab!", socket.MSG_OOB)
    net.settle()
    assert net.poll(server, select.POLLPRI) & select.POLLPRI
    assert server.recv(1, socket.MSG_OOB) == b"!"
    assert server.recv(10) == b"ab"
    if net.name == "ours":  # docs/design.md: a peer's pointer takes nothing out of our stream (RFC 6093 §6)
        assert server.recv(10) == b"!"
    with pytest.raises(OSError) as caught:
        server.recv(1, socket.MSG_OOB)
    assert caught.value.errno == errno.EINVAL


def test_makefile_keeps_the_socket_open(net: Any) -> None:
    client, server = net.pair()
    with server, server.makefile("rw", encoding="ascii", newline="\n") as file:
        server.close()
        client.sendall(b"one\ntwo\n")
        assert file.readline() == "one\n"
        assert file.readline() == "two\n"
        file.write("three\n")
        file.flush()
        assert client.recv(100) == b"three\n"
        assert server.fileno() >= 0
    assert server.fileno() == -1
    assert client.recv(100) == b""


def test_makefile_timeout_poisons_the_file(net: Any) -> None:
    client, _server = net.pair()
    client.settimeout(0.01)
    file = client.makefile("rb")
    with pytest.raises(TimeoutError):
        file.read(1)
    with pytest.raises(OSError, match="cannot read from timed out object"):
        file.read(1)
    file.close()


def test_sendfile(net: Any) -> None:
    client, server = net.pair()
    assert client.sendfile(io.BytesIO(b"0123456789"), 2, 5) == 5
    assert server.recv(100) == b"23456"


def test_detach_and_adopt(net: Any) -> None:
    client, server = net.pair()
    number = client.detach()
    assert client.fileno() == -1
    assert "[closed]" in repr(client)
    twin = type(client)(fileno=number)
    twin.sendall(b"still here")
    assert server.recv(100) == b"still here"
    assert (twin.family, twin.type, twin.fileno()) == (socket.AF_INET, socket.SOCK_STREAM, number)
    twin.close()


def test_dup_shares_the_connection(net: Any) -> None:
    client, server = net.pair()
    twin = client.dup()
    client.close()
    twin.sendall(b"x")
    assert server.recv(10) == b"x"
    twin.close()
    assert server.recv(10) == b""


def test_attributes_and_repr(net: Any) -> None:
    with net.client() as sock:
        assert (sock.family, sock.type, sock.proto) == (socket.AF_INET, socket.SOCK_STREAM, 0)
        assert isinstance(sock.family, socket.AddressFamily)
        assert sock.gettimeout() is None
        assert sock.getblocking()
        sock.settimeout(1.5)
        assert sock.timeout == 1.5
        sock.settimeout(0)
        assert not sock.getblocking()
        assert f"fd={sock.fileno()}, family=" in repr(sock)
        assert "type=" in repr(sock)
        assert "laddr=('0.0.0.0', 0)" in repr(sock)
        assert not sock.get_inheritable()
    assert repr(sock).count("[closed] fd=-1") == 1


def test_accept_inherits_neither_timeout_nor_non_blocking(net: Any) -> None:
    listener = net.listener()
    listener.settimeout(1)
    client = net.client()
    client.connect(listener.getsockname())
    server, _ = net.accept(listener)
    assert server.gettimeout() is None
    server.close()


def test_poll_of_a_listener_and_a_connection(net: Any) -> None:
    listener, client = net.listener(), net.client()
    assert net.poll(listener, select.POLLIN, 0.0) == 0
    client.connect(listener.getsockname())
    net.settle()
    assert net.poll(listener, select.POLLIN) == select.POLLIN
    server, _ = net.accept(listener)
    assert net.poll(server, select.POLLIN | select.POLLOUT) == select.POLLOUT
    client.sendall(b"x")
    net.settle()
    assert net.poll(server, select.POLLIN | select.POLLOUT) == select.POLLIN | select.POLLOUT
    client.close()
    net.settle()
    wanted = select.POLLIN | select.POLLRDHUP | select.POLLOUT
    assert net.poll(server, wanted) == wanted
    server.shutdown(socket.SHUT_WR)
    net.settle()
    assert net.poll(server, wanted) & select.POLLHUP
    server.close()


def test_select_by_timeout(net: Any) -> None:
    client, server = net.pair()
    assert net.select([client], [], [], 0.01) == ([], [], [])
    server.sendall(b"x")
    assert net.select([client], [client], [], 1.0)[0] == [client]
    with pytest.raises(ValueError, match="negative"):
        net.select([client], [], [], -1)


def test_backlog_overflow_does_not_lose_accepted_ones(net: Any) -> None:
    listener = net.listener(2)
    clients = [net.client() for _ in range(3)]
    for client in clients:
        client.connect(listener.getsockname())
    addresses = set()
    for _ in range(3):
        server, address = net.accept(listener)
        addresses.add(address)
        server.close()
    assert addresses == {client.getsockname() for client in clients}


def test_how_much_is_left(net: Any) -> None:
    client, server = net.pair()
    server.setsockopt(socket.IPPROTO_TCP, 36, 1)  # TCP_INQ
    client.sendall(b"0123456789")
    net.settle()
    data, ancillary, _, _ = server.recvmsg(4, 100)
    assert data == b"0123"
    assert ancillary == [(socket.IPPROTO_TCP, 36, struct.pack("i", 6))]


def test_shutdown_of_reading_lets_in_what_still_comes(net: Any) -> None:
    client, server = net.pair()
    client.shutdown(socket.SHUT_RD)
    assert client.recv(10) == b""
    server.sendall(b"late")
    net.settle()
    assert client.recv(10) == b"late"
    assert client.recv(10) == b""


def test_a_listener_has_nothing_to_shut_for_writing(net: Any) -> None:
    net.listener().shutdown(socket.SHUT_WR)


def test_reading_after_a_refused_connect(net: Any) -> None:
    listener, client = net.listener(), net.client()
    address = listener.getsockname()
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        client.connect(address)
    with pytest.raises(OSError) as caught:
        client.recv(1)
    assert caught.value.errno == errno.ENOTCONN


def test_an_exception_holds_no_buffer(net: Any) -> None:
    """Who catches it may clear or extend the bytearray at once, as asyncio's transports do."""
    client, server = net.pair()
    one = net.client(socket.SOCK_DGRAM)
    for sock in (client, one):
        sock.setblocking(False)
    client.shutdown(socket.SHUT_WR)
    buffer = bytearray(10)
    calls = [
        lambda: client.send(buffer), lambda: client.sendall(buffer), lambda: client.sendmsg([buffer]),
        lambda: client.recv_into(buffer), lambda: client.recvmsg_into([buffer]), lambda: one.recvfrom_into(buffer),
        lambda: one.send(buffer), lambda: one.sendto(buffer, ("", -1)), lambda: one.sendmsg([buffer]),
    ]  # fmt: skip
    for call in calls:
        try:
            call()
        except (OSError, OverflowError):
            buffer.append(0)
        else:
            raise AssertionError("no exception")
    server.close()
