"""connect() with AF_UNSPEC, which Python's sockets cannot say: a stream's connection is over, and it may connect again.

A datagram socket forgets its peer.
"""

from netarium.socket.base import SocketBase
from netarium.transport.tcp.connection import Connection


def dissolve(socket: SocketBase) -> None:
    """The socket is as before connect(); of a stream, the peer is told by a reset.

    Raises:
        OSError: EBADF: closed.
    """
    endpoint, driver = socket._live(), socket._driver
    with driver.lock:
        if isinstance(endpoint, Connection):
            endpoint.dissolve(driver.now())
        else:
            endpoint.disconnect()
        socket._description.connecting = False
        driver.kick(socket._machine)
