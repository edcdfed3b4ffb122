"""Every call in the wrong state: the errno, the exception's type and its words are the kernel's."""

import errno
import socket
from collections.abc import Callable
from typing import Any

import pytest

UDP = socket.SOCK_DGRAM


def failure(call: Callable[[], Any]) -> tuple[type, int | None, str]:
    with pytest.raises(OSError) as caught:
        call()
    return type(caught.value), caught.value.errno, str(caught.value)


@pytest.mark.attack("HOST-04")
@pytest.mark.parametrize(
    ("call", "number", "kind"),
    [
        (lambda s, n: s.recv(1), errno.ENOTCONN, OSError),
        (lambda s, n: s.recv_into(bytearray(1)), errno.ENOTCONN, OSError),
        (lambda s, n: s.recvfrom(1), errno.ENOTCONN, OSError),
        (lambda s, n: s.send(b"x"), errno.EPIPE, BrokenPipeError),
        (lambda s, n: s.sendall(b"x"), errno.EPIPE, BrokenPipeError),
        (lambda s, n: s.accept(), errno.EINVAL, OSError),
        (lambda s, n: s.getpeername(), errno.ENOTCONN, OSError),
        (lambda s, n: s.shutdown(socket.SHUT_RDWR), errno.ENOTCONN, OSError),
        (lambda s, n: s.shutdown(7), errno.EINVAL, OSError),
        (lambda s, n: s.setsockopt(socket.SOL_SOCKET, 9_999, 1), errno.ENOPROTOOPT, OSError),
        (lambda s, n: s.getsockopt(12_345, 1), errno.EOPNOTSUPP, OSError),
        (lambda s, n: s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 1), errno.EINVAL, OSError),
        (
            lambda s, n: s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"nonsense"),
            errno.ENOENT,
            FileNotFoundError,
        ),
        (lambda s, n: s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 0), errno.EINVAL, OSError),
        (lambda s, n: s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 256), errno.EINVAL, OSError),
        (lambda s, n: s.bind(("203.0.113.77", 0)), errno.EADDRNOTAVAIL, OSError),
    ],
)
def test_fresh_tcp_socket(net: Any, call: Callable[[Any, Any], Any], number: int, kind: type) -> None:
    sock = net.client()
    assert failure(lambda: call(sock, net))[:2] == (kind, number)


@pytest.mark.attack("HOST-04")
@pytest.mark.parametrize(
    ("call", "number"),
    [
        (lambda s: s.send(b"x"), errno.EDESTADDRREQ),
        (lambda s: s.listen(), errno.EOPNOTSUPP),
        (lambda s: s.accept(), errno.EOPNOTSUPP),
        (lambda s: s.getpeername(), errno.ENOTCONN),
        (lambda s: s.shutdown(socket.SHUT_WR), errno.ENOTCONN),
        (lambda s: s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), errno.EOPNOTSUPP),
        (lambda s: s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), errno.ENOPROTOOPT),
        (lambda s: s.sendto(b"x", ("255.255.255.255", 9)), errno.EACCES),
        (lambda s: s.sendto(bytes(65_508), ("127.0.0.1", 9)), errno.EMSGSIZE),
        (lambda s: s.recv(1, socket.MSG_DONTWAIT), errno.EAGAIN),
        (lambda s: s.sendto(b"x", ("127.0.0.1", 0)), errno.EINVAL),
    ],
)
def test_fresh_udp_socket(net: Any, call: Callable[[Any], Any], number: int) -> None:
    sock = net.client(UDP)
    assert failure(lambda: call(sock))[1] == number


@pytest.mark.attack("HOST-04")
@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.recv(1),
        lambda s: s.send(b""),
        lambda s: s.sendall(b"x"),
        lambda s: s.sendto(b"x", ("127.0.0.1", 9)),
        lambda s: s.recvmsg(1),
        lambda s: s.sendmsg([b"x"]),
        lambda s: s.bind(("", 0)),
        lambda s: s.listen(),
        lambda s: s.accept(),
        lambda s: s.connect(("127.0.0.1", 9)),
        lambda s: s.getsockname(),
        lambda s: s.getpeername(),
        lambda s: s.shutdown(socket.SHUT_RD),
        lambda s: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
        lambda s: s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
    ],
)
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, UDP])
def test_closed_socket(net: Any, call: Callable[[Any], Any], kind: int) -> None:
    sock = net.client(kind)
    sock.close()
    assert failure(lambda: call(sock)) == (OSError, errno.EBADF, "[Errno 9] Bad file descriptor")
    assert sock.fileno() == -1
    sock.close()  # twice is once


