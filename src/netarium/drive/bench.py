"""Echo, sink and source: what is served for measuring the stack with any client of the kernel's.

One thread, and a readiness loop right above the transport floor: what is measured is the stack.
"""

from collections.abc import Callable
from typing import Final

from netarium.base.errors import StackError
from netarium.drive.host import Host
from netarium.transport.endpoint import POLLIN, POLLOUT, Endpoint
from netarium.transport.tcp.connection import Connection

ECHO: Final = 5001
SINK: Final = 5002
SOURCE: Final = 5003

_BACKLOG: Final = 4_096
_MOUTHFUL: Final = 1 << 18  # octets taken at once
_CHUNK: Final = bytes(1 << 18)


class BenchServer:
    """The three services on all addresses of a host, until the host closes.

    Args:
        host: whose thread from now on is the one that calls `run`.
    """

    def __init__(self, host: Host) -> None:
        self._driver = host.real_driver
        self._machine = host.machine
        self._process = host.process
        self._call = self._driver.blocked_call()
        self._notify = self._call.notify
        self._room = memoryview(bytearray(_MOUTHFUL))  # what comes into the sink is never looked at
        self._serve: dict[Endpoint, int] = {}  # port of the service
        self._unsent: dict[Endpoint, bytes] = {}  # what an echo has still to send
        with self._driver.lock:
            for port in (ECHO, SINK, SOURCE):
                self._listen(port)

    def run(self) -> None:
        """Serve until the driver is closed or an exception (Ctrl-C) comes."""
        driver, call = self._driver, self._call
        with driver.alone(), driver.lock:
            while not driver.closed:
                if driver.wait_for(call, None):
                    for endpoint in list(call.suspects):
                        if not self._attend(endpoint):
                            call.suspects.pop(endpoint, None)
                    driver.kick(self._machine)

    def _listen(self, port: int) -> None:
        now = self._driver.now()
        listener = self._machine.tcp.open(4, now)
        self._machine.sockets.attach(listener, self._process)
        listener.bind(bytes(4), port)
        listener.listen(_BACKLOG, now)
        self._take(listener, 0, POLLIN)

    def _take(self, endpoint: Connection, service: int, mask: int) -> None:
        self._serve[endpoint] = service
        self._call.masks[endpoint] = mask
        self._call.suspects[endpoint] = None
        self._driver.watch(endpoint, self._notify)

    def _attend(self, endpoint: Endpoint) -> bool:
        """Do what an endpoint is ready for; True if it may be ready for more."""
        assert isinstance(endpoint, Connection)
        service = self._serve[endpoint]
        try:
            if not service:
                return self._accept(endpoint)
            if service == SOURCE:
                return endpoint.send(_CHUNK, self._driver.now()) > 0
            return self._echo(endpoint) if service == ECHO else self._sink(endpoint)
        except StackError:
            self._drop(endpoint)  # reset, or gone: that is the client's affair
            return False

    def _accept(self, listener: Connection) -> bool:
        now = self._driver.now()
        connection = listener.accept(now)
        if connection is None:
            return False
        service = listener.local[1]
        self._machine.sockets.attach(connection, self._process)
        connection.own_options().nodelay = True
        self._take(connection, service, POLLOUT if service == SOURCE else POLLIN)
        return True

    def _sink(self, connection: Connection) -> bool:
        size = connection.recv_into(self._room, self._driver.now())
        if size:
            return True
        if size is not None:
            self._drop(connection)
        return False

    def _echo(self, connection: Connection) -> bool:
        now = self._driver.now()
        octets = self._unsent.pop(connection, None) or connection.recv(_MOUTHFUL, now)
        if octets:
            sent = connection.send(octets, now)
            if sent < len(octets):
                self._unsent[connection] = octets[sent:]
            self._call.masks[connection] = POLLIN if sent == len(octets) else POLLOUT
            return True
        if octets is not None:
            self._drop(connection)
        return False

    def _drop(self, connection: Connection) -> None:
        """Close it and forget it."""
        del self._serve[connection], self._call.masks[connection]
        self._unsent.pop(connection, None)
        self._call.suspects.pop(connection, None)
        self._driver.unwatch(connection, self._notify)
        self._machine.sockets.detach(connection)
        connection.close(self._driver.now())


def serve_bench(host: Host, on_ready: Callable[[], None] | None = None) -> None:
    """Offer echo (TCP port 5001), sink (5002) and source (5003) until Ctrl-C or until the host is closed.

    Args:
        host: whose ports they are.
        on_ready: is called once, when clients can connect.
    """
    server = BenchServer(host)
    if on_ready is not None:
        on_ready()
    server.run()
