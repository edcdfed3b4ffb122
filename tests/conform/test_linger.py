"""SO_LINGER: what close() waits for, and what it throws away."""

import socket
import struct
from typing import Any

import pytest

LINGER = (socket.SOL_SOCKET, socket.SO_LINGER)


def test_close_waits_for_the_acknowledgment(net: Any) -> None:
    client, server = net.pair()
    client.setsockopt(*LINGER, struct.pack("ii", 1, 5))
    client.sendall(b"x" * 30_000)
    client.close()
    got = b""
    while piece := server.recv(65_536):
        got += piece
    assert len(got) == 30_000


def test_close_with_zero_resets_and_throws_away(net: Any) -> None:
    client, server = net.pair()
    client.setsockopt(*LINGER, struct.pack("ii", 1, 0))
    client.close()
    net.settle()
    with pytest.raises(ConnectionResetError):
        server.recv(1)


def test_address_is_busy_after_close_unless_reset(net: Any) -> None:
    listener, client = net.listener(), net.client()
    client.connect(listener.getsockname())
    server, _ = net.accept(listener)
    address = listener.getsockname()
    server.close()  # the first to close keeps the port for a while
    net.settle()
    assert client.recv(1) == b""
    client.close()
    listener.close()
    net.settle()
    again = net.server()
    with pytest.raises(OSError, match="Address already in use"):
        again.bind(address)