def test_double_bind(net: Any) -> None:
    first, second = net.server(), net.server()
    first.bind((net.server_ip, 0))
    assert failure(lambda: first.bind((net.server_ip, 0)))[1] == errno.EINVAL
    kind, number, text = failure(lambda: second.bind(first.getsockname()))
    assert (kind, number, text) == (OSError, errno.EADDRINUSE, "[Errno 98] Address already in use")


def test_reuseaddr_lets_two_bind_but_one_listen(net: Any) -> None:
    first, second = net.server(), net.server()
    for sock in (first, second):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    first.bind((net.server_ip, 0))
    second.bind(first.getsockname())
    first.listen()
    assert failure(second.listen)[1] == errno.EADDRINUSE


def test_reuseport_lets_two_listen(net: Any) -> None:
    first, second = net.server(), net.server()
    for sock in (first, second):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    first.bind((net.server_ip, 0))
    first.listen()
    second.bind(first.getsockname())
    second.listen()


def test_connection_refused(net: Any) -> None:
    nobody = net.server()
    nobody.bind((net.server_ip, 0))
    address = nobody.getsockname()
    sock = net.client()
    kind, number, text = failure(lambda: sock.connect(address))
    assert (kind, number, text) == (
        ConnectionRefusedError,
        errno.ECONNREFUSED,
        "[Errno 111] Connection refused",
    )
    assert net.client().connect_ex(address) == errno.ECONNREFUSED


def test_a_refused_socket_may_try_again(net: Any) -> None:
    address_holder = net.server()
    address_holder.bind((net.server_ip, 0))
    sock = net.client()
    assert sock.connect_ex(address_holder.getsockname()) == errno.ECONNREFUSED
    address_holder.listen()
    assert sock.connect_ex(address_holder.getsockname()) == 0
    assert sock.getpeername() == address_holder.getsockname()


def test_connect_twice(net: Any) -> None:
    client, _ = net.pair()
    assert failure(lambda: client.connect((net.server_ip, 9)))[1] == errno.EISCONN
    assert client.connect_ex((net.server_ip, 9)) == errno.EISCONN
    assert failure(client.listen)[1] == errno.EINVAL


def test_non_blocking_connect(net: Any) -> None:
    listener, client = net.listener(), net.client()
    client.setblocking(False)
    kind, number, text = failure(lambda: client.connect(listener.getsockname()))
    assert (kind, number, text) == (
        BlockingIOError,
        errno.EINPROGRESS,
        "[Errno 115] Operation now in progress",
    )
    assert net.select([], [client], [], 1.0)[1] == [client]
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    assert client.connect_ex(listener.getsockname()) == 0
    assert client.connect_ex(listener.getsockname()) == errno.EISCONN


def test_non_blocking_connect_refused(net: Any) -> None:
    nobody = net.server()
    nobody.bind((net.server_ip, 0))
    client = net.client()
    client.setblocking(False)
    assert client.connect_ex(nobody.getsockname()) in {errno.EINPROGRESS, errno.ECONNREFUSED}
    net.select([], [client], [], 1.0)
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_connect_after_the_failure_was_told_by_so_error(net: Any) -> None:
    nobody = net.server()
    nobody.bind((net.server_ip, 0))
    client = net.client()
    client.setblocking(False)
    client.connect_ex(nobody.getsockname())
    net.select([], [client], [], 1.0)
    client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    assert client.connect_ex(nobody.getsockname()) in {errno.ECONNABORTED, errno.EINPROGRESS}
    nobody.listen()
    client.setblocking(True)
    assert client.connect_ex(nobody.getsockname()) in {0, errno.ECONNREFUSED}


def test_bind_to_a_device(net: Any) -> None:
    sock = net.client(UDP)
    name = "lo" if net.name == "kernel" else "eth0"
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == name.encode()
    assert (
        failure(lambda: sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"nil9"))[1]
        == errno.ENODEV
    )


def test_other_family(net: Any) -> None:
    with pytest.raises(OSError) as caught:
        net.client().connect(("::1", 80))
    assert caught.value.errno in {socket.EAI_NONAME, socket.EAI_ADDRFAMILY}
    assert isinstance(caught.value, socket.gaierror)


def test_send_after_shutdown(net: Any) -> None:
    client, server = net.pair()
    client.shutdown(socket.SHUT_WR)
    kind, number, text = failure(lambda: client.send(b"x"))
    assert (kind, number, text) == (BrokenPipeError, errno.EPIPE, "[Errno 32] Broken pipe")
    assert server.recv(10) == b""


def test_reset_is_told_once_then_end_of_stream(net: Any) -> None:
    client, server = net.pair()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    net.settle()
    kind, number, text = failure(lambda: server.recv(10))
    assert (kind, number, text) == (
        ConnectionResetError,
        errno.ECONNRESET,
        "[Errno 104] Connection reset by peer",
    )
    assert server.recv(10) == b""
    assert failure(lambda: server.send(b"x"))[1] == errno.EPIPE
    assert failure(server.getpeername)[1] == errno.ENOTCONN


def test_unread_data_at_close_resets(net: Any) -> None:
    client, server = net.pair()
    client.sendall(b"never read")
    net.settle()
    server.close()
    net.settle()
    assert failure(lambda: client.recv(1))[1] == errno.ECONNRESET


def test_writing_to_a_closed_peer(net: Any) -> None:
    client, server = net.pair()
    server.close()
    net.settle()
    assert client.recv(1) == b""
    assert client.send(b"x") == 1  # the peer's kernel answers with a reset
    net.settle()
    assert failure(lambda: client.send(b"y"))[1] == errno.EPIPE


def test_port_unreachable_reaches_a_connected_udp_socket_once(net: Any) -> None:
    nobody = net.server(UDP)
    nobody.bind((net.server_ip, 0))
    address = nobody.getsockname()
    nobody.close()
    sock = net.client(UDP)
    sock.connect(address)
    assert sock.send(b"x") == 1
    net.settle()
    assert failure(lambda: sock.recv(1))[:2] == (ConnectionRefusedError, errno.ECONNREFUSED)
    sock.settimeout(0.01)
    assert failure(lambda: sock.recv(1))[0] is TimeoutError


def test_timeouts(net: Any) -> None:
    listener = net.listener()
    client, _server = net.pair()
    for sock, call in ((listener, listener.accept), (client, lambda: client.recv(1))):
        sock.settimeout(0.01)
        assert failure(call) == (TimeoutError, None, "timed out")
        sock.setblocking(False)
        text = "[Errno 11] Resource temporarily unavailable"
        assert failure(call) == (BlockingIOError, errno.EAGAIN, text)


@pytest.mark.parametrize(
    ("address", "error", "text"),
    [
        ("127.0.0.1", TypeError, "connect(): AF_INET address must be tuple, not str"),
        (("127.0.0.1",), TypeError, "AF_INET address must be a pair (host, port)"),
        (("127.0.0.1", "80"), TypeError, "'str' object cannot be interpreted as an integer"),
        (("127.0.0.1", 65_536), OverflowError, "connect(): port must be 0-65535."),
        (("127.0.0.1", -1), OverflowError, "connect(): port must be 0-65535."),
        ((7, 80), TypeError, "str, bytes or bytearray expected, not int"),
    ],
)
def test_bad_addresses(net: Any, address: Any, error: type, text: str) -> None:
    with pytest.raises(error) as caught:
        net.client().connect(address)
    assert str(caught.value) == text


@pytest.mark.attack("HOST-04")
def test_bad_arguments(net: Any) -> None:
    client, _ = net.pair()
    with pytest.raises(TypeError, match="a bytes-like object is required, not 'str'"):
        client.send("text")
    with pytest.raises(TypeError, match="a bytes-like object is required, not 'int'"):
        client.sendall(5)
    with pytest.raises(ValueError, match="negative buffersize in recv"):
        client.recv(-1)
    with pytest.raises(ValueError, match="negative buffersize in recv_into"):
        client.recv_into(bytearray(1), -1)
    with pytest.raises(ValueError, match="buffer too small for requested bytes"):
        client.recv_into(bytearray(1), 2)
    with pytest.raises(TypeError):
        client.recv_into(b"read-only")
    with pytest.raises(ValueError, match="Timeout value out of range"):
        client.settimeout(-1)
    with pytest.raises(TypeError):
        client.settimeout("soon")
